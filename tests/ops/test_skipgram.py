from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from graphrep.ops import SkipGram
from graphrep.ops.skipgram import cpu, reference

BACKENDS = ["native", "reference"]
NUM_NODES = 23


def make_walks(num_walks=6, walk_length=17, seed=0, dtype=np.int32):
    """Repeated nodes, walks cut short, one of a single node, one full; hubs among the nodes."""
    rng = np.random.default_rng(seed)
    walks = (NUM_NODES * rng.random((num_walks, walk_length)) ** 2).astype(dtype)
    walks[0, 1:] = -1
    walks[1, 5:] = -1
    walks[2, 2:] = -1
    return walks


def counts_of(walks):
    return np.bincount(walks[walks >= 0], minlength=NUM_NODES)


def make_model(dimensions, counts, *, lively=True, **options):
    model = SkipGram(NUM_NODES, dimensions, counts=counts, n_jobs=1, **{"seed": 3, **options})
    if lively:  # vectors of a size at which the logistic function bends
        rng = np.random.default_rng(1)
        for table in (model.input, model.output):
            table[:, :dimensions] = rng.standard_normal((NUM_NODES, dimensions)) * (2 / dimensions**0.25)
    return model


def trained(
    monkeypatch, backend, dimensions, walks, *, first_position=0, total_positions=None, walk_ids=None, **options
):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    model = make_model(dimensions, counts_of(walks), **options)
    total = len(walks) + first_position if total_positions is None else total_positions
    model.train(walks, first_position=first_position, total_positions=total, walk_ids=walk_ids)
    return model


def assert_same(model, expected):
    before = make_model(expected.dimensions, np.ones(NUM_NODES, dtype=np.int64))
    tables = [(model.input, expected.input, before.input)]
    if not expected.tied and not expected.fixed_contexts:
        tables.append((model.output, expected.output, before.output))
    for table, wanted, start in tables:
        assert np.abs(wanted - start).max() > 0.01  # training did something
        np.testing.assert_allclose(table, wanted, rtol=1e-5, atol=2e-6)
        assert not table[:, model.dimensions :].any()


# Native against reference


