"""Whatever carries names is matched by name: vectors, features, labels, pairs, start nodes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep._names import NodeIndex, aligned, as_pairs, node_keys

pd = pytest.importorskip("pandas")

PEOPLE = ["ann", "bob", "cid", "dan", "eve", "fay"]


def friends():
    pairs = [("ann", "bob"), ("bob", "cid"), ("cid", "ann"), ("dan", "eve"), ("eve", "fay"), ("fay", "ann")]
    return gr.as_graph(nx.Graph(pairs))


def communities(names=None, seed=0):
    source = nx.stochastic_block_model([60, 60], [[0.4, 0.005], [0.005, 0.4]], seed=seed)
    return gr.as_graph(nx.relabel_nodes(nx.Graph(source.edges), (lambda v: v) if names is None else names.__getitem__))


class TestIndex:
    @pytest.mark.parametrize(
        ("names", "wanted", "rows"),
        [
            (None, [2, 0], [2, 0]),
            (np.array([7, 3, 5]), [5, 7], [2, 0]),
            (np.array([7, 3, 5]), np.array([3, 3], dtype=np.uint8), [1, 1]),
            (np.array(["b", "a", ("c", 1)], dtype=object), ["a", ("c", 1)], [1, 2]),
            (None, [], []),
        ],
    )
    def test_rows(self, names, wanted, rows):
        index = NodeIndex(names, 3)
        assert index.rows(wanted).tolist() == rows
        assert index.rows(wanted).dtype == np.int64
        assert [index.row(name) for name in (wanted.tolist() if isinstance(wanted, np.ndarray) else wanted)] == rows

    @pytest.mark.parametrize("names", [None, np.array([7, 3, 5]), np.array(["b", "a", "c"], dtype=object)])
    @pytest.mark.parametrize("name", [9, "z", -1, True, 1.5, None])
    def test_unknown_names(self, names, name):
        index = NodeIndex(names, 3)
        assert index.find([name]).tolist() == [-1]
        for call in (lambda: index.row(name), lambda: index.rows([name])):
            with pytest.raises(KeyError, match=f"there is no node {name!r}"):
                call()

    def test_no_nodes(self):
        for names in (None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object)):
            assert NodeIndex(names, 0).find([3]).tolist() == [-1]


class TestGraph:
    def test_nodes_are_looked_up_by_name(self):
        g = friends()
        assert sorted(g.neighbors("ann")) == ["bob", "cid", "fay"]
        assert g["bob"] == {"ann": 1.0, "cid": 1.0}
        assert "eve" in g
        assert "zoe" not in g
        assert list(g) == g.nodes.tolist()
        with pytest.raises(KeyError, match="there is no node 'zoe'"):
            g.neighbors("zoe")

    def test_integers_are_names_as_well(self):
        g = gr.as_graph(nx.Graph([(30, 10), (10, 20)]))
        assert sorted(g.neighbors(10).tolist()) == [20, 30]
        assert 0 not in g

    def test_weights(self):
        g = gr.as_graph(nx.Graph([("a", "b", {"weight": 2.5})]))
        assert g["a"] == {"b": 2.5}


class TestPairs:
    def test_forms(self):
        g = friends()
        rows = [[g.row("ann"), g.row("bob")], [g.row("eve"), g.row("cid")]]
        named = [("ann", "eve"), ("bob", "cid")]
        for given in (named, np.array(named), pd.DataFrame(named), [list(pair) for pair in named], rows):
            assert as_pairs(given, g).tolist() == rows

    def test_a_list_of_tuples_holds_names_even_if_they_are_integers(self):
        g = gr.as_graph(nx.Graph([(30, 10), (10, 20)]))
        assert as_pairs([(30, 20)], g).tolist() == [[g.row(30)], [g.row(20)]]
        with pytest.raises(KeyError, match="there is no node 0"):
            as_pairs([(0, 20)], g)

    def test_names_without_a_graph(self):
        with pytest.raises(TypeError, match="pairs must be row numbers"):
            as_pairs([("a", "b")])

    def test_scorers_heuristics_and_splits_take_them(self):
        g = communities([f"n{i}" for i in range(120)])
        pairs = [("n1", "n2"), ("n1", "n100")]
        rows = as_pairs(pairs, g)
        for heuristic in (*gr.heuristics.HEURISTICS.values(), *gr.heuristics.PATH_HEURISTICS.values()):
            np.testing.assert_array_equal(heuristic(g, pairs), heuristic(g, rows))
        for model in (
            gr.EmbeddingScorer(gr.FastRP(dimensions=8)).fit(g),
            gr.NetInfoFAct(dimensions=8).fit(g),
            gr.NCN(dimensions=8, epochs=1).fit(g, [("n1", g.neighbors("n1")[0])]),
        ):
            np.testing.assert_array_equal(model.score_pairs(pairs), model.score_pairs(rows))
        split = gr.datasets.LinkSplit(
            g, *[as_pairs([pair], g) for pair in (("n1", "n2"), ("n3", "n4"))], rows, rows, rows
        )
        assert split.test.shape == (2, 2)

    def test_walks_start_at_names(self):
        g = friends()
        walks = gr.random_walks(g, walk_length=2, walks_per_node=1, start=["dan", "ann"])
        assert g.nodes[walks[:, 0]].tolist() == ["dan", "ann"]


class TestVectors:
    def test_another_order_of_rows_is_the_same_result(self):
        """The order of the rows of named vectors must not matter: by position, this AUC would be near 0.5."""
        g = communities([f"n{i}" for i in range(120)])
        split = gr.evaluate.random_link_split(g, test=0.2, valid=0.1)
        vectors = gr.FastRP(dimensions=16).fit(split.graph).node_vectors_
        order = np.random.default_rng(0).permutation(len(vectors))
        shuffled = gr.NodeVectors(vectors.vectors[order], vectors.nodes[order])
        frame = pd.DataFrame(vectors.vectors[order], index=vectors.nodes[order])
        want = gr.evaluate.link_prediction(vectors, split, metrics=["auc"])["auc"]
        assert want > 0.8
        for given in (shuffled, frame, vectors.vectors):
            assert gr.evaluate.link_prediction(given, split, metrics=["auc"])["auc"] == want
            table = gr.evaluate.compare({"mine": given}, split, metrics=["auc"])
            assert table["mine"]["auc"] == want
        positional = gr.evaluate.link_prediction(shuffled.vectors, split, metrics=["auc"])["auc"]
        assert positional < 0.7
        scorers = [gr.EmbeddingScorer(given).fit(split.graph) for given in (vectors, shuffled, frame)]
        for scorer in scorers:
            np.testing.assert_array_equal(scorer.score_pairs(split.test), scorers[0].score_pairs(split.test))

    def test_a_written_edge_list(self, tmp_path):
        """Read again, a graph has its nodes in another order; its vectors still belong to the graph they came from."""
        g = communities()
        split = gr.evaluate.random_link_split(g, test=0.2)
        path = tmp_path / "edges.txt"
        ends = split.graph.nodes[split.train[:, np.random.default_rng(1).permutation(split.train.shape[1])]]
        path.write_text("\n".join(f"x{u} x{v}" for u, v in ends.T.tolist()))
        again = gr.as_graph(path, nodes=None)
        vectors = gr.FastRP(dimensions=16).fit(again).node_vectors_
        names = np.array([int(name[1:]) for name in vectors.nodes])
        value = gr.evaluate.link_prediction(gr.NodeVectors(vectors.vectors, names), split, metrics=["auc"], C=1.0)
        assert value["auc"] > 0.8

    def test_foreign_and_missing_names_are_refused(self):
        g = friends()
        split = gr.datasets.LinkSplit(g, g.edges()[:, :4], g.edges()[:, 4:5], g.edges()[:, 5:], [[0], [3]], [[1], [3]])
        v = np.eye(6, dtype=np.float32)
        for names, missing in ((list("uvwxyz"), "6 of the 6"), ([*g.nodes[:5], "zoe"], "1 of the 6"), (None, "6 of")):
            vectors = gr.NodeVectors(v, names)
            with pytest.raises(ValueError, match=f"vectors: there is no row for {missing}"):
                gr.evaluate.link_prediction(vectors, split, operator="dot")
            with pytest.raises(ValueError, match=f"embedding: there is no row for {missing}"):
                gr.EmbeddingScorer(vectors, operator="dot").fit(g)
        more = gr.NodeVectors(np.eye(7, dtype=np.float32), [*g.nodes.tolist(), "zoe"])
        assert gr.evaluate.link_prediction(more, split, operator="dot")["auc"] == 0.5

    def test_a_split_without_a_graph(self):
        from types import SimpleNamespace

        pairs = np.array([[0], [1]])
        split = SimpleNamespace(train=pairs, test=pairs + 2, test_neg=pairs + 1, valid=pairs, valid_neg=pairs)
        named = gr.NodeVectors(np.eye(4), list("abcd"))
        with pytest.raises(ValueError, match="vectors: there are names, but no graph"):
            gr.evaluate.link_prediction(named, split, operator="dot")
        assert (
            gr.evaluate.link_prediction(gr.NodeVectors(np.eye(4)), split, operator="dot", metrics=["auc"])["auc"] == 0.5
        )

    def test_labels(self):
        names = np.array([f"n{i}" for i in range(80)], dtype=object)
        y = np.arange(80) % 2
        x = np.random.default_rng(0).standard_normal((80, 3)) + 4 * y[:, None]
        order = np.random.default_rng(1).permutation(80)
        series = pd.Series(y[order], index=names[order])
        vectors = gr.NodeVectors(x, names)
        found = gr.evaluate.node_classification(vectors, series, ratios=[0.5], repeats=2)
        assert found.mean("accuracy")[0] > 0.95
        assert gr.evaluate.clustering(series, pd.Series(y, index=names))["accuracy"] == 1
        assert gr.evaluate.clustering(pd.Series(y, index=names), y)["accuracy"] == 1
        with pytest.raises(ValueError, match="y: there are names, but no graph"):
            gr.evaluate.node_classification(x, series)
        with pytest.raises(ValueError, match="y: there is no row for 1 of the 80 nodes"):
            gr.evaluate.node_classification(vectors, series.iloc[1:])
        g = gr.as_graph(nx.relabel_nodes(nx.path_graph(80), dict(enumerate(names))))
        table = gr.evaluate.compare_nodes({"mine": pd.DataFrame(x[order], names[order])}, g, series, ratios=[0.5])
        assert table["mine"].mean("accuracy")[0] > 0.95

    def test_features(self):
        g = friends()
        x = pd.DataFrame(np.arange(6.0)[:, None] ** 2, index=g.nodes[::-1])
        options = {"dimensions": 8, "feature_ratio": 0.5}
        got = gr.FastRP(**options).fit_transform(g, features=x)
        np.testing.assert_array_equal(got, gr.FastRP(**options).fit_transform(g, features=x.to_numpy()[::-1]))

    def test_repeated_names(self):
        with pytest.raises(ValueError, match="x: the names must be distinct"):
            aligned(pd.Series([1, 2], index=["a", "a"]), NodeIndex(np.array(["a", "b"], dtype=object), 2), "x")


class TestKeys:
    def test_they_depend_on_the_name_alone(self):
        keys = node_keys(np.array(["a", "b", ("a", 1)], dtype=object))
        again = node_keys(np.array([("a", 1), "a"], dtype=object))
        assert again.tolist() == keys[[2, 0]].tolist()
        assert len(set(keys.tolist())) == 3
        assert node_keys(None) is None

    def test_integers_are_their_own_keys(self):
        assert node_keys(np.array([5, 0, -1])).tolist() == [5, 0, 2**64 - 1]
        assert node_keys(np.array([5, "5", 2**64 - 1], dtype=object)).tolist()[::2] == [5, 2**64 - 1]
        assert node_keys(np.array(["5"], dtype=object))[0] != 5

    def test_keys_are_the_same_in_every_process(self):
        assert node_keys(np.array(["curl"], dtype=object)).tolist() == [KEY_OF_CURL]


KEY_OF_CURL = int.from_bytes(__import__("hashlib").blake2b(b"curl", digest_size=8).digest(), "little")
