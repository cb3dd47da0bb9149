from __future__ import annotations

import io
import signal
import sys
import threading
import tracemalloc

import networkx as nx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

import graphrep as gr
from graphrep.distributed import Ranks
from graphrep.embed import node2vec
from graphrep.learn import Checkpoint, digest
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

QUICK = {"dimensions": 16, "walk_length": 10, "walks_per_node": 4, "window": 3, "p": 0.5, "q": 2.0, "n_jobs": 1}


def planted_partition(num_nodes=300, blocks=3, inside=0.12, outside=0.01, seed=0):
    """A graph whose blocks are denser inside, and the block of each node."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(blocks, size=num_nodes)
    chance = np.where(labels[:, None] == labels, inside, outside)
    upper = np.triu(rng.random((num_nodes, num_nodes)) < chance, 1)
    return gr.as_graph(np.stack(np.nonzero(upper)), num_nodes=num_nodes, directed=False), labels


def accuracy(vectors, labels):
    test = np.arange(len(labels)) % 2 == 0
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    return LogisticRegression(max_iter=500).fit(vectors[~test], labels[~test]).score(vectors[test], labels[test])


# What it is good for


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.25, 4.0), (4.0, 0.25)])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_planted_partition_is_found(p, q, n_jobs):
    """Right for more than 95 % of hidden labels with any number of threads; chance is 33 %, as before training."""
    graph, labels = planted_partition()
    model = gr.Node2Vec(dimensions=32, walk_length=30, walks_per_node=5, window=5, p=p, q=q, n_jobs=n_jobs)
    assert accuracy(model.fit_transform(graph), labels) > 0.95
    untrained = SkipGram(300, 32, counts=np.ones(300, dtype=np.int64)).vectors
    assert accuracy(untrained, labels) < 0.5


@pytest.mark.parametrize("parameter", ["epochs", "walks_per_node", "walk_length", "window", "num_negatives"])
def test_every_parameter_counts(parameter):
    graph, _ = planted_partition(60)
    usual = gr.Node2Vec(**QUICK).fit_transform(graph)
    changed = gr.Node2Vec(
        **{**QUICK, parameter: QUICK.get(parameter, {"epochs": 1, "num_negatives": 5}.get(parameter)) + 1}
    )
    assert (changed.fit_transform(graph) != usual).any()


def test_later_epochs_draw_new_walks():
    """Two epochs of two walks are four walks, not the same two again."""
    graph, _ = planted_partition(60)
    twice = gr.Node2Vec(**{**QUICK, "walks_per_node": 2, "epochs": 2}).fit_transform(graph)
    np.testing.assert_array_equal(twice, gr.Node2Vec(**QUICK).fit_transform(graph))


def test_each_pass_visits_all_nodes_in_an_order_of_its_own(monkeypatch):
    monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", 70)
    trained = []
    monkeypatch.setattr(
        SkipGram, "train_unchecked", lambda self, walks, ids, *place: trained.append((walks, ids, place))
    )
    gr.Node2Vec(**{**QUICK, "epochs": 2}).fit(nx.cycle_graph(50))
    starts = np.concatenate([walks[:, 0] for walks, _, _ in trained]).reshape(8, 50)
    np.testing.assert_array_equal(np.sort(starts, axis=1), np.tile(np.arange(50), (8, 1)))
    assert len({tuple(order) for order in [*starts.tolist(), range(50)]}) == 9
    np.testing.assert_array_equal(np.sort(np.concatenate([ids for _, ids, _ in trained])), np.arange(400))
    # Chunks end with an epoch of 200 walks, so that callbacks see the vectors of whole epochs.
    assert [place for _, _, place in trained] == [(e + first, 400) for e in (0, 200) for first in range(0, 200, 7)]


def test_noise_follows_the_visits(monkeypatch):
    """Counts of one pass over all nodes, whatever the chunk."""
    graph, _ = planted_partition(60)
    sampler = WalkSampler(graph, walk_length=9)
    walks = sampler.sample(0, 60)
    expected = np.bincount(walks[walks >= 0], minlength=60)
    for chunk in (1, 7, 1000):
        monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", chunk * sampler.walk_length)
        np.testing.assert_array_equal(node2vec._visits(sampler, Ranks()), expected)


def test_one_thread_is_reproducible(monkeypatch):
    graph, _ = planted_partition(100)
    first = gr.Node2Vec(**QUICK).fit_transform(graph)
    np.testing.assert_array_equal(gr.Node2Vec(**QUICK).fit_transform(graph), first)
    assert (gr.Node2Vec(**QUICK, random_state=1).fit_transform(graph) != first).any()
    monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", 70)  # seven walks at a time instead of all
    np.testing.assert_array_equal(gr.Node2Vec(**QUICK).fit_transform(graph), first)


def test_backends_agree(monkeypatch):
    """They draw different walks where the walk is biased, and nearly the same numbers where it is not chosen at all."""
    path = gr.as_graph([np.arange(11), np.arange(1, 12)], directed=True)  # one way to go
    options = {"dimensions": 8, "walk_length": 6, "walks_per_node": 3, "n_jobs": 1}
    native = gr.DeepWalk(**options).fit_transform(path)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_allclose(gr.DeepWalk(**options).fit_transform(path), native, rtol=1e-4, atol=1e-6)


def test_deepwalk_is_node2vec_without_bias():
    graph, _ = planted_partition(100)
    options = {name: value for name, value in QUICK.items() if name not in "pq"}
    deepwalk = gr.DeepWalk(**options)
    expected = gr.Node2Vec(**options, p=1.0, q=1.0)
    np.testing.assert_array_equal(deepwalk.fit_transform(graph), expected.fit_transform(graph))
    assert set(expected.get_params()) - set(deepwalk.get_params()) == {"p", "q"}
    assert deepwalk.get_params().items() <= expected.get_params().items()
    assert (gr.Node2Vec(**QUICK).fit_transform(graph) != deepwalk.embedding_).any()


# Odd graphs


def test_isolated_nodes_keep_their_initial_vectors():
    graph = gr.as_graph([[0, 1, 2], [1, 2, 0]], num_nodes=6, directed=False)
    vectors = gr.Node2Vec(**QUICK).fit_transform(graph)
    initial = SkipGram(6, 16, counts=np.ones(6, dtype=np.int64), seed=0).vectors
    np.testing.assert_array_equal(vectors[3:], initial[3:])
    assert (vectors[:3] != initial[:3]).all(axis=1).all()


@pytest.mark.parametrize("dimensions", [16, 17])
def test_graphs_without_edges(dimensions):
    for num_nodes in (1, 4):
        graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=num_nodes)
        vectors = gr.Node2Vec(**{**QUICK, "dimensions": dimensions}).fit_transform(graph)
        assert vectors.shape == (num_nodes, dimensions)
        assert vectors.flags.c_contiguous
        assert 0 < np.abs(vectors).max() <= 0.5 / dimensions


def test_walks_of_one_node_teach_nothing():
    graph, _ = planted_partition(50)
    vectors = gr.Node2Vec(**{**QUICK, "walk_length": 1}).fit_transform(graph)
    np.testing.assert_array_equal(vectors, SkipGram(50, 16, counts=np.ones(50, dtype=np.int64), seed=0).vectors)


def test_directed_with_dead_ends():
    """Two stars whose arcs lead out of the hubs, so walks have two nodes: leaves learn their hub all the same."""
    ends = np.array([[0] * 20 + [1] * 20, range(2, 42)])
    graph = gr.as_graph(ends, directed=True)
    options = {"dimensions": 8, "walk_length": 10, "walks_per_node": 400, "learning_rate": 0.2, "n_jobs": 1}
    vectors = gr.DeepWalk(**options).fit_transform(graph)
    assert np.isfinite(vectors).all()
    centres = np.stack([vectors[2:22].mean(axis=0), vectors[22:].mean(axis=0)])
    nearest = np.linalg.norm(vectors[2:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, np.repeat([0, 1], 20))


def test_names_survive():
    graph = nx.relabel_nodes(nx.karate_club_graph(), "member {}".format)
    vectors = gr.Node2Vec(**QUICK).fit(graph).node_vectors_
    assert vectors.nodes.tolist() == list(graph)
    assert vectors["member 3"].shape == (16,)
    assert vectors.settings["p"] == 0.5
    assert {name for name, _ in vectors.most_similar("member 33", k=5)} <= set(graph)


# Progress


def test_progress_is_silent_off_a_terminal(capfd):
    gr.Node2Vec(**QUICK).fit(nx.path_graph(5))
    gr.Node2Vec(**QUICK, progress=False).fit(nx.path_graph(5))
    assert capfd.readouterr() == ("", "")
    gr.DeepWalk(walks_per_node=1, progress=True).fit(nx.path_graph(5))
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "DeepWalk" in shown.err
    assert "0/5" in shown.err


def test_progress_shows_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    gr.Node2Vec(**QUICK, progress=False).fit(nx.path_graph(5))
    assert sys.stderr.getvalue() == ""
    gr.Node2Vec(**QUICK).fit(nx.path_graph(5))
    assert "Node2Vec" in sys.stderr.getvalue()


# Checkpoints


@pytest.fixture
def task(monkeypatch, tmp_path):
    """A graph, a model that trains in 10 chunks with its state in a file, and the vectors of an undisturbed fit."""
    graph, _ = planted_partition(100)
    monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", 400)
    model = gr.Node2Vec(**QUICK, checkpoint=tmp_path / "state", random_state=7)
    return graph, model, gr.Node2Vec(**QUICK, random_state=7).fit_transform(graph)


def disturb(monkeypatch, where, at_call, disturbance):
    """Let ``disturbance`` happen in the given call of SkipGram.train_unchecked, WalkSampler.sample_ids, ...

    It gets a function that does what the call would have done.
    """
    owner, name = where
    method, calls = getattr(owner, name), []

    def disturbed(self, *args):
        calls.append(args)
        if len(calls) == at_call:
            return disturbance(lambda: method(self, *args))
        return method(self, *args)

    monkeypatch.setattr(owner, name, disturbed)
    return calls


def press_ctrl_c(_call):
    raise KeyboardInterrupt


def finish_then_ctrl_c(call):
    """What Python does when Ctrl-C falls into a native call."""
    result = call()
    signal.raise_signal(signal.SIGINT)
    return result


TRAIN = (SkipGram, "train_unchecked")
SAMPLE = (WalkSampler, "sample_ids")


@pytest.mark.parametrize(
    ("where", "disturbance", "done"),
    [
        (TRAIN, finish_then_ctrl_c, 160),  # most of the time is spent here
        (SAMPLE, finish_then_ctrl_c, 160),  # waits for the end of the chunk
        (SAMPLE, press_ctrl_c, 120),
    ],
)
def test_an_interrupted_fit_goes_on_where_it_was(monkeypatch, task, where, disturbance, done):
    graph, model, expected = task
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        disturb(patch, where, 4, disturbance)
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    assert signal.getsignal(signal.SIGINT) is handler
    assert [path.name for path in model.checkpoint.parent.iterdir()] == ["state"]
    assert not hasattr(model, "embedding_")
    calls = disturb(monkeypatch, TRAIN, 0, None)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert len(calls) == (400 - done) // 40
    assert calls[0][2] == done
    assert not model.checkpoint.exists()
    assert signal.getsignal(signal.SIGINT) is handler


def test_interrupted_again_and_again(monkeypatch, task):
    graph, model, expected = task
    for _ in range(9):
        with monkeypatch.context() as patch:
            disturb(patch, TRAIN, 1, finish_then_ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                model.fit(graph)
    calls = disturb(monkeypatch, TRAIN, 0, None)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert len(calls) == 1


def test_interrupted_after_the_last_chunk(monkeypatch, task):
    graph, model, expected = task
    with monkeypatch.context() as patch:
        disturb(patch, TRAIN, 10, finish_then_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    calls = disturb(monkeypatch, TRAIN, 0, None)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert calls == []


def test_an_interrupt_within_the_training_saves_nothing_half_learned(monkeypatch, task):
    """A second Ctrl-C stops within a chunk; the fit then goes on from the last regular save."""
    graph, model, expected = task
    model.set_params(checkpoint_seconds=0.0)

    def twice(call):
        call()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    for disturbance in (press_ctrl_c, twice):
        with monkeypatch.context() as patch:
            disturb(patch, TRAIN, 4, disturbance)
            with pytest.raises(KeyboardInterrupt):
                model.fit(graph)
    with monkeypatch.context() as patch:
        calls = disturb(patch, TRAIN, 0, None)
        np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert calls[0][2] == 240
    model.set_params(checkpoint_seconds=60.0)  # no regular save yet: start afresh
    with monkeypatch.context() as patch:
        disturb(patch, TRAIN, 4, twice)
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    assert not model.checkpoint.exists()
    np.testing.assert_array_equal(model.fit_transform(graph), expected)


def test_saves_every_so_often(monkeypatch, task):
    """An error (or a power cut) leaves the last regular save."""
    graph, model, expected = task
    model.set_params(checkpoint_seconds=0.0)

    def break_down(_call):
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        disturb(patch, TRAIN, 6, break_down)
        with pytest.raises(RuntimeError, match="out of luck"):
            model.fit(graph)
    calls = disturb(monkeypatch, TRAIN, 0, None)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert calls[0][2] == 200
    rare = disturb(monkeypatch, (Checkpoint, "save"), 0, None)
    np.testing.assert_array_equal(model.set_params(checkpoint_seconds=60.0).fit_transform(graph), expected)
    assert rare == []


def test_a_failed_save_keeps_the_last_one(monkeypatch, task):
    graph, model, expected = task
    model.set_params(checkpoint_seconds=0.0)
    saves = []

    def full_disk(tables, path, metadata):
        saves.append(path)
        if len(saves) == 3:
            with open(path, "wb") as file:
                file.write(b"half a fi")
            raise OSError("No space left on device")
        return save_file(tables, path, metadata)

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.numpy.save_file", full_disk)
        with pytest.raises(OSError, match="No space left"):
            model.fit(graph)
    assert [path.name for path in model.checkpoint.parent.iterdir()] == ["state"]
    calls = disturb(monkeypatch, TRAIN, 0, None)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert calls[0][2] == 80


def interrupted(monkeypatch, graph, model):
    with monkeypatch.context() as patch:
        disturb(patch, TRAIN, 4, finish_then_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    return model.checkpoint.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"dimensions": 17},
        {"p": 0.6},
        {"epochs": 2},
        {"random_state": 8},
        {"learning_rate": 0.03},
        {"subsampling": 1e-3},
    ],
    ids=str,
)
def test_other_settings_are_refused(monkeypatch, task, change):
    graph, model, expected = task
    before = interrupted(monkeypatch, graph, model)
    kept = model.get_params()
    wanted = "a fit with another random_state" if "random_state" in change else "another fit"
    with pytest.raises(ValueError, match=rf"state belongs to {wanted}.*; remove it or name another file"):
        model.set_params(**change).fit(graph)
    assert model.checkpoint.read_bytes() == before
    np.testing.assert_array_equal(model.set_params(**kept).fit_transform(graph), expected)


def test_another_graph_is_refused(monkeypatch, task):
    graph, model, _ = task
    before = interrupted(monkeypatch, graph, model)
    edges = graph.edges()
    weighted = [graph.with_edges(edges, 1.0 + (np.arange(edges.shape[1]) == i)) for i in (5, 6)]
    others = [graph.with_edges(edges[:, 1:]), gr.as_graph(graph.to_scipy(), directed=True), *weighted]
    assert len({digest(other) for other in [graph, *others]}) == 5
    for other in others:
        with pytest.raises(ValueError, match="belongs to another fit"):
            model.fit(other)
    assert model.checkpoint.read_bytes() == before


def test_what_does_not_matter_may_change(monkeypatch, task):
    graph, model, expected = task
    interrupted(monkeypatch, graph, model)
    monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", 90)
    model.set_params(progress=False, checkpoint_seconds=5, checkpoint=str(model.checkpoint))
    renamed = gr.as_graph(graph, nodes=[f"node {i}" for i in range(100)])
    np.testing.assert_array_equal(model.fit_transform(renamed), expected)


def rewrite(model, graph, **changes):
    """Change the state in a checkpoint, with a checksum that fits."""
    checkpoint = model._open_checkpoint(graph)
    checkpoint.save("skip-gram", checkpoint.load("skip-gram") | changes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x00" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:-5]),
        lambda path: path.write_bytes(path.read_bytes()[:-5] + b"12345"),
        lambda path: path.write_text("node vectors? no"),
        lambda path: save_file({"x": np.zeros(3)}, path),
        lambda path: save_file(load_file(path), path),
    ],
)
def test_damaged_files_are_refused(monkeypatch, task, damage):
    graph, model, _ = task
    interrupted(monkeypatch, graph, model)
    damage(model.checkpoint)
    before = model.checkpoint.read_bytes()
    with pytest.raises(ValueError, match=r"state cannot be read: .*; remove it or name another file"):
        model.fit(graph)
    assert model.checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"position": "many"},
        {"position": 401},
        {"position": -2},
        {"input": np.zeros((99, 16), np.float32)},
        {"output": np.zeros((100, 16))},
        {"output": None},
    ],
    ids=str,
)
def test_states_that_do_not_fit_are_refused(monkeypatch, task, changes):
    graph, model, _ = task
    interrupted(monkeypatch, graph, model)
    rewrite(model, graph, **changes)
    with pytest.raises(ValueError, match="state does not fit the model; remove it or name another file"):
        model.fit(graph)


def test_bad_checkpoint_parameters(tmp_path, task):
    graph, model, _ = task
    with pytest.raises(FileNotFoundError, match=r"checkpoint lies in .*nowhere, which is not a directory"):
        model.set_params(checkpoint=tmp_path / "nowhere" / "state").fit(graph)
    with pytest.raises(ValueError, match="cannot be read"):
        model.set_params(checkpoint=tmp_path).fit(graph)
    model.set_params(checkpoint=tmp_path / "state")
    with pytest.raises(ValueError, match="checkpoint_seconds must be at least 0, got -1"):
        model.set_params(checkpoint_seconds=-1).fit(graph)


@pytest.mark.parametrize("state", [None, 7])
def test_a_fit_resumes_with_the_seed_it_drew(monkeypatch, task, state):
    graph, model, expected = task
    model.set_params(random_state=state)
    interrupted(monkeypatch, graph, model)
    seed = model._open_checkpoint(graph).seed
    found = model.fit_transform(graph)
    np.testing.assert_array_equal(found, gr.Node2Vec(**QUICK, random_state=seed).fit_transform(graph))
    assert (seed == 7) == (state == 7) == np.array_equal(found, expected)


def test_callbacks_are_called_after_every_epoch_and_can_stop(task):
    graph, model, _ = task
    seen = []
    watch = lambda epoch, record, estimator: seen.append((epoch, sorted(record), estimator)) or epoch == 2  # noqa: E731
    model.set_params(epochs=3, checkpoint=None, callbacks=[watch]).fit(graph)
    assert seen == [(1, ["seconds"], model), (2, ["seconds"], model)]
    with pytest.raises(TypeError, match="callbacks must be"):
        model.set_params(callbacks=[3]).fit(graph)


def test_a_fit_in_another_thread_leaves_signals_alone(task):
    graph, model, expected = task
    results = []
    worker = threading.Thread(target=lambda: results.append(model.fit_transform(graph)))
    worker.start()
    worker.join()
    np.testing.assert_array_equal(results[0], expected)


def test_without_checkpoint_an_interrupt_is_immediate(monkeypatch, task):
    graph, model, _ = task
    calls = disturb(monkeypatch, TRAIN, 2, finish_then_ctrl_c)
    reached = disturb(monkeypatch, (WalkSampler, "shuffled_ids"), 0, None)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(checkpoint=None).fit(graph)
    assert (len(calls), len(reached)) == (2, 2)


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dimensions": 0}, ValueError, r"dimensions must be at least 1, got 0\."),
        ({"walk_length": 0}, ValueError, r"walk_length must be at least 1, got 0\."),
        ({"walks_per_node": 0}, ValueError, r"walks_per_node must be at least 1, got 0\."),
        ({"epochs": 0}, ValueError, r"epochs must be at least 1, got 0\."),
        ({"window": 151}, ValueError, r"window must be from 1 to 150, got 151\."),
        ({"p": 0}, ValueError, r"p must be at least 1e-100"),
        ({"q": "1"}, TypeError, r"q must be a number, got '1'\."),
        ({"num_negatives": -1}, ValueError, r"num_negatives must be from 0 to 50, got -1\."),
        ({"learning_rate": -1.0}, ValueError, r"learning_rate must be greater than 0, got -1.0\."),
        ({"min_learning_rate": 1.0}, ValueError, r"min_learning_rate must be at least 0 and at most 0.025, got 1.0\."),
        ({"subsampling": -1.0}, ValueError, r"subsampling must be at least 0, got -1.0\."),
        ({"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
        ({"random_state": "x"}, TypeError, r"the seed must be None, an integer"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        gr.Node2Vec(**{**QUICK, **options}).fit(nx.path_graph(4))


def test_writing_takes_at_most_a_twentieth_of_the_time(monkeypatch, task):
    graph, model, expected = task
    clock, saved = [0.0], []
    monkeypatch.setattr("graphrep.embed._chunks.time.monotonic", lambda: clock[0])
    train, save = SkipGram.train_unchecked, Checkpoint.save

    def slow_train(self, *args):
        clock[0] += 10
        train(self, *args)

    def slow_save(self, stage, state):
        saved.append(clock[0])
        clock[0] += 1
        save(self, stage, state)

    monkeypatch.setattr(SkipGram, "train_unchecked", slow_train)
    monkeypatch.setattr(Checkpoint, "save", slow_save)
    found = model.set_params(checkpoint_seconds=5.0).fit_transform(graph)
    np.testing.assert_array_equal(found, expected)
    assert saved[0] == 10
    assert len(saved) > 1
    assert set(np.diff(saved)) == {21}  # 1 of writing and 19 of training, in steps of 10


def test_the_rate_is_logged(monkeypatch, task, caplog):
    graph, model, _ = task
    monkeypatch.setattr("graphrep.embed._chunks._LOGGED_EVERY", 0.0)
    with caplog.at_level("INFO", "graphrep.embed"):
        model.fit(graph)
    assert any(" walks, " in line and line.endswith(" tokens/s") for line in caplog.messages)


def test_a_resumed_fit_holds_the_tables_once(monkeypatch, tmp_path):
    graph = gr.datasets.rmat(num_nodes=20_000, num_edges=60_000)
    model = gr.DeepWalk(walks_per_node=1, walk_length=4, n_jobs=1, checkpoint=tmp_path / "c", progress=False)
    monkeypatch.setattr(node2vec, "_CHUNK_TOKENS", 20_000)
    disturb(monkeypatch, SAMPLE, 2, press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        model.fit(graph)
    monkeypatch.undo()
    assert model.checkpoint.stat().st_size > 20e6
    tracemalloc.start()
    try:
        model.fit(graph)
        assert tracemalloc.get_traced_memory()[1] < model.estimate(graph).memory + 1e6
    finally:
        tracemalloc.stop()