@pytest.mark.parametrize("dimensions", [1, 16, 17, 32, 48, 64, 96, 100, 128, 200])
def test_equals_the_reference_at_every_width(monkeypatch, isa, dimensions):
    """Strides of 2, 4, 6 and 8 vectors of each instruction set stay in registers; the others take the general loop."""
    walks = make_walks()
    expected = trained(monkeypatch, "reference", dimensions, walks, window=3, num_negatives=2)
    assert_same(trained(monkeypatch, "native", dimensions, walks, window=3, num_negatives=2), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 1},
        {"window": 5, "num_negatives": 0},
        {"window": 5, "num_negatives": 0, "noise_rows": 7},
        {"window": 10, "num_negatives": 1},
        {"window": 5, "num_negatives": 5, "noise_rows": 5},
        {"window": 5, "num_negatives": 3, "noise_rows": 50},
        {"window": 150, "num_negatives": 50, "noise_rows": 200},
        {"window": 5, "subsampling": 0.01},
        {"window": 5, "noise_power": 0.0},
        {"window": 5, "noise_power": -0.5},
        {"window": 5, "learning_rate": 0.1, "min_learning_rate": 0.02, "first_position": 3, "total_positions": 20},
        {"window": 5, "min_learning_rate": 0.025},
        {"window": 5, "seed": 2**63 - 1},
        {"window": 5, "walk_ids": np.array([5, 4, 2**40, 0, 1, 1])},
        {"window": 1, "one_sided": True},
        {"window": 5, "one_sided": True},
        {"window": 5, "one_sided": True, "subsampling": 0.01, "num_negatives": 0},
        {"window": 5, "tied": True},
        {"window": 1, "tied": True, "one_sided": True},
        {"window": 5, "tied": True, "one_sided": True, "noise_rows": 40},
        {"window": 5, "fixed_contexts": True},
        {"window": 3, "fixed_contexts": True, "one_sided": True},
        {"window": 5, "kinds": np.arange(NUM_NODES) % 3},
        {"window": 5, "kinds": np.arange(NUM_NODES) // 9, "tied": True, "subsampling": 0.01},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_equals_the_reference_with_every_option(monkeypatch, options, dtype):
    walks = make_walks(dtype=dtype)
    walks.flags.writeable = False
    expected = trained(monkeypatch, "reference", 32, walks, **options)
    assert_same(trained(monkeypatch, "native", 32, walks, **options), expected)


@pytest.mark.parametrize("dimensions", [1, 16, 33, 64, 96, 128, 200])
@pytest.mark.parametrize("kind", [{"one_sided": True}, {"tied": True}, {"fixed_contexts": True}], ids=str)
def test_kinds_of_tables_at_every_width(monkeypatch, isa, dimensions, kind):
    walks = make_walks(50, 2)  # pairs, which the kernel prepares some walks ahead
    expected = trained(monkeypatch, "reference", dimensions, walks, window=1, **kind)
    assert_same(trained(monkeypatch, "native", dimensions, walks, window=1, **kind), expected)


def test_noise_that_hits_the_contexts(monkeypatch):
    """Two nodes alone: nearly every draw is a context and must be left out of that pair."""
    walks = np.array([[0, 1] * 8, [1, 0] * 8, [0, 0, 1, 1] * 4])
    options = {"window": 4, "num_negatives": 5}
    expected = trained(monkeypatch, "reference", 32, walks, **options)
    assert_same(trained(monkeypatch, "native", 32, walks, **options), expected)
    # Nodes that agree modulo 64 share a bit of the kernel's set of contexts, but are not the same.
    counts = np.zeros(200, dtype=np.int64)
    counts[[1, 65, 129]] = 1
    models = []
    for backend in BACKENDS:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        model = SkipGram(200, 16, counts=counts, window=2, n_jobs=1)
        model.train(np.array([[1, 65] * 10]), first_position=0, total_positions=1)
        assert model.output[129].any()
        models.append(model)
    np.testing.assert_allclose(models[0].output, models[1].output, rtol=1e-5, atol=1e-7)


def test_saturated_scores(monkeypatch, isa):
    """Dot products in the hundreds, of both signs: the logistic function must not overflow."""
    tables = []
    for backend in BACKENDS:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        model = make_model(16, np.ones(NUM_NODES, dtype=np.int64), window=3)
        model.input *= 20
        model.train(make_walks(), first_position=0, total_positions=6)
        tables.append(np.concatenate([model.input, model.output]))
    assert np.isfinite(tables[0]).all()
    np.testing.assert_allclose(*tables, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0), (2, 1)])
def test_nothing_to_learn(monkeypatch, backend, shape):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    model = make_model(16, np.zeros(NUM_NODES, dtype=np.int64))
    before = model.input.copy(), model.output.copy()
    model.train(np.zeros(shape, dtype=np.int32), first_position=0, total_positions=shape[0])
    model.train(np.full((2, 4), -1), first_position=0, total_positions=2)
    np.testing.assert_array_equal(model.input, before[0])
    np.testing.assert_array_equal(model.output, before[1])


# The loss


def logistic(score):
    return 1 / (1 + np.exp(-score))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dimensions", [5, 32, 80])
