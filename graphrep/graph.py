"""``Graph``, an immutable CSR adjacency with a node table, and ``as_graph``, which makes one of anything graph-like."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import check_rows
from graphrep._convert import (
    Parts,
    checked_nodes,
    checked_rows,
    checked_weights,
    edge_array,
    frozen,
    parts_of,
    parts_of_file,
)
from graphrep._names import NodeIndex, node_keys
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

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

__all__ = ["Graph", "as_graph"]


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

    __slots__ = ("_cache", "_directed", "_indices", "_indptr", "_nodes", "_num_edges", "_weights", "_x", "_y")

    _indptr: npt.NDArray[np.int64]
    _indices: npt.NDArray[np.integer[Any]]
    _weights: npt.NDArray[np.float32] | None
    _nodes: npt.NDArray[Any] | None

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
    ) -> None:
        csr = _checked_csr(indptr, indices, weights)
        n = len(csr.indptr) - 1
        if not directed and not is_symmetric(csr):
            raise ValueError(
                "the adjacency is not symmetric, so directed must be True; "
                "as_graph(..., directed=False) symmetrizes the edges."
            )
        self._fill(csr, directed, checked_nodes(nodes, n), checked_rows("x", x, n), checked_rows("y", y, n))

    def _fill(self, csr: CSR, directed: bool, nodes: npt.NDArray[Any] | None, x: Any, y: Any) -> None:  # noqa: FBT001
        self._indptr, self._indices, self._weights = (frozen(part) for part in csr)
        self._directed, self._x, self._y = bool(directed), x, y
        self._nodes = None if nodes is None else frozen(nodes)
        self._num_edges = -1
        self._cache: dict[str, Any] = {}

    @classmethod
    def _trusted(
        cls, csr: CSR, *, directed: bool, nodes: npt.NDArray[Any] | None = None, x: Any = None, y: Any = None
    ) -> Graph:
        graph = cls.__new__(cls)
        graph._fill(csr, directed, nodes, x, y)
        return graph

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
        if self._nodes is None:
            self._nodes = frozen(np.arange(self.num_nodes, dtype=np.int64))
        return self._nodes

    @property
    def x(self) -> Any:
        """Node features or None."""
        return self._x

    @property
    def y(self) -> Any:
        """Node labels or None."""
        return self._y

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
            self._num_edges = self.num_arcs if self._directed else (self.num_arcs + count_loops(self._csr)) // 2
        return self._num_edges

    @property
    def out_degree(self) -> npt.NDArray[np.int64]:
        """Number of stored neighbors of each node."""
        return np.diff(self._indptr)

    def sources(self) -> npt.NDArray[np.integer[Any]]:
        """Row id of every arc, shape (num_arcs,), in the dtype of ``indices``."""
        return np.repeat(np.arange(self.num_nodes, dtype=self._indices.dtype), self.out_degree)

    def weighted_degree(self, *, incoming: bool = False) -> npt.NDArray[np.float64]:
        """Sum of the weights of the arcs that leave (or enter) each node, float64 of shape (num_nodes,)."""
        if incoming and self._directed:
            w = None if self._weights is None else self._weights.astype(np.float64)
            return np.bincount(self._indices, weights=w, minlength=self.num_nodes).astype(np.float64)
        if self._weights is None:
            return self.out_degree.astype(np.float64)
        total = np.zeros(self.num_nodes)
        busy = self.out_degree > 0
        if busy.any():
            total[busy] = np.add.reduceat(self._weights, self._indptr[:-1][busy], dtype=np.float64)
        return total

    def neighbors(self, node: Hashable) -> npt.NDArray[Any]:
        """Names of the out-neighbors of a node, given by name, in row order; row numbers where there are no names."""
        rows = self.neighbor_rows(self.row(node))
        return rows if self._nodes is None else frozen(self._nodes[rows])

    def neighbor_rows(self, row: int) -> npt.NDArray[np.integer[Any]]:
        """Row numbers of the out-neighbors of the node in ``row`` (a row number, not a name), ascending."""
        if not 0 <= row < self.num_nodes:
            raise IndexError(f"row must lie in [0, {self.num_nodes}), got {row}.")
        return self._indices[self._indptr[row] : self._indptr[row + 1]]

    def __getitem__(self, node: Hashable) -> dict[Any, float]:
        """Weights of the arcs that leave a node, by the name of the neighbor: ``graph["ann"]["bob"]``."""
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
        """Adjacency as a float32 scipy.sparse.csr_array; shares indices and weights where possible."""
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
        csr = transpose_csr(self._csr)
        return Graph._trusted(csr, directed=True, nodes=self._nodes, x=self._x, y=self._y)

    def to_undirected(self) -> Graph:
        """Undirected graph with an edge for every arc; its weight is the larger of the two directions."""
        if not self._directed:
            return self
        csr = build_csr(self.sources(), self._indices, self._weights, self.num_nodes, symmetrize=True, merge="max")
        return Graph._trusted(csr, directed=False, nodes=self._nodes, x=self._x, y=self._y)

    def with_edges(self, edges: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Graph:
        """Build a graph with the same nodes, features and labels, but these edges (row numbers, shape (2, num_edges)).

        Used to hold out edges: ``g.with_edges(split.train)``. Directedness is kept. Without ``weights``, an edge of
        this graph keeps its weight, and any other edge gets weight 1.
        """
        pairs = edge_array(edges)
        if weights is None and self._weights is not None:
            at = find_arcs(self._csr, pairs[0], pairs[1])
            weights = np.where(at >= 0, self._weights[np.maximum(at, 0)], 1) if self.num_arcs else None
        parts = Parts(pairs[0], pairs[1], checked_weights(weights, pairs.shape[1]), self.num_nodes)
        parts.drop_zeros()
        csr = build_csr(parts.source, parts.target, parts.weights, self.num_nodes, symmetrize=not self._directed)
        return Graph._trusted(csr, directed=self._directed, nodes=self._nodes, x=self._x, y=self._y)

    def _parts(self, *, weighted: bool) -> Parts:
        w = self._weights if weighted else None
        return Parts(self.sources(), self._indices, w, self.num_nodes, self._nodes, self._directed, self._x, self._y)

    def __repr__(self) -> str:
        kind = ("directed" if self._directed else "undirected") + ("" if self._weights is None else ", weighted")
        extra = "".join(f", {k}={np.shape(v)}" for k, v in (("x", self._x), ("y", self._y)) if v is not None)
        return f"Graph(num_nodes={self.num_nodes}, num_edges={self.num_edges}, {kind}{extra})"

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
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__slots__}
        return state | {"_cache": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        for name in ("_indptr", "_indices", "_weights", "_nodes"):
            setattr(self, name, frozen(getattr(self, name)))


def as_graph(
    obj: Any,
    *,
    num_nodes: int | None = None,
    directed: bool | None = None,
    weights: Any = None,
    merge: str = "sum",
    self_loops: bool = True,
    nodes: Sequence[Hashable] | None = None,
    x: Any = None,
    y: Any = None,
    **reader_options: Any,
) -> Graph:
    r"""Turn anything graph-like into a :class:`Graph`.

    Parameters
    ----------
    obj : Graph, networkx graph, scipy.sparse matrix, PyG Data or EdgeIndex, array, tensor, DataFrame or path
        * networkx ``Graph`` and ``DiGraph`` (also multigraphs) keep their node names; the edge attribute ``"weight"``
          is used if every edge has it.
        * a square scipy.sparse matrix is an adjacency; explicit zeros are dropped.
        * an array or tensor of shape (2, num_edges) lists end points: integers are row numbers; strings are names, with
          rows in order of first appearance, the source of an edge before its target.
        * a pandas DataFrame has the end points in its first two columns and the weights in its third, if there is one.
        * a path is read by :func:`graphrep.io.read_edges`, which also takes ``reader_options``.
    num_nodes : int, optional
        Number of nodes if ``obj`` does not state it; default: the largest id + 1.
    directed : bool, optional
        False symmetrizes: :math:`A \leftarrow \max(A, A^\top)`, so an edge listed in both directions counts once.
        Default: as the type states (networkx, PyG); False for files; otherwise, the graph is undirected if and only if
        the adjacency is symmetric.
    weights : array of shape (num_edges,), str, or False, optional
        Edge weights for an array of end points; the name of the edge attribute for networkx and PyG; False ignores
        weights. Edges of weight zero are dropped.
    merge : {"sum", "max", "first"}
        How parallel edges are merged.
    self_loops : bool
        Whether to keep edges from a node to itself.
    nodes, x, y : optional
        Names, features and labels; they override those of ``obj``.

    Returns
    -------
    Graph

    Raises
    ------
    TypeError
        ``obj`` is none of the above.
    ValueError
        Weights are NaN, infinite or negative, a matrix is not square, or lengths disagree.
    IndexError
        An end point lies outside [0, num_nodes).

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.as_graph(nx.karate_club_graph())
    Graph(num_nodes=34, num_edges=78, undirected, weighted)
    """
    if isinstance(obj, (str, os.PathLike)):
        parts = parts_of_file(obj, num_nodes, weights, reader_options)
    elif reader_options:
        raise TypeError(f"as_graph got unexpected arguments for {type(obj).__name__}: {', '.join(reader_options)}.")
    elif isinstance(obj, Graph):
        if num_nodes not in (None, obj.num_nodes):
            raise ValueError(f"num_nodes is {num_nodes}, but the Graph has {obj.num_nodes} nodes.")
        if weights is not None and weights is not False:
            raise TypeError("weights of a Graph can only be kept (None) or dropped (False).")
        same = directed in (None, obj.directed) and weights is None and self_loops
        if same and nodes is None and x is None and y is None:
            return obj
        parts = obj._parts(weighted=weights is None)
    else:
        parts = parts_of(obj, num_nodes, weights)
    if directed is not None:
        parts.directed = bool(directed)
    return _assemble(parts, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y)


def _assemble(parts: Parts, *, merge: str, self_loops: bool, nodes: Any, x: Any, y: Any) -> Graph:
    csr = build_csr(
        parts.source,
        parts.target,
        parts.weights,
        parts.num_nodes,
        symmetrize=parts.directed is False,
        merge=merge,
        self_loops=self_loops,
    )
    n = parts.num_nodes
    return Graph._trusted(
        csr,
        directed=not is_symmetric(csr) if parts.directed is None else parts.directed,
        nodes=parts.nodes if nodes is None else checked_nodes(nodes, n),
        x=checked_rows("x", parts.x if x is None else x, n),
        y=checked_rows("y", parts.y if y is None else y, n),
    )


def _checked_csr(indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike | None) -> CSR:
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
    row = first_bad_row(csr)
    if row >= 0:
        raise ValueError(
            f"indices must ascend strictly in each row, but row {row} does not; as_graph sorts and merges duplicates."
        )
    return csr
