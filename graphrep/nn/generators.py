"""Random numbers of modules, from the generator of the current block instead of torch's global generator."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch

from graphrep._random import stream_key

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "current_generator",
    "current_rows",
    "make_generator",
    "random_seed",
    "random_uniform",
    "using_generator",
    "using_rows",
]

Tensor = torch.Tensor

_current: ContextVar[torch.Generator | None] = ContextVar("graphrep_generator", default=None)
_rows: ContextVar[tuple[Tensor, int | None] | None] = ContextVar("graphrep_rows", default=None)


def make_generator(seed: int, *counters: int) -> torch.Generator:
    """CPU generator whose numbers are a function of a seed and counters, such as epoch and batch number.

    Parameters
    ----------
    seed : int
        In [0, 2**63).
    *counters : int

    Returns
    -------
    torch.Generator

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import make_generator
    >>> a, b = (torch.rand(2, generator=make_generator(0, 3, 1)) for _ in range(2))
    >>> torch.equal(a, b)
    True
    """
    key = seed
    for counter in counters:
        key = int(stream_key(key, counter))
    return torch.Generator().manual_seed(key % 2**63)


@contextmanager
def using_generator(generator: torch.Generator) -> Iterator[torch.Generator]:
    """Block in which modules of :mod:`graphrep.nn` draw dropout and initial parameters from ``generator``.

    Outside such a block they use torch's global generator, like torch's modules. The setting is local to the thread.

    Parameters
    ----------
    generator : torch.Generator

    Yields
    ------
    torch.Generator

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import Linear, make_generator, using_generator
    >>> with using_generator(make_generator(0)):
    ...     first = Linear(2, 2)
    >>> with using_generator(make_generator(0)):
    ...     second = Linear(2, 2)
    >>> torch.equal(first.weight, second.weight)
    True
    """
    token = _current.set(generator)
    try:
        yield generator
    finally:
        _current.reset(token)


def current_generator() -> torch.Generator | None:
    """Generator of this thread's innermost :func:`using_generator` block; None (torch's global one) outside."""
    return _current.get()


@contextmanager
def using_rows(rows: Tensor | None, count: int | None) -> Iterator[None]:
    """Block in which the input of modules of :mod:`graphrep.nn` is these rows of one with ``count`` rows.

    Dropout then has the masks that these rows would have in the whole input, so that processes which share the rows
    drop what one process drops. With None the input is the whole.

    Parameters
    ----------
    rows : int64 tensor, optional
    count : int or None
        None: of one that is never there as a whole, such as the vectors of all nodes of a graph that is sampled.

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn.generators import make_generator, using_generator, using_rows
    >>> from graphrep.nn import Dropout
    >>> layer, x, rows = Dropout(0.5), torch.ones(4, 8), torch.tensor([1, 3])
    >>> with using_generator(make_generator(0)):
    ...     whole = layer(x)
    >>> with using_generator(make_generator(0)), using_rows(rows, 4):
    ...     part = layer(x[rows])
    >>> torch.equal(part, whole[rows])
    True
    """
    token = _rows.set(None if rows is None else (rows, count))
    try:
        yield
    finally:
        _rows.reset(token)


def current_rows() -> tuple[Tensor, int | None] | None:
    """Rows of this thread's innermost :func:`using_rows` block, and how many there are in all."""
    return _rows.get()


def random_seed() -> int:
    """Seed in [0, 2**63 - 1) for a kernel, from the current generator."""
    return int(torch.randint(2**63 - 1, (), generator=_current.get()))


def random_uniform(count: int, device: torch.device | str = "cpu") -> Tensor:
    """Float32 tensor of ``count`` uniform numbers in [0, 1), from the current generator."""
    device = torch.device(device)
    if _current.get() is None or device.type == "cpu":
        return torch.rand(count, dtype=torch.float32, device=device, generator=_current.get())
    return torch.rand(
        count, dtype=torch.float32, device=device, generator=torch.Generator(device).manual_seed(random_seed())
    )
