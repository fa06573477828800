"""Classifier-free guidance by hand."""

import torch

from netdiffus.diffusion.guidance import guided_noise

NULL = 2


def answer(x: torch.Tensor, level: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Expects 10 for the null label, 0 and 1 for the others, in every channel."""
    value = torch.where(label == NULL, 10.0, label.float())
    return value.view(-1, 1, 1, 1).expand(len(label), 2, 1, 1)


LABEL = torch.tensor([0, 1])
X = torch.zeros(2, 1, 1, 1)


def test_one_is_the_conditional_model_and_zero_the_unconditional() -> None:
    assert guided_noise(answer, NULL, 1.0) is answer
    assert guided_noise(answer, NULL, 0.0)(X, LABEL, LABEL)[:, 0].unique().tolist() == [10]


def test_the_variance_stays_that_of_the_label() -> None:
    pushed = guided_noise(answer, NULL, 3.0)(X, LABEL, LABEL)
    assert pushed[:, 0].flatten().tolist() == [-20, -17]
    assert pushed[:, 1].flatten().tolist() == [0, 1]
