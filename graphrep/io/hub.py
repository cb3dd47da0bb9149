"""Folders in the layout of the Hugging Face Hub: weights in safetensors, ``config.json``, and a card, ``README.md``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrep._version import __version__
from graphrep.io.atomic import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

__all__ = ["MODEL", "VECTORS", "file_in", "write_folder"]

MODEL, VECTORS = "model.safetensors", "vectors.safetensors"

_CARD = """---
library_name: graphrep
{license}tags:
- graph-representation-learning
- {tag}
---

# {title}

{facts}

```python
import graphrep as gr

{code}
```

`gr.{loader}` takes a folder. `huggingface_hub.snapshot_download("USER/NAME")` brings one from the Hub.

## What the files hold

{holds}

## Parameters

```json
{params}
```

Written by graphrep {version}.
"""


def file_in(path: str | os.PathLike[str], name: str) -> Path:
    """The file, or that of this name in a folder."""
    path = Path(path)
    if not path.is_dir():
        return path
    if not (path / name).is_file():
        raise IsADirectoryError(f"{path} is a directory; give a file, or a folder that holds {name}.")
    return path / name


def write_folder(
    folder: str | os.PathLike[str],
    name: str,
    save: Callable[[Path], None],
    *,
    kind: str,
    params: Mapping[str, Any],
    sizes: Mapping[str, int],
    license: str | None,  # noqa: A002
) -> None:
    """Write the weights by ``save``, ``config.json``, and ``README.md`` unless there is one, each file whole."""
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; give the name of a folder.")
    if license is not None and not re.fullmatch(r"[A-Za-z0-9.+-]+", license):
        raise ValueError(f"license must be an identifier such as mit or cc-by-4.0, got {license!r}.")
    target.mkdir(parents=True, exist_ok=True)
    save(target / name)
    config = {"library_name": "graphrep", "graphrep_version": __version__, "kind": kind, "file": name, **sizes}
    config["params"] = dict(params)
    _write(target / "config.json", json.dumps(config, indent=2, default=str, ensure_ascii=False) + "\n")
    if not (target / "README.md").exists():
        _write(target / "README.md", _card(name, kind, params, sizes, license))


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _card(
    name: str,
    kind: str,
    params: Mapping[str, Any],
    sizes: Mapping[str, int],
    license: str | None,  # noqa: A002
) -> str:
    facts = ", ".join(f"{size:,} {what.replace('num_', '').replace('_', ' ')}" for what, size in sizes.items())
    if name == MODEL:
        tag, loader, code = "graph-model", "load", 'model = gr.load("FOLDER")'
        title, holds = (
            kind,
            f"`{name}` holds the parameters, the fitted state, and the graph with the names of its nodes.",
        )
    else:
        tag, loader, code = "node-embeddings", "load_vectors", 'vectors = gr.load_vectors("FOLDER")'
        title, holds = "Node vectors", f"`{name}` holds a float32 vector for each node, and the names of the nodes."
    return _CARD.format(
        license="" if license is None else f"license: {license}\n", tag=tag, title=title,
        facts=f"{kind}: {facts}." if facts else f"{kind}.", code=code, loader=loader,
        holds=f"{holds} `config.json` is for readers: loading does not use it. No file is a pickle.",
        params=json.dumps(dict(params), indent=2, default=str, ensure_ascii=False).replace("```", "'''"),
        version=__version__,
    )  # fmt: skip
