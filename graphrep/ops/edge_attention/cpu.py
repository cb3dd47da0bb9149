"""Attention over neighbors with the native kernels."""

from __future__ import annotations

import torch

from graphrep import _core
from graphrep.ops.library import SCALARS, SMALL, empty, threads

Tensor = torch.Tensor


def edge_softmax(indptr: Tensor, scores: Tensor) -> Tensor:
    """See :func:`graphrep.ops.edge_softmax`."""
    return _softmax(indptr, scores, None)


def edge_softmax_backward(indptr: Tensor, p: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the scores, from the probabilities and their gradient."""
    return _softmax(indptr, p, grad)


def _softmax(indptr: Tensor, s: Tensor, grad: Tensor | None) -> Tensor:
    out = empty(s, tuple(s.shape))
    if out.numel():
        _core.edge_softmax(
            SCALARS[s.dtype],
            indptr,
            s,
            grad,
            indptr.shape[0] - 1,
            s.shape[1] if s.dim() == 2 else 1,
            out,
            1 if s.numel() < SMALL // 8 else threads(),
        )
    return out


def attention(
    indptr: Tensor,
    indices: Tensor,
    query: Tensor | None,
    key: Tensor | None,
    row_score: Tensor | None,
    col_score: Tensor | None,
    value: Tensor,
    scale: float,
    t_indptr: Tensor | None = None,
    t_indices: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Result, and the logarithms of the softmax denominators."""
    rows, heads = indptr.shape[0] - 1, value.shape[1]
    out = empty(value, (rows, heads, value.shape[2]))
    log_sum = empty(value, (rows, heads), torch.float64)
    task = (query, key, row_score, col_score, value)
    _run(indptr, indices, task, scale, 0, None, log_sum, None, out, None)
    return out, log_sum


def attention_backward(
    indptr: Tensor,
    indices: Tensor,
    query: Tensor | None,
    key: Tensor | None,
    row_score: Tensor | None,
    col_score: Tensor | None,
    value: Tensor,
    scale: float,
    log_sum: Tensor,
    grad: Tensor,
    t_indptr: Tensor,
    t_indices: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the row operand, the column operand and the values."""
    by_row, by_col = (row_score, col_score) if query is None else (query, key)
    assert by_row is not None
    assert by_col is not None
    to_row, to_col = empty(by_row, tuple(by_row.shape)), empty(by_col, tuple(by_col.shape))
    to_value, delta = empty(value, tuple(value.shape)), torch.empty_like(log_sum)
    task = (query, key, row_score, col_score, value)
    _run(indptr, indices, task, scale, 1, grad, log_sum, delta, to_row, None)
    _run(t_indptr, t_indices, task, scale, 2, grad, log_sum, delta, to_col, to_value)
    return to_row, to_col, to_value


def _run(
    indptr: Tensor,
    indices: Tensor,
    task: tuple[Tensor | None, ...],
    scale: float,
    which: int,
    grad: Tensor | None,
    log_sum: Tensor,
    delta: Tensor | None,
    out: Tensor,
    out2: Tensor | None,
) -> None:
    query, key, row_score, col_score, value = task
    assert value is not None
    heads, columns = value.shape[1], value.shape[2]
    rows = indptr.shape[0] - 1
    if not rows or not heads:
        return
    _core.attention(
        SCALARS[value.dtype],
        SCALARS[indices.dtype],
        indptr,
        indices,
        query,
        key,
        row_score,
        col_score,
        value,
        scale,
        rows,
        value.shape[0] if which < 2 else log_sum.shape[0],
        heads,
        -1 if query is None else query.shape[2],
        columns,
        which,
        grad,
        log_sum,
        delta,
        out,
        out2,
        1 if len(indices) * heads * (columns + 8) < SMALL else threads(),
    )
