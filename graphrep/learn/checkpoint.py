"""Checkpoints: the state of an interrupted fit in one safetensors file that identifies the fit."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import scipy.sparse as sp

from graphrep._random import resolve_seed
from graphrep.io.atomic import replacing
from graphrep.io.bounded import one_line
from graphrep.io.tensors import blocks_of, read_tensors

__all__ = ["Checkpoint", "digest"]

_FORMAT = "graphrep checkpoint 2"


class Checkpoint:
    """State of a fit on disk, written atomically, without pickle, and read only by the fit that wrote it.

    A fit has one or more stages, such as pre-training and training. The state of a stage consists of nested dicts and
    lists of tensors, arrays, numbers, strings and None.

    Parameters
    ----------
    path : path or None
        With None, nothing is saved or loaded.
    identity : str
        Hash of everything that the result depends on except the seed; see :func:`digest`.
    random_state : int, RandomState, Generator or None
        With None, the seed of the saved fit is used, or a new one if there is none.
    mapped : bool
        Map the arrays of a saved fit, read-only, instead of reading them into memory.
    writes : bool
        Whether this process saves; of several that share a fit, one does, and all read.

    Attributes
    ----------
    seed : int
        Seed of this fit.
    contents : str or None
        Checksum of the saved fit that this one resumes from.

    Raises
    ------
    FileNotFoundError
        The folder of ``path`` does not exist.
    ValueError
        The file is damaged, is not a checkpoint, or belongs to another fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from graphrep.learn import Checkpoint, digest
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.ckpt"
    >>> identity = digest({"dimensions": 2}, np.arange(3))
    >>> Checkpoint(path, identity, random_state=7).save("training", {"weights": np.ones(2), "history": [0.5]})
    >>> Checkpoint(path, identity, random_state=7).load("training")
    {'weights': array([1., 1.]), 'history': [0.5]}
    >>> Checkpoint(path, digest({"dimensions": 3}, np.arange(3)), random_state=7)
    Traceback (most recent call last):
    ...
    ValueError: checkpoint ...fit.ckpt belongs to another fit (graph, features or settings differ); remove it or ...
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        identity: str = "",
        random_state: Any = 0,
        *,
        mapped: bool = False,
        writes: bool = True,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.identity, self.writes = identity, writes
        self.contents: str | None = None
        self._stages: dict[str, Any] = {}
        saved = None
        if self.path is not None:
            if not self.path.parent.is_dir():
                raise FileNotFoundError(f"checkpoint lies in {self.path.parent}, which is not a directory.")
            if self.path.exists():
                saved = self._read(mapped)
        self.seed = resolve_seed(random_state) if saved is None or random_state is not None else saved
        if saved is not None and saved != self.seed:
            raise ValueError(
                f"checkpoint {self.path} belongs to a fit with another random_state; remove it or name another file."
            )

    def load(self, stage: str) -> Any:
        """State of a stage; None if it was not reached."""
        return self._stages.get(stage)

    def save(self, stage: str, state: Any) -> None:
        """Write the state of a stage together with those of earlier stages."""
        if self.path is None:
            return
        from safetensors.numpy import save_file

        self._stages[stage] = state
        if not self.writes:
            return
        tensors: dict[str, np.ndarray[Any, Any]] = {}
        metadata = {"format": _FORMAT, "identity": self.identity, "seed": str(self.seed)}
        metadata["state"] = json.dumps(_packed(self._stages, tensors))
        metadata["checksum"] = _checksum(metadata, tensors)
        try:
            with replacing(self.path) as temporary:
                save_file(tensors, str(temporary), metadata=metadata)
        except Exception as error:  # safetensors raises its own exception type for a full disk
            raise OSError(f"checkpoint {self.path} cannot be written: {error}") from error

    def discard(self, stage: str) -> None:
        """Exclude a stage from later saves."""
        self._stages.pop(stage, None)

    def remove(self) -> None:
        """Delete the file when the fit is complete."""
        if self.path is not None and self.writes:
            self.path.unlink(missing_ok=True)

    def _read(self, mapped: bool) -> int:  # noqa: FBT001
        """Read all stages; returns the seed."""
        assert self.path is not None
        try:
            tensors, metadata = read_tensors(self.path, mapped=mapped)
            if metadata.get("format") != _FORMAT:
                raise ValueError("it has another format")
            self.contents = metadata.pop("checksum", None)
            if self.contents != _checksum(metadata, tensors):
                raise ValueError("its checksum does not match")
            self._stages = _unpacked(json.loads(metadata["state"]), tensors)
            seed, identity = int(metadata["seed"]), metadata["identity"]
        except Exception as error:
            raise ValueError(
                f"checkpoint {self.path} cannot be read: {one_line(error)}; remove it or name another file."
            ) from error
        if identity != self.identity:
            raise ValueError(
                f"checkpoint {self.path} belongs to another fit (graph, features or settings differ); remove it or "
                "name another file."
            )
        return seed


