"""Learners train in float32 whatever torch's default dtype is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr

RNG = np.random.default_rng(0)
GRAPH = gr.as_graph(
    RNG.integers(0, 40, (2, 200)), directed=False, num_nodes=40, x=RNG.random((40, 6), dtype=np.float32)
)
TRIPLES = np.stack([RNG.integers(0, 9, 30), RNG.integers(0, 2, 30), RNG.integers(0, 9, 30)], axis=1)
LEARNERS = {
    "StructComp": lambda: gr.StructComp(epochs=2, dimensions=8).fit_transform(GRAPH),
    "Contrastive": lambda: gr.Contrastive(epochs=2, dimensions=8).fit_transform(GRAPH),
    "GAE": lambda: gr.GAE(epochs=2, dimensions=8).fit(GRAPH).score_pairs([[0], [1]]),
    "NCN": lambda: gr.NCN(epochs=2, dimensions=8, batch_size=32).fit(GRAPH).score_pairs([[0], [1]]),
    "NCNC": lambda: gr.NCNC(epochs=2, dimensions=8, batch_size=32).fit(GRAPH).score_pairs([[0], [1]]),
    "ProNE": lambda: gr.ProNE(dimensions=8).fit_transform(GRAPH),
    "NetMF": lambda: gr.NetMF(dimensions=8).fit_transform(GRAPH),
    "HOPE": lambda: gr.HOPE(dimensions=8).fit_transform(GRAPH),
    "STRAP": lambda: gr.STRAP(dimensions=8).fit_transform(GRAPH),
    "ComplEx": lambda: gr.ComplEx(dimensions=4, epochs=2).fit_transform(TRIPLES),
    "RotatE": lambda: gr.RotatE(dimensions=4, epochs=2, num_negatives=4).fit_transform(TRIPLES),
    "ALS": lambda: gr.ALS(dimensions=4, iterations=1).fit(TRIPLES[:, ::2] > 4).score_users([0]),
    "LightGCN": lambda: gr.LightGCN(dimensions=4, epochs=1, validation=0).fit(TRIPLES[:, ::2] > 4).score_users([0]),
    "FastRP": lambda: gr.FastRP(dimensions=8).fit_transform(GRAPH),
    "Spectral": lambda: gr.Spectral(dimensions=8).fit_transform(GRAPH),
}


@pytest.fixture
def double_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("name", LEARNERS)
def test_float64_by_default(name):
    out = LEARNERS[name]()
    assert np.asarray(getattr(out, "vectors", out)).dtype == np.float32


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("kind", ["PamC", "SCGC"])
def test_clustering_with_float64_by_default(kind):
    model = getattr(gr, kind)(n_clusters=2, hidden=(16,), pretraining_epochs=2, epochs=2)
    assert model.fit_predict(GRAPH).shape == (40,)
