"""Where memory runs out, a MemoryError says how much was asked for and for what, on one thread and on several."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource")

CODE = """
import resource, sys
import numpy as np
import torch
import graphrep as gr
from graphrep import _core

threads = int(sys.argv[1])
torch.set_num_threads(threads)
rng = np.random.default_rng(0)
ring = np.stack([np.arange(1000), (np.arange(1000) + 1) % 1000])
g = gr.as_graph(ring, directed=False)
adj = gr.ops.as_adjacency(g)
gr.ops.spmm(adj, torch.ones(1000, 256))  # starts the threads, whose stacks are address space, too
gr.ops.push_pagerank(g, ring, n_jobs=threads)
n = 40_000_000
source = np.zeros(n, dtype=np.int32)
keys, order = torch.zeros(n, dtype=torch.int64), torch.zeros(n, dtype=torch.int64)
wide = torch.ones(1000, 1)
pairs = torch.zeros(2, 1 << 17, dtype=torch.int64)
hub = gr.ops.Adjacency(torch.tensor([0, 1 << 12]), torch.arange(1 << 12), num_cols=1 << 12)
offsets = torch.zeros(pairs.shape[1] + 1, dtype=torch.int64)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (100 << 20), size + (100 << 20)))
big = 50_000_000
indptr = np.zeros(2, dtype=np.int64)
calls = {
    "build_csr": lambda: _core.build_csr(source, source, None, 1, False, "first", True, False, threads),
    "build_csr of many nodes": lambda: _core.build_csr(
        source[:1], source[:1], None, big, False, "sum", True, False, threads),
    "group_by_key": lambda: _core.group_by_key(5, keys[:10], None, n - 1, keys, order, threads),
    "collect_sets": lambda: _core.collect_sets(
        5, hub.indptr, hub.indices, pairs, False, None, False, 0, 0, offsets, threads),
    "cached_block": lambda: _core.cached_block(1 << 30),
    "scatter": lambda: gr.ops.scatter(wide[:1], keys[:1], 0, dim_size=200_000_000),
}
for name, call in calls.items():
    try:
        call()
    except MemoryError as error:
        print(name, "MemoryError", error, sep="|")
    else:
        print(name, "returned", "", sep="|")
print(gr.ops.spmm(adj, torch.ones(1000, 1)).sum().item())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_missing_memory_is_named(threads):
    run = subprocess.run([sys.executable, "-c", CODE, threads], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, (run.returncode, run.stdout, run.stderr[-2000:])
    *lines, last = run.stdout.splitlines()
    assert last == "2000.0"
    for line in lines:
        _, kind, text = line.split("|")
        assert kind == "MemoryError", line
        assert text.startswith("needs "), line
        assert "B for " in text, line
