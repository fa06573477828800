"""The published U-Net: names, shapes and counts by hand, numbers by fixtures of the reference."""

import hashlib
import math

import fixtures
import pytest
import torch

from netdiffus.diffusion import unet
from netdiffus.diffusion.unet import AttentionBlock, UNet, UNetShape, published_shape, timestep_embedding
from netdiffus.errors import InputError

KINDS = ("rgb", "s10")
SMALL = UNetShape(2, 4, 32, (1, 2), 1, frozenset({2}), 2, 3)


def names_hash(network: UNet) -> str:
    """Of all names and shapes, in order."""
    text = "\n".join(f"{name} {tuple(value.shape)}" for name, value in network.state_dict().items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("pixels", "channels", "classes", "parameters"), [(10, 1, 14, 20_971_906), (128, 3, 20, 125_080_838)]
)
def test_the_published_sizes(pixels, channels, classes, parameters) -> None:
    with torch.device("meta"):
        network = UNet(published_shape(pixels, channels, classes, width=128, blocks=3, heads=4))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize(("kind", "digest"), [("rgb", "40d4cd123da95dfa"), ("s10", "9132696e994788d5")])
def test_names_and_shapes_do_not_change(kind, digest) -> None:
    with torch.device("meta"):
        assert names_hash(UNet(fixtures.SHAPES[kind])) == digest


def test_shapes_of_what_comes_out() -> None:
    x, t, label = torch.randn(3, 2, 6, 10), torch.tensor([0, 5, 99]), torch.tensor([0, 1, 2])
    assert UNet(SMALL)(x, t, label).shape == (3, 4, 6, 10)
    unconditional = UNet(UNetShape(2, 2, 32, (1, 2), 1, frozenset(), 2, None))
    assert unconditional(x, t).shape == x.shape


def test_a_fresh_network_answers_zero() -> None:
    assert not UNet(SMALL)(torch.randn(1, 2, 8, 8), torch.tensor([3]), torch.tensor([0])).any()


def test_labels_outside_the_table_are_errors() -> None:
    for label in (3, -1):
        with pytest.raises(IndexError):
            UNet(SMALL)(torch.randn(1, 2, 8, 8), torch.tensor([3]), torch.tensor([label]))


def test_sizes_that_cannot_be() -> None:
    with pytest.raises(InputError, match="an image of a multiple of 16 pixels; got 130; set --length 128"):
        published_shape(130, 1, 2, width=32, blocks=1, heads=4)
    with pytest.raises(InputError, match="a width that is a multiple of 32; got 48"):
        published_shape(10, 1, 2, width=48, blocks=1, heads=4)


def test_embedding_by_hand() -> None:
    embedding = timestep_embedding(torch.tensor([0, 1]), 5)
    assert embedding[0].tolist() == [1, 1, 0, 0, 0]
    expected = torch.tensor([1.0, 0.01, 1.0, 0.01, 0.0])
    expected = torch.cat([expected[:2].cos(), expected[2:].sin()])
    assert torch.allclose(embedding[1], expected, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_names_equal_the_reference(kind) -> None:
    assert list(UNet(fixtures.SHAPES[kind]).state_dict()) == fixtures.parameter_order(kind)


@pytest.mark.parametrize("width", [32, 33, 128])
@pytest.mark.parametrize("kind", KINDS)
def test_embedding_equals_the_reference(kind, width) -> None:
    found = fixtures.tensors(fixtures.FILES[kind])
    # processors differ in the last bit of exp, and a frequency's last bit grows with the phase
    phase = found["temb.t"][:, None] * 1.0
    error = (timestep_embedding(found["temb.t"], width) - found[f"temb.dim{width}"]).abs()
    assert (error <= 1e-6 + 2**-23 * phase).all()


@pytest.mark.parametrize(("kind", "block"), [("rgb", "input_blocks.3.1"), ("s10", "input_blocks.1.1")])
def test_attention_equals_the_reference(kind, block) -> None:
    found = fixtures.tensors(fixtures.FILES[kind])
    attention = fixtures.network(kind).get_submodule(block)
    assert isinstance(attention, AttentionBlock)
    assert (attention(found["attn.in"]) - found["attn.out"]).abs().max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_every_block_equals_the_reference(kind) -> None:
    found, network = fixtures.tensors(fixtures.FILES[kind]), fixtures.network(kind)
    seen: dict[str, torch.Tensor] = {}
    stages = [
        (f"{part}.{index}", stage)
        for part in ("input_blocks", "output_blocks")
        for index, stage in enumerate(getattr(network, part))
    ]
    for name, module in [*stages, ("middle_block", network.middle_block), ("time_embed", network.time_embed)]:
        module.register_forward_hook(lambda module, inputs, out, name=name: seen.__setitem__(name, out.detach()))
    network(found["x"], found["t"], found["y"])
    assert (seen.pop("time_embed") - found["act.time_embed"]).abs().max() < 5e-5
    assert {f"act.{name}.slice" for name in seen} == {key for key in found if key.endswith(".slice")}
    for name, out in seen.items():
        flat = out.flatten(1)
        stats = torch.stack([flat.mean(1), flat.std(1), flat.abs().amax(1)], dim=1)
        assert (out[:, :8, :4, :4] - found[f"act.{name}.slice"]).abs().max() < 5e-5, name
        assert (stats - found[f"act.{name}.stats"]).abs().max() < 5e-5, name


@pytest.mark.parametrize("kind", KINDS)
def test_answers_equal_the_reference(kind) -> None:
    found, network = fixtures.tensors(fixtures.FILES[kind]), fixtures.network(kind)
    with torch.inference_mode():
        out = network(found["x"], found["t"], found["y"])
    assert (out - found["out"]).abs().max() < 5e-5
    assert (out - found["out_f64"]).abs().max() < 5e-5


@pytest.mark.parametrize("kind", KINDS)
def test_answers_in_double_precision_equal_the_reference_to_the_last_digits(kind, monkeypatch) -> None:
    def exact(t: torch.Tensor, width: int) -> torch.Tensor:
        half = width // 2
        frequency = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        phase = t[:, None].double() * frequency.double()
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    monkeypatch.setattr(unet, "timestep_embedding", exact)
    found, network = fixtures.tensors(fixtures.FILES[kind]), fixtures.network(kind).double()
    with torch.inference_mode():
        out = network(found["x"].double(), found["t"], found["y"])
    assert (out - found["out_f64"]).abs().max() < 1e-6
