"""A graph in one file, whose arrays are mapped: the safetensors layout, with a description as JSON in its metadata.

The description, under the key ``graphrep``, has the ``format`` with its version, ``directed``, ``num_nodes``,
``num_arcs``, ``num_edges``, the names of types, what ``x`` and ``y`` are, of each array its dtype, shape and checksum,
and a ``digest`` of all this. The arrays, little endian and the largest numbers first:

=================================  ===================================================================================
array                              content
=================================  ===================================================================================
``indptr``                         int64 (num_nodes + 1,): where each row begins
``indices``                        int32, or int64 from 2**31 nodes on, (num_arcs,): columns, ascending in a row
``weights``                        float32 (num_arcs,), if there are weights
``node_id``                        int64 (num_nodes,): names that are integers, unless they are 0 … num_nodes - 1
``node_names``, ``node_offsets``   names that are strings, as in Arrow: uint8 in UTF-8, and int64 (num_nodes + 1,)
``node_type``, ``edge_type``       int8, int16 or int32: codes of types
``sides``                          int8 (num_nodes,): sides of a bipartite graph
``x``, ``y``                       features and labels as they are, of any numbers; ``x:0`` those of the nodes of type 0
``x.data``, ``.indices``,          features that are sparse, in CSR form
``.indptr``
``y.codes``, ``.names``,           labels that are strings: int8, int16 or int32 codes, -1 where one is missing, and the
``.offsets``                       strings as above
=================================  ===================================================================================
"""

from __future__ import annotations

import itertools
import json
import math
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._mapped import forget
from graphrep._memory import check_memory
from graphrep._types import NO_TYPES, Types, narrow, typed_rows_ascend, typed_symmetric
from graphrep.csr import CSR, count_loops, first_bad_row, index_dtype, is_symmetric
from graphrep.io.atomic import replacing
from graphrep.io.bounded import one_line, open_regular, reading
from graphrep.io.matrices import checked_csr
from graphrep.io.paths import check_writable
from graphrep.io.tensors import checksum_of, is_storable, read_tensors, write_tensors
from graphrep.io.vectors import plain_names

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

__all__ = ["SUFFIX", "SavedGraph", "StoredNames", "is_saved", "looks_saved", "read_saved", "write_saved"]

SUFFIX = ".graph"
_FORMAT = "graphrep graph 1"  # increase the number when an older reader would misread a new file
_CODES = ("int8", "int16", "int32")
_STEP = 1 << 20  # numbers that are checked at a time


class StoredNames:
    """Names in UTF-8 and where each begins, decoded when they are first needed; ValueError names the file."""

    __slots__ = ("checksums", "offsets", "path", "text")

    def __init__(self, path: Path, text: Any, offsets: Any, checksums: tuple[str, str] | None) -> None:
        self.path, self.text, self.offsets, self.checksums = path, text, offsets, checksums

    def decoded(self) -> npt.NDArray[Any]:
        """Names as an object array; they must be those that were written."""
        with reading(self.path, "is damaged"):
            if self.checksums is not None and self.checksums != (checksum_of(self.text), checksum_of(self.offsets)):
                raise ValueError("the names of its nodes are not those that were saved")
            names = _strings(self.text, self.offsets)
        forget(self.text)
        forget(self.offsets)
        return names


class SavedGraph(NamedTuple):
    """Content of a file, as ``Graph._trusted`` takes it; ``digest`` tells its content from any other."""

    csr: CSR
    directed: bool
    nodes: npt.NDArray[np.int64] | StoredNames | None
    x: Any
    y: Any
    sides: npt.NDArray[np.int8] | None
    types: Types
    num_edges: int
    digest: str


def is_saved(path: Any) -> bool:
    """Whether a path is a regular file that holds a saved graph, sound or damaged."""
    path = Path(path)
    if not path.is_file():
        return False
    with open_regular(path) as file:
        return looks_saved(file.read(128), path.suffix.lower())


