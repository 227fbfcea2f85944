"""The scorings of an experiment as arrays: sites by sessions, how often looked at and how often seen.

Symbols: G animals, N sites, T sessions (of the animal with most), K covariates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.core.errors import InputError

_NEEDED = {
    "spines": ("subject", "dendrite", "spine", "session", "visible"),
    "sessions": ("subject", "session", "time_h"),
}


@dataclass(frozen=True, eq=False)
class Histories:
    """Every site that was seen at least once.

    Attributes
    ----------
    subjects : tuple of str
        G animals.
    groups : tuple of str
        Group of each animal; all the same where none were given.
    sessions : tuple of tuple of str
        Each animal's sessions in order of time.
    time_h : ndarray, shape (G, T)
        Their times; an animal with fewer sessions repeats its last.
    sites : DataFrame
        Identity of the N sites.
    subject : ndarray of int, shape (N,)
    seen, looks : ndarray of int, shape (N, T)
        Positive scorings and all scorings; no looks where the site is unscorable.
    covariates : ndarray, shape (N, T, K)
        In standard deviations from the mean.
    covariate_names : tuple of str
    n_never_seen : int
        Sites left out because no session shows them.
    """

    subjects: tuple[str, ...]
    groups: tuple[str, ...]
    sessions: tuple[tuple[str, ...], ...]
    time_h: np.ndarray
    sites: pd.DataFrame
    subject: np.ndarray
    seen: np.ndarray
    looks: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    n_never_seen: int

    @property
    def n_sessions(self) -> int:
        """Sessions of the animal with most."""
        return self.time_h.shape[1]

    @property
    def interval_days(self) -> np.ndarray:
        """Days between the sessions of each animal, shape (G, T - 1); 0 where it has no such session."""
        return np.diff(self.time_h, axis=1) / 24.0

    def select_subjects(self, chosen: Sequence[int]) -> Histories:
        """Return the animals at these places, in this order; one may come several times (a bootstrap draw)."""
        rows = [np.flatnonzero(self.subject == g) for g in chosen]
        index = np.concatenate(rows)
        return Histories(
            subjects=tuple(f"{k}:{self.subjects[g]}" for k, g in enumerate(chosen)),
            groups=tuple(self.groups[g] for g in chosen),
            sessions=tuple(self.sessions[g] for g in chosen),
            time_h=self.time_h[list(chosen)],
            sites=self.sites.iloc[index].reset_index(drop=True),
            subject=np.repeat(np.arange(len(rows)), [len(r) for r in rows]),
            seen=self.seen[index],
            looks=self.looks[index],
            covariates=self.covariates[index],
            covariate_names=self.covariate_names,
            n_never_seen=self.n_never_seen,
        )

    def replace_scorings(self, seen: np.ndarray, rows: np.ndarray) -> Histories:
        """Return the sites `rows` with other scorings (M, T): a simulated experiment of the same design."""
        return Histories(
            self.subjects,
            self.groups,
            self.sessions,
            self.time_h,
            self.sites.iloc[rows].reset_index(drop=True),
            self.subject[rows],
            seen,
            self.looks[rows],
            self.covariates[rows],
            self.covariate_names,
            0,
        )


def read_histories(
    spines: pd.DataFrame,
    sessions: pd.DataFrame,
    covariates: Sequence[str] = (),
    groups: Mapping[str, str] | None = None,
) -> Histories:
    """Collect the scorings of every site.

    Parameters
    ----------
    spines : DataFrame
        Columns subject, dendrite, spine, session, visible (missing where unscorable), those of `covariates`, and
        `fov` where names repeat between fields of view. Several rows of a site and session are repeated looks.
    sessions : DataFrame
        Columns subject, session, time_h.
    covariates : sequence of str
        Numeric columns of `spines` that the hit probability depends on. A missing value is the site's mean, or else
        the mean of all.
    groups : mapping, optional
        Group of each animal.

    Raises
    ------
    InputError
        A column, a session's time or an animal's group is missing, two sessions have one time, or nothing is seen.
    """
    _check(spines, sessions, covariates, groups)
    keys = [k for k in ("subject", "fov", "dendrite", "spine") if k in spines.columns]
    subjects = tuple(dict.fromkeys(spines["subject"].astype(str)))
    planned = {s: _order_sessions(sessions, s) for s in subjects}
    n_sessions = max(len(times) for times in planned.values())
    place = {(s, name): k for s in subjects for k, name in enumerate(planned[s].index)}
    site, names = pd.MultiIndex.from_frame(spines[keys].astype(str)).factorize()
    column = _place_rows(spines, place)
    visible = pd.array(spines["visible"], dtype="boolean")
    scored = ~np.asarray(visible.isna())
    looks = np.zeros((len(names), n_sessions), np.int64)
    seen = np.zeros_like(looks)
    np.add.at(looks, (site, column), scored)
    np.add.at(seen, (site, column), visible.fillna(False).to_numpy(bool))
    values = [_spread_covariate(spines[c], c, site, column, looks.shape) for c in covariates]
    sites = names.to_frame(index=False, name=keys)
    kept = seen.sum(axis=1) > 0
    if not kept.any():
        raise InputError(f"table spines: found no visible spine in {len(spines)} rows; expected at least one")
    return Histories(
        subjects=subjects,
        groups=tuple("all" if groups is None else str(groups[s]) for s in subjects),
        sessions=tuple(tuple(planned[s].index) for s in subjects),
        time_h=np.array([_pad(planned[s].to_numpy(), n_sessions) for s in subjects]),
        sites=sites[kept].reset_index(drop=True),
        subject=pd.Index(subjects).get_indexer(sites["subject"])[kept],
        seen=seen[kept],
        looks=looks[kept],
        covariates=np.stack(values, axis=2)[kept] if values else np.zeros((int(kept.sum()), n_sessions, 0)),
        covariate_names=tuple(covariates),
        n_never_seen=int((~kept).sum()),
    )


def _check(spines, sessions, covariates, groups):
    for name, frame, needed in (
        ("spines", spines, (*_NEEDED["spines"], *covariates)),
        ("sessions", sessions, _NEEDED["sessions"]),
    ):
        missing = [c for c in needed if c not in frame.columns]
        if missing:
            raise InputError(f"table {name}: found columns {list(frame.columns)}; expected also {missing}")
    if spines.empty:
        raise InputError("table spines: found no row; expected one a site and session")
    if groups is not None:
        absent = sorted(set(spines["subject"].astype(str)) - {str(s) for s in groups})
        if absent:
            raise InputError(f"groups: found none for the animals {absent}; expected one for each")


def _order_sessions(sessions: pd.DataFrame, subject: str) -> pd.Series:
    own = sessions[sessions["subject"].astype(str) == subject]
    times = pd.Series(own["time_h"].to_numpy(float), index=own["session"].astype(str)).sort_values(kind="stable")
    if times.isna().any() or times.duplicated().any() or times.index.duplicated().any():
        raise InputError(
            f"table sessions, animal {subject}: found times {times.to_dict()}; expected one each, all different"
        )
    return times


def _place_rows(spines: pd.DataFrame, place: dict) -> np.ndarray:
    rows = list(zip(spines["subject"].astype(str), spines["session"].astype(str), strict=True))
    unknown = sorted(set(rows) - set(place))
    if unknown:
        raise InputError(
            f"table sessions: found no time for (animal, session) {unknown[0]}; expected one for each of spines"
        )
    return np.array([place[r] for r in rows])


def _pad(times: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([times, np.full(length - len(times), times[-1])])


def _spread_covariate(column: pd.Series, name: str, site: np.ndarray, place: np.ndarray, shape: tuple) -> np.ndarray:
    """Standardised values (N, T); a site's mean where one is missing."""
    value = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    known = np.isfinite(value)
    spread = value[known].std() if known.any() else 0.0
    if not spread > 0:
        raise InputError(
            f"table spines, column {name}: found {int(known.sum())} values that do not vary; expected a covariate"
        )
    z = (value - value[known].mean()) / spread
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (site[known], place[known]), z[known])
    np.add.at(count, (site[known], place[known]), 1)
    mean = total.sum(axis=1, keepdims=True) / np.maximum(count.sum(axis=1, keepdims=True), 1)
    return np.where(count > 0, total / np.maximum(count, 1), mean)
