"""Intervals by resampling animals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.inference.occupancy.fit import MEASURES, OccupancyFit
from respine.inference.occupancy.model import fit_occupancy
from respine.inference.occupancy.rows import frame_rows


@dataclass(frozen=True, eq=False)
class BootstrappedTurnover:
    """Corrected turnover with percentile intervals over draws of animals.

    Attributes
    ----------
    turnover : DataFrame
        The columns of `OccupancyFit.turnover`.
    draws : ndarray, shape (B, rows, 2)
        Formation and elimination of every draw.
    n_draws, n_subjects, n_sites : int
    seed : int
    """

    turnover: pd.DataFrame
    draws: np.ndarray
    n_draws: int
    n_subjects: int
    n_sites: int
    seed: int


def bootstrap_turnover(fit: OccupancyFit, n_draws: int, seed: int, level: float = 0.95) -> BootstrappedTurnover:
    """Refit on animals drawn with replacement, within their groups.

    Raises
    ------
    InputError
        The rates or hit probabilities are those of single animals, or a group has only one animal.
    """
    settings, histories = fit.settings, fit.histories
    if settings.subject_rates or settings.detection == "subject_session":
        raise InputError(
            "bootstrap of animals: found parameters of single animals; expected shared ones "
            "(subject_rates false, detection constant or session)"
        )
    groups = np.array(histories.groups)
    members = [np.flatnonzero(groups == group) for group in dict.fromkeys(histories.groups)]
    if min(len(m) for m in members) < 2:
        raise InputError(
            f"bootstrap of animals: found groups of {[len(m) for m in members]}; expected 2 animals or more in each"
        )
    rng = np.random.default_rng(seed)
    rows = fit.rows
    draws = np.full((n_draws, len(rows), len(MEASURES)), np.nan)
    for b in range(n_draws):
        chosen = np.concatenate([rng.choice(m, len(m)) for m in members])
        again = fit_occupancy(histories.select_subjects(chosen), settings, start=fit.theta)
        made = {(r.group, r.session_first, r.session_last, round(r.interval_h, 6)): r for r in again.rows}
        for i, row in enumerate(rows):
            key = (row.group, row.session_first, row.session_last, round(row.interval_h, 6))
            if key in made:
                draws[b, i] = [again.rate(measure, made[key])[0] for measure in MEASURES]
    table = frame_rows(rows)
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    for j, measure in enumerate(MEASURES):
        table[measure] = [fit.rate(measure, r)[0] for r in rows]
        table[f"{measure}_low"], table[f"{measure}_high"] = low[:, j], high[:, j]
    table["reason"] = pd.Series([None] * len(table), dtype=object)
    return BootstrappedTurnover(table, draws, n_draws, fit.n_subjects, fit.n_sites, seed)
