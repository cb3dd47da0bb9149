"""Versions, instruction set, threads and missing packages: what to check for slow runs and failed imports."""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from graphrep._backend import wanted
from graphrep._threads import available_cpus, resolve_threads

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["collect", "show_versions"]

DISTRIBUTIONS = ("graphrep", "numpy", "scipy", "torch", "scikit-learn", "networkx", "safetensors", "nanobind-backend")
ISAS = ("baseline", "avx2", "avx512")

# Optional module -> what it is for, what to install.
OPTIONAL = {
    "torch_geometric": ("graphs from and for PyG", "graphrep[pyg]"),
    "pyarrow": ("vectors in Parquet", "graphrep[io]"),
    "zstandard": ("edge lists compressed by zstd", "graphrep[io]"),
    "gensim": ("NodeVectors.to_keyed_vectors", "graphrep[gensim]"),
    "faiss": ("indexes for approximate search", "graphrep[search]"),
    "hnswlib": ("indexes for approximate search", "graphrep[search]"),
    "usearch": ("indexes for approximate search", "graphrep[search]"),
    "igraph": ("communities by Leiden", "graphrep[communities]"),
    "pandas": ("NodeVectors.to_frame", "pandas"),
    "matplotlib": ("plots", "graphrep[viz]"),
    "umap": ("maps by UMAP", "graphrep[maps]"),
    "pacmap": ("maps by PaCMAP", "graphrep[maps]"),
    "triton": ("kernels for a GPU", "triton"),
    "ogb": ("comparison with OGB's metrics", "ogb"),
    "torch_scatter": ("comparison of speed", "torch-scatter"),
}

_RUNTIME = re.compile(r"lib(gomp|iomp5?|omp)(-[0-9a-f]+)?\.(so|dylib)")


def show_versions(*, file: TextIO | None = None) -> dict[str, Any]:
    """Print what graphrep runs on, and return it.

    Lists versions, the chosen instruction set, the OpenMP runtimes in the process and who uses them, threads,
    environment variables, the built-in data, missing optional packages and how to install them, and problems. Imports
    torch and scikit-learn. The same as ``graphrep doctor``.

    Parameters
    ----------
    file : text stream, optional
        Stream to print to; default: standard output.

    Returns
    -------
    dict
        The facts under "versions", "instruction_set", "openmp", "threads", "backend", "data", "missing", "problems".

    Examples
    --------
    >>> import io
    >>> import graphrep as gr
    >>> facts = gr.show_versions(file=io.StringIO())
    >>> facts["backend"] in ("auto", "native", "triton", "reference")
    True
    """
    facts = collect()
    (sys.stdout if file is None else file).write(_report(facts))
    return facts


def collect() -> dict[str, Any]:
    """Gather the facts that :func:`show_versions` prints; a broken installation becomes a problem, not an error."""
    problems: list[str] = []
    torch, _, core = (_import(name, problems) for name in ("torch", "sklearn", "graphrep._core"))
    return {
        "versions": {"python": f"{platform.python_version()}, {platform.system()} {platform.machine()}"}
        | {name: _version(name) for name in DISTRIBUTIONS},
        "instruction_set": _instruction_set(core, problems),
        "openmp": _openmp(torch, core, problems),
        "threads": {
            "cpus": available_cpus(),
            "default": resolve_threads(None),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        },
        "backend": _backend(problems),
        "data": _data(),
        "missing": _missing(),
        "problems": problems,
    }


