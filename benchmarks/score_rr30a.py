"""Run the study of rr30a and score its spines: `python benchmarks/score_rr30a.py SHARED STUDY_DIR`.

SHARED holds data/rr30a and tools/score_spines.py. STUDY_DIR is made and run unless it has been.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from rr30a_study import main as make_study

from respine.study.results import Results
from respine.study.run import run_study


def predictions(study: Path) -> pd.DataFrame:
    """Return the visible spines of a study in the columns that the scorer reads."""
    spines = Results(study).read_table("spines")
    seen = spines[spines["visible"].fillna(False)]
    columns = {f"{base}{axis}_um": f"{base}{axis}" for base in ("", "base_") for axis in "zyx"}
    return seen.rename(columns={**columns, "p_visible": "probability"}).assign(
        session=seen["session"].str.removeprefix("s").astype(int), track=seen["spine"].factorize()[0]
    )[["session", "track", *columns.values(), "probability"]]


def main(shared: Path, study: Path) -> None:
    make_study(shared / "data" / "rr30a", study)
    outcome = run_study(study)
    if outcome.failures:
        sys.exit("\n".join(outcome.failures))
    table = study / "predictions.csv"
    predictions(study).to_csv(table, index=False)
    subprocess.run([sys.executable, shared / "tools" / "score_spines.py", table, shared / "data" / "rr30a"], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
