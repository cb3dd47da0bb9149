"""``Graph``, an immutable adjacency in compressed sparse rows with a node table, and ``as_graph``, the one door in."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep.csr import CSR, build_csr, index_dtype

__all__ = ["Graph", "as_graph"]


class Graph:
    r"""A graph as a CSR adjacency: row ``v`` holds the out-neighbours of ``v``, sorted, without duplicates.

    Make one with :func:`as_graph`; the constructor takes a CSR that is already in order and checks that it is.
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
        Whether an arc u→v may lack its reverse.
    nodes : sequence of num_nodes hashable names, or None
        None names the nodes 0 … num_nodes - 1.
    x : array or scipy.sparse matrix of shape (num_nodes, num_features), optional
        Node features, carried along untouched.
    y : array of shape (num_nodes,) or (num_nodes, num_labels), optional
        Node labels, carried along untouched.

    Attributes
    ----------
    num_nodes : int
    num_arcs : int
        Stored entries of the adjacency.
    num_edges : int
        Edges as a person counts them: an undirected edge once.
    out_degree : int64 array of shape (num_nodes,)
        Number of stored neighbours.

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
        if not directed and not _is_symmetric(csr):
            raise ValueError(
                "the adjacency is not symmetric, so directed must be True; as_graph(..., directed=False) symmetrises."
            )
        self._fill(csr, directed, _checked_nodes(nodes, n), _checked_rows("x", x, n), _checked_rows("y", y, n))

    def _fill(self, csr: CSR, directed: bool, nodes: npt.NDArray[Any] | None, x: Any, y: Any) -> None:  # noqa: FBT001
        self._indptr, self._indices, self._weights = (_frozen(part) for part in csr)
        self._directed, self._x, self._y = bool(directed), x, y
        self._nodes = None if nodes is None else _frozen(nodes)
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
            self._nodes = _frozen(np.arange(self.num_nodes, dtype=np.int64))
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
        """Whether an arc may lack its reverse."""
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
        """Number of edges, an undirected one counted once."""
        if self._num_edges < 0:
            loops = 0 if self._directed else int(np.count_nonzero(self._indices == self.sources()))
            self._num_edges = self.num_arcs if self._directed else (self.num_arcs + loops) // 2
        return self._num_edges

    @property
    def out_degree(self) -> npt.NDArray[np.int64]:
        """Number of stored neighbours of each node."""
        return np.diff(self._indptr)

    def sources(self) -> npt.NDArray[np.integer[Any]]:
        """Row id of every arc, shape (num_arcs,), in the dtype of ``indices``."""
        return np.repeat(np.arange(self.num_nodes, dtype=self._indices.dtype), self.out_degree)

    def weighted_degree(self, *, incoming: bool = False) -> npt.NDArray[np.float64]:
        """Sum of arc weights that leave (or enter) each node, float64 of shape (num_nodes,)."""
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

    def neighbors(self, row: int) -> npt.NDArray[np.integer[Any]]:
        """Out-neighbours of the node in ``row`` (a row number, not a name), ascending."""
        if not 0 <= row < self.num_nodes:
            raise IndexError(f"row must lie in [0, {self.num_nodes}), got {row}.")
        return self._indices[self._indptr[row] : self._indptr[row + 1]]

    def row(self, node: Hashable) -> int:
        """Row number of a node name; KeyError if there is none."""
        if self._nodes is None:
            if isinstance(node, (int, np.integer)) and 0 <= int(node) < self.num_nodes:
                return int(node)
            raise KeyError(node)
        if "rows" not in self._cache:
            self._cache["rows"] = {name: i for i, name in enumerate(self._nodes.tolist())}
        return int(self._cache["rows"][node])

    def rows(self, nodes: Iterable[Hashable]) -> npt.NDArray[np.int64]:
        """Row numbers of many node names, int64."""
        return np.fromiter((self.row(node) for node in nodes), dtype=np.int64)

    def has_edges(self, source: npt.ArrayLike, target: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each arc source[i]→target[i] (row numbers) exists. O(log num_arcs) per pair."""
        u, v = np.asarray(source, dtype=np.int64), np.asarray(target, dtype=np.int64)
        keys = self._cache.get("keys")
        if keys is None:
            keys = self._cache["keys"] = self.sources().astype(np.int64) * self.num_nodes + self._indices
        if not len(keys):
            return np.zeros(np.broadcast(u, v).shape, dtype=bool)
        query = u * self.num_nodes + v
        at = np.minimum(np.searchsorted(keys, query), len(keys) - 1)
        return np.asarray(keys[at] == query)

    def to_scipy(self) -> sp.csr_array:
        """Adjacency as scipy.sparse.csr_array, float32, sharing memory where possible."""
        data = np.ones(self.num_arcs, dtype=np.float32) if self._weights is None else self._weights
        shape = (self.num_nodes, self.num_nodes)
        return sp.csr_array((data, self._indices, self._indptr), shape=shape)

    def edge_index(self) -> npt.NDArray[np.int64]:
        """Arcs as in PyG: int64 of shape (2, num_arcs), both directions of an undirected edge."""
        return np.stack([self.sources().astype(np.int64), self._indices.astype(np.int64)])

    def edges(self) -> npt.NDArray[np.int64]:
        """Edges once each, int64 of shape (2, num_edges); source <= target if undirected."""
        arcs = self.edge_index()
        return arcs if self._directed else arcs[:, arcs[0] <= arcs[1]]

    def transpose(self) -> Graph:
        """Every arc reversed. An undirected graph is its own transpose."""
        if not self._directed:
            return self
        csr = _transpose(CSR(self._indptr, self._indices, self._weights))
        return Graph._trusted(csr, directed=True, nodes=self._nodes, x=self._x, y=self._y)

    def to_undirected(self) -> Graph:
        """Forget directions: an edge for every arc, weighing the larger of its two directions."""
        if not self._directed:
            return self
        csr = build_csr(self.sources(), self._indices, self._weights, self.num_nodes, symmetrise=True, merge="max")
        return Graph._trusted(csr, directed=False, nodes=self._nodes, x=self._x, y=self._y)

    def with_edges(self, edges: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Graph:
        """Build a graph of the same nodes, features and labels with these edges (row numbers, shape (2, num_edges)).

        Used to hold out edges: ``g.with_edges(split.train)``. Directedness is kept.
        """
        pairs = _edge_array(edges)
        csr = build_csr(
            pairs[0], pairs[1], _checked_weights(weights, pairs.shape[1]), self.num_nodes, symmetrise=not self._directed
        )
        return Graph._trusted(csr, directed=self._directed, nodes=self._nodes, x=self._x, y=self._y)

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
            setattr(self, name, _frozen(getattr(self, name)))


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
    obj : Graph, networkx graph, scipy.sparse matrix, PyG Data or EdgeIndex, (2, num_edges) array or tensor, DataFrame, path
        * networkx ``Graph`` and ``DiGraph`` (multigraphs too) keep node names; the edge attribute ``"weight"`` is used
          where every edge has it.
        * a square scipy.sparse matrix is an adjacency; explicit zeros are dropped.
        * an array or tensor of shape (2, num_edges) lists end points; integers are row numbers, strings are names.
        * a pandas DataFrame lists end points in its first two columns and, if there is a third, weights.
        * a path is read by :func:`graphrep.io.read_edges`, which also takes ``reader_options``.
    num_nodes : int, optional
        Number of nodes where ``obj`` does not say; default: the largest id + 1.
    directed : bool, optional
        False symmetrises: :math:`A \leftarrow \max(A, A^\top)`, so an edge listed in both directions counts once.
        Default: what the type says (networkx, PyG); False for files; otherwise undirected exactly if the adjacency
        is symmetric.
    weights : array of shape (num_edges,), str, or False, optional
        Edge weights for an array of end points; the edge attribute's name for networkx and PyG; False ignores weights.
    merge : {"sum", "max", "first"}
        What parallel edges become.
    self_loops : bool
        Keep edges from a node to itself.
    nodes, x, y : optional
        Names, features and labels; override what ``obj`` carries.

    Returns
    -------
    Graph

    Raises
    ------
    TypeError
        ``obj`` is none of the above.
    ValueError
        Weights that are NaN, infinite or negative, a matrix that is not square, or lengths that disagree.
        Edges of weight zero are dropped.
    IndexError
        An end point outside [0, num_nodes).

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.as_graph(nx.karate_club_graph())
    Graph(num_nodes=34, num_edges=78, undirected, weighted)
    """
    if isinstance(obj, (str, os.PathLike)):
        from graphrep.io import read_edges

        if weights is not None and weights is not False:
            raise TypeError("weights of a file are its third column; give weighted=True or False instead.")
        if weights is False:
            reader_options["weighted"] = False
        table = read_edges(obj, num_nodes=num_nodes, **reader_options)
        parts = _Parts(table.source, table.target, table.weights, len(table.nodes), table.nodes)
        parts.directed = bool(directed)
        return _assemble(parts, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y)
    if reader_options:
        raise TypeError(f"as_graph got unexpected arguments for {type(obj).__name__}: {', '.join(reader_options)}.")
    if isinstance(obj, Graph):
        return _rebuilt(obj, num_nodes, directed, weights, merge, self_loops, nodes, x, y)
    parts = _parts_of(obj, num_nodes, weights)
    if directed is not None:
        parts.directed = bool(directed)
    return _assemble(parts, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y)


class _Parts:
    """Edges and node table of a foreign object, before they become a CSR."""

    def __init__(
        self,
        source: npt.NDArray[Any],
        target: npt.NDArray[Any],
        weights: npt.NDArray[np.float32] | None,
        num_nodes: int,
        nodes: Any = None,
        directed: bool | None = None,  # noqa: FBT001
        x: Any = None,
        y: Any = None,
    ) -> None:
        self.source, self.target, self.weights, self.num_nodes = source, target, weights, num_nodes
        self.nodes, self.directed, self.x, self.y = nodes, directed, x, y


def _assemble(parts: _Parts, *, merge: str, self_loops: bool, nodes: Any, x: Any, y: Any) -> Graph:
    csr = build_csr(
        parts.source,
        parts.target,
        parts.weights,
        parts.num_nodes,
        symmetrise=parts.directed is False,
        merge=merge,
        self_loops=self_loops,
    )
    directed = parts.directed if parts.directed is not None else not _is_symmetric(csr)
    n = parts.num_nodes
    return Graph._trusted(
        csr,
        directed=directed,
        nodes=_checked_nodes(parts.nodes if nodes is None else nodes, n),
        x=_checked_rows("x", parts.x if x is None else x, n),
        y=_checked_rows("y", parts.y if y is None else y, n),
    )


def _rebuilt(
    graph: Graph,
    num_nodes: int | None,
    directed: bool | None,  # noqa: FBT001
    weights: Any,
    merge: str,
    self_loops: bool,  # noqa: FBT001
    nodes: Any,
    x: Any,
    y: Any,
) -> Graph:
    if num_nodes not in (None, graph.num_nodes):
        raise ValueError(f"num_nodes is {num_nodes}, but the Graph has {graph.num_nodes} nodes.")
    directed = graph.directed if directed is None else directed
    if weights is None and self_loops and directed == graph.directed and nodes is None and x is None and y is None:
        return graph
    if weights is not None and weights is not False:
        raise TypeError("weights of a Graph can only be kept (None) or dropped (False).")
    w = None if weights is False else graph.weights
    parts = _Parts(graph.sources(), graph.indices, w, graph.num_nodes, graph._nodes, directed, graph.x, graph.y)
    return _assemble(parts, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y)


def _parts_of(obj: Any, num_nodes: int | None, weights: Any) -> _Parts:
    kind = type(obj).__module__.split(".")[0]
    if sp.issparse(obj):
        return _from_scipy(obj, num_nodes, weights)
    if hasattr(obj, "is_directed") and hasattr(obj, "adj") and hasattr(obj, "nodes"):
        return _from_networkx(obj, num_nodes, weights)
    if hasattr(obj, "edge_index") and hasattr(obj, "num_nodes"):
        return _from_pyg(obj, num_nodes, weights)
    if kind == "pandas" and hasattr(obj, "iloc"):
        return _from_frame(obj, num_nodes, weights)
    if hasattr(obj, "sparse_size") and num_nodes is None:  # PyG EdgeIndex
        sizes = [size for size in obj.sparse_size() if size is not None]
        num_nodes = max(sizes) if sizes else None
    if kind in ("torch", "torch_geometric") or isinstance(obj, (np.ndarray, list, tuple)):
        return _from_array(obj, num_nodes, weights)
    raise TypeError(
        f"cannot make a graph from {type(obj).__name__}; give a Graph, a networkx graph, a scipy.sparse matrix, PyG Data, "
        "a (2, num_edges) array or tensor, a DataFrame, or a path."
    )


def _from_scipy(matrix: Any, num_nodes: int | None, weights: Any) -> _Parts:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"an adjacency matrix must be square, got shape {matrix.shape}.")
    n = int(matrix.shape[0])
    if num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {num_nodes}, but the matrix has {n} rows.")
    if weights is not None and weights is not False:
        raise TypeError("weights of a scipy.sparse matrix are its entries; give weights=None or False.")
    coo = matrix.tocoo()
    row, col = (coo.coords if hasattr(coo, "coords") else (coo.row, coo.col))
    if np.iscomplexobj(coo.data):
        raise TypeError("an adjacency matrix must be real, got complex entries.")
    w = _checked_weights(coo.data, len(coo.data), what="the matrix")
    assert w is not None
    keep = w != 0
    if not keep.all():
        row, col, w = row[keep], col[keep], w[keep]
    plain = weights is False or bool((w == 1).all())
    return _Parts(row, col, None if plain else w, n)


