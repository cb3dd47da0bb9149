"""The tables made of benchmark results."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "bench" / "readme_table.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="needs a checkout")


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("readme_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path):
    def row(median, **more):
        return {"median": median, "min": median, "max": median, **more}

    seconds = {"graphrep, 1 thread": row(0.5, ratio=2.0), "graphrep": row(0.25, ratio=1.0), "peer": row(1.0, ratio=4.0)}
    rates = {"graphrep": row(2e6, ours_times=1.0), "peer": row(1e5, ours_times=20.0)}
    environment = {"cpu": "abacus", "cores": 2, "python": "3.x", "packages": {"numpy": "2", "absent": None}}
    files = {
        "a": {"title": "Adding; by hand", "pairs": 1000, "summary": seconds, "environment": environment},
        "bench_walks": {"law": {"p=1": {"graphrep": {"p_value": 0.5}}}, "second_order": rates},
        "quality": {"summary": {"graphrep": {"micro": {"mean": 0.2}}}, "runs": [], "seconds": {"graphrep": [1.0]}},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def test_the_short_table_sets_peers_beside_our_usual_run(script, results):
    assert script.short_table(results).splitlines()[2:] == [
        "| Adding | graphrep | 0.25 s |  |",
        "|  | peer | 1 s | 4 times |",
        "| walks, second order | graphrep | 2 M/s |  |",
        "|  | peer | 0.1 M/s | 20 times |",
    ]


def test_the_chart_has_a_dot_per_peer_and_setting(script, results):
    import xml.etree.ElementTree as ET

    svg = ET.fromstring(script.chart(results))
    space = "{http://www.w3.org/2000/svg}"
    dots = {dot.find(f"{space}title").text: dot for dot in svg.iter(f"{space}circle")}
    assert list(dots) == ["walks, second order: peer, 20 times", "Adding: peer, 4 times"]  # the surest first
    x, y = (float(dot.get("cx")) for dot in dots.values())
    one = next(float(text.get("x")) for text in svg.iter(f"{space}text") if text.text == "1 times")
    assert (x - one) / (y - one) == pytest.approx(math.log(20) / math.log(4), rel=1e-2)
    assert {"random walks", "Adding"} <= {text.text for text in svg.iter(f"{space}text")}


def test_the_page_and_the_chart_are_those_of_the_results(script):
    if not script.RESULTS.is_dir():
        pytest.skip("needs the results")
    told = "python experiments/bench/readme_table.py writes the table and the chart anew"
    table = script.PAGE.read_text(encoding="utf-8").split(script.MARKER)[1].strip()
    assert table == script.short_table(script.RESULTS), told
    assert script.CHART.read_text(encoding="utf-8") == script.chart(script.RESULTS), told


def test_the_full_table_has_every_run_and_the_circumstances(script, results):
    text = script.full_tables(results / "a.json")
    assert "| graphrep, 1 thread | 0.5 | 0.5 | 0.5 | 2 |" in text
    assert text.endswith("Pairs 1,000. Measured on abacus, 2 processors; Python 3.x, numpy 2.")
    assert "| peer | 0.1 | 0.1 | 0.1 | 20 |" in script.full_tables(results / "bench_walks.json")


def test_what_is_no_table_is_passed_over(script, results, tmp_path):
    assert script.full_tables(results / "quality.json") == ""
    assert script.short_table(tmp_path / "empty") == "Nothing has been measured yet."
