"""Where a cluster is: what --ray and RAY_ADDRESS say, and whether something answers there."""

from __future__ import annotations

import os
import socket
import time

from netdiffus.errors import InputError

AUTO, LOCAL = "auto", "local"
PATIENCE_S = 10.0
"""Within which a cluster must answer."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # RFC 9113 3.4, and empty SETTINGS
_SETTINGS = 4


def chosen_address(asked: str) -> str | None:
    """The address HOST:PORT of a running cluster; None: one is to be started on this machine.

    Raises:
        InputError: it is neither "auto", "local" nor an address.
    """
    said = os.environ.get("RAY_ADDRESS", LOCAL) or LOCAL if asked == AUTO else asked
    if said == LOCAL:
        return None
    host, colon, port = said.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536) or "/" in host:
        where = "--ray" if asked != AUTO else "RAY_ADDRESS"
        raise InputError(
            f"HOST:PORT of a cluster's head, or 'local', as {where}", repr(said[:200]), "name what 'ray start' printed"
        )
    return said


def check_answers(address: str) -> None:
    """Raise InputError unless a gRPC server answers at HOST:PORT within PATIENCE_S."""
    host, _, port = address.rpartition(":")
    until, why = time.monotonic() + PATIENCE_S, "no answer"
    while (left := until - time.monotonic()) > 0:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=left) as connection:
                connection.sendall(_PREFACE)
                connection.settimeout(max(0.01, until - time.monotonic()))
                if _speaks_http2(connection):
                    return
            why = "another service than Ray there"
            break
        except socket.gaierror:
            why = "no machine of that name"
            break
        except TimeoutError:
            why = "no answer"
        except OSError as error:
            why = error.strerror or str(error)
            time.sleep(min(0.5, max(0.0, until - time.monotonic())))
    raise InputError(
        f"a Ray cluster at {address} that answers within {PATIENCE_S:.0f} seconds", why,
        "start one with 'ray start --head', or leave the address out to use this machine",
    )  # fmt: skip


def _speaks_http2(connection: socket.socket) -> bool:
    """Whether the other side's first frame is SETTINGS, as RFC 9113 has it."""
    got = b""
    while len(got) < 9:
        part = connection.recv(9 - len(got))
        if not part:
            return False
        got += part
    return got[3] == _SETTINGS
