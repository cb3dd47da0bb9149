"""Fitted estimators from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrep import cluster, contrast, embed, linkpred, recommend, relational
from graphrep._saving import ESTIMATOR, SavedEstimator
from graphrep.io.bounded import reading
from graphrep.io.hub import MODEL, file_in
from graphrep.io.models import read_model

if TYPE_CHECKING:
    import os

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Any:
    """Estimator from a file that its ``save`` wrote, or from a folder of its ``save_pretrained``, fitted.

    Parameters
    ----------
    path : path

    Returns
    -------
    estimator
        It equals the saved one: the same vectors, and the same result of ``transform``. Callbacks, checkpoint and
        progress have their defaults.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is damaged, or not a model of graphrep. Nothing is unpickled.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.FastRP(dimensions=16).fit(nx.karate_club_graph())
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "karate.safetensors"
    >>> model.save(path)
    >>> gr.load(path).transform([("newcomer", 0), ("newcomer", 1)])
    NodeVectors(num_nodes=1, dimensions=16)
    """
    path = file_in(path, MODEL)
    kind, params, state = read_model(path)
    with reading(path, f"does not hold a whole {kind} of this version of graphrep"):
        return _made(kind, params, state)


def _made(kind: str, params: dict[str, Any], state: dict[str, Any] | None) -> SavedEstimator:
    """Estimator from its description, and those among its parameters and its state."""
    rooms = (embed, contrast, cluster, linkpred, recommend, relational)
    made = next((getattr(room, kind) for room in rooms if kind in room.__all__), None)
    if not (isinstance(made, type) and issubclass(made, SavedEstimator)):
        raise ValueError(f"{kind} is no estimator that can be loaded")
    model = made(**_with_estimators(params))
    if state is not None:
        model._restore(_with_estimators(state))
    return model


def _with_estimators(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _made(value[ESTIMATOR], value["params"], value["state"])
        if isinstance(value, dict) and ESTIMATOR in value
        else value
        for name, value in values.items()
    }
