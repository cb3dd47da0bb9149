"""Everything that ranks compute together, beside the results of one process; run by torchrun in test_ranks.py."""

from __future__ import annotations

import re
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep import cli
from graphrep.csr import CSR
from graphrep.distributed import ranks as _ranks
from graphrep.distributed.halo import balanced_parts
from graphrep.embed import _on_disk
from graphrep.graph import Graph
from graphrep.ops.tall import share_rows

RNG = np.random.default_rng(0)
ENDS = (9000 * RNG.random((2, 30_000)) ** 2).astype(np.int64)
PAIRS = RNG.integers(1000, size=(4000, 2))
GRAPHS = {
    "weighted": gr.as_graph(ENDS, directed=True, weights=RNG.random(30_000), num_nodes=9000),
    "wide": gr.as_graph(RNG.integers(40_000, size=(2, 60_000)), num_nodes=40_000, merge="max"),  # three blocks of rows
    "named": gr.as_graph([(f"n{u}", f"n{v}") for u, v in PAIRS]),
}
FITS = [
    ("weighted", {"dimensions": 70, "normalization_strength": -0.5}),
    ("weighted", {"dimensions": 8}),  # blocks of 4 columns, or of 1
    ("weighted", {"dimensions": 33, "self_influence": 0.5, "sparsity": 2.0, "standardize": False}),
    ("wide", {"dimensions": 40, "normalize_rows": False, "iteration_weights": (0, 1, 0, 2), "precision": "float16"}),
    ("named", {"dimensions": 48, "finish": "smooth", "random_state": 3}),
    ("named", {"dimensions": 48, "feature_ratio": 0.6}),
]
FEATURES = {"features": RNG.random((GRAPHS["named"].num_nodes, 5))}
GRAPHS["heavy"] = gr.as_graph(ENDS, weights=RNG.random(30_000), num_nodes=9000, merge="max")
GRAPHS["small"] = gr.as_graph([(u, u + 1) for u in range(30)], x=RNG.random((31, 9)))
WIDE_ENDS = (60_000 * RNG.random((2, 150_000)) ** 2).astype(np.int64)
GRAPHS["hubs"] = gr.as_graph(WIDE_ENDS, directed=True, weights=RNG.random(150_000), num_nodes=60_000)
BY_ROWS = [
    ("hubs", {"dimensions": 40, "normalization_strength": -0.5}),  # degrees of targets come from other ranks
    ("wide", {"dimensions": 33, "self_influence": 0.5, "sparsity": 2.0, "precision": "float16"}),
    ("wide", {"dimensions": 24, "normalize_rows": False, "iteration_weights": (0, 1, 0, 2, 0)}),
    ("named", {"dimensions": 20}),  # one block of rows
]
SOME = np.random.default_rng(2)
FEW = (200 * SOME.random((2, 1500)) ** 2).astype(np.int64)  # self loops, hubs, and at least ten nodes without arcs
for name, directed, weights in (
    ("arcs", True, None),
    ("steep", True, SOME.random(1500) + 0.01),
    ("heap", False, SOME.random(1500) + 0.01),
    ("plain", False, None),
):
    GRAPHS[name] = gr.as_graph(FEW, num_nodes=210, directed=directed, weights=weights, merge="max")
BIASED = {"walk_length": 5, "walks_per_node": 1, "batch_size": 106, "seed": 3}
MILD, STEEP = [(0.25, 4), (4, 0.25)], [(300, 300), (0.001, 300)]  # many steps of STEEP end with the scan of a row
LEARNERS = {
    gr.Spectral: [
        ("weighted", {"dimensions": 13}),
        ("wide", {"dimensions": 20, "which": "LM", "finish": "whiten"}),
        ("named", {"dimensions": 1, "oversampling": 0}),  # fewer columns than ranks
        ("small", {"dimensions": 4}),  # decomposed densely
        ("named", {"dimensions": 6, "which": "auto"}),
    ],
    gr.ProNE: [("weighted", {"dimensions": 9}), ("heavy", {"dimensions": 40}), ("small", {"normalize_rows": False})],
    gr.HOPE: [("weighted", {"dimensions": 10}), ("heavy", {"dimensions": 17}), ("small", {})],
    gr.PropagatedFeatures: [("weighted", {"dimensions": 7, "hops": (0, 3)}), ("small", {"dimensions": 8})],
}