def _from_networkx(graph: Any, num_nodes: int | None, weights: Any) -> _Parts:
    names = list(graph.nodes)
    if num_nodes not in (None, len(names)):
        raise ValueError(f"num_nodes is {num_nodes}, but the networkx graph has {len(names)} nodes.")
    rows = {name: i for i, name in enumerate(names)}
    attribute = "weight" if weights is None or weights is False else weights
    if not isinstance(attribute, str):
        raise TypeError("weights of a networkx graph is the name of an edge attribute, False or None.")
    ends = np.fromiter((rows[name] for edge in graph.edges() for name in edge), dtype=np.int64).reshape(-1, 2)
    values = [data.get(attribute) for _, _, data in graph.edges(data=True)]
    missing = sum(value is None for value in values)
    w = None
    if weights is not False and values and missing < len(values):
        if missing:
            raise ValueError(f"{missing} of {len(values)} edges have no attribute {attribute!r}; set it, or weights=False.")
        w = _checked_weights(values, len(values), what=f"edge attribute {attribute!r}")
    elif isinstance(weights, str) and values:
        raise ValueError(f"no edge has an attribute {attribute!r}.")
    parts = _Parts(ends[:, 0], ends[:, 1], w, len(names), names, bool(graph.is_directed()))
    return _without_zero_weights(parts)


