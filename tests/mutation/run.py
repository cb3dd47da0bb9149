"""Change the package one small step at a time and list the changes that no test notices.

    python tests/mutation/run.py graphrep/graph.py graphrep/heuristics --limit 40 --seed 0 --out mutants.json

Each path gives up to ``--limit`` mutants, drawn by ``--seed`` from all its files. The work happens in a temporary copy
of the tree: one change to the text of one file, then the doctests of that file and the tests that mirror it
(``graphrep/evaluate/x.py``: ``tests/evaluate``, with ``test_x.py`` first), until one fails. ``--tests`` names other
tests: ``--tests graphrep/embed/_search.py=tests/embed/test_vectors.py``, several separated by commas.

Ctrl-C stops the run; the report and the file of ``--out`` then cover the mutants so far. ``--survivors-of FILE`` tries
only the survivors of an earlier run again. A mutant that means the same as the original survives any test; only a
reader can tell. Needs a system with ``fork``: libraries are imported once, and every run of pytest is a fork.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "out", "_build", "csrc", "notebooks", "results", "*.egg-info"
)
# Imported before the forks. Neither graphrep nor anything that imports it may be here.
LIBRARIES = [
    *("pytest", "numpy", "scipy.sparse", "scipy.stats", "scipy.optimize", "networkx", "pandas", "pyarrow"),
    *("torch", "torch._dynamo", "torch_geometric.data", "torch_geometric.utils", "gensim.models"),
    *("sklearn.linear_model", "sklearn.metrics", "sklearn.multiclass", "sklearn.cluster", "sklearn.decomposition"),
]
OPTIONS = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
OPTIONS += ["-p", "no:hypothesispytest"]  # importing it would take longer than most tests, in every fork
MEMORY = 8 << 30  # bytes a run may allocate: a wrong size must not take the machine down

COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax"}
NAMES |= {"argmax": "argmin", "any": "all", "all": "any", "amin": "amax", "amax": "amin", "floor": "ceil"}
NAMES |= {"ceil": "floor", "zeros": "ones", "ones": "zeros"}


@dataclass(frozen=True)
class Mutant:
    """Bytes ``start`` to ``end`` of ``file`` replaced by ``new``."""

    file: str
    start: int
    end: int
    new: str
    kind: str
    line: int
    before: str
    after: str

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


@dataclass
class Result:
    """``status`` is killed, timeout (counts as killed) or survived; ``by`` is the first test that failed."""

    mutant: Mutant
    status: str
    by: str
    seconds: float


class Finder:
    """Collects (start, end, new text, kind) of all small changes to a module; the rest of its text stays."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.lines = [0]
        for line in source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        self.found: list[tuple[int, int, str, str]] = []
        self.visit(ast.parse(source), set())

    def span(self, node: ast.AST) -> tuple[int, int]:
        begin = self.lines[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return begin, self.lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def add(self, node: ast.AST, new: str, kind: str) -> None:
        self.found.append((*self.span(node), new, kind))

    def between(self, left: ast.AST, right: ast.AST, swap: tuple[str, str], kind: str) -> None:
        """Replace the operator between two operands."""
        begin, end = self.span(left)[1], self.span(right)[0]
        gap = self.source[begin:end].decode()
        words = re.escape(swap[0]).replace(r"\ ", r"\s+")
        match = re.search(rf"\b{words}\b" if swap[0][0].isalpha() else words, gap)
        if match and "#" not in gap:
            start = begin + len(gap[: match.start()].encode())
            self.found.append((start, start + len(match.group().encode()), swap[1], kind))

    def visit(self, node: ast.AST, bound: set[str], *, default: bool = False) -> None:
        """``bound``: names that have a value before this statement, so that deleting an assignment is no NameError."""
        if isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)):
            return
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Raise):  # the message is tested where the error is
            self.add(node, "pass", "statement deleted")
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            bound = bound | {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        self.statement(node, bound)
        self.expression(node, "argument default" if default else "constant")
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            for part in child if isinstance(child, list) else [child]:
                if isinstance(part, ast.keyword) and part.arg == "strict":
                    continue
                if isinstance(part, ast.AST):
                    self.visit(part, bound, default=name in ("defaults", "kw_defaults"))
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.With)):
            names = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
            bound |= {part.id for part in names}  # in place: later statements of the function see it

    def statement(self, node: ast.AST, bound: set[str]) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        deletable = isinstance(node, (ast.Expr, ast.AugAssign, ast.Continue, ast.Break, ast.Delete))
        if isinstance(node, ast.Assign):
            kept = (isinstance(part, (ast.Attribute, ast.Subscript)) or part.id in bound for part in _targets(node))
            deletable = all(kept)
        if deletable:
            self.add(node, "pass", "statement deleted")

    def drop_keywords(self, node: ast.Call) -> None:
        """Leave out ``name=value`` of a call, with the comma before it."""
        arguments: list[ast.AST] = sorted([*node.args, *node.keywords], key=self.span)
        for before, argument in zip([node.func, *arguments], arguments, strict=False):
            if isinstance(argument, ast.keyword) and argument.arg not in (None, "strict"):
                begin, end = self.span(argument)
                start = begin if before is node.func else self.span(before)[1]
                self.found.append((start, end, "", "argument dropped"))

    def expression(self, node: ast.AST, kind: str) -> None:
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
                self.between(left, right, COMPARISONS[type(operator)], "comparison")
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            self.between(node.left, node.right, OPERATORS[type(node.op)], "arithmetic")
        elif isinstance(node, ast.BoolOp):
            swap = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                self.between(left, right, swap, "and/or")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert, ast.USub)):
            if not isinstance(node.operand, ast.Constant):
                begin, end = self.span(node.operand)
                self.add(node, "(" + self.source[begin:end].decode() + ")", "negation dropped")
        elif isinstance(node, ast.Constant):
            for new in _other_constants(node.value):
                self.add(node, new, kind)
        elif isinstance(node, ast.Call):
            called = node.func
            self.drop_keywords(node)
            if isinstance(called, ast.Name) and called.id in NAMES:
                self.add(called, NAMES[called.id], "function")
            elif isinstance(called, ast.Attribute) and called.attr in NAMES:
                end = self.span(called)[1]
                self.found.append((end - len(called.attr), end, NAMES[called.attr], "function"))


