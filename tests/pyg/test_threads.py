"""One layer in many threads at once, on different graphs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

pytest.importorskip("torch_geometric")

from ._layers import KINDS, LAYERS, data, extras, pair, same

THREADS, ROUNDS = 4, 25


@pytest.fixture
def hasty():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name", [*KINDS, "gcn weights", "gat features", "gatv2 features", "transformer features"])
def test_one_layer_in_four_threads(name, hasty):
    """Graphs of equal and of different sizes; forward and backward."""
    plain, fast = pair(LAYERS[name])
    parameters = list(fast.parameters())
    tasks, wanted = [], []
    for seed in range(THREADS):
        x, edge_index, weight = data(num_nodes=30 - seed % 2, seed=seed)
        tasks.append((x, edge_index, extras(name, weight)))
        leaf = x.clone().requires_grad_()
        out = plain(leaf, edge_index, **tasks[-1][2])
        wanted.append((out.detach(), *torch.autograd.grad(out.sin().sum(), [leaf, *plain.parameters()])))

    def work(at):
        found = []
        for turn in range(ROUNDS):
            x, edge_index, options = tasks[(at + turn % 2) % THREADS]
            leaf = x.clone().requires_grad_()
            if turn % 5 == 4:
                with torch.inference_mode():
                    found.append((fast(x, edge_index, **options).clone(),))
                continue
            out = fast(leaf, edge_index, **options)
            found.append((out.detach(), *torch.autograd.grad(out.sin().sum(), [leaf, *parameters])))
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(work, range(THREADS)))
    for at, found in enumerate(results):
        for turn, parts in enumerate(found):
            for a, b in zip(parts, wanted[(at + turn % 2) % THREADS], strict=False):
                same(a, b)
