"""Damaged files for every reader: each case must end in a result or in one sentence that names the file.

Worker processes read batches of cases. A worker that dies or takes too long over a case is replaced, and the case
counts as a crash or as a timeout. A case is a function of its seed and number, so that it can be run again alone:

    python tests/fuzz/run.py --only graph-g.gml --first 17 --cases 1
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
BATCH = 2000
GOOD = ("result", "refused")
IMPORTS = 60.0  # seconds of a processor that the start of a worker may take
PATIENCE = 20  # times as long on the clock, on a machine that is busy with other work


def run(root, cases, *, workers=2, timeout=30.0):
    """Outcomes of cases (seed, number) in the folder of :func:`readers.write_seeds`."""
    batches, outcomes = queue.Queue(), {}
    size = min(BATCH, -(-len(cases) // workers))
    for begin in range(0, len(cases), size):
        batches.put(cases[begin : begin + size])

    def serve(number):
        own = root / f"worker{number}"
        shutil.copytree(root / "seeds", own)
        while True:
            try:
                batch = batches.get_nowait()
            except queue.Empty:
                return
            while batch:
                done = _feed(own, batch, timeout, outcomes)
                batch = batch[done:]

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _feed(root, batch, timeout, outcomes):
    """Give cases to a new worker; returns how many of them have ended, in one way or another."""
    command = [sys.executable, "-X", "faulthandler", str(HERE / "worker.py"), str(root)]
    with tempfile.TemporaryFile("w+") as errors:
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        late = threading.Event()
        try:
            worker.stdin.write("".join(f"{name} {case}\n" for name, case in batch))
            worker.stdin.close()
            for done, (name, case) in enumerate(batch):
                ended = threading.Event()
                limit = timeout + (IMPORTS if done == 0 else 0)
                threading.Thread(target=_watch, args=(worker, limit, ended, late)).start()
                started, line = worker.stdout.readline(), worker.stdout.readline()
                ended.set()
                if not line.startswith("end "):
                    worker.wait()
                    errors.seek(0)
                    end = errors.read()[-2000:]
                    what = "timeout" if late.is_set() else f"crash with status {worker.returncode}: {end}"
                    if not started and not late.is_set() and done == 0:
                        raise RuntimeError(f"the worker does not start: {end}")
                    outcomes[name, case] = what
                    print(f"{name} {case}: {what}", flush=True)
                    return done + 1
                outcomes[name, case] = line.removeprefix("end ").strip()
                if outcomes[name, case] not in GOOD:
                    print(f"{name} {case}: {outcomes[name, case]}", flush=True)
            worker.wait()
            return len(batch)
        finally:
            worker.kill()
            worker.wait()
            worker.stdout.close()


def _watch(worker, limit, ended, late):
    """Kill a worker after so many seconds of a processor, or many times that on the clock, unless the case ends."""
    begin, cpu = time.monotonic(), _cpu_seconds(worker)
    while not ended.wait(limit / 4):
        if _cpu_seconds(worker) - cpu > limit or time.monotonic() - begin > PATIENCE * limit:
            late.set()
            worker.kill()
            return


def _cpu_seconds(worker):
    """Seconds that a process has had of a processor; those of the clock where the system does not say."""
    try:
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return time.monotonic()


def plan(seeds, count, first=0):
    """``count`` cases, as many of each seed as of any other."""
    return [(seeds[i % len(seeds)][0], first + i // len(seeds)) for i in range(count)]


def bad(outcomes):
    """Cases that ended neither in a result nor in a sentence."""
    return {case: what for case, what in outcomes.items() if what not in GOOD}


def counted(outcomes, reader_of, before):
    """Numbers of outcomes by reader, added to those before; a reader without new cases keeps its numbers."""
    counts = {reader: Counter(kinds) for reader, kinds in before.items()}
    found = bad(outcomes)
    for case, what in outcomes.items():
        counts.setdefault(reader_of[case[0]], Counter())["bad" if case in found else what] += 1
    return {reader: dict(sorted(kinds.items())) for reader, kinds in sorted(counts.items())}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, help="number of the first case of each seed; default: after --counts")
    parser.add_argument("--only", help="part of the names of seeds")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds of a processor that a case may take")
    parser.add_argument("--counts", type=Path, help="JSON file to which the counts of outcomes are added")
    options = parser.parse_args()
    before = {"cases": 0, "next": 0, "readers": {}}
    if options.counts is not None and options.counts.exists():
        before |= json.loads(options.counts.read_text())
    first = before["next"] if options.first is None else options.first
    sys.path.insert(0, str(HERE))
    from readers import write_seeds

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        seeds = write_seeds(root / "seeds")
        seeds = [seed for seed in seeds if options.only is None or options.only in seed[0]]
        outcomes = run(root, plan(seeds, options.cases, first), workers=options.workers, timeout=options.timeout)
    found = bad(outcomes)
    counts = counted(outcomes, dict(seed[:2] for seed in seeds), before["readers"])
    total = dict(sorted(sum(map(Counter, counts.values()), Counter()).items()))
    print(json.dumps(total))
    if options.counts is not None:
        end = max(before["next"], first + -(-options.cases // len(seeds)))
        about = {"cases": before["cases"] + len(outcomes), "next": end, "seeds": len(seeds)}
        options.counts.write_text(json.dumps(about | {"total": total, "readers": counts}, indent=1) + "\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
