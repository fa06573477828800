"""Held against Wireshark's expert, where sharkd is installed: what it flags at warning or above, we flag too."""

import lzma
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from bench import gates
from netdiffus import recordings
from netdiffus.wire.conformance.rules_engine import NUMBER, RULES, Judge
from netdiffus.wire.files.reader import read_capture
from shared_files import shared
from sharkd import sharkd

SAME = {
    "Connection reset (RST)": "tcp-reset",
    "Previous segment(s) not captured": "tcp-segment-missing",
    "D-SACK Sequence": "tcp-dsack",
    "TCP Zero Window segment": "tcp-zero-window",
    "completely full": "tcp-window-full",
    "non-SYN packet does contain a MSS option": "tcp-mss-elsewhere",
}
"""Words of tshark and the rule that finds the very same packets in the recordings, no more and no fewer."""
ACCEPTED = "TCP Checksum 0xffff instead of 0x0000"
"""Equal in ones' complement, so right; docs/conformance.md lists it and those below."""
SHARED_DIFFERENCES = {
    ("instagram.pcap", "Bad checksum"),  # of a segment quoted inside an ICMP error
    ("movement_Apr12_exp_108.pcap", "ACKed segment"),  # the same number again: counted the first time
    ("movement_Apr12_exp_108.pcap", "completely full"),  # window scale unknown: its options were not captured
    ("ethereum.pcap", "Previous segment"),  # behind a reset, whose window 0 tshark takes for a closed one
    (
        "Setup-C-3-STA.pcap",
        "No response seen to ICMP request",
    ),  # known from later packets alone, and no fault of this one
    ("whatsapp_voice_and_message.pcap", "ACKed segment"),  # sent in a retransmission that was longer than the first
}

PARTS = 6
"""Of the shared captures, so that two processes can share the work."""


@pytest.fixture(scope="module")
def expert():
    """A function from a capture to {packet number: what the expert says of it at warning or above}."""
    with sharkd(gates.only_layers()) as shark:
        yield shark.expert


def broken(path: Path) -> np.ndarray:
    """Which packet breaks which rule, bool (N, rules)."""
    judge = Judge()
    found = [judge.judge(block).found for block in read_capture(path)]
    return np.concatenate(found) if found else np.zeros((0, len(RULES)), bool)


def by_words(said: dict[int, list[str]], words: Iterable[str]) -> dict[str, set[int]]:
    numbers = defaultdict(set)
    for number, messages in said.items():
        for word in words:
            if any(word in message for message in messages):
                numbers[word].add(number)
    return numbers


@pytest.mark.parametrize("label", recordings.labels())
def test_the_recordings_are_judged_alike(label, expert, tmp_path) -> None:
    plain = tmp_path / "plain.pcap"
    plain.write_bytes(lzma.decompress(recordings.captures()[label][0].read_bytes()))
    said, found = expert(plain), broken(plain)
    missed = {n: words for n, words in said.items() if not found[n - 1].any()}
    assert {word for words in missed.values() for word in words if ACCEPTED not in word} == set()
    theirs = by_words(said, SAME)
    for words, rule in SAME.items():
        assert set((np.flatnonzero(found[:, NUMBER[rule]]) + 1).tolist()) == theirs[words], rule


@pytest.mark.parametrize("part", range(PARTS))
def test_the_shared_captures_hold_no_fault_that_is_missed(expert, part: int) -> None:
    files = sorted(path for path in shared("data").rglob("*.pcap*") if path.is_file())
    assert len(files) > 100
    missed = set()
    for path in files[part::PARTS]:
        said, found = expert(path), broken(path)
        for n, words in said.items():
            if not found[n - 1].any():
                missed |= {(path.name, word) for word in words}
    unknown = {(name, word) for name, word in missed if not any(name == f and w in word for f, w in SHARED_DIFFERENCES)}
    assert unknown == set()
