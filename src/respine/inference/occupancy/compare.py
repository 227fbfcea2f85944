"""Do the groups differ? In how well spines are seen (then beware), and in corrected turnover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from respine.core.errors import InputError
from respine.inference.occupancy.fit import MEASURES, OccupancyFit
from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.model import fit_occupancy
from respine.inference.occupancy.settings import OccupancySettings


@dataclass(frozen=True, eq=False)
class DetectionComparison:
    """Likelihood-ratio test that all groups have the same hit probabilities.

    Attributes
    ----------
    statistic, df, p : float
        Twice the difference of the log-likelihoods, and its chi-square probability, sites taken as independent.
    p_animals : float
        By a Wald test clustered by animal (F with G - number of groups degrees of freedom).
    hit : dict
        Hit probability of each group, average session and covariates.
    warning : str or None
        Said where either probability is below 0.05.
    """

    statistic: float
    df: int
    p: float
    p_animals: float
    hit: dict[str, float]
    warning: str | None


def compare_detection(histories: Histories, settings: OccupancySettings | None = None) -> DetectionComparison:
    """Test whether the hit probability differs between groups, their rates left free.

    Raises
    ------
    InputError
        There is one group, or the correction is not identified.
    """
    groups = _list_groups(histories)
    settings = (settings or OccupancySettings()).model_copy(update={"group_rates": True})
    alike = _fit(histories, settings.model_copy(update={"group_detection": False}))
    apart = _fit(histories, settings.model_copy(update={"group_detection": True}))
    places = [apart.names.index(f"hit[group={name}]") for name in groups[1:]]
    df = len(places)
    statistic = max(0.0, 2 * (apart.log_penalised - alike.log_penalised))
    p = float(stats.chi2.sf(statistic, df))
    shift = apart.theta[places]
    wald = float(shift @ np.linalg.pinv(apart.covariance_animals[np.ix_(places, places)]) @ shift) / df
    p_animals = float(stats.f.sf(wald, df, max(apart.n_subjects - len(groups), 1)))
    centre = apart.detection.groupby("subject")["hit"].mean()
    of_group = pd.Series(dict(zip(histories.subjects, histories.groups, strict=True)))
    hit = {name: float(centre[of_group.index[of_group == name]].mean()) for name in groups}
    warning = None
    if min(p, p_animals) < 0.05:
        found = ", ".join(f"{name} {value:.3f}" for name, value in hit.items())
        warning = f"the hit probability differs between groups ({found}; p = {p:.2g}): raw turnover is not comparable"
    return DetectionComparison(statistic, df, p, p_animals, hit, warning)


def compare_turnover(histories: Histories, settings: OccupancySettings | None = None) -> pd.DataFrame:
    """Compare corrected formation and elimination of every group with the first, animals as the unit.

    Rates and hit probabilities are the groups' own. The standard error is clustered by animal; t with G - number of
    groups degrees of freedom.

    Returns
    -------
    DataFrame
        question, group, reference, session_first, session_last, interval_h, estimate (difference), low, high, unit, df,
        p, test, null, n_subjects, n_dendrites, n_spines.

    Raises
    ------
    InputError
        There is one group, or the correction is not identified.
    """
    groups = _list_groups(histories)
    settings = settings or OccupancySettings()
    fit = _fit(histories, settings.model_copy(update={"group_rates": True, "group_detection": True}))
    df = max(fit.n_subjects - len(groups), 1)
    reach = float(stats.t.ppf(0.975, df))
    places = {(r.group, r.session_first, r.session_last, round(r.interval_h, 6)): r for r in fit.rows}
    rows = []
    for (group, first, last, hours), row in places.items():
        reference = places.get((groups[0], first, last, hours))
        if group == groups[0] or reference is None:
            continue
        for measure in MEASURES:
            value, slope = fit.rate(measure, row)
            base, base_slope = fit.rate(measure, reference)
            change = slope - base_slope
            se = float(np.sqrt(change @ fit.covariance_animals @ change))
            estimate = value - base
            rows.append(
                {
                    "question": f"corrected {measure}",
                    "group": group,
                    "reference": groups[0],
                    "session_first": first,
                    "session_last": last,
                    "interval_h": hours,
                    "estimate": estimate,
                    "low": estimate - reach * se,
                    "high": estimate + reach * se,
                    "unit": "1",
                    "df": df,
                    "p": float(2 * stats.t.sf(abs(estimate) / se, df)),
                    "test": "Wald, clustered by animal",
                    "null": "the groups have the same rate",
                    "n_subjects": fit.n_subjects,
                    "n_dendrites": fit.n_dendrites,
                    "n_spines": fit.n_sites,
                }
            )
    return pd.DataFrame(rows)


def _list_groups(histories: Histories) -> list[str]:
    groups = list(dict.fromkeys(histories.groups))
    if len(groups) < 2:
        raise InputError(f"comparison of groups: found the group {groups}; expected two or more")
    return groups


def _fit(histories: Histories, settings: OccupancySettings) -> OccupancyFit:
    fit = fit_occupancy(histories, settings)
    if not fit.identified:
        raise InputError(f"comparison of groups: {fit.reason}")
    return fit