def equal(one, other):
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


def fastrp(ranks):
    for name, options in FITS:
        features = FEATURES if "feature_ratio" in options else {}
        alone = gr.FastRP(**options).fit(GRAPHS[name], **features)
        shared = gr.FastRP(**options).fit(GRAPHS[name], **features, ranks=ranks)
        for attribute in ("embedding_", "mean_", "scale_", "nodes_"):
            equal(getattr(alone, attribute), getattr(shared, attribute))


def learners(ranks, folder):
    for learner, fits in LEARNERS.items():
        for name, options in fits:
            graph = GRAPHS[name]
            labels = {"y": np.arange(graph.num_nodes) % 2} if options.get("which") == "auto" else {}
            alone = learner(**options).fit(graph, **labels)
            shared = learner(**options).fit(graph, **labels, ranks=ranks)
            for attribute, value in vars(alone).items():
                if isinstance(value, np.ndarray):
                    equal(value, getattr(shared, attribute))
            assert shared.embedding_.any()
            learner_by_rows(ranks, folder / "learner.npy", learner(**options), graph, alone)
            ranks.meet("compared")


NO_ROWS = {
    "auto": 'which="auto" needs all vectors in memory',
    gr.HOPE: "the spectral radius of a directed graph needs all of its arcs",
    gr.PropagatedFeatures: "a graph without features has its adjacency in their place",
}


def learner_by_rows(ranks, out, model, graph, alone):
    options = {"ranks": ranks, "shard": "rows", "out": out}
    what = "auto" if getattr(model, "which", None) == "auto" else type(model)
    if what == "auto" or (graph.directed, graph.x is not None) in {
        gr.HOPE: [(True, False), (True, True)],
        gr.PropagatedFeatures: [(True, False), (False, False)],
    }.get(what, []):
        labels = {"y": np.arange(graph.num_nodes) % 2} if what == "auto" else {}
        refused(ranks, ValueError, NO_ROWS[what], lambda: model.fit(graph, **labels, **options))
        return
    if model.finish is not None:
        refused(ranks, ValueError, "needs all vectors in memory", lambda: model.fit(graph, **options))
        model.set_params(finish=None)
        options["memory"] = 1_000_000
        for _ in range(2):  # before arcs are read, and with the rows of the halo
            with pytest.raises(MemoryError, match=f"of {ranks.world_size} needs .* or give memory=") as caught:
                model.fit(graph, **options)
            options["memory"] = int(re.search(r"give memory=(\d+)", str(caught.value))[1])
        options["memory"] += 1_500_000  # for a few columns at a time
    model.fit(blinded(graph, ranks), **options)
    equal(model.embedding_, alone._unfinished)
    for attribute, value in vars(alone).items():
        if isinstance(value, np.ndarray) and attribute != "embedding_" and getattr(model, attribute) is not None:
            equal(value, getattr(model, attribute))


def blinded(graph, ranks):
    """The graph as a rank finds it that would fail if it read arcs or features of other rows than its own."""
    begin, end = balanced_parts(graph, ranks, share_rows(graph.num_nodes))[ranks.rank]
    arcs, rows = slice(graph.indptr[begin], graph.indptr[end]), slice(begin, end)

    def only(values, some, other):
        out = np.full_like(values, other)
        out[some] = values[some]
        return out

    weights = None if graph.weights is None else only(graph.weights, arcs, np.nan)
    x = None if graph.x is None else only(graph.x, rows, np.nan)
    csr = CSR(graph.indptr, only(graph.indices, arcs, -1), weights)
    found = Graph._trusted(csr, directed=graph.directed, nodes=graph._nodes, x=x)
    found._cache["file"] = "saved.graph", "its digest"
    return found


