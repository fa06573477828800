"""train --epsilon: what leaves the data is in the ledger, and what cannot be paid for is refused."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.api.describe import describe
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.privacy import units
from netdiffus.privacy.ledger import epsilon_of
from netdiffus.store.cards import DatasetCard, ModelCard


def table(labels: dict[str, int], groups: int | None = None) -> pl.DataFrame:
    """Traces of up to six packets, each label with sizes of its own; groups of like size."""
    rng, rows = np.random.default_rng(0), []
    for number, (label, count) in enumerate(labels.items()):
        for _ in range(count):
            length = int(rng.integers(3, 7))
            sizes = rng.choice([517, 1448, 64 + number], length).tolist()
            rows.append({"size": sizes, "direction": rng.integers(0, 2, length).tolist(), "label": label})
    frame = pl.DataFrame(rows)
    if groups is None:
        return frame
    return frame.with_columns(group=pl.Series((np.arange(len(frame)) % groups).tolist()))


def dataset(folder, labels: dict[str, int] | None = None, groups: int | None = None, **options):
    folder.mkdir(exist_ok=True)
    table(labels or {"chat": 400, "video": 400}, groups).write_parquet(folder / "t.parquet")
    return prepare(folder / "t.parquet", folder / "dataset", **({"packets": 8} | options))


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    return dataset(tmp_path_factory.mktemp("flows"))


@pytest.fixture(scope="module")
def model(flows, tmp_path_factory):
    return train(flows, tmp_path_factory.mktemp("private") / "model", epsilon=4.0)


def test_the_ledger_in_the_card_adds_up_to_no_more_than_epsilon(model) -> None:
    privacy = ModelCard.read(model).privacy
    assert privacy is not None
    assert (privacy.epsilon, privacy.delta, privacy.unit) == (4.0, 1e-4, "flow")
    assert 3.9 < epsilon_of(privacy.entries, privacy.delta) <= 4.0
    # eight positions of one channel of the image: each is one count of a look
    assert {entry.name: entry.cells for entry in privacy.entries} == {
        "traces of each label": 1,
        "values of each channel by position": 8,
        "codes by label and position": 8,
        "codes after codes by position": 8,
        "codes after contexts by label and position": 8,
    }


def test_nothing_else_of_the_data_is_in_the_folder(flows, model) -> None:
    files = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert files == {"model.json", "weights.safetensors", "README.md"}  # no loss of a trace, nothing to go on from
    card, source = ModelCard.read(model), DatasetCard.read(flows)
    text = (model / "model.json").read_text() + (model / "README.md").read_text()
    assert source.hash[:16] not in text
    assert card.held_out == []
    assert card.warnings == []
    learned = {label: parts["train"] for label, parts in source.labels.items()}
    assert list(card.labels) == list(learned)
    assert card.labels != learned or train_again_differs(flows, model)


def train_again_differs(flows, model) -> bool:
    again = train(flows, model.parent / "again", epsilon=4.0)
    return ModelCard.read(again).labels != ModelCard.read(model).labels


def test_the_seed_does_not_bring_the_noise_back(flows, model, tmp_path) -> None:
    again = train(flows, tmp_path / "again", epsilon=4.0, seed=0)
    assert (again / "weights.safetensors").read_bytes() != (model / "weights.safetensors").read_bytes()


def test_card_and_description_say_the_sentence(model) -> None:
    sentence = "satisfy (4, 0.0001)-differential privacy with respect to adding or removing any one flow"
    readme = " ".join((model / "README.md").read_text().split())
    assert sentence in readme
    assert "no formal" not in readme
    assert "Nothing here is a formal privacy guarantee" not in readme
    found = describe(model).to_json()["privacy"]
    assert found["epsilon"] == 4.0
    assert json.dumps(found)


def test_draws_are_of_public_values_and_of_the_labels(model, tmp_path) -> None:
    generate(model, tmp_path / "s.parquet", count={"chat": 300, "video": 300})
    drawn = pl.read_parquet(tmp_path / "s.parquet")
    assert drawn["label"].value_counts().sort("label").rows() == [("chat", 300), ("video", 300)]
    assert drawn["size"].list.len().max() <= 8
    own = {"chat": 64, "video": 65}
    share = {label: (drawn.filter(label=label)["size"].explode() == value).mean() for label, value in own.items()}
    assert all(share[label] > 0.15 for label in own), share
    assert np.isfinite(load_model(model).losses(some_traces(drawn))).all()


def test_an_evaluation_states_epsilon_where_the_model_drew_the_traces(flows, model, tmp_path, only_metrics) -> None:
    only_metrics("membership_audit")
    generate(model, tmp_path / "s.parquet", count={"chat": 300, "video": 300})
    found = evaluate(flows, tmp_path / "s.parquet", model=model, baselines=False)
    stated, audit = found["membership.epsilon"], found["membership.audit_epsilon"]
    assert stated.value == 4.0
    assert "any one flow" in stated.note
    assert audit.value is not None
    assert not audit.flagged
    others = tmp_path / "others.parquet"
    pl.read_parquet(tmp_path / "s.parquet").with_columns(source=pl.lit("another")).write_parquet(others)
    assert "membership.epsilon" not in [score.name for score in evaluate(flows, others, model=model, baselines=False)]


def some_traces(drawn: pl.DataFrame):
    from netdiffus.metrics import Traces
    from netdiffus.traffic.traces import series

    return Traces(series(drawn, 8, ["size", "direction"]), drawn["label"].to_numpy().astype(np.str_))


def test_a_group_counts_a_few_times_at_most(tmp_path) -> None:
    grouped = dataset(tmp_path / "g", groups=40)
    found = ModelCard.read(train(grouped, tmp_path / "m", epsilon=1.0, unit="group", most_per_group=2)).privacy
    assert found is not None
    assert (found.unit, found.most_per_group) == ("group", 2)
    assert {entry.sensitivity for entry in found.entries} == {2}
    assert found.delta == pytest.approx(1e-3)  # of 40 groups, not of 640 flows
    assert "any one group (of which at most 2 are counted)" in found.sentence


REFUSED = {
    "epsilon of 0": ({"epsilon": 0.0}, "epsilon"),
    "epsilon below 0": ({"epsilon": -1.0}, "epsilon"),
    "delta of 1/n": ({"epsilon": 1.0, "delta": 0.01}, "below 1/n"),
    "delta alone": ({"delta": 1e-6}, "--epsilon with --delta"),
    "a bound without groups": ({"epsilon": 1.0, "most_per_group": 3}, "--unit group"),
    "no groups": ({"epsilon": 1.0, "unit": "group"}, "dataset with groups"),
    "early stopping": ({"epsilon": 1.0, "patience": 3}, "--epsilon without --patience"),
    "validation": ({"epsilon": 1.0, "validation": 0.1}, "--epsilon without --validation"),
    "a fitted scale": ({"epsilon": 1.0, "scale": "minmax"}, "--epsilon without --scale"),
    "steps": ({"epsilon": 1.0, "steps": 10}, "--epsilon without --steps"),
    "a published preset": ({"epsilon": 1.0, "preset": "netdiffus"}, "published training"),
    "public traces without a guarantee": ({"public": "recordings"}, "--epsilon with --public"),
    "public traces that are not there": ({"epsilon": 1.0, "public": "nowhere"}, "nowhere"),
    "going on": ({"epsilon": 1.0, "resume": True}, "without --resume"),
    "minutes": ({"epsilon": 1.0, "minutes": 1.0}, "--epsilon without --minutes.* not trained in steps"),
    "balanced labels": ({"epsilon": 1.0, "balance": True}, "--epsilon without --balance"),
    "labels left out": ({"epsilon": 1.0, "label_dropout": 0.1}, "--epsilon without --label-dropout"),
    "contexts": ({"epsilon": 1.0, "contexts": 1000}, "--epsilon without --contexts"),
    "shifted copies": ({"epsilon": 1.0, "shifts": 1}, "a copy of a flow counts once more"),
    "a preset that is not there": ({"epsilon": 1.0, "preset": "few"}, "a preset among default, tiny"),
    "the other published preset": ({"epsilon": 1.0, "preset": "netdiffus2"}, "published training"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_paid_for_is_refused_with_the_reason(name, flows, tmp_path) -> None:
    options, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        train(flows, tmp_path / "m", **options)
    assert not (tmp_path / "m").exists()


def test_a_group_that_is_no_unit_is_refused_before_anything_is_counted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(units, "LARGEST_GROUP", 3)
    grouped = dataset(tmp_path / "g", {"chat": 320, "video": 320}, groups=40)
    with pytest.raises(InputError, match="groups of at most 3 rows for --unit group"):
        train(grouped, tmp_path / "m", epsilon=1.0, unit="group")
    assert not (tmp_path / "m").exists()


def test_a_label_of_one_trace_is_refused(tmp_path) -> None:
    single = dataset(tmp_path / "s", {"chat": 100, "video": 100, "rare": 1}, test=0.0)
    with pytest.raises(InputError, match="'rare' of one"):
        train(single, tmp_path / "m", epsilon=1.0)


def test_the_length_is_public_or_asked_for(tmp_path) -> None:
    unknown = dataset(tmp_path / "s", packets=None)
    assert DatasetCard.read(unknown).packets is None
    with pytest.raises(InputError, match="the longest trace is private"):
        train(unknown, tmp_path / "m", epsilon=1.0)
    assert ModelCard.read(train(unknown, tmp_path / "m", epsilon=1.0, length=4)).codec["length"] == 4


def test_the_card_names_the_public_traces_that_a_training_began_from(flows, tmp_path) -> None:
    public = dataset(tmp_path / "known", {"chat": 300, "mail": 200})
    made = train(flows, tmp_path / "m", epsilon=1.0, public=str(public))
    privacy = ModelCard.read(made).privacy
    assert privacy is not None
    assert privacy.public == f"dataset, dataset {DatasetCard.read(public).hash[:16]}"
    assert f"began from public traces: {privacy.public}" in (made / "README.md").read_text()
    assert str(tmp_path) not in (made / "model.json").read_text()
    assert epsilon_of(privacy.entries, privacy.delta) <= 1.0
    generate(made, tmp_path / "s.parquet", count={"chat": 20})


def test_the_private_dataset_is_no_public_one(flows, tmp_path) -> None:
    with pytest.raises(InputError, match="the dataset whose flows --epsilon protects"):
        train(flows, tmp_path / "m", epsilon=1.0, public=str(flows))


def test_public_traces_have_the_private_channels(flows, tmp_path) -> None:
    table({"chat": 50, "video": 50}).drop("direction").write_parquet(tmp_path / "t.parquet")
    sizes = prepare(tmp_path / "t.parquet", tmp_path / "sizes", packets=8)
    with pytest.raises(InputError, match="without direction"):
        train(flows, tmp_path / "m", epsilon=1.0, public=str(sizes))
