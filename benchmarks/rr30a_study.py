"""Make a study folder of the four annotated stacks rr30a: `python benchmarks/rr30a_study.py DATA_DIR STUDY_DIR`.

The stacks stay where they are; the study names them by their absolute paths.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

STUDY = """\
name = "rr30a"
description = "One neuron of one mouse, four sessions over eight days"
phases = ["s0", "s1", "s2", "s3"]
"""


def main(data: Path, study: Path) -> None:
    study.mkdir(parents=True, exist_ok=True)
    with (data / "sessions.csv").open() as file:
        sessions = list(csv.DictReader(file))
    (study / "study.toml").write_text(STUDY)
    (study / "subjects.csv").write_text("subject\nrr30a\n")
    visits, recordings = [], []
    for row in sessions:
        name = f"s{row['session']}"
        visits.append(("rr30a", name, round(24 * float(row["days"]), 2), name))
        voxel_um = [row[f"voxel_{axis}_um"] for axis in "zyx"]
        recordings.append(("rr30a", name, "structure", "a", (data / row["file"]).resolve(), *voxel_um))
    _write(study / "sessions.csv", ("subject", "session", "time_h", "phase"), visits)
    columns = ("subject", "session", "kind", "fov", "path", "voxel_z_um", "voxel_y_um", "voxel_x_um")
    _write(study / "recordings.csv", columns, recordings)


def _write(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