def messages(ranks):
    """Short ones and long ones, and arrays whose sizes only the sender knows."""
    for size in (0, 900, 1016, 1017, 5000):
        assert ranks.tell("text", "é" * (size * ranks.rank)) == ["é" * (size * i) for i in range(ranks.world_size)]
    for dtype, large in ((np.int64, 0), (np.uint8, 1 << 28)):
        _ranks._LARGE = large
        items = np.arange(100 * ranks.rank + 3 * ranks.world_size).astype(dtype)[:, None]
        sent = [3] * (ranks.world_size - 1) + [len(items) - 3 * (ranks.world_size - 1)]
        found, received = ranks.exchange("items", items, sent)
        assert received == [told[ranks.rank] for told in ranks.tell("sizes", sent)]
        equal(found, ranks.swap("items", items, sent, received))


def seeds(ranks):
    fits = [gr.FastRP(dimensions=16, sparsity=3, random_state=None), gr.Spectral(dimensions=3, random_state=None)]
    for drawn in (fit.fit_transform(GRAPHS["named"], ranks=ranks) for fit in fits):
        assert len(set(ranks.tell("a number", float(np.abs(drawn).sum())))) == 1


def on_disk(ranks, folder):
    for width in (16, 5):  # one pass over the graph, and several, whose numbers differ between ranks
        for name in ("wide", "named"):
            alone = gr.FastRP(dimensions=40).fit(GRAPHS[name])
            if ranks.rank == 0:
                alone.node_vectors_.save(folder / "alone.npy")
            _on_disk._width = lambda *_, width=width: width
            shared = gr.FastRP(dimensions=40).fit(GRAPHS[name], out=folder / "shared.npy", memory="9MB", ranks=ranks)
            equal(alone.embedding_, shared.embedding_)
            equal(alone.mean_, shared.mean_)
            assert (folder / "alone.npy").read_bytes() == (folder / "shared.npy").read_bytes()
            ranks.meet("compared")
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


def by_rows(ranks, folder):
    for name, options in BY_ROWS:
        alone = gr.FastRP(**options).fit(GRAPHS[name])
        for memory in ("1GB", "24MB" if ranks.world_size == 2 else "17MB"):  # all columns at a time, and some
            where = {"out": folder / "rows.npy", "memory": memory, "shard": "rows"}
            shared = gr.FastRP(**options).fit(GRAPHS[name], ranks=ranks, **where)
            for attribute in ("embedding_", "mean_", "scale_", "nodes_"):
                equal(getattr(alone, attribute), getattr(shared, attribute))
            ranks.meet("compared")
    refused(
        ranks, MemoryError, f"of {ranks.world_size} needs",
        lambda: gr.FastRP(dimensions=512).fit(GRAPHS["wide"], ranks=ranks, **where | {"memory": "9MB"}),
    )  # fmt: skip
    own = GRAPHS["wide"] if ranks.rank else gr.open_graph(saved(ranks, folder), verify=False)
    refused(
        ranks, ValueError, "the ranks disagree on the arcs of the graph: rank 0 has",
        lambda: gr.FastRP().fit(own, ranks=ranks, **where),
    )  # fmt: skip


def saved(ranks, folder):
    path = str(folder / "wide.graph")
    if ranks.rank == 0 and not (folder / "wide.graph").exists():
        GRAPHS["wide"].save(path)
    return path


def scores(ranks):
    pairs = RNG.integers(9000, size=(1000, 2))
    vectors = RNG.random((9000, 4))

    def score(some):
        return (vectors[some[:, 0]] * vectors[some[:, 1]]).sum(axis=1)

    for block in (7, 300, 5000):
        equal(ranks.map(score, pairs, block=block), score(pairs))
    equal(ranks.map(score, pairs[:0]), score(pairs[:0]))
    equal(ranks.map(lambda some: vectors[some], pairs[:, 0], block=100), vectors[pairs[:, 0]])


