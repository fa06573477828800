"""nPrint rows in packed form: an .npz file of plain arrays, .nprint.npz, that numpy reads and nothing has to unpickle.

* `bits`, `present`: uint8, (N, W); as in BitRows, `unpack` makes the matrix of -1, 0 and 1 of them.
* `time_ns`: int64, (N,); left out where the rows have no times.
* `source`: uint64, (N, 2); the senders' addresses, IPv4 as ::ffff:a.b.c.d.
* `columns`: the names of the columns; `headers` and `payload_bytes`: the layout that gives them.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.wire.files.compression import ByteSource
from netdiffus.wire.files.npz import DAMAGE, arrays_in, check_array
from netdiffus.wire.headers.packets import MAX_TIME_NS
from netdiffus.wire.nprint.bits import BitRows
from netdiffus.wire.nprint.columns import Layout, layout

ROWS, READ_BYTES = 4096, 1 << 24
"""Rows read at a time, fewer if they take more than so many bytes."""

COMPRESSION = 1
DTYPES = {"bits": np.uint8, "present": np.uint8, "source": np.uint64, "time_ns": np.int64}


class PackedWriter:
    """Rows into an .npz file: `add` blocks of rows, then `finish`. Memory does not grow; what is added waits on disk.

    Args:
        path: of the file to write; the rows wait in its folder.
        layout: the columns of all rows.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path, self._layout = path, layout
        self._stack = ExitStack()
        self._spools = {name: self._spool() for name in DTYPES}
        self._n, self._timed = 0, True

    def _spool(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile(dir=self._path.parent))

    def __enter__(self) -> PackedWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, rows: BitRows) -> None:
        """Append rows; if any have no times, the file has none."""
        arrays: dict[str, NDArray[Any]] = {"bits": rows.bits, "present": rows.present, "source": rows.source}
        if rows.time_ns is None:
            self._timed = False
        else:
            arrays["time_ns"] = rows.time_ns
        for name, array in arrays.items():
            self._spools[name].write(np.ascontiguousarray(array, DTYPES[name]).data)
        self._n += len(rows)

    def finish(self) -> None:
        """Write the file."""
        names = {"columns": self._layout.columns, "headers": list(self._layout.headers)}
        small: dict[str, NDArray[Any]] = {name: np.array(texts, np.str_) for name, texts in names.items()}
        small["payload_bytes"] = np.array(self._layout.payload_bytes, np.int64)
        widths = {
            "bits": (self._layout.row_bytes,),
            "present": (self._layout.row_bytes,),
            "source": (2,),
            "time_ns": (),
        }
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as file:
            for name, array in small.items():
                with _member(file, name) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            for name, spool in self._spools.items():
                if name == "time_ns" and not self._timed:
                    continue
                descr = np.lib.format.dtype_to_descr(np.dtype(DTYPES[name]))
                header = {"descr": descr, "fortran_order": False, "shape": (self._n, *widths[name])}
                with _member(file, name) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    spool.seek(0)
                    while chunk := spool.read(1 << 20):
                        member.write(chunk)


def _member(file: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A new array in the file; with a fixed date, so that the same rows make the same bytes."""
    info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return file.open(info, "w", force_zip64=True)


class PackedReader:
    """A file that PackedWriter wrote, as blocks of rows; iterate over it once.

    Attributes:
        source: the file's name, hash and size.
        layout: the columns, known before the iteration.

    Raises:
        InputError: it is not such a file, or it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.source = ByteSource(path)
        self._path = Path(path)
        try:
            with zipfile.ZipFile(path) as file:
                headers, payload_bytes = (_whole(file, name) for name in ("headers", "payload_bytes"))
                self.layout = layout(headers.tolist(), int(payload_bytes))
                self._shapes = {name: _shape(file, name) for name in DTYPES if f"{name}.npy" in file.namelist()}
            n = self._shapes["bits"][0]
            width = self.layout.row_bytes
            wanted = {"bits": (n, width), "present": (n, width), "source": (n, 2), "time_ns": (n,)}
            if self._shapes != {name: wanted[name] for name in self._shapes} or {*DTYPES} - {*self._shapes, "time_ns"}:
                raise ValueError(f"arrays of shapes {self._shapes}")
            self._n = n
        except _DAMAGE as error:
            self.source.close()
            raise self._damaged(error) from None

    def __iter__(self) -> Iterator[BitRows]:
        try:
            with zipfile.ZipFile(self._path) as file, ExitStack() as stack:
                members = {name: stack.enter_context(file.open(f"{name}.npy")) for name in self._shapes}
                for member in members.values():
                    _read_header(member)
                step = max(min(ROWS, READ_BYTES // self.layout.row_bytes), 1)
                for start in range(0, self._n, step):
                    n = min(step, self._n - start)
                    yield self._rows({name: _array(member, name, n, self._shapes) for name, member in members.items()})
            self.source.finish()
        except _DAMAGE as error:
            raise self._damaged(error) from None
        finally:
            self.source.close()

    def _rows(self, arrays: dict[str, NDArray[Any]]) -> BitRows:
        times = arrays.get("time_ns")
        if times is not None:
            times = np.clip(times, 0, MAX_TIME_NS)
        return BitRows(self.layout, arrays["bits"] & arrays["present"], arrays["present"], arrays["source"], times)

    def _damaged(self, error: Exception) -> InputError:
        said = str(error) or type(error).__name__
        if isinstance(error, KeyError):
            said = said.strip("'\"")
        return InputError(
            "packed nPrint rows (arrays headers, payload_bytes, bits, present, source, time_ns)",
            f"{self._path} ({said})",
            "make the file again with 'netdiffus prepare --out FILE.nprint.npz'",
        )


_DAMAGE = (*DAMAGE, InputError)


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    if np.lib.format.read_magic(member) != (1, 0):
        raise ValueError("an array of another format version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    if fortran and len(shape) > 1:
        raise ValueError("an array in column order")
    return shape, dtype


def _shape(file: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with file.open(f"{name}.npy") as member:
        shape, dtype = _read_header(member)
    if dtype != DTYPES[name]:
        raise ValueError(f"{name} of type {dtype}")
    return shape


def _whole(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    found = arrays_in(file, partial(check_array, Path(str(file.filename))), (name,))
    if name not in found:
        raise KeyError(f"There is no item named '{name}.npy' in the archive")
    return found[name]


def _array(member: IO[bytes], name: str, n: int, shapes: dict[str, tuple[int, ...]]) -> NDArray[Any]:
    shape = (n, *shapes[name][1:])
    size = int(np.prod(shape)) * np.dtype(DTYPES[name]).itemsize
    data = member.read(size)
    if len(data) != size:
        raise ValueError(f"{name} ends early")
    return np.frombuffer(data, DTYPES[name]).reshape(shape)
