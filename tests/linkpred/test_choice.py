from __future__ import annotations

from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from sklearn.base import clone

import graphrep as gr
from graphrep.evaluate import link_metrics, random_link_split
from graphrep.linkpred.choice import per_edge, rare, rarity


@pytest.fixture(scope="module")
def split():
    blocks = nx.stochastic_block_model([40, 40, 40], np.full((3, 3), 0.02) + 0.3 * np.eye(3), seed=0)
    graph = gr.as_graph(np.array(blocks.edges()).T, num_nodes=120, directed=False)
    return random_link_split(graph, test=0.1, valid=0.2, connected=False)


class Fixed:
    """An estimator whose scores are given, with errors for a share of the edges."""

    def __init__(self, errors=0.0, log=None):
        self.errors, self.log = errors, log

    def get_params(self, deep=True):
        return {"errors": self.errors, "log": self.log}

    def fit(self, graph, edges=None, *, val):
        self.known, self.embedding_, self.graph_ = (
            {tuple(pair) for pair in val.valid.T.tolist()},
            np.zeros((1, 1)),
            graph,
        )
        if self.log is not None:
            self.log.append(self.errors)
        return self

    def score_pairs(self, pairs):
        scores = np.array([tuple(pair) in self.known for pair in pairs.T.tolist()], dtype=np.float32)
        wrong = np.arange(len(scores)) < self.errors * len(scores)
        return np.where(wrong & (scores > 0), -1, scores)

    def __sklearn_clone__(self):
        return Fixed(self.errors, self.log)


def test_the_simplest_within_the_noise_of_the_best(split):
    def chosen(*errors):
        candidates = {str(share): Fixed(share) for share in errors}
        model = gr.BestLinkPredictor(candidates=candidates, combine=False, metric="auc").fit(split.graph, val=split)
        assert list(model.validation_) == list(candidates)
        assert model.weights_ == {model.name_: 1.0}
        assert model.combined_ == model.validation_[model.name_]
        np.testing.assert_array_equal(model.score_pairs(split.test), model.predictor_.score_pairs(split.test))
        return model.name_

    assert chosen(0.5, 0.0) == "0.0"  # clearly worse
    assert chosen(0.0, 0.5) == "0.0"
    one = 1 / split.valid.shape[1]  # a single edge cannot tell
    assert chosen(one, 0.0) == str(one)


class Noisy(Fixed):
    """Scores of edges are higher by one, beside noise of its own; ``errors`` is its seed and ``log`` a factor."""

    def fit(self, graph, edges=None, *, val):
        self.known, self.embedding_ = {tuple(pair) for pair in val.valid.T.tolist()}, np.zeros((1, 1))
        return self

    def score_pairs(self, pairs):
        noise = np.random.default_rng(self.errors).normal(0, 1, (120, 120))[tuple(pairs)]
        return self.log * (np.array([tuple(pair) in self.known for pair in pairs.T.tolist()]) + noise)

    def __sklearn_clone__(self):
        return Noisy(self.errors, self.log)


@pytest.mark.parametrize("metric", ["auc", "hits@20", "mrr"])
def test_candidates_that_know_different_things_are_better_together(split, metric):
    val = SimpleNamespace(valid=split.valid, valid_neg=split.valid_neg, train=split.train)
    if metric == "mrr":
        count = split.valid.shape[1]
        val.valid_neg = np.random.default_rng(0).choice(split.valid_neg, (count, 30), axis=1)
    models = []
    for factors in ((1, 1, 1), (1000, 0.5, 1e-3)):
        candidates = {name: Noisy(i, factor) for i, (name, factor) in enumerate(zip("abc", factors, strict=True))}
        models.append(gr.BestLinkPredictor(candidates=candidates, metric=metric).fit(split.graph, val=val))
    model, scaled = models
    assert scaled.weights_ == model.weights_
    assert len(model.weights_) > 1
    assert sum(model.weights_.values()) == pytest.approx(1)
    assert model.combined_ > max(model.validation_.values()) + 0.02
    positive = model.score_pairs(split.valid)
    negative = model.score_pairs(val.valid_neg.reshape(2, -1)).reshape(val.valid_neg.shape[1:])
    assert link_metrics(positive, negative, [metric])[metric] == pytest.approx(model.combined_, abs=1e-3)


def test_one_candidate_that_knows_all_stands_alone(split):
    candidates = {"noise": Noisy(0, 1.0), "all": Fixed(0.0), "constant": Fixed(1.0)}
    model = gr.BestLinkPredictor(candidates=candidates, metric="auc").fit(split.graph, val=split)
    assert model.weights_ == {"all": 1.0}
    assert list(model.members_) == ["all"]


