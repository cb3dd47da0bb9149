"""Attention over neighbors with Triton kernels; no score or message is stored.

A program handles a row of the matrix (or a piece of a long row), a block of heads and a block of columns. It makes one
pass over the entries, forward and backward: the softmax is rescaled when a larger score appears. The gradients of the
column operands come from a pass over the transpose. There are no atomic additions, so results are reproducible.
"""

from __future__ import annotations

from typing import Any

import torch
import triton

from graphrep.ops._triton import accumulator, on_device_of
from graphrep.ops.edge_attention import triton_backward as backward
from graphrep.ops.edge_attention import triton_kernels as kernels
from graphrep.ops.edge_attention.triton_softmax import edge_softmax, edge_softmax_backward
from graphrep.ops.sparse_dense import triton as rows

__all__ = ["attention", "attention_backward", "edge_softmax", "edge_softmax_backward"]

Tensor = torch.Tensor


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
    num_rows, heads = len(indptr) - 1, value.shape[1]
    out = value.new_empty(num_rows, heads, value.shape[2])
    log_sum = value.new_empty(num_rows, heads, dtype=torch.float64)
    if log_sum.numel():
        own, other = _parts(query, key, row_score, col_score)
        job = _Job(indptr, indices, own, other, value, scale, dot=query is not None, columns=out.shape[2])
        results = (out, log_sum, job.partial(heads, out.shape[2]), job.partial(heads), job.partial(heads))
        with on_device_of(value):
            kernels.attention_kernel[job.grid](*job.operands, *results, *job.cut, *job.sizes, **job.options)
            if job.slots:
                kernels.attention_join_kernel[job.join_grid](
                    indptr, *results, *job.cut, num_rows, heads, out.shape[2], **job.join_options("BLOCK_H", "BLOCK_C")
                )
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
    by_row, by_col = _parts(query, key, row_score, col_score)
    dot, grad, log_sum = query is not None, grad.contiguous(), log_sum.contiguous()
    to_row, to_col, to_value = (part.new_empty(part.shape) for part in (by_row, by_col, value))
    delta = torch.empty_like(log_sum)
    with on_device_of(value):
        if log_sum.numel():
            _rows_backward(indptr, indices, by_row, by_col, value, scale, log_sum, grad, to_row, delta, dot=dot)
        if value.shape[0] and value.shape[1]:
            _columns_backward(
                t_indptr, t_indices, by_col, by_row, value, scale, log_sum, delta, grad, to_col, to_value, dot=dot
            )
    return to_row, to_col, to_value


def _rows_backward(
    indptr: Tensor,
    indices: Tensor,
    own: Tensor,
    other: Tensor,
    value: Tensor,
    scale: float,
    log_sum: Tensor,
    grad: Tensor,
    grad_own: Tensor,
    delta: Tensor,
    *,
    dot: bool,
) -> None:
    job = _Job(indptr, indices, own, other, value, scale, dot=dot, columns=_width(own), tiles=2)
    num_rows, heads, width, _ = job.sizes
    results = (grad_own, delta, job.partial(heads), job.partial(heads, width), job.partial(heads, width))
    backward.attention_rows_kernel[job.grid](
        *job.operands, log_sum, grad, *results, *job.cut, *job.sizes, **job.options
    )
    if job.slots:
        backward.attention_rows_join_kernel[job.join_grid](
            indptr, *results, *job.cut, num_rows, heads, width, **job.join_options("BLOCK_H", "BLOCK_K")
        )


def _columns_backward(
    t_indptr: Tensor,
    t_indices: Tensor,
    own: Tensor,
    other: Tensor,
    value: Tensor,
    scale: float,
    log_sum: Tensor,
    delta: Tensor,
    grad: Tensor,
    grad_own: Tensor,
    grad_value: Tensor,
    *,
    dot: bool,
) -> None:
    job = _Job(
        t_indptr, t_indices, own, other, value, scale, dot=dot, columns=max(_width(own), value.shape[2]), tiles=2
    )
    _, heads, width, columns = job.sizes
    partial = (job.partial(heads, width), job.partial(heads, columns))
    backward.attention_columns_kernel[job.grid](
        *job.operands, log_sum, delta, grad, grad_own, grad_value, *partial, *job.cut, *job.sizes, **job.options
    )
    for out, pieces in zip((grad_own, grad_value), partial, strict=True):
        if pieces is not None and pieces.numel():
            rows.join_sums(t_indptr, out, pieces, job.slots, job.cut)


def _parts(query: Any, key: Any, row_score: Any, col_score: Any) -> tuple[Tensor, Tensor]:
    """Row operand and column operand."""
    own, other = (row_score, col_score) if query is None else (query, key)
    return own.contiguous(), other.contiguous()


def _width(own: Tensor) -> int:
    return own.shape[2] if own.dim() == 3 else 1


class _Job:
    """Operands, grid and block sizes of a pass over rows, and the splitting of long rows.

    ``columns`` are the columns of the results, in blocks; ``tiles`` is the number of blocks that a program holds.
    """

    def __init__(
        self,
        indptr: Tensor,
        indices: Tensor,
        own: Tensor,
        other: Tensor,
        value: Tensor,
        scale: float,
        *,
        dot: bool,
        columns: int,
        tiles: int = 1,
    ) -> None:
        num_rows, heads, num_entries = len(indptr) - 1, value.shape[1], len(indices)
        wide = torch.float64 if value.dtype == torch.float64 else torch.float32
        factor = torch.full((1,), scale, dtype=wide, device=value.device)  # triton would pass a Python float as float32
        self.operands = (indptr, indices, own, other, value.contiguous(), factor)
        self.sizes = (num_rows, heads, _width(own), value.shape[2])
        block_k, block_c = (min(triton.next_power_of_2(max(size, 1)), 128) for size in self.sizes[2:])
        block_h = min(triton.next_power_of_2(heads), 128 // max(block_k, block_c))
        typical = triton.next_power_of_2(max(num_entries // num_rows, 4))
        tile = max(block_k, block_c) * block_h
        block_e = min(max(rows.TILE // (tile * tiles), 1), 64, typical)
        self.options = {
            "DOT": dot,
            "LONG": rows.LONG,
            "WIDE": accumulator(value.dtype),
            "BLOCK_E": block_e,
            "BLOCK_H": block_h,
            "BLOCK_K": block_k,
            "BLOCK_C": block_c,
            "num_warps": rows.warps(tile * block_e),
        }
        self._wide, self._device = wide, value.device
        self.slots, self.cut = rows.cutting(indptr, num_entries)
        blocks = triton.cdiv(heads, block_h), max(triton.cdiv(columns, 128), 1)
        self.grid, self.join_grid = (num_rows + self.slots, *blocks), (self.slots, *blocks)

    def partial(self, *shape: int) -> Tensor | None:
        """Buffer for the pieces of long rows, None if there are none."""
        return torch.empty(self.slots, *shape, dtype=self._wide, device=self._device) if self.slots else None

    def join_options(self, *blocks: str) -> dict[str, Any]:
        """Options of a kernel that combines pieces."""
        return {name: self.options[name] for name in ("LONG", "WIDE", "BLOCK_E", *blocks, "num_warps")}
