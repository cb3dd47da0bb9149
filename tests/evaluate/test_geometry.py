"""Alignment, uniformity, stability and hubness against their definitions in plain NumPy."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial import procrustes

import graphrep as gr
from graphrep.evaluate import Comparison, align, alignment_and_uniformity, geometry, hubness, stability


def some(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


class TestAlignmentAndUniformity:
    @pytest.mark.parametrize(("alpha", "t"), [(2.0, 2.0), (1.0, 0.7)])
    def test_they_are_the_code_of_the_paper(self, alpha, t, monkeypatch):
        monkeypatch.setattr(geometry, "_BLOCK", 50)
        X, graph = some(30, 6), nx.gnp_random_graph(30, 0.2, seed=1)
        graph.add_edge(4, 4)
        found = alignment_and_uniformity(X, graph, alpha=alpha, t=t)
        unit = torch.nn.functional.normalize(torch.tensor(X, dtype=torch.float64))
        ends = torch.tensor([edge for edge in graph.edges if edge[0] != edge[1]]).T
        near = (unit[ends[0]] - unit[ends[1]]).norm(p=2, dim=1).pow(alpha).mean()
        apart = torch.pdist(unit, p=2).pow(2).mul(-t).exp().mean().log()
        assert found.alignment == pytest.approx(near.item(), rel=1e-6)
        assert found.uniformity == pytest.approx(apart.item(), rel=1e-6)
        assert found[2:] == (ends.shape[1], 435)
        scaled = alignment_and_uniformity(X * np.float32(2.0**70), graph, alpha=alpha, t=t)
        assert scaled == found  # lengths have no part in it

    def test_pairs_of_any_kind(self):
        names = [f"n{i}" for i in range(8)]
        v = gr.NodeVectors(some(8, 3), names)
        pairs = [("n0", "n1"), ("n5", "n2")]
        expected = alignment_and_uniformity(v.vectors, [[0, 5], [1, 2]])
        table = pd.DataFrame({"a": ["n0", "n5"], "b": ["n1", "n2"]})
        graph = gr.as_graph([*pairs, ("n3", "n3"), ("n4", "n4"), ("n6", "n6"), ("n7", "n7")])
        for given in (pairs, np.array(pairs), table, torch.tensor([[0, 5], [1, 2]])):
            assert alignment_and_uniformity(v, given) == expected
        by_graph = alignment_and_uniformity(v, graph)
        assert by_graph.alignment == pytest.approx(expected.alignment)
        assert by_graph.uniformity == pytest.approx(expected.uniformity)

    def test_zero_vectors_have_no_part(self):
        X = some(10, 4)
        without = alignment_and_uniformity(X[:8], [[0, 2], [1, 3]])
        X[8:] = 0
        assert alignment_and_uniformity(X, [[0, 2, 8, 0], [1, 3, 9, 9]]) == without

    def test_samples_are_near_the_whole_and_follow_names(self):
        X, graph = some(400, 5), nx.gnp_random_graph(400, 0.1, seed=2)
        whole = alignment_and_uniformity(X, graph)
        part = alignment_and_uniformity(X, graph, n_pairs=4000)
        assert part[2:] == (4000, 4000)
        assert part.alignment == pytest.approx(whole.alignment, abs=0.05)
        assert part.uniformity == pytest.approx(whole.uniformity, abs=0.1)
        assert part != alignment_and_uniformity(X, graph, n_pairs=4000, random_state=1)
        order = np.random.default_rng(0).permutation(400)
        g = gr.as_graph(list(graph.edges))
        moved = gr.as_graph(list(graph.edges)[::-1])
        named = gr.NodeVectors(X[order], order)
        for other in (g, moved):
            again = alignment_and_uniformity(named, other, n_pairs=4000)
            assert again[:2] == pytest.approx(part[:2], rel=1e-9)

    def test_what_is_refused(self):
        X = some(4, 2)
        for arguments, options, message in (
            ((X, [[0], [0]]), {}, "must have an edge between two nodes with a vector that is not 0"),
            ((X * 0, [[0], [1]]), {}, "must have an edge between two nodes with a vector that is not 0"),
            ((X, nx.path_graph(5)), {}, "vectors must have a row for each of the 5 nodes, got 4"),
            ((X, [[0], [1]]), {"alpha": 0}, "alpha must be greater than 0"),
            ((X, [[0], [1]]), {"t": -1.0}, "t must be greater than 0"),
            ((X, [[0], [1]]), {"n_pairs": 0}, "n_pairs must be at least 1"),
        ):
            with pytest.raises(ValueError, match=message):
                alignment_and_uniformity(*arguments, **options)
        with pytest.raises(IndexError, match="graph_or_pairs must lie in"):
            alignment_and_uniformity(X, [[0], [4]])


class TestAlign:
    def test_a_rotation_is_undone(self, monkeypatch):
        monkeypatch.setattr(geometry, "_BLOCK", 40)
        X = some(50, 6)
        turned = (X @ rotation(6)).astype(np.float32)
        found = align(turned, X)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, X, atol=1e-5)
        np.testing.assert_allclose(found @ found.T, turned @ turned.T, atol=1e-4)

    def test_it_is_the_nearest_rotation(self):
        X, R = some(20, 3, 1).astype(np.float64), some(20, 3, 2).astype(np.float64)
        best = np.linalg.norm(align(X, R) - R)
        for seed in range(200):
            assert best <= np.linalg.norm(X @ rotation(3, seed) - R) + 1e-12

    def test_names(self):
        v = gr.NodeVectors(some(9, 4), [f"n{i}" for i in range(9)])
        order = np.random.default_rng(3).permutation(9)
        frame = pd.DataFrame((v.vectors @ rotation(4))[order], index=v.nodes[order])
        np.testing.assert_allclose(align(frame, v), v.vectors, atol=1e-5)
        with pytest.raises(ValueError, match=r"vectors must have the shape of reference, \(9, 4\); got \(9, 3\)"):
            align(v.vectors[:, :3], v)
        with pytest.raises(ValueError, match="vectors has 8 rows, but there are 9 nodes"):
            align(v.vectors[:8], v)


def overlap_by_definition(X, Y, k):
    def near(Z):
        unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
        scores = unit @ unit.T
        np.fill_diagonal(scores, -np.inf)
        return [set(row) for row in np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()]

    return np.array([len(a & b) / k for a, b in zip(near(X), near(Y), strict=True)])


class TestStability:
    def test_it_is_the_definition(self):
        X = some(40, 5).astype(np.float64)
        runs = [X, X @ rotation(5) * 7, X + 0.5 * some(40, 5, 1), some(40, 3, 2)]
        found = stability(runs, k=6)
        for i in range(4):
            for j in range(i):
                a, b = (Z / np.linalg.norm(Z) for Z in (runs[i], runs[j]))
                rho = np.linalg.svd(a.T @ b, compute_uv=False).sum()
                assert found.distance[i, j] == found.distance[j, i]
                assert found.distance[i, j] == pytest.approx(np.sqrt(max(0, 1 - rho**2)), abs=1e-6)
                expected = overlap_by_definition(runs[i], runs[j], 6)
                assert found.overlap[i, j] == pytest.approx(expected.mean())
        assert found.distance[1, 0] < 1e-6
        assert found.overlap[1, 0] == 1
        assert found.chance == 6 / 39
        pairs = [overlap_by_definition(runs[i], runs[j], 6) for i in range(4) for j in range(i)]
        np.testing.assert_allclose(found.overlap_by_node, np.mean(pairs, axis=0))

    def test_the_distance_is_that_of_scipy_for_centered_vectors(self):
        X, Y = (Z - Z.mean(axis=0) for Z in (some(30, 4, 1).astype(float), some(30, 4, 2).astype(float)))
        assert stability([X, Y]).distance[0, 1] ** 2 == pytest.approx(procrustes(X, Y)[2])

    def test_it_does_not_depend_on_scale(self):
        X, Y = some(30, 4, 1), some(30, 4, 2)
        expected = stability([X, Y])
        for factor in (2.0**60, 2.0**-60):
            again = stability([X * np.float32(factor), Y])
            np.testing.assert_array_equal(again.distance, expected.distance)
            np.testing.assert_array_equal(again.overlap, expected.overlap)

    def test_an_estimator_and_seeds(self):
        graph = nx.karate_club_graph()
        found = stability(gr.FastRP(dimensions=8, random_state=5), graph, seeds=(3, 4), k=5)
        runs = [gr.FastRP(dimensions=8, random_state=seed).fit_transform(graph) for seed in (3, 4)]
        by_hand = stability(runs, graph, k=5)
        np.testing.assert_array_equal(found.distance, by_hand.distance)
        np.testing.assert_array_equal(found.overlap, by_hand.overlap)
        same = stability(gr.FastRP(dimensions=8), graph, seeds=(3, 3), k=5)
        assert same.overlap.tolist() == [[1, 1], [1, 1]]
        assert same.distance[0, 1] < 1e-7

    def test_runs_are_matched_by_name(self):
        names = np.array([f"n{i}" for i in range(30)], dtype=object)
        X, Y = some(30, 4, 1), some(30, 4, 2)
        order = np.random.default_rng(0).permutation(30)
        expected = stability([gr.NodeVectors(X, names), gr.NodeVectors(Y, names)], n_sample=10)
        shuffled = stability([gr.NodeVectors(X, names), pd.DataFrame(Y[order], index=names[order])], n_sample=10)
        assert sorted(shuffled.nodes) == sorted(expected.nodes)
        np.testing.assert_allclose(shuffled.overlap, expected.overlap)
        np.testing.assert_allclose(shuffled.distance, expected.distance)
        assert len(expected.nodes) == 10

    def test_zero_vectors(self):
        found = stability([np.zeros((5, 2)), np.zeros((5, 2)), some(5, 2)], k=2)
        assert found.distance[0, 1] == 0
        assert found.distance[0, 2] == 1

    def test_tables(self):
        runs = [some(12, 3, seed) for seed in range(3)]
        found = stability(runs, k=3)
        lines = repr(found).splitlines()
        assert lines[0] == "3 runs, 12 nodes, 3 nearest by cosine"
        assert lines[3].split()[0] == "mean"
        assert lines[6].split() == ["by", "chance", f"{3 / 11:.4f}"]
        assert "overlap of neighbors" in repr(Comparison({"mine": found}, {}))

    def test_what_is_refused(self):
        X = some(5, 2)
        for runs, options, error, message in (
            ([X], {}, ValueError, "runs must be two or more matrices of vectors, got 1"),
            (X, {}, ValueError, "runs must be a list of two or more matrices of vectors, got one matrix"),
            ([X, X[:4]], {}, ValueError, "run 1 has 4 rows, but there are 5 nodes"),
            ([X[:1], X[:1]], {}, ValueError, "at least 2 nodes, got 1"),
            ([X, X], {"metric": "csls"}, ValueError, "metric must be one of cosine, dot, euclidean; got 'csls'"),
            ([X, X], {"k": 0}, ValueError, "k must be at least 1"),
            ([X, X * np.nan], {}, ValueError, "vectors must be finite"),
            (gr.FastRP(), {}, ValueError, "graph must be given to fit an estimator to"),
            (gr.FastRP(), {"graph": nx.path_graph(3), "seeds": (0,)}, ValueError, "two or more .* got 1"),
        ):
            with pytest.raises(error, match=message):
                stability(runs, **options)

        class Plain:
            def get_params(self):
                return {}

            def fit_transform(self, graph):
                return X

        with pytest.raises(TypeError, match="runs must be an estimator with random_state, but Plain has none"):
            stability(Plain(), nx.path_graph(5))


class TestHubness:
    @pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "csls"])
    def test_it_is_the_definition(self, metric, monkeypatch):
        monkeypatch.setattr(geometry, "_QUERIES", 7)
        X = some(60, 12)
        X[:, 0] += 1
        found = hubness(X, k=4, metric=metric, top=0.05)
        near, _ = gr.NodeVectors(X).neighbors(k=4, metric=metric)
        counts = np.array([(near == v).sum() for v in range(60)])
        np.testing.assert_array_equal(found.occurrences, counts)
        centered = counts - counts.mean()
        assert found.skewness == pytest.approx((centered**3).mean() / (centered**2).mean() ** 1.5)
        assert found.top_share == pytest.approx(np.sort(counts)[-3:].sum() / 240)
        assert found.orphans == (counts == 0).mean()
        assert found.hubs(1) == [(int(counts.argmax()), int(counts.max()))]

    def test_csls_has_fewer_hubs(self):
        X = some(500, 60) + 0.5
        assert hubness(X).skewness > 1.5
        assert hubness(X, metric="csls").skewness < hubness(X).skewness / 2

    def test_names_and_samples(self):
        v = gr.NodeVectors(some(50, 4), [f"n{i}" for i in range(50)])
        assert hubness(v).hubs(2)[0][0] in v
        part = hubness(v, n_sample=20, k=5)
        assert part.occurrences.sum() == 100
        assert hubness(v, k=100).occurrences.tolist() == [49] * 50
        assert hubness(v, k=100).skewness == 0

    def test_tables(self):
        found = hubness(some(30, 3), k=5)
        assert repr(found).startswith("occurrences among the 5 nearest, 30 nodes\n")
        assert "share of the top 1 %" in repr(Comparison({"mine": found}, {}))

    def test_what_is_refused(self):
        for options, message in (
            ({"top": 0.0}, "top must be greater than 0"),
            ({"top": 1.5}, "at most 1"),
            ({"k": 0}, "k must be at least 1"),
            ({"metric": "l2"}, "metric must be one of"),
            ({"n_sample": 0}, "n_sample must be at least 1"),
        ):
            with pytest.raises(ValueError, match=message):
                hubness(some(5, 2), **options)
        with pytest.raises(ValueError, match="at least 2 rows, got 1"):
            hubness(some(1, 2))
