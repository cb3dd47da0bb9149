"""``python -m graphrep``: the command line."""

from __future__ import annotations

from graphrep.cli import main

if __name__ == "__main__":
    main()