def _from_pyg(data: Any, num_nodes: int | None, weights: Any) -> _Parts:
    n = int(data.num_nodes) if num_nodes is None else num_nodes
    name = weights if isinstance(weights, str) else "edge_weight"
    values = None if weights is False else getattr(data, name, None)
    if isinstance(weights, str) and values is None:
        raise ValueError(f"the PyG data has no attribute {weights!r}.")
    if weights is not None and weights is not False and not isinstance(weights, str):
        values = weights
    parts = _from_array(data.edge_index, n, values)
    parts.x = _to_numpy(getattr(data, "x", None))
    parts.y = _to_numpy(getattr(data, "y", None))
    return parts


def _from_frame(frame: Any, num_nodes: int | None, weights: Any) -> _Parts:
    if frame.shape[1] < 2:
        raise ValueError(f"a DataFrame of edges needs two columns, got {frame.shape[1]}.")
    if weights is None and frame.shape[1] > 2:
        weights = frame.iloc[:, 2].to_numpy()
    ends = [frame.iloc[:, 0].to_numpy(), frame.iloc[:, 1].to_numpy()]
    return _from_array(ends, num_nodes, weights)


def _from_array(ends: Any, num_nodes: int | None, weights: Any) -> _Parts:
    if isinstance(weights, str):
        raise TypeError("weights of an array of end points must be an array, not a name.")
    pairs = _edge_array(ends, names_allowed=True)
    names = None
    if pairs.dtype == object:
        if num_nodes is not None:
            raise TypeError("num_nodes cannot be given with named end points.")
        names, codes = np.unique(pairs.astype(str), return_inverse=True)
        pairs, num_nodes = codes.reshape(2, -1), len(names)
        names = names.astype(object)
    if num_nodes is None:
        num_nodes = int(pairs.max()) + 1 if pairs.size else 0
    num_nodes = _checked_num_nodes(num_nodes)
    w = None if weights is False else _checked_weights(_to_numpy(weights), pairs.shape[1])
    return _without_zero_weights(_Parts(pairs[0], pairs[1], w, num_nodes, names))


