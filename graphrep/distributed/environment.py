"""What a launcher of several processes says in the environment."""

from __future__ import annotations

import os

__all__ = ["launched"]


def launched() -> int:
    """Number of ranks that the environment names; 1 if it names none."""
    size = os.environ.get("WORLD_SIZE", "")
    if not size.isdigit() or int(size) < 2:
        return 1
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if missing:
        raise ValueError(
            f"the environment has WORLD_SIZE={size}, but not {', '.join(missing)}; start with torchrun, or unset "
            "WORLD_SIZE for one process."
        )
    return int(size)
