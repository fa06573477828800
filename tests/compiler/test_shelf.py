"""Sketches come back from the shelf as they were laid there."""

import numpy as np

from netdiffus.compiler.features.bodies import Sketch
from netdiffus.compiler.shelf import Shelf
from netdiffus.compiler.specs import FLOW, ROW, FlowRows


def test_rows_come_back_of_the_type_that_kernels_know(tmp_path) -> None:
    """numpy's files lose the alignment of fields; numba would compile every kernel again, and warn of it."""
    rows = np.zeros(7, ROW)
    rows["size"] = np.arange(7)
    flows = FlowRows(np.zeros(2, FLOW), rows, np.array([3, 4]), (b"",), ("a", "b"))
    shelf = Shelf(tmp_path)
    shelf.add(Sketch.of_rows(flows))
    assert shelf.take_flows().labels == ("a", "b")
    ((numbers, sketch),) = shelf.sketches(flows.flows, 100)
    assert numbers.tolist() == [0, 1]
    assert sketch.head.rows.dtype.isalignedstruct
    np.testing.assert_array_equal(sketch.head.rows, rows)
    assert [part.tolist() for part, _ in shelf.sketches(flows.flows, 3)] == [[0], [1]]
