"""The commands of ``graphrep``."""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import contextmanager, nullcontext
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphrep.graph import Graph
    from graphrep.vectors import NodeVectors

__all__ = ["app", "main"]

app = typer.Typer(
    help="Graph representation learning: a graph in, vectors out.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Method(str, Enum):
    """Learners of ``graphrep embed``; auto chooses one."""

    auto = "auto"
    fastrp = "fastrp"
    node2vec = "node2vec"
    deepwalk = "deepwalk"
    spectral = "spectral"
    line = "line"
    prone = "prone"
    netmf = "netmf"
    hope = "hope"
    strap = "strap"
    complex = "complex"
    distmult = "distmult"
    rotate = "rotate"
    transe = "transe"


class Shard(str, Enum):
    """What several processes divide among them."""

    columns = "columns"
    rows = "rows"


class Finish(Enum):  # no str, which has a method center
    """Finishing steps of ``graphrep embed``."""

    center = "center"
    smooth = "smooth"
    orthogonalise = "orthogonalise"
    whiten = "whiten"


class Precision(str, Enum):
    """Types of the powers of FastRP."""

    float32 = "float32"
    float16 = "float16"


class Task(str, Enum):
    """What vectors of ``graphrep embed --method auto`` are for."""

    labels = "labels"
    links = "links"


class Metric(str, Enum):
    """Orders of ``graphrep neighbors``."""

    cosine = "cosine"
    dot = "dot"
    euclidean = "euclidean"
    csls = "csls"


class MapMethod(str, Enum):
    """Layouts of ``graphrep plot``; auto chooses one."""

    auto = "auto"
    umap = "umap"
    tsne = "tsne"
    pca = "pca"
    pacmap = "pacmap"


class MapMetric(str, Enum):
    """What ``graphrep plot`` keeps."""

    cosine = "cosine"
    euclidean = "euclidean"


class LinkModel(str, Enum):
    """Scorers of ``graphrep linkpred``."""

    cn = "cn"
    aa = "aa"
    ra = "ra"
    katz = "katz"
    ppr = "ppr"
    fastrp = "fastrp"
    node2vec = "node2vec"
    gae = "gae"
    ncn = "ncn"
    ncnc = "ncnc"
    best = "best"


class Recommender(str, Enum):
    """Methods of ``graphrep recommend``."""

    popularity = "popularity"
    itemknn = "itemknn"
    ease = "ease"
    gfcf = "gfcf"
    als = "als"
    bpr = "bpr"
    ccl = "ccl"
    lightgcn = "lightgcn"


# Options of the commands that read an edge list.
SourceOption = Annotated[
    str | None, typer.Option(help="Column of the sources: its name, or its position from 0. Needs --target.")
]
TargetOption = Annotated[str | None, typer.Option(help="Column of the targets: its name or position.")]
WeightOption = Annotated[str | None, typer.Option(help="Column of the weights: its name or position.")]
DelimiterOption = Annotated[
    str | None,
    typer.Option(help=r"Character between columns (\t for a tab, a blank for runs of blanks); default: detected."),
]
HeaderOption = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first line names the columns; default: detected."),
]
CommentsOption = Annotated[
    list[str] | None,
    typer.Option(help="Skip lines that begin with this; may be repeated, and '' skips none. Default: # and %."),
]
QuotesOption = Annotated[
    bool, typer.Option("--quotes/--no-quotes", help="Whether fields may stand in double quotes, as in CSV.")
]
BipartiteOption = Annotated[
    bool | None,
    typer.Option(
        "--bipartite/--no-bipartite",
        help="Whether the two columns name nodes of two kinds: customer 1 is not product 1; default: they do not, with "
        "a warning if they seem to.",
    ),
]
NumNodesOption = Annotated[
    int | None, typer.Option(help="Take the names as row numbers below this number; default: any names.")
]

_WALKS = ("walk_length", "walks_per_node", "window", "num_negatives", "epochs", "checkpoint")
_TRIPLES = ("num_negatives", "epochs", "checkpoint", "edge_type")
_LEARNERS: dict[Method, tuple[str, tuple[str, ...]]] = {
    Method.auto: ("", ("task", "max_seconds")),
    Method.fastrp: ("FastRP", ("iteration_weights", "normalization_strength", "precision", "finish")),
    Method.node2vec: ("Node2Vec", (*_WALKS, "p", "q", "finish")),
    Method.deepwalk: ("DeepWalk", (*_WALKS, "finish")),
    Method.spectral: ("Spectral", ("finish",)),
    Method.line: ("LINE", ("num_negatives", "checkpoint", "finish")),
    Method.prone: ("ProNE", ("finish",)),
    Method.netmf: ("NetMF", ("window", "finish")),
    Method.hope: ("HOPE", ("finish",)),
    Method.strap: ("STRAP", ("finish",)),
    Method.complex: ("ComplEx", _TRIPLES),
    Method.distmult: ("DistMult", _TRIPLES),
    Method.rotate: ("RotatE", _TRIPLES),
    Method.transe: ("TransE", _TRIPLES),
}
# What several processes compute together.
_BY_ROWS = (Method.fastrp, Method.spectral, Method.prone, Method.hope)
_DIVIDED = (*_BY_ROWS, Method.node2vec, Method.deepwalk)
_ON_DISK = (*_BY_ROWS, Method.node2vec, Method.deepwalk)  # within --memory


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; an error of the library becomes one line on stderr and exit code 1."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments  # before or after the command
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    command = next((commands[argument] for argument in arguments if argument in commands), None)
    with warnings.catch_warnings():
        warnings.showwarning = partial(_show_warning, command)
        _run(arguments, command, debug=debug)


def _run(arguments: list[str], command: Any, *, debug: bool) -> None:
    try:
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="graphrep")
    except (ValueError, TypeError, LookupError, OSError, ImportError, NotImplementedError, MemoryError) as error:
        if debug:
            raise
        message = error.args[0] if type(error) is KeyError and error.args else error
        sys.stderr.write(f"graphrep: {_said(command, message) or type(error).__name__}\n")
        sys.exit(1)


