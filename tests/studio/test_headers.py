"""Header fields by name, against packets made by hand; and a list of packets as tshark has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from netdiffus import recordings
from netdiffus.studio.headers import header_fields, hex_lines, packet_bytes, packet_fields, packet_page
from netdiffus.studio.rfc import with_links
from small_packets import ipv4, ipv6, tcp, udp


def test_fields_of_packets_made_by_hand() -> None:
    options = bytes.fromhex("020405b4 0402 080a0000000100000002 01 030307".replace(" ", ""))
    segment = tcp(options=options)
    layers = dict(header_fields(ipv4(segment, 6)[:20], segment, 6))
    assert dict(layers["IPv4"]) | {"source": "192.0.2.1", "TTL": "64", "DSCP": "0", "ECN": "3"} == dict(layers["IPv4"])
    said = dict(layers["TCP"])
    assert (said["source port"], said["destination port"], said["window"]) == ("5000", "443", "512")
    assert said["options"] == "MSS 1460, SACK permitted, timestamps 1/2, NOP, window scale 7"
    assert said["flags"] == "SYN, PSH, ACK, ECE"
    six = dict(header_fields(ipv6(udp(), 17)[:40], udp(), 17))
    assert dict(six["IPv6"])["destination"] == "2001:db8:1::2"
    assert dict(six["UDP"])["checksum"] == "0x1234"


@pytest.mark.parametrize("cut", [b"", b"\x02", b"\x08\x0a\x00", b"\xff\x00"])
def test_options_that_are_cut_are_shown_as_they_are(cut: bytes) -> None:
    segment = tcp()[:20] + cut
    layers = dict(header_fields(ipv4(segment, 6)[:20], segment, 6))
    assert ("options" in dict(layers["TCP"])) == bool(cut)


def test_pages_of_a_capture_follow_each_other() -> None:
    (path,) = recordings.captures()["dns"]
    whole = packet_page(path, 0, 10_000)
    pages = [packet_page(path, begin, 100) for begin in range(0, len(whole.rows), 100)]
    assert [row for page in pages for row in page.rows] == whole.rows
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [row.number for row in whole.rows] == list(range(1, len(whole.rows) + 1))
    assert packet_bytes(path, len(whole.rows) + 1) is None
    found = packet_bytes(path, 7)
    assert found is not None
    assert found[1][:16].hex(" ") in hex_lines(found[1])[0]
    assert packet_fields(*found)[0][0].startswith("IPv")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_list_agrees_with_tshark(tmp_path: Path) -> None:
    (path,) = recordings.captures()["dns"]
    (tmp_path / "dns.pcap").write_bytes(subprocess.run(["xz", "-dc", path], capture_output=True, check=True).stdout)
    columns = ["frame.number", "frame.time_relative", "frame.len", "ip.src", "ipv6.src", "tcp.srcport", "udp.srcport"]
    command = ["tshark", "-r", tmp_path / "dns.pcap", "-T", "fields", *[w for name in columns for w in ("-e", name)]]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    rows = packet_page(path, 0, 10_000).rows
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        number, seconds, length, v4, v6, tcp_port, udp_port = line.split("\t")
        assert (row.number, row.length, row.source) == (int(number), int(length), v4 or v6)
        assert row.seconds == pytest.approx(float(seconds), abs=1e-6)
        assert row.info.startswith(f"{tcp_port or udp_port} →")


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("RFC 9293 section 3.8.6", ["rfc9293#section-3.8.6"]),
        ("RFC 768, RFC 1071", ["rfc768", "rfc1071"]),
        ("RFC 9293 section 3.1, 3.10.7.4", ["rfc9293#section-3.1"]),
        ("draft-ietf-opsawg-pcap section 5", ["doc/draft-ietf-opsawg-pcap/"]),
        ("IEEE 802.3 <b>", []),
    ],
)
def test_sources_of_rules_are_links(text: str, links: list[str]) -> None:
    found = str(with_links(text))
    assert found.count("<a ") == len(links)
    assert all(f'{link}"' in found for link in links)
    assert "<b>" not in found
