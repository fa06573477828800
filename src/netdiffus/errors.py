"""Errors that teach: what was expected, what came, what to do about it."""

from __future__ import annotations


class NetdiffusError(Exception):
    """Any error that netdiffus raises on purpose."""


class InputError(NetdiffusError):
    """Input or usage that cannot be worked with; the command line prints it as one line and exits with 2.

    Args:
        expected: what would have been right, e.g. "a capture (pcap or pcapng)".
        got: what came instead, e.g. "notes.txt, which begins with b'Dear'".
        action: what the user can do, in the imperative, e.g. "name a capture or a folder of captures".
    """

    def __init__(self, expected: str, got: str, action: str) -> None:
        self.expected, self.got, self.action = expected, got, action
        super().__init__(f"expected {expected}; got {got}; {action}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        """How it is told to another process."""
        return type(self), (self.expected, self.got, self.action)