def _show_warning(command: Any, message: Warning | str, *_: Any, **__: Any) -> None:
    if os.environ.get("RANK", "0") == "0":  # of several processes, which read the same
        sys.stderr.write(f"graphrep: warning: {_said(command, message)}\n")


def _said(command: Any, message: object) -> str:
    from graphrep.cli.wording import in_options

    text = " ".join(str(message).split())
    return text if command is None else in_options(text, command.params)


def _print_version(wanted: bool) -> None:
    if wanted:
        from graphrep import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    from graphrep.distributed.environment import launched

    del version, debug
    if context.invoked_subcommand not in ("embed", "linkpred") and launched() > 1:
        raise ValueError(
            f"graphrep {context.invoked_subcommand} runs in one process, but WORLD_SIZE={launched()}; start it without "
            "torchrun."
        )


@app.command()
def embed(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="An edge list, - for standard input, or the name of a built-in data set such as debian; for complex, "
            "distmult, rotate and transe, triples: head, relation, tail.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Vectors: .safetensors, .npy, .npz, .parquet, .csv, .tsv, .w2v, .txt, .bin (word2vec) or .glove.",
        ),
    ] = None,
    method: Annotated[
        Method, typer.Option(help="The learner; auto chooses one by size, features, --task and --max-seconds.")
    ] = Method.fastrp,
    dimensions: Annotated[int, typer.Option(help="Length of each vector.")] = 128,
    directed: Annotated[bool, typer.Option("--directed", help="The edges of the file are directed.")] = False,
    weighted: Annotated[
        bool | None,
        typer.Option(
            "--weighted/--unweighted",
            help="Require weights (the column called weight, or the third of a file without a header), or ignore them; "
            "default: use a column called weight.",
        ),
    ] = None,
    source: SourceOption = None,
    target: TargetOption = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    num_nodes: NumNodesOption = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="fastrp, spectral, prone, hope, node2vec, deepwalk, for --output NAME.npy: compute on the disk within "
            "so much memory, such as 4GB; default: in memory. With --shard rows, that of each process."
        ),
    ] = None,
    shard: Annotated[
        Shard | None,
        typer.Option(
            help="fastrp, spectral, prone and hope with several processes, for --output NAME.npy: rows, so that each "
            "holds the arcs and vectors of its rows alone; default: columns."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Save the fitted model here, too: graphrep transform computes vectors of new nodes with it."),
    ] = None,
    bipartite: BipartiteOption = None,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Print the sizes of graph, memory, disk and output, and the time, and stop."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Number of threads; default: all. With 1, node2vec and deepwalk are reproducible bit by bit."
        ),
    ] = None,
    task: Annotated[Task | None, typer.Option(help="auto: what the vectors are for; default: unknown.")] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="auto: take no learner that is expected to take longer; default: 60.")
    ] = None,
    iteration_weights: Annotated[
        str | None, typer.Option(help="fastrp: weight of each power of the transition matrix, such as 0,0,1,4.")
    ] = None,
    normalization_strength: Annotated[
        float | None, typer.Option(help="fastrp: power of the degree that scales each node's random vector.")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="fastrp: type of the powers; float16 is faster where they exceed the cache."),
    ] = None,
    walk_length: Annotated[int | None, typer.Option(help="node2vec, deepwalk: nodes in a walk.")] = None,
    walks_per_node: Annotated[int | None, typer.Option(help="node2vec, deepwalk: walks from each node.")] = None,
    window: Annotated[
        int | None, typer.Option(help="node2vec, deepwalk, netmf: largest distance of a context.")
    ] = None,
    num_negatives: Annotated[
        int | None,
        typer.Option(help="node2vec, deepwalk, line: negative samples per pair; complex …: entities in a step."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="node2vec, deepwalk: passes over the walks; complex …: over the triples.")
    ] = None,
    p: Annotated[
        float | None, typer.Option("--p", help="node2vec: return parameter; the larger, the rarer are steps back.")
    ] = None,
    q: Annotated[
        float | None,
        typer.Option("--q", help="node2vec: in-out parameter; the larger, the closer walks stay to their start."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="node2vec, deepwalk, line, complex …: file from which an interrupted training can resume."),
    ] = None,
    finish: Annotated[
        Finish | None,
        typer.Option(help="Finishing step; smooth improves most walks. Not for auto, complex …"),
    ] = None,
    edge_type: Annotated[
        str | None,
        typer.Option(
            help="complex, distmult, rotate, transe: column of the relations, its name or position; default: the one "
            "called relation, or the second."
        ),
    ] = None,
) -> None:
    """Learn a vector for every node of FILE."""
    from graphrep.distributed.environment import launched
    from graphrep.io.paths import check_writable
    from graphrep.io.vector_paths import check_vector_path

    began = time.perf_counter()
    if output is None and not estimate:
        raise typer.BadParameter("give --output, or --estimate.")
    chosen = _weight(weight, weighted)
    if output is not None:  # check everything before the long computation
        check_vector_path(output, writing=True, sources=[file])
    if model is not None:
        if output is not None and model.absolute() == output.absolute():
            raise typer.BadParameter("--model and --output must be two files.")
        check_writable(model, file)
    if shard is not None and (method not in _BY_ROWS or launched() == 1):
        able = ", ".join(learner.value for learner in _BY_ROWS)
        raise typer.BadParameter(f"--shard is an option of {able} with several processes, such as torchrun starts.")
    if memory is not None and method not in _ON_DISK:
        raise typer.BadParameter(f"--memory is an option of {', '.join(learner.value for learner in _ON_DISK)}.")
    in_file = "--shard rows" if shard is Shard.rows else "--memory" if memory is not None else None
    if model is not None and in_file and method in (Method.prone, Method.hope):
        raise typer.BadParameter(f"--model needs a table of {method.value} that is not kept with {in_file}.")
    name, own_options = _LEARNERS[method]
    given = {
        "iteration_weights": _numbers(iteration_weights),
        "normalization_strength": normalization_strength,
        "precision": None if precision is None else precision.value,
        "walk_length": walk_length,
        "walks_per_node": walks_per_node,
        "window": window,
        "num_negatives": num_negatives,
        "epochs": epochs,
        "p": p,
        "q": q,
        "checkpoint": checkpoint,
        "task": None if task is None else task.value,
        "max_seconds": max_seconds,
        "finish": None if finish is None else finish.value,
        "edge_type": _column(edge_type),
    }
    options = {option: value for option, value in given.items() if value is not None}
    for option in options:
        if option not in own_options:
            raise typer.BadParameter(f"--{option.replace('_', '-')} is not an option of {method.value}.")
    if dimensions < 1:
        raise ValueError(f"dimensions must be at least 1, got {dimensions}.")
    _check_graph(file)
    common: dict[str, Any] = {"dimensions": dimensions, "random_state": seed, "n_jobs": threads}
    reading = _reader_options(source, target, delimiter, header, comments, quotes, num_nodes, bipartite=bipartite)
    if "edge_type" in own_options:
        reading["edge_type"] = options.pop("edge_type", True)
    import graphrep

    estimator = None if method is Method.auto else getattr(graphrep, name)(**common, **options)
    if launched() > 1:
        if estimator is None or method not in _DIVIDED or estimate or file == "-":
            divided = ", ".join(learner.value for learner in _DIVIDED)
            raise ValueError(
                f"several processes, WORLD_SIZE={launched()}, need a --method of {divided} and a FILE that all of them "
                "can read, without --estimate; start other learners without torchrun."
            )
        from graphrep.distributed import connect
        from graphrep.io.saved import is_saved

        with connect() as ranks:
            if shard is Shard.rows and chosen is None and not directed and is_saved(file):
                graph = graphrep.open_graph(file, verify=False)  # each rank verifies the rows that it reads
            else:
                graph = _read_graph(file, directed=directed, weight=chosen, **reading)
            check_vector_path(str(output), nodes=graph.nodes)
            where: dict[str, Any] = {} if memory is None else {"out": output, "memory": memory}
            if shard is Shard.rows:
                where |= {"out": output, "shard": "rows"}
            estimator.fit(graph, ranks=ranks, **where)
            if ranks.rank == 0:
                if not where:
                    estimator.node_vectors_.save(output)
                if model is not None:
                    estimator.save(model)
                size = estimator.embedding_.shape
                _print_embedded(output, size, f"{method.value}, {ranks.world_size} processes", began)
        return

    graph = _read_graph(
        file,
        directed=directed,
        weight=chosen,
        **reading,
    )
    choice = None
    if estimator is None:
        choice = graphrep.embed.choose_embedder(graph, **common, **options)
        estimator, graph = choice.estimator, choice.graph
        typer.echo(f"{method.value} took {choice.sentence}", err=True)
    if estimate:
        _print_estimate(estimator, graph, output, {} if memory is None else {"memory": memory})
        return
    assert output is not None
    check_vector_path(output, nodes=graph.nodes)
    if memory is not None:
        with _npy_of(output) as vectors_file:
            size = estimator.fit(graph, out=vectors_file, memory=memory).embedding_.shape
            if vectors_file != output:
                estimator.node_vectors_.save(output)
    else:
        if choice is None:
            estimator.fit_transform(graph)  # node2vec and deepwalk show a progress bar in a terminal
        vectors: NodeVectors = estimator.node_vectors_ if choice is None else choice.fit()
        vectors.save(output)
        size = vectors.vectors.shape
    if model is not None:
        estimator.save(model)
    taken = method.value if choice is None else f"{method.value}: {type(estimator).__name__}"
    _print_embedded(output, size, taken, began)


