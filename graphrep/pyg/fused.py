"""The fused attentions of graphrep.ops, with second derivatives: those are taken through the stored scores."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import leaky_relu

from graphrep.ops import Adjacency, additive_attention, dot_attention, edge_softmax, sddmm, spmm
from graphrep.ops.edge_attention import attention_grad_op, attention_op
from graphrep.ops.library import eager

__all__ = ["additive", "composed", "dot"]

Tensor = torch.Tensor


def additive(adj: Adjacency, by_row: Tensor, by_col: Tensor, value: Tensor, slope: float) -> Tensor:
    """As :func:`graphrep.ops.additive_attention`, for scores of shape (nodes, heads)."""
    if not (eager() and torch.is_grad_enabled()):
        return additive_attention(adj, by_row, by_col, value, negative_slope=slope)
    return _Fused.apply(adj, float(slope), "additive", by_row, by_col, value)  # type: ignore[no-any-return, no-untyped-call]


def dot(adj: Adjacency, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """As :func:`graphrep.ops.dot_attention`, for operands of shape (nodes, heads, columns)."""
    if not (eager() and torch.is_grad_enabled()):
        return dot_attention(adj, query, key, value, scale=scale)
    return _Fused.apply(adj, float(scale), "dot", query, key, value)  # type: ignore[no-any-return, no-untyped-call]


def composed(adj: Adjacency, scale: float, kind: str, row: Tensor, col: Tensor, value: Tensor) -> Tensor:
    """The same from ops that store one score per entry and head, differentiable twice."""
    if kind == "dot":
        score = sddmm(adj, row, col) * scale
    else:
        score = leaky_relu(row.index_select(0, adj.rows()) + col.index_select(0, adj.indices), scale)
    return spmm(adj.with_values(edge_softmax(adj, score)), value)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, adj: Adjacency, scale: float, kind: str, *operands: Tensor) -> Tensor:
        row, col, value = (part.contiguous() for part in operands)
        ctx.adj, ctx.scale, ctx.kind, ctx.transposed = adj, scale, kind, adj.t()
        out, log_sum = attention_op.kernel(adj.indptr, adj.indices, *_places(row, col, kind), value, scale, None, None)
        ctx.save_for_backward(row, col, value, log_sum)
        return out  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        row, col, value, log_sum = ctx.saved_tensors
        if torch.is_grad_enabled():
            # Views, so that an operand that is given twice is told apart.
            operands = [part.view_as(part) for part in (row, col, value)]
            out = composed(ctx.adj, ctx.scale, ctx.kind, *operands)
            wanted = [part for part, needed in zip(operands, ctx.needs_input_grad[3:], strict=True) if needed]
            found = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
            return None, None, None, *(next(found) if needed else None for needed in ctx.needs_input_grad[3:])
        return (
            None,
            None,
            None,
            *attention_grad_op.kernel(
                ctx.adj.indptr,
                ctx.adj.indices,
                *_places(row, col, ctx.kind),
                value,
                ctx.scale,
                log_sum,
                grad.contiguous(),
                ctx.transposed.indptr,
                ctx.transposed.indices,
            ),
        )


def _places(row: Tensor, col: Tensor, kind: str) -> tuple[Tensor | None, ...]:
    return (row, col, None, None) if kind == "dot" else (None, None, row, col)
