"""The steps of ``graphrep linkpred``: hide edges, fit, evaluate, then score pairs without an edge."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphrep.datasets import LinkSplit
    from graphrep.distributed import Ranks
    from graphrep.graph import Graph

HEURISTIC_MODELS = ("cn", "aa", "ra", "katz", "ppr")
EMBEDDING_MODELS = ("fastrp", "node2vec")
NEURAL_MODELS = ("gae", "ncn", "ncnc")
VALID = 0.05  # share of the edges for validation


class Settings(NamedTuple):
    """Options of a model; None stands for the default of the model."""

    model: str
    metric: str
    seed: int = 0
    threads: int | None = None
    dimensions: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    device: str | None = None
    max_seconds: float | None = None


class Problem(NamedTuple):
    """A graph to complete, and its split for the evaluation."""

    graph: Graph
    split: LinkSplit
    metric: str


def read_problem(dataset: str, root: Path | None) -> Problem:
    """A data set by name, with its own split or, if it has none, a random one."""
    from graphrep import datasets

    loaded = datasets.load(dataset, root=root)
    if loaded.triple_split is not None:
        raise ValueError(f"{dataset} has edges of several relations, which these models do not distinguish.")
    if loaded.split is None:
        return split_at_random(loaded.graph, 0.1, VALID, 0)
    if loaded.graph.directed or loaded.split.test_neg.ndim != 2:
        raise ValueError(
            f"{dataset} is directed or has separate negatives for each edge, which graphrep linkpred does not support."
        )
    return Problem(loaded.graph, loaded.split, loaded.metric or "auc")


def split_at_random(graph: Graph, test: float, valid: float, seed: int) -> Problem:
    """Hide random edges, and draw as many pairs without an edge."""
    from graphrep.evaluate import random_link_split

    if graph.directed:
        raise ValueError("the graph must be undirected for graphrep linkpred.")
    for name, share in (("test", test), ("valid", valid)):
        if not 0 < share < 1:
            raise ValueError(f"--{name} must be a share of the edges between 0 and 1, got {share:g}.")
    split = random_link_split(graph, test=test, valid=valid, random_state=seed, connected=False)
    if not split.test.shape[1] or not split.valid.shape[1] or not split.train.shape[1]:
        raise ValueError(
            f"{graph.num_edges} edges are too few to hide {test:g} of them for the test and {valid:g} for validation."
        )
    return Problem(graph, split, "auc")


def report_metrics(problem: Problem) -> list[str]:
    """AUC, MRR and a Hits@K that suits the number of negatives."""
    negatives = problem.split.test_neg.shape[1]
    hits = f"hits@{min(100, max(1, negatives // 10))}"
    return list(dict.fromkeys([problem.metric, "auc", hits, "mrr"]))


def fit(settings: Settings, graph: Graph, split: LinkSplit | None, chosen: Any = None, *, ranks: Ranks) -> Any:
    """Scorer of pairs fitted to the training edges of ``split``, or to ``graph`` with the settings of ``chosen``.

    "best" needs validation edges in both cases. Neural models are fitted by all ``ranks``; for others there must be
    only one.
    """
    import graphrep as gr

    s = settings
    seen = graph if split is None else split.graph
    if s.model in HEURISTIC_MODELS:
        return partial(_heuristics()[s.model], seen, n_jobs=s.threads)
    if s.model == "best":
        if split is None:
            split = gr.evaluate.random_link_split(graph, test=0.0, valid=VALID, random_state=s.seed, connected=False)
        best = gr.BestLinkPredictor(metric=s.metric, max_seconds=s.max_seconds, random_state=s.seed, n_jobs=s.threads)
        return best.fit(split.graph, val=split)
    given = {"dimensions": s.dimensions, "epochs": s.epochs}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if s.model in EMBEDDING_MODELS:
        learner = gr.FastRP if s.model == "fastrp" else gr.Node2Vec
        vectors = learner(random_state=s.seed, n_jobs=s.threads, **options)
        names = ("operator", "C", "negative_sampling")
        choice = {} if chosen is None else {name: getattr(chosen, f"{name}_") for name in names}
        scorer = gr.EmbeddingScorer(vectors, metric=s.metric, random_state=s.seed, n_jobs=s.threads, **choice)
        return scorer.fit(seen, val=split)
    options |= {"batch_size": s.batch_size, "device": s.device}
    if chosen is None:
        options["max_seconds"] = s.max_seconds
    else:
        options |= {**chosen.sizes_, "epochs": chosen.best_epoch_, "negative_sampling": chosen.negative_sampling_}
    model = {"gae": gr.GAE, "ncn": gr.NCN, "ncnc": gr.NCNC}[s.model]
    return model(metric=s.metric, random_state=s.seed, **options).fit(seen, val=split, ranks=ranks)


def read_pairs(path: Path, graph: Graph) -> Any:
    """Pairs of names in a file, as row numbers."""
    import numpy as np

    from graphrep import as_graph

    listed = as_graph(str(path), directed=True, weights=False)
    rows = np.empty(listed.num_nodes, dtype=np.int64)
    for i, name in enumerate(listed.nodes.tolist()):
        for known in (name, str(name)):  # names that are all numbers are read as integers
            try:
                rows[i] = graph.row(known)
                break
            except KeyError:
                continue
        else:
            raise KeyError(f"{path} names {name!r}, which is not a node of the graph.")
    return rows[listed.edges()]


def best_links(score: Callable[[Any], Any], graph: Graph, pairs: Any, top: int | None) -> dict[str, list[Any]]:
    """Columns of a table with the highest-scoring pairs by name, best first."""
    import numpy as np

    scores = np.asarray(getattr(score, "score_pairs", score)(pairs), dtype=np.float64)
    order = np.argsort(-scores, kind="stable")[:top]
    u, v = pairs[:, order]
    return {
        "source": graph.nodes[u].tolist(),
        "target": graph.nodes[v].tolist(),
        "score": [float(f"{value:.7g}") for value in scores[order].tolist()],
        "known": graph.has_edges(u, v).tolist(),
    }


def _heuristics() -> dict[str, Callable[..., Any]]:
    from graphrep import heuristics

    return {
        "cn": heuristics.common_neighbors,
        "aa": heuristics.adamic_adar,
        "ra": heuristics.resource_allocation,
        "katz": heuristics.katz,
        "ppr": heuristics.personalized_pagerank,
    }
