"""Peers in the benchmarks: their graphs, converted from ours, with the best setting of each interface.

Importing this module limits every thread pool that reads the environment to ``THREADS``, so import it before a peer.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from _graphs import write_edge_list

if TYPE_CHECKING:
    from collections.abc import Callable

    import graphrep as gr

THREADS = 2  # for everybody


def limit_threads(threads: int = THREADS) -> None:
    """Set the number of threads of every pool that reads it from the environment. Call before importing a peer."""
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "RAYON_NUM_THREADS",
    ):
        os.environ[name] = str(threads)


def imported_dgl() -> Any:
    """The module, with a stand-in for GraphBolt, whose library is built for older versions of torch; or None."""
    if importlib.util.find_spec("dgl") is None:
        return None

    class StandIn(types.ModuleType):
        def __getattr__(self, name: str) -> StandIn:
            if name.startswith("__"):
                raise AttributeError(name)
            return StandIn(name)

    os.environ.setdefault("DGLBACKEND", "pytorch")
    folders = ("dataloader2", "dataloader2.graph", "datapipes", "datapipes.iter")
    for name in ("dgl.graphbolt", "torchdata", *(f"torchdata.{folder}" for folder in folders)):
        sys.modules.setdefault(name, StandIn(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("dgl")


def ensmallen_graph(graph: gr.Graph) -> Any:
    """GRAPE's graph, undirected, read from an edge list; row numbers stay."""
    from ensmallen import Graph

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.tsv"
        write_edge_list(graph, path)
        peer = Graph.from_csv(
            name="bench",
            edge_path=str(path),
            edge_list_separator="\t",
            edge_list_header=False,
            sources_column_number=0,
            destinations_column_number=1,
            edge_list_numeric_node_ids=True,
            numeric_node_ids=True,
            minimum_node_id=0,
            number_of_nodes=graph.num_nodes,
            directed=False,
            verbose=False,
        )
    if (peer.get_number_of_nodes(), peer.get_number_of_directed_edges()) != (graph.num_nodes, graph.num_arcs):
        raise AssertionError("GRAPE read another graph.")
    return peer


def pecanpy_graph(kind: str, graph: gr.Graph, **settings: Any) -> Any:
    """PecanPy's graph of class ``kind``, its arrays filled with ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _restore_numpy_names()
        from pecanpy import pecanpy

    peer = getattr(pecanpy, kind)(workers=THREADS, **settings)
    peer.indptr = graph.indptr.astype(np.uint32)
    peer.indices = graph.indices.astype(np.uint32)
    peer.data = np.ones(graph.num_arcs, dtype=np.float32)
    peer.set_node_ids(None, implicit_ids=True, num_nodes=graph.num_nodes)
    return peer


def pecanpy_walks(peer: Any) -> Callable[[npt.NDArray[np.integer[Any]], int], npt.NDArray[np.uint32]]:
    """Return the compiled walk kernel behind ``simulate_walks``, as a function of start nodes and number of nodes.

    ``simulate_walks`` compiles the kernel at every call, copies every walk into a Python list and returns one node more
    than requested. The first two are not timed here, and the request is one node shorter.
    """
    from numba_progress import ProgressBar

    has_neighbours, move_forward = peer.get_has_nbrs(), peer.get_move_forward()

    def sample(start: npt.NDArray[np.integer[Any]], length: int) -> npt.NDArray[np.uint32]:
        with ProgressBar(total=len(start), disable=True) as bar:
            rows = peer._random_walks(
                len(start), length - 1, None, start.astype(np.uint32), has_neighbours, move_forward, bar
            )
        return np.asarray(rows[:, :-1])  # the last column is the length

    return sample


def _restore_numpy_names() -> None:
    """PecanPy imports nptyping 2, which names scalar types that NumPy 2 dropped; give them back before the import."""
    gone = {
        "bool8": np.bool_,
        "object0": np.object_,
        "int0": np.intp,
        "uint0": np.uintp,
        "float_": np.float64,
        "longfloat": np.longdouble,
        "singlecomplex": np.complex64,
        "complex_": np.complex128,
        "cfloat": np.complex128,
        "clongfloat": np.clongdouble,
        "longcomplex": np.clongdouble,
        "void0": np.void,
        "bytes0": np.bytes_,
        "str0": np.str_,
        "string_": np.bytes_,
        "unicode_": np.str_,
    }
    for name, kind in gone.items():
        if name not in np.__dict__:
            setattr(np, name, kind)


def gensim_corpus(walks: npt.NDArray[np.integer[Any]]) -> list[list[str]]:
    """Walks as the lists of strings that gensim reads, without the padding."""
    return [[str(node) for node in walk if node >= 0] for walk in walks.tolist()]


def gensim_model(corpus: list[list[str]], *, dimensions: int, window: int, num_negatives: int, seed: int) -> Any:
    """Gensim's skip-gram with negative sampling, its vocabulary built; nothing is left out or subsampled."""
    from gensim.models.word2vec import FAST_VERSION, Word2Vec

    if FAST_VERSION < 0:
        raise AssertionError("gensim runs without its compiled kernels.")
    model = Word2Vec(
        vector_size=dimensions,
        window=window,
        negative=num_negatives,
        sg=1,
        hs=0,
        sample=0,
        min_count=0,
        workers=THREADS,
        seed=seed + 1,
    )
    model.build_vocab(corpus)
    return model


def ensmallen_skipgram(
    *,
    dimensions: int,
    window: int,
    num_negatives: int,
    walk_length: int,
    walks_per_node: int,
    seed: int,
    p: float = 1.0,
    q: float = 1.0,
) -> Any:
    """GRAPE's skip-gram on its own walks, at the learning rate of the others."""
    from ensmallen import models

    return models.SkipGram(
        embedding_size=dimensions,
        window_size=window,
        number_of_negative_samples=num_negatives,
        walk_length=walk_length,
        iterations=walks_per_node,
        epochs=1,
        return_weight=1 / p,
        explore_weight=1 / q,
        learning_rate=0.025,
        random_state=seed + 1,
        verbose=False,
    )


def ensmallen_line(*, order: int, dimensions: int, samples_per_arc: int, seed: int) -> Any:
    """GRAPE's LINE of first or second order, at the published learning rate; an epoch is one sample per arc."""
    from ensmallen import models

    kind = models.FirstOrderLINE if order == 1 else models.SecondOrderLINE
    return kind(
        embedding_size=dimensions, epochs=samples_per_arc, learning_rate=0.025, random_state=seed + 1, verbose=False
    )
