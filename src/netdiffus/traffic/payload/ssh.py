"""SSH: versions, key exchange (RFC 4253), and encrypted packets after it."""

from __future__ import annotations

from typing import NamedTuple

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk
from netdiffus.traffic.payload.tls_hello import block

SHORTEST, LONGEST = len("SSH-2.0-a\r\n"), 255
"""Bytes of a version line (RFC 4253 section 4.2)."""
PRODUCTS = ("OpenSSH_9.2p1 Debian-2+deb12u3", "OpenSSH_9.6", "OpenSSH_8.9p1", "dropbear_2022.83", "libssh_0.10.6", "Go")
KEXINIT, NEWKEYS, INIT, REPLY = 20, 21, 30, 31
NEWKEYS_PACKET = b"\x00\x00\x00\x0c\x0a" + bytes([NEWKEYS]) + bytes(10)
LEAST_PADDING, MOST_PADDING = 4, 255
USUAL = 41
"""Bytes of a version that shares its message with what follows."""
KEXINIT_SIZES = (1080, 1240, 936, 1000, 1160, 1320)
"""Of packets that begin a key exchange, where a message holds more than one or a part of one."""
KEX = (
    "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521", "sntrup761x25519-sha512@openssh.com", "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256",
)  # fmt: skip
KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp384", "ssh-rsa")
CIPHERS = (
    "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
)  # fmt: skip
MACS = (
    "umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com", "umac-64@openssh.com", "umac-128@openssh.com",
    "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1",
)  # fmt: skip
COMPRESSIONS = ("none", "zlib@openssh.com", "zlib")
CERTIFIED = tuple(f"{key}-cert-v01@openssh.com" for key in KEYS)


def packet(code: int, data: bytes, size: int) -> bytes:
    """A packet in clear (RFC 4253 section 6) of `size` bytes; the padding takes what data leaves."""
    padding = size - 4 - 1 - 1 - len(data)
    return (size - 4).to_bytes(4, "big") + bytes([padding, code]) + data + bytes(padding)


def _lists(first: str, n: int) -> bytes:
    """Name lists of a key exchange, the wanted one first, with n algorithms at most in each."""
    ciphers, macs = ",".join(CIPHERS[:n]).encode(), ",".join(MACS[:n]).encode()
    zips = ",".join(COMPRESSIONS[: min(n, 2)]).encode()
    keys = ",".join((*CERTIFIED, *KEYS)[-n:] if n > 6 else KEYS[:n]).encode()
    exchanges = (first, *(name for name in KEX if name != first))[:n]
    names = (",".join(exchanges).encode(), keys, ciphers, ciphers, macs, macs, zips, zips, b"", b"")
    return b"".join(block(name, 4) for name in names)


class Exchange(NamedTuple):
    """A key exchange.

    Attributes:
        public: bytes of a public key. lists: the name lists that lead to it, from long to short.
    """

    public: int
    lists: tuple[bytes, ...]

    @classmethod
    def of(cls, name: str, public: int) -> Exchange:
        """The exchange of that name."""
        return cls(public, tuple(_lists(name, n) for n in range(12, 0, -1)))

    def init(self, size: int) -> bool:
        """Whether a client's key fits a packet of this size."""
        return LEAST_PADDING <= size - 6 - 4 - self.public <= MOST_PADDING


EXCHANGES = (
    Exchange.of("curve25519-sha256", 32),
    Exchange.of("diffie-hellman-group16-sha512", 513),
    Exchange.of("diffie-hellman-group18-sha512", 1025),
    Exchange.of("ecdh-sha2-nistp521", 133),
)
"""Those of KEX whose keys have the sizes of large and small first packets; the first one is usual."""


