"""safetensors files, read with their headers checked; arrays are read rather than mapped, unless that is asked for.

They are written block by block, so that no array is copied as a whole.

The library of that name maps what it reads, and a map of a file that is cut meanwhile ends the process.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._mapped import forget, mapped_array
from graphrep.io.bounded import check_unchanged, open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Tensors", "blocks_of", "checksum_of", "is_storable", "read_tensors", "write_tensors"]

_HEADER = 100_000_000  # bytes, the limit of the format
_ALIGNED = 64  # bytes, at which the first array begins
_BLOCK = 1 << 24  # bytes that are written at a time
_DTYPES = {
    name: np.dtype("<" + code)
    for name, code in {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
                       "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BF16": "u2", "BOOL": "u1"}.items()
}  # fmt: skip
_KINDS = {dtype: name for name, dtype in _DTYPES.items() if name not in ("BF16", "BOOL")} | {np.dtype(bool): "BOOL"}


class Tensors(NamedTuple):
    """Content of a safetensors file; tensors of types that NumPy lacks are left out, bfloat16 becomes float32."""

    arrays: dict[str, npt.NDArray[Any]]
    metadata: dict[str, str]


def read_tensors(path: str | os.PathLike[str], *, mapped: bool = False) -> Tensors:
    """Tensors of a file; ValueError says what is wrong with it, without its name."""
    with open_regular(Path(path)) as file:
        before = os.fstat(file.fileno())
        header, start = _header(file, before.st_size)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are not strings")
        arrays, end = {}, 0
        entries = {name: _entry(name, entry) for name, entry in header.items()}
        for name, (kind, shape, (begin, stop)) in sorted(entries.items(), key=lambda item: item[1][2]):
            if begin != end:
                raise ValueError(f"its tensor {name!r} begins at byte {begin} instead of {end}")
            end = stop
            if kind not in _DTYPES:
                continue
            dtype = _DTYPES[kind]
            if math.prod(shape) * dtype.itemsize != stop - begin or start + stop > before.st_size:
                raise ValueError(f"its tensor {name!r} of shape {shape} does not fill its {stop - begin} bytes")
            array = mapped_array(file, dtype, shape, start + begin) if mapped and shape else None
            arrays[name] = _converted(kind, _read(file, dtype, shape, start + begin) if array is None else array)
        if start + end != before.st_size:
            raise ValueError(f"its tensors have {end} bytes, but {before.st_size - start} follow the header")
        check_unchanged(path, file, before)
    return Tensors({name: arrays[name] for name in header if name in arrays}, metadata)


def is_storable(dtype: np.dtype[Any]) -> bool:
    """Whether the format has numbers of this kind, in either byte order."""
    return dtype.newbyteorder("<") in _KINDS


def write_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], describe: Callable[[dict[str, str]], str]
) -> None:
    """Write arrays to a file, without a copy of any of them. The largest numbers come first, so that all are aligned.

    Parameters
    ----------
    path : path
    arrays : mapping of arrays of storable numbers with one dimension at least
    describe : callable
        Gets the checksum of each array, see :func:`checksum_of`, and returns the metadata ``"graphrep"``, whose length
        does not depend on them.
    """
    order = sorted(arrays, key=lambda name: -int(arrays[name].dtype.itemsize))
    entries, start = {}, 0
    for name in order:
        dtype, shape = arrays[name].dtype.newbyteorder("<"), tuple(map(int, arrays[name].shape))
        stop = start + dtype.itemsize * math.prod(shape)
        entries[name] = {"dtype": _KINDS[dtype], "shape": shape, "data_offsets": (start, stop)}
        start = stop

    def header(checksums: dict[str, str]) -> bytes:
        text = json.dumps({"__metadata__": {"graphrep": describe(checksums)}} | entries).encode()
        text += b" " * (-(8 + len(text)) % _ALIGNED)
        if len(text) > _HEADER:
            raise ValueError(f"its header would have {len(text)} bytes, more than the {_HEADER} of the format")
        return len(text).to_bytes(8, "little") + text

    checksums = dict.fromkeys(order, "0" * 32)
    with open(path, "wb") as file:
        file.write(header(checksums))
        for name in order:
            digest = hashlib.blake2b(digest_size=16)
            for block in blocks_of(arrays[name]):
                digest.update(block)
                file.write(block)
            checksums[name] = digest.hexdigest()
        file.seek(0)
        file.write(header(checksums))


def checksum_of(array: Any) -> str:
    """BLAKE2b digest, of 16 bytes in hexadecimal digits, of the bytes of an array in C order and little endian."""
    digest = hashlib.blake2b(digest_size=16)
    for block in blocks_of(array):
        digest.update(block)
    return digest.hexdigest()


def blocks_of(array: Any) -> Iterator[memoryview]:
    """Bytes of an array, of which only a block is copied; pages of a mapped one are given back."""
    dtype = array.dtype.newbyteorder("<")
    step = max(1, _BLOCK // max(1, dtype.itemsize * math.prod(array.shape[1:])))
    for begin in range(0, array.shape[0], step):
        block = np.ascontiguousarray(array[begin : begin + step], dtype=dtype)
        yield block.reshape(-1).view(np.uint8).data
        forget(array)


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_HEADER, size - 8):
        raise ValueError("its header is longer than the file")
    header = json.loads(file.read(length).decode("utf-8"))
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, 8 + length


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    if not isinstance(entry, dict):
        raise ValueError(f"its header does not describe {name!r}")
    kind: Any
    shape: Any
    offsets: Any
    kind, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
    if not isinstance(kind, str) or not lists or not all(type(n) is int and n >= 0 for n in (*shape, *offsets)):
        raise ValueError(f"its header does not describe {name!r}")
    return kind, tuple(shape), (offsets[0], offsets[1])


def _read(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...], start: int) -> npt.NDArray[Any]:
    array = np.empty(shape, dtype)
    view = array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
    file.seek(start)
    while len(view):
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise ValueError("it is truncated")
        view = view[count:]
    return array


def _converted(kind: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    if kind == "BOOL":
        if array.max(initial=0) > 1:
            raise ValueError("a truth value is neither 0 nor 1")
        return array.view(bool)
    return array
