"""MetaPath2Vec: skip-gram vectors of the nodes of a typed graph, from walks along meta-paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep._embedder import F32, extended_graph, fitted_rows, is_matrix, new_arcs
from graphrep._metapaths import closed_paths, factors_of
from graphrep._random import resolve_seed
from graphrep._types import rows_of_type
from graphrep.embed.node2vec import WalkEmbedder
from graphrep.graph import Graph, as_graph
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import MetaPathSampler, WalkSampler
from graphrep.ops.walks.states import joined_states

if TYPE_CHECKING:
    from graphrep._metapaths import Step
    from graphrep.vectors import NodeVectors

__all__ = ["MetaPath2Vec"]


@dataclass(kw_only=True, eq=False, repr=False)
class MetaPath2Vec(WalkEmbedder):
    r"""metapath2vec: random walks that repeat meta-paths, then skip-gram with negative sampling.

    The walks of :class:`graphrep.ops.MetaPathSampler` decide which nodes count as near: along (paper, author, paper)
    those of common authors, along (author, paper, venue, paper, author) authors who publish in the same places. Arcs
    are taken in proportion to their weights. Training is that of :class:`graphrep.Node2Vec`: one table of vectors for
    all types of nodes, noise drawn from the nodes of all types that the walks visit, or with ``noise_by_type`` from
    those of the type of the context (metapath2vec++).

    Parameters
    ----------
    metapaths : sequence of meta-paths, or one of them
        Each as in :func:`graphrep.relational.metapath`, ending in the type in which it begins. None is for graphs
        whose nodes have one type, and takes all edges: :class:`graphrep.DeepWalk`.
    p, q : float
        As in :class:`graphrep.ops.MetaPathSampler`; the paper has walks of first order, p = q = 1.
    walks_per_node : int
        For each node of the type in which a path begins, and each path.
    noise_by_type : bool
        Whether each type of contexts has noise of its own.
    dimensions, walk_length, window, num_negatives, epochs, learning_rate, min_learning_rate, noise_power, subsampling
        As in :class:`graphrep.Node2Vec`. The paper has 1000 walks per node of length 100, and window 7.
    finish, random_state, n_jobs, checkpoint, checkpoint_seconds, init, callbacks, progress
        As in :class:`graphrep.Node2Vec`.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        A node on no path keeps its small random initial vector: :meth:`of_type` gives the vectors of a type.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    Time as for :class:`graphrep.Node2Vec`, memory that and the arcs of all steps.

    References
    ----------
    .. [1] Dong, Chawla, Swami. metapath2vec: Scalable Representation Learning for Heterogeneous Networks. KDD 2017,
       sections 3.2 and 3.3.

    Examples
    --------
    >>> import graphrep as gr
    >>> facts = [("p", "by", "ann"), ("q", "by", "ann")]
    >>> g = gr.as_graph(facts, edge_type=1, node_type=["paper", "author", "paper"])
    >>> path = ("author", "paper", "author")
    >>> model = gr.MetaPath2Vec(metapaths=path, dimensions=16, walks_per_node=2, n_jobs=1)
    >>> model.fit(g).of_type("paper")
    NodeVectors(num_nodes=2, dimensions=16)
    """

    metapaths: Any = None
    p: float = 1.0
    q: float = 1.0
    noise_by_type: bool = False

    _graph_of = staticmethod(as_graph)
    _follows_arcs = False  # but the paths, both ways

    def of_type(self, name: str) -> NodeVectors:
        """Vectors of the nodes of a type, which lies on a path, as NodeVectors."""
        check_is_fitted(self, "embedding_")
        g = self._graph
        if g.node_types is None or g.node_type is None:
            raise ValueError("the fitted graph has no types of nodes.")
        if self.metapaths is not None:
            known = {step.source for steps in closed_paths(g, self.metapaths) for step in steps}  # each path is closed
            if name not in known:
                listed = ", ".join(repr(kind) for kind in g.node_types if kind in known)
                raise ValueError(f"{name!r} lies on no meta-path, so its nodes have no vectors; on these are {listed}.")
        vectors = self.node_vectors_
        return vectors.select(vectors.nodes[rows_of_type(g, name)])

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes, trained with the vectors of all fitted nodes held fixed.

        Walks along the meta-paths start at the new nodes at every position at which their type occurs, and go on
        through the fitted nodes. The fitted vectors and context vectors are restored after each pass.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            A matrix has the weights of the edges from new nodes, which are of the type in which the first path begins,
            to the fitted nodes; those to nodes of the type that comes next count, whatever the types and the
            directions of the edges. A graph has types of nodes, and the new nodes beside fitted ones under their names.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes that were not fitted.

        Raises
        ------
        ValueError
            Every node of the graph was fitted, or none was; or it has no types.
        """
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        if self.metapaths is None:
            return super().transform(new)
        fitted = self._graph
        paths = closed_paths(fitted, self.metapaths)
        if is_matrix(new):
            arcs = self._new_rows(new)
            kinds = np.full(arcs.shape[0], paths[0][0].source, dtype=object)
            blocks = [
                [arcs[kinds == step.source][:, rows_of_type(fitted, step.target)] for step in steps] for steps in paths
            ]
            return self._train_typed(None, arcs, kinds, blocks)
        graph = as_graph(new)
        if graph.node_types is None:
            raise ValueError("new must have types of nodes, as the fitted graph has; give node_type= to as_graph.")
        if graph.edge_types is None and any(step.kind is not None for steps in paths for step in steps):
            raise ValueError("new must have types of edges, which the meta-paths name; give edge_type= to as_graph.")
        _, at = fitted_rows(graph, fitted)
        if (at >= 0).all():
            raise ValueError("new must have a node that was not fitted, got none.")
        names, arcs = new_arcs(graph.untyped().to_undirected(), fitted)
        kinds = np.array(graph.node_types, dtype=object)[graph.node_type][at < 0]
        blocks = [[_new_rows(graph, at, fitted, step) for step in steps] for steps in paths]
        vectors = self._train_typed(names, arcs, kinds, blocks)
        return NodeVectors(vectors, names, {"method": f"{type(self).__name__}.transform"})

    def _train_typed(self, names: Any, arcs: Any, kinds: Any, blocks: Any) -> F32:
        """Vectors of new nodes of these types; ``blocks`` hold their rows of the adjacency of each step."""
        fitted, old = self._graph, self._graph.num_nodes
        seed = resolve_seed(self.random_state)
        chains, rows = [], []
        for steps, parts in zip(closed_paths(fitted, self.metapaths), blocks, strict=True):
            pairs = zip(factors_of(fitted, steps), parts, strict=True)
            chains.append([sp.csr_array(sp.vstack(pair, format="csr")) for pair in pairs])
            rows.append(
                [np.append(rows_of_type(fitted, kind), old + np.flatnonzero(kinds == kind)) for kind, *_ in steps]
            )
        states = joined_states(chains, rows)
        degree = states.graph.out_degree
        start = np.flatnonzero((states.nodes >= old) & (degree > 0))
        options = {"walk_length": self.walk_length, "p": self.p, "q": self.q, "seed": seed, "n_jobs": self.n_jobs}
        sampler = MetaPathSampler.of_states(states, old + len(kinds), start, **options)
        graph = extended_graph(fitted, names, arcs)
        counts = np.bincount(states.nodes, weights=degree, minlength=graph.num_nodes)
        types = fitted.node_types or ()
        new = np.array([types.index(kind) if kind in types else 0 for kind in kinds], dtype=np.int64)
        codes = None if fitted.node_type is None else np.append(fitted.node_type, new)
        return self._train_new(self._skip_gram(graph, seed, counts, kinds=codes), sampler, arcs)

    def _skip_gram(
        self, graph: Graph, seed: int, counts: Any, subsampling: float = 0.0, *, kinds: Any = None
    ) -> SkipGram:
        if not isinstance(self.noise_by_type, (bool, np.bool_)):
            raise TypeError(f"noise_by_type must be True or False, got {self.noise_by_type!r}.")
        kinds = graph.node_type if kinds is None else kinds
        return super()._skip_gram(graph, seed, counts, subsampling, kinds=kinds if self.noise_by_type else None)

    def _sampler(self, graph: Graph, seed: int, start: Any = None) -> WalkSampler:
        options = {"walk_length": self.walk_length, "p": self.p, "q": self.q, "start": start, "seed": seed}
        options["n_jobs"] = self.n_jobs
        if self.metapaths is not None:
            return MetaPathSampler(graph, self.metapaths, **options)
        if len(graph.node_types or ()) > 1:
            known = ", ".join(map(repr, graph.node_types or ()))
            raise ValueError(f"metapaths must be given for a graph whose nodes are of several types, {known}.")
        return WalkSampler(graph, **options)

    def _identity(self, graph: Graph) -> tuple[Any, ...]:
        return graph, graph.node_type, graph.node_types, graph.edge_type, graph.edge_types

    def _memory_needed(self, graph: Graph) -> int:
        paths = 0 if self.metapaths is None else len(closed_paths(graph, self.metapaths))
        return super()._memory_needed(graph) + 24 * paths * graph.num_arcs


def _new_rows(graph: Graph, at: Any, fitted: Graph, step: Step) -> sp.csr_array:
    """Adjacency of a step from the new nodes of a graph to fitted ones; ``at``: rows in the fitted graph, or -1."""
    one, kind, other, _ = step
    targets = rows_of_type(fitted, other)
    known = graph.node_types or ()
    sources = rows_of_type(graph, one) if one in known else np.empty(0, dtype=np.int64)
    new = at[sources] < 0
    shape = (int(new.sum()), len(targets))
    if other not in known or (kind is not None and kind not in (graph.edge_types or ())):
        return sp.csr_array(shape)
    ends = at[rows_of_type(graph, other)]
    place = np.full(fitted.num_nodes + 1, -1)  # the last entry is that of a node which was not fitted
    place[targets] = np.arange(len(targets))
    if not shape[0]:
        return sp.csr_array(shape)
    part = factors_of(graph, [step], required=False)[0][new].tocoo()
    column = place[ends[part.col]]
    good = column >= 0
    return sp.csr_array((part.data[good], (part.row[good], column[good])), shape=shape)
