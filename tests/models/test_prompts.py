"""Models of prompts end to end, on tiny random bases of three families and without one."""

import csv
import json

import numpy as np
import pytest
import torch

from netdiffus import generate, recordings, train
from netdiffus.cli import main as cli
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.steering import Steering
from netdiffus.models.sampling import Request, Sampling
from netdiffus.store.model import ModelCard, read_state, read_weights
from netdiffus.wire.conformance.check import check_capture
from small_bases import FAMILIES

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
FEW = {"image": "prompt", "batch_images": 2, "length": 4}


def of_base(base):
    """Options of a training on a base."""
    return FEW | {"base": str(base), "control": True, "rank": 2}


@pytest.fixture(scope="module")
def own(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("own") / "model"
    return train(dataset, out, image="prompt", base="none", steps=4, batch_images=4, width=16)


@pytest.fixture(scope="module")
def models(dataset, bases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {family: train(dataset, folder / family, steps=2, **of_base(bases[family])) for family in FAMILIES}


def drawn(model, **steering):
    steps = {"steps": 2, "steering": Steering(**steering)}
    return next(iter(model.sample(Request(np.zeros(1, np.int64), Sampling(**steps), 0)))).shown


def test_a_prompt_becomes_a_capture_without_findings(own, tmp_path) -> None:
    out = tmp_path / "made.pcap"
    generate(own, out, prompt="dns, udp, 4 packets", count=5, sampling_steps=3)
    assert check_capture(out).clean
    rows = list(csv.DictReader(out.with_suffix(".pcap.labels.csv").read_text().splitlines()))
    assert {row["label"] for row in rows} == {"dns"}
    account = json.loads(out.with_suffix(".pcap.json").read_text())
    assert account["packets_asked"] >= 5
    assert account["config"]["prompt"] == "dns, udp, 4 packets"


@pytest.mark.parametrize("suffix", [".parquet", ".nprint.npz", ""])
def test_counts_of_labels_become_every_form(suffix, own, tmp_path) -> None:
    out = tmp_path / f"made{suffix}"
    generate(own, out, count={"dns": 1, "ntp": 2}, sampling_steps=2)
    assert out.exists()


def test_the_autoencoder_keeps_bits(own) -> None:
    codec = load_model(own).codec
    assert isinstance(codec, PromptCodec)
    assert codec.wrong <= 0.001
    assert codec.components > 0


def test_texts_change_what_is_drawn_and_seeds_repeat_it(own) -> None:
    model = load_model(own)
    first, again, other = (drawn(model, prompt=text) for text in ("dns, udp", "dns, udp", "ntp, udp, 2 packets"))
    assert np.array_equal(first, again)
    assert first.shape == other.shape


@pytest.mark.parametrize("family", ["none", *FAMILIES])
def test_resumed_and_uninterrupted_trainings_are_the_same(family, dataset, bases, models, tmp_path) -> None:
    parts = tmp_path / "parts"
    if family == "none":
        options = FEW | {"base": "none", "width": 16}
        whole = train(dataset, tmp_path / "whole", steps=2, **options)
    else:
        options, whole = of_base(bases[family]), models[family]
    train(dataset, parts, steps=1, **options)
    train(dataset, parts, steps=2, resume=True, **options)
    for read in (read_weights, read_state):
        one, two = read(whole), read(parts)
        one.pop("seconds", None), two.pop("seconds", None)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_folder_holds_what_was_trained_and_not_the_base(family, models, bases) -> None:
    names = read_weights(models[family]).keys()
    assert {name.partition(".")[0] for name in names} == {"core", "controlnet"}
    assert all("lora" in name for name in names if name.startswith("core."))
    card = ModelCard.read(models[family])
    assert card.config["family"] == family
    assert len(str(card.config["base_hash"])) == 64
    text = (models[family] / "README.md").read_text()
    assert str(card.config["base_hash"])[:16] in text


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_and_presence_maps_change_what_is_drawn(family, models) -> None:
    model = load_model(models[family])
    codec, painter = model.codec, model.painter
    pictures = torch.zeros(1, 3, codec.rgb.height, codec.rgb.width)
    latents = painter.encode(pictures)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    told, time = painter.condition(["dns, udp"]), torch.tensor([500])
    with torch.no_grad():
        for name, parameter in painter.network.named_parameters():
            if "lora_B" in name or "zero" in name or "controlnet_blocks" in name or "controlnet_mid" in name:
                parameter.add_(0.1)
        plain = painter.predict(noise, time, told, None)
        steered = painter.predict(noise, time, told, torch.ones_like(pictures))
        painter.network.core.disable_adapters()
        without = painter.predict(noise, time, told, None)
    assert plain.shape == noise.shape
    assert not torch.equal(plain, steered)
    assert not torch.equal(plain, without)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_whole_way_from_a_base_to_a_capture(family, models, tmp_path) -> None:
    out = tmp_path / "made.pcap"
    control = str(recordings.captures()["dns"][0]) if family == "sd15" else None
    generate(models[family], out, prompt="ntp, udp, 3 packets", count=2, sampling_steps=2, control=control)
    assert check_capture(out).clean


def test_another_base_is_refused_and_a_moved_one_is_asked_for(models, bases, tmp_path) -> None:
    with pytest.raises(InputError, match=r"the base of this model, sd15 \(hash .*\); got another model at .*sdxl"):
        load_model(models["sd15"], bases["sdxl"])
    moved = bases["sd15"].rename(tmp_path / "moved")
    try:
        with pytest.raises(
            InputError, match=r"the base of this model, sd15; got no folder .*; name its folder with --base"
        ):
            load_model(models["sd15"])
        load_model(models["sd15"], moved)
    finally:
        moved.rename(bases["sd15"])


def test_what_a_base_loses_is_said_before_the_training(dataset, bases, tmp_path, capsys) -> None:
    words = ["train", str(dataset), "--image", "prompt", "--base", str(bases["sd15"]), "--out", str(tmp_path / "model")]
    assert cli.run([*words, "--steps", "1", "--batch-images", "1"]) == 0
    said = capsys.readouterr().out
    assert said.index("of the bits come back wrong") < said.index("model: ")
    assert "advice: " in said


def test_a_prompt_without_a_known_label_is_drawn_with_a_warning(own, tmp_path, capsys) -> None:
    out = tmp_path / "made.pcap"
    words = ["generate", str(own), "--prompt", "nothing, 200 packets", "--count", "1", "--sampling-steps", "2"]
    assert cli.run([*words, "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "warning: the prompt names no label that the model knows (dns, ntp)" in said
    assert "warning: the prompt names 200 packets; the model's pictures show 4" in said
    assert "prompt," in out.with_suffix(".pcap.labels.csv").read_text()


def test_sizes_that_do_not_fit_are_refused(dataset, bases, tmp_path) -> None:
    base = {"base": str(bases["sd15"]), "steps": 1, "image": "prompt"}
    with pytest.raises(InputError, match=r"--resolution from 4x\d+ on, in multiples of 4 .*; got 8x64"):
        train(dataset, tmp_path / "model", resolution="8x64", **base)
