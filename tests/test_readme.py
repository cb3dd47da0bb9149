"""What the README shows, runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="needs a checkout")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_python_blocks_run_and_print_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names, printed = {}, []
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), names)
        printed.append(capsys.readouterr().out)
    # Instruction sets sum in different orders: the last digits of another machine may differ.
    number = re.compile(r"\d\.\d+")
    shown = blocks("text")[0]
    assert number.sub("#", printed[0]) == number.sub("#", shown)
    assert [float(x) for x in number.findall(printed[0])] == pytest.approx(
        list(map(float, number.findall(shown))), abs=0.02
    )
    assert printed[1].startswith("[('python3-")
    assert (tmp_path / "debian.safetensors").stat().st_size > 1_000_000


def test_the_commands_exist():
    from typer.testing import CliRunner

    from graphrep.cli import app

    lines = [line for block in blocks("console") for line in block.splitlines()]
    commands = [line.split()[2:] for line in lines if line.startswith("$ graphrep")]
    assert {command[0] for command in commands} == {"embed", "transform", "neighbors", "linkpred", "doctor"}
    for name, *arguments in commands:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0
        for option in (argument for argument in arguments if argument.startswith("-")):
            assert option in shown.output


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:\$ |`)make (\w+)", README.read_text(encoding="utf-8")))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_markers_stand_in_pairs():
    assert README.read_text(encoding="utf-8").count("<!-- demo output -->") == 2
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").count("<!-- benchmarks -->") == 2
