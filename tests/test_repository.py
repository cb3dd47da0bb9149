"""The files around the package agree with it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import graphrep

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
SOURCES = Path(graphrep.__file__).parent

DISTRIBUTIONS = {
    "typing_extensions": "typing-extensions",  # where an import has another name than what provides it
    "lazy_loader": "lazy-loader", "sklearn": "scikit-learn", "torch_geometric": "torch-geometric",
}  # fmt: skip
PYPROJECT = ROOT / "pyproject.toml"

pytestmark = pytest.mark.skipif(not (ROOT / "CITATION.cff").exists(), reason="needs a checkout")


def test_the_citation_names_this_version():
    assert f"\nversion: {graphrep.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n  version: {graphrep.__version__}\n" in (ROOT / "conda/recipe.yaml").read_text(encoding="utf-8")


def test_the_changelog_knows_this_version():
    assert graphrep.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_environment_variable_is_on_the_page():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    reads = re.compile(r"""(?:environ(?:\.get\(|\[)|getenv\()["'](\w+)["']""")
    files = [path for path in SOURCES.rglob("*") if path.suffix in (".py", ".cpp", ".hpp")]
    variables = {name for path in files for name in reads.findall(path.read_text(encoding="utf-8"))}
    assert {"GRAPHREP_BACKEND", "GRAPHREP_ISA", "OMP_NUM_THREADS"} <= variables
    for name in variables:
        assert f"| `{name}` |" in page


@pytest.fixture(scope="module")
def project():
    return tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]


def test_the_version_is_known_in_a_checkout_that_is_not_installed(tmp_path):
    shutil.copytree(SOURCES, tmp_path / "graphrep", ignore=shutil.ignore_patterns("*.so", "__pycache__", "csrc"))
    (tmp_path / "lazy_loader").symlink_to(Path(find_spec("lazy_loader").origin).parent, target_is_directory=True)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import graphrep; print(graphrep.__version__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (graphrep.__version__, "")


def test_every_phony_target_has_a_rule():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)[1].split())
    rules = re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE)
    assert len(rules) == len(set(rules))
    assert phony == set(rules)
    assert {"test", "bench", "mutants", "smoke"} <= phony


def test_make_bench_names_benchmarks_that_exist():
    default = re.search(r"^BENCH \?= (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    assert default
    for name in default:
        assert (ROOT / "experiments" / "bench" / f"{name}.py").is_file()


def hook(name):
    """Pattern of a hook that searches, compiled as pre-commit compiles it."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (found,) = [hook for repo in config["repos"] for hook in repo["hooks"] if hook["id"] == name]
    assert found["language"] == "pygrep"
    flags = re.MULTILINE | re.DOTALL if "--multiline" in found.get("args", ()) else 0
    return re.compile(found["entry"].encode(), flags), found.get("files", "")


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("state = torch.load(path)", True),
        ("state = torch.load(path, weights_only=False)", True),
        ("state = torch.load(path, map_location=device(0))", True),
        ("torch.load(a); f(weights_only=True)", True),
        ("torch.load(a)\ntorch.load(b, weights_only=True)", True),
        ("torch.load(a, weights_only=True)\ntorch.load(b)", True),
        ("state = torch.load(path, weights_only=True)", False),
        ("state = torch.load(str(path), map_location=device(0), weights_only=True)", False),
        ("state = torch.load(\n    path,\n    weights_only=True,\n)", False),
        ("pickle.load(file)", True),
        ("pickle.loads(data)", True),
        ("np.load(file, allow_pickle=True)", True),
        ("np.load(file, allow_pickle=False)", False),
        ("unpickle.loader(file)", False),
    ],
)
def test_the_hook_against_unpickling(code, refused):
    pattern, _ = hook("no-unpickling")
    assert bool(pattern.search(code.encode())) is refused


def test_the_hook_against_unpickling_passes_the_package():
    pattern, files = hook("no-unpickling")
    assert re.search(files, "graphrep/io/vectors.py")
    modules = list(SOURCES.rglob("*.py"))
    assert len(modules) > 50
    assert [path for path in modules if pattern.search(path.read_bytes())] == []


@pytest.mark.parametrize(("line", "refused"), [(b"x = 1 \n", True), (b"\t\n", True), (b"x = 1\n", False)])
def test_the_hook_against_trailing_white_space(line, refused):
    pattern, _ = hook("trailing-white-space")
    assert bool(pattern.search(line)) is refused


def requirements(project, extras):
    tables = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [requirement for table in tables for requirement in table]


def test_every_import_is_covered_by_a_dependency_or_an_extra(project):
    names = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.split(".")[0])
    names -= {"graphrep", "compression", *sys.stdlib_module_names}  # compression: in the library from 3.14 on
    declared = {re.split("[<>=;]", text)[0] for text in requirements(project, project["optional-dependencies"])}
    assert {"numpy", "torch", "threadpoolctl", "torch_geometric"} <= names
    assert {DISTRIBUTIONS.get(name, name) for name in names} <= declared


def test_every_dependency_has_a_lower_bound_and_nothing_else(project):
    extras = project["optional-dependencies"]
    for requirement in requirements(project, [extra for extra in extras if extra != "dev"]):
        assert re.fullmatch(r"[a-z-]+>=\d+(\.\d+)*", requirement)


def test_the_classifiers_name_every_promised_python(project):
    minors = [int(text) for text in re.findall(r":: 3\.(\d+)", "\n".join(project["classifiers"]))]
    assert project["requires-python"] == f">=3.{min(minors)}"
    assert minors == list(range(min(minors), max(minors) + 1))


def test_nox_pins_the_lower_bounds(project):
    done = subprocess.run(
        [sys.executable, "-c", "import noxfile; print(*noxfile.lowest_versions(noxfile.PROJECT['project']))"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    pins = done.stdout.split()
    assert set(requirements(project, ["gensim", "io", "pyg", "viz"])) == {pin.replace("==", ">=") for pin in pins}


def test_the_conda_recipe_needs_what_the_package_needs(project):
    recipe = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text(encoding="utf-8"))
    needed = {requirement.replace(" ", "") for requirement in recipe["requirements"]["run"][1:]}
    assert needed == {requirement.replace("torch>=", "pytorch>=") for requirement in project["dependencies"]}


def test_wheels_are_built_for_every_promised_python(project):
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["cibuildwheel"]
    minors = re.findall(r":: 3\.(\d+)", "\n".join(project["classifiers"]))
    assert settings["build"] == [f"cp3{minor}-*" for minor in minors]
    assert "--exclude libgomp.so.1" in settings["linux"]["repair-wheel-command"]


@pytest.mark.parametrize("name", ["tests", "wheels", "release", "docs"])
def test_workflows_call_what_exists(name):
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "write" if name == "docs" else "read"}  # docs pushes a branch
    jobs = workflow["jobs"]
    for job in jobs.values():
        assert "uses" in job or job["steps"]
        assert job.get("needs", next(iter(jobs))) in jobs
    if name == "wheels":
        for session in jobs["versions"]["strategy"]["matrix"]["session"]:
            assert f"def {session}(" in (ROOT / "noxfile.py").read_text(encoding="utf-8")
