"""How well clusters agree with classes, and the clusters that nothing had to learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_int
from graphrep._random import resolve_seed
from graphrep.evaluate._table import format_table
from graphrep.evaluate.baselines import smooth_features
from graphrep.evaluate.checks import I64
from graphrep.graph import as_graph

__all__ = ["Clustering", "clustering", "clustering_baselines"]


@dataclass(frozen=True, repr=False)
class Clustering(Mapping[str, float]):
    """Agreement of clusters with classes, by name: "accuracy", "nmi", "ari", "macro_f1"; print it for a table.

    Attributes
    ----------
    scores : dict of str to float
    num_nodes : int
        Labelled nodes that were counted.
    num_classes, num_clusters : int
        Of those nodes.
    matching : dict
        Class of each cluster in the matching; clusters beyond the number of classes have none.
    """

    scores: dict[str, float]
    num_nodes: int
    num_classes: int
    num_clusters: int
    matching: dict[Any, Any]

    def __getitem__(self, name: str) -> float:
        return self.scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        names = {"accuracy": "accuracy", "nmi": "NMI", "ari": "ARI", "macro_f1": "macro-F1"}
        title = f"{self.num_clusters} clusters against {self.num_classes} classes on {self.num_nodes} nodes"
        row = ["", *(f"{self.scores[key]:.4f}" for key in names)]
        return format_table(["", *names.values()], [row], title)


def clustering(y: Any, labels: Any) -> Clustering:
    r"""Compare clusters with classes that the clustering has not seen.

    With :math:`n_{ij}` the number of nodes in cluster i and class j,

    * accuracy: :math:`\max_\pi \sum_i n_{i\pi(i)} / N` over matchings of clusters with classes, one to one (the
      Hungarian method). With more clusters than classes the nodes of the clusters left over count as wrong; with fewer,
      the classes left over cannot be right;
    * macro-F1: mean over the classes of F1 under that matching, 0 for a class without a cluster;
    * NMI: mutual information over the mean of the two entropies; 1 if both sides have a single group;
    * ARI: the adjusted Rand index of Hubert and Arabie.

    Parameters
    ----------
    y : array of shape (num_nodes,)
        Classes, integers or strings; a negative integer means unlabelled, and the node is left out.
    labels : array of shape (num_nodes,), or an object with ``labels_``
        Clusters, integers or strings.

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        Lengths that disagree, another shape, floating numbers, or no labelled node.

    Notes
    -----
    O(num_nodes log num_nodes) and the cube of the number of groups.

    References
    ----------
    Kuhn. The Hungarian method for the assignment problem. 1955. Hubert, Arabie. Comparing partitions. 1985.

    Examples
    --------
    >>> from graphrep.evaluate import clustering
    >>> clustering([0, 0, 1, 1], [5, 5, 5, 2])
    2 clusters against 2 classes on 4 nodes
      accuracy     NMI     ARI  macro-F1
    ------------------------------------
        0.7500  0.3437  0.0000    0.7333
    """
    classes, clusters = _groups("y", y), _groups("labels", getattr(labels, "labels_", labels))
    if len(classes) != len(clusters):
        raise ValueError(f"y has {len(classes)} entries, but labels has {len(clusters)}.")
    if classes.dtype.kind == "i":
        known = classes >= 0
        classes, clusters = classes[known], clusters[known]
    if not len(classes):
        raise ValueError("y has no labelled node; there is nothing to compare with.")
    class_names, class_of = np.unique(classes, return_inverse=True)
    cluster_names, cluster_of = np.unique(clusters, return_inverse=True)
    shape = (len(cluster_names), len(class_names))
    table = np.bincount(cluster_of * shape[1] + class_of, minlength=shape[0] * shape[1]).reshape(shape)

    from scipy.optimize import linear_sum_assignment

    rows, cols = linear_sum_assignment(table, maximize=True)
    hits = table[rows, cols]
    f1 = 2 * hits / (table.sum(1)[rows] + table.sum(0)[cols])
    scores = {
        "accuracy": float(hits.sum() / table.sum()),
        "nmi": _normalised_information(table),
        "ari": _adjusted_rand(table),
        "macro_f1": float(f1.sum() / shape[1]),
    }
    matching = dict(zip(cluster_names[rows].tolist(), class_names[cols].tolist(), strict=True))
    return Clustering(scores, len(classes), shape[1], shape[0], matching)


def clustering_baselines(
    graph: Any, n_clusters: int, *, hops: int = 2, components: int = 32, n_init: int = 20, seed: int = 0
) -> dict[str, I64]:
    """Clusters by k-means without any training, by name.

    What k-means finds on an auto-encoder is in ``initial_labels_`` of :class:`graphrep.PamC`.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        With features.
    n_clusters : int
    hops : int
        Steps of :func:`smooth_features`.
    components : int
        Principal components; fewer where there are fewer nodes or features.
    n_init : int
        Starts of k-means, of which the best is kept.
    seed : int

    Returns
    -------
    dict of str to int64 array of shape (num_nodes,)
        Of k-means on ``"features"``, ``"propagated features"`` and ``"PCA of propagated features"``.

    Raises
    ------
    ValueError
        The graph has no features or fewer nodes than clusters.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> pairs = gr.as_graph([[0, 2], [1, 3]], directed=False, x=np.array([[0.0], [1.0], [8.0], [9.0]]))
    >>> found = gr.evaluate.clustering_baselines(pairs, 2)
    >>> {name: gr.evaluate.clustering([0, 0, 1, 1], labels)["accuracy"] for name, labels in found.items()}
    {'features': 1.0, 'propagated features': 1.0, 'PCA of propagated features': 1.0}
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    g = as_graph(graph)
    if g.x is None:
        raise ValueError("graph has no features x; k-means on features needs them.")
    checked_int("n_clusters", n_clusters, 1)
    if n_clusters > g.num_nodes:
        raise ValueError(f"n_clusters is {n_clusters}, but the graph has only {g.num_nodes} nodes.")
    state = resolve_seed(seed) % 2**32
    smooth = smooth_features(g, g.x, hops)
    with threadpool_limits(1):  # the result does not depend on the machine
        width = min(components, *smooth.shape)
        reduced = PCA(width, svd_solver="full" if width == min(smooth.shape) else "randomized", random_state=state)
        tables = {
            "features": g.x if hasattr(g.x, "tocsr") else to_numpy(g.x).astype(np.float32),
            "propagated features": smooth,
            "PCA of propagated features": reduced.fit_transform(smooth),
        }
        return {name: k_means_labels(table, n_clusters, n_init, state) for name, table in tables.items()}


