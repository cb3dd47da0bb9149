from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os, signal
import torch
import numpy as np
import graphrep as gr
from graphrep.ops import graph_matmul, spmm

graph = gr.as_graph(np.random.default_rng(0).integers(3000, size=(2, 40_000)), directed=False)
torch.set_num_threads(2)
x = np.ones((3000, 8), dtype=np.float32)

def work():
    products = graph_matmul(graph, x, n_jobs=2).sum(), spmm(graph, x, "max").sum()
    return products, gr.random_walks(graph, p=0.5, n_jobs=2).sum(), gr.DeepWalk(
        dimensions=8, walk_length=5, walks_per_node=1, n_jobs=2).fit_transform(graph).shape

expected = work()
child = os.fork()
if child == 0:
    signal.alarm(30)
    os._exit(0 if work() == expected else 1)
assert os.waitpid(child, 0)[1] == 0, "the child hung or differs"
assert work() == expected
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kernels_work_in_a_forked_child():
    """The parent's threads are not there; kernels must not wait for them."""
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout.strip()) == (0, "done"), run.stderr
