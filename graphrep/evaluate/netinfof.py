"""How much structure, features and propagation tell about edges before anything is trained: NetInfoF."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_features, checked_int
from graphrep._names import as_pairs
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.evaluate.checks import F64, I64
from graphrep.evaluate.logistic import fit_one_vs_rest
from graphrep.evaluate.metrics import link_metrics, selection_metric
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.non_edges import sample_non_edges
from graphrep.ops.diffusion.loops import adjacency_without_loops

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ActModel", "compatibility", "fit_act", "information", "netinfof_components", "netinfof_probe"]

F32 = npt.NDArray[np.float32]
Product = Callable[[Any], Any]

_DROPPED = 0.05  # share of the absolute mass of the coefficients of H that is left out
_BINS = 8
_ROWS = 1 << 14  # pairs at a time

ACT_STRENGTHS = (0.1, 1.0, 10.0, 100.0)
ACT_STRENGTH = 10.0  # without validation pairs


def netinfof_components(
    graph: Any, *, dimensions: int = 128, hops: int = 2, random_state: Any = 0
) -> dict[str, npt.NDArray[np.float32]]:
    r"""Five views of a graph that can tell about its edges, as node vectors without training.

    Each is a truncated singular value decomposition, whose columns are divided by their standard deviations and whose
    rows are then scaled to length 1. With the adjacency A without directions and self loops, the degrees D, and the
    features X, from which their least value is subtracted and whose rows are divided by their sums:

    * ``"structure"``: of A, :math:`U \Sigma^{1/2}`;
    * ``"walks"``: likewise of the expected visits of walks of two steps that do not turn back,
      :math:`D^{-1} A + D^{-1} A (D - I)^{-1} A` without its diagonal;
    * ``"features"``: the principal components of X;
    * ``"propagated features"``: those of :math:`(D^{-1} A)^k X`;
    * ``"propagated features, with self loops"``: those of :math:`((D + I)^{-1} (A + I))^k X`.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        The training edges only. Weights are ignored.
    dimensions : int
        Columns of each view; fewer if the graph has fewer nodes or features.
    hops : int
        k.
    random_state : int, RandomState, Generator or None
        For the randomized decompositions.

    Returns
    -------
    dict of str to float32 array of shape (num_nodes, at most dimensions)
        The first two only, if the graph has no features.

    Notes
    -----
    O((num_arcs + num_features_entries) * dimensions) per product, about ten products for each view. Matrices of
    propagated features and of visits are never formed. The authors sample 200 walks per node and leave out single
    visits; expected visits need no sample.

    References
    ----------
    Lee et al.: NetInfoF Framework: Measuring and Exploiting Network Usable Information, ICLR 2024, section 4.1.

    Examples
    --------
    >>> import networkx as nx
    >>> from graphrep.evaluate import netinfof_components
    >>> found = netinfof_components(nx.karate_club_graph(), dimensions=8)
    >>> {name: z.shape for name, z in found.items()}
    {'structure': (34, 8), 'walks': (34, 8)}
    """
    g = untyped_graph(graph, weights=False)
    checked_int("dimensions", dimensions, 1)
    checked_int("hops", hops, 0)
    g = g.to_undirected() if g.directed else g
    seed, n = resolve_seed(random_state), g.num_nodes
    A = adjacency_without_loops(g).astype(np.float32)
    degree = np.asarray(A.sum(axis=1), dtype=np.float32)[:, None]
    inverse = 1 / np.maximum(degree, 1)
    onward = np.where(degree > 1, 1 / np.maximum(degree - 1, 1), 0).astype(np.float32)
    back = inverse * (A @ onward)  # the probability of visits to the start, the diagonal

    def visits(x: F32) -> F32:
        step = A @ x
        return np.asarray(inverse * step + inverse * (A @ (onward * step)) - back * x)

    def visits_transposed(x: F32) -> F32:
        scaled = inverse * x
        step = A @ scaled
        return np.asarray(step + A @ (onward * step) - back * x)

    found = {
        "structure": _factor(lambda x: A @ x, lambda x: A @ x, n, n, dimensions, seed, rooted=True),
        "walks": _factor(visits, visits_transposed, n, n, dimensions, seed, rooted=True),
    }
    if g.x is not None:
        X = _row_sums_one(g.x)

        def propagated(scale: F32, loops: float) -> tuple[Product, Product]:
            def forward(x: F32) -> F32:
                y = np.asarray(X @ x)
                for _ in range(steps):
                    y = scale * (A @ y + loops * y)
                return y

            def transposed(x: F32) -> F32:
                for _ in range(steps):
                    x = scale * x
                    x = A @ x + loops * x
                return np.asarray(X.T @ x)

            steps = hops if loops >= 0 else 0
            return forward, transposed

        views = {
            "features": (inverse, -1.0),
            "propagated features": (inverse, 0.0),
            "propagated features, with self loops": (1 / (degree + 1), 1.0),
        }
        for name, (scale, loops) in views.items():
            forward, transposed = propagated(scale.astype(np.float32), loops)
            mean = transposed(np.full((n, 1), 1 / n, dtype=np.float32)).T  # of the columns

            def centered(x: F32, forward: Product = forward, mean: F32 = mean) -> F32:
                return np.asarray(forward(x) - mean @ x)

            def centered_transposed(x: F32, transposed: Product = transposed, mean: F32 = mean) -> F32:
                return np.asarray(transposed(x) - mean.T @ x.sum(axis=0, keepdims=True))

            found[name] = _factor(centered, centered_transposed, n, X.shape[1], dimensions, seed, rooted=False)
    return found


def netinfof_probe(
    split: Any,
    *,
    part: str = "valid",
    dimensions: int = 128,
    hops: int = 2,
    max_train: int = 50_000,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> dict[str, float]:
    r"""Measure how much each view of a graph tells about its edges, before anything is trained.

    For the vectors Z of each view of :func:`netinfof_components`, a symmetric compatibility matrix

    .. math:: H = \arg\min_H \sum_{(i,j) \in E} (1 - z_i^\top H z_j)^2 + \sum_{(i,j) \notin E} (z_i^\top H z_j)^2
              + \lVert H - H_0 \rVert^2

    lets also different nodes be likely neighbors. The scores :math:`s_{ij} = z_i^\top H z_j` are put into eight bins of
    equal size on training pairs, and with the entropy (in bits) of "edge or not" within the bins on held-out pairs, the
    result is :math:`2^{-H(Y \mid \mathrm{bin})}`: 0.5 if the view tells nothing, 1 if it tells all. It is at most the
    accuracy of the best prediction from the bin. Edges and other pairs count as equally frequent.

    Parameters
    ----------
    split : LinkSplit
        Views and H come from the training edges, ``split.graph``.
    part : {"valid", "test"}
        Held-out pairs to measure on.
    dimensions, hops : int
        See :func:`netinfof_components`.
    max_train : int
        Number of training edges that H is fitted to, a random sample if there are more; against twice as many random
        pairs.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads of the dense products; None keeps the settings of the libraries.

    Returns
    -------
    dict of str to float
        Score of each view.

    Raises
    ------
    ValueError
        The part is empty or unknown.

    Notes
    -----
    O(max_train * dimensions**2) for each of about 20 steps that fit H.

    References
    ----------
    Lee et al.: NetInfoF Framework: Measuring and Exploiting Network Usable Information, ICLR 2024, sections 3 and 4.

    Examples
    --------
    Nodes of two groups link to the other group, which structure alone hardly tells in so sparse a graph:

    >>> import networkx as nx
    >>> import numpy as np
    >>> import graphrep as gr
    >>> blocks = nx.stochastic_block_model([60, 60], [[0.01, 0.3], [0.3, 0.01]], seed=0)
    >>> graph = gr.as_graph(blocks, x=np.eye(2)[np.arange(120) // 60])
    >>> split = gr.evaluate.random_link_split(graph, test=0.1, valid=0.2)
    >>> found = gr.evaluate.netinfof_probe(split, dimensions=8)
    >>> found["features"] > 0.58 > found["walks"]
    True
    """
    if part not in ("valid", "test"):
        raise ValueError(f"part must be valid or test, got {part!r}.")
    g: Graph = untyped_graph(split.graph)
    pos = as_pairs(getattr(split, part), g, name=part)
    neg = as_pairs(getattr(split, f"{part}_neg"), g, name=f"{part}_neg").reshape(2, -1)
    if not pos.size or not neg.size:
        raise ValueError(f"split must have {part} edges and negatives, got none.")
    seed = resolve_seed(random_state)
    train, others = training_pairs(g, as_pairs(split.train, g, name="train"), max_train, seed)
    with limited_threads(n_jobs):
        views = netinfof_components(g, dimensions=dimensions, hops=hops, random_state=seed)
        scores = {}
        for name, Z in views.items():
            right = Z @ compatibility(Z, g, train, others)
            parts = [_inner(Z, right, pairs) for pairs in (np.concatenate([train, others], axis=1), pos, neg)]
            scores[name] = information(*parts)
    return scores


def information(train: Any, positive: Any, negative: Any, *, bins: int = _BINS) -> float:
    """The probe of scores: 2 to the minus conditional entropy of the label, in bins of equal size on ``train``."""
    borders = np.quantile(train, np.linspace(0, 1, bins + 1)[1:-1])
    counts = np.stack(
        [
            np.bincount(np.searchsorted(borders, scores), minlength=bins) / len(scores) / 2
            for scores in (positive, negative)
        ]
    )
    share = counts / np.maximum(counts.sum(axis=0), 1e-300)
    entropy = -(counts * np.log2(np.where(share > 0, share, 1))).sum()
    return float(2**-entropy)


def training_pairs(graph: Graph, positives: I64, most: int, seed: int, sampling: str = "uniform") -> tuple[I64, I64]:
    """A sample of the training edges without self loops, and twice as many random pairs without an edge."""
    rng = np.random.default_rng(seed)
    positives = positives[:, positives[0] != positives[1]]
    if not positives.shape[1]:
        raise ValueError("edges must hold at least one edge that is not a self loop, got none.")
    positives = positives[:, np.sort(rng.permutation(positives.shape[1])[: checked_int("max_train", most, 1)])]
    others = sample_non_edges(graph, 2 * positives.shape[1], rng=rng, sampling=sampling, distinct=False)
    return positives, others


def compatibility(Z: F32, graph: Graph, positives: I64, negatives: I64) -> F32:
    """The matrix H of :func:`netinfof_probe`, symmetric of shape (dimensions, dimensions).

    As in the authors' code it starts from the ridge regression of the neighbors' vectors on those of the nodes, keeps
    the coefficients that hold 95 % of its absolute mass, and is then fitted by LSQR, loosely, to edges between nodes of
    degree 2 or more and to the negatives.
    """
    from scipy.sparse.linalg import LinearOperator, lsqr

    d = Z.shape[1]
    A = adjacency_without_loops(graph.to_undirected() if graph.directed else graph).astype(np.float32)
    degree = np.asarray(A.sum(axis=1), dtype=np.float32)
    gram = Z.T @ (degree[:, None] * Z) + np.eye(d, dtype=np.float32)
    start = np.linalg.solve(gram.astype(np.float64), (Z.T @ (A @ Z)).astype(np.float64))
    row, col = np.triu_indices(d)
    x = start[row, col]
    order = np.argsort(np.abs(x))
    kept = np.ones(len(x), dtype=bool)
    mass = np.cumsum(np.abs(x)[order])
    kept[order[mass < _DROPPED * mass[-1]]] = False
    row, col, x = row[kept], col[kept], x[kept]
    core = positives[:, (degree[positives] >= 2).all(axis=0)]
    positives = core if core.shape[1] else positives
    pairs = np.concatenate([positives, negatives], axis=1)
    target = np.repeat([1.0, 0.0], [positives.shape[1], negatives.shape[1]])

    def filled(values: F64) -> F32:
        H = np.zeros((d, d), dtype=np.float32)
        H[row, col] = values
        H[col, row] = values
        return H

    def product(values: F64) -> F64:
        return _inner(Z, Z @ filled(np.ravel(values)), pairs).astype(np.float64)

    def transposed(residual: F64) -> F64:
        weight, M = np.ravel(residual).astype(np.float32)[:, None], np.zeros((d, d))
        for begin in range(0, pairs.shape[1], _ROWS):
            u, v = pairs[:, begin : begin + _ROWS]
            M += Z[u].T @ (weight[begin : begin + _ROWS] * Z[v])
        return np.where(row == col, M[row, col], M[row, col] + M[col, row])

    operator = LinearOperator((len(target), len(x)), matvec=product, rmatvec=transposed, dtype=np.float64)
    return filled(lsqr(operator, target, damp=1.0, atol=1e-2, btol=1e-2, x0=x, iter_lim=100)[0])


class ActModel(NamedTuple):
    """A linear model on the products of all views, ``((a_u * b_v + b_u * a_v) / 2) @ coef + intercept``."""

    left: F32
    right: F32
    coef: F32
    intercept: float

    def __call__(self, pairs: I64) -> F32:
        """Float32 scores of shape (num_pairs,); the order of the two ends does not matter."""
        out = np.empty(pairs.shape[1], dtype=np.float32)
        for begin in range(0, pairs.shape[1], _ROWS):
            part = _products(self.left, self.right, pairs[:, begin : begin + _ROWS])
            out[begin : begin + _ROWS] = np.einsum("ij,j->i", part, self.coef) + np.float32(self.intercept)
        return out


def fit_act(
    left: F32,
    right: F32,
    positives: I64,
    negatives: I64,
    *,
    C: Sequence[float] = (ACT_STRENGTH,),
    val: tuple[I64, I64] | None = None,
    metric: str = "auc",
) -> tuple[ActModel, float]:
    """Logistic regression on the products of views, with the penalty that is best on validation pairs."""
    X = _products(left, right, np.concatenate([positives, negatives], axis=1))
    labels = (np.arange(len(X)) < positives.shape[1])[:, None]
    best: tuple[float, ActModel, float] | None = None
    for strength in sorted(C):
        fitted = fit_one_vs_rest(X, labels, strength)
        model = ActModel(left, right, fitted.coef[:, 0].astype(np.float32), float(fitted.intercept[0]))
        value = 0.0
        if val is not None:
            scores = model(val[1].reshape(2, -1)).reshape(val[1].shape[1:])
            value = link_metrics(model(val[0]), scores, [metric])[metric]
        if best is None or value > best[0]:
            best = value, model, strength
    assert best is not None
    return best[1], best[2]


def views_and_partners(
    graph: Graph, positives: I64, negatives: I64, *, dimensions: int, hops: int, seed: int
) -> tuple[list[str], F32, F32, Mapping[str, F32]]:
    """Names, vectors of all views side by side, the same times their matrices H, and these matrices by name."""
    views = netinfof_components(graph, dimensions=dimensions, hops=hops, random_state=seed)
    matrices = {name: compatibility(Z, graph, positives, negatives) for name, Z in views.items()}
    right = np.concatenate([Z @ matrices[name] for name, Z in views.items()], axis=1)
    return list(views), np.concatenate(list(views.values()), axis=1), right, matrices


def act_scorer(graph: Graph, split: Any = None, *, metric: str | None = None, seed: int = 0) -> ActModel:
    """Act of :class:`graphrep.NetInfoFAct` with its defaults, fitted to the edges of a graph."""
    none = np.zeros((2, 0), dtype=np.int64)
    valid = as_pairs(getattr(split, "valid", none), graph, name="valid")
    valid_neg = as_pairs(getattr(split, "valid_neg", none), graph, name="valid_neg")
    train, others = training_pairs(graph, graph.edges(), 30_000, seed)
    _, left, right, _ = views_and_partners(graph, train, others, dimensions=128, hops=2, seed=seed)
    if not valid.size or not valid_neg.size:
        return fit_act(left, right, train, others)[0]
    metric = metric or selection_metric(valid_neg.shape[1:])
    return fit_act(left, right, train, others, C=ACT_STRENGTHS, val=(valid, valid_neg), metric=metric)[0]


def _products(left: F32, right: F32, pairs: I64) -> F32:
    u, v = pairs
    return np.asarray((left[u] * right[v] + right[u] * left[v]) * np.float32(0.5))


def _inner(left: F32, right: F32, pairs: I64) -> F32:
    out = np.empty(pairs.shape[1], dtype=np.float32)
    for begin in range(0, pairs.shape[1], _ROWS):
        u, v = pairs[:, begin : begin + _ROWS]
        out[begin : begin + _ROWS] = np.einsum("ij,ij->i", right[u], left[v])
    return out


def _row_sums_one(x: Any) -> Any:
    """Features minus their least value, rows divided by their sums; sparse if they are sparse and not negative."""
    import scipy.sparse as sp

    X = checked_features("x", x if sp.issparse(x) else to_numpy(x))
    least = float(X.min())
    if least:
        X = np.asarray(X.toarray() if sp.issparse(X) else X) - np.float32(least)
    scale = 1 / np.maximum(np.asarray(X.sum(axis=1), dtype=np.float32).ravel(), 1e-12)
    scaled = sp.diags_array(scale) @ X if sp.issparse(X) else X * scale[:, None]
    return sp.csr_array(scaled) if sp.issparse(X) else np.asarray(scaled, dtype=np.float32)


def _factor(
    forward: Product, transposed: Product, rows: int, columns: int, dimensions: int, seed: int, *, rooted: bool
) -> F32:
    """Leading left singular vectors of a linear map times singular values or their roots, scaled as in NetInfoF."""
    rng = np.random.default_rng(seed)
    rank = min(dimensions, rows, columns)
    width = min(rank + 16, rows, columns)
    Q = np.linalg.qr(forward(rng.standard_normal((columns, width), dtype=np.float32)))[0]
    for _ in range(4):
        Q = np.linalg.qr(forward(np.linalg.qr(transposed(Q))[0]))[0]
    U, S, _ = np.linalg.svd(transposed(Q).T, full_matrices=False)
    Y = (Q @ U)[:, :rank] * (np.sqrt(S) if rooted else S)[:rank]
    Y = Y[:, S[:rank] > 1e-5 * max(float(S[0]), 1e-30)] if S[0] > 0 else Y[:, :1]
    deviation = Y.std(axis=0)
    Y = Y / np.where(deviation > 0, deviation, 1)
    length = np.linalg.norm(Y, axis=1, keepdims=True)
    return np.asarray(Y / np.where(length > 0, length, 1), dtype=np.float32)
