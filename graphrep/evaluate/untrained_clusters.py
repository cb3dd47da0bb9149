"""Clusters without training: k-means on propagated features, and communities of the edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_int, checked_ints
from graphrep._communities import COMMUNITIES, has_igraph
from graphrep._communities import communities as communities_by
from graphrep._names import aligned
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.evaluate.baselines import as_float32, reduced, side_by_side, smooth_features, unit_rows
from graphrep.evaluate.checks import I64
from graphrep.evaluate.clustering import k_means
from graphrep.evaluate.tables import format_table
from graphrep.graph import Graph, untyped_graph

__all__ = ["ClusteringBaselines", "clustering_baselines", "modularity"]

HOPS = (0, 1, 2, 4, 8, 16)
TOLERANCE = 0.005  # of modularity, within which fewer hops are preferred
MOST_MERGED = 1024  # communities that are merged pair by pair; the others, the smallest, are taken together before


@dataclass(frozen=True, repr=False)
class ClusteringBaselines(Mapping[str, I64]):
    """Clusters by the name of the method, int64 arrays of shape (num_nodes,); print it for a table.

    Attributes
    ----------
    labels : dict of str to int64 array
    modularity : dict of str to float
        :func:`modularity` of each.
    hops : int or None
        Number of hops of "propagated features"; None without features.
    """

    labels: dict[str, I64]
    modularity: dict[str, float]
    hops: int | None

    def __getitem__(self, name: str) -> I64:
        return self.labels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        rows = [[name, str(len(np.unique(self[name]))), f"{self.modularity[name]:.4f}"] for name in self]
        return format_table(["", "clusters", "modularity"], rows)


def modularity(graph: Any, labels: Any) -> float:
    r"""Weight of the edges inside clusters, minus what it would be if only the degrees were known.

    .. math:: Q = \sum_c \Bigl[\frac{w_c}{W} - \Bigl(\frac{d_c}{W}\Bigr)^2\Bigr]

    with :math:`W = \sum_{ij} a_{ij}`, the weight :math:`w_c` of the arcs inside cluster c and the sum :math:`d_c` of
    the degrees of its nodes. It needs no classes. It does not measure the agreement with classes: these often have a
    lower modularity than the clusters that a method finds.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        A directed graph counts as undirected. A self loop is one arc.
    labels : array of shape (num_nodes,), or an object with ``labels_``
        Clusters, integers or strings; matched by name if they carry names.

    Returns
    -------
    float
        At most 1; 0 without edges.

    Raises
    ------
    ValueError
        ``labels`` has another length or shape, or holds floating-point numbers.

    Notes
    -----
    O(num_arcs + num_nodes log num_nodes).

    References
    ----------
    Newman. Modularity and community structure in networks. PNAS 2006.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = gr.as_graph([("a", "b"), ("c", "d")], directed=False)
    >>> gr.evaluate.modularity(pairs, [0, 0, 1, 1]), gr.evaluate.modularity(pairs, [0, 1, 0, 1])
    (0.5, -0.5)
    """
    g = untyped_graph(graph).to_undirected()
    found = np.asarray(aligned(getattr(labels, "labels_", labels), g.node_index, "labels"))
    if found.shape != (g.num_nodes,) or found.dtype.kind not in "biuUSO":
        raise ValueError(
            f"labels must hold one integer or string for each of {g.num_nodes} nodes, got {found.dtype} {found.shape}."
        )
    return _modularity(g, np.unique(found.astype(str) if found.dtype.kind == "O" else found, return_inverse=True)[1])


def clustering_baselines(
    graph: Any,
    n_clusters: int | None = None,
    *,
    hops: int | Sequence[int] = HOPS,
    components: int = 64,
    n_init: int = 10,
    normalize: bool = True,
    communities: bool = True,
    random_state: Any = 0,
) -> ClusteringBaselines:
    r"""Clusters without training, each in its strongest cheap form, by name.

    k-means on the rows of X or :math:`S^t X` (:func:`smooth_features`) is weak, because a few long rows decide. Unit
    rows of a truncated SVD are far stronger: on Amazon Photo with two hops, an accuracy of 0.78 instead of 0.30. No
    labels are used; the number of hops is chosen by :func:`modularity`.

    * ``"features"``: k-means on the unit rows of the leading singular vectors, times singular values, of the unit rows
      of X.
    * ``"propagated features"``: the same after t hops, :math:`S^t U \Sigma`. The t is the smallest of ``hops`` whose
      clusters have a modularity within 0.005 of the best.
    * ``"several hops"``: the unit rows of the SVDs after 0, 1, 2 and 4 hops side by side.
    * ``"Louvain"``, ``"Leiden"`` and ``"label propagation"``: communities of the edges, which choose their number
      themselves; nodes without edges form one community. Leiden needs igraph, ``graphrep[communities]``; without it,
      its rows are left out.
    * ``"Louvain, merged"`` and so on: of these communities, the pair whose union has the largest modularity is merged
      until at most ``n_clusters`` are left.

    A graph without features has the rows of communities only, and without ``n_clusters`` there are only those that
    choose their number. The clusters by k-means on an auto-encoder are
    ``initial_labels_`` of :class:`graphrep.PamC`.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        With features, unless ``communities``. Communities treat a directed graph as undirected.
    n_clusters : int, optional
        Number of clusters of the other rows.
    hops : int or sequence of int
        Numbers of hops to choose from.
    components : int
        Number of singular vectors, per hop; fewer if there are fewer nodes or features.
    n_init : int
        Number of starts of k-means, of which the one with the smallest inertia is kept.
    normalize : bool
        Whether to scale rows to unit length, before and after the SVD; False if lengths have a meaning, as those of
        coordinates or counts have. A single column has no direction and is never scaled.
    communities : bool
        Whether to include the methods that use the edges alone. Louvain and label propagation are networkx's, and take
        about 30 seconds per million edges.
    random_state : int, RandomState, Generator or None

    Returns
    -------
    ClusteringBaselines
        A mapping of names to int64 arrays of shape (num_nodes,); it also holds the hops that were chosen.

    Raises
    ------
    ValueError
        There are fewer nodes than clusters, neither features nor ``communities``, neither ``n_clusters`` nor
        ``communities``, or no or negative ``hops``.

    Notes
    -----
    O(non-zeros of X * components + max(hops) * num_arcs * components + num_nodes * components * n_clusters * n_init),
    the last term times the number of ``hops``. Computed on one thread: the result does not depend on their number.

    References
    ----------
    Wu et al. Simplifying Graph Convolutional Networks. ICML 2019. Blondel et al. Fast unfolding of communities in large
    networks. 2008. Traag, Waltman, van Eck. From Louvain to Leiden: guaranteeing well-connected communities. 2019.
    Traag, Šubelj. Large network community detection by fast label propagation. 2023.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> import graphrep as gr
    >>> blocks = nx.planted_partition_graph(3, 30, 0.3, 0.02, seed=0)
    >>> y = np.arange(90) // 30
    >>> x = np.eye(3)[y] + np.random.default_rng(0).normal(size=(90, 3))
    >>> found = gr.evaluate.clustering_baselines(gr.as_graph(blocks, x=x), 3)
    >>> [round(gr.evaluate.clustering(y, found[name])["accuracy"], 2) for name in ("features", "propagated features")]
    [0.47, 1.0]
    >>> found
                               clusters  modularity
    -----------------------------------------------
    features                          3      0.0727
    propagated features               3      0.5244
    several hops                      3      0.4865
    Louvain                           3      0.5244
    Louvain, merged                   3      0.5244
    Leiden                            3      0.5244
    Leiden, merged                    3      0.5244
    label propagation                 3      0.5244
    label propagation, merged         3      0.5244
    """
    g = untyped_graph(graph)
    if g.x is None and not communities:
        raise ValueError("graph must have features x if communities is False, got none.")
    if n_clusters is None:
        if not communities:
            raise ValueError("n_clusters must be given if communities is False, got None.")
    elif checked_int("n_clusters", n_clusters, 1) > g.num_nodes:
        raise ValueError(f"n_clusters must be at most the number of nodes, {g.num_nodes}; got {n_clusters}.")
    checked_int("components", components, 1)
    steps = sorted(set(checked_ints("hops", [hops] if isinstance(hops, int) else hops, 0)))
    if not steps:
        raise ValueError("hops must have at least one number, got none.")
    seed, edges, chosen = resolve_seed(random_state), g.to_undirected(), None
    found: dict[str, I64] = {}
    with limited_threads(1):  # the result does not depend on the machine
        if g.x is not None and n_clusters is not None:
            count = n_clusters

            def clusters(table: npt.NDArray[np.float32]) -> I64:
                return k_means(table, count, n_init=n_init, seed=seed)[1]

            scaled = unit_rows if normalize and g.x.shape[1] > 1 else as_float32
            wide = reduced(scaled(g.x), 2 * components, seed)
            base = wide[:, :components]
            by_hop = {hop: clusters(scaled(smooth_features(g, base, hop, n_jobs=1))) for hop in {0, *steps}}
            quality = {hop: _modularity(edges, by_hop[hop]) for hop in steps}
            chosen = next(hop for hop in steps if quality[hop] >= max(quality.values()) - TOLERANCE)
            found["features"], found["propagated features"] = by_hop[0], by_hop[chosen]
            found["several hops"] = clusters(side_by_side(g, wide, components, seed, scaled))
        if communities:
            for name in COMMUNITIES:
                if name == "Leiden" and not has_igraph():
                    continue
                found[name] = communities_by(name, edges, seed)
                if n_clusters is not None:
                    found[f"{name}, merged"] = _merged(edges, found[name], n_clusters)
    return ClusteringBaselines(found, {name: _modularity(edges, labels) for name, labels in found.items()}, chosen)


def _modularity(graph: Graph, labels: I64) -> float:
    table = _between(graph, labels)
    total = table.sum()
    return float(table.diagonal().sum() / total - np.square(np.asarray(table.sum(1)) / total).sum()) if total else 0.0


def _between(graph: Graph, labels: I64) -> Any:
    """Weights of the arcs between clusters, a sparse matrix."""
    import scipy.sparse as sp

    n, k = graph.num_nodes, int(labels.max(initial=-1)) + 1
    member = sp.csr_array((np.ones(n), labels, np.arange(n + 1)), shape=(n, k))
    return sp.csr_array(member.T @ (graph.to_scipy().astype(np.float64) @ member))


def _merged(graph: Graph, labels: I64, n_clusters: int) -> I64:
    """Merge the pair of communities with the largest gain in modularity until ``n_clusters`` are left."""
    table = _between(graph, labels)
    order = np.argsort(-np.asarray(table.sum(1)), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.minimum(np.arange(len(order)), max(MOST_MERGED, n_clusters) - 1)
    labels = place[labels]
    arcs = _between(graph, labels).toarray()
    arcs /= max(arcs.sum(), 1e-300)
    while len(arcs) > n_clusters:
        degrees = arcs.sum(1)
        gain = arcs - np.outer(degrees, degrees)
        np.fill_diagonal(gain, -np.inf)
        first, second = sorted(divmod(int(gain.argmax()), len(arcs)))
        arcs[first] += arcs[second]
        arcs[:, first] += arcs[:, second]
        arcs = np.delete(np.delete(arcs, second, 0), second, 1)
        labels = np.where(labels == second, first, labels - (labels > second))
    return labels
