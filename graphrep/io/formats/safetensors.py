"""safetensors: ``embedding`` and ``node_id``, or ``node_names`` (concatenated UTF-8) with ``node_offsets``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.bounded import one_line
from graphrep.io.formats import MalformedError, Names, Options, VectorTable, pack_settings, unpack_settings
from graphrep.io.formats.columns import chosen_arrays
from graphrep.io.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

TAKES = frozenset({"nodes", "vectors", "mmap"})


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    tensors: dict[str, npt.NDArray[Any]] = {"embedding": vectors}
    if isinstance(names, list):
        encoded = [name.encode() for name in names]
        tensors["node_names"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        tensors["node_offsets"] = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    else:
        tensors["node_id"] = names
    with replacing(path) as temporary:
        write_tensors(temporary, tensors, lambda _: pack_settings(settings))


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    try:
        tensors, metadata = read_tensors(path, mapped=options.mmap is not False)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not a readable safetensors file ({one_line(error)}).") from None
    tensors = {name: array for name, array in tensors.items() if array.ndim}
    packed = None if options.nodes else tensors.pop("node_names", None)
    offsets = None if options.nodes else tensors.pop("node_offsets", None)
    vectors, nodes = chosen_arrays(tensors, options, vectors="embedding", nodes="node_id", kind="tensor")
    if packed is not None:
        nodes = _split(packed, offsets)
    return VectorTable(vectors, nodes, unpack_settings(metadata.get("graphrep")))


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
