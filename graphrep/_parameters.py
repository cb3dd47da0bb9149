"""Arguments that a function or an estimator does not have: the error says what is called so here."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["NamedParameters", "explained", "renamed"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Ours, and what gensim, PyTorch Geometric, node2vec, PecanPy, KarateClub, Neo4j GDS, scikit-learn and others call it;
# camelCase is looked up as camel_case.
_OTHERS = {
    "delimiter": "sep separator",
    "directed": "is_directed create_using",
    "source": "src from_ sources source_col source_column",
    "target": "dst to targets target_col target_column dest destination",
    "weight": "edge_weight edge_weights edge_attr weight_col weight_column weight_attr weight_key attr",
    "batch_size": "batch bs batch_words",
    "hidden": "hidden_channels hidden_dim hidden_size",
    "dimensions": "dim dims d size vector_size emb_dim emb_size embed_dim embedding_dim embedding_dims embedding_size "
    "embedding_dimension embedding_dimensions num_dimensions n_components hidden_channels out_channels hidden_dim rank "
    "factors num_factors",
    "epochs": "epoch iter iters n_iter num_iter max_iter iterations num_epochs n_epochs max_epochs iteration",
    "iteration_weights": "weights",
    "iterations": "epochs iter iters n_iter num_iter max_iter num_iterations",
    "k": "topn top_n top_k n_neighbors num_neighbors n topk limit",
    "layers": "num_layers n_layers",
    "learning_rate": "lr alpha eta initial_learning_rate",
    "max_seconds": "timeout time_limit",
    "n_clusters": "k num_clusters clusters n_components num_classes",
    "n_jobs": "workers threads num_threads n_threads num_workers concurrency num_jobs cores",
    "num_negatives": "negative negatives neg negative_samples num_negative_samples n_negatives num_neg_samples "
    "number_of_negative_samples negative_sampling_rate",
    "p": "return_param return_parameter return_factor",
    "patience": "early_stopping",
    "progress": "verbose show_progress progress_bar",
    "q": "in_out_param inout_param inout_parameter in_out_factor",
    "random_state": "seed random_seed rng",
    "seed": "random_state random_seed rng",
    "self_influence": "node_self_influence",
    "feature_ratio": "property_ratio",
    "walk_length": "length walk_len path_length walk_size",
    "walks_per_node": "num_walks n_walks number_walks number_of_walks walk_number walks num_walks_per_node",
    "weight_decay": "wd l2",
    "window": "window_size context_size context",
}  # fmt: skip
_INVERSE = {"return_weight": "p", "explore_weight": "q"}  # of GRAPE


class _Signature:
    """The signature of a class: that of ``__init__``, which ``inspect`` would otherwise take from ``__new__``."""

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        whole = inspect.signature(owner.__init__)  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:])


class NamedParameters:
    """Base of estimators, whose parameters are keyword-only: others are refused with what to write."""

    __signature__ = _Signature()

    if not TYPE_CHECKING:

        def __new__(cls, *args: Any, **options: Any) -> Any:
            if args or options:
                parameters = cls.__signature__.parameters
                kinds = {parameter.kind for parameter in parameters.values()}
                from graphrep._checks import brief  # which imports NumPy

                if args and kinds <= {inspect.Parameter.KEYWORD_ONLY}:
                    raise TypeError(
                        f"{cls.__name__} takes its parameters by name, and the data in fit(); got {brief(*args)}."
                    )
                if inspect.Parameter.VAR_KEYWORD not in kinds:
                    _refuse(cls.__name__, options, parameters)
            return super().__new__(cls)

        def __init_subclass__(cls, **options: Any) -> None:
            super().__init_subclass__(**options)
            for name in ("fit", "fit_predict", "fit_transform", "transform", "score_pairs", "recommend"):
                if inspect.isfunction(method := vars(cls).get(name)):
                    setattr(cls, name, explained(name)(method))


def explained(name: str) -> Callable[[Function], Function]:
    """Decorator of a public function: an argument that it does not have is an error that says what to write."""

    def decorator(function: Function) -> Function:
        parameters = inspect.signature(function).parameters
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            return function

        @functools.wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            if not parameters.keys() >= options.keys():
                _refuse(name, options, parameters)
            return function(*args, **options)

        return checked  # type: ignore[return-value]

    return decorator


def _refuse(what: str, options: Iterable[str], known: Iterable[str]) -> None:
    known = [name for name in known if name != "self"]
    for name in options:
        if name not in known:
            raise TypeError(f"{what} has no parameter {name}; {_instead(name, known)}.")


def renamed(name: str, known: Iterable[str]) -> str | None:
    """What an argument that is not known is called here."""
    plain = _plain(name)
    return next((ours for ours in _OTHERS if ours in known and plain in (ours, *_OTHERS[ours].split())), None)


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _instead(name: str, known: list[str]) -> str:
    plain = _plain(name)
    if _INVERSE.get(plain) in known:
        return f"give {_INVERSE[plain]}, which is 1 / {name}"
    if same := renamed(name, known):
        return f"it is called {same} here"
    close = difflib.get_close_matches(plain, known, 3)
    if close:
        return f"close to it are {', '.join(close)}" if len(close) > 1 else f"close to it is {close[0]}"
    return f"it has {', '.join(known)}" if known else "it has none"
