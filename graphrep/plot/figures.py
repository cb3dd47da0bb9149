"""Figures of matplotlib: where a picture is drawn, and its file."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from graphrep._pictures import check_picture, save_picture

if TYPE_CHECKING:
    import os

__all__ = ["axes_for", "check_target", "save_to"]


def check_target(path: str | os.PathLike[str] | None, *sources: str | os.PathLike[str]) -> None:
    """Raise an error if the picture cannot be made, before anything is computed."""
    if path is not None:
        check_picture(path, *sources)
    elif importlib.util.find_spec("matplotlib") is None:
        raise ImportError("a picture needs matplotlib; pip install 'graphrep[viz]'.")


def axes_for(ax: Any, size: tuple[float, float], path: str | os.PathLike[str] | None, *, bare: bool = False) -> Any:
    """``ax``, or the axes of a new figure: one of pyplot, or, where the picture is saved, one that nobody shows.

    ``bare`` axes fill the figure but for a line above and below.
    """
    if ax is not None:
        if not hasattr(ax, "transData"):
            raise TypeError(f"ax must be Axes of matplotlib, got {type(ax).__name__}.")
        return ax
    options: dict[str, Any] = {} if bare else {"layout": "constrained"}
    if path is None:
        from matplotlib import pyplot as plt

        figure = plt.figure(figsize=size, **options)
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, **options)
    return figure.add_axes((0.02, 0.05, 0.96, 0.89)) if bare else figure.add_subplot()


def save_to(axes: Any, path: str | os.PathLike[str] | None) -> None:
    """Write the figure of the axes, whole or not at all."""
    if path is not None:
        save_picture(axes.figure, path)
