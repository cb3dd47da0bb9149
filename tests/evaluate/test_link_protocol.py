"""What the protocols of hidden edges promise: shares, direction, seeds, and what a scorer is given."""

from __future__ import annotations

from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate import LinkPrediction, edge_features, link_prediction, ncn_link_split, random_link_split

PARTS = ("train", "valid", "test", "valid_neg", "test_neg")


def test_half_of_the_edges_are_hidden_by_default():
    graph = gr.as_graph(nx.gnm_random_graph(60, 400, seed=0))
    split = random_link_split(graph)
    assert [getattr(split, part).shape[1] for part in PARTS] == [180, 20, 200, 20, 200]
    for part in PARTS:
        np.testing.assert_array_equal(getattr(split, part), getattr(random_link_split(graph, random_state=0), part))
    # connected by default: a tree cannot lose anything
    with pytest.raises(ValueError, match="only 0 can be removed while the graph stays connected"):
        random_link_split(nx.path_graph(10))


def test_shares_may_be_zero_and_use_all_edges_that_can_go():
    ring = nx.cycle_graph(10)
    assert random_link_split(ring, test=0.0, valid=0.0).train.shape == (2, 10)
    assert random_link_split(ring, test=0.1, valid=0.0).test.shape == (2, 1)  # all that can go
    assert random_link_split(ring, test=0.9, valid=0.1, connected=False).train.shape == (2, 0)
    for name in ("test", "valid"):
        for share in (1, 1.5, -0.01):
            with pytest.raises(ValueError, match=rf"{name} must be a share of the edges in \[0, 1\), got"):
                random_link_split(ring, **{name: share})


def test_loops_stay_in_training():
    looped = nx.complete_graph(8)
    looped.add_edges_from((u, u) for u in range(8))
    for connected in (False, True):
        split = random_link_split(looped.subgraph(range(8)).copy(), test=0.0, valid=0.0, connected=connected)
        assert split.train.shape == (2, 36)
    sparse = nx.cycle_graph(30)
    sparse.add_edges_from((u, u) for u in range(30))
    split = random_link_split(sparse, test=0.4, valid=0.1, connected=False)
    assert split.test.shape == (2, 24)  # loops count in the shares
    for part in (split.valid, split.test):
        assert (part[0] != part[1]).all()


def test_parts_are_in_the_order_of_the_edges():
    graph = gr.as_graph(nx.gnm_random_graph(50, 300, seed=1))
    for split in (random_link_split(graph), ncn_link_split(graph)):
        for part in ("train", "valid", "test"):
            pairs = getattr(split, part)
            np.testing.assert_array_equal(np.lexsort(pairs[::-1]), np.arange(pairs.shape[1]))
    ncn = ncn_link_split(graph)
    for pairs in (ncn.valid_neg, ncn.test_neg):
        np.testing.assert_array_equal(np.lexsort(pairs[::-1]), np.arange(pairs.shape[1]))
        assert (pairs[0] < pairs[1]).all()


def test_the_ncn_split_depends_on_the_seed_in_every_part():
    graph = gr.as_graph(nx.gnm_random_graph(50, 300, seed=1))
    zero, default, one = (
        ncn_link_split(graph, random_state=0),
        ncn_link_split(graph),
        ncn_link_split(graph, random_state=1),
    )
    for part in PARTS:
        np.testing.assert_array_equal(getattr(zero, part), getattr(default, part))
        assert not np.array_equal(getattr(zero, part), getattr(one, part))
    negatives = np.concatenate([zero.valid_neg, zero.test_neg], axis=1)
    assert len(np.unique(negatives, axis=1).T) == 120


# Scores of pairs


@pytest.fixture(scope="module")
def split():
    blocks = nx.stochastic_block_model([30, 30], [[0.4, 0.05], [0.05, 0.4]], seed=0)
    return random_link_split(nx.Graph(blocks.edges), test=0.2, valid=0.1)


def noisy_blocks(scale=1.0):
    rng = np.random.default_rng(0)
    side = (np.arange(60) >= 30).astype(float)
    return np.stack([scale * (2 * side - 1), *rng.standard_normal((3, 60))], axis=1)


