from __future__ import annotations

import math

import pytest
import torch

from graphrep.contrast.heads import HEADS
from graphrep.nn import GCN


def bgrl_head():
    torch.manual_seed(0)
    encoder = GCN(5, 6, hidden=4, layers=2)
    return encoder, HEADS["bgrl"](6, make_encoder=lambda: GCN(5, 6, hidden=4, layers=2))


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.01), (1 / 3, 0.0075), (0.5, 0.005), (1.0, 0.0)])
def test_the_slow_encoder_follows_with_momentum_from_99_percent_to_1(progress, share):
    encoder, head = bgrl_head()
    assert share == pytest.approx(1 - (1 - 0.01 * (math.cos(math.pi * progress) + 1) / 2))  # as published
    before = [parameter.clone() for parameter in head.target.parameters()]
    fast = [parameter.detach().clone() for parameter in encoder.parameters()]
    assert any(not torch.equal(a, b) for a, b in zip(before, fast, strict=True))
    head.after_step(encoder, progress)
    for old, new, leader in zip(before, head.target.parameters(), fast, strict=True):
        torch.testing.assert_close(new - old, share * (leader - old), rtol=1e-3, atol=1e-7)
    for parameter, leader in zip(encoder.parameters(), fast, strict=True):
        torch.testing.assert_close(parameter.detach(), leader, rtol=0, atol=0)


def test_the_slow_encoder_is_not_trained():
    _, head = bgrl_head()
    trained = {name.split(".")[0] for name, parameter in head.named_parameters() if parameter.requires_grad}
    assert trained == {"predictor"}
