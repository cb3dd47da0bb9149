"""Fitted estimators on disk: a safetensors file with parameters and fitted state; no pickle is read or written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep.io.arrays import digest_of
from graphrep.io.atomic import replacing
from graphrep.io.bounded import reading
from graphrep.io.matrices import checked_csr
from graphrep.io.tensors import read_tensors

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["read_model", "write_model"]

_FORMAT = "graphrep model 2"


def write_model(path: str | os.PathLike[str], kind: str, params: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write an estimator: its class, its parameters, and its state of arrays, CSR matrices, names and plain values.

    The file is replaced once the new one is complete. Raises ValueError for a value that the file cannot hold, with the
    name of the parameter or attribute.
    """
    from safetensors.numpy import save_file

    tensors: dict[str, Any] = {}
    layout = {name: _packed(name, value, tensors) for name, value in {**_marked(params), **state}.items()}
    content = {"format": _FORMAT, "kind": kind, "params": list(params), "layout": layout}
    text = json.dumps(content | {"digest": _digest(content, tensors)})
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"graphrep": text})


def read_model(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Class, parameters and state from a file written by :func:`write_model`.

    Raises FileNotFoundError if there is no such file, and ValueError for any other file or a damaged one.
    """
    path = Path(path)
    with reading(path, "is not a model written by this version of graphrep"):
        tensors, metadata = read_tensors(path)
        if "graphrep" not in metadata:
            raise ValueError("it holds no model")
        content = json.loads(metadata["graphrep"])
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT!r}")
        if content.pop("digest", None) != _digest(content, tensors):
            raise ValueError("it is damaged: its digest is another")
        values = {name: _unpacked(entry, tensors) for name, entry in content["layout"].items()}
        params = {name: values.pop(f"param:{name}") for name in content["params"]}
        return str(content["kind"]), params, values


def _digest(content: Mapping[str, Any], tensors: Mapping[str, Any]) -> str:
    return digest_of(json.dumps(content, sort_keys=True).encode(), tensors, 16).hex()


def _marked(params: Mapping[str, Any]) -> dict[str, Any]:
    return {f"param:{name}": value for name, value in params.items()}


def _packed(name: str, value: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """Entry of the layout; arrays go to ``tensors``."""
    if sp.issparse(value):
        matrix = sp.csr_array(value)
        parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        return {
            "csr": list(matrix.shape),
            "parts": {key: _packed(f"{name}.{key}", x, tensors) for key, x in parts.items()},
        }
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        tensors[name] = np.asarray(value, order="C")  # np.ascontiguousarray would give a number a dimension
        return {"array": name}
    if isinstance(value, np.ndarray):
        names = value.tolist()
        if not all(isinstance(one, (str, int)) and not isinstance(one, bool) for one in names):
            bad = next(one for one in names if not isinstance(one, (str, int)) or isinstance(one, bool))
            raise ValueError(f"a model file holds names that are strings or integers, got {bad!r} in {name}.")
        tensors[name] = np.frombuffer(json.dumps(names).encode(), dtype=np.uint8)
        return {"names": name}
    if isinstance(value, tuple):
        return {"tuple": [_packed(f"{name}.{i}", one, tensors) for i, one in enumerate(value)]}
    if isinstance(value, list):
        return {"list": [_packed(f"{name}.{i}", one, tensors) for i, one in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": {key: _packed(f"{name}.{key}", one, tensors) for key, one in value.items()}}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (str, int, float, bool)):
        return {"value": value}
    raise ValueError(
        f"{name.removeprefix('param:')} is a {type(value).__name__}, which a model file cannot hold; use pickle, or "
        "set it to a plain value."
    )


def _unpacked(entry: Any, tensors: Mapping[str, Any]) -> Any:
    (kind, value), *rest = entry.items()
    if kind == "value":
        return value
    if kind == "float":
        return float(value)
    if kind == "array":
        return tensors[value]
    if kind == "names":
        names = json.loads(tensors[value].tobytes().decode())
        if not isinstance(names, list) or not all(type(name) in (str, int) for name in names):
            raise ValueError(f"the names of {value} are no list of strings or integers")
        return np.fromiter(names, dtype=object, count=len(names))
    if kind in ("tuple", "list"):
        items = [_unpacked(one, tensors) for one in value]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {key: _unpacked(one, tensors) for key, one in value.items()}
    if kind == "csr":
        parts = {key: _unpacked(one, tensors) for key, one in rest[0][1].items()}
        return checked_csr(parts["data"], parts["indices"], parts["indptr"], value)
    raise ValueError(f"unknown entry {kind!r}")