def _packed(state: Any, tensors: dict[str, Any]) -> Any:
    """JSON of a nested state; arrays are added to ``tensors``."""
    if state is None or isinstance(state, (bool, int, float, str)):
        return state
    if isinstance(state, Mapping):
        return {"dict": [[_packed(key, tensors), _packed(value, tensors)] for key, value in state.items()]}
    if isinstance(state, (list, tuple)):
        return {"list" if isinstance(state, list) else "tuple": [_packed(value, tensors) for value in state]}
    kind = "array"
    if hasattr(state, "detach"):
        kind, state = "tensor", state.detach().cpu().numpy()
    name = str(len(tensors))
    tensors[name] = np.ascontiguousarray(state)
    return {kind: name, "shape": list(np.shape(state))}


def _unpacked(packed: Any, tensors: Mapping[str, Any]) -> Any:
    if not isinstance(packed, dict):
        return packed
    if "dict" in packed:
        return {_unpacked(key, tensors): _unpacked(value, tensors) for key, value in packed["dict"]}
    for kind, make in (("list", list), ("tuple", tuple)):
        if kind in packed:
            return make(_unpacked(value, tensors) for value in packed[kind])
    if "array" in packed:
        return tensors[packed["array"]].reshape(packed["shape"])
    import torch

    return torch.from_numpy(tensors[packed["tensor"]].reshape(packed["shape"]).copy())


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, Any]) -> str:
    value = zlib.crc32(repr(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        value = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), value)
        for block in blocks_of(array):
            value = zlib.crc32(block, value)
    return f"{value:08x}"


def digest(*parts: Any) -> str:
    """SHA-256 of graphs, arrays, matrices, tensors, modules and plain values, nested in lists and dicts.

    Two digests agree if all values, shapes and dtypes are equal. Functions are represented by name, code and closure,
    objects of other types by the name of their type and their ``repr``.

    Parameters
    ----------
    *parts : object

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.learn import digest
    >>> digest(np.arange(3), {"p": 1}) == digest(np.arange(3), {"p": 1})
    True
    >>> digest(np.arange(3), {"p": 1}) == digest(np.arange(3), {"p": 2})
    False
    """
    hasher = hashlib.sha256()
    _feed(hasher, parts)
    return hasher.hexdigest()


def _feed(hasher: Any, part: Any) -> None:
    def name(*labels: object) -> None:
        hasher.update(repr(labels).encode())

    if part is None or isinstance(part, (bool, int, float, complex, str, bytes, np.generic)):
        name(type(part).__name__, part.item() if isinstance(part, np.generic) else part)
    elif isinstance(part, Mapping):
        name("mapping", len(part))
        for key, value in sorted(part.items(), key=lambda item: repr(item[0])):
            _feed(hasher, key)
            _feed(hasher, value)
    elif isinstance(part, (list, tuple)):
        name("sequence", len(part))
        for value in part:
            _feed(hasher, value)
    elif sp.issparse(part):
        matrix = sp.csr_array(part)
        name("matrix", matrix.shape)
        _feed(hasher, [matrix.indptr, matrix.indices, matrix.data])
    elif hasattr(part, "detach") and hasattr(part, "numpy"):
        _feed(hasher, part.detach().cpu().numpy())
    elif isinstance(part, np.ndarray):
        name("array", part.dtype.str, part.shape)
        data = part.tolist() if part.dtype.hasobject else np.ascontiguousarray(part)
        hasher.update(repr(data).encode() if part.dtype.hasobject else data.reshape(-1).view(np.uint8).data)
    elif hasattr(part, "indptr") and hasattr(part, "indices"):  # Graph, Adjacency
        name(type(part).__name__, getattr(part, "directed", None), getattr(part, "num_cols", None))
        _feed(hasher, [part.indptr, part.indices, getattr(part, "weights", None), getattr(part, "values", None)])
    elif hasattr(part, "state_dict"):  # torch.nn.Module
        name(repr(part))
        _feed(hasher, dict(part.state_dict()))
    elif isinstance(part, partial):
        name("partial")
        _feed(hasher, [part.func, part.args, part.keywords])
    elif isinstance(part, FunctionType):  # the name alone does not tell two lambdas apart
        name("function", part.__module__, part.__qualname__)
        cells = [cell.cell_contents for cell in part.__closure__ or ()]
        _feed(hasher, [part.__code__, part.__defaults__, part.__kwdefaults__, cells])
    elif isinstance(part, CodeType):
        name("code", part.co_code, part.co_names)
        _feed(hasher, part.co_consts)
    elif callable(part):
        name("callable", getattr(part, "__module__", ""), getattr(part, "__qualname__", repr(type(part))))
    else:
        name(type(part).__qualname__, repr(part))
