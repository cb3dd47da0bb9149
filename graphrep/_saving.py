"""Fitted estimators that are saved to a file and loaded from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from graphrep._parameters import NamedParameters
from graphrep.graph import Graph

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ESTIMATOR", "SavedEstimator", "load_weights", "packed_graph", "unpacked_graph", "weights_of"]

#: Key of the class of an estimator that is a parameter or part of the state of another.
ESTIMATOR = "graphrep estimator"

# Parameters that matter only while an estimator runs; a file leaves them out.
_RUN_ONLY = ("callbacks", "checkpoint", "progress")
_TYPES = ("node_type", "node_types", "edge_type", "edge_types")  # of a graph


class SavedEstimator(NamedParameters, BaseEstimator):  # type: ignore[misc]
    """Base of estimators with ``save``; subclasses say what their state is and how it is set again."""

    embedding_: Any

    #: The attribute that a fitted estimator has.
    _fitted_name: ClassVar[str] = "embedding_"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, from which :func:`graphrep.load` makes it again in any process.

        The file is safetensors, without pickle, and replaces an existing one once it is complete. It holds the
        parameters, the fitted state, and the graph with names that are strings or integers.

        Raises
        ------
        NotFittedError
            The estimator is not fitted.
        ValueError
            A parameter is an object that the file cannot hold, such as a function.
        """
        from graphrep.io.models import write_model

        check_is_fitted(self, self._fitted_name)
        parts = _described(self)
        write_model(path, parts[ESTIMATOR], parts["params"], parts["state"])

    def save_pretrained(self, folder: str | os.PathLike[str], *, license: str | None = None) -> None:  # noqa: A002
        """Write a folder in the layout of the Hugging Face Hub, without network; :func:`graphrep.load` takes it.

        It holds ``model.safetensors``, the file of :meth:`save`; ``config.json`` with class, parameters and sizes; and
        ``README.md``, a card to complete, which is not replaced if there is one. Like that of :meth:`save`, the file
        holds the graph: do not publish the folder if its names or edges are private.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        license : str, optional
            Identifier for the card, such as "mit".

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`save`; a license that is no identifier.
        NotADirectoryError
            There is a file of this name.
        """
        from graphrep.io.hub import MODEL, write_folder

        check_is_fitted(self, self._fitted_name)
        vectors = getattr(self, "embedding_", None)
        sizes = dict(zip(("num_nodes", "dimensions"), getattr(vectors, "shape", ()), strict=False))
        params = self._saved_params()
        write_folder(folder, MODEL, self.save, kind=type(self).__name__, params=params, sizes=sizes, license=license)

    def _saved_params(self) -> dict[str, Any]:
        return {name: value for name, value in self.get_params(deep=False).items() if name not in _RUN_ONLY}

    def _state(self) -> dict[str, Any]:
        """Fitted state beyond the vectors."""
        return {}

    def _restore(self, state: dict[str, Any]) -> None:
        """Set the vectors and what ``_state`` returned; raises an error if parts of it do not fit together."""
        for name, value in state.items():
            setattr(self, name, value)


def _described(estimator: SavedEstimator) -> dict[str, Any]:
    """An estimator, fitted or not, as values that a model file can hold; those among its values likewise."""
    name = estimator._fitted_name
    state = {name: getattr(estimator, name), **estimator._state()} if hasattr(estimator, name) else None
    parts = {"params": estimator._saved_params(), "state": state}
    described: dict[str, Any] = {ESTIMATOR: type(estimator).__name__}
    for name, values in parts.items():
        described[name] = values and {
            key: _described(value) if isinstance(value, SavedEstimator) else value for key, value in values.items()
        }
    return described


def packed_graph(graph: Graph, *, with_features: bool = False) -> dict[str, Any]:
    """A graph as values that a model file can hold."""
    csr = {"indptr": graph.indptr, "indices": graph.indices, "weights": graph.weights}
    x = graph.x if with_features else None
    types = {name: getattr(graph, name) for name in _TYPES}
    return csr | types | {"nodes": graph.node_index.names, "directed": graph.directed, "x": x}


def unpacked_graph(parts: dict[str, Any]) -> Graph:
    """The graph of :func:`packed_graph`, checked."""
    return Graph(
        parts["indptr"],
        parts["indices"],
        parts["weights"],
        directed=parts["directed"],
        nodes=parts["nodes"],
        x=parts["x"],
        **{name: parts[name] for name in _TYPES},
    )


def weights_of(module: nn.Module) -> dict[str, Any]:
    """Parameters and buffers of a module as arrays."""
    return {name: part.detach().cpu().numpy() for name, part in module.state_dict().items()}


def load_weights(module: nn.Module, weights: dict[str, Any]) -> None:
    """Set the parameters and buffers of a module; raises ValueError if they are those of another one."""
    import torch

    wanted = module.state_dict()
    if wanted.keys() != weights.keys() or any(weights[name].shape != part.shape for name, part in wanted.items()):
        raise ValueError("the weights are those of another model")
    module.load_state_dict({name: torch.from_numpy(np.array(part)) for name, part in weights.items()})
