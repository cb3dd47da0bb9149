"""Ctrl-C that waits until a chunk of work is complete."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


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
