"""Untrained baselines, and comparisons of learned scores and vectors with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._labels import node_labels
from graphrep._names import aligned, as_pairs
from graphrep._random import random_bits, resolve_seed, stream_key, uniform_double
from graphrep._rows import Arcs, smoothed
from graphrep.evaluate.checks import F64, refuse_leaks
from graphrep.evaluate.link_prediction import LinkPrediction, link_prediction
from graphrep.evaluate.netinfof import act_scorer
from graphrep.evaluate.node_classification import NodeClassification, node_classification
from graphrep.evaluate.tables import Comparison
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.local import HEURISTICS

__all__ = [
    "compare",
    "compare_nodes",
    "link_baselines",
    "node_baselines",
    "smooth_features",
]

F32 = npt.NDArray[np.float32]

_BLOCK = 1 << 20  # entries that are normalized at a time


def link_baselines(graph: Any, *, act: bool = False, random_state: Any = 0) -> dict[str, Callable[[Any], Any]]:
    """Functions that score pairs by their neighborhoods in ``graph``, and random scores, by name.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        The training edges only.
    act : bool
        Also "NetInfoF Act", the linear model of :class:`graphrep.NetInfoFAct`, which takes seconds to fit.
    random_state : int, RandomState, Generator or None
        For the random scores, which are a function of (seed, pair), and for Act.

    Returns
    -------
    dict of str to callable
        Each takes pairs of shape (2, num_pairs) and returns scores of shape (num_pairs,), float64 or, of Act, float32.

    Examples
    --------
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=False)
    >>> baselines = gr.evaluate.link_baselines(path)
    >>> list(baselines)[:3]
    ['random', 'common neighbors', 'Adamic-Adar']
    >>> baselines["common neighbors"]([[0], [2]])
    array([1.])
    """
    g = untyped_graph(graph)
    seed = resolve_seed(random_state)
    scorers: dict[str, Callable[[Any], Any]] = {"random": partial(_random_scores, seed)}
    scorers |= {name: partial(heuristic, g) for name, heuristic in HEURISTICS.items()}
    if act:
        model = act_scorer(g, seed=seed)
        scorers["NetInfoF Act"] = lambda pairs: model(as_pairs(pairs, g))
    return scorers


def node_baselines(
    graph: Any,
    *,
    dimensions: int = 128,
    hops: int = 2,
    max_features: int = 1024,
    components: int = 0,
    columns_per_hop: int = 0,
    encoder: int = 0,
    random_state: Any = 0,
) -> dict[str, F32]:
    r"""Untrained node vectors, by name.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    dimensions : int
        Number of columns of the random vectors.
    hops : int
        Number of steps of :func:`smooth_features`.
    max_features : int
        Wider features are first multiplied by a random normal matrix with this many columns, which approximately
        preserves inner products.
    components : int
        Number of principal components of the propagated features; 0 leaves them out.
    columns_per_hop : int
        Number of singular vectors of each block of "several hops"; 0 leaves it out.
    encoder : int
        Number of columns of an untrained encoder; 0 leaves it out.
    random_state : int, RandomState, Generator or None

    Returns
    -------
    dict of str to float32 array
        * ``"random"``: independent normal numbers R of variance 1/dimensions, shape (num_nodes, dimensions).
        * ``"random projection"``: :math:`S^k R`, the rows of the propagation matrix projected.
        * ``"features"`` and ``"propagated features"``: X and :math:`S^k X` if the graph has features, as dense arrays.
        * ``"PCA of propagated features"`` and ``"GCN of random weights"``, two layers of :class:`graphrep.nn.GCN`,
          if the graph has features and these options are not 0.
        * ``"several hops"``, likewise: the unit rows of the truncated SVDs of :math:`X`, :math:`SX`, :math:`S^2X` and
          :math:`S^4X` side by side, with the rows of X scaled to unit length before. It needs no choice of hops.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> found = gr.evaluate.node_baselines(nx.karate_club_graph(), dimensions=8)
    >>> {name: x.shape for name, x in found.items()}
    {'random': (34, 8), 'random projection': (34, 8)}
    """
    g = untyped_graph(graph)
    seed = resolve_seed(random_state)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((g.num_nodes, dimensions), dtype=np.float32) / np.float32(np.sqrt(dimensions))
    found = {"random": noise, "random projection": smooth_features(g, noise, hops)}
    if g.x is not None:
        x = g.x if hasattr(g.x, "toarray") else to_numpy(g.x)
        if x.shape[1] > max_features:
            mix = rng.standard_normal((x.shape[1], max_features), dtype=np.float32)
            x = x.astype(np.float32) @ (mix / np.float32(np.sqrt(max_features)))
        x = _dense(x)
        smooth = smooth_features(g, x, hops)
        found |= {"features": x, "propagated features": smooth}
        if components:
            found["PCA of propagated features"] = _principal(smooth, components, seed)
        if columns_per_hop:
            wide = reduced(unit_rows(g.x), 2 * columns_per_hop, seed)
            found["several hops"] = side_by_side(g, wide, columns_per_hop, seed)
        if encoder:
            found["GCN of random weights"] = _untrained(g, encoder, seed)
    return found


def _principal(x: F32, components: int, seed: int) -> F32:
    from sklearn.decomposition import PCA

    most = min(components, *x.shape)
    solver = "randomized" if most < 0.8 * min(x.shape) else "full"
    return np.asarray(PCA(most, svd_solver=solver, random_state=seed % 2**32).fit_transform(x), dtype=np.float32)


def _untrained(graph: Graph, dimensions: int, seed: int) -> F32:
    import torch

    from graphrep.nn import GCN, make_generator, using_generator
    from graphrep.nn.sparse import as_features
    from graphrep.ops import as_adjacency

    x = as_features(graph.x, torch.device("cpu"))
    with using_generator(make_generator(seed)):
        encoder = GCN(x.shape[1], dimensions, layers=2, inner_activation="relu", activation="none")
    vectors: F32 = encoder.infer(x, as_adjacency(untyped_graph(graph, weights=False))).numpy()
    return vectors


def smooth_features(graph: Any, x: Any, hops: int = 2, *, n_jobs: int | None = None) -> F32:
    r"""Smooth columns over the graph: :math:`S^k X` with :math:`S = (D+I)^{-1/2} (A+I) (D+I)^{-1/2}`.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        D holds its weighted out-degrees.
    x : array, tensor or scipy.sparse matrix of shape (num_nodes, columns)
    hops : int
        k, at least 0.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_nodes, columns)

    Raises
    ------
    ValueError
        ``x`` has another shape, or ``hops`` is negative.

    Notes
    -----
    O(hops * num_arcs * columns).

    References
    ----------
    Wu et al.: Simplifying Graph Convolutional Networks, ICML 2019, section 2.

    Examples
    --------
    >>> import graphrep as gr
    >>> edge = gr.as_graph([[0], [1]], directed=False)
    >>> gr.evaluate.smooth_features(edge, [[1.0], [0.0]], hops=1).round(3).tolist()
    [[0.5], [0.5]]
    """
    g: Graph = untyped_graph(graph)
    y = _dense(x)
    if y.ndim != 2 or len(y) != g.num_nodes:
        raise ValueError(f"x must have shape ({g.num_nodes}, columns), got {y.shape}.")
    if hops < 0:
        raise ValueError(f"hops must not be negative, got {hops}.")
    return smoothed(Arcs(g, n_jobs), y, hops)


def as_float32(x: Any) -> Any:
    """An array or a scipy.sparse matrix in float32."""
    return (x if hasattr(x, "tocsr") else to_numpy(x)).astype(np.float32, copy=False)


def unit_rows(x: Any) -> Any:
    """Rows of an array or a scipy.sparse matrix scaled to length 1, in float32; rows of zeros stay."""
    from sklearn.preprocessing import normalize

    if hasattr(x, "tocsr"):
        return normalize(as_float32(x))
    x = to_numpy(x)
    out, step = np.empty(x.shape, dtype=np.float32), max(1, _BLOCK // max(1, x.shape[1]))
    for begin in range(0, len(x), step):  # normalize takes twice the memory
        out[begin : begin + step] = normalize(as_float32(x[begin : begin + step]))
    return out


def directions(x: Any, components: int, seed: int) -> F32:
    """Leading right singular vectors of an array or a scipy.sparse matrix as columns, at most ``components``."""
    from sklearn.utils.extmath import randomized_svd

    most = min(components, *x.shape)
    if most > 0.8 * min(x.shape):
        right = np.linalg.svd(_dense(x), full_matrices=False)[2][:most]
    else:
        right = randomized_svd(x, most, random_state=seed % 2**32)[2]
    return np.ascontiguousarray(right.T, dtype=np.float32)


def reduced(x: Any, components: int, seed: int) -> F32:
    r"""Leading left singular vectors of x times singular values, :math:`U \Sigma`, at most ``components`` columns."""
    return np.ascontiguousarray(x @ directions(x, components, seed), dtype=np.float32)


def side_by_side(graph: Graph, x: F32, components: int, seed: int, scaled: Callable[[Any], Any] = unit_rows) -> F32:
    """Unit rows of the truncated SVDs of the columns after 0, 1, 2 and 4 hops."""
    blocks, smooth = [], x
    for hops in (0, 1, 1, 2):  # after the hops before
        smooth = smooth_features(graph, smooth, hops)
        blocks.append(scaled(reduced(smooth, components, seed)))
    return np.hstack(blocks)


def compare(
    scorers: Mapping[str, Any],
    split: Any,
    *,
    graph: Any = None,
    act: bool = False,
    random_state: Any = 0,
    **options: Any,
) -> Comparison[LinkPrediction]:
    """Evaluate several scorers on one split, together with the untrained baselines.

    Parameters
    ----------
    scorers : mapping of str to scorer
        Each is a scorer for :func:`link_prediction`.
    split : LinkSplit
    graph : Graph or anything :func:`graphrep.as_graph` takes, optional
        The graph that the baselines use; default ``split.graph``, the training edges. Without either there are no
        baselines.
    act : bool
        Also fit the linear model of :class:`graphrep.NetInfoFAct` to this graph, which takes seconds, with the penalty
        that is best on the validation pairs, if there are some.
    random_state : int, RandomState, Generator or None
    **options
        Passed to :func:`link_prediction`: ``part``, ``metrics``, ``operator``, ...

    Returns
    -------
    Comparison of LinkPrediction

    Raises
    ------
    ValueError
        ``graph`` contains edges that are to be predicted, or these are also training edges in a split without edge
        attributes, which could distinguish repeated edges.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.3)
    >>> vectors = gr.evaluate.node_baselines(split.graph, dimensions=8)["random projection"]
    >>> gr.evaluate.compare({"mine": vectors}, split, metrics=["auc", "ap"], operator="dot")
    test: 23 edges against 23 other pairs
                                            auc      ap
    ---------------------------------------------------
    mine                                 0.5671  0.6024
    random (untrained)                   0.4839  0.5149
    common neighbors (untrained)         0.6011  0.5787
    Adamic-Adar (untrained)              0.6654  0.7071
    resource allocation (untrained)      0.6730  0.7273
    Jaccard (untrained)                  0.5614  0.4986
    preferential attachment (untrained)  0.6531  0.6374
    """
    baselines: dict[str, Any] = {}
    seed = resolve_seed(random_state)
    graph = getattr(split, "graph", None) if graph is None else graph
    if graph is not None:
        g = untyped_graph(graph)
        part = options.get("part", "test")
        hidden, train = as_pairs(getattr(split, part), g, name=part), as_pairs(split.train, g, name="train")
        repeats = bool(getattr(split, "attributes", None))  # the same pair may be an edge in several years
        refuse_leaks(g, hidden, train, part, repeats=repeats)
        baselines = dict(link_baselines(g, random_state=seed))
        if act:
            scorers = {**scorers, "NetInfoF Act": act_scorer(g, split, seed=seed)}
    elif act:
        raise ValueError("act needs the training edges; pass graph.")

    def judge(some: Mapping[str, Any]) -> Mapping[str, LinkPrediction]:
        return MappingProxyType(
            {name: link_prediction(one, split, random_state=seed, **options) for name, one in some.items()}
        )

    return Comparison(judge(scorers), judge(baselines))


def compare_nodes(
    vectors: Mapping[str, Any],
    graph: Any,
    y: Any = None,
    *,
    hops: int = 2,
    components: int = 256,
    columns_per_hop: int = 128,
    encoder: int = 512,
    max_features: int = 8192,
    random_state: Any = 0,
    **options: Any,
) -> Comparison[NodeClassification]:
    """Evaluate node vectors by the labels they predict, together with untrained baselines.

    Parameters
    ----------
    vectors : mapping of str to array of shape (num_nodes, dimensions)
    graph : Graph or anything :func:`graphrep.as_graph` takes
        For the baselines of :func:`node_baselines`: features, propagated features, their principal components, several
        hops and a GCN of random weights; random vectors if the graph has no features.
    y : optional
        Labels; default ``graph.y``.
    hops, components, columns_per_hop, encoder, max_features : int
        See :func:`node_baselines`.
    random_state : int, RandomState, Generator or None
        For the splits and the baselines.
    **options
        Passed to :func:`node_classification`: ``ratios``, ``per_class``, ``train``, ``protocol``, ``C``, ...

    Returns
    -------
    Comparison of NodeClassification

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> import graphrep as gr
    >>> g = gr.as_graph(nx.stochastic_block_model([30, 30], [[0.3, 0.02], [0.02, 0.3]], seed=0))
    >>> y = np.arange(60) // 30
    >>> mine = gr.FastRP(dimensions=8).fit_transform(g)
    >>> table = gr.evaluate.compare_nodes({"mine": mine}, g, y)
    >>> list(table)
    ['mine', 'random', 'random projection']
    """
    g = untyped_graph(graph)
    given = g.y if y is None else y
    labels = None if given is None else node_labels(given, g.node_index, "y")
    if labels is None:
        raise ValueError("y must be given, since the graph has no labels.")
    seed = resolve_seed(random_state)
    untrained: dict[str, Any] = node_baselines(
        g,
        hops=hops,
        components=components,
        columns_per_hop=columns_per_hop,
        encoder=encoder,
        max_features=max_features,
        random_state=seed,
    )
    if g.x is not None:
        untrained = {name: found for name, found in untrained.items() if not name.startswith("random")}

    def judge(some: Mapping[str, Any]) -> Mapping[str, NodeClassification]:
        options_ = {"majority": False, **options}
        return MappingProxyType(
            {
                name: node_classification(aligned(one, g.node_index, name), labels, random_state=seed, **options_)
                for name, one in some.items()
            }
        )

    return Comparison(judge(vectors), judge(untrained))


def _random_scores(seed: int, pairs: Any) -> F64:
    u, v = as_pairs(pairs)
    return uniform_double(random_bits(stream_key(seed, u), v))


def _dense(x: Any) -> F32:
    return np.ascontiguousarray(x.toarray() if hasattr(x, "toarray") else to_numpy(x), dtype=np.float32)
