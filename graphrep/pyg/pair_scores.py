r"""Scores of a graph attention layer of the second kind, :math:`s_e = \langle a, \phi(x_i + y_j + z_e) \rangle`.

They cannot be split into a part of each end, so every entry needs a vector. The vectors are made block by block, small
enough for the cache, in the forward pass and twice in the backward pass; only the scores are stored.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import leaky_relu

from graphrep.ops import Adjacency, scatter_sum
from graphrep.ops.library import eager
from graphrep.pyg.blocks import blocks, summed

__all__ = ["pair_scores", "pair_scores_reference"]

Tensor = torch.Tensor


def pair_scores(
    adj: Adjacency, by_row: Tensor, by_col: Tensor, att: Tensor, of_entry: Tensor | None, slope: float
) -> Tensor:
    r"""Scores :math:`s_{eh} = \sum_c a_{hc} \operatorname{LeakyReLU}(x_{ihc} + y_{jhc} + z_{ehc})` of the entries.

    Parameters
    ----------
    adj : Adjacency
    by_row : tensor of shape (num_rows, heads, columns)
    by_col : tensor of shape (num_cols, heads, columns)
    att : tensor of shape (heads, columns)
    of_entry : tensor of shape (num_entries, heads, columns), optional
    slope : float

    Returns
    -------
    tensor of shape (num_entries, heads)

    Notes
    -----
    Time O(num_entries * heads * columns). Differentiable twice; second derivatives store the vectors.
    """
    parts = [by_row, by_col, att] if of_entry is None else [by_row, by_col, att, of_entry]
    dtype = by_row.dtype
    for part in parts:
        dtype = torch.promote_types(dtype, part.dtype)
    parts = [part.to(dtype) for part in parts]
    if not eager():
        row, col, weight, *entry = parts
        return pair_scores_reference(adj, row, col, weight, entry[0] if entry else None, slope)
    return _Scores.apply(adj, float(slope), *parts)  # type: ignore[no-any-return, no-untyped-call]


def pair_scores_reference(
    adj: Adjacency, by_row: Tensor, by_col: Tensor, att: Tensor, of_entry: Tensor | None, slope: float
) -> Tensor:
    """The same in plain torch, with a stored vector per entry."""
    sums = by_row.index_select(0, adj.rows()) + by_col.index_select(0, adj.indices)
    if of_entry is not None:
        sums = sums + of_entry
    return (leaky_relu(sums, slope) * att).sum(-1)


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, adj: Adjacency, slope: float, by_row: Tensor, by_col: Tensor, att: Tensor, *of_entry: Tensor
    ) -> Tensor:
        ctx.adj, ctx.slope = adj, slope
        ctx.save_for_backward(by_row, by_col, att, *of_entry)
        scores = by_row.new_empty(adj.num_entries, by_row.shape[1])
        for _, part in blocks(adj, att.numel()):
            sums = _sums(by_row, adj.rows()[part], by_col, adj.indices[part], of_entry, part)
            scores[part] = torch.nn.functional.leaky_relu_(sums, slope).mul_(att).sum(-1)
        return scores

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        by_row, by_col, att, *of_entry = ctx.saved_tensors
        adj, slope = ctx.adj, ctx.slope
        needs = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            parts: list[Tensor] = [part.view_as(part) for part in ctx.saved_tensors]
            row, col, weight, *entry = parts
            scores = pair_scores_reference(adj, row, col, weight, entry[0] if entry else None, slope)
            wanted = [part for part, needed in zip(parts, needs, strict=True) if needed]
            found = iter(torch.autograd.grad(scores, wanted, grad, create_graph=True))
            return None, None, *(next(found) if needed else None for needed in needs)
        to_row, to_col = torch.zeros_like(by_row), torch.zeros_like(by_col)
        to_att = torch.zeros_like(att)
        to_entry = [torch.empty_like(of_entry[0])] if of_entry else []
        for rows, part in blocks(adj, att.numel()):
            sums = _sums(by_row, adj.rows()[part], by_col, adj.indices[part], of_entry, part)
            of_part = grad[part].unsqueeze(-1)
            to_sums = torch.ops.aten.leaky_relu_backward(of_part * att, sums, slope, False)  # noqa: FBT003
            to_row[rows] = summed(adj, rows, to_sums)
            to_att += torch.nn.functional.leaky_relu_(sums, slope).mul_(of_part).sum(0)
            if of_entry:
                to_entry[0][part] = to_sums
        if of_entry:
            to_col = scatter_sum(to_entry[0], adj.indices.long(), 0, dim_size=adj.num_cols)
        else:
            back = adj.with_values(grad).t()
            assert back.values is not None
            for cols, part in blocks(back, att.numel()):
                sums = _sums(by_row, back.indices[part], by_col, back.rows()[part], (), part)
                to_sums = back.values[part].unsqueeze(-1) * att
                to_sums = torch.ops.aten.leaky_relu_backward(to_sums, sums, slope, False)  # noqa: FBT003
                to_col[cols] = summed(back, cols, to_sums)
        return None, None, to_row, to_col, to_att, *to_entry


def _sums(by_row: Tensor, rows: Tensor, by_col: Tensor, cols: Tensor, of_entry: Any, part: slice) -> Tensor:
    sums = by_row.index_select(0, rows).add_(by_col.index_select(0, cols))
    return sums.add_(of_entry[0][part]) if of_entry else sums
