"""What can be said where misses cannot be told from losses: bounds from what hit and false-call rates are believable.

With hit probabilities p1 and p2 of two sessions, a share f of false calls, and raw rates F and E:

    E = E_raw' ... 1 - (1 - E_raw') / p2          F = (F_raw' p1 - (1 - E_raw') (1 - p1)) / p2

so that the corrected elimination lies below the raw one, and formation anywhere from (about) zero to F_raw / p2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.settings import OccupancySettings


@dataclass(frozen=True, eq=False)
class OccupancyBounds:
    """Bounds on turnover where its correction is not identified.

    Attributes
    ----------
    turnover : DataFrame
        The columns of `OccupancyFit.turnover`; formation and elimination are missing, their _low and _high are bounds
        that include 95 % sampling error.
    reason : str
    n_subjects, n_sites : int
    """

    turnover: pd.DataFrame
    reason: str
    n_subjects: int
    n_sites: int

    identified = False


def compute_bounds(histories: Histories, settings: OccupancySettings) -> OccupancyBounds:
    """Return bounds for every interval, all animals together, for hit probabilities from `hit_low` to 1."""
    n = histories.n_sessions
    reason = (
        f"the correction is not identified: found {n} session{'' if n == 1 else 's'} and one scoring of each; "
        f"expected 3 sessions, or a second scoring; bounds hold for hit probabilities from {settings.hit_low:g} to 1 "
        f"and false calls up to {settings.false_high:g}"
    )
    rows = []
    for k in range(n - 1):
        seen, both = histories.seen[:, k : k + 2] > 0, (histories.looks[:, k : k + 2] > 0).all(axis=1)
        labels: dict[tuple, list[int]] = {}
        for g, names in enumerate(histories.sessions):
            if len(names) > k + 1:
                hours = float(histories.time_h[g, k + 1] - histories.time_h[g, k])
                labels.setdefault((names[k], names[k + 1], hours), []).append(g)
        for (first, last, hours), members in labels.items():
            mine = both & np.isin(histories.subject, members)
            bounds = _bound(seen[mine, 0], seen[mine, 1], settings)
            rows.append((None, None, first, last, hours, np.nan, *bounds[0], np.nan, *bounds[1], reason))
    columns = ["group", "subject", "session_first", "session_last", "interval_h", "formation", "formation_low"]
    columns += ["formation_high", "elimination", "elimination_low", "elimination_high", "reason"]
    return OccupancyBounds(pd.DataFrame(rows, columns=columns), reason, len(histories.subjects), len(histories.seen))


def _bound(before: np.ndarray, after: np.ndarray, settings: OccupancySettings) -> tuple[tuple, tuple]:
    n, lost, gained = int(before.sum()), int((before & ~after).sum()), int((~before & after).sum())
    if n == 0:
        return (np.nan, np.nan), (np.nan, np.nan)
    p, f = settings.hit_low, settings.false_high
    lost_low = stats.beta.ppf(0.025, lost, n - lost + 1) if lost else 0.0
    lost_high = stats.beta.ppf(0.975, lost + 1, n - lost) if lost < n else 1.0
    gained_low = stats.gamma.ppf(0.025, gained) / n if gained else 0.0
    gained_high = stats.gamma.ppf(0.975, gained + 1) / n
    stayed = 1 - max(lost_low - f, 0.0)
    formation = (max(0.0, (gained_low - f) * p - stayed * (1 - p)), gained_high / (p * (1 - f)))
    return formation, (max(0.0, 1 - stayed / p), lost_high)