def k_means_labels(x: Any, n_clusters: int, n_init: int, seed: int) -> I64:
    """Labels by k-means, int64; fewer distinct rows than clusters leave clusters empty."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_clusters, n_init=n_init, random_state=seed).fit(x)
    return np.asarray(found.labels_, dtype=np.int64)


def _groups(name: str, values: Any) -> npt.NDArray[Any]:
    array = to_numpy(values)
    if array.ndim != 1 or array.dtype.kind not in "biuUSO":
        raise ValueError(f"{name} must hold one integer or string per node, got {array.dtype} {array.shape}.")
    return array.astype(str) if array.dtype.kind == "O" else array


def _normalised_information(table: I64) -> float:
    joint = table / table.sum()
    rows, cols = joint.sum(1), joint.sum(0)
    entropies = -(rows * np.log(rows)).sum(), -(cols * np.log(cols)).sum()
    mean = float(sum(entropies)) / 2
    if not mean:
        return 1.0
    i, j = np.nonzero(joint)
    p = joint[i, j]
    information = float((p * np.log(p / (rows[i] * cols[j]))).sum())
    return max(0.0, information) / mean


def _adjusted_rand(table: I64) -> float:
    def pairs(counts: npt.NDArray[Any]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.ravel().tolist())

    together, by_cluster, by_class = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    every = max(1, pairs(table.sum()))
    expected, most = by_cluster * by_class / every, (by_cluster + by_class) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))
