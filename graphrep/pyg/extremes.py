"""Maximum and minimum over neighbors with torch_geometric's gradient: equal extremes of a row share it.

After a ReLU most rows have several zeros, so this decides how a layer learns. torch_geometric's gradient is that of
``torch.scatter_reduce``, which counts the initial 0 of its result among the equals.
"""

from __future__ import annotations

from typing import Any

import torch

from graphrep.ops import Adjacency, spmm
from graphrep.ops.library import eager
from graphrep.pyg.blocks import blocks, summed

__all__ = ["extreme", "extreme_reference"]

Tensor = torch.Tensor


def extreme(adj: Adjacency, x: Tensor, reduce: str) -> Tensor:
    """As :func:`graphrep.ops.spmm` with ``reduce`` "max" or "min", except for the gradient.

    Parameters
    ----------
    adj : Adjacency
        Its values, if any, have shape (num_entries,).
    x : tensor of shape (num_cols, ...)
    reduce : {"max", "min"}

    Returns
    -------
    tensor of shape (num_rows, ...)

    Notes
    -----
    Time O(num_entries * columns), three times in the backward pass; no message is stored. Differentiable twice; second
    derivatives store the messages.
    """
    values = adj.values
    if not eager():
        return extreme_reference(adj, x, reduce)
    if not (torch.is_grad_enabled() and (x.requires_grad or (values is not None and values.requires_grad))):
        return spmm(adj, x, reduce)
    flat = x.flatten(1) if x.dim() > 1 else x[:, None]
    out = _Extreme.apply(adj, reduce, flat, *(() if values is None else (values,)))  # type: ignore[no-untyped-call]
    return out.view(adj.num_rows, *x.shape[1:])  # type: ignore[no-any-return]


def extreme_reference(adj: Adjacency, x: Tensor, reduce: str) -> Tensor:
    """The same in plain torch, with stored messages."""
    messages = x.index_select(0, adj.indices)
    if adj.values is not None:
        messages = messages * adj.values.view(-1, *[1] * (x.dim() - 1))
    rows = adj.rows().long().view(-1, *[1] * (x.dim() - 1)).expand_as(messages)
    zeros = messages.new_zeros(adj.num_rows, *x.shape[1:])
    return zeros.scatter_reduce(0, rows, messages, f"a{reduce}", include_self=False)


class _Extreme(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, adj: Adjacency, reduce: str, x: Tensor, *values: Tensor) -> Tensor:
        out: Tensor = spmm(adj, x, reduce)
        ctx.adj, ctx.reduce = adj.with_values(None), reduce
        ctx.save_for_backward(out, x, *values)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        out, x, *values = ctx.saved_tensors
        adj, needs = ctx.adj, ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            parts = [part.view_as(part) for part in (x, *values)]
            again = extreme_reference(adj.with_values(parts[1]) if values else adj, parts[0], ctx.reduce)
            wanted = [part for part, needed in zip(parts, needs, strict=True) if needed]
            found = iter(torch.autograd.grad(again, wanted, grad, create_graph=True))
            return None, None, *(next(found) if needed else None for needed in needs)
        share = torch.zeros_like(out)  # of the gradient of a row, for each of its equals
        to_values = [torch.zeros_like(values[0])] if values else []
        width = x.shape[1]
        for rows, part in blocks(adj, width):
            row_ids = adj.rows()[part]
            features = x.index_select(0, adj.indices[part])
            messages = features * values[0][part, None] if values else features
            equal = (messages == out.index_select(0, row_ids)).to(x.dtype)
            share[rows] = grad[rows] / (summed(adj, rows, equal) + (out[rows] == 0))
            if values:
                to_values[0][part] = (features * equal * share.index_select(0, row_ids)).sum(-1)
        to_x = torch.zeros_like(x)
        back = (adj.with_values(values[0]) if values else adj).t()
        for cols, part in blocks(back, width):
            row_ids, weight = back.indices[part], None if back.values is None else back.values[part, None]
            messages = x.index_select(0, back.rows()[part])
            messages = messages if weight is None else messages * weight
            equal = messages == out.index_select(0, row_ids)
            given = equal * share.index_select(0, row_ids)
            to_x[cols] = summed(back, cols, given if weight is None else given * weight)
        return None, None, to_x, *to_values