def walks(ranks):
    shared = {"rank": ranks.rank, "world_size": ranks.world_size}
    for name, options in [
        ("weighted", {"walks_per_node": 2, "batch_size": 4000}),  # with dead ends
        ("heavy", {"walk_length": 7, "walks_per_node": 1, "seed": 5, "start": np.arange(5, 5000, 3)}),
        ("named", {"walk_length": 1, "walks_per_node": 3, "batch_size": 700}),
        ("small", {"walk_length": 9, "batch_size": 100}),
        *((name, {**BIASED, "p": p, "q": q}) for name in ("arcs", "steep", "heap", "plain") for p, q in MILD),
        *((name, {**BIASED, "p": p, "q": q}) for name in ("steep", "plain") for p, q in STEEP),
    ]:
        options = {"walk_length": 12, **options}
        expected = list(gr.iter_walks(GRAPHS[name], **options, **shared))
        found = list(gr.distributed.iter_walks(GRAPHS[name], ranks, **options))
        assert len(found) == len(expected)
        for one, other in zip(expected, found, strict=True):
            equal(one, other)
    refused(
        ranks, ValueError, "the ranks disagree on walk_length of the walks",
        lambda: gr.distributed.iter_walks(GRAPHS["named"], ranks, walk_length=5 + (ranks.rank > 0)),
    )  # fmt: skip
    refused(
        ranks, ValueError, "the ranks disagree on q of the walks: rank 0 has 0.5",
        lambda: gr.distributed.iter_walks(GRAPHS["named"], ranks, q=0.5 + (ranks.rank > 0)),
    )  # fmt: skip


class CommonNeighbors:
    def __init__(self, graph):
        self.graph_ = graph

    def score_pairs(self, pairs):
        return gr.heuristics.common_neighbors(self.graph_, pairs)


def skip_gram(ranks):
    """Communities are found as well as by one process, and all ranks have the same bits in every run."""
    rng = np.random.default_rng(1)
    community = np.arange(200) // 50  # neighbors have neighboring numbers
    odds = np.where(community[:, None] == community, 0.2, 0.01)
    ends = np.argwhere(np.triu(rng.random(odds.shape) < odds, 1)).T
    graph = gr.as_graph(ends, num_nodes=200)
    options = {"dimensions": 17, "walk_length": 20, "window": 5, "learning_rate": 0.1, "n_jobs": 1, "progress": False}

    def purity(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ unit.T, axis=1)[:, 1:11]
        return (community[nearest] == community[:, None]).mean()

    alone = gr.DeepWalk(**options).fit(graph)
    seen = []
    note = gr.DeepWalk(**options, callbacks=[lambda epoch, record, model: seen.append(epoch)])
    first, again = (model.fit(graph, ranks=ranks) for model in (note, gr.DeepWalk(**options)))
    assert seen == [1] * (ranks.rank == 0)
    equal(first.embedding_, again.embedding_)
    equal(first._contexts, again._contexts)
    untrained = gr.DeepWalk(**options | {"learning_rate": 1e-6, "min_learning_rate": 0}).fit_transform(graph)
    found, expected, least = (purity(vectors) for vectors in (first.embedding_, alone.embedding_, untrained))
    assert least < 0.5 < 0.97 < expected
    assert found > expected - 0.01
    contents = [float(np.abs(first.embedding_).sum()), float(np.abs(first._contexts).sum())]
    assert len({tuple(one) for one in ranks.tell("sums", contents)}) == 1

    few = gr.as_graph([("a", "b")])  # fewer nodes than ranks
    assert gr.Node2Vec(dimensions=8, q=0.5, n_jobs=1).fit_transform(few, ranks=ranks).any(axis=1).all()
    near = {"learning_rate": 1e-6, "min_learning_rate": 0, "dimensions": 17, "walks_per_node": 1, "n_jobs": 1}
    kept = gr.Node2Vec(**near, init=again, random_state=None).fit(graph, ranks=ranks)
    np.testing.assert_allclose(kept.embedding_, first.embedding_, atol=1e-3)
    np.testing.assert_allclose(kept._contexts, first._contexts, atol=1e-3)

    last = ranks.world_size - 1
    for text, model in [
        ("the ranks disagree on window of the settings", gr.DeepWalk(window=2 + (ranks.rank == last))),
        ("the ranks disagree on the contents of the data", gr.DeepWalk(init=(again, alone)[ranks.rank == last])),
        ("checkpoint cannot be written by several ranks", gr.Node2Vec(checkpoint="fit.ckpt")),
    ]:
        model.set_params(dimensions=17)
        refused(ranks, ValueError, text, lambda model=model: model.fit(graph, ranks=ranks))