def _targets(node: ast.Assign) -> Iterator[ast.Name | ast.Attribute | ast.Subscript]:
    waiting: list[ast.expr] = list(node.targets)
    while waiting:
        target = waiting.pop()
        if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
            yield target
        elif isinstance(target, (ast.Tuple, ast.List)):
            waiting += target.elts
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)


def _other_constants(value: object) -> list[str]:
    if isinstance(value, bool):
        return [str(not value)]
    if isinstance(value, int):
        return [str(value + 1)] + (["0"] if value else [])
    if isinstance(value, float):
        return [repr(2 * value), "0.0"] if value else ["1.0"]
    return []


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """All mutants of a file that compile and differ, in order of place."""
    source = (root / file).read_bytes()
    original = ast.dump(ast.parse(source))
    out = []
    for start, end, new, kind in sorted(set(Finder(source).found)):
        changed = source[:start] + new.encode() + source[end:]
        try:
            same = ast.dump(ast.parse(changed)) == original
        except SyntaxError:
            continue
        if same:
            continue
        begin = source.rfind(b"\n", 0, start) + 1
        before = source[begin : _line_end(source, end)].decode()
        after = changed[begin : _line_end(changed, start + len(new.encode()))].decode()
        line = source.count(b"\n", 0, start) + 1
        out.append(Mutant(file, start, end, new, kind, line, _short(before), _short(after)))
    return out


def _line_end(text: bytes, position: int) -> int:
    end = text.find(b"\n", position)
    return len(text) if end < 0 else end


def _short(text: str) -> str:
    return " ".join(text.split())[:160]


