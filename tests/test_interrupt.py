"""Ctrl-C ends a kernel within a second, on one thread and on two, and leaves the process usable."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

# Each would run for minutes. `repeat` is for kernels whose one call would need too much memory to be that long.
SETUP = """
import sys
import numpy as np
import torch
import graphrep as gr
from graphrep import _core

torch.set_num_threads({threads})
rng = np.random.default_rng(0)


def graph(n, m):
    return gr.as_graph(rng.integers(0, n, (2, m)), directed=False, num_nodes=n)


def repeat(call):
    while True:
        call()


"""
LONG = {
    "spmm": "a = gr.ops.as_adjacency(graph(20_000, 1_000_000)); x = torch.rand(20_000, 2048)",
    "hub": "i = torch.randint(0, 1000, (1 << 21,)); x = torch.rand(1000, 8192);"
    "a = gr.ops.Adjacency(torch.tensor([0, len(i)]), i, num_cols=1000)",
    "max": "a = gr.ops.as_adjacency(graph(20_000, 1_000_000)); x = torch.rand(20_000, 2048)",
    "sddmm": "a = gr.ops.as_adjacency(graph(20_000, 1_000_000)); x = torch.rand(20_000, 2048)",
    "attention": "a = gr.ops.as_adjacency(graph(20_000, 1_000_000)); x = torch.rand(20_000, 1024)",
    "walk_sums": "g = graph(20_000, 500_000); p = rng.integers(0, 20_000, (2, 1 << 17))",
    "push_pagerank": "g = graph(20_000, 500_000); p = rng.integers(0, 20_000, (2, 64))",
    "walks": "g = graph(100_000, 500_000)",
    "walks2": "g = graph(100_000, 500_000)",
    "common": "g = graph(3000, 2_000_000); p = rng.integers(0, 3000, (2, 1 << 22))",
    "build_csr": "e = rng.integers(0, 1 << 16, (2, 1 << 22)).astype(np.int32)",
    "ranking": "x = rng.random((40_000, 512), dtype=np.float32)",
    "scatter": "s = torch.rand(1 << 19, 64); i = torch.randint(0, 1000, (1 << 19,))",
}
CALLS = {
    "spmm": "gr.ops.spmm(a, x)",
    "hub": "gr.ops.spmm(a, x)",
    "max": "gr.ops.spmm(a, x, 'max')",
    "sddmm": "gr.ops.sddmm(a, x, x)",
    "attention": "gr.ops.dot_attention(a, x, x, x)",
    "walk_sums": "gr.ops.walk_sums(g, p, np.ones(8))",
    "push_pagerank": "gr.ops.push_pagerank(g, p, restart=1e-6, tolerance=1e-12)",
    "walks": "gr.random_walks(g, walk_length=400, walks_per_node=2)",
    "walks2": "gr.random_walks(g, walk_length=400, walks_per_node=2, p=0.1, q=4.0)",
    "common": "gr.heuristics.common_neighbors(g, p)",
    "build_csr": "gr.csr.build_csr(e[0], e[1], None, 1 << 16, symmetrize=True)",
    "ranking": "gr.ops.rank_candidates(x, x, np.arange(40_000), metric='complex')",
    "scatter": "gr.ops.scatter(s, i, 0, dim_size=1000)",
}
RUN = """
{data}
print("ready", flush=True)
try:
    repeat(lambda: {call})
except KeyboardInterrupt:
    print("heard", flush=True)
gr.ops.spmm(gr.as_graph([(0, 1)]), torch.ones(2, 2))
print("usable", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("names", "threads"), [(sorted(LONG), 2), (["spmm", "push_pagerank"], 1)])
def test_ctrl_c_ends_a_kernel(names, threads):
    code = SETUP.format(threads=threads) + "".join(RUN.format(data=LONG[name], call=CALLS[name]) for name in names)
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            for name in names:  # one process for all of them: most of its time goes to imports
                assert process.stdout.readline() == "ready\n", name
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                start = time.monotonic()
                assert process.stdout.readline() == "heard\n", name
                # A second, times what other processes on the machine may take of the processors.
                assert time.monotonic() - start < 5, name
                assert process.stdout.readline() == "usable\n", name
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_a_handler_that_returns_does_not_end_the_kernel():
    code = SETUP.format(threads=2) + (
        "import signal\n"
        "rang = []\n"
        "signal.signal(signal.SIGALRM, lambda *_: rang.append(1))\n"
        "a = gr.ops.as_adjacency(graph(2_000, 100_000)); x = torch.rand(2_000, 4096)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "y = gr.ops.spmm(a, x)\n"
        "while not rang: y = gr.ops.spmm(a, x)\n"
        "print(torch.equal(y, gr.ops.spmm(a, x)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout == "True\n", run.stderr


def test_ctrl_c_is_heard_by_the_threads_of_strap():
    code = SETUP.format(threads=2) + (
        "gr.STRAP(dimensions=16).fit(graph(300, 2000))\n"
        "g = graph(20_000, 200_000)\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    gr.STRAP(tolerance=1e-7, n_jobs=2).fit(g)\n"
        "except KeyboardInterrupt:\n"
        "    print('heard', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            assert process.stdout.readline() == "heard\n"
            assert time.monotonic() - start < 10  # one product takes a second; without the check, minutes
        finally:
            process.kill()