@contextmanager
def _npy_of(output: Path) -> Iterator[Path]:
    """An .npy file for vectors that are computed on the disk: the output, or one beside it that is removed again."""
    from graphrep.io.partial import beside

    if output.suffix.lower() == ".npy":
        yield output
        return
    if output.suffix.lower() not in (".parquet", ".safetensors"):
        raise ValueError(f"--memory is for --output NAME.npy, .parquet or .safetensors, got {output.name}.")
    with beside(output) as folder:
        yield folder / "vectors.npy"


def _print_embedded(output: Path | None, size: tuple[int, ...], how: str, began: float) -> None:
    seconds = time.perf_counter() - began
    typer.echo(f"{output}: {size[0]:,} nodes, {size[1]} dimensions, {how}, {seconds:.1f} s")


@app.command()
def convert(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="An edge list or graph file, a folder, - for standard input, or the name of a data set.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The saved graph, NAME.graph, which every command reads as FILE.")
    ],
    directed: Annotated[bool, typer.Option("--directed", help="The edges of the file are directed.")] = False,
    weighted: Annotated[
        bool | None,
        typer.Option("--weighted/--unweighted", help="Require weights, or ignore them; default: as graphrep embed."),
    ] = None,
    source: SourceOption = None,
    target: TargetOption = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    num_nodes: NumNodesOption = None,
    bipartite: BipartiteOption = None,
    edge_type: Annotated[
        str | None,
        typer.Option(
            help="Column of the types of edges: its name or position; default: no types, unless the columns are called "
            "head, relation and tail or the like."
        ),
    ] = None,
    nodes: Annotated[
        list[Path] | None,
        typer.Option(
            help="Table of all nodes in their order, text with a header or Parquet, with a column id or :ID; may be "
            "repeated, or be a folder of parts. A column :LABEL holds types."
        ),
    ] = None,
    node_type: Annotated[
        str | None, typer.Option(help="Types of the nodes: a column of --nodes, or NAME.npy of codes by row.")
    ] = None,
    x: Annotated[
        list[str] | None,
        typer.Option(
            "--x",
            help="Features: a column of numbers of --nodes, which may be repeated, or NAME.npy with a row per node.",
        ),
    ] = None,
    y: Annotated[str | None, typer.Option("--y", help="Labels: a column of --nodes, or NAME.npy.")] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="Make the graph on the disk within so much memory, such as 4GB: of text, Parquet, a folder of them, "
            "or .npy; default: in memory."
        ),
    ] = None,
) -> None:
    """Save FILE as a graph that opens at once and is mapped rather than read."""
    from graphrep.io.paths import check_writable, checked_suffix

    began = time.perf_counter()
    chosen = _weight(weight, weighted)
    checked_suffix(output, (".graph",))
    check_writable(output, file)
    options = _reader_options(source, target, delimiter, header, comments, quotes, num_nodes, bipartite=bipartite)
    if edge_type is not None:
        options["edge_type"] = _column(edge_type)
    options |= _node_options(nodes, node_type, x, y, mapped=memory is None)
    if memory is None:
        graph = _read_graph(file, directed=directed, weight=chosen, **options)
        graph.save(output)
    else:
        if file != "-" and not Path(file).exists():
            raise FileNotFoundError(f"there is no file {file}; --memory is for files and folders.")
        from graphrep import open_graph
        from graphrep.io import convert_edges

        convert_edges(file, output, memory=memory, weight=chosen, directed=directed or None, **options)
        graph = open_graph(output, verify=False)
    from graphrep._memory import readable_bytes

    kind = "directed" if graph.directed else "undirected"
    sizes = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {kind}, {readable_bytes(output.stat().st_size)}"
    typer.echo(f"{output}: {sizes}, {time.perf_counter() - began:.1f} s")