def files_of(root: Path, path: str) -> list[str]:
    here = (root / path).resolve()
    if not here.is_relative_to(root):
        here = Path(path).resolve()
    found = [here] if here.is_file() else sorted(here.rglob("*.py"))
    if not found:
        raise SystemExit(f"paths must name Python files or folders of them, got {path!r}; try graphrep/graph.py.")
    return [file.relative_to(root).as_posix() for file in found]


def tests_of(root: Path, file: str, table: dict[str, list[str]]) -> list[str]:
    """The tests of a file, those most likely to fail first, with its own doctests."""
    for path in (Path(file), *Path(file).parents):
        if path.as_posix() in table:
            return [*table[path.as_posix()], file]
    inner = Path(file).relative_to("graphrep")
    first = Path("tests") / inner.parent / f"test_{inner.stem.strip('_')}.py"
    own = [first.as_posix()] if (root / first).is_file() else []
    folder = next(path for path in (root / first).parents if path.is_dir())
    if folder == root / "tests":
        if not own:
            raise SystemExit(f"no tests mirror {file}; name them, as in --tests {file}=tests/test_graph.py.")
        return [*own, file]
    others = (path.relative_to(root).as_posix() for path in sorted(folder.rglob("test_*.py")))
    return [*own, file, *(path for path in others if path not in own)]


def copy_tree(target: Path) -> None:
    shutil.copytree(ROOT, target, ignore=NOT_COPIED, dirs_exist_ok=True)
    spec = importlib.util.find_spec("graphrep")
    core = importlib.util.find_spec("graphrep._core") if spec else None
    if core is None or core.origin is None:
        raise SystemExit("graphrep is not installed for this Python; run make setup-dev and use .venv/bin/python.")
    shutil.copy2(core.origin, target / "graphrep" / Path(core.origin).name)
    for name in [name for name in sys.modules if name.split(".")[0] == "graphrep"]:
        del sys.modules[name]  # the forks import the copy
    # An editable install would find the original before sys.path is searched.
    sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "known_source_files")]
    sys.path.insert(0, str(target))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))


def pytest_in_fork(root: Path, tests: list[str], limit: float) -> tuple[int | None, str, float]:
    """Exit status (None: past the limit), output and seconds of ``pytest -x -q``."""
    log = root / "pytest.log"
    begin = time.monotonic()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.chdir(root)
            _limit_memory()
            import pytest

            status = int(pytest.main([*OPTIONS, *tests]))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    try:
        while time.monotonic() - begin < limit:
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                text = log.read_text(encoding="utf-8", errors="replace")
                return os.waitstatus_to_exitcode(code), text, time.monotonic() - begin
            time.sleep(0.02)
        return None, "", time.monotonic() - begin
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _limit_memory() -> None:
    import resource

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def try_mutant(root: Path, mutant: Mutant, tests: list[str], limit: float) -> Result:
    path = root / mutant.file
    source = path.read_bytes()
    cached = Path(importlib.util.cache_from_source(str(path)))
    try:
        path.write_bytes(mutant.apply(source))
        cached.unlink(missing_ok=True)  # bytecode is matched by size and second: too coarse here
        code, text, seconds = pytest_in_fork(root, tests, limit)
    finally:
        path.write_bytes(source)
        cached.unlink(missing_ok=True)
    if code == 0:
        return Result(mutant, "survived", "", seconds)
    first = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", text, re.MULTILINE)
    return Result(mutant, "timeout" if code is None else "killed", first.group(1) if first else "", seconds)


def draw(root: Path, paths: list[str], limit: int, seed: int) -> list[Mutant]:
    chosen: list[Mutant] = []
    for path in paths:
        every = [mutant for file in files_of(root, path) for mutant in mutants_of(root, file)]
        some = random.Random(f"{seed} {path}").sample(every, min(limit, len(every)))
        chosen += sorted(some, key=lambda mutant: (mutant.file, mutant.start, mutant.end, mutant.new))
    return list(dict.fromkeys(chosen))


