"""The bytes of a file or of standard input, decompressed on the way and hashed as they are stored."""

from __future__ import annotations

import hashlib
import importlib
import lzma
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Protocol, cast

from netdiffus.errors import InputError
from netdiffus.text import as_text

CHUNK_BYTES = 1 << 15
"""Stored bytes taken at once, and decompressed bytes made at once: where data turns out to be corrupt, xz and zstd lose
up to so many decompressed bytes before it, however large the reader's own blocks are."""

XZ_MEMORY_BYTES = 1 << 29


class Decoder(Protocol):
    """What Python's decompressors have in common (lzma.LZMADecompressor is one)."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Gunzip:
    """One gzip member, with the manners of lzma.LZMADecompressor (RFC 1952); corrupt data costs nothing before it."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self._held = b""

    eof = property(lambda self: self._zlib.eof)
    needs_input = property(lambda self: not self._held and not self._zlib.eof)
    unused_data = property(lambda self: self._zlib.unused_data + self._held)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        self._held += data
        n = len(self._held)
        while True:
            before = self._zlib.copy()
            try:
                made = self._zlib.decompress(self._held[:n], max_length)
            except zlib.error:
                if n <= 1:
                    raise
            else:
                self._held = self._zlib.unconsumed_tail + self._held[n:]
                return made
            # zlib gives nothing of a call that meets corrupt data; half the input may end before it.
            self._zlib, n = before, n // 2


def _zstd() -> Decoder:
    for module in ("compression.zstd", "backports.zstd"):
        try:
            return cast(Decoder, importlib.import_module(module).ZstdDecompressor())
        except ImportError:
            continue
    raise InputError(
        "a capture that this Python can decompress",
        "one compressed with zstd, which Python reads from 3.14 on",
        "decompress it first (zstd -d FILE), or: pip install backports.zstd",
    )


def _lz4() -> Decoder:
    try:
        return cast(Decoder, importlib.import_module("lz4.frame").LZ4FrameDecompressor())
    except ImportError:
        raise InputError(
            "a capture that this Python can decompress",
            "one compressed with lz4",
            "decompress it first (lz4 -d FILE), or: pip install lz4",
        ) from None


DECODERS: dict[bytes, tuple[str, Callable[[], Decoder]]] = {
    b"\x1f\x8b": ("gzip", Gunzip),
    b"\xfd7zXZ\x00": ("xz", lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
    b"\x04\x22\x4d\x18": ("lz4", _lz4),
}
"""Compressions by the first bytes of a stream."""

MAGIC_BYTES = max(map(len, DECODERS))


class ByteSource:
    """A file as a stream of decompressed bytes.

    Attributes:
        name: the file's name without its folder, or "-" for standard input.
        n_bytes: bytes read so far, as stored; all of them after `finish`.
        faults: reasons in plain words and how often each came up.

    Raises:
        InputError: the file is missing, cannot be read, or needs a decompressor that is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self._is_stdin = str(path) == "-"
        self.name = "-" if self._is_stdin else as_text(Path(path).name)
        self.n_bytes = 0
        self.faults: Counter[str] = Counter()
        self._hash = hashlib.sha256()
        if self._is_stdin and sys.stdin is None:
            raise InputError("a capture on standard input", "a closed standard input", "pipe a capture in")
        try:
            self._file = cast(BufferedReader, sys.stdin.buffer) if self._is_stdin else self._open(path)
            self._head = b""
            self._head = self._stored(MAGIC_BYTES)
        except OSError as error:
            raise InputError(
                "a capture file", f"{path}: {error.strerror or error}", "name a file that exists and can be read"
            ) from error
        self._make: Callable[[], Decoder] | None = None
        self._decoder: Decoder | None = None
        self._ended = False
        self._made = b""  # decompressed and not asked for yet
        for magic, (_, make) in DECODERS.items():
            if self._head.startswith(magic):
                self._make, self._magic = make, magic
        if self._make is not None:
            try:
                self._decoder = self._make()
            except InputError:
                self.close()
                raise

    @staticmethod
    def _open(path: str | Path) -> BufferedReader:
        return cast(BufferedReader, open(path, "rb", buffering=0))

    @property
    def sha256(self) -> str:
        """Of the file as stored, as far as it was read."""
        return self._hash.hexdigest()

    def fill(self, view: memoryview) -> int:
        """Write the next bytes into the view, all of it unless the end comes first; return how many."""
        step = self._stored_into if self._decoder is None else self._decompressed_into
        done = 0
        while done < len(view) and (n := step(view[done:])):
            done += n
        return done

    def finish(self) -> None:
        """Read what is left, for its hash and size, and close the file."""
        while self._stored(CHUNK_BYTES):
            pass
        self.close()

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        if not self._is_stdin:
            self._file.close()

    def _stored_into(self, view: memoryview) -> int:
        if self._head:
            n = min(len(self._head), len(view))
            view[:n], self._head = self._head[:n], self._head[n:]
            return n
        try:
            n = self._file.readinto(view)
        except OSError as error:
            if not self.n_bytes:
                raise
            self.faults[f"file cannot be read further ({error.strerror})"] = 1
            return 0
        self._hash.update(view[:n])
        self.n_bytes += n
        return n

    def _stored(self, n: int) -> bytes:
        """The next n stored bytes, fewer only at the end."""
        buffer = bytearray(n)
        done = 0
        while done < n and (more := self._stored_into(memoryview(buffer)[done:])):
            done += more
        return bytes(buffer[:done])

    def _decompressed_into(self, view: memoryview) -> int:
        while not self._made and not self._ended and self._decoder is not None:
            chunk = b""
            if self._decoder.eof:
                chunk = self._next_stream()
                if not chunk:
                    break
            elif self._decoder.needs_input:
                chunk = self._stored(CHUNK_BYTES)
            last = not chunk and self._decoder.needs_input
            try:
                self._made = self._decoder.decompress(chunk, CHUNK_BYTES)
            except Exception as error:
                # zstd has an error class of its own, known only where its module is
                known = isinstance(error, zlib.error | lzma.LZMAError | OSError | EOFError | ValueError | RuntimeError)
                if not known and type(error).__name__ != "ZstdError":
                    raise
                memory = "memory" in str(error).lower()
                self._end(
                    "decompressing takes more memory than is allowed; the rest was not read"
                    if memory
                    else "compressed data is corrupt; the rest was not read"
                )
                break
            if last and not self._made and not self._decoder.eof:
                self._end("compressed file ends early")
        n = min(len(self._made), len(view))
        view[:n], self._made = self._made[:n], self._made[n:]
        return n

    def _next_stream(self) -> bytes:
        """The beginning of the next compressed stream in the file; empty at the end."""
        if self._decoder is None or self._make is None:
            return b""
        rest = self._decoder.unused_data or b""  # lz4 says None
        while True:
            rest = rest.lstrip(b"\0")  # xz and gzip files may be padded with zeros
            if len(rest) >= MAGIC_BYTES:
                break
            more = self._stored(CHUNK_BYTES)
            if not more:
                break
            rest += more
        if rest.startswith(self._magic):
            self._decoder = self._make()
            return rest
        if rest:
            self.faults["bytes after the end of the compressed data were not read"] += 1
        self._ended = True
        return b""

    def _end(self, fault: str) -> None:
        self.faults[fault] += 1
        self._ended = True