@app.command()
def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="The saved graph, NAME.graph.")],
    scale: Annotated[int | None, typer.Option(help="The graph has 2**SCALE nodes.")] = None,
    num_nodes: Annotated[int | None, typer.Option(help="Number of nodes, instead of --scale.")] = None,
    num_edges: Annotated[
        int | None, typer.Option(help="Edges to draw; default: 16 per node. Those that are drawn twice count once.")
    ] = None,
    probabilities: Annotated[
        str, typer.Option(help="a,b,c: of the upper left, upper right and lower left quarter of the adjacency matrix.")
    ] = "0.57,0.19,0.19",
    scramble: Annotated[
        bool, typer.Option("--scramble/--no-scramble", help="Whether hubs get random numbers; else they come first.")
    ] = True,
    directed: Annotated[bool, typer.Option("--directed", help="The edges are arcs.")] = False,
    self_loops: Annotated[bool, typer.Option("--self-loops", help="Keep edges from a node to itself.")] = False,
    memory: Annotated[str, typer.Option(help="Memory to use, such as 4GB; the rest lies on the disk.")] = "4GB",
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Number of threads; default: all.")] = None,
) -> None:
    """Write a random graph with hubs, of the R-MAT model, that may be larger than memory."""
    from graphrep import open_graph
    from graphrep._memory import readable_bytes
    from graphrep.datasets import write_rmat

    began = time.perf_counter()
    shares = _numbers(probabilities, "--probabilities") or ()
    if len(shares) != 3:
        raise typer.BadParameter(f"--probabilities must be three numbers between commas, got {probabilities!r}.")
    write_rmat(
        output,
        scale=scale,
        num_nodes=num_nodes,
        num_edges=num_edges,
        a=shares[0],
        b=shares[1],
        c=shares[2],
        scramble=scramble,
        directed=directed,
        self_loops=self_loops,
        memory=memory,
        random_state=seed,
        n_jobs=threads,
    )
    graph = open_graph(output, verify=False)
    sizes = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {readable_bytes(output.stat().st_size)}"
    typer.echo(f"{output}: {sizes}, {time.perf_counter() - began:.1f} s")


@app.command()
def transform(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A file written by graphrep embed --model.")],
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="An edge list: new nodes and their neighbors among the nodes of the model."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Vectors of the new nodes, as for graphrep embed.")],
    directed: Annotated[bool, typer.Option("--directed", help="The edges of FILE are directed.")] = False,
    source: SourceOption = None,
    target: TargetOption = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    bipartite: BipartiteOption = None,
) -> None:
    """Compute vectors of new nodes from their edges, without fitting again."""
    from graphrep.io.vector_paths import check_vector_path

    began = time.perf_counter()
    check_vector_path(output, writing=True, sources=[model, file])
    _check_file(model)
    if file != "-":
        _check_file(file)
    from graphrep.models import load

    fitted = load(model)
    if not hasattr(fitted, "transform"):
        raise ValueError(f"{model} holds a {type(fitted).__name__}, which has no vectors for new nodes; fit again.")
    options = _reader_options(source, target, delimiter, header, comments, quotes, None, bipartite=bipartite)
    graph = _read_graph(file, directed=directed, weight=None if weight is None else _column(weight), **options)
    vectors: NodeVectors = fitted.transform(graph)
    vectors.save(output)
    seconds = time.perf_counter() - began
    typer.echo(f"{output}: {len(vectors):,} nodes, {vectors.dimensions} dimensions, {seconds:.1f} s")


@app.command()
def neighbors(
    vectors: Annotated[
        Path, typer.Argument(metavar="VECTORS", help="A file of node vectors, as graphrep embed writes.")
    ],
    nodes: Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Names of nodes.")] = None,
    every: Annotated[bool, typer.Option("--all", help="The neighbors of every node; needs --output.")] = False,
    k: Annotated[int, typer.Option("-k", help="Number of neighbors.")] = 10,
    metric: Annotated[
        Metric, typer.Option(help="Similarity, or distance for euclidean; csls is the cosine without hubs.")
    ] = Metric.cosine,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Table of node, neighbor, rank and score: .csv, .tsv, .parquet."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="Format of VECTORS, such as glove; default: what its suffix says.")
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", help="Column, array or tensor of VECTORS that holds the names.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="What holds the vectors; several columns between commas.")
    ] = None,
) -> None:
    """Find the nearest nodes, best first, exactly. Prints score, tab, name; for several nodes, their name first."""
    from graphrep.io.table import check_table_path

    if every == bool(nodes):
        raise typer.BadParameter("give either NODE or --all.")
    if every and output is None:
        raise typer.BadParameter("--all needs --output.")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    began = time.perf_counter()
    if output is not None:
        check_table_path(output, vectors)
    _check_file(vectors)
    from graphrep.cli import neighbors as command

    table = command.read(vectors, form, names, columns)
    wanted = None if every else [command.node_named(table, text) for text in nodes or ()]
    if output is None:
        for line in command.lines(table, wanted or [], k, metric.value):
            typer.echo(line)
        return
    count = command.write(output, table, wanted, k, metric.value)
    typer.echo(f"{output}: {count:,} neighbors, {metric.value}, {time.perf_counter() - began:.1f} s")