def evaluation(ranks):
    split = gr.evaluate.random_link_split(GRAPHS["named"])
    alone = CommonNeighbors(split.graph)
    expected = gr.evaluate.link_prediction(alone, split)
    found = gr.evaluate.link_prediction(ranks.scorer(alone, block=500), split)
    assert found.scores == expected.scores
    leaky = ranks.scorer(CommonNeighbors(GRAPHS["named"]))
    refused(ranks, ValueError, "of the", lambda: gr.evaluate.link_prediction(leaky, split))


def elsewhere(ranks):
    """An error between the calls on one rank ends the block on all."""
    last = ranks.rank == ranks.world_size - 1

    def block():
        with gr.distributed.connect(timeout=600) as inner:
            gr.FastRP(dimensions=16).fit(gr.open_graph("missing.graph") if last else GRAPHS["named"], ranks=inner)

    refused(ranks, FileNotFoundError if last else gr.distributed.RankError, "missing.graph", block)


def refused(ranks, kind, text, call):
    """Every rank gets the sentence, and the ranks can go on."""
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)
    ranks.meet("refused")


def guarded(ranks, call):
    def block():
        with ranks.together():
            call()

    return block


def refusals(ranks, folder):
    g, rank, last = GRAPHS["named"], ranks.rank, ranks.world_size - 1
    refused(
        ranks, ValueError, f"the ranks disagree on dimensions of the settings: rank 0 has 16, rank {last} has 32",
        lambda: gr.FastRP(dimensions=32 if rank == last else 16).fit(g, ranks=ranks),
    )  # fmt: skip
    for learner in LEARNERS:
        refused(
            ranks, ValueError, f"the ranks disagree on dimensions of the settings: rank 0 has 8, rank {last} has 4",
            lambda learner=learner: learner(dimensions=4 if rank == last else 8).fit(GRAPHS["small"], ranks=ranks),
        )  # fmt: skip
    where = {"shard": "rows", "out": folder / "refused.npy"}
    refused(
        ranks, ValueError, "the ranks disagree on memory of the settings",
        lambda: gr.Spectral().fit(g, ranks=ranks, memory=10**9 + rank, **where),
    )  # fmt: skip
    refused(
        ranks, ValueError, "the ranks disagree on num_arcs of the graph",
        lambda: gr.ProNE().fit(gr.as_graph([("n1", "n2")]) if rank == last else g, ranks=ranks, **where),
    )  # fmt: skip
    refused(
        ranks, ValueError, "the ranks disagree on labels of the settings",
        lambda: gr.Spectral(which="auto").fit(g, np.full(g.num_nodes, rank == last, dtype=int), ranks=ranks),
    )  # fmt: skip
    other = gr.as_graph([("n1", "n2")]) if rank == last else g
    for options in ({}, {"out": folder / "refused.npy"}):
        refused(
            ranks, ValueError, f"the ranks disagree on num_arcs of the graph: rank 0 has {g.num_arcs}, rank {last} has",
            lambda options=options: gr.FastRP().fit(other, ranks=ranks, **options),
        )  # fmt: skip
    renamed = gr.as_graph([(f"m{u}", f"m{v}") for u, v in PAIRS])
    refused(
        ranks, ValueError, "the ranks disagree on the names of the graph",
        lambda: gr.FastRP().fit(renamed if rank == last else g, ranks=ranks),
    )  # fmt: skip

    def fail(pairs):
        if rank == last:
            raise ZeroDivisionError("no such pair")
        return pairs

    sentence = "no such pair" if rank == last else f"rank {last} failed, so rank {rank} ends as well: ZeroDivisionError"
    for exchange in (
        lambda: ranks.gather("all", np.zeros(3 if rank == last else 1), ranks.world_size),
        lambda: ranks.swap("some", np.zeros(9), [1] * ranks.world_size if rank == last else [9] + [0] * last, []),
    ):
        refused(
            ranks, ValueError if rank == last else gr.distributed.RankError, " instead of ", guarded(ranks, exchange)
        )
    kind = ZeroDivisionError if rank == last else gr.distributed.RankError
    refused(ranks, kind, sentence, lambda: ranks.map(fail, np.arange(10), block=2))
    for shard in ("rows", "nodes"):
        sentence = 'shard must be "columns" or "rows"' if shard == "nodes" else "give out=, the file for them"
        for fit in (gr.FastRP().fit, gr.Spectral().fit):
            refused(ranks, ValueError, sentence, lambda fit=fit, shard=shard: fit(g, ranks=ranks, shard=shard))
    refused(
        ranks, ValueError, "iteration_weights and self_influence must not all be zero",
        lambda: gr.FastRP(iteration_weights=(0,)).fit(g, ranks=ranks),
    )  # fmt: skip
    refused(
        ranks, gr.distributed.RankError, "the ranks do different things",
        lambda: ranks.map(np.sqrt, np.arange(4)) if rank == last else ranks.meet("something else"),
    )  # fmt: skip
    refused(
        ranks, ValueError, "items, and the shape and dtype of the results, must be the same on every rank",
        lambda: ranks.map(np.sqrt, np.arange(4.0, dtype=np.float32 if rank == last else np.float64), block=1),
    )  # fmt: skip
    assert not (folder / "refused.npy").exists()


