"""``benchmark``: every learner on every task, each pair in a process of its own."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphrep._checks import checked_int
from graphrep._labels import node_labels
from graphrep._progress import progress_bar
from graphrep._random import resolve_seed
from graphrep._threads import available_cpus, resolve_threads
from graphrep.bench import worker
from graphrep.bench.learners import TASKS, chosen_learners
from graphrep.bench.results import Benchmark, Cell, Run, read_benchmark
from graphrep.bench.tasks import Protocol, classes_of, num_classes, split_of
from graphrep.graph import Graph, untyped_graph
from graphrep.io.paths import check_writable
from graphrep.learn import digest

if TYPE_CHECKING:
    from graphrep.bench.learners import Learner

__all__ = ["benchmark"]

log = logging.getLogger("graphrep.bench")

_PACKAGES = ("graphrep", "numpy", "scipy", "scikit-learn", "torch")


def benchmark(
    graph: Any,
    y: Any = None,
    *,
    learners: Iterable[str | Learner] | Mapping[str, Any] | None = None,
    tasks: Iterable[str] | None = None,
    split: Any = None,
    metric: str | None = None,
    dimensions: int = 128,
    seeds: int = 3,
    splits: int = 5,
    train_share: float = 0.5,
    test: float = 0.1,
    valid: float = 0.05,
    n_clusters: int | None = None,
    baselines: bool = True,
    max_seconds: float | None = 600.0,
    n_jobs: int | None = None,
    random_state: Any = 0,
    name: str = "",
    path: str | os.PathLike[str] | None = None,
    again: bool = False,
    progress: bool | None = None,
) -> Benchmark:
    r"""Fit learners to one graph and judge them by labels, hidden links and clusters, beside cheap baselines.

    Every learner runs with its defaults. Each pair of a learner and a graph (the whole one, or that of the training
    edges) has a process of its own, in which the libraries are loaded and a tiny graph was fitted before the clock
    starts; memory is what the first fit adds to it. Baselines share one process.

    * **labels**: vectors of the whole graph; a one-vs-rest logistic regression on rows of unit length, C = 10, predicts
      the labels of the nodes that it was not trained on. Scaling the vectors changes nothing. Several labels per node
      follow the TopK rule of :func:`graphrep.evaluate.node_classification`.
    * **links**: edges are hidden for validation and test, and learners see the others only. Vectors become scores by
      :class:`graphrep.EmbeddingScorer`; validation edges choose its settings and the epoch of neural models.
      Preferential attachment, common neighbors, Adamic-Adar and resource allocation are baselines.
    * **clusters**: k-means with 3 starts on rows of unit length. Modularity needs no labels; NMI, ARI and accuracy
      compare with the classes, which choose nothing but the number of clusters. Without them, it is the number of 2, 4,
      8, …, 64 with the highest modularity.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    y : optional
        Labels, as for :func:`graphrep.evaluate.node_classification`; default: ``graph.y``.
    learners : list of str or Learner, or mapping of str to estimator, optional
        Names in :data:`graphrep.bench.LEARNERS`; or estimators by the name of their row, which are cloned for every
        seed. Default: all that are marked as default.
    tasks : list of str, optional
        Of "labels", "links" and "clusters"; default: all, without "labels" if there are none.
    split : LinkSplit, optional
        For links; default: another random split for every seed.
    metric : str, optional
        A metric of links that is shown first and chooses on validation edges, such as "hits@50"; default: AUC, or MRR
        where each edge has its own negatives. AUC, Hits@K and MRR are shown in any case.
    dimensions : int
        Length of all vectors.
    seeds : int
        Fits of a learner that depends on the seed, and random splits of the edges.
    splits : int
        Splits of the labels; the same for all learners.
    train_share : float
        Share of the labeled nodes that train the classifier.
    test, valid : float
        Shares of the edges that random splits hide.
    n_clusters : int, optional
        Default: the number of classes.
    baselines : bool
        Whether baselines that are not named are rows, too.
    max_seconds : float or None
        Bound on the seconds of a fit. Learners with such an option end their training there; others are stopped, and
        their cells say so. None: no bound.
    n_jobs : int or None
        Threads.
    random_state : int, RandomState, Generator or None
        The first seed; the others follow it.
    name : str
        Name of the graph in tables.
    path : path, optional
        JSON file that holds the results so far after every fit. If it exists, what it holds is not computed again, so
        that an interrupted run continues and a longer list of learners, tasks or seeds adds to it.
    again : bool
        Replace ``path`` instead.
    progress : bool or None
        Whether to show a progress bar; None shows it in terminals and Jupyter.

    Returns
    -------
    Benchmark
        A learner that cannot serve the graph, takes too long or raises an error is a row with the reason.

    Raises
    ------
    ValueError
        An unknown learner or task, no labels for "labels", shares outside (0, 1), or ``path`` holds results of another
        graph or protocol.

    Notes
    -----
    Scores are a function of the arguments; :class:`graphrep.Node2Vec` and :class:`graphrep.DeepWalk` are reproducible
    with ``n_jobs=1``, and learners whose training ``max_seconds`` ends depend on the machine.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> found = gr.bench.benchmark(
    ...     nx.karate_club_graph(), learners=["fastrp"], tasks=["clusters"], dimensions=8, seeds=1, baselines=False
    ... )
    >>> found.cell("fastrp", "clusters").state
    'done'
    """
    g = untyped_graph(graph)
    given = g.y if y is None else y
    labels = None if given is None else node_labels(given, g.node_index, "y")
    wanted = _checked_tasks(tasks, labels)
    chosen = chosen_learners(learners, tasks=wanted, with_baselines=baselines)
    seed = resolve_seed(random_state)
    checked_int("seeds", seeds, 1)
    threads = None if n_jobs is None else resolve_threads(n_jobs)
    protocol = Protocol(
        dimensions=dimensions,
        splits=splits,
        train_share=train_share,
        test=test,
        valid=valid,
        n_clusters=n_clusters,
        max_seconds=max_seconds,
        n_jobs=threads,
        random_state=seed,
        link_split="random" if split is None else "given",
        link_metric=metric,
    )
    found = Benchmark(_described(g, labels, split, name), protocol, environment=_environment())
    if path is not None:
        check_writable(path)
        if Path(path).exists() and not again:
            found.cells = _kept(read_benchmark(path), found, path).cells
    jobs = [job for learner in chosen for job in _jobs(learner, wanted, split, protocol, range(seed, seed + seeds))]
    shared = _Process(threads, g, labels, split, protocol)  # of the baselines, which are cheap
    with progress_bar(total=len(jobs), desc="bench", unit="learner", progress=progress) as bar:
        try:
            for job in jobs:
                bar.set_postfix_str(job.learner.name, refresh=True)
                process = shared if job.learner.baseline else _Process(threads, g, labels, split, protocol)
                try:
                    for _ in _cells_of(job, found, process, g, labels, split):
                        if path is not None:
                            found.save(path)
                finally:
                    if process is not shared:
                        process.end()
                bar.update(1)
        finally:
            shared.end()
    if path is not None:
        found.save(path)
    order = {learner.name: place for place, learner in enumerate(chosen)}
    cells = [cell for cell in found.cells if cell.learner in order and cell.task in wanted]
    cells.sort(key=lambda cell: (wanted.index(cell.task), order[cell.learner]))
    return Benchmark(found.graph, protocol, cells, found.environment)


class _Job(NamedTuple):
    """A learner on the whole graph or on the training edges, for the tasks that share its fits."""

    learner: Learner
    tasks: list[str]
    seeds: list[int]
    protocol: Protocol

    @property
    def links(self) -> bool:
        return self.tasks == ["links"]


def _jobs(learner: Learner, tasks: list[str], split: Any, protocol: Protocol, seeds: range) -> Iterator[_Job]:
    for group in (["labels", "clusters"], ["links"]):
        mine = [task for task in group if task in tasks and task in learner.tasks]
        varies = learner.seeded or (group == ["links"] and split is None)
        if mine:
            yield _Job(learner, mine, list(seeds) if varies else [seeds[0]], protocol)


def _cells_of(job: _Job, found: Benchmark, process: _Process, graph: Graph, y: Any, split: Any) -> Iterator[None]:
    """Fill the cells of a job; yields after each step that is worth keeping."""
    learner = job.learner
    cells = [_cell(found, learner, task) for task in job.tasks]
    too_long = f"a fit took longer than {job.protocol.max_seconds or 0:g} s"
    stopped = [cell.settings for cell in cells if cell.state == "stopped" and cell.reason == too_long]
    for cell in cells:
        cell.state, cell.reason, cell.baseline = "done", "", learner.baseline
    if reason := learner.unfit(graph):
        _end(cells, "skipped", reason)
        yield
        return
    try:
        settings = _settings(job, graph, y, split)
    except Exception as error:  # whatever a learner raises is its row's reason
        _end(cells, "failed", _sentence(error))
        yield
        return
    for cell in cells:
        if cell.settings != settings:  # another version or estimator of the same name
            cell.runs, cell.warnings, cell.settings, cell.peak_mb, cell.fit_mb = [], [], settings, None, None
    if settings in stopped:  # under the same limit, before
        _end(cells, "stopped", too_long)
        return
    missing = [seed for seed in job.seeds if any(seed not in {run.seed for run in cell.runs} for cell in cells)]
    if not missing:
        return
    try:
        process.call(worker.warm_up, learner, links=job.links)
        for seed in missing:
            limit = _limit(job.protocol.max_seconds, settings)
            fitted = process.call(worker.fit, learner, seed, links=job.links, timeout=limit)
            for cell in cells:
                scores = process.call(worker.judge, cell.task)
                run = Run(seed, fitted.wall_seconds, fitted.cpu_seconds, scores)
                cell.runs = sorted([*(one for one in cell.runs if one.seed != seed), run], key=lambda one: one.seed)
                if seed == missing[0]:  # later fits reuse what the first one freed
                    cell.peak_mb, cell.fit_mb = fitted.peak_mb, fitted.fit_mb
                cell.warnings = sorted({*cell.warnings, *fitted.warnings})
            log.info("%s, %s, seed %d: %.2f s", learner.name, ", ".join(job.tasks), seed, fitted.wall_seconds)
            yield
    except TimeoutError:
        _end(cells, "stopped", too_long)
        yield
    except MemoryError as error:
        _end(cells, "skipped", _sentence(error))
        yield
    except Exception as error:  # as above
        _end(cells, "failed", _sentence(error))
        yield


class _Process:
    """A process that knows the graph; it starts with the first call."""

    def __init__(self, threads: int | None, *data: Any) -> None:
        self._threads, self._data = threads, data
        self._executor: Any = None

    def call(self, function: Any, *arguments: Any, timeout: float | None = None, **options: Any) -> Any:
        """What a function of :mod:`graphrep.bench.worker` returns there; TimeoutError after ``timeout`` seconds."""
        from concurrent.futures import TimeoutError as FutureTimeoutError

        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.process_executor import BrokenProcessPool

        if self._executor is None:
            environment = {} if self._threads is None else {"OMP_NUM_THREADS": str(self._threads)}
            self._executor = ProcessPoolExecutor(
                1, initializer=worker.start, initargs=(os.getpid(), *self._data), env=environment
            )
        try:
            return self._executor.submit(function, *arguments, **options).result(timeout)
        except FutureTimeoutError:
            self.end()
            raise TimeoutError from None
        except BrokenProcessPool as error:
            self.end()
            killed = "SIGKILL" in str(error)
            why = "the system killed its process, probably for lack of memory" if killed else "its process crashed"
            raise RuntimeError(why) from None

    def end(self) -> None:
        """Stop the process; the next call starts another one."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None


