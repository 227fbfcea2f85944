"""Formation, elimination and density, as counted from what is visible.

Between two sessions only spines that both can show are counted:

    formation   = gained / n_first      gained: absent in the first and present in the last session
    elimination = lost / n_first        lost: present in the first and absent in the last session

as published (Phoumthipphavong et al. 2016, doi:10.1523/ENEURO.0133-15.2016). An animal's rates are its summed counts
divided, not the mean of its dendrites. Rates belong to their interval and are never divided by days.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from respine.core.tables import DENSITY, DENSITY_BY_SUBJECT, TURNOVER, TURNOVER_BY_SUBJECT

_NO_SPINES = "no spine in the earlier session"
_NO_COMMON = "no site that both sessions can show"
_OUTSIDE = "no part of the dendrite lies inside the stack"
_COUNTS = ["n_first", "gained", "lost", "n_last", "n_scorable", "n_unscorable"]


def compute_turnover(spines: pd.DataFrame, dendrites: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Count gains and losses of every dendrite between all pairs of its sessions.

    Parameters
    ----------
    spines, dendrites : DataFrame
        The tables `spines` and `dendrites`.
    sessions : DataFrame
        Columns subject, session, time_h.

    Returns
    -------
    DataFrame
        The table `turnover`; a dendrite without spines has its rows too.
    """
    rows = [
        {"subject": subject, "fov": fov, "dendrite": name, **counts}
        for (subject, fov, name), times in _sessions_of(dendrites, sessions, ["subject", "fov", "dendrite"])
        for counts in _count_pairs(
            spines[(spines.subject == subject) & (spines.fov == fov) & (spines.dendrite == name)], times
        )
    ]
    return TURNOVER.conform(_with_rates(pd.DataFrame(rows))) if rows else TURNOVER.empty()


def sum_turnover(turnover: pd.DataFrame) -> pd.DataFrame:
    """Sum the counts of a subject's dendrites and divide: the table `turnover_by_subject`."""
    if turnover.empty:
        return TURNOVER_BY_SUBJECT.empty()
    groups = turnover.assign(n_dendrites=(turnover.n_scorable > 0).astype(int)).groupby(
        ["subject", "session_first", "session_last", "interval_h"], sort=False
    )
    summed = groups[["n_dendrites", *_COUNTS]].sum().reset_index()
    summed["consecutive"] = groups["consecutive"].all().to_numpy()
    return TURNOVER_BY_SUBJECT.conform(_with_rates(summed))


def compute_density(spines: pd.DataFrame, dendrites: pd.DataFrame) -> pd.DataFrame:
    """Count the visible spines of every dendrite in every session, per um of its length inside the stack."""
    keys = ["subject", "fov", "dendrite", "session"]
    seen = spines.assign(n_scorable=spines.visible.notna(), n_present=spines.visible.fillna(False))
    counts = seen.groupby(keys)[["n_scorable", "n_present"]].sum().reset_index()
    density = dendrites[[*keys, "inside_um"]].merge(counts, on=keys, how="left")
    density[["n_scorable", "n_present"]] = density[["n_scorable", "n_present"]].fillna(0).astype("Int64")
    density = density.rename(columns={"inside_um": "length_um"})
    return DENSITY.conform(_with_density(density))


def sum_density(density: pd.DataFrame) -> pd.DataFrame:
    """Sum the counts and lengths of a subject's dendrites and divide: the table `density_by_subject`."""
    inside = density[density.length_um.fillna(0) > 0]
    if inside.empty:
        return DENSITY_BY_SUBJECT.empty()
    groups = inside.groupby(["subject", "session"], sort=False)
    summed = groups[["n_scorable", "n_present", "length_um"]].sum().reset_index()
    summed["n_dendrites"] = groups.size().to_numpy()
    summed["density_mean_of_dendrites_per_um"] = groups["density_per_um"].mean().to_numpy()
    return DENSITY_BY_SUBJECT.conform(_with_density(summed))


def _sessions_of(dendrites: pd.DataFrame, sessions: pd.DataFrame, keys: list[str]) -> Iterator[tuple[tuple, pd.Series]]:
    """Each dendrite with the times of its sessions in order, a series of time_h indexed by session."""
    timed = dendrites.merge(sessions[["subject", "session", "time_h"]], on=["subject", "session"], how="left")
    for key, rows in timed.groupby(keys, sort=False):
        yield key, rows.sort_values("time_h", kind="stable").set_index("session").time_h


def _count_pairs(spines: pd.DataFrame, times: pd.Series) -> Iterator[dict]:
    """Counts between every pair of sessions, earlier first."""
    visible = spines.pivot(index="spine", columns="session", values="visible").reindex(columns=times.index)
    place = {session: k for k, session in enumerate(times.index)}
    for first, last in combinations(times.index, 2):
        pair = visible[[first, last]]
        both = pair.dropna().astype(bool)
        before, after = both[first].to_numpy(), both[last].to_numpy()
        yield {
            "session_first": first,
            "session_last": last,
            "interval_h": times[last] - times[first],
            "consecutive": place[last] - place[first] == 1,
            "n_first": int(before.sum()),
            "gained": int((~before & after).sum()),
            "lost": int((before & ~after).sum()),
            "n_last": int(after.sum()),
            "n_scorable": len(both),
            "n_unscorable": len(pair) - len(both),
        }


def _with_rates(counts: pd.DataFrame) -> pd.DataFrame:
    """Add the rates; where there is no denominator they are missing and the reason says so."""
    denominator = counts.n_first.astype(float).where(counts.n_first > 0)
    formation, elimination = counts.gained / denominator, counts.lost / denominator
    reason = np.where(counts.n_scorable == 0, _NO_COMMON, _NO_SPINES)
    return counts.assign(
        formation=formation,
        elimination=elimination,
        turnover=(formation + elimination) / 2,
        net=formation - elimination,
        survival_fraction=1 - elimination,
        reason=pd.Series(reason, index=counts.index).where(denominator.isna(), None),
    )


def _with_density(counts: pd.DataFrame) -> pd.DataFrame:
    length = counts.length_um.astype(float)
    length = length.where(length > 0)
    return counts.assign(
        density_per_um=counts.n_present.astype(float) / length,
        reason=pd.Series(_OUTSIDE, index=counts.index).where(length.isna(), None),
    )
