"""Fitted estimators on disk: a safetensors file with parameters and fitted state; no pickle is read or written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep.io.atomic import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["read_model", "write_model"]

_FORMAT = "graphrep model 1"


def write_model(path: str | os.PathLike[str], kind: str, params: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write an estimator: its class, its parameters, and its state of arrays, CSR matrices, names and plain values.

    The file is replaced once the new one is complete. Raises ValueError for a value that the file cannot hold, with the
    name of the parameter or attribute.
    """
    from safetensors.numpy import save_file

    tensors: dict[str, Any] = {}
    layout = {name: _packed(name, value, tensors) for name, value in {**_marked(params), **state}.items()}
    text = json.dumps({"format": _FORMAT, "kind": kind, "params": list(params), "layout": layout})
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"graphrep": text})


def read_model(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Class, parameters and state from a file written by :func:`write_model`.

    Raises FileNotFoundError if there is no such file, and ValueError for any other file or a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("graphrep")
            tensors = {} if text is None else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if text is None:
            raise ValueError("it holds no model")
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        values = {name: _unpacked(entry, tensors) for name, entry in content["layout"].items()}
        params = {name: values.pop(f"param:{name}") for name in content["params"]}
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{path} is not a model written by this version of graphrep: {error}.") from None
    return str(content["kind"]), params, values


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
        tensors[name] = np.ascontiguousarray(value)
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
        return np.fromiter(names, dtype=object, count=len(names))
    if kind in ("tuple", "list"):
        items = [_unpacked(one, tensors) for one in value]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {key: _unpacked(one, tensors) for key, one in value.items()}
    if kind == "csr":
        parts = {key: _unpacked(one, tensors) for key, one in rest[0][1].items()}
        matrix = sp.csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(value))
        matrix.check_format(full_check=True)
        return matrix
    raise ValueError(f"unknown entry {kind!r}")
