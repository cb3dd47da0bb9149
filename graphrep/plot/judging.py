"""Pictures of results: quality against time, precision and recall of links, scores of pairs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_float, checked_int
from graphrep._pictures import GRAY, Label, Point, draw_points, write_labels
from graphrep._random import resolve_seed
from graphrep.bench.picture import points_of
from graphrep.bench.results import NAMES, Benchmark, read_benchmark
from graphrep.evaluate.checks import as_score_vector, as_scores
from graphrep.evaluate.link_prediction import split_scores
from graphrep.evaluate.metrics import average_precision, roc_auc
from graphrep.evaluate.tables import Comparison
from graphrep.plot.figures import axes_for, check_target, save_to
from graphrep.plot.groups import COLORS, readable

__all__ = ["precision_recall", "quality", "score_distribution"]

F64 = npt.NDArray[np.float64]
Clock = Literal["cpu", "wall"]
Operator = Literal["average", "hadamard", "l1", "l2", "dot", "cosine"]
Part = Literal["test", "valid"]

_THICK = {"linewidth": 1.8, "solid_joinstyle": "round"}
_MOST_POINTS = 2_000  # of a curve; more make a file large and look the same
_MOST_BINS = 1_000


def quality(
    results: Any,
    metric: str | None = None,
    *,
    seconds: Mapping[str, float] | None = None,
    task: str | None = None,
    clock: Clock = "cpu",
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw quality against the seconds of a fit, with a line through what nothing beats in less time.

    Parameters
    ----------
    results : Benchmark, path of its JSON file, Comparison, or mapping from names to results
        Of :func:`graphrep.bench.benchmark` or ``graphrep bench``, or of :func:`graphrep.evaluate.compare` and its
        relatives. A result of a mapping is one that has ``metric``, a number, or a sequence of numbers, one per seed
        or split. Bars are unbiased standard deviations. Untrained baselines are gray.
    metric : str, optional
        Such as "auc". A mapping of numbers needs none, it is then only the name of the axis; a benchmark has a first
        metric for each task.
    seconds : mapping of str to float, optional
        Seconds of each fit, for all results but those of a benchmark. A result without seconds is a dotted line at its
        quality.
    task : str, optional
        Of a benchmark, such as "links"; default: the first that is done.
    clock : {"cpu", "wall"}
        Of a benchmark: seconds of all processors, or of the clock.
    ax : matplotlib Axes, optional
        Default: a new figure of pyplot; with ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Nothing to draw, a result without the metric, with several train shares, or an unknown task; ``seconds`` that
        are missing, negative, or of a name that is no result.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    Fits of less than a millisecond stand at a millisecond. Time O(num_results²) for the labels.

    Examples
    --------
    >>> import graphrep as gr
    >>> auc, seconds = {"FastRP": [0.88, 0.90], "node2vec": 0.91}, {"FastRP": 0.3, "node2vec": 28}
    >>> axes = gr.plot.quality(auc, "AUC", seconds=seconds, path="quality.png")  # doctest: +SKIP
    """
    check_target(path)
    if clock not in ("cpu", "wall"):
        raise ValueError(f"clock must be cpu or wall, got {clock!r}.")
    if isinstance(results, (str, os.PathLike)):
        results = read_benchmark(results)
    lines: list[Point] = []
    if isinstance(results, Benchmark):
        if seconds is not None:
            raise ValueError("seconds must be left out for a benchmark, which holds its own.")
        done = [one for one in results.tasks if any(cell.runs for cell in results.of_task(one))]
        if not done:
            raise ValueError("there is nothing to draw: no cell of the benchmark is done.")
        chosen = done[0] if task is None else task
        if chosen not in done:
            raise ValueError(f"task must be one of {', '.join(done)}, which are done; got {task!r}.")
        known = results.metrics(chosen)
        metric = results.first_metric(chosen) if metric is None else metric
        if metric not in known:
            raise ValueError(f"metric must be one of {', '.join(known)}, which {chosen} has; got {metric!r}.")
        points = points_of(results, chosen, metric, clock)
        title = " · ".join(filter(None, (str(results.graph.get("name") or ""), chosen)))
        unit = f"{'CPU' if clock == 'cpu' else 'wall'} seconds of a fit"
    else:
        if task is not None:
            raise ValueError("task must be left out where results are not those of a benchmark.")
        points, lines = _points(results, metric, seconds)
        title, unit = "", "seconds of a fit"
    axes = axes_for(ax, (7.0, 4.6), path)
    labels = draw_points(axes, points)
    for line in lines:
        axes.axhline(line.mean, color="0.6", linewidth=1, linestyle=":", zorder=1)
    axes.set_xlabel(unit)
    axes.set_ylabel(NAMES.get(metric or "", metric or "quality"))
    axes.set_title(title, fontsize=9, color="0.35", loc="left", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    left = axes.get_xlim()[0]
    axes.figure.draw_without_rendering()
    write_labels(axes, [*labels, *(Label(line.name, left, line.mean, GRAY) for line in lines)], points=True)
    save_to(axes, path)
    return axes


def precision_recall(
    scorers: Mapping[str, Any],
    split: Any = None,
    *,
    part: Part = "test",
    operator: Operator = "hadamard",
    random_state: Any = 0,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Any:
    r"""Draw the precision of links against their recall, a curve per scorer, named where the curves are far apart.

    At a threshold, recall is the share of the edges that score at least that, and precision the share of edges among
    all pairs that do. Behind a name stands the average precision.

    Parameters
    ----------
    scorers : mapping from names to scorers or pairs of arrays
        With ``split``, what :func:`graphrep.evaluate.link_prediction` takes: functions, fitted models, node vectors.
        Without it, tuples (y_pos, y_neg): scores of the edges and of the other pairs, one-dimensional. At most 8.
    split : LinkSplit, optional
        The edges and negatives that are scored. Negatives of each edge of its own are refused.
    part : {"test", "valid"}
    operator : {"average", "hadamard", "l1", "l2", "dot", "cosine"}
        How vectors become scores, as in :func:`graphrep.evaluate.link_prediction`.
    random_state : int, RandomState, Generator or None
        As in :func:`graphrep.evaluate.link_prediction`.
    ax : matplotlib Axes, optional
        Default: a new figure of pyplot; with ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        No scorer or more than 8, scores that are no vectors or hold NaN, and what
        :func:`graphrep.evaluate.link_prediction` refuses.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    Precision depends on how many other pairs there are for an edge, which the caption says: among all pairs of a graph
    it is far lower. The dotted line is the precision of random scores. Between two thresholds the curve is a step,
    since a straight line would promise what no threshold gives. Time O(num_pairs log num_pairs) for each scorer.

    References
    ----------
    Davis, Goadrich. The Relationship Between Precision-Recall and ROC Curves. ICML 2006, section 4.

    Examples
    --------
    >>> import graphrep as gr
    >>> scores = {"mine": ([0.9, 0.7, 0.4], [0.5, 0.2, 0.1])}
    >>> axes = gr.plot.precision_recall(scores, path="links.png")  # doctest: +SKIP
    """
    check_target(path)
    if not isinstance(scorers, Mapping) or not 1 <= len(scorers) <= 8:
        count = f"{len(scorers)} of them" if isinstance(scorers, Mapping) else type(scorers).__name__
        raise ValueError(f"scorers must be a mapping from names to 1 to 8 scorers, got {count}.")
    scored = {}
    for name, scorer in scorers.items():
        pos, neg = _scored(scorer, split, part, operator, random_state)
        if neg.ndim > 1:
            raise ValueError(
                f"precision needs negatives that all edges share, got an array of shape {neg.shape}; see "
                "score_distribution."
            )
        scored[name] = pos, neg
    sizes = {(len(pos), len(neg)) for pos, neg in scored.values()}
    if len(sizes) > 1:
        raise ValueError(f"all scorers must score the same pairs, got {sorted(sizes)} edges and other pairs.")
    ((num_pos, num_neg),) = sizes
    axes = axes_for(ax, (6.5, 4.6), path)
    curves = []
    for color, (pos, neg) in zip(COLORS, scored.values(), strict=False):
        recall, precision = precision_and_recall(pos, neg)
        curves.append((recall, precision))
        axes.plot(recall, precision, color=color, drawstyle="steps-pre", **_THICK)
    base = num_pos / (num_pos + num_neg)
    axes.axhline(base, color="0.6", linewidth=1, linestyle=":", zorder=1)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    caption = f"{num_pos:,} edges, {num_neg:,} other pairs; dotted: random scores; numbers: average precision"
    axes.set_title(caption, fontsize=8, color="0.35", loc="left")
    axes.figure.draw_without_rendering()
    labels = [
        Label(f"{name} {average_precision(*scored[name]):.3f}", *place, readable(color))
        for name, place, color in zip(scored, _apart(curves), COLORS, strict=False)
    ]
    write_labels(axes, labels, bold=True)
    save_to(axes, path)
    return axes


def score_distribution(
    scorer: Any,
    split: Any = None,
    *,
    part: Part = "test",
    operator: Operator = "hadamard",
    bins: int = 50,
    random_state: Any = 0,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw how the scores of edges and of other pairs are distributed: each the share of its pairs per bin.

    Parameters
    ----------
    scorer : scorer, or tuple (y_pos, y_neg)
        With ``split``, what :func:`graphrep.evaluate.link_prediction` takes: a function, a fitted model, node vectors.
        Without it, the scores of the edges, one-dimensional, and those of the other pairs, of any shape.
    split, part, operator, random_state
        As in :func:`precision_recall`; negatives of each edge of its own are taken together.
    bins : int
        Number of bins, from 2 to 1,000. Whole numbers get bins of a whole width, possibly fewer.
    ax : matplotlib Axes, optional
        Default: a new figure of pyplot; with ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Scores that hold NaN or no finite number, and what :func:`graphrep.evaluate.link_prediction` refuses.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    The bins cover 99.8 % of the finite scores of either kind; those beyond, infinities included, are counted in the
    first and the last bin, and the caption says how many there are. Time O(num_pairs).

    Examples
    --------
    >>> import graphrep as gr
    >>> axes = gr.plot.score_distribution(([0.9, 0.7, 0.4], [0.5, 0.2, 0.1]), path="scores.png")  # doctest: +SKIP
    """
    check_target(path)
    checked_int("bins", bins, 2, _MOST_BINS)
    pos, given = _scored(scorer, split, part, operator, random_state)
    neg = given.ravel()
    edges = bin_edges(pos, neg, bins)
    beyond = sum(int(((values < edges[0]) | (values > edges[-1])).sum()) for values in (pos, neg))
    axes = axes_for(ax, (6.5, 4.2), path)
    labels = []
    for values, name, color in ((neg, "other pairs", COLORS[4]), (pos, "edges", COLORS[0])):
        share = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
        axes.stairs(share, edges, fill=True, color=color, alpha=0.25)
        axes.stairs(share, edges, color=color, linewidth=1.6)
        top = int(np.argmax(share))
        labels.append(Label(name, float(edges[top : top + 2].mean()), float(share[top]), readable(color)))
    axes.set(xlim=(edges[0], edges[-1]), xlabel="score", ylabel="share of the pairs per bin")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
    axes.spines[["top", "right"]].set_visible(False)
    caption = f"{len(pos):,} edges, {len(neg):,} other pairs"
    caption += f", AUC {roc_auc(pos, neg):.4f}" if given.ndim == 1 else ""
    caption += f"; {beyond:,} in the outermost bins lie beyond" if beyond else ""
    axes.set_title(caption, fontsize=9, color="0.35", loc="left")
    axes.figure.draw_without_rendering()
    write_labels(axes, labels, bold=True)
    save_to(axes, path)
    return axes


def precision_and_recall(pos: npt.NDArray[Any], neg: npt.NDArray[Any]) -> tuple[F64, F64]:
    """Recall and precision at the thresholds from the largest score down, thinned; the first recall is 0."""
    scores = np.concatenate([pos, neg])
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(order < len(pos))
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each run of equal scores
    recall, precision = hits[last] / len(pos), hits[last] / (last + 1)
    if len(last) > _MOST_POINTS:
        # The first thresholds of many, where precision swings, are kept more densely.
        kept = np.unique(np.geomspace(1, len(last), _MOST_POINTS).astype(np.int64) - 1)
        even = np.unique(np.searchsorted(recall, np.linspace(0, 1, _MOST_POINTS)).clip(max=len(last) - 1))
        chosen = np.union1d(kept, even)
        recall, precision = recall[chosen], precision[chosen]
    return np.append(0.0, recall), np.append(precision[0], precision)


def bin_edges(pos: npt.NDArray[Any], neg: npt.NDArray[Any], bins: int) -> F64:
    """Borders of bins over what all but two in a thousand of either kind lie between."""
    parts = [values[np.isfinite(values)].astype(np.float64) for values in (pos, neg)]
    ends = [np.quantile(part, (0.001, 0.999)) for part in parts if len(part)]
    if not ends:
        raise ValueError("no score is finite, so there is nothing to draw.")
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if all((part == np.rint(part)).all() for part in parts):
        low, high = np.floor(low), np.ceil(high)
        width = max(1.0, np.ceil((high - low + 1) / bins))
        return np.asarray(low - 0.5 + width * np.arange(np.floor((high - low) / width) + 2))
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def _scored(scorer: Any, split: Any, part: str, operator: str, random_state: Any) -> tuple[Any, Any]:
    """Scores of edges and of other pairs, given or computed."""
    if split is not None:
        return split_scores(scorer, split, part, operator=operator, seed=resolve_seed(random_state))[:2]
    if not isinstance(scorer, (tuple, list)) or len(scorer) != 2:
        kind = type(scorer).__name__
        raise TypeError(f"without a split, scores must be given as a tuple (y_pos, y_neg), got {kind}; or pass split.")
    return as_score_vector("y_pos", scorer[0]), as_scores("y_neg", scorer[1])


def _apart(curves: list[tuple[F64, F64]]) -> list[tuple[float, float]]:
    """A point of each curve for its name: where it is farthest from the other curves and their names."""
    grid = np.linspace(0.06, 0.8, 75)
    heights = np.array(
        [precision[np.searchsorted(recall, grid).clip(max=len(recall) - 1)] for recall, precision in curves]
    )
    found: list[tuple[float, float]] = []
    for i, height in enumerate(heights):
        others = np.abs(np.delete(heights, i, axis=0) - height).min(axis=0, initial=1.0)
        names = [np.hypot(grid - x, height - y) for x, y in found]
        room = np.minimum(others, 0.3) + np.minimum(np.min(names, axis=0) if names else 0.3, 0.3)
        best = int(np.argmax(room))
        found.append((float(grid[best]), float(height[best])))
    return found


def _points(results: Any, metric: str | None, seconds: Mapping[str, float] | None) -> tuple[list[Point], list[Point]]:
    """Results with seconds, and those without."""
    if not isinstance(results, Mapping) or not results:
        kind = type(results).__name__ if not isinstance(results, Mapping) else "an empty one"
        raise ValueError(f"results must be a Benchmark, its file, or a mapping from names to results, got {kind}.")
    times = dict(seconds or {})
    unknown = [name for name in times if name not in results]
    if unknown or not times:
        names = ", ".join(map(str, results))
        what = f"{unknown[0]!r}" if unknown else "none"
        raise ValueError(f"seconds must hold seconds of the fits of {names}, got {what}.")
    baselines = results.baselines if isinstance(results, Comparison) else {}
    points, lines = [], []
    for name, result in results.items():
        values = _values(name, result, metric)
        std = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        point = Point(str(name), 0.0, float(np.mean(values)), std, name in baselines)
        if name in times:
            points.append(point._replace(seconds=checked_float(f"seconds[{name!r}]", times[name], 0)))
        else:
            lines.append(point)
    return points, lines


def _values(name: Any, result: Any, metric: str | None) -> F64:
    """Values of the metric, one per seed or split."""
    scores = getattr(result, "scores", None)
    if isinstance(scores, Mapping):
        if metric not in scores:
            raise ValueError(
                f"metric must be one of {', '.join(map(str, scores))}, which {name!r} has; got {metric!r}."
            )
        result = scores[metric]
        if np.ndim(result) == 2 and len(result) > 1:
            raise ValueError(
                f"{name!r} has {len(result)} train shares; a picture shows one: pass {name!r}: result.scores"
                f"[{metric!r}][i]."
            )
    values = np.atleast_1d(np.asarray(result, dtype=np.float64)).ravel()
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"the results of {name!r} must be numbers, got {result!r:.60}.")
    return values
