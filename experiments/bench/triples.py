"""Triples: filtered ranking and training of graphrep beside PyKEEN, on WN18RR.

    python experiments/bench/triples.py WN18RR [--rounds 3] [--train 5000] [--rank 100] [--threads 2]

WN18RR is a folder with train.txt, valid.txt and test.txt (head, relation, tail between tabs), or an .npz with the
arrays edge_index, edge_type and split_{valid,test}_edge, split_{valid,test}_edge_type. Seconds are those of the clock,
or with one thread those of the processor, which other work on the machine changes less. ComplEx with 2 * rank real
numbers per entity.

PyKEEN needs opt_einsum beside it: without, torch forms the product of each query and each entity in memory.

* ranking: both sides of all test triples, or of the first ``--test``, among all entities, filtered by all three parts.
  Both engines hold the same random vectors, and their mean reciprocal ranks must agree.
* full softmax: an epoch on the first ``--train`` triples and their reciprocals, against all entities, in batches of
  1,000 queries with Adagrad; PyKEEN's LCWA loop with cross-entropy, which joins queries of equal head and relation.
* sampled: an epoch on the same triples with 256 negatives. graphrep draws them once for a batch of queries of both
  sides, PyKEEN for each triple and its reciprocal.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from _harness import alternate, environment, report, write_results
from _peers import THREADS, limit_threads

import graphrep as gr
from graphrep.nn.generators import make_generator, using_generator
from graphrep.relational.factorization import RowAdagrad, TripleModel, TripleTask

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, NEGATIVES, RATE, REGULARIZATION = 1000, 256, 0.1, 0.05

I64 = npt.NDArray[np.int64]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--train", type=int, default=5000, help="triples of a timed epoch")
    arguments.add_argument("--rank", type=int, default=100)
    arguments.add_argument("--test", type=int, help="test triples to rank; default: all")
    arguments.add_argument("--threads", type=int, default=THREADS)
    options = arguments.parse_args()
    limit_threads(options.threads)
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    logging.disable(logging.WARNING)
    parts, sizes = load(options.data)
    parts["ranked"] = parts["test"][: options.test]
    few = parts["train"][: options.train]
    evaluated, agreement = rankings(parts, sizes, options.rank)
    results: dict[str, Any] = {
        "environment": environment(["pykeen", "opt_einsum"]),
        "data": {"entities": sizes[0], "relations": sizes[1], **{name: len(part) for name, part in parts.items()}},
        "settings": {
            "rank": options.rank, "threads": options.threads, "batch": BATCH, "negatives": NEGATIVES,
            "triples_of_an_epoch": len(few), "clock": clock.__name__,
        },
        "ranking": report("filtered ranking", alternate(evaluated, options.rounds, clock=clock), ours="graphrep"),
    }  # fmt: skip
    print("mean reciprocal ranks:", agreement)
    assert abs(agreement["graphrep"] - agreement["PyKEEN"]) < 1e-6 * agreement["PyKEEN"] + 1e-8
    for name, negatives in (("full softmax", None), ("sampled", NEGATIVES)):
        engines = {
            "graphrep": ours(few, sizes, options.rank, negatives),
            "PyKEEN" + ("" if negatives is None else ", own negatives for each triple"): pykeen(
                few, sizes, options.rank, negatives
            ),
        }
        results[name] = report(f"an epoch, {name}", alternate(engines, options.rounds, clock=clock), ours="graphrep")
    print(write_results("bench_triples", results | {"mrr_of_random_vectors": agreement}))


def load(path: Path) -> tuple[dict[str, I64], tuple[int, int]]:
    """Triples of each part as numbers, and the numbers of entities and relations."""
    if path.is_dir() and (path / "train.txt").exists():
        graph = {
            part: np.loadtxt(path / f"{part}.txt", dtype=str, delimiter="\t") for part in ("train", "valid", "test")
        }
        every = np.concatenate(list(graph.values()))
        entities, relations = (np.unique(every[:, columns]) for columns in ([0, 2], [1]))
        parts = {
            name: np.stack(
                [np.searchsorted(relations if at == 1 else entities, part[:, at]) for at in range(3)], axis=1
            ).astype(np.int64)
            for name, part in graph.items()
        }
        return parts, (len(entities), len(relations))
    arrays = np.load(path / "graph.npz" if path.is_dir() else path)
    (head, tail), kind = arrays["edge_index"], arrays["edge_type"]
    parts = {"train": np.stack([head, kind, tail], axis=1).astype(np.int64)}
    for name in ("valid", "test"):
        head, tail = arrays[f"split_{name}_edge"]
        parts[name] = np.stack([head, arrays[f"split_{name}_edge_type"], tail], axis=1).astype(np.int64)
    every = np.concatenate(list(parts.values()))
    return parts, (int(every[:, [0, 2]].max()) + 1, int(every[:, 1].max()) + 1)


def factory(triples: I64, sizes: tuple[int, int], *, inverse: bool) -> Any:
    """Triples as PyKEEN holds them."""
    from pykeen.triples import CoreTriplesFactory

    return CoreTriplesFactory(
        torch.from_numpy(triples), num_entities=sizes[0], num_relations=sizes[1], create_inverse_triples=inverse
    )


def rankings(
    parts: dict[str, I64], sizes: tuple[int, int], rank: int
) -> tuple[dict[str, Callable[[], float]], dict[str, float]]:
    """Functions that rank the test triples, and the mean reciprocal ranks that they found."""
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.models import ComplEx

    mine = TripleModel("complex", *sizes, rank, scale=0.5)
    peer = ComplEx(triples_factory=factory(parts["train"], sizes, inverse=False), embedding_dim=rank, random_seed=0)
    for theirs, table in (
        (peer.entity_representations, mine.entities),
        (peer.relation_representations, mine.relations),
    ):
        real, imaginary = table.detach().chunk(2, dim=1)
        with torch.no_grad():
            theirs[0]._embeddings.weight.copy_(torch.stack([real, imaginary], dim=-1).flatten(1))
    found: dict[str, float] = {}
    evaluator = RankBasedEvaluator(filtered=True)
    known = [torch.from_numpy(parts[part]) for part in ("train", "valid", "test")]

    def graphrep() -> float:
        found["graphrep"] = gr.evaluate.ranking(
            mine, parts["ranked"], known=[parts[part] for part in ("train", "valid", "test")]
        )["mrr"]
        return found["graphrep"]

    def theirs_() -> float:
        result = evaluator.evaluate(
            peer, torch.from_numpy(parts["ranked"]), additional_filter_triples=known, batch_size=64, use_tqdm=False
        )
        found["PyKEEN"] = float(result.get_metric("both.realistic.inverse_harmonic_mean_rank"))
        return found["PyKEEN"]

    return {"graphrep": graphrep, "PyKEEN": theirs_}, found


def ours(triples: I64, sizes: tuple[int, int], rank: int, negatives: int | None) -> Callable[[], None]:
    """A function that trains for an epoch."""
    model = TripleModel("complex", *sizes, rank, reciprocal=True)
    task = TripleTask(model, triples, batch_size=BATCH, num_negatives=negatives, regularization=REGULARIZATION)
    optimizer = RowAdagrad(model.parameters(), RATE)

    def epoch() -> None:
        with using_generator(make_generator(0)):
            for batch in task.batches(0):
                optimizer.zero_grad()
                task.loss(batch)
                optimizer.step()

    return epoch


def pykeen(triples: I64, sizes: tuple[int, int], rank: int, negatives: int | None) -> Callable[[], None]:
    """The same with PyKEEN."""
    from pykeen.models import ComplEx
    from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop

    data = factory(triples, sizes, inverse=True)
    regularizer = {
        "regularizer": "lp",
        "regularizer_kwargs": {"p": 3.0, "weight": REGULARIZATION, "apply_only_once": False},
    }
    model = ComplEx(triples_factory=data, embedding_dim=rank, loss="crossentropy", random_seed=0, **regularizer)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=RATE)
    if negatives is None:
        loop = LCWATrainingLoop(model=model, triples_factory=data, optimizer=optimizer)
    else:
        model = ComplEx(triples_factory=data, embedding_dim=rank, loss="infonce", random_seed=0, **regularizer)
        optimizer = torch.optim.Adagrad(model.parameters(), lr=RATE)
        loop = SLCWATrainingLoop(
            model=model,
            triples_factory=data,
            optimizer=optimizer,
            negative_sampler_kwargs={"num_negs_per_pos": negatives},
        )

    def epoch() -> None:
        loop.train(
            data, num_epochs=1, batch_size=BATCH, use_tqdm=False, use_tqdm_batch=False, pin_memory=False, num_workers=0
        )

    return epoch


if __name__ == "__main__":
    main()
