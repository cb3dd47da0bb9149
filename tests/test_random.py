from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy import stats

import graphrep as gr
from graphrep import _random as r

N = 200_000
SEEDS = (0, 1, 2**63 - 1)


def values_of(seed, stream=0, n=N):
    return r.random_bits(r.stream_key(seed, stream), np.arange(n))


def twin_mix64(z):
    """The finaliser in Python's big integers."""
    mask = 2**64 - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def test_against_big_integers():
    golden, mask = 0x9E3779B97F4A7C15, 2**64 - 1
    for seed in SEEDS:
        for stream in (0, 1, 12345, 2**64 - 1):
            key = twin_mix64(twin_mix64((seed + golden) & mask) ^ (stream * 0xD1342543DE82EF95 + golden) & mask)
            assert int(r.stream_key(seed, np.uint64(stream))) == key
            for counter in (0, 1, 2**40, 2**64 - 2):
                expected = twin_mix64((key + (counter + 1) * golden) & mask)
                assert int(r.random_bits(np.uint64(key), np.uint64(counter))) == expected


def test_splitmix64_as_published():
    # The generator of Steele, Lea and Flood seeded with 0 begins with these numbers.
    first = r.random_bits(np.uint64(0), np.arange(3))
    assert [hex(value) for value in first.tolist()] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


def test_mix64_is_a_bijection_in_small():
    values = r.mix64(np.arange(N, dtype=np.uint64))
    assert len(np.unique(values)) == N


@pytest.mark.parametrize("seed", SEEDS)
def test_every_bit_is_a_fair_coin(seed):
    values = values_of(seed)
    ones = np.array([int(((values >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(64)])
    z = (ones - N / 2) / np.sqrt(N / 4)
    assert np.abs(z).max() < 4.5  # 64 bits: exceeded by chance once in 2,000 seeds


@pytest.mark.parametrize("seed", SEEDS)
def test_floats_are_uniform(seed):
    values = values_of(seed)
    for floats, dtype in ((r.uniform_float(values), np.float32), (r.uniform_double(values), np.float64)):
        assert floats.dtype == dtype
        assert floats.min() >= 0
        assert floats.max() < 1
        assert stats.kstest(floats.astype(np.float64), "uniform").pvalue > 1e-4


def test_floats_at_the_ends():
    ends = np.array([0, 2**64 - 1], dtype=np.uint64)
    assert r.uniform_float(ends).tolist() == [0.0, 1 - 2.0**-24]
    assert r.uniform_double(ends).tolist() == [0.0, 1 - 2.0**-53]


def test_streams_of_neighbouring_seeds_and_numbers_are_independent():
    # Pairs (u, v) of two streams fall evenly into 16 x 16 cells, whatever distinguishes the streams.
    def cell(values):
        return (values >> np.uint64(60)).astype(np.int64)

    one = cell(values_of(0, 0))
    others = {
        "next stream": values_of(0, 1),
        "next seed": values_of(1, 0),
        "seed and stream swapped": values_of(7, 3) ^ values_of(3, 7),
        "the following number": np.roll(values_of(0, 0), -1),
        "across streams": r.random_bits(r.stream_key(0, np.arange(N)), np.uint64(0)),
    }
    for what, other in others.items():
        counts = np.bincount(16 * one + cell(other), minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-4, what


def test_no_two_of_many_streams_coincide():
    keys = r.stream_key(5, np.arange(N))
    assert len(np.unique(keys)) == N
    assert len(np.unique(r.random_bits(keys, np.uint64(0)))) == N


def test_a_value_depends_on_seed_stream_and_counter_alone():
    whole = r.random_bits(r.stream_key(3, np.arange(50))[:, None], np.arange(20))
    for stream, counter in ((0, 0), (17, 3), (49, 19)):
        assert r.random_bits(r.stream_key(3, stream), counter) == whole[stream, counter]


def test_bounded_against_big_integers():
    rng = np.random.default_rng(0)
    edges = np.array([0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1], dtype=np.uint64)
    bits = np.concatenate([edges, rng.integers(0, 2**64, 300, dtype=np.uint64)])
    sizes = np.concatenate([edges[1:], rng.integers(1, 2**64, 100, dtype=np.uint64), np.arange(1, 9, dtype=np.uint64)])
    ours = r.bounded(bits[:, None], sizes)
    expected = [[int(b) * int(n) >> 64 for n in sizes] for b in bits]
    assert ours.tolist() == expected


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000])
def test_bounded_is_uniform(n):
    values = r.bounded(values_of(11), n)
    counts = np.bincount(values.astype(np.int64), minlength=n)
    assert len(counts) == n
    assert n == 1 or stats.chisquare(counts).pvalue > 1e-4


def test_seeds():
    assert r.resolve_seed(5) == 5
    assert r.resolve_seed(np.int32(5)) == 5
    assert r.resolve_seed(2**63 - 1) == 2**63 - 1
    assert r.resolve_seed(None) != r.resolve_seed(None)
    assert 0 <= r.resolve_seed(None) < 2**63
    for make in (np.random.RandomState, np.random.default_rng):
        generator = make(1)
        first = r.resolve_seed(generator)
        assert first == r.resolve_seed(make(1))
        assert first != r.resolve_seed(generator)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match="the seed must lie in"):
        r.resolve_seed(seed)


@pytest.mark.parametrize("seed", ["1", 1.0, True, [1]])
def test_seeds_of_other_types(seed):
    with pytest.raises(TypeError, match="the seed must be None, an integer, a RandomState or a Generator"):
        r.resolve_seed(seed)


ROOMS = ("embed", "evaluate", "heuristics", "loader", "recommend")
NAMES = [getattr(getattr(gr, room), name) for room in ROOMS for name in getattr(gr, room).__all__]
SCORERS = (gr.EmbeddingScorer, gr.NetInfoFAct, gr.BestLinkPredictor, gr.GAE, gr.NCN, gr.NCNC)
CALLABLES = [thing for thing in [*NAMES, *SCORERS] if callable(thing)]
DEFAULTS = {"random_state": 0, "n_jobs": None, "progress": None}


@pytest.mark.parametrize("thing", CALLABLES, ids=lambda thing: thing.__name__)
def test_the_same_call_gives_the_same_result_by_default(thing):
    parameters = inspect.signature(thing).parameters
    assert "seed" not in parameters
    found = {name: parameters[name].default for name in DEFAULTS if name in parameters}
    assert found == {name: DEFAULTS[name] for name in found}


def test_the_defaults_of_the_main_names_are_checked():
    names = {thing.__name__ for thing in CALLABLES if "random_state" in inspect.signature(thing).parameters}
    assert {"FastRP", "tune_fastrp", "hard_negatives", "random_link_split"} <= names
    assert {"NeighborLoader", "EmbeddingScorer", "clustering_baselines", "node_classification"} <= names
