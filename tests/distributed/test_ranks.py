"""Several processes compute what one computes, bit by bit, and end together."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import graphrep as gr
from graphrep.csr import CSR
from graphrep.distributed import RankError, Ranks
from graphrep.distributed.environment import launched
from graphrep.distributed.halo import RowGraph, balanced_parts
from graphrep.graph import Graph

ROOT = Path(gr.__file__).parents[1]
SCRIPT = Path(__file__).with_name("ranks_script.py")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}


@pytest.mark.parametrize("count", [2, 3])
def test_ranks_compute_what_one_process_computes(count, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count), "--standalone"]
    done = subprocess.run(
        [*launcher, str(SCRIPT), str(tmp_path), str(count)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert sorted(done.stdout.splitlines())[-count:] == [f"rank {i} is done" for i in range(count)]
    assert "disagree" not in done.stderr
    assert "need a --method of fastrp, spectral, prone, hope, node2vec, deepwalk and a FILE" in done.stderr
    assert "graphrep convert runs in one process" in done.stderr


KILLED = """
import sys, time
import numpy as np
import graphrep as gr
g = gr.as_graph(np.random.default_rng(0).integers(2000, size=(2, 9000)), num_nodes=2000)
with gr.distributed.connect(timeout=900) as ranks:
    gr.FastRP(dimensions=8).fit(g, ranks=ranks)
    print("ready", flush=True)
    if ranks.rank == 1:
        time.sleep(900)
    gr.FastRP(dimensions=8).fit(g, out=sys.argv[1], ranks=ranks)
"""


@contextmanager
def started(script, *arguments):
    """Two ranks that run a script."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT | {"RANK": str(i), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
        )
        for i in range(2)
    ]
    try:
        yield ranks
    finally:
        for process in ranks:
            process.kill()
            process.communicate()


def test_a_killed_rank_ends_the_others_at_once(tmp_path):
    with started(KILLED, str(tmp_path / "out.npy")) as ranks:
        assert ranks[1].stdout.readline() == "ready\n"
        ranks[1].send_signal(signal.SIGKILL)
        error = ranks[0].communicate(timeout=60)[1]
    assert ranks[0].returncode == 1
    assert "RankError: another rank ended or did not answer in time, so rank 0 ends as well." in error
    assert list(tmp_path.iterdir()) == []


LEARNER = """
import sys, time
import numpy as np
import graphrep as gr
from graphrep.linkpred.training import PairTask
if __name__ == "__main__":
    whole = PairTask.loss
    def loss(task, batch):
        if len(model.history_) == 2 and ranks.rank == 1:
            print("ready", flush=True)
            time.sleep(900)
        return whole(task, batch)
    PairTask.loss = loss
graph = gr.as_graph(np.random.default_rng(0).integers(50, size=(2, 300)), num_nodes=50)
model = gr.NCN(dimensions=8, epochs=4, batch_size=100, checkpoint=sys.argv[-1], progress=False)
if __name__ == "__main__":
    with gr.distributed.connect(timeout=900) as ranks:
        model.fit(graph, ranks=ranks)
"""


def test_a_killed_rank_leaves_a_checkpoint_that_one_process_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "fit.ckpt")])
    with started(LEARNER, str(tmp_path / "fit.ckpt")) as ranks:
        assert ranks[1].stdout.readline() == "ready\n"
        ranks[1].send_signal(signal.SIGKILL)
        error = ranks[0].communicate(timeout=60)[1]
    assert "RankError: another rank ended or did not answer in time, so rank 0 ends as well." in error
    assert [path.name for path in tmp_path.iterdir()] == ["fit.ckpt"]
    seen, own = [], {"__name__": "resumed"}
    exec(LEARNER, own)
    resumed = own["model"].set_params(callbacks=[lambda epoch, record, model: seen.append(epoch)]).fit(own["graph"])
    assert seen == [3, 4]
    whole = clone(resumed).set_params(callbacks=(), checkpoint=None).fit(own["graph"])
    np.testing.assert_allclose(resumed.embedding_, whole.embedding_, rtol=0, atol=1e-4 * np.abs(whole.embedding_).max())
    assert list(tmp_path.iterdir()) == []