def _settings(job: _Job, graph: Graph, y: Any, split: Any) -> dict[str, Any]:
    """Settings of the learner as it will be built."""
    seen = split_of(graph, split, job.protocol, job.seeds[0]).graph if job.links else graph
    setting = worker.setting_of(job.protocol, graph, y, job.seeds[0])
    return worker.settings_of(job.learner.build(setting, seen))


def _limit(max_seconds: float | None, settings: Mapping[str, Any]) -> float | None:
    """Seconds after which a fit is stopped; learners that stop by themselves finish their epoch."""
    if max_seconds is None or "max_seconds" not in settings:
        return max_seconds
    return 2 * max_seconds + 60


def _cell(found: Benchmark, learner: Learner, task: str) -> Cell:
    cell = found.cell(learner.name, task)
    if cell is None:
        cell = Cell(learner.name, task, learner.baseline)
        found.cells.append(cell)
    return cell


def _end(cells: list[Cell], state: str, reason: str) -> None:
    for cell in cells:
        cell.state, cell.reason = state, reason
        log.info("%s, %s: %s; %s", cell.learner, cell.task, state, reason)


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__


def _checked_tasks(tasks: Iterable[str] | None, y: Any) -> list[str]:
    if tasks is None:
        return [task for task in TASKS if task != "labels" or y is not None]
    if isinstance(tasks, str):
        raise TypeError(f"tasks must be a list of names, got the string {tasks!r}.")
    wanted = list(dict.fromkeys(tasks))
    for task in wanted:
        if task not in TASKS:
            raise ValueError(f"tasks must be of {', '.join(TASKS)}; got {task!r}.")
    if not wanted:
        raise ValueError("tasks must name at least one task, got none.")
    if "labels" in wanted and y is None:
        raise ValueError("the task labels needs labels, which the graph does not have; give y.")
    return wanted


