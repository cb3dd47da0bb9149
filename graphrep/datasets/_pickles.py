"""Arrays out of pickles, without running code from them.

A pickle refers to functions that loading calls. Here no reference reaches the real function: the few that arrays need
stand for the inert classes below, which only record their arguments, and every other one is refused. What they recorded
becomes arrays in a second step, which checks it and counts what it takes.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.io.bounded import Budget

__all__ = ["RefusedError", "Resolver", "Unpickler", "array_of_bytes", "check_memo", "may_overflow"]

_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,4}")
_PUT = re.compile(rb"p\d{6,}")
_DEPTH = 64  # of containers in each other


class RefusedError(Exception):
    """A reference that is not in the list."""


class Dtype:
    """Stands for numpy.dtype."""

    __slots__ = ("order", "spec")

    def __init__(self, spec: Any, *_flags: Any) -> None:
        self.spec, self.order = spec, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, self.order, subdtype, names, fields, *_rest = state
        if any(part is not None for part in (subdtype, names, fields)):
            raise ValueError("it holds a structured array")

    def resolve(self) -> np.dtype[Any]:
        if not (isinstance(self.spec, str) and _DTYPE.fullmatch(self.spec)) or self.order not in ("<", ">", "=", "|"):
            raise ValueError(f"it holds an array of type {self.spec!r}")
        return np.dtype(f"{self.order}{self.spec}")


class Array:
    """Stands for numpy.ndarray."""

    __slots__ = ("state",)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, *self.state = state

    def resolve(self, budget: Budget) -> npt.NDArray[Any]:
        shape, dtype, fortran, data = self.state
        return array_of_bytes(data, dtype.resolve(), shape, "F" if fortran else "C", budget)


class FrozenArray:
    """Stands for ``_frombuffer`` of NumPy, which protocol 5 writes."""

    __slots__ = ("parts",)

    def __init__(self, data: Any, dtype: Dtype, shape: tuple[int, ...], order: str) -> None:
        self.parts = data, dtype, shape, order

    def resolve(self, budget: Budget) -> npt.NDArray[Any]:
        data, dtype, shape, order = self.parts
        return array_of_bytes(data, dtype.resolve(), shape, order, budget)


class Scalar:
    """Stands for ``scalar`` of NumPy."""

    __slots__ = ("parts",)

    def __init__(self, dtype: Dtype, data: bytes) -> None:
        self.parts = dtype, data

    def resolve(self, budget: Budget) -> Any:
        dtype, data = self.parts
        return array_of_bytes(data, dtype.resolve(), (1,), "C", budget).item()


@dataclass
class Tensor:
    """Stands for a tensor of torch, a view of a ``Storage``."""

    storage: Any
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    __slots__ = ("offset", "shape", "storage", "stride")

    def resolve(self, budget: Budget) -> npt.NDArray[Any]:
        dtype = self.storage.dtype
        flat = np.frombuffer(self.storage.data, dtype)
        if len(flat) != self.storage.size:
            raise ValueError(f"a tensor of {self.storage.size} numbers has {len(flat)}")
        numbers = (self.offset, *self.shape, *self.stride)
        if not all(type(number) is int and number >= 0 for number in numbers) or len(self.shape) != len(self.stride):
            raise ValueError("the shape and strides of a tensor disagree")
        if 0 in self.shape:
            return np.empty(self.shape, dtype)
        size = dtype.itemsize
        for number in self.shape:
            size *= number
        budget.take(size)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if last >= len(flat):
            raise ValueError("a tensor extends beyond its data")
        strides = [step * dtype.itemsize for step in self.stride]
        return np.array(np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides))


class Matrix:
    """Stands for a sparse matrix of SciPy in CSR form."""

    __slots__ = ("state",)

    def __init__(self, *_arguments: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def resolve(self, resolved: Callable[[Any], Any]) -> dict[str, Any]:
        if not isinstance(self.state, dict):
            raise ValueError("it holds a matrix without arrays")
        wanted = ("data", "indices", "indptr")
        parts = {name: resolved(self.state.get(name)) for name in wanted}
        return parts | {"shape": self.state.get("_shape", self.state.get("shape"))}


def array_of_bytes(data: Any, dtype: np.dtype[Any], shape: Any, order: Any, budget: Budget) -> npt.NDArray[Any]:
    """Array of a shape that must have as many numbers as there are bytes for them."""
    if isinstance(data, str):  # bytes of Python 2
        data = data.encode("latin1")
    if not isinstance(data, (bytes, bytearray)):
        raise ValueError("it holds an array of objects")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"it holds an array of shape {shape!r}")
    budget.take(len(data))
    flat = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    return flat.reshape(shape, order=order)


def reconstruct(*_arguments: Any) -> Array:
    """Stand for ``_reconstruct`` of NumPy."""
    return Array()


def bytes_of_text(text: str = "", encoding: str = "latin1") -> bytes:
    """Bytes in the form of protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"it uses the encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Dtype,
    ("_codecs", "encode"): bytes_of_text,
    ("__builtin__", "bytes"): bytes_of_text,
    ("builtins", "bytes"): bytes_of_text,
    ("collections", "OrderedDict"): dict,
}
for _core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    STAND_INS[f"{_core}.multiarray", "_reconstruct"] = reconstruct
    STAND_INS[f"{_core}.multiarray", "scalar"] = Scalar
    STAND_INS[f"{_core}.numeric", "_frombuffer"] = FrozenArray


