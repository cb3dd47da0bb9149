"""``Graph``, an immutable CSR adjacency with a node table, and ``as_graph``, which makes one of anything graph-like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import check_rows
from graphrep._checks import warn_caller
from graphrep._convert import (
    Asked,
    Parts,
    checked_nodes,
    checked_rows,
    checked_weights,
    edge_array,
    frozen,
    parts_of,
    parts_of_file,
)
from graphrep._labels import node_labels, of_mapping
from graphrep._names import NodeIndex, node_keys
from graphrep._node_tables import are_tables, parts_with_nodes, write_tables
from graphrep._parameters import renamed
from graphrep._types import (
    NO_TYPES,
    Relation,
    Types,
    build_typed,
    code_of,
    encode,
    merged,
    select_relation,
    typed_rows_ascend,
    typed_symmetric,
)
from graphrep.csr import (
    CSR,
    build_csr,
    count_loops,
    find_arcs,
    first_bad_row,
    index_dtype,
    is_symmetric,
    transpose_csr,
)
from graphrep.io.saved import StoredNames, is_saved, read_saved, write_saved

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

__all__ = ["Graph", "Relation", "as_graph", "open_graph", "untyped_graph"]

_BLOCK = 1 << 20  # arcs that are converted at a time


class Graph:
    r"""A graph as a CSR adjacency: row ``v`` holds the out-neighbors of ``v``, sorted, without duplicates.

    Use :func:`as_graph` to make one; the constructor takes a CSR that is already in this form, and verifies it.
    All arrays are read-only. An undirected graph stores each edge in both rows (a self loop once).

    Parameters
    ----------
    indptr : int64 array of shape (num_nodes + 1,)
        Row ``v`` is ``indices[indptr[v]:indptr[v + 1]]``.
    indices : int32 or int64 array of shape (num_arcs,)
        Column ids, ascending within a row; int32 whenever num_nodes < 2**31.
    weights : float32 array of shape (num_arcs,) or None
        Finite and positive; None means that every edge weighs 1.
    directed : bool
        Whether an arc u→v may exist without its reverse.
    nodes : sequence of num_nodes hashable names, or None
        Default: the nodes are named 0 … num_nodes - 1.
    x : array or scipy.sparse matrix of shape (num_nodes, num_features), optional
        Node features, stored unchanged.
    y : array of shape (num_nodes,) or (num_nodes, num_labels), optional
        Node labels, stored unchanged.
    node_type : array of shape (num_nodes,), optional
        Type of each node: codes from 0, or names.
    edge_type : array of shape (num_arcs,), optional
        Type of each arc: codes from 0, or names. A row then ascends by (column, type), so that columns may repeat: arcs
        of different types between two nodes stay apart.
    node_types, edge_types : sequence of str, optional
        Names of the codes. Default: "0", "1", …; of names, those that occur, in order of first appearance.

    Attributes
    ----------
    num_nodes : int
    num_arcs : int
        Stored entries of the adjacency.
    num_edges : int
        Number of edges, counting each undirected edge once.
    out_degree : int64 array of shape (num_nodes,)
        Number of stored neighbors.

    Examples
    --------
    >>> import graphrep as gr
    >>> g = gr.as_graph([[0, 1, 2], [1, 2, 0]], directed=False)
    >>> g
    Graph(num_nodes=3, num_edges=3, undirected)
    >>> g.neighbors(1).tolist()
    [0, 2]
    """

    __slots__ = (
        "_cache",
        "_directed",
        "_indices",
        "_indptr",
        "_names",
        "_num_edges",
        "_sides",
        "_types",
        "_weights",
        "_x",
        "_y",
    )

    _indptr: npt.NDArray[np.int64]
    _indices: npt.NDArray[np.integer[Any]]
    _weights: npt.NDArray[np.float32] | None
    _names: npt.NDArray[Any] | StoredNames | None
    _sides: npt.NDArray[np.int8] | None
    _types: Types

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        directed: bool = False,
        nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None,
        x: Any = None,
        y: Any = None,
        node_type: Any = None,
        edge_type: Any = None,
        node_types: Sequence[str] | None = None,
        edge_types: Sequence[str] | None = None,
    ) -> None:
        types = _checked_types(
            max(np.size(indptr) - 1, 0), np.size(indices), node_type, edge_type, node_types, edge_types
        )
        csr = _checked_csr(indptr, indices, weights, types.edge_type)
        n = len(csr.indptr) - 1
        mirrored = directed or (is_symmetric(csr) if types.edge_type is None else typed_symmetric(csr, types.edge_type))
        if not mirrored:
            raise ValueError(
                "the adjacency is not symmetric, so directed must be True; "
                "as_graph(..., directed=False) symmetrizes the edges."
            )
        names = checked_nodes(nodes, n)
        x, y = checked_rows("x", x, n, names), checked_rows("y", y, n, names)
        self._fill(csr, directed, names, x, y, types=types)

    def _fill(
        self,
        csr: CSR,
        directed: bool,  # noqa: FBT001
        nodes: npt.NDArray[Any] | StoredNames | None,
        x: Any,
        y: Any,
        sides: npt.NDArray[np.int8] | None = None,
        types: Types = NO_TYPES,
    ) -> None:
        self._indptr, self._indices, self._weights = (frozen(part) for part in csr)
        self._directed, self._x, self._y = bool(directed), x, y
        self._names = nodes if isinstance(nodes, StoredNames) else frozen(nodes)
        self._sides = frozen(sides)
        self._types = _frozen_types(types)
        self._num_edges = -1
        self._cache: dict[str, Any] = {}

    @classmethod
    def _trusted(
        cls,
        csr: CSR,
        *,
        directed: bool,
        nodes: npt.NDArray[Any] | StoredNames | None = None,
        x: Any = None,
        y: Any = None,
        sides: npt.NDArray[np.int8] | None = None,
        types: Types = NO_TYPES,
    ) -> Graph:
        graph = cls.__new__(cls)
        graph._fill(csr, directed, nodes, x, y, sides, types)
        return graph

    def _with_csr(self, csr: CSR, *, directed: bool, edge_type: Any = None) -> Graph:
        """Graph of the same nodes with another adjacency."""
        types = self._types.of_nodes() if edge_type is None else self._types._replace(edge_type=edge_type)
        same = {"nodes": self._names, "x": self._x, "y": self._y, "sides": self._sides}
        return Graph._trusted(csr, directed=directed, types=types, **same)

    @property
    def _nodes(self) -> npt.NDArray[Any] | None:
        """Names, or None if they are the row numbers; those of a file are decoded at the first use."""
        names = self._names
        if isinstance(names, StoredNames):
            names = self._names = frozen(names.decoded())
        return names

    @property
    def _csr(self) -> CSR:
        return CSR(self._indptr, self._indices, self._weights)

    @property
    def indptr(self) -> npt.NDArray[np.int64]:
        """Row offsets, int64 of shape (num_nodes + 1,)."""
        return self._indptr

    @property
    def indices(self) -> npt.NDArray[np.integer[Any]]:
        """Column ids, int32 or int64 of shape (num_arcs,)."""
        return self._indices

    @property
    def weights(self) -> npt.NDArray[np.float32] | None:
        """Arc weights, float32 of shape (num_arcs,), or None if every edge weighs 1."""
        return self._weights

    @property
    def nodes(self) -> npt.NDArray[Any]:
        """Node names in row order: int64, or object for any other hashable."""
        names = self._nodes
        if names is None:
            names = self._names = frozen(np.arange(self.num_nodes, dtype=np.int64))
        return names

    @property
    def x(self) -> Any:
        """Node features or None."""
        return self._x

    @property
    def y(self) -> Any:
        """Node labels or None."""
        return self._y

    @property
    def bipartite_sides(self) -> npt.NDArray[np.int8] | None:
        """Side of each node, 0 or 1, int8 of shape (num_nodes,), or None if the graph is not known as bipartite."""
        return self._sides

    @property
    def node_type(self) -> npt.NDArray[np.signedinteger[Any]] | None:
        """Type code of each node, shape (num_nodes,), or None."""
        return self._types.node_type

    @property
    def node_types(self) -> tuple[str, ...] | None:
        """Names of the types of nodes, by code, or None."""
        return self._types.node_types

    @property
    def edge_type(self) -> npt.NDArray[np.signedinteger[Any]] | None:
        """Type code of each arc, aligned with ``indices``, or None."""
        return self._types.edge_type

    @property
    def edge_types(self) -> tuple[str, ...] | None:
        """Names of the types of edges, by code, or None."""
        return self._types.edge_types

    @property
    def features(self) -> Mapping[str, Any]:
        """Features by type of node, one row per node of the type, for types that have some."""
        return self._by_type("x", self._x)

    @property
    def labels(self) -> Mapping[str, Any]:
        """Labels by type of node, one row per node of the type, for types that have some."""
        return self._by_type("y", self._y)

    def _by_type(self, name: str, whole: Any) -> Mapping[str, Any]:
        node_type, names = self._types.node_type, self._types.node_types
        if node_type is None or names is None:
            raise ValueError("the graph has no types of nodes; give node_type= to as_graph.")
        if whole is not None:
            rows = whole.tocsr() if sp.issparse(whole) else whole
            return {kind: rows[np.flatnonzero(node_type == code)] for code, kind in enumerate(names)}
        return dict((self._types.by_type or {}).get(name, {}))

    def relations(self) -> Iterator[Relation]:
        """Each combination of type of source, type of edge and type of target that has arcs, as a :class:`Relation`."""
        for kind, ends in self._triples_of_types():
            yield select_relation(self._csr, self.sources(), self._types, kind, ends)

    def _triples_of_types(self) -> list[tuple[int, tuple[int, int] | None]]:
        """Codes of the combinations of types that have arcs: edge, (source, target)."""
        if self._types.edge_type is None:
            raise ValueError("the graph has no types of edges; give edge_type= to as_graph.")
        if "relations" not in self._cache:
            kinds, node = self._types.edge_type, self._types.node_type
            if node is None:
                self._cache["relations"] = [(kind, None) for kind in np.unique(kinds).tolist()]
            else:
                ends = np.stack([kinds.astype(np.int64), node[self.sources()], node[self._indices]])
                found = np.unique(ends, axis=1).T.tolist()
                self._cache["relations"] = [(kind, (one, other)) for kind, one, other in found]
        listed: list[tuple[int, tuple[int, int] | None]] = self._cache["relations"]
        return listed

    def relation(self, name: str | tuple[str, str, str]) -> Relation:
        """The arcs of one type as a :class:`Relation`.

        Parameters
        ----------
        name : str or (str, str, str)
            Name of a type of edges; or (type of sources, type of edges, type of targets), which is needed where edges
            of the type join several pairs of types, as both directions of an undirected graph do.

        Raises
        ------
        ValueError
            The type is unknown or ambiguous, or no arc has it.

        Examples
        --------
        >>> import graphrep as gr
        >>> g = gr.as_graph([("ann", "knows", "bob"), ("ann", "likes", "bob")], edge_type=1)
        >>> g.relation("knows")
        Relation((None, 'knows', None), num_sources=2, num_targets=2, num_arcs=1)
        """
        listed = self._triples_of_types()
        nodes, edges = self._types.node_types or (), self._types.edge_types or ()
        whole = isinstance(name, tuple)
        kind = name[1] if whole and len(name) == 3 else name
        code_of(kind, edges, "edges")
        named = [
            (code, ends, (nodes[ends[0]] if ends else None, edges[code], nodes[ends[1]] if ends else None))
            for code, ends in listed
            if edges[code] == kind
        ]
        found = [item for item in named if not whole or item[2] == name]
        if whole and nodes and not found:
            for end in (name[0], name[2]):
                code_of(end, nodes, "nodes")
        if not found:
            others = f"; edges of this type are {', '.join(str(item[2]) for item in named)}" if named else ""
            raise ValueError(f"no edge has the type {name!r}{others}.")
        if len(found) > 1:
            raise ValueError(f"{name!r} is ambiguous; give one of {', '.join(str(item[2]) for item in found)}.")
        return select_relation(self._csr, self.sources(), self._types, found[0][0], found[0][1])

    def of_types(self, names: str | Sequence[str]) -> Graph:
        """Graph without types of edges on the same nodes, of the edges of the given types.

        Edges of several of the types between two nodes become one edge with the sum of their weights.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        kinds, known = self._types.edge_type, self._types.edge_types or ()
        if kinds is None:
            raise ValueError("the graph has no types of edges; give edge_type= to as_graph.")
        keep = np.isin(kinds, [code_of(name, known, "edges") for name in wanted])
        weights = None if self._weights is None else self._weights[keep]
        csr = build_csr(self.sources()[keep], self._indices[keep], weights, self.num_nodes)
        return self._with_csr(csr, directed=self._directed)

    def untyped(self) -> Graph:
        """The same graph without types of edges, as all learners and ops see it that know nothing of types.

        Edges of several types between two nodes become one edge with the sum of their weights. A graph that has no
        types of edges is returned itself. The result is computed once; it shares memory where no edges are parallel.
        """
        if self._types.edge_type is None:
            return self
        if "untyped" not in self._cache:
            self._cache["untyped"] = self._with_csr(merged(self._csr, self.sources()), directed=self._directed)
        graph: Graph = self._cache["untyped"]
        return graph

    def triples(self) -> npt.NDArray[np.int64]:
        """Arcs as (head, type, tail), int64 of shape (num_arcs, 3): row numbers and codes of ``edge_types``."""
        if self._types.edge_type is None:
            raise ValueError("the graph has no types of edges; give edge_type= to as_graph.")
        ends = self.edge_index()
        return np.stack([ends[0], self._types.edge_type.astype(np.int64), ends[1]], axis=1)

    @property
    def directed(self) -> bool:
        """Whether an arc may exist without its reverse."""
        return self._directed

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self._indptr) - 1

    @property
    def num_arcs(self) -> int:
        """Stored entries of the adjacency."""
        return len(self._indices)

    @property
    def num_edges(self) -> int:
        """Number of edges; each undirected edge counts once."""
        if self._num_edges < 0:
            # An undirected edge is stored in both directions, a self loop once.
            if self._directed:
                self._num_edges = self.num_arcs
            elif self._types.edge_type is None:
                self._num_edges = (self.num_arcs + count_loops(self._csr)) // 2
            else:
                self._num_edges = int((self.sources() <= self._indices).sum())
        return self._num_edges

    @property
    def out_degree(self) -> npt.NDArray[np.int64]:
        """Number of arcs stored for each node: its neighbors, once for each type of edge that leads there."""
        return np.diff(self._indptr)

    def sources(self) -> npt.NDArray[np.integer[Any]]:
        """Row id of every arc, shape (num_arcs,), in the dtype of ``indices``."""
        return np.repeat(np.arange(self.num_nodes, dtype=self._indices.dtype), self.out_degree)

    def weighted_degree(self, *, incoming: bool = False) -> npt.NDArray[np.float64]:
        """Sum of the weights of the arcs that leave (or enter) each node, float64 of shape (num_nodes,)."""
        w, total = self._weights, np.zeros(self.num_nodes)
        if incoming and self._directed:
            for part in (slice(begin, begin + _BLOCK) for begin in range(0, self.num_arcs, _BLOCK)):
                np.add.at(total, self._indices[part].astype(np.intp), 1.0 if w is None else w[part].astype(np.float64))
            return total
        if w is None:
            return self.out_degree.astype(np.float64)
        cuts = np.r_[np.searchsorted(self._indptr, range(0, self.num_arcs, _BLOCK)), self.num_nodes]
        for begin, end in pairwise(np.unique(cuts)):
            indptr = self._indptr[begin : end + 1]
            busy = np.diff(indptr) > 0
            if busy.any():
                starts = (indptr[:-1] - indptr[0])[busy]
                total[begin:end][busy] = np.add.reduceat(w[indptr[0] : indptr[-1]], starts, dtype=np.float64)
        return total

    def neighbors(self, node: Hashable) -> npt.NDArray[Any]:
        """Names of the out-neighbors of a node, given by name, in row order; row numbers where there are no names."""
        rows = self.neighbor_rows(self.row(node))
        return rows if self._nodes is None else frozen(self._nodes[rows])

    def neighbor_rows(self, row: int) -> npt.NDArray[np.integer[Any]]:
        """Row numbers of the out-neighbors of the node in ``row`` (a row number, not a name), ascending."""
        if not 0 <= row < self.num_nodes:
            raise IndexError(f"row must lie in [0, {self.num_nodes}), got {row}.")
        found = self._indices[self._indptr[row] : self._indptr[row + 1]]
        return found if self._types.edge_type is None else frozen(np.unique(found))  # once for all types

    def __getitem__(self, node: Hashable) -> dict[Any, float]:
        """Weights of the arcs that leave a node, by the name of the neighbor: ``graph["ann"]["bob"]``.

        Weights of edges of several types add up.
        """
        if self._types.edge_type is not None:
            return self.untyped()[node]
        row = self.row(node)
        part = slice(self._indptr[row], self._indptr[row + 1])
        names = self._indices[part] if self._nodes is None else self._nodes[self._indices[part]]
        weights = [1.0] * len(names) if self._weights is None else self._weights[part].tolist()
        return dict(zip(names.tolist(), weights, strict=True))

    def __contains__(self, node: object) -> bool:
        try:
            self.row(node)
        except (KeyError, TypeError):
            return False
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self.nodes.tolist())

    @property
    def node_index(self) -> NodeIndex:
        """Row numbers by node name."""
        if "index" not in self._cache:
            self._cache["index"] = NodeIndex(self._nodes, self.num_nodes)
        index: NodeIndex = self._cache["index"]
        return index

    def row(self, node: Hashable) -> int:
        """Row number of a node name; raises KeyError for an unknown name."""
        return self.node_index.row(node)

    def rows(self, nodes: Iterable[Hashable]) -> npt.NDArray[np.int64]:
        """Row numbers of many node names, int64; raises KeyError for an unknown name."""
        return self.node_index.rows(nodes)

    def node_keys(self) -> npt.NDArray[np.uint64] | None:
        """Keys of the random numbers that belong to the nodes, a function of their names; None for row numbers."""
        if "keys" not in self._cache:
            self._cache["keys"] = frozen(node_keys(self._nodes))
        keys: npt.NDArray[np.uint64] | None = self._cache["keys"]
        return keys

    def has_edges(self, source: npt.ArrayLike, target: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each arc source[i]→target[i] (row numbers) exists, bool; the two arrays are broadcast.

        Time O(log(degree)) per pair. Raises IndexError for a row number outside [0, num_nodes).
        """
        u, v = np.broadcast_arrays(np.asarray(source), np.asarray(target))
        if u.size == 0:
            return np.zeros(u.shape, dtype=bool)
        if u.dtype.kind not in "iu" or v.dtype.kind not in "iu":
            raise TypeError(f"source and target must hold row numbers, got dtypes {u.dtype} and {v.dtype}.")
        return (find_arcs(self._csr, u.ravel(), v.ravel()) >= 0).reshape(u.shape)

    def to_scipy(self) -> sp.csr_array:
        """Adjacency as a float32 scipy.sparse.csr_array; shares indices and weights where possible.

        Types are ignored: the weights of edges of several types add up. ``relation(name).to_scipy()`` has one type.
        """
        if self._types.edge_type is not None:
            return self.untyped().to_scipy()
        data = np.ones(self.num_arcs, dtype=np.float32) if self._weights is None else self._weights
        # SciPy uses one index type: narrowing the row offsets is cheaper than letting it widen the column ids.
        indptr = self._indptr.astype(index_dtype(self.num_arcs + 1))
        return sp.csr_array((data, self._indices, indptr), shape=(self.num_nodes, self.num_nodes))

    def edge_index(self) -> npt.NDArray[np.int64]:
        """Arcs as in PyG, int64 of shape (2, num_arcs); both directions of an undirected edge."""
        return np.stack([self.sources().astype(np.int64), self._indices.astype(np.int64)])

    def edges(self) -> npt.NDArray[np.int64]:
        """Each edge once, int64 of shape (2, num_edges); source <= target if undirected."""
        arcs = self.edge_index()
        return arcs if self._directed else arcs[:, arcs[0] <= arcs[1]]

    def transpose(self) -> Graph:
        """Graph with every arc reversed. An undirected graph is its own transpose."""
        if not self._directed:
            return self
        if self._types.edge_type is not None:
            csr, kinds = build_typed(
                self._indices, self.sources(), self._weights, self._types.edge_type, self.num_nodes
            )
            return self._with_csr(csr, directed=True, edge_type=kinds)
        return self._with_csr(transpose_csr(self._csr), directed=True)

    def to_undirected(self) -> Graph:
        """Undirected graph with an edge for every arc; its weight is the larger of the two directions."""
        if not self._directed:
            return self
        arcs = (self.sources(), self._indices, self._weights)
        if self._types.edge_type is not None:
            csr, kinds = build_typed(*arcs, self._types.edge_type, self.num_nodes, symmetrize=True, merge="max")
            return self._with_csr(csr, directed=False, edge_type=kinds)
        csr = build_csr(*arcs, self.num_nodes, symmetrize=True, merge="max")
        return self._with_csr(csr, directed=False)

    def with_edges(self, edges: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Graph:
        """Build a graph with the same nodes, features and labels, but these edges (row numbers, shape (2, num_edges)).

        Used to hold out edges: ``g.with_edges(split.train)``. Directedness is kept. Without ``weights``, an edge of
        this graph keeps its weight, and any other edge gets weight 1. Refused for a graph with types of edges, since
        the new edges have none: ``g.untyped().with_edges(...)``, or make the graph of triples anew.
        """
        if self._types.edge_type is not None:
            raise ValueError(
                "with_edges cannot know the types of the new edges; give g.untyped().with_edges(edges) for edges "
                "without types, or as_graph(triples, edge_type=1)."
            )
        pairs = edge_array(edges)
        if weights is None and self._weights is not None:
            at = find_arcs(self._csr, pairs[0], pairs[1])
            weights = np.where(at >= 0, self._weights[np.maximum(at, 0)], 1) if self.num_arcs else None
        parts = Parts(pairs[0], pairs[1], checked_weights(weights, pairs.shape[1]), self.num_nodes)
        parts.drop_zeros()
        csr = build_csr(parts.source, parts.target, parts.weights, self.num_nodes, symmetrize=not self._directed)
        return self._with_csr(csr, directed=self._directed)

    def subgraph(self, nodes: Iterable[Hashable] | npt.NDArray[np.bool_]) -> Graph:
        """The nodes given, in this order, with the edges between them.

        Names, weights, features, labels, sides and types are kept. Nodes without names keep their row numbers as names.

        Parameters
        ----------
        nodes : iterable of names, or bool array of shape (num_nodes,)
            Distinct names of nodes (row numbers, where there are no names), or a mask of rows.

        Raises
        ------
        KeyError
            A name is unknown.
        ValueError
            A name occurs twice, or a mask has another shape.

        Notes
        -----
        O(num_nodes + num_arcs + k log k) for k arcs that are kept.

        Examples
        --------
        >>> import graphrep as gr
        >>> g = gr.as_graph([("a", "b"), ("b", "c"), ("c", "d")], directed=False)
        >>> g.subgraph(["c", "b"]).nodes.tolist(), g.subgraph(g.out_degree > 1).num_edges
        (['c', 'b'], 1)
        """
        mask = np.asarray(nodes) if hasattr(nodes, "dtype") else None
        if mask is not None and mask.dtype == bool:
            if mask.shape != (self.num_nodes,):
                raise ValueError(f"a mask of nodes must have shape ({self.num_nodes},), got {mask.shape}.")
            rows = np.flatnonzero(mask)
        else:
            rows = self.rows(nodes)
        used, counts = np.unique(rows, return_counts=True)
        if len(used) < len(rows):
            twice = self.nodes[used[counts > 1]].tolist()[0]
            raise ValueError(f"nodes must be distinct, got {twice!r} twice.")
        return _assemble(self._parts(weighted=True).restrict(rows), merge="sum", self_loops=True)

    def to_networkx(self) -> Any:
        """A networkx ``Graph`` or ``DiGraph`` with the names as nodes.

        Weights become the edge attribute ``"weight"``, features and labels the node attributes ``"x"`` (an array per
        node) and ``"y"``, sides of a bipartite graph ``"bipartite"``, types the attribute ``"type"`` of nodes and
        edges. Where edges of several types join two nodes, the result is a ``MultiGraph`` or ``MultiDiGraph``.
        ``as_graph(network, x="x", y="y")`` is the way back; add ``bipartite=True`` for the sides, ``edge_type="type"``
        and ``node_type="type"`` for types. Time and memory O(num_nodes + num_edges) Python objects.

        Examples
        --------
        >>> import graphrep as gr
        >>> gr.as_graph([("ann", "bob"), ("bob", "cy")]).to_networkx().edges
        EdgeView([('ann', 'bob'), ('bob', 'cy')])
        """
        import networkx as nx

        several = self._types.edge_type is not None and self.untyped().num_arcs < self.num_arcs
        plain, multi = (nx.DiGraph, nx.MultiDiGraph) if self._directed else (nx.Graph, nx.MultiGraph)
        network = multi() if several else plain()
        names = self.nodes.tolist()
        network.add_nodes_from(names)
        source, target = ([names[row] for row in rows.tolist()] for rows in self.edges())
        weights = self._edge_weights()
        kinds = self._edge_kinds()
        if kinds is not None:
            ones = [{}] * len(kinds) if weights is None else [{"weight": weight} for weight in weights.tolist()]
            data = [one | {"type": kind} for one, kind in zip(ones, kinds.tolist(), strict=True)]
            network.add_edges_from(zip(source, target, data, strict=True))
        elif weights is None:
            network.add_edges_from(zip(source, target, strict=True))
        else:
            network.add_weighted_edges_from(zip(source, target, weights.tolist(), strict=True))
        x = self._x.toarray() if sp.issparse(self._x) else self._x
        for attribute, values in (("x", x), ("y", self._y), ("bipartite", self._sides), ("type", self._node_kinds())):
            if values is not None:
                rows = values.tolist() if values.ndim == 1 else list(values)
                nx.set_node_attributes(network, dict(zip(names, rows, strict=True)), attribute)
        return network

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row per edge: ``source``, ``target`` by name, and ``type`` and ``weight`` if known.

        Nodes without edges, features and labels are not in it: ``as_graph(frame, nodes=g.nodes, directed=g.directed,
        x=g.x, y=g.y)`` is the way back.

        Examples
        --------
        >>> import graphrep as gr
        >>> gr.as_graph([("ann", "bob", 2.0), ("bob", "cy", 0.5)]).to_pandas()
          source target  weight
        0    ann    bob     2.0
        1    bob     cy     0.5
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_pandas needs pandas; pip install pandas.") from None
        source, target = self.nodes[self.edges()]
        weights = self._edge_weights()
        columns = {"source": source, "target": target}
        kinds = self._edge_kinds()
        if kinds is not None:
            columns["type"] = kinds
        return pd.DataFrame(columns if weights is None else columns | {"weight": weights})

    def to_neo4j(self, folder: str | os.PathLike[str]) -> None:
        """Write ``nodes.csv`` and ``edges.csv`` into a folder, in the form that ``neo4j-admin database import`` takes.

        The columns are ``:ID``, ``:LABEL`` (the type), ``x`` and ``y``, and ``:START_ID``, ``:END_ID``, ``:TYPE`` and
        ``weight``, those that the graph has. An undirected edge is written once. Each file is written whole or not at
        all. The way back is ``as_graph(folder / "edges.csv", nodes=folder / "nodes.csv", directed=g.directed)``, with
        ``x="x"`` and ``y="y"`` if there are features and labels, and with ``node_types=g.node_types`` and
        ``edge_types=g.edge_types`` for the same codes.

        Raises
        ------
        TypeError
            Names are neither integers nor strings, or features are sparse.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import graphrep as gr
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> gr.as_graph([("ann", "knows", "bob")], edge_type=1).to_neo4j(folder)
        >>> print((folder / "edges.csv").read_text(), end="")
        :START_ID,:END_ID,:TYPE
        ann,bob,knows
        """
        write_tables(self, self._edge_kinds(), self._edge_weights(), folder)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph to one file, which :func:`open_graph` maps into memory: ``graph.save("web.graph")``.

        The file has the safetensors layout, see :mod:`graphrep.io.saved`. It holds arcs, weights, names, features,
        labels, sides and types, and a checksum of each array. It replaces an existing file once it is complete, so that
        processes that have mapped the old one keep it. Arrays are written block by block and not copied; names that are
        strings are encoded first, and sparse features that are not CSR are converted, and come back as a
        ``scipy.sparse.csr_array``.

        Parameters
        ----------
        path : path
            Its suffix is ``.graph``.

        Raises
        ------
        TypeError
            Names are neither all integers nor all strings; features or labels are neither real numbers nor strings.
        ValueError
            The suffix is another, or a name is no valid UTF-8.
        OSError
            The file cannot be written; nothing is left behind.

        Notes
        -----
        Time O(num_nodes + num_arcs). Size: 8 bytes per node and 4 per arc, 8 with weights, beside names and features.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import graphrep as gr
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.graph"
        >>> gr.as_graph([("ann", "bob"), ("bob", "cy")]).save(path)
        >>> gr.open_graph(path)
        Graph(num_nodes=3, num_edges=2, undirected)
        """
        write_saved(self, path)

    def to_pyg(self) -> Any:
        """A ``torch_geometric.data.Data`` with ``edge_index``, ``edge_weight``, ``x``, ``y`` and ``num_nodes``.

        An undirected edge is listed in both directions, as PyG does it. Names are kept as the list ``node_names``,
        which ``as_graph`` reads again. The loaders of PyG refuse lists: delete ``data.node_names`` first, or use
        :class:`graphrep.loader.NeighborLoader`. Sparse features become a sparse tensor. Raises TypeError for features
        or labels that are no numbers. A graph with types becomes HeteroData, see :meth:`to_hetero`.
        """
        if self._types.node_type is not None or self._types.edge_type is not None:
            return self.to_hetero()
        import torch

        try:
            from torch_geometric.data import Data
        except ImportError:
            raise ImportError("to_pyg needs torch_geometric; pip install 'graphrep[pyg]'.") from None
        data = Data(edge_index=torch.from_numpy(self.edge_index()), num_nodes=self.num_nodes)
        if self._weights is not None:
            data.edge_weight = torch.from_numpy(self._weights.copy())
        for attribute, values in (("x", self._x), ("y", self._y)):
            if values is not None:
                data[attribute] = _pyg_tensor(attribute, values)
        if self._named:
            data.node_names = self.nodes.tolist()
        return data

    def to_hetero(self) -> Any:
        """A ``torch_geometric.data.HeteroData`` of a graph with types of nodes, edges or both.

        Nodes of a type are numbered from 0 in the order of their rows. Nodes without types are of the type "node",
        edges without types of the type "to". Names of nodes are kept as the list ``node_names`` of each type. Both
        directions of an undirected edge are listed, under (source type, edge type, target type) and its reverse.
        """
        if self._types.node_type is None and self._types.edge_type is None:
            raise ValueError("the graph has no types of nodes or edges; to_pyg() gives a torch_geometric Data.")
        import torch

        try:
            from torch_geometric.data import HeteroData
        except ImportError:
            raise ImportError("to_hetero needs torch_geometric; pip install 'graphrep[pyg]'.") from None
        types = self._types
        if types.node_type is None:
            types = types._replace(node_type=np.zeros(self.num_nodes, dtype=np.int8), node_types=("node",))
        if types.edge_type is None:
            types = types._replace(edge_type=np.zeros(self.num_arcs, dtype=np.int8), edge_types=("to",))
        typed = Graph._trusted(self._csr, directed=self._directed, nodes=self._nodes, x=self._x, y=self._y, types=types)
        data, named = HeteroData(), self._named
        assert types.node_type is not None
        for code, kind in enumerate(types.node_types or ()):
            rows = np.flatnonzero(types.node_type == code)
            data[kind].num_nodes = len(rows)
            if named:
                data[kind].node_names = self.nodes[rows].tolist()
        for attribute, by_type in (("x", typed.features), ("y", typed.labels)):
            for kind, values in by_type.items():
                data[kind][attribute] = _pyg_tensor(attribute, values)
        for relation in typed.relations():
            row = np.repeat(np.arange(relation.num_sources), np.diff(relation.indptr))
            data[relation.name].edge_index = torch.from_numpy(np.stack([row, relation.indices.astype(np.int64)]))
            if relation.weights is not None:
                data[relation.name].edge_weight = torch.from_numpy(relation.weights.copy())
        return data

    def _edge_kinds(self) -> npt.NDArray[Any] | None:
        """Names of the types in the order of ``edges()``."""
        if self._types.edge_type is None:
            return None
        kinds = np.array(self._types.edge_types, dtype=object)[self._types.edge_type]
        return kinds if self._directed else kinds[self.sources() <= self._indices]

    def _node_kinds(self) -> npt.NDArray[Any] | None:
        """Name of the type of each node."""
        types = self._types
        return None if types.node_type is None else np.array(types.node_types, dtype=object)[types.node_type]

    @property
    def _named(self) -> bool:
        """Whether the names are more than the row numbers."""
        return self._nodes is not None and not np.array_equal(self._nodes, np.arange(self.num_nodes))

    def _edge_weights(self) -> npt.NDArray[np.float32] | None:
        """Weights in the order of ``edges()``."""
        if self._weights is None or self._directed:
            return self._weights
        return self._weights[self.sources() <= self._indices]

    def _parts(self, *, weighted: bool) -> Parts:
        return Parts(
            self.sources(),
            self._indices,
            self._weights if weighted else None,
            self.num_nodes,
            self._nodes,
            self._directed,
            self._x,
            self._y,
            self._sides,
            named=self._named,
            types=self._types,
        )

    def __repr__(self) -> str:
        kind = ("directed" if self._directed else "undirected") + ("" if self._weights is None else ", weighted")
        extra = "".join(f", {k}={np.shape(v)}" for k, v in (("x", self._x), ("y", self._y)) if v is not None)
        types = ((n, names) for n, names in (("node", self.node_types), ("edge", self.edge_types)) if names is not None)
        extra += "".join(f", {len(names)} {name} type{'s' * (len(names) != 1)}" for name, names in types)
        return f"Graph(num_nodes={self.num_nodes}, num_edges={self.num_edges}, {kind}{extra})"

    def _repr_html_(self) -> str:
        from html import escape

        names = ", ".join(repr(name) for name in self.nodes[:5].tolist()) + (", …" if self.num_nodes > 5 else "")
        lines = {
            "nodes": f"{self.num_nodes:,} ({names})" if self.num_nodes else "0",
            "edges": f"{self.num_edges:,}, {'directed' if self._directed else 'undirected'}",
        }
        if self._sides is not None:
            lines["sides"] = " and ".join(f"{count:,}" for count in np.bincount(self._sides, minlength=2))
        for name, kinds in (("types of nodes", self.node_types), ("types of edges", self.edge_types)):
            if kinds is not None:
                lines[name] = f"{len(kinds):,} ({', '.join(kinds[:5])}{', …' if len(kinds) > 5 else ''})"
        if self._weights is not None:
            span = f"{self._weights.min():g} … {self._weights.max():g}" if self.num_arcs else "none"
            lines["weights"] = span
        lines |= {k: " by ".join(map(str, np.shape(v))) for k, v in (("x", self._x), ("y", self._y)) if v is not None}
        rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in lines.items())
        return f"<table><caption>Graph</caption>{rows}</table>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return (
            self._directed == other._directed
            and np.array_equal(self._indptr, other._indptr)
            and np.array_equal(self._indices, other._indices)
            and (self._weights is None) == (other._weights is None)
            and (self._weights is None or np.array_equal(self._weights, other._weights))  # type: ignore[arg-type]
            and np.array_equal(self.nodes, other.nodes)
            and self._types.equal(other._types)
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__slots__}
        return state | {"_cache": {}, "_names": self._nodes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        for name in ("_indptr", "_indices", "_weights", "_names", "_sides"):
            setattr(self, name, frozen(getattr(self, name)))
        self._types = _frozen_types(self._types)


def as_graph(
    obj: Any,
    *,
    source: Any = None,
    target: Any = None,
    weight: Any = None,
    num_nodes: int | None = None,
    directed: bool | None = None,
    bipartite: bool | None = None,
    weights: Any = None,
    merge: str = "sum",
    self_loops: bool = True,
    nodes: Sequence[Hashable] | None = None,
    x: Any = None,
    y: Any = None,
    edge_type: Any = None,
    node_type: Any = None,
    edge_types: Sequence[str] | None = None,
    node_types: Sequence[str] | None = None,
    **reader_options: Any,
) -> Graph:
    r"""Turn anything graph-like into a :class:`Graph`.

    **Direction.** A list of edges (table, pairs, array, tensor, text file) is undirected unless ``directed=True``. A
    type that knows its direction says so: networkx and igraph graphs state it; PyG Data, EdgeIndex, DGL graphs and
    adjacency matrices are undirected if and only if they are symmetric.

    Parameters
    ----------
    obj : Graph, table, list of pairs, array, tensor, sparse matrix, networkx, igraph or DGL graph, PyG Data, or path
        * a table (pandas, polars, pyarrow, duckdb and others that narwhals reads, a NumPy array with fields) has a row
          per edge. Its columns are found by their names, see :func:`graphrep.io.columns.find_columns`. Integers are
          names, in ascending order; strings are names in order of first appearance. A square pandas DataFrame of
          numbers with the same names in index and columns is an adjacency matrix.
        * a list of tuples, (source, target) or (source, target, weight), has integers, strings, or other hashables of
          one type as names, numbered as in a table.
        * an array or tensor of integers of shape (2, num_edges), or a list of two lists or arrays, holds row numbers;
          an array of strings, of shape (2, num_edges) or (num_edges, 2), holds names.
        * a sparse matrix of SciPy, torch or torch_sparse is an adjacency; explicit zeros are dropped.
        * graphs of networkx, igraph, DGL and PyG keep the names, features and labels that they have.
        * a path is read as its format demands: text through :func:`graphrep.io.read_edges`, which takes
          ``reader_options``; Parquet, Feather, Arrow, GraphML, GEXF, GML, Pajek, METIS, Matrix Market, .npz of SciPy,
          JSON and adjacency lists through the libraries for them; a file of :meth:`Graph.save` is mapped by
          :func:`open_graph`. A folder stands for its parts.
    source, target, weight : optional
        Names (or positions) of columns of a table or file; ``weight`` also names the edge attribute of a graph.
        ``weight=False`` ignores weights, True requires some.
    num_nodes : int, optional
        Number of nodes if ``obj`` does not state it; default: the largest id + 1. Integers in tables, pairs and files
        are then row numbers.
    directed : bool, optional
        True takes the edges as arcs. False symmetrizes: :math:`A \leftarrow \max(A, A^\top)`, so an edge listed in
        both directions counts once. Default: see above.
    bipartite : bool, optional
        True: sources and targets are different nodes, even if they have the same names: those of a table are called
        ``"customer:1"`` and ``"product:1"`` by the names of its columns, else ``"source:1"`` and ``"target:1"``. The
        rows of a matrix are the first nodes, its columns those after them. ``bipartite_sides`` tells the side. Default:
        False, with a warning if the columns are called like users and items, but have names in common.
    weights : array of shape (num_edges,), str, or False, optional
        Edge weights; or as ``weight``. Edges of weight zero are dropped.
    merge : {"sum", "max", "first"}
        How parallel edges are merged.
    self_loops : bool
        Whether to keep edges from a node to itself.
    nodes : sequence of hashables, table, path, or list of tables or pathlib.Path, optional
        All nodes in their order: a permutation or superset of the names in ``obj``, which are never renamed. If the
        nodes of ``obj`` are row numbers (arrays, matrices), these are their names. Or tables of the nodes, as frames or
        text files, in their order; then ``obj`` may be a list of tables of edges, too. See the notes.
    x, y : optional
        Features and labels, one row per node; they override those of ``obj``. A pandas DataFrame or Series is matched
        by the names in its index, unless that is the default 0 … n - 1. A string, or for x a list of strings, names
        node attributes of a networkx, igraph, DGL or PyG graph, or columns of tables of nodes. A mapping goes from
        names to rows, or, where nodes have types, from types to a row per node of the type. Nodes that a mapping of
        labels lacks are unlabeled: -1, or None among strings.
    edge_type : str, int, True, or array of shape (num_edges,), optional
        Types of the edges. A string or integer names a column of a table, or the edge attribute of a networkx graph; in
        a list of tuples, an (num_edges, 3) array or a text file of triples it is the position, 1 for (head, relation,
        tail) and 2 for (source, target, type). True stands for the usual names of a table or of the first line of a
        text file, else for 1. An array has a type for each edge of an array, list or table. A table whose columns are
        called head, relation and tail, subject, predicate and object, or ``:START_ID``, ``:TYPE`` and ``:END_ID`` has
        types without being told; False ignores them, and those of a Graph. Edges with types are directed by default,
        and merge only within a type.
    node_type : str, mapping, or array of shape (num_nodes,), optional
        Types of the nodes: by name, in the order of the nodes, or the name of a node attribute of a networkx graph.
    edge_types, node_types : sequence of str, optional
        All types by name, in order; types that are integers are positions in it.

    Returns
    -------
    Graph

    Raises
    ------
    TypeError
        ``obj`` is none of the above, or names are of several types.
    ValueError
        Weights are NaN, infinite or negative, an end point is missing, a matrix is not square, columns are ambiguous,
        or names or lengths disagree.
    IndexError
        An end point lies outside [0, num_nodes).

    Warns
    -----
    UserWarning
        The input can be read in two ways, which the message says how to settle; or rows of x name no node.

    Notes
    -----
    Time O(num_edges log num_nodes), plus a look-up per edge for names.

    **Tables of nodes** have a row per node, in the form of neo4j-admin: ``:ID`` or ``personId:ID(Person)`` is the
    column of the ids and their space, ``:LABEL`` that of the types, and ``age:int``, ``x:float[]`` and so on are
    properties, which ``x=`` and ``y=`` name. A plain table has a column called id, node_id, node, name or key. Ids are
    unique in a space; with several spaces, nodes are called ``"Person:1"`` and edges need ``:START_ID(Person)`` and
    ``:END_ID(Movie)``. Ids that are all integers are integers. Without ``:LABEL``, the space is the type. Several
    labels ``"Actor;Director"`` are one type. A property that only nodes of some types have becomes ``Graph.features``
    or ``Graph.labels`` of these.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.as_graph(nx.karate_club_graph())
    Graph(num_nodes=34, num_edges=78, undirected, weighted)
    >>> gr.as_graph([("ann", "bob"), ("bob", "cy")], nodes=["ann", "bob", "cy", "dan"])
    Graph(num_nodes=4, num_edges=2, undirected)
    """
    if weight is not None and weights is not None:
        raise TypeError("give weight= (a name) or weights= (an array), not both.")
    for name in reader_options:
        if (ours := renamed(name, ("source", "target", "weight", "directed", "delimiter", "n_jobs"))) not in (
            None,
            name,
        ):
            raise TypeError(f"as_graph has no parameter {name}; it is called {ours} here.")
    if isinstance(obj, (str, os.PathLike)) and is_saved(obj):
        if reader_options:
            raise TypeError(f"{', '.join(reader_options)}: options of text files, but {obj} is a saved graph.")
        obj = open_graph(obj)
        if edge_type is True and obj.edge_types is not None:
            edge_type = None
    asked = Asked(num_nodes, weights, source, target, weight, bipartite, directed, edge_type)
    if nodes is not None and are_tables(nodes):
        if isinstance(obj, Graph):
            raise TypeError("nodes= are tables, which go with edges; give the edges that the Graph was made of.")
        parts = parts_with_nodes(obj, nodes, asked, reader_options, node_types)
        nodes = None
        node_types = node_types if parts.types.node_type is None else None
    elif isinstance(obj, (str, os.PathLike)):
        parts = parts_of_file(obj, asked, reader_options)
    elif reader_options:
        raise TypeError(f"as_graph got unexpected arguments for {type(obj).__name__}: {', '.join(reader_options)}.")
    elif isinstance(obj, Graph):
        asked.refuse_columns("a Graph")
        if num_nodes not in (None, obj.num_nodes):
            raise ValueError(f"num_nodes is {num_nodes}, but the Graph has {obj.num_nodes} nodes.")
        given = weight if weights is None else weights
        if weight is True:
            if obj.weights is None:
                raise ValueError("weight=True, but the graph has no weights.")
            given = None
        if given is not None and given is not False:
            raise TypeError("a graph has its weights already; leave them out to keep them, or give weight=False.")
        if bipartite and obj.bipartite_sides is None:
            raise ValueError("the Graph was not made with bipartite=True; give the table or pairs it was made of.")
        if edge_type is not None and edge_type is not False:
            raise TypeError(
                "a graph has its types of edges already; leave them out to keep them, or give edge_type=False."
            )
        if edge_type is False:
            obj = untyped_graph(obj)
        same = directed in (None, obj.directed) and given is None and self_loops and node_type is None
        if same and nodes is None and x is None and y is None:
            kept: Graph = obj
            return kept
        parts = obj._parts(weighted=given is None)
    else:
        parts = parts_of(obj, asked)
    if asked.kinds is not None:
        kinds, names = encode(asked.kinds, edge_types, len(asked.kinds), "edge_type")
        if parts.kept is not None:
            kinds = kinds[parts.kept]
        if len(kinds) != len(parts.source):
            raise ValueError(f"edge_type must hold one type for each of {len(parts.source)} edges, got {len(kinds)}.")
        parts.types = parts.types._replace(edge_type=kinds, edge_types=names)
        if parts.directed is False and not asked.states_direction:
            parts.directed = True
    elif edge_type is not None and edge_type is not False:
        raise TypeError(f"edge_type= does not fit to {type(obj).__name__}; give triples, or a table with a column.")
    elif edge_types is not None:
        raise TypeError("edge_types= names the types that edge_type= gives, which is missing.")
    if directed is not None:
        if directed and parts.directed is False and asked.states_direction and len(parts.source):
            warn_caller(
                "the graph is undirected, and directed=True cannot tell the directions of its edges, which count as "
                "they are listed; make it of directed edges, or leave directed=True out."
            )
        parts.directed = bool(directed)
    if node_type is None and node_types is not None:
        raise TypeError("node_types= names the types that node_type= gives, which is missing.")
    if node_type is not None and parts.types.node_type is not None and not isinstance(obj, Graph):
        raise TypeError("node_type= is given, but obj has types of nodes of its own.")
    return _assemble(
        parts, node_type=node_type, node_types=node_types, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y
    )


def open_graph(path: str | os.PathLike[str], *, mmap: bool = True, verify: bool | None = None) -> Graph:
    """Open a graph that :meth:`Graph.save` wrote: its arrays are mapped from the file, read-only.

    Pages are read when they are used and given back when memory is short, and all processes of a host share them, so
    that a graph may be larger than memory. Processes that ``multiprocessing`` starts, such as the workers of a
    ``DataLoader``, get the path instead of a copy and map the file, too; any other pickle holds the whole graph. Names
    that are strings are decoded when they are first used; labels that are strings, at once.

    Parameters
    ----------
    path : path
    mmap : bool
        False reads the file into memory.
    verify : bool, optional
        What is checked. By default, the header with its digest, and all that native code relies on, in one pass over
        the file: offsets do not descend, columns lie in [0, num_nodes) and ascend, weights are finite and positive,
        types, sides and sparse features are in range. No damage can then crash the process; changed values that meet
        these conditions, such as another weight, go unnoticed, except in names that are strings, whose checksum is
        compared when they are decoded. True compares all checksums, and looks whether undirected arcs have their
        reverse and names are distinct. **False checks the header alone, in a time that does not depend on the size: a
        damaged file can then end the process.** It is for files that this machine has written or verified.

    Returns
    -------
    Graph
        It equals the one that was saved.

    Raises
    ------
    FileNotFoundError
    ValueError
        The file is damaged, of another version, or no saved graph; the message names it.
    MemoryError
        ``mmap=False``, and the file is larger than the available memory.

    Notes
    -----
    Time O(num_nodes + num_arcs), O(num_arcs log(max degree)) for ``verify=True``, O(1) for ``verify=False`` without
    labels. A file that is replaced, as :meth:`Graph.save` does, stays as it was for those who have mapped it. A program
    that writes into the mapped file changes the graph, and what was checked no longer holds; one that cuts it short
    ends the processes that read it (SIGBUS). Give ``mmap=False`` where that may happen.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.graph"
    >>> gr.as_graph([("ann", "bob"), ("bob", "cy")], x=np.eye(3)).save(path)
    >>> g = gr.open_graph(path, verify=True)
    >>> g, g.neighbors("bob").tolist()
    (Graph(num_nodes=3, num_edges=2, undirected, x=(3, 3)), ['ann', 'cy'])
    """
    if verify is not None and not isinstance(verify, bool):
        raise TypeError(f"verify must be True, False or None, got {verify!r}.")
    *parts, num_edges, digest = read_saved(path, mmap=mmap, verify=verify)
    csr, directed, nodes, x, y, sides, types = parts
    graph = Graph._trusted(csr, directed=directed, nodes=nodes, x=x, y=y, sides=sides, types=types)
    graph._num_edges = num_edges
    if mmap:
        from multiprocessing.reduction import ForkingPickler

        graph._cache["file"] = os.path.abspath(path), digest
        ForkingPickler.register(Graph, _for_process)
    return graph


def _for_process(graph: Graph) -> Any:
    """How a graph gets to a process of this host: a mapped one by its path."""
    file = graph._cache.get("file")
    return graph.__reduce_ex__(2) if file is None else (_opened_again, file)


def _opened_again(path: str, digest: str) -> Graph:
    graph = open_graph(path, verify=False)
    if graph._cache["file"][1] != digest:
        raise ValueError(f"{path} was replaced after it was opened; open it again.")
    return graph


def _assemble(
    parts: Parts,
    *,
    merge: str,
    self_loops: bool,
    nodes: Any = None,
    x: Any = None,
    y: Any = None,
    node_type: Any = None,
    node_types: Sequence[str] | None = None,
) -> Graph:
    named = _names_attributes(x), isinstance(y, str)
    parts.x, parts.y = (own if given is None else None for own, given in ((parts.x, x), (parts.y, y)))
    if node_type is not None:
        parts.types = parts.types._replace(node_type=None, node_types=None, by_type=None)
    if nodes is not None:
        parts.arrange(nodes)
    types = parts.types
    if node_type is not None:
        codes, listed = encode(_node_kinds(node_type, parts), node_types, parts.num_nodes, "node_type")
        types = types._replace(node_type=codes, node_types=listed)
    if any(named) and parts.attribute is None:
        raise TypeError(f"{'x' if named[0] else 'y'} names node attributes, which obj does not have; give an array.")
    if named[0]:
        x = _stacked(x, parts)
    if named[1]:
        y = parts.attribute(y)  # type: ignore[misc]
    if types.node_type is None:
        index = NodeIndex(parts.nodes, parts.num_nodes)
        x, y = (_by_name(name, given, index) for name, given in (("x", x), ("y", y)))
    types, (x, y) = _with_attributes_of_types(types, x, y)
    n, arcs = parts.num_nodes, (parts.source, parts.target, parts.weights)
    undirected = parts.directed is False
    if types.edge_type is None:
        csr = build_csr(*arcs, n, symmetrize=undirected, merge=merge, self_loops=self_loops)
        directed = not is_symmetric(csr) if parts.directed is None else parts.directed
    else:
        csr, kinds = build_typed(*arcs, types.edge_type, n, symmetrize=undirected, merge=merge, self_loops=self_loops)
        types = types._replace(edge_type=kinds)
        directed = not typed_symmetric(csr, kinds) if parts.directed is None else parts.directed
    return Graph._trusted(
        csr,
        directed=directed,
        types=types,
        nodes=parts.nodes,
        x=checked_rows("x", parts.x if x is None else x, n, parts.nodes),
        y=checked_rows("y", parts.y if y is None else y, n, parts.nodes),
        sides=parts.sides,
    )


def _by_name(name: str, given: Any, index: NodeIndex) -> Any:
    """Features or labels in the order of the nodes, of a mapping from names; labels may lack nodes."""
    if not isinstance(given, Mapping) or hasattr(given, "vectors"):
        return given
    if name == "y":
        return node_labels(given, index, name)
    rows = of_mapping(given, index, name)
    lacking = next((row for row, values in enumerate(rows) if values is None), None)
    if lacking is not None:
        lacks = lacking if index.names is None else index.names.tolist()[lacking]
        raise ValueError(f"{name} has no features of {lacks!r}, which is a node of the graph.")
    return np.asarray(rows)


def _with_attributes_of_types(types: Types, *values: Any) -> tuple[Types, list[Any]]:
    """Types with the features and labels that are mappings from types, and those that are not."""
    rest: list[Any] = []
    for name, given in zip("xy", values, strict=True):
        rest.append(given)
        if not isinstance(given, Mapping) or hasattr(given, "vectors"):  # NodeVectors have names, not types
            continue
        assert types.node_type is not None
        assert types.node_types is not None
        by_type = {}
        for kind, rows in given.items():
            if kind not in types.node_types:
                known = ", ".join(map(repr, types.node_types))
                raise ValueError(f"{name} has {kind!r}, which is no type of nodes; these are {known}.")
            count = int((types.node_type == types.node_types.index(kind)).sum())
            by_type[kind] = checked_rows(f"{name} of {kind!r}", rows, count)
        types, rest[-1] = types._replace(by_type=dict(types.by_type or {}) | {name: by_type}), None
    return types, rest


def _node_kinds(node_type: Any, parts: Parts) -> Any:
    """Types of the nodes in their order, out of an attribute, a mapping by name or an array."""
    if isinstance(node_type, str):
        if parts.attribute is None:
            raise TypeError("node_type= names a node attribute, which obj does not have; give an array or a mapping.")
        return parts.attribute(node_type)
    if hasattr(node_type, "keys") and hasattr(node_type, "get") and not hasattr(node_type, "iloc"):
        names = parts.names()
        missing = next((name for name in names if name not in node_type), None)
        if missing is not None:
            raise ValueError(f"node_type has no entry for {missing!r}, which is a node of the graph.")
        return [node_type[name] for name in names]
    return checked_rows("node_type", node_type, parts.num_nodes, parts.nodes)


def untyped_graph(obj: Any, **options: Any) -> Graph:
    """What learners and ops that know nothing of types see of anything graph-like: ``as_graph(obj).untyped()``.

    Types of edges are ignored; edges of several types between two nodes count as one edge with the sum of the weights.
    """
    return as_graph(obj, **options).untyped()


def _pyg_tensor(attribute: str, values: Any) -> Any:
    """Features or labels as PyG holds them; TypeError if they are no numbers."""
    import torch

    if sp.issparse(values):
        coo = values.tocoo()
        rows = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
        return torch.sparse_coo_tensor(rows, torch.from_numpy(coo.data), coo.shape, check_invariants=True).coalesce()
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"{attribute} holds {values.dtype} and no numbers, which PyG cannot hold; give "
            f"numpy.unique(graph.{attribute}, return_inverse=True)[1] as {attribute}."
        )
    return torch.tensor(values)


