"""The type of the module ``graphrep.embed``, which is a function, too."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphrep._parameters import explained

if TYPE_CHECKING:
    from graphrep.vectors import NodeVectors

__all__ = ["EmbedModule"]


class EmbedModule(ModuleType):
    """A module that can be called: ``gr.embed(graph)`` beside ``from graphrep.embed import FastRP``."""

    @explained("embed")
    def __call__(
        self,
        graph: Any,
        *,
        task: str | None = None,
        dimensions: int = 128,
        use_features: bool = True,
        max_seconds: float | None = 60.0,
        max_memory: float | None = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
        progress: bool | None = None,
    ) -> NodeVectors:
        """See the docstring of the module."""
        from graphrep.embed.auto import choose_embedder, report

        choice = choose_embedder(
            graph,
            task=task,
            dimensions=dimensions,
            use_features=use_features,
            max_seconds=max_seconds,
            max_memory=max_memory,
            random_state=random_state,
            n_jobs=n_jobs,
            progress=progress,
        )
        report(choice.sentence, progress)
        return choice.fit()

    if TYPE_CHECKING:  # the names of embed/__init__.pyi

        def __getattr__(self, name: str) -> Any: ...
