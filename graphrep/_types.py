"""Types of nodes and edges: their codes and names, sorted typed rows, and the adjacency of one relation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import brief
from graphrep.csr import CSR, build_csr, build_rows, index_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Codes = npt.NDArray[np.signedinteger[Any]]
_MOST = 2**31 - 1


class Types(NamedTuple):
    """Type codes of nodes and arcs with their names; None without types. ``by_type``: x and y of single node types."""

    node_type: Codes | None = None
    node_types: tuple[str, ...] | None = None
    edge_type: Codes | None = None
    edge_types: tuple[str, ...] | None = None
    by_type: Mapping[str, Mapping[str, Any]] | None = None

    def of_nodes(self) -> Types:
        """Types of the nodes alone."""
        return self._replace(edge_type=None, edge_types=None)

    def equal(self, other: Types) -> bool:
        """Whether codes and names agree."""
        return (self.node_types, self.edge_types) == (other.node_types, other.edge_types) and all(
            one is two or (one is not None and two is not None and np.array_equal(one, two))
            for one, two in ((self.node_type, other.node_type), (self.edge_type, other.edge_type))
        )


NO_TYPES = Types()


def encode(
    values: Any, names: Sequence[str] | None, length: int, what: str, among: int | None = None
) -> tuple[Codes, tuple[str, ...]]:
    """Codes and names of types. Integers are codes; strings are names, in order of first appearance if none are given.

    Integers without names are called "0", "1", … up to the largest. ``among``: of so many edges or nodes these are the
    distinct types.
    """
    kinds = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if kinds.shape != (length,):
        raise ValueError(f"{what} must hold one type for each of {length} {what.split('_')[0]}s, got {kinds.shape}.")
    given = None if names is None else tuple(names)
    if given is not None and (
        len(set(given)) < len(given) or not all(isinstance(name, str) and name for name in given)
    ):
        raise ValueError(f"{what}s must be distinct strings that are not empty, got {brief(given)}.")
    if kinds.dtype.kind in "iu" and kinds.dtype != bool:
        low, high = (int(kinds.min()), int(kinds.max())) if length else (0, -1)
        most = max(2**20, 2 * (length if among is None else among))
        if low < 0 or (given is not None and high >= len(given)) or high > most:
            bound = f"[0, {len(given)}), as {len(given)} {what}s have names" if given else "the codes from 0 upward"
            raise ValueError(f"{what} must lie in {bound}; got {low} … {high}.")
        listed = given if given is not None else tuple(map(str, range(high + 1)))
        return narrow(kinds, len(listed)), listed
    spelled = kinds.tolist()
    bad = next((value for value in spelled if not isinstance(value, str)), None)
    if bad is not None or (length and not spelled):
        raise TypeError(f"{what} must hold integers or strings, got {type(bad).__name__} {brief(bad)}.")
    refuse_empty(spelled, what)
    listed = tuple(dict.fromkeys(spelled)) if given is None else given
    code = {name: row for row, name in enumerate(listed)}
    unknown = next((value for value in spelled if value not in code), None)
    if unknown is not None:
        raise ValueError(f"{what} holds {brief(unknown)}, which is none of {brief(*listed)}.")
    return narrow(np.fromiter((code[value] for value in spelled), dtype=np.int64, count=length), len(listed)), listed


def refuse_empty(spelled: list[Any], what: str) -> None:
    """ValueError for a type that is an empty string, as an empty field of a file is."""
    if "" in spelled:
        raise ValueError(f"{what} is empty in row {spelled.index('')}; drop such rows, or name their type.")


def code_of(name: Any, names: Sequence[Any], what: str) -> int:
    """Code of a type of ``what``, nodes or edges; ValueError with those that there are if it is unknown."""
    if name not in names:
        raise ValueError(f"{brief(name)} is no type of {what}; these are {brief(*names)}.")
    return names.index(name)


def rows_of_type(graph: Any, name: str) -> npt.NDArray[np.int64]:
    """Rows of the nodes of a type, ascending, in a graph with types of nodes."""
    return np.flatnonzero(graph.node_type == graph.node_types.index(name))


def narrow(codes: npt.NDArray[Any], count: int) -> Codes:
    """Codes of ``count`` types in the smallest dtype that holds them."""
    return np.ascontiguousarray(codes, dtype=np.int8 if count < 128 else np.int16 if count < 2**15 else np.int32)


def build_typed(
    source: npt.NDArray[Any],
    target: npt.NDArray[Any],
    weights: npt.NDArray[np.float32] | None,
    kinds: Codes,
    num_nodes: int,
    *,
    symmetrize: bool = False,
    merge: str = "sum",
    self_loops: bool = True,
) -> tuple[CSR, Codes]:
    """As ``build_csr``, for arcs of several types: rows ascend by (column, type), and only arcs of one type merge.

    Time and memory are those of ``build_csr``, with 64-bit columns where nodes times types exceed 2**31.
    """
    if len(source) and (min(source.min(), target.min()) < 0 or max(source.max(), target.max()) >= num_nodes):
        raise IndexError(f"end points must lie in [0, {num_nodes}).")
    num_types = int(kinds.max(initial=0)) + 1
    apart = source != target if symmetrize or not self_loops else None
    if apart is not None and not self_loops:
        weights = None if weights is None else weights[apart]
        source, target, kinds, apart = source[apart], target[apart], kinds[apart], None
    row, columns = source, with_types(target, kinds, num_nodes, num_types)
    forward = len(row)
    if symmetrize:
        back = slice(None) if apart is None else apart
        row = np.concatenate([source, target[back]])
        columns = np.concatenate([columns, with_types(source[back], kinds[back], num_nodes, num_types)])
        weights = None if weights is None else np.concatenate([weights, weights[back]])
    csr = build_rows(
        row, columns, weights, num_nodes * num_types, rows=(0, num_nodes), num_forward=forward, merge=merge
    )
    indices, found = without_types(csr.indices, num_nodes, num_types, kinds.dtype)
    return csr._replace(indices=indices), found


def with_types(columns: npt.NDArray[Any], kinds: Codes, num_nodes: int, num_types: int) -> npt.NDArray[Any]:
    """One number for a column and a type of edge, which ascends by both."""
    dtype = index_dtype(num_nodes * num_types)
    both: npt.NDArray[Any] = np.multiply(columns, num_types, dtype=dtype, casting="unsafe")
    both += kinds.astype(both.dtype, copy=False)
    return both


def without_types(both: npt.NDArray[Any], num_nodes: int, num_types: int, dtype: Any) -> tuple[npt.NDArray[Any], Codes]:
    """The columns and types of :func:`with_types`."""
    columns, kinds = np.divmod(both, both.dtype.type(num_types))
    return columns.astype(index_dtype(num_nodes), copy=False), kinds.astype(dtype)


def typed_rows_ascend(csr: CSR, kinds: Codes) -> bool:
    """Whether each row ascends strictly by (column, type)."""
    step, same = np.diff(csr.indices.astype(np.int64)), np.diff(kinds.astype(np.int64))
    good = (step > 0) | ((step == 0) & (same > 0))
    starts = csr.indptr[1:-1]
    good[starts[(starts > 0) & (starts < len(csr.indices))] - 1] = True
    return bool(good.all())


def typed_symmetric(csr: CSR, kinds: Codes) -> bool:
    """Whether every arc has a reverse arc of equal type and weight."""
    n = len(csr.indptr) - 1
    source = np.repeat(np.arange(n, dtype=csr.indices.dtype), np.diff(csr.indptr))
    back, back_kinds = build_typed(csr.indices, source, csr.weights, kinds, n)
    same = (back.weights is None and csr.weights is None) or (
        back.weights is not None and csr.weights is not None and np.array_equal(back.weights, csr.weights)
    )
    return (
        same
        and np.array_equal(back.indptr, csr.indptr)
        and np.array_equal(back.indices, csr.indices)
        and np.array_equal(back_kinds, kinds)
    )


class Relation:
    """The arcs of one type, from nodes of one type to nodes of one type: an immutable CSR, rectangular in general.

    Made by :meth:`graphrep.Graph.relation`. Rows and columns are numbered from 0 within ``sources`` and ``targets``,
    which hold the row numbers of these nodes in the graph. ``graphrep.ops.as_adjacency`` takes a relation.

    Parameters
    ----------
    name, sources, targets
        As the attributes.
    csr : (indptr, indices, weights)
        Rows by sources, columns by targets.

    Attributes
    ----------
    name : (str, str, str)
        Type of the sources, of the arcs and of the targets; the types of the nodes are None in a graph without them.
    sources, targets : int64 arrays
        Row numbers in the graph, ascending.
    indptr, indices, weights : arrays
        As in :class:`graphrep.Graph`; columns count within ``targets``.

    Examples
    --------
    >>> import graphrep as gr
    >>> g = gr.as_graph([("ann", "knows", "bob")], edge_type=1)
    >>> g.relation("knows").to_scipy().toarray().tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """

    __slots__ = ("indices", "indptr", "name", "sources", "targets", "weights")

    name: tuple[str | None, str, str | None]
    sources: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None

    def __init__(self, name: tuple[str | None, str, str | None], sources: Any, targets: Any, csr: CSR) -> None:
        values = (name, sources, targets, *csr)
        for slot, value in zip(("name", "sources", "targets", "indptr", "indices", "weights"), values, strict=True):
            if isinstance(value, np.ndarray):
                value = value.view()
                value.flags.writeable = False
            object.__setattr__(self, slot, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Relation is immutable; {name} cannot be set.")

    def __reduce__(self) -> Any:
        return Relation, (self.name, self.sources, self.targets, CSR(self.indptr, self.indices, self.weights))

    @property
    def num_sources(self) -> int:
        """Number of rows."""
        return len(self.sources)

    @property
    def num_targets(self) -> int:
        """Number of columns."""
        return len(self.targets)

    @property
    def num_arcs(self) -> int:
        """Number of arcs."""
        return len(self.indices)

    def to_scipy(self) -> sp.csr_array:
        """Float32 scipy.sparse.csr_array of shape (num_sources, num_targets)."""
        data = np.ones(self.num_arcs, dtype=np.float32) if self.weights is None else self.weights
        indptr = self.indptr.astype(index_dtype(self.num_arcs + 1))
        return sp.csr_array((data, self.indices, indptr), shape=(self.num_sources, self.num_targets))

    def __repr__(self) -> str:
        ends = f"num_sources={self.num_sources}, num_targets={self.num_targets}, num_arcs={self.num_arcs}"
        return f"Relation({self.name!r}, {ends})"


def select_relation(
    csr: CSR, source: npt.NDArray[Any], types: Types, kind: int, ends: tuple[int, int] | None
) -> Relation:
    """The arcs of a type, between all nodes or those of two types."""
    assert types.edge_type is not None
    assert types.edge_types is not None
    n = len(csr.indptr) - 1
    keep = types.edge_type == kind
    every = np.arange(n, dtype=np.int64)
    rows = cols = every
    name: tuple[str | None, str, str | None] = (None, types.edge_types[kind], None)
    local = every, every
    if ends is not None:
        assert types.node_type is not None
        assert types.node_types is not None
        keep &= (types.node_type[source] == ends[0]) & (types.node_type[csr.indices] == ends[1])
        rows, cols = (np.flatnonzero(types.node_type == end) for end in ends)
        name = (types.node_types[ends[0]], types.edge_types[kind], types.node_types[ends[1]])
        numbers = []
        for chosen in (rows, cols):
            number = np.zeros(n, dtype=np.int64)
            number[chosen] = np.arange(len(chosen))
            numbers.append(number)
        local = numbers[0], numbers[1]
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.bincount(local[0][source[keep]], minlength=len(rows)), out=indptr[1:])
    indices = local[1][csr.indices[keep]].astype(index_dtype(len(cols)))
    return Relation(name, rows, cols, CSR(indptr, indices, None if csr.weights is None else csr.weights[keep]))


def merged(csr: CSR, source: npt.NDArray[Any]) -> CSR:
    """The arcs without their types: parallel ones become one arc with the sum of the weights."""
    same = (csr.indices[1:] == csr.indices[:-1]) & (source[1:] == source[:-1])
    return build_csr(source, csr.indices, csr.weights, len(csr.indptr) - 1) if same.any() else csr
