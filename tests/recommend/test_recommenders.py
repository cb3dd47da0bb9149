"""What every recommender keeps: names, known items, new users, files, threads, refusals."""

from __future__ import annotations

import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import graphrep as gr

TRAINED = {"dimensions": 4, "epochs": 2, "validation": 0, "progress": False}
MODELS = [
    gr.Popularity(),
    gr.ItemKNN(neighbors=3),
    gr.EASE(l2=3.0),
    gr.GFCF(dimensions=4),
    gr.ALS(dimensions=4, iterations=2),
    gr.MatrixFactorization(**TRAINED),
    gr.MatrixFactorization(loss="ccl", num_negatives=3, **TRAINED),
    gr.LightGCN(layers=2, **TRAINED),
]
EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
BASKETS = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 3), (3, 2), (4, 4), (4, 1)]


def random_matrix(seed=0, shape=(40, 25)):
    return (np.random.default_rng(seed).random(shape) < 0.2).astype(np.float32)


@pytest.mark.filterwarnings("ignore:.* asks only whether a user has an item")
@parametrize_with_checks([model for model in MODELS if getattr(model, "loss", "bpr") == "bpr"])
def test_estimator_checks(estimator, check):
    check(estimator)


@EVERY
def test_names_and_known_items(model):
    model = clone(model).fit(BASKETS)
    (found,) = model.recommend([1])
    assert sorted(name for name, _ in found) == [3, 4]
    assert {name for name, _ in model.recommend(1, known=True)[0]} == {1, 2, 3, 4}
    assert len(model.recommend()) == 4
    assert model.recommend(1, k=1) == [found[:1]]
    assert model.score_pairs([(1, found[0][0])])[0] == np.float32(found[0][1])
    assert model.score_pairs([]).shape == (0,)
    assert len(model.recommend_for([1, 2])) == 2
    assert model.recommend_for(1) == model.recommend_for([1, 1])
    with pytest.raises(KeyError, match="no user 9 in what was fitted; recommend_for"):
        model.recommend([1, 9])
    with pytest.raises(KeyError, match="no item 9"):
        model.recommend_for([9])


@EVERY
def test_pairs_in_every_form(model):
    pd = pytest.importorskip("pandas")
    model = clone(model).fit([(f"u{u}", f"i{i}") for u, i in BASKETS])
    pairs = [("u1", "i3"), ("u4", "i2"), ("u1", "i4")]
    rows = np.array(
        [[0, 3, 0], [model.items_.tolist().index(name) for _, name in pairs]],
    )
    wanted = model.score_users([0, 3, 0])[np.arange(3), rows[1]]
    for given in (pairs, np.array(pairs), pd.DataFrame(pairs, columns=["user", "item"]), rows):
        np.testing.assert_array_equal(model.score_pairs(given), wanted)
    with pytest.raises(ValueError, match="pairs must be a list of tuples"):
        model.score_pairs(rows.T)
    with pytest.raises(IndexError, match="items of pairs must lie in"):
        model.score_pairs(rows + np.array([[0], [4]]))


@EVERY
@pytest.mark.parametrize("data", [random_matrix(), BASKETS, [("ann", "x"), ("bob", "y"), ("bob", "x")]])
def test_saved_and_loaded(model, data, tmp_path):
    model = clone(model)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "model")
    model.fit(data).save(tmp_path / "model")
    again = gr.load(tmp_path / "model")
    assert again.recommend(k=3) == model.recommend(k=3)
    item = model.recommend(k=1, known=True)[0][0][0]
    assert again.recommend_for([item]) == model.recommend_for([item])


@EVERY
def test_threads_blocks_and_seeds(model, monkeypatch):
    data = random_matrix(1, (150, 280))
    model = clone(model)
    found = []
    for threads in (1, 2):
        if "n_jobs" in model.get_params():
            model.set_params(n_jobs=threads)
        found.append(model.fit(data).score_users(np.arange(150)))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(model.score_users([7]), found[0][7:8])  # a score does not depend on its batch
    whole = model.recommend()
    monkeypatch.setattr("graphrep.recommend._base._SCORES", 1000)
    assert model.recommend() == whole


