"""Subgraphs of given nodes, held to those of networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr

CLUB = nx.karate_club_graph()


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_it_is_that_of_networkx(directed, named):
    network = nx.relabel_nodes(CLUB, {v: f"n{v}" for v in CLUB}) if named else CLUB
    network = nx.DiGraph(network) if directed else network
    network.add_edge(*[list(network)[5]] * 2, weight=2.5)
    x = sp.random_array((34, 3), density=0.5, rng=0).tocoo()
    graph = gr.as_graph(network, x=x, y=np.arange(34))
    nodes = [graph.nodes[row] for row in (33, 5, 0, 10, 8, 2)]
    found = graph.subgraph(nodes)
    assert found == gr.as_graph(network.subgraph(nodes), nodes=nodes)
    assert found.nodes.tolist() == nodes
    assert found.y.tolist() == [33, 5, 0, 10, 8, 2]
    np.testing.assert_array_equal(found.x.toarray(), x.toarray()[found.y])
    mask = np.isin(graph.y, found.y)
    assert graph.subgraph(mask) == graph.subgraph(graph.nodes[mask])


def test_types_and_sides_are_kept():
    triples = [("ann", "wrote", "p1"), ("bob", "wrote", "p1"), ("bob", "read", "p1"), ("p1", "cites", "p2")]
    kinds = {"ann": "person", "bob": "person", "p1": "paper", "p2": "paper"}
    graph = gr.as_graph(triples, edge_type=1, node_type=kinds, x={"paper": [[1.0], [2.0]]})
    found = graph.subgraph(["p2", "p1", "bob"])
    assert found == gr.as_graph(
        triples[1:], edge_type=1, nodes=["p2", "p1", "bob"], node_type=kinds, node_types=graph.node_types
    )
    np.testing.assert_array_equal(found.features["paper"], [[2.0], [1.0]])
    assert found.relation(("person", "read", "paper")).num_arcs == 1
    sides = gr.as_graph([("u1", "i1"), ("u2", "i1")], bipartite=True)
    assert sides.subgraph(sides.nodes[[2, 0]]).bipartite_sides.tolist() == [1, 0]


def test_no_nodes_and_bad_ones():
    graph = gr.as_graph(CLUB)
    assert graph.subgraph([]).num_nodes == graph.subgraph(np.zeros(34, dtype=bool)).num_nodes == 0
    with pytest.raises(ValueError, match="nodes must be distinct, got 1 twice"):
        graph.subgraph([1, 2, 1])
    with pytest.raises(ValueError, match=r"shape \(34,\), got \(3,\)"):
        graph.subgraph(np.ones(3, dtype=bool))
    with pytest.raises(KeyError, match="99"):
        graph.subgraph([99])
    with pytest.raises(TypeError, match=r"\['ab'\], not the string"):
        gr.as_graph([("a", "b")]).subgraph("ab")
