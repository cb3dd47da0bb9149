"""Base of all estimators of node vectors: the interface of scikit-learn for a graph."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from graphrep._checks import checked_int, warn_caller
from graphrep._convert import is_edge_list, is_table
from graphrep._memory import check_memory
from graphrep._names import NodeIndex
from graphrep._saving import SavedEstimator
from graphrep.graph import Graph, as_graph, untyped_graph

if TYPE_CHECKING:
    from typing_extensions import Self

    from graphrep.vectors import NodeVectors

F32 = npt.NDArray[np.float32]


class GraphEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, SavedEstimator):  # type: ignore[misc]
    """Base of estimators that turn a graph into one vector per node.

    Subclasses implement ``_embed(graph) -> float32 array (num_nodes, dimensions)``.
    """

    embedding_: F32
    nodes_: npt.NDArray[Any]
    n_features_in_: int
    _graph: Graph  # that was fitted; kept by those that need it for new nodes
    _graph_of = staticmethod(untyped_graph)  # from what is no matrix
    _follows_arcs = False  # whether arcs count in one direction alone, which is seldom meant where edges have types
    _memory_advice = "take fewer dimensions"  # to those whose graph does not fit into memory

    def fit(self, graph: Any, y: Any = None) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            A square NumPy array, or list of lists of numbers, is a dense adjacency matrix, as in scikit-learn.
        y : ignored

        Returns
        -------
        GraphEmbedder
            The estimator itself.
        """
        del y
        return self._fit(graph)

    def fit_transform(self, graph: Any, y: Any = None) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``."""
        self.fit(graph, y)
        return self.embedding_

    def _fit(self, graph: Any, **options: Any) -> Self:
        g = self._validated_graph(graph)
        check_memory(self._memory_needed(g), f"{type(self).__name__} of {g.num_nodes:,} nodes", self._memory_advice)
        self.embedding_ = self._embed(g, **options)
        self.nodes_ = g.nodes
        return self

    @property
    def node_vectors_(self) -> NodeVectors:
        """The fitted vectors with their names and settings: look-up, neighbors, saving."""
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        settings = {"method": type(self).__name__, **plain_settings(self.get_params(deep=False))}
        return NodeVectors(self.embedding_, self.nodes_, settings)

    def _named(self, names: Any, vectors: F32) -> NodeVectors:
        """Vectors of new nodes as ``transform`` returns them for a graph."""
        from graphrep.vectors import NodeVectors

        settings = {"method": f"{type(self).__name__}.transform", **plain_settings(self.get_params(deep=False))}
        return NodeVectors(vectors, names, settings)

    def _state(self) -> dict[str, Any]:
        return {"nodes_": self.nodes_, "n_features_in_": self.n_features_in_}

    def _restore(self, state: dict[str, Any]) -> None:
        if state["embedding_"].ndim != 2 or len(state["embedding_"]) != len(state["nodes_"]):
            raise ValueError("vectors and names differ in number")
        super()._restore(state)

    def _embed(self, graph: Graph, **options: Any) -> F32:
        raise NotImplementedError

    def _memory_needed(self, graph: Graph) -> int:
        """Bytes that fitting allocates beside the graph, about; here, those of the vectors."""
        return 4 * graph.num_nodes * checked_int("dimensions", getattr(self, "dimensions", 1), 1)

    def _new_rows(self, matrix: Any) -> sp.csr_array:
        """Weights of the arcs from new nodes to the fitted nodes, a checked matrix of shape (num_new, num_nodes)."""
        matrix = validate_data(self, matrix, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        rows = sp.csr_array(matrix, dtype=np.float64)
        if rows.nnz and rows.data.min() < 0:
            raise ValueError(f"new must not have negative weights, got {rows.data.min()}.")
        return rows

    def _validated_graph(self, graph: Any, *, reset: bool = True) -> Graph:
        if isinstance(graph, (list, tuple)) and not is_edge_list(graph):
            with contextlib.suppress(ValueError):  # rows of different lengths, which as_graph refuses
                graph = np.asarray(graph)
        if sp.issparse(graph) or _is_matrix(graph):
            if isinstance(graph, np.ndarray) and graph.shape == (2, 2) and _could_list_edges(graph):
                warn_caller(
                    "a 2 x 2 array of integers is read as an adjacency matrix, as in scikit-learn; give a list of "
                    "tuples for edges, or scipy.sparse.csr_array(matrix) to confirm.",
                )
            matrix = validate_data(
                self, graph, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=1, reset=reset
            )
            if matrix.shape[0] != matrix.shape[1]:
                raise ValueError(
                    f"graph must be a square adjacency matrix, got shape {matrix.shape}; for a matrix of one side by "
                    "the other give as_graph(matrix, bipartite=True)."
                )
            matrix = sp.csr_array(matrix)
            if matrix.nnz and matrix.data.min() < 0:
                least = matrix.data.min()
                raise ValueError(f"Negative values in data: graph must not have negative weights, got {least}.")
            return as_graph(matrix)
        typed = as_graph(graph)
        g = self._graph_of(typed)
        if reset and self._follows_arcs and typed.edge_types is not None and g.directed:
            warn_caller(
                f"edges with types have a direction unless told otherwise, so {type(self).__name__} follows arcs from "
                "source to target alone; give graph.to_undirected() for both, or graph.untyped() to confirm."
            )
        if g.num_nodes == 0:
            raise ValueError("graph must have at least one node, got none.")
        if reset:
            self.n_features_in_ = g.num_nodes
        return g

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.pairwise = True
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags


def is_matrix(value: Any) -> bool:
    """Whether a value is a matrix of weights with a row per new node, not edges or a graph."""
    if isinstance(value, (list, tuple)):
        return not is_edge_list(value) and np.asarray(value).dtype.kind in "biuf"
    return sp.issparse(value) or (hasattr(value, "__array_function__") and not is_table(value) and not _named(value))


def _named(array: Any) -> bool:
    """Whether an array holds names of nodes."""
    array = np.asarray(array)
    return array.dtype.kind in "UT" or (array.dtype == object and any(isinstance(value, str) for value in array.flat))


def _is_matrix(array: Any) -> bool:
    """Whether an array is a dense matrix for scikit-learn: neither end points of shape (2, num_edges) nor names."""
    if not hasattr(array, "__array_function__") or is_table(array):
        return False
    array = np.asarray(array)
    return not _named(array) and not (array.ndim == 2 and len(array) == 2 and array.shape[1] != 2)


def _could_list_edges(array: npt.NDArray[Any]) -> bool:
    """Whether a 2 x 2 matrix holds row numbers that would be other edges than its entries are."""
    return array.dtype.kind in "iu" and not np.array_equal(array, [[0, 1], [1, 0]])


def new_arcs(new: Any, fitted: Graph) -> tuple[npt.NDArray[Any], sp.csr_array]:
    """Names of the nodes of a graph that were not fitted, and their arcs to the fitted nodes as a CSR matrix.

    All nodes of the graph if every one was fitted. Warns of nodes without a fitted neighbor, and of arcs between new
    nodes, which are left out.
    """
    g = untyped_graph(new)
    names, rows = fitted_rows(g, fitted)
    if not (rows >= 0).any():
        example = f", such as {g.nodes[0]!r}," if g.num_nodes else ""
        raise ValueError(f"none of the nodes of the new graph{example} was fitted; names must agree.")
    chosen = np.flatnonzero(rows < 0) if (rows < 0).any() else np.arange(g.num_nodes)
    arcs = g.to_scipy()[chosen].tocoo()
    known = rows[arcs.col] >= 0
    matrix = sp.csr_array(
        (arcs.data[known].astype(np.float64), (arcs.row[known], rows[arcs.col[known]])),
        shape=(len(chosen), fitted.num_nodes),
    )
    alone = int(np.count_nonzero(np.diff(matrix.indptr) == 0))
    if alone and (rows < 0).any():
        warn_caller(f"{alone} of {len(chosen)} new nodes have no fitted neighbor.")
    if not known.all():
        warn_caller(f"{np.count_nonzero(~known)} arcs between new nodes are left out; fit again to use them.")
    return names[chosen], matrix


def fitted_rows(new: Graph, fitted: Graph) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Names of the nodes of a graph as the fitted graph spells them, and their rows there; -1 for those not fitted."""
    names = new.nodes
    rows = fitted.node_index.find(names)
    if not (rows >= 0).any() and names.dtype != fitted.nodes.dtype:
        # Integers beside strings are read as strings, and alone as integers: the same nodes under both.
        spelled, known = (
            np.array([str(name) for name in part.tolist()], dtype=object) for part in (names, fitted.nodes)
        )
        rows = NodeIndex(known, len(known)).find(spelled)
        names = names if names.dtype == object else spelled
    return names, rows


