"""nPrint files as captures: the packets that their rows spell, with the interface of reader.Capture."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

from netdiffus.wire.files.marks import Mark, note
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.nprint.packed import PackedReader
from netdiffus.wire.nprint.packets import packet_block
from netdiffus.wire.nprint.text import TextReader

TEXT_SUFFIXES, PACKED_SUFFIX = (".nprint", ".npt"), ".nprint.npz"
COMPRESSED = ("", ".gz", ".xz", ".zst")
NO_TIMES = "nPrint file has no timestamps; its packets are taken to be a millisecond apart"


def is_nprint_name(path: str | Path) -> bool:
    """Whether a file name looks like nPrint rows: .nprint or .npt, compressed or not, or .nprint.npz."""
    name = Path(path).name.lower()
    return name.endswith((PACKED_SUFFIX, *(suffix + more for suffix in TEXT_SUFFIXES for more in COMPRESSED)))


def read_nprint(path: str | Path) -> TextReader | PackedReader:
    """Open nPrint rows of either form; iterate over them to get blocks of BitRows.

    Raises:
        InputError: the file cannot be read or holds no nPrint rows.
    """
    return PackedReader(path) if str(path).lower().endswith(PACKED_SUFFIX) else TextReader(path)


class NprintCapture:
    """An open nPrint file; iterate over it once to get the PacketBlocks of its rows.

    Attributes:
        name, sha256, n_bytes: as of reader.Capture.
        faults: what was odd, in plain words, and how often; complete when the iteration has ended.
        rows: rows read so far, whether they make packets or not.
        marks: as of reader.Capture, in bytes of the packets that the rows make.
    """

    def __init__(self, path: str | Path) -> None:
        self._rows = read_nprint(path)
        self.rows = 0
        self.marks: deque[Mark] = deque()
        self._faults: Counter[str] = Counter()

    def close(self) -> None:
        """Let go of the file without reading it."""
        self._rows.source.close()

    @property
    def name(self) -> str:
        return self._rows.source.name

    @property
    def sha256(self) -> str:
        return self._rows.source.sha256

    @property
    def n_bytes(self) -> int:
        return self._rows.source.n_bytes

    @property
    def faults(self) -> Counter[str]:
        return self._rows.source.faults + self._faults

    def __iter__(self) -> Iterator[PacketBlock]:
        packets, position = 0, 0
        for rows in self._rows:
            block, faults = packet_block(rows, self.rows)
            self.rows += len(rows)
            self._faults += faults
            if rows.time_ns is None:
                self._faults[NO_TIMES] = 1
            packets, position = packets + len(block), position + len(block.data)
            if len(block):
                note(self.marks, Mark(packets, position))
                yield block
