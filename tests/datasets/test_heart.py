from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr

PARTS = ("train", "valid", "test")


def corruptions(rng, edges, num_nodes, count):
    """Half keep the first end of their edge, half the second."""
    rows = np.repeat(edges.T[:, None], count, axis=1)
    rows[:, : count // 2, 1] = rng.integers(num_nodes, size=(edges.shape[1], count // 2))
    rows[:, count // 2 :, 0] = rng.integers(num_nodes, size=(edges.shape[1], count - count // 2))
    return rows


@pytest.fixture
def made(tmp_path):
    """The files of a small set: nodes 0 to 11, of which 11 is mentioned by a self loop alone."""
    rng = np.random.default_rng(0)
    u, v = np.triu_indices(11, k=1)
    order = rng.permutation(len(u))[:30]
    edges = dict(zip(PARTS, np.split(np.stack([v[order], u[order]]), [20, 24], axis=1), strict=True))
    for part, pairs in edges.items():
        lines = [f"{a}\t{b}\n" for a, b in pairs.T.tolist()]
        if part != "test":
            lines.insert(2, "11\t11\n")
        (tmp_path / f"{part}_pos.txt").write_text("".join(lines))
        if part != "train":
            (tmp_path / f"{part}_neg.txt").write_text("0\t1\n5\t6\n7\t7\n")
            np.save(tmp_path / f"heart_{part}_samples.npy", corruptions(rng, pairs, 12, 6))
    x = torch.arange(24.0).reshape(12, 2)
    torch.save({"entity_embedding": x}, tmp_path / "gnn_feature")
    return tmp_path, edges


def test_own_splits_and_hard_negatives(made):
    folder, edges = made
    data = gr.datasets.read_heart(folder)
    assert (data.graph.num_nodes, data.graph.num_edges, data.metric) == (12, 30, "mrr")
    np.testing.assert_array_equal(data.graph.x, np.arange(24.0).reshape(12, 2))
    assert repr(data.split) == "LinkSplit(train=20, valid=4, test=6, valid_neg=4x6, test_neg=6x6)"
    for part in PARTS:
        np.testing.assert_array_equal(getattr(data.split, part), edges[part])
        if part != "train":
            written = np.load(folder / f"heart_{part}_samples.npy")
            np.testing.assert_array_equal(getattr(data.split, f"{part}_neg"), written.transpose(2, 0, 1))
    assert data.split.graph.num_edges == 20


def test_ranks_among_hard_negatives_equal_the_definition(made):
    split = gr.datasets.read_heart(made[0]).split
    score = lambda pairs: (pairs[0] * 7 + pairs[1] * 3) % 5  # noqa: E731  # many ties
    result = gr.evaluate.link_prediction(score, split, metrics=["mrr", "hits@1", "hits@3"])
    ranks = []
    for i in range(6):
        own, others = score(split.test[:, i]), score(split.test_neg[:, i])
        ranks.append(1 + 0.5 * ((others > own).sum() + (others >= own).sum()))
    ranks = np.array(ranks)
    assert dict(result.scores) == pytest.approx(
        {"mrr": (1 / ranks).mean(), "hits@1": (ranks <= 1).mean(), "hits@3": (ranks <= 3).mean()}
    )


def test_samples_made_before_self_loops_were_dropped(made):
    folder, _ = made
    rows = np.load(folder / "heart_valid_samples.npy")
    np.save(folder / "heart_valid_samples.npy", np.insert(rows, 2, 11, axis=0))
    np.testing.assert_array_equal(gr.datasets.read_heart(folder).split.valid_neg, rows.transpose(2, 0, 1))


def test_shared_negatives_of_the_existing_setting(made):
    split = gr.datasets.read_heart(made[0], negatives="shared").split
    assert split.valid_neg.tolist() == [[0, 5, 7], [1, 6, 7]]


def test_without_features_the_edges_say_how_many_nodes_there_are(made):
    (made[0] / "gnn_feature").unlink()
    graph = gr.datasets.read_heart(made[0]).graph
    assert graph.num_nodes == 12
    assert graph.x is None


def test_ogb_sets_keep_their_edges_and_rank_some_of_them(made, ogb_files, tmp_path):
    rng = np.random.default_rng(1)
    ogb_files.write_set(tmp_path / "ogbl_ddi", "ogbl-ddi")
    base = gr.datasets.load("ogbl-ddi", tmp_path)
    folder = tmp_path / "hard"
    folder.mkdir()
    index = {"valid": np.array([5, 0, 3]), "test": np.array([1, 7])}
    for part, rows in index.items():
        torch.save(torch.tensor(rows), folder / f"{part}_samples_index.pt")
        np.save(folder / f"heart_{part}_samples.npy", corruptions(rng, getattr(base.split, part)[:, rows], 20, 4))
    data = gr.datasets.read_heart(folder, base)
    np.testing.assert_array_equal(data.split.valid, base.split.valid[:, [5, 0, 3]])
    np.testing.assert_array_equal(data.split.train, base.split.train)
    assert data.split.test_neg.shape == (2, 2, 4)
    assert data.split.graph is base.graph
    (folder / "test_samples_index.pt").unlink()
    np.save(folder / "heart_test_samples.npy", corruptions(rng, base.split.test, 20, 4))
    assert gr.datasets.read_heart(folder, base).split.test_neg.shape == (2, 8, 4)
    torch.save(torch.tensor([8]), folder / "test_samples_index.pt")
    with pytest.raises(ValueError, match=r"test_samples_index.pt refers to edge 8, but there are only 8 edges"):
        gr.datasets.read_heart(folder, base)


def spoil_array(name, change):
    return lambda folder: np.save(folder / name, change(np.load(folder / name)))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda f: (f / "train_pos.txt").unlink(), FileNotFoundError, "must contain train_pos.txt"),
        (
            lambda f: (f / "valid_pos.txt").write_text("1\tx\n"),
            ValueError,
            "valid_pos.txt must hold two row numbers per line",
        ),
        (lambda f: (f / "valid_pos.txt").write_text("1\t2\t3\n"), ValueError, "got 3 columns"),
        (lambda f: (f / "heart_test_samples.npy").write_bytes(b"no"), ValueError, "damaged or not a .npy file"),
        (lambda f: (f / "heart_test_samples.npy").unlink(), FileNotFoundError, "heart_test_samples.npy"),
        (
            spoil_array("heart_test_samples.npy", lambda a: a[1:]),
            ValueError,
            r"shape \(6, num_negatives, 2\), got int64 \(5, 6, 2",
        ),
        (
            spoil_array("heart_test_samples.npy", lambda a: a[::-1]),
            ValueError,
            "does not match the edges: a negative in row",
        ),
        (
            lambda f: torch.save({"x": torch.ones(12, 2)}, f / "gnn_feature"),
            ValueError,
            "under the key entity_embedding",
        ),
        (
            lambda f: torch.save({"entity_embedding": torch.ones(5, 2)}, f / "gnn_feature"),
            ValueError,
            "has 5 rows, but",
        ),
    ],
)
def test_unusable_files_are_one_sentence(spoil, error, message, made):
    spoil(made[0])
    with pytest.raises(error, match=message) as caught:
        gr.datasets.read_heart(made[0])
    assert "\n" not in str(caught.value)


def test_negatives_out_of_range_and_leaks_are_refused(made):
    folder, edges = made
    rows = np.load(folder / "heart_test_samples.npy")
    bad = rows.copy()
    bad[3, 0, 1] = 12  # the end that the first half replaces
    np.save(folder / "heart_test_samples.npy", bad)
    with pytest.raises(ValueError, match=r".*test_neg must lie in \[0, 12\), got 0 … 12"):
        gr.datasets.read_heart(folder)
    np.save(folder / "heart_test_samples.npy", rows)
    with (folder / "train_pos.txt").open("a") as file:
        file.write("{1}\t{0}\n".format(*edges["test"][:, 2]))
    with pytest.raises(ValueError, match="the split leaks: 1 of its 6 test edges"):
        gr.datasets.read_heart(folder)


def test_wrong_arguments_are_refused(made):
    with pytest.raises(ValueError, match='negatives must be "heart" or "shared", got \'hard\''):
        gr.datasets.read_heart(made[0], negatives="hard")
    with pytest.raises(ValueError, match="base must have a link split, but karate has none"):
        gr.datasets.read_heart(made[0], gr.datasets.Dataset("karate", gr.as_graph([[0], [1]])))
