"""InfoNCE with all other nodes as negatives, without a num_nodes by num_nodes matrix."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from graphrep.distributed.ranks import Ranks, checked_ranks

__all__ = ["info_nce"]

Tensor = torch.Tensor

_BLOCK_ELEMENTS = 1 << 22  # similarities per block: 16 MB in float32


def info_nce(
    h1: Tensor,
    h2: Tensor,
    temperature: float = 0.5,
    *,
    block_rows: int | None = None,
    dense: bool = False,
    ranks: Ranks | None = None,
) -> Tensor:
    r"""GRACE's loss between two views of the same nodes.

    With :math:`s_{ij}^{ab} = \cos(h_i^a, h_j^b) / \tau`,

    .. math:: \ell_i^{12} = -\log \frac{e^{s_{ii}^{12}}}{\sum_j e^{s_{ij}^{12}} + \sum_{j \ne i} e^{s_{ij}^{11}}},
              \qquad L = \frac{1}{2N} \sum_i (\ell_i^{12} + \ell_i^{21}).

    The denominator excludes only the similarity of a node with itself in the same view.

    Parameters
    ----------
    h1, h2 : floating tensor of shape (num_nodes, dimensions)
        Projected vectors of the two views; they need not have unit length.
    temperature : float
        :math:`\tau`, at least 0.003. Below 0.025 the sums are computed in float64.
    block_rows : int, optional
        Rows of similarities per block; changes memory, not the loss. Default: about 16 MB.
    dense : bool
        Evaluate the formula on full matrices with torch's derivative, for comparison; O(num_nodes²) memory.
    ranks : Ranks, optional
        Processes that call this with the same vectors; each computes a part of the rows of similarities. The results
        of all add up to the loss, and so do the gradients.

    Returns
    -------
    scalar tensor

    Notes
    -----
    O(block_rows * num_nodes) memory in addition to the vectors, forward and backward: the derivative recomputes the
    similarities. There are three products of the size of h1 h2ᵀ forward and seven backward, compared with four and
    eight for the dense formula, because a similarity between views is used in both directions.

    References
    ----------
    Zhu et al. Deep Graph Contrastive Representation Learning. ICML workshop on graph representation learning 2020,
    section 3.2, equations 1 and 2.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import info_nce
    >>> eye = torch.eye(3)
    >>> info_nce(eye, eye, temperature=1.0)
    tensor(0.9048)
    >>> info_nce(eye, eye, temperature=1.0, dense=True)
    tensor(0.9048)
    """
    if h1.shape != h2.shape or h1.dim() != 2 or not len(h1):
        raise ValueError(
            f"h1 and h2 must both have shape (num_nodes, dimensions), got {tuple(h1.shape)} and {tuple(h2.shape)}."
        )
    if not temperature >= 0.003:
        raise ValueError(f"temperature must be at least 0.003, got {temperature}.")
    a, b = functional.normalize(h1), functional.normalize(h2)
    if temperature < 0.025:
        a, b = a.double(), b.double()
    ranks = checked_ranks(ranks)
    if dense:
        if ranks.world_size > 1:
            raise ValueError("dense=True computes the loss in one process; leave out ranks.")
        return _dense(a, b, temperature).to(h1.dtype)
    rows = max(1, _BLOCK_ELEMENTS // len(a)) if block_rows is None else block_rows
    if rows < 1:
        raise ValueError(f"block_rows must be at least 1, got {rows}.")
    rows = min(rows, -(-len(a) // ranks.world_size))
    loss: Tensor = _Streamed.apply(a, b, 1 / temperature, rows, ranks)  # type: ignore[no-untyped-call]
    return loss.to(h1.dtype)


def _dense(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    def one_way(u: Tensor, v: Tensor) -> Tensor:
        between = (u @ v.T / temperature).exp()
        within = (u @ u.T / temperature).exp()
        others = within.masked_fill(torch.eye(len(u), dtype=torch.bool, device=u.device), 0)
        return (between.sum(1) + others.sum(1)).log() - between.diagonal().log()

    return (one_way(a, b) + one_way(b, a)).mean() / 2


class _Streamed(torch.autograd.Function):
    """The loss of unit rows, block by block.

    Similarities are at most 1/τ, so exp(s - 1/τ) cannot overflow, and blocks are summed over rows and columns without
    computing maxima.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, scale: float, rows: int, ranks: Ranks) -> Tensor:
        n, own_rows = len(a), ranks.part(len(a), rows)
        sum_a, sum_b = a.new_zeros(n), a.new_zeros(n)
        positive = scale * ((a * b).sum(1) - 1)
        for begin in range(own_rows[0], own_rows[1], rows):
            part = slice(begin, begin + rows)
            for own, total in ((a, sum_a), (b, sum_b)):
                within = _weights(own[part], own, scale)
                within.diagonal(begin).zero_()
                total[part] += within.sum(1)
            between = _weights(a[part], b, scale)
            sum_a[part] += between.sum(1)
            sum_b += between.sum(0)
        if ranks.world_size > 1:
            sums = ranks.summed("sums of similarities", torch.cat([sum_a, sum_b]).cpu().numpy())
            sum_a, sum_b = torch.from_numpy(sums).to(a.device).view(2, n)
        ctx.save_for_backward(a, b, sum_a, sum_b)
        ctx.scale, ctx.rows, ctx.own_rows = scale, rows, own_rows
        part = slice(*own_rows)
        return ((sum_a.log() + sum_b.log()) / 2 - positive)[part].sum() / n

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        a, b, sum_a, sum_b = ctx.saved_tensors
        share_a, share_b = 1 / sum_a, 1 / sum_b
        # Gradient of the positives; that of the denominators is added block by block.
        grad_a, grad_b = torch.zeros_like(a), torch.zeros_like(b)
        part = slice(*ctx.own_rows)
        grad_a[part], grad_b[part] = -2 * b[part], -2 * a[part]
        for begin in range(ctx.own_rows[0], ctx.own_rows[1], ctx.rows):
            part = slice(begin, begin + ctx.rows)
            for own, share, out in ((a, share_a, grad_a), (b, share_b, grad_b)):
                # s_ij = s_ji is in the denominators of both i and j.
                within = _weights(own[part], own, ctx.scale)
                within.diagonal(begin).zero_()
                within.mul_(share[part, None] + share)
                out[part] += within @ own
            between = _weights(a[part], b, ctx.scale).mul_(share_a[part, None] + share_b)
            grad_a[part] += between @ b
            grad_b += between.T @ a[part]
        factor = grad * ctx.scale / (2 * len(a))
        return grad_a * factor, grad_b * factor, None, None, None


def _weights(rows: Tensor, cols: Tensor, scale: float) -> Tensor:
    """exp(scale * (rows colsᵀ - 1))."""
    return torch.addmm(rows.new_full((1, 1), -scale), rows, cols.T, alpha=scale).exp_()