def looks_saved(head: bytes, suffix: str) -> bool:
    """Whether the first bytes are those of a saved graph; METIS, which has the same suffix, is text."""
    return b"graphrep graph " in head or (suffix == SUFFIX and b"\0" in head[:16])


def write_saved(graph: Any, path: str | os.PathLike[str]) -> None:
    """See :meth:`graphrep.Graph.save`."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise ValueError(f"cannot write {path}: the name of a saved graph must end in {SUFFIX}.")
    check_writable(path)
    arrays: dict[str, Any] = {}
    try:
        content = _described(graph, arrays)
    except (TypeError, ValueError) as error:
        raise type(error)(f"cannot write {path}: {error}") from None

    def describe(checksums: dict[str, str]) -> str:
        made = {name: [*_form(array), checksums[name]] for name, array in arrays.items()}
        whole = content | {"arrays": made}
        return json.dumps(whole | {"digest": _digest(whole)})

    try:
        with replacing(path) as temporary:
            write_tensors(temporary, arrays, describe)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise type(error)(f"cannot write {path}: {reason}.") from None


def read_saved(path: str | os.PathLike[str], *, mmap: bool, verify: bool | None) -> SavedGraph:
    """See :func:`graphrep.open_graph`."""
    path = Path(path)
    if not mmap and path.is_file():
        check_memory(path.stat().st_size, f"reading {path}", "give mmap=True")
    with reading(path, "is damaged or no graph that graphrep saved"):
        arrays, metadata = read_tensors(path, mapped=mmap)
        content = _content(arrays, metadata)
        if verify:
            for name, (_, _, checksum) in content["arrays"].items():
                if checksum_of(arrays[name]) != checksum:
                    raise ValueError(f"the checksum of its array {name!r} is another")
        return _Reader(path, arrays, content, verify=verify).graph()


def _form(array: Any) -> tuple[str, list[int]]:
    return array.dtype.newbyteorder("<").str, list(map(int, array.shape))


def _digest(content: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


# Writing.


def _described(graph: Any, arrays: dict[str, Any]) -> dict[str, Any]:
    """The description without checksums; arrays go to ``arrays``."""
    arrays |= {"indptr": graph.indptr, "indices": graph.indices}
    given = {
        "weights": graph.weights,
        "sides": graph.bipartite_sides,
        "node_type": graph.node_type,
        "edge_type": graph.edge_type,
    }
    arrays |= {name: array for name, array in given.items() if array is not None}
    _put_names(graph, arrays)
    by_type = graph._types.by_type or {}
    kinds = graph.node_types or ()
    return {
        "format": _FORMAT,
        "directed": graph.directed,
        "num_nodes": graph.num_nodes,
        "num_arcs": graph.num_arcs,
        "num_edges": graph.num_edges,
        "node_types": graph.node_types,
        "edge_types": graph.edge_types,
        "x": _put("x", graph.x, arrays),
        "y": _put("y", graph.y, arrays),
        "by_type": {
            name: {kind: _put(f"{name}:{kinds.index(kind)}", rows, arrays) for kind, rows in parts.items()}
            for name, parts in by_type.items()
        },
    }


def _put_names(graph: Any, arrays: dict[str, Any]) -> None:
    stored = graph._names
    if stored is None:
        return
    if isinstance(stored, StoredNames):  # of a mapped graph: nothing is decoded
        arrays |= {"node_names": stored.text, "node_offsets": stored.offsets}
        return
    names = plain_names(stored)
    if isinstance(names, list):
        arrays["node_names"], arrays["node_offsets"] = _encoded(names)
    elif not np.array_equal(names, np.arange(len(names))):
        arrays["node_id"] = names


def _encoded(strings: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    encoded = [string.encode() for string in strings]
    text = np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8)
    return text, np.cumsum([0, *map(len, encoded)], dtype=np.int64)


def _put(name: str, value: Any, arrays: dict[str, Any]) -> dict[str, Any] | None:
    """What features or labels are; their arrays go to ``arrays``."""
    if value is None:
        return None
    if sp.issparse(value):
        if value.ndim != 2 or not is_storable(value.dtype):
            raise TypeError(f"{name} is a sparse {value.ndim}-d matrix of {value.dtype}; give real numbers in 2-d.")
        matrix = sp.csr_array(value)
        arrays |= {f"{name}.{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}
        return {"kind": "csr", "shape": list(map(int, matrix.shape))}
    if is_storable(np.dtype(value.dtype)):
        arrays[name] = value
        return {"kind": "array"}
    if value.dtype.kind not in "OUT":
        raise TypeError(f"{name} holds {value.dtype}, where a file holds real numbers or strings; convert it.")
    return _put_labels(name, np.asarray(value), arrays)


def _put_labels(name: str, labels: npt.NDArray[Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Strings as codes; where one is missing, None or NaN, the code is -1."""
    values = labels.ravel().tolist()
    missing = {None if value is None else "nan" for value in values if _is_missing(value)}
    codes: dict[str, int] = {}
    for value in values:
        if not isinstance(value, str) and not (_is_missing(value) and len(missing) < 2):
            both = " and None" if len(missing) > 1 and _is_missing(value) else ""
            raise TypeError(
                f"{name} holds {value!r}{both}, where a file holds real numbers, or strings and None; convert it."
            )
        if isinstance(value, str):
            codes.setdefault(str(value), len(codes))
    plain_names(np.array([*codes, ""], dtype=object))  # refuses what is no UTF-8
    numbers = np.fromiter((codes.get(value, -1) for value in values), dtype=np.int64, count=len(values))
    arrays[f"{name}.codes"] = narrow(numbers, len(codes)).reshape(labels.shape)
    arrays[f"{name}.names"], arrays[f"{name}.offsets"] = _encoded(list(codes))
    kind = "object" if labels.dtype == object else "string"
    return {"kind": kind, "missing": missing.pop() if missing else None}


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


