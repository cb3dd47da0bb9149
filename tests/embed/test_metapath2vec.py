"""Walks along meta-paths against exact probabilities, and vectors from them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep._metapaths import closed_paths
from graphrep.embed.metapath2vec import _new_rows

APVPA = ("author", "paper", "venue", "paper", "author")
QUICK = {"dimensions": 16, "walk_length": 10, "walks_per_node": 4, "window": 3, "n_jobs": 1}


def bibliography(num_papers=40, seed=0):
    """Triples of papers, their authors and venues, with weights; papers of a group share authors, not venues."""
    rng = np.random.default_rng(seed)
    rows = []
    for paper in range(num_papers):
        for author in rng.choice(8, size=2, replace=False):
            rows.append((f"p{paper}", "by", f"a{8 * (paper % 2) + author}"))
        rows.append((f"p{paper}", "in", f"v{rng.integers(3)}"))
    return rows


def typed(rows, **options):
    names = dict.fromkeys(end for head, _, tail in rows for end in (head, tail))
    kinds = {"p": "paper", "a": "author", "v": "venue"}
    return gr.as_graph(rows, edge_type=1, node_type={name: kinds[name[0]] for name in names}, **options)


@pytest.fixture
def weighted():
    """A graph with weights, several types of edges between the same nodes, and a paper without a venue."""
    rng = np.random.default_rng(3)
    ends, kinds = [], []
    for kind, (low, high), (first, last), share in (
        ("by", (0, 6), (6, 11), 0.6), ("first", (0, 6), (6, 11), 0.3), ("in", (0, 5), (11, 14), 0.5)
    ):  # fmt: skip
        found = [(u, v) for u in range(low, high) for v in range(first, last) if rng.random() < share]
        ends += found
        kinds += [kind] * len(found)
    types = np.repeat(["paper", "author", "venue"], [6, 5, 3])
    weights = rng.integers(1, 6, len(ends)).astype(np.float32)
    order = rng.permutation(14)  # types are not contiguous
    place = np.argsort(order)
    return gr.as_graph(place[np.array(ends).T], edge_type=kinds, weights=weights, num_nodes=14, node_type=types[order])


def laws(graph, steps):
    """Dense transition matrix of each step between all nodes, from the definition."""
    found = []
    for one, kinds, other in steps:
        dense = np.zeros((graph.num_nodes,) * 2)
        w = np.ones(graph.num_arcs) if graph.weights is None else graph.weights
        for (u, v), kind, weight in zip(graph.edge_index().T, graph.edge_type, w, strict=True):
            if graph.edge_types[kind] in kinds:
                dense[u, v] += weight
                dense[v, u] += weight  # the edges of the bibliography lead from papers alone
        names = np.array(graph.node_types)[graph.node_type]
        dense[names != one] = 0
        dense[:, names != other] = 0
        found.append(dense / np.maximum(dense.sum(axis=1, keepdims=True), 1e-12))
    return found


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (APVPA, [("author", ("by", "first"), "paper"), ("paper", ("in",), "venue"), ("venue", ("in",), "paper"),
                 ("paper", ("by", "first"), "author")]),
        ([("paper", "by", "author"), ("author", "first", "paper")],
         [("paper", ("by",), "author"), ("author", ("first",), "paper")]),
    ],
)  # fmt: skip
def test_frequencies_of_steps_are_the_exact_probabilities(weighted, backend, path, steps, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    rounds = 2000 if backend == "native" else 60
    walks = gr.random_walks(weighted, metapaths=[path], walk_length=10, walks_per_node=rounds, seed=1)
    begins = np.flatnonzero(np.array(weighted.node_types)[weighted.node_type] == steps[0][0])
    np.testing.assert_array_equal(walks[:, 0], np.tile(begins, rounds))
    exact = laws(weighted, steps)
    for k in range(9):
        law = exact[k % len(steps)]
        here, there = walks[:, k], walks[:, k + 1]
        ends = (here >= 0) & (law.sum(axis=1)[here] == 0)
        np.testing.assert_array_equal(there[ends | (here < 0)], -1)
        moved = (here >= 0) & ~ends
        counts = np.zeros_like(law)
        np.add.at(counts, (here[moved], there[moved]), 1)
        assert not counts[law == 0].any()
        total = counts.sum(axis=1, keepdims=True)
        spread = np.sqrt(total * law * (1 - law))
        assert (np.abs(counts - total * law) <= 5 * spread + 1e-9).all()
    if path == APVPA:
        assert (walks[:, -1] < 0).any()
        assert (walks[:, -1] >= 0).any()


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(("p", "q"), [(0.2, 1.0), (4.0, 0.5)])
@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (APVPA, [("by", "first"), ("in",), ("in",), ("by", "first")]),
        (("paper", "author", "paper"), [("by", "first")] * 2),
        ([("paper", "by", "author"), ("author", "first", "paper")], [("by",), ("first",)]),
    ],
)
def test_returns_have_the_probabilities_of_p_and_q(weighted, backend, p, q, path, kinds, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    types = path[:-1] if isinstance(path[0], str) else [step[0] for step in path]
    steps = [(one, kind, types[(i + 1) % len(types)]) for i, (one, kind) in enumerate(zip(types, kinds, strict=True))]
    rounds = 4000 if backend == "native" else 60
    walks = gr.random_walks(weighted, metapaths=[path], walk_length=7, walks_per_node=rounds, seed=2, p=p, q=q)
    exact, returned = laws(weighted, steps), 0
    for k in range(1, 6):
        moved = walks[:, k + 1] >= 0
        before, here, there = walks[moved, k - 1], walks[moved, k], walks[moved, k + 1]
        counts = np.zeros((14, 14, 14))
        np.add.at(counts, (before, here, there), 1)
        law = np.tile(exact[k % len(steps)] / q, (14, 1, 1))
        for t in range(14):
            law[t, :, t] *= q / p
        law /= np.maximum(law.sum(axis=2, keepdims=True), 1e-12)
        total = counts.sum(axis=2, keepdims=True)
        assert not counts[np.broadcast_to(law == 0, counts.shape)].any()
        assert (np.abs(counts - total * law) <= 5 * np.sqrt(total * law * (1 - law)) + 1e-9).all()
        returned += (before == there).sum()
    assert returned


def test_a_path_of_one_step_has_the_walks_of_node2vec():
    rng = np.random.default_rng(0)
    pairs = [(f"p{u}", "cites", f"p{v}") for u, v in rng.integers(0, 12, (60, 2)) if u != v]
    g = gr.as_graph(pairs, edge_type=1, node_type=["paper"] * 12)
    options = {"walk_length": 20, "walks_per_node": 5, "p": 0.3, "q": 3.0}
    found = gr.random_walks(g, metapaths=[[("paper", "cites", "paper")]], **options)
    np.testing.assert_array_equal(found, gr.random_walks(g.untyped(), **options))


def test_p_and_q_of_the_estimator_are_those_of_its_walks(weighted):
    path = ("paper", "author", "paper")
    fits = [gr.MetaPath2Vec(metapaths=path, p=p, **QUICK).fit(weighted).embedding_ for p in (1.0, 0.01)]
    assert (fits[0] != fits[1]).any()
    sampler = gr.MetaPath2Vec(metapaths=path, p=0.01, q=2.0, **QUICK)._sampler(weighted, 0)
    assert (sampler.p, sampler.q) == (0.01, 2.0)


def test_a_walk_is_a_function_of_the_seed_and_its_number(weighted):
    paths = [APVPA, ("paper", "author", "paper")]
    options = {"metapaths": paths, "walk_length": 7, "walks_per_node": 3}
    walks = gr.random_walks(weighted, **options, n_jobs=1)
    assert walks.shape == (3 * (5 + 6), 7)
    for threads in (2, 50):
        np.testing.assert_array_equal(gr.random_walks(weighted, **options, n_jobs=threads), walks)
    np.testing.assert_array_equal(np.concatenate(list(gr.iter_walks(weighted, **options, batch_size=4))), walks)
    assert (gr.random_walks(weighted, **options, seed=1) != walks).any()
    papers = np.flatnonzero(weighted.node_type == weighted.node_types.index("paper"))
    chosen = gr.random_walks(weighted, **options, start=papers[[4, 1]])
    assert chosen[:, 0].tolist() == papers[[4, 1]].tolist() * 3
    one = gr.random_walks(weighted, metapaths=paths[1], walk_length=7, walks_per_node=2)
    np.testing.assert_array_equal(one, gr.random_walks(weighted, metapaths=[paths[1]], walk_length=7, walks_per_node=2))


def test_paths_of_one_step_are_walks_on_their_edges():
    g = gr.as_graph(
        [("p0", "cites", "p1"), ("p1", "cites", "p2"), ("p2", "likes", "p0"), ("p0", "likes", "p2")], edge_type=1,
        node_type=["paper"] * 3,
    )  # fmt: skip
    paths = [[("paper", kind, "paper")] for kind in ("cites", "likes")]
    walks = gr.random_walks(g, metapaths=paths, walk_length=4, walks_per_node=1)
    assert walks.tolist() == [
        [0, 1, 2, -1],
        [1, 2, -1, -1],
        [2, -1, -1, -1],
        [0, 2, 0, 2],
        [1, -1, -1, -1],
        [2, 0, 2, 0],
    ]
    assert gr.random_walks(g, metapaths=paths, walk_length=2, walks_per_node=1, start=["p2"]).tolist() == [
        [2, -1],
        [2, 0],
    ]


def test_walks_and_vectors_go_against_the_edges_where_a_step_says_so():
    rows = [(f"p{i}", "cites", f"p{i + 1}") for i in range(6)]
    g = gr.as_graph(rows, edge_type=1, node_type=["paper"] * 7)
    back = [("paper", "rev_cites", "paper")]
    walks = gr.random_walks(g, metapaths=[back], walk_length=3, walks_per_node=1)
    assert walks.tolist() == [[i, i - 1 if i else -1, max(i - 2, -1)] for i in range(7)]
    there = [("paper", "cites", "paper"), *back]
    walks = gr.random_walks(g, metapaths=there, walk_length=3, walks_per_node=1, start=["p2"])
    assert walks.tolist() == [[2, 3, 2]]
    new = gr.as_graph([("pnew", "cites", "p3"), ("p0", "cites", "other")], edge_type=1, node_type=["paper"] * 4)
    at = np.array([g.row(name) if name in set(g.nodes) else -1 for name in new.nodes])
    for step, wanted in zip(closed_paths(g, there)[0], ([[3], []], [[], [0]]), strict=True):
        found = _new_rows(new, at, g, step).toarray()  # of pnew, and of other
        assert [np.flatnonzero(row).tolist() for row in found] == wanted
    vectors = gr.MetaPath2Vec(metapaths=there, **QUICK).fit(g).transform(new)
    assert vectors.nodes.tolist() == ["pnew", "other"]
    assert np.isfinite(vectors.vectors).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metapaths": "paper"}, "must be a sequence of meta-paths, got 'paper'"),
        ({"metapaths": []}, "must hold a meta-path"),
        ({"metapaths": ("paper", "author")}, r"there and back is \('paper', 'author', 'paper'\)"),
        ({"metapaths": ("paper", "reader", "paper")}, "'reader' is no type of nodes; these are"),
        ({"metapaths": [("paper", "reader", "paper")]}, "'reader' is no type of nodes; these are"),
        ({"metapaths": ("author", "venue", "author")}, "no edge joins nodes of the types 'author' and 'venue'"),
        ({"metapaths": [("paper", "author", "paper"), ("venue",)]}, "two or more types"),
        ({"metapaths": ("paper", "author", "paper"), "q": 0.0}, "q must be at least 1e-100"),
        ({"metapaths": ("paper", "author", "paper"), "start": ["a0"]}, "a type in which a meta-path begins, got 'a0'"),
    ],
)
def test_bad_meta_paths_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gr.random_walks(typed(bibliography()), walk_length=3, walks_per_node=1, **options)
    with pytest.raises(ValueError, match="meta-paths need types of nodes"):
        gr.random_walks(nx.karate_club_graph(), metapaths=("a", "b", "a"))


def separation(model, kind="paper"):
    """How much nearer two nodes of a group are than two of different groups, in mean cosine."""
    vectors = model.of_type(kind)
    x = np.asarray(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    group = np.array([int(name[1:]) % 2 for name in vectors.nodes])
    close = x @ x.T
    same = group[:, None] == group
    return close[same & ~np.eye(len(x), dtype=bool)].mean() - close[~same].mean()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_path_decides_what_is_near(n_jobs):
    """Papers of a group share authors, and venues are drawn for all alike."""
    graph = typed(bibliography())
    options = {"dimensions": 16, "walk_length": 20, "walks_per_node": 40, "window": 5, "epochs": 3, "n_jobs": n_jobs}
    by_author, by_venue = (
        gr.MetaPath2Vec(metapaths=("paper", middle, "paper"), **options).fit(graph) for middle in ("author", "venue")
    )
    assert separation(by_author) > 0.3
    assert abs(separation(by_venue)) < 0.15
    with pytest.raises(ValueError, match="'venue' lies on no meta-path, so its nodes have no vectors; on these are"):
        by_author.of_type("venue")


def test_nodes_on_no_path_are_neither_trained_nor_noise():
    graph = typed(bibliography())
    model = gr.MetaPath2Vec(metapaths=("paper", "author", "paper"), **QUICK).fit(graph)
    off = graph.node_type == graph.node_types.index("venue")
    assert np.abs(model.embedding_[off]).max() <= 0.5 / 16
    assert not model._contexts[off].any()
    assert np.abs(model._contexts[~off]).sum(axis=1).all()


def test_fits_repeat_and_follow_the_names(weighted):
    rows = bibliography()
    graph, turned = typed(rows), typed(rows[::-1])
    options = {**QUICK, "metapaths": [("author", "paper", "author"), APVPA]}
    first = gr.MetaPath2Vec(**options).fit(graph)
    np.testing.assert_array_equal(gr.MetaPath2Vec(**options).fit_transform(graph), first.embedding_)
    assert (gr.MetaPath2Vec(**options, random_state=1).fit_transform(graph) != first.embedding_).any()
    assert graph.nodes.tolist() != turned.nodes.tolist()
    other = gr.MetaPath2Vec(**{**options, "learning_rate": 1e-9, "min_learning_rate": 0.0})
    one, two = (other.fit(g).node_vectors_ for g in (graph, turned))
    np.testing.assert_allclose(one[graph.nodes], two[graph.nodes], atol=1e-6)  # both begin at the same vectors
    unit = gr.as_graph(weighted, weights=False)
    path = {**QUICK, "metapaths": ("paper", "author", "paper")}
    counted, plain = (gr.MetaPath2Vec(**path).fit_transform(g) for g in (weighted, unit))
    assert (counted != plain).any()


def test_noise_of_a_type_moves_the_contexts_of_the_type_alone():
    """Authors alone move contexts, and theirs are papers: authors are noise of these unless each type has its own."""
    graph = typed(bibliography())
    path = {**QUICK, "metapaths": ("paper", "author", "paper"), "window": 1, "walks_per_node": 1}
    for by_type in (False, True):
        model = gr.MetaPath2Vec(**path, noise_by_type=by_type)
        found = model._skip_gram(graph, 0, graph.to_undirected().untyped().out_degree)
        assert (found.kinds is not None) == by_type
        papers = graph.node_type == graph.node_types.index("paper")
        found.input[papers] = 0  # so that they move nothing
        walks = model._sampler(graph, 0).sample(0, 40)
        found.train(walks[:, :2].copy(), first_position=0, total_positions=40)  # a paper and an author each
        moved = np.abs(found.output).any(axis=1)
        assert moved[papers].any()
        assert moved[~papers].any() == (not by_type)
    new = typed([("pnew", "by", "a1"), ("pnew", "in", "v0")])
    model = gr.MetaPath2Vec(**QUICK, metapaths=("paper", "author", "paper"), noise_by_type=True).fit(graph)
    assert np.isfinite(np.asarray(model.transform(new))).all()
    with pytest.raises(TypeError, match="noise_by_type must be True or False, got 1"):
        gr.MetaPath2Vec(**QUICK, metapaths=("paper", "author", "paper"), noise_by_type=1).fit(graph)


def test_without_types_it_is_deepwalk():
    graph = nx.karate_club_graph()
    expected = gr.DeepWalk(**QUICK).fit_transform(graph)
    np.testing.assert_array_equal(gr.MetaPath2Vec(**QUICK).fit_transform(graph), expected)
    one = gr.as_graph(graph, node_type=["person"] * 34)
    np.testing.assert_array_equal(gr.MetaPath2Vec(**QUICK).fit_transform(one), expected)
    assert gr.MetaPath2Vec(**QUICK).fit(one).of_type("person").shape == (34, 16)
    with pytest.raises(ValueError, match="several types, 'paper', 'author', 'venue'"):
        gr.MetaPath2Vec().fit(typed(bibliography()))
    with pytest.raises(ValueError, match="meta-paths need types of nodes"):
        gr.MetaPath2Vec(metapaths=("a", "b", "a")).fit(graph)


def test_new_nodes_and_files(tmp_path):
    """A paper by authors of a group gets a vector near its papers; loading gives the same estimator."""
    options = {"dimensions": 16, "walk_length": 20, "walks_per_node": 40, "window": 3, "epochs": 3, "n_jobs": 1}
    paths = [[("paper", "by", "author"), ("author", "by", "paper")], ("author", "paper", "author")]
    model = gr.MetaPath2Vec(metapaths=paths, **options).fit(typed(bibliography()))
    rows = [
        ("pnew", "by", "a1"),
        ("pnew", "by", "a2"),
        ("pnew", "in", "v0"),
        ("p1", "by", "anew"),
        ("p3", "by", "anew"),
    ]
    new = model.transform(typed(rows))
    assert new.nodes.tolist() == ["pnew", "anew"]
    papers = model.of_type("paper")
    group = np.array([int(name[1:]) % 2 for name in papers.nodes])
    x = np.asarray(papers) / np.linalg.norm(papers, axis=1, keepdims=True)
    for name, own in (("pnew", 0), ("anew", 1)):
        close = x @ new[name]
        assert close[group == own].mean() > close[group != own].mean() + 0.2 * np.linalg.norm(new[name])
    matrix = sp.lil_array((1, 59))
    matrix[0, [model._graph.row("a1"), model._graph.row("a2")]] = 1
    close = x @ model.transform(matrix.tocsr())[0]
    assert close[group == 0].mean() > close[group == 1].mean()
    model.save(tmp_path / "model.safetensors")
    again = gr.load(tmp_path / "model.safetensors")
    assert again.metapaths == paths
    assert again.of_type("author") == model.of_type("author")
    np.testing.assert_array_equal(np.asarray(again.transform(typed(rows))), np.asarray(new))
    with pytest.raises(ValueError, match="new must have types of nodes"):
        model.transform([("pnew", "a1")])
    with pytest.raises(ValueError, match="a node that was not fitted"):
        model.transform(typed(bibliography()))
    untold = gr.as_graph([("pnew", "a1")], node_type=["paper", "author"])
    with pytest.raises(ValueError, match="types of edges, which the meta-paths name"):
        model.transform(untold)


def test_a_checkpoint_knows_the_types(tmp_path):
    graph = typed(bibliography())
    path = tmp_path / "fit.ckpt"

    def stop(epoch, record, estimator):
        raise KeyboardInterrupt

    model = gr.MetaPath2Vec(metapaths=("paper", "author", "paper"), **QUICK, epochs=2, checkpoint=path)
    expected = gr.MetaPath2Vec(**{**model.get_params(), "checkpoint": None}).fit_transform(graph)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[stop]).fit(graph)
    model.set_params(callbacks=())
    kinds = np.array(graph.node_types, dtype=object)[graph.node_type]
    kinds[graph.row("v0")] = "paper"
    with pytest.raises(ValueError, match="belongs to another fit"):
        model.fit(gr.as_graph(graph, node_type=kinds))
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
