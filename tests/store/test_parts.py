"""Tables larger than memory: the same rows in the same order, in memory or out of it."""

import polars as pl
import pytest

from netdiffus.store import parts as module
from netdiffus.store.parts import Parts


@pytest.mark.parametrize("held_bytes", [0, 40, 1 << 20])
def test_rows_come_back_in_order(tmp_path, monkeypatch, held_bytes) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", held_bytes)
    parts = Parts(tmp_path / "parts")
    assert not parts
    frames = [pl.DataFrame({"n": [k, k + 1], "bytes": [b"x" * k, b""], "list": [[k], []]}) for k in range(0, 50, 2)]
    frames.insert(3, frames[0].clear())
    for frame in frames:
        parts.add(frame)
    assert parts
    assert parts.rows().collect().equals(pl.concat(frames))
    assert (tmp_path / "parts").exists() == (held_bytes < 1 << 20)


def test_an_empty_frame_is_a_table_too(tmp_path) -> None:
    parts = Parts(tmp_path / "parts")
    parts.add(pl.DataFrame(schema={"n": pl.Int64}))
    assert parts
    assert parts.rows().collect().schema == {"n": pl.Int64}