@app.command()
def linkpred(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="An edge list, read as undirected; - for standard input.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Name of a data set to use instead of FILE, with its own split.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    model: Annotated[
        LinkModel,
        typer.Option(
            help="cn, aa, ra (common neighbors, Adamic-Adar, resource allocation), katz and ppr need no training; "
            "fastrp and node2vec are followed by a logistic regression; gae, ncn and ncnc are neural; best weighs "
            "untrained, linear and neural ones by validation."
        ),
    ] = LinkModel.ra,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table of the likeliest missing links: .csv, .tsv, .parquet.")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Rows of the table; default 1000, or all pairs of --pairs.")] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Score these pairs, two names per line; default: pairs two steps apart.")
    ] = None,
    max_candidates: Annotated[
        int,
        typer.Option(
            help="Upper bound on the pairs two steps apart to score: those with the highest resource allocation."
        ),
    ] = 1_000_000,
    test: Annotated[float | None, typer.Option(help="FILE: share of edges hidden for the test; default 0.1.")] = None,
    valid: Annotated[float | None, typer.Option(help="FILE: share for validation; default 0.05.")] = None,
    source: SourceOption = None,
    target: TargetOption = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    num_nodes: NumNodesOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the split and the model.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Number of threads; default: all.")] = None,
    dimensions: Annotated[int | None, typer.Option(help="Learned models: length of a node's vector.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="node2vec, gae, ncn, ncnc: number of epochs; by default, neural models stop early."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="gae, ncn, ncnc: edges in a batch.")] = None,
    device: Annotated[str | None, typer.Option(help="gae, ncn, ncnc: such as cuda; default: the CPU.")] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="gae, ncn, ncnc, best: time limit of the fit that is evaluated; for best, of both fits."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="Published settings on a data set of OGB, such as ncn_collab, in place of FILE and --model: fits with "
            "several seeds, and prints what OGB asks for; -o keeps it as .json, from which an interrupted run goes on. "
            "list shows them."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="--config: number of seeds, from --seed on; default 10.")] = None,
) -> None:
    """Predict missing links: evaluate a model on hidden edges, then score pairs without an edge."""
    from graphrep.cli import linkpred as command
    from graphrep.distributed.environment import launched
    from graphrep.io.table import check_table_path, write_table

    began = time.perf_counter()
    if launched() > 1 and (model.value not in command.NEURAL_MODELS or config is not None or file == "-"):
        raise ValueError(
            f"several processes, WORLD_SIZE={launched()}, need --model gae, ncn or ncnc and a FILE or --dataset that "
            "all of them can read, without --config; start other models without torchrun."
        )
    if config is not None:
        others = {
            "FILE": file, "--dataset": dataset, "--pairs": pairs, "--top": top, "--test": test, "--valid": valid,
            "--model": None if model is LinkModel.ra else model, "--dimensions": dimensions, "--batch-size": batch_size,
            "--source": source, "--target": target, "--weight": weight, "--num-nodes": num_nodes,
            "--max-seconds": max_seconds,
        }  # fmt: skip
        for option, value in others.items():
            if value is not None:
                raise typer.BadParameter(f"--config and {option} exclude each other.")
        _published(config, root, output, range(seed, seed + (10 if seeds is None else seeds)), threads, epochs, device)
        return
    if seeds is not None:
        raise typer.BadParameter("--seeds needs --config; --seed is the seed of one fit.")
    if (file is None) == (dataset is None):
        raise typer.BadParameter("give either FILE or --dataset, or --config.")
    for option, share in (("test", test), ("valid", valid)):
        if dataset is not None and share is not None:
            raise typer.BadParameter(f"--{option} is for edge lists; {dataset} has its own split.")
    if file is not None and root is not None:
        raise typer.BadParameter("--root needs --dataset.")
    for option, value, models in (
        ("dimensions", dimensions, (*command.EMBEDDING_MODELS, *command.NEURAL_MODELS)),
        ("epochs", epochs, ("node2vec", *command.NEURAL_MODELS)),
        ("batch-size", batch_size, command.NEURAL_MODELS),
        ("device", device, command.NEURAL_MODELS),
        ("max-seconds", max_seconds, (*command.NEURAL_MODELS, "best")),
    ):
        if value is not None and model.value not in models:
            raise typer.BadParameter(f"--{option} is not an option of {model.value}.")
    for option, value in (("top", top), ("max-candidates", max_candidates)):
        if value is not None and value < 1:
            raise typer.BadParameter(f"--{option} must be at least 1, got {value}.")
    reader_options = _reader_options(source, target, delimiter, header, comments, quotes, num_nodes)
    if dataset is not None and (reader_options or weight is not None):
        raise typer.BadParameter(f"{_listed(reader_options, weight)} is for edge lists; {dataset} is a data set.")
    if output is not None:
        check_table_path(output, *(given for given in (file, pairs) if given is not None))
    if file is not None:
        _check_graph(file)
    if pairs is not None:
        _check_file(pairs)
    from graphrep.distributed import Ranks, connect
    from graphrep.evaluate import compare
    from graphrep.heuristics import two_hop_pairs

    with nullcontext(Ranks()) if launched() == 1 else connect() as ranks:

        def divided(scorer: Any) -> Any:
            return ranks.scorer(scorer) if ranks.world_size > 1 else scorer

        if dataset is not None:
            problem = command.read_problem(dataset, root)
        else:
            chosen = False if weight is None else _column(weight)
            graph = _read_graph(str(file), directed=False, weight=chosen, **reader_options)
            shares = 0.1 if test is None else test, command.VALID if valid is None else valid
            problem = command.split_at_random(graph, *shares, seed)
        chosen_pairs = None if pairs is None else command.read_pairs(pairs, problem.graph)
        settings = command.Settings(
            model.value, problem.metric, seed, threads, dimensions, epochs, batch_size, device, max_seconds
        )
        scorer = command.fit(settings, problem.graph, problem.split, ranks=ranks)
        judged = {model.value: divided(scorer)}
        found = compare(judged, problem.split, metrics=command.report_metrics(problem), random_state=seed)
        if ranks.rank == 0:
            typer.echo(found)
        if output is None:
            return
        # After the evaluation, the hidden edges are used to find unknown ones.
        final = command.fit(settings, problem.graph, None, scorer, ranks=ranks)
        if chosen_pairs is None:
            chosen_pairs, top = two_hop_pairs(problem.graph, limit=max_candidates), top or 1000
        table = command.best_links(divided(final), problem.graph, chosen_pairs, top)
        if ranks.rank == 0:
            write_table(output, table)
            seconds = time.perf_counter() - began
            rows, scored = len(table["score"]), chosen_pairs.shape[1]
            typer.echo(f"\n{output}: the best {rows:,} of {scored:,} pairs, {model.value}, {seconds:.1f} s")


