"""A small convolutional network on images of traces: the classifier, detector and embedding of the learned metrics.

NetDiffus (Sivaroopan et al. 2024) classifies GASF images with a CNN; its layers are not published as code, these are
ours: three convolutions with 16, 32 and 32 channels, two of them of stride 2, means over a grid of 4 x 4, 64 features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from netdiffus.arrays import Floats32

LAYERS = ((16, 4, 2), (32, 3, 2), (32, 3, 1))  # channels, kernel, stride
POOLED = 4
BATCH = 64
RATE = 4e-3
FEATURES = 64


class Cnn(nn.Module):
    """Images (N, C, H, W) → logits (N, classes)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, (width, kernel, stride) in zip((channels, *(layer[0] for layer in LAYERS)), LAYERS, strict=False):
            convolution = nn.Conv2d(before, width, kernel, stride=stride, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        layers += [
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Flatten(),
            nn.Linear(LAYERS[-1][0] * POOLED**2, FEATURES),
            nn.ReLU(),
        ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the last layer sees (N, 64)."""
        out: torch.Tensor = self.body(images)
        return out

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        out: torch.Tensor = self.head(self.features(images))
        return out


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread while the block runs: these images are small, and the same seed then gives the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def fit(images: Floats32, targets: NDArray[np.intp], classes: int, steps: int, seed: int) -> Cnn:
    """A network trained for so many steps with Adam on batches of 64, every draw from the seed."""
    order = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Cnn(images.shape[1], classes)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for _ in range(steps):
        rows = order.integers(len(images), size=min(BATCH, max(2, len(images))))
        optimiser.zero_grad()
        loss(model(torch.from_numpy(images[rows])), torch.from_numpy(targets[rows])).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def logits(model: Cnn, images: Floats32) -> Floats32:
    """Logits (N, classes) of images."""
    return _run(model, images)


def embed(model: Cnn, images: Floats32) -> Floats32:
    """Features (N, 64) of images."""
    return _run(model.features, images)


@one_thread()
@torch.no_grad()
def _run(function: Callable[[torch.Tensor], torch.Tensor], images: Floats32) -> Floats32:
    parts = [function(torch.from_numpy(images[start : start + 512])) for start in range(0, len(images), 512)]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)
