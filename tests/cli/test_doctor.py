from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

import graphrep as gr
from graphrep import _core, cli
from graphrep.cli import doctor

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")


def facts_of(imports):
    """What a fresh process finds, after importing the given modules first."""
    code = "".join(f"import {name}\n" for name in imports)
    code += "import json; from graphrep.cli.doctor import collect; print(json.dumps(collect()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[("graphrep._core", "torch"), ("torch", "graphrep._core")], ids="-".join)
def facts(request):
    return facts_of(request.param)


@linux
def test_one_openmp_runtime_serves_torch_and_graphrep(facts):
    openmp = facts["openmp"]
    assert openmp["torch"] is not None
    assert openmp["graphrep"] == openmp["torch"]
    assert openmp["shared"] is True
    others = [path for path, owner in openmp["runtimes"].items() if owner != "scikit-learn"]
    assert others == [openmp["torch"]]


@linux
def test_the_runtime_of_a_library_is_the_one_that_its_calls_reach():
    code = (
        "import json, sys, torch, sklearn.cluster._k_means_lloyd as lloyd\n"
        "from graphrep.cli import doctor as d\n"
        "mapped = d._mapped_files()\n"
        "paths = [d._runtime_of(lloyd.__file__, mapped), d._runtime_of(json.__file__, mapped)]\n"
        "paths.append(d._runtime_of(next(p for _, _, p in mapped if 'libtorch_cpu' in p), mapped))\n"
        "print(json.dumps([path and d._owner(path) for path in paths]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    sklearn, no_library, torch = json.loads(done.stdout)
    assert no_library is None
    assert torch is not None
    assert sklearn in ("scikit-learn", torch)  # a distribution's package shares the system's


def test_two_runtimes_are_called_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "_mapped_files", lambda: [(0, 9, "/a/libtorch_cpu.so"), (9, 10, "/a/libgomp.so.1")])
    monkeypatch.setattr(doctor, "_runtime_of", lambda library, _: f"{library}-runtime")
    problems = []
    openmp = doctor._openmp(sys, doctor, problems)
    assert openmp["shared"] is False
    assert "import torch before graphrep" in problems[0]


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v/lib/python3.11/site-packages/torch/lib/libgomp.so.1", "torch"),
        ("/v/lib/python3.11/site-packages/scikit_learn.libs/libgomp-e985bcbb.so.1.0.0", "scikit-learn"),
        ("/usr/lib/python3/dist-packages/sklearn/libgomp.so.1", "sklearn"),
        ("/usr/lib/x86_64-linux-gnu/libgomp.so.1.0.0", "the system"),
    ],
)
def test_owner(path, owner):
    assert doctor._owner(path) == owner


@pytest.mark.parametrize(
    ("name", "is_runtime"),
    [
        ("libgomp.so.1", True),
        ("libgomp-e985bcbb.so.1.0.0", True),
        ("libomp.so.5", True),
        ("libiomp5.so", True),
        ("libomp.dylib", True),
        ("libompd.so", False),
        ("libcompute.so", False),
        ("libgomp-plugin-nvptx.so.1", False),
    ],
)
def test_what_is_an_openmp_runtime(name, is_runtime):
    assert bool(doctor._RUNTIME.match(name)) == is_runtime


def test_facts(facts):
    assert facts["versions"]["graphrep"] == gr.__version__
    assert facts["versions"]["torch"].startswith("2.")
    isa = facts["instruction_set"]
    assert isa["available"][0] == "baseline"
    assert isa["chosen"] == (isa["GRAPHREP_ISA"] or isa["available"][-1])
    assert facts["threads"]["cpus"] >= 1
    assert facts["threads"]["default"] >= 1


@pytest.mark.parametrize(("wanted", "reason"), [("sse9", "it must be one of baseline, avx2, avx512"), ("avx512", "")])
def test_an_instruction_set_that_cannot_be_had_is_a_problem(wanted, reason, monkeypatch):
    class OldProcessor:
        isa = staticmethod(lambda: "avx2")
        set_isa = staticmethod(lambda name: name in ("baseline", "avx2"))

    monkeypatch.setenv("GRAPHREP_ISA", wanted)
    problems = []
    assert doctor._instruction_set(OldProcessor, problems)["available"] == ["baseline", "avx2"]
    assert problems == [f"GRAPHREP_ISA={wanted} is ignored: {reason or 'this CPU lacks it'}."]


def test_looking_does_not_change_the_instruction_set():
    before = _core.isa()
    try:
        for isa in doctor._instruction_set(_core, [])["available"]:
            assert _core.set_isa(isa)
            assert doctor._instruction_set(_core, [])["chosen"] == isa == _core.isa()
    finally:
        _core.set_isa(before)


def test_an_unknown_backend_is_a_problem(monkeypatch):
    problems = []
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    assert doctor._backend(problems) == "reference"
    assert problems == []
    monkeypatch.setenv("GRAPHREP_BACKEND", "cuda")
    assert doctor._backend(problems) == "unknown"
    assert problems == ["GRAPHREP_BACKEND must be one of auto, native, triton, reference; got 'cuda'."]


def test_a_broken_package_is_reported_and_nothing_fails(monkeypatch):
    def broken(name):
        raise OSError(f"lib{name}.so: undefined symbol")

    monkeypatch.setattr("importlib.import_module", broken)
    facts = doctor.collect()
    assert len(facts["problems"]) >= 3
    assert facts["instruction_set"]["chosen"] is None
    text = doctor._report(facts)
    assert "import torch fails: OSError: libtorch.so: undefined symbol" in text
    assert "none: the native core is missing" in text


def test_missing_parts_name_an_extra_that_exists(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = doctor._missing()
    assert set(missing) == set(doctor.OPTIONAL)
    extras = metadata("graphrep").get_all("Provides-Extra")
    for _, install in missing.values():
        if install.startswith("graphrep["):
            assert install.removeprefix("graphrep[").removesuffix("]") in extras


def test_the_command_prints_what_the_function_prints(capsys):
    with pytest.raises(SystemExit) as info:
        cli.main(["doctor"])
    assert info.value.code == 0
    printed = capsys.readouterr().out
    for title in ("Versions\n", "Instruction set\n", "OpenMP runtimes\n", "Threads\n", "Built-in data\n"):
        assert title in printed
    stream = io.StringIO()
    facts = gr.show_versions(file=stream)
    assert facts["versions"]["graphrep"] in stream.getvalue()
    assert capsys.readouterr().out == ""
