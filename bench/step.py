"""Cost of a training step: the default model's against one of a plain transformer with the same sizes."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.results import table, write_section

STEPS, WARM_UP = 30, 5


class Plain(nn.Module):
    """torch's own encoder, causal, over summed embeddings of a row's codes, with an output layer per channel."""

    def __init__(self, codes: list[int], length: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, width) for size in codes)
        self.position = nn.Parameter(torch.zeros(length, width))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.heads = nn.ModuleList(nn.Linear(width, size) for size in codes)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, codes: Tensor) -> Tensor:
        """Mean cross-entropy of codes (B, C, n) given the rows before."""
        rows = torch.stack([each(codes[:, k]) for k, each in enumerate(self.embeddings)]).sum(dim=0)
        before = functional.pad(rows[:, :-1], (0, 0, 1, 0)) + self.position
        hidden = self.encoder(before, mask=self.get_buffer("mask"), is_causal=True)
        losses = [
            functional.cross_entropy(head(hidden).flatten(0, 1), codes[:, k].flatten())
            for k, head in enumerate(self.heads)
        ]
        return torch.stack(losses).sum()


def plain_seconds(codes: list[int], length: int, width: int, depth: int, heads: int, batch: int) -> float:
    """Median wall-clock seconds of a step of the plain transformer, its optimiser included."""
    network = Plain(codes, length, width, depth, heads)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    data = torch.stack([torch.randint(size, (batch, length)) for size in codes], dim=1)
    seconds = []
    for _ in range(WARM_UP + STEPS):
        began = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        network(data).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[WARM_UP:])


def main() -> None:
    """Measure both one after the other, twice, and write the section."""
    from netdiffus import prepare, recordings
    from netdiffus.models.manifest import read_model
    from netdiffus.models.network import batch_size
    from netdiffus.models.options import RowOptions, train_options
    from netdiffus.models.series_codec import SeriesCodec
    from netdiffus.steps.train import train

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        dataset, model = Path(folder) / "dataset", Path(folder) / "model"
        prepare(recordings.folder(), dataset, packets=32)
        for _ in range(2):
            records = list(train(dataset, model, train_options(steps=WARM_UP + STEPS + 1)))
            steps = [after.seconds - before.seconds for before, after in itertools.pairwise(records)]
            ours = statistics.median(steps[WARM_UP:-1])  # the last one checks the validation
            found = read_model(model)
            if not isinstance(found.options, RowOptions) or not isinstance(found.codec, SeriesCodec):
                raise TypeError("the default model is a row model")
            options, length = found.options, found.codec.length
            codes, batch = [len(alphabet) for alphabet in found.codec.gasf.alphabets], batch_size(options, length)
            plain = plain_seconds(codes, length, options.width, options.depth, options.heads, batch)
            rows.append([f"{ours * 1e3:.0f}", f"{plain * 1e3:.0f}", f"{ours / plain:.2f}"])
    words = (
        f"Recordings, first {length} packets, {len(codes)} channels of {' and '.join(map(str, codes))} codes, batches "
        f"of {batch}, width {options.width}, {options.depth} blocks; median wall-clock milliseconds of a step, "
        "optimiser included, two runs. The plain one is torch's TransformerEncoder with AdamW and an output layer per "
        "channel; it knows no noise, labels, counts, or channels given one another."
    )
    write_section("step", "Cost of a training step", f"{words}\n\n{table(('ours', 'plain', 'ratio'), rows)}")


if __name__ == "__main__":
    main()