def test_the_defaults_are_hadamard_on_the_test_edges(split):
    vectors = noisy_blocks()
    default = link_prediction(vectors, split)
    explicit = link_prediction(
        vectors, split, part="test", metrics=["mrr", "auc", "ap"], operator="hadamard",
        C=[0.01, 0.1, 1, 10, 100], random_state=0,
    )  # fmt: skip
    assert default == explicit
    assert (default.num_pos, default.num_neg, default.part) == (split.test.shape[1], split.test_neg.shape[1], "test")
    valid = link_prediction(vectors, split, part="valid")
    assert (valid.num_pos, valid.num_neg) == (split.valid.shape[1], split.valid_neg.shape[1])


def test_a_result_prints_its_metrics():
    result = LinkPrediction({"auc": 0.51234, "hits@1": 1.0}, "my scores", "valid", 7, 9)
    title, head, _, row = repr(result).splitlines()
    assert title == "valid: 7 edges against 9 other pairs"
    assert head.split() == ["auc", "hits@1"]
    assert row.split("  ")[0] == "my scores"
    assert row.split()[-2:] == ["0.5123", "1.0000"]


def test_scores_of_a_zero_vector_are_zero():
    vectors = np.array([[3.0, 4.0], [0.0, 0.0], [-6.0, -8.0], [0.6, 0.8]], dtype=np.float32)
    pairs = SimpleNamespace(test=np.array([[0, 0], [3, 3]]), test_neg=np.array([[0, 0, 1], [1, 2, 1]]))
    found = link_prediction(vectors, pairs, operator="cosine", metrics=["hits@1", "hits@2", "auc"])
    assert dict(found.scores) == {"hits@1": 1.0, "hits@2": 1.0, "auc": 1.0}
    # by the inner product the longer of two parallel vectors wins
    lengths = SimpleNamespace(test=np.array([[0], [3]]), test_neg=np.array([[0], [0]]))
    assert link_prediction(vectors, lengths, operator="dot", metrics=["auc"])["auc"] == 0.0


@pytest.mark.parametrize("operator", ["dot", "cosine"])
def test_untrained_scores_are_those_of_the_formula(operator):
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((20, 5))
    pairs = np.stack(np.triu_indices(20, k=1))[:, rng.permutation(190)]
    expected = (vectors[pairs[0]] * vectors[pairs[1]]).sum(axis=1)
    if operator == "cosine":
        length = np.linalg.norm(vectors, axis=1)
        expected /= length[pairs[0]] * length[pairs[1]]
    half = SimpleNamespace(test=pairs[:, :100], test_neg=pairs[:, 100:])
    names = ["hits@5", "mrr", "auc", "ap"]
    found = link_prediction(vectors, half, operator=operator, metrics=names)
    wanted = gr.evaluate.link_metrics(expected[:100], expected[100:], names)
    assert dict(found.scores) == pytest.approx(wanted)
    assert found.method == f"{operator} of the vectors"


def test_features_weigh_the_same_on_any_scale(split):
    """Features are standardized, so that a penalty means the same for vectors of any length."""
    small, large = (
        link_prediction(noisy_blocks() * factor, split, C=0.01, metrics=["auc"])["auc"] for factor in (1e-3, 1e3)
    )
    assert small == pytest.approx(large, abs=1e-3)


def test_one_training_edge_is_enough(split):
    result = link_prediction(noisy_blocks(), split, C=1.0, max_train=1, metrics=["auc"])
    assert 0 <= result["auc"] <= 1
    alone = SimpleNamespace(**{part: getattr(split, part) for part in PARTS})
    alone.train = split.train[:, :1]
    assert 0 <= link_prediction(noisy_blocks(), alone, C=1.0, metrics=["auc"])["auc"] <= 1
    alone.train = split.train[:, :0]
    with pytest.raises(ValueError, match="logistic regression needs training edges, got 0 and max_train=100000"):
        link_prediction(noisy_blocks(), alone, C=1.0)