def _published(
    config: str,
    root: Path | None,
    output: Path | None,
    seeds: range,
    threads: int | None,
    epochs: int | None,
    device: str | None,
) -> None:
    from graphrep.cli import published
    from graphrep.io.paths import check_writable, checked_suffix

    if config == "list":
        typer.echo(published.table())
        return
    published.read(config)
    if not seeds:
        raise typer.BadParameter("--seeds must be at least 1.")
    if epochs is not None and epochs < 1:
        raise typer.BadParameter(f"--epochs must be at least 1, got {epochs}.")
    if output is not None:
        checked_suffix(output, (".json",))
        check_writable(output)
    options = {"epochs": epochs, "device": device, "n_jobs": threads}
    found = published.study(
        config, list(seeds), root=root, output=output, report=lambda line: typer.echo(line, err=True), **options
    )
    typer.echo("\n".join(published.lines(found)))


@app.command()
def recommend(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A table or edge list of users and their items, or - for standard input."),
    ],
    users: Annotated[list[str] | None, typer.Argument(metavar="[USER]...", help="Names of users.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Recommend to every user; needs --output.")] = False,
    items: Annotated[
        list[str] | None, typer.Option("--item", help="An item of a new user, who is not in FILE; may be repeated.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of items for each user.")] = 20,
    method: Annotated[
        Recommender,
        typer.Option(
            help="itemknn, ease and gfcf are closed forms; als, bpr, ccl (matrix factorization) and lightgcn are "
            "trained; popularity is the same for all users."
        ),
    ] = Recommender.gfcf,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table of user, item, rank and score: .csv, .tsv, .parquet.")
    ] = None,
    known: Annotated[bool, typer.Option("--known", help="Recommend also items that the user has.")] = False,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="First hold out a tenth of each user's items, and print how many are found."),
    ] = False,
    weighted: Annotated[bool, typer.Option("--weighted/--unweighted", help="als: use the weights of FILE.")] = True,
    source: Annotated[str | None, typer.Option(help="Column of the users: its name, or its position from 0.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of the items: its name or position.")] = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    model: Annotated[Path | None, typer.Option(help="Save the fitted model here, too.")] = None,
    dimensions: Annotated[
        int | None, typer.Option(help="gfcf, als, bpr, ccl, lightgcn: length of the vectors.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="bpr, ccl, lightgcn: upper bound on the epochs.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Number of threads; default: all.")] = None,
) -> None:
    """Recommend items to users. Prints score, tab, item; for several users, their name first."""
    from graphrep.io.paths import check_writable
    from graphrep.io.table import check_table_path, write_table

    began = time.perf_counter()
    if sum((every, bool(users), bool(items))) != 1:
        raise typer.BadParameter("give either USER, --all or --item.")
    if every and output is None:
        raise typer.BadParameter("--all needs --output.")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    if output is not None:
        check_table_path(output, file)
    if model is not None:
        if output is not None and model.absolute() == output.absolute():
            raise typer.BadParameter("--model and --output must be two files.")
        check_writable(model, file)
    if file != "-":
        _check_file(file)
    from graphrep.cli import recommend as command

    own = {"dimensions": dimensions, "epochs": epochs}
    estimator = command.make(
        method.value, seed, threads, {name: value for name, value in own.items() if value is not None}
    )
    options = _reader_options(source, target, delimiter, header, comments, quotes, None)
    chosen = _column(weight) if weight is not None else None if weighted else False
    found = command.read(file, options | {"weight": chosen})
    if weight is None and method is not Recommender.als:
        found = found._replace(weighted=False)
    wanted = [command.named("user", text, found) for text in users or ()]
    basket = [command.named("item", text, found) for text in items or ()]
    if evaluate:
        typer.echo(command.judged(estimator, found, k))
    estimator.fit(found)
    if model is not None:
        estimator.save(model)
    table = command.table(estimator, wanted, basket, k, known=known)
    if not len(table["item"]):
        typer.echo("no item is left to recommend; --known lists also those that the user has.", err=True)
    if output is None:
        for line in command.lines(table, several=len(wanted) > 1):
            typer.echo(line)
        return
    write_table(output, table)
    seconds = time.perf_counter() - began
    typer.echo(f"{output}: {len(table['item']):,} recommendations, {method.value}, {seconds:.1f} s")


@app.command()
def bench(
    file: Annotated[
        str | None,
        typer.Argument(metavar="GRAPH", help="An edge list or graph file, a folder, or the name of a data set."),
    ] = None,
    learners: Annotated[
        str | None,
        typer.Option(help="Names between commas; default: all that are marked as default. --list shows them."),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Of labels, links and clusters, between commas; default: all that GRAPH allows.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="File with a node and a label per line, several lines for several labels; or the name of a node "
            "attribute of a graph file."
        ),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of --labels that holds the label: name or position; default: the second.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Features of the nodes by name: a file of vectors as graphrep embed writes.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Results as JSON, from which an interrupted run continues."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Picture of quality against time: .png, .svg or .pdf; needs matplotlib.")
    ] = None,
    dimensions: Annotated[int, typer.Option(help="Length of all vectors.")] = 128,
    seeds: Annotated[int, typer.Option(help="Fits of each learner.")] = 3,
    splits: Annotated[int, typer.Option(help="Random splits of the labels.")] = 5,
    train: Annotated[float, typer.Option(help="labels: share of the labeled nodes that train the classifier.")] = 0.5,
    test: Annotated[float, typer.Option(help="links: share of the edges that is hidden for the test.")] = 0.1,
    valid: Annotated[float, typer.Option(help="links: share for validation.")] = 0.05,
    random_links: Annotated[
        bool, typer.Option("--random-links", help="links: hide random edges although the data set has its own split.")
    ] = False,
    num_clusters: Annotated[int | None, typer.Option(help="clusters: their number; default: that of classes.")] = None,
    baselines: Annotated[bool, typer.Option("--baselines/--no-baselines", help="Whether baselines are rows.")] = True,
    max_seconds: Annotated[
        float, typer.Option(help="Bound on the seconds of a fit: neural learners end there, others are stopped.")
    ] = 600.0,
    again: Annotated[bool, typer.Option("--again", help="Replace the results in --output.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Print the learners and their tasks, and stop.")] = False,
    directed: Annotated[bool, typer.Option("--directed", help="The edges of the file are directed.")] = False,
    source: SourceOption = None,
    target: TargetOption = None,
    weight: WeightOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    comments: CommentsOption = None,
    quotes: QuotesOption = True,
    num_nodes: NumNodesOption = None,
    bipartite: BipartiteOption = None,
    seed: Annotated[int, typer.Option(help="First seed of learners and splits.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Number of threads; default: all.")] = None,
) -> None:
    """Judge learners on GRAPH by labels, hidden links and clusters: quality, seconds and memory beside baselines."""
    from graphrep.io.paths import check_writable

    if file is not None and not show:
        _check_graph(file)
    from graphrep._pictures import check_picture
    from graphrep.bench import benchmark
    from graphrep.cli import bench as command

    if show:
        typer.echo(command.table_of_learners())
        return
    if file is None:
        raise typer.BadParameter("give GRAPH, or --list.")
    sources = [given for given in (file, labels, features) if given is not None]
    if output is not None:
        check_writable(output, *sources)
    if picture is not None:
        check_picture(picture, *sources)
        if output is not None and picture.absolute() == output.absolute():
            raise typer.BadParameter("--picture and --output must be two files.")
    if again and output is None:
        raise typer.BadParameter("--again needs --output.")
    chosen = command.listed(learners, "--learners")
    wanted = command.listed(tasks, "--tasks")
    named = not (file == "-" or Path(file).exists())
    attribute = labels if labels is not None and not Path(labels).exists() else None
    if attribute is not None and named:
        raise FileNotFoundError(f"there is no file {labels}.")
    if label_column is not None and (labels is None or attribute is not None):
        raise typer.BadParameter("--label-column needs a file of --labels.")
    options = _reader_options(source, target, delimiter, header, comments, quotes, num_nodes, bipartite=bipartite)
    given = options if attribute is None else options | {"y": attribute}
    try:
        graph = _read_graph(file, directed=directed, weight=None if weight is None else _column(weight), **given)
    except TypeError as error:
        if attribute is not None and "names node attributes" in str(error):
            raise FileNotFoundError(f"there is no file {labels}, and {file} has no attributes of nodes.") from None
        raise
    y = None
    if labels is not None and attribute is None:
        y = command.read_labels(Path(labels), graph, _column(label_column))
    if features is not None:
        graph = command.with_features(graph, features)
    split, metric = command.given_split(file) if named and not random_links else (None, None)
    found = benchmark(
        graph,
        y,
        learners=chosen,
        tasks=wanted,
        split=split,
        metric=metric,
        dimensions=dimensions,
        seeds=seeds,
        splits=splits,
        train_share=train,
        test=test,
        valid=valid,
        n_clusters=num_clusters,
        baselines=baselines,
        max_seconds=max_seconds,
        n_jobs=threads,
        random_state=seed,
        name=file if named else Path(file).name,
        path=output,
        again=again,
    )
    typer.echo(found)
    if picture is not None:
        found.picture(picture)


