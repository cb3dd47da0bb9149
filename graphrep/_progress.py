"""One progress bar: shown in terminals and in Jupyter, and nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any


def progress_bar(
    *,
    total: float | None = None,
    initial: float = 0,
    desc: str | None = None,
    unit: str = "it",
    unit_scale: bool = False,
    progress: bool | None = None,
) -> Any:
    """Return a ``tqdm`` bar.

    Parameters
    ----------
    total, initial, desc, unit, unit_scale
        As in ``tqdm``.
    progress : bool or None
        None shows the bar if stderr is a terminal or the code runs in a Jupyter kernel, unless tqdm's variable
        TQDM_DISABLE is set; True always shows it, False never.

    Returns
    -------
    tqdm
        A widget in Jupyter if ipywidgets is installed, text on stderr otherwise.
    """
    jupyter = in_jupyter()
    shown = is_shown(progress)
    widgets = jupyter and importlib.util.find_spec("ipywidgets") is not None
    bar = importlib.import_module("tqdm.notebook" if widgets else "tqdm").tqdm
    return bar(total=total, initial=initial, desc=desc, unit=unit, unit_scale=unit_scale, disable=not shown)


def is_shown(progress: bool | None) -> bool:  # noqa: FBT001
    """Whether progress is to be shown: as asked, or in terminals and in Jupyter, unless TQDM_DISABLE is set."""
    if progress is not None:
        return progress
    if os.environ.get("TQDM_DISABLE", "") not in ("", "0"):
        return False
    return in_jupyter() or bool(getattr(sys.stderr, "isatty", bool)())


def in_jupyter() -> bool:
    """Whether the code runs in a Jupyter kernel; IPython in a terminal is not one."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
