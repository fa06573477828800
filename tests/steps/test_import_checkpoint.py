"""import: a checkpoint becomes a model that generate samples from."""

import json

import fixtures
import numpy as np
import polars as pl
import pytest
import torch

from netdiffus.api.verbs import generate
from netdiffus.diffusion import discrete
from netdiffus.diffusion.schedule import Schedule
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.models.backends import load_model
from netdiffus.models.seeds import block_streams, torch_seed
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.bounds import parse_range
from small_checkpoint import checkpoint, imported


def test_traces_come_out_with_a_scale(tmp_path) -> None:
    model = imported(tmp_path, labels=["web", "dns", "mail"], scale=(-1460.0, 1460.0))
    assert ModelCard.read(model).labels == {"web": 1, "dns": 1, "mail": 1}
    table = pl.read_parquet(generate(model, tmp_path / "s.parquet", count=9))
    assert table["label"].value_counts().sort("label").rows() == [("dns", 3), ("mail", 3), ("web", 3)]
    assert set(table["size"].list.len()) == {6}
    assert table["size"].explode().max() <= 1460
    assert table["direction"].explode().is_in([0, 1]).all()


@pytest.mark.parametrize("sampler", ["learned", "heun", "dpm++2m", "ddim", "ancestral", "ddpm"])
def test_every_sampler_draws_from_it(sampler, tmp_path) -> None:
    model = imported(tmp_path)
    with np.load(generate(model, tmp_path / "s.npz", count=6, sampler=sampler, sampling_steps=5)) as arrays:
        assert arrays["images"].shape == (6, 1, 6, 6)
        assert np.isfinite(arrays["images"]).all()
        assert arrays["labels"].tolist() == ["0", "0", "1", "1", "2", "2"]


def test_three_channels_and_no_classes(tmp_path) -> None:
    model = imported(tmp_path, checkpoint(tmp_path, channels=3, classes=None))
    with np.load(generate(model, tmp_path / "s.npz", count=2, sampling_steps=3)) as arrays:
        assert arrays["images"].shape == (2, 3, 6, 6)
    folder = generate(model, tmp_path / "pictures", count=2, sampling_steps=3)
    assert len(list(folder.rglob("*.png"))) == 6


def test_its_losses_can_be_taken(tmp_path) -> None:
    losses = {}
    for schedule in ("cosine", "linear"):
        model = imported(tmp_path, labels=["web", "dns", "mail"], scale=(-1460.0, 1460.0), schedule=schedule, steps=40)
        series = np.array([[[100.0, 0, 1460] * 2, [1.0, 0, 1] * 2]] * 2)
        losses[schedule] = load_model(model).losses(Traces(series, np.array(["web", "mail"])))
        assert np.isfinite(losses[schedule]).all()
    assert (losses["cosine"] != losses["linear"]).all()  # the schedule that the weights were trained with


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("config", "shape", "width"), 0, "config.shape.width greater than or equal to 1"),
        (("config", "shape", "width"), 10**9, "config.shape.width less than or equal to"),
        (("config", "shape", "width"), 64, "weights that fit model.json"),
        (("config", "shape", "heads"), 5, "heads that divide 32 channels"),
        (("config", "shape", "multipliers"), [1] * 99, "config.shape.multipliers"),
        (("config", "shape", "attention"), [-3], "config.shape.attention.0 greater than or equal to 1"),
        (("config", "shape", "attention"), [1], "the 129 weights that fit model.json; got no 'input_blocks.1.1"),
        (("codec", "length"), 512, "attention on at most 128 pixels a side; got 256"),
        (("config", "shape", "classes"), 4, "a U-Net of 1 channels and 3 labels"),
        (("config", "timesteps"), 10**9, "config.timesteps less than or equal to 10000"),
        (("config", "schedule"), "sigmoid", "config.schedule 'cosine' or 'linear'; got 'sigmoid'"),
        (("codec", "length"), 7, "a length that 1 levels halve; got 7"),
        (("codec", "channels"), ["a", "b"], "a U-Net of 2 channels"),
        (("codec", "codec"), "gasf", "codec.angle to be there"),
        (("labels",), {"0": 1}, "a U-Net of 1 channels and 1 labels"),
    ],
)
def test_an_imported_model_with_one_value_changed(place, value, words, tmp_path) -> None:
    model = imported(tmp_path)
    load_model(model)
    card = here = json.loads((model / "model.json").read_text())
    for part in place[:-1]:
        here = here[part]
    here[place[-1]] = value
    (model / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=words):
        load_model(model)