def _without_zero_weights(parts: _Parts) -> _Parts:
    if parts.weights is not None and not parts.weights.all():
        keep = parts.weights != 0
        parts.source, parts.target, parts.weights = parts.source[keep], parts.target[keep], parts.weights[keep]
    if parts.weights is not None and bool((parts.weights == 1).all()):
        parts.weights = None
    return parts


def _edge_array(ends: Any, *, names_allowed: bool = False) -> npt.NDArray[Any]:
    pairs = np.asarray(_to_numpy(ends))
    if pairs.ndim != 2 or pairs.shape[0] != 2:
        if pairs.size == 0:
            return np.zeros((2, 0), dtype=np.int64)
        hint = " (transpose it?)" if pairs.ndim == 2 and pairs.shape[1] == 2 else ""
        raise ValueError(f"edges must have shape (2, num_edges), got {pairs.shape}{hint}.")
    if pairs.dtype.kind in "OUST" and names_allowed:
        return pairs.astype(object)
    if pairs.size == 0:
        return np.zeros((2, 0), dtype=np.int64)
    if pairs.dtype.kind not in "iu":
        raise TypeError(f"edges must hold integers, got dtype {pairs.dtype}.")
    return pairs if pairs.dtype in (np.int32, np.int64) else pairs.astype(np.int64)


