"""Arguments that are sequences of integers, at every door that takes one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep._checks import checked_ints

GRAPH = gr.as_graph(np.array([[0, 1, 2, 3], [1, 2, 3, 0]]), directed=False, x=np.eye(4, dtype=np.float32))
DOORS = {
    "hidden": lambda given: gr.PamC(n_clusters=2, hidden=given, epochs=1).fit(GRAPH),
    "filter_degrees": lambda given: gr.Spectral(dimensions=2, filter_degrees=given).fit(GRAPH),
    "hops": lambda given: gr.PropagatedFeatures(dimensions=2, hops=given).fit(GRAPH),
    "degree_bins": lambda given: gr.evaluate.reconstruction(np.eye(4), GRAPH, degree_bins=given),
    "seeds": lambda given: gr.evaluate.stability(gr.FastRP(dimensions=2), GRAPH, seeds=given),
    "num_neighbors": lambda given: gr.ops.sample_neighbors(GRAPH, [0], given),
}


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("given", [5, None, "55", np.int64(3), {2: 3}])
def test_what_is_no_sequence_is_named(name, given):
    with pytest.raises(TypeError, match=f"{name} must be a sequence of integers, got"):
        DOORS[name](given)


def test_sequences_of_any_kind_are_read():
    for given in ([2, 3], (2, 3), range(2, 4), np.array([2, 3]), torch.tensor([2, 3]), iter([2, 3])):
        assert checked_ints("n", given, 1, 3) == [2, 3]
    with pytest.raises(TypeError, match=r"n must be an integer, got 2\.0"):
        checked_ints("n", np.array([2.0]), 1)
    with pytest.raises(ValueError, match="n must be from 1 to 3, got 4"):
        checked_ints("n", [2, 4], 1, 3)
