"""Arrays out of .npz archives, within the bounds of what a file may grow to, and without pickles."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from graphrep._checks import brief
from graphrep._mapped import mapped_array
from graphrep.io.bounded import Budget, check_zip, open_regular, reading

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["array_header", "digest_of", "mapped_npy", "read_member", "read_npy", "read_npz"]


def read_npz(path: str | os.PathLike[str], content: bytes | None = None) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an .npz file, or of ``content`` that came out of the file ``path``; ValueError names the file.

    They hold booleans, integers, real numbers or strings.
    """
    path = Path(path)
    with reading(path, "is damaged or not a .npz file"):
        size = path.stat().st_size if content is None else len(content)
        with open_regular(path) if content is None else io.BytesIO(content) as file, zipfile.ZipFile(file) as archive:
            check_zip(archive, Budget(path, size))
            arrays = {info.filename.removesuffix(".npy"): read_member(archive, info) for info in archive.infolist()}
            odd = next((name for name, array in arrays.items() if array.dtype.kind not in "biufUS"), None)
            if odd is not None:
                raise ValueError(f"{brief(odd)} has the dtype {arrays[odd].dtype}, where numbers and strings are read")
            return arrays


def read_npy(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """The array of an .npy file; ValueError names the file."""
    path = Path(path)
    with reading(path, "is damaged or not a .npy file"), open_regular(path) as file:
        return _array(file, path.stat().st_size)


def mapped_npy(path: Path) -> npt.NDArray[Any]:
    """The array of an .npy file, mapped; ValueError names the file."""
    with reading(path, "is damaged or not a .npy file"), open_regular(path) as file:
        shape, fortran, dtype = array_header(file, path.stat().st_size)
        if dtype.hasobject:
            raise ValueError("it holds objects, which only a pickle could")
        array = mapped_array(file, dtype, shape[::-1] if fortran else shape, file.tell())
    return array.T if fortran else array


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Array of a member of an archive; nothing is allocated for a header that promises more than the member holds."""
    with archive.open(info) as member:
        return _array(member, info.file_size)  # type: ignore[arg-type]  # a binary file in fact


def _array(file: BinaryIO, stop: int) -> npt.NDArray[Any]:
    if array_header(file, stop)[2].hasobject:
        raise ValueError("it holds objects, which only a pickle could")
    file.seek(0)
    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def array_header(file: BinaryIO, stop: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype out of the header of an .npy file, behind which the file stands then.

    ValueError if an array of numbers would not end at byte ``stop`` or before.
    """
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"its version is {version[0]}.{version[1]}, where 1.0 or 2.0 are read")
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    if not dtype.hasobject and file.tell() + math.prod(shape) * dtype.itemsize > stop:
        raise ValueError(f"it ends before its array of shape {shape} does")
    return shape, fortran, dtype


def digest_of(start: bytes, arrays: Mapping[str, npt.NDArray[Any]], size: int) -> bytes:
    """BLAKE2b digest of ``size`` bytes of ``start`` and of names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.blake2b(start, digest_size=size)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(repr((name, array.dtype.str, np.shape(arrays[name]))).encode())
        digest.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return digest.digest()
