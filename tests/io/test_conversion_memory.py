"""Conversion of edges with types and of nodes with features needs no more memory than it is given."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from graphrep import open_graph
from graphrep.io import convert_edges
from tests.test_mapped_features import peak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")


@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_features_and_types_pass_by_in_blocks(form, tmp_path):
    pa, pq = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    rng = np.random.default_rng(0)
    nodes, width, edges, memory = 60_000, 256, 400_000, 16_000_000
    kinds, ages = np.arange(nodes) % 7, rng.integers(90, size=nodes)
    options = {"nodes": tmp_path / "nodes.parquet", "node_type": "kind", "y": "age"}
    x = rng.random((nodes, width), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    columns = {"id": rng.permutation(nodes), "kind": [f"k{kind}" for kind in kinds.tolist()], "age": ages}
    columns["emb"] = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), width)
    pq.write_table(pa.table(columns), tmp_path / "nodes.parquet", row_group_size=20_000)
    ends = rng.integers(nodes, size=(2, edges))
    sorts = pa.array([f"r{sort}" for sort in range(300)]).take(pa.array(rng.integers(300, size=edges)))
    pq.write_table(pa.table({"source": ends[0], "target": ends[1], "sort": sorts}), tmp_path / "edges.parquet")
    expected = x.copy()
    del x, columns, ends, sorts
    options["x"] = "emb" if form == "parquet" else tmp_path / "x.npy"
    options |= {"memory": memory, "edge_type": "sort"}
    pq.write_table(pq.read_table(tmp_path / "edges.parquet")[:100], tmp_path / "few.parquet")
    convert_edges(tmp_path / "few.parquet", tmp_path / "few.graph", **options)  # loads what it needs
    used = peak(lambda: convert_edges(tmp_path / "edges.parquet", tmp_path / "big.graph", **options))
    assert used < 1.5 * memory < 0.5 * expected.nbytes  # the libraries keep some pages of their own
    graph = open_graph(tmp_path / "big.graph", verify=True)
    np.testing.assert_array_equal(graph.x, expected)
    np.testing.assert_array_equal(graph.y, ages)
    assert (len(graph.edge_types), len(graph.node_types)) == (300, 7)