def warned(ranks):
    star = gr.as_graph([(0, leaf) for leaf in range(1, 40)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gr.FastRP(dimensions=8, sparsity=1).fit(star, ranks=ranks)
    assert len(caught) == (ranks.rank == 0), caught


def command(ranks, folder):
    """``graphrep embed`` as torchrun starts it, in the process group of this script."""
    path = saved(ranks, folder)
    if ranks.rank == 0:
        gr.FastRP(dimensions=40).fit(GRAPHS["wide"]).node_vectors_.save(folder / "alone.npy")
    ranks.meet("the graph is saved")
    given = ["embed", path, "-o", str(folder / "by_command.npy"), "--dimensions", "40"]
    for memory in ([], ["--memory", "9MB"], ["--shard", "rows"]):
        assert run([*given, *memory]) == 0
        ranks.meet("the command has ended")
        assert (folder / "by_command.npy").read_bytes() == (folder / "alone.npy").read_bytes()
    assert run([*given, "--method", "spectral"]) == 0
    expected = gr.Spectral(dimensions=40).fit_transform(GRAPHS["wide"])
    equal(expected, np.load(folder / "by_command.npy"))
    assert run([*given, "--method", "spectral", "--shard", "rows", "--memory", "100MB"]) == 0
    equal(expected, np.load(folder / "by_command.npy"))
    assert run([*given, "--method", "prone", "--shard", "rows", "--model", str(folder / "no.model")]) == 2
    assert run([*given, "--method", "deepwalk", "--shard", "rows"]) == 2
    walks = ["--method", "node2vec", "--walk-length", "4", "--walks-per-node", "1", "--q", "0.5", "--threads", "1"]
    names = folder / "names.csv"
    if ranks.rank == 0:
        names.write_text("".join(f"{u},{u + 1}\n" for u in range(30)), encoding="utf-8")
    ranks.meet("the file is written")
    assert run(["embed", str(names), "-o", str(folder / "walks.npy"), "--dimensions", "5", *walks]) == 0
    assert np.load(folder / "walks.npy").shape == (31, 5)
    assert run(["embed", path, "-o", str(folder / "other.npy"), "--method", "netmf"]) == 1
    assert run(["convert", path, "-o", str(folder / "other.graph")]) == 1


def run(arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code or 0


def main():
    import training_checks  # beside this script

    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=600))  # as a script of one's own does
    with gr.distributed.connect(timeout=600) as ranks:
        assert ranks.world_size == int(sys.argv[2])
        messages(ranks)
        fastrp(ranks)
        learners(ranks, folder)
        seeds(ranks)
        on_disk(ranks, folder)
        by_rows(ranks, folder)
        walks(ranks)
        scores(ranks)
        refusals(ranks, folder)
        warned(ranks)
        elsewhere(ranks)
        evaluation(ranks)
        skip_gram(ranks)
        command(ranks, folder)
        training_checks.check(ranks, folder)
    assert torch.distributed.is_initialized()
    torch.distributed.destroy_process_group()
    for times in range(10):  # a group for each of several fits, which must not meet an earlier one
        with gr.distributed.connect(timeout=600 - times) as again:
            assert again.tell("the time", times) == [times] * again.world_size
    sys.stdout.write(f"rank {ranks.rank} is done\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
