from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import graphrep as gr

WALKS = {"walk_length": 5, "walks_per_node": 1, "window": 2, "dimensions": 4, "n_jobs": 1}
ESTIMATORS = [
    gr.FastRP(dimensions=4),
    gr.Spectral(dimensions=4),
    gr.Node2Vec(**WALKS, p=0.5, q=2.0),
    gr.DeepWalk(**WALKS),
    gr.MetaPath2Vec(**WALKS),
    gr.ProNE(dimensions=4),
    gr.NetMF(dimensions=4, window=3),
    gr.HOPE(dimensions=4),
    gr.STRAP(dimensions=4),
    gr.LINE(dimensions=4, samples=500, n_jobs=1),
    gr.MUSAE(dimensions=4, identity=True),
    gr.PropagatedFeatures(dimensions=4),
    gr.AE(dimensions=4, identity=True, algorithm="sampled", samples_per_node=20, n_jobs=1),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_every_kind_of_graph_gives_the_same_vectors(estimator):
    drawn = nx.karate_club_graph()
    for _, _, data in drawn.edges(data=True):
        data["weight"] += 0.5
    graph = gr.as_graph(drawn)
    expected = clone(estimator).fit_transform(graph)
    assert (expected.dtype, expected.shape) == (np.float32, (34, 4))
    ends = graph.edge_index()
    for other in (
        drawn,
        graph.to_scipy(),
        sp.coo_matrix(graph.to_scipy()),
        graph.to_scipy().toarray(),
        graph.to_scipy().toarray().tolist(),
        gr.as_graph(ends, weights=graph.weights),
    ):
        np.testing.assert_array_equal(clone(estimator).fit_transform(other), expected)
    unweighted = gr.as_graph(ends)
    np.testing.assert_array_equal(clone(estimator).fit_transform(ends), clone(estimator).fit_transform(unweighted))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_fitted_attributes_and_pickle(estimator):
    names = ["curl", "wget", ("a", 1), "gimp"]
    graph = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False, nodes=names)
    model = clone(estimator)
    with pytest.raises(NotFittedError):
        _ = model.node_vectors_
    assert model.fit(graph) is model
    assert model.nodes_.tolist() == names
    assert model.n_features_in_ == 4
    vectors = model.node_vectors_
    np.testing.assert_array_equal(vectors["wget"], model.embedding_[1])
    assert vectors.settings["method"] == type(model).__name__
    assert vectors.settings["dimensions"] == 4
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    assert again.get_params() == model.get_params()
    assert again.nodes_.tolist() == names


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_parameters_are_stored_untouched(estimator):
    seed = np.random.RandomState(0)
    model = clone(estimator).set_params(random_state=seed, dimensions=np.int64(4))
    model.fit([[0, 1], [1, 0]])
    assert model.random_state is seed
    assert isinstance(model.dimensions, np.int64)
    if getattr(estimator, "algorithm", None) == "exact":
        return  # draws nothing
    path = nx.path_graph(300)  # Spectral decomposes small graphs without random numbers
    other = clone(estimator).set_params(random_state=1).fit_transform(path)
    assert (clone(estimator).fit_transform(path) != other).any()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (np.zeros((3, 4)), ValueError, r"graph must be a square adjacency matrix, got shape \(3, 4\); for"),
        (sp.csr_array((3, 4)), ValueError, r"graph must be a square adjacency matrix, got shape \(3, 4\); for"),
        (-np.eye(3), ValueError, r"Negative values in data"),
        (np.full((3, 3), np.nan), ValueError, r"NaN"),
        (gr.as_graph(np.zeros((2, 0), dtype=int), num_nodes=0), ValueError, r"graph must have at least one node"),
        (nx.Graph(), ValueError, r"graph must have at least one node"),
        (5, TypeError, r"cannot make a graph from int"),
    ],
)
def test_bad_graphs(estimator, graph, error, message):
    with pytest.raises(error, match=message):
        clone(estimator).fit(graph)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_unknown_arguments_of_fit_are_refused(estimator):
    with pytest.raises(TypeError, match="fit has no parameter weights; "):
        clone(estimator).fit([[0, 1], [1, 0]], weights=[1])


LEARNERS = [
    *ESTIMATORS,
    gr.Contrastive(dimensions=4, epochs=1),
    gr.StructComp(dimensions=4, epochs=1, compression=2),
    gr.PamC(n_clusters=2, dimensions=4, hidden=(8,), pretraining_epochs=1, epochs=1, n_init=1),
]


@pytest.mark.parametrize("estimator", LEARNERS, ids=lambda model: type(model).__name__)
def test_columns_have_names_and_pipelines_and_frames_work(estimator):
    pytest.importorskip("pandas")
    g = gr.as_graph(nx.karate_club_graph(), x=np.eye(34, 6), weights=False)
    model = clone(estimator)
    vectors = model.fit_transform(g)
    name = type(model).__name__.lower()
    assert model.get_feature_names_out().tolist() == [f"{name}{i}" for i in range(4)]
    frame = clone(estimator).set_output(transform="pandas").fit_transform(g)
    assert frame.columns.tolist() == [f"{name}{i}" for i in range(4)]
    assert frame.shape == (34, 4)
    steps = make_pipeline(clone(estimator), StandardScaler(), KMeans(2, n_init=1, random_state=0))
    assert len(steps.fit_predict(g)) == len(vectors)