def survivors_of(report: Path) -> list[Mutant]:
    """Survivors of an earlier run, of which the source must still be the same."""
    rows = json.loads(report.read_text(encoding="utf-8"))["mutants"]
    known = {file: set(mutants_of(ROOT, file)) for file in {row["file"] for row in rows}}
    out = []
    for row in rows:
        if row["status"] == "survived":
            mutant = Mutant(**{name: row[name] for name in Mutant.__dataclass_fields__})
            if mutant not in known[mutant.file]:
                raise SystemExit(f"{report} is about another version of {mutant.file}; run without --survivors-of.")
            out.append(mutant)
    return out


def summary(results: list[Result]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for name in [*dict.fromkeys(result.mutant.file for result in results), "all"]:
        mine = [result for result in results if name in ("all", result.mutant.file)]
        killed = sum(result.status != "survived" for result in mine)
        table[name] = {"mutants": len(mine), "killed": killed, "share": round(killed / max(1, len(mine)), 4)}
    return table


def write(report: Path | None, seed: int, limit: int, planned: int, results: list[Result]) -> None:
    if report is None:
        return
    rows = [{**asdict(r.mutant), "status": r.status, "by": r.by, "seconds": round(r.seconds, 2)} for r in results]
    whole = {"seed": seed, "limit": limit, "planned": planned, "summary": summary(results), "mutants": rows}
    partial = report.with_name(report.name + ".part")
    partial.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    partial.replace(report)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="files or folders below graphrep/")
    parser.add_argument("--limit", type=int, default=40, help="mutants per path (default: 40)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", action="append", default=[], metavar="PATH=TESTS", help="tests of a file or folder")
    parser.add_argument("--out", type=Path, help="JSON report, rewritten after every mutant")
    parser.add_argument("--survivors-of", type=Path, metavar="FILE", help="try the survivors of this report again")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    given = parser.parse_args()
    if not given.paths and given.survivors_of is None:
        parser.error("name at least one path, such as graphrep/graph.py, or --survivors-of FILE.")
    return given


def main() -> None:
    given = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may start background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    sys.dont_write_bytecode = False  # in the copy, so that only what changed is compiled again
    table = {path: tests.split(",") for path, _, tests in (entry.partition("=") for entry in given.tests)}
    mutants = (
        survivors_of(given.survivors_of) if given.survivors_of else draw(ROOT, given.paths, given.limit, given.seed)
    )
    if given.list:
        for mutant in mutants:
            print(f"{mutant.file}:{mutant.line} {mutant.kind}\n  - {mutant.before}\n  + {mutant.after}")
        return
    tests = {file: tests_of(ROOT, file, table) for file in dict.fromkeys(mutant.file for mutant in mutants)}
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="graphrep-mutants-") as folder:
        root = Path(folder).resolve()
        copy_tree(root)
        for name in LIBRARIES:
            with suppress(ImportError):
                importlib.import_module(name)
        with suppress(KeyboardInterrupt):
            limits: dict[tuple[str, ...], float] = {}
            for mutant in mutants:
                mine = tests[mutant.file]
                key = tuple(sorted(mine))
                if key not in limits:  # unchanged, the tests must pass
                    code, text, seconds = pytest_in_fork(root, mine, 3600)
                    if code != 0:
                        raise SystemExit(f"The tests of {mutant.file} fail before any change:\n{text[-3000:]}")
                    limits[key] = 10 + 3 * seconds
                    print(f"{mutant.file}: its tests pass in {seconds:.1f} s", flush=True)
                result = try_mutant(root, mutant, mine, limits[key])
                results.append(result)
                write(given.out, given.seed, given.limit, len(mutants), results)
                place = f"[{len(results)}/{len(mutants)}] {result.status:8} {mutant.file}:{mutant.line} {mutant.kind}"
                print(f"{place}: {mutant.before}  ->  {mutant.after}", flush=True)
    print("\nSurvivors")
    for result in results:
        if result.status == "survived":
            mutant = result.mutant
            print(f"{mutant.file}:{mutant.line} {mutant.kind}\n  - {mutant.before}\n  + {mutant.after}")
    print()
    for name, row in summary(results).items():
        print(f"{name}: {row['killed']} of {row['mutants']} killed ({100 * row['share']:.0f} %)")


if __name__ == "__main__":
    main()
