"""TLS over TCP: a hello of a layout that fits the drawn size, the answer, and records (RFC 8446, RFC 5246)."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.ja4 import ja4
from netdiffus.traffic.payload.records import HEADER, SMALLEST, lay_records
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk
from netdiffus.traffic.payload.tls_certificate import FIRST_CERTIFICATE, certificate_message
from netdiffus.traffic.payload.tls_hello import block, client_hello, ecdsa, hello_size, server_hello, server_hello_12
from netdiffus.traffic.payload.tls_layouts import LAYOUTS, LAYOUTS_12, MLKEM, X25519, Layout

CHANGE = b"\x14\x03\x03\x00\x01\x01"
"""Change cipher spec, which both sides of TLS 1.3 send for the sake of what stands between them (RFC 8446 D.4)."""
LARGEST_HELLO, LARGEST_FLIGHT = 4096, 9000
NEAR = 300
"""A layout whose smallest hello is so many bytes smaller is padded without surprise."""
FINISHED = 58, 74
"""Records with Finished of TLS 1.3, of SHA-256 and SHA-384."""
EXCHANGE, DONE = 120, 9
"""Records with a ServerKeyExchange (X25519, signed by ECDSA) and ServerHelloDone."""


def choose_layout(layouts: tuple[Layout, ...], name: str, size: int, fill: Fill) -> Layout | None:
    """A layout whose hello can have the size of this handshake message; None: it is too small for all."""
    slack = {layout: size - hello_size(layout, len(name)) for layout in layouts}
    usable = [layout for layout, more in slack.items() if more == 0 or more >= 4]
    near = [layout for layout in usable if slack[layout] <= NEAR]
    if near:
        return fill.one(near)
    return min(usable, key=slack.__getitem__) if usable else None


def build_tls(talk: Talk, fill: Fill) -> None:
    """TLS 1.3."""
    _build(talk, fill, LAYOUTS)


def build_tls_12(talk: Talk, fill: Fill) -> None:
    """TLS 1.2, as the server chose it: the certificate is there to be read."""
    _build(talk, fill, tuple(layout for layout in LAYOUTS if ecdsa(layout)), old=True)


def hello_message(turns: list[Message], messages: list[Message]) -> Message:
    """What a flow's hello fills: its first turn, or its first message if that is too large."""
    return turns[0] if turns[0].size <= LARGEST_HELLO else messages[0]


def _learned(talk: Talk, size: int, *, old: bool) -> Layout | None:
    """The layout that the label's hosts share, if a hello of it can have this size and the server can answer it."""
    layout = talk.facts.hello
    if layout is None:
        return None
    slack = size - hello_size(layout, len(talk.facts.name))
    answered = ecdsa(layout) is not None if old else 0x0304 in layout.versions and X25519 in layout.shares
    return layout if answered and (slack == 0 or slack >= 4) else None


def _build(talk: Talk, fill: Fill, layouts: tuple[Layout, ...], *, old: bool = False) -> None:
    turns = talk.turns()
    if not turns or turns[0].side != CLIENT:
        raise Misfit("TLS: the client does not send first")
    first = hello_message(turns, talk.messages)
    layout = _learned(talk, first.size - HEADER, old=old) or choose_layout(
        layouts, talk.facts.name, first.size - HEADER, fill
    )
    if layout is None:
        layout, old = choose_layout(LAYOUTS_12, talk.facts.name, first.size - HEADER, fill), True
    if layout is None:
        raise Misfit("TLS: the client's first message is too small for a hello")
    hello, offered = client_hello(layout, talk.facts.name, first.size - HEADER, fill)
    talk.put(first.at, b"\x16\x03\x01" + block(hello))
    talk.drawn["ja4"] = ja4(offered)
    session = hello[39 : 39 + layout.session]
    (_answer_12 if old else _answer)(talk, layout, session, fill)
    _go_on(talk, first, fill, old=old)


