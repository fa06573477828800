"""Connection records: can a detector tell them from real ones by what Zeek's conn.log says of a connection?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.detector import FOLDS, auc_interval, detector_auc
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.samples import Rows, matching, sample
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets
from netdiffus.traffic.whole.conn_state import conn_state, history_bits
from netdiffus.traffic.whole.flows import WholeFlows

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

MOST = 4_000  # connections of each side
FEWEST = 20
DRAWS = 2
AUC = ScoreType(
    "connections.auc", "min",
    "area under the ROC curve of gradient boosting that tells synthetic from real records: protocol, server port, "
    "duration, packets, IP and payload bytes of both sides, state, and history of flags",
    useless=1.0, useless_is="1", unit="AUC", evidence=("records",),
)  # fmt: skip


def connections(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """The AUC, cross-validated, on equally many records of each label; the floor is between halves of the real ones."""
    rows = sets.rows([whole.labels for whole in sets.wholes], rng, 2 * MOST)
    table = np.concatenate([records(whole.flows) for whole in sets.wholes])
    seed = int(rng.integers(2**31))
    value, count = _auc(rows.test, rows.synthetic, table, rng, seed)
    if value is None:
        yield AUC.score(None, note=f"needs {FEWEST} flows of shared labels in each half and synthetic; got {count}")
        return
    draws = [_auc(*draw, table, rng, seed)[0] for draw in resamples(rows, rng, DRAWS)]
    span = auc_interval([draw for draw in draws if draw is not None], count)
    yield AUC.score(value, span, note=f"gradient boosting, {FOLDS} folds, {count} records of each side")


def records(flows: WholeFlows) -> Floats:
    """Connection records as numbers (F, 26); they have no addresses and no client port."""
    parts = [
        flows.protocol, flows.server_port, flows.duration_ns, flows.packets, flows.ip_bytes, flows.payload,
        conn_state(flows.protocol, flows.packets, flows.history, flows.reset_by), history_bits(flows.history),
    ]  # fmt: skip
    return np.column_stack([np.asarray(part, np.float64) for part in parts])


def _auc(real: Rows, other: Rows, table: Floats, rng: np.random.Generator, seed: int) -> tuple[float | None, int]:
    from sklearn.ensemble import HistGradientBoostingClassifier  # before its threads are limited

    other = sample(matching(other, real, rng), MOST, rng)
    real = matching(real, other, rng)
    if len(real) < FEWEST:
        return None, len(real)

    def boosted(x: Floats, y: NDArray[np.intp]) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(random_state=seed).fit(x, y)

    with threadpool_limits(1):  # on busy cores its threads wait for each other a hundred times longer than they work
        return detector_auc(table[real.numbers], table[other.numbers], boosted, seed), len(real)


METRIC = Metric(
    connections,
    WholeSets,
    "Can a detector tell connection records from real ones?",
    "whole",
    (AUC,),
    missing=NEEDS,
)
