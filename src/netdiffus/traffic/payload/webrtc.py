"""Calls of browsers (RFC 8834): STUN until a path is found, DTLS (RFC 6347) for the keys, then encrypted media."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.ja4 import ja4
from netdiffus.traffic.payload.media import RTP, Stream
from netdiffus.traffic.payload.stun import Exchange, fits
from netdiffus.traffic.payload.talk import Message, Misfit, Talk
from netdiffus.traffic.payload.tls_hello import block, client_hello, hello_size
from netdiffus.traffic.payload.tls_layouts import RSA_ECDSA, X25519, Layout

DTLS = Layout(
    (0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014), (0xFF01, 23, 10, 11, 13), (X25519, 0x0017),
    RSA_ECDSA, versions=(), session=0,
)  # fmt: skip
HEAD, HANDSHAKE = 13, 12
"""Bytes of a record's header, and of a handshake message's."""
STEADY = 20
"""So many datagrams begin a call at most, before there are media."""
REPORT = 40
"""Encrypted RTCP is at least so large: report, index and tag."""


def build_webrtc(talk: Talk, fill: Fill) -> None:
    """A call."""
    if min(message.size for message in talk.messages) < RTP + 1:
        raise Misfit("WebRTC: a datagram is too small")
    exchange = Exchange(talk, fill)
    streams: dict[int, list[Stream]] = {}
    phase, path = "path", {message.size for message in talk.messages[:2] if fits(message.size)}
    secured = 0
    for number, message in enumerate(talk.messages):
        if phase == "path" and not fits(message.size):
            phase = "keys"
        if phase == "keys" and (secured >= 6 or number > STEADY):
            phase = "media"
        if fits(message.size) and (phase == "path" or message.size in path):
            talk.put(message.at, exchange.next(message.side, message.size))
        elif phase == "keys" and message.size >= HEAD + HANDSHAKE + 40:
            _handshake(talk, message, secured, fill)
            secured += 1
        else:
            talk.put(message.at, _media(streams, message, fill))


def _handshake(talk: Talk, message: Message, number: int, fill: Fill) -> None:
    """A record of the handshake: hello of a client first, then what cannot be read."""
    body = message.size - HEAD - HANDSHAKE
    lacking = body - (hello_size(DTLS, 0) - 4) - 1  # and a cookie of no bytes
    if number == 0 and (lacking == 0 or lacking >= 4):
        hello, offered = client_hello(DTLS, "", body + 4 - 1, fill)
        session = 4 + 2 + 32 + 1
        whole = b"\xfe\xfd" + hello[6:session] + b"\x00" + hello[session:]
        talk.drawn["ja4"] = ja4(offered, "d")
        data = b"\x01" + len(whole).to_bytes(3, "big") + bytes(5) + len(whole).to_bytes(3, "big") + whole
        talk.put(message.at, b"\x16\xfe\xfd" + bytes(8) + block(data))
        return
    head = b"\x17\xfe\xfd\x00\x01" + number.to_bytes(6, "big") + (message.size - HEAD).to_bytes(2, "big")
    talk.put(message.at, head)


def _media(streams: dict[int, list[Stream]], message: Message, fill: Fill) -> bytes:
    """The header of encrypted media: small packets are sound, large ones pictures."""
    if message.side not in streams:
        streams[message.side] = [Stream(0, fill), Stream(0, fill)]
        streams[message.side][1].kind = 97
    return streams[message.side][message.size > 300].header()