def _answer(talk: Talk, layout: Layout, session: bytes, fill: Fill) -> None:
    """What the server of TLS 1.3 sends: hello, certificate and Finished under encryption, data."""
    theirs = talk.of(SERVER)
    if not theirs:
        return
    room, end = theirs[0].size, theirs[-1].at + theirs[-1].size
    group = MLKEM if MLKEM in layout.shares and room > 2000 else X25519
    data = b"\x16\x03\x03" + block(server_hello(layout, session, group, fill))
    if end - theirs[0].at >= len(data) + len(CHANGE) + SMALLEST or room == len(data) + len(CHANGE):
        data += CHANGE
    talk.put(theirs[0].at, data[: end - theirs[0].at])
    at = theirs[0].at + len(data)
    if at < end:
        lay_records(talk, _flight(theirs, at, fill), at)


def _flight(theirs: list[Message], at: int, fill: Fill) -> list[Message]:
    """The server's messages from `at` on, the first one cut where EncryptedExtensions, CertificateVerify and Finished
    begin, if it is large enough for a certificate."""
    left = [message for message in theirs if message.at + message.size > at]
    first, *others = left
    room = first.at + first.size - at
    finished = fill.one(FINISHED)
    if room < 900:
        return left
    sizes = [32, room - 32 - 286 - finished, 286, finished]
    places = [at + sum(sizes[:k]) for k in range(len(sizes))]
    return [Message(SERVER, place, size) for place, size in zip(places, sizes, strict=True)] + others


def _answer_12(talk: Talk, layout: Layout, session: bytes, fill: Fill) -> None:
    """What the server of TLS 1.2 sends: certificate and key exchange in clear, or a session that goes on."""
    theirs = talk.of(SERVER)
    if not theirs:
        return
    flight = next(turn for turn in talk.turns() if turn.side == SERVER)
    end = theirs[-1].at + theirs[-1].size
    session = session or fill.raw(32)
    data = b"\x16\x03\x03" + block(server_hello_12(layout, session, fill))
    room = min(flight.size, LARGEST_FLIGHT) - len(data) - HEADER - EXCHANGE - DONE
    has_certificate = room >= FIRST_CERTIFICATE + 2 * len(talk.facts.name)
    if has_certificate:
        found = certificate_message(talk.facts.name, room, talk.facts.start_ns, fill)
        exchange = b"\x03\x00\x1d" + block(fill.raw(32), 1) + b"\x04\x03" + block(_signature(fill))
        for message in (found, b"\x0c" + block(exchange, 3), b"\x0e\x00\x00\x00"):
            data += b"\x16\x03\x03" + block(message)
    else:
        data += CHANGE
    talk.put(flight.at, data[: end - flight.at])
    if flight.at + len(data) < end:
        _encrypted_12(talk, theirs, flight.at + len(data), has_certificate=has_certificate)


def _signature(fill: Fill) -> bytes:
    """A signature of ECDSA on P-256 in DER (RFC 3279 section 2.2.3): two random numbers."""
    return b"\x30\x45\x02\x21\x00\x80" + fill.raw(31) + b"\x02\x20\x7f" + fill.raw(31)


def _encrypted_12(talk: Talk, side: list[Message], at: int, *, has_certificate: bool) -> None:
    """After a certificate the next flight begins with a change of ciphers; then there are records."""
    end = side[-1].at + side[-1].size
    if has_certificate:
        talk.put(at, CHANGE[: end - at])
        at += len(CHANGE)
    if at < end:
        talk.put(at, (b"\x16\x03\x03\x00\x28")[: end - at])
        at += HEADER + 40
    if at < end:
        lay_records(talk, side, at, overhead=24)


def _go_on(talk: Talk, first: Message, fill: Fill, *, old: bool) -> None:
    """The client after its hello."""
    mine, at = talk.of(CLIENT), first.at + first.size
    end = mine[-1].at + mine[-1].size
    if at >= end:
        return
    if old:
        key = b"\x16\x03\x03" + block(b"\x10" + block(block(fill.raw(32), 1), 3))
        talk.put(at, (key + CHANGE)[: end - at])
        at += len(key) + len(CHANGE)
        if at < end:
            _encrypted_12(talk, mine, at, has_certificate=False)
        return
    following = next(message for message in mine if message.at + message.size > at)
    if following.size >= len(CHANGE) + SMALLEST:
        talk.put(at, CHANGE)
        at += len(CHANGE)
    lay_records(talk, mine, at)
