"""Draw scorings from a fitted model: the same sites seen again in another world that obeys it."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from respine.inference.occupancy.fit import OccupancyFit
from respine.inference.occupancy.histories import Histories


def draw_histories(fit: OccupancyFit, rng: np.random.Generator) -> Histories:
    """Draw as many seen sites as there were, each with the animal, looks and covariates of one that was.

    Paths are drawn and kept if seen at least once.
    """
    likelihood, histories = fit.likelihood, fit.histories
    subject, looks = histories.subject, histories.looks
    chance = expit(likelihood.hit_log_odds(fit.theta)[likelihood.case_of_site])
    false = likelihood.split(fit.theta)[1]
    q = float(expit(false[1])) if len(false) else 0.0
    start = fit.kinetics.start[0]
    real = start.sum(axis=(1, 2))[subject]
    phantom = np.exp(false[0]) / q * -np.expm1(looks.sum(axis=1) * np.log1p(-q)) if q else np.zeros(len(subject))
    seen = np.zeros_like(looks)
    pending = np.arange(len(subject))
    while len(pending):
        empty = rng.random(len(pending)) < phantom[pending] / (phantom + real)[pending]
        never, ever = pending[empty], pending[~empty]
        seen[never] = _draw_phantoms(looks[never], q, rng)
        stands = _draw_paths(subject[ever], fit, rng)
        seen[ever] = rng.binomial(looks[ever], np.where(stands, chance[ever], q))
        pending = ever[seen[ever].sum(axis=1) == 0]
    return histories.replace_scorings(seen, np.arange(len(subject)))


def _draw_paths(subject: np.ndarray, fit: OccupancyFit, rng: np.random.Generator) -> np.ndarray:
    """Whether a spine stands, shape (M, T)."""
    start, stay, again = fit.kinetics.start[0], fit.kinetics.stay[0], fit.kinetics.again[0]
    _, n_times, n_classes = start.shape
    flat = start.reshape(len(start), -1)
    edges = np.cumsum(flat / flat.sum(axis=1, keepdims=True), axis=1)[subject]
    entry = np.minimum((rng.random((len(subject), 1)) > edges).sum(axis=1), edges.shape[1] - 1)
    born, kind = np.divmod(entry, n_classes)
    stands = np.zeros((len(subject), n_times), bool)
    now = np.zeros(len(subject), bool)
    for t in range(n_times):
        if t:
            keeps = rng.random(len(subject)) < stay[subject, t, kind]
            odds = np.cumsum(again[subject, t], axis=1)
            luck = rng.random((len(subject), 1))
            back = ~now & (born < t) & (luck[:, 0] < odds[:, -1])
            kind = np.where(back, np.minimum((luck > odds).sum(axis=1), n_classes - 1), kind)
            now = (now & keeps) | back
        now = now | (born == t)
        stands[:, t] = now
    return stands


def _draw_phantoms(looks: np.ndarray, q: float, rng: np.random.Generator) -> np.ndarray:
    """Calls at places without a spine, given at least one, shape (M, T)."""
    n = looks.sum(axis=1)
    some = -np.expm1(n * np.log1p(-q))
    first = np.minimum(np.floor(np.log1p(-rng.random(len(n)) * some) / np.log1p(-q)), n - 1).astype(np.int64)
    order = np.arange(n.max(initial=0))
    called = (order > first[:, None]) & (order < n[:, None]) & (rng.random((len(n), len(order))) < q)
    called |= order == first[:, None]
    session = (order[None, :, None] >= np.cumsum(looks, axis=1)[:, None, :]).sum(axis=2)
    seen = np.zeros((len(n), looks.shape[1]), np.int64)
    rows, places = np.nonzero(called)
    np.add.at(seen, (rows, session[rows, places]), 1)
    return seen
