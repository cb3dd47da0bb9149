"""``gr.embed(graph)``: the choice, what it says, and the module that is a function."""

from __future__ import annotations

import importlib
import inspect
import logging
import pydoc
import sys
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.embed import auto, choose_embedder


@pytest.fixture(scope="module")
def karate():
    return nx.karate_club_graph()


@pytest.fixture(scope="module")
def featured(karate):
    return gr.as_graph(karate, x=np.eye(34, 5, dtype=np.float32) + 1)


def test_the_module_is_a_function_and_a_module(karate):
    assert gr.embed is sys.modules["graphrep.embed"] is importlib.import_module("graphrep.embed")
    assert callable(gr.embed)
    assert inspect.ismodule(gr.embed)
    from graphrep.embed import FastRP, tune_fastrp

    assert gr.embed.tune_fastrp is tune_fastrp
    assert gr.embed.FastRP is FastRP is gr.FastRP
    assert list(inspect.signature(gr.embed).parameters)[:3] == ["graph", "task", "dimensions"]
    assert "max_seconds : float or None" in pydoc.render_doc(gr.embed)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = gr.embed.no_such_name
    importlib.reload(gr.embed)
    assert gr.embed(karate, dimensions=4, max_seconds=0).dimensions == 4


def test_vectors_are_those_of_the_estimator_with_names(karate):
    named = nx.relabel_nodes(karate, lambda i: f"member {i}")
    found = gr.embed(named, dimensions=8, max_seconds=0)
    assert isinstance(found, gr.NodeVectors)
    assert found.nodes.tolist()[:2] == ["member 0", "member 1"]
    np.testing.assert_array_equal(found.vectors, gr.FastRP(dimensions=8).fit_transform(named))
    assert found.settings["method"] == "FastRP"
    assert found.settings["dimensions"] == 8
    assert found.settings["choice"] == choose_embedder(named, dimensions=8, max_seconds=0).sentence
    assert gr.embed(named, dimensions=8, max_seconds=0) == found
    assert gr.embed(named, dimensions=8, max_seconds=0, random_state=1) != found


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({}, "DeepWalk"),
        ({"task": "labels"}, "DeepWalk"),
        ({"task": "links"}, "DeepWalk"),
        ({"max_seconds": 0}, "FastRP"),
        ({"max_seconds": None}, "DeepWalk"),
        ({"max_memory": 100_000, "dimensions": 16}, "Spectral"),
        ({"max_memory": 100_000, "task": "links"}, "FastRP"),
    ],
)
def test_the_choice_without_features(karate, given, method):
    choice = choose_embedder(karate, **given)
    assert type(choice.estimator).__name__ == method
    assert choice.sentence.startswith(f"{method}: ")
    assert choice.sentence.endswith(".")


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({}, "PropagatedFeatures"),
        ({"task": "labels"}, "PropagatedFeatures"),
        ({"task": "links"}, "PropagatedFeatures"),
        ({"use_features": False}, "DeepWalk"),
        ({"use_features": False, "task": "links"}, "DeepWalk"),
        ({"max_seconds": 0}, "FastRP"),
    ],
)
def test_the_choice_with_features(featured, given, method):
    assert type(choose_embedder(featured, **given).estimator).__name__ == method


def test_what_does_not_fit_is_named(karate):
    large = gr.as_graph(nx.path_graph(2000))
    assert choose_embedder(large, max_seconds=5, n_jobs=1).sentence == (
        "Node2Vec: the next, since DeepWalk would take about 6.4 s and max_seconds is 5."
    )
    assert choose_embedder(large, max_seconds=5, n_jobs=2).sentence == (
        "DeepWalk: long training on walks, smoothed along edges, tells most about labels and links, and there is time "
        "for it."
    )
    with pytest.raises(MemoryError, match=r"^FastRP needs about \S+ kB and 10 bytes is max_memory; take fewer dim"):
        choose_embedder(karate, max_memory=10)
    sentence = choose_embedder(karate, max_memory=100_000, dimensions=16).sentence
    assert sentence.startswith("Spectral: the next, since DeepWalk needs about ")
    assert sentence.endswith(" and 100 kB is max_memory.")


def test_a_large_graph_is_not_given_hours():
    """A million nodes: walks would take half an hour, so that the default takes seconds."""
    indptr = np.arange(10**6 + 1, dtype=np.int64) * 20
    large = SimpleNamespace(num_nodes=10**6, num_arcs=2 * 10**7, indptr=indptr, x=None)
    made = (auto._made(rule, {"n_jobs": 1}) for rule in auto.RULES)
    seconds = {type(model).__name__: model._thread_seconds(large) for model in made}
    assert seconds["DeepWalk"] > seconds["Node2Vec"] > 400
    assert seconds["FastRP"] < seconds["Spectral"] < 60


def test_threads_count_for_the_time(karate):
    one, four = (choose_embedder(karate, n_jobs=n).seconds for n in (1, 4))
    assert one == pytest.approx(4 * four)


def test_directed_edges_are_taken_in_both_directions():
    """Otherwise nodes without successors would all have the vector of nothing."""
    star = gr.as_graph([[0, 0, 0, 4, 4], [1, 2, 3, 5, 6]], directed=True)
    found = gr.embed(star, max_seconds=0, dimensions=8)
    np.testing.assert_array_equal(found.vectors, gr.FastRP(dimensions=8).fit_transform(star.to_undirected()))
    assert np.abs(found[1] - found[5]).max() > 0.1


def test_it_says_what_it_took(karate, capsys, caplog):
    with caplog.at_level(logging.INFO, logger="graphrep.embed"):
        gr.embed(karate, dimensions=4, max_memory=100_000)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Spectral: the next, since ")
    assert capsys.readouterr().err == ""  # nobody watches
    gr.embed(karate, dimensions=4, max_memory=100_000, progress=True)
    assert capsys.readouterr().err.startswith(f"graphrep.embed took {caplog.messages[0]}\n")
    gr.embed(karate, dimensions=4, max_memory=100_000, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"task": "label"}, ValueError, r'^task must be "labels", "links" or None, got \'label\'\.$'),
        ({"dimensions": 0}, ValueError, "^dimensions must be at least 1, got 0"),
        ({"max_seconds": -1}, ValueError, "^max_seconds must be at least 0, got -1"),
        ({"max_seconds": "1 h"}, TypeError, "^max_seconds must be a number, got '1 h'"),
        ({"max_memory": -1}, ValueError, "^max_memory must be at least 0"),
        ({"n_jobs": 0}, ValueError, "^n_jobs must not be 0"),
        ({"method": "fastrp"}, TypeError, "embed has no parameter method; "),
    ],
)
def test_bad_input(karate, given, error, message):
    with pytest.raises(error, match=message):
        gr.embed(karate, **given)
    with pytest.raises(ValueError, match="graph must have at least one node"):
        gr.embed(gr.as_graph([[], []], num_nodes=0))
