"""Mixed models beside R's lme4, lmerTest and pbkrtest: the same numbers, and the time of each.

    python benchmarks/mixed_models.py

Simulates longitudinal studies, fits each model here and in R (one process, packages loaded, times of the fit with its
coefficient and type III tables), and prints a row a model: CPU seconds of respine and of R, for Satterthwaite and for
Kenward-Roger, and the largest relative difference of F, denominator degrees of freedom and p. R's optimiser is told to
go on until the digits stand: with its defaults it stops 13.6 above the least deviance of the third model. Without R a
line says so, and respine's times stand alone.
"""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from respine.inference import fit_mixed

STUDIES = {  # animals, dendrites an animal, spines a dendrite, sessions
    "small": (10, 8, 1, 4),
    "medium": (16, 12, 1, 7),
    "spines": (12, 8, 30, 6),
}
MODELS = [
    ("small", "y ~ arm * time + (1 | mouse/dendrite)"),
    ("small", "y ~ arm * time * sex + (1 | mouse/dendrite)"),
    ("small", "y ~ arm * hours + (hours | mouse)"),
    ("medium", "y ~ arm * time * sex + (1 | mouse/dendrite)"),
    ("medium", "y ~ arm * time + (1 | mouse/dendrite) + (1 | day)"),
    ("spines", "y ~ arm * time + (1 | mouse/dendrite/spine)"),
]
KENWARD_ROGER_ROWS = 2000  # in R it needs matrices of rows x rows
R_CODE = """
suppressMessages({library(lmerTest); library(jsonlite)})
todo <- fromJSON("todo.json"); out <- list()
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6), calc.derivs = FALSE)
for (i in seq_len(nrow(todo))) {
  d <- read.csv(paste0(todo$study[i], ".csv"), stringsAsFactors = TRUE); f <- as.formula(todo$formula[i])
  fit <- function() { m <- suppressMessages(lmer(f, d, control = control)); coef(summary(m)); m }
  if (i == 1) anova(fit())
  s <- system.time({ m <- fit(); a <- anova(m) })
  r <- list(seconds = unname(s[1] + s[2]), anova = unname(as.matrix(a[, 4:6])))
  if (todo$kr[i]) r$kr_seconds <- unname(sum(system.time(anova(m, ddf = "Kenward-Roger"))[1:2]))
  out[[i]] <- r
}
write(toJSON(out, digits = I(12), auto_unbox = TRUE), "out.json")
"""


def simulate_study(animals, dendrites, spines, sessions, rng):
    axes = np.meshgrid(*map(np.arange, (animals, dendrites, spines, sessions)), indexing="ij")
    mouse, dendrite, spine, session = (axis.ravel() for axis in axes)
    y = rng.normal(size=animals)[mouse] * 0.4 + rng.normal(size=(animals, dendrites))[mouse, dendrite] * 0.3
    y = y + rng.normal(size=(animals, dendrites, spines))[mouse, dendrite, spine] * (spines > 1) * 0.5
    y = y + rng.normal(size=len(mouse)) * 0.6 + 0.2 * (mouse % 2) * (session > 1)
    table = pd.DataFrame(
        {
            "y": y,
            "mouse": [f"m{i:02d}" for i in mouse],
            "dendrite": [f"d{i}" for i in dendrite],
            "spine": [f"s{i}" for i in spine],
            "time": [f"t{i}" for i in session],
            "hours": 12.0 * session,
            "day": [f"c{i}" for i in (mouse * 5 + session) % 9],
            "arm": np.where(mouse % 2, "ketamine", "vehicle"),
            "sex": np.where(mouse // 2 % 2, "F", "M"),
        }
    )
    return table[rng.random(len(table)) < 0.9].reset_index(drop=True)


def time_respine(table, formula):
    start = time.process_time()
    fit = fit_mixed(table, formula)
    anova = (fit.fixed, fit.anova())[1]
    middle = time.process_time()
    fit.anova("kenward-roger")
    return anova, middle - start, time.process_time() - middle


def run_r(tables):
    todo = [{"study": s, "formula": f, "kr": len(tables[s]) <= KENWARD_ROGER_ROWS} for s, f in MODELS]
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        (Path(folder) / "todo.json").write_text(json.dumps(todo), encoding="utf-8")
        (Path(folder) / "run.R").write_text(R_CODE, encoding="utf-8")
        done = subprocess.run(["Rscript", "run.R"], cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr.strip().splitlines()[-1]
        return json.loads((Path(folder) / "out.json").read_text(encoding="utf-8")), None


def main():
    rng = np.random.default_rng(2026)
    tables = {name: simulate_study(*size, rng) for name, size in STUDIES.items()}
    theirs, problem = (None, "Rscript is not installed") if shutil.which("Rscript") is None else run_r(tables)
    if theirs is None:
        print(f"no comparison with R: {problem}")
    fit_mixed(tables["small"], MODELS[0][1]).anova()  # the first call imports
    print(f"{'rows':>6} {'model':52s} {'CPU s':>6} {'R':>6} {'KR':>6} {'R':>6} {'difference':>10}")
    for i, (study, formula) in enumerate(MODELS):
        anova, seconds, kr_seconds = time_respine(tables[study], formula)
        cells = ["", "", ""]
        if theirs is not None:
            expected = np.array(theirs[i]["anova"], dtype=float)
            difference = np.abs(anova[["den_df", "f", "p"]].to_numpy() / expected - 1).max()
            slow = theirs[i].get("kr_seconds")
            cells = [f"{theirs[i]['seconds']:.2f}", "" if slow is None else f"{slow:.2f}", f"{difference:.0e}"]
        numbers = f"{seconds:6.2f} {cells[0]:>6} {kr_seconds:6.2f} {cells[1]:>6} {cells[2]:>10}"
        print(f"{len(tables[study]):6d} {formula:52s} {numbers}")


if __name__ == "__main__":
    main()
