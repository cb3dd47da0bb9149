from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep.evaluate import ncn_link_split, random_link_split

PARTS = ("train", "valid", "test", "valid_neg", "test_neg")


def keys(pairs):
    return set(map(tuple, pairs.T.tolist()))


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("connected", [False, True])
def test_parts_make_up_the_graph_and_negatives_are_no_edges(directed, connected):
    network = nx.gnm_random_graph(120, 700, seed=1, directed=directed)
    network.add_edges_from([(3, 3), (4, 4)])
    graph = gr.as_graph(network)
    split = random_link_split(graph, test=0.4, valid=0.1, connected=connected)
    assert [getattr(split, part).shape for part in PARTS] == [(2, n) for n in (351, 70, 281, 70, 281)]
    parts = {part: keys(getattr(split, part)) for part in PARTS}
    assert sum(map(len, parts.values())) == 702 + 351  # distinct within each part ...
    assert parts["train"] | parts["valid"] | parts["test"] == keys(graph.edges())  # ... and disjoint
    assert {(3, 3), (4, 4)} <= parts["train"]
    negatives = parts["valid_neg"] | parts["test_neg"]
    assert len(negatives) == 351
    assert not any(network.has_edge(u, v) or u == v for u, v in negatives)
    if not directed:
        assert all(u < v for u, v in negatives)
    assert split.graph.num_edges == 351


@pytest.mark.parametrize("directed", [False, True])
def test_what_hangs_together_still_does(directed):
    network = nx.disjoint_union(nx.barabasi_albert_graph(80, 3, seed=0), nx.cycle_graph(20))
    network.add_node(100)
    if directed:
        network = nx.DiGraph(network.edges)
        network.add_edges_from([(v, u) for u, v in network.edges if (u + v) % 3 == 0])
    graph = gr.as_graph(network, nodes=None)
    split = random_link_split(graph, test=0.4, valid=0.05)
    before = list(nx.connected_components(nx.Graph(graph.edges().T.tolist())))
    after = list(nx.connected_components(nx.Graph(split.train.T.tolist())))
    assert {frozenset(part) for part in before} == {frozenset(part) for part in after}


def test_only_edges_outside_a_spanning_forest_can_go():
    ring = gr.as_graph(nx.cycle_graph(10))
    removed = {tuple(random_link_split(ring, test=0.1, valid=0, random_state=seed).test[:, 0]) for seed in range(40)}
    assert len(removed) > 5  # any edge of a ring, but one only
    with pytest.raises(ValueError, match="only 1 can be removed while the graph stays connected"):
        random_link_split(ring, test=0.2, valid=0)
    assert random_link_split(ring, test=0.5, valid=0.2, connected=False).train.shape == (2, 3)


def test_the_seed_decides():
    graph = gr.as_graph(nx.gnm_random_graph(60, 300, seed=2))
    first, again, other = (random_link_split(graph, random_state=seed) for seed in (5, 5, 6))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
        assert keys(getattr(first, part)) != keys(getattr(other, part))


def test_unusable_shares_are_refused():
    for options, message in (
        ({"test": 1.0}, "test must be a share"),
        ({"valid": -0.1}, "valid must be a share"),
        ({"test": 0.9, "valid": 0.9}, "ask for"),
    ):
        with pytest.raises(ValueError, match=message):
            random_link_split(nx.complete_graph(20), connected=False, **options)
    with pytest.raises(ValueError, match=r"cannot sample .* pairs without an edge"):
        random_link_split(nx.complete_graph(20))


@pytest.mark.parametrize(
    ("num_edges", "sizes"), [(5278, (3696, 527, 1055)), (4552, (3187, 455, 910)), (44324, (31028, 4432, 8864))]
)
def test_the_ncn_split_has_the_published_sizes(num_edges, sizes):
    network = nx.gnm_random_graph(3000, num_edges, seed=0)
    network.add_edge(1, 1)
    graph = gr.as_graph(network)
    split = ncn_link_split(graph, random_state=3)
    assert [getattr(split, part).shape[1] for part in PARTS] == [*sizes, sizes[2], sizes[2]]
    parts = {part: keys(getattr(split, part)) for part in PARTS}
    assert sum(map(len, parts.values())) == num_edges + 2 * sizes[2]
    edges = parts["train"] | parts["valid"] | parts["test"]
    assert edges == keys(graph.edges()) - {(1, 1)}
    assert not (parts["valid_neg"] | parts["test_neg"]) & edges
    assert all((getattr(split, part)[0] < getattr(split, part)[1]).all() for part in PARTS)
    assert keys(ncn_link_split(graph, random_state=3).valid_neg) == parts["valid_neg"]
    assert keys(ncn_link_split(graph, random_state=4).test) != parts["test"]


@pytest.mark.parametrize("seed", [0, 7])
def test_the_ncn_split_hides_the_edges_that_pyg_hides(seed):
    utils = pytest.importorskip("torch_geometric.utils")
    data = pytest.importorskip("torch_geometric.data").Data
    graph = gr.as_graph(nx.gnm_random_graph(80, 400, seed=2))
    torch.manual_seed(seed)
    with pytest.warns(UserWarning, match="deprecated"):
        theirs = utils.train_test_split_edges(
            data(edge_index=torch.tensor(graph.edge_index()), num_nodes=80), val_ratio=0.2, test_ratio=0.2
        )
    split = ncn_link_split(graph, random_state=seed)
    assert keys(split.test) == keys(theirs.test_pos_edge_index)
    held = keys(theirs.val_pos_edge_index)
    assert keys(split.valid) < held
    assert keys(split.train) == keys(graph.edges()) - keys(split.test) - keys(split.valid)
    assert split.valid_neg.shape == theirs.val_neg_edge_index.shape
    # the half that validates is the last of a permutation that follows the first
    generator = torch.Generator().manual_seed(seed)
    torch.randperm(400, generator=generator)
    order = torch.randperm(80, generator=generator)
    assert keys(split.valid) == keys(theirs.val_pos_edge_index[:, order[-40:]])


def test_the_ncn_split_is_not_quadratic_in_nodes():
    graph = gr.as_graph(np.array([np.arange(1000), np.arange(1000) + 1]), num_nodes=10**6, directed=False)
    assert ncn_link_split(graph).test_neg.shape == (2, 200)  # a mask of all pairs would take 10**12 bytes


def test_the_ncn_split_wants_undirected_edges():
    with pytest.raises(ValueError, match="graph must be undirected for this split"):
        ncn_link_split(gr.as_graph([[0, 1], [1, 2]], directed=True))
