"""model.json and dataset.json of strangers: whatever one value in them is, loading says so in one line."""

import json
import shutil

import pytest

from netdiffus.api.verbs import train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.manifest import read_model
from netdiffus.store.cards import DatasetCard, ModelCard


@pytest.fixture
def model(small_model, tmp_path):
    return shutil.copytree(small_model, tmp_path / "model")


@pytest.fixture
def dataset(small_dataset, tmp_path):
    return shutil.copytree(small_dataset, tmp_path / "dataset")


def changed(path, place: str, value: object) -> None:
    """The JSON file with one value replaced, or taken out where it is ..."""
    card = json.loads(path.read_text())
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    here = card
    for part in way:
        here = here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    path.write_text(json.dumps(card))


MODEL = [
    ("codec.length", -8, "codec.length greater than or equal to 1; got -8"),
    ("codec.length", 0, "codec.length greater than or equal to 1; got 0"),
    ("codec.length", 10**9, "codec.length less than or equal to 1024"),
    ("codec.length", "8", "codec.length a valid integer; got '8'"),
    ("codec.length", 8.5, "codec.length a valid integer; got 8.5"),
    ("codec.length", None, "codec.length a valid integer; got None"),
    ("codec.length", ..., "codec.length to be there; got nothing"),
    ("codec.codec", "jpeg", "codec.codec among gasf, packets, prompts, images; got 'jpeg'"),
    ("codec.channels", ..., "codec.channels to be there"),
    ("codec.channels", [], "codec.channels"),
    ("codec.channels", ["size", "direction"], "with 1 scales"),
    ("codec.channels", ["size", "size", "gap_ns"], "with different channels"),
    ("codec.channels", ["size", "direction", "smell"], "codec.channels among size, direction"),
    ("codec.channels", ["up_bytes", "down_bytes"], "values of up_bytes"),
    ("codec.angle", "acute", "codec.angle 'normal' or 'direct'"),
    ("codec.scales", [], "codec.scales"),
    ("codec.scales.0", {}, "codec.scales.0.empirical.values to be there"),
    ("codec.scales.0.values.1", None, "absence (null) nowhere but last"),
    ("codec.scales.0.values.1", -1e300, "greater than"),
    ("codec.scales.0.values.1", 40.0, "ascending"),
    ("codec.scales.0.values", [None], "with one value or more"),
    ("codec.scales.0.values.3", "8", "a valid number; got '8'"),
    ("codec.scales.0.edges.1", 0.9, "edges that ascend from 0 to 1"),
    ("codec.scales.0.edges.0", 0.1, "edges that ascend from 0 to 1"),
    ("codec.scales.0.edges", [0.0, 1.0], "edges for"),
    ("codec.scales.0.digits", -1, "codec.scales.0.empirical.digits"),
    ("codec.scales.0", {"kind": "log", "low": 5, "high": 1, "absent": True}, "a low end not above the high one"),
    ("codec.scales.0", {"kind": "sqrt", "low": 0, "high": 1, "absent": True}, "'minmax' or 'log'; got 'sqrt'"),
    ("codec.scales.1", {"kind": "log", "low": -9e18, "high": 9e18, "absent": True}, "values of gap_ns from"),
    ("codec.alphabets", [], "codec.alphabets; got none"),
    ("codec.alphabets.0.classes.0", -1, "codec.alphabets.0.classes.0"),
    ("codec.alphabets.0.classes.0", 3, "ascending from 0 without holes"),
    ("codec.alphabets.0.counts", [], "codec.alphabets.0.counts"),
    ("codec.alphabets.0.counts.0", [1], "counts of every label"),
    ("codec.alphabets.0.counts.0.0", -1, "codec.alphabets.0.counts.0.0"),
    ("labels", {}, "model.json.labels"),
    ("labels", {"chat": 1}, "counts of 1 labels; got 2"),
    ("labels.chat", 0, "model.json.labels.chat greater than or equal to 1; got 0"),
    ("labels.chat", -5, "model.json.labels.chat greater than or equal to 1; got -5"),
    ("labels.chat", 10**30, "model.json.labels.chat less than"),
    ("steps", -3, "model.json.steps greater than or equal to 0; got -3"),
    ("seconds", -1, "model.json.seconds greater than or equal to 0"),
    ("validation", {"loss": 1.0}, "with loss and step"),
    ("config.network", "transformer", "network among rows, unet, prompt, imported; got 'transformer'"),
    ("config.network", "unet", "model.json.config.length"),
    ("config.preset", "huge", "config.preset 'default', 'tiny', 'netdiffus' or 'netdiffus2'; got 'huge'"),
    ("config.image", "jpeg", "image 'gasf', 'series' or 'fields'; got 'jpeg'"),
    ("config.image", "fields", "codec.codec packets for --image fields; got gasf"),
    ("config.steps", 0, "steps greater than or equal to 1; got 0"),
    ("config.width", 0, "width greater than or equal to 8; got 0"),
    ("config.width", 10**9, "width less than or equal to 4096"),
    ("config.width", 33, "an even width that 2 heads divide; got 33"),
    ("config.heads", 0, "heads greater than or equal to 1"),
    ("config.depth", 10**9, "depth less than or equal to"),
    ("config.noised", 2, "noised less than or equal to 1"),
    ("config.noised", ..., ""),  # it has its default
    ("config.patch", 1, "config without unknown keys; got patch"),  # of an older format
    ("config.coarse", -1, "coarse greater than or equal to 0; got -1"),
    ("config.coarse", 65, "coarse less than or equal to 64; got 65"),
    ("config.coarse", 4, "a codec of 4 coarse rows for each channel; got 0 of 0 channels"),
    ("config.coarse", ..., ""),
    ("codec.coarse", {"rows": 1, "edges": [[]] * 3, "centres": [[0.0]] * 3}, "of 0 coarse rows for each channel"),
    ("config.dropout", 2, "dropout less than 1"),
    ("config.surprise", 1, "config without unknown keys; got surprise"),
    ("config", [], "model.json.config a valid dictionary"),
    ("codec", None, "model.json.codec a valid dictionary"),
    ("versions", {"torch": 2}, "model.json.versions.torch a valid string; got 2"),
]