def test_what_is_refused(tmp_path) -> None:
    path = checkpoint(tmp_path)
    for options, words in [
        ({"image_size": 7}, "--image-size, a multiple of 2; got 7"),
        ({"labels": ["a", "b"]}, "3 different labels, one for each class; got 2"),
        ({"labels": ["a", "b", "a"]}, "3 different labels, one for each class; got 2"),
        ({"schedule": "linear"}, "more steps of the linear schedule, whose noise is all at once; got 20"),
        ({"schedule": "sigmoid"}, "a schedule among linear, cosine; got 'sigmoid'"),
        ({"heads": 5}, "heads that divide 32 channels; got 5"),
    ]:
        with pytest.raises(InputError, match=words):
            imported(tmp_path, path, **options)
    with pytest.raises(InputError, match="a checkpoint of one channel for --scale; got 3"):
        imported(tmp_path, checkpoint(tmp_path, channels=3), scale=(0.0, 1.0))
    assert not (tmp_path / "model").exists()
    model = imported(tmp_path, checkpoint(tmp_path))
    with pytest.raises(InputError, match="import it again with --scale"):
        generate(model, tmp_path / "s.csv")
    with pytest.raises(InputError, match="a model trained with --label-dropout for --guidance"):
        generate(model, tmp_path / "s.npz", guidance=2.0)
    with pytest.raises(InputError, match="a sampler among learned, heun"):
        generate(model, tmp_path / "s.npz", sampler="euler")
    with pytest.raises(InputError, match="between 1 and 20 steps of 20; got 21"):
        generate(model, tmp_path / "s.npz", sampling_steps=21)


def test_scale_of_the_command_line() -> None:
    assert parse_range("-1460,1460", "--scale") == (-1460, 1460)
    for wrong in ("1", "a,b", "3,1", "1,2,3", "nan,1", "-inf,inf", "0,1e30"):
        with pytest.raises(InputError, match="--scale LOW,HIGH"):
            parse_range(wrong, "--scale")


@pytest.mark.parametrize("shipped", [True, False], ids=["shipped weights", "the reference's file"])
def test_the_reference_s_checkpoint_samples_as_the_reference_does(shipped, tmp_path) -> None:
    reference = ("checkpoint_series10", "model010000.pt")
    path = fixtures.rewritten(tmp_path) if shipped else fixtures.checkpoint(tmp_path, *reference)
    model = imported(tmp_path, path, image_size=10, steps=100, scale=(-1460.0, 1460.0))
    with np.load(generate(imported(tmp_path, path, image_size=10, steps=100), tmp_path / "s.npz", count={"3": 2},
                          sampling_steps=10, seed=4)) as arrays:  # fmt: skip
        drawn = torch.from_numpy(arrays["images"])
    assert ModelCard.read(model).config["shape"]["classes"] == 14
    noise_of_block, _ = block_streams(4, label=3, block=0)
    network, generator = fixtures.network("s10"), torch.Generator().manual_seed(torch_seed(noise_of_block))

    def noise(x: torch.Tensor) -> torch.Tensor:
        return torch.randn(2, 1, 10, 10, generator=generator)

    with torch.inference_mode():
        *_, expected = discrete.sample(
            Schedule.named("cosine", 100, "10"),
            lambda x, t: network(x, t, torch.tensor([3, 3])),
            noise(torch.empty(0)),
            noise,
        )
    assert (drawn - expected).abs().max() < 1e-3
