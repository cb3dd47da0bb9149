"""Footers of Parquet files are read as pyarrow reads them, and damage that ends its process is one sentence."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest

import graphrep as gr
from graphrep.io.formats import MalformedError
from graphrep.io.formats.parquet_footer import column_chunks

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def content_of(table, **options):
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


TABLES = {
    "flat": pa.table({"node_id": pa.array([3, None, 5] * 50), "name": ["a", "bb", "ä"] * 50}),
    "lists": pa.table({"node_id": [1, 2, 3], "embedding": [[1.0, 2.0], [3.0], []]}),
    "nested": pa.table({"x": [{"a": [1, 2], "b": {"c": "s"}}, None]}),
    "wide": pa.table({f"x{i}": np.arange(40.0) for i in range(20)}),
    "empty": pa.table({"node_id": pa.array([], pa.int64())}),
    "no columns": pa.table({}),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 7, "compression": "zstd"}, {"write_page_index": True}])
def test_sizes_are_those_of_pyarrow(name, options):
    content = content_of(TABLES[name].replace_schema_metadata({"k": "v" * 300}), **options)
    metadata = pq.read_metadata(io.BytesIO(content))
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    assert column_chunks(io.BytesIO(content)) == [
        (chunk.path_in_schema.split(".")[0], chunk.num_values, chunk.total_uncompressed_size) for chunk in chunks
    ]


def test_damage_is_refused():
    content = content_of(TABLES["lists"])
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1000):
        damaged = bytearray(content)
        damaged[int(rng.integers(begin, len(content)))] = int(rng.integers(256))
        try:
            chunks = column_chunks(io.BytesIO(bytes(damaged)))
        except MalformedError:
            refused += 1
        else:
            assert all(isinstance(size, int) for chunk in chunks for size in chunk[1:])
    assert refused > 100
    for damaged in (b"", b"PAR1", content[:-1], content[-8:], b"\xff\xff\xff\x7fPAR1", b"\x3c" * 5000 + content[-8:]):
        with pytest.raises(MalformedError):
            column_chunks(io.BytesIO(damaged))


@pytest.mark.parametrize("column", ["node_id", "source"])
def test_statistics_that_contradict_the_schema_end_no_process(column, tmp_path):
    """A column said to be required, whose statistics count its nulls: pyarrow's own metadata call std::terminate."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(6, np.float32)), 2)
    other = {"embedding": rows} if column == "node_id" else {"target": [4, 5, 6]}
    content = content_of(pa.table({column: [1, 2, 3], **other}))
    optional, required = (b"\x25" + byte + b"\x18" + bytes([len(column)]) + column.encode() for byte in (b"\2", b"\0"))
    assert content.count(optional) == 1
    (tmp_path / "a.parquet").write_bytes(content.replace(optional, required))
    read = "load_vectors" if column == "node_id" else "as_graph"
    code = f"import graphrep as gr\ntry: gr.{read}('a.parquet')\nexcept ValueError as error: print(error)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "a.parquet" in done.stdout
    assert "histogram" in done.stdout
    (tmp_path / "a.parquet").write_bytes(content)
    assert len(getattr(gr, read)(tmp_path / "a.parquet").nodes) == (3 if column == "node_id" else 6)