@app.command()
def plot(
    vectors: Annotated[
        Path, typer.Argument(metavar="VECTORS", help="A file of node vectors, as graphrep embed writes.")
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="A page to explore, .html, or a picture, .png, .svg or .pdf, which needs matplotlib; may be repeated.",
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="File with a node and a label per line, which give the points their colors.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of --labels that holds the label: name or position; default: the second.")
    ] = None,
    graph: Annotated[
        str | None, typer.Option(help=".html: show neighbors in this edge list or graph file, not nearest vectors.")
    ] = None,
    method: Annotated[
        MapMethod,
        typer.Option(help="auto takes umap if it is installed, else tsne up to 5,000 nodes, else pca."),
    ] = MapMethod.auto,
    metric: Annotated[MapMetric, typer.Option(help="cosine compares directions of vectors only.")] = MapMetric.cosine,
    title: Annotated[str | None, typer.Option(help="Title of the map.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    form: Annotated[
        str | None, typer.Option("--format", help="Format of VECTORS, such as glove; default: what its suffix says.")
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", help="Column, array or tensor of VECTORS that holds the names.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="What holds the vectors; several columns between commas.")
    ] = None,
) -> None:
    """Draw a map of node vectors: a page to explore in a browser without network, or a picture."""
    began = time.perf_counter()
    if not output:
        raise typer.BadParameter("give --output.")
    if label_column is not None and labels is None:
        raise typer.BadParameter("--label-column needs --labels.")
    for read in (vectors, labels, graph):
        if read is not None:
            _check_file(read)
    from graphrep.cli import neighbors
    from graphrep.cli import plot as command
    from graphrep.plot.layouts import check_method

    command.check_outputs(output, [source for source in (vectors, labels, graph) if source is not None])
    if graph is not None and not any(path.suffix.lower() in command.PAGES for path in output):
        raise typer.BadParameter("--graph is for .html; a picture shows no edges.")
    check_method(method.value, metric.value)
    table = neighbors.read(vectors, form, names, columns)
    groups = None if labels is None else command.read_labels(labels, table, _column(label_column))
    edges = None if graph is None else _read_graph(graph, directed=False, weight=None)
    how = {"method": method.value, "metric": metric.value, "random_state": seed}
    caption = command.write(table, groups, edges, output, title, how)
    written = ", ".join(map(str, output))
    typer.echo(f"{written}: {caption}, {time.perf_counter() - began:.1f} s")


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Describe this data set.")] = None,
) -> None:
    """List the data sets by name, or describe one."""
    from graphrep import datasets as library

    if name is None:
        typer.echo("\n".join(library.names()))
        return
    dataset = library.load(name)
    typer.echo(f"{dataset!r}\n\n{dataset.card}".rstrip())


