"""Slots of sessions take flows of their kind that do not contradict themselves, as long as the model draws such."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from netdiffus.arrays import Ints
from netdiffus.compiler import FlowRows
from netdiffus.compiler.features.bodies import Sketch
from netdiffus.compiler.sessions.codec import ANY_PORT, Slots
from netdiffus.compiler.shelf import Shelf
from netdiffus.compiler.specs import CLIENT, SERVER
from netdiffus.steps.outputs.slots import OTHER, ROUNDS, Filler
from netdiffus.wire.headers.fields import FIN
from real_sessions import recorded

Change = Callable[[Sketch, np.ndarray], Sketch]


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netdiffus.steps.outputs.slots.MOST", 64)  # flows of a round in which hardly any fits


def whole_connections() -> FlowRows:
    """Recorded connections over IPv4 in which the client ends before the last packet."""
    rows, _ = recorded("api")
    closes = (rows.rows["direction"] == CLIENT) & (rows.rows["flags"] & FIN != 0)
    place = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    early = np.bincount(rows.owner[closes & (place < rows.counts[rows.owner] - 1)], minlength=len(rows)) > 0
    return rows.select(early & (rows.flows["version"] == 4))


def talks_after_its_end(rows: FlowRows, flows: np.ndarray) -> FlowRows:
    """The flows (F,) that are marked with data of the client as their last packet, behind its FIN."""
    changed = rows.rows.copy()
    last = np.cumsum(rows.counts)[flows] - 1
    for name, value in (("direction", CLIENT), ("flags", 0x18), ("size", 100), ("gap_ns", 10**8)):
        changed[name][last] = value
    return FlowRows(rows.flows, changed, rows.counts, rows.layouts, rows.labels)


def fill(folder: Path, wanted: int, change: Change) -> tuple[Filler, list[int]]:
    """Slots of one class, filled from recorded connections of which every second one is changed; flows of each draw."""
    rows, asked = whole_connections(), list[int]()

    def sample(request: Any) -> Iterator[Any]:
        asked.append(len(request.ids))
        some = np.arange(len(request.ids)) % len(rows)
        several = [rows.select(np.arange(len(rows)) == flow) for flow in some.tolist()]
        for one, flow in zip(several, range(len(some)), strict=True):
            sketch = change(Sketch.of_rows(one), np.array([flow % 2 == 1]))
            yield SimpleNamespace(sketch=lambda _, sketch=sketch: (sketch, {}))

    port = np.full(wanted, int(rows.flows["port"][0, SERVER]))
    none = np.zeros(wanted, np.int64)
    slots = Slots(none, none, none, port, cast(Any, None), none, np.ones(wanted))
    order = SimpleNamespace(model=SimpleNamespace(sample=sample), config=SimpleNamespace(seed=0, most=None), how=None)
    codec = SimpleNamespace(kinds=np.array([[0, port[0]]]))
    filler = Filler(cast(Any, order), slots, np.full(wanted, 4), cast(Any, codec), Shelf(folder))
    assert len(list(filler.fill())) > 0
    return filler, asked


def contradicting(sketch: Sketch, odd: np.ndarray) -> Sketch:
    return replace(sketch, head=talks_after_its_end(sketch.head, odd))


def ending_otherwise(sketch: Sketch, odd: np.ndarray) -> Sketch:
    return replace(sketch, as_ended=~odd)


def sizes_of_last_packets(filler: Filler, folder: Path) -> list[int]:
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as saved:
            found += saved["rows"]["size"][np.cumsum(saved["counts"]) - 1].tolist()
    assert len(found) == len(filler.slot)
    return found


def test_flows_that_contradict_themselves_are_drawn_again(tmp_path: Path) -> None:
    filler, asked = fill(tmp_path, 30, contradicting)
    assert sorted(filler.slot) == list(range(30))
    assert 1 < len(asked) < ROUNDS
    assert sum(asked) >= 60, "every second flow is left"
    assert not any(sizes_of_last_packets(filler, tmp_path))
    assert not filler.changed


def test_so_are_flows_that_do_not_end_as_their_ending_says(tmp_path: Path) -> None:
    filler, asked = fill(tmp_path, 30, ending_otherwise)
    assert sorted(filler.slot) == list(range(30))
    assert sum(asked) >= 60
    with np.load(next(iter(tmp_path.glob("*.npz")))) as saved:
        assert saved["as_ended"].all()


def test_the_last_round_takes_what_there_is(tmp_path: Path) -> None:
    def never(sketch: Sketch, _: Ints) -> Sketch:
        return replace(sketch, as_ended=np.zeros(1, np.bool_))

    filler, asked = fill(tmp_path, 5, never)
    assert sorted(filler.slot) == list(range(5))
    assert len(asked) == ROUNDS
    assert asked[-1] == 5


def test_a_flow_of_another_port_gets_the_slot_s_in_the_last_round_and_is_counted(tmp_path: Path) -> None:
    def elsewhere(sketch: Sketch, _: Ints) -> Sketch:
        flows = sketch.head.flows.copy()
        flows["port"][:, SERVER] = 1
        head = FlowRows(flows, sketch.head.rows, sketch.head.counts, sketch.head.layouts, sketch.head.labels)
        return replace(sketch, head=head)

    filler, _ = fill(tmp_path, 5, elsewhere)
    assert filler.changed == {OTHER: 5}
    assert filler.slots.port[0] != ANY_PORT
    assert (filler.shelf.take_flows().flows["port"][:, SERVER] == filler.slots.port).all()
