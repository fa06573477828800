"""Weights of a model folder: compared with what model.json implies before they are read, and made into a network.

Names, shapes and types stand at the head of the file, so nothing is allocated for sizes that do not fit each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from netdiffus.diffusion.contexts import Contexts
from netdiffus.errors import InputError
from netdiffus.store import model as store

Network = TypeVar("Network", bound=nn.Module)

META = torch.device("meta")
ACTION = "copy the model again, or train again"


@dataclass(frozen=True)
class SavedWeights:
    """The averaged weights in a model folder.

    Attributes:
        base: where the base model of adapters lies, if not where it was in training.
    """

    folder: Path
    base: Path | None = None

    @property
    def hash(self) -> str:
        """Their sha256."""
        return store.model_hash(self.folder)

    def into(self, build: Callable[[torch.device], Network], device: torch.device) -> Network:
        """The network that `build` makes, with these weights, ready to draw from.

        Args:
            build: an untrained network on a device; on the meta device it takes no memory.

        Raises:
            InputError: the weights do not fit it, or hold values that cannot be.
        """
        header = store.weights_header(self.folder)
        expected = build(META).state_dict()
        _compare({name: (tuple(value.shape), value.dtype) for name, value in expected.items()}, header)
        weights = store.read_weights(self.folder)
        check_values(weights)
        network = build(device)
        network.load_state_dict(weights)
        return network.eval()


def check_contexts(contexts: Contexts, sizes: Sequence[int]) -> None:
    """Raise InputError for tables that are no sparse matrices of counts of a channel's `sizes` codes."""
    for channel, size in enumerate(sizes):
        for table in contexts.tables(channel):
            ends, codes = table.ends, table.codes
            sorted_keys = bool((table.keys[1:] > table.keys[:-1]).all())  # differences may overflow
            rising = bool((ends.diff() > 0).all()) and int(ends[0]) == 0 and int(ends[-1]) == len(codes)
            known = bool(((codes >= 0) & (codes < size)).all())
            counted = all(bool((part > 0).all()) for part in (table.counts, table.totals, table.kinds))
            if not (sorted_keys and rising and known and counted):
                raise InputError("counted contexts that fit model.json", "others", ACTION)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's weights by name, on the CPU."""
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}


def _compare(expected: store.Header, header: store.Header) -> None:
    if odd := sorted(expected.keys() ^ header.keys()):
        have = "the unknown" if odd[0] in header else "no"
        raise InputError(f"the {len(expected)} weights that fit model.json", f"{have} {odd[0][:60]!r}", ACTION)
    for name, wanted in expected.items():
        if header[name] != wanted:
            (shape, dtype), (other, other_dtype) = wanted, header[name]
            raise InputError(
                f"weights that fit model.json: {name} of {shape}, {dtype}", f"{other}, {other_dtype}", ACTION
            )


def check_values(weights: dict[str, Tensor]) -> None:
    """Raise InputError for NaN and infinity."""
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise InputError(f"finite numbers in the weights {name}", "NaN or infinity", ACTION)
