"""Target: compressed files, one stream or several, whole or damaged. Any size of block must give the same packets."""

from __future__ import annotations

import gzip
import importlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType

from fuzz.forms import Form, compiled_form
from fuzz.mutation import Native, changed
from fuzz.reading import read
from fuzz.seeds import few_packets

MAX_BYTES = 2048
MODULES = ("wire.files.reader",)
PACKERS: dict[bytes, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": (lambda data: gzip.compress(data, 1, mtime=0), gzip.decompress),
    b"\xfd7": (lambda data: lzma.compress(data, preset=0), lzma.decompress),
}
BROKEN: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError)


def _zstd() -> ModuleType | None:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


zstd = _zstd()
if zstd:  # without it, one compression less is tried
    PACKERS[b"\x28\xb5"] = (zstd.compress, zstd.decompress)
    BROKEN += (zstd.ZstdError,)

ENDED = "the rest of the file was not read"
MAX_UNPACKED = 1 << 20


def seeds() -> Iterator[bytes]:
    """Small captures in every compression, whole, in two streams, with padding, cut, and with rubbish behind."""
    write_pcap = compiled_form(*MODULES)["wire.files.reader"].write_pcap
    for i, (link, packets) in enumerate(few_packets()):
        file = io.BytesIO()
        write_pcap(file, packets, link)
        data = file.getvalue()
        for pack, _ in PACKERS.values():
            yield [
                pack(data),
                pack(data[:50]) + pack(data[50:]),
                pack(data[:50]) + bytes(8) + pack(data[50:]),
                pack(data)[:-9],
                pack(data) + b"rubbish",
            ][i % 5]


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """Read a compressed file in small blocks and in large ones."""
    if data[:2] not in PACKERS:
        data = list(PACKERS)[len(data) % len(PACKERS)] + data[2:]
    got = read(plain, data, 64)
    if len(got.packets) < 100:
        large = read(compiled, data, 1 << 14)
        assert got.packets == large.packets
        assert got.refused == large.refused
        # Where a bad record ends the reading, it depends on the block how far into the file it has gone by then.
        ended = {words for words in got.faults if words.endswith(ENDED)}
        assert ended == {words for words in large.faults if words.endswith(ENDED)}, (got.faults, large.faults)
        assert ended or got.faults == large.faults, (got.faults, large.faults)


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Change what is compressed and compress it again, or change the streams, or bytes anywhere."""
    choice = random.randrange(4)
    pack, unpack = PACKERS.get(data[:2]) or random.choice(list(PACKERS.values()))
    if choice == 0:
        return native(data, size)
    try:
        content = unpack(data)
    except BROKEN:
        return native(data, size)
    if len(content) > MAX_UNPACKED:
        return native(data, size)
    if choice == 1:
        cut = random.randint(0, len(content))
        parts = [pack(content[:cut]), pack(content[cut:])]
        return b"".join(changed(parts, native, random))[:size]
    packed = pack(native(content, size)) if choice == 2 else random.choice(list(PACKERS.values()))[0](content)
    return packed if len(packed) <= size else native(data, size)
