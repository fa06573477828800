"""Names in frames: link addresses, and host names in plain text and in DNS."""

from __future__ import annotations

from netdiffus.wire.headers import links
from netdiffus.wire.headers.names import host_names, mac_texts
from small_packets import block_of, ethernet, ipv4, udp, whole


def test_mac_addresses_without_groups() -> None:
    frame = ethernet(ipv4(udp(), 17))
    group = bytes.fromhex("01005e0000fb") + frame[6:]
    block = block_of(whole(frame, group, b"\x02\x00"))
    assert mac_texts(block) == {"02:00:00:00:00:01", "02:00:00:00:00:02"}
    assert mac_texts(block_of(whole(frame[14:]), links.RAW)) == frozenset()


def test_host_names_in_text_and_in_dns() -> None:
    query = b"\x00\x01\x00\x00\x03www\x07example\x03org\x00\x00\x01"
    assert host_names(query) == {"www.example.org"}
    assert host_names(b"Host: Mail.Example.com\r\n") == {"mail.example.com"}
    assert host_names(b"\x00\x16static.example.net\x00") == {"static.example.net"}  # as TLS names a server
    assert host_names(b"\x05www\x02example\x03org") == {"example.org"}  # a length that is wrong parts names
    assert host_names(bytes(range(256))) == frozenset()
