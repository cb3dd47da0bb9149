"""Smoke tests of the built wheel on every Python the package promises, and with the lowest versions it allows.

    nox                     # every Python that is installed here; a missing one is skipped
    nox -s smoke-3.12       # one of them
    nox -s lowest           # the oldest Python with the lower bound of every dependency
    nox -- dist/NAME.whl    # any of these with a finished wheel instead of one built here

Each session installs torch; what pip takes by default on Linux is several gigabytes.
"""

from __future__ import annotations

from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
EXTRAS = ("gensim", "io", "pyg", "viz")
TESTS = Path("tests/smoke").resolve()

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False

_built: list[str] = []


def wheel(session: nox.Session) -> str:
    """Path of the wheel: the one on the command line, or one built here. Its ABI is stable, so all Pythons share it."""
    if session.posargs:
        return str(Path(session.posargs[0]).resolve(strict=True))
    if not _built:
        folder = Path(session.create_tmp()).resolve() / "wheel"
        for old in folder.glob("*.whl"):
            old.unlink()
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
        _built.extend(str(path) for path in folder.glob("*.whl"))
    return _built[0]


def lowest_versions(project: dict) -> list[str]:
    """``name==bound`` for every ``name>=bound`` among the dependencies and the extras that are tested."""
    tables = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS)]
    return [requirement.replace(">=", "==") for table in tables for requirement in table]


def test(session: nox.Session) -> None:
    """Run the smoke tests outside the checkout, so that they import the installed package."""
    session.chdir(session.create_tmp())
    session.run("python", "-m", "pytest", "-q", "--import-mode=importlib", "-c", str(TESTS / "pytest.ini"), str(TESTS))


@nox.session(python=PYTHONS)
def smoke(session: nox.Session) -> None:
    """The newest versions that pip finds."""
    session.install(f"{wheel(session)}[{','.join(EXTRAS)}]", "pytest")
    test(session)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml states."""
    constraints = Path(session.create_tmp()).resolve() / "constraints.txt"
    constraints.write_text("\n".join(lowest_versions(PROJECT["project"])), encoding="utf-8")
    session.install("-c", str(constraints), f"{wheel(session)}[{','.join(EXTRAS)}]", "pytest")
    test(session)
