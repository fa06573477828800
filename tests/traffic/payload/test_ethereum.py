"""Ethereum: RLP against the examples of the yellow paper's appendix, and datagrams read back field by field."""

import pytest

from netdiffus.traffic.payload.ethereum import KIND, PING, PONG, build_ethereum, is_datagram, item, sequence
from netdiffus.traffic.payload.protocols import PROTOCOLS
from netdiffus.traffic.payload.recognise import Opening, recognise
from netdiffus.traffic.payload.talk import Misfit
from payload_talks import SERVER_ADDRESS, fill_of, said, talk_of


def parsed(data: bytes) -> tuple[bytes | list[object], bytes]:
    """One value of RLP, and what follows it."""
    first, base = data[0], 0x80 if data[0] < 0xC0 else 0xC0
    if first < 0x80:
        return data[:1], data[1:]
    size, at = first - base, 1
    if size > 55:
        at = 1 + size - 55
        size = int.from_bytes(data[1:at], "big")
    body, rest = data[at : at + size], data[at + size :]
    assert len(body) == size
    if base == 0x80:
        return body, rest
    found: list[object] = []
    while body:
        value, body = parsed(body)
        found.append(value)
    return found, rest


def test_rlp_is_that_of_the_yellow_paper() -> None:
    assert item(b"dog") == b"\x83dog"
    assert sequence(item(b"cat"), item(b"dog")) == b"\xc8\x83cat\x83dog"
    assert item(b"") == b"\x80"
    assert item(b"\x0f") == b"\x0f"
    assert item(bytes(56)) == b"\xb8\x38" + bytes(56)
    assert parsed(sequence(item(bytes(300))))[0] == [bytes(300)]


def test_a_ping_is_answered_by_a_pong_with_the_address() -> None:
    talk = talk_of([128, -149, 171, -1055], transport="udp")
    build_ethereum(talk, fill_of())
    assert [said(talk, k)[KIND] for k in range(4)] == [PING, PONG, 3, 4]
    version, _, to, until = parsed(said(talk, 0)[KIND + 1 :])[0]
    assert (version, to[0]) == (b"\x04", SERVER_ADDRESS)
    assert int.from_bytes(until, "big") == talk.facts.start_ns // 10**9 + 20
    nodes, _ = parsed(said(talk, 3)[KIND + 1 :])[0]
    assert len(nodes) == 11
    assert all(len(key) == 64 for *_, key in nodes)
    openings = [Opening(each.side, said(talk, k)[:128], each.size) for k, each in enumerate(talk.messages)]
    assert recognise("udp", 40_000, openings) == "ethereum"


@pytest.mark.parametrize("size", [105, 110, 127, 128, 140, 170, 171, 300, 1279])
def test_every_datagram_has_a_list_that_ends_in_it(size: int) -> None:
    talk = talk_of([size, -size, size], transport="udp")
    build_ethereum(talk, fill_of())
    for number in range(3):
        data = said(talk, number)
        assert is_datagram(data, size)
        assert isinstance(parsed(data[KIND + 1 :])[0], list)


def test_a_list_longer_than_its_datagram_is_none_of_discovery() -> None:
    data = bytes(KIND) + b"\x01\xf8\xff" + bytes(60)
    assert not is_datagram(data, len(data))
    assert is_datagram(data, 400)
    assert not is_datagram(bytes(KIND) + b"\x07\xc0" + bytes(60), 160)


def test_sizes_of_no_handshake_are_refused() -> None:
    with pytest.raises(Misfit, match="no size of a handshake"):
        PROTOCOLS["ethereum"](talk_of([100, -380]), fill_of())
    with pytest.raises(Misfit, match="too small or too large"):
        PROTOCOLS["ethereum"](talk_of([60], transport="udp"), fill_of())


def test_a_long_dns_message_over_tcp_whose_id_begins_as_a_key_does_is_dns() -> None:
    query = b"\x04\x07\x01\x00\x00\x01" + bytes(6) + bytes(288)
    message = (300).to_bytes(2, "big") + query
    assert len(message) == 302
    assert recognise("tcp", 53, [Opening(0, message[:8], len(message))]) == "dns"
