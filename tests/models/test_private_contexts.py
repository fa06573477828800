"""Noisy tables as counted contexts: however many shares they have, the table is one that a model may have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netdiffus import limits
from netdiffus.diffusion.contexts import Contexts, ContextSpec
from netdiffus.models import private_contexts
from netdiffus.models.weights import check_contexts

ALL = limits.CONTEXTS
SPEC = ContextSpec(((0, 1),), 1.0, 0, 0, placed=True)


@pytest.mark.parametrize("most", [ALL, 5000, 2000, 300])
def test_a_table_that_would_be_too_large_keeps_what_is_likeliest(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(40, 0.3), 200)
    monkeypatch.setattr(limits, "CONTEXTS", most)
    table = private_contexts._table(SPEC, torch.from_numpy(rng.permutation(200)), [shares[:120], shares[120:]])
    assert len(table.codes) <= most
    assert table.spec.entries == len(table.codes)
    check_contexts(Contexts([[table]]), [40])
    if most == ALL:
        assert len(table.codes) == (shares > private_contexts.LEAST).sum()
    kept = table.counts[:, 0].numpy() / private_contexts.SURE
    each = np.add.reduceat(kept, table.ends[:-1].numpy())
    assert each.min() > (0.9 if most > 4000 else 0.05), "what is left out is little, as long as there is room"
    assert kept.min() > 0
