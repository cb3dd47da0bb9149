"""The ops behind scatter, segment and gather, each with its derivative.

``index`` is int32 or int64, contiguous, of shape (E,), shared by all leading dimensions; of shape (leading..., E),
constant along the trailing dimensions; or of the shape of ``src``. ``indptr`` is int64, contiguous, of shape (N + 1,)
or (leading..., N + 1). ``src`` is contiguous; ``dim`` is non-negative.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from graphrep.ops.library import Op
from graphrep.ops.segment import cpu, reference
from graphrep.ops.segment.reference import MAX, MEAN, MIN, MUL, SUM, spread

__all__ = [
    "MAX",
    "MEAN",
    "MIN",
    "MUL",
    "SUM",
    "counts",
    "divided",
    "expand_op",
    "extreme_op",
    "fold_op",
    "gather_op",
    "offsets_op",
    "place_op",
    "segment_counts",
    "segment_extreme_op",
    "segment_op",
    "softmax_op",
]

Tensor = torch.Tensor


def _triton(name: str) -> Callable[[], Callable[..., Any]]:
    return lambda: getattr(importlib.import_module("graphrep.ops.segment.triton"), name)


def _shape(src: Tensor, dim: int, size: Any) -> tuple[Any, ...]:
    return (*src.shape[:dim], size, *src.shape[dim + 1 :])


def counts(index: Tensor, dim: int, size: int, ndim: int) -> Tensor:
    """Number of entries of each group, int64, at least 1, in a shape that broadcasts to ``ndim`` dimensions."""
    number = fold_op(torch.ones_like(index, dtype=torch.int64), index, 0 if index.dim() == 1 else dim, size, SUM)
    return spread(number.clamp_(min=1), dim, ndim)


def segment_counts(indptr: Tensor, dim: int, ndim: int) -> Tensor:
    """Like :func:`counts`, for segments."""
    return spread((indptr[..., 1:] - indptr[..., :-1]).clamp_(min=1), dim, ndim)


def divided(total: Tensor, number: Tensor) -> Tensor:
    """Mean from a sum and counts. Integers are rounded down; 16-bit floats cannot represent large counts."""
    if not total.is_floating_point():
        return total.div(number, rounding_mode="floor").to(total.dtype)
    wide = torch.float64 if total.dtype == torch.float64 else torch.float32
    return (total.to(wide) / number.to(wide)).to(total.dtype)


def _fold_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    src, index, ctx.dim, ctx.size, ctx.reduce = inputs
    ctx.save_for_backward(index, *((src, output) if ctx.reduce == MUL else ()))


def _fold_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    index, *saved = ctx.saved_tensors
    if ctx.reduce == MEAN:
        grad = divided(grad, counts(index, ctx.dim, ctx.size, grad.dim()))
    if ctx.reduce != MUL:
        return gather_op(grad.contiguous(), index, ctx.dim), None, None, None, None
    src, out = saved
    quotient = gather_op((grad * out).contiguous(), index, ctx.dim) / src
    return quotient.masked_fill(quotient.isnan(), 0), None, None, None, None


fold_op = Op(
    "scatter_fold",
    "(Tensor src, Tensor index, int dim, SymInt size, int reduce) -> Tensor",
    native=cpu.fold,
    reference=reference.fold,
    triton=_triton("fold"),
    fake=lambda src, index, dim, size, reduce: src.new_empty(_shape(src, dim, size)),
    setup=_fold_setup,
    backward=_fold_backward,
)


def _gather_fake(src: Tensor, index: Tensor, dim: int) -> Tensor:
    return src.new_empty(_shape(src, dim, index.shape[0] if index.dim() == 1 else index.shape[dim]))


def _gather_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    src, index, ctx.dim = inputs
    ctx.size = src.shape[ctx.dim]
    ctx.save_for_backward(index)


def _gather_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    (index,) = ctx.saved_tensors
    return fold_op(grad.contiguous(), index, ctx.dim, ctx.size, SUM), None, None


gather_op = Op(
    "scatter_gather",
    "(Tensor src, Tensor index, int dim) -> Tensor",
    native=cpu.gather,
    reference=reference.gather,
    triton=_triton("gather"),
    fake=_gather_fake,
    setup=_gather_setup,
    backward=_gather_backward,
)


def _place_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, arg, ctx.dim, ctx.size = inputs
    ctx.save_for_backward(arg)


def _place_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    (arg,) = ctx.saved_tensors
    if not ctx.size:
        return grad.new_zeros(arg.shape), None, None, None
    taken = grad.gather(ctx.dim, arg.clamp(max=ctx.size - 1))
    return taken.masked_fill(arg == ctx.size, 0), None, None, None


place_op = Op(
    "scatter_place",
    "(Tensor src, Tensor arg, int dim, SymInt size) -> Tensor",
    native=cpu.place,
    reference=reference.place,
    triton=_triton("place"),
    fake=lambda src, arg, dim, size: src.new_empty(_shape(src, dim, size)),
    setup=_place_setup,
    backward=_place_backward,
)


def _extreme_outputs(src: Tensor, shape: tuple[Any, ...], with_arg: bool) -> tuple[Tensor, Tensor]:
    return src.new_empty(shape), src.new_empty(shape if with_arg else (0,), dtype=torch.int64)


def _extreme_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    src, _, ctx.dim, *rest = inputs
    ctx.size, ctx.none = src.shape[ctx.dim], [None] * (len(rest) + 2)
    ctx.save_for_backward(output[1])
    ctx.mark_non_differentiable(output[1])


def _extreme_backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Any, ...]:
    (arg,) = ctx.saved_tensors
    return place_op(grad.contiguous(), arg, ctx.dim, ctx.size), *ctx.none


extreme_op = Op(
    "scatter_extreme",
    "(Tensor src, Tensor index, int dim, SymInt size, bool largest, bool with_arg) -> (Tensor, Tensor)",
    native=cpu.extreme,
    reference=reference.extreme,
    triton=_triton("extreme"),
    fake=lambda src, index, dim, size, largest, with_arg: _extreme_outputs(src, _shape(src, dim, size), with_arg),
    setup=_extreme_setup,
    backward=_extreme_backward,
)


def _segment_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    src, indptr, ctx.dim, ctx.reduce = inputs
    ctx.size = src.shape[ctx.dim]
    ctx.save_for_backward(indptr)


def _segment_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    (indptr,) = ctx.saved_tensors
    if ctx.reduce == MEAN:
        grad = divided(grad, segment_counts(indptr, ctx.dim, grad.dim()))
    return expand_op(grad.contiguous(), indptr, ctx.dim, ctx.size), None, None, None


segment_op = Op(
    "segment_fold",
    "(Tensor src, Tensor indptr, int dim, int reduce) -> Tensor",
    native=cpu.segment_fold,
    reference=reference.segment_fold,
    triton=_triton("segment_fold"),
    fake=lambda src, indptr, dim, reduce: src.new_empty(_shape(src, dim, indptr.shape[-1] - 1)),
    setup=_segment_setup,
    backward=_segment_backward,
)

segment_extreme_op = Op(
    "segment_extreme",
    "(Tensor src, Tensor indptr, int dim, bool largest, bool with_arg) -> (Tensor, Tensor)",
    native=cpu.segment_extreme,
    reference=reference.segment_extreme,
    triton=_triton("segment_extreme"),
    fake=lambda src, indptr, dim, largest, with_arg: _extreme_outputs(
        src, _shape(src, dim, indptr.shape[-1] - 1), with_arg
    ),
    setup=_extreme_setup,
    backward=_extreme_backward,
)


def _expand_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, indptr, ctx.dim, _ = inputs
    ctx.save_for_backward(indptr)


def _expand_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    (indptr,) = ctx.saved_tensors
    return segment_op(grad.contiguous(), indptr, ctx.dim, SUM), None, None, None


expand_op = Op(
    "segment_expand",
    "(Tensor src, Tensor indptr, int dim, SymInt size) -> Tensor",
    native=cpu.segment_expand,
    reference=reference.segment_expand,
    triton=_triton("segment_expand"),
    fake=lambda src, indptr, dim, size: src.new_empty(_shape(src, dim, size)),
    setup=_expand_setup,
    backward=_expand_backward,
)

offsets_op = Op(
    "segment_offsets",
    "(Tensor index, SymInt size) -> Tensor",
    native=cpu.offsets,
    reference=reference.offsets,
    triton=_triton("offsets"),
    fake=lambda index, size: index.new_empty((*index.shape[:-1], size + 1), dtype=torch.int64),
)


def _softmax_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, index, ctx.dim, ctx.size = inputs
    ctx.save_for_backward(index, output)


def _softmax_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    index, share = ctx.saved_tensors
    product = (grad * share).contiguous()
    total = fold_op(product, index, ctx.dim, ctx.size, SUM)
    return product - share * gather_op(total, index, ctx.dim), None, None, None


softmax_op = Op(
    "scatter_softmax",
    "(Tensor src, Tensor index, int dim, SymInt size) -> Tensor",
    native=cpu.softmax,
    reference=reference.softmax,
    triton=_triton("softmax"),
    fake=lambda src, index, dim, size: src.new_empty(src.shape),
    setup=_softmax_setup,
    backward=_softmax_backward,
)
