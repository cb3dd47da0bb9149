"""safetensors: ``embedding`` and ``node_id``, or ``node_names`` (concatenated UTF-8) with ``node_offsets``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.formats import MalformedError, Names, VectorTable, pack_settings, unpack_settings

if TYPE_CHECKING:
    from pathlib import Path

TENSORS = ("embedding", "node_id", "node_names", "node_offsets")


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


def read(path: Path) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata, present = file.metadata() or {}, set(file.keys())
            tensors = {key: file.get_tensor(key) for key in TENSORS if key in present}
    except (SafetensorError, TypeError) as error:
        raise MalformedError(f"not a readable safetensors file ({error}).") from None
    if "embedding" not in tensors:
        raise MalformedError("it has no tensor named 'embedding'.")
    nodes: Names | None = None
    if "node_names" in tensors:
        nodes = _split(tensors["node_names"], tensors.get("node_offsets"))
    elif "node_id" in tensors:
        ids = tensors["node_id"]
        if ids.ndim != 1 or ids.dtype != np.int64:
            raise MalformedError(f"node_id must be a 1-d array of int64, got {ids.dtype} of shape {ids.shape}.")
        nodes = ids
    return VectorTable(tensors["embedding"], nodes, unpack_settings(metadata.get("graphrep")))


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
