"""The dropout: shares, scaling, and by torch's random state alone."""

from __future__ import annotations

import pytest
import torch

from netdiffus.diffusion.dropout import Dropout


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5])
def test_a_share_is_left_out_and_the_rest_scaled_up(share: float) -> None:
    torch.manual_seed(0)
    out = Dropout(share).train()(torch.ones(1000, 333))
    assert float((out == 0).float().mean()) == pytest.approx(share, abs=0.005)
    assert float(out.mean()) == pytest.approx(1, abs=0.005)
    assert out.unique().numel() == 1 + (share > 0)


def test_values_and_gradients_pass_alike() -> None:
    torch.manual_seed(0)
    x = torch.randn(7, 5, 3, requires_grad=True)
    out = Dropout(0.5).train()(x)
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(out, x * x.grad)
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}


def test_nothing_is_left_out_but_in_training() -> None:
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_the_seed_decides() -> None:
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.3).train()(torch.ones(40, 9)))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
