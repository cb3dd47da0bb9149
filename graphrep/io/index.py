"""Files for approximate search by faiss, hnswlib and usearch: an HNSW index, and the names beside it.

Malkov and Yashunin (2020), "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
World graphs", section 4.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_int
from graphrep._names import UnknownNodeError
from graphrep._threads import resolve_threads
from graphrep.io.bounded import open_regular, reading
from graphrep.io.formats import MalformedError
from graphrep.io.formats.beside import checked_list, entry_of, names_file, write_with_names
from graphrep.io.paths import check_writable, checked_suffix
from graphrep.io.vectors import plain_names

if TYPE_CHECKING:
    import os

__all__ = ["VectorIndex", "load_index", "save_index"]

_LIBRARIES = {".faiss": "faiss", ".hnsw": "hnswlib", ".usearch": "usearch"}
_METRICS = ("cosine", "dot", "euclidean")
_BATCH = 1 << 14  # vectors added at a time: normalized copies stay small


class VectorIndex:
    """An index for approximate search, read by :func:`load_index`: the nodes nearest to a node or to any vector.

    Parameters
    ----------
    index : object
        The library's own index, whose labels are row numbers. This and the following are attributes, too.
    library : {"faiss", "hnswlib", "usearch"}
    metric : {"cosine", "dot", "euclidean"}
    dimensions : int
    nodes : int64 or object array of shape (num_nodes,)
        Names, in the order of the labels.
    n_jobs : int or None
        Threads of a search.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import graphrep as gr
    >>> v = gr.NodeVectors(np.random.default_rng(0).standard_normal((100, 8)), [f"n{i}" for i in range(100)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "web.hnsw"
    >>> v.save_index(path)
    >>> index = gr.load_index(path)
    >>> [name for name, _ in index.most_similar("n7", k=3)] == [name for name, _ in v.most_similar("n7", k=3)]
    True
    """

    def __init__(
        self, index: Any, library: str, metric: str, dimensions: int, nodes: npt.NDArray[Any], n_jobs: int | None
    ) -> None:
        self.index, self.library, self.metric, self.dimensions, self.nodes = index, library, metric, dimensions, nodes
        self.n_jobs = n_jobs
        self._rows: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"VectorIndex({self.library}, {self.metric}, num_nodes={len(self)}, dimensions={self.dimensions})"

    def most_similar(self, node_or_vector: Hashable | npt.ArrayLike, k: int = 10) -> list[tuple[Any, float]]:
        """Find nodes that are most likely the nearest, best first.

        Parameters
        ----------
        node_or_vector : node name, or array, list or tensor of shape (dimensions,)
            A node is not among its own neighbors.
        k : int

        Returns
        -------
        list of (node name, score)
            Scores as in :meth:`graphrep.NodeVectors.most_similar`, in float32.
        """
        if hasattr(node_or_vector, "detach") or isinstance(node_or_vector, (list, np.ndarray)):
            names, scores = self.neighbors(vectors=to_numpy(node_or_vector)[None], k=k)
        else:
            names, scores = self.neighbors([node_or_vector], k=k)  # type: ignore[list-item]
        return list(zip(names[0].tolist(), scores[0].tolist(), strict=True))

    def neighbors(
        self,
        nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None,
        k: int = 10,
        *,
        vectors: npt.ArrayLike | None = None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Find nodes that are most likely the nearest of several nodes or vectors, best first.

        Parameters
        ----------
        nodes : sequence of node names, or None
            None stands for all nodes in row order. A node is not among its own neighbors.
        k : int
        vectors : array of shape (num_queries, dimensions), optional
            Instead of ``nodes``.

        Returns
        -------
        names : array of shape (num_queries, k)
            Fewer columns if there are fewer nodes.
        scores : float32 array of the same shape

        Raises
        ------
        KeyError
            There is no such node.
        ValueError
            Vectors of another length, or ``k`` below 1.
        """
        k = checked_int("k", k, 1)
        if vectors is not None:
            if nodes is not None:
                raise ValueError("give nodes or vectors, not both.")
            queries, own = np.ascontiguousarray(to_numpy(vectors), dtype=np.float32), None
            if queries.ndim != 2 or queries.shape[1] != self.dimensions or not np.isfinite(queries).all():
                raise ValueError(
                    f"vectors must be finite, of shape (num_queries, {self.dimensions}); got {queries.shape}."
                )
        else:
            own = np.arange(len(self)) if nodes is None else self._rows_of(nodes)
            queries = _BACKENDS[self.library].stored(self.index, own)
        wanted = min(k + (own is not None), len(self))
        if len(queries) == 0:
            return self.nodes[np.empty((0, wanted), dtype=np.int64)], np.empty((0, wanted), np.float32)
        rows, scores = _BACKENDS[self.library].search(self.index, queries, wanted, self.metric, self.n_jobs)
        if (rows < 0).any():
            raise ValueError(f"the index did not find {wanted} nodes for every query; load it with a larger effort.")
        if own is not None:  # drop the node itself, or the last where the index missed it
            stay = rows != own[:, None]
            stay[stay.all(axis=1), -1] = False
            rows, scores = (array[stay].reshape(len(rows), -1) for array in (rows, scores))
        return self.nodes[rows], scores

    def _rows_of(self, nodes: Sequence[Hashable] | npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if not self._rows:
            self._rows = {name: row for row, name in enumerate(self.nodes.tolist())}
        if isinstance(nodes, (str, bytes)):
            raise TypeError(f"nodes must be a list of names, got {nodes!r}.")
        names = nodes.tolist() if isinstance(nodes, np.ndarray) else list(nodes)
        for name in names:
            if name not in self._rows:
                raise UnknownNodeError(name, self.nodes)
        return np.array([self._rows[name] for name in names], dtype=np.int64)


def save_index(
    path: str | os.PathLike[str],
    vectors: npt.NDArray[np.float32],
    nodes: npt.NDArray[Any] | None,
    library: str | None,
    *,
    metric: str,
    connectivity: int,
    construction: int,
    n_jobs: int | None,
    random_state: int,
) -> None:
    """See :meth:`graphrep.NodeVectors.save_index`."""
    if library is None:
        library = _LIBRARIES[checked_suffix(path, tuple(_LIBRARIES), ", or library= must be given")]
    elif library not in _BACKENDS:
        raise ValueError(f"library must be one of {', '.join(_BACKENDS)}; got {library!r}.")
    if len(vectors) == 0:
        raise ValueError("an index needs at least one node, got none.")
    _library(library)
    check_writable(path)
    names = None if nodes is None else plain_names(nodes)
    index = _BACKENDS[library].build(vectors, metric, connectivity, construction, resolve_threads(n_jobs), random_state)
    about = {"library": library, "metric": metric, "dimensions": vectors.shape[1], "num_nodes": len(vectors)}
    write_with_names(Path(path), lambda temporary: _BACKENDS[library].write(index, str(temporary)), names, about)


def load_index(path: str | os.PathLike[str], *, effort: int = 128, n_jobs: int | None = None) -> VectorIndex:
    """Read an index written by :meth:`graphrep.NodeVectors.save_index`, with the names beside it.

    Parameters
    ----------
    path : path
    effort : int
        Candidates of a search, efSearch: the more, the better and slower.
    n_jobs : int or None
        Threads of a search.

    Returns
    -------
    VectorIndex

    Raises
    ------
    ValueError
        The names beside the index are missing, or belong to another version of it.
    ImportError
        The library is not installed.
    FileNotFoundError

    Notes
    -----
    The libraries do not check what they read. That the file is the one that was written is known from its digest, which
    protects from damage but not from malice: only load an index whose origin you trust.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "web.usearch"
    >>> gr.NodeVectors([[1, 0], [2, 1], [-1, 3]], nodes=["curl", "wget", "gimp"]).save_index(path)
    >>> gr.load_index(path).most_similar("curl", k=1)[0][0]
    'wget'
    """
    path, effort = Path(path), checked_int("effort", effort, 1)
    beside = names_file(path)
    try:
        with open_regular(path) as file:
            about = entry_of(path, file)
        if about is None or about.get("library") not in _BACKENDS:
            raise MalformedError(f"no index of graphrep: {beside.name}, which says how it was made, is not beside it.")
        names = checked_list(about.get("nodes"), beside.name)
        library: Any
        metric: Any
        dimensions: Any
        size: Any
        library, metric, dimensions, size = (about.get(key) for key in ("library", "metric", "dimensions", "num_nodes"))
        counted = all(type(number) is int and number > 0 for number in (dimensions, size))
        if metric not in _METRICS or not counted or (names is not None and len(names) != size):
            raise MalformedError(f"{beside.name}, which says how the index was made, is damaged.")
    except MalformedError as error:
        raise ValueError(f"{path}: {error}") from None
    _library(library)
    with reading(path, f"is no index of {library}"):
        index = _BACKENDS[library].read(str(path), metric, dimensions, effort)
    if names is None:
        nodes: npt.NDArray[Any] = np.arange(size, dtype=np.int64)
    else:
        nodes = np.fromiter(names, dtype=object, count=size) if isinstance(names, list) else names
    return VectorIndex(index, library, metric, dimensions, nodes, n_jobs)


def _library(name: str) -> Any:
    try:
        return importlib.import_module("usearch.index" if name == "usearch" else name)
    except ImportError:
        raise ImportError(f"an index of {name} needs it; pip install 'graphrep[search]'.") from None


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    wide = rows.astype(np.float64)
    length = np.sqrt((wide**2).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(wide, length, out=np.zeros_like(wide), where=length > 0), dtype=np.float32)


def _batches(vectors: npt.NDArray[np.float32]) -> Any:
    for begin in range(0, len(vectors), _BATCH):
        yield np.arange(begin, min(begin + _BATCH, len(vectors))), np.array(vectors[begin : begin + _BATCH])


class _Hnswlib:
    SPACES = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}  # noqa: RUF012

    @staticmethod
    def build(vectors: Any, metric: str, connectivity: int, construction: int, threads: int, seed: int) -> Any:
        index = _library("hnswlib").Index(space=_Hnswlib.SPACES[metric], dim=vectors.shape[1])
        # Its generator takes the seeds 0 and 1 for the same.
        index.init_index(len(vectors), M=connectivity, ef_construction=construction, random_seed=seed + 1)
        for rows, batch in _batches(vectors):
            index.add_items(batch, rows, num_threads=threads)
        return index

    @staticmethod
    def write(index: Any, path: str) -> None:
        index.save_index(path)

    @staticmethod
    def read(path: str, metric: str, dimensions: int, effort: int) -> Any:
        index = _library("hnswlib").Index(space=_Hnswlib.SPACES[metric], dim=dimensions)
        index.load_index(path)
        index.set_ef(effort)
        return index

    @staticmethod
    def stored(index: Any, rows: Any) -> Any:
        return np.asarray(index.get_items(rows), dtype=np.float32)

    @staticmethod
    def search(index: Any, queries: Any, k: int, metric: str, n_jobs: int | None) -> Any:
        if k > index.ef:  # it finds no more than that
            index.set_ef(k)
        try:
            rows, distances = index.knn_query(queries, k=k, num_threads=resolve_threads(n_jobs))
        except RuntimeError:  # it found fewer
            return np.full((len(queries), k), -1), np.zeros((len(queries), k), np.float32)
        scores = np.sqrt(np.maximum(distances, 0)) if metric == "euclidean" else 1 - distances
        return rows.astype(np.int64), scores.astype(np.float32)


class _Faiss:
    @staticmethod
    def build(vectors: Any, metric: str, connectivity: int, construction: int, threads: int, seed: int) -> Any:
        faiss = _library("faiss")
        kind = faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexHNSWFlat(vectors.shape[1], connectivity, kind)
        index.hnsw.efConstruction = construction
        index.hnsw.rng = faiss.RandomGenerator(seed)
        with _faiss_threads(threads):
            for _, batch in _batches(vectors):
                index.add(_unit(batch) if metric == "cosine" else batch)
        return index

    @staticmethod
    def write(index: Any, path: str) -> None:
        _library("faiss").write_index(index, path)

    @staticmethod
    def read(path: str, metric: str, dimensions: int, effort: int) -> Any:
        del metric, dimensions  # the file says them
        index = _library("faiss").read_index(path)
        index.hnsw.efSearch = effort
        return index

    @staticmethod
    def stored(index: Any, rows: Any) -> Any:
        return index.reconstruct_batch(rows)

    @staticmethod
    def search(index: Any, queries: Any, k: int, metric: str, n_jobs: int | None) -> Any:
        index.hnsw.efSearch = max(index.hnsw.efSearch, k)
        with _faiss_threads(resolve_threads(n_jobs)):
            scores, rows = index.search(_unit(queries) if metric == "cosine" else queries, k)
        return rows, np.sqrt(np.maximum(scores, 0)) if metric == "euclidean" else scores


class _faiss_threads:  # noqa: N801
    """Run a block on so many of faiss's threads, which are set for the whole process."""

    def __init__(self, threads: int) -> None:
        self._faiss, self._threads = _library("faiss"), threads

    def __enter__(self) -> None:
        self._before = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(self._threads)

    def __exit__(self, *_: object) -> None:
        self._faiss.omp_set_num_threads(self._before)


class _Usearch:
    METRICS = {"cosine": "cos", "dot": "ip", "euclidean": "l2sq"}  # noqa: RUF012

    @staticmethod
    def build(vectors: Any, metric: str, connectivity: int, construction: int, threads: int, seed: int) -> Any:
        del seed
        index = _library("usearch").Index(
            ndim=vectors.shape[1], metric=_Usearch.METRICS[metric], dtype="f32", connectivity=connectivity,
            expansion_add=construction,
        )  # fmt: skip
        for rows, batch in _batches(vectors):
            index.add(rows, batch, threads=threads)
        return index

    @staticmethod
    def write(index: Any, path: str) -> None:
        index.save(path)

    @staticmethod
    def read(path: str, metric: str, dimensions: int, effort: int) -> Any:
        index = _library("usearch").Index(ndim=dimensions, metric=_Usearch.METRICS[metric], dtype="f32")
        index.load(path)
        index.expansion_search = effort
        return index

    @staticmethod
    def stored(index: Any, rows: Any) -> Any:
        return np.asarray(index.get(rows), dtype=np.float32)

    @staticmethod
    def search(index: Any, queries: Any, k: int, metric: str, n_jobs: int | None) -> Any:
        found = index.search(queries, k, threads=resolve_threads(n_jobs))
        rows, distances = (np.asarray(part).reshape(len(queries), -1) for part in (found.keys, found.distances))
        counts = getattr(found, "counts", rows.shape[1])  # one query alone has none
        if (np.asarray(counts) < k).any():
            return np.full((len(queries), k), -1), np.zeros((len(queries), k), np.float32)
        scores = np.sqrt(np.maximum(distances, 0)) if metric == "euclidean" else 1 - distances
        if metric == "cosine":
            scores = scores * queries.any(axis=1)[:, None]  # it takes two zero vectors for equal, of cosine 1
        return rows.astype(np.int64), scores.astype(np.float32)


_BACKENDS: dict[str, Any] = {"faiss": _Faiss, "hnswlib": _Hnswlib, "usearch": _Usearch}