@app.command()
def doctor() -> None:
    """Print versions, instruction set, OpenMP runtimes, threads and missing packages."""
    from graphrep.cli.doctor import show_versions

    show_versions()


def _reader_options(
    source: str | None,
    target: str | None,
    delimiter: str | None,
    header: bool | None,
    comments: list[str] | None,
    quotes: bool,
    num_nodes: int | None,
    *,
    bipartite: bool | None = None,
) -> dict[str, Any]:
    """Arguments of ``as_graph`` that the command line gives."""
    options = {
        "source": _column(source),
        "target": _column(target),
        "delimiter": {r"\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter),
        "header": header,
        "comments": None if comments is None else [mark for mark in comments if mark],
        "quotes": None if quotes else False,
        "num_nodes": num_nodes,
        "bipartite": bipartite,
    }
    return {name: value for name, value in options.items() if value is not None}


def _node_options(
    nodes: list[Path] | None, node_type: str | None, x: list[str] | None, y: str | None, *, mapped: bool
) -> dict[str, Any]:
    """Arguments of ``as_graph`` or ``convert_edges`` about nodes; the former takes arrays, which are mapped."""
    given: dict[str, Any] = {"nodes": nodes, "node_type": node_type, "x": x, "y": y}
    options: dict[str, Any] = {}
    for name, value in given.items():
        if not value:
            continue
        options[name] = value[0] if isinstance(value, list) and len(value) == 1 else value
        if name != "nodes" and str(options[name]).endswith(".npy"):
            path = Path(str(options[name]))
            _check_file(path)
            if mapped:
                from graphrep.io.arrays import mapped_npy
            options[name] = mapped_npy(path) if mapped else path
    for path in nodes or ():
        _check_file(path)
    return options


def _column(text: str | None) -> str | int | None:
    return int(text) if text is not None and text.isdecimal() else text


def _weight(column: str | None, weighted: bool | None) -> str | int | bool | None:
    """Argument ``weight`` of ``as_graph`` out of --weight and --weighted."""
    if column is not None and weighted is not None:
        raise typer.BadParameter("give --weight, or --weighted or --unweighted.")
    return weighted if column is None else _column(column)


def _listed(options: dict[str, Any], weight: Any) -> str:
    names = [*options, *(() if weight is None else ("weight",))]
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _check_file(path: str | Path) -> None:
    """Raise an error for a missing file before a library is imported, which takes seconds."""
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}.")


def _check_graph(file: str) -> None:
    """The same for what can also be standard input or the name of a data set."""
    from graphrep import datasets

    if file != "-" and not Path(file).exists() and file not in datasets.names():
        known = ", ".join(datasets.names())
        raise FileNotFoundError(f"there is no file {file}, and no data set of that name ({known}).")


def _read_graph(file: str, *, directed: bool, weight: str | int | bool | None, **options: Any) -> Graph:
    _check_graph(file)
    from graphrep import as_graph, datasets

    if file == "-" or Path(file).exists():
        if weight is not None:
            options["weight"] = weight
        return as_graph(file, directed=directed or None, **options)  # a format may know that it is directed
    typed = options.pop("edge_type", None)
    if typed not in (None, True):
        options["edge_type"] = typed
    if directed or weight or options:
        given = ["--directed"] * directed + [_listed(options, weight or None)] * bool(options or weight)
        raise ValueError(f"{', '.join(given)} is for edge lists; {file} is a data set.")
    graph = datasets.load(file).graph
    if typed is not None and graph.edge_types is None:
        raise ValueError(f"the data set {file} has no types of edges, which this method learns from.")
    return graph if weight is None else as_graph(graph, weights=False)


def _print_estimate(estimator: Any, graph: Graph, output: Path | None, options: dict[str, Any]) -> None:
    from graphrep._memory import available_memory, readable_bytes

    needed, disk, seconds = (
        estimator.estimate(graph, **options)
        if hasattr(estimator, "estimate")
        else (estimator._memory_needed(graph), 0, None)
    )
    available = available_memory()
    layout = ".safetensors" if output is None else output.suffix.lower()
    size = _file_bytes(graph, getattr(estimator, "_width", estimator.dimensions), layout)
    beside = "" if available is None else f" of {readable_bytes(available)} available"
    typer.echo(f"nodes: {graph.num_nodes:,}\nedges: {graph.num_edges:,}")
    typer.echo(f"memory: {needed:,} bytes ({readable_bytes(needed)}){beside}, beside the graph")
    if disk:
        typer.echo(f"disk: {disk:,} bytes ({readable_bytes(disk)}) for a while, with the output")
    if seconds is not None:
        typer.echo(f"time: about {_readable_seconds(seconds)}")
    typer.echo(f"output: {size:,} bytes ({readable_bytes(size)}) as {layout}")


def _readable_seconds(seconds: float) -> str:
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} seconds"


def _file_bytes(graph: Graph, dimensions: int, layout: str) -> int:
    """Size of a file of vectors, about."""
    nodes = graph.nodes
    names = 8 * len(nodes)  # integers, or where each string begins
    if nodes.dtype.kind != "i":
        names += sum(len(str(name).encode()) for name in nodes.tolist())
    number = 11 if layout in (".txt", ".w2v", ".vec", ".glove", ".csv", ".tsv") else 4  # bytes
    return number * len(nodes) * dimensions + names


def _numbers(text: str | None, option: str = "--iteration-weights") -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{option} must be numbers between commas, got {text!r}.") from None
