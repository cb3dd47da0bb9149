"""Finishing steps for node vectors: smoothing along edges, orthonormal columns, whitening, and a fixed scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors
from graphrep._checks import checked_float, checked_int
from graphrep._names import aligned
from graphrep.embed._filter import single_threaded_blas
from graphrep.graph import Graph, as_graph
from graphrep.ops.propagation import graph_matmul
from graphrep.ops.tall import gram, multiply_rows

__all__ = ["orthogonalise", "rms_scaled", "smooth", "whiten"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

RMS = 3.0


def rms_scaled(vectors: F32, rms: float = RMS) -> F32:
    """Scale all vectors by one factor so that the root mean square of their lengths is ``rms``; in place."""
    size = float(np.sqrt(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / max(len(vectors), 1)))
    if size > 0:
        vectors *= np.float32(rms / size)
    return vectors
