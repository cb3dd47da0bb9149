"""Sparse-dense products: sums, means, maxima and minima over neighbors (spmm), and scores of entries (sddmm).

No message is stored. Each of the two is the derivative of the other.
"""

from __future__ import annotations

import importlib
from typing import Any, TypeVar

import numpy as np
import torch

from graphrep.ops.adjacency import Adjacency, as_adjacency, describe, shared, transposed_entries
from graphrep.ops.library import Op, differentiating
from graphrep.ops.sparse_dense import cpu, reference

__all__ = ["sddmm", "spmm", "spmm_extreme"]

Tensor = torch.Tensor
Array = TypeVar("Array", Tensor, "np.ndarray[Any, Any]")

REDUCES = ("sum", "mean", "max", "min")
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def spmm(adj: Any, x: Array, reduce: str = "sum") -> Array:
    r"""Aggregate neighbors: :math:`y_v = \bigoplus_{e \in \mathrm{row}(v)} a_e\, x_{\mathrm{indices}_e}`.

    The reduction :math:`\bigoplus` is a sum, the mean over the entries of the row, a maximum or a minimum. Rows without
    entries become 0. Differentiable in ``x`` and in the values of ``adj``, any number of times.

    Parameters
    ----------
    adj : Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
        With values of shape (num_entries, heads), each head weights its own slice of ``x``.
    x : float32, float64, bfloat16 or float16 tensor of shape (num_cols, ...)
        (num_cols, heads, ...) if the values have heads. For a float32 or float64 NumPy array, the result is one too.
    reduce : {"sum", "mean", "max", "min"}

    Returns
    -------
    tensor of shape (num_rows, ...), dtype of ``x``

    Raises
    ------
    TypeError
        ``x`` has a dtype other than the above, or other than that of the values.
    ValueError
        Shapes or devices disagree, or ``reduce`` is unknown.

    Notes
    -----
    Time O(num_entries * columns), bound by the memory traffic of gathering this number of elements; no memory except
    the result (and 4 bytes per element of it for max and min if a gradient is required). 16-bit types are summed in
    float32. The maximum or minimum of a row with a NaN is NaN. Among equal extremes the first entry of the row gets the
    gradient. Results have the same bits for any number of threads. The gradient with respect to ``x`` is the product
    with the transpose, which is cached on ``adj``; the gradient with respect to the values is :func:`sddmm`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=False)
    >>> x = torch.tensor([[1.0], [10.0], [100.0]])
    >>> gr.ops.spmm(path, x, "mean").ravel()
    tensor([10.0000, 50.5000, 10.0000])
    >>> gr.ops.spmm(path, x, "max").ravel()
    tensor([ 10., 100.,  10.])
    """
    a = as_adjacency(adj)
    if isinstance(x, np.ndarray):
        y: np.ndarray[Any, Any] = spmm(a, shared(np.ascontiguousarray(x)), reduce).numpy()
        return y
    if reduce not in REDUCES:
        raise ValueError(f"reduce must be one of {', '.join(REDUCES)}; got {reduce!r}.")
    values = a.values
    if not isinstance(x, Tensor) or x.dtype not in FLOATS:
        raise TypeError(f"x must be a float32, float64, bfloat16 or float16 tensor, got {describe(x)}.")
    if x.dim() < 1 or x.shape[0] != a.num_cols:
        raise ValueError(f"x must have one row per column of the adjacency, {a.num_cols}; got shape {tuple(x.shape)}.")
    if x.device != a.device:
        raise ValueError(f"x is on {x.device}, but the adjacency is on {a.device}.")
    if values is not None:
        if values.dtype != x.dtype:
            raise TypeError(f"values and x must have the same dtype, got {values.dtype} and {x.dtype}.")
        if values.dim() == 2 and (x.dim() < 2 or x.shape[1] != values.shape[1]):
            raise ValueError(
                f"values have {values.shape[1]} heads, so x must have shape ({a.num_cols}, {values.shape[1]}, ...); "
                f"got {tuple(x.shape)}."
            )
    if reduce in ("max", "min"):
        return spmm_extreme(a, x, largest=reduce == "max", with_arg=False)[0]
    t_indptr = t_indices = order = None
    if differentiating(x, values):
        structure = a._structure.transposed()
        t_indptr, t_indices = structure.indptr, structure.indices
        order = None if values is None else a._structure.order()
    out: Tensor = sum_op(a.indptr, a.indices, values, x.contiguous(), reduce == "mean", t_indptr, t_indices, order)
    return out


def spmm_extreme(adj: Adjacency, x: Tensor, *, largest: bool, with_arg: bool = True) -> tuple[Tensor, Tensor]:
    """Maximum or minimum over neighbors, and its position.

    Returns the result of :func:`spmm` and an int32 tensor of the same shape: the position within the row of the extreme
    entry (the first among equals), -1 in rows without entries. Without ``with_arg`` it is empty unless a gradient is
    required.
    """
    values = adj.values
    out: tuple[Tensor, Tensor] = extreme_op(
        adj.indptr, adj.indices, values, x.contiguous(), largest, with_arg or differentiating(x, values)
    )
    return out