def version(size: int, fill: Fill) -> bytes:
    """A version line of `size` bytes."""
    room = size - len("SSH-2.0-\r\n")
    exact = [name for name in PRODUCTS if len(name) == room]
    if exact:
        return f"SSH-2.0-{exact[0]}\r\n".encode()
    near = [name for name in PRODUCTS if len(name) + 2 <= room]
    if near:
        name = fill.one(near).encode()
        return b"SSH-2.0-" + name + b" " + fill.letters(room - len(name) - 1) + b"\r\n"
    return b"SSH-2.0-" + fill.letters(room) + b"\r\n"


def kexinit(size: int, exchange: Exchange, fill: Fill) -> bytes | None:
    """A packet that begins the key exchange; None: it cannot have this size."""
    for lists in exchange.lists:
        data = fill.raw(16) + lists + b"\x00" + bytes(4)
        if LEAST_PADDING <= size - 6 - len(data) <= MOST_PADDING:
            return packet(KEXINIT, data, size)
    return None


def build_ssh(talk: Talk, fill: Fill) -> None:
    """Versions, key exchange, and random bytes for what is encrypted."""
    sides = [talk.of(side) for side in (CLIENT, SERVER)]
    if not all(sides):
        raise Misfit("SSH: one side says nothing")
    if min(messages[0].size for messages in sides) < SHORTEST:
        raise Misfit("SSH: a first message is too small for a version")
    rests = [_version(talk, messages, fill) for messages in sides]
    third = rests[CLIENT][1].size if len(rests[CLIENT]) > 1 else 0
    exchange = next((each for each in EXCHANGES if each.init(third)), EXCHANGES[0])
    for side, rest in enumerate(rests):
        if rest:
            _side(talk, side, rest, exchange, fill)


def _version(talk: Talk, messages: list[Message], fill: Fill) -> list[Message]:
    """Write a side's version; returns its messages behind that."""
    first = messages[0]
    line = first.size if first.size <= LONGEST else USUAL
    talk.put(first.at, version(line, fill))
    if line == first.size:
        return messages[1:]
    return [Message(first.side, first.at + line, first.size - line), *messages[1:]]


def _side(talk: Talk, side: int, rest: list[Message], exchange: Exchange, fill: Fill) -> None:
    """The packets in clear of one side: at its messages, one each, as far as they have sizes of those packets."""
    end = rest[-1].at + rest[-1].size
    whole = kexinit(rest[0].size, exchange, fill)
    if whole is None:  # more than one packet, or part of one, in a message
        whole = next(found for size in KEXINIT_SIZES if (found := kexinit(size, exchange, fill)) is not None)
    at = rest[0].at
    talk.put(at, whole[: end - at])
    at += len(whole)
    following = [message for message in rest if message.at + message.size > at]
    if following:
        size = following[0].at + following[0].size - at
        talk.put(at, _keys(side, size, exchange, fill)[: end - at])


def _keys(side: int, size: int, exchange: Exchange, fill: Fill) -> bytes:
    """The packet with a side's key, and that the new keys are used from then on, if there is room for it."""
    public = block(fill.raw(exchange.public) if exchange.public == 32 else _point(exchange.public, fill), 4)
    if side == CLIENT:
        data, code, room = public, INIT, size
        if not exchange.init(size):
            room = len(data) + 6 + 6
    else:
        key = block(block(b"ssh-ed25519", 4) + block(fill.raw(32), 4), 4)
        data = key + public + block(block(b"ssh-ed25519", 4) + block(fill.raw(64), 4), 4)
        code, room = REPLY, size - len(NEWKEYS_PACKET)
        if not LEAST_PADDING <= room - 6 - len(data) <= MOST_PADDING:
            room = len(data) + 6 + 9
    has_more = side == SERVER or room != size
    return packet(code, data, room) + (NEWKEYS_PACKET if has_more else b"")


def _point(size: int, fill: Fill) -> bytes:
    """A public key as its exchange writes it: a point, or a positive number."""
    return (b"\x04" if size == 133 else b"\x00\x91") + fill.raw(size - (1 if size == 133 else 2))
