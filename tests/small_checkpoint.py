"""A small guided-diffusion checkpoint with random weights, and the model that it becomes."""

import torch

from netdiffus.diffusion.unet import UNet, UNetShape
from netdiffus.models.import_config import ImportConfig
from netdiffus.steps.import_checkpoint import import_checkpoint


def checkpoint(tmp_path, channels: int = 1, classes: int | None = 3):
    torch.manual_seed(0)
    network = UNet(UNetShape(channels, 2 * channels, 32, (1, 2), 1, frozenset({2}), 4, classes))
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.05)
    torch.save(network.state_dict(), tmp_path / "ema.pt")
    return tmp_path / "ema.pt"


def imported(tmp_path, path=None, **options):
    config = ImportConfig.of(**({"image_size": 6, "steps": 20} | options))
    import_checkpoint(path or checkpoint(tmp_path), tmp_path / "model", config)
    return tmp_path / "model"
