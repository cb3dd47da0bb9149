"""Base of all estimators of node vectors: the interface of scikit-learn for a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from graphrep._checks import checked_int
from graphrep._memory import check_memory
from graphrep.graph import Graph, as_graph

if TYPE_CHECKING:
    from typing_extensions import Self

    from graphrep.vectors import NodeVectors

F32 = npt.NDArray[np.float32]


class GraphEmbedder(BaseEstimator):  # type: ignore[misc]
    """Base of estimators that turn a graph into one vector per node.

    Subclasses implement ``_embed(graph) -> float32 array (num_nodes, dimensions)``.
    """

    embedding_: F32
    nodes_: npt.NDArray[Any]
    n_features_in_: int

    def fit(self, graph: Any, y: Any = None) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            A square NumPy array is a dense adjacency matrix, as in scikit-learn.
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
        check_memory(self._memory_needed(g), f"{type(self).__name__} of {g.num_nodes:,} nodes", "take fewer dimensions")
        self.embedding_ = self._embed(g, **options)
        self.nodes_ = g.nodes
        return self

    @property
    def node_vectors_(self) -> NodeVectors:
        """The fitted vectors with their names and settings: look-up, neighbors, saving."""
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        settings = {"method": type(self).__name__, **_plain(self.get_params(deep=False))}
        return NodeVectors(self.embedding_, self.nodes_, settings)

    def _embed(self, graph: Graph, **options: Any) -> F32:
        raise NotImplementedError

    def _memory_needed(self, graph: Graph) -> int:
        """Bytes that fitting allocates beside the graph, about; here, those of the vectors."""
        return 4 * graph.num_nodes * checked_int("dimensions", getattr(self, "dimensions", 1), 1)

    def _validated_graph(self, graph: Any) -> Graph:
        if isinstance(graph, (list, tuple)):
            graph = np.asarray(graph)
        if sp.issparse(graph) or (hasattr(graph, "__array_function__") and not _is_edge_array(graph)):
            matrix = validate_data(
                self, graph, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=1
            )
            if matrix.shape[0] != matrix.shape[1]:
                raise ValueError(f"graph must be a square adjacency matrix, got shape {matrix.shape}.")
            matrix = sp.csr_array(matrix)
            if matrix.nnz and matrix.data.min() < 0:
                least = matrix.data.min()
                raise ValueError(f"Negative values in data: graph must not have negative weights, got {least}.")
            return as_graph(matrix)
        g = as_graph(graph)
        if g.num_nodes == 0:
            raise ValueError("graph must have at least one node, got none.")
        self.n_features_in_ = g.num_nodes
        return g

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags


def _is_edge_array(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.ndim == 2 and len(array) == 2 and array.shape[1] != 2


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values; what JSON cannot hold becomes its repr."""
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, np.generic):
            value = value.item()
        elif isinstance(value, (tuple, np.ndarray)):
            value = [item.item() if isinstance(item, np.generic) else item for item in value]
        plain[name] = value if isinstance(value, (str, int, float, bool, list, type(None))) else repr(value)
    return plain
