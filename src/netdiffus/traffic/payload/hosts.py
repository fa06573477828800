"""Names of hosts below the domains that are reserved for documentation and tests (RFC 2606, RFC 6761)."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill

DOMAINS = ("example.com", "example.net", "example.org", "example", "test")
SERVICES = ("www", "api", "cdn", "static", "img", "login", "mail", "app", "data", "node")
SHORTEST, LONGEST = len("a.test"), 200
LABEL = 40
"""Characters of one part of a long name; 63 at most (RFC 1035 section 2.3.4)."""
USUAL = (12, 30)


def host_name(size: int, fill: Fill) -> str:
    """A name of `size` characters below a reserved domain, SHORTEST to LONGEST."""
    domain = fill.one([domain for domain in DOMAINS if len(domain) + 2 <= size])
    room = size - len(domain) - 1
    service = fill.one(SERVICES)
    parts = [service] if room >= len(service) + 4 else []
    room -= len(service) + 1 if parts else 0
    while room > LABEL + 2:
        parts.append(fill.letters(LABEL).decode())
        room -= LABEL + 1
    parts.append(fill.letters(room).decode())
    return ".".join([*parts, domain])


def usual_name(fill: Fill) -> str:
    """A name of a usual length."""
    return host_name(fill.number(*USUAL), fill)


class Hosts:
    """The names of servers: one for each address, drawn when it is first asked for; `names` are those so far."""

    def __init__(self, fill: Fill, names: dict[bytes, str]) -> None:
        self._fill, self._names = fill, names

    def name(self, address: bytes) -> str:
        """The name of the host with this address."""
        found = self._names.get(address)
        return found if found is not None else self._names.setdefault(address, usual_name(self._fill))

    def known(self, address: bytes) -> str:
        """The same; empty if it has none yet."""
        return self._names.get(address, "")

    def give(self, address: bytes, name: str) -> str:
        """Name a host that has no name yet; returns the name that it has."""
        return self._names.setdefault(address, name)
