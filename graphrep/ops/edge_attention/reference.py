"""Attention over neighbors in plain torch, with stored scores and messages: the test oracle."""

from __future__ import annotations

import torch

from graphrep.ops.sparse_dense.reference import rows_of

Tensor = torch.Tensor


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _row_sum(indptr: Tensor, per_entry: Tensor) -> Tensor:
    out = per_entry.new_zeros((len(indptr) - 1, *per_entry.shape[1:]))
    return out.index_add(0, rows_of(indptr), per_entry)


def edge_softmax(indptr: Tensor, scores: Tensor) -> Tensor:
    """See :func:`graphrep.ops.edge_softmax`."""
    s, rows = _wide(scores), rows_of(indptr)
    index = rows.view(-1, *[1] * (s.dim() - 1)).expand_as(s)
    most = s.new_zeros((len(indptr) - 1, *s.shape[1:])).scatter_reduce(0, index, s, "amax", include_self=False)
    weight = (s - most.index_select(0, rows)).exp()
    return (weight / _row_sum(indptr, weight).index_select(0, rows)).to(scores.dtype)


def edge_softmax_backward(indptr: Tensor, p: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the scores, from the probabilities and their gradient."""
    q, g = _wide(p), _wide(grad)
    return (q * (g - _row_sum(indptr, q * g).index_select(0, rows_of(indptr)))).to(p.dtype)


def _scores(
    indptr: Tensor,
    indices: Tensor,
    query: Tensor | None,
    key: Tensor | None,
    row_score: Tensor | None,
    col_score: Tensor | None,
    scale: float,
) -> Tensor:
    rows = rows_of(indptr)
    if query is not None and key is not None:
        return scale * (_wide(query).index_select(0, rows) * _wide(key).index_select(0, indices)).sum(-1)
    assert row_score is not None
    assert col_score is not None
    raw = _wide(row_score).index_select(0, rows) + _wide(col_score).index_select(0, indices)
    return torch.where(raw >= 0, raw, scale * raw)


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
    s = _scores(indptr, indices, query, key, row_score, col_score, scale)
    rows = rows_of(indptr)
    most = s.new_zeros((len(indptr) - 1, s.shape[1]))
    most = most.scatter_reduce(0, rows[:, None].expand_as(s), s, "amax", include_self=False)
    log_sum = most.double() + _row_sum(indptr, (s - most.index_select(0, rows)).exp()).double().log()
    out = _row_sum(indptr, edge_softmax(indptr, s)[:, :, None] * _wide(value).index_select(0, indices))
    return out.to(value.dtype), log_sum


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
    """Gradients of the row operand, the column operand and the values, with torch's autograd."""
    q, k, r, c = (None if part is None else _wide(part).detach() for part in (query, key, row_score, col_score))
    v = _wide(value).detach()
    wanted = [part.requires_grad_() for part in (q, k, r, c, v) if part is not None]
    with torch.enable_grad():
        out = attention(indptr, indices, q, k, r, c, v, scale)[0]
    to_row, to_col, to_value = torch.autograd.grad(out, wanted, _wide(grad))
    return to_row.to(value.dtype), to_col.to(value.dtype), to_value.to(value.dtype)
