"""Distances of all pairs of rows of two tensors; their differences are never stored."""

from __future__ import annotations

from typing import Any

import torch

from graphrep.ops.adjacency import describe
from graphrep.ops.distances import cpu, reference
from graphrep.ops.library import Op

__all__ = ["distances"]

Tensor = torch.Tensor


def distances(x: Tensor, y: Tensor, *, metric: str = "l1") -> Tensor:
    r"""Distances of all rows of ``x`` and all rows of ``y``, with a gradient.

    ===========  =========================================================================================
    ``l1``       :math:`d_{ij} = \sum_k |x_{ik} - y_{jk}|`
    ``complex``  :math:`d_{ij} = \sum_k |x_{ik} - y_{jk}|`, complex moduli; the first half of the columns holds the
                 real parts, the second half the imaginary parts
    ===========  =========================================================================================

    These are the distances of TransE and RotatE, and of :func:`graphrep.ops.rank_candidates`.

    Parameters
    ----------
    x : floating tensor of shape (n, columns)
    y : tensor of shape (m, columns), with the dtype and device of ``x``
    metric : {"l1", "complex"}

    Returns
    -------
    tensor of shape (n, m)
        The derivative of the modulus of zero is taken as zero.

    Raises
    ------
    TypeError, ValueError
        Dtypes, devices or shapes disagree, an odd number of columns of complex rows, or an unknown metric.

    Notes
    -----
    Time O(n m columns), memory that of the result and a copy of the rows. The kernel is for float32 on the CPU; other
    tensors are computed in torch, in blocks. The backward pass computes the differences again, once for each of ``x``
    and ``y``. Differentiable once. The result does not depend on the number of threads.

    References
    ----------
    Sun et al. RotatE: Knowledge Graph Embedding by Relational Rotation in Complex Space. ICLR 2019, section 3.2.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> x, y = torch.tensor([[3.0, 4.0]]), torch.zeros(2, 2)
    >>> gr.ops.distances(x, y), gr.ops.distances(x, y, metric="complex")
    (tensor([[7., 7.]]), tensor([[5., 5.]]))
    """
    if not isinstance(x, Tensor) or not x.dtype.is_floating_point or x.dim() != 2:
        raise TypeError(f"x must be a floating tensor with two dimensions, got {describe(x)}.")
    if not isinstance(y, Tensor) or y.dtype != x.dtype or y.device != x.device:
        raise TypeError(f"y must have the dtype and device of x, {describe(x)}; got {describe(y)}.")
    if y.dim() != 2 or y.shape[1] != x.shape[1]:
        raise ValueError(f"y must have shape (m, {x.shape[1]}), as x has {x.shape[1]} columns; got {tuple(y.shape)}.")
    if metric not in ("l1", "complex"):
        raise ValueError(f"metric must be l1 or complex, got {metric!r}.")
    if metric == "complex" and x.shape[1] % 2:
        raise ValueError(f"complex rows have an even number of columns, got {x.shape[1]}.")
    found: Tensor = distances_op(x.contiguous(), y.contiguous(), metric == "complex")
    return found


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    del output
    x, y, ctx.moduli = inputs
    ctx.save_for_backward(x, y)


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, y = ctx.saved_tensors
    of_x = gradient_op(x, y, grad.contiguous(), ctx.moduli) if ctx.needs_input_grad[0] else None
    of_y = gradient_op(y, x, grad.T.contiguous(), ctx.moduli) if ctx.needs_input_grad[1] else None
    return of_x, of_y, None


distances_op = Op(
    "distances",
    "(Tensor x, Tensor y, bool moduli) -> Tensor",
    native=cpu.distances,
    reference=reference.distances,
    fake=lambda x, y, moduli: x.new_empty((x.shape[0], y.shape[0])),
    setup=_setup,
    backward=_backward,
)

gradient_op = Op(
    "distance_gradient",
    "(Tensor x, Tensor y, Tensor factor, bool moduli) -> Tensor",
    native=cpu.gradient,
    reference=reference.gradient,
    fake=lambda x, y, factor, moduli: torch.empty_like(x),
)
