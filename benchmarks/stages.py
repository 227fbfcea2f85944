"""Time of every stage and peak memory of a whole run, for the four stacks rr30a and for twice as many sessions.

    python benchmarks/stages.py DATA_DIR [--workers N] [--sessions 4 8] [--keep FOLDER]

Seconds are processor seconds of the tasks of a stage together, whatever the number of workers and whatever else the
machine does; for the whole run, seconds on the clock. Memory is that of all processes of the run together
(proportional set size, so that what two of them share counts once), sampled every 0.2 s.
For eight sessions every stack is taken twice, the second four, one voxel changed, as visits after the first four.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil
import tifffile
from rr30a_study import main as make_study

from respine.study.results import Results

SAMPLE_S = 0.2


def repeat_sessions(study: Path, n_sessions: int) -> None:
    """Take the recordings again under new names until there are enough sessions, or leave the last ones out."""
    for name in ("sessions.csv", "recordings.csv"):
        with (study / name).open() as file:
            header, *rows = csv.reader(file)
        wanted = []
        for number in range(n_sessions):
            row = list(rows[number % len(rows)])
            row[header.index("session")] = f"s{number}"
            if name == "sessions.csv":
                later_h = 240 * (number // len(rows))
                row[header.index("time_h")] = str(float(row[header.index("time_h")]) + later_h)
                row[header.index("phase")] = ""
            elif number >= len(rows):
                row[header.index("path")] = copy_stack(Path(row[header.index("path")]), study / f"s{number}.tif")
            wanted.append(row)
        with (study / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *wanted])


def copy_stack(source: Path, target: Path) -> str:
    """Copy a stack, one voxel changed: a study takes no recording twice, and works out what is equal only once."""
    voxels = tifffile.imread(source)
    voxels[0, 0, 0] += 1
    tifffile.imwrite(target, voxels)
    return target.name


def memory_gb(process: psutil.Process) -> float:
    """Memory of a process and all that it started."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e9


def run(study: Path, workers: int | None) -> tuple[float, float]:
    """Run a study; seconds and peak memory in GB."""
    command = [sys.executable, "-m", "respine.cli", "run", str(study)]
    command += ["--workers", str(workers)] if workers else []
    start, peak = time.perf_counter(), 0.0
    process = psutil.Popen(command, stdin=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            peak = max(peak, memory_gb(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(SAMPLE_S)
    if process.wait() != 0:
        sys.exit(f"the run of {study} failed")
    return time.perf_counter() - start, peak


def measure(data: Path, folder: Path, n_sessions: int, workers: int | None) -> pd.DataFrame:
    """Run a study of some sessions anew; one row a stage, then the whole run."""
    study = folder / f"sessions{n_sessions}"
    make_study(data, study)
    repeat_sessions(study, n_sessions)
    wall_s, peak_gb = run(study, workers)
    tasks = pd.DataFrame(Results(study).read_provenance()["tasks"])
    stages = tasks.groupby("stage", sort=False).agg(tasks=("stage", "size"), seconds=("cpu_seconds", "sum"))
    stages["kept_mb"] = tasks.groupby("stage", sort=False)["bytes"].sum() / 1e6
    whole = pd.DataFrame({"tasks": [len(tasks)], "seconds": [wall_s], "kept_mb": [tasks["bytes"].sum() / 1e6]})
    whole.index = [f"whole run, peak memory {peak_gb:.2f} GB"]
    return pd.concat([stages, whole]).rename_axis(f"{n_sessions} sessions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--sessions", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--keep", type=Path, help="keep the studies here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        found = [measure(chosen.data, folder, n, chosen.workers) for n in chosen.sessions]
    for table in found:
        print(table.round(1).to_string(), end="\n\n")
    first, last = found[0]["seconds"], found[-1]["seconds"]
    if len(found) > 1:
        growth = last.to_numpy() / first.to_numpy()
        print(f"seconds with {chosen.sessions[-1]} sessions over those with {chosen.sessions[0]}:")
        print(pd.Series(growth, [*first.index[:-1], "whole run"]).round(2).to_string())


if __name__ == "__main__":
    main()