def sddmm(adj: Any, x: Tensor, y: Tensor) -> Tensor:
    r"""Score every entry: :math:`s_e = \langle x_{\mathrm{row}(e)}, y_{\mathrm{col}(e)} \rangle`.

    The values of ``adj`` are ignored. Differentiable in ``x`` and ``y``, twice.

    Parameters
    ----------
    adj : Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
    x : floating tensor of shape (num_rows, d) or (num_rows, heads, d)
    y : tensor of shape (num_cols, d) or (num_cols, heads, d), dtype of ``x``

    Returns
    -------
    tensor of shape (num_entries,) or (num_entries, heads), dtype of ``x``
        In the order of the entries of ``adj``.

    Raises
    ------
    TypeError
        Dtypes differ or are not floating-point.
    ValueError
        Shapes or devices disagree.

    Notes
    -----
    Time O(num_entries * heads * d), bound by gathering rows of ``y``; no memory except the result. The gradients are
    two sparse products with the incoming gradient as values.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=False)
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> gr.ops.sddmm(path, x, x)
    tensor([11., 11., 39., 39.])
    """
    a = as_adjacency(adj)
    for name, tensor, rows in (("x", x, a.num_rows), ("y", y, a.num_cols)):
        if not isinstance(tensor, Tensor) or tensor.dtype not in FLOATS:
            raise TypeError(f"{name} must be a float32, float64, bfloat16 or float16 tensor, got {describe(tensor)}.")
        if tensor.dim() not in (2, 3) or tensor.shape[0] != rows:
            raise ValueError(f"{name} must have shape ({rows}, d) or ({rows}, heads, d), got {tuple(tensor.shape)}.")
        if tensor.device != a.device:
            raise ValueError(f"{name} is on {tensor.device}, but the adjacency is on {a.device}.")
    if x.dtype != y.dtype:
        raise TypeError(f"x and y must have the same dtype, got {x.dtype} and {y.dtype}.")
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"x and y must agree in all dimensions but the first, got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    heads = 1 if x.dim() == 2 else x.shape[1]
    out: Tensor = sddmm_op(a.indptr, a.indices, x.contiguous(), y.contiguous(), heads)
    return out.view(-1) if x.dim() == 2 else out


def _heads(values: Tensor | None) -> int:
    return 1 if values is None or values.dim() == 1 else int(values.shape[1])


def _triton() -> Any:
    return importlib.import_module("graphrep.ops.sparse_dense.triton")


def _mean_scale(indptr: Tensor, like: Tensor) -> Tensor:
    counts = (indptr[1:] - indptr[:-1]).clamp(min=1).to(like.dtype)
    return like / counts.view(-1, *[1] * (like.dim() - 1))


def _sum_fake(
    indptr: Tensor,
    indices: Tensor,
    values: Any,
    x: Tensor,
    mean: bool,
    t_indptr: Any,
    t_indices: Any,
    order: Any,
) -> Tensor:
    return x.new_empty(indptr.shape[0] - 1, *x.shape[1:])


def _sum_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    indptr, indices, values, x, mean, t_indptr, t_indices, order = inputs
    keep_x = x if values is not None and ctx.needs_input_grad[2] else None
    ctx.save_for_backward(indptr, indices, values, keep_x, t_indptr, t_indices, order)
    ctx.mean, ctx.num_x = mean, x.shape[0]


def _sum_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    indptr, indices, values, x, t_indptr, t_indices, order = ctx.saved_tensors
    grad = (_mean_scale(indptr, grad) if ctx.mean else grad).contiguous()
    grad_x = grad_values = None
    if ctx.needs_input_grad[3]:
        if t_indptr is None or (values is not None and order is None):
            t_indptr, t_indices, order = transposed_entries(indptr, indices, ctx.num_x)
        t_values = back = None
        if values is not None:
            t_values = values.index_select(0, order)
            if torch.is_grad_enabled():  # only second derivatives need the transpose of the transpose
                back = torch.empty_like(order).index_copy(0, order, torch.arange(len(order), device=order.device))
        grad_x = sum_op(t_indptr, t_indices, t_values, grad, False, indptr, indices, back)
    if ctx.needs_input_grad[2]:
        heads = _heads(values)
        grad_values = sddmm_op(indptr, indices, grad, x, heads).view(values.shape)
    return None, None, grad_values, grad_x, None, None, None, None


sum_op = Op(
    "spmm_sum",
    "(Tensor indptr, Tensor indices, Tensor? values, Tensor x, bool mean, Tensor? t_indptr, Tensor? t_indices, "
    "Tensor? t_order) -> Tensor",
    native=cpu.spmm_sum,
    reference=reference.spmm_sum,
    triton=lambda: _triton().spmm_sum,
    fake=_sum_fake,
    setup=_sum_setup,
    backward=_sum_backward,
    device=3,
)


def _extreme_fake(
    indptr: Tensor,
    indices: Tensor,
    values: Any,
    x: Tensor,
    largest: bool,
    with_arg: bool,
) -> tuple[Tensor, Tensor]:
    shape = (indptr.shape[0] - 1, *x.shape[1:])
    return x.new_empty(shape), x.new_empty(shape if with_arg else (0,), dtype=torch.int32)


