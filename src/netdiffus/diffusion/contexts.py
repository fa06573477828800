"""Counted contexts: how often each code follows the codes before it, for each label, with back-off to shorter contexts.

A context is a label and some codes that are drawn before the code in question: of earlier rows, and of earlier channels
of its own row. Longer contexts say more but are seen less often. So the counts of each are blended with what the next
shorter one expects, the more so the more kinds of codes followed it (Witten and Bell, "The zero-frequency problem",
IEEE Transactions on Information Theory 37, 1991; method C of prediction by partial matching):

    p_r(code) = (count(context, code) + a * p_{r-1}(code)) / (count(context) + a),   a = strength * kinds + FLOOR,

where p_0 is the counted prior of label and position (prior.py). The logarithm of the longest one takes that prior's
place in the denoiser's logits, and the network learns what is left.

Counting alone finds what a network needs minutes to learn, but counts reveal the traces that were counted. So a
training trace is always given the counts of the other folds (cross-fitting, as in prior.py), and contexts are chosen by
what that shows (context_fit.py): a channel's contexts grow by one code at a time, as long as that makes the training
traces likelier, and does not tell them from others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdiffus.diffusion.prior import FLOOR

Place = tuple[int, int]
"""Where a context finds a code: its channel, and how many rows earlier (0: in the same row)."""

MOST_PLACES = 4
"""Codes in a context at most."""


@dataclass(frozen=True)
class ContextSpec:
    """What the contexts of one order hold, and how strong their back-off is.

    Attributes:
        places: the codes of a context, in the order in which they were chosen.
        strength: of the back-off.
        contexts, entries: how many contexts were seen, and how many pairs of a context and a code.
        placed: whether the row of the code in question is part of a context.
    """

    places: tuple[Place, ...]
    strength: float
    contexts: int
    entries: int
    placed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self) | {"places": [list(place) for place in self.places]}


class ContextTable(nn.Module):
    """Counts of the contexts of one order: a sparse matrix, a row for each context that was seen.

    Its buffers have a last axis G: one column of counts for each fold that is left out, and one of all traces; in a
    trained model only that one.

    Attributes:
        keys: (M,) hashes of the contexts, ascending.
        ends: (M + 1,) where each context's entries begin and end.
        codes: (E,) of the entries, ascending in each context. counts: (E, G) of the entries.
        totals: (M, G) of each context's counts. kinds: (M, G) of codes that followed it.
    """

    keys: Tensor
    ends: Tensor
    codes: Tensor
    counts: Tensor
    totals: Tensor
    kinds: Tensor

    def __init__(self, spec: ContextSpec, columns: int = 1, device: torch.device | None = None) -> None:
        super().__init__()
        self.places, self.strength, self.placed = spec.places, spec.strength, spec.placed
        long = {"dtype": torch.long, "device": device}
        self.register_buffer("keys", torch.zeros(spec.contexts, **long))  # type: ignore[arg-type]
        self.register_buffer("ends", torch.zeros(spec.contexts + 1, **long))  # type: ignore[arg-type]
        self.register_buffer("codes", torch.zeros(spec.entries, **long))  # type: ignore[arg-type]
        self.register_buffer("counts", torch.zeros(spec.entries, columns, device=device))
        self.register_buffer("totals", torch.zeros(spec.contexts, columns, device=device))
        self.register_buffer("kinds", torch.zeros(spec.contexts, columns, device=device))

    @property
    def spec(self) -> ContextSpec:
        """What the table holds."""
        return ContextSpec(self.places, self.strength, len(self.keys), len(self.codes), self.placed)

    def whole(self) -> ContextTable:
        """The table with the counts of all traces only; what does not count in any is left out."""
        entry = self.counts[:, -1] > 0
        context = self.totals[:, -1] > 0
        before = functional.pad(entry.cumsum(0), (1, 0))  # how many entries are kept before each
        spec = ContextSpec(self.places, self.strength, int(context.sum()), int(entry.sum()), self.placed)
        found = ContextTable(spec, device=self.keys.device)
        found.keys, found.codes, found.counts = self.keys[context], self.codes[entry], self.counts[entry, -1:]
        found.totals, found.kinds = self.totals[context, -1:], self.kinds[context, -1:]
        found.ends = before[self.ends[functional.pad(context, (0, 1), value=True)]]
        return found

    def weights(self, found: Tensor, known: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """What the counts of contexts (R,) are divided by (R,), and the weight (R,) of the next shorter ones.

        Args:
            found: (R,) places among the keys; `known` says which of them are right.
            column: (R,) of the counts.
        """
        kinds, totals = self.kinds[found, column], self.totals[found, column]
        back_off = self.strength * torch.where(known, kinds, 0.0) + FLOOR
        whole = torch.where(known, totals, 0.0) + back_off
        return whole, back_off / whole

    def find(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Places (R,) of keys (R,) in the table, and which of them (R,) it has."""
        found = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return found, self.keys[found] == keys

    def blend(self, shorter: Tensor, keys: Tensor, column: Tensor) -> None:
        """Turn probabilities (R, K) given the next shorter contexts into those given these (R,), in place."""
        found, known = self.find(keys)
        whole, back_off = self.weights(found, known, column)
        shorter *= back_off[:, None]
        size = torch.where(known, self.ends[found + 1] - self.ends[found], 0)
        row = torch.repeat_interleave(torch.arange(len(keys), device=keys.device), size)
        first = torch.repeat_interleave(self.ends[found] - size.cumsum(0) + size, size)
        entry = first + torch.arange(len(row), device=keys.device)
        share = self.counts[entry, column[row]] / whole[row]
        shorter.view(-1).index_add_(0, row * shorter.shape[1] + self.codes[entry], share)