def _checked_num_nodes(num_nodes: Any) -> int:
    if isinstance(num_nodes, bool) or not hasattr(num_nodes, "__index__") or num_nodes < 0:
        raise ValueError(f"num_nodes must be a non-negative integer, got {num_nodes!r}.")
    return int(num_nodes)


def _to_numpy(value: Any) -> Any:
    if hasattr(value, "detach"):
        if hasattr(value, "as_tensor"):  # PyG EdgeIndex
            value = value.as_tensor()
        return value.detach().cpu().numpy()
    return value


def _checked_weights(weights: Any, length: int, what: str = "weights") -> npt.NDArray[np.float32] | None:
    if weights is None:
        return None
    values = np.asarray(weights)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{what} must be real numbers, got dtype {values.dtype}.")
    if values.shape != (length,):
        raise ValueError(f"{what} must have shape ({length},), one per edge; got {values.shape}.")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ValueError(f"{what} must be finite and not negative; entry {bad[0]} is {values[bad[0]]}.")
    return values


def _checked_nodes(nodes: Any, num_nodes: int) -> npt.NDArray[Any] | None:
    if nodes is None:
        return None
    if len(nodes) != num_nodes:
        raise ValueError(f"nodes must name each of the {num_nodes} nodes once, got {len(nodes)} names.")
    if isinstance(nodes, np.ndarray) and nodes.dtype.kind in "iu":
        names = nodes.astype(np.int64)
        if np.array_equal(names, np.arange(num_nodes)):
            return None
        distinct = len(np.unique(names))
    else:
        values = list(nodes.tolist() if isinstance(nodes, np.ndarray) else nodes)
        if all(type(name) is int for name in values):
            return _checked_nodes(np.array(values, dtype=np.int64), num_nodes)
        names = np.empty(num_nodes, dtype=object)
        names[:] = values
        distinct = len(set(values))
    if distinct != num_nodes:
        raise ValueError(f"nodes must be distinct: {num_nodes} names, of which {distinct} are different.")
    return names


def _checked_rows(name: str, value: Any, num_nodes: int) -> Any:
    if value is None:
        return None
    value = _to_numpy(value)
    rows = value.shape[0] if hasattr(value, "shape") else len(value)
    if rows != num_nodes:
        raise ValueError(f"{name} must have one row per node ({num_nodes}), got {rows}.")
    return value if hasattr(value, "shape") else np.asarray(value)


def _checked_csr(indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike | None) -> CSR:
    ptr, idx = np.asarray(indptr), np.asarray(indices)
    if ptr.ndim != 1 or len(ptr) < 1 or ptr.dtype.kind not in "iu" or ptr[0] != 0 or (np.diff(ptr) < 0).any():
        raise ValueError("indptr must be a non-decreasing integer array that starts with 0.")
    n = len(ptr) - 1
    if idx.ndim != 1 or (idx.size and idx.dtype.kind not in "iu") or len(idx) != ptr[-1]:
        raise ValueError(f"indices must hold indptr[-1] = {ptr[-1]} integers, got shape {idx.shape}.")
    if len(idx) and (idx.min() < 0 or idx.max() >= n):
        raise IndexError(f"indices must lie in [0, {n}), got {idx.min()} … {idx.max()}.")
    inside = np.ones(len(idx), dtype=bool)
    inside[ptr[:-1][np.diff(ptr) > 0]] = False
    if (np.diff(idx.astype(np.int64), prepend=-1) <= 0)[inside].any():
        raise ValueError("indices must ascend strictly within each row; as_graph sorts and merges duplicates.")
    w = _checked_weights(weights, len(idx))
    if w is not None and not w.all():
        raise ValueError("weights must be positive; as_graph drops edges of weight zero.")
    return CSR(ptr.astype(np.int64), idx.astype(index_dtype(n)), w)


def _transpose(csr: CSR) -> CSR:
    n = len(csr.indptr) - 1
    sources = np.repeat(np.arange(n, dtype=csr.indices.dtype), np.diff(csr.indptr))
    return build_csr(csr.indices, sources, csr.weights, n)


def _is_symmetric(csr: CSR) -> bool:
    other = _transpose(csr)
    return (
        np.array_equal(csr.indptr, other.indptr)
        and np.array_equal(csr.indices, other.indices)
        and (csr.weights is None or np.array_equal(csr.weights, other.weights))  # type: ignore[arg-type]
    )


def _frozen(array: Any) -> Any:
    if array is None:
        return None
    array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
