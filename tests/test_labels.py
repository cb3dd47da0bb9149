"""Labels in the forms that callers have: by name, in frames, and with missing ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import graphrep as gr
from graphrep._labels import is_unlabeled, node_labels

NAMES = [f"n{i}" for i in range(40)]
CODES = np.arange(40) % 3
KNOWN = np.arange(40) >= 6
SHUFFLED = np.random.default_rng(0).permutation(40)
TEXTS = np.array(["u", "v", "w"])[CODES]
VECTORS = gr.NodeVectors(np.random.default_rng(1).standard_normal((40, 4)).astype(np.float32), NAMES)
INDEX = np.array(NAMES)[SHUFFLED]

WHOLE = {
    "floats": CODES.astype(float),
    "series": pd.Series(CODES[SHUFFLED], index=INDEX),
    "frame": pd.DataFrame(CODES[SHUFFLED], index=INDEX),
    "frame of polars": pl.DataFrame({"y": CODES}),
    "strings": TEXTS,
    "categories": pd.Series(pd.Categorical(TEXTS[SHUFFLED]), index=INDEX),
    "mapping": dict(zip(INDEX.tolist(), CODES[SHUFFLED].tolist(), strict=True)),
    "mixed": [("u", 1, "w")[code] for code in CODES],
}
PARTIAL = {
    "negative": np.where(KNOWN, CODES, -1),
    "NaN": np.where(KNOWN, CODES, np.nan),
    "series": pd.Series(np.where(KNOWN, CODES, np.nan)[SHUFFLED], index=INDEX),
    "Int64": pd.Series(np.where(KNOWN, CODES, np.nan), index=NAMES).astype("Int64"),
    "None": [text if known else None for text, known in zip(TEXTS.tolist(), KNOWN, strict=True)],
    "string": pd.Series(TEXTS, index=NAMES).where(KNOWN).astype("string"),
    "categories": pd.Series(pd.Categorical(TEXTS), index=NAMES).where(KNOWN),
    "mapping": {name: text for name, text, known in zip(NAMES, TEXTS, KNOWN, strict=True) if known},
}


def scores(y):
    return gr.evaluate.node_classification(VECTORS, y, ratios=[0.5], repeats=2).scores["accuracy"]


@pytest.mark.parametrize("form", WHOLE)
def test_every_form_of_labels_is_understood(form):
    np.testing.assert_array_equal(scores(WHOLE[form]), scores(CODES))
    named = form in ("series", "frame", "categories", "mapping")
    found = gr.evaluate.clustering(WHOLE[form], pd.Series(CODES, index=NAMES) if named else CODES)
    assert (found.num_nodes, found.num_classes, found["accuracy"]) == (40, 3, 1)


@pytest.mark.parametrize("form", PARTIAL)
def test_missing_labels_are_no_class(form):
    np.testing.assert_array_equal(scores(PARTIAL[form]), scores(PARTIAL["negative"]))
    named = isinstance(PARTIAL[form], (pd.Series, dict))
    found = gr.evaluate.clustering(PARTIAL[form], pd.Series(CODES, index=NAMES) if named else CODES)
    assert (found.num_nodes, found.num_classes, found["accuracy"]) == (34, 3, 1)


def test_labels_of_a_graph_by_name():
    graph = gr.as_graph([("a", "b"), ("b", "c")], y={"c": "u", "a": "v"}, x={"b": [1, 2], "a": [3, 4], "c": [5, 6]})
    assert graph.y.tolist() == ["v", None, "u"]
    assert graph.x.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert gr.as_graph([("a", "b")], y={"a": 2}).y.tolist() == [2, -1]
    with pytest.raises(ValueError, match="x has no features of 'b', which is a node"):
        gr.as_graph([("a", "b")], x={"a": [1.0]})
    with pytest.raises(ValueError, match="y names none of the nodes: 'z' is none, and 'a' is one"):
        gr.as_graph([("a", "b")], y={"z": 1})


def test_what_is_no_label():
    halves = node_labels(np.array([0.5, 1]), None, "y")
    assert halves.dtype.kind == "f"
    with pytest.raises(ValueError, match="y must be one integer or string per node"):
        scores(np.linspace(0, 1, 40))
    with pytest.raises(ValueError, match=r"y must hold only 0 and 1 .*; of one label per node, give y.ravel\(\)"):
        scores(CODES[:, None])
    large = node_labels([2**60, 2**60 + 1, None], None, "y")
    assert large.tolist() == [2**60, 2**60 + 1, -1]
    assert is_unlabeled(large).tolist() == [False, False, True]


def test_the_default_index_of_pandas_names_no_nodes():
    said = "has the default index of pandas, which names no nodes, so that its rows are taken in the order"
    for labels in (pd.Series(TEXTS), pd.DataFrame({"team": TEXTS})):
        with pytest.warns(UserWarning, match=f"y {said}"):
            np.testing.assert_array_equal(scores(labels), scores(TEXTS))
        with pytest.warns(UserWarning, match=f"y {said}"):
            gr.as_graph([(NAMES[0], NAMES[1])], nodes=NAMES, y=labels)
    with pytest.warns(UserWarning, match=f"x {said}"):
        gr.as_graph([(NAMES[0], NAMES[1])], nodes=NAMES, x=pd.DataFrame(np.zeros((40, 2))))
    gr.as_graph([(0, 1)], y=pd.Series([1, 2]))  # these are the names
    gr.as_graph(np.array([[0], [1]]), num_nodes=2, y=pd.Series([1, 2]))


@pytest.mark.parametrize("library", [pd, pl])
def test_a_table_of_names_and_labels_is_refused_with_what_to_write(library):
    table = library.DataFrame({"name": NAMES, "team": TEXTS})
    with pytest.raises(ValueError, match=r"y is a table .* 'name', 'team'; .*y.set_index\('name'\)\['team'\]"):
        scores(table)
    with pytest.raises(ValueError, match=r"y is a table with the columns"):
        gr.as_graph([(NAMES[0], NAMES[1])], nodes=NAMES, y=table)
    with pytest.raises(ValueError, match=r"labels is a table with the columns"):
        gr.plot.map(VECTORS, labels=table, method="pca")
    with pytest.raises(ValueError, match=r"NaN where there is no label, as \.reindex\(graph\.nodes\) does"):
        scores(pd.Series(CODES[1:], index=NAMES[1:]))
