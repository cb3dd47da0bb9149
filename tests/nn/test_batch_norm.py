from __future__ import annotations

import torch

from graphrep.nn import GCN


def test_running_statistics_keep_a_hundredth_of_the_past():
    """BGRL's published momentum: 0.99 of the statistics is the newest batch."""
    torch.manual_seed(0)
    gcn = GCN(5, 6, hidden=4, layers=2, batch_norm=True)
    mean, variance = torch.zeros(4), torch.ones(4)
    for _ in range(2):
        x = 3 * torch.randn(50, 5) + 1
        gcn(x)
        h = (x @ gcn.linears[0].weight.T + gcn.linears[0].bias).detach()
        mean, variance = 0.01 * mean + 0.99 * h.mean(0), 0.01 * variance + 0.99 * h.var(0)
    torch.testing.assert_close(gcn.norms[0].running_mean, mean)
    torch.testing.assert_close(gcn.norms[0].running_var, variance)
    # the output layer has statistics of its own
    assert gcn.norms[1].running_mean.shape == (6,)
    assert (gcn.norms[1].running_mean != 0).all()


def test_evaluation_uses_the_running_statistics():
    torch.manual_seed(0)
    gcn = GCN(5, 6, batch_norm=True, activation="none")
    x = torch.randn(50, 5)
    gcn(x)
    gcn.eval()
    h = x @ gcn.linears[0].weight.T + gcn.linears[0].bias
    mean, variance = 0.99 * h.mean(0), 0.01 + 0.99 * h.var(0)
    torch.testing.assert_close(gcn(x), (h - mean) / (variance + 1e-5).sqrt(), rtol=1e-4, atol=1e-5)


def test_a_single_row_passes_without_statistics():
    gcn = GCN(5, 6, batch_norm=True)
    gcn(torch.randn(1, 5))
    assert (gcn.norms[0].running_mean == 0).all()
    assert (gcn.norms[0].running_var == 1).all()
