"""The same call gives the same result: every seed of an op defaults to 0, and another seed changes the result."""

from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr

GRAPH = gr.as_graph(np.random.default_rng(0).integers(0, 60, (2, 900)), num_nodes=60, directed=False)
PAIRS = np.array([[0, 1, 2], [3, 4, 5]])


def neighbors(**seed):
    return gr.ops.neighbor_intersection(GRAPH, PAIRS, max_neighbors=2, **seed).indices.numpy()


def others(**seed):
    return gr.ops.neighbor_difference(GRAPH, PAIRS, max_neighbors=2, **seed).indices.numpy()


CALLS = {
    "random_walks": lambda **seed: gr.random_walks(GRAPH, walk_length=20, **seed),
    "iter_walks": lambda **seed: np.concatenate(list(gr.iter_walks(GRAPH, batch_size=50, walk_length=20, **seed))),
    "WalkSampler": lambda **seed: gr.ops.WalkSampler(GRAPH, walk_length=20, **seed).sample(5, 30),
    "sample_neighbors": lambda **seed: gr.ops.sample_neighbors(GRAPH, [0, 1, 2], [4, 4], **seed).edge.numpy(),
    "neighbor_intersection": neighbors,
    "neighbor_difference": others,
    "random_projection": lambda **seed: gr.ops.random_projection(50, 8, density=0.3, **seed),
    "project_neighbors": lambda **seed: gr.ops.project_neighbors(GRAPH, 8, density=0.3, **seed),
    "SkipGram": lambda **seed: gr.ops.SkipGram(60, 8, counts=GRAPH.out_degree, **seed).vectors,
}


@pytest.mark.parametrize("name", CALLS)
def test_the_default_seed_is_zero(name):
    call = CALLS[name]
    default = call()
    np.testing.assert_array_equal(call(), default)
    np.testing.assert_array_equal(call(seed=0), default)
    assert not np.array_equal(call(seed=1), default)
