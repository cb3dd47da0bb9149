"""NumPy's .npz: arrays ``vectors``, ``nodes`` (int64 or Unicode) and ``settings`` (JSON), uncompressed."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.bounded import Budget, GrowthError, check_zip, one_line, open_regular
from graphrep.io.formats import MalformedError, Names, Options, VectorTable, pack_settings, unpack_settings
from graphrep.io.formats.columns import chosen_arrays
from graphrep.io.formats.npy import read_array

if TYPE_CHECKING:
    from pathlib import Path

_FAULTS = (zipfile.BadZipFile, struct.error, zlib.error, lzma.LZMAError)

TAKES = frozenset({"nodes", "vectors", "mmap"})


def checked_names(names: Names) -> Names:
    """Names that a Unicode array holds: NumPy drops zeros at their ends and gives each the length of the longest."""
    if isinstance(names, list) and names:
        longest = max(map(len, names))
        bad = next((name for name in names if name.endswith("\0")), None)
        if bad is not None or 4 * longest * len(names) > 1 << 32:
            reason = f"the name {bad!r}, which ends in a zero byte" if bad else f"a name of {longest} characters"
            raise ValueError(f"an .npz file cannot hold {reason}; choose .safetensors or .parquet.")
    return names


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    nodes = np.array(names, dtype=np.str_ if isinstance(names, list) else np.int64)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, vectors=vectors, nodes=nodes, settings=np.array(pack_settings(settings)))


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(path) as archive:
            check_zip(archive, Budget(path, path.stat().st_size))
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

            def array(name: str, *, mmap: bool = False) -> npt.NDArray[Any]:
                info = members[name]
                if mmap and info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:  # nor encrypted
                    file.seek(info.header_offset + 26)  # the lengths of the name and of what follows it
                    start = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
                    return read_array(file, start, start + info.file_size, mmap=True)
                with archive.open(info) as member:
                    return read_array(member, 0, info.file_size, mmap=False)  # type: ignore[arg-type]

            settings = unpack_settings(str(array("settings"))) if "settings" in members else {}
            arrays = {name: array(name, mmap=options.mmap is not False) for name in members if name != "settings"}
    except GrowthError:
        raise
    except (*_FAULTS, OSError, RuntimeError, LookupError, ValueError, EOFError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise MalformedError(f"not a readable .npz file ({one_line(error)}).") from None
    vectors, nodes = chosen_arrays(arrays, options, vectors="vectors", nodes="nodes", kind="array")
    return VectorTable(vectors, nodes, settings)