def _extreme_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    indptr, indices, values, x, _, _ = inputs
    keep_x = x if values is not None and ctx.needs_input_grad[2] else None
    ctx.save_for_backward(indptr, indices, values, keep_x, output[1])
    ctx.x_shape = x.shape
    ctx.mark_non_differentiable(output[1])


def _extreme_backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Any, ...]:
    indptr, indices, values, x, arg = ctx.saved_tensors
    grad_x = grad_values = None
    if ctx.needs_input_grad[3]:
        grad_x = extreme_grad_op(indptr, indices, values, arg, grad.contiguous(), ctx.x_shape[0])
    if ctx.needs_input_grad[2]:
        grad_values = _extreme_grad_values(indptr, indices, values, arg, grad, x)
    return None, None, grad_values, grad_x, None, None


def _extreme_grad_values(
    indptr: Tensor, indices: Tensor, values: Tensor, arg: Tensor, grad: Tensor, x: Tensor
) -> Tensor:
    """For each entry, the sum of grad * x over the results that it won."""
    if not len(indices):
        return torch.zeros_like(values)
    entry, chosen = reference.chosen_entries(indptr, arg)
    rows = indices.index_select(0, entry.reshape(-1)).view(arg.shape).long()
    product = (grad * x.gather(0, rows) * chosen).reshape(arg.shape[0], _heads(values), -1)
    head = torch.arange(product.shape[1], device=entry.device).view(1, -1, 1)
    at = entry.reshape(product.shape) * product.shape[1] + head
    return torch.zeros_like(values).view(-1).index_add(0, at.reshape(-1), product.reshape(-1)).view(values.shape)


extreme_op = Op(
    "spmm_extreme",
    "(Tensor indptr, Tensor indices, Tensor? values, Tensor x, bool largest, bool with_arg) -> (Tensor, Tensor)",
    native=cpu.spmm_extreme,
    reference=reference.spmm_extreme,
    triton=lambda: _triton().spmm_extreme,
    fake=_extreme_fake,
    setup=_extreme_setup,
    backward=_extreme_backward,
    device=3,
)


def _extreme_grad_fake(
    indptr: Tensor,
    indices: Tensor,
    values: Any,
    arg: Tensor,
    grad: Tensor,
    num_x: int,
) -> Tensor:
    return grad.new_empty(num_x, *grad.shape[1:])


def _extreme_grad_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    indptr, indices, values, arg, grad, _ = inputs
    ctx.save_for_backward(indptr, indices, values, arg, grad)


def _extreme_grad_backward(ctx: Any, grad_x: Tensor) -> tuple[Any, ...]:
    indptr, indices, values, arg, grad = ctx.saved_tensors
    to_grad = to_values = None
    if ctx.needs_input_grad[4]:
        to_grad = reference.chosen_rows(indptr, indices, values, arg, grad_x)
    if ctx.needs_input_grad[2]:
        to_values = _extreme_grad_values(indptr, indices, values, arg, grad, grad_x)
    return None, None, to_values, None, to_grad, None


extreme_grad_op = Op(
    "spmm_extreme_backward",
    "(Tensor indptr, Tensor indices, Tensor? values, Tensor arg, Tensor grad, SymInt num_x) -> Tensor",
    native=cpu.spmm_extreme_backward,
    reference=reference.spmm_extreme_backward,
    triton=lambda: _triton().spmm_extreme_backward,
    fake=_extreme_grad_fake,
    setup=_extreme_grad_setup,
    backward=_extreme_grad_backward,
    device=4,
)


def _sddmm_fake(indptr: Tensor, indices: Tensor, x: Tensor, y: Tensor, heads: int) -> Tensor:
    return x.new_empty(indices.shape[0], heads)


def _sddmm_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    indptr, indices, x, y, heads = inputs
    ctx.save_for_backward(indptr, indices, x, y)
    ctx.heads = heads


def _sddmm_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    indptr, indices, x, y = ctx.saved_tensors
    grad = grad.contiguous()
    shape = (-1, ctx.heads, x[0].numel() // ctx.heads) if x.shape[0] else (0, ctx.heads, 0)
    grad_x = grad_y = None
    if ctx.needs_input_grad[2]:
        grad_x = sum_op(indptr, indices, grad, y.reshape(shape), False, None, None, None).view(x.shape)
    if ctx.needs_input_grad[3]:
        t_indptr, rows, order = transposed_entries(indptr, indices, y.shape[0])
        values = grad.index_select(0, order)
        grad_y = sum_op(t_indptr, rows, values, x.reshape(shape), False, None, None, None).view(y.shape)
    return None, None, grad_x, grad_y, None


sddmm_op = Op(
    "sddmm",
    "(Tensor indptr, Tensor indices, Tensor x, Tensor y, SymInt heads) -> Tensor",
    native=cpu.sddmm,
    reference=reference.sddmm,
    triton=lambda: _triton().sddmm,
    fake=_sddmm_fake,
    setup=_sddmm_setup,
    backward=_sddmm_backward,
    device=2,
)
