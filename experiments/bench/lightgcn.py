"""Steps of training LightGCN: graphrep beside the authors' code, on a random graph of the size of Gowalla.

    python experiments/bench/lightgcn.py AUTHORS [--rounds 3] [--steps 4] [--threads 2]

AUTHORS is the folder ``code`` of github.com/gusye1234/LightGCN-PyTorch, whose model runs as it is: its propagation is
torch.sparse.mm of a COO tensor, its gradient a tape. Both engines have 64 dimensions, three layers, batches of 2,048
pairs with one negative, and Adam. graphrep draws its negatives within the time; the authors get theirs ready made. The
losses of the first batch must agree when both start from the same vectors, but for the negatives, which differ.

Seconds are those of the clock, or with one thread those of the processor, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch
from _harness import alternate, environment, report, write_results
from _peers import THREADS, limit_threads

from graphrep.nn.generators import make_generator, using_generator
from graphrep.recommend.training import Losses, RankingTask, Table

if TYPE_CHECKING:
    from collections.abc import Callable

USERS, ITEMS, ENTRIES = 29_858, 40_981, 810_128
DIMENSIONS, LAYERS, BATCH, RATE, L2 = 64, 3, 2048, 1e-3, 1e-4


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("authors", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=4)
    arguments.add_argument("--threads", type=int, default=THREADS)
    options = arguments.parse_args()
    limit_threads(options.threads)
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    matrix = interactions()
    start = (np.random.default_rng(1).standard_normal((USERS + ITEMS, DIMENSIONS)) * 0.1).astype(np.float32)
    batches = batches_of(matrix, options.steps)
    engines = {
        "graphrep": ours(matrix, start, batches),
        "authors' code": theirs(options.authors, matrix, start, batches),
    }
    losses = {name: engine() for name, engine in engines.items()}
    print("losses of the first batch:", losses)
    assert abs(losses["graphrep"] - losses["authors' code"]) < 2e-2  # the negatives differ
    seconds = alternate(engines, options.rounds, warmup=0, clock=clock)
    results = {
        "environment": environment(),
        "data": {"users": USERS, "items": ITEMS, "entries": matrix.nnz},
        "settings": {
            "dimensions": DIMENSIONS, "layers": LAYERS, "batch": BATCH, "steps": options.steps,
            "threads": options.threads, "clock": clock.__name__,
        },
        "losses": losses,
        "training": report(f"{options.steps} steps", seconds, ours="graphrep"),
    }  # fmt: skip
    print(write_results("bench_lightgcn", results))


def interactions() -> sp.csr_array:
    """Users and items with few and with many entries."""
    rng = np.random.default_rng(0)
    users = (USERS * rng.random(ENTRIES) ** 1.6).astype(np.int64)
    items = (ITEMS * rng.random(ENTRIES) ** 2).astype(np.int64)
    matrix = sp.csr_array((np.ones(ENTRIES, np.float32), (users, items)), shape=(USERS, ITEMS))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def batches_of(matrix: sp.csr_array, count: int) -> list[np.ndarray]:
    order = np.random.default_rng(2).permutation(matrix.nnz)
    return [order[i * BATCH : (i + 1) * BATCH] for i in range(count)]


def ours(matrix: sp.csr_array, start: np.ndarray, batches: list[np.ndarray]) -> Callable[[], float]:
    """A function that takes a step for each batch, and returns the loss of the first."""
    table = Table(start.copy())
    task = RankingTask(table, matrix, LAYERS, Losses("bpr", 1, 0.0, 0.0, L2), BATCH)
    optimizer = torch.optim.Adam(table.parameters(), lr=RATE, fused=True)

    def steps() -> float:
        losses = []
        with using_generator(make_generator(0)):
            for batch in batches:
                losses.append(float(task.loss(batch)))
                optimizer.step()
        return losses[0]

    return steps


def theirs(folder: Path, matrix: sp.csr_array, start: np.ndarray, batches: list[np.ndarray]) -> Callable[[], float]:
    """The same with the authors' model."""
    sys.path.insert(0, str(folder))
    arguments, sys.argv = sys.argv, ["main.py"]  # their modules read the command line
    import model as authors

    sys.argv = arguments
    users, items = matrix.nonzero()

    class Data:
        n_users, m_items = matrix.shape

        def getSparseGraph(self) -> Any:  # noqa: N802  # their name
            degree = [np.maximum(matrix.sum(axis=axis), 1) for axis in (1, 0)]
            values = (1 / np.sqrt(degree[0][users] * degree[1][items])).astype(np.float32)
            ends = np.concatenate([[users, items + USERS], [items + USERS, users]], axis=1)
            size = torch.Size([USERS + ITEMS] * 2)
            both = torch.from_numpy(np.concatenate([values, values]))
            return torch.sparse_coo_tensor(torch.from_numpy(ends), both, size, check_invariants=True).coalesce()

    config = {"latent_dim_rec": DIMENSIONS, "lightGCN_n_layers": LAYERS, "keep_prob": 0.6, "A_split": False}
    peer = authors.LightGCN(config | {"pretrain": 0, "dropout": 0}, Data())
    with torch.no_grad():
        peer.embedding_user.weight.copy_(torch.from_numpy(start[:USERS]))
        peer.embedding_item.weight.copy_(torch.from_numpy(start[USERS:]))
    optimizer = torch.optim.Adam(peer.parameters(), lr=RATE)
    negatives = np.random.default_rng(3).integers(0, ITEMS, (len(batches), BATCH))
    parts = [(users[batch], items[batch], other) for batch, other in zip(batches, negatives, strict=True)]
    triples = [list(map(torch.from_numpy, part)) for part in parts]

    def steps() -> float:
        losses = []
        for triple in triples:
            loss, penalty = peer.bpr_loss(*triple)
            optimizer.zero_grad()
            (loss + penalty * L2).backward()
            optimizer.step()
            losses.append(loss.item())
        return losses[0]

    return steps


if __name__ == "__main__":
    main()
