"""Dropout whose mask is a function of (seed, position), alone and after a layer norm; no mask is stored."""

from __future__ import annotations

from typing import Any

import torch

from graphrep._checks import checked_int
from graphrep.ops.adjacency import describe
from graphrep.ops.counter_dropout import cpu, reference
from graphrep.ops.library import Op

__all__ = ["dropout", "norm_dropout_relu"]

Tensor = torch.Tensor
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def dropout(x: Tensor, p: float = 0.5, *, seed: int, relu: bool = False, rows: Tensor | None = None) -> Tensor:
    r"""Zero entries at random: :math:`y_i = x_i / (1 - p)` with probability :math:`1 - p`, else 0.

    The mask is a function of (seed, position) and depends on neither the number of threads nor the device. The backward
    pass therefore computes it again instead of storing it.

    Parameters
    ----------
    x : floating tensor of any shape
    p : float in [0, 1]
    seed : int
        In [0, 2**63). Pass a new seed in every training step.
    relu : bool
        Whether to apply ReLU to ``x`` first.
    rows : int64 tensor of shape (len(x),), optional
        For an ``x`` that consists of these rows of a larger tensor, such as the share of one of several processes:
        the result is that part of the larger tensor's.

    Returns
    -------
    tensor of the shape and dtype of ``x``

    Raises
    ------
    TypeError, ValueError
        ``x`` has another dtype, or ``p`` or ``seed`` is out of range.

    Notes
    -----
    Time O(size); each 64-bit hash gives 32 random bits to two entries. A dropped NaN is 0. Differentiable twice.

    References
    ----------
    Srivastava et al. Dropout: A Simple Way to Prevent Neural Networks from Overfitting. JMLR 2014. Salmon et al.
    Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011, on counter-based random numbers.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.dropout(torch.ones(8), 0.5, seed=0)
    tensor([0., 0., 2., 0., 0., 0., 0., 2.])
    >>> gr.ops.dropout(torch.ones(2, 2), 0.5, seed=0, rows=torch.tensor([1, 3]))
    tensor([[2., 0.],
            [0., 2.]])
    """
    _check(x, p, seed, rows)
    out: Tensor = dropout_op(x.contiguous(), float(p), int(seed), relu, None if rows is None else rows.contiguous())
    return out


def norm_dropout_relu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    p: float = 0.0,
    *,
    seed: int = 0,
    eps: float = 1e-5,
    rows: Tensor | None = None,
) -> Tensor:
    r"""Layer norm, :func:`dropout` and ReLU in one pass over memory.

    .. math:: y = \max\Bigl(0, \mathrm{dropout}\bigl(w \odot \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + b\bigr)\Bigr)

    with the mean and the (biased) variance of each row.

    Parameters
    ----------
    x : floating tensor of shape (..., columns)
    weight, bias : tensors of shape (columns,), with the dtype and device of ``x``
    p : float in [0, 1]
    seed : int
        In [0, 2**63). Pass a new seed in every training step.
    eps : float
    rows : int64 tensor of shape (len(x),), optional
        As in :func:`dropout`.

    Returns
    -------
    tensor of the shape and dtype of ``x``

    Raises
    ------
    TypeError, ValueError
        Dtypes or shapes disagree, or ``p`` or ``seed`` is out of range.

    Notes
    -----
    Time O(size). The backward pass needs ``x``, the result, whose nonzero entries are the ones that passed, and two
    numbers per row. Gradients of ``weight`` and ``bias`` do not depend on the number of threads. Differentiable twice.

    References
    ----------
    Ba, Kiros, Hinton. Layer Normalization. 2016, section 3.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.norm_dropout_relu(torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(3), torch.zeros(3))
    tensor([[0.0000, 0.0000, 1.2247]])
    """
    _check(x, p, seed, rows)
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have columns, got shape {tuple(x.shape)}.")
    for name, part in (("weight", weight), ("bias", bias)):
        if not isinstance(part, Tensor) or part.dtype != x.dtype or part.device != x.device:
            raise TypeError(f"{name} must have the dtype and device of x, {describe(x)}; got {describe(part)}.")
        if part.shape != x.shape[-1:]:
            raise ValueError(f"{name} must have shape ({x.shape[-1]},), got {tuple(part.shape)}.")
    rows = None if rows is None else rows.contiguous()
    inputs = x.contiguous(), weight.contiguous(), bias.contiguous(), float(eps), float(p), int(seed), rows
    out: Tensor = norm_op(*inputs)[0]
    return out