def hashed(
    codes: Tensor, label: Tensor, places: Sequence[Place], row: int | None = None, *, placed: bool = False
) -> Tensor:
    """Keys of the contexts of all rows (B, n), or of one (B, 1), of codes (B, C, n) and labels (B,).

    Rows before the first have a code of their own. `placed`: the row is part of the key.
    """
    rows = rows_of(codes, row)
    key = keyed(label[:, None].expand(-1, len(rows)), [], rows if placed else None)
    for place in places:
        key = _mixed(key, found_at(codes, place, row))
    return key


def rows_of(codes: Tensor, row: int | None) -> Tensor:
    """All rows (n,) of codes (B, C, n), or one of them (1,)."""
    every = torch.arange(codes.shape[2], device=codes.device)
    return every if row is None else every[row : row + 1]


def found_at(codes: Tensor, place: Place, row: int | None = None) -> Tensor:
    """What contexts find at a place, from all rows (B, n), or from one (B, 1): a code + 1; 0 before the first row."""
    channel, before = place
    rows = rows_of(codes, row)
    return torch.where(rows >= before, codes[:, channel, (rows - before).clamp(min=0)] + 1, 0)


def keyed(label: Tensor, codes: Sequence[Tensor], row: Tensor | None = None) -> Tensor:
    """Keys of contexts that hold a label, some codes, and a row where there is one; all of one shape."""
    key = _mixed(torch.zeros_like(label), label + 1)
    for value in [*(() if row is None else (row,)), *codes]:
        key = _mixed(key, value + 1)
    return key


def _mixed(key: Tensor, value: Tensor) -> Tensor:
    """64-bit mixing of a key and a value (multiply, shift, exclusive or; the constants are odd and irregular)."""
    x = (key ^ value) * -7046029254386353131
    return (x ^ ((x >> 32) & 0xFFFFFFFF)) * -4658895280553007687


class Contexts(nn.Module):
    """The counted contexts of every channel, from the shortest to the longest.

    Args:
        tables: of each channel; a channel without any keeps its prior.
    """

    def __init__(self, tables: Sequence[Sequence[ContextTable]]) -> None:
        super().__init__()
        self.channels = nn.ModuleList(nn.ModuleList(orders) for orders in tables)

    @classmethod
    def empty(cls, specs: Sequence[Sequence[ContextSpec]], device: torch.device | None = None) -> Contexts:
        """Tables of the sizes that specifications say, to be filled from a file."""
        return cls([[ContextTable(spec, device=device) for spec in orders] for orders in specs])

    @property
    def specs(self) -> list[list[ContextSpec]]:
        """What the tables of each channel hold."""
        return [[table.spec for table in self.tables(k)] for k in range(len(self.channels))]

    def tables(self, channel: int) -> list[ContextTable]:
        """The tables of a channel, from the shortest contexts to the longest."""
        return [table for table in self.channels[channel].children() if isinstance(table, ContextTable)]

    def whole(self) -> Contexts:
        """The same with the counts of all traces only, without tables in which nothing counts."""
        tables = [[table.whole() for table in self.tables(k)] for k in range(len(self.channels))]
        return Contexts([[table for table in orders if len(table.codes)] for orders in tables])

    def log_prior(
        self,
        prior: Tensor,
        codes: Tensor,
        label: Tensor,
        channel: int,
        *,
        row: int | None = None,
        fold: Tensor | None = None,
    ) -> Tensor:
        """The log-prior (B, n, K) of a channel's codes given their contexts.

        Args:
            prior: (B, n, K) log-prior of label and position; of one row (B, 1, K).
            codes: (B, C, n); those of later rows are not looked at.
            label: (B,) ids.
            row: None: all rows.
            fold: (B,) whose counts are left out; None: all count.
        """
        tables = self.tables(channel)
        if not tables:
            return prior
        B, m, K = prior.shape
        shares = prior.exp().reshape(B * m, K)
        for table in tables:
            last = table.counts.shape[1] - 1
            column = torch.full_like(label, last) if fold is None else fold
            keys = hashed(codes, label, table.places, row, placed=table.placed)
            table.blend(shares, keys.reshape(-1), column[:, None].expand(B, m).reshape(-1))
        return shares.log_().view(B, m, K)
