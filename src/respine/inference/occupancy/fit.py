"""A fitted occupancy model: parameters, corrected turnover with intervals, hit probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit

from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.kinetics import Kinetics, compute_kinetics, differentiate_kinetics
from respine.inference.occupancy.likelihood import Likelihood
from respine.inference.occupancy.rows import Row, frame_rows, list_rows
from respine.inference.occupancy.settings import OccupancySettings

Uncertainty = Literal["sites", "animals"]
"""Whether sites or animals are what varies: the inverse information, or the sandwich clustered by animal."""
MEASURES = ("formation", "elimination")
_TOO_FEW = "no limits: there are no more animals than groups"
_FLATTEST = 1e-8
_WIDEST = 50.0


@dataclass(frozen=True, eq=False)
class OccupancyFit:
    """The hidden-state occupancy model fitted to the sites of animals. Made by `fit_occupancy`.

    Attributes
    ----------
    likelihood : Likelihood
        What was fitted: `likelihood.histories` and `likelihood.settings`.
    theta : ndarray, shape (P,)
        The parameters at the optimum, named in `names`.
    information : ndarray, shape (P, P)
        Second derivatives of minus the penalised log-likelihood.
    scores : ndarray, shape (G, P)
        First derivatives by animal.
    log_likelihood : float
        Given that every site was seen at least once; without the priors.
    log_penalised : float
        With the priors.
    converged : bool
    """

    likelihood: Likelihood
    theta: np.ndarray
    information: np.ndarray
    scores: np.ndarray
    log_likelihood: float
    log_penalised: float
    converged: bool

    identified = True
    reason = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.likelihood.layout.names

    @property
    def histories(self) -> Histories:
        """The scorings."""
        return self.likelihood.histories

    @property
    def settings(self) -> OccupancySettings:
        """The settings."""
        return self.likelihood.settings

    @property
    def n_subjects(self) -> int:
        """Animals."""
        return len(self.histories.subjects)

    @property
    def n_sites(self) -> int:
        """Sites seen at least once."""
        return len(self.histories.seen)

    @property
    def n_dendrites(self) -> int:
        """Dendrites with such a site."""
        keys = [c for c in ("subject", "fov", "dendrite") if c in self.histories.sites.columns]
        return len(self.histories.sites[keys].drop_duplicates())

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters when sites are independent, shape (P, P)."""
        values, vectors = np.linalg.eigh(self.information)
        # what the data do not say is very uncertain, not impossible to invert
        return vectors / np.maximum(values, _FLATTEST * values[-1]) @ vectors.T

    @cached_property
    def covariance_animals(self) -> np.ndarray:
        """The same when only animals are independent; missing where there are no more animals than groups.

        The sandwich, times G / (G - groups with parameters of their own): few animals look more alike than they are.
        """
        own = self.settings.group_rates or self.settings.group_detection
        free = self.n_subjects - (len(set(self.histories.groups)) if own else 1)
        if free < 1:
            return np.full_like(self.covariance, np.nan)
        middle = self.scores.T @ self.scores * self.n_subjects / free
        return self.covariance @ middle @ self.covariance

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameter, estimate and standard errors (sites, animals), as the model has them: logarithms and log-odds."""
        return pd.DataFrame(
            {
                "parameter": self.names,
                "estimate": self.theta,
                "se": np.sqrt(np.diag(self.covariance)),
                "se_animals": np.sqrt(np.diag(self.covariance_animals)),
            }
        )

    @property
    def rows(self) -> list[Row]:
        """The intervals that `turnover` has rows for."""
        return list_rows(self.histories, self.settings)

    @cached_property
    def kinetics(self) -> Kinetics:
        """What happens between sessions, a batch of one."""
        return compute_kinetics(self.likelihood.split(self.theta)[0][None], self.likelihood.layout.rates)

    @cached_property
    def _slopes(self) -> Kinetics:
        return differentiate_kinetics(self.likelihood.split(self.theta)[0], self.likelihood.layout.rates)

    def rate(self, measure: str, row: Row) -> tuple[float, np.ndarray]:
        """Return formation or elimination of an interval, and its derivative by the parameters (P,)."""
        slope = np.zeros(len(self.theta))
        by = getattr(self._slopes, measure)[:, row.g, row.k]
        slope[: len(by)] = by
        return float(getattr(self.kinetics, measure)[0, row.g, row.k]), slope

    def compute_turnover(self, uncertainty: Uncertainty = "sites", level: float = 0.95) -> pd.DataFrame:
        """Return corrected formation and elimination per interval, with intervals.

        Parameters
        ----------
        uncertainty : {"sites", "animals"}
            Take sites as independent, or animals only (t with G - 1 degrees of freedom).
        level : float

        Returns
        -------
        DataFrame
            group, subject (missing where shared), session_first, session_last, interval_h, then formation and
            elimination, each with _low and _high (symmetric in the logarithm), per spine standing in the first session,
            and `reason`. Formation counts spines grown at new and at lost sites that stand in the last session.
        """
        covariance = self.covariance if uncertainty == "sites" else self.covariance_animals
        wide = stats.norm.ppf if uncertainty == "sites" else stats.t(max(self.n_subjects - 1, 1)).ppf
        z = float(wide((1 + level) / 2))
        table = frame_rows(self.rows)
        for measure in MEASURES:
            value, slope = map(np.array, zip(*(self.rate(measure, r) for r in self.rows), strict=True))
            spread = np.sqrt(np.einsum("rp,pq,rq->r", slope, covariance, slope)) / value
            factor = np.exp(np.minimum(z * spread, _WIDEST))
            table[measure], table[f"{measure}_low"], table[f"{measure}_high"] = value, value / factor, value * factor
        reason = None if np.isfinite(covariance).all() else _TOO_FEW
        return table.assign(reason=pd.Series([reason] * len(table), dtype=object))

    @property
    def turnover(self) -> pd.DataFrame:
        """Corrected formation and elimination per interval; see `compute_turnover`."""
        return self.compute_turnover()

    @property
    def detection(self) -> pd.DataFrame:
        """Hit probability of each animal's sessions at average covariates: subject, session, hit, low, high."""
        histories, start = self.histories, len(self.theta) - self.likelihood.hit.shape[1]
        n_slopes = len(histories.covariate_names)
        chosen = slice(start, len(self.theta) - n_slopes)
        design = self.likelihood.hit_block.design
        rows = []
        for g, names in enumerate(histories.sessions):
            for t, name in enumerate(names):
                x = design[g, t]
                centre = x @ self.theta[chosen]
                spread = stats.norm.ppf(0.975) * np.sqrt(x @ self.covariance[chosen, chosen] @ x)
                rows.append((histories.subjects[g], name, *expit([centre, centre - spread, centre + spread])))
        return pd.DataFrame(rows, columns=["subject", "session", "hit", "hit_low", "hit_high"])

    @property
    def false_calls(self) -> float:
        """Calls at places without a spine, per session and spine of the first session."""
        if not self.settings.false_calls:
            return 0.0
        return float(np.exp(self.theta[self.names.index("false_calls")]))
