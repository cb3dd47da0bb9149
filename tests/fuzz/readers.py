"""Small sound files of every kind that graphrep reads, and what reads them.

A seed is a folder of files, a reader and the names of the files that are changed. A reader looks at what it has read,
so that values out of range are used and not only loaded.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import importlib
import importlib.util
import io
import json
import lzma
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import graphrep as gr

PARTS = ("valid", "test")


def look_at_graph(graph):
    n = graph.num_nodes
    assert len(graph.indptr) == n + 1
    assert graph.indptr[0] == 0
    assert graph.indptr[-1] == len(graph.indices)
    assert (np.diff(graph.indptr) >= 0).all()
    if len(graph.indices):
        assert 0 <= graph.indices.min() <= graph.indices.max() < n
    if graph.weights is not None:
        assert np.isfinite(graph.weights).all()
    if graph.x is not None and hasattr(graph.x, "indices"):
        graph.x.check_format(full_check=True)
    assert len(graph.nodes) == n
    if 0 < n < 10_000:
        with np.errstate(over="ignore"):  # weights of 1e308 are legal, and their sum is infinite
            np.asarray(graph.to_scipy().sum(axis=1))


def read_graph(folder, name):
    look_at_graph(gr.as_graph(folder / name))


def read_saved_graph(folder, name):
    for mmap in (True, False):
        graph = gr.open_graph(folder / name, mmap=mmap)
        look_at_graph(graph)
        assert graph.y is None or len(graph.y) == graph.num_nodes
        if graph.edge_types is not None and graph.num_arcs:
            assert all(len(relation.indices) for relation in graph.relations())
        if graph.num_arcs:
            gr.random_walks(graph, walk_length=5, walks_per_node=1)
            gr.FastRP(dimensions=4).fit(graph)


def read_conversion(folder, name, **options):
    """``convert_edges``: its graph is that of ``as_graph``, which refuses the same files, but has no .npy."""
    expected, refusal = None, None
    if not name.endswith(".npy"):
        try:
            expected = gr.as_graph(folder / name, **options)
        except (ValueError, OSError) as error:
            refusal = error
    with tempfile.TemporaryDirectory() as place:
        gr.io.convert_edges(folder / name, Path(place) / "out.graph", memory="4MB", progress=False, **options)
        graph = gr.open_graph(Path(place) / "out.graph", mmap=False)
    assert refusal is None, f"as_graph refuses it: {refusal}"
    look_at_graph(graph)
    assert expected is None or graph == expected


def read_triples(folder, name):
    read_conversion(folder, name, edge_type=1)


def read_nodes(folder, name):
    try:
        read_conversion(folder, "edges.txt", nodes=folder / name, node_type="kind", x=["age", "size"])
    except TypeError as error:  # the caller asks for a column that holds words now
        if "and no numbers, so it is no feature" not in str(error):
            raise


def read_node_tables(folder, name):
    nodes = [folder / "persons.csv", folder / "movies.csv"]
    for column in ("scores", "year"):
        g = gr.as_graph(folder / name, nodes=nodes, y=column)
        look_at_graph(g)
        assert len(g.node_type) == g.num_nodes
        assert all(len(rows) <= g.num_nodes for rows in g.labels.values())


def read_vectors(folder, name):
    for mmap in (False, None):
        vectors = gr.load_vectors(folder / name, mmap=mmap)
        assert np.isfinite(np.asarray(vectors)).all()
        assert len(vectors.nodes) == len(vectors)
        if len(vectors) > 1:
            vectors.most_similar(vectors.nodes[0], k=1)


def read_model(folder, name):
    model = gr.load(folder / name)
    assert np.isfinite(np.asarray(model.embedding_)).all()
    if isinstance(model, gr.FastRP):
        model.transform([("newcomer", 0), ("newcomer", 1)])


def read_index(folder, name):
    index = gr.load_index(folder / name)
    index.neighbors(k=2)


def read_checkpoint(folder, name):
    from graphrep.learn import Checkpoint

    for mapped in (False, True):
        checkpoint = Checkpoint(folder / name, "identity", None, mapped=mapped)
        checkpoint.load("training")


def read_pt(folder, name):
    from graphrep.datasets._torch_file import read_torch_file

    repr(read_torch_file(folder / name))


def read_set(folder, name):
    dataset = gr.datasets.load(name, folder)
    look_at_graph(dataset.graph)
    if dataset.label_split is not None:
        for part in ("train", "valid", "test"):
            rows = getattr(dataset.label_split, part)
            assert rows.size == 0 or 0 <= rows.min() <= rows.max() < dataset.graph.num_nodes
    if dataset.graph.edge_type is not None:
        assert len(dataset.graph.edge_type) == dataset.graph.num_arcs
        assert all(len(relation.indices) == relation.indptr[-1] for relation in dataset.graph.relations())
    for split in (dataset.split, dataset.triple_split):
        if split is not None:
            for part in ("train", "valid", "test"):
                rows = getattr(split, part)[:: 2 if split is dataset.triple_split else 1]
                assert rows.size == 0 or 0 <= rows.min() <= rows.max() < dataset.graph.num_nodes
    if sp.issparse(dataset.graph.x):
        assert np.isfinite(dataset.graph.x.data).all()


def read_heart(folder, name):
    look_at_graph(gr.datasets.read_heart(folder).graph)


def preload(seeds):
    """Import what the readers of these seeds need, so that no case waits for it."""
    libraries = ("networkx", "scipy.io", "torch", "pyarrow.dataset", "pyarrow.parquet", "narwhals")
    indexes = {"index.faiss": "faiss", "index.hnsw": "hnswlib", "index.usearch": "usearch.index"}
    libraries += tuple(name for seed, name in indexes.items() if seed in seeds)
    for name in (*libraries, "graphrep.models", "graphrep.learn"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


READERS = {
    reader.__name__: reader
    for reader in (
        read_graph, read_saved_graph, read_conversion, read_triples, read_nodes, read_node_tables, read_vectors,
        read_model, read_index, read_checkpoint, read_pt, read_set, read_heart,
    )
}  # fmt: skip


def write_seeds(root, *, slow=True):
    """Write seeds below ``root``, with ``seeds.json``: a list of name, reader, argument and files to change.

    ``slow=False`` leaves out those that take long to make.
    """
    seeds = []

    def add(folder, reader, argument, files=None):
        files = files or [argument]
        assert all((folder / file).is_file() for file in files), files
        READERS[reader.__name__](folder, argument)  # the seed is sound
        seeds.append([folder.name, reader.__name__, argument, [str(file) for file in files]])

    def folder_of(name):
        folder = root / name
        folder.mkdir(parents=True)
        return folder

    for write in (_edge_lists, _conversions, _triples, _graph_files, _saved_graphs, _sets):
        write(folder_of, add)
    _vectors(folder_of, add, slow=slow)
    _models(folder_of, add, slow=slow)
    (root / "seeds.json").write_text(json.dumps(seeds))
    return seeds


def _edge_lists(folder_of, add):
    rng = np.random.default_rng(0)
    pairs = rng.integers(30, size=(80, 2))
    plain = "".join(f"{u}\t{v}\n" for u, v in pairs).encode()
    named = 'id,from,to,weight\n1,"Lovelace, Ada",Mary,1.5\n' + "".join(
        f"{i},n{u},n{v},{w:.3f}\n" for i, (u, v, w) in enumerate(np.column_stack([pairs, rng.random(80)]).tolist())
    )
    packed = {
        "plain.txt": plain,
        "named.csv": named.encode(),
        "comments.edges": b"# a comment\n% sym unweighted\n" + plain,
        "movies.dat": b"".join(b"%d::%d::5::97830\n" % (u, v + 100) for u, v in pairs.tolist()),
        "attributes.edgelist": b"".join(b"%d %d {'weight': 2}\n" % (u, v) for u, v in pairs.tolist()),
        "a.tsv.gz": gzip.compress(plain),
        "a.txt.bz2": bz2.compress(plain),
        "a.csv.xz": lzma.compress(named.encode()),
    }
    with contextlib.suppress(ImportError):
        import zstandard

        packed["a.txt.zst"] = zstandard.ZstdCompressor().compress(plain)
    for name, content in packed.items():
        folder = folder_of(f"edges-{name}")
        (folder / name).write_bytes(content)
        add(folder, read_graph, name)
    folder = folder_of("edges-zip")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", plain)
    add(folder, read_graph, "a.zip")


def _conversions(folder_of, add):
    rng = np.random.default_rng(1)
    pairs = rng.integers(40, size=(100, 2))
    text = "".join(f"{u} {v}\n" for u, v in pairs).encode()
    files = {
        "numbers.txt": text,
        "weights.csv": (
            "a,b,weight\n" + "".join(f"n{u},n{v},{w:.3f}\n" for u, v, w in zip(*pairs.T, rng.random(100), strict=True))
        ).encode(),
        "packed.tsv.gz": gzip.compress(text.replace(b" ", b"\t")),
    }
    for name, content in files.items():
        folder = folder_of(f"convert-{name}")
        (folder / name).write_bytes(content)
        add(folder, read_conversion, name)
    folder = folder_of("convert-ends.npy")
    np.save(folder / "ends.npy", pairs.T.copy())
    add(folder, read_conversion, "ends.npy")
    with contextlib.suppress(ImportError):
        import pyarrow as pa
        from pyarrow import parquet as pq

        folder = folder_of("convert-typed.parquet")
        kinds = pa.array([f"r{u % 3}" for u in pairs[:, 0].tolist()])
        table = pa.table({"head": pairs[:, 0], "relation": kinds, "tail": pairs[:, 1]})
        pq.write_table(table, folder / "typed.parquet")
        add(folder, read_conversion, "typed.parquet")
        folder = folder_of("convert-edges.parquet")
        pq.write_table(pa.table({"source": pairs[:, 0], "target": pairs[:, 1]}), folder / "edges.parquet")
        add(folder, read_conversion, "edges.parquet")


def _triples(folder_of, add):
    rows = [("ann", "knows", "bob"), ("bob", "likes", "cy"), ("cy", "knows", "ann"), ("ann", "likes", "dan")] * 3
    for name, content in (
        ("triples.tsv", "".join("\t".join(row) + "\n" for row in rows).encode()),
        ("triples.csv.gz", gzip.compress("".join(",".join(row) + "\n" for row in rows).encode())),
    ):
        folder = folder_of(name)
        (folder / name).write_bytes(content)
        add(folder, read_triples, name)
    names = [row[0] for row in rows[:3]] + ["dan"]
    text = "id,kind,age:int,size:float\n" + "".join(f'"{name}",k{i % 2},{i},{i / 2}\n' for i, name in enumerate(names))
    for name, content in (
        ("nodes.csv", text.encode()),
        ("nodes.csv.gz", gzip.compress(text.encode())),
        ("nodes.parquet", None),
    ):
        folder = folder_of(f"convert-{name}")
        (folder / "edges.txt").write_text("".join(f"{head} {tail}\n" for head, _, tail in rows))
        if content is None:
            with contextlib.suppress(ImportError):
                import pyarrow as pa
                from pyarrow import parquet as pq

                columns = {
                    "id": names,
                    "kind": ["k0", "k1"] * 2,
                    "age:int": [1, 2, 3, 4],
                    "size:float": [0.5, 1.0, 2.0, 3.0],
                }
                pq.write_table(pa.table(columns), folder / name)
                add(folder, read_nodes, name)
            continue
        (folder / name).write_bytes(content)
        add(folder, read_nodes, name)
    folder = folder_of("node-tables")
    tables = {
        "persons.csv": 'id:ID(Person),name,scores:float[],:LABEL\n1,"a, b",1;2.5,Actor\n2,c,0;-1e3,Actor;Director\n',
        "movies.csv": ":ID(Movie);year:int;:LABEL\n1;1999;Movie\n7;2003;Movie\n",
        "roles.csv": ":START_ID(Person),weight:double,:END_ID(Movie),:TYPE\n1,2.5,1,PLAYS\n2,1,7,LEADS\n2,1,1,PLAYS\n",
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    add(folder, read_node_tables, "roles.csv", list(tables))


def _graph_files(folder_of, add):
    import networkx as nx
    import scipy.io

    graph = nx.gnp_random_graph(20, 0.2, seed=0)
    for *_, attributes in graph.edges(data=True):
        attributes["weight"] = 1.5
    labelled = nx.relabel_nodes(graph, {node: f"node {node}" for node in graph})
    matrix = sp.random_array((20, 20), density=0.2, rng=np.random.default_rng(0))
    metis = [" ".join(str(v + 1) for v in graph[u]) for u in graph]
    writers = {
        "g.graphml": lambda path: nx.write_graphml(labelled, path),
        "g.gexf": lambda path: nx.write_gexf(labelled, path),
        "g.gml": lambda path: nx.write_gml(labelled, path),
        "g.net": lambda path: nx.write_pajek(nx.MultiGraph(nx.relabel_nodes(graph, str)), path),
        "g.adjlist": lambda path: nx.write_adjlist(graph, path),
        "g.g6": lambda path: nx.write_graph6(graph, path),
        "g.s6": lambda path: nx.write_sparse6(graph, path),
        "node_link.json": lambda path: path.write_text(json.dumps(nx.node_link_data(labelled, edges="links"))),
        "adjacency.json": lambda path: path.write_text(json.dumps(nx.adjacency_data(labelled))),
        "cytoscape.json": lambda path: path.write_text(json.dumps(nx.cytoscape_data(labelled))),
        "g.metis": lambda path: path.write_text(f"20 {graph.number_of_edges()}\n" + "\n".join(metis) + "\n"),
        "coordinate.mtx": lambda path: scipy.io.mmwrite(path, matrix),
        "array.mtx": lambda path: scipy.io.mmwrite(path, matrix.toarray()),
        **{
            f"{form}.npz": lambda path, form=form: sp.save_npz(path, matrix.asformat(form))
            for form in ("csr", "csc", "coo", "bsr", "dia")
        },
        "g.graphml.gz": lambda path: nx.write_graphml(labelled, path),
    }
    with contextlib.suppress(ImportError):
        import pyarrow as pa
        from pyarrow import feather
        from pyarrow import parquet as pq

        edges = list(labelled.edges)
        table = pa.table(
            {"source": [u for u, _ in edges], "target": [v for _, v in edges], "weight": [0.5] * len(edges)}
        )
        coded = pa.table({name: table[name].dictionary_encode() for name in ("source", "target")})
        writers |= {
            "g.parquet": lambda path: pq.write_table(table, path),
            "g.feather": lambda path: feather.write_feather(table, path),
            "g.arrow": lambda path: feather.write_feather(table, path, compression="uncompressed"),
            "coded.arrow": lambda path: feather.write_feather(coded, path, compression="uncompressed"),
        }
    for name, write in writers.items():
        folder = folder_of(f"graph-{name}")
        write(folder / name)
        add(folder, read_graph, name)


def _saved_graphs(folder_of, add):
    rng = np.random.default_rng(0)
    ends = rng.integers(20, size=(2, 60))
    words = np.array(["red", "green", None], dtype=object)
    graphs = {
        "plain": gr.as_graph(ends, weights=rng.random(60), x=rng.random((ends.max() + 1, 3)), num_nodes=ends.max() + 1),
        "named": gr.as_graph(
            [(f"n{u}", f"n{v}") for u, v in ends.T.tolist()], nodes=[f"n{i}" for i in range(20)],
            x=sp.random_array((20, 5), density=0.3, rng=rng, format="csr"), y=words[rng.integers(3, size=20)],
        ),
        "typed": gr.as_graph(
            ends, num_nodes=20, edge_type=rng.integers(3, size=60), node_type=["a", "b"] * 10,
            x={"a": np.eye(10, dtype=np.float32)},
        ),
    }  # fmt: skip
    for name, graph in graphs.items():
        folder = folder_of(f"saved-{name}")
        graph.save(folder / "g.graph")
        add(folder, read_saved_graph, "g.graph")


def _vectors(folder_of, add, *, slow):
    matrix = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
    names = {"names": [f"node-{i}" for i in range(12)], "integers": np.arange(12) * 7, "plain": None}
    suffixes = [".safetensors", ".npy", ".npz", ".csv", ".tsv", ".w2v", ".bin", ".glove"]
    suffixes += [".parquet"] if importlib.util.find_spec("pyarrow") else []
    for suffix in suffixes:
        for kind, nodes in names.items():
            if kind != "names" and suffix in (".w2v", ".bin", ".glove"):
                continue
            folder = folder_of(f"vectors-{kind}{suffix}")
            gr.NodeVectors(matrix, nodes).save(folder / f"v{suffix}")
            add(folder, read_vectors, f"v{suffix}", sorted(path.name for path in folder.iterdir()))
    folder = folder_of("vectors-compressed.npz")
    np.savez_compressed(folder / "v.npz", vectors=matrix)
    add(folder, read_vectors, "v.npz")
    for library, suffix in (("hnswlib", ".hnsw"), ("usearch", ".usearch"), ("faiss", ".faiss")):
        if importlib.util.find_spec(library) and (slow or library == "hnswlib"):
            folder = folder_of(f"index{suffix}")
            gr.NodeVectors(matrix, names["names"]).save_index(folder / f"v{suffix}")
            add(folder, read_index, f"v{suffix}", [f"v{suffix}", f"v{suffix}.nodes.json"])


def _models(folder_of, add, *, slow):
    import networkx as nx

    from graphrep.learn import Checkpoint

    karate = nx.karate_club_graph()
    models = {
        "fastrp": gr.FastRP(dimensions=4),
        "node2vec": gr.Node2Vec(dimensions=4, walks_per_node=1, walk_length=5, n_jobs=1),
    }
    models |= {"contrastive": gr.Contrastive(dimensions=4, epochs=1, progress=False)} if slow else {}
    for name, model in models.items():
        folder = folder_of(f"model-{name}")
        graph = gr.as_graph(karate)
        if name == "contrastive":
            graph = gr.as_graph(graph, x=np.eye(34, 5, dtype=np.float32))
        model.fit(graph).save(folder / "m.safetensors")
        add(folder, read_model, "m.safetensors")
    folder = folder_of("checkpoint")
    state = {"weights": np.ones((3, 2)), "history": [0.5, None], "step": 3, "nested": {"a": (1, "b")}}
    Checkpoint(folder / "c.ckpt", "identity", 7).save("training", state)
    add(folder, read_checkpoint, "c.ckpt")


def _sets(folder_of, add):
    import torch

    spec = importlib.util.spec_from_file_location("ogb_files", Path(__file__).parents[1] / "datasets" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.FOLDERS:
        folder = folder_of(f"ogb-{name}")
        inside = folder / name.replace("-", "_")
        module.write_set(inside, name, form="tensors" if name == "ogbl-ddi" else "legacy")
        files = [path.relative_to(folder) for path in inside.rglob("*") if path.suffix in (".gz", ".pt", ".npz")]
        add(folder, read_set, name, sorted(files))
        (inside / "graphrep.npz").unlink()
        if name in ("ogbl-ddi", "ogbl-citation2", "ogbl-biokg"):  # with a cache, which alone is changed
            cached = folder.parent / f"cache-{name}"
            shutil.copytree(folder, cached)
            gr.datasets.load(name, cached)
            add(cached, read_set, name, [f"{inside.name}/graphrep.npz"])
    value = {"edge": np.arange(12).reshape(6, 2), "names": ["a", "b"], "nested": {"t": torch.arange(5)}, "n": 3.5}
    for kind, legacy in (("zip", False), ("legacy", True)):
        folder = folder_of(f"torch-{kind}")
        torch.save(value, folder / "a.pt", _use_new_zipfile_serialization=not legacy)
        add(folder, read_pt, "a.pt")
    folder = folder_of("heart")
    for part, lines in {"train": "0\t1\n1\t2\n4\t4\n", "valid": "2\t3\n", "test": "3\t0\n"}.items():
        (folder / f"{part}_pos.txt").write_text(lines)
    np.save(folder / "heart_valid_samples.npy", [[[2, 0], [1, 3]]])
    np.save(folder / "heart_test_samples.npy", [[[3, 1], [2, 0]]])
    torch.save({"entity_embedding": torch.eye(5)}, folder / "gnn_feature")
    add(folder, read_heart, "", sorted(path.name for path in folder.iterdir()))
    _debian(folder_of("debian"), add)
    folder = folder_of("planetoid")
    raw = module.write_planetoid(folder)
    add(folder, read_set, "cora", sorted(path.relative_to(folder) for path in raw.iterdir()))


def _debian(folder, add):
    """A file in the form of the built-in data set, of six packages."""
    rng = np.random.default_rng(0)
    words = {"name": "abcdef", "section_name": "xy", "feature_name": "pqr", "source_name": "stuvwx"}
    meta = {"format": 1} | {name: ["one", "two"] for name in ("architectures", "priorities", "kinds", "relations")}
    arrays = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
    for name, letters in words.items():
        arrays[f"{name}_bytes"] = np.frombuffer(letters.encode(), np.uint8)
        arrays[f"{name}_offsets"] = np.arange(len(letters) + 1)
    arrays |= {
        "feature_indices": np.array([0, 1, 2, 0, 1, 2], np.uint16), "feature_indptr": np.arange(7),
        "edges": np.array([[0, 0, 1, 2, 3], [1, 2, 3, 4, 5]], np.int32), "section": np.arange(6, dtype=np.uint8) % 2,
        "link_part": np.array([0, 0, 0, 1, 2], np.uint8), "label_part": np.array([0, 0, 1, 1, 2, 2], np.uint8),
        "source": np.arange(6, dtype=np.int32), "relations": np.array([[0], [5]], np.int32),
        **{f"{part}_neg{kind}": rng.integers(6, size=(2, 4)) for part in PARTS for kind in ("", "_uniform")},
        **{name: np.zeros(6, np.uint8) for name in ("architecture", "priority")},
        "edge_kind": np.ones(5, np.uint8), "relation_kind": np.ones(1, np.uint8),
    }  # fmt: skip
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / "debian.npz.xz").write_bytes(lzma.compress(buffer.getvalue(), preset=0))
    add(folder, read_set, "debian", ["debian.npz.xz"])
