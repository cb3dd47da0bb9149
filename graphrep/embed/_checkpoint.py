"""State of an interrupted training in a safetensors file."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from graphrep.graph import Graph
from graphrep.io.atomic import replacing
from graphrep.ops.skipgram import SkipGram


class Checkpoint:
    """Saves and restores the tables of a :class:`SkipGram` and its position in the walks.

    A file of other settings or another graph is an error; it is not overwritten.
    """

    def __init__(self, path: Path, graph: Graph, settings: dict[str, Any], seconds: float) -> None:
        self.path = path
        self.seconds = seconds
        self.identity = json.dumps({**settings, "graph": graph_digest(graph)}, sort_keys=True, default=repr)
        self._last = time.monotonic()
        if not path.parent.is_dir():
            raise FileNotFoundError(f"checkpoint lies in {path.parent}, which is not a directory.")

    def restore(self, model: SkipGram, total: int) -> int:
        """Load the tables from the file, if there is one; return the position from which to resume."""
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return 0
        try:
            with safe_open(str(self.path), framework="numpy") as file:
                metadata = file.metadata() or {}
                tables = {name: file.get_tensor(name) for name in ("input", "output")}
                position = int(metadata.get("position", "-1"))
        except (SafetensorError, ValueError, OSError) as error:
            raise ValueError(f"{self.path} is not a checkpoint of graphrep: {error}.") from error
        if metadata.get("identity") != self.identity:
            raise ValueError(f"{self.path} belongs to another graph or other settings; remove it or name another file.")
        fits = all(table.shape == model.input.shape and table.dtype == np.float32 for table in tables.values())
        if not fits or not 0 <= position <= total:
            raise ValueError(f"{self.path} is damaged: its tables or position do not fit this graph.")
        model.input[...] = tables["input"]
        model.output[...] = tables["output"]
        return position

    def save_if_due(self, model: SkipGram, position: int, total: int) -> None:
        """Save if ``seconds`` have passed since the last save."""
        if time.monotonic() - self._last >= self.seconds:
            self.save(model, position, total)

    def save(self, model: SkipGram, position: int, total: int) -> None:
        """Save the tables and the position; an older file is replaced once the new one is complete."""
        from safetensors.numpy import save_file

        metadata = {"identity": self.identity, "position": str(position), "total": str(total)}
        with replacing(self.path) as temporary:
            save_file({"input": model.input, "output": model.output}, str(temporary), metadata=metadata)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Delete the file after the training."""
        self.path.unlink(missing_ok=True)


class DeferredInterrupt:
    """Defers Ctrl-C until :meth:`check`, within a ``with`` block.

    Python raises KeyboardInterrupt when a native call returns, before the position after a chunk is recorded; a state
    saved at that point would train on the chunk twice. A second Ctrl-C takes effect immediately.
    """

    def __init__(self) -> None:
        self._handler: Any = None
        self._waiting: tuple[int, FrameType | None] | None = None

    def __enter__(self) -> DeferredInterrupt:
        handler = signal.getsignal(signal.SIGINT)
        # Signals arrive only in the main thread, and can only be redirected there.
        if callable(handler) and threading.current_thread() is threading.main_thread():
            self._handler = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._handler)
        self._waiting = number, frame

    def check(self) -> None:
        """Deliver a deferred interrupt, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._handler(*waiting)


def graph_digest(graph: Graph) -> str:
    """SHA-256 of the adjacency without the names."""
    digest = hashlib.sha256(repr((graph.num_nodes, graph.directed, graph.weights is not None)).encode())
    for part in (graph.indptr, graph.indices, graph.weights):
        if part is not None:
            digest.update(part.data)
    return digest.hexdigest()
