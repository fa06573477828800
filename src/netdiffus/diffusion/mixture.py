"""What is known of a trace before any learning: a mixture of components per label, counted in the training traces.

Inside a component positions and channels are independent, but for the trace's length, so that what a noisy observation
says of a trace follows exactly from Bayes' rule: every component's share, where the trace ends, and from these what the
other positions tell of each. A label's sub-kinds (a handshake or none, up or down, long or short) are thus known from a
few dozen traces; the network (rows.py) learns what components do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from netdiffus.errors import InputError

TINY = 1e-30
MOST_LOG = 0.1
"""Logarithms of probabilities are below, rounding included."""
_ACTION = "copy the model again, or train again"


class Mixture(nn.Module):
    """p(classes | group): components of a length, and of independent positions and channels; a group is a label.

    Args:
        log_weight: ln of each component's share of its group (M,), all groups' components one after the other.
        log_tables: ln p (M, n, K) of each channel's classes; kept in half precision. Of a channel that ends with the
            trace: of its present classes, and 0 for absence, the last one.
        log_length: ln p (M, n + 1) of the trace's length.
        ends: (groups + 1,) where each group's components begin, and the end.
        ending: the channels that end with the trace.
        persistent: whether the module's state holds it.
    """

    log_weight: Tensor
    log_length: Tensor

    def __init__(
        self,
        log_weight: Tensor,
        log_tables: Sequence[Tensor],
        log_length: Tensor,
        ends: Tensor,
        ending: Tensor,
        *,
        persistent: bool = True,
    ) -> None:
        super().__init__()
        self.register_buffer("log_weight", log_weight.float(), persistent=persistent)
        self.register_buffer("log_length", log_length.float(), persistent=persistent)
        self.register_buffer("ends", ends, persistent=persistent)
        self.register_buffer("ending", ending, persistent=persistent)
        self._ends: list[int] = ends.tolist()
        self._ending: list[int] = ending.tolist()
        self._channels = len(log_tables)
        for k, table in enumerate(log_tables):
            self.register_buffer(f"log_table{k}", table.half(), persistent=persistent)
            present = table.half().float().exp()
            present[..., -1] *= k not in self._ending
            self.register_buffer(f"table{k}", present, persistent=False)

    @classmethod
    def from_state(cls, state: dict[str, Tensor], prefix: str, channels: int) -> Mixture:
        """The mixture of a module's state, whose names begin with `prefix`.

        Raises:
            KeyError: the state holds none of so many channels.
            InputError: its groups do not follow each other, or a component or group has no probability.
        """
        tables = [state[f"{prefix}log_table{k}"] for k in range(channels)]
        weight, length, ends, ending = (state[prefix + name] for name in ("log_weight", "log_length", "ends", "ending"))
        _check(weight, tables, length, ends, ending)
        return cls(weight, tables, length, ends, ending)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def ends_with(self) -> list[int]:
        """The channels that end with the trace."""
        return self._ending

    @torch.no_grad()
    def forward(self, likelihood: Sequence[Tensor], group: Tensor) -> list[Tensor]:
        """ln p (B, n, K) of each channel's classes given all that is observed elsewhere, but for a constant.

        likelihood: ln p(observation | class) (B, n, K) of each channel, but for a constant; group (B,).
        """
        groups = torch.unique(group).tolist()
        if len(groups) == 1:
            own = [part.transpose(0, 1) for part in likelihood]
            return [part.transpose(0, 1).to(likelihood[0].dtype) for part in self._elsewhere(own, groups[0])]
        found = [torch.empty_like(part) for part in likelihood]
        for g in groups:
            rows = _rows(group, g)
            own = [part[rows].transpose(0, 1) for part in likelihood]
            for part, answer in zip(found, self._elsewhere(own, g), strict=True):
                part[rows] = answer.transpose(0, 1).to(part.dtype)
        return found

    def _elsewhere(self, own: Sequence[Tensor], g: int) -> list[Tensor]:
        """`forward` for traces of one group, positions first: (n, b, K)."""
        mine, ending = slice(self._ends[g], self._ends[g + 1]), self._ending
        own = [part - part.amax(dim=-1, keepdim=True) for part in own]
        tables = [self.get_buffer(f"table{k}")[mine].transpose(0, 1) for k in range(len(own))]  # (n, M, K)
        evidence = [  # (n, b, M): of what is present
            (part.exp() @ table.mT).clamp_(min=TINY).log_() for part, table in zip(own, tables, strict=True)
        ]
        whole = self.log_weight[mine] + sum(part.sum(dim=0) for k, part in enumerate(evidence) if k not in ending)
        if ending:
            present = torch.stack([evidence[k] for k in ending]).sum(dim=0).double()
            absent = torch.stack([own[k][..., -1] for k in ending]).sum(dim=0).double()[..., None]
            zero = torch.zeros_like(present[:1])
            before = torch.cat([zero, present.cumsum(dim=0)])  # (n + 1, b, M), by length
            after = torch.cat([absent.flip(0).cumsum(dim=0).flip(0), zero[..., :1]])
            length = whole + self.log_length[mine].T[:, None] + before + after
            ended = length.logcumsumexp(dim=0)[:-1]  # ln p of all lengths up to a position, and of those beyond
            goes_on = length.flip(0).logcumsumexp(dim=0).flip(0)[1:]
            whole = length.logsumexp(dim=0)
        found = []
        for k, part in enumerate(own):
            share = (goes_on if k in ending else whole) - evidence[k]
            most = share.amax(dim=-1, keepdim=True)
            found.append(self._mixed((share - most).exp().to(part), k, mine))
            if k in ending:
                found[k][..., -1:] = ended.logsumexp(dim=-1, keepdim=True) - part[..., -1:] - most
        return found

    def _mixed(self, share: Tensor, k: int, mine: slice) -> Tensor:
        """ln p (n, b, K) of a channel's classes, from the components' shares (n, b, M)."""
        if share.shape[-1] == 1:
            return self.get_buffer(f"log_table{k}")[mine].to(share).transpose(0, 1).repeat(1, share.shape[1], 1)
        return (share @ self.get_buffer(f"table{k}")[mine].transpose(0, 1)).clamp_(min=TINY).log_()

    def sample(self, group: Tensor, generator: torch.Generator) -> Tensor:
        """Classes (B, C, n) of traces of these groups (B,), drawn from the mixture."""
        n, component = self.log_length.shape[1] - 1, torch.empty_like(group)
        for g in torch.unique(group).tolist():
            rows, first, end = _rows(group, g), self._ends[g], self._ends[g + 1]
            weight = self.log_weight[first:end].exp().expand(len(component[rows]), -1)
            component[rows] = first + torch.multinomial(weight, 1, generator=generator)[:, 0]
        drawn = group.new_empty(len(group), self._channels, n)
        for m in torch.unique(component).tolist():
            rows = _rows(component, m)
            drawn[rows] = self._sample_of(m, len(component[rows]), generator)
        return drawn

    def _sample_of(self, m: int, count: int, generator: torch.Generator) -> Tensor:
        """Classes (count, C, n) of one component."""
        n, device = self.log_length.shape[1] - 1, self.log_length.device
        drawn = torch.empty(count, self._channels, n, dtype=torch.int64, device=device)
        length = torch.multinomial(self.log_length[m].exp().expand(count, -1), 1, generator=generator)
        for k in range(self._channels):
            sums = self.get_buffer(f"table{k}")[m].cumsum(dim=-1)  # (n, K)
            places = torch.rand(n, count, generator=generator, device=device) * sums[:, -1:]
            drawn[:, k] = torch.searchsorted(sums, places, right=True).clamp_(max=sums.shape[1] - 1).T
            if k in self._ending:
                drawn[:, k].masked_fill_(torch.arange(n, device=device) >= length, sums.shape[1] - 1)
        return drawn

    def log_likelihood(self, classes: Tensor, group: Tensor) -> Tensor:
        """ln p (B,) of whole traces (B, C, n) without noise; group (B,)."""
        found, n = torch.empty(len(classes), device=classes.device), classes.shape[2]
        for g in torch.unique(group).tolist():
            rows, mine = torch.nonzero(group == g)[:, 0], slice(self._ends[g], self._ends[g + 1])
            length = torch.full_like(rows, n)
            if self._ending:
                first = self._ending[0]
                length = lengths_of(classes[rows, first], self.get_buffer(f"log_table{first}").shape[-1])
            whole = self.log_weight[mine] + self.log_length[mine].T[length]
            for k in range(classes.shape[1]):
                whole = whole + evidence_of(classes[rows, k], self.get_buffer(f"log_table{k}")[mine].float().exp())
            found[rows] = whole.logsumexp(dim=-1)
        return found


def _check(weight: Tensor, tables: Sequence[Tensor], length: Tensor, ends: Tensor, ending: Tensor) -> None:
    """Raise InputError for numbers that are no mixture: what is drawn from it would index past its ends."""
    places, channels = ends.tolist(), ending.tolist()
    if places[:1] != [0] or places[-1:] != [len(weight)] or any(a >= b for a, b in pairwise(places)):
        raise InputError("mixture.ends that ascend from 0 to the number of components", "others", _ACTION)
    if channels != sorted(set(channels)) or not set(channels) <= set(range(len(tables))):
        raise InputError("mixture.ending, some of the channels in order", str(channels[:9]), _ACTION)
    for name, table in {"log_weight": weight, "log_length": length, **dict(_named(tables))}.items():
        if not bool((table <= MOST_LOG).all()):
            raise InputError(f"logarithms of probabilities in mixture.{name}", "larger numbers", _ACTION)
    group_weight = torch.stack([weight[a:b].exp().sum() for a, b in pairwise(places)])
    if not bool((group_weight > 0).all() and (length.exp().sum(dim=1) > 0).all()):
        raise InputError("a mixture whose groups and lengths have probabilities", "one without", _ACTION)


def _named(tables: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    return [(f"log_table{k}", table) for k, table in enumerate(tables)]


def _rows(group: Tensor, g: int) -> Tensor | slice:
    """Where `group` (B,) is g; a slice where these are neighbours, which copies nothing."""
    rows = torch.nonzero(group == g)[:, 0]
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first < len(rows) else rows


def lengths_of(classes: Tensor, size: int) -> Tensor:
    """(N,) present positions of a channel's classes (N, n), whose last one of `size` is absence."""
    return (classes != size - 1).sum(dim=1)


def evidence_of(classes: Tensor, table: Tensor) -> Tensor:
    """ln p (N, M) of each trace's classes (N, n) in each component, whose p are (M, n, K)."""
    position = torch.arange(classes.shape[1], device=classes.device)
    return torch.stack([part[position, classes].log().sum(dim=1) for part in table], dim=1)