def new_arcs_of_both_directions(new: Any, fitted: Graph) -> tuple[npt.NDArray[Any], sp.csr_array, sp.csr_array]:
    """Names as in :func:`new_arcs`, weights of the arcs to the fitted nodes, and of the arcs from them."""
    g = untyped_graph(new)
    names, both = new_arcs(g.to_undirected(), fitted)
    if not fitted.directed:
        return names, both, both
    text = names.dtype == object and g.nodes.dtype != object  # strings where the new graph has integers
    at = g.rows(names.astype(np.int64) if text else names)
    spelled = np.array([str(name) for name in g.nodes.tolist()], dtype=object) if text else g.nodes
    rows = fitted.node_index.find(spelled)
    if not (rows >= 0).any():
        strings = np.array([str(name) for name in fitted.nodes.tolist()], dtype=object)
        rows = NodeIndex(strings, len(strings)).find(np.array([str(name) for name in g.nodes.tolist()], dtype=object))

    def arcs(graph: Graph) -> sp.csr_array:
        part = graph.to_scipy()[at].tocoo()
        known = rows[part.col] >= 0
        ends = part.row[known], rows[part.col[known]]
        return sp.csr_array((part.data[known].astype(np.float64), ends), shape=(len(at), fitted.num_nodes))

    return names, arcs(g), arcs(g.transpose())


def extended_graph(fitted: Graph, names: npt.NDArray[Any] | None, arcs: sp.csr_array) -> Graph:
    """The fitted graph with new nodes in the last rows, and their arcs to fitted nodes; nameless if ``names`` is.

    Without types of edges.
    """
    fitted = fitted.untyped()
    old, total = fitted.num_nodes, fitted.num_nodes + arcs.shape[0]
    new = arcs.tocoo()
    source = np.concatenate([fitted.sources().astype(np.int64), new.row + old])
    target = np.concatenate([fitted.indices.astype(np.int64), new.col])
    weights = np.concatenate([fitted.to_scipy().data, new.data]).astype(np.float32)
    return as_graph(
        np.stack([source, target]),
        num_nodes=total,
        weights=None if fitted.weights is None and (weights == 1).all() else weights,
        directed=fitted.directed,
        nodes=None if names is None else [*fitted.nodes.tolist(), *names.tolist()],
    )


def plain_settings(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values; what JSON cannot hold becomes its repr, without an address in memory."""
    return {name: _plain(value) for name, value in parameters.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [_plain(item) for item in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))