class Unpickler(pickle.Unpickler):
    """An unpickler to which only the stand-ins exist."""

    def __init__(self, file: Any, stand_ins: Mapping[tuple[str, str], Any] = STAND_INS, **options: Any) -> None:
        super().__init__(file, **options)
        self.stand_ins = stand_ins

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.stand_ins:
            raise RefusedError(f"{module}.{name}")
        return self.stand_ins[module, name]


def may_overflow(content: bytes) -> bool:
    """Whether bytes occur that could number an object beyond a pickle's length: Python allocates as many places."""
    most, flat = len(content), np.frombuffer(content, np.uint8)
    places = np.flatnonzero(flat[:-4] == ord("r"))
    numbers = sum(flat[places + 1 + i].astype(np.int64) << (8 * i) for i in range(4))
    return bool((np.asarray(numbers) > most).any()) or _PUT.search(content) is not None


def check_memo(content: bytes, start: int = 0) -> None:
    """Raise ValueError if the pickle at ``start`` numbers an object beyond the length of the content."""
    file = io.BytesIO(content)
    file.seek(start)
    for code, number, _ in pickletools.genops(file):
        if code.name in ("PUT", "LONG_BINPUT") and number > len(content):  # type: ignore[operator]  # an integer
            raise ValueError(f"it numbers an object {number}, but has {len(content)} bytes")


class Resolver:
    """Replaces the stand-ins in containers by values.

    A list that is part of several others is one object in a pickle. Following such references may take for ever, so
    that no more items are followed than the file has bytes, each of which costs one at least.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget, self.items = budget, budget.size + 1000

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """``value`` without stand-ins; RefusedError for anything that is neither a container nor plain."""
        if isinstance(value, (Array, FrozenArray, Scalar, Tensor)):
            return value.resolve(self.budget)
        if isinstance(value, Matrix):
            return value.resolve(lambda part: self(part, depth + 1))
        if isinstance(value, (dict, list, tuple)):
            self.items -= len(value)
            if self.items < 0:
                raise ValueError("its lists refer to each other more often than it has bytes")
            if depth > _DEPTH:
                raise ValueError(f"it holds more than {_DEPTH} lists in each other")
        if isinstance(value, dict):
            return {self(key, depth + 1): self(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            if set(map(type, value)) <= {str, int, float, bool}:  # millions of names in ogbl-biokg
                return value
            return type(value)([self(item, depth + 1) for item in value])
        if value is None or isinstance(value, (str, bytes, int, float)):
            return value
        raise RefusedError(f"a {type(value).__name__.strip('_')}")
