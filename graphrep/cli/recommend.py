"""The steps of ``graphrep recommend``: read users and items, fit, and list the best items."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import graphrep as gr
from graphrep._interactions import Interactions, as_interactions
from graphrep._names import NodeIndex, UnknownNodeError
from graphrep.evaluate import hold_out_items, recommendation

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRAINED = ("dimensions", "epochs")
_METHODS: dict[str, tuple[Any, dict[str, Any], tuple[str, ...]]] = {
    "popularity": (gr.Popularity, {}, ()),
    "itemknn": (gr.ItemKNN, {}, ()),
    "ease": (gr.EASE, {}, ()),
    "gfcf": (gr.GFCF, {}, ("dimensions",)),
    "als": (gr.ALS, {}, ("dimensions",)),
    "bpr": (gr.MatrixFactorization, {"loss": "bpr"}, _TRAINED),
    "ccl": (gr.MatrixFactorization, {"loss": "ccl"}, _TRAINED),
    "lightgcn": (gr.LightGCN, {}, _TRAINED),
}


def make(method: str, seed: int, threads: int | None, options: dict[str, Any]) -> Any:
    """The recommender of a name; ValueError for an option that it has not."""
    kind, settings, own = _METHODS[method]
    for name in options:
        if name not in own:
            raise ValueError(f"--{name} is not an option of {method}.")
    model = kind(**settings, **options)
    common = {"random_state": seed, "n_jobs": threads}
    return model.set_params(**{name: value for name, value in common.items() if name in model.get_params()})


def read(file: str, options: dict[str, Any]) -> Interactions:
    """Users and items of a file."""
    found = as_interactions(file, file, **options)
    if not found.matrix.nnz:
        raise ValueError(f"{file} holds no item of a user.")
    return found


def named(kind: str, text: str, found: Interactions) -> Any:
    """The user or item that ``text`` names; KeyError if there is none."""
    names = found.users if kind == "user" else found.items
    index = NodeIndex(names, found.matrix.shape[kind == "item"])
    name: Any = text
    if names is None or names.dtype.kind == "i":
        with contextlib.suppress(ValueError):
            name = int(text)
    if index.get(name) is None:
        raise KeyError(str(UnknownNodeError(name, names)).replace("node", kind))
    return name


def judged(model: Any, found: Interactions, k: int) -> str:
    """How well a tenth of each user's items is found again, beside the most popular ones."""
    from sklearn.base import clone

    split = hold_out_items(found, share=0.1)
    if not split.valid.matrix.nnz:
        raise ValueError("no user has enough items to hold one out; leave out --evaluate.")
    rows = [f"{'':20} recall@{k}  ndcg@{k}  coverage"]
    for one in (model, gr.Popularity()):
        scored = recommendation(clone(one).fit(split.train), split.train, split.valid, k=k)
        rows.append(f"{type(one).__name__:20} {scored.recall:.4f}     {scored.ndcg:.4f}   {scored.coverage:.4f}")
    return "\n".join(rows)


def table(model: Any, users: list[Any], basket: list[Any], k: int, *, known: bool) -> dict[str, list[Any]]:
    """Columns user, item, rank, score; of the basket of a new user, the user is empty."""
    if basket:
        names, found = [""], [model.recommend_for(basket, k, known=known)]
    else:
        every = range(model.interactions_.shape[0]) if model.users_ is None else model.users_.tolist()
        names, found = users or list(every), model.recommend(users or None, k, known=known)
    rows = [
        (name, item, place, float(f"{score:.7g}"))
        for name, best in zip(names, found, strict=True)
        for place, (item, score) in enumerate(best, 1)
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    return {name: list(column) for name, column in zip(("user", "item", "rank", "score"), columns, strict=True)}


def lines(columns: dict[str, list[Any]], *, several: bool) -> Iterator[str]:
    """Score, tab, item; before them the user and a tab if there are several."""
    for user, item, score in zip(columns["user"], columns["item"], columns["score"], strict=True):
        yield f"{f'{user}{chr(9)}' if several else ''}{score:.4f}\t{item}"