def test_scores_are_weighed_by_how_rare_they_are_among_negatives():
    negatives = np.array([3.0, 1.0, 2.0, 2.0])
    points = rarity(negatives)
    np.testing.assert_allclose(points, [[1, 2, 3], -np.log([4 / 5, 2.5 / 5, 1 / 5])])  # of equal ones, half are above
    np.testing.assert_allclose(rare([1, 2, 3, 1.5], points), [*points[1], points[1, :2].mean()])
    for given in (negatives, [5.0, 5.0], np.random.default_rng(0).pareto(0.5, 30_000)):
        points, low, high = rarity(np.asarray(given)), np.min(given), np.max(given)
        assert points.shape[1] <= 8192
        values = rare(np.r_[np.linspace(low - 9, low, 10), np.sort(given), np.linspace(high, 2 * high + 9, 10)], points)
        assert np.isfinite(values).all()
        assert (np.diff(values) >= 0).all()
        assert (np.diff(values[:10]) > 0).all()
        assert (np.diff(values[-10:]) > 0).all()


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("metric", ["hits@1", "hits@3", "mrr", "auc"])
def test_parts_of_a_metric_add_up(metric, own):
    if own and metric == "auc":
        return
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 6, 20), rng.integers(0, 6, (20, 9) if own else 9)  # with ties
    wanted = link_metrics(positive.astype(float), negative.astype(float), [metric])[metric]
    assert per_edge(positive, negative, metric).mean() == pytest.approx(wanted)


def test_the_default_candidates_and_saving(split, tmp_path):
    graph = gr.as_graph(split.graph, x=np.eye(3, dtype=np.float32)[np.arange(120) // 40] + 0.1)
    model = gr.BestLinkPredictor(max_seconds=8).fit(graph, split.train, val=(split.valid, split.valid_neg))
    assert list(model.validation_) == ["untrained", "walks", "vectors", "linear", "GAE", "NCN"]
    best = max(model.validation_.values())
    assert model.validation_[model.name_] > best - 0.05
    assert model.metric_ == model.predictor_.metric_ == "auc"
    found = link_metrics(model.score_pairs(split.valid), model.score_pairs(split.valid_neg), ["auc"])["auc"]
    assert found == pytest.approx(model.combined_)
    assert found >= best
    assert len(model.weights_) > 1
    model.save(tmp_path / "m")
    again = gr.load(tmp_path / "m")
    np.testing.assert_allclose(again.score_pairs(split.test), model.score_pairs(split.test), rtol=1e-5)
    assert (again.name_, again.validation_) == (model.name_, model.validation_)
    assert again.weights_ == model.weights_
    assert gr.evaluate.link_prediction(model, split, metrics=["auc"])["auc"] > 0.7


def test_a_saved_neural_choice(split, tmp_path):
    candidates = {"GAE": gr.GAE(dimensions=8, epochs=2)}
    model = gr.BestLinkPredictor(candidates=candidates).fit(split.graph, val=split)
    model.save(tmp_path / "m")
    np.testing.assert_allclose(
        gr.load(tmp_path / "m").score_pairs(split.test), model.score_pairs(split.test), rtol=1e-5
    )
    assert clone(model).candidates.keys() == candidates.keys()


def test_the_time_limit_leaves_the_rest_out(split):
    log = []
    model = gr.BestLinkPredictor(candidates={"a": Fixed(0.5, log), "b": Fixed(0, log)}, max_seconds=0.0)
    assert list(model.fit(split.graph, val=split).validation_) == ["a"]
    assert log == [0.5]


def test_directed_graphs_have_no_neural_candidates():
    graph = gr.as_graph(np.random.default_rng(0).integers(0, 60, (2, 400)), num_nodes=60, directed=True)
    split = random_link_split(graph, test=0.1, valid=0.2, connected=False)
    model = gr.BestLinkPredictor().fit(split.graph, val=split)
    assert list(model.validation_) == ["untrained", "walks", "vectors", "linear"]


def test_bad_input_is_one_sentence(split):
    with pytest.raises(ValueError, match="val must be given"):
        gr.BestLinkPredictor().fit(split.graph)
    with pytest.raises(ValueError, match="candidates must name at least one"):
        gr.BestLinkPredictor(candidates={}).fit(split.graph, val=split)
    with pytest.raises(ValueError, match=r"graph holds .* validation edges"):
        gr.BestLinkPredictor().fit(split.full, val=split)
