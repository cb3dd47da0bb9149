"""safetensors: ``embedding`` and ``node_id``, or ``node_names`` (concatenated UTF-8) with ``node_offsets``."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._mapped import in_memory, mapped_array
from graphrep.io.atomic import replacing
from graphrep.io.formats import MalformedError, Names, Options, VectorTable, pack_settings, unpack_settings
from graphrep.io.formats.columns import chosen_arrays

if TYPE_CHECKING:
    from pathlib import Path

TAKES = frozenset({"nodes", "vectors", "mmap"})

_DTYPES = {
    name: np.dtype("<" + code)
    for name, code in {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
                       "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BF16": "u2"}.items()
}  # fmt: skip


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    from safetensors.numpy import save_file

    tensors: dict[str, npt.NDArray[Any]] = {"embedding": vectors}
    if isinstance(names, list):
        encoded = [name.encode() for name in names]
        tensors["node_names"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        tensors["node_offsets"] = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    else:
        tensors["node_id"] = names
    with replacing(path) as temporary:
        # One key only: the library writes several in random order, and equal vectors should give equal bytes.
        save_file(tensors, temporary, metadata={"graphrep": pack_settings(settings)})


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:  # the library checks the header
            metadata = file.metadata() or {}
    except (SafetensorError, TypeError) as error:
        raise MalformedError(f"not a readable safetensors file ({error}).") from None
    tensors = _tensors(path)
    packed = None if options.nodes else tensors.pop("node_names", None)
    offsets = None if options.nodes else tensors.pop("node_offsets", None)
    vectors, nodes = chosen_arrays(tensors, options, vectors="embedding", nodes="node_id", kind="tensor")
    if packed is not None:
        nodes = _split(packed, offsets)
    if options.mmap is False:
        vectors = in_memory(vectors)
    return VectorTable(vectors, nodes, unpack_settings(metadata.get("graphrep")))


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """All tensors, mapped: the library only gives copies, and has no bfloat16 for NumPy."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        tensors = {}
        for key, entry in header.items():
            kind, shape = entry["dtype"], entry["shape"]
            if shape and kind in _DTYPES:
                tensors[key] = mapped_array(file, _DTYPES[kind], shape, 8 + size + entry["data_offsets"][0])
                if kind == "BF16":
                    tensors[key] = (tensors[key].astype(np.uint32) << 16).view(np.float32)
    return tensors


def _split(packed: npt.NDArray[Any], offsets: npt.NDArray[Any] | None) -> list[str]:
    if packed.ndim != 1 or packed.dtype != np.uint8:
        raise MalformedError(f"node_names must be a 1-d array of uint8, got {packed.dtype} of shape {packed.shape}.")
    if offsets is None or offsets.ndim != 1 or offsets.dtype != np.int64 or not len(offsets):
        raise MalformedError("node_names needs node_offsets, a 1-d array of int64.")
    if offsets[0] != 0 or offsets[-1] != len(packed) or (np.diff(offsets) < 0).any():
        raise MalformedError(f"node_offsets must ascend from 0 to {len(packed)}, the length of node_names.")
    text, ends = packed.tobytes(), offsets.tolist()
    try:
        return [text[begin:end].decode() for begin, end in itertools.pairwise(ends)]
    except UnicodeDecodeError:
        raise MalformedError("node_names is not UTF-8.") from None
