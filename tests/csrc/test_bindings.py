"""``_core.pyi`` and the compiled module define the same functions with the same arguments and types."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from graphrep import _core

ROOT = Path(__file__).parents[2]
# Types by their names in the stub. A call has one type of ids and one of values, hence type variables.
VARIABLES = {"Id": {"int32", "int64"}, "Value": {"float32", "float64"}, "Table": {"float32", "float16"}}
OPAQUE = {"object"}  # nanobind knows no more of what a binding returns


def types(node: ast.expr, aliases: dict[str, ast.expr]) -> set[str]:
    """The alternatives of an annotation: arrays are named by their dtype, a tuple by the word alone."""
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return types(left, aliases) | types(right, aliases)
        case ast.Name(id=name) if name in aliases:
            return types(aliases[name], aliases)
        case ast.Name(id=name):
            return VARIABLES.get(name, {name})
        case ast.Constant(value=None):
            return {"None"}
        case ast.Attribute(value=ast.Name(id="np" | "torch"), attr=name):
            return {name}
        case ast.Subscript(value=ast.Name(id="NDArray"), slice=dtype):
            return {f"array of {name}" for name in types(dtype, aliases)}
        case ast.Subscript(value=ast.Name(id="tuple")):
            return {"tuple"}
        case ast.Subscript(value=ast.Name(id=name), slice=item):
            return {f"{name} of {kind}" for kind in types(item, aliases)}
    raise ValueError(ast.dump(node))


def described(function: ast.FunctionDef, aliases: dict[str, ast.expr]) -> tuple[dict[str, set[str]], set[str]]:
    arguments = function.args
    others = [arguments.posonlyargs, arguments.kwonlyargs, arguments.vararg, arguments.kwarg, arguments.defaults]
    assert not any(others)
    names = {argument.arg: types(argument.annotation, aliases) for argument in arguments.args}
    return names, types(function.returns, aliases)


def stubbed(text: str) -> dict[str, tuple[dict[str, set[str]], set[str]]]:
    body = ast.parse(text).body
    aliases = {line.target.id: line.value for line in body if isinstance(line, ast.AnnAssign)}
    functions = [line for line in body if isinstance(line, ast.FunctionDef)]
    assert len({function.name for function in functions}) == len(functions)
    return {function.name: described(function, aliases) for function in functions}


def compiled(name: str) -> tuple[list[str], dict[str, set[str]], set[str]]:
    """Names of arguments, their types over all overloads, and the types that are returned."""
    overloads = []
    for signature, *_ in getattr(_core, name).__nb_signature__:
        text = re.sub(r"numpy\.ndarray\[dtype=(\w+),[^\]]*\]", r"NDArray[np.\1]", signature)
        (function,) = ast.parse(text.replace("collections.abc.", "") + ": ...").body
        overloads.append(described(function, {}))
    arguments = {key: set().union(*(names[key] for names, _ in overloads)) for key in overloads[0][0]}
    assert all(list(names) == list(arguments) for names, _ in overloads)
    return list(arguments), arguments, set().union(*(returned for _, returned in overloads))


STUB = stubbed((ROOT / "graphrep" / "_core.pyi").read_text(encoding="utf-8"))
PUBLIC = {name for name in vars(_core) if not name.startswith("_")}


def test_names():
    assert PUBLIC
    assert set(STUB) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC & set(STUB)))
def test_signature(name):
    order, arguments, returned = compiled(name)
    assert list(STUB[name][0]) == order
    assert STUB[name][0] == arguments
    if returned != OPAQUE:
        assert STUB[name][1] == returned
