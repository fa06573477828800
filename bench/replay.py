"""One connection of a capture, whose client is replayed against a kernel, and what the kernel makes of it."""

from __future__ import annotations

import os
import select
import socket
import struct
from typing import TYPE_CHECKING

from bench.conversations import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from bench.kernel import Judge, Tally

WAIT_S = 0.5
SERVED_S = 0.002
"""How long the kernel is waited for: in a handshake or at the end, and after the program behind it has sent."""
MODULUS, HALF = 0xFFFFFFFF, 1 << 31


class RefusedError(Exception):
    """The kernel does not complete the handshake."""


def replay(kernel: Judge, flow: list[tuple[bool, Segment]], tally: Tally) -> None:
    """Replay a flow's (is_client, segment) pairs, and enter in the tally what became of it."""
    tally.flows += 1
    connection = _Replay(kernel, flow)
    try:
        for is_client, one in flow:
            if is_client and connection.send(one):
                break
            if not is_client:
                connection.serve(one)
            connection.read()
    except RefusedError as error:
        tally.refused.append(str(error))
        return
    finally:
        tally.handshakes += connection.program is not None
    connection.end()
    connection.enter(tally)


class _Replay:
    """The state of a replayed connection: the kernel's own numbers, and bytes of both directions."""

    def __init__(self, kernel: Judge, flow: list[tuple[bool, Segment]]) -> None:
        first = flow[0][1]
        self.kernel, self.ends = kernel, frozenset(first.ends)
        self.theirs = next(one for is_client, one in flow if not is_client)
        kernel.switch(self.theirs)
        self.server = kernel.listen(first.version, int.from_bytes(first.ends[1][-2:], "big"))
        self.server.settimeout(WAIT_S)
        self.program: socket.socket | None = None
        """The connection's socket behind the kernel, once the handshake is complete."""
        self.shift: int | None = None
        """The kernel's sequence numbers less those of the capture's server, once they are known."""
        self.stamp, self.reset = 0, False
        self.begin, self.sent_to, self.received, self.served_to = first.word(4) + 1, 0, 0, 0

    def send(self, one: Segment) -> bool:
        """A segment of the client; returns whether it resets the connection.

        Raises:
            RefusedError: the kernel does not answer its SYN, or does not complete the handshake.
        """
        translate(one, self.shift or 0, self.stamp)
        os.write(self.kernel.tun, bytes(one.packet))
        self._look(WAIT_S if self.shift is None else 0.0)
        if self.shift is None:
            raise RefusedError("SYN without answer")
        if self.program is None and not one.flags & SYN:
            self.program = self._accepted()
        if one.payload and not one.flags & RST:
            self.sent_to = max(self.sent_to, (one.word(4) - self.begin + len(one.payload)) & MODULUS)
        return self.program is not None and bool(one.flags & RST)

    def serve(self, one: Segment) -> None:
        """A segment of the capture's server: the program behind the kernel sends as much, and ends where it does."""
        if self.program is None:
            return
        end = (one.word(4) - self.theirs.word(4) - 1 + len(one.payload)) & MODULUS
        fresh = end - self.served_to
        try:
            if 0 < fresh < HALF:
                self.program.send(bytes(fresh))
                self.served_to = end
            if one.flags & FIN:
                self.program.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has reset the connection, or closed it
        self._look(SERVED_S)

    def read(self, wait_s: float = 0.0) -> None:
        """What the kernel hands to the program; waits for it at each call up to wait_s."""
        while self.program is not None and select.select([self.program], [], [], wait_s)[0]:
            try:
                got = len(self.program.recv(1 << 20))
            except OSError:
                break
            if not got:
                break
            self.received += got

    def end(self) -> None:
        """Take what is still under way, and let the program close."""
        if self.program is None:
            return
        self.read(WAIT_S if self.received < self.sent_to else 0.0)
        self._look()
        self.program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.program.close()
        self.kernel.answers(self.ends)

    def enter(self, tally: Tally) -> None:
        """Count what the kernel took."""
        tally.resets += self.reset
        if self.sent_to:
            tally.with_data += 1
            tally.data_whole += self.received == self.sent_to
            if self.received != self.sent_to:
                tally.refused.append(f"{self.received} of {self.sent_to} bytes taken")
        tally.bytes_sent += self.sent_to
        tally.bytes_taken += min(self.received, self.sent_to)

    def _accepted(self) -> socket.socket:
        try:
            program, _ = self.server.accept()
        except TimeoutError:
            raise RefusedError("handshake not completed") from None
        program.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        program.setblocking(False)
        return program

    def _look(self, wait_s: float = 0.0) -> None:
        """Read the kernel's answers, waiting for the first up to wait_s: its numbers, time stamps and resets."""
        for one in self.kernel.answers(self.ends, wait_s):
            if one.flags & SYN and self.shift is None:
                self.shift = one.word(4) - self.theirs.word(4)
            self.reset |= bool(one.flags & RST)
            for kind, at, _ in one.options():
                if kind == 8:
                    self.stamp = int.from_bytes(one.packet[at : at + 4], "big")


def translate(one: Segment, shift: int, stamp: int) -> None:
    """The kernel's numbers in place of those of the capture's server."""
    if one.flags & ACK:
        one.put(one.at + 8, one.word(8) + shift)
    for kind, at, size in list(one.options()):
        if kind == 8 and one.flags & ACK:
            one.put(at + 4, stamp)
        elif kind == 5:
            for edge in range(at, at + size, 4):
                one.put(edge, int.from_bytes(one.packet[edge : edge + 4], "big") + shift)
