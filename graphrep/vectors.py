"""``NodeVectors``: one vector per node, with the nodes' names and the settings that made them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached, to_numpy
from graphrep._checks import checked_int
from graphrep._convert import checked_nodes, frozen
from graphrep._search import METRICS, pair_scores, top_k
from graphrep.io.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    import os

    from gensim.models import KeyedVectors

__all__ = ["NodeVectors", "load_vectors"]

Metric = Literal["cosine", "dot", "euclidean"]


class NodeVectors:
    """One vector per node, found by the node's name. Immutable.

    Parameters
    ----------
    vectors : array of shape (num_nodes, dimensions)
        Real and finite; kept as float32, without a copy if it is a float32 array already.
    nodes : sequence of num_nodes distinct hashable names, or None
        In row order. None names the nodes 0 … num_nodes - 1.
    settings : dict that JSON can hold, optional
        Origin of the vectors: the method, its parameters, the seed.

    Attributes
    ----------
    vectors : float32 array of shape (num_nodes, dimensions), read-only
    nodes : int64 or object array of shape (num_nodes,), read-only
    settings : dict
    dimensions : int

    Raises
    ------
    TypeError
        Vectors that are not real numbers, or settings that JSON cannot hold.
    ValueError
        Vectors of another shape or with NaN or infinity, or names that are too few or not distinct.

    Examples
    --------
    >>> import graphrep as gr
    >>> v = gr.NodeVectors([[1, 0], [2, 1], [-1, 3]], nodes=["curl", "wget", "gimp"])
    >>> v["wget"].tolist()
    [2.0, 1.0]
    >>> v[["curl", "gimp"]].shape
    (2, 2)
    >>> [(name, round(score, 3)) for name, score in v.most_similar("curl", k=1)]
    [('wget', 0.894)]
    """

    def __init__(
        self,
        vectors: npt.ArrayLike,
        nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._vectors: npt.NDArray[np.float32] = frozen(_checked_vectors(vectors))
        self._names: npt.NDArray[Any] | None = frozen(checked_nodes(nodes, len(self._vectors)))
        self._settings = _checked_settings(settings)
        self._rows: dict[Hashable, int] = {}

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """All vectors in row order, float32 of shape (num_nodes, dimensions), read-only."""
        return self._vectors

    @property
    def nodes(self) -> npt.NDArray[Any]:
        """Node names in row order: int64, or object for any other hashable; read-only."""
        if self._names is None:
            numbers = np.arange(len(self), dtype=np.int64)
            numbers.flags.writeable = False
            return numbers
        return self._names

    @property
    def settings(self) -> dict[str, Any]:
        """Origin of the vectors; a copy."""
        return dict(json.loads(self._settings))

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, node: object) -> bool:
        try:
            self.row(node)
        except (KeyError, TypeError):
            return False
        return True

    def __getitem__(self, node: Hashable | list[Hashable] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Vector of a node, or one row per node of a list or array of nodes. KeyError for a node that is not there."""
        if isinstance(node, (list, np.ndarray)):
            return np.asarray(self._vectors[self.rows(node)])
        return np.asarray(self._vectors[self.row(node)])

    def __repr__(self) -> str:
        return f"NodeVectors(num_nodes={len(self)}, dimensions={self.dimensions})"

    def row(self, node: Hashable) -> int:
        """Row number of a node name; KeyError if there is none."""
        if self._names is None:
            if isinstance(node, (int, np.integer)) and 0 <= int(node) < len(self):
                return int(node)
            raise KeyError(f"there is no node {node!r}.")
        if not self._rows:
            self._rows = {name: row for row, name in enumerate(self._names.tolist())}
        try:
            return self._rows[node]
        except KeyError:
            raise KeyError(f"there is no node {node!r}.") from None

    def rows(self, nodes: Sequence[Hashable] | npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Row numbers of many node names, int64; KeyError for the first that is not there."""
        names = nodes.tolist() if isinstance(nodes, np.ndarray) else nodes
        return np.fromiter((self.row(name) for name in names), dtype=np.int64, count=len(names))

    def similarity(self, a: Hashable, b: Hashable, metric: Metric = "cosine") -> float:
        """Score of two nodes; see :meth:`most_similar` for the metrics."""
        return float(pair_scores(self[a], self[b], _checked_metric(metric)))

    def most_similar(
        self, node_or_vector: Hashable | npt.ArrayLike, k: int = 10, metric: Metric = "cosine"
    ) -> list[tuple[Any, float]]:
        r"""Find the exact nearest nodes of a node or of any vector, best first.

        Parameters
        ----------
        node_or_vector : node name, or array, list or tensor of shape (dimensions,)
            A node is not among its own neighbors. A tuple is a name.
        k : int
            Number of nodes; fewer if there are fewer nodes.
        metric : {"cosine", "dot", "euclidean"}
            :math:`\frac{x \cdot y}{|x||y|}` (0 if either is the zero vector), :math:`x \cdot y`, or the distance
            :math:`|x - y|`, which orders from small to large.

        Returns
        -------
        list of (node name, score)
            Equal scores in row order.

        Raises
        ------
        KeyError
            There is no such node.
        ValueError
            A vector of another length, ``k`` below 1, or an unknown metric.

        Notes
        -----
        Time O(num_nodes * dimensions). A score depends only on its two vectors and is computed in float64.
        """
        node_or_vector = detached(node_or_vector)
        if isinstance(node_or_vector, (list, np.ndarray)):
            exclude, query = None, np.asarray(node_or_vector)[None]
            if query.shape != (1, self.dimensions):
                raise ValueError(f"the query must be a vector of shape ({self.dimensions},), got {query.shape[1:]}.")
            query = _checked_vectors(query)
        else:
            exclude = self.rows([node_or_vector])  # type: ignore[list-item]
            query = self._vectors[exclude]
        rows, scores = top_k(self._vectors, query, checked_int("k", k, 1), _checked_metric(metric), exclude)
        return list(zip(self.nodes[rows[0]].tolist(), scores[0].tolist(), strict=True))

    def neighbors(
        self, nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None, k: int = 10, metric: Metric = "cosine"
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Find the exact nearest nodes of each of several nodes: :meth:`most_similar` in one pass.

        Parameters
        ----------
        nodes : sequence of node names, or None
            None stands for all nodes in row order.
        k, metric
            As in :meth:`most_similar`.

        Returns
        -------
        names : array of shape (len(nodes), k)
            Names of the neighbors, best first, in the dtype of ``self.nodes``; fewer columns if there are fewer other
            nodes.
        scores : float64 array of the same shape

        Notes
        -----
        Time O(len(nodes) * num_nodes * dimensions) in blocks, so that memory stays within a few copies of
        max(num_nodes, 2**22) numbers.
        """
        exclude = np.arange(len(self), dtype=np.int64) if nodes is None else self.rows(nodes)
        queries = self._vectors[exclude]
        rows, scores = top_k(self._vectors, queries, checked_int("k", k, 1), _checked_metric(metric), exclude)
        return self.nodes[rows], scores

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file that :func:`load_vectors` reads.

        The suffix names the layout: ``.safetensors`` and ``.parquet`` (extra ``io``) keep names and settings; ``.npy``
        keeps names in a second file ``STEM.nodes.json`` unless they are 0 … num_nodes - 1, and no settings; ``.w2v``
        and ``.txt`` are word2vec text, where names become strings and settings are lost.

        The file appears whole or not at all, and replaces one that is there.

        Parameters
        ----------
        path : path

        Raises
        ------
        ValueError
            An unknown suffix, or a name that the layout cannot hold, such as one with a space in word2vec text.
        TypeError
            Names that are neither all integers nor all strings.
        FileNotFoundError
            There is no such folder.
        """
        write_vectors(path, self._vectors, self.nodes, self.settings)

    def to_keyed_vectors(self) -> KeyedVectors:
        """Copy into a gensim ``KeyedVectors`` (extra ``gensim``), whose keys are ``str(name)``.

        Raises
        ------
        ValueError
            Two names are the same string, such as 1 and "1".
        ImportError
            gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            raise ImportError("to_keyed_vectors needs gensim; pip install 'graphrep[gensim]'.") from None
        keys = [str(name) for name in self.nodes.tolist()]
        seen: set[str] = set()
        for key in keys:
            if key in seen:
                raise ValueError(f"two nodes are called {key!r} once their names are strings; rename one.")
            seen.add(key)
        keyed = KeyedVectors(self.dimensions, dtype=np.float32)
        keyed.add_vectors(keys, self._vectors)
        return keyed

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_rows": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._vectors = frozen(self._vectors)  # pickle forgets that an array is read-only
        self._names = frozen(self._names)


def load_vectors(path: str | os.PathLike[str]) -> NodeVectors:
    """Read a file of node vectors: one written by :meth:`NodeVectors.save`, or another of the same layout.

    Parameters
    ----------
    path : path
        Ends in .safetensors, .npy, .parquet, .w2v or .txt. Word2vec text gives names as strings, and neither it nor
        .npy holds settings.

    Returns
    -------
    NodeVectors

    Raises
    ------
    ValueError
        An unknown suffix, or a file that is truncated or holds something else; the message says which and where.
    FileNotFoundError

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.safetensors"
    >>> gr.NodeVectors([[1, 0], [2, 1]], nodes=["curl", "wget"], settings={"method": "none"}).save(path)
    >>> v = gr.load_vectors(path)
    >>> v, v.nodes.tolist(), v.settings
    (NodeVectors(num_nodes=2, dimensions=2), ['curl', 'wget'], {'method': 'none'})
    """
    table = read_vectors(path)
    try:
        return NodeVectors(table.vectors, table.nodes, table.settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _checked_vectors(vectors: Any) -> Any:
    try:
        array = to_numpy(vectors)
    except ValueError:
        raise ValueError("vectors must have shape (num_nodes, dimensions), got rows of different lengths.") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"vectors must be real numbers, got dtype {array.dtype}.")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"vectors must have shape (num_nodes, dimensions), got {array.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float32)
        finite = np.isfinite(array.sum(dtype=np.float64))  # float32 cannot overflow a float64 sum
    if not finite:
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"vectors must be finite; row {row} holds {array[row, column]}.")
    return array


def _checked_settings(settings: Mapping[str, Any] | None) -> str:
    if settings is not None and not isinstance(settings, Mapping):
        raise TypeError(f"settings must be a dict, got {type(settings).__name__}.")
    try:
        return json.dumps(dict(settings or {}), default=_plain_number, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"settings must be a dict that JSON can hold: {error}.") from None


def _plain_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"it holds a {type(value).__name__}")


def _checked_metric(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}.")
    return metric
