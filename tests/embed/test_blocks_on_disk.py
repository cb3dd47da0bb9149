"""Spectral and its neighbors with blocks on the disk: the bits of a fit in memory, within memory and disk."""

from __future__ import annotations

import re
import shutil
import tracemalloc
import weakref

import numpy as np
import pytest

import graphrep as gr
from graphrep._rows import Rows
from graphrep.distributed import Ranks
from graphrep.embed import _blocks_on_disk
from graphrep.embed._blocks_on_disk import Block, DiskNeeds, DiskRows

RNG = np.random.default_rng(0)
NODES = 9000
LEARNERS = [
    gr.Spectral(dimensions=20),
    gr.Spectral(dimensions=17, which="LM", filter_degrees=(3, 2)),
    gr.ProNE(dimensions=20, power=2),
    gr.HOPE(dimensions=20, power=1),
    gr.PropagatedFeatures(dimensions=20),
]
NAMES = ["Spectral", "magnitude", "ProNE", "HOPE", "PropagatedFeatures"]


def graph_of(*, directed=False, weighted=False):
    ends = RNG.integers(NODES - 1, size=(2, 4 * NODES))  # the last node has no edge
    weights = RNG.random(4 * NODES) if weighted else None
    x = RNG.random((NODES, 24), dtype=np.float32)
    return gr.as_graph(ends, num_nodes=NODES, directed=directed, weights=weights, x=x)


def least_memory(model, graph):
    with pytest.raises(MemoryError, match=r"on the disk needs .* for one column; give memory=") as error:
        model.estimate(graph, memory=1_000_000)
    return int(re.search(r"give memory=(\d+)", str(error.value))[1])


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("learner", LEARNERS, ids=NAMES)
def test_the_vectors_are_those_of_a_fit_in_memory(learner, directed, tmp_path, monkeypatch):
    if directed and isinstance(learner, gr.HOPE):
        return
    graph = graph_of(directed=directed, weighted=not directed)
    expected = learner.fit(graph).embedding_.copy()
    graph.save(tmp_path / "some.graph")
    mapped = gr.open_graph(tmp_path / "some.graph")
    sizes, most = [0], [0]

    class Counted(Block):
        def __init__(self, folder, num_rows, width):
            super().__init__(folder, num_rows, width)
            size = 4 * num_rows * width
            sizes[0] += size
            most[0] = max(most[0], sizes[0])
            weakref.finalize(self, lambda: sizes.append(sizes.pop() - size))

    monkeypatch.setattr(_blocks_on_disk, "Block", Counted)
    least, out = least_memory(learner, graph), tmp_path / "out.npy"
    for n_jobs, memory in ((1, least), (2, 2 * least)):
        found = learner.set_params(n_jobs=n_jobs).fit(mapped, out=out, memory=memory)
        np.testing.assert_array_equal(found.embedding_, expected)
        np.testing.assert_array_equal(np.load(out), expected)
    assert sizes == [0]
    assert most[0] <= learner.estimate(graph, memory=least).disk
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "some.graph"]


@pytest.mark.parametrize("learner", LEARNERS, ids=NAMES)
def test_a_fit_stays_within_its_memory(learner, tmp_path):
    graph, out = graph_of(weighted=True), tmp_path / "out.npy"
    model = learner.set_params(n_jobs=1)
    model.fit(graph, out=out)  # imports what it imports
    for memory in (least_memory(model, graph), "3MB"):
        needed = model.estimate(graph, memory=memory).memory
        tracemalloc.start()
        model.fit(graph, out=out, memory=memory)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 0.4 * needed < used < needed + 1_500_000


def test_a_graph_of_a_dense_decomposition(tmp_path):
    model, graph = gr.Spectral(dimensions=300, n_jobs=1), gr.as_graph(RNG.integers(200, size=(2, 600)), num_nodes=200)
    expected = model.fit(graph).embedding_.copy()
    assert model.estimate(graph, memory="2MB").memory < model.estimate(graph).memory
    found = model.fit(graph, out=tmp_path / "out.npy", memory="2MB").embedding_
    np.testing.assert_array_equal(found, expected)


def test_names_go_into_the_file(tmp_path):
    graph = graph_of()
    named = gr.as_graph([(f"n{u}", f"n{v}") for u, v in graph.edges().T.tolist()])
    model, out = gr.ProNE(dimensions=20, power=1, n_jobs=1), tmp_path / "out.npy"
    expected = model.fit(named).node_vectors_
    expected.save(tmp_path / "expected.npy")
    model.fit(named, out=out, memory="2MB")
    assert out.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    found = gr.load_vectors(out)
    assert found.nodes.tolist() == expected.nodes.tolist()