# Reading.


def _content(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, Any]:
    """The description of the file, which agrees with its digest and its arrays."""
    if "graphrep" not in metadata:
        raise ValueError("it holds no graph")
    content: Any = json.loads(metadata["graphrep"])
    found = content.get("format") if isinstance(content, dict) else None
    if found != _FORMAT:
        raise ValueError(f"its format is {str(found)[:60]!r}, where this version of graphrep reads {_FORMAT!r}")
    if content.pop("digest", None) != _digest(content):
        raise ValueError("the digest of its description is another")
    content["digest"] = _digest(content)
    for name, (dtype, shape, _) in content["arrays"].items():
        if name not in arrays or _form(arrays[name]) != (dtype, shape):
            raise ValueError(f"its array {name!r} is not {dtype} of shape {tuple(shape)}, as its description says")
    for name, array in arrays.items():
        if not array.flags.aligned:
            raise ValueError(f"its array {name!r} is not aligned")
    described: dict[str, Any] = content
    return described


class _Reader:
    """Parts of a graph out of arrays and their description; ``verify`` as in :func:`graphrep.open_graph`."""

    def __init__(self, path: Path, arrays: Mapping[str, Any], content: dict[str, Any], *, verify: bool | None) -> None:
        self.path, self.arrays, self.content, self.verify = path, arrays, content, verify

    def graph(self) -> SavedGraph:
        content = self.content
        directed = content["directed"]
        if not isinstance(directed, bool):
            raise ValueError("it does not say whether it is directed")
        csr = self._csr()
        n, arcs = len(csr.indptr) - 1, len(csr.indices)
        types = self._types(n, arcs)
        sides = self._codes("sides", n, 2, ("int8",))
        num_edges = content["num_edges"]
        if type(num_edges) is not int or not (arcs if directed else (arcs + 1) // 2) <= num_edges <= arcs:
            raise ValueError(f"it cannot have {num_edges} edges")
        nodes = self._names(n)
        x, y = (self._value(name, content[name], n) for name in "xy")
        types = types._replace(by_type=self._by_type(types))
        if self.verify is not False:
            self._check_structure(csr, types)
        if self.verify:
            self._check_meaning(csr, types, nodes, num_edges, directed=directed)
        for array in self.arrays.values():
            forget(array)
        return SavedGraph(csr, directed, nodes, x, y, sides, types, num_edges, content["digest"])

    def _array(self, name: str, dtypes: tuple[str, ...], shape: tuple[int, ...]) -> Any:
        array = self.arrays[name]
        if array.dtype.name not in dtypes or array.shape != shape:
            raise ValueError(
                f"its array {name!r} is {array.dtype} of shape {array.shape} instead of {' or '.join(dtypes)} of shape "
                f"{shape}"
            )
        return array

    def _csr(self) -> CSR:
        n, arcs = self.content["num_nodes"], self.content["num_arcs"]
        indptr = self._array("indptr", ("int64",), (n + 1,))
        indices = self._array("indices", (np.dtype(index_dtype(n)).name,), (arcs,))
        weights = self._array("weights", ("float32",), (arcs,)) if "weights" in self.arrays else None
        self._check_offsets("indptr", indptr, arcs)
        return CSR(indptr, indices, weights)

    def _check_offsets(self, name: str, offsets: Any, stop: int) -> None:
        if offsets[0] != 0 or offsets[-1] != stop:
            raise ValueError(f"its array {name!r} must run from 0 to {stop}, got {offsets[0]} … {offsets[-1]}")
        if self.verify is False:
            return
        for begin in range(0, len(offsets) - 1, _STEP):
            block = offsets[begin : begin + _STEP + 1]
            if (block[1:] < block[:-1]).any():
                raise ValueError(f"its array {name!r} must not descend")

    def _codes(self, name: str, length: int, count: int, dtypes: tuple[str, ...] = _CODES, low: int = 0) -> Any:
        if name not in self.arrays:
            return None
        return self._checked_codes(name, self._array(name, dtypes, (length,)), count, low)

    def _checked_codes(self, name: str, codes: Any, count: int, low: int = 0) -> Any:
        if self.verify is not False and codes.size and not low <= int(codes.min()) <= int(codes.max()) < count:
            raise ValueError(f"its array {name!r} must lie in [{low}, {count}), got {codes.min()} … {codes.max()}")
        return codes

    def _types(self, n: int, arcs: int) -> Types:
        found: list[Any] = []
        for name, length in (("node_type", n), ("edge_type", arcs)):
            names = self.content[f"{name}s"]
            if names is None and name not in self.arrays:
                found += [None, None]
                continue
            if not isinstance(names, list) or not all(type(one) is str for one in names):
                raise ValueError(f"the names of {name} are no list of strings")
            if len(set(names)) < len(names) or name not in self.arrays:
                raise ValueError(f"the names of {name} are not distinct, or there are no codes")
            found += [self._codes(name, length, len(names)), tuple(names)]
        return Types(*found) if any(part is not None for part in found) else NO_TYPES

    def _by_type(self, types: Types) -> dict[str, dict[str, Any]] | None:
        by_type = self.content["by_type"]
        if not by_type:
            return None
        names, codes = types.node_types or (), types.node_type
        return {
            name: {
                kind: self._value(f"{name}:{(code := names.index(kind))}", entry, int(np.count_nonzero(codes == code)))
                for kind, entry in parts.items()
            }
            for name, parts in by_type.items()
            if name in ("x", "y")
        }

    def _names(self, n: int) -> Any:
        if "node_id" in self.arrays:
            return self._array("node_id", ("int64",), (n,))
        if "node_names" not in self.arrays:
            return None
        text, offsets = self._text("node_names", "node_offsets", n)
        sums = tuple(self.content["arrays"][name][2] for name in ("node_names", "node_offsets"))
        return StoredNames(self.path, text, offsets, None if self.verify is False else (sums[0], sums[1]))

    def _text(self, text: str, offsets: str, count: int | None) -> tuple[Any, Any]:
        ends = self.arrays[offsets]
        ends = self._array(offsets, ("int64",), (ends.size if count is None else count + 1,))
        found = self._array(text, ("uint8",), (self.arrays[text].size,))
        self._check_offsets(offsets, ends, len(found))
        return found, ends

    def _value(self, name: str, entry: Any, rows: int) -> Any:
        """Features or labels, with a row for each of ``rows`` nodes."""
        if entry is None:
            return None
        kind = entry["kind"]
        if kind == "csr":
            shape = entry["shape"]
            data, indices, indptr = (self.arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
            if shape[0] != rows:
                raise ValueError(f"{name} has {shape[0]} rows for {rows} nodes")
            if self.verify is False:
                return sp.csr_array((data, indices, indptr), shape=tuple(shape))
            return checked_csr(data, indices, indptr, shape, finite=False)
        array = self.arrays[name if kind == "array" else f"{name}.codes"]
        if not array.ndim or len(array) != rows:
            raise ValueError(f"{name} of shape {array.shape} has no row for each of {rows} nodes")
        if kind == "array":
            return np.asarray(array)
        if kind not in ("object", "string") or array.dtype.name not in _CODES:
            raise ValueError(f"{name} is {kind!r} of {array.dtype}")
        strings = _strings(*self._text(f"{name}.names", f"{name}.offsets", None))
        codes = self._checked_codes(f"{name}.codes", array, len(strings), -1)
        missing = np.array([{"nan": math.nan}.get(entry["missing"])], dtype=object)
        labels = np.concatenate([strings, missing])[codes]
        return labels if kind == "object" else labels.astype(str)

    def _check_structure(self, csr: CSR, types: Types) -> None:
        """What native code relies on."""
        n = len(csr.indptr) - 1
        if types.edge_type is None:
            row = first_bad_row(csr)
            if row >= 0:
                raise ValueError(f"the columns of row {row} do not ascend, or lie outside [0, {n})")
        else:
            self._checked_codes("indices", csr.indices, n)
            for rows, arcs in _row_blocks(csr.indptr):
                block = CSR(csr.indptr[rows] - csr.indptr[rows.start], csr.indices[arcs], None)
                if not typed_rows_ascend(block, types.edge_type[arcs]):
                    raise ValueError("its rows do not ascend by column and type of edge")
        weights = csr.weights
        if weights is not None and len(weights) and not (weights.min() > 0 and weights.max() < np.inf):
            raise ValueError("its weights are not finite and positive")

    def _check_meaning(self, csr: CSR, types: Types, nodes: Any, num_edges: int, *, directed: bool) -> None:
        """What the values say beyond their form."""
        kinds, names = types.edge_type, nodes.decoded() if isinstance(nodes, StoredNames) else nodes
        if names is not None and len(set(names.tolist())) < len(names):
            raise ValueError("the names of its nodes are not distinct")
        if directed:
            return
        if not (is_symmetric(csr) if kinds is None else typed_symmetric(csr, kinds)):
            raise ValueError("it is undirected, but an arc has no reverse of the same weight")
        if kinds is None and num_edges != (len(csr.indices) + count_loops(csr)) // 2:
            raise ValueError(f"it has other than {num_edges} edges")


def _row_blocks(indptr: Any) -> Iterator[tuple[slice, slice]]:
    """Slices of offsets and of arcs of whole rows, of few arcs each unless a row has more."""
    begin, last = 0, len(indptr) - 1
    while begin < last:
        end = min(max(begin + 1, int(np.searchsorted(indptr, indptr[begin] + _STEP))), last)
        yield slice(begin, end + 1), slice(int(indptr[begin]), int(indptr[end]))
        begin = end


def _strings(text: Any, offsets: Any) -> npt.NDArray[Any]:
    """Decode strings, a block at a time."""
    strings = np.empty(len(offsets) - 1, dtype=object)
    for begin in range(0, len(strings), _STEP):
        ends = offsets[begin : begin + _STEP + 1]
        block = text[ends[0] : ends[-1]].tobytes()
        cuts = (ends - ends[0]).tolist()
        try:
            strings[begin : begin + _STEP] = [block[i:j].decode() for i, j in itertools.pairwise(cuts)]
        except UnicodeDecodeError:
            raise ValueError("a name in it is not UTF-8") from None
    return strings