def test_one_pair_by_hand(monkeypatch, backend, dimensions):
    """Without noise: x_a += r (1 - s(x_a . y_b)) y_b and so on, center by center, at the learning rate of the place."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    options = {"window": 1, "num_negatives": 0, "learning_rate": 0.4, "min_learning_rate": 0.2}
    model = make_model(dimensions, np.ones(NUM_NODES, dtype=np.int64), **options)
    x, y = (table[:, :dimensions].astype(np.float64) for table in (model.input, model.output))
    rate = 0.4 + (0.2 - 0.4) * 7 / 10
    for center, context in ((4, 9), (9, 4)):
        g = rate * (1 - logistic(x[center] @ y[context]))
        x[center], y[context] = x[center] + g * y[context], y[context] + g * x[center]
    model.train(np.array([[4, 9, -1]]), first_position=7, total_positions=10)
    np.testing.assert_allclose(model.vectors, x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.output[:, :dimensions], y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_sided_pairs_by_hand(monkeypatch, backend):
    """Of a -> b -> c with window 1, x_a meets y_b, x_b meets y_c, and x_c meets nothing."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    options = {"window": 1, "num_negatives": 0, "learning_rate": 0.3, "min_learning_rate": 0.3, "one_sided": True}
    model = make_model(16, np.ones(NUM_NODES, dtype=np.int64), **options)
    x, y = (table.astype(np.float64) for table in (model.input, model.output))
    for center, context in ((4, 9), (9, 2)):
        g = 0.3 * (1 - logistic(x[center] @ y[context]))
        x[center], y[context] = x[center] + g * y[context], y[context] + g * x[center]
    model.train(np.array([[4, 9, 2, -1]]), first_position=0, total_positions=1)
    np.testing.assert_allclose(model.input, x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.output, y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_tied_pairs_by_hand(monkeypatch, backend):
    """x_a and x_b move together; a node is no context and no noise of itself."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    counts = np.zeros(NUM_NODES, dtype=np.int64)
    counts[4] = 1  # all noise is the center of the first pair
    options = {"window": 1, "learning_rate": 0.3, "min_learning_rate": 0.3, "one_sided": True, "tied": True}
    model = make_model(16, counts, num_negatives=2, noise_rows=4, **options)
    assert model.output is model.input
    x = model.input.astype(np.float64)
    g = 0.3 * (1 - logistic(x[4] @ x[9]))
    x[4], x[9] = x[4] + g * x[9], x[9] + g * x[4]
    # The second pair starts from what the first left, with 4 as its noise: four draws of weight 2 / 4.
    pull, push = 0.3 * (1 - logistic(x[7] @ x[2])), -0.3 * 2 / 4 * logistic(x[7] @ x[4])
    new_7 = x[7] + pull * x[2]
    x[2] = x[2] + pull * x[7]
    for _ in range(4):
        new_7 = new_7 + push * x[4]
        x[4] = x[4] + push * x[7]
    x[7] = new_7
    model.train(np.array([[4, 9], [7, 2], [3, 3]]), first_position=0, total_positions=3)
    np.testing.assert_allclose(model.input, x, rtol=1e-5, atol=1e-6)


def test_fixed_contexts_are_not_changed():
    walks = make_walks(40)
    model = make_model(32, counts_of(walks), fixed_contexts=True)
    before = model.input.copy(), model.output.copy()
    model.train(walks, first_position=0, total_positions=40)
    np.testing.assert_array_equal(model.output, before[1])
    assert (model.input != before[0]).any()


def test_the_pool_of_noise_grows_with_the_window():
    pools = [SkipGram(3, 4, counts=[1, 1, 1], window=w).noise_rows for w in (1, 2, 3, 5, 9, 10, 11, 150)]
    assert pools == [5, 15, 25, 40, 40, 40, 40, 40]
    assert SkipGram(3, 4, counts=[1, 1, 1], num_negatives=50).noise_rows == 200
    assert SkipGram(3, 4, counts=[1, 1, 1], num_negatives=0).noise_rows == 0


def test_counts_may_be_weights():
    """Fractions draw the same noise as the integers in the same proportion."""
    walks, counts = make_walks(20), np.arange(NUM_NODES)
    tables = []
    for given in (counts, counts / 8, counts.astype(np.float32)):
        model = make_model(16, given)
        model.train(walks, first_position=0, total_positions=20)
        tables.append(model.input)
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])


@pytest.mark.parametrize(("noise_rows", "kinds"), [(3, None), (12, None), (40, None), (12, np.arange(NUM_NODES) % 3)])
def test_mean_step_is_the_gradient_of_the_loss(noise_rows, kinds):
    """Over many pools of noise, the step of a center is -rate times the documented loss's numerical gradient."""
    negatives, rate = 3, 1e-3
    counts = np.arange(NUM_NODES) ** 2
    center, contexts = 7, [22, 5]
    walk = np.array([[contexts[0], center, contexts[1]]])
    noise = counts**0.75 / (counts**0.75).sum()
    options = {"window": 1, "num_negatives": negatives, "noise_rows": noise_rows, "learning_rate": rate, "kinds": kinds}
    model = make_model(16, counts, min_learning_rate=rate, **options)
    start, y = model.input.copy(), model.output.copy()

    def loss(x):
        total = 0.0
        for c in contexts:  # a draw equal to the context is left out of its pair
            others = np.arange(NUM_NODES) != c
            law = noise if kinds is None else noise * (kinds == kinds[c]) / noise[kinds == kinds[c]].sum()
            expectation = (law * others) @ np.log(logistic(-(y.astype(np.float64) @ x)))
            total -= np.log(logistic(x @ y[c])) + negatives * expectation
        return total

    x = start[center].astype(np.float64)
    bumps = 1e-5 * np.eye(16)
    gradient = np.array([(loss(x + bump) - loss(x - bump)) / 2e-5 for bump in bumps])
    steps = []
    for walk_id in range(4000):
        model.input[...], model.output[...] = start, y
        # The first token's own step moves y of the center alone, which no step of the center reads but as noise.
        model.train(walk, first_position=0, total_positions=1, walk_ids=np.array([walk_id]))
        steps.append((model.input[center].astype(np.float64) - start[center]) / -rate)
    error = np.std(steps, axis=0) / np.sqrt(len(steps))
    assert np.abs(gradient).max() > 1
    assert error.max() < 0.1
    assert (np.abs(np.mean(steps, axis=0) - gradient) < 4.5 * error + 5e-3).all()


def test_wrong_kinds_are_one_sentence():
    for kinds, message in (([0.5] * NUM_NODES, "integers"), ([0], "integers"), ([-1] * NUM_NODES, r"in \[0, 256\)")):
        with pytest.raises(ValueError, match=message):
            make_model(4, np.ones(NUM_NODES), kinds=kinds)


def who_met_whom(window, negatives, noise_rows, seed, *, counts=None, subsampling=0.0, num_nodes=400):
    """Weight of each (token, y row) pair in one walk over nodes 0 … n - 1: x is the identity and y zero.

    Each row of y then collects the centers that moved it: +1 for a context, -k / noise_rows per pair for noise.
    """
    counts = np.ones(num_nodes, dtype=np.int64) if counts is None else counts
    model = SkipGram(
        num_nodes,
        num_nodes,
        counts=counts,
        window=window,
        num_negatives=negatives,
        noise_rows=noise_rows,
        subsampling=subsampling,
        learning_rate=2e-4,
        min_learning_rate=2e-4,
        seed=seed,
        n_jobs=1,
    )
    model.input[...] = 0
    np.fill_diagonal(model.input, 1)
    model.train(np.arange(num_nodes)[None], first_position=0, total_positions=1)
    return model.output[:, :num_nodes].T / 1e-4


def test_the_reach_is_uniform_and_symmetric():
    window, n = 6, 400
    reaches = []
    for seed in range(5):
        met = who_met_whom(window, 0, 0, seed)
        np.testing.assert_allclose(met, np.round(met), atol=1e-2)
        rows, columns = np.nonzero(np.round(met))
        distance = np.abs(rows - columns)
        assert distance.min() == 1
        reach = np.array([distance[rows == center].max() for center in range(n)])
        for center in range(n):
            expected = [
                j for j in range(center - reach[center], center + reach[center] + 1) if j != center and 0 <= j < n
            ]
            assert columns[rows == center].tolist() == expected
        reaches.append(reach[window:-window])
    frequency = np.bincount(np.concatenate(reaches), minlength=window + 1)
    assert frequency[0] == 0
    assert stats.chisquare(frequency[1:]).pvalue > 1e-4
    # Neighboring centers draw independently.
    assert abs(np.corrcoef(reaches[0][:-1], reaches[0][1:])[0, 1]) < 0.2


def test_noise_follows_the_counts():
    """With one context's worth of draws per center, each draw shows as -1 in the row of its node."""
    n, negatives = 400, 5
    counts = 1 + np.arange(n) % 4 * 20
    drawn = np.zeros(n)
    for seed in range(5):
        met = who_met_whom(1, negatives, negatives, seed, counts=counts)
        contexts = np.round(who_met_whom(1, 0, 0, seed, counts=counts))
        noise = np.round(contexts - met)
        pairs = contexts.sum(axis=1, keepdims=True)
        # A node that is a context itself loses that pair: at the ends of the walk, nothing is left of it.
        weights = np.maximum(pairs - contexts, 1)
        assert not (noise % weights).any()
        multiplicity = noise / weights
        assert (multiplicity.sum(axis=1) <= negatives).all()
        assert multiplicity.sum() > 0.98 * n * negatives
        drawn += multiplicity.sum(axis=0)
    classes = np.bincount(np.arange(n) % 4, weights=drawn)
    law = np.bincount(np.arange(n) % 4, weights=counts**0.75)
    assert stats.chisquare(classes, law / law.sum() * classes.sum()).pvalue > 1e-4
    within = drawn[3::4]
    assert stats.chisquare(within).pvalue > 1e-4


def test_the_pool_of_noise_slides():
    """Each center replaces `negatives` of the draws, so neighbors share the others."""
    met = who_met_whom(1, 3, 12, seed=0)
    contexts = np.round(who_met_whom(1, 0, 0, seed=0))
    draws = np.round((contexts - met) * 12 / 3)[1:-1] / 2  # two pairs a center; halves where a context was drawn
    shared = [np.minimum(draws[i], draws[i + 1]).sum() for i in range(100, 200)]
    apart = [np.minimum(draws[i], draws[i + 4]).sum() for i in range(100, 200)]
    assert 8.8 <= np.mean(shared) <= 9.5
    assert np.mean(apart) < 1


def test_subsampling_keeps_the_documented_share():
    n, threshold = 400, 1e-3
    counts = np.where(np.arange(n) % 2 == 0, 10_000, 100)
    kept = np.zeros(n)
    for seed in range(5):
        met = np.round(who_met_whom(1, 0, 0, seed, counts=counts, subsampling=threshold))
        kept += met.any(axis=1)
        # The window is laid over what is left: neighbors are always kept nodes.
        assert not met[:, ~met.any(axis=1)].any()
    share = counts / counts.sum()
    keep = np.minimum(1, (np.sqrt(share / threshold) + 1) * threshold / share)
    assert keep[1] == 1
    assert (kept[1::2] == 5).all()
    assert 0.3 < keep[0] < 0.8
    assert stats.binomtest(int(kept[::2].sum()), 5 * n // 2, keep[0]).pvalue > 1e-4


# Tables


@pytest.mark.parametrize("table", [cpu.noise_table, reference.noise_table], ids=BACKENDS)
@pytest.mark.parametrize("power", [0.75, 1.0, 0.0, -0.5])
@pytest.mark.parametrize(
    "counts",
    [[5], [0, 3], [0, 0, 0], [1, 10**12, 0, 7, 7], [*range(100)], [1] * 50 + [0] * 50, [0.25, 1e-9, 0, 3.5]],
)
def test_noise_table_is_the_exact_distribution(table, power, counts):
    counts = np.array(counts, dtype=np.float64)
    keep, alias = table(counts, power)
    assert (keep.dtype, alias.dtype) == (np.float32, np.int32)
    law = keep.astype(np.float64)
    np.add.at(law, alias, 1 - keep.astype(np.float64))
    mass = np.zeros(len(counts))
    mass[counts > 0] = counts[counts > 0].astype(float) ** power
    mass = mass if mass.any() else np.ones(len(counts))
    np.testing.assert_allclose(law / len(counts), mass / mass.sum(), atol=1e-7)
    assert not law[mass == 0].any()


def test_initial_vectors(monkeypatch):
    tables = []
    for backend in BACKENDS:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        model = SkipGram(300, 20, counts=np.ones(300, dtype=np.int64), seed=5, n_jobs=2)
        assert not model.output.any()
        assert not model.input[:, 20:].any()
        tables.append(model.vectors)
    np.testing.assert_array_equal(*tables)
    assert stats.kstest(tables[0].ravel() * 20 + 0.5, "uniform").pvalue > 1e-4
    other = SkipGram(300, 20, counts=np.ones(300, dtype=np.int64), seed=6).vectors
    assert abs(np.corrcoef(other.ravel(), tables[0].ravel())[0, 1]) < 0.05


def test_two_halves_make_a_whole():
    walks = make_walks(40)
    ids = np.random.default_rng(0).permutation(40)
    whole, halves = (make_model(32, counts_of(walks), subsampling=0.01) for _ in range(2))
    whole.train(walks, first_position=5, total_positions=60, walk_ids=ids)
    halves.train(walks[:13], first_position=5, total_positions=60, walk_ids=ids[:13])
    halves.train(walks[13:], first_position=18, total_positions=60, walk_ids=ids[13:])
    np.testing.assert_array_equal(halves.input, whole.input)
    np.testing.assert_array_equal(halves.output, whole.output)


# Parts


PARTS = [(0, 7), (7, 7), (7, 20), (20, NUM_NODES)]


def rotated(walks, parts, **options):
    """Tables x and y of all parts, each trained with every part of the contexts in turn."""
    models = [make_model(32, counts_of(walks), lively=False, parts=parts, part=i, **options) for i in range(len(parts))]
    whole = make_model(32, counts_of(walks), **options)
    for model in models:
        begin, end = model.centers
        model.input[...], model.output[...] = whole.input[begin:end], whole.output[begin:end]
    outputs = [model.output for model in models]
    for step in range(len(parts)):
        for i, model in enumerate(models):
            held = (i + step) % len(parts)
            model.hold(held, outputs[held])
            model.train(walks, first_position=0, total_positions=len(walks))
    return np.concatenate([model.input for model in models]), np.concatenate(outputs)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_parts_native_against_reference(monkeypatch, dtype):
    walks = make_walks(dtype=dtype)
    tables = []
    for backend in BACKENDS:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        tables.append(rotated(walks, PARTS, subsampling=0.05, window=4))
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-5, atol=2e-6)


def test_parts_have_the_initial_vectors_of_the_whole():
    counts = np.ones(NUM_NODES)
    for keys in (None, np.arange(NUM_NODES, dtype=np.uint64) * 7):
        whole = SkipGram(NUM_NODES, 20, counts=counts, node_keys=keys).input
        parts = [
            SkipGram(NUM_NODES, 20, counts=counts, node_keys=keys, parts=PARTS, part=i).input for i in range(len(PARTS))
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_parts_have_the_loss_of_the_whole_in_expectation():
    """With small steps the change of the tables is that of the whole, but for the noise that is drawn."""
    walks = make_walks(20)
    small = {"learning_rate": 1e-4, "min_learning_rate": 1e-4, "window": 3}
    start = make_model(32, counts_of(walks))
    changes = {"whole": [], "parts": []}
    for seed in range(200):
        model = make_model(32, counts_of(walks), seed=seed, **small)
        model.train(walks, first_position=0, total_positions=len(walks))
        x, y = rotated(walks, PARTS, seed=seed, **small)
        changes["whole"].append([model.input - start.input, model.output - start.output])
        changes["parts"].append([x - start.input, y - start.output])
    whole, parts = (np.mean(values, axis=0) for values in changes.values())
    error = np.std(changes["whole"], axis=0, ddof=1) / np.sqrt(200)
    assert np.linalg.norm(parts - whole) < 2.5 * np.linalg.norm(error)
    assert np.linalg.norm(whole) > 25 * np.linalg.norm(error)  # so that another loss would show


def test_parts_that_are_refused():
    counts = np.ones(3)
    for parts in ([(0, 2)], [(0, 2), (1, 3)], [(0, 2), (2, 1), (1, 3)], []):
        with pytest.raises(ValueError, match=r"parts must be consecutive ranges of 0 … 3, got \["):
            SkipGram(3, 4, counts=counts, parts=parts)
    for options in ({"tied": True}, {"kinds": [0, 1, 0]}):
        with pytest.raises(ValueError, match="parts must be left out with tied tables or kinds"):
            SkipGram(3, 4, counts=counts, parts=[(0, 1), (1, 3)], **options)
    model = SkipGram(3, 4, counts=counts, parts=[(0, 1), (1, 3)])
    with pytest.raises(ValueError, match=r"output must be float32 of shape \(2, 16\), got float32 of shape \(1, 16\)"):
        model.hold(1, model.output)
    with pytest.raises(ValueError, match=r"input must be float32 of shape \(2, 16\), got float64 of shape \(2, 16\)"):
        model.keep(1, np.zeros((2, 16)))
    with pytest.raises(ValueError, match="part must be from 0 to 1"):
        model.keep(2, model.input)


# Order, threads


def test_positions_are_the_default_walk_ids():
    walks = make_walks(10)
    given, default = (make_model(16, counts_of(walks)) for _ in range(2))
    default.train(walks, first_position=3, total_positions=20)
    given.train(walks, first_position=3, total_positions=20, walk_ids=np.arange(3, 13))
    np.testing.assert_array_equal(given.input, default.input)


def test_one_thread_is_reproducible(isa):
    walks = make_walks(200)
    first, again = (make_model(64, counts_of(walks)) for _ in range(2))
    for model in (first, again):
        model.train(walks, first_position=0, total_positions=200)
    np.testing.assert_array_equal(first.input, again.input)
    np.testing.assert_array_equal(first.output, again.output)


def test_threads_train_the_same_model_up_to_order():
    """Walks over disjoint nodes do not disturb each other, so any number of threads gives the same tables."""
    num_walks, length = 64, 10
    walks = np.arange(num_walks * length).reshape(num_walks, length) // 2 * 2  # each node twice
    tables = []
    for n_jobs in (1, 2, 5):
        counts = np.ones(num_walks * length, dtype=np.int64)
        model = SkipGram(num_walks * length, 48, counts=counts, num_negatives=0, n_jobs=n_jobs, learning_rate=0.5)
        model.output[:, :48] = 0.1
        model.train(walks, first_position=0, total_positions=num_walks)
        tables.append(model.input)
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])


