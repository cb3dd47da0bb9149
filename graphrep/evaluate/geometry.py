"""What vectors look like without a task: alignment, uniformity, hubs, and whether two runs agree."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors
from graphrep._checks import checked_float, checked_int, checked_ints
from graphrep._names import NodeIndex, aligned, names_of
from graphrep._random import bounded, random_bits, resolve_seed, stream_key
from graphrep._threads import limited_threads
from graphrep.evaluate._sampling import random_order, sampled_nodes, sampled_pairs, vectors_and_pairs
from graphrep.evaluate.checks import F64, I64, unit_rows
from graphrep.evaluate.tables import Row, format_table
from graphrep.graph import untyped_graph
from graphrep.vectors import NodeVectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphrep.vectors import SearchMetric

__all__ = [
    "AlignmentUniformity",
    "Hubness",
    "Stability",
    "align",
    "alignment_and_uniformity",
    "hubness",
    "stability",
]

METRICS = ("cosine", "dot", "euclidean")
_BLOCK = 1 << 20  # entries of a float64 block
_QUERIES = 1 << 14  # nodes whose neighbors are held at a time


class AlignmentUniformity(NamedTuple):
    """Alignment and uniformity of unit vectors; both are better the smaller they are.

    Attributes
    ----------
    alignment, uniformity : float
    num_edges, num_pairs : int
        Numbers of edges and of pairs of nodes that they are means over.
    """

    alignment: float
    uniformity: float
    num_edges: int
    num_pairs: int


def alignment_and_uniformity(
    vectors: Any,
    graph_or_pairs: Any,
    *,
    alpha: float = 2.0,
    t: float = 2.0,
    n_pairs: int = 1_000_000,
    random_state: Any = 0,
) -> AlignmentUniformity:
    r"""How close the vectors of neighbors are, and how evenly all vectors cover the unit sphere.

    With the rows :math:`z_i` scaled to unit length and the edges E,

    .. math:: \mathrm{alignment} = \frac{1}{|E|} \sum_{(i, j) \in E} \lVert z_i - z_j \rVert^\alpha, \qquad
              \mathrm{uniformity} = \log \frac{1}{\binom{n}{2}} \sum_{i < j} e^{-t \lVert z_i - z_j \rVert^2} .

    Equal vectors have the alignment 0 and the uniformity 0; vectors that are spread evenly over a sphere of many
    dimensions have a uniformity near :math:`-2t` and, if they ignore the edges, an alignment near :math:`2^{\alpha/2}`.
    Good vectors have low values of both.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions), NodeVectors or DataFrame
    graph_or_pairs : Graph or anything :func:`graphrep.as_graph` takes, or pairs
        An array of row numbers of shape (2, num_pairs), a list of tuples of names or a table with two columns holds
        pairs. Self loops do not count.
    alpha, t : float
        Positive.
    n_pairs : int
        Upper bound on the edges and on the pairs of nodes, which are sampled by name if there are more.
    random_state : int, RandomState, Generator or None
        For the samples.

    Returns
    -------
    AlignmentUniformity

    Raises
    ------
    ValueError
        Vectors that do not match the graph, an option out of range, or no edge between two nodes with a vector.

    Notes
    -----
    O(n_pairs * dimensions). A zero vector has no direction: its node is left out of both.

    References
    ----------
    Wang, Isola: Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere,
    ICML 2020, section 4.1.

    Examples
    --------
    >>> import graphrep as gr
    >>> square = [[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, -1.0]]
    >>> gr.evaluate.alignment_and_uniformity(square, [[0, 2], [1, 3]], t=0.5)
    AlignmentUniformity(alignment=2.0, uniformity=-1.2366..., num_edges=2, num_pairs=6)
    """
    alpha, t = checked_float("alpha", alpha, 0, exclusive=True), checked_float("t", t, 0, exclusive=True)
    checked_int("n_pairs", n_pairs, 1)
    X, pairs, index = vectors_and_pairs(vectors, graph_or_pairs, "graph_or_pairs")
    unit = unit_rows(X)
    present = np.asarray(unit.any(axis=1))
    edges = pairs[:, (pairs[0] != pairs[1]) & present[pairs[0]] & present[pairs[1]]]
    if not edges.shape[1]:
        raise ValueError("graph_or_pairs must have an edge between two nodes with a vector that is not 0, got none.")
    seed = resolve_seed(random_state)
    edges = sampled_pairs(edges, index, n_pairs, seed)
    near = np.concatenate([block ** (alpha / 2) for block in _squares(unit, edges)])
    nodes = np.flatnonzero(present)
    count = len(nodes) * (len(nodes) - 1) // 2
    if count <= n_pairs:
        others = nodes[np.stack(np.triu_indices(len(nodes), k=1))]
    else:
        count = n_pairs
        draws = random_bits(stream_key(seed, 2), np.arange(2 * count, dtype=np.uint64)).reshape(2, -1)
        first, second = bounded(draws[0], len(nodes)), bounded(draws[1], len(nodes) - 1)
        by_name = nodes[np.argsort(random_order(index, seed, 1)[nodes], kind="stable")]
        others = by_name[np.stack([first, second + (second >= first)]).astype(np.int64)]
    apart = np.concatenate([np.exp(-t * block) for block in _squares(unit, others)])
    return AlignmentUniformity(float(near.mean()), float(np.log(apart.mean())), edges.shape[1], count)


def _squares(unit: npt.NDArray[Any], pairs: I64) -> Iterator[F64]:
    """Squared distances of pairs, block by block."""
    step = max(1, _BLOCK // max(1, unit.shape[1]))
    for begin in range(0, pairs.shape[1], step):
        part = pairs[:, begin : begin + step]
        yield ((unit[part[0]].astype(np.float64) - unit[part[1]]) ** 2).sum(axis=1)


def align(vectors: Any, reference: Any) -> npt.NDArray[Any]:
    r"""Rotate vectors so that they come as near as possible to those of another run.

    The orthogonal matrix Q that minimizes :math:`\lVert X Q - R \rVert_F` is :math:`U V^\top`, where
    :math:`U \Sigma V^\top = X^\top R` is a singular value decomposition. Inner products, and with them neighbors and
    scores of pairs, are the same before and after; coordinates of two runs can be compared only after.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions), NodeVectors or DataFrame
    reference : the same
        Of the same shape. If both carry names, ``vectors`` are matched with the rows of ``reference`` by name.

    Returns
    -------
    array of shape (num_nodes, dimensions)
        In the dtype of ``vectors`` and the row order of ``reference``.

    Raises
    ------
    ValueError
        Shapes or names that do not match.

    Notes
    -----
    O(num_nodes * dimensions**2 + dimensions**3).

    References
    ----------
    Schönemann: A generalized solution of the orthogonal Procrustes problem. Psychometrika 31, 1966.

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.evaluate.align([[0.0, 1.0], [-2.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]]).round(3).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    (R, X), _ = _matched({"reference": reference, "vectors": vectors}, None)
    if X.shape != R.shape:
        raise ValueError(f"vectors must have the shape of reference, {R.shape}; got {X.shape}.")
    with limited_threads(1):
        u, _, v = np.linalg.svd(_product(X, R))
        return np.asarray((X @ (u @ v).astype(X.dtype)).astype(X.dtype, copy=False))