def _import(name: str, problems: list[str]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a broken installation can raise anything
        problems.append(f"import {name} fails: {type(error).__name__}: {error}")
        return None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _instruction_set(core: ModuleType | None, problems: list[str]) -> dict[str, Any]:
    wanted = os.environ.get("GRAPHREP_ISA") or None
    if core is None:
        return {"chosen": None, "available": [], "GRAPHREP_ISA": wanted}
    chosen = core.isa()
    available = [name for name in ISAS if core.set_isa(name)]
    core.set_isa(chosen)
    if wanted not in (None, *available):
        reason = "this CPU lacks it" if wanted in ISAS else f"it must be one of {', '.join(ISAS)}"
        problems.append(f"GRAPHREP_ISA={wanted} is ignored: {reason}.")
    return {"chosen": chosen, "available": available, "GRAPHREP_ISA": wanted}


def _openmp(torch: ModuleType | None, core: ModuleType | None, problems: list[str]) -> dict[str, Any]:
    """Loaded OpenMP runtimes, and those that graphrep and torch call; empty without /proc."""
    mapped = _mapped_files()
    runtimes = sorted({path for _, _, path in mapped if _RUNTIME.match(Path(path).name)})
    ours = _runtime_of(core.__file__, mapped) if core is not None else None
    theirs = None
    if torch is not None:
        theirs = _runtime_of(next((path for _, _, path in mapped if "libtorch_cpu" in path), None), mapped)
    if ours and theirs and ours != theirs:
        problems.append(
            f"graphrep runs its threads on {ours} but torch on {theirs}, so that the two compete for CPUs; "
            "import torch before graphrep."
        )
    return {
        "runtimes": {path: _owner(path) for path in runtimes},
        "graphrep": ours,
        "torch": theirs,
        "shared": ours == theirs if ours and theirs else None,
    }


def _mapped_files() -> list[tuple[int, int, str]]:
    """Begin, end and path of every file mapped into this process."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    mapped = []
    for line in lines:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            begin, end = (int(part, 16) for part in fields[0].split("-"))
            mapped.append((begin, end, fields[5].removesuffix(" (deleted)")))
    return mapped


def _runtime_of(library: str | None, mapped: list[tuple[int, int, str]]) -> str | None:
    """File from which ``library`` takes the functions of OpenMP; None if it uses none."""
    if library is None:
        return None
    try:
        address = ctypes.cast(ctypes.CDLL(library).omp_get_max_threads, ctypes.c_void_p).value or 0
    except (OSError, AttributeError):
        return None
    return next((path for begin, end, path in mapped if begin <= address < end), None)


def _owner(path: str) -> str:
    """Package whose folder holds a shared library: torch, scikit-learn, …, or the system."""
    parts = Path(path).parts
    for home in ("site-packages", "dist-packages"):
        if home in parts[:-1]:
            package = parts[parts.index(home) + 1]
            return package.removesuffix(".libs").replace("_", "-")  # folder of the libraries of a wheel
    return "the system"


def _backend(problems: list[str]) -> str:
    try:
        return wanted()
    except ValueError as error:
        problems.append(str(error))
        return "unknown"


def _data() -> dict[str, str]:
    try:
        from graphrep import datasets

        return {"debian": repr(datasets.load("debian").graph)}
    except Exception as error:  # as for an import
        return {"debian": f"not found: {error}"}


def _missing() -> dict[str, tuple[str, str]]:
    return {name: use for name, use in OPTIONAL.items() if importlib.util.find_spec(name) is None}


def _report(facts: dict[str, Any]) -> str:
    isa, openmp, threads = facts["instruction_set"], facts["openmp"], facts["threads"]
    users = {openmp["torch"]: ["torch"]}
    users.setdefault(openmp["graphrep"], []).append("graphrep")
    runtimes = {
        path: f"from {owner}" + (f", used by {' and '.join(users[path])}" if path in users else "")
        for path, owner in openmp["runtimes"].items()
    }
    sections = {
        "Versions": facts["versions"],
        "Instruction set": {
            "chosen": isa["chosen"] or "none: the native core is missing",
            "this CPU has": ", ".join(isa["available"]),
            "GRAPHREP_ISA": isa["GRAPHREP_ISA"] or "not set",
        },
        "OpenMP runtimes": runtimes or {"none": ""},
        "Threads": {
            "CPUs": threads["cpus"],
            "default of n_jobs": threads["default"],
            "OMP_NUM_THREADS": threads["OMP_NUM_THREADS"] or "not set",
        },
        "Implementation": {"GRAPHREP_BACKEND": facts["backend"]},
        "Built-in data": facts["data"],
        "Missing, optional": {
            name: f"{use}; pip install '{install}'" for name, (use, install) in facts["missing"].items()
        },
        "Problems": {f"{number}.": text for number, text in enumerate(facts["problems"], start=1)},
    }
    lines = []
    for title, entries in sections.items():
        if entries:
            lines += [title, *(f"  {key:<18}  {value}".rstrip() for key, value in entries.items())]
    return "\n".join(lines) + "\n"
