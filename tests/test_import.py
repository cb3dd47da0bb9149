from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphrep

LEARNING = ("torch", "sklearn", "networkx", "matplotlib", "pandas", "pyarrow", "gensim", "torch_geometric")
HEAVY = (*LEARNING, "scipy", "numpy")
OPTIONAL = ("gensim", "matplotlib", "ogb", "pyarrow", "torch_geometric", "torch_scatter", "triton", "zstandard")
PACKAGES = (
    "graphrep",
    *(f"graphrep.{room}" for room in ("bench", "cluster", "contrast", "embed", "heuristics", "io", "linkpred", "ops")),
    "graphrep.plot",
)


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    return done.stdout.strip()


def test_import_is_light():
    assert run(f"import sys, graphrep; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_the_package_runs_as_a_module():
    code = "import runpy, sys; sys.argv = ['graphrep', '--version']; runpy.run_module('graphrep', run_name='__main__')"
    assert run(code) == graphrep.__version__
    done = subprocess.run([sys.executable, "-m", "graphrep", "no-such-command"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"no-such-command" in done.stderr


def test_import_of_the_subpackages_loads_no_learning_library():
    code = (
        f"import sys, graphrep.io, graphrep.embed, graphrep.graph; print([m for m in {LEARNING} if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_import_of_evaluate_and_of_pages_loads_no_scikit_learn():
    heavy = ("sklearn", "networkx", "matplotlib", "pandas", "pyarrow")
    assert (
        run(f"import sys, graphrep.evaluate, graphrep.plot.pages; print([m for m in {heavy} if m in sys.modules])")
        == "[]"
    )


def test_import_touches_no_network():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened')\n"
        "socket.socket = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import graphrep, graphrep.datasets, graphrep.embed, graphrep.io, graphrep.graph; print('ok')"
    )
    assert run(code) == "ok"


def commands(folder, *lines):
    """Exit code and loaded libraries after each command line; they run one after the other in one process."""
    code = (
        f"import json, os, sys\nfrom graphrep import cli\nos.chdir({str(folder)!r})\nfound = []\n"
        f"for line in {lines}:\n"
        "    try: cli.main(line.split())\n"
        f"    except SystemExit as stop: found.append((stop.code, [m for m in {HEAVY} if m in sys.modules]))\n"
        "print(json.dumps(found))"
    )
    return json.loads(run(code).splitlines()[-1])


def test_help_and_wrong_arguments_load_no_library(tmp_path):
    (tmp_path / "web.txt").write_text("a b\nb c\n", encoding="utf-8")
    refused = (
        "embed missing.txt -o out.npy", "embed web.txt -o out.xlsx", "embed web.txt -o out.npy --walk-length 3",
        "embed web.txt -o out.npy --dimensions 0", "convert missing.txt -o out.graph", "transform a.bin b.txt -o c.npy",
        "neighbors missing.npy a", "linkpred missing.txt", "linkpred web.txt --top 0", "recommend missing.txt a",
        "bench missing.txt", "plot missing.npy -o map.html", "datasets missing",
    )  # fmt: skip
    found = commands(tmp_path, "--help", "embed --help", "datasets", *refused)
    assert [code for code, _ in found[:3]] == [0, 0, 0]
    assert {code for code, _ in found[3:]} == {1, 2}
    assert found[-1][1] == []


def test_commands_load_what_they_need(tmp_path):
    (tmp_path / "web.txt").write_text("a b\nb c\nc d\nd e\ne a\na c\n", encoding="utf-8")
    (tmp_path / "in.csv").write_text("node,x,y\na,1,0\nb,0,1\nc,1,1\n", encoding="utf-8")
    light = ("convert web.txt -o web.graph", "neighbors in.csv a")
    fitted = ("embed web.graph -o a.npy --dimensions 4", "embed web.graph -o b.npy --dimensions 4 --method node2vec")
    found = commands(tmp_path, *light, *fitted)
    assert [code for code, _ in found] == [0, 0, 0, 0]
    assert not set(LEARNING) & set(found[1][1])
    assert not {"torch", "networkx", "matplotlib", "gensim", "torch_geometric"} & set(found[-1][1])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_resolves_and_is_listed(package):
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
    with pytest.raises(AttributeError, match=r"[Nn]o .*no_such_name"):
        _ = module.no_such_name


def test_every_module_imports():
    names = [info.name for info in pkgutil.walk_packages(graphrep.__path__, "graphrep.")]
    assert "graphrep.io.formats.npy" in names
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert error.name in OPTIONAL  # noqa: PT017


@pytest.mark.parametrize("isa", ["baseline", "avx2"])
def test_the_instruction_set_can_be_lowered(isa):
    code = "from graphrep import _core; print(_core.isa(), [n for n in ('baseline', 'avx2') if _core.set_isa(n)])"
    chosen, available = run(code, GRAPHREP_ISA=isa).split(maxsplit=1)
    assert chosen == (isa if isa in available else "baseline")


def test_an_unknown_instruction_set_changes_nothing():
    code = "from graphrep import _core; print(_core.isa(), _core.set_isa('sse9'))"
    assert run(code, GRAPHREP_ISA="sse9") == run(code, GRAPHREP_ISA="")


def test_the_package_is_typed():
    assert (Path(graphrep.__file__).with_name("py.typed")).exists()
