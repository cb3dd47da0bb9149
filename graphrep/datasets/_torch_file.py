"""Arrays from a file of ``torch.save``, without torch and without running code from the file.

A pickle refers to functions that loading calls. Here no reference reaches the real function: the few that arrays need
stand for the inert classes below, which only record their arguments, and every other one is refused.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["read_torch_file"]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # start of a file of torch < 1.6
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,4}")
_STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "LongStorage": "i8", "IntStorage": "i4",
    "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "b1",
}  # fmt: skip


def read_torch_file(path: str | os.PathLike[str]) -> Any:
    """Contents of a file of ``torch.save``: dicts, lists and tuples of plain values and arrays; tensors become arrays.

    Reads the zip format and the older one, pickles of any protocol, and arrays of NumPy 1 and 2.

    Raises
    ------
    ValueError
        The file is damaged or holds anything else.
    """
    try:
        return _resolved(_read(Path(path)))
    except _RefusedError as error:
        raise ValueError(
            f"{path} refers to {error}, which is refused: only arrays, tensors, lists and dictionaries are read."
        ) from None
    except (
        pickle.UnpicklingError, zipfile.BadZipFile, struct.error, EOFError, ValueError, TypeError, KeyError, IndexError,
        AttributeError, OverflowError, RecursionError, NotImplementedError, MemoryError,
    ) as error:  # fmt: skip
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is damaged or not a file of torch.save ({reason}).") from error


class _RefusedError(Exception):
    """A reference that is not in the list."""


def _read(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        return _read_zip(path)
    with path.open("rb") as file:
        return _read_legacy(file)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its byte order is not little endian")
        with archive.open(pickled) as file:
            unpickler = _Unpickler(file)  # type: ignore[arg-type]  # a binary file in fact
            value = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.data = archive.read(f"{folder}data/{key}")
        return value


def _read_legacy(file: BinaryIO) -> Any:
    if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _PROTOCOL:
        raise ValueError("it does not start like one")
    if not _Unpickler(file).load()["little_endian"]:
        raise ValueError("its byte order is not little endian")
    unpickler = _Unpickler(file)
    value = unpickler.load()
    for key in _Unpickler(file).load():  # the data of the tensors follow, each after its length
        storage = unpickler.storages[key]
        size = struct.unpack("<q", file.read(8))[0] * storage.dtype.itemsize
        storage.data = file.read(size)
        if len(storage.data) != size:
            raise EOFError("it is truncated")
    return value


class _Dtype:
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


class _Array:
    """Stands for numpy.ndarray."""

    __slots__ = ("state",)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, *self.state = state

    def resolve(self) -> npt.NDArray[Any]:
        shape, dtype, fortran, data = self.state
        return _array(data, dtype.resolve(), shape, "F" if fortran else "C")


@dataclass
class _Storage:
    dtype: np.dtype[Any]
    size: int
    data: bytes = b""


@dataclass
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def resolve(self) -> npt.NDArray[Any]:
        dtype = self.storage.dtype
        flat = _array(self.storage.data, dtype, (self.storage.size,), "C")
        if len(self.shape) != len(self.stride) or min((0, self.offset, *self.shape, *self.stride)) < 0:
            raise ValueError("the shape and strides of a tensor disagree")
        if 0 in self.shape:
            return np.empty(self.shape, dtype)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if last >= len(flat):
            raise ValueError("a tensor extends beyond its data")
        strides = [step * dtype.itemsize for step in self.stride]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides)
        return np.array(view)


class _FrozenArray:
    """Stands for ``_frombuffer`` of NumPy, which protocol 5 writes."""

    __slots__ = ("parts",)

    def __init__(self, data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str) -> None:
        self.parts = data, dtype, shape, order

    def resolve(self) -> npt.NDArray[Any]:
        data, dtype, shape, order = self.parts
        return _array(data, dtype.resolve(), shape, order)


class _Scalar:
    """Stands for ``scalar`` of NumPy."""

    __slots__ = ("parts",)

    def __init__(self, dtype: _Dtype, data: bytes) -> None:
        self.parts = dtype, data

    def resolve(self) -> Any:
        dtype, data = self.parts
        return _array(data, dtype.resolve(), (1,), "C").item()


def _array(data: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> npt.NDArray[Any]:
    if not isinstance(data, (bytes, bytearray)):
        raise ValueError("it holds an array of objects")
    flat = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    return flat.reshape(shape, order=order)


def _reconstruct(*_arguments: Any) -> _Array:
    return _Array()


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    """Bytes in the form of protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"it uses the encoding {encoding!r}")
    return text.encode("latin1")


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, stride: Any, *_gradient: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _bytes,
    ("__builtin__", "bytes"): _bytes,
    ("builtins", "bytes"): _bytes,
    ("collections", "OrderedDict"): dict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
}
for _core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _Scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _FrozenArray


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        if (module, name) not in _STAND_INS:
            raise _RefusedError(f"{module}.{name}")
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(part is not None for part in view):
            raise ValueError("it holds an unknown kind of storage")
        return self.storages.setdefault(key, _Storage(dtype, int(size)))


def _resolved(value: Any) -> Any:
    """Replace the stand-ins by values."""
    if isinstance(value, (_Array, _FrozenArray, _Scalar, _Tensor)):
        return value.resolve()
    if isinstance(value, dict):
        return {_resolved(key): _resolved(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if set(map(type, value)) <= {str, int, float, bool}:  # millions of names in ogbl-biokg
            return value
        return type(value)(map(_resolved, value))
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    raise _RefusedError(f"a {type(value).__name__.strip('_')}")
