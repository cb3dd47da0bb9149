"""The same node gets the same vector, new nodes get vectors, and fitted estimators are saved and loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import graphrep as gr

GROUPS = np.arange(400) // 100


def planted(name=lambda v: f"n{v}", seed=0):
    source = nx.stochastic_block_model([100] * 4, 0.01 + 0.19 * np.eye(4), seed=seed)
    plain = nx.Graph()
    plain.add_nodes_from(range(400))
    plain.add_edges_from(source.edges)
    return nx.relabel_nodes(plain, {v: name(v) for v in source})


def shuffled(source, seed=1):
    """The same graph with its edges in another order, so that its nodes have other rows."""
    edges = [tuple(np.random.default_rng([seed, i]).permutation(list(edge))) for i, edge in enumerate(source.edges)]
    order = np.random.default_rng(seed).permutation(len(edges))
    return nx.Graph([(str(edges[i][0]), str(edges[i][1])) for i in order])


def mean_cosine(a, b):
    """Mean cosine of the vectors of the nodes that both have."""
    names = [name for name in a.nodes.tolist() if name in b]
    x, y = (v[names] / np.linalg.norm(v[names], axis=1, keepdims=True) for v in (a, b))
    return float((x * y).sum(axis=1).mean())


def fitted(model, graph):
    return model.fit(graph).node_vectors_


def small_walks(**options):
    return gr.Node2Vec(dimensions=32, walks_per_node=5, walk_length=20, window=5, n_jobs=1, **options)


class TestSameNodeSameVector:
    def test_the_order_of_edges_changes_nothing(self):
        source = planted()
        a, b = (fitted(gr.FastRP(dimensions=64), g) for g in (source, shuffled(source)))
        assert a.nodes.tolist() != b.nodes.tolist()
        assert mean_cosine(a, b) > 0.9999

    @pytest.mark.parametrize("name", [lambda v: f"n{v}", lambda v: 3 * v + 5, lambda v: ("node", v)])
    def test_a_new_node_in_the_first_line(self, name):
        source = planted(name)
        grown = nx.Graph(
            [("new" if isinstance(name(0), str) else 10**6 if isinstance(name(0), int) else ("x",), name(7))]
        )
        grown.add_edges_from(source.edges)
        a, b = (fitted(gr.FastRP(dimensions=64), g) for g in (source, grown))
        assert mean_cosine(a, b) > 0.98

    def test_names_that_are_row_numbers(self):
        """A graph of 0 … n - 1 and the same nodes in another order are the same nodes."""
        source = nx.Graph(planted(lambda v: v))
        a = fitted(gr.FastRP(dimensions=64), source)
        order = np.random.default_rng(0).permutation(400).tolist()
        other = nx.Graph()
        other.add_nodes_from(order)
        other.add_edges_from(source.edges)
        assert mean_cosine(a, fitted(gr.FastRP(dimensions=64), other)) > 0.9999

    def test_random_features_of_learners_follow_the_name(self):
        pytest.importorskip("torch")
        source = planted()
        g, h = gr.as_graph(source), gr.as_graph(shuffled(source))
        model = gr.Contrastive(random_features=16, epochs=0)
        a, b = (gr.NodeVectors(model._features(graph, 5), graph.nodes) for graph in (g, h))
        np.testing.assert_array_equal(a[g.nodes], b[g.nodes])

    def test_node2vec_starts_from_earlier_vectors(self):
        source = planted()
        changed = nx.Graph(source)
        edges = list(changed.edges)
        changed.remove_edges_from([edges[i] for i in np.random.default_rng(0).choice(len(edges), 20, replace=False)])
        changed.add_edge("newcomer", "n0")
        first = small_walks().fit(source)
        apart = mean_cosine(first.node_vectors_, fitted(small_walks(random_state=1), shuffled(changed)))
        kept = mean_cosine(first.node_vectors_, fitted(small_walks(random_state=1, init=first), shuffled(changed)))
        near = fitted(small_walks(random_state=1, init=first.node_vectors_), shuffled(changed))
        assert apart < 0.7
        assert kept > 0.75  # a smaller learning_rate keeps them nearer
        assert mean_cosine(first.node_vectors_, near) > apart + 0.1
        assert "newcomer" in near

    def test_init_that_does_not_fit(self):
        first = small_walks().fit(planted())
        for init, message in (
            (np.zeros((3, 32)), "init has 3 rows without names"),
            (np.zeros((400, 5)), "init must have 32 dimensions, got 5"),
            (gr.NodeVectors(np.zeros((2, 32)), ["x", "y"]), "init has none of the nodes of the graph"),
        ):
            with pytest.raises(ValueError, match=message):
                small_walks(init=init).fit(planted())
        assert first.n_features_in_ == 400


class TestTransform:
    def test_an_array_of_names_holds_edges(self):
        model = gr.FastRP(dimensions=4).fit([("a", "b"), ("b", "c")])
        pairs = [("a", "d"), ("d", "c")]
        for given in (np.array(pairs).T, np.array(pairs, dtype=object).T):
            found = model.transform(given)
            assert found.nodes.tolist() == ["d"]
            np.testing.assert_array_equal(found.vectors, model.transform(pairs).vectors)

    @pytest.mark.parametrize("form", ["pairs", "graph", "networkx", "file"])
    def test_new_nodes_by_name(self, form, tmp_path):
        """A new node with the neighbors of a fitted one gets its vector."""
        source = planted()
        model = gr.FastRP(dimensions=64).fit(source)
        twins = [("twin", neighbor) for neighbor in source["n7"]] + [("other", neighbor) for neighbor in source["n300"]]
        new = {"pairs": twins, "networkx": nx.Graph(twins), "graph": gr.as_graph(nx.Graph(twins)), "file": None}[form]
        if form == "file":
            new = tmp_path / "new.txt"
            new.write_text("\n".join(f"{u} {v}" for u, v in twins))
        got = model.transform(new)
        assert sorted(got.nodes.tolist()) == ["other", "twin"]
        for twin, known in (("twin", "n7"), ("other", "n300")):
            np.testing.assert_allclose(got[twin], model.node_vectors_[known], rtol=1e-3, atol=1e-3)

    def test_all_nodes_known(self):
        model = gr.FastRP(dimensions=16).fit(planted())
        got = model.transform(gr.as_graph(shuffled(planted())))
        assert mean_cosine(got, model.node_vectors_) > 0.9999

    def test_what_cannot_be_right(self):
        model = gr.FastRP(dimensions=16).fit(planted())
        with pytest.raises(ValueError, match="none of the nodes of the new graph, such as 'a', was fitted"):
            model.transform(nx.Graph([("a", "b")]))
        with (
            pytest.warns(UserWarning, match="1 of 2 new nodes have no fitted neighbor"),
            pytest.warns(UserWarning, match="2 arcs between new nodes are left out"),
        ):
            got = model.transform(nx.Graph([("a", "b"), ("a", "n1")]))
        assert sorted(got.nodes.tolist()) == ["a", "b"]

    def test_node2vec_fits_new_rows_alone(self):
        source = planted()
        removed = [f"n{v}" for v in (3, 103, 203, 303)]
        rest = nx.Graph(source)
        rest.remove_nodes_from(removed)
        model = small_walks().fit(rest)
        before = model.embedding_.copy()
        got = model.transform([(node, neighbor) for node in removed for neighbor in source[node] if neighbor in rest])
        np.testing.assert_array_equal(model.embedding_, before)
        np.testing.assert_array_equal(
            got.vectors,
            model.transform([(n, v) for n in removed for v in source[n] if v in rest]).vectors,
        )
        centers = np.stack(
            [
                model.node_vectors_[[f"n{v}" for v in range(400) if v // 100 == group and f"n{v}" in rest]].mean(axis=0)
                for group in range(4)
            ]
        )
        middle = centers.mean(axis=0)
        found = [int(np.argmax((centers - middle) @ (got[node] - middle))) for node in removed]
        assert found == [0, 1, 2, 3]


class TestSaveAndLoad:
    @pytest.mark.parametrize("make", [lambda: gr.FastRP(dimensions=16, self_influence=0.5), small_walks, gr.DeepWalk])
    def test_round_trip(self, make, tmp_path):
        source = planted()
        model = make().set_params(dimensions=16, n_jobs=1).fit(source)
        path = tmp_path / "model.safetensors"
        model.save(path)
        again = gr.load(path)
        assert type(again) is type(model)
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.embedding_, model.embedding_)
        assert again.nodes_.tolist() == model.nodes_.tolist()
        new = [("twin", neighbor) for neighbor in source["n7"]]
        np.testing.assert_array_equal(again.transform(new).vectors, model.transform(new).vectors)

    @pytest.mark.parametrize("sparse", [True, False])
    def test_features(self, sparse, tmp_path):
        import scipy.sparse as sp

        g = gr.as_graph(planted(lambda v: v))
        x = np.eye(400, 7)
        model = gr.FastRP(dimensions=8, feature_ratio=0.5).fit(g, features=sp.csr_array(x) if sparse else x)
        model.save(tmp_path / "m")
        few = g.to_scipy()[[3, 5]]
        np.testing.assert_array_equal(gr.load(tmp_path / "m").transform(few), model.transform(few))

    @pytest.mark.parametrize("make", [gr.PamC, gr.SCGC])
    @pytest.mark.parametrize("table", [True, False])
    def test_clusterers(self, make, table, tmp_path):
        x = np.random.default_rng(0).standard_normal((400, 5)) + 4 * np.eye(5)[GROUPS]
        model = make(n_clusters=4, hidden=(8,), dimensions=3, pretraining_epochs=2, epochs=3, n_init=1)
        pd = pytest.importorskip("pandas")
        model.fit(pd.DataFrame(x, columns=list("abcde")) if table else gr.as_graph(planted(), x=x))
        model.save(tmp_path / "m")
        again = gr.load(tmp_path / "m")
        for name in ("embedding_", "labels_", "probabilities_", "cluster_centers_", "initial_labels_", "nodes_"):
            np.testing.assert_array_equal(getattr(again, name), getattr(model, name), err_msg=name)
        assert again.history_ == model.history_
        few = pd.DataFrame(x[:9], columns=list("abcde")) if table else x[:9]
        np.testing.assert_array_equal(again.predict(few), model.predict(few))
        np.testing.assert_array_equal(again.transform(few), model.transform(few))
        if table:
            with pytest.raises(ValueError, match="feature names should match"):
                again.transform(few[list("bacde")])
        again.save(tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()

    def test_a_clusterer_with_an_autoencoder_of_other_widths(self, tmp_path):
        x = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
        trained = gr.cluster.pretrain_autoencoder(x, hidden=(7, 6), dimensions=4, epochs=1)
        model = gr.PamC(n_clusters=2, epochs=1, n_init=1).fit(x, autoencoder=trained)
        model.save(tmp_path / "m")
        np.testing.assert_array_equal(gr.load(tmp_path / "m").transform(x[:3]), model.transform(x[:3]))

    @pytest.mark.parametrize("operator", ["hadamard", "cosine"])
    @pytest.mark.parametrize("given", ["estimator", "vectors"])
    def test_scorer(self, operator, given, tmp_path):
        g = gr.as_graph(planted())
        embedding = gr.FastRP(dimensions=8)
        if given == "vectors":
            embedding = embedding.fit(g).node_vectors_
        model = gr.EmbeddingScorer(embedding, operator=operator).fit(g)
        model.save(tmp_path / "m")
        again = gr.load(tmp_path / "m")
        pairs = [("n1", "n2"), ("n1", "n300")]
        np.testing.assert_array_equal(again.score_pairs(pairs), model.score_pairs(pairs))
        if given == "estimator":
            assert again.embedding.get_params() == embedding.get_params()
            assert not hasattr(again.embedding, "embedding_")
            np.testing.assert_array_equal(
                again.embedder_.transform([("x", "n1")]).vectors, model.embedder_.transform([("x", "n1")]).vectors
            )
        np.testing.assert_array_equal(again.fit(g).score_pairs(pairs), model.score_pairs(pairs))

    def test_another_process(self, tmp_path):
        model = gr.FastRP(dimensions=8).fit(planted())
        model.save(tmp_path / "m")
        code = (
            "import sys, json, graphrep as gr; "
            "print(json.dumps(gr.load(sys.argv[1]).transform([('new', 'n1'), ('new', 'n2')])['new'].tolist()))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True, check=True, timeout=120
        )
        want = model.transform([("new", "n1"), ("new", "n2")])["new"]
        np.testing.assert_array_equal(np.array(json.loads(done.stdout), dtype=np.float32), want)

    def test_what_cannot_be_saved(self, tmp_path):
        with pytest.raises(NotFittedError):
            gr.FastRP().save(tmp_path / "m")
        model = gr.FastRP(random_state=np.random.RandomState(0)).fit(planted())
        with pytest.raises(ValueError, match="random_state is a RandomState, which a model file cannot hold"):
            model.save(tmp_path / "m")
        model = gr.FastRP(dimensions=8).fit(planted(lambda v: ("a", v)))
        with pytest.raises(ValueError, match="names that are strings or integers"):
            model.save(tmp_path / "m")
        assert not (tmp_path / "m").exists()

    def test_files_that_are_no_models(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            gr.load(tmp_path / "absent")
        vectors = tmp_path / "v.safetensors"
        gr.NodeVectors(np.eye(3)).save(vectors)
        text = tmp_path / "t"
        text.write_text("hello")
        for path in (vectors, text):
            with pytest.raises(ValueError, match="is not a model written by this version of graphrep"):
                gr.load(path)

    def test_damaged_files(self, tmp_path):
        """Every file with a flipped byte in its header, or cut, is refused in one sentence or gives a whole model."""
        model = gr.FastRP(dimensions=4).fit(nx.relabel_nodes(nx.karate_club_graph(), str))
        path = tmp_path / "m"
        model.save(path)
        whole = path.read_bytes()
        header = int.from_bytes(whole[:8], "little") + 8
        rng = np.random.default_rng(0)
        refused = 0
        for trial in range(120):
            damaged = bytearray(whole)
            if trial % 3 == 0:
                damaged = damaged[: int(rng.integers(len(whole)))]
            else:
                damaged[int(rng.integers(header))] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(damaged))
            try:
                gr.load(path)
            except ValueError as error:
                assert str(path) in str(error)  # noqa: PT017
                refused += 1
        assert refused > 60


class TestEncoders:
    """Learners with features apply their encoder to graphs that they were not trained on."""

    def graphs(self):
        g = gr.as_graph(planted(lambda v: v))
        x = np.random.default_rng(0).standard_normal((400, 6)) + 2 * np.eye(6)[GROUPS]
        whole = gr.as_graph(g, x=x)
        few = gr.as_graph(g.to_scipy()[:200, :200], x=x[:200], nodes=[f"n{i}" for i in range(200)])
        return whole, few

    @pytest.mark.parametrize(
        "make",
        [
            lambda: gr.Contrastive(dimensions=8, epochs=2),
            lambda: gr.Contrastive(objective="ggd", dimensions=8, epochs=2),
            lambda: gr.Contrastive(objective="bgrl", dimensions=8, epochs=2),  # has a 0-d buffer
            lambda: gr.StructComp(dimensions=8, epochs=2),
            lambda: gr.GAE(dimensions=8, epochs=2),
            lambda: gr.NCN(dimensions=8, epochs=2),
            lambda: gr.NCNC(dimensions=8, epochs=1),
        ],
    )
    def test_transform_and_files(self, make, tmp_path):
        whole, few = self.graphs()
        model = make().fit(whole)
        np.testing.assert_allclose(model.transform(whole).vectors, model.embedding_, rtol=1e-4, atol=1e-5)
        got = model.transform(few)
        assert got.vectors.shape == (200, 8)
        assert got.nodes.tolist()[:2] == ["n0", "n1"]
        model.save(tmp_path / "m")
        again = gr.load(tmp_path / "m")
        np.testing.assert_array_equal(again.embedding_, model.embedding_)
        np.testing.assert_array_equal(again.transform(few).vectors, got.vectors)
        if hasattr(model, "score_pairs"):
            pairs = [("n0", "n1"), ("n5", "n150")]
            scores = model.score_pairs(pairs, graph=few)
            assert scores.shape == (2,)
            np.testing.assert_array_equal(again.score_pairs(pairs, graph=few), scores)
            np.testing.assert_array_equal(again.score_pairs([(0, 1)]), model.score_pairs([(0, 1)]))
        with pytest.raises(ValueError, match="graph must have 6 features per node as in fit, got"):
            model.transform(gr.as_graph(few, x=np.ones((200, 5))))

    def test_inductive_scores_find_edges(self):
        """Trained on one half of the groups' nodes, NCN separates edges of a graph that it never saw."""
        whole, _ = self.graphs()
        unseen = gr.as_graph(planted(lambda v: v, seed=5), x=whole.x)
        model = gr.GAE(dimensions=32, epochs=60).fit(whole)
        split = gr.evaluate.random_link_split(unseen, test=0.2)
        scores = [model.score_pairs(pairs, graph=split.graph) for pairs in (split.test, split.test_neg)]
        assert gr.evaluate.roc_auc(*scores) > 0.65

    def test_without_features_only_random_ones_follow_names(self):
        g = gr.as_graph(planted())
        model = gr.Contrastive(dimensions=8, epochs=1).fit(g)
        again = model.transform(gr.as_graph(shuffled(planted())))
        np.testing.assert_allclose(again[g.nodes.tolist()], model.embedding_, rtol=1e-3, atol=1e-4)
        with pytest.raises(ValueError, match="fitted without features"):
            gr.GAE(dimensions=8, epochs=1).fit(g).transform(g)