def test_any_memory_layout_of_walks():
    walks = make_walks(10)
    plain, strided = (make_model(16, counts_of(walks)) for _ in range(2))
    plain.train(walks, first_position=0, total_positions=10)
    strided.train(np.asfortranarray(walks), first_position=0, total_positions=10)
    np.testing.assert_array_equal(strided.input, plain.input)


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_nodes": 0}, ValueError, r"num_nodes must be at least 1, got 0\."),
        ({"dimensions": 0}, ValueError, r"dimensions must be at least 1, got 0\."),
        ({"dimensions": 2.5}, TypeError, r"dimensions must be an integer, got 2.5\."),
        ({"window": 0}, ValueError, r"window must be from 1 to 150, got 0\."),
        ({"window": 151}, ValueError, r"window must be from 1 to 150, got 151\."),
        ({"num_negatives": -1}, ValueError, r"num_negatives must be from 0 to 50, got -1\."),
        ({"num_negatives": 51}, ValueError, r"num_negatives must be from 0 to 50, got 51\."),
        ({"noise_rows": 4}, ValueError, r"noise_rows must be from 5 to 200, got 4\."),
        ({"noise_rows": 201}, ValueError, r"noise_rows must be from 5 to 200, got 201\."),
        ({"learning_rate": 0}, ValueError, r"learning_rate must be greater than 0, got 0\."),
        ({"learning_rate": float("nan")}, ValueError, r"learning_rate must be greater than 0, got nan\."),
        ({"min_learning_rate": 1}, ValueError, r"min_learning_rate must be at least 0 and at most 0.025, got 1\."),
        ({"noise_power": "x"}, TypeError, r"noise_power must be a number, got 'x'\."),
        ({"noise_power": 1000}, ValueError, r"noise_power must be at least -10 and at most 10, got 1000\."),
        ({"subsampling": -1e-3}, ValueError, r"subsampling must be at least 0, got -0.001\."),
        ({"seed": -1}, ValueError, r"the seed must lie in"),
        ({"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
        ({"counts": [1, 2]}, ValueError, r"counts must be 3 non-negative numbers, got shape \(2,\)"),
        ({"counts": [1, 2, -1]}, ValueError, r"counts must be non-negative and finite\."),
        ({"counts": [0.5, 1, float("nan")]}, ValueError, r"counts must be non-negative and finite\."),
        ({"counts": ["a", "b", "c"]}, ValueError, r"counts must be 3 non-negative numbers, got .* <U1"),
        ({"tied": 1}, TypeError, r"tied must be True or False, got 1\."),
        ({"one_sided": "yes"}, TypeError, r"one_sided must be True or False, got 'yes'\."),
        ({"tied": True, "fixed_contexts": True}, ValueError, r"fixed_contexts must be False if the tables are tied"),
    ],
)
def test_bad_parameters(options, error, message):
    arguments = {"num_nodes": 3, "dimensions": 4, "counts": [1, 2, 3], **options}
    with pytest.raises(error, match=message):
        SkipGram(**arguments)


