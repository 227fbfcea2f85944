"""The likelihood of an experiment, and its gradient by animal.

A site enters the data because it was seen at least once, so its history is taken given that:

    L = product over sites of  weight(history) / weight(all histories seen at least once)

Weights are relative to the spines of the first session, so that the number of sites never seen needs no parameter.
Places without a spine add f q^(s-1) (1-q)^(n-s) to a history seen s times in n looks: with q towards 0, each false call
is a site of its own; with q larger, the same places are called again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from respine.inference.occupancy.forward import sweep_cases
from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.kinetics import compute_kinetics, differentiate_kinetics
from respine.inference.occupancy.parameters import design_hit, lay_out
from respine.inference.occupancy.settings import OccupancySettings


@dataclass(frozen=True, eq=False)
class Swept:
    """One pass: log-likelihood (G,), scores (G, P), and what each case holds.

    That is, given its history: the probability that a spine stands and that one has returned (U, T), and that none ever
    stood (U,).
    """

    value: np.ndarray
    scores: np.ndarray
    present: np.ndarray
    returned: np.ndarray
    false: np.ndarray


class Likelihood:
    """Histories collapsed into cases, ready to be evaluated at any parameters.

    Parameters
    ----------
    histories : Histories
    settings : OccupancySettings
    """

    def __init__(self, histories: Histories, settings: OccupancySettings) -> None:
        self.histories, self.settings = histories, settings
        self.layout, self.hit_block = lay_out(histories, settings)
        n, n_times, _ = histories.covariates.shape
        flat = histories.covariates.reshape(n, -1)
        rows = np.column_stack([histories.subject, histories.seen, histories.looks, flat])
        first, self.case_of_site, count = _collapse(rows)
        screen = np.column_stack([histories.subject, histories.looks, flat])
        screen_first, _, screen_count = _collapse(screen)
        both = np.concatenate([first, screen_first])
        self.n_cases = len(first)
        self.subject = histories.subject[both]
        self.seen = np.concatenate([histories.seen[first], np.zeros((len(screen_first), n_times), np.int64)])
        self.looks = histories.looks[both]
        self.count = np.concatenate([count, screen_count]).astype(float)
        self.kind = np.repeat([0, 1], [len(first), len(screen_first)])
        self.hit = design_hit(self.hit_block, self.subject, histories.covariates[both])
        self._by_subject = [
            np.flatnonzero(np.repeat(self.subject == g, n_times)) for g in range(len(histories.subjects))
        ]

    def split(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the parameters of the rates, of false calls, and of the hit."""
        return tuple(np.split(theta, np.cumsum([self.layout.n_rates, self.layout.n_false])))

    def hit_log_odds(self, theta: np.ndarray) -> np.ndarray:
        """Log-odds of a hit, shape (U, T)."""
        return (self.hit @ self.split(theta)[2]).reshape(self.seen.shape)

    def sweep(self, theta: np.ndarray) -> Swept:
        """Evaluate the likelihood with everything that comes with it."""
        rate, false, _ = self.split(theta)
        kinetics = compute_kinetics(rate[None], self.layout.rates)
        q = float(expit(false[1])) if self.layout.n_false else 0.0
        phantom, slope = self._weigh_phantoms(false, q)
        value, d_start, d_stay, d_again, d_q, d_phantom, d_eta, present, returned = sweep_cases(
            self.seen, self.looks, self.subject, self.count, self.kind, phantom, self.hit_log_odds(theta), q,
            kinetics.start[0], kinetics.stay[0], kinetics.again[0],
        )  # fmt: skip
        change = differentiate_kinetics(rate, self.layout.rates)
        scores = np.zeros((len(value), len(theta)))
        for one, by in ((d_start, change.start), (d_stay, change.stay), (d_again, change.again)):
            scores[:, : len(rate)] += np.einsum("gtc,pgtc->gp", one, by)
        if self.layout.n_false:
            at = len(rate)
            n_subjects = len(value)
            scores[:, at] = np.bincount(self.subject, d_phantom * phantom, n_subjects)
            scores[:, at + 1] = d_q + np.bincount(self.subject, d_phantom * slope, n_subjects)
        flat = d_eta.ravel()
        for g, own in enumerate(self._by_subject):
            scores[g, len(rate) + self.layout.n_false :] = self.hit[own].T @ flat[own]
        kept = slice(None, self.n_cases)
        weight = np.where(phantom[kept] > 0, phantom[kept] * d_phantom[kept] / self.count[kept], 0.0)
        return Swept(value, scores, present[kept], returned[kept], weight)

    def penalised(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return minus the penalised log-likelihood, and its gradient."""
        swept = self.sweep(theta)
        value = swept.value.sum() + self.layout.log_prior(theta)
        return -value, -(swept.scores.sum(axis=0) + self.layout.log_prior_gradient(theta))

    def _weigh_phantoms(self, false: np.ndarray, q: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights of places without a spine (U,), and their derivative by the log-odds of q."""
        if not self.layout.n_false:
            return np.zeros(len(self.kind)), np.zeros(len(self.kind))
        rate = np.exp(false[0])
        seen, looks = self.seen.sum(axis=1), self.looks.sum(axis=1)
        # the shortest seen history has s = 1; cases never seen use the second form
        one = rate * q ** np.maximum(seen - 1, 0) * (1 - q) ** (looks - seen)
        one_slope = one * ((seen - 1) * (1 - q) - (looks - seen) * q)
        some = -np.expm1(looks * np.log1p(-q))
        all_of = rate * some / q
        all_slope = rate * (looks * (1 - q) ** looks - some * (1 - q) / q)
        never = self.kind == 1
        return np.where(never, all_of, one), np.where(never, all_slope, one_slope)


def _collapse(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First place of each distinct row, the distinct row of every row, and how many there are of each."""
    _, first, inverse, count = np.unique(rows, axis=0, return_index=True, return_inverse=True, return_counts=True)
    return first, inverse.ravel(), count
