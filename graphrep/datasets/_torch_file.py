"""Arrays from a file of ``torch.save``, without torch and without running code from the file."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep.datasets._pickles import STAND_INS, RefusedError, Resolver, Tensor, Unpickler, check_memo, may_overflow
from graphrep.io.bounded import Budget, check_zip, one_line, read_whole, reading

if TYPE_CHECKING:
    import os

__all__ = ["read_torch_file"]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # start of a file of torch < 1.6
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
    path = Path(path)
    with reading(path, "is damaged or not a file of torch.save"):
        try:
            content = read_whole(path)
            budget = Budget(path, len(content))
            return Resolver(budget)(_read(content, budget))
        except RefusedError as error:
            raise ValueError(
                f"{path} refers to {one_line(error, 80)}, which is refused: only arrays, tensors, lists and "
                "dictionaries are read."
            ) from None


def _read(content: bytes, budget: Budget) -> Any:
    return (_read_zip if zipfile.is_zipfile(io.BytesIO(content)) else _read_legacy)(content, budget)


def _read_zip(content: bytes, budget: Budget) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_zip(archive, budget)
        found = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise ValueError(f"it holds {len(found)} files data.pkl")
        folder = found[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its byte order is not little endian")
        pickled = archive.read(found[0])
        if may_overflow(pickled):
            check_memo(pickled)
        unpickler = _Unpickler(io.BytesIO(pickled))
        value = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.data = archive.read(f"{folder}data/{key}")
        return value


def _read_legacy(content: bytes, _budget: Budget) -> Any:
    file, suspect = io.BytesIO(content), may_overflow(content)

    def load() -> Any:
        if suspect:
            check_memo(content, file.tell())
        unpickler = _Unpickler(file)
        return unpickler.load(), unpickler.storages

    if load()[0] != _MAGIC or load()[0] != _PROTOCOL:
        raise ValueError("it does not start like one")
    about = load()[0]
    if not isinstance(about, dict) or not about.get("little_endian"):
        raise ValueError("its byte order is not little endian")
    value, storages = load()
    for key in load()[0]:  # the data of the tensors follow, each after its length
        storage = storages[key]
        size = struct.unpack("<q", file.read(8))[0] * storage.dtype.itemsize
        begin = file.tell()
        storage.data = memoryview(content)[begin : begin + max(0, size)]
        if len(storage.data) != size:
            raise EOFError("it is truncated")
        file.seek(size, io.SEEK_CUR)
    return value


@dataclass
class _Storage:
    dtype: np.dtype[Any]
    size: int
    data: bytes | memoryview = b""

    def __setstate__(self, state: Any) -> None:
        raise ValueError("it changes a storage")


def _rebuild_tensor(storage: Any, offset: int, shape: Any, stride: Any, *_gradient: Any) -> Tensor:
    if not isinstance(storage, _Storage):
        raise ValueError("it holds a tensor without a storage")
    return Tensor(storage, offset, tuple(shape), tuple(stride))


_OWN = STAND_INS | {("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor}
_OWN |= {("torch", name): np.dtype(code) for name, code in _STORAGES.items()}


class _Unpickler(Unpickler):
    def __init__(self, file: Any) -> None:
        super().__init__(file, _OWN)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(part is not None for part in view):
            raise ValueError("it holds an unknown kind of storage")
        return self.storages.setdefault(key, _Storage(dtype, int(size)))
