"""Birth, survival and return: from rates per day to what happens between two sessions.

    stay = exp(-hazard * days)
    formation by birth = rate * sum over classes of share_c (1 - exp(-hazard_c * days)) / hazard_c

The second counts spines born at a constant rate per standing spine that still stand at the session. Plain arithmetic,
so that a complex step gives exact derivatives. B is any batch of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STEP = 1e-30


@dataclass(frozen=True, eq=False)
class Rates:
    """Designs of the logarithmic rates per day: arrays (G, T - 1, P_birth), (G, T - 1, P_death), (G, T - 1, P_return).

    `days` is (G, T - 1). No column for returns means that there are none.
    """

    birth: np.ndarray
    death: np.ndarray
    returns: np.ndarray
    days: np.ndarray
    two_class: bool

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Parameters of birth, death, return and of the transient class."""
        return self.birth.shape[2], self.death.shape[2], self.returns.shape[2], 3 if self.two_class else 0


@dataclass(frozen=True, eq=False)
class Kinetics:
    """What happens between sessions; `start`, `stay`, `again` (B, G, T, C) as in `forward`, the rest (B, G, T - 1)."""

    start: np.ndarray
    stay: np.ndarray
    again: np.ndarray
    formation: np.ndarray
    elimination: np.ndarray
    standing: np.ndarray


def compute_kinetics(theta: np.ndarray, rates: Rates) -> Kinetics:
    """Return what the parameters (B, P) mean between sessions."""
    n_birth, n_death, n_return, _ = rates.sizes
    birth, death, back, classes = np.split(theta, np.cumsum([n_birth, n_death, n_return]), axis=1)
    hazard = np.exp(np.einsum("gkp,bp->bgk", rates.death, death))[..., None]
    born = np.exp(np.einsum("gkp,bp->bgk", rates.birth, birth))
    share_first = share_new = np.ones((len(theta), 1))
    if rates.two_class:
        transient = np.exp(classes[:, 0])[:, None, None, None]
        hazard = np.concatenate([hazard, hazard + transient], axis=3)
        share_first, share_new = _shares(classes[:, 1]), _shares(classes[:, 2])
    days = rates.days[None, :, :, None]
    stay = np.exp(-hazard * days)
    new = share_new[:, None, None, :] * born[..., None] * -np.expm1(-hazard * days) / hazard
    again = np.zeros_like(stay)
    if n_return:
        rate = np.exp(np.einsum("gkp,bp->bgk", rates.returns, back))
        again = share_new[:, None, None, :] * -np.expm1(-rate * rates.days)[..., None]
    return _follow(share_first, stay, new, again)


def differentiate_kinetics(theta: np.ndarray, rates: Rates) -> Kinetics:
    """Return the derivatives by each of the parameters (P,): the same arrays with B = P."""
    steps = compute_kinetics(theta + 1j * _STEP * np.eye(len(theta)), rates)
    return Kinetics(*(getattr(steps, name).imag / _STEP for name in Kinetics.__dataclass_fields__))


def _shares(log_odds: np.ndarray) -> np.ndarray:
    """Shares (B, 2) of the persistent and the transient class."""
    transient = 1 / (1 + np.exp(-log_odds))
    return np.stack([1 - transient, transient], axis=1)


def _follow(share_first, stay, new, again) -> Kinetics:
    """Step through the sessions: how many stand, are born, return and vanish."""
    n_batch, n_subjects, n_intervals, n_classes = stay.shape
    shape = (n_batch, n_subjects, n_intervals + 1, n_classes)
    start, kept, returning = (np.zeros(shape, stay.dtype) for _ in range(3))
    kept[:, :, 1:], returning[:, :, 1:] = stay, again
    standing = np.zeros(shape[:3], stay.dtype)
    now = np.broadcast_to(share_first[:, None, :], (*shape[:2], n_classes)).astype(stay.dtype)
    start[:, :, 0] = now
    standing[:, :, 0] = now.sum(axis=2)
    vacated = np.zeros(shape[:2], stay.dtype)
    formed, lost = (np.zeros((*shape[:2], n_intervals), stay.dtype) for _ in range(2))
    for k in range(n_intervals):
        total = now.sum(axis=2)
        start[:, :, k + 1] = total[..., None] * new[:, :, k]
        back = vacated[..., None] * again[:, :, k]
        gone = (now * (1 - stay[:, :, k])).sum(axis=2)
        formed[:, :, k] = (start[:, :, k + 1] + back).sum(axis=2) / total
        lost[:, :, k] = gone / total
        now = now * stay[:, :, k] + start[:, :, k + 1] + back
        vacated = vacated + gone - back.sum(axis=2)
        standing[:, :, k + 1] = now.sum(axis=2)
    return Kinetics(start, kept, returning, formed, lost, standing[:, :, :-1])
