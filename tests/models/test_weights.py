"""Weights and resume states of strangers: nothing is allocated for what does not fit the manifest."""

import json
import resource
import shutil

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from netdiffus import limits
from netdiffus.api.verbs import prepare, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.store.model import RESUME, WEIGHTS, read_header


@pytest.fixture
def model(small_model, tmp_path):
    return shutil.copytree(small_model, tmp_path / "model")


def refused(model) -> str:
    with pytest.raises(InputError) as error:
        load_model(model)
    return str(error.value)


def with_config(model, **options: object) -> None:
    card = json.loads((model / "model.json").read_text())
    card["config"] |= options
    (model / "model.json").write_text(json.dumps(card))


def test_a_huge_network_of_small_weights_takes_no_memory(model) -> None:
    with_config(model, width=limits.WIDTH, depth=limits.DEPTH)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "the unknown" in refused(model) or "weights that fit model.json" in refused(model)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB; the network would take 50 GB


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 64}, r"of \(\d+, 64\)|\(64"),
        ({"depth": 1}, "the unknown 'blocks.1"),
        ({"depth": 3}, "no 'blocks.2"),
        ({"label_dropout": 0.5}, "weights that fit model.json"),
    ],
)
def test_weights_of_other_sizes(options, words, model) -> None:
    with_config(model, **options)
    with pytest.raises(InputError, match=words):
        load_model(model)


def test_weights_of_another_number_of_labels(model) -> None:
    card = json.loads((model / "model.json").read_text())
    card["labels"]["third"] = 1
    for alphabet in card["codec"]["alphabets"]:
        alphabet["counts"].append(alphabet["counts"][0])
    (model / "model.json").write_text(json.dumps(card))
    assert "weights that fit model.json" in refused(model)


def test_values_that_cannot_be(model) -> None:
    good = load_file(model / WEIGHTS)
    for name, value in [("fine.heads.0.weight", torch.nan), ("label.weight", torch.inf), ("prior0", -torch.inf)]:
        save_file(good | {name: torch.full_like(good[name], value)}, model / WEIGHTS)
        assert f"finite numbers in the weights {name}; got NaN or infinity" in refused(model)


def test_priors_of_other_shapes(model) -> None:
    good = load_file(model / WEIGHTS)
    labels, length, codes = good["prior0"].shape
    for shape in [(labels + 1, length, codes), (labels, length - 1, codes), (labels, length, codes + 1), (codes,)]:
        save_file(good | {"prior0": torch.zeros(shape)}, model / WEIGHTS)
        words = f"weights that fit model.json: prior0 of {(labels, length, codes)}, torch.float32; got {shape}"
        assert words in refused(model)
    save_file(good | {"prior0": good["prior0"].double()}, model / WEIGHTS)
    assert "prior0 of" in refused(model)
    save_file({name: value for name, value in good.items() if name != "prior1"}, model / WEIGHTS)
    assert "no 'prior1'" in refused(model)
    save_file(good | {"coarse_prior0": torch.zeros(labels, 2, 3)}, model / WEIGHTS)
    assert "the unknown 'coarse_prior0'" in refused(model)


def test_files_that_are_no_weights(model) -> None:
    for raw in (b"", b"\xff" * 8, b"\x02" + bytes(7) + b"{}"[:1], b"[" * 4000, (1 << 40).to_bytes(8, "little") + b"{"):
        (model / WEIGHTS).write_bytes(raw)
        assert "a safetensors file" in refused(model)
    lying = json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    (model / WEIGHTS).write_bytes(len(lying).to_bytes(8, "little") + lying + bytes(4))
    assert "a safetensors file" in refused(model)
    with pytest.raises(InputError, match="a safetensors file"):
        read_header(model / WEIGHTS)


