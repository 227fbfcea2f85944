"""How well the spines of rr30a are seen and followed, against the people who annotated them.

    python benchmarks/rr30a_study.py DATA STUDY; respine run STUDY
    python benchmarks/spines_rr30a.py DATA STUDY

Printed: what the judge of the shared data, `tools/score_spines.py`, says of the calls of the run (`visible`), and how
many of the annotator's identities come back when her positions are given and only the linking is ours.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from respine.structure.spines.judge import Noise, judge_dendrite
from respine.structure.spines.place import link_positions
from respine.study.results import Results


def write_predictions(spines: pd.DataFrame, path: Path) -> None:
    """Write what the run called visible in the form that the judge reads."""
    called = spines[spines.visible.fillna(False)]
    columns = {f"{axis}_um": axis for axis in "xyz"} | {f"base_{axis}_um": f"base_{axis}" for axis in "xyz"}
    table = called[list(columns)].rename(columns=columns)
    table["session"] = called.session.str.removeprefix("s").astype(int)
    table["track"] = called.groupby(["subject", "fov", "spine"]).ngroup()
    table.to_csv(path, index=False)


def score_links(data: Path, results: Results) -> dict:
    """Link the annotator's positions without her identities and compare."""
    spines = pd.read_csv(data / "spines.csv", keep_default_na=False)
    spines = spines[spines.flag != "bad"]
    sessions = [spines[spines.session == s] for s in sorted(spines.session.unique())]
    numbers = link_positions(
        judged_ribbons(results),
        [s[["tip_z", "tip_y", "tip_x"]].to_numpy() for s in sessions],
        [s[["base_z", "base_y", "base_x"]].to_numpy() for s in sessions],
    )
    tracks = [dict(zip(n, s.track, strict=True)) for n, s in zip(numbers, sessions, strict=True)]
    right = given = true = 0
    for a, b in pairwise(tracks):
        linked = a.keys() & b.keys()
        right += sum(a[n] == b[n] for n in linked)
        given += len(linked)
        true += len(set(a.values()) & set(b.values()))
    return {"right": right, "linked": given, "annotated": true, "f1": round(2 * right / (given + true), 4)}


def judged_ribbons(results: Results) -> list:
    """Ribbons of every dendrite on its common axis."""
    straight = results.outputs("straighten").values()
    noises = [Noise(q.noise_gain, q.noise_floor, q.background) for q in results.outputs("assess").values()]
    by_dendrite = zip(*(s.ribbons for s in straight), strict=True)
    return [judge_dendrite(list(ribbons), noises).ribbons for ribbons in by_dendrite]


def main(data: Path, study: Path) -> None:
    results = Results(study)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        write_predictions(results.read_table("spines"), path)
        judge = [sys.executable, data.parents[1] / "tools" / "score_spines.py", path, data]
        score = json.loads(subprocess.run(judge, capture_output=True, text=True, check=True).stdout)
    detection = score["detection"]
    print("detection            ", detection["all"])
    print("  F1 by session      ", {s: d["f1"] for s, d in detection["sessions"].items()})
    for name in ("links", "gained", "lost"):
        print(f"{name:21s}", score[name])
    for interval in score["turnover"]:
        print("turnover             ", json.dumps(interval))
    print("linking alone        ", score_links(data, results))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    np.seterr(all="raise", under="ignore")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