def _check(x: Any, p: float, seed: int, rows: Any) -> None:
    if not isinstance(x, Tensor) or x.dtype not in FLOATS:
        raise TypeError(f"x must be a float32, float64, bfloat16 or float16 tensor, got {describe(x)}.")
    if not 0 <= p <= 1:
        raise ValueError(f"p must lie in [0, 1], got {p}.")
    checked_int("seed", seed, 0, 2**63 - 1)
    if rows is None:
        return
    if not isinstance(rows, Tensor) or rows.dtype != torch.int64 or rows.device != x.device:
        raise TypeError(f"rows must be an int64 tensor on the device of x, {x.device}; got {describe(rows)}.")
    if x.dim() != 2 or rows.shape != x.shape[:1]:
        raise ValueError(f"rows must have a number for each row of x, {tuple(x.shape)}; got {tuple(rows.shape)}.")


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, ctx.p, ctx.seed, ctx.relu, rows = inputs
    ctx.save_for_backward(output if ctx.relu else None, rows)


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    y, rows = ctx.saved_tensors
    if not ctx.relu:
        return dropout_op(grad.contiguous(), ctx.p, ctx.seed, False, rows), None, None, None, None
    if torch.is_grad_enabled():
        return reference.relu_dropout_backward(y, grad, ctx.p), None, None, None, None
    return relu_grad_op(y, grad.contiguous(), ctx.p), None, None, None, None


dropout_op = Op(
    "dropout",
    "(Tensor x, float p, int seed, bool relu, Tensor? rows=None) -> Tensor",
    native=cpu.dropout,
    reference=reference.dropout,
    fake=lambda x, p, seed, relu, rows=None: torch.empty_like(x),
    setup=_setup,
    backward=_backward,
)

relu_grad_op = Op(
    "relu_dropout_backward",
    "(Tensor y, Tensor grad, float p) -> Tensor",
    native=cpu.relu_dropout_backward,
    reference=reference.relu_dropout_backward,
    fake=lambda y, grad, p: torch.empty_like(y),
)


def _norm_fake(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, seed: int, rows: Tensor | None = None
) -> Any:
    statistics = torch.float64 if x.dtype == torch.float64 else torch.float32
    mean = x.new_empty(x.shape[:-1], dtype=statistics)
    return torch.empty_like(x), mean, torch.empty_like(mean)


def _norm_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    x, weight, _, ctx.eps, ctx.p, *_ = inputs
    y, mean, inverse = output
    ctx.save_for_backward(x, weight, mean, inverse, y)
    ctx.mark_non_differentiable(mean, inverse)


def _norm_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    x, weight, mean, inverse, y = ctx.saved_tensors
    if torch.is_grad_enabled():  # recompute the statistics from x, so that the gradient is differentiable
        wide = x if x.dtype == torch.float64 else x.float()
        mean = wide.mean(-1)
        inverse = reference.inverse_deviation(wide, mean, ctx.eps)
        return *reference.norm_dropout_relu_backward(x, weight, mean, inverse, y, grad, ctx.p), *[None] * 4
    return *norm_grad_op(x, weight, mean, inverse, y, grad.contiguous(), ctx.p), *[None] * 4


norm_op = Op(
    "norm_dropout_relu",
    "(Tensor x, Tensor weight, Tensor bias, float eps, float p, int seed, Tensor? rows=None) "
    "-> (Tensor, Tensor, Tensor)",
    native=cpu.norm_dropout_relu,
    reference=reference.norm_dropout_relu,
    fake=_norm_fake,
    setup=_norm_setup,
    backward=_norm_backward,
)

norm_grad_op = Op(
    "norm_dropout_relu_backward",
    "(Tensor x, Tensor weight, Tensor mean, Tensor inverse, Tensor y, Tensor grad, float p) "
    "-> (Tensor, Tensor, Tensor)",
    native=cpu.norm_dropout_relu_backward,
    reference=reference.norm_dropout_relu_backward,
    fake=lambda x, weight, mean, inverse, y, grad, p: (
        torch.empty_like(x),
        torch.empty_like(weight),
        torch.empty_like(weight),
    ),
)
