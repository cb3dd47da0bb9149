"""Arguments of other libraries end in a sentence that says what they are called here."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
from sklearn.base import BaseEstimator, clone

import graphrep as gr

ESTIMATORS = sorted(
    name for name in gr.__all__ if isinstance(found := getattr(gr, name), type) and issubclass(found, BaseEstimator)
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gr.Node2Vec(num_walks=10), "Node2Vec has no parameter num_walks; it is called walks_per_node here."),
        (lambda: gr.Node2Vec(return_weight=2.0), "Node2Vec has no parameter return_weight; give p, which is 1 / "),
        (lambda: gr.FastRP(embeddingDimension=8), "FastRP has no parameter embeddingDimension; it is called dim"),
        (lambda: gr.FastRP(dimension=8), "FastRP has no parameter dimension; close to it is dimensions."),
        (lambda: gr.EASE(depth=8), "EASE has no parameter depth; it has l2, n_jobs."),
        (lambda: gr.Popularity(depth=8), "Popularity has no parameter depth; it has none."),
        (lambda: gr.DeepWalk([(0, 1)]), r"DeepWalk takes its parameters by name, and the data in fit\(\); got"),
        (lambda: gr.LINE().fit([(0, 1)], ranks=None), "fit has no parameter ranks; it has graph, y."),
        (lambda: gr.random_walks([(0, 1)], num_walks=1), "random_walks has no parameter num_walks; it is called wa"),
        (lambda: gr.embed([(0, 1)], size=1), "embed has no parameter size; it is called dimensions here."),
        (lambda: gr.as_graph([(0, 1)], edge_weight=1), "as_graph has no parameter edge_weight; it is called weight h"),
        (lambda: gr.NodeVectors([[1.0]]).most_similar(0, topn=1), "most_similar has no parameter topn; it is called k"),
    ],
)  # fmt: skip
def test_the_error_says_what_to_write(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_names_the_argument_and_keeps_its_signature(name):
    kind = getattr(gr, name)
    with pytest.raises(TypeError, match=f"^{name} has no parameter workers; it"):
        kind(workers=2)
    whole = inspect.signature(kind)
    assert sorted(whole.parameters) == sorted(kind._get_param_names())
    needed = {key: None for key, given in whole.parameters.items() if given.default is inspect.Parameter.empty}
    model = kind(**needed)
    for same in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same.get_params(deep=False).keys() == model.get_params(deep=False).keys()


def test_a_subclass_has_the_signature_of_its_own():
    class Own(gr.FastRP):
        def __init__(self, *, dimensions=8, extra=1, **others):
            super().__init__(dimensions=dimensions, **others)
            self.extra = extra

    assert list(inspect.signature(Own).parameters) == ["dimensions", "extra", "others"]
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'size'"):
        Own(size=3)
    assert Own(extra=2, precision="float16").precision == "float16"
