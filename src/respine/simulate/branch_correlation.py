"""Losses that come together: on the same branch, and side by side, without changing how many there are.

Every spine carries a standard normal number g; small ones die first. The g of one dendrite are correlated by a number
that all its spines share and by an Ornstein-Uhlenbeck process along the dendrite:

    g_s = sqrt(b) Z + sqrt(c) W(x_s) + sqrt(1 - b - c) e_s,    corr(W(x), W(x')) = exp(-|x - x'| / scale).

Each g is standard normal whatever b and c are, so the law of every single lifetime stays exact, while the losses of a
dendrite over a period with loss probability p get the intra-class correlation (beta-binomial rho)

    rho = (Phi2(t, t; r) - p^2) / (p (1 - p)),    t = Phi^-1(p),

where r is the mean correlation of the g of two spines of the dendrite.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri, owens_t

from respine.core.errors import SettingsError

_GRID = np.linspace(0.0, 0.999, 2000)


@dataclass(frozen=True)
class LatentCorrelation:
    """How the latent numbers of the spines of one dendrite are correlated.

    Parameters
    ----------
    branch : float
        Correlation of any two spines (b).
    side_by_side : float
        What neighbours have on top of it (c).
    scale_um : float
        Distance over which that falls to 1/e, um.
    """

    branch: float
    side_by_side: float = 0.0
    scale_um: float = 1.0


def intraclass_correlation(probability: float, latent: np.ndarray) -> np.ndarray:
    """Return rho of the events {g < Phi^-1(p)} whose g have this correlation."""
    threshold = ndtri(probability)
    # Phi2(t, t; r) = Phi(t) - 2 T(t, sqrt((1 - r) / (1 + r))), with Owen's T.
    both = probability - 2 * owens_t(threshold, np.sqrt((1 - latent) / (1 + latent)))
    return (both - probability**2) / (probability * (1 - probability))


@lru_cache(maxsize=64)
def latent_correlation(
    rho: float, probability: float, side_by_side: float, scale_um: float, length_um: float
) -> LatentCorrelation:
    """Find the latent correlation that gives the losses of a dendrite this beta-binomial rho.

    Parameters
    ----------
    rho : float
        Intra-class correlation of the losses of a dendrite, clustering included.
    probability : float
        Probability of a loss.
    side_by_side : float
        Latent correlation of neighbours from clustering alone.
    scale_um : float
        Scale of the clustering along the dendrite, um.
    length_um : float
        Length of the dendrite, um.

    Raises
    ------
    SettingsError
        The clustering alone makes a larger rho than is asked for.
    """
    mean = float(np.interp(rho, intraclass_correlation(probability, _GRID), _GRID))
    relative = length_um / scale_um
    over_pairs = 2 * (relative - 1 + np.exp(-relative)) / relative**2
    branch = mean - side_by_side * over_pairs
    if branch < 0 or branch + side_by_side > 1:
        raise SettingsError(
            f"stress.branch_correlation: found {rho:g} with cluster_share {side_by_side:g} over {scale_um:g} um, "
            f"expected a correlation that the clustering alone does not exceed, or less clustering"
        )
    return LatentCorrelation(branch, side_by_side, scale_um)


def draw_latent(
    dendrite: np.ndarray,
    position_um: np.ndarray,
    n_dendrites: int,
    stressed: np.ndarray,
    calm: LatentCorrelation,
    under_stress: LatentCorrelation,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the latent numbers of spines, shape (S,).

    Parameters
    ----------
    dendrite : ndarray of int, shape (S,)
        Dendrite of each spine.
    position_um : ndarray, shape (S,)
        Position along it, um.
    n_dendrites : int
    stressed : ndarray of bool, shape (n_dendrites,)
        Dendrites to which `under_stress` applies; `calm` applies to the others.
    """
    branch = np.where(stressed, under_stress.branch, calm.branch)[dendrite]
    near = np.where(stressed, under_stress.side_by_side, calm.side_by_side)[dendrite]
    shared = rng.standard_normal(n_dendrites)[dendrite]
    latent = np.sqrt(branch) * shared + np.sqrt(1 - branch - near) * rng.standard_normal(len(dendrite))
    for law, which in ((calm, ~stressed), (under_stress, stressed)):
        inside = which[dendrite] & (law.side_by_side > 0)
        if inside.any():
            walk = _draw_along(dendrite[inside], position_um[inside], law.scale_um, rng)
            latent[inside] += np.sqrt(law.side_by_side) * walk
    return latent


def _draw_along(dendrite: np.ndarray, position_um: np.ndarray, scale_um: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the process along every dendrite at the positions of its spines, shape (S,)."""
    order = np.lexsort((position_um, dendrite))
    dendrite, position = dendrite[order], position_um[order]
    first = np.concatenate([[True], dendrite[1:] != dendrite[:-1]])
    gap = np.diff(position, prepend=position[0])
    keep = np.where(first, 0.0, np.exp(-np.abs(gap) / scale_um))
    shocks = rng.standard_normal(len(order)) * np.sqrt(1 - keep**2)
    # All dendrites step at once: row i of the table is the i-th spine of each.
    start = np.flatnonzero(first)
    count = np.diff(np.append(start, len(order)))
    by_length = np.argsort(-count, kind="stable")
    start, count = start[by_length], count[by_length]
    walk = shocks
    for i in range(1, count[0]):
        at = start[: np.searchsorted(-count, -i, side="left")] + i
        walk[at] += keep[at] * walk[at - 1]
    result = np.empty_like(walk)
    result[order] = walk
    return result
