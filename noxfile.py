"""Smoke tests of the built wheel on every supported Python, and with other versions of its dependencies.

    nox                     # every Python that is installed here; a missing one is skipped
    nox -s smoke-3.12       # one of them
    nox -s lowest           # the oldest Python with the lower bound of every dependency
    nox -s mixed            # the newest torch with NumPy 1, and the oldest torch with NumPy 2
    nox -s coming           # a Python that is not promised yet
    nox -- dist/NAME.whl    # test this wheel instead of building one

Each session installs torch, which is several gigabytes on Linux unless pip is configured for the CPU wheels.
"""

from __future__ import annotations

from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
COMING = "3.14"
EXTRAS = ("gensim", "io", "pyg", "viz")
TESTS = Path("tests/smoke").resolve()

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["smoke", "lowest", "mixed"]

_built: list[str] = []


def wheel(session: nox.Session) -> str:
    """Return the path of the wheel: the given one, or one built once, as its stable ABI serves every Python."""
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
    """Return ``name==bound`` for every ``name>=bound`` among the dependencies and the tested extras."""
    tables = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS)]
    return [requirement.replace(">=", "==") for table in tables for requirement in table]


def test(session: nox.Session) -> None:
    """Run the smoke tests outside the checkout, so that they import the installed package."""
    session.chdir(session.create_tmp())
    session.run("python", "-m", "pytest", "-q", "--import-mode=importlib", "-c", str(TESTS / "pytest.ini"), str(TESTS))


@nox.session(python=PYTHONS)
def smoke(session: nox.Session) -> None:
    """Test with the newest dependencies."""
    session.install(f"{wheel(session)}[{','.join(EXTRAS)}]", "pytest")
    test(session)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Test with the lower bounds in pyproject.toml, on the oldest Python."""
    constraints = Path(session.create_tmp()).resolve() / "constraints.txt"
    constraints.write_text("\n".join(lowest_versions(PROJECT["project"])), encoding="utf-8")
    session.install("-c", str(constraints), f"{wheel(session)}[{','.join(EXTRAS)}]", "pytest")
    test(session)


@nox.session(python=PYTHONS[-2])
@nox.parametrize("pair", [("numpy<2", "torch", "pyarrow<21"), ("numpy>=2", "torch<2.6")], ids=["numpy1", "torch-old"])
def mixed(session: nox.Session, pair: tuple[str, ...]) -> None:
    """Test versions of NumPy and torch together that neither of the other sessions brings together."""
    session.install(f"{wheel(session)}[{','.join(EXTRAS)}]", "pytest", *pair)
    test(session)


@nox.session(python=COMING)
def coming(session: nox.Session) -> None:
    """Test the next Python with the newest dependencies, without extras, which may have no wheels for it."""
    session.install(wheel(session), "pytest")
    test(session)
