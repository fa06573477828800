"""Packets in the report: the figures, what was found and changed, and the pictures pixel by pixel."""

import base64
import io

import numpy as np
from PIL import Image
from test_page import CHANNELS, REAL, SCORES, SYNTHETIC, Page

from netdiffus.report import Finding, PacketReport, markdown, render
from netdiffus.report.capture import bit_picture
from netdiffus.report.packets import COLOURS

BITS = np.array([[-1, 0, 1, 1], [0, 0, -1, 1]], np.int8)
TOLD = PacketReport(
    name="synthetic.pcapng",
    packets=1234,
    flows=56,
    findings=[
        Finding("tcp-reset", "note", 12, "a reset"),
        Finding("ipv4-checksum", "error", 3, "the checksum <is> wrong"),
    ],
    asked=1300,
    changed=77,
    rules=[("data is in order", 40), ("a packet fits the MTU", 37)],
    images={"web": (BITS, -BITS)},
)


def test_a_picture_has_a_pixel_a_bit() -> None:
    source = bit_picture(BITS, "real web").src
    data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), COLOURS[BITS + 1])


def test_the_page_tells_of_the_capture() -> None:
    page = Page(render(SCORES, REAL, SYNTHETIC, CHANNELS, capture=TOLD))
    words = " ".join(page.text.split())
    assert "synthetic.pcapng holds 1,234 packets in 56 flows. netdiffus check finds 3 faults in it." in words
    assert "Of 1,300 packets that the model asked for, 77 had to be changed or left out" in words
    assert "tcp-resetnote12a reset" in words
    assert "ipv4-checksumerror3the checksum <is> wrong" in words
    assert "data is in order40" in words
    alternatives = [attributes["alt"] for tag, attributes in page.elements if tag == "img"]
    assert "Bits of the packets of a real web flow" in alternatives
    assert "Bits of the packets of a synthetic web flow" in alternatives


def test_markdown_tells_of_it_too() -> None:
    text = markdown(SCORES, REAL, SYNTHETIC, capture=TOLD)
    assert "synthetic.pcapng holds 1,234 packets" in text
    assert "* a packet fits the MTU: 37" in text


def test_without_packets_nothing_is_said_of_them() -> None:
    assert "would real stacks send them" not in render(SCORES, REAL, SYNTHETIC, CHANNELS)
    assert "would real stacks send them" not in markdown(SCORES, REAL, SYNTHETIC)


def test_notes_are_no_faults() -> None:
    assert TOLD.faults == 3