def _frozen_types(types: Types) -> Types:
    return types._replace(node_type=frozen(types.node_type), edge_type=frozen(types.edge_type))


def _checked_types(
    num_nodes: int, num_arcs: int, node_type: Any, edge_type: Any, node_types: Any, edge_types: Any
) -> Types:
    parts: list[Any] = []
    for what, values, names, count in (
        ("node_type", node_type, node_types, num_nodes),
        ("edge_type", edge_type, edge_types, num_arcs),
    ):
        if values is None and names is not None:
            raise TypeError(f"{what}s= names the types that {what}= gives, which is missing.")
        parts += (None, None) if values is None else encode(values, names, count, what)
    return Types(*parts)


def _names_attributes(x: Any) -> bool:
    return isinstance(x, str) or (isinstance(x, (list, tuple)) and bool(x) and all(isinstance(name, str) for name in x))


def _stacked(x: str | Sequence[str], parts: Parts) -> Any:
    """Node attributes as columns of features."""
    columns = []
    for name in [x] if isinstance(x, str) else x:
        values = parts.attribute(name)  # type: ignore[misc]
        if isinstance(values, dict):  # by type
            if not isinstance(x, str):
                raise ValueError(f"the node attribute {name!r} is missing in some types; give x={name!r} alone.")
            for kind, rows in values.items():
                if rows.dtype.kind not in "biuf":
                    raise TypeError(f"the node attribute {name!r} of {kind!r} holds {rows.dtype} and no numbers.")
            return values
        if not sp.issparse(values) and values.dtype.kind not in "biuf":
            raise TypeError(f"the node attribute {name!r} holds {values.dtype} and no numbers, so it is no feature.")
        columns.append(values.toarray() if sp.issparse(values) and len(x) > 1 and not isinstance(x, str) else values)
    if isinstance(x, str) and columns[0].ndim == 2:
        return columns[0]
    return np.column_stack(columns)


