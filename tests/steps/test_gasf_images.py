"""image: traces to images and back, exact through .npz, with the loss stated through .png."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.imaging.gasf import gasf
from netdiffus.steps.images.config import ImageConfig
from netdiffus.steps.images.gasf import from_images, to_images
from netdiffus.steps.inputs.load import load_traces
from shared_files import parity

CHANNELS = ["size", "direction", "gap_ns"]


def there_and_back(table, tmp_path, form: str, model=None, **options):
    losses = to_images(table, tmp_path / form, ImageConfig.of(form=form, **options), model)
    from_images(tmp_path / form, tmp_path / f"{form}.parquet")
    return losses, pl.read_parquet(tmp_path / f"{form}.parquet")


def by_label(table) -> pl.DataFrame:
    """Rows as the folders have them: by label, then in their order."""
    return load_traces(table).traces.sort("label", maintain_order=True)


def test_npz_is_exact(small_table, tmp_path) -> None:
    losses, back = there_and_back(small_table, tmp_path, "npz")
    assert losses == []
    assert back.select("label", *CHANNELS).equals(by_label(small_table).select("label", *CHANNELS))


@pytest.mark.parametrize("scale", ["minmax", "log"])
def test_range_scales_are_exact_for_sizes(scale, small_table, tmp_path) -> None:
    _, back = there_and_back(small_table, tmp_path, "npz", scale=scale)
    before = by_label(small_table)
    assert back.select("label", "size", "direction").equals(before.select("label", "size", "direction"))
    gap, was = (table["gap_ns"].explode().to_numpy() for table in (back, before))
    assert (
        np.abs(gap - was).max() <= 1e-6 * was.max()
        if scale == "minmax"
        else (np.abs(gap - was) <= 1e-4 * was + 1).all()
    )


@pytest.mark.parametrize("scale", ["empirical", "minmax"])
def test_the_loss_of_png_is_what_is_said(scale, small_table, tmp_path) -> None:
    losses, back = there_and_back(small_table, tmp_path, "png", scale=scale)
    assert [loss.channel for loss in losses] == CHANNELS
    before = by_label(small_table)
    same = (back["size"].list.len() == before["size"].list.len()).to_numpy()
    assert losses[0].lengths == (~same).sum()
    for loss in losses:
        was, now = (table.filter(pl.Series(same))[loss.channel].explode().to_numpy() for table in (before, back))
        change = np.abs(now.astype(float) - was)
        if same.all():
            assert change.mean() == pytest.approx(loss.mean)
            assert change.max() == loss.largest
        assert change.max() <= loss.largest
    assert (losses[0].largest > 0) == (scale == "minmax")  # four sizes alone: wide intervals, nothing is lost


def test_a_model_s_scale(small_table, small_model, tmp_path) -> None:
    _, back = there_and_back(small_table, tmp_path, "npz", model=small_model)
    known = by_label(small_table)
    # the model's scale knows the training part alone: other gaps go to the nearest
    assert back["size"].list.len().equals(known["size"].list.len())
    assert back["size"].equals(known["size"])


def test_what_is_refused(small_table, small_model, tmp_path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    np.savez(tmp_path / "a" / "b" / "x.npz", x=np.zeros((4, 4)))
    with pytest.raises(InputError, match=r"scale\.json beside the images; got none"):
        from_images(tmp_path / "a", tmp_path / "t.csv")
    with pytest.raises(InputError, match="one of the suffixes"):
        from_images(tmp_path / "a", tmp_path / "t.doc")
    pl.DataFrame({"label": ["web"], "size": [[1, 2]]}).write_parquet(tmp_path / "web.parquet")
    with pytest.raises(InputError, match=r"the model's channels .*; got no direction"):
        to_images(tmp_path / "web.parquet", tmp_path / "out", ImageConfig.of(), small_model)
    other = load_traces(small_table).traces.with_columns(label=pl.lit("web"))
    other.write_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="labels among bulk, chat; got 'web'"):
        to_images(tmp_path / "other.parquet", tmp_path / "out", ImageConfig.of(), small_model)
    assert not (tmp_path / "out").exists()
    to_images(small_table, tmp_path / "pics", ImageConfig.of(form="npz"))
    np.savez(next((tmp_path / "pics" / "chat").iterdir()), x=np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"images of shape \(2, .*; got \(1, 3, 3\) in chat"):
        from_images(tmp_path / "pics", tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("channels", ["smell", "gap_ns"], "codec.channels among size, direction"),
        ("length", 10**6, "scale.json.codec.length less than or equal to 1024"),
        ("angle", "acute", "scale.json.codec.angle 'normal' or 'direct'"),
        ("scales", [{"kind": "log", "low": -1, "high": 2.0**40, "absent": True}] * 2, "values of signed_size from"),
    ],
)
def test_a_scale_of_a_stranger(place, value, words, small_table, tmp_path) -> None:
    to_images(small_table, tmp_path / "images", ImageConfig.of(form="npz"))
    card = json.loads((tmp_path / "images" / "scale.json").read_text())
    card["codec"][place] = value
    (tmp_path / "images" / "scale.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=words):
        from_images(tmp_path / "images", tmp_path / "back.csv")


def test_images_of_netdiffus_2(tmp_path) -> None:
    sizes = np.array([[-517, 1448, 0, 64], [100, -1460, 1460, 3]])
    (tmp_path / "set" / "App").mkdir(parents=True)
    for k, row in enumerate(sizes):
        np.savez(tmp_path / "set" / "App" / f"row_{k}.npz", x=gasf((row + 1460) / 2920))
    assert from_images(tmp_path / "set", tmp_path / "t.parquet", (-1460.0, 1460.0)) == 2
    table = pl.read_parquet(tmp_path / "t.parquet")
    signed = np.array(table["size"].to_list()) * (2 * np.array(table["direction"].to_list()) - 1)
    assert np.array_equal(signed, sizes)
    assert table["label"].to_list() == ["App", "App"]


def test_images_of_netdiffus_2_fixtures(tmp_path) -> None:
    found = parity("gasf_mirage.safetensors")
    (tmp_path / "set" / "App").mkdir(parents=True)
    for k, image in enumerate(found["G"]):
        np.savez(tmp_path / "set" / "App" / f"{k:02d}.npz", x=image)
    from_images(tmp_path / "set", tmp_path / "t.parquet", (-1460.0, 1460.0))
    table = pl.read_parquet(tmp_path / "t.parquet")
    assert np.array_equal(np.array(table["size"].to_list()), np.abs(found["signed"]))