def test_a_resume_state_of_another_training(model, small_dataset) -> None:
    good = load_file(model / RESUME)

    def without(name: str) -> dict[str, torch.Tensor]:
        return {key: value for key, value in good.items() if key != name}

    moment = next(name for name in good if name.startswith("optimiser.") and good[name].ndim == 2)
    for state, words in [
        (without("weights.position"), "weights.position of .*; got none"),
        (good | {"weights.norm.bias": torch.zeros(1)}, r"weights.norm.bias of .*; got \(1,\)"),
        (good | {"average.norm.bias": good["average.norm.bias"] * torch.nan}, "finite numbers in average.norm.bias"),
        (without("best.norm.bias"), "best.norm.bias of .*; got none"),
        (good | {"weights.surprise": torch.zeros(1)}, "the state of this network; got the unknown"),
        (good | {"surprise": torch.zeros(1)}, "the state of a training; got the unknown 'surprise'"),
        (good | {moment: torch.zeros(3, 3)}, "moments of this network"),
        (good | {"optimiser.9.9.step": torch.tensor(1.0)}, "moments of this network"),
        (good | {"step": torch.tensor(-5)}, "step, a number from 0 on; got -5"),
        (good | {"seconds": torch.tensor(torch.nan)}, "seconds, a number from 0 on; got nan"),
        (good | {"step": torch.zeros(2)}, "step, a number from 0 on; got a tensor"),
        (without("generator"), "the state of a random generator"),
        (good | {"generator": torch.zeros(3, dtype=torch.uint8)}, "the state of a random generator"),
    ]:
        save_file(state, model / RESUME)
        with pytest.raises(InputError, match=words):
            train(small_dataset, model, preset="tiny", steps=61, resume=True)
    save_file(good, model / RESUME)
    train(small_dataset, model, preset="tiny", steps=61, resume=True)


@pytest.fixture
def counted(tmp_path):
    """A model with counted contexts: each size follows from the one before it, and traces repeat."""
    table = pl.DataFrame(
        {"size": [[100 * ((k + i) % 3 + 1) for i in range(4)] for k in range(600)], "label": ["a", "b"] * 300}
    )
    table.write_parquet(tmp_path / "table.parquet")
    dataset = prepare(tmp_path / "table.parquet", tmp_path / "dataset")
    model = train(dataset, tmp_path / "counted", preset="tiny", steps=1, seed=0)
    assert json.loads((model / "model.json").read_text())["codec"]["contexts"][0]
    return model


def test_counted_contexts_come_back(counted) -> None:
    table = load_model(counted).network.contexts.tables(0)[0]
    assert bool((table.keys[1:] > table.keys[:-1]).all())
    assert int(table.ends[-1]) == len(table.codes) == len(table.counts)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("codes", 1 << 40),
        ("codes", -1),
        ("ends", 1 << 40),
        ("ends", -5),
        ("keys", 0),
        ("counts", -1.0),
        ("totals", 0.0),
    ],
)
def test_counted_contexts_that_cannot_be(name, wrong, counted) -> None:
    good, key = load_file(counted / WEIGHTS), f"contexts.channels.0.0.{name}"
    save_file(good | {key: torch.full_like(good[key], wrong)}, counted / WEIGHTS)
    assert "counted contexts that fit model.json" in refused(counted)


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([[0, 0]], "contexts of codes that are drawn before"),
        ([[1, 1]], "contexts of codes that are drawn before"),
        ([[0, 1, 2]], "places"),
        ([], "places"),
    ],
)
def test_contexts_of_what_is_not_drawn_yet(places, words, counted) -> None:
    card = json.loads((counted / "model.json").read_text())
    card["codec"]["contexts"][0][0]["places"] = places
    (counted / "model.json").write_text(json.dumps(card))
    assert words in refused(counted)


def test_contexts_of_other_sizes_take_no_memory(counted) -> None:
    card = json.loads((counted / "model.json").read_text())
    card["codec"]["contexts"][0][0]["entries"] = limits.CONTEXTS
    (counted / "model.json").write_text(json.dumps(card))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "weights that fit model.json: contexts.channels.0.0." in refused(counted)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
