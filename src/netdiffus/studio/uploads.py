"""Uploads: bounded, streamed to disk, looked at before they appear under their name, and never replacing a file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.studio.catalogue import bytes_text
from netdiffus.studio.workspace import UPLOADS, Workspace
from netdiffus.text import as_text
from netdiffus.traffic.labels.rules import is_capture_name
from netdiffus.traffic.tables.files import TABLE_SUFFIXES, is_table_name
from netdiffus.wire.files.reader import read_capture

IDLE_S, SLOWEST, GRACE_S = 20.0, 2000, 20.0
"""Seconds without a byte, and bytes a second after so many seconds, below which an upload is given up."""
AT_ONCE = 4
SPARE_BYTES = 64 << 20
"""What an upload leaves free on the disk."""
DEEPEST = 6


class Uploads:
    """The uploads to a workspace."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def receive(self, name: str, announced: int | None, chunks: AsyncIterator[bytes]) -> str:
        """Store one file under a name below the root; returns the name that it has then.

        A file that lies there already with the same bytes is taken as it is.

        Args:
            announced: bytes, as the request says; None: it does not.

        Raises:
            InputError: a name outside, a file that is too large, too slow, or no capture or table, or another file of
                that name.
        """
        target = self._target(name)
        if announced is None:
            raise InputError("an upload that says its size", "one that does not", "send Content-Length")
        self._check_room(announced)
        async with self._slots:
            part = self.space.state / UPLOADS / secrets.token_hex(8)
            try:
                digest = await self._store(part, announced, chunks)
                await asyncio.to_thread(_look_at, part, target)
                await asyncio.to_thread(_place, part, target, digest)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise InputError("room for the upload", "no space left on the disk", "free some") from None
                raise
            finally:
                part.unlink(missing_ok=True)
        return self.space.name(target)

    def _target(self, name: str) -> Path:
        parts = name.split("/")
        if len(parts) > DEEPEST or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise InputError("a plain file name", repr(as_text(name))[:120], "rename the file")
        target = self.space.new(name)
        if not is_capture_name(target) and not is_table_name(target):
            raise InputError(
                f"a capture (.pcap, .pcapng; also .gz, .xz, .zst) or a table ({', '.join(TABLE_SUFFIXES)})",
                as_text(target.name), "choose such a file",
            )  # fmt: skip
        return target

    def _check_room(self, announced: int) -> None:
        most = self.space.upload_bytes
        if announced > most:
            said = f"{bytes_text(announced)} for one of {bytes_text(most)}"
            raise InputError(
                f"files of at most {bytes_text(most)}", said, "copy it into the folder, or raise --upload-limit"
            )
        if announced > self.space.free_bytes - SPARE_BYTES:
            raise InputError(
                "room for the upload", f"{bytes_text(announced)} for what is left", "free some on the disk"
            )

    async def _store(self, part: Path, announced: int, chunks: AsyncIterator[bytes]) -> bytes:
        """Write the chunks as they come; returns their hash."""
        began, received, digest = time.monotonic(), 0, hashlib.sha256()
        with part.open("xb") as file:
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(chunks, None), IDLE_S)
                except TimeoutError:
                    raise InputError("an upload that goes on", f"nothing for {IDLE_S:g} s", "try again") from None
                if chunk is None:
                    break
                received += len(chunk)
                passed = time.monotonic() - began
                if received > announced:
                    raise InputError(f"the {announced:,} bytes that were announced", "more", "send the file again")
                if passed > GRACE_S and received < SLOWEST * passed and received < announced:
                    raise InputError(f"at least {SLOWEST} bytes a second", f"{received / passed:.0f}", "try again")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        if received != announced:
            raise InputError(f"the {announced:,} bytes that were announced", f"{received:,}", "send the file again")
        return digest.digest()


def _look_at(part: Path, target: Path) -> None:
    """Raise InputError if a file is not what its name says; of a table, its first bytes."""
    if is_capture_name(target):
        try:
            read_capture(part).close()
        except InputError as error:
            got = error.got.replace(str(part), as_text(target.name))
            raise InputError(error.expected, got, error.action) from None
        return
    with part.open("rb") as file:
        head = file.read(4)
    wanted = {".parquet": b"PAR1", ".npz": b"PK\x03\x04"}.get(target.suffix.lower())
    if not head or (wanted is not None and head != wanted):
        said = (
            f"{as_text(target.name)}, which begins with {head!r}" if head else f"{as_text(target.name)}, which is empty"
        )
        raise InputError(f"a {target.suffix} table", said, "choose such a file")


def _place(part: Path, target: Path, digest: bytes) -> None:
    """Give a finished upload its name; two that come at once cannot replace each other."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(part, target)
    except FileExistsError:
        with target.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").digest() == digest
        if not same:
            raise InputError(
                "a name that no other file has", f"{as_text(target.name)}, which another file has", "rename the upload"
            ) from None
