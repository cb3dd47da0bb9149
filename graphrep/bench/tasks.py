"""The tasks of a benchmark: how each is split and judged. Nothing here knows a learner."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int
from graphrep.evaluate import clustering, link_prediction, node_classification, random_link_split
from graphrep.evaluate.clustering import k_means
from graphrep.evaluate.metrics import check_metrics

if TYPE_CHECKING:
    from graphrep.datasets import LinkSplit
    from graphrep.graph import Graph

__all__ = ["Protocol", "judge_clusters", "judge_labels", "judge_links", "modularity", "split_of"]

I64 = npt.NDArray[np.int64]

PENALTY = 10.0  # inverse strength of the regression on rows of unit length
STARTS = 3  # of k-means
CANDIDATES = (2, 4, 8, 16, 32, 64)  # numbers of clusters without labels
# The first metric of a task, by which rows are ordered and drawn.
FIRST = {"labels": "macro_f1", "links": "auc", "clusters": "modularity"}


@dataclass(frozen=True)
class Protocol:
    """What is held fixed for all learners."""

    dimensions: int
    splits: int
    train_share: float
    test: float
    valid: float
    n_clusters: int | None
    max_seconds: float | None
    n_jobs: int | None
    random_state: int
    link_split: str  # "random" or "given"
    link_metric: str | None = None  # the usual one of a data set

    def __post_init__(self) -> None:
        checked_int("dimensions", self.dimensions, 1)
        checked_int("splits", self.splits, 1)
        checked_int("random_state", self.random_state, 0)
        for name in ("train_share", "test", "valid"):
            if not 0 < checked_float(name, getattr(self, name)) < 1:
                raise ValueError(f"{name} must be a share between 0 and 1, got {getattr(self, name):g}.")
        if self.n_clusters is not None:
            checked_int("n_clusters", self.n_clusters, 2)
        if self.link_metric is not None:
            check_metrics([self.link_metric])
        if self.max_seconds is not None:
            checked_float("max_seconds", self.max_seconds, 0, exclusive=True)

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self)

    def title(self, task: str, seeds: int, *, classes: bool = True) -> str:
        """One line that says how a task is judged."""
        times = f"{seeds} seed{'s' * (seeds != 1)}"
        spread = ", mean ± standard deviation"
        if task == "labels":
            times += f" x {self.splits} split{'s' * (self.splits != 1)}"
            return (
                f"labels: {100 * self.train_share:.3g} % of the labeled nodes train a one-vs-rest logistic regression, "
                f"C={PENALTY:g}, rows of unit length; {times}{spread}"
            )
        if task == "links":
            shares = (
                f"{100 * self.test:.3g} % of the edges hidden for the test, {100 * self.valid:.3g} % for validation"
            )
            how = "the split of the data set" if self.link_split == "given" else f"{shares}, other edges for each seed"
            return f"links: {how}; learners see the training edges only; {times}{spread}"
        number = f"{self.n_clusters} clusters" if self.n_clusters else "the number of highest modularity"
        number = "as many clusters as classes" if classes and not self.n_clusters else number
        return f"clusters: k-means on rows of unit length, {number}; {times}{spread}"


def judge_labels(vectors: Any, y: Any, protocol: Protocol) -> dict[str, list[float]]:
    """F1 of every split."""
    dense = y.toarray() if sp.issparse(y) else np.asarray(y)
    vectors = np.asarray(vectors)
    if dense.ndim == 2:  # nodes without any label are not labeled
        known = dense.any(axis=1)
        vectors, dense = vectors[known], dense[known]
    found = node_classification(
        vectors,
        dense,
        ratios=[protocol.train_share],
        repeats=protocol.splits,
        C=PENALTY,
        normalize="l2",
        majority=False,
        random_state=protocol.random_state,
        n_jobs=protocol.n_jobs,
    )
    return {name: found.scores[name][0].tolist() for name in ("macro_f1", "micro_f1")}


def split_of(graph: Graph, given: LinkSplit | None, protocol: Protocol, seed: int) -> LinkSplit:
    """The given split, or a random one of this seed."""
    if given is not None:
        return given
    found = random_link_split(graph, test=protocol.test, valid=protocol.valid, random_state=seed, connected=False)
    if not (found.test.size and found.valid.size and found.train.size):
        raise ValueError(
            f"{graph.num_edges} edges are too few to hide {protocol.test:g} of them for the test and "
            f"{protocol.valid:g} for validation."
        )
    return found


def link_metrics_of(split: LinkSplit, protocol: Protocol) -> list[str]:
    """Metrics that can tell scorers apart on this split; the first selects on the validation part."""
    negatives = split.test_neg.shape[-1]
    usual = ["auc", f"hits@{min(100, max(1, negatives // 10))}", "mrr"]
    if split.test_neg.ndim == 3:  # separate negatives of each edge, where AUC is not defined
        usual = ["mrr", f"hits@{max(1, min(10, negatives // 10))}"]
    return list(dict.fromkeys([*([protocol.link_metric] if protocol.link_metric else []), *usual]))


def judge_links(scorer: Any, split: LinkSplit, protocol: Protocol) -> dict[str, list[float]]:
    """Metrics of a fitted scorer on the test edges."""
    found = link_prediction(
        scorer,
        split,
        metrics=link_metrics_of(split, protocol),
        random_state=protocol.random_state,
        n_jobs=protocol.n_jobs,
    )
    return {name: [float(value)] for name, value in found.scores.items()}


def judge_clusters(
    found: Any, graph: Graph, y: Any, protocol: Protocol, seed: int, *, are_labels: bool
) -> dict[str, list[float]]:
    """Modularity of clusters, and their agreement with the classes if a node has one class."""
    classes = classes_of(y)
    if are_labels:
        labels = np.asarray(found)
    else:
        rows: Any = np.asarray(found, dtype=np.float32)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(length > 0, length, 1)
        wanted = protocol.n_clusters or (None if classes is None else num_classes(classes))
        counts = [min(wanted, graph.num_nodes)] if wanted else [k for k in CANDIDATES if k <= graph.num_nodes]
        options = (k_means(rows, count, n_init=STARTS, seed=seed)[1] for count in counts)
        labels = max(options, key=lambda one: modularity(graph, one))
    scores = {"modularity": [modularity(graph, labels)]}
    if classes is not None:
        agreement = clustering(classes, labels)
        scores |= {name: [float(agreement[name])] for name in ("nmi", "ari", "accuracy")}
    return scores


def classes_of(y: Any) -> Any:
    """Labels if each node has at most one, else None."""
    return None if y is None or sp.issparse(y) or np.ndim(y) != 1 else np.asarray(y)


def num_classes(classes: Any) -> int:
    """Number of classes that occur; negative integers stand for no label."""
    names = np.unique(classes)
    return int(np.count_nonzero(names >= 0)) if names.dtype.kind in "iu" else len(names)


def modularity(graph: Graph, labels: Any) -> float:
    r"""Newman's modularity of a partition, :math:`\sum_c (w_{cc} / W - d_c^{out} d_c^{in} / W^2)`.

    :math:`w_{cc}` sums the weights of the arcs within cluster c, :math:`d_c` the weighted degrees of its nodes, and W
    all arcs; an undirected edge is two arcs, and a self loop one arc that counts twice. 0 for a graph without edges.
    """
    _, cluster = np.unique(np.asarray(labels), return_inverse=True)
    arcs = graph.to_scipy().tocoo()
    loops = 1.0 if graph.directed else 1.0 + (arcs.row == arcs.col)
    weights = np.asarray(arcs.data, dtype=np.float64) * loops
    total = weights.sum()
    if not total:
        return 0.0
    row, col = cluster[arcs.row], cluster[arcs.col]
    out, into = np.bincount(row, weights), np.bincount(col, weights, minlength=cluster.max() + 1)
    out = np.pad(out, (0, len(into) - len(out)))
    return float(weights[row == col].sum() / total - out @ into / total**2)
