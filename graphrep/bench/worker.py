"""What runs in the process of a cell: build a learner, fit it under measurement, judge it.

Each pair of a learner and a graph has a process of its own, in which libraries are loaded and a tiny graph was fitted
before the measurement begins. What a fit adds to the memory is then its own. Baselines share a process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphrep._embedder import plain_settings
from graphrep.bench.learners import Setting
from graphrep.bench.measure import Measured
from graphrep.bench.tasks import (
    classes_of,
    judge_clusters,
    judge_labels,
    judge_links,
    link_metrics_of,
    num_classes,
    split_of,
)
from graphrep.graph import Graph, as_graph

if TYPE_CHECKING:
    from graphrep.bench.learners import Learner
    from graphrep.bench.tasks import Protocol

_TINY = 24  # nodes of the graph of the warm-up
_CLUSTERS = 8  # of learners that cluster by themselves, where neither classes nor the caller say a number


class Fitted(NamedTuple):
    """What a fit took, and what it warned of."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float | None
    fit_mb: float | None
    warnings: list[str]


_job: dict[str, Any] = {}


def start(parent: int, *data: Any) -> None:
    """Begin, in a process that ends with its parent even if that is killed."""

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    # What a fit keeps for the judges is no leak, for which joblib would replace the process.
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    begin(*data)


def begin(graph: Graph, y: Any, split: Any, protocol: Protocol) -> None:
    """Keep the data of this process."""
    bare = Graph(graph.indptr, graph.indices, graph.weights, directed=graph.directed, nodes=graph.nodes, x=graph.x)
    _job.update(graph=bare, y=y, split=split, protocol=protocol)


def warm_up(learner: Learner, *, links: bool) -> None:
    """Import the libraries and fit a tiny graph; whatever is wrong with that does not matter."""
    import sklearn.linear_model  # noqa: F401  # loaded by the judges, in any case
    import torch

    protocol = _job["protocol"]
    torch.set_num_threads(torch.get_num_threads())  # starts its threads, which have stacks
    ring = np.arange(_TINY)
    x = None if _job["graph"].x is None else np.eye(_TINY, 4, dtype=np.float32) + 1
    ends = np.concatenate([ring, ring]), np.concatenate([(ring + 1) % _TINY, (ring + 5) % _TINY])
    tiny = as_graph(np.stack(ends), num_nodes=_TINY, directed=_job["graph"].directed, x=x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            small = replace(setting_of(protocol, tiny, None, 0), dimensions=4, max_seconds=0.1)
            easy = replace(protocol, link_metric=None)
            _fit(learner, small, easy, tiny, split_of(tiny, None, easy, 0) if links else None)
        except Exception:
            pass


def fit(learner: Learner, seed: int, *, links: bool) -> Fitted:
    """Fit the learner under measurement, and keep the result for :func:`judge`."""
    graph, protocol = _job["graph"], _job["protocol"]
    _job.update(found=None, fitted_split=None)  # frees what the last fit left
    split = split_of(graph, _job["split"], protocol, seed) if links else None
    if split is not None:
        _ = split.graph  # made before the clock starts
    setting = setting_of(protocol, graph, _job["y"], seed)
    with warnings.catch_warnings(record=True) as caught, Measured() as measured:
        warnings.simplefilter("always")
        found = _fit(learner, setting, protocol, graph, split)
    _job.update(learner=learner, found=found, fitted_split=split, seed=seed)
    return Fitted(
        measured.wall_seconds,
        measured.cpu_seconds,
        measured.peak_mb,
        measured.fit_mb,
        sorted({str(one.message) for one in caught if issubclass(one.category, UserWarning)}),
    )


def judge(task: str) -> dict[str, list[float]]:
    """Scores of what the last fit left."""
    found, protocol = _job["found"], _job["protocol"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "labels":
            return judge_labels(found, _job["y"], protocol)
        if task == "links":
            return judge_links(found, _job["fitted_split"], protocol)
        are_labels = _job["learner"].kind == "clusters"
        return judge_clusters(found, _job["graph"], _job["y"], protocol, _job["seed"], are_labels=are_labels)


def setting_of(protocol: Protocol, graph: Graph, y: Any, seed: int) -> Setting:
    """What a learner is told."""
    classes = classes_of(y)
    count = protocol.n_clusters or (_CLUSTERS if classes is None else num_classes(classes))
    count = max(2, min(count, graph.num_nodes))
    return Setting(protocol.dimensions, seed, protocol.n_jobs, protocol.max_seconds, count)


def _fit(learner: Learner, setting: Setting, protocol: Protocol, graph: Graph, split: Any) -> Any:
    """Vectors, scorer or clusters of a learner."""
    seen = graph if split is None else split.graph
    metric = "auc" if split is None else link_metrics_of(split, protocol)[0]
    built = learner.build(setting, seen)
    if learner.kind == "clusters":
        return built.fit_predict(graph) if hasattr(built, "fit_predict") else built(graph)
    if learner.kind == "scores":
        if not hasattr(built, "fit"):
            return lambda pairs: built(seen, pairs)
        if "metric" in built.get_params(deep=False):
            built.set_params(metric=metric)
        return built.fit(seen, split.train, val=split)
    vectors = built.fit_transform(seen) if hasattr(built, "fit_transform") else built(seen)
    if split is None:
        return vectors
    from graphrep import EmbeddingScorer

    scorer = EmbeddingScorer(np.asarray(vectors), metric=metric, random_state=setting.seed, n_jobs=setting.n_jobs)
    return scorer.fit(seen, split.train, val=split)


def settings_of(built: Any) -> dict[str, Any]:
    """Class and parameters of an estimator, as JSON holds them; without those that differ between seeds."""
    if not hasattr(built, "get_params"):
        return {}
    given = plain_settings(built.get_params(deep=False))
    varying = ("random_state", "progress", "callbacks", "checkpoint", "checkpoint_seconds")
    return {"class": type(built).__name__} | {name: value for name, value in given.items() if name not in varying}
