"""How models of prompts are trained: arithmetic, offload, batches of a step, and a ControlNet without a base."""

import numpy as np
import pytest
import torch

from netdiffus import generate, recordings, train
from netdiffus.models.backends import load_model
from netdiffus.models.sampling import Request, Sampling
from netdiffus.store.model import read_weights
from netdiffus.wire.conformance.check import check_capture
from small_bases import FAMILIES

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
FEW = {"image": "prompt", "batch_images": 2, "length": 4, "steps": 1}


@pytest.fixture(scope="module")
def steered(dataset, tmp_path_factory):
    """Without a base, with a ControlNet."""
    out = tmp_path_factory.mktemp("steered") / "model"
    return train(dataset, out, **FEW | {"steps": 4}, width=16, control=True)


@pytest.mark.parametrize("family", ["none", *FAMILIES])
def test_bfloat16_trains_float32_weights_and_draws(family, dataset, bases, tmp_path) -> None:
    options = {"base": str(bases[family]), "control": True} if family != "none" else {"width": 16}
    model, out = tmp_path / "model", tmp_path / "made.pcap"
    train(dataset, model, precision="bf16", **options, **FEW)
    weights = read_weights(model)
    assert all(value.dtype == torch.float32 for value in weights.values())
    generate(model, out, prompt="dns, udp", count=1, sampling_steps=2)
    assert check_capture(out).clean


@pytest.mark.parametrize("family", ["sd15", "sd3"])
def test_offloaded_and_resident_parts_train_the_same(family, dataset, bases, tmp_path) -> None:
    options = FEW | {"base": str(bases[family])}
    train(dataset, tmp_path / "resident", **options)
    train(dataset, tmp_path / "offloaded", offload=True, **options)
    one, two = (read_weights(tmp_path / name) for name in ("resident", "offloaded"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_batches_of_a_step_are_more_images(dataset, tmp_path) -> None:
    one, two = (train(dataset, tmp_path / f"{n}", accumulate=n, width=16, **FEW) for n in (1, 2))
    assert not torch.equal(*(read_weights(model)["unet.conv_in.weight"] for model in (one, two)))


def test_presence_maps_steer_a_model_without_a_base(steered) -> None:
    model = load_model(steered)
    codec, painter = model.codec, model.painter
    maps = torch.zeros(1, 3, codec.rgb.height, codec.rgb.width)
    noise = torch.randn(painter.encode(maps).shape, generator=torch.Generator().manual_seed(0))
    told, time = painter.condition(["dns, udp"]), torch.tensor([500])
    with torch.no_grad():
        without, empty, full = (painter.predict(noise, time, told, each) for each in (None, maps, maps + 1))
    assert not torch.equal(without, empty)
    assert not torch.equal(empty, full)


def test_a_capture_gives_presence_maps_to_a_model_without_a_base(steered, tmp_path) -> None:
    out = tmp_path / "made.pcap"
    control = str(recordings.captures()["dns"][0])
    generate(steered, out, prompt="dns, udp", count=3, sampling_steps=2, control=control)
    assert check_capture(out).clean
    drawn = next(iter(load_model(steered).sample(Request(np.zeros(2, np.int64), Sampling(steps=2), 0))))
    assert drawn.shown.shape[0] == 2
