"""Types that a caller sees; ``mypy`` reads this file with the package, and nothing calls the function."""

from __future__ import annotations

import graphrep as gr
from graphrep.embed import FastRP, tune_fastrp


def use() -> list[object]:
    dimensions: int = FastRP(dimensions=4).dimensions
    vectors: gr.NodeVectors = gr.embed([(0, 1)], task="links")  # the module of the embedders can be called
    gr.embed([(0, 1)], tusk="links")  # type: ignore[call-arg]
    wrong: str = gr.embed([(0, 1)])  # type: ignore[assignment]
    return [dimensions, vectors, wrong, tune_fastrp, gr.embed.tune_fastrp]
