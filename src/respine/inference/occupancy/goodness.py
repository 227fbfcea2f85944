"""Does the model fit? Observed against expected numbers of kinds of histories, by draws from the fitted model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from respine.core.errors import InputError
from respine.inference.occupancy.draw import draw_histories
from respine.inference.occupancy.fit import OccupancyFit
from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.likelihood import Likelihood

_RARE = 5.0


@dataclass(frozen=True, eq=False)
class GoodnessOfFit:
    """How far the kinds of histories are from what the fitted model expects.

    Attributes
    ----------
    kinds : DataFrame
        kind, observed, expected, z: the difference over its standard deviation, the fit's own freedom removed.
    statistic : float
        Squared distance of all kinds together.
    df : int
        Kinds that are free.
    p : float
        Probability that a draw from the fitted model lies as far (Hotelling's T2).
    n_draws, seed : int
    """

    kinds: pd.DataFrame
    statistic: float
    df: int
    p: float
    n_draws: int
    seed: int


def compute_goodness(fit: OccupancyFit, n_draws: int, seed: int) -> GoodnessOfFit:
    """Compare observed and expected numbers of sites by how often and in how many runs they were seen.

    Kinds are: seen in m sessions in r runs; seen once, in session t; missed in t between two sessions that saw it;
    and, with repeated looks, sessions in which the looks disagree. What a draw would have changed in the fitted
    parameters is taken out to first order by regression on its score, so that no draw is fitted again.

    Parameters
    ----------
    fit : OccupancyFit
    n_draws : int
        Some hundreds; at least the number of kinds and parameters together.
    seed : int

    Raises
    ------
    InputError
        There are too few draws.
    """
    names, observed = count_kinds(fit.histories)
    fewest = len(names) + len(fit.theta) + 2
    if n_draws < fewest:
        raise InputError(f"goodness of fit: found {n_draws} draws; expected {fewest} or more")
    rng = np.random.default_rng(seed)
    counts, scores = np.zeros((n_draws, len(names))), np.zeros((n_draws, len(fit.theta)))
    for b in range(n_draws):
        drawn = draw_histories(fit, rng)
        counts[b] = count_kinds(drawn)[1]
        scores[b] = Likelihood(drawn, fit.settings).sweep(fit.theta).scores.sum(axis=0)
    mean = counts.mean(axis=0)
    common = (mean >= _RARE) & (counts.std(axis=0) > 0)
    prior = np.diag(1 / fit.likelihood.layout.sd**2)
    free = scores - scores.mean(axis=0)
    spread = counts[:, common] - mean[common]
    follow = np.linalg.pinv(free.T @ free / n_draws + prior, rcond=1e-9, hermitian=True) @ (free.T @ spread / n_draws)
    left = spread - free @ follow
    own = observed[common] - mean[common]
    covariance = left.T @ left / (n_draws - 1 - len(fit.theta))
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    kept = values > 0.02
    turn = vectors[:, kept] / np.sqrt(values[kept])
    statistic = float(np.sum((own / sd @ turn) ** 2))
    df = int(kept.sum())
    # Hotelling's T2: the spread is itself known from this many draws only, less the parameters regressed on
    n = n_draws - len(fit.theta)
    p = float(stats.f.sf(statistic * (n - df) / (df * (n - 1) * (1 + 1 / n)), df, n - df))
    kinds = pd.DataFrame(
        {"kind": np.array(names)[common], "observed": observed[common], "expected": mean[common], "z": own / sd}
    )
    return GoodnessOfFit(kinds, statistic, df, p, n_draws, seed)


def count_kinds(histories: Histories) -> tuple[list[str], np.ndarray]:
    """Return the kinds of histories and how many sites are of each."""
    seen, scored = histories.seen > 0, histories.looks > 0
    n, n_times = seen.shape
    # an unscorable session neither ends a run nor starts one
    last = np.zeros(n, bool)
    runs = np.zeros(n, np.int64)
    for t in range(n_times):
        runs += seen[:, t] & ~last
        last = np.where(scored[:, t], seen[:, t], last)
    often = seen.sum(axis=1)
    names, counts = [], []
    for m in range(1, n_times + 1):
        for r in range(1, min(m, n_times - m + 1) + 1):
            names.append(f"seen {m} times in {r} runs")
            counts.append(np.sum((often == m) & (runs == r)))
    for t in range(n_times):
        names.append(f"seen only in session {t + 1}")
        counts.append(np.sum((often == 1) & seen[:, t]))
    for t in range(1, n_times - 1):
        names.append(f"missed only in session {t + 1} of three")
        counts.append(np.sum(seen[:, t - 1] & scored[:, t] & ~seen[:, t] & seen[:, t + 1]))
    if histories.looks.max() > 1:
        names.append("sessions in which looks disagree")
        counts.append(np.sum(seen & (histories.seen < histories.looks)))
    return names, np.array(counts, float)
