"""Every step yields records of one shape: a share that grows to 1, and a note."""

import itertools

import pytest

from netdiffus.models.options import train_options
from netdiffus.steps.generate import generate
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.steps.train import train


@pytest.mark.parametrize("verb", ["prepare", "train", "generate"])
def test_shares_grow_to_one(verb, small_table, small_dataset, small_model, tmp_path) -> None:
    out = tmp_path / ("out.csv" if verb == "generate" else "out")
    records = {
        "prepare": lambda: prepare([small_table], out, PrepareConfig.of()),
        "train": lambda: train(small_dataset, out, train_options("tiny", steps=3)),
        "generate": lambda: generate(small_model, out, GenerateConfig.of(count=4)),
    }[verb]()
    shown = [(record.share, record.note) for record in records]
    shares = [share for share, _ in shown]
    assert shares[-1] == 1
    assert all(0 <= before <= after for before, after in itertools.pairwise(shares))
    assert all(note for _, note in shown)
