"""Photostimulation logs on disk, with the truth behind each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from respine.simulate.probe.light import LightSettings, simulate_light_on_spines
from respine.simulate.recording import Recording, Visit


def write_probe(
    visit: Visit,
    targets: pd.DataFrame,
    hours_after_drug: float,
    study: Path,
    settings: LightSettings,
    rng: np.random.Generator,
) -> Recording:
    """Simulate one photostimulation and write its log, `photostimulation/<subject>_<session>_<fov>.csv`.

    Parameters
    ----------
    visit : Visit
    targets : DataFrame
        Columns `spine`, `z_um`, `y_um`, `x_um` (in the session's raw stack), `labelled`.
    hours_after_drug : float
        Start of the stimulation after the drug, h.
    study : Path
        Folder of the study.

    Returns
    -------
    Recording
        Without a row of recordings.csv, which has no kind for a log; table `light`.

    Raises
    ------
    InputError
        The table of targets lacks a column, repeats a spine, or lacks a position.
    """
    log, truth = simulate_light_on_spines(targets, hours_after_drug, settings, rng)
    log.to_csv(visit.path(study, "photostimulation", ".csv"), index=False)
    return Recording(rows=(), tables={"light": visit.label(truth)})
