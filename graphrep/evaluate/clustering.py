"""Agreement of clusters with classes, and k-means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._labels import is_unlabeled, node_labels
from graphrep._names import NodeIndex, names_of
from graphrep.evaluate.checks import I64
from graphrep.evaluate.tables import format_table

__all__ = ["Clustering", "clustering", "k_means"]

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Clustering(Mapping[str, float]):
    """Agreement of clusters with classes, by name: "accuracy", "nmi", "ari", "macro_f1"; print it for a table.

    Attributes
    ----------
    scores : dict of str to float
    num_nodes : int
        Number of labeled nodes.
    num_classes, num_clusters : int
        Numbers of classes and clusters of these nodes.
    matching : dict
        Class of each matched cluster; if there are more clusters than classes, some are missing.
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
    r"""Compare clusters with classes that were not used for clustering.

    With :math:`n_{ij}` the number of nodes in cluster i and class j,

    * accuracy: :math:`\max_\pi \sum_i n_{i\pi(i)} / N` over one-to-one matchings of clusters with classes (the
      Hungarian method). The nodes of clusters or classes without a partner count as wrong;
    * macro-F1: mean over the classes of F1 under that matching, 0 for a class without a cluster;
    * NMI: mutual information divided by the mean of the two entropies; 1 if both sides have a single group;
    * ARI: the adjusted Rand index of Hubert and Arabie.

    Parameters
    ----------
    y : array of shape (num_nodes,)
        Classes, integers or strings; nodes with a negative integer, None or NaN are unlabeled and left out.
    labels : array of shape (num_nodes,), or an object with ``labels_``
        Clusters, integers or strings. If both carry names (a pandas index, the keys of a mapping), they are matched by
        name.

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        Lengths that disagree, another shape, floating-point numbers, or no labeled node.

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
    table, class_names, cluster_names = contingency(y, labels)
    rows, cols = best_matching(table)
    shape = table.shape
    hits = table[rows, cols]
    f1 = 2 * hits / (table.sum(1)[rows] + table.sum(0)[cols])
    scores = {
        "accuracy": float(hits.sum() / table.sum()),
        "nmi": _normalized_information(table),
        "ari": _adjusted_rand(table),
        "macro_f1": float(f1.sum() / shape[1]),
    }
    matching = dict(zip(cluster_names[rows].tolist(), class_names[cols].tolist(), strict=True))
    return Clustering(scores, int(table.sum()), shape[1], shape[0], matching)


def contingency(y: Any, labels: Any) -> tuple[I64, npt.NDArray[Any], npt.NDArray[Any]]:
    """Numbers of labeled nodes in each cluster (row) and class (column), the classes, and the clusters."""
    names = np.fromiter(y, dtype=object, count=len(y)) if isinstance(y, Mapping) else names_of(y)
    index = None if names is None else NodeIndex(names, len(names))
    found = node_labels(getattr(labels, "labels_", labels), index, "labels")
    classes, clusters = _groups("y", node_labels(y, index, "y")), _groups("labels", found)
    if len(classes) != len(clusters):
        raise ValueError(f"y and labels must have the same length, got {len(classes)} and {len(clusters)}.")
    known = ~is_unlabeled(classes)
    classes, clusters = classes[known], clusters[known]
    if not len(classes):
        raise ValueError("y must have a labeled node, got none.")
    class_names, class_of = np.unique(classes, return_inverse=True)
    cluster_names, cluster_of = np.unique(clusters, return_inverse=True)
    shape = (len(cluster_names), len(class_names))
    table = np.bincount(cluster_of * shape[1] + class_of, minlength=shape[0] * shape[1]).reshape(shape)
    return table, class_names, cluster_names


def best_matching(table: I64) -> tuple[I64, I64]:
    """Rows and columns of the one-to-one matching with the largest sum, by the Hungarian method."""
    from scipy.optimize import linear_sum_assignment

    rows, cols = linear_sum_assignment(table, maximize=True)
    return rows, cols


def k_means(x: Any, n_clusters: int, *, n_init: int, seed: int) -> tuple[F32, I64]:
    """Centers, float32 of shape (n_clusters, columns), and labels; fewer distinct rows leave clusters empty."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_clusters, n_init=n_init, random_state=seed % 2**32).fit(x)
    return np.asarray(found.cluster_centers_, dtype=np.float32), np.asarray(found.labels_, dtype=np.int64)


def _groups(name: str, values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "biuUSO":
        raise ValueError(f"{name} must hold one integer or string per node, got {array.dtype} {array.shape}.")
    return array


def _normalized_information(table: I64) -> float:
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
