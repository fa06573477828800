"""Workers: each takes its part of a batch, and all take the step of the sum; checked without another process."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.workers import ALONE, add_gradients, check_same
from netdiffus.errors import InputError


@dataclass
class OfTwo:
    """One of two, whose other one sends `other`."""

    rank: int
    other: Tensor
    size: int = 2

    def total(self, values: Tensor) -> None:
        values += self.other

    def of_first(self, values: Tensor) -> None:
        values.copy_(self.other)

    def agreed(self, done: float) -> float:
        return done


def test_parts_of_a_batch_are_the_batch() -> None:
    sample = Sample(torch.arange(10).view(5, 1, 2), torch.arange(5), None, torch.arange(5) + 10)
    parts = [sample.part(OfTwo(rank, torch.empty(0))) for rank in (0, 1)]
    assert [part.label.tolist() for part in parts] == [[0, 2, 4], [1, 3]]
    assert parts[1].traces.tolist() == [[[2, 3]], [[6, 7]]]
    assert parts[1].fold is not None
    assert parts[1].fold.tolist() == [11, 13]
    assert parts[1].coarse is None
    assert sample.part(ALONE) is sample


def test_gradients_are_added_up_in_one_message() -> None:
    parameters = [Parameter(torch.zeros(2)), Parameter(torch.zeros(1, 2)), Parameter(torch.zeros(1))]
    parameters[0].grad = torch.tensor([1.0, 2.0])
    # loss; who has gradients; those of each: the other one has none of the first, and one of the second
    other = torch.tensor([0.25, 0, 1, 0, 0, 0, 5, 7, 0])
    assert add_gradients(parameters, 0.5, OfTwo(0, other)) == 0.75
    first, second, third = (parameter.grad for parameter in parameters)
    assert first is not None
    assert second is not None
    assert first.tolist() == [1, 2]
    assert second.tolist() == [[5, 7]]
    assert third is None
    assert add_gradients(parameters, 0.5, ALONE) == 0.5


def test_workers_that_go_on_from_other_steps() -> None:
    check_same(OfTwo(1, torch.tensor(7)), 7, torch.device("cpu"))
    with pytest.raises(InputError, match="from step 7 on every machine; got step 3 on one"):
        check_same(OfTwo(1, torch.tensor(7)), 3, torch.device("cpu"))
