"""node2vec and DeepWalk with parts of the tables in files, against the same steps in memory."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli
from graphrep._mapped import mapping_of
from graphrep.distributed import Ranks
from graphrep.distributed.skipgram import Dealt
from graphrep.embed import _walks_on_disk, finishing, node2vec
from graphrep.embed._walks_on_disk import Plan
from graphrep.ops import SkipGram, WalkSampler

RNG = np.random.default_rng(0)
ENDS = (2000 * RNG.random((2, 6000)) ** 2).astype(np.int64)
GRAPH = gr.as_graph(ENDS, num_nodes=2010)
NAMED = gr.as_graph([(f"n{u}", f"n{v}") for u, v in ENDS.T])
WEIGHTED = gr.as_graph(ENDS, directed=True, weights=RNG.random(6000), num_nodes=2010)
QUICK = {"dimensions": 264, "walk_length": 8, "walks_per_node": 2, "window": 2, "n_jobs": 1, "progress": False}


def memory_for(model, graph, parts):
    """The least memory for so few parts, to a hundredth."""
    memory = 10**9
    while model._plan(graph, int(memory * 0.99))[0].parts <= parts:
        memory = int(memory * 0.99)
    assert model._plan(graph, memory)[0].parts == parts
    return memory


def trained_in_memory(model, graph, parts):
    """Each walk of a round with every pair of parts; rows of the parts one after the other, back and forth."""
    sampler = model._sampler(graph, model.random_state)
    counts = node2vec._visits(sampler, Ranks())
    dealt = Dealt(counts, parts, graph.indices.dtype)
    options = model._settings(graph, model.random_state) | {"subsampling": model.subsampling}
    models = [dealt.model(model.dimensions, counts=counts, part=part, **options) for part in range(parts)]
    contexts = [one.output for one in models]
    n = graph.num_nodes
    epoch = model.walks_per_node * n
    total = model.epochs * epoch
    size, number = max(1, min(total // 20, 40 * n // model.walk_length)), 0
    for begin in range(0, total, epoch):
        for first in range(begin, begin + epoch, size):
            ids = sampler.shuffled_ids(first, min(size, begin + epoch - first))
            walks = dealt.placed(sampler.sample_ids(ids))
            pairs = [(i, j if i % 2 == 0 else parts - 1 - j) for i in range(parts) for j in range(parts)]
            for i, j in pairs if number % 2 == 0 else reversed(pairs):
                models[i].hold(j, contexts[j])
                models[i].train_unchecked(walks, ids, first, total)
            number += 1
    x = np.concatenate([one.vectors for one in models])
    return x[dealt.rows[:-1]]


@pytest.mark.parametrize(
    ("graph", "learner", "parts"),
    [
        (GRAPH, gr.DeepWalk(epochs=2), 2),
        (NAMED, gr.Node2Vec(p=0.5, q=2, subsampling=0.01), 3),
        (WEIGHTED, gr.Node2Vec(q=0.5, num_negatives=2, random_state=3), 4),
    ],
)
def test_the_bits_are_those_of_the_same_steps_in_memory(graph, learner, parts, tmp_path):
    learner.set_params(**QUICK)
    out, memory = tmp_path / "a.npy", memory_for(learner, graph, parts)
    found = learner.fit_transform(graph, out=out, memory=memory)
    np.testing.assert_array_equal(found, trained_in_memory(learner, graph, parts))
    assert mapping_of(found) is not None
    assert {file.name for file in tmp_path.iterdir()} <= {"a.npy", "a.npy.nodes.json"}
    loaded = gr.load_vectors(out)
    np.testing.assert_array_equal(loaded.nodes, graph.nodes)
    np.testing.assert_array_equal(loaded.vectors, found)
    # More memory for as many parts means larger chunks, which change nothing.
    again = learner.fit_transform(graph, out=out, memory=int(memory * 1.1))
    assert learner._plan(graph, int(memory * 1.1))[0].parts == parts
    np.testing.assert_array_equal(again, loaded.vectors)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("block", [700, 1 << 14])
def test_centered_vectors_have_the_bits_of_those_in_memory(parts, block, tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "_ROWS", block)
    model = gr.DeepWalk(**QUICK)
    memory = memory_for(model, NAMED, parts)
    plain = np.array(model.fit_transform(NAMED, out=tmp_path / "a.npy", memory=memory))
    model.set_params(finish="center").fit(NAMED, out=tmp_path / "b.npy", memory=memory)
    np.testing.assert_array_equal(model.embedding_, gr.embed.center(plain))
    np.testing.assert_array_equal(gr.load_vectors(tmp_path / "b.npy").vectors, model.embedding_)
    assert {file.name for file in tmp_path.iterdir()} == {"a.npy", "a.npy.nodes.json", "b.npy", "b.npy.nodes.json"}


@pytest.mark.parametrize("graph", [GRAPH, NAMED])
def test_one_part_is_the_fit_in_memory(graph, tmp_path):
    model = gr.Node2Vec(**QUICK, p=2)
    model.fit(graph).node_vectors_.save(tmp_path / "a.npy")
    found = gr.Node2Vec(**QUICK, p=2).fit(graph, out=tmp_path / "b.npy", memory="1GB")
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    np.testing.assert_array_equal(found.nodes_, model.nodes_)
    assert mapping_of(found.embedding_) is not None


def test_communities_are_found_in_parts(tmp_path):
    community = np.arange(1000) // 250
    odds = np.where(community[:, None] == community, 0.06, 0.002)
    graph = gr.as_graph(np.argwhere(np.triu(RNG.random(odds.shape) < odds, 1)).T, num_nodes=1000)
    model = gr.DeepWalk(dimensions=512, walk_length=20, walks_per_node=5, window=5, learning_rate=0.1, n_jobs=2)

    def purity(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ unit.T, axis=1)[:, 1:11]
        return (community[nearest] == community[:, None]).mean()

    alone = purity(model.fit_transform(graph))
    for parts in (2, 4):
        memory = memory_for(model, graph, parts)
        assert purity(model.fit_transform(graph, out=tmp_path / "a.npy", memory=memory)) > alone - 0.01 > 0.96


@pytest.mark.parametrize("plan", [Plan(2, 10, 20, 3, 2), Plan(3, 7, 7, 7, 5), Plan(5, 12, 36, 1, 9)])
def test_every_walk_meets_every_pair_of_parts_once(plan):
    seen, position, before = [], 0, None
    while position < plan.pairs * plan.total:
        place = plan.place(position)
        count = min(plan.chunk, place.end - place.first)
        assert place.begin <= place.first < place.end <= place.begin + plan.round
        assert place.begin // plan.epoch == (place.end - 1) // plan.epoch
        if before is not None:  # one of the two parts stays
            assert place.centers == before.centers or place.contexts == before.contexts
            assert place.begin in (before.begin, before.end)
        seen += [(walk, place.centers, place.contexts) for walk in range(place.first, place.first + count)]
        position, before = position + count, place
    parts = range(plan.parts)
    assert sorted(seen) == list(itertools.product(range(plan.total), parts, parts))


@pytest.mark.parametrize("kill", [False, True])
def test_an_interrupted_fit_goes_on(kill, tmp_path, monkeypatch):
    """After Ctrl-C from where it was; after the end of the process, from the last save."""
    options = QUICK | {"checkpoint": tmp_path / "fit.ckpt", "checkpoint_seconds": 0 if kill else 1000}
    model, out = gr.DeepWalk(**options), tmp_path / "a.npy"
    memory = memory_for(model, GRAPH, 3)
    train, calls = SkipGram.train_unchecked, []

    def stop(self, *arguments):
        train(self, *arguments)
        calls.append(1)
        if len(calls) in (40, 91):
            raise MemoryError if kill else KeyboardInterrupt

    def press(self, *arguments):  # Ctrl-C while a chunk is trained
        train(self, *arguments)
        calls.append(1)
        if len(calls) in (40, 91):
            signal_ourselves()

    monkeypatch.setattr(SkipGram, "train_unchecked", stop if kill else press)
    for _ in range(2):
        with pytest.raises(MemoryError if kill else KeyboardInterrupt):
            model.fit(GRAPH, out=out, memory=memory)
        assert {file.name for file in tmp_path.iterdir()} == {"fit.ckpt", "fit.ckpt.tables"}
    with pytest.raises(ValueError, match=r"fit\.ckpt belongs to another fit"):
        model.fit(GRAPH, out=out, memory=2 * memory)
    monkeypatch.undo()
    found = model.fit_transform(GRAPH, out=out, memory=memory)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
    np.testing.assert_array_equal(found, trained_in_memory(model, GRAPH, 3))


def signal_ourselves():
    import signal

    signal.raise_signal(signal.SIGINT)


def test_a_checkpoint_without_its_tables_is_refused(tmp_path, monkeypatch):
    model, out = gr.DeepWalk(**QUICK, checkpoint=tmp_path / "fit.ckpt", checkpoint_seconds=0), tmp_path / "a.npy"
    memory = memory_for(model, GRAPH, 2)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(node2vec, "publish", full)
        with pytest.raises(OSError, match=r"cannot write .*a\.npy: the disk is full"):
            model.fit(GRAPH, out=out, memory=memory)
    folder = tmp_path / "fit.ckpt.tables"
    (folder / "notes").write_text("mine")
    table = next(file for file in folder.iterdir() if file.name.startswith("y.1."))
    content = table.read_bytes()
    table.write_bytes(content[:-4])
    with pytest.raises(ValueError, match=r"cannot be continued: .*y\.1\.\d+ is missing or was cut short; remove it or"):
        model.fit(GRAPH, out=out, memory=memory)
    table.write_bytes(content)
    found = model.fit_transform(GRAPH, out=out, memory=memory)  # nothing is left to train
    np.testing.assert_array_equal(found, trained_in_memory(model, GRAPH, 2))
    assert [file.name for file in folder.iterdir()] == ["notes"]


def test_an_interrupt_leaves_nothing(tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    model = gr.DeepWalk(**QUICK, epochs=2, callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        model.fit(GRAPH, out=tmp_path / "a.npy", memory=memory_for(model, GRAPH, 2))
    assert not list(tmp_path.iterdir())


def test_callbacks_end_a_fit_after_an_epoch(tmp_path):
    seen = []
    model = gr.DeepWalk(**QUICK, epochs=3, callbacks=[lambda epoch, *_: seen.append(epoch) or epoch == 2])
    model.fit(GRAPH, out=tmp_path / "a.npy", memory=memory_for(model, GRAPH, 2))
    assert seen == [1, 2]


def test_earlier_vectors_new_nodes_and_models(tmp_path):
    model = gr.Node2Vec(**QUICK)
    memory = memory_for(model, NAMED, 2)
    first = np.array(model.fit_transform(NAMED, out=tmp_path / "a.npy", memory=memory))
    small = {"learning_rate": 1e-6, "min_learning_rate": 0}
    for init in (model, gr.load_vectors(tmp_path / "a.npy")):
        near = gr.Node2Vec(**QUICK, **small, init=init).fit_transform(NAMED, out=tmp_path / "b.npy", memory=memory)
        np.testing.assert_allclose(near, first, atol=1e-3)
    model.save(tmp_path / "model")
    for fitted in (model, gr.load(tmp_path / "model")):
        np.testing.assert_array_equal(fitted.node_vectors_["n7"], first[NAMED.rows(["n7"])[0]])
        with pytest.raises(ValueError, match="transform needs the vectors of contexts, which a fit with out= does not"):
            fitted.transform([("new", "n7")])


@pytest.mark.parametrize(
    ("options", "where", "error", "message"),
    [
        ({}, {"memory": "1GB"}, TypeError, "memory= bounds a fit on the disk; give out="),
        ({}, {"out": "a.parquet"}, ValueError, "the name must end in .npy"),
        ({}, {"out": "no/a.npy"}, FileNotFoundError, "there is no folder"),
        ({"finish": "smooth"}, {"out": "a.npy"}, ValueError, 'in memory; give finish=None or "center" with out='),
        ({}, {"out": "a.npy", "memory": 1000}, ValueError, "memory must be at least 1 MB"),
        ({}, {"out": "a.npy", "ranks": Ranks(0, 2)}, ValueError, "out= is for one process"),
        ({"checkpoint_seconds": -1}, {"out": "a.npy"}, ValueError, "checkpoint_seconds must"),
        ({"dimensions": 0}, {"out": "a.npy"}, ValueError, "dimensions must be at least 1"),
        ({"num_negatives": 60}, {"out": "a.npy", "memory": "1.5MB"}, ValueError, "num_negatives must"),
    ],
)
def test_bad_input_is_one_sentence(options, where, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        gr.DeepWalk(**QUICK | options).fit(GRAPH, **where)
    assert not list(tmp_path.iterdir())


def test_too_little_memory_or_disk(tmp_path, monkeypatch):
    model, out = gr.DeepWalk(**QUICK), tmp_path / "a.npy"
    large = gr.as_graph([(0, 1)], num_nodes=30_000)
    with pytest.raises(MemoryError, match=r"DeepWalk of 30,000 nodes on the disk needs .*; give memory=") as refused:
        model.fit(large, out=out, memory="1MB")
    assert model.estimate(large, memory=int(re.search(r"memory=(\d+)", str(refused.value))[1])).disk
    monkeypatch.setattr(_walks_on_disk.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(OSError, match=r"its tables and walks need 4\.38 MB in .*, but 1 kB are free on that disk"):
        model.fit(GRAPH, out=out, memory=memory_for(model, GRAPH, 2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("learner", [gr.DeepWalk(), gr.Node2Vec(p=2, subsampling=0.01)])
@pytest.mark.parametrize("parts", [2, 5])
def test_memory_is_at_most_the_estimate(learner, parts, tmp_path):
    graph = gr.datasets.rmat(num_nodes=20_000, num_edges=60_000, n_jobs=1)
    learner.set_params(**QUICK)
    learner.fit(GRAPH, out=tmp_path / "a.npy", memory=memory_for(learner, GRAPH, 2))  # imports what it imports
    learner.set_params(walks_per_node=1, dimensions=64)
    memory = memory_for(learner, graph, parts)
    needed, disk, seconds = learner.estimate(graph, memory=memory)
    assert needed <= memory
    assert seconds > learner.estimate(graph).seconds
    tracemalloc.start()
    try:
        learner.fit(graph, out=tmp_path / "a.npy", memory=memory)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.6 * needed <= used <= needed + 500_000
    assert disk >= 2 * 4 * 64 * 20_000


WITHIN = """
import re, resource, sys
from pathlib import Path
import graphrep as gr
path, out, memory = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = dict(walk_length=4, walks_per_node=1, window=1, n_jobs=1)
graph = gr.open_graph(path)
for where in ({}, {"out": out, "memory": "2MB"}):  # what is loaded at the first use does not count
    gr.DeepWalk(**options).fit(gr.as_graph([(0, 1), (1, 2)], num_nodes=3000), **where)