def _checked_csr(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike | None, kinds: Any = None
) -> CSR:
    ptr, idx = np.asarray(indptr), np.asarray(indices)
    if ptr.ndim != 1 or len(ptr) < 1 or ptr.dtype.kind not in "iu" or ptr[0] != 0 or (np.diff(ptr) < 0).any():
        raise ValueError("indptr must be a non-decreasing integer array that starts with 0.")
    n = len(ptr) - 1
    if idx.ndim != 1 or (idx.size and idx.dtype.kind not in "iu") or len(idx) != ptr[-1]:
        raise ValueError(f"indices must hold indptr[-1] = {ptr[-1]} integers, got shape {idx.shape}.")
    check_rows("indices", idx, n)
    w = checked_weights(weights, len(idx))
    if w is not None and not w.all():
        raise ValueError("weights must be positive; as_graph drops edges of weight zero.")
    csr = CSR(ptr.astype(np.int64), idx.astype(index_dtype(n)), w)
    if kinds is not None:
        if not typed_rows_ascend(csr, kinds):
            raise ValueError("indices must ascend strictly by (column, type) in each row; as_graph sorts edges.")
        return csr
    row = first_bad_row(csr)
    if row >= 0:
        raise ValueError(
            f"indices must ascend strictly in each row, but row {row} does not; as_graph sorts and merges duplicates."
        )
    return csr