def _kept(old: Benchmark, new: Benchmark, path: Any) -> Benchmark:
    """Earlier results, if they are of the same graph and protocol."""
    if old.graph.get("digest") != new.graph["digest"]:
        raise ValueError(f"{path} holds results of another graph; give another path, or again=True to replace them.")
    before, now = old.protocol.as_dict(), new.protocol.as_dict()
    # A longer limit only adds results; those of learners that have it as a parameter are found by their settings.
    differs = [f"{name}={before[name]}" for name in now if before[name] != now[name] and name != "max_seconds"]
    if differs:
        raise ValueError(
            f"{path} holds results with {', '.join(differs)}; give the same, another path, or again=True to replace "
            "them."
        )
    return old


def _described(graph: Graph, y: Any, split: Any, name: str) -> dict[str, Any]:
    parts = [] if split is None else [split.train, split.valid, split.test, split.valid_neg, split.test_neg]
    classes = classes_of(y)
    many = None if y is None else int(np.shape(y)[1]) if classes is None else num_classes(classes)
    return {
        "name": name,
        "nodes": graph.num_nodes,
        "edges": graph.num_edges,
        "directed": graph.directed,
        "weighted": graph.weights is not None,
        "features": None if graph.x is None else int(graph.x.shape[1]),
        "classes": many,
        "digest": digest(graph, graph.nodes, graph.x, y, parts),
    }


def _environment() -> dict[str, Any]:
    return {
        "cpu": processor(),
        "cores": available_cpus(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := package_version(name))},
    }


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def package_version(package: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
