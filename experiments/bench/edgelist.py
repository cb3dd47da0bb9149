"""Reading an edge list and building a CSR, compared with pandas, pyarrow, GRAPE and scipy.

    python experiments/bench/edgelist.py [--rounds 5] [--edges 10000000] [--nodes 1000000]

A tab-separated file of integer ids is made from a fixed seed (both ends of an edge drawn with a probability that falls
as rank^(-2/3), ids shuffled) and read

- by ``read_edges``: parsed, and nodes numbered 0 … n - 1;
- by pandas' C reader, and ``pandas.factorize`` of both columns for the numbers;
- by pyarrow's CSV reader, and a dictionary encoding of both columns;
- by GRAPE (ensmallen), as a directed graph of numeric ids, its number of nodes told. GRAPE also sorts the edges, so the
  fair partner is ``as_graph``; its fastest setting is to be told, falsely here, that no edge is listed twice.

A second file is what ``pyarrow.csv.write_csv`` makes of a tenth of the edges between nodes named ``user 12345``:
comma-separated, with a header, every name in quotes. A third has numbers in quotes. Both are read by ``read_edges``,
pyarrow (as a dictionary of strings) and pandas.

``build_csr`` then stands against scipy's COO to CSR conversion with duplicates summed. All run in turn in one process
on every core; what comes out is compared before anything is timed. Needs the ``bench`` extra.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import scipy.sparse as sp
from _harness import alternate, environment, report, write_results
from ensmallen import Graph as GrapeGraph

import graphrep as gr
from graphrep.csr import build_csr
from graphrep.io import read_edges


def power_law_edges(num_nodes: int, num_edges: int, seed: int = 0) -> np.ndarray:
    """End points, int64 of shape (2, num_edges)."""
    rng = np.random.default_rng(seed)
    rank = (num_nodes * rng.random((2, num_edges)) ** 3).astype(np.int64)
    return rng.permutation(num_nodes)[rank]


def read_pandas(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(path, sep="\t", header=None, engine="c")
    return pd.factorize(np.concatenate([table[0].to_numpy(), table[1].to_numpy()]))


def read_arrow(path: Path, *, quoted: bool = False) -> tuple[np.ndarray, pa.Array]:
    """Numbers of both columns, one after the other, and the names."""
    if quoted:
        strings = pa_csv.ConvertOptions(column_types={"source": pa.string(), "target": pa.string()})
        table = pa_csv.read_csv(path, convert_options=strings)
    else:
        plain = pa_csv.ReadOptions(autogenerate_column_names=True)
        table = pa_csv.read_csv(path, read_options=plain, parse_options=pa_csv.ParseOptions(delimiter="\t"))
    ends = pa.chunked_array(table.column(0).chunks + table.column(1).chunks)
    codes = ends.combine_chunks().dictionary_encode()
    return codes.indices.to_numpy(), codes.dictionary


def read_pandas_quoted(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(path, dtype=str)
    return pd.factorize(np.concatenate([table["source"].to_numpy(), table["target"].to_numpy()]))


def write_quoted(path: Path, ends: np.ndarray, prefix: str) -> None:
    names = [[f"{prefix}{node}" for node in side] for side in ends.tolist()]
    pa_csv.write_csv(pa.table({"source": names[0], "target": names[1]}), path)


def bench_quoted(path: Path, ends: np.ndarray, prefix: str, rounds: int) -> dict[str, float]:
    write_quoted(path, ends, prefix)
    ours, (codes, names) = read_edges(path), read_arrow(path, quoted=True)
    seen = ours.nodes[np.concatenate([ours.source, ours.target])].astype(str)
    np.testing.assert_array_equal(seen, np.asarray(names.to_pylist())[codes])
    readers = {
        "read_edges": functools.partial(read_edges, path),
        "pyarrow read_csv + dictionary_encode": functools.partial(read_arrow, path, quoted=True),
        "pandas read_csv + factorize": functools.partial(read_pandas_quoted, path),
    }
    title = f"\nreading {ends.shape[1]:,} edges in quotes, such as {names[0]}, {path.stat().st_size / 1e6:.0f} MB"
    return report(title, alternate(readers, rounds), ours="read_edges")


def read_grape(path: Path, num_nodes: int, **options: Any) -> GrapeGraph:
    return GrapeGraph.from_csv(
        edge_path=str(path),
        edge_list_separator="\t",
        edge_list_header=False,
        sources_column_number=0,
        destinations_column_number=1,
        edge_list_numeric_node_ids=True,
        numeric_node_ids=True,
        number_of_nodes=num_nodes,
        edge_list_is_correct=True,
        load_edge_list_in_parallel=True,
        edge_list_support_balanced_quotes=False,
        remove_chevrons=False,
        remove_spaces=False,
        directed=True,
        verbose=False,
        name="edges",
        **options,
    )


def csr_scipy(ends: np.ndarray, weights: np.ndarray, num_nodes: int) -> sp.csr_array:
    matrix = sp.coo_array((weights, tuple(ends)), shape=(num_nodes, num_nodes)).tocsr()
    matrix.sum_duplicates()
    return matrix


def check_readers(path: Path, ends: np.ndarray, num_nodes: int) -> int:
    """All readers see the same edges; returns how many are distinct."""
    ours = read_edges(path)
    np.testing.assert_array_equal(ours.nodes[ours.source], ends[0])
    np.testing.assert_array_equal(ours.nodes[ours.target], ends[1])
    codes, ids = read_pandas(path)
    assert len(ids) == len(ours.nodes)
    assert len(codes) == 2 * len(ours.source)
    assert len(read_arrow(path)[1]) == len(ours.nodes)
    graph = gr.as_graph(path, num_nodes=num_nodes, directed=True)
    grape = read_grape(path, num_nodes)
    assert grape.get_number_of_directed_edges() == graph.num_edges
    assert grape.get_number_of_nodes() == graph.num_nodes == num_nodes
    return graph.num_edges


def main() -> None:
    parser = argparse.ArgumentParser(description="Edge list and CSR benchmark.")
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    n = args.nodes

    ends = power_law_edges(n, args.edges)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.tsv"
        pd.DataFrame(ends.T).to_csv(path, sep="\t", header=False, index=False)
        megabytes = path.stat().st_size / 1e6
        distinct = check_readers(path, ends, n)
        title = f"{args.edges:,} edges ({distinct:,} distinct) among {n:,} nodes, {megabytes:.0f} MB"
        readers = {
            "read_edges": functools.partial(read_edges, path),
            "read_edges, num_nodes given": functools.partial(read_edges, path, num_nodes=n),
            "pandas read_csv + factorize": functools.partial(read_pandas, path),
            "pyarrow read_csv + dictionary_encode": functools.partial(read_arrow, path),
            "as_graph": functools.partial(gr.as_graph, path, num_nodes=n, directed=True),
            "GRAPE from_csv": functools.partial(read_grape, path, n),
            "GRAPE from_csv, duplicates kept": functools.partial(
                read_grape, path, n, edge_list_may_contain_duplicates=False
            ),
        }
        reading = report(f"reading {title}", alternate(readers, args.rounds), ours="read_edges")
        tenth = ends[:, : args.edges // 10]
        quoted = bench_quoted(Path(folder) / "names.csv", tenth, "user ", args.rounds)
        numbers = bench_quoted(Path(folder) / "numbers.csv", tenth, "", args.rounds)

    ends32 = ends.astype(np.int32)
    weights = np.random.default_rng(1).random(args.edges, dtype=np.float32) + np.float32(0.5)
    ours, theirs = build_csr(*ends32, weights, n), csr_scipy(ends32, weights, n)
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.weights, theirs.data, rtol=1e-5)  # scipy adds up in float32
    builders = {
        "build_csr": functools.partial(build_csr, *ends32, weights, n),
        "build_csr, one thread": functools.partial(build_csr, *ends32, weights, n, n_jobs=1),
        "build_csr, symmetrize": functools.partial(build_csr, *ends32, weights, n, symmetrize=True),
        "scipy tocsr + sum_duplicates": functools.partial(csr_scipy, ends32, weights, n),
    }
    building = report("\nCSR of the same edges, weighted", alternate(builders, args.rounds), ours="build_csr")
    written = write_results(
        "bench_edgelist",
        {
            "environment": environment(("pandas", "grape", "ensmallen")),
            "edges": args.edges,
            "distinct_edges": distinct,
            "nodes": n,
            "file_megabytes": round(megabytes, 1),
            "rounds": args.rounds,
            "seconds_reading": reading,
            "seconds_reading_quoted_names": quoted,
            "seconds_reading_quoted_numbers": numbers,
            "seconds_csr": building,
        },
    )
    print(f"\nwritten: {written}")


if __name__ == "__main__":
    main()
