"""Dense layers that are faster on CPUs than torch's, with the same parameters and results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from graphrep.nn.generators import current_generator, current_rows, random_seed, random_uniform
from graphrep.ops.counter_dropout import dropout, norm_dropout_relu, reference
from graphrep.ops.library import CACHED, eager, empty

__all__ = ["Dropout", "Linear", "NormDropoutReLU", "drop", "dropped_linear", "evaluating", "glorot_linear", "linear"]

Tensor = torch.Tensor

# torch multiplies float32 matrices with MKL, which uses short vectors on CPUs not made by Intel. oneDNN, which torch
# uses for other types, takes half the time there. The op is not public, so it may be missing.
_PRODUCT: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch._C._has_mkldnn else None
_WORTHWHILE = 1 << 18  # multiplications; below, the overhead of the call dominates
_ROWS = 1 << 13  # rows per block, which fit in the cache


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; afterwards each part has its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def drop(x: Tensor, p: float, *, training: bool, relu: bool = False) -> Tensor:
    """Dropout and optional ReLU, with random numbers of the current generator."""
    if not training or not p:
        return x.relu() if relu else x
    rows, count = current_rows() or (None, len(x))
    if x.device.type != "cpu":
        if count is None:  # too many numbers to draw those of all rows
            x = reference.dropout(x, p, random_seed(), relu=False, rows=rows)
        elif current_generator() is None:
            x = nn.functional.dropout(x, p)
        else:
            drawn = random_uniform(count * math.prod(x.shape[1:]), x.device).view(count, *x.shape[1:])
            kept = (drawn if rows is None else drawn[rows]) >= p
            x = x * (kept / (1 - p) if p < 1 else kept).to(x.dtype)
        return x.relu() if relu else x
    return dropout(x, p, seed=random_seed(), relu=relu, rows=rows)


class Dropout(nn.Module):
    """Dropout whose mask is recomputed in the backward pass instead of stored; see :func:`graphrep.ops.dropout`.

    Parameters
    ----------
    p : float
    relu : bool
        Whether to apply ReLU to the input.

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import Dropout
    >>> Dropout(0.5, relu=True).eval()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, p: float = 0.5, *, relu: bool = False) -> None:
        super().__init__()
        self.p, self.relu = p, relu

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of the shape of ``x``."""
        return drop(x, self.p, training=self.training, relu=self.relu)

    def extra_repr(self) -> str:
        """Arguments shown in ``repr``."""
        return f"p={self.p}" + (", relu=True" if self.relu else "")


class NormDropoutReLU(nn.LayerNorm):
    """Layer norm, dropout and ReLU in one pass; see :func:`graphrep.ops.norm_dropout_relu`.

    Parameters
    ----------
    width : int
    p : float

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import NormDropoutReLU
    >>> NormDropoutReLU(2)(torch.tensor([[-1.0, 1.0]]))
    tensor([[0.0000, 1.0000]], grad_fn=<norm_dropout_reluBackward>)
    """

    def __init__(self, width: int, p: float = 0.0) -> None:
        super().__init__(width)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of the shape of ``x``."""
        if x.device.type != "cpu":
            return drop(super().forward(x), self.p, training=self.training, relu=True)
        p = self.p if self.training else 0.0
        # As in torch's autocast, a norm is computed in the precision of its parameters.
        seed, rows = (random_seed(), (current_rows() or (None,))[0]) if p else (0, None)
        x = x.to(self.weight.dtype)
        return norm_dropout_relu(x, self.weight, self.bias, p, seed=seed, eps=self.eps, rows=rows)


