"""Where a cluster is: what --ray and RAY_ADDRESS say, and whether something answers there."""

from __future__ import annotations

import os
import socket
import time

from netdiffus.errors import InputError

AUTO, LOCAL = "auto", "local"
PATIENCE_S = 10.0
"""Within which a cluster must answer."""
_DATA, _HEADERS, _SETTINGS = 0, 1, 4  # types of frames, RFC 9113 6
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 32
_OK, _RESIZED = 0x88, 0x20  # :status 200 of the static table, and the mark of a table's new size: RFC 7541 A and 6.3
_ASKED = b"/ray.rpc.NodeInfoGcsService/GetClusterId"
_FRAMES = 100


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
                connection.settimeout(max(0.01, until - time.monotonic()))
                if _speaks_grpc(connection):
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


def _speaks_grpc(connection: socket.socket) -> bool:
    """Whether the other side answers a call of gRPC, whose responses have status 200 even where a call fails.

    (RFC 9113; https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.)
    """
    asked = b"\x83\x86" + _literal(4, _ASKED) + _literal(1, b"localhost") + _literal(31, b"application/grpc")
    asked += b"\x00\x02te\x08trailers"
    message = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"")
    message += _frame(_HEADERS, _END_HEADERS, 1, asked) + _frame(_DATA, _END_STREAM, 1, bytes(5))
    connection.sendall(message)
    for number in range(_FRAMES):
        head = _received(connection, 9)
        if len(head) < 9 or (not number and head[3] != _SETTINGS):
            return False
        body = _received(connection, int.from_bytes(head[:3]))
        if head[3] == _HEADERS:
            return _is_ok(body, head[4])
    return False


def _literal(name: int, value: bytes) -> bytes:
    """A header that is not indexed, with a name of the static table (RFC 7541 6.2.2), and less than 127 bytes."""
    return (bytes([name]) if name < 15 else bytes([15, name - 15])) + bytes([len(value)]) + value


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame (RFC 9113 4.1)."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def _received(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer where the other side ends."""
    got = b""
    while len(got) < size and (part := connection.recv(size - len(got))):
        got += part
    return got


def _is_ok(block: bytes, flags: int) -> bool:
    """Whether a block of headers begins with status 200."""
    rest = block[(flags & _PADDED > 0) + 5 * (flags & _PRIORITY > 0) :]
    while rest and rest[0] & 0xE0 == _RESIZED:
        goes_on, rest = rest[0] & 0x1F == 0x1F, rest[1:]
        while goes_on and rest:  # a number of more than 31 goes on up to a byte below 128 (RFC 7541 5.1)
            goes_on, rest = rest[0] >= 0x80, rest[1:]
    return rest[:1] == bytes([_OK])
