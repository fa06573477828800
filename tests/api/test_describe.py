"""describe returns what is at a path as data, and `info --json` prints the same."""

import json
from pathlib import Path

import pytest

from netdiffus import describe, recordings
from netdiffus.cli import main as cli
from netdiffus.errors import InputError
from netdiffus.steps.images.config import ImageConfig
from netdiffus.steps.images.gasf import to_images
from netdiffus.store.cards import DatasetCard, ModelCard


def as_json(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, object]:
    assert cli.run(["info", str(path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_dataset(small_dataset, capsys) -> None:
    found = describe(small_dataset)
    assert found.kind == "dataset"
    assert found.card == DatasetCard.read(small_dataset)
    said = as_json(capsys, small_dataset)
    assert said == found.to_json()
    assert said["labels"] == found.card.labels
    assert said["path"] == str(small_dataset)


def test_a_model(small_model, capsys) -> None:
    found, card = describe(str(small_model)), ModelCard.read(small_model)
    said = as_json(capsys, small_model)
    assert said == found.to_json()
    assert (said["kind"], said["steps"], said["labels"]) == ("model", card.steps, card.labels)
    assert said["channels"] == list(found.manifest.codec.channels)


def test_a_table(tmp_path, capsys) -> None:
    (tmp_path / "t.csv").write_text('label,size\nweb,"[1, 2]"\ndns,"[3]"\nweb,"[4]"\n')
    found = describe(tmp_path / "t.csv")
    assert (found.kind, found.rows, found.labels, found.channels) == ("table", 3, {"dns": 1, "web": 2}, ["size"])
    assert as_json(capsys, tmp_path / "t.csv") == found.to_json()


def test_a_capture(capsys) -> None:
    path = next(iter(sorted(recordings.folder().rglob("*.pcap*"))))
    found = describe(path)
    assert found.kind == "capture"
    assert sum(found.protocols.values()) == found.summary.flows > 0
    assert as_json(capsys, path) == found.to_json()


def test_images(small_dataset, tmp_path, capsys) -> None:
    out = tmp_path / "images"
    to_images(small_dataset, out, ImageConfig.of(length=8, form="png"))
    found = describe(out)
    assert found.kind == "images"
    assert found.files == {"npz": 0, "png": len(list(out.rglob("*.png")))}
    assert found.files["png"]
    assert as_json(capsys, out) == found.to_json()
    assert cli.run(["info", str(out)]) == 0
    assert "labels: bulk, chat" in capsys.readouterr().out


def test_a_report(tmp_path, capsys) -> None:
    from netdiffus.store.report import write_report

    entry = {"name": "a.b", "value": 0.5, "floor": 0.1, "ceiling": None, "goal": "min", "unit": "", "note": ""}
    write_report(tmp_path / "report", [entry | {"label": None}, entry | {"label": "web"}], "", "", b"")
    found = describe(tmp_path / "report")
    assert [score.value for score in found.scores] == [0.5]
    assert as_json(capsys, tmp_path / "report") == found.to_json()


def test_what_is_none_of_these(tmp_path) -> None:
    with pytest.raises(InputError, match="a folder that is none"):
        describe(tmp_path)
    with pytest.raises(InputError, match="which does not exist"):
        describe(tmp_path / "nothing")
