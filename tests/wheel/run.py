"""Build what a release uploads, and check it: the sdist, and the wheel that auditwheel has repaired.

    python tests/wheel/run.py --out out/dist          # make wheel-test, which then runs the smoke tests by nox
    python tests/wheel/run.py --check dist/*          # only look into files that are there

The wheel is built from the unpacked sdist, so that a file missing there is noticed. graphrep and torch must share one
OpenMP runtime: libgomp is left out of the wheel, and the extension looks for that of torch beside it. Needs the extra
``dev``. Every problem is one line, and the exit code is 1 if there is one.
"""

from __future__ import annotations

import argparse
import email
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from noxfile import PROJECT  # noqa: E402

KEPT_OUT = PROJECT["tool"]["scikit-build"]["sdist"]["exclude"]
PACKED = (  # a few files of every kind that a wheel must hold
    "graphrep/__init__.py", "graphrep/__init__.pyi", "graphrep/_core.abi3.so", "graphrep/_core.pyi",
    "graphrep/ops/__init__.pyi", "graphrep/py.typed",
)  # fmt: skip
NOT_PACKED = ("graphrep/csrc/*", "tests/*", "*.cpp", "*.hpp", "*libgomp*")
RUNPATH = "$ORIGIN/../torch/lib"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build and check the sdist and the wheel.")
    parser.add_argument("--out", type=Path, default=Path("out/dist"), help="folder of both")
    parser.add_argument("--check", type=Path, nargs="*", metavar="FILE", help="check these files, build nothing")
    options = parser.parse_args()
    files = options.check if options.check is not None else build(options.out.resolve())
    problems = [problem for path in files for problem in problems_of(path)]
    print("\n".join([*map(str, files), *problems]))
    sys.exit(bool(problems))


def build(out: Path) -> list[Path]:
    """The sdist, and the repaired wheel that is built of it, in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    for old in (*out.glob("graphrep-*.tar.gz"), *out.glob("graphrep-*.whl")):
        old.unlink()
    run("build", "--sdist", "--outdir", out, ROOT)
    (sdist,) = out.glob("graphrep-*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(folder, filter="data")
            else:
                archive.extractall(folder)
        (source,) = Path(folder).iterdir()
        run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", Path(folder) / "raw", source)
        (raw,) = (Path(folder) / "raw").glob("*.whl")
        run("auditwheel", "repair", "--exclude", "libgomp.so.1", "--wheel-dir", out, raw)
    (wheel,) = out.glob("graphrep-*.whl")
    return [sdist, wheel]


def problems_of(path: Path) -> list[str]:
    """What is wrong with an sdist or a wheel, a sentence each."""
    return [f"{path.name}: {problem}" for problem in (of_wheel if path.suffix == ".whl" else of_sdist)(path)]


def of_sdist(path: Path) -> list[str]:
    """Files that git tracks must be packed, except those that pyproject.toml keeps out."""
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    wanted = {name for name in tracked if not any(name == out or name.startswith(f"{out}/") for out in KEPT_OUT)}
    return [f"{name} is missing." for name in sorted(wanted - packed) if not name.startswith(".git")]


def of_wheel(path: Path) -> list[str]:
    """Tags, content, metadata, the runtime path of the extension, and its use of the stable ABI."""
    problems = []
    if "-cp310-abi3-" not in path.name or "manylinux" not in path.name:
        problems.append("the name must say cp310-abi3 and manylinux; was it repaired?")
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        tracked = {str(file.relative_to(ROOT)) for file in (ROOT / "graphrep/cli/configs").iterdir()}
        tracked |= {f"graphrep/datasets/{file.relative_to(ROOT)}" for file in (ROOT / "data/debian").iterdir()}
        problems += [f"{name} is missing." for name in sorted({*PACKED, *tracked} - set(names))]
        problems += [f"{name} should not be there." for name in names if any(fnmatch(name, one) for one in NOT_PACKED)]
        (place,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(place))
        license_file = f"{Path(place).parent}/licenses/LICENSE"
        if license_file not in names:
            problems.append(f"{license_file} is missing.")
        for field in ("Summary", "License-Expression", "Requires-Python", "Description-Content-Type"):
            if not metadata[field]:
                problems.append(f"the metadata lack {field}.")
        if "graphrep/_core.abi3.so" in names:
            core = archive.extract("graphrep/_core.abi3.so", folder)
            problems += of_core(Path(core))
    audit = subprocess.run([sys.executable, "-m", "abi3audit", "--strict", str(path)], capture_output=True, text=True)
    if audit.returncode:
        problems.append(f"abi3audit: {(audit.stderr or audit.stdout).strip().splitlines()[-1]}")
    return problems


def of_core(path: Path) -> list[str]:
    """libgomp must be needed by its plain name, and be looked for beside torch first."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        tags = list(ELFFile(file).get_section_by_name(".dynamic").iter_tags())
    needed = [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"]
    paths = [getattr(tag, tag.entry.d_tag[3:].lower()) for tag in tags if tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")]
    problems = []
    if "libgomp.so.1" not in needed:
        problems.append(f"the extension must need libgomp.so.1, but needs {', '.join(needed)}.")
    if not paths or paths[0].split(":")[0] != RUNPATH:
        problems.append(f"the extension must look for libraries in {RUNPATH} first, but does in {paths}.")
    return problems


def run(module: str, *arguments: object) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