@pytest.mark.parametrize(
    ("walks", "options", "error", "message"),
    [
        ([0, 1], {}, TypeError, r"walks must be a two-dimensional int32 or int64 array, got int64 \(2,\)"),
        ([[0.0, 1.0]], {}, TypeError, r"walks must be a two-dimensional int32 or int64 array, got float64"),
        (np.array([[0, 1]], dtype=np.int16), {}, TypeError, "int32 or int64 array, got int16"),
        ([[0, NUM_NODES]], {}, IndexError, rf"walks must lie in \[-1, {NUM_NODES}\), got 0 … {NUM_NODES}"),
        ([[0, -2]], {}, IndexError, r"walks must lie in \[-1, 23\), got -2 … 0"),
        ([[0, 1]], {"walk_ids": [1, 2]}, ValueError, r"walk_ids must have shape \(1,\), got \(2,\)"),
        ([[0, 1]], {"walk_ids": [0.5]}, TypeError, r"walk_ids must be integers, got float64"),
        ([[0, 1]], {"first_position": -1}, ValueError, r"first_position must be at least 0, got -1"),
        (
            [[0, 1]],
            {"first_position": 4, "total_positions": 4},
            ValueError,
            r"total_positions must be at least 5, got 4",
        ),
    ],
)
def test_bad_walks(walks, options, error, message):
    model = make_model(8, np.ones(NUM_NODES, dtype=np.int64))
    before = model.input.copy()
    with pytest.raises(error, match=message):
        model.train(np.asarray(walks), **{"first_position": 0, "total_positions": 9, **options})
    np.testing.assert_array_equal(model.input, before)