@dataclass(frozen=True, repr=False)
class Stability:
    """How much several runs agree; print it for the mean and the range over the pairs of runs.

    Attributes
    ----------
    distance : float64 array of shape (num_runs, num_runs)
        Distance of each two runs after the best rotation and scaling, from 0 to 1.
    overlap : float64 array of shape (num_runs, num_runs)
        Share of the k nearest nodes that two runs have in common, mean over the sampled nodes.
    chance : float
        Expected overlap of random lists of neighbors.
    nodes : array of shape (num_sampled,)
        Names of the sampled nodes, or row numbers.
    overlap_by_node : float64 array of shape (num_sampled,)
        The overlap of each of them, mean over the pairs of runs.
    k : int
    metric : str
    """

    distance: F64
    overlap: F64
    chance: float
    nodes: npt.NDArray[Any]
    overlap_by_node: F64
    k: int
    metric: str

    def row(self) -> Row:
        """Row of a table with the two means."""
        pairs = np.triu_indices(len(self.distance), k=1)
        title = f"{len(self.distance)} runs, {len(self.nodes)} nodes, {self.k} nearest by {self.metric}"
        cells = [f"{values[pairs].mean():.4f}" for values in (self.distance, self.overlap)]
        return Row(title, ["Procrustes distance", "overlap of neighbors"], cells)

    def __repr__(self) -> str:
        pairs = np.triu_indices(len(self.distance), k=1)
        title, header, means = self.row()
        both = [values[pairs] for values in (self.distance, self.overlap)]
        rows = [
            ["mean", *means],
            ["lowest", *(f"{values.min():.4f}" for values in both)],
            ["highest", *(f"{values.max():.4f}" for values in both)],
            ["by chance", "", f"{self.chance:.4f}"],
        ]
        return format_table(["", *header], rows, title)


