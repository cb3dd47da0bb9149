"""Features that cannot be used are refused in the same sentence by every estimator that takes them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr

NODES = 40
LEARNERS = {
    "FastRP": lambda: gr.FastRP(dimensions=8, feature_ratio=0.5),
    "MUSAE": lambda: gr.MUSAE(dimensions=8),
    "AE": lambda: gr.AE(dimensions=8, algorithm="sampled", samples_per_node=20, n_jobs=1),
    "PropagatedFeatures": lambda: gr.PropagatedFeatures(dimensions=4),
    "Contrastive": lambda: gr.Contrastive(dimensions=4, epochs=1),
    "StructComp": lambda: gr.StructComp(dimensions=4, epochs=1),
    "GAE": lambda: gr.GAE(dimensions=4, epochs=1),
    "NCN": lambda: gr.NCN(dimensions=4, epochs=1),
    "PamC": lambda: gr.PamC(n_clusters=2, dimensions=4, hidden=(8,), pretraining_epochs=1, epochs=1, n_init=1),
    "SCGC": lambda: gr.SCGC(n_clusters=2, dimensions=4, hidden=(8,), pretraining_epochs=1, epochs=1, n_init=1),
}
GOOD = np.random.default_rng(0).standard_normal((NODES, 5))


def changed(value):
    x = GOOD.copy()
    x[3, 2] = value
    return x


def graph(x):
    return gr.as_graph(nx.path_graph(NODES), x=x)


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (changed(np.nan), ValueError, "must be finite, but 1 of its entries are NaN or infinite"),
        (changed(-np.inf), ValueError, "must be finite, but 1 of its entries"),
        (sp.csr_array(changed(np.nan)), ValueError, "must be finite, but 1 of its entries"),
        (changed(1e20), ValueError, r"holds values up to 1e\+20, so large that float32 arithmetic overflows"),
        (changed(-1e300), ValueError, r"holds values up to 1e\+300"),
        (GOOD + 1j, TypeError, "must hold real numbers, got dtype complex128"),
        (GOOD.astype(str), TypeError, "must hold real numbers, got dtype <U"),
        (np.full((NODES, 2), None), TypeError, "must hold real numbers, got dtype object"),
        (GOOD[:, 0], ValueError, r"must have shape \(.*, num_features\), got \(40,\); reshape one feature per node"),
        (GOOD[:, :0], ValueError, "has no columns"),
        (GOOD[:, :, None], ValueError, r"must have shape \(.*\), got \(40, 5, 1\)"),
    ],
)
def test_unusable_features(make, x, error, message):
    with pytest.raises(error, match=message):
        make().fit(graph(x))


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_usable_features_of_every_type(make):
    """Integers, booleans, floats of any width, objects that are numbers, sparse or dense: the same vectors."""
    whole = (GOOD > 0).astype(np.float32)
    expected = make().fit(graph(whole)).embedding_
    assert np.isfinite(expected).all()
    for x in (
        whole.astype(bool),
        whole.astype(np.int8),
        whole.astype(np.float64),
        whole.astype(object),
        whole.tolist(),
    ):
        np.testing.assert_array_equal(make().fit(graph(x)).embedding_, expected)
    sparse = make().fit(graph(sp.csr_array(whole))).embedding_
    np.testing.assert_allclose(sparse, expected, rtol=1e-3, atol=1e-4)


def test_large_features_that_fit_are_taken():
    x = changed(1e10)
    for make in (LEARNERS["FastRP"], LEARNERS["GAE"]):
        assert np.isfinite(make().fit(graph(x)).embedding_).all()
