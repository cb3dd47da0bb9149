"""spmm and sddmm in plain torch, with stored messages: the test oracle, and the implementation without a kernel."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


def rows_of(indptr: Tensor) -> Tensor:
    """Row of every entry."""
    counts = indptr[1:] - indptr[:-1]
    return torch.repeat_interleave(torch.arange(len(counts), device=indptr.device), counts)


def messages(indptr: Tensor, indices: Tensor, values: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
    """Row of every entry, and values[e] * x[indices[e]] in at least float32."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    m = x.index_select(0, indices).to(wide)
    if values is not None:
        m = m * values.to(wide).view(*values.shape, *[1] * (m.dim() - values.dim()))
    return rows_of(indptr), m


def spmm_sum(
    indptr: Tensor,
    indices: Tensor,
    values: Tensor | None,
    x: Tensor,
    mean: bool,
    *transposed: Any,
) -> Tensor:
    """See :func:`graphrep.ops.spmm`."""
    rows, m = messages(indptr, indices, values, x)
    out = m.new_zeros((len(indptr) - 1, *x.shape[1:])).index_add(0, rows, m)
    if mean:
        out = out / (indptr[1:] - indptr[:-1]).clamp(min=1).view(-1, *[1] * (out.dim() - 1))
    return out.to(x.dtype)


def spmm_extreme(
    indptr: Tensor, indices: Tensor, values: Tensor | None, x: Tensor, largest: bool, with_arg: bool
) -> tuple[Tensor, Tensor]:
    """See :func:`graphrep.ops.sparse_dense.spmm_extreme`."""
    rows, m = messages(indptr, indices, values, x)
    out = m.new_zeros((len(indptr) - 1, *x.shape[1:]))
    index = rows.view(-1, *[1] * (m.dim() - 1)).expand_as(m)
    out = out.scatter_reduce(0, index, m, "amax" if largest else "amin", include_self=False)
    if not with_arg:
        return out.to(x.dtype), torch.empty(0, dtype=torch.int32, device=x.device)
    wins = (m == out.index_select(0, rows)) | m.isnan()
    place = (torch.arange(len(rows), device=x.device) - indptr[:-1].index_select(0, rows)).to(torch.int32)
    place = place.view(-1, *[1] * (m.dim() - 1)).expand_as(m)
    none = torch.iinfo(torch.int32).max
    arg = torch.full(out.shape, none, dtype=torch.int32, device=x.device)
    arg = arg.scatter_reduce(0, index, torch.where(wins, place, none), "amin")
    return out.to(x.dtype), torch.where(arg == none, -1, arg)


def chosen_entries(indptr: Tensor, arg: Tensor) -> tuple[Tensor, Tensor]:
    """Entry number of every extreme (0 if there is none), and whether there is one; both have the shape of ``arg``."""
    first = indptr[:-1].view(-1, *[1] * (arg.dim() - 1))
    chosen = arg >= 0
    return torch.where(chosen, first + arg, 0), chosen


def spmm_extreme_backward(
    indptr: Tensor, indices: Tensor, values: Tensor | None, arg: Tensor, grad: Tensor, num_x: int
) -> Tensor:
    """Gradient of the maximum or minimum with respect to x: each gradient goes to the row of x of the extreme entry."""
    wide = torch.float64 if grad.dtype == torch.float64 else torch.float32
    out = torch.zeros((num_x, *grad.shape[1:]), dtype=wide, device=grad.device)
    if not len(indices):
        return out.to(grad.dtype)
    entry, chosen = chosen_entries(indptr, arg)
    g = grad.to(wide)
    if values is not None:
        w = values.to(wide).view(*values.shape, *[1] * (grad.dim() - values.dim()))
        g = g * w.expand(len(indices), *grad.shape[1:]).gather(0, entry)
    source = indices.long().index_select(0, entry.reshape(-1)).view(entry.shape)
    return out.scatter_add(0, source, torch.where(chosen, g, 0)).to(grad.dtype)


def chosen_rows(indptr: Tensor, indices: Tensor, values: Tensor | None, arg: Tensor, x: Tensor) -> Tensor:
    """values[e] * x[indices[e]] at the entry e that every extreme came from, 0 where there is none."""
    if not len(indices):
        return torch.zeros(arg.shape, dtype=x.dtype, device=x.device)
    entry, chosen = chosen_entries(indptr, arg)
    rows = indices.long().index_select(0, entry.reshape(-1)).view(entry.shape)
    picked = x.gather(0, rows)
    if values is not None:
        w = values.view(*values.shape, *[1] * (x.dim() - values.dim()))
        picked = picked * w.expand(len(indices), *x.shape[1:]).gather(0, entry)
    return torch.where(chosen, picked, 0)


def sddmm(indptr: Tensor, indices: Tensor, x: Tensor, y: Tensor, heads: int) -> Tensor:
    """See :func:`graphrep.ops.sddmm`."""
    rows = rows_of(indptr)
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    product = x.index_select(0, rows).to(wide) * y.index_select(0, indices).to(wide)
    return product.reshape(len(rows), heads, -1 if product.numel() else 0).sum(-1).to(x.dtype)
