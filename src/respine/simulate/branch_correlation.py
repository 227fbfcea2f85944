"""Losses that come together: on the same branch, and side by side, without changing how many there are.

Every spine carries a standard normal number g; small ones die first. The g of one dendrite are correlated by a number
that all its spines share and by an Ornstein-Uhlenbeck process along the dendrite:

    g_s = sqrt(b) Z + sqrt(c) W(x_s) + sqrt(1 - b - c) e_s,    corr(W(x), W(x')) = exp(-|x - x'| / scale).

Each g is standard normal whatever b and c are, so the law of every single lifetime stays exact. Spines of different
age have different probabilities p_i to be lost over a period; given what two spines share, z, each is lost with

    P(z) = mean over i of Phi((Phi^-1(p_i) - sqrt(r) z) / sqrt(1 - r)),

r being the correlation of their g, so that the losses of a dendrite get the intra-class correlation (beta-binomial)

    rho = Var(P(z)) / (p (1 - p)),    p = mean of p_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from respine.core.errors import SettingsError

_GRID = np.linspace(0.0, 0.97, 98)
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


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


def intraclass_correlation(probabilities: np.ndarray, latent: float) -> float:
    """Return rho of losses with these probabilities, equally frequent, whose g have this correlation (below 1)."""
    shared = np.sqrt(latent) * _NODES[:, None]
    lost = ndtr((ndtri(probabilities) - shared) / np.sqrt(1 - latent)).mean(axis=1)
    mean = float(np.mean(probabilities))
    return float(_WEIGHTS @ (lost - mean) ** 2 / (mean * (1 - mean)))


def latent_correlation(
    rho: float, probabilities: np.ndarray, side_by_side: float, scale_um: float, length_um: float
) -> LatentCorrelation:
    """Find the latent correlation that gives the losses of a dendrite this beta-binomial rho.

    Parameters
    ----------
    rho : float
        Intra-class correlation of the losses of a dendrite, clustering included.
    probabilities : ndarray, shape (N,)
        Probabilities of a loss over the population of spines, equally frequent.
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
    mean = float(np.interp(rho, [intraclass_correlation(probabilities, r) for r in _GRID], _GRID))
    relative = length_um / scale_um
    over_pairs = 2 * (relative - 1 + np.exp(-relative)) / relative**2
    branch = float(mean - side_by_side * over_pairs)
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
    longer = np.searchsorted(-count, -np.arange(count[0]), side="left")
    for i in range(1, count[0]):
        at = start[: longer[i]] + i
        walk[at] += keep[at] * walk[at - 1]
    result = np.empty_like(walk)
    result[order] = walk
    return result
