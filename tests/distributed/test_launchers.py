"""The recipes of the guide "Several machines" for launchers that are Python packages, where these are installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import graphrep as gr

GUIDE = Path(__file__).parents[2] / "docs" / "several_machines.md"


def recipe(launcher):
    """The code below the name of a launcher."""
    text = GUIDE.read_text(encoding="utf-8")
    return re.search(rf"\*\*{launcher}\*\* .*?```python\n(.*?)```", text, re.DOTALL).group(1)


def smaller(code, folder):
    """With processes, files and vectors that fit a test."""
    for given, here in (
        ("/data/", f"{folder}/"),
        ("dimensions=128", "dimensions=16"),
        ("num_workers=4", "num_workers=2"),
        ('"CPU": 16', '"CPU": 1'),
    ):
        code = code.replace(given, here)
    return code


@pytest.mark.parametrize(("launcher", "module"), [("Spark", "pyspark"), ("Ray", "ray.train")])
def test_the_vectors_are_those_of_one_process(launcher, module, tmp_path):
    pytest.importorskip(module)
    code = recipe(launcher)
    if launcher != "Spark":  # the function is in the recipe for Spark
        code = f"{recipe('Spark').split(3 * chr(10))[1]}\n\n\n{code}"
    graph = gr.datasets.rmat(num_nodes=3000)
    graph.save(tmp_path / "big.graph")
    gr.FastRP(dimensions=16).fit(graph).node_vectors_.save(tmp_path / "alone.npy")
    (tmp_path / "recipe.py").write_text(smaller(code, tmp_path), encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "recipe.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "vectors.npy").read_bytes() == (tmp_path / "alone.npy").read_bytes()