def test_features_of_other_types_are_read_by_shares(tmp_path):
    graph = graph_of()
    for dtype in (np.float16, np.float64, np.int8):
        x = (10 * graph.x).astype(dtype)
        some = gr.as_graph(graph.edges(), num_nodes=NODES, x=x)
        model = gr.PropagatedFeatures(dimensions=20, n_jobs=1)
        expected = model.fit(some).embedding_.copy()
        found = model.fit(some, out=tmp_path / "out.npy", memory="3MB").embedding_
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("error", "text", "model", "options"),
    [
        (MemoryError, "memory= is 1 MB, but ProNE of 9,000 nodes on the disk", LEARNERS[2], {}),
        (ValueError, 'which="auto" needs all vectors in memory', gr.Spectral(which="auto"), {"y": np.zeros(NODES)}),
        (ValueError, "finish='smooth' needs all vectors in memory", gr.Spectral(finish="smooth"), {}),
        (ValueError, r"\.npy", gr.Spectral(), {"out": "out.parquet"}),
        (
            ValueError,
            'Spectral on several ranks writes to out= by rows; give shard="rows"',
            gr.Spectral(),
            {"ranks": Ranks(0, 2)},
        ),
    ],
)
def test_what_cannot_be_fitted_on_the_disk_is_refused(error, text, model, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=text):
        model.fit(graph_of(), **{"out": "out.npy", "memory": 1_000_000} | options)
    assert not list(tmp_path.iterdir())


def test_graphs_that_cannot_be_fitted_on_the_disk_are_refused(tmp_path):
    with pytest.raises(ValueError, match="the spectral radius of a directed graph needs all of its arcs"):
        gr.HOPE().fit(graph_of(directed=True), out=tmp_path / "out.npy")
    with pytest.raises(ValueError, match="a graph without features has its adjacency in their place"):
        gr.PropagatedFeatures().fit(gr.as_graph([(0, 1)]), out=tmp_path / "out.npy")


def test_a_full_disk_is_refused_before_the_fit(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(OSError, match=r"cannot write .*out.npy: .* 2.59 MB there for a while, but 1 MB are free"):
        gr.Spectral(dimensions=20).fit(graph_of(), out=tmp_path / "out.npy", memory="2MB")
    assert not list(tmp_path.iterdir())


def test_an_error_leaves_no_file(tmp_path, monkeypatch):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_blocks_on_disk, "multiply_rows", stop)
    with pytest.raises(KeyboardInterrupt):
        gr.Spectral(dimensions=20).fit(graph_of(), out=tmp_path / "out.npy", memory="2MB")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(1, 1), (5, 16), (40, 17), (40000, 35)])
def test_blocks_are_arrays(shape, tmp_path):
    expected, block = np.zeros(shape, np.float32), Block(tmp_path, *shape)
    for _ in range(20):
        (a, b), (c, d) = (np.sort(RNG.integers(size + 1, size=2)) for size in shape)
        np.testing.assert_array_equal(block.read((a, b), (c, d)), expected[a:b, c:d])
        values = RNG.random((b - a, d - c), dtype=np.float32)
        expected[a:b, c:d] = values
        block.write(a, c, values)
    np.testing.assert_array_equal(block.read((0, shape[0])), expected)


def test_rows_on_the_disk_are_those_in_memory(tmp_path):
    n, share, width = 5000, 700, 5
    needs = DiskNeeds(n, width, row=0, blocks=2, files=2)
    disk = DiskRows(n, 1, share=share, memory=80_000, needs=needs, folder=tmp_path)
    memory = Rows(n, 1, share=share)
    array = RNG.standard_normal((n, width)).astype(np.float32)
    block, scale = disk.held(array), RNG.random(n, dtype=np.float32)
    assert disk.passes(width) == 3
    for name in ("sum", "squares", "extremes", "gram"):
        np.testing.assert_array_equal(getattr(disk, name)(block), getattr(memory, name)(array))
    np.testing.assert_array_equal(disk.gram(block, block, scale=scale), memory.gram(array, array, scale=scale))
    options = {"seed": 3, "keys": None, "scale": scale}
    np.testing.assert_array_equal(disk.random(width, **options).read((0, n)), memory.random(width, **options))
    doubled = disk.by_columns(lambda x: 2 * x)(block)
    np.testing.assert_array_equal(doubled.read((0, n)), 2 * array)
    joined = disk.map(lambda x: x.reshape(-1, 2 * width), block)
    np.testing.assert_array_equal(joined.read((0, n // 2)), array.reshape(-1, 2 * width))
