"""Which embedder a graph gets, by a few rules."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import scipy.sparse as sp

import graphrep.embed as room
from graphrep._checks import checked_float, checked_int
from graphrep._memory import available_memory, readable_bytes
from graphrep._progress import is_shown
from graphrep.graph import Graph, untyped_graph

if TYPE_CHECKING:
    from graphrep.vectors import NodeVectors

__all__ = ["Choice", "choose_embedder"]

log = logging.getLogger("graphrep.embed")

TASKS = ("labels", "links", None)


class Facts(NamedTuple):
    """What the rules look at."""

    nodes: int
    arcs: int
    weighted: bool
    feature_entries: int  # 0 without features
    task: str | None


class Rule(NamedTuple):
    """A method, when it is good, and what it takes."""

    method: str
    parameters: Mapping[str, Any]
    applies: Callable[[Facts], bool]
    reason: str


_SPARSE = 22  # neighbors per node on average, between PPI (20) and Chameleon (27)

# In order; the first that applies and fits time and memory is taken, the last one in any case.
RULES = (
    Rule(
        "PropagatedFeatures",
        {},
        lambda facts: facts.feature_entries > 0,
        "the graph has node features, and these averaged over neighborhoods tell more than its structure alone",
    ),
    Rule(
        "DeepWalk",
        {"walks_per_node": 80, "walk_length": 40, "finish": "smooth"},
        lambda _: True,
        "long training on walks, smoothed along edges, tells most about labels and links, and there is time for it",
    ),
    Rule(
        "Node2Vec",
        {"finish": "smooth"},
        lambda _: True,
        "walks, smoothed along edges, tell nearly as much as longer ones",
    ),
    Rule(
        "FastRP",
        {"finish": "smooth"},
        lambda facts: facts.task == "links" and facts.arcs < _SPARSE * facts.nodes,
        "of the fast methods, it tells most about links where nodes have few neighbors",
    ),
    Rule(
        "Spectral",
        {},
        lambda _: True,
        "of the fast methods, it tells most",
    ),
    Rule(
        "FastRP",
        {},
        lambda _: True,
        "it is the fastest",
    ),
)


class Choice(NamedTuple):
    """An embedder for a graph, and why it was chosen.

    Attributes
    ----------
    estimator : estimator
        Not fitted.
    graph : Graph
        What it is to be fitted to: the graph with its edges in both directions.
    sentence : str
        Method and reason.
    seconds : float
        The expected time.
    """

    estimator: Any
    graph: Graph
    sentence: str
    seconds: float

    def fit(self) -> NodeVectors:
        """Fit the estimator; return its vectors with the sentence in their settings."""
        from graphrep.vectors import NodeVectors

        self.estimator.fit(self.graph)
        found = self.estimator.node_vectors_
        return NodeVectors(found.vectors, self.graph.node_index.names, {**found.settings, "choice": self.sentence})


def choose_embedder(
    graph: Any,
    *,
    task: str | None = None,
    dimensions: int = 128,
    use_features: bool = True,
    max_seconds: float | None = 60.0,
    max_memory: float | None = None,
    random_state: Any = 0,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> Choice:
    """Choose the embedder that ``graphrep.embed`` would fit, without fitting it.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    task, dimensions, use_features, max_seconds, max_memory, random_state, n_jobs, progress
        As in :func:`graphrep.embed`.

    Returns
    -------
    Choice

    Raises
    ------
    ValueError, TypeError, MemoryError
        As in :func:`graphrep.embed`.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> choice = gr.embed.choose_embedder(nx.karate_club_graph(), max_seconds=0)
    >>> choice.sentence
    'FastRP: the fastest, since ...'
    >>> choice.estimator
    FastRP()
    """
    if task not in TASKS:
        raise ValueError(f'task must be "labels", "links" or None, got {task!r}.')
    checked_int("dimensions", dimensions, 1)
    limit = math.inf if max_seconds is None else checked_float("max_seconds", max_seconds, 0.0)
    given = None if max_memory is None else checked_float("max_memory", max_memory, 0.0)
    g = untyped_graph(graph)
    if g.num_nodes == 0:
        raise ValueError("graph must have at least one node, got none.")
    if g.directed:
        g = g.to_undirected()
    x = g.x if use_features else None
    entries = 0 if x is None else int(x.nnz if sp.issparse(x) else math.prod(x.shape))
    facts = Facts(g.num_nodes, g.num_arcs, g.weights is not None, entries, task)
    room_left = available_memory() if given is None else given

    passed: list[str] = []  # rules that apply, but do not fit
    options = {"dimensions": dimensions, "random_state": random_state, "n_jobs": n_jobs, "progress": progress}
    for rule in RULES:
        if not rule.applies(facts):
            continue
        estimator = _made(rule, options)
        seconds = estimator._seconds(g)
        needed = estimator._memory_needed(g)
        last = rule is RULES[-1]
        if room_left is not None and needed > room_left:
            bound = "are available" if given is None else "is max_memory"
            problem = f"{rule.method} needs about {readable_bytes(needed)} and {readable_bytes(room_left)} {bound}"
            if last:
                raise MemoryError(f"{problem}; take fewer dimensions.")
            passed.append(problem)
        elif seconds > limit and not last:
            passed.append(f"{rule.method} would take about {seconds:.2g} s and max_seconds is {limit:g}")
        else:
            why = f"the {'fastest' if last else 'next'}, since {'; '.join(passed)}" if passed else rule.reason
            return Choice(estimator, g, f"{rule.method}: {why}.", seconds)
    raise AssertionError("the last rule always applies")


def report(sentence: str, progress: bool | None) -> None:  # noqa: FBT001
    """Say what was chosen where a progress bar would be shown, and log it."""
    log.info("%s", sentence)
    if is_shown(progress):
        sys.stderr.write(f"graphrep.embed took {sentence}\n")


def _made(rule: Rule, options: dict[str, Any]) -> Any:
    kind = getattr(room, rule.method)
    known = kind._get_param_names()
    return kind(**{name: value for name, value in options.items() if name in known}, **rule.parameters)
