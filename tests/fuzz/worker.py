"""Reads damaged files, one case after another, and says how each ended. ``run.py`` starts it and feeds it with cases.

A line of the input is ``SEED CASE``; for each, a line ``start SEED CASE`` and then one with the outcome is printed.
"""

from __future__ import annotations

import gc
import json
import re
import resource
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from mutate import changed
from readers import READERS, preload

GROWTH = 1 << 20  # kB that a case may add to the peak of the memory


def case_folder(root, seed, case):
    """Write the files of a case; returns the folder, the reader and its argument."""
    name, reader, argument, files = seed
    folder = root / "cases" / "case"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / name, folder)
    rng = np.random.default_rng([case, *name.encode()])
    contents = [(folder / file).read_bytes() for file in files]
    at = int(rng.integers(len(files)))
    path = folder / files[at]
    path.chmod(0o644)
    path.write_bytes(changed(rng, path.name, contents[at], contents))
    if name.startswith("cache-") and rng.random() < 0.5:
        _sign(path)
    return folder, READERS[reader], argument


def _sign(path):
    """Give a changed cache the digest of its content, as one who means harm would."""
    from graphrep.io.arrays import digest_of

    try:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = arrays["__meta__"]
        arrays.pop("__digest__")
        rest = {name: array for name, array in arrays.items() if name != "__meta__"}
        arrays["__digest__"] = np.frombuffer(digest_of(meta.tobytes(), rest, 32), np.uint8)
        np.savez(path, **arrays)
    except Exception:  # it is no longer an archive
        return


def outcome(folder, reader, argument, peak):
    """``result`` or ``refused``, or what is wrong with the way in which it ended, and the new peak of the memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (UserWarning, DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        try:
            reader(folder, argument)
            said = "result"
        except (ValueError, OSError) as error:
            said = fault(error, folder)
        except Exception as error:
            said = f"{type(error).__module__}.{type(error).__name__}: {str(error)[:300]!r} {_where(error)}"
    now = peak_memory()
    if now - peak > GROWTH:
        gc.collect()
        said = f"too much memory, then: {said}"
    return said, now


def peak_memory():
    """Peak of the memory of this process so far, in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fault(error, folder):
    """``refused`` if an error is one sentence that names the file."""
    text = str(error)
    named = [path.name for path in folder.rglob("*")] + [folder.name]
    if isinstance(error, (UnicodeError, json.JSONDecodeError)):
        problem = f"a {type(error).__name__}"
    elif "\n" in text or "\r" in text:
        problem = "several lines"
    elif not any(name in text for name in named):
        problem = "no name of the file"
    elif "weights_only" in text:
        problem = "the advice of torch"
    elif len(text) > 1500:
        problem = "a long text"
    elif re.search(r"Traceback|at 0x[0-9a-f]{8}", text):
        problem = "the internals of Python"
    else:
        return "refused"
    return f"{problem}: {text[:300]!r} {_where(error)}"


def _where(error):
    trace = error.__traceback__
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(frames[::-1][:4])


def main(root):
    seeds = {seed[0]: seed for seed in json.loads((root / "seeds.json").read_text())}
    root = Path(root)
    (root / "cases").mkdir(exist_ok=True)
    preload(seeds)
    peak = peak_memory()
    for line in sys.stdin:
        name, case = line.split()
        print(f"start {name} {case}", flush=True)
        place = case_folder(root, seeds[name], int(case))
        said, peak = outcome(*place, peak)
        print(f"end {said}".replace("\n", " "), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