class Linear(nn.Linear):
    """:class:`torch.nn.Linear` that multiplies float32 matrices on CPUs with oneDNN.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    device, dtype
        Device and dtype of the parameters.

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import Linear
    >>> Linear(3, 2)(torch.ones(4, 3)).shape
    torch.Size([4, 2])
    """

    def reset_parameters(self) -> None:
        """Draw parameters from the current generator, with the distribution of :class:`torch.nn.Linear`."""
        generator = current_generator()
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            nn.init.uniform_(self.bias, -bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of shape (..., out_features)."""
        return linear(x, self.weight, self.bias)


def glorot_linear(in_features: int, out_features: int) -> Linear:
    """:class:`Linear` with Glorot weights and zero bias, as in torch_geometric."""
    layer = Linear(in_features, out_features)
    nn.init.xavier_uniform_(layer.weight, generator=current_generator())
    nn.init.zeros_(layer.bias)
    return layer


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """:func:`torch.nn.functional.linear`, with oneDNN where possible."""
    if not _uses_onednn(x, weight):
        return nn.functional.linear(x, weight, bias)
    out: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return out


def dropped_linear(x: Tensor, weight: Tensor, bias: Tensor | None, p: float, *, training: bool) -> Tensor:
    """:func:`linear` of :func:`drop` of ``x``.

    For a large ``x`` without a gradient, such as features, dropout is applied in blocks of rows, and again in the
    backward pass, so that its result is never stored as a whole.
    """
    if not training or not p or x.requires_grad or len(x) <= _ROWS or not _uses_onednn(x, weight):
        return linear(drop(x, p, training=training), weight, bias)
    rows, count = (current_rows() or (None,))[0], -(-len(x) // _ROWS)
    # With row numbers, the masks of all blocks are those of one seed.
    seeds = [random_seed() for _ in range(count)] if rows is None else [random_seed()] * count
    out: Tensor = _DroppedProduct.apply(x, weight, bias, p, seeds, rows)  # type: ignore[no-untyped-call]
    return out


def _uses_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is available and worth the overhead of its call."""
    return (
        _PRODUCT is not None
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and x.dim() == 2
        and x.numel() * len(weight) >= _WORTHWHILE
        and not torch.is_autocast_enabled("cpu")
        and eager()
    )


def _multiply(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """Product a b^T + bias. A large one is copied by rows into cached memory, because oneDNN allocates each time."""
    if len(a) * len(b) * a.itemsize < CACHED:
        out: Tensor = _PRODUCT(a, b, bias, "none", [], "")
        return out
    out = empty(a, (len(a), len(b)))
    for part, rows in zip(torch.split(out, _ROWS), torch.split(a, _ROWS), strict=True):
        part.copy_(_PRODUCT(rows, b, bias, "none", [], ""))
    return out


class _Product(torch.autograd.Function):
    """x W^T + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        # Second derivatives use torch's product, because _multiply is not differentiable.
        product = (lambda a, b: a @ b.T) if torch.is_grad_enabled() else _multiply
        to_x = product(grad, weight.T) if ctx.needs_input_grad[0] else None
        to_weight = product(grad.T, x.T) if ctx.needs_input_grad[1] else None
        return to_x, to_weight, grad.sum(0) if ctx.needs_input_grad[2] else None


class _DroppedProduct(torch.autograd.Function):
    """dropout(x) W^T + b for an x without a gradient, in blocks of rows with separate seeds or with row numbers."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, p: float, seeds: list[int], rows: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(x, rows)
        ctx.p, ctx.seeds = p, seeds
        out = empty(x, (len(x), len(weight)))
        for part, dropped in zip(torch.split(out, _ROWS), _dropped_blocks(x, p, seeds, rows), strict=True):
            part.copy_(_multiply(dropped, weight, bias))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, rows = ctx.saved_tensors
        product = torch.matmul if torch.is_grad_enabled() else lambda a, b: _multiply(a, b.T)
        to_weight = grad.new_zeros(grad.shape[1], x.shape[1])
        for part, dropped in zip(torch.split(grad, _ROWS), _dropped_blocks(x, ctx.p, ctx.seeds, rows), strict=True):
            to_weight = to_weight.add_(product(part.T, dropped))
        return None, to_weight, grad.sum(0) if ctx.needs_input_grad[2] else None, None, None, None


def _dropped_blocks(x: Tensor, p: float, seeds: list[int], rows: Tensor | None) -> Iterator[Tensor]:
    numbers = [None] * len(seeds) if rows is None else torch.split(rows, _ROWS)
    for part, seed, of_part in zip(torch.split(x, _ROWS), seeds, numbers, strict=True):
        yield dropout(part, p, seed=seed, rows=of_part)
