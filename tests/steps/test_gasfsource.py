"""GASF images in npz files, there and back."""

import numpy as np
import pytest

from netdiffus.api.verbs import prepare
from netdiffus.errors import InputError
from netdiffus.imaging.gasf import gasf
from netdiffus.steps.sources.gasf_images import read_gasf
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.bounds import parse_range

BOUNDS = (-1460.0, 1460.0)
SERIES = {"Twitch": [[-517, 1448, 1448, -64, 0, 0]], "Slack": [[-1460, 1460, -1, 1, 0, 7], [1460] * 6]}


def images(series, form: str) -> np.ndarray:
    G = gasf((np.array(series) + 1460) / 2920)
    return G / 2 + 0.5 if form == "0 to 1" else G


def write(folder, form: str, many: bool) -> None:
    for label, series in SERIES.items():
        (folder / label).mkdir(parents=True)
        if many:
            np.savez(folder / label / f"{label}_synthetic_samples.npz", images=images(series, form)[..., None])
        else:
            for number, image in enumerate(images(series, form)):
                np.savez(folder / label / f"{label}_{number}.npz", x=image)


@pytest.mark.parametrize("form", ["-1 to 1", "0 to 1"])
@pytest.mark.parametrize("many", [False, True])
def test_there_and_back(tmp_path, form, many) -> None:
    write(tmp_path / "images", form, many)
    read = read_gasf(tmp_path / "images", BOUNDS, None, strip_padding=False).read
    expected = {label: sorted(series) for label, series in SERIES.items()}
    found: dict[str, list] = {}
    for label, size, direction in read.traces.select("label", "size", "direction").iter_rows():
        signed = [s if d else -s for s, d in zip(size, direction, strict=True)]
        found.setdefault(label, []).append(signed)
    assert {label: sorted(series) for label, series in found.items()} == expected
    assert read.faults == {}
    stripped = read_gasf(tmp_path / "images" / "Twitch", BOUNDS, None, strip_padding=True).read
    assert stripped.traces["size"].to_list() == [[517, 1448, 1448, 64]]


def test_noise_is_averaged_over_the_whole_image(tmp_path) -> None:
    rng = np.random.default_rng(0)
    signed = rng.integers(-1400, 1400, (50, 10))
    noisy = images(signed, "-1 to 1") + rng.normal(0, 0.02, (50, 10, 10))
    np.savez(tmp_path / "A_synthetic_samples.npz", images=noisy)
    read = read_gasf(tmp_path / "A_synthetic_samples.npz", BOUNDS, None, strip_padding=False).read
    assert set(read.traces["label"]) == {"A"}
    size, direction = (np.array(read.traces[name].to_list()) for name in ("size", "direction"))
    error = np.abs(np.where(direction == 1, size, -size) - signed).mean()
    diagonal = np.sqrt(np.clip((np.diagonal(noisy, axis1=1, axis2=2) + 1) / 2, 0, 1)) * 2920 - 1460
    assert error < 0.6 * np.abs(diagonal - signed).mean()


def test_as_a_dataset(tmp_path) -> None:
    write(tmp_path / "images", "0 to 1", many=False)
    dataset = prepare(tmp_path / "images", tmp_path / "dataset", gasf="-1460,1460", strip_padding=True)
    card, traces = read_dataset(dataset)
    assert [channel.name for channel in card.channels] == ["size", "direction"]
    assert sorted(card.labels) == ["Slack", "Twitch"]
    assert card.sources[0].file == "images"
    assert len(card.sources[0].sha256) == 64
    assert set(traces["source"]) == {"images"}
    by_file = prepare(tmp_path / "images", tmp_path / "other", gasf="-1460,1460", labels="file")
    assert sorted(read_dataset(by_file)[0].labels) == ["Slack_0", "Slack_1", "Twitch_0"]


def test_images_that_cannot_be_used(tmp_path) -> None:
    good = images([[1, 2]], "-1 to 1")
    bad = np.where(np.eye(2), np.nan, good[0])
    np.savez(tmp_path / "A_synthetic_samples.npz", images=np.stack([good[0] * 1.5, bad]))
    read = read_gasf(tmp_path, BOUNDS, None, strip_padding=False).read
    assert len(read.traces) == 1
    assert read.faults.pop("image with a value that is no number, left out") == 1
    assert read.faults.keys() <= {"value of an image is outside [-1, 1]"}
    with pytest.raises(InputError, match=r"npz files with GASF images in or below .*; got none"):
        read_gasf(tmp_path / "nowhere", BOUNDS, None, strip_padding=False)
    np.savez(tmp_path / "B.npz", x=np.eye(3))
    with pytest.raises(InputError, match=r"images of 2 pixels in every file; got 3 in .*B"):
        read_gasf(tmp_path, BOUNDS, None, strip_padding=False)
    for name, arrays in {"key": {"y": np.eye(2)}, "shape": {"x": np.zeros((2, 3))}, "flat": {"x": np.zeros(4)}}.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(InputError, match=r"square images .* under the key x or images or arr_0; got"):
            read_gasf(tmp_path / f"{name}.npz", BOUNDS, None, strip_padding=False)
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(InputError, match=r"an npz file with GASF images; got .*text"):
        read_gasf(tmp_path / "text.npz", BOUNDS, None, strip_padding=False)


@pytest.mark.parametrize("text", ["", "5", "3,1", "1,1", "a,b", "0,inf", "1,2,3"])
def test_a_range_is_two_numbers(text) -> None:
    assert parse_range("-1460, 1460") == BOUNDS
    with pytest.raises(InputError, match="--gasf LOW,HIGH"):
        parse_range(text)
