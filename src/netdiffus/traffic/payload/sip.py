"""SIP (RFC 3261): requests and responses with the header fields that every message has; one field takes the rest."""

from __future__ import annotations

from ipaddress import ip_address

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, Misfit, Talk

METHODS = ("INVITE", "OPTIONS", "REGISTER", "BYE")
KEEP_ALIVE = 4
"""Bytes of a message that keeps a path open (RFC 5626)."""


def build_sip(talk: Talk, fill: Fill) -> None:
    """A dialogue: each message of the client is a request, each of the server a response to the last one."""
    host = str(ip_address(talk.facts.client))
    via = f"Via: SIP/2.0/{talk.facts.transport.upper()} {f'[{host}]' if ':' in host else host}:{talk.facts.client_port}"
    fields = (
        f"{via};branch=z9hG4bK{fill.hexes(10).decode()}\r\nFrom: <sip:{fill.letters(5).decode()}@example.com>;tag="
        f"{fill.hexes(8).decode()}\r\nTo: <sip:{fill.letters(5).decode()}@example.com>\r\n"
        f"Call-ID: {fill.hexes(16).decode()}\r\n"
    )
    method, number, written = fill.one(METHODS), 0, []
    for message in talk.turns() if talk.facts.transport == "tcp" else talk.messages:
        if message.size == KEEP_ALIVE:
            written.append((message.at, b"\r\n\r\n"))
            continue
        if message.side == CLIENT:
            number += 1
        first = f"{method} sip:example.com SIP/2.0\r\n" if message.side == CLIENT else "SIP/2.0 200 OK\r\n"
        head = (
            f"{first}{fields}CSeq: {max(number, 1)} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\nUser-Agent: "
        )
        room = message.size - len(head) - 4
        if room < 1:
            raise Misfit("SIP: a message is too small for its header fields")
        written.append((message.at, head.encode() + fill.words(room) + b"\r\n\r\n"))
    for at, data in written:
        talk.put(at, data)
