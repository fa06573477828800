"""Checkpoints: sizes read off the shapes, tensors of their own, and one line for what is no checkpoint."""

import zipfile

import fixtures
import pytest
import torch

from netdiffus.diffusion.checkpoint import read_checkpoint, shape_of
from netdiffus.diffusion.unet import UNet, UNetShape, published_shape
from netdiffus.errors import InputError

SHAPES = [
    UNetShape(1, 2, 32, (1,), 1, frozenset(), 4, None),
    UNetShape(3, 6, 32, (1, 1, 2), 1, frozenset({2, 4}), 4, 20),
    UNetShape(2, 4, 64, (1, 3), 2, frozenset({1}), 2, 5),
    published_shape(128, 3, 20, width=128, blocks=3, heads=4),
    published_shape(10, 1, 14, width=128, blocks=3, heads=4),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_are_read_off_the_shapes(shape) -> None:
    with torch.device("meta"):
        weights = UNet(shape).state_dict()
    assert shape_of(weights, shape.heads) == shape


def saved(tmp_path, weights: object):
    torch.save(weights, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_tensors_are_copies_without_gradients(tmp_path) -> None:
    flat = torch.nn.Parameter(torch.arange(6, dtype=torch.float16))
    read = read_checkpoint(saved(tmp_path, {"a": flat[:4].detach(), "b": flat[4:].detach(), "c": flat}))
    assert read["b"].tolist() == [4, 5]
    for value in read.values():
        assert value.dtype == torch.float32
        assert not value.requires_grad
        assert value.untyped_storage().nbytes() == value.nbytes


class Planted:
    """What a pickle could run."""

    def __reduce__(self):
        return (print, ("this must not be printed",))


def test_what_is_no_checkpoint(tmp_path, capsys) -> None:
    network = UNet(SHAPES[0])
    with pytest.raises(InputError, match=r"nothing\.pt, which does not exist"):
        read_checkpoint(tmp_path / "nothing.pt")
    (tmp_path / "letter.pt").write_text("Dear reader")
    with pytest.raises(InputError, match=r"a guided-diffusion checkpoint .*; got .*letter\.pt"):
        read_checkpoint(tmp_path / "letter.pt")
    optimiser = torch.optim.AdamW(network.parameters()).state_dict()
    with pytest.raises(InputError, match="an optimiser's state; name the model or ema file beside it"):
        read_checkpoint(saved(tmp_path, optimiser))
    with pytest.raises(InputError, match="which holds other things than tensors"):
        read_checkpoint(saved(tmp_path, {"weights": network.state_dict()}))
    with pytest.raises(InputError, match="a guided-diffusion checkpoint"):
        read_checkpoint(saved(tmp_path, {"planted": Planted()}))
    assert "must not be printed" not in capsys.readouterr().out


def refused(path) -> str:
    with pytest.raises(InputError) as error:
        read_checkpoint(path)
    said = str(error.value)
    assert "weights_only" not in said  # torch's advice how to run what is in the file
    assert "trust" not in said
    return said


def test_hostile_files_are_refused_in_our_own_words(tmp_path) -> None:
    assert refused(saved(tmp_path, {"planted": Planted()})).endswith(
        "model.pt, which holds what is no plain tensor; decompress it, or name another file"
    )
    torch.save({"planted": Planted()}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert "which holds what is no plain tensor" in refused(tmp_path / "old.pt")
    for raw in (b"", b"PK\3\4", b"\x80\x02", b"\x80\x02" + b"(" * 100_000, b"\x80\x04.", bytes(99)):
        (tmp_path / "raw.pt").write_bytes(raw)
        assert "a guided-diffusion checkpoint" in refused(tmp_path / "raw.pt")


def test_tensors_that_are_larger_than_what_is_stored(tmp_path) -> None:
    wide = torch.zeros(1).expand(10**6, 10**6)
    assert "'a' of more numbers than the file holds" in refused(saved(tmp_path, {"a": wide}))
    strided = torch.zeros(10**4).as_strided((10**4, 10**3), (1, 0))
    assert "'a' of more numbers than the file holds" in refused(saved(tmp_path, {"a": strided}))
    whole = torch.zeros(10**5)
    assert "many views of the same numbers" in refused(saved(tmp_path, {str(k): whole for k in range(50)}))
    assert "NaN or infinity" in refused(saved(tmp_path, {"a": torch.tensor([torch.nan])}))
    assert "of type torch.complex64" in refused(saved(tmp_path, {"a": torch.zeros(2, dtype=torch.complex64)}))
    assert "without plain numbers" in refused(saved(tmp_path, {"a": torch.zeros(9).to_sparse()}))


def test_archives_of_compressed_parts(tmp_path) -> None:
    path = saved(tmp_path, {"a": torch.zeros(1 << 22)})
    with zipfile.ZipFile(path) as parts, zipfile.ZipFile(tmp_path / "z.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for part in parts.infolist():
            packed.writestr(part.filename, parts.read(part))
    assert (tmp_path / "z.pt").stat().st_size < 100_000
    assert "an archive of compressed parts; save it again with torch.save" in refused(tmp_path / "z.pt")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_blocks.0.0.weight": torch.zeros(0, 1, 3, 3)}, "tensors without those of a U-Net"),
        ({"input_blocks.0.0.weight": torch.zeros(32, 0, 3, 3)}, "a U-Net whose channels in is from 1 to 16; got 0"),
        ({"input_blocks.0.0.weight": torch.zeros(31, 1, 3, 3)}, "a width that is a multiple of 32; got 31"),
        ({"input_blocks.0.0.weight": torch.zeros(32)}, "tensors without those of a U-Net"),
        ({"input_blocks.0.0.weight": torch.zeros(())}, "tensors without those of a U-Net"),
        ({"input_blocks.999999999999.0.x": torch.zeros(1)}, "at most 256 input blocks; got 1,000,000,000,000"),
        ({"input_blocks." + "9" * 5000 + ".0": torch.zeros(1)}, "tensors without those of a U-Net"),
        ({"label_emb.weight": torch.zeros(0, 128)}, "a U-Net whose classes is from 1 to 65,536; got 0"),
        (
            {"input_blocks.1.0.in_layers.2.weight": torch.zeros(32 * 999, 1, 1, 1)},
            "multiplier is from 1 to 16; got 999",
        ),
    ],
)
def test_sizes_that_no_network_has(changes, words) -> None:
    with pytest.raises(InputError, match=words):
        shape_of(dict(UNet(SHAPES[0]).state_dict()) | changes, 4)


def test_weights_of_another_network() -> None:
    weights = dict(UNet(SHAPES[0]).state_dict())
    with pytest.raises(InputError, match="3 tensors without those of a U-Net"):
        shape_of({name: torch.zeros(1) for name in "abc"}, 4)
    with pytest.raises(InputError, match="got the unknown 'extra'"):
        shape_of(weights | {"extra": torch.zeros(1)}, 4)
    with pytest.raises(InputError, match=r"got no 'out\.0\.weight'"):
        shape_of({name: value for name, value in weights.items() if name != "out.0.weight"}, 4)
    with pytest.raises(InputError, match=r"out\.0\.bias of shape \(32,\); got \(5,\)"):
        shape_of(weights | {"out.0.bias": torch.zeros(5)}, 4)
    with pytest.raises(InputError, match="heads that divide 32 channels; got 5"):
        shape_of(weights, 5)
    with pytest.raises(InputError, match="2 channels out, noise and variance of 1; got 1"):
        shape_of(UNet(UNetShape(1, 1, 32, (1,), 1, frozenset(), 4, None)).state_dict(), 4)


@pytest.mark.parametrize("kind", ["rgb", "s10"])
@pytest.mark.parametrize(("name", "answer"), [("model010000.pt", "out"), ("ema_0.9999_010000.pt", "ema.out")])
def test_checkpoints_of_the_reference(kind, name, answer, tmp_path) -> None:
    weights = read_checkpoint(fixtures.checkpoint(tmp_path, fixtures.FOLDERS[kind], name))
    assert shape_of(weights, 4) == fixtures.SHAPES[kind]
    network = UNet(fixtures.SHAPES[kind])
    network.load_state_dict(weights)
    found = fixtures.tensors(fixtures.FILES[kind])
    with torch.inference_mode():
        assert (network(found["x"], found["t"], found["y"]) - found[answer]).abs().max() < 5e-5


def test_a_checkpoint_of_the_shipped_weights(tmp_path) -> None:
    weights = read_checkpoint(fixtures.rewritten(tmp_path))
    assert shape_of(weights, 4) == fixtures.SHAPES["s10"]
    network = UNet(fixtures.SHAPES["s10"])
    network.load_state_dict(weights)
    found = fixtures.tensors(fixtures.FILES["s10"])
    with torch.inference_mode():
        assert (network(found["x"], found["t"], found["y"]) - found["out"]).abs().max() < 5e-5


def test_a_half_precision_training_s_checkpoint(tmp_path) -> None:
    weights = read_checkpoint(fixtures.checkpoint(tmp_path, "checkpoint_series10_fp16", "model010000.pt"))
    expected = fixtures.network("s10").state_dict()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())
    assert all(value.untyped_storage().nbytes() == value.nbytes for value in weights.values())


@pytest.mark.parametrize("kind", ["rgb", "s10"])
def test_the_reference_s_optimiser_is_refused(kind) -> None:
    with pytest.raises(InputError, match="an optimiser's state"):
        read_checkpoint(fixtures.shared(f"parity/{fixtures.FOLDERS[kind]}/opt010000.pt"))
