"""What would make a link prediction look better, or models look alike, is refused or warned of at every door."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate import compare, link_prediction, random_link_split

ESTIMATORS = {
    "EmbeddingScorer": lambda **options: gr.EmbeddingScorer(gr.FastRP(dimensions=8), **options),
    "NetInfoFAct": lambda **options: gr.NetInfoFAct(dimensions=8, **options),
    "GAE": lambda **options: gr.GAE(dimensions=8, epochs=2, **options),
    "NCN": lambda **options: gr.NCN(dimensions=8, epochs=2, **options),
    "NCNC": lambda **options: gr.NCNC(dimensions=8, epochs=1, **options),
}
EVERY = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)


@pytest.fixture(scope="module")
def split():
    blocks = nx.stochastic_block_model([40, 40], [[0.3, 0.02], [0.02, 0.3]], seed=0)
    return random_link_split(nx.Graph(blocks.edges), test=0.2, valid=0.1)


def scores(pairs):
    return pairs.sum(axis=0)


class TestConstantMetrics:
    def test_hits_with_too_few_negatives(self, split):
        few = split.test_neg.shape[1]
        for name in (f"hits@{few + 1}", "hits@1000"):
            with pytest.raises(ValueError, match=f"{name} is 1 for every scorer with {few} negatives"):
                link_prediction(scores, split, metrics=["auc", name])
            with pytest.raises(ValueError, match="is 1 for every scorer"):
                compare({"mine": scores}, split, metrics=[name])
        assert link_prediction(scores, split, metrics=[f"hits@{few}"]).scores[f"hits@{few}"] < 1

    @EVERY
    def test_estimators(self, split, make):
        few = split.valid_neg.shape[1]
        with pytest.raises(ValueError, match=f"hits@{few + 1} is 1 for every scorer with {few} negatives"):
            make(metric=f"hits@{few + 1}").fit(split.graph, val=split)

    @pytest.mark.parametrize("kind", ["GAE", "NCN", "NCNC"])
    def test_the_default_tells_epochs_apart(self, split, kind):
        model = ESTIMATORS[kind]().fit(split.graph, val=split)
        assert model.metric_ == "auc"
        assert "auc" in model.history_[0]
        many = np.stack(np.nonzero(np.triu(split.full.to_scipy().toarray() == 0, 1)))[:, :600]
        assert ESTIMATORS[kind]().fit(split.graph, val=(split.valid, many)).metric_ == "hits@100"
        own = np.stack(np.broadcast_arrays(split.valid[:, :, None], many[:, None, :20]))[0]
        assert ESTIMATORS[kind]().fit(split.graph, val=(split.valid, own)).metric_ == "mrr"

    def test_a_small_planted_partition(self):
        """With hits@100 and fewer negatives, the first epoch seemed as good as any, and was kept: AUC 0.5."""
        blocks = nx.stochastic_block_model([50] * 10, 0.005 + 0.1 * np.eye(10), seed=0)
        g = gr.as_graph(nx.Graph(blocks.edges))
        split = random_link_split(g, test=0.1, valid=0.05)
        assert split.valid_neg.shape[1] <= 100
        model = gr.NCN(dimensions=32, epochs=40).fit(split.graph, val=split)
        assert model.best_epoch_ > 1
        assert link_prediction(model, split, metrics=["auc"])["auc"] > 0.62


class TestLeaks:
    def test_a_split_that_leaks(self, split):
        leaking = gr.datasets.LinkSplit(
            split.full, np.concatenate([split.train, split.test[::-1, :3]], 1), split.valid, split.test,
            split.valid_neg, split.test_neg,
        )  # fmt: skip
        for scorer in (scores, gr.FastRP(dimensions=8).fit(split.graph).embedding_):
            with pytest.raises(ValueError, match="the split leaks: 3 of its"):
                link_prediction(scorer, leaking)

    @EVERY
    def test_a_scorer_that_was_fitted_to_the_hidden_edges(self, split, make):
        cheat = make().fit(split.full)
        with pytest.raises(ValueError, match=r"graph holds .* of the .* test edges"):
            link_prediction(cheat, split)
        with pytest.raises(ValueError, match=r"graph holds .* of the .* validation edges"):
            make().fit(split.full, val=split)
        honest = make().fit(split.graph, val=split)
        assert 0 < link_prediction(honest, split)["auc"] < 1

    @EVERY
    def test_validation_edges_may_enter_the_graph_of_the_test(self, split, make):
        final = make().fit(split.graph_with_valid)
        assert link_prediction(final, split)["auc"] > 0

    def test_negatives_that_are_edges(self, split):
        wrong = gr.datasets.LinkSplit(
            split.full, split.train, split.valid, split.test,
            np.concatenate([split.train[:, :2], split.valid_neg], 1),
            np.concatenate([split.valid[:, :1], split.test_neg], 1),
        )  # fmt: skip
        with pytest.warns(UserWarning, match="1 of the .* test negatives are edges of the graph"):
            link_prediction(scores, wrong)
        for make in ESTIMATORS.values():
            with pytest.warns(UserWarning, match="2 of the .* validation negatives are edges of the graph"):
                make().fit(split.graph, val=wrong)


@EVERY
def test_fit_works_with_its_defaults(split, make):
    model = make().fit(split.graph)
    assert model.score_pairs(split.test).shape == (split.test.shape[1],)


class TestBipartite:
    """Negatives inside one side are no candidates for an edge, and easy to tell apart."""

    def purchases(self, customers, products, seed=0):
        rng = np.random.default_rng(seed)
        pairs = {
            (f"c{u}", f"p{v}")
            for u, v in zip(rng.integers(customers, size=600), rng.integers(products, size=600), strict=True)
        }
        return gr.as_graph(sorted(pairs), bipartite=True)

    @pytest.mark.parametrize("shape", [(60, 40), (3000, 50)])
    def test_negatives_of_splits_and_learners_cross_the_sides(self, shape):
        from graphrep.heuristics.non_edges import sample_non_edges

        g = self.purchases(*shape)
        sides = g.bipartite_sides
        split = random_link_split(g, test=0.2, valid=0.1, connected=False)
        rng = np.random.default_rng(0)
        drawn = [sample_non_edges(g, 200, rng=rng, sampling=how, distinct=False) for how in ("uniform", "degree")]
        for pairs in (split.test_neg, split.valid_neg, *drawn):
            assert (sides[pairs[0]] != sides[pairs[1]]).all()
            assert not g.has_edges(*pairs).any()
        assert split.graph.bipartite_sides is not None

    def test_every_pair_across_is_as_likely(self):
        from graphrep.heuristics.non_edges import sample_non_edges

        g = gr.as_graph([("a", "x"), ("a", "y"), ("b", "z")], bipartite=True)
        free = [(u, v) for u in range(2) for v in range(2, 5) if not g.has_edges(u, v)]
        rng = np.random.default_rng(0)
        seen = [tuple(sorted(sample_non_edges(g, 1, rng=rng, distinct=d)[:, 0].tolist())) for d in (True, False) * 600]
        assert set(seen) == set(free)
        counts = [seen.count(pair) for pair in free]
        assert min(counts) > 0.8 * 1200 / len(free)

    def test_a_directed_one_keeps_its_direction(self):
        from graphrep.heuristics.non_edges import sample_non_edges

        g = gr.as_graph([("a", "x"), ("b", "y"), ("c", "x")], bipartite=True, directed=True)
        pairs = sample_non_edges(g, 3, rng=np.random.default_rng(0))
        assert (g.bipartite_sides[pairs] == [[0], [1]]).all()
        with pytest.raises(ValueError, match="there are only 3"):
            sample_non_edges(g, 4, rng=np.random.default_rng(0))
