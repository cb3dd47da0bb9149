"""Sentences of the library in the words of a command: ``--weight 2`` instead of ``weight=2``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["in_options"]

# Arguments whose option has another name.
_ALIASES = {"n_jobs": "threads", "out": "output", "random_state": "seed", "format": "form"}
_QUOTES, _EMPTY = "'\"()", "''"
_WORDS = ("columns", "features", "graph", "labels", "names")  # which may mean something else than the argument
# A full stop ends the sentence, unless a digit follows.
_VALUE = r"\"[^\"]*\"|'[^']*'|\(\)|[./~]+\w[^\s;,:]*|[\w-]+(?:\.\d+)?"
_ARGUMENT = re.compile(rf"(?P<verb>\b(?:give|pass) |\bor )?(?<![\w'\"/.-])(?P<name>[a-z][a-z_]*)=(?P<value>{_VALUE})?")
# The argument that a check begins with, and those whose names are no words.
_NAME = re.compile(r"^[a-z]\w*(?= must\b)|(?<![\w'\"/.=-])[a-z]+(?:_[a-z]+)+(?![\w'\"/.(=])")
_PHRASES = (  # calls in Python that an option replaces
    (r"make the graph with as_graph\(\.\.\., bipartite=True\)", "bipartite", "leave out --memory and give --bipartite"),
    (r"(?:give \w+|give|pass) graph\.to_undirected\(\)(?: for both)?", "directed", "leave out --directed"),
    (r"graph\.to_undirected\(\) makes it so", "directed", "leave out --directed"),
    (r"convert_edges has no option (\w+)", "memory", r"with --memory there is no \1="),
    (r"give graphrep\.open_graph\(path\)", "memory", "it needs no conversion"),
    (r"need as_graph\(\.\.\.\)\.save\(path\)", "memory", "are read without --memory"),
    (r"leave out memory= \(--memory\)", "memory", "leave out --memory"),
    (r"give a table or text file if", "num_nodes", "save them as text if"),
)  # fmt: skip

_ABSENT = (  # advice of which a command has no option
    ("edge_type", r"edge_type=1 for \(.*?\), edge_type=2 for \(.*?\), or "),
    ("form", r", or format= must be given"),
)


def in_options(text: str, options: Sequence[Any]) -> str:
    """A message of the library with the options of a command, click's, for the arguments that they give."""
    known = {option.name: option for option in options if option.opts and option.opts[0].startswith("-")}
    for phrase, needed, instead in _PHRASES:
        if needed in known:
            text = re.sub(phrase, instead, text)

    for absent, phrase in _ABSENT:
        if absent not in known:
            text = re.sub(phrase, "", text)

    def option_of(name: str) -> Any:
        return known.get(name) or known.get(_ALIASES.get(name, ""))

    def spoken(found: re.Match[str]) -> str:
        verb, name, value = found["verb"] or "", found["name"], found["value"]
        flags = known.get("weighted") if name == "weight" and value in ("True", "False") else None
        option = flags or option_of(name)
        if option is None:
            return found[0]
        long = _long(option.opts)
        if value == "None" and not verb:
            return f"no {long}"
        if value in ("False", "None"):
            if value == "False" and option.secondary_opts:
                return verb + _long(option.secondary_opts)
            return (verb.replace("give ", "").replace("pass ", "") + "leave out " if verb else "leaving out ") + long
        if value is None or (value == "True" and option.is_flag):
            return verb + long
        if value == "True":
            return f"{verb}{long} with its column"
        return f"{verb}{long} {value if value[1:-1].strip() != value[1:-1] else value.strip(_QUOTES) or _EMPTY}"

    text = _ARGUMENT.sub(spoken, text)

    def named(found: re.Match[str]) -> str:
        option = None if found[0] in _WORDS else option_of(found[0])
        return found[0] if option is None else _long(option.opts)

    return _NAME.sub(named, text)


def _long(names: Sequence[str]) -> str:
    """The longest name of an option."""
    return max(names, key=len)
