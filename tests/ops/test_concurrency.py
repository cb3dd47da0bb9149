"""Every function of graphrep.ops, forward and backward, from four Python threads at once: the results of one thread."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep import ops

RNG = np.random.default_rng(0)
EDGES = RNG.integers(0, 60, (2, 600))
GRAPH = gr.as_graph(EDGES, directed=False, num_nodes=60)
ADJ = ops.Adjacency.from_edge_index(torch.from_numpy(EDGES), num_nodes=60)
PAIRS = RNG.integers(0, 60, (2, 200))
INDEX = torch.from_numpy(RNG.integers(0, 9, 50))
SORTED = INDEX.sort()[0]
INDPTR = torch.tensor([0, 5, 5, 20, 50])
X = torch.from_numpy(RNG.random((60, 8)))
SRC = torch.from_numpy(RNG.random((50, 6))) + 0.1
SCORES = torch.from_numpy(RNG.random(600))
HEADS = torch.from_numpy(RNG.random((60, 2, 4)))

REDUCED = ("sum", "add", "mean", "min", "max")
# A function, and the tensors to take the gradient at.
CALLS = {
    "Adjacency": (lambda: ops.Adjacency(ADJ.indptr, ADJ.indices).t().to_dense(), ()),
    "as_adjacency": (lambda: ops.as_adjacency(GRAPH).t().to_dense(), ()),
    "spmm": (lambda x, w: [ops.spmm(ADJ.with_values(w), x, r) for r in ("sum", "mean", "max", "min")], (X, SCORES)),
    "sddmm": (lambda x, y: ops.sddmm(ADJ, x, y), (X, X.flip(0))),
    "edge_softmax": (lambda s: ops.edge_softmax(ADJ, s), (SCORES,)),
    "dot_attention": (lambda q, v: ops.dot_attention(ADJ, q, q, v), (HEADS, HEADS.flip(0))),
    "additive_attention": (lambda s, v: ops.additive_attention(ADJ, s, s, v), (HEADS[:, :, 0], HEADS)),
    "distances": (lambda x: ops.distances(x, x[:7], metric="complex"), (X,)),
    "dropout": (lambda x: ops.dropout(x, 0.4, seed=3), (X,)),
    "norm_dropout_relu": (lambda x, w, b: ops.norm_dropout_relu(x, w, b, p=0.3, seed=3), (X, X[0], X[1])),
    "symmetric_normalize": (lambda: ops.symmetric_normalize(ADJ).to_dense(), ()),
    "propagate": (lambda x: ops.propagate(ops.symmetric_normalize(ADJ).with_values(SCORES), x), (X,)),
    "pool_common_neighbors": (lambda x: ops.pool_common_neighbors(GRAPH, PAIRS, x), (X,)),
    "pool_difference": (lambda x: ops.pool_difference(GRAPH, PAIRS, x), (X,)),
    "intersection_count": (lambda: ops.intersection_count(GRAPH, PAIRS), ()),
    "neighbor_intersection": (lambda: ops.neighbor_intersection(GRAPH, PAIRS, max_neighbors=3).indices, ()),
    "neighbor_difference": (lambda: ops.neighbor_difference(GRAPH, PAIRS).indices, ()),
    "weighted_intersection": (lambda: ops.weighted_intersection(GRAPH, PAIRS), ()),
    "push_pagerank": (lambda: ops.push_pagerank(GRAPH, PAIRS), ()),
    "walk_sums": (lambda: ops.walk_sums(GRAPH, PAIRS, [1.0, 0.5, 0.25]), ()),
    "random_walks": (lambda: np.asarray(ops.random_walks(GRAPH, walk_length=9, walks_per_node=3, p=0.5, q=2.0)), ()),
    "iter_walks": (lambda: np.concatenate([np.asarray(w) for w in ops.iter_walks(GRAPH, walk_length=9)]), ()),
    "rank_candidates": (lambda: ops.rank_candidates(X, X, np.arange(60)), ()),
    "graph_matmul": (lambda: ops.graph_matmul(GRAPH, X.float().numpy()), ()),
    "random_projection": (lambda: ops.random_projection(60, 16, density=0.3), ()),
    "project_neighbors": (lambda: ops.project_neighbors(GRAPH, 16, density=0.3), ()),
    "sample_neighbors": (lambda: ops.sample_neighbors(ADJ, torch.arange(20), [3, 2]).node, ()),
    **{f"scatter_{r}": (lambda s, r=r: getattr(ops, f"scatter_{r}")(s, INDEX, 0), (SRC,)) for r in (*REDUCED, "mul")},
    **{f"segment_{r}_coo": (lambda s, r=r: getattr(ops, f"segment_{r}_coo")(s, SORTED), (SRC,)) for r in REDUCED},
    **{f"segment_{r}_csr": (lambda s, r=r: getattr(ops, f"segment_{r}_csr")(s, INDPTR), (SRC,)) for r in REDUCED},
    "scatter": (lambda s: ops.scatter(s, INDEX, 0, reduce="max"), (SRC,)),
    "segment_coo": (lambda s: ops.segment_coo(s, SORTED, reduce="max"), (SRC,)),
    "segment_csr": (lambda s: ops.segment_csr(s, INDPTR, reduce="max"), (SRC,)),
    "gather_coo": (lambda s: ops.gather_coo(s, SORTED), (SRC[:9],)),
    "gather_csr": (lambda s: ops.gather_csr(s, INDPTR), (SRC[:4],)),
    "scatter_softmax": (lambda s: ops.scatter_softmax(s, INDEX, 0), (SRC,)),
    "scatter_log_softmax": (lambda s: ops.scatter_log_softmax(s, INDEX, 0), (SRC,)),
    "scatter_logsumexp": (lambda s: ops.scatter_logsumexp(s, INDEX, 0), (SRC,)),
    "scatter_std": (lambda s: ops.scatter_std(s, INDEX, 0), (SRC,)),
}
# Not functions of a graph or tensors, or classes that another entry uses.
OTHER = {
    "ArcSampler",
    "NeighborSample",
    "MetaPathSampler",
    "RankCounts",
    "SkipGram",
    "WalkSampler",
    "empty_cache",
    "unchecked",
    "transition_probabilities",
}


def run(name):
    """Outputs and gradients as arrays."""
    f, at = CALLS[name]
    leaves = [tensor.clone().requires_grad_() for tensor in at]
    out = f(*leaves)
    outs = list(out) if isinstance(out, tuple | list) else [out]
    if leaves:
        weights = (torch.arange(o.numel(), dtype=o.dtype).view(o.shape).cos() for o in outs if o.requires_grad)
        sum((o * w).sum() for o, w in zip((o for o in outs if o.requires_grad), weights, strict=True)).backward()
    return [np.asarray(part.detach() if isinstance(part, torch.Tensor) else part) for part in outs] + [
        leaf.grad.numpy() for leaf in leaves
    ]


def test_no_function_is_missing():
    stub = Path(ops.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert set(CALLS) | OTHER == set(re.findall(r"import (\w+) as", stub))


@pytest.fixture
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_four_threads_give_the_results_of_one():
    expected = {name: run(name) for name in CALLS}
    wrong = []
    ready = threading.Barrier(4)

    def work(shift):
        names = list(CALLS)
        ready.wait()
        for name in [*names[shift:], *names[:shift]] * 3:
            try:
                for got, want in zip(run(name), expected[name], strict=True):
                    np.testing.assert_array_equal(got, want)
            except Exception as error:
                wrong.append((name, error))

    threads = [threading.Thread(target=work, args=(shift,)) for shift in (0, 0, 11, 23)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