@pytest.mark.parametrize(("place", "value", "words"), MODEL, ids=[f"{place}={value}"[:60] for place, value, _ in MODEL])
def test_a_model_with_one_value_changed(place, value, words, model) -> None:
    changed(model / "model.json", place, value)
    if not words:
        load_model(model)
        return
    with pytest.raises(InputError) as error:
        load_model(model)
    assert words in str(error.value)
    assert str(error.value).endswith(" again")


COARSE = [
    ("codec.coarse", None, "a codec of 3 coarse rows for each channel; got 0 of 0 channels"),
    ("codec.coarse", ..., "a codec of 3 coarse rows for each channel; got 0 of 0 channels"),
    ("codec.coarse.rows", 2, "a codec of 3 coarse rows for each channel; got 2 of 2 channels"),
    ("codec.coarse.rows", 0, "codec.coarse.rows greater than or equal to 1; got 0"),
    ("codec.coarse.rows", 65, "codec.coarse.rows less than or equal to 64; got 65"),
    ("codec.coarse.rows", "3", "codec.coarse.rows a valid integer; got '3'"),
    ("codec.coarse.edges", [], "codec.coarse.edges"),
    ("codec.coarse.edges.0", [0.5], "with a centre more than edges for each channel"),
    ("codec.coarse.edges.0.0", 3.9, "with edges and centres that ascend"),
    ("codec.coarse.edges.0.0", -1e300, "codec.coarse.edges.0.0 greater than or equal to -4"),
    ("codec.coarse.centres.0.0", 1e300, "codec.coarse.centres.0.0 less than or equal to 4"),
    ("codec.coarse.edges.0.0", None, "codec.coarse.edges.0.0 a valid number; got None"),
    ("codec.coarse.centres.1", [], "codec.coarse.centres.1"),
    ("codec.coarse.centres.1", [0.0] * 65, "codec.coarse.centres.1"),
    ("codec.coarse.surprise", 1, "codec.coarse without unknown keys; got surprise"),
    ("config.coarse", 2, "a codec of 2 coarse rows for each channel; got 3 of 2 channels"),
    ("config.coarse", 0, "a codec of 0 coarse rows for each channel; got 3 of 2 channels"),
    ("config.coarse", None, "a codec of 0 coarse rows for each channel; got 3 of 2 channels"),
]