def test_one_bad_penalty_among_good_ones_is_refused(split):
    for C in ([1.0, 0.0], [1.0, -1.0], -1.0):
        with pytest.raises(ValueError, match="C must be positive"):
            link_prediction(noisy_blocks(), split, C=C)
    for name in ("valid", "valid_neg"):
        without = SimpleNamespace(**{part: getattr(split, part) for part in PARTS})
        setattr(without, name, np.zeros((2, 0), dtype=int))
        with pytest.raises(ValueError, match="C must be one number if the split has no validation edges"):
            link_prediction(noisy_blocks(), without)
        assert link_prediction(noisy_blocks(), without, C=[1.0], metrics=["auc"]).method.endswith("C=1")


def test_a_penalty_is_chosen_among_the_negatives_of_each_edge(split):
    own = SimpleNamespace(**{part: getattr(split, part) for part in PARTS})
    count = split.valid.shape[1]
    own.valid_neg = np.stack([np.repeat(split.valid[0][:, None], 3, axis=1), np.arange(3 * count).reshape(-1, 3) % 60])
    shared = SimpleNamespace(**vars(own))
    shared.valid_neg = own.valid_neg.reshape(2, -1)
    found = [link_prediction(noisy_blocks(), one, metrics=["auc"]) for one in (own, shared)]
    assert found[0] == found[1]


def test_scorers_see_batches_in_order_and_may_return_a_column(split):
    seen = []

    def scorer(pairs):
        seen.append(pairs)
        return pairs[:1].T.astype(float)

    link_prediction(scorer, split, batch_size=1, metrics=["mrr"])
    assert all(pairs.shape == (2, 1) for pairs in seen)
    np.testing.assert_array_equal(np.hstack(seen[: split.test_neg.shape[1]]), split.test_neg)
    np.testing.assert_array_equal(np.hstack(seen[split.test_neg.shape[1] :]), split.test)
    for bad in (lambda n: np.zeros((n, 2)), lambda n: np.zeros((1, n)), lambda n: np.zeros(n + 1)):
        with pytest.raises(ValueError, match="the scorer must return one score per pair"):
            link_prediction(lambda pairs, bad=bad: bad(pairs.shape[1]), split)


def test_edge_features_keep_double_precision_and_by_default_multiply():
    vectors = np.array([[1.0, 2.0], [3.0, -1.0], [1 + 2**-40, 0.5]])
    assert edge_features(vectors, [[0, 1], [1, 2]]).tolist() == [[3.0, -2.0], [3 * (1 + 2**-40), -0.5]]
    assert edge_features(vectors, [[0], [1]], "average").tolist() == [[2.0, 0.5]]
    assert edge_features(vectors, [[0], [1]], "l1").tolist() == [[2.0, 3.0]]
    assert edge_features(vectors, [[0], [1]], "l2").tolist() == [[4.0, 9.0]]
    for row in (-1, 3):
        with pytest.raises(IndexError, match=r"pairs must lie in \[0, 3\)"):
            edge_features(vectors, [[0], [row]])


def test_training_edges_are_the_positives_down_to_a_single_one():
    side = np.arange(12) % 2
    vectors = (2.0 * side - 1)[:, None]
    pairs = np.stack(np.triu_indices(12, k=1))
    same = side[pairs[0]] == side[pairs[1]]
    cliques = SimpleNamespace(train=pairs[:, same], test=pairs[:, same], test_neg=pairs[:, ~same])
    for max_train in (1, 2, 30):
        assert link_prediction(vectors, cliques, C=1.0, max_train=max_train, metrics=["auc"])["auc"] == 1.0


@pytest.mark.parametrize("name", ["train", "valid", "valid_neg", "test", "test_neg"])
def test_a_part_of_the_wrong_shape_is_named(split, name):
    wrong = SimpleNamespace(**{part: getattr(split, part) for part in PARTS})
    setattr(wrong, name, np.zeros((3, 4), dtype=int))
    with pytest.raises(ValueError, match=rf"^{name} must"):
        link_prediction(noisy_blocks(), wrong)