data = 1024 * int(re.search(r"VmData:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
resource.setrlimit(resource.RLIMIT_DATA, (data + memory, resource.RLIM_INFINITY))
try:
    gr.DeepWalk(**options).fit(graph)
except MemoryError:
    print("not in memory")
gr.DeepWalk(**options).fit(graph, out=out, memory=memory)
print("on the disk")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit on data is that of Linux")
def test_a_limit_of_memory_holds(tmp_path):
    graph = gr.datasets.rmat(num_nodes=50_000, num_edges=100_000, n_jobs=1)
    graph.save(tmp_path / "a.graph")
    model = gr.DeepWalk(walk_length=4, walks_per_node=1, window=1, n_jobs=1)
    memory = memory_for(model, graph, 3)
    assert memory < 0.8 * 8 * 128 * 50_000
    command = [sys.executable, "-c", WITHIN, tmp_path / "a.graph", tmp_path / "a.npy", str(memory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout == "not in memory\non the disk\n", done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), trained_in_memory(model, graph, 3))


def test_the_command(tmp_path, capsys):
    GRAPH.save(tmp_path / "a.graph")
    model = gr.Node2Vec(dimensions=264, walk_length=8, walks_per_node=3, q=0.5, n_jobs=1)
    memory = memory_for(model, GRAPH, 2)
    given = ["embed", str(tmp_path / "a.graph"), "--method", "node2vec", "--dimensions", "264", "--walk-length", "8"]
    given += ["--walks-per-node", "3", "--q", "0.5", "--threads", "1", "--memory", str(memory)]
    for options in (["--estimate"], ["-o", str(tmp_path / "a.npy")]):
        with pytest.raises(SystemExit) as ended:
            cli.main([*given, *options])
        assert not ended.value.code
    printed = capsys.readouterr().out
    assert f"disk: {model.estimate(GRAPH, memory=memory).disk:,} bytes" in printed
    assert "a.npy: 2,010 nodes, 264 dimensions, node2vec" in printed
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), trained_in_memory(model, GRAPH, 2))


def test_walks_are_those_of_the_sampler(tmp_path):
    """Also if a round was begun by another process, and only once for all pairs of parts."""
    sampler = WalkSampler(GRAPH, walk_length=5)
    dealt = Dealt(np.ones(2010, dtype=np.int64), 2, np.int32)
    file = _walks_on_disk.WalkFile(tmp_path / "walks", sampler, dealt, 7)
    plan = Plan(2, 2010, 2010, 30, 7)
    for position in (50, 57, 0, 30, 150):
        place = plan.place(position)
        ids, walks = file.walks(place)
        assert len(ids) == min(7, place.end - place.first)
        np.testing.assert_array_equal(ids, sampler.shuffled_ids(place.first, len(ids)))
        np.testing.assert_array_equal(dealt.order[walks], sampler.sample_ids(ids))
