from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate import random_link_split


def tournament(num_nodes):
    """Every node points to all later ones: the pairs without an edge are those that point back."""
    return gr.as_graph(np.stack(np.triu_indices(num_nodes, k=1)), directed=True)


@pytest.mark.parametrize("connected", [False, True])
def test_the_reverse_of_an_edge_is_a_negative_of_a_directed_split(connected):
    split = random_link_split(tournament(12), test=0.4, valid=0.2, connected=connected)
    negatives = np.concatenate([split.valid_neg, split.test_neg], axis=1)
    assert negatives.shape == (2, 39)
    assert len(np.unique(negatives, axis=1).T) == 39
    assert (negatives[0] > negatives[1]).all()


def test_the_same_edges_without_direction_leave_no_negative():
    undirected = gr.as_graph(tournament(12).edges(), directed=False)
    with pytest.raises(ValueError, match="cannot sample 39 pairs without an edge: there are only 0"):
        random_link_split(undirected, test=0.4, valid=0.2, connected=False)


@pytest.mark.parametrize("num_nodes", [60, 3000])
def test_negatives_of_a_directed_split_point_both_ways(num_nodes):
    """Few nodes, whose pairs are listed, and many."""
    graph = gr.as_graph(nx.gnm_random_graph(num_nodes, 1200, seed=0, directed=True))
    split = random_link_split(graph, test=0.5, valid=0.1, connected=False)
    for negatives in (split.valid_neg, split.test_neg):
        assert 0.35 < np.mean(negatives[0] < negatives[1]) < 0.65
