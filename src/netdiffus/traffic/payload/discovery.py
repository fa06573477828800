"""Applications that look for others on their network: datagrams to all of it, on a port of their own.

Dropbox tells its port in JSON ("LAN sync"), Spotify sends a number behind its mark. Both are described by nDPI's and
Wireshark's readers of them; what is here beside those words is random.
"""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import Line
from netdiffus.traffic.payload.talk import Misfit, Talk

DROPBOX, SPOTIFY = b'{"version": [2, 0], "port": ', b"SpotUdp0"
DROPBOX_PORT = 17_500
HOST_DIGITS, LONGEST_NAME = 38, 1200


def build_dropbox(talk: Talk, fill: Fill) -> None:
    """A host's number, and a name that takes the rest of the size."""
    head, tail = DROPBOX + f'{talk.facts.server_port}, "host_int": '.encode(), b'", "namespaces": []}'
    lines = [
        Line(head + fill.digits(HOST_DIGITS) + b', "displayname": "', tail, 0, LONGEST_NAME) for _ in talk.messages
    ]
    if not all(line.fits(message.size) for line, message in zip(lines, talk.messages, strict=True)):
        raise Misfit("Dropbox: a datagram has no size of an announcement")
    for line, message in zip(lines, talk.messages, strict=True):
        talk.put(message.at, line.written(message.size, fill))


def build_spotify(talk: Talk, fill: Fill) -> None:
    """The mark, and random bytes behind it."""
    if any(message.size < len(SPOTIFY) + 4 for message in talk.messages):
        raise Misfit("Spotify: a datagram is too small for an announcement")
    for message in talk.messages:
        talk.put(message.at, SPOTIFY + fill.raw(message.size - len(SPOTIFY)))
