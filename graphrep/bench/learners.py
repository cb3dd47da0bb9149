"""The learners that a benchmark knows: how each is built, which tasks it serves, and what it needs of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import graphrep
from graphrep._communities import has_igraph
from graphrep.bench import baselines
from graphrep.graph import Graph

__all__ = ["LEARNERS", "TASKS", "Learner", "Setting", "chosen_learners"]

TASKS = ("labels", "links", "clusters")
KINDS = ("vectors", "scores", "clusters")
_BATCHES = 16  # of edges in an epoch of a neural link predictor: each batch runs the encoder on the whole graph
_NETWORKX = 200_000  # edges, beyond which a method of networkx takes minutes
_QUADRATIC = 20_000  # nodes, beyond which a learner that compares all pairs of nodes takes hours


@dataclass(frozen=True)
class Setting:
    """What a benchmark tells a learner.

    Attributes
    ----------
    dimensions : int
        Length of a vector.
    seed : int
    n_jobs : int or None
    max_seconds : float or None
        Bound on the time of a fit, for learners that have such an option.
    n_clusters : int or None
        Number of clusters, for learners that cluster.
    """

    dimensions: int = 128
    seed: int = 0
    n_jobs: int | None = None
    max_seconds: float | None = None
    n_clusters: int | None = None


@dataclass(frozen=True)
class Learner:
    """One row of a benchmark.

    Attributes
    ----------
    name : str
    build : callable
        Takes a :class:`Setting` and the graph, and returns what the kind says.
    kind : {"vectors", "scores", "clusters"}
        * ``"vectors"``: an object with ``fit_transform(graph)``, or a function of the graph, that returns vectors of
          shape (num_nodes, dimensions). They serve all three tasks.
        * ``"scores"``: an object with ``fit(graph, edges, val=split)`` and ``score_pairs(pairs)``, or a function of
          (graph, pairs). It serves links.
        * ``"clusters"``: an object with ``fit_predict(graph)``, or a function of the graph, that returns one integer
          per node. It serves clusters.
    tasks : tuple of str, optional
        The tasks of which it is a row; default: all that its kind serves.
    needs : tuple of str
        Of "features", "nonnegative" (features), "undirected" and "igraph" (the package).
    max_nodes, max_edges : int or None
        It is left out of larger graphs.
    baseline : bool
        Whether it is a baseline: cheap, and not trained.
    default : bool
        Whether it runs when no learners are named.
    seeded : bool
        Whether its result depends on the seed.
    """

    name: str
    build: Callable[[Setting, Graph], Any]
    kind: str = "vectors"
    tasks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    max_nodes: int | None = None
    max_edges: int | None = None
    baseline: bool = False
    default: bool = True
    seeded: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {self.kind!r}.")
        served = {"vectors": TASKS, "scores": ("links",), "clusters": ("clusters",)}[self.kind]
        for task in self.tasks:
            if task not in served:
                raise ValueError(f"tasks of a learner of {self.kind} must be of {', '.join(served)}; got {task!r}.")
        object.__setattr__(self, "tasks", tuple(self.tasks) or served)

    def unfit(self, graph: Graph) -> str | None:
        """Why it cannot serve the graph, or None if it can."""
        if "features" in self.needs and graph.x is None:
            return "it needs node features, which the graph does not have"
        if "nonnegative" in self.needs and graph.x.min() < 0:
            return "it takes features as counts, and some are negative"
        if "undirected" in self.needs and graph.directed:
            return "it needs an undirected graph"
        if "igraph" in self.needs and not has_igraph():
            return "it needs igraph: pip install 'graphrep[communities]'"
        for what, bound, count in (
            ("nodes", self.max_nodes, graph.num_nodes),
            ("edges", self.max_edges, graph.num_edges),
        ):
            if bound is not None and count > bound:
                return f"it is too slow for {count:,} {what}; at most {bound:,} are taken"
        return None


def estimator(name: str, **fixed: Any) -> Callable[[Setting, Graph], Any]:
    """How to build the estimator of this name of the package; ``fixed`` are parameters of its own."""
    return partial(_build, name, fixed)


def _build(name: str, fixed: dict[str, Any], setting: Setting, graph: Graph) -> Any:
    del graph
    kind = getattr(graphrep, name)
    usual = {
        "dimensions": setting.dimensions,
        "random_state": setting.seed,
        "n_jobs": setting.n_jobs,
        "max_seconds": setting.max_seconds,
        "progress": False,
    }
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in usual.items() if key in known} | fixed)


def _link_model(name: str, setting: Setting, graph: Graph) -> Any:
    batch = max(1024, graph.num_edges // _BATCHES)
    return _build(name, {"batch_size": batch, "patience": 10}, setting, graph)


def _clusterer(name: str, setting: Setting, graph: Graph) -> Any:
    return _build(name, {"n_clusters": setting.n_clusters}, setting, graph)


def _vectors(name: str, build: Callable[[Setting, Graph], Any], **options: Any) -> Learner:
    return Learner(name, build, "vectors", **options)


def _links(name: str, build: Callable[[Setting, Graph], Any], **options: Any) -> Learner:
    return Learner(name, build, "scores", **options)


def _clusters(name: str, build: Callable[[Setting, Graph], Any], **options: Any) -> Learner:
    return Learner(name, build, "clusters", **options)


def _communities(method: str, **options: Any) -> Learner:
    return _clusters(method.lower(), partial(baselines.communities, method), baseline=True, **options)


def _heuristic(name: str, label: str) -> Learner:
    return _links(label, partial(baselines.heuristic, name), baseline=True, seeded=False)


_FEATURES: Any = {"needs": ("features", "undirected")}
_SLOW: Any = {"default": False}
_CHEAP: Any = {"baseline": True, "seeded": False}

# A new learner is one line here.
_ALL = (
    _vectors("fastrp", estimator("FastRP")),
    _vectors("fastrp-smooth", estimator("FastRP", finish="smooth"), default=False),
    _vectors("spectral", estimator("Spectral")),
    _vectors("prone", estimator("ProNE")),
    _vectors("hope", estimator("HOPE"), default=False),
    _vectors("strap", estimator("STRAP"), default=False, max_nodes=200_000),
    _vectors("netmf", estimator("NetMF"), default=False, max_nodes=_QUADRATIC),
    _vectors("line", estimator("LINE"), default=False),
    _vectors("musae", estimator("MUSAE"), default=False, needs=("features", "nonnegative", "undirected")),
    _vectors("node2vec", estimator("Node2Vec")),
    _vectors("node2vec-smooth", estimator("Node2Vec", finish="smooth"), default=False),
    _vectors("deepwalk", estimator("DeepWalk"), **_SLOW),
    _vectors("deepwalk-80x40", estimator("DeepWalk", walks_per_node=80, walk_length=40), **_SLOW),
    _vectors("structcomp", estimator("StructComp"), **_FEATURES),
    _vectors("cca-ssg", estimator("Contrastive", objective="cca-ssg"), **_FEATURES),
    _vectors("dgi", estimator("Contrastive", objective="dgi"), **_FEATURES, **_SLOW),
    _vectors("bgrl", estimator("Contrastive", objective="bgrl"), **_FEATURES, **_SLOW),
    _vectors("grace", estimator("Contrastive", objective="grace"), max_nodes=_QUADRATIC, **_FEATURES, **_SLOW),
    _links("gae", partial(_link_model, "GAE"), needs=("undirected",)),
    _links("ncn", partial(_link_model, "NCN"), needs=("undirected",)),
    _links("ncnc", partial(_link_model, "NCNC"), needs=("undirected",), **_SLOW),
    _clusters("pamc", partial(_clusterer, "PamC"), max_nodes=_QUADRATIC, **_FEATURES),
    _clusters("scgc", partial(_clusterer, "SCGC"), max_nodes=_QUADRATIC, **_FEATURES, **_SLOW),
    _vectors("degree", baselines.degrees, tasks=("labels", "clusters"), **_CHEAP),
    _vectors("svd", baselines.svd, baseline=True),
    _vectors("features", baselines.features, tasks=("labels", "clusters"), needs=("features",), baseline=True),
    _vectors("propagated features", estimator("PropagatedFeatures"), needs=("features",), baseline=True),
    _heuristic("preferential_attachment", "preferential attachment"),
    _heuristic("common_neighbors", "common neighbors"),
    _heuristic("adamic_adar", "Adamic-Adar"),
    _heuristic("resource_allocation", "resource allocation"),
    _links("katz", partial(baselines.heuristic, "katz"), baseline=True, seeded=False, **_SLOW),
    _communities("Louvain", max_edges=_NETWORKX),
    _communities("Leiden", needs=("igraph",)),
    _communities("label propagation", max_edges=_NETWORKX),
)  # fmt: skip

#: Learners by name; the keys are what ``graphrep bench --learners`` takes.
LEARNERS: Mapping[str, Learner] = MappingProxyType({learner.name: learner for learner in _ALL})


def chosen_learners(
    wanted: Iterable[str | Learner] | Mapping[str, Any] | None, *, tasks: Iterable[str], with_baselines: bool
) -> list[Learner]:
    """Learners of some of the tasks, then the baselines that were not named."""
    served = set(tasks)
    if wanted is None:
        found = [learner for learner in LEARNERS.values() if learner.default and not learner.baseline]
    elif isinstance(wanted, Mapping):
        found = [_given(name, thing) for name, thing in wanted.items()]
    else:
        if isinstance(wanted, str):
            raise TypeError(f"learners must be a list of names, got the string {wanted!r}.")
        found = [item if isinstance(item, Learner) else named(item) for item in wanted]
    names = [learner.name for learner in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"learners must have distinct names, got {', '.join(twice)} twice.")
    if with_baselines:
        found += [learner for learner in LEARNERS.values() if learner.baseline and learner.default]
    kept = {learner.name: learner for learner in reversed(found) if served & set(learner.tasks)}  # the named one wins
    useless = [name for name in names if name not in kept]
    if wanted is not None and useless:
        raise ValueError(f"{useless[0]} serves none of the tasks {', '.join(served)}.")
    if not kept:
        raise ValueError("learners must name at least one learner, got none.")
    return list(reversed(kept.values()))


def named(name: str) -> Learner:
    """Learner of this name."""
    if name not in LEARNERS:
        import difflib

        near = difflib.get_close_matches(str(name), LEARNERS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(LEARNERS)}."
        raise ValueError(f"there is no learner {name!r}{hint}")
    return LEARNERS[name]


def _given(name: str, thing: Any) -> Learner:
    """A learner that is given as an estimator, or as a Learner."""
    if isinstance(thing, Learner):
        return thing
    if isinstance(thing, str):
        return named(thing)
    kinds = {"fit_transform": "vectors", "score_pairs": "scores", "fit_predict": "clusters"}
    kind = next((kind for method, kind in kinds.items() if hasattr(thing, method)), None)
    if kind is None:
        raise TypeError(
            f"learners[{name!r}] must be an estimator with fit_transform, score_pairs or fit_predict, or a Learner; "
            f"got {type(thing).__name__}."
        )
    return Learner(name, partial(_cloned, thing), kind)


def _cloned(thing: Any, setting: Setting, graph: Graph) -> Any:
    from sklearn.base import clone

    del graph
    copy = clone(thing)
    return copy.set_params(random_state=setting.seed) if "random_state" in copy.get_params(deep=False) else copy
