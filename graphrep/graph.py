"""``Graph``, an immutable CSR adjacency with a node table, and ``as_graph``, which makes one of anything graph-like."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import check_rows
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

    __slots__ = ("_cache", "_directed", "_indices", "_indptr", "_nodes", "_num_edges", "_sides", "_weights", "_x", "_y")

    _indptr: npt.NDArray[np.int64]
    _indices: npt.NDArray[np.integer[Any]]
    _weights: npt.NDArray[np.float32] | None
    _nodes: npt.NDArray[Any] | None
    _sides: npt.NDArray[np.int8] | None

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
        names = checked_nodes(nodes, n)
        self._fill(csr, directed, names, checked_rows("x", x, n, names), checked_rows("y", y, n, names))

    def _fill(
        self,
        csr: CSR,
        directed: bool,  # noqa: FBT001
        nodes: npt.NDArray[Any] | None,
        x: Any,
        y: Any,
        sides: npt.NDArray[np.int8] | None = None,
    ) -> None:
        self._indptr, self._indices, self._weights = (frozen(part) for part in csr)
        self._directed, self._x, self._y = bool(directed), x, y
        self._nodes, self._sides = frozen(nodes), frozen(sides)
        self._num_edges = -1
        self._cache: dict[str, Any] = {}

    @classmethod
    def _trusted(
        cls,
        csr: CSR,
        *,
        directed: bool,
        nodes: npt.NDArray[Any] | None = None,
        x: Any = None,
        y: Any = None,
        sides: npt.NDArray[np.int8] | None = None,
    ) -> Graph:
        graph = cls.__new__(cls)
        graph._fill(csr, directed, nodes, x, y, sides)
        return graph

    def _with_csr(self, csr: CSR, *, directed: bool) -> Graph:
        """Graph of the same nodes with another adjacency."""
        return Graph._trusted(csr, directed=directed, nodes=self._nodes, x=self._x, y=self._y, sides=self._sides)

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
    def bipartite_sides(self) -> npt.NDArray[np.int8] | None:
        """Side of each node, 0 or 1, int8 of shape (num_nodes,), or None if the graph is not known as bipartite."""
        return self._sides

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
        return self._with_csr(transpose_csr(self._csr), directed=True)

    def to_undirected(self) -> Graph:
        """Undirected graph with an edge for every arc; its weight is the larger of the two directions."""
        if not self._directed:
            return self
        csr = build_csr(self.sources(), self._indices, self._weights, self.num_nodes, symmetrize=True, merge="max")
        return self._with_csr(csr, directed=False)

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
        return self._with_csr(csr, directed=self._directed)

    def to_networkx(self) -> Any:
        """A networkx ``Graph`` or ``DiGraph`` with the names as nodes.

        Weights become the edge attribute ``"weight"``, features and labels the node attributes ``"x"`` (an array per
        node) and ``"y"``, sides of a bipartite graph ``"bipartite"``. ``as_graph(network, x="x", y="y")`` is the way
        back; add ``bipartite=True`` for the sides. Time and memory O(num_nodes + num_edges) Python objects.

        Examples
        --------
        >>> import graphrep as gr
        >>> gr.as_graph([("ann", "bob"), ("bob", "cy")]).to_networkx().edges
        EdgeView([('ann', 'bob'), ('bob', 'cy')])
        """
        import networkx as nx

        network = nx.DiGraph() if self._directed else nx.Graph()
        names = self.nodes.tolist()
        network.add_nodes_from(names)
        source, target = ([names[row] for row in rows.tolist()] for rows in self.edges())
        weights = self._edge_weights()
        if weights is None:
            network.add_edges_from(zip(source, target, strict=True))
        else:
            network.add_weighted_edges_from(zip(source, target, weights.tolist(), strict=True))
        x = self._x.toarray() if sp.issparse(self._x) else self._x
        for attribute, values in (("x", x), ("y", self._y), ("bipartite", self._sides)):
            if values is not None:
                rows = values.tolist() if values.ndim == 1 else list(values)
                nx.set_node_attributes(network, dict(zip(names, rows, strict=True)), attribute)
        return network

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row per edge: ``source``, ``target`` by name and, if there are any, ``weight``.

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
        return pd.DataFrame(columns if weights is None else columns | {"weight": weights})

    def to_pyg(self) -> Any:
        """A ``torch_geometric.data.Data`` with ``edge_index``, ``edge_weight``, ``x``, ``y`` and ``num_nodes``.

        An undirected edge is listed in both directions, as PyG does it. Names are kept as the list ``node_names``,
        which ``as_graph`` reads again. Sparse features become a sparse tensor. Raises TypeError for features or labels
        that are no numbers.
        """
        import torch

        try:
            from torch_geometric.data import Data
        except ImportError:
            raise ImportError("to_pyg needs torch_geometric; pip install 'graphrep[pyg]'.") from None
        data = Data(edge_index=torch.from_numpy(self.edge_index()), num_nodes=self.num_nodes)
        if self._weights is not None:
            data.edge_weight = torch.from_numpy(self._weights.copy())
        for attribute, values in (("x", self._x), ("y", self._y)):
            if sp.issparse(values):
                coo = values.tocoo()
                rows = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
                entries = torch.from_numpy(coo.data)
                data[attribute] = torch.sparse_coo_tensor(rows, entries, coo.shape, check_invariants=True).coalesce()
            elif values is not None:
                if values.dtype.kind not in "biuf":
                    raise TypeError(
                        f"{attribute} holds {values.dtype} and no numbers, which PyG cannot hold; give "
                        f"numpy.unique(graph.{attribute}, return_inverse=True)[1] as {attribute}."
                    )
                data[attribute] = torch.tensor(values)
        if self._nodes is not None and not np.array_equal(self._nodes, np.arange(self.num_nodes)):
            data.node_names = self._nodes.tolist()
        return data

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
            named=self._nodes is not None and not np.array_equal(self._nodes, np.arange(self.num_nodes)),
        )

    def __repr__(self) -> str:
        kind = ("directed" if self._directed else "undirected") + ("" if self._weights is None else ", weighted")
        extra = "".join(f", {k}={np.shape(v)}" for k, v in (("x", self._x), ("y", self._y)) if v is not None)
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
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__slots__}
        return state | {"_cache": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        for name in ("_indptr", "_indices", "_weights", "_nodes", "_sides"):
            setattr(self, name, frozen(getattr(self, name)))


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
          JSON and adjacency lists through the libraries for them. A folder stands for its parts.
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
    nodes : sequence of hashables, optional
        All nodes in their order: a permutation or superset of the names in ``obj``, which are never renamed. If the
        nodes of ``obj`` are row numbers (arrays, matrices), these are their names.
    x, y : optional
        Features and labels, one row per node; they override those of ``obj``. A pandas DataFrame or Series is matched
        by the names in its index, unless that is the default 0 … n - 1. A string, or for x a list of strings, names
        node attributes of a networkx, igraph, DGL or PyG graph.

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
    asked = Asked(num_nodes, weights, source, target, weight, bipartite, directed)
    if isinstance(obj, (str, os.PathLike)):
        parts = parts_of_file(obj, asked, reader_options)
    elif reader_options:
        raise TypeError(f"as_graph got unexpected arguments for {type(obj).__name__}: {', '.join(reader_options)}.")
    elif isinstance(obj, Graph):
        asked.refuse_columns("a Graph")
        if num_nodes not in (None, obj.num_nodes):
            raise ValueError(f"num_nodes is {num_nodes}, but the Graph has {obj.num_nodes} nodes.")
        given = weight if weights is None else weights
        if given is not None and given is not False:
            raise TypeError("weights of a Graph can only be kept (None) or dropped (False).")
        if bipartite and obj.bipartite_sides is None:
            raise ValueError("the Graph was not made with bipartite=True; give the table or pairs it was made of.")
        same = directed in (None, obj.directed) and given is None and self_loops
        if same and nodes is None and x is None and y is None:
            return obj
        parts = obj._parts(weighted=given is None)
    else:
        parts = parts_of(obj, asked)
    if directed is not None:
        parts.directed = bool(directed)
    return _assemble(parts, merge=merge, self_loops=self_loops, nodes=nodes, x=x, y=y)


def _assemble(parts: Parts, *, merge: str, self_loops: bool, nodes: Any, x: Any, y: Any) -> Graph:
    named = _names_attributes(x), isinstance(y, str)
    parts.x, parts.y = (own if given is None else None for own, given in ((parts.x, x), (parts.y, y)))
    if nodes is not None:
        parts.arrange(nodes)
    if any(named) and parts.attribute is None:
        raise TypeError(f"{'x' if named[0] else 'y'} names node attributes, which obj does not have; give an array.")
    if named[0]:
        x = _stacked(x, parts)
    if named[1]:
        y = parts.attribute(y)  # type: ignore[misc]
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
        nodes=parts.nodes,
        x=checked_rows("x", parts.x if x is None else x, n, parts.nodes),
        y=checked_rows("y", parts.y if y is None else y, n, parts.nodes),
        sides=parts.sides,
    )


def _names_attributes(x: Any) -> bool:
    return isinstance(x, str) or (isinstance(x, (list, tuple)) and bool(x) and all(isinstance(name, str) for name in x))


def _stacked(x: str | Sequence[str], parts: Parts) -> npt.NDArray[Any]:
    """Node attributes as columns of features."""
    columns = []
    for name in [x] if isinstance(x, str) else x:
        values = parts.attribute(name)  # type: ignore[misc]
        if not sp.issparse(values) and values.dtype.kind not in "biuf":
            raise TypeError(f"the node attribute {name!r} holds {values.dtype} and no numbers, so it is no feature.")
        columns.append(values.toarray() if sp.issparse(values) and len(x) > 1 and not isinstance(x, str) else values)
    if isinstance(x, str) and columns[0].ndim == 2:
        return columns[0]  # type: ignore[no-any-return]
    return np.column_stack(columns)


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
