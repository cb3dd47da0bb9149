"""Vectors of all nodes, by the method that suits the graph, the task and the time.

``graphrep.embed(graph)`` chooses one of the estimators of this module by fixed rules, fits it, and says which it took
and why: on stderr in terminals and in Jupyter, in the log "graphrep.embed", and in the settings of the result. The
estimators themselves are here as well, ``from graphrep.embed import FastRP``.

Parameters
----------
graph : Graph or anything :func:`graphrep.as_graph` takes
    Edges of a directed graph are taken in both directions: walks along arcs end at nodes without successors.
task : {"labels", "links", None}
    What the vectors are for: labels or clusters of nodes, or missing links. None: unknown.
dimensions : int
    Length of a vector.
use_features : bool
    Whether node features ``graph.x`` may be used.
max_seconds : float or None
    A method that is expected to take longer on this graph with so many threads is not taken, except the fastest. The
    expectation is rough. None: no bound.
max_memory : float or None
    The same for bytes beside the graph; None: what is available.
random_state : int, RandomState, Generator or None
n_jobs : int or None
    Threads; they count for the expected time, and so for the choice.
progress : bool or None
    Whether to show a progress bar and the sentence; None shows them in terminals and Jupyter.

Returns
-------
NodeVectors
    With the names of the nodes. ``settings`` hold the method, its parameters, and the sentence under "choice".

Raises
------
ValueError, TypeError
    A parameter is out of range.
MemoryError
    Not even the smallest method fits ``max_memory``.

Notes
-----
The rules, of which the first that applies and fits is taken, stand in ``graphrep/embed/auto.py``;
:func:`graphrep.embed.choose_embedder` returns the choice without fitting. To find the best method for a graph by
measurement, use ``graphrep bench``.

Examples
--------
>>> import networkx as nx
>>> import graphrep as gr
>>> vectors = gr.embed(nx.karate_club_graph(), dimensions=16, max_seconds=0.01, n_jobs=1)
>>> vectors
NodeVectors(num_nodes=34, dimensions=16)
>>> vectors.settings["choice"]
'Node2Vec: the next, since DeepWalk would take about 0.033 s and max_seconds is 0.01.'
"""

from __future__ import annotations

import sys

import lazy_loader

from graphrep.embed.room import EmbedModule

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

sys.modules[__name__].__class__ = EmbedModule