WITHIN = """
import re, resource, sys
from pathlib import Path
import numpy as np
import torch
import graphrep as gr
path, out, budget = sys.argv[1], sys.argv[2], int(sys.argv[3])
models = gr.FastRP(dimensions=8, n_jobs=1), gr.Spectral(dimensions=6, oversampling=2, n_jobs=1)
small = gr.as_graph([(i, i + 1) for i in range(300)])
with gr.distributed.connect(timeout=300) as ranks:
    for model in models:
        model.fit(small, out=out, ranks=ranks, shard="rows")  # what is loaded at the first use does not count
    graph = gr.open_graph(path, verify=False)
    ranks.meet("ready")
    data = 1024 * int(re.search(r"VmData:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
    resource.setrlimit(resource.RLIMIT_DATA, (data + budget, resource.RLIM_INFINITY))
    for i, model in enumerate(models):
        try:
            model.fit(graph, out=f"{out}.{ranks.rank}.npy", shard="rows")
        except MemoryError:
            print("one cannot", flush=True)
        model.fit(graph, out=f"{out}.model{i}.npy", ranks=ranks, shard="rows")
        print("two can", flush=True)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit on data is that of Linux")
def test_two_ranks_hold_by_rows_what_one_cannot(tmp_path):
    graph = gr.datasets.rmat(num_nodes=1 << 16, num_edges=2_500_000, n_jobs=1)
    graph.save(tmp_path / "hubs.graph")
    out = tmp_path / "out.npy"
    done = run_ranks(WITHIN, 2, str(tmp_path / "hubs.graph"), str(out), str(BUDGET))
    assert [text.split("\n") for _, text, _ in done] == [[*["one cannot", "two can"] * 2, ""]] * 2, done
    models = gr.FastRP(dimensions=8, n_jobs=1), gr.Spectral(dimensions=6, oversampling=2, n_jobs=1)
    for i, model in enumerate(models):
        expected = model.fit_transform(graph)
        np.testing.assert_array_equal(np.load(f"{out}.model{i}.npy"), expected)
    expected = models[0].embedding_
    arrays = graph.indices.nbytes + 2 * expected.nbytes  # what one process must hold, and more
    assert arrays > BUDGET


BUDGET = 18_000_000  # bytes of memory


def run_ranks(program, count, *arguments):
    """Exit status, output and errors of so many processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    set_by_launcher = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    # Arrays that are freed go back to the system at once.
    environment = ENVIRONMENT | set_by_launcher | {"MALLOC_MMAP_THRESHOLD_": "131072"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", program, *arguments]
    ranks = [subprocess.Popen(command, env=environment | {"RANK": str(i)}, **pipes) for i in range(count)]
    try:
        return [(rank.returncode, *found) for rank in ranks for found in [rank.communicate(timeout=300)]]
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def test_damaged_rows_are_refused():
    g = gr.as_graph([(0, 1), (1, 2), (2, 3)], weights=[1, 2, 3])
    far, negative = g.indices.copy(), g.indices.copy()
    far[-1], negative[0] = 4, -1
    falling, heavy = g.indptr.copy(), g.weights.copy()
    falling[2], heavy[1] = 0, np.nan
    for csr in [
        CSR(g.indptr, far, g.weights),
        CSR(g.indptr, negative, g.weights),
        CSR(falling, g.indices, g.weights),
        CSR(g.indptr, g.indices, heavy),
    ]:
        with pytest.raises(ValueError, match="rows 0 to 3 of the graph are damaged; graphrep"):
            RowGraph(Graph._trusted(csr, directed=True), Ranks(), 1)


def test_rows_are_divided_by_arcs_and_number():
    graph = gr.datasets.rmat(num_nodes=1 << 14, num_edges=100_000, n_jobs=1)
    for size in (1, 2, 3, 7, 40):
        parts = balanced_parts(graph, Ranks(0, size), 512)
        assert parts[0][0] == 0
        assert parts[-1][1] == graph.num_nodes
        assert all(one[1] == other[0] and other[0] % 512 == 0 for one, other in itertools.pairwise(parts))
        if size < 16:
            begin, end = np.array(parts).T
            assert (end - begin).max() <= 2 * graph.num_nodes / size + 512
            assert (graph.indptr[end] - graph.indptr[begin]).max() < 2 * graph.num_arcs / size + 40_000
    assert balanced_parts(gr.as_graph(np.zeros((2, 0), int), num_nodes=3), Ranks(0, 2), 2)[-1][1] == 3


def test_parts_are_blocks_and_cover_all():
    for size in (1, 2, 3, 7):
        for count, block in ((0, 16), (1, 16), (100, 16), (128, 16), (1000, 1)):
            parts = [Ranks(i, size).part(count, block) for i in range(size)]
            assert parts == Ranks(0, size).parts(count, block)
            assert parts[0][0] == 0
            assert parts[-1][1] == count
            assert all(one[1] == other[0] for one, other in itertools.pairwise(parts))
            assert all(begin % block == 0 for begin, end in parts if end > begin)
            assert max(end - begin for begin, end in parts) <= block * -(-count // (block * size))


def test_alone_without_an_environment(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with gr.distributed.connect() as ranks:
        assert repr(ranks) == "Ranks(rank=0, world_size=1)"
        np.testing.assert_array_equal(ranks.map(np.sqrt, np.arange(5.0), block=2), np.sqrt(np.arange(5.0)))
        with pytest.raises(ValueError, match="function must return an array with a row per item, 2; got float64"):
            ranks.map(lambda part: part[:1].astype(float), np.arange(5), block=2)


@pytest.mark.parametrize(("size", "expected"), [("", 1), ("1", 1), ("x", 1), ("4", 4)])
def test_the_environment(size, expected, monkeypatch):
    for name, value in {"WORLD_SIZE": size, "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert launched() == expected


def test_an_incomplete_environment(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="WORLD_SIZE=2, but not RANK, MASTER_ADDR, MASTER_PORT; start with torchrun"):
        launched()


def test_ranks_of_another_kind():
    with pytest.raises(TypeError, match=r"ranks must come from graphrep.distributed.connect\(\), got int"):
        gr.FastRP().fit([(0, 1), (1, 2)], ranks=2)


@pytest.mark.parametrize("learner", [gr.DeepWalk(), gr.Node2Vec(q=0.5, finish="smooth")])
def test_one_rank_has_the_vectors_of_a_fit_without_ranks(learner):
    graph = gr.as_graph([(u, (u * u + 1) % 50) for u in range(50)])
    learner.set_params(dimensions=8, walk_length=9, walks_per_node=2, n_jobs=1)
    with gr.distributed.connect() as ranks:
        shared = clone(learner).fit_transform(graph, ranks=ranks)
    np.testing.assert_array_equal(shared, learner.fit_transform(graph))


def test_an_error_of_a_rank_is_an_os_error():
    assert issubclass(RankError, OSError)