@pytest.fixture(scope="module")
def coarse_model(small_dataset, tmp_path_factory):
    return train(small_dataset, tmp_path_factory.mktemp("coarse") / "model", preset="tiny", steps=1, coarse=3)


@pytest.mark.parametrize(
    ("place", "value", "words"), COARSE, ids=[f"{place}={value}"[:60] for place, value, _ in COARSE]
)
def test_coarse_rows_that_do_not_fit_the_codec(place, value, words, coarse_model, tmp_path) -> None:
    model = shutil.copytree(coarse_model, tmp_path / "model")
    load_model(model)
    changed(model / "model.json", place, value)
    with pytest.raises(InputError) as error:
        load_model(model)
    assert words in str(error.value)
    assert str(error.value).endswith(" again")


def test_coarse_rows_of_one_channel_too_few(coarse_model, tmp_path) -> None:
    model = shutil.copytree(coarse_model, tmp_path / "model")
    coarse = json.loads((model / "model.json").read_text())["codec"]["coarse"]
    fewer = coarse | {"edges": coarse["edges"][:1], "centres": coarse["centres"][:1]}
    changed(model / "model.json", "codec.coarse", fewer)
    with pytest.raises(InputError, match="a codec of 3 coarse rows for each channel; got 3 of 1 channels"):
        load_model(model)


def test_coarse_rows_read_unchanged(coarse_model) -> None:
    card, found = ModelCard.read(coarse_model), read_model(coarse_model)
    assert found.codec.coarse is not None
    assert found.codec.to_json() == card.codec


DATASET = [
    ("labels.chat", 3, "dataset.json.labels.chat a valid dictionary; got 3"),
    ("labels.chat.train", -3, "dataset.json.labels.chat.train greater than or equal to 0"),
    ("labels.chat.train", ..., "with the counts train and test"),
    ("sources.0.packets", -1, "dataset.json.sources.0.packets greater than or equal to 0"),
    ("sources.0.packets", 10**30, "dataset.json.sources.0.packets less than"),
    ("sources.0.file", "x" * 5000, "names and labels of at most 4,096 characters"),
    ("sources.0", "a.pcap", "dataset.json.sources.0 a valid dictionary"),
    ("channels", None, "dataset.json.channels a valid list; got None"),
    ("split.test", 7.0, "dataset.json.split.test less than or equal to 1; got 7.0"),
    ("bin_ns", 0, "dataset.json.bin_ns greater than or equal to 1"),
    ("packets", -64, "dataset.json.packets greater than or equal to 1"),
    ("test_duplicates", -1, "dataset.json.test_duplicates greater than or equal to 0"),
    ("format", "1", "a dataset of format 1"),
    ("format", {"a": [1] * 99}, "a dataset of format 1"),
]


@pytest.mark.parametrize(("place", "value", "words"), DATASET, ids=[place for place, _, _ in DATASET])
def test_a_dataset_with_one_value_changed(place, value, words, dataset) -> None:
    changed(dataset / "dataset.json", place, value)
    with pytest.raises(InputError) as error:
        DatasetCard.read(dataset)
    assert words in str(error.value)


def test_a_model_s_manifest_reads_unchanged(small_model) -> None:
    card, found = ModelCard.read(small_model), read_model(small_model)
    assert found.card == card
    assert found.codec.to_json() == card.codec
    assert json.loads((small_model / "model.json").read_text()) == found.card.model_dump(mode="json")


def test_what_is_written_can_be_read_or_is_refused(small_dataset, tmp_path, monkeypatch) -> None:
    card = DatasetCard.read(small_dataset)
    monkeypatch.setattr("netdiffus.limits.MANIFEST_VALUES", 3)
    with pytest.raises(InputError, match=r"at most 3 values in dataset\.json; got about .*; use fewer labels"):
        card.write(tmp_path)
    assert not list(tmp_path.iterdir())