def stability(
    runs: Any,
    graph: Any = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    k: int = 10,
    metric: str = "cosine",
    n_sample: int = 1000,
    random_state: Any = 0,
) -> Stability:
    r"""How much of the vectors is the graph's, and how much the seed's: distances and common neighbors of several runs.

    The distance of two runs X and Y is what is left after the best rotation Q and the best factor s,

    .. math:: \min_{Q, s} \frac{\lVert s X Q - Y \rVert_F}{\lVert Y \rVert_F} = \sqrt{1 - \rho^2}, \qquad
              \rho = \frac{\lVert X^\top Y \rVert_*}{\lVert X \rVert_F \lVert Y \rVert_F},

    with the sum of the singular values :math:`\lVert \cdot \rVert_*`. The overlap is the share of the k nearest nodes
    of a node that both runs have in common. Runs may agree on the neighbors and be far apart all the same: large
    directions rule the distance, small differences the overlap.

    Parameters
    ----------
    runs : sequence of vectors, or an estimator
        Two or more of: array of shape (num_nodes, dimensions), NodeVectors or DataFrame. What carries names is matched
        by them. Or an estimator with ``random_state`` and ``fit_transform``, of which a copy is fitted for each seed.
    graph : Graph or anything :func:`graphrep.as_graph` takes, optional
        To fit the estimator to. With vectors, the order and the names of their nodes.
    seeds : sequence of int
        For an estimator.
    k : int
        Number of nearest nodes.
    metric : {"cosine", "dot", "euclidean"}
        As in :meth:`graphrep.NodeVectors.most_similar`.
    n_sample : int
        Number of nodes whose neighbors are compared, drawn by name.
    random_state : int, RandomState, Generator or None
        For the sample.

    Returns
    -------
    Stability

    Raises
    ------
    TypeError
        An estimator without ``random_state``.
    ValueError
        Fewer than two runs, runs with different nodes, an unknown option, or fewer than 2 nodes.

    Notes
    -----
    O(n_sample * num_nodes * dimensions) per run and O(num_nodes * dimensions**2) per pair of runs.

    References
    ----------
    Schumacher et al.: The Effects of Randomness on the Stability of Node Embeddings, 2020, the part on geometric
    stability. Schönemann 1966, as in :func:`align`, for the rotation.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.evaluate.stability(gr.FastRP(dimensions=16), nx.karate_club_graph(), k=5)
    3 runs, 34 nodes, 5 nearest by cosine
               Procrustes distance  overlap of neighbors
    ----------------------------------------------------
    mean       ...
    lowest     ...
    highest    ...
    by chance                                     0.1515
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}.")
    checked_int("k", k, 1)
    checked_int("n_sample", n_sample, 1)
    if hasattr(runs, "fit_transform"):
        runs = _fitted(runs, graph, seeds)
    elif isinstance(runs, np.ndarray) and runs.ndim == 2:
        raise ValueError("runs must be a list of two or more matrices of vectors, got one matrix.")
    runs = list(runs)
    if len(runs) < 2:
        raise ValueError(f"runs must be two or more matrices of vectors, got {len(runs)}.")
    named = {f"run {i}": run for i, run in enumerate(runs)}
    matrices, index = _matched(named, None if graph is None else untyped_graph(graph).node_index)
    n = index.num_nodes
    if n < 2:
        raise ValueError(f"runs must have vectors of at least 2 nodes, got {n}.")
    k = min(k, n - 1)
    rows = sampled_nodes(np.arange(n), index, n_sample, resolve_seed(random_state))
    near = [NodeVectors(matrix).neighbors(rows, k=k, metric=cast("SearchMetric", metric))[0] for matrix in matrices]
    distance, overlap = np.zeros((len(near), len(near))), np.eye(len(near))
    total = np.zeros(len(rows))
    pairs = list(itertools.combinations(range(len(near)), 2))
    for i, j in pairs:
        shared = np.array([len(np.intersect1d(*both)) for both in zip(near[i], near[j], strict=True)]) / k
        overlap[i, j] = overlap[j, i] = shared.mean()
        distance[i, j] = distance[j, i] = _distance(matrices[i], matrices[j])
        total += shared
    names = rows if index.names is None else index.names[rows]
    return Stability(distance, overlap, k / (n - 1), names, total / len(pairs), k, metric)


def _fitted(estimator: Any, graph: Any, seeds: Sequence[int]) -> list[Any]:
    from sklearn.base import clone

    if graph is None:
        raise ValueError("graph must be given to fit an estimator to.")
    if "random_state" not in estimator.get_params():
        raise TypeError(f"runs must be an estimator with random_state, but {type(estimator).__name__} has none.")
    g, numbers = untyped_graph(graph), checked_ints("seeds", seeds, 0)
    return [np.asarray(clone(estimator).set_params(random_state=seed).fit_transform(g)) for seed in numbers]


def _matched(runs: dict[str, Any], index: NodeIndex | None) -> tuple[list[npt.NDArray[Any]], NodeIndex]:
    """Matrices with their rows in one order: that of the index, or of the first run with names."""
    if index is None:
        named = next((names for run in runs.values() if (names := names_of(run)) is not None), None)
        index = NodeIndex(named, len(as_vectors(next(iter(runs.values())))))
    matrices = [as_vectors(aligned(run, index, name)) for name, run in runs.items()]
    for name, matrix in zip(runs, matrices, strict=True):
        if len(matrix) != index.num_nodes:
            raise ValueError(f"{name} has {len(matrix)} rows, but there are {index.num_nodes} nodes.")
    return matrices, index


def _product(X: npt.NDArray[Any], Y: npt.NDArray[Any]) -> F64:
    """X' Y in float64, block by block."""
    total = np.zeros((X.shape[1], Y.shape[1]))
    step = max(1, _BLOCK // max(1, X.shape[1], Y.shape[1]))
    for begin in range(0, len(X), step):
        total += X[begin : begin + step].astype(np.float64).T @ Y[begin : begin + step].astype(np.float64)
    return total


def _distance(X: npt.NDArray[Any], Y: npt.NDArray[Any]) -> float:
    """Procrustes distance after the best rotation and scaling; 0 for two zero matrices, 1 if one of them is zero."""
    X, Y = (np.ldexp(Z, -np.frexp(np.abs(Z).max(initial=0))[1]) for Z in (X, Y))  # so that no square overflows
    lengths = [float(np.sqrt((Z.astype(np.float64) ** 2).sum())) for Z in (X, Y)]
    if not all(lengths):
        return float(any(lengths))
    with limited_threads(1):
        singular = np.linalg.svd(_product(X, Y), compute_uv=False)
    rho = min(1.0, float(singular.sum()) / (lengths[0] * lengths[1]))
    return float(np.sqrt((1 - rho) * (1 + rho)))


@dataclass(frozen=True, repr=False)
class Hubness:
    """How unevenly nodes occur among the nearest of others; print it for a table.

    Attributes
    ----------
    skewness : float
        Of the numbers of occurrences. Random vectors of few dimensions have about 0; above 1 there are clear hubs.
    top_share : float
        Share of all places among the nearest that the most frequent nodes take.
    orphans : float
        Share of the nodes that are among the nearest of none.
    occurrences : int64 array of shape (num_nodes,)
        Number of nodes that have a node among their nearest.
    top : float
        Which share of the nodes ``top_share`` counts.
    k : int
    metric : str
    nodes : array of shape (num_nodes,)
        Names, or row numbers.
    """

    skewness: float
    top_share: float
    orphans: float
    occurrences: I64
    top: float
    k: int
    metric: str
    nodes: npt.NDArray[Any] = field(repr=False)

    def hubs(self, count: int = 10) -> list[tuple[Any, int]]:
        """Most frequent nodes and how often they occur, in descending order, equal ones in row order."""
        order = np.argsort(-self.occurrences, kind="stable")[: checked_int("count", count, 0)]
        return list(zip(self.nodes[order].tolist(), self.occurrences[order].tolist(), strict=True))

    def row(self) -> Row:
        """Row of a table."""
        header = ["skewness", f"share of the top {100 * self.top:g} %", "orphans", "most frequent"]
        shares = [f"{100 * value:.1f} %" for value in (self.top_share, self.orphans)]
        cells = [f"{self.skewness:.2f}", *shares, str(int(self.occurrences.max(initial=0)))]
        return Row(f"occurrences among the {self.k} nearest, {len(self.nodes)} nodes", header, cells)

    def __repr__(self) -> str:
        title, header, cells = self.row()
        return format_table(["", *header], [[self.metric, *cells]], title)


def hubness(
    vectors: Any,
    *,
    k: int = 10,
    metric: str = "cosine",
    top: float = 0.01,
    n_sample: int | None = None,
    random_state: Any = 0,
) -> Hubness:
    r"""How often nodes occur among the k nearest of other nodes, and whether a few hubs take most of the places.

    With :math:`N_v` the number of nodes that have v among their k nearest, :math:`\mu` their mean and :math:`\sigma`
    their standard deviation, the skewness is :math:`\mathrm{E}[(N_v - \mu)^3] / \sigma^3`. In many dimensions, vectors
    near the mean of all are near to everything. ``metric="csls"`` says how much of that CSLS takes away.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions), NodeVectors or DataFrame
    k : int
        Number of nearest nodes; fewer if there are fewer nodes.
    metric : {"cosine", "dot", "euclidean", "csls"}
        As in :meth:`graphrep.NodeVectors.most_similar`.
    top : float in (0, 1]
        Share of the nodes, at least one node, that ``top_share`` counts.
    n_sample : int, optional
        Count only the nearest nodes of so many nodes, drawn by name. Counts are then smaller and, by chance, more
        skewed. Default: of all nodes.
    random_state : int, RandomState, Generator or None
        For the sample.

    Returns
    -------
    Hubness

    Raises
    ------
    ValueError
        An option out of range, or fewer than 2 nodes.

    Notes
    -----
    O(num_nodes**2 * dimensions), or n_sample in place of one factor num_nodes; "csls" is always quadratic.

    References
    ----------
    Radovanović, Nanopoulos, Ivanović: Hubs in Space, JMLR 11, 2010, section 2. Conneau et al.: Word Translation
    Without Parallel Data, ICLR 2018, section 2.3, for CSLS.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> gr.evaluate.hubness(np.random.default_rng(0).standard_normal((300, 3)))
    occurrences among the 10 nearest, 300 nodes
            skewness  share of the top 1 %  orphans  most frequent
    --------------------------------------------------------------
    cosine      0.17                 1.6 %    0.0 %             17
    """
    share = checked_float("top", top, 0, 1, exclusive=True)
    checked_int("k", k, 1)
    X, names = as_vectors(vectors), names_of(vectors)
    n = len(X)
    if n < 2:
        raise ValueError(f"vectors must have at least 2 rows, got {n}.")
    rows = np.arange(n)
    if n_sample is not None:
        index = NodeIndex(names, n)
        rows = sampled_nodes(rows, index, checked_int("n_sample", n_sample, 1), resolve_seed(random_state))
    plain = NodeVectors(X)
    counts = np.zeros(n, dtype=np.int64)
    for begin in range(0, len(rows), _QUERIES):
        near, _ = plain.neighbors(rows[begin : begin + _QUERIES], k=k, metric=cast("SearchMetric", metric))
        counts += np.bincount(near.ravel(), minlength=n)
    most = np.sort(counts)[::-1][: max(1, round(share * n))]
    centered = counts - counts.mean()
    spread = float(np.sqrt((centered**2).mean()))
    return Hubness(
        float((centered**3).mean()) / spread**3 if spread else 0.0,
        float(most.sum() / counts.sum()),
        float((counts == 0).mean()),
        counts,
        share,
        min(k, n - 1),
        metric,
        rows_or_names(names, n),
    )


def rows_or_names(names: npt.NDArray[Any] | None, num_nodes: int) -> npt.NDArray[Any]:
    """Names, or row numbers where there are none."""
    return np.arange(num_nodes) if names is None else names
