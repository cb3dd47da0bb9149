"""What an ``edge_index`` is turned into, kept between calls and shared by the layers of a model.

An entry is found by the content of the tensors that it was made of: it holds copies of them, and every use compares
them in full. So it does not matter whether the same tensor comes again, whether it was changed in place (through a
NumPy array or ``.data``, which torch does not record), or whether another tensor lies at its old address. The
comparison reads the edges once, a few percent of the time of an aggregation.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import torch

from graphrep.ops.library import eager

__all__ = ["kept", "unrecorded"]

Tensor = torch.Tensor
Value = TypeVar("Value")


class _Entry:
    """Never changed after it is made, so that threads may read it while another replaces it."""

    __slots__ = ("__weakref__", "copies", "key", "value")

    def __init__(self, key: Hashable, copies: tuple[Tensor, ...], value: Any) -> None:
        self.key, self.copies, self.value = key, copies, value


# The last entry of each key, as long as a layer holds it: the layers of a model share one.
_shared: weakref.WeakValueDictionary[Hashable, _Entry] = weakref.WeakValueDictionary()


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """Block whose tensors serve every mode: no gradient is recorded, and they are not inference tensors.

    Yields
    ------
    None
    """
    with torch.inference_mode(mode=False), torch.no_grad():
        yield


def kept(layer: torch.nn.Module, kind: Hashable, tensors: tuple[Tensor, ...], build: Callable[..., Value]) -> Value:
    """``build(*tensors)``, or the result that the layer kept for equal tensors.

    Parameters
    ----------
    layer : torch.nn.Module
        Keeps the last result, in its attribute ``_kept``.
    kind : hashable
        All that the result depends on, except the tensors.
    tensors : tuple of tensors
        Their shape, dtype, device and content are compared.
    build : callable

    Returns
    -------
    object
        What ``build`` returned. It is not to be changed.

    Notes
    -----
    Nothing is kept while torch.compile traces, or in a dispatch mode or function transform of torch.
    """
    if not eager():
        return build(*tensors)
    key = (kind, *((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors))
    for entry in (layer.__dict__.get("_kept"), _shared.get(key)):
        if entry is not None and entry.key == key and all(map(torch.equal, entry.copies, tensors)):
            layer.__dict__["_kept"] = entry
            value: Value = entry.value
            return value
    with unrecorded():
        # Made of the copies: the tensors may be inference tensors, or change meanwhile.
        copies = tuple(tensor.clone(memory_format=torch.contiguous_format) for tensor in tensors)
        entry = _Entry(key, copies, build(*copies))
    layer.__dict__["_kept"] = _shared[key] = entry
    return entry.value  # type: ignore[no-any-return]
