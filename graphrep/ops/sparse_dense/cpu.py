"""spmm and sddmm with the native kernels."""

from __future__ import annotations

import math

import torch

from graphrep import _core
from graphrep.ops.library import SCALARS, SMALL, empty, threads

Tensor = torch.Tensor
SUM, MEAN, MAX, MIN = range(4)  # csrc/scalars.hpp


def _sizes(values: Tensor | None, x: Tensor) -> tuple[int, int]:
    heads = 1 if values is None or values.dim() == 1 else values.shape[1]
    return heads, math.prod(x.shape[1:]) // max(heads, 1)


def _threads(indices: Tensor, columns: int) -> int:
    return 1 if len(indices) * columns < SMALL else threads()


def _spmm(
    reduce: int, indptr: Tensor, indices: Tensor, values: Tensor | None, x: Tensor, out: Tensor, arg: Tensor | None
) -> None:
    heads, columns = _sizes(values, x)
    values = None if values is None else values.contiguous()
    if out.numel():
        _core.spmm(
            SCALARS[x.dtype],
            SCALARS[indices.dtype],
            reduce,
            indptr,
            indices,
            values,
            x,
            x.shape[0],
            out.shape[0],
            heads,
            columns,
            out,
            arg,
            _threads(indices, heads * columns),
        )


def spmm_sum(
    indptr: Tensor,
    indices: Tensor,
    values: Tensor | None,
    x: Tensor,
    mean: bool,
    t_indptr: Tensor | None = None,
    t_indices: Tensor | None = None,
    t_order: Tensor | None = None,
) -> Tensor:
    """See :func:`graphrep.ops.spmm`."""
    out = empty(x, (indptr.shape[0] - 1, *x.shape[1:]))
    _spmm(MEAN if mean else SUM, indptr, indices, values, x, out, None)
    return out


def spmm_extreme(
    indptr: Tensor, indices: Tensor, values: Tensor | None, x: Tensor, largest: bool, with_arg: bool
) -> tuple[Tensor, Tensor]:
    """See :func:`graphrep.ops.sparse_dense.spmm_extreme`."""
    out = empty(x, (indptr.shape[0] - 1, *x.shape[1:]))
    arg = empty(x, out.shape if with_arg else (0,), torch.int32)
    _spmm(MAX if largest else MIN, indptr, indices, values, x, out, arg if with_arg else None)
    return out, arg


def spmm_extreme_backward(
    indptr: Tensor, indices: Tensor, values: Tensor | None, arg: Tensor, grad: Tensor, num_x: int
) -> Tensor:
    """Gradient of the maximum or minimum with respect to x: each gradient goes to the row of x of the extreme entry."""
    wide = grad if grad.dtype == torch.float64 else grad.float()  # sums of many terms lose precision in 16-bit types
    weights = None if values is None else values.to(wide.dtype).contiguous()
    out = empty(wide, (num_x, *grad.shape[1:])).zero_()
    heads, columns = _sizes(values, grad)
    if out.numel():
        _core.spmm_extreme_backward(
            SCALARS[wide.dtype],
            SCALARS[indices.dtype],
            indptr,
            indices,
            weights,
            arg,
            wide,
            grad.shape[0],
            num_x,
            heads,
            columns,
            out,
            _threads(arg.view(-1), 1),
        )
    return out.to(grad.dtype)


def sddmm(indptr: Tensor, indices: Tensor, x: Tensor, y: Tensor, heads: int) -> Tensor:
    """See :func:`graphrep.ops.sddmm`."""
    out = empty(x, (indices.shape[0], heads))
    columns = math.prod(x.shape[1:])
    if out.numel():
        _core.sddmm(
            SCALARS[x.dtype],
            SCALARS[indices.dtype],
            indptr,
            indices,
            x,
            y,
            x.shape[0],
            y.shape[0],
            heads,
            columns // max(heads, 1),
            out,
            1 if len(indices) * columns < SMALL else threads(),
        )
    return out
