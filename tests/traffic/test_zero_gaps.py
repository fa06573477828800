"""Labels none of whose traces has times."""

import polars as pl

from netdiffus.traffic.zero_gaps import ZeroGaps


def warnings_of(*rows: tuple[str, list[int]]) -> list[str]:
    found = ZeroGaps()
    for row in rows:
        found.add(pl.DataFrame([row], schema={"label": pl.String, "gap_ns": pl.List(pl.Int64)}, orient="row"))
    return found.warnings()


def test_a_label_without_times_is_named():
    (words,) = warnings_of(("mail", [0, 0, 0]), ("web", [0, 5]), ("web", [0, 0]), ("one", [0]))
    assert words == "all gaps are 0 (the source has no times) under mail: a model learns that no time passes there"


def test_where_all_have_times_there_is_no_warning():
    assert warnings_of(("web", [0, 5]), ("one", [0]), ("one", [])) == []


def test_many_labels_are_counted():
    (words,) = warnings_of(*((f"label {k}", [0, 0]) for k in range(8)))
    assert "label 0, label 1, label 2, label 3, label 4 and 3 more" in words


def test_series_without_gaps_tell_nothing():
    found = ZeroGaps()
    found.add(pl.DataFrame({"label": ["a"], "size": [[1, 2]]}))
    assert found.warnings() == []