@EVERY
def test_users_without_items_and_items_without_users(model):
    data = random_matrix(2)
    data[[0, 7]] = 0
    data[:, 3] = 0
    model = clone(model).fit(sp.csr_array(data))
    counts = data.sum(axis=0)
    np.testing.assert_array_equal(model.score_users([7, 0]), [counts, counts])
    assert model.recommend(0, k=1)[0][0] == (int(counts.argmax()), float(counts.max()))
    assert model.recommend_for([], k=1) == model.recommend(0, k=1)[0]
    assert np.isfinite(model.score_users(np.arange(40))).all()


@EVERY
def test_what_cannot_be_fitted(model):
    for empty in ([], np.zeros((3, 4)), sp.csr_array((0, 5))):
        with pytest.raises(ValueError, match="graph must hold at least one"):
            clone(model).fit(empty)
    with pytest.raises(ValueError, match="two sides; give the table or pairs"):
        clone(model).fit(gr.as_graph([(0, 1)]))
    with pytest.raises(ValueError, match="could be a matrix of users by items, or end points"):
        clone(model).fit(np.array([[0, 1, 2], [5, 6, 7]]))
    network = nx.Graph([("a", "b"), ("a", "x")])
    nx.set_node_attributes(network, {"a": 0, "b": 0, "x": 1}, "bipartite")
    with pytest.raises(ValueError, match="edges between two nodes of the same side"):
        clone(model).fit(network)
    with pytest.raises(TypeError, match="graph must be a table, pairs of users and items, or a matrix, got int"):
        clone(model).fit(5)


@EVERY
def test_repetitions_and_weights(model):
    plain = clone(model).fit(BASKETS)
    again = clone(model).fit(BASKETS + BASKETS[:3])  # no warning: warnings are errors
    weighted = [(u, i, 1.0 + u) for u, i in BASKETS]
    if model._takes_weights:
        assert clone(model).fit(weighted).recommend() != plain.recommend()
        return
    assert again.recommend() == plain.recommend()
    with pytest.warns(UserWarning, match=f"{type(model).__name__} asks only whether a user has an item") as caught:
        assert clone(model).fit(weighted).recommend() == plain.recommend()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(model).fit([(u, i, 2.0) for u, i in BASKETS])  # equal weights say nothing


def test_graphs_keep_the_names_of_their_nodes():
    network = nx.Graph([("customer:1", "tea"), ("customer:2", "tea"), ("customer:2", "jam")])
    nx.set_node_attributes(network, {name: int(not name.startswith("c")) for name in network}, "bipartite")
    for given in (network, gr.as_graph(network, bipartite=True)):
        assert gr.Popularity().fit(given).recommend("customer:1") == [[("jam", 1.0)]]
    table = gr.as_graph([(1, 1), (2, 1), (2, 2)], bipartite=True)
    assert gr.Popularity().fit(table).recommend("source:1") == [[("target:2", 1.0)]]
    assert gr.Popularity().fit([(1, 1), (2, 1), (2, 2)]).recommend(1) == [[(2, 1.0)]]


def test_tables_and_files_keep_names_and_types(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"customer": [1, 2, 2], "product": ["7", "7", "8"]})
    assert gr.Popularity().fit(frame).recommend(1) == [[("8", 1.0)]]
    odd = pd.DataFrame({":START": [1, 2, 2], "a:b": ["x:1", "x:1", "x:2"]})
    assert gr.Popularity().fit(odd).recommend(1) == [[("x:2", 1.0)]]
    frame.to_csv(tmp_path / "sold.csv", index=False)
    assert gr.Popularity().fit(tmp_path / "sold.csv").recommend(1) == [[(8, 1.0)]]
    typed = gr.as_graph([("ann", "buys", "tea"), ("bob", "buys", "tea"), ("bob", "buys", "jam")], edge_type=1)
    relation = typed.relation("buys")
    rows = [typed.nodes.tolist().index(name) for name in ("ann", "jam")]
    (best,) = gr.Popularity().fit(relation).recommend(rows[0], k=1)
    assert best == [(rows[1], 1.0)]
    with pytest.raises(ValueError, match="types"):
        gr.Popularity().fit(typed)
