"""Identities: which spine of one session is which spine of another.

Positions of all sessions lie on the common axis of a dendrite (`respine.structure.spines.align`). Along one side of a
shaft spines do not change places, so two sessions are matched as two sequences are (Needleman & Wunsch 1970,
doi:10.1016/0022-2836(70)90057-4): in order, each spine paired once or left single, at the least summed cost. The cost
of a pair is a sum of heavy-tailed terms for the distance along the dendrite of the heads and of the bases, for the
distance from the shaft and along z, since a hand that clicks is now and then far off in one of them. A spine is
compared where it stood on average so far; one missed in a session is still there to be found in a later one, at a
price for every session in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from respine.core.errors import InputError
from respine.core.settings import StageSettings


class LinkSettings(StageSettings):
    """How spines are paired over sessions."""

    head_position_um: float = 0.75
    """Scale of the distance of two heads along the dendrite."""
    base_position_um: float = 0.6
    """Scale of the distance of two bases along the dendrite."""
    lateral_um: float = 0.8
    """Scale of the distance of two heads across the dendrite."""
    axial_um: float = 2.8
    """Scale of the distance of two heads along z."""
    single_cost: float = 5.5
    """Cost of a spine that stays without a partner."""
    missed_cost: float = 2.0
    """Added cost of a pair for every session in between in which the spine was not found."""
    reach_um: float = 3.0
    """Heads or bases further apart than this in the plane are never paired."""


@dataclass(frozen=True, eq=False)
class Spots:
    """Spines found in the sessions of one dendrite, on its common axes.

    Parameters
    ----------
    session : ndarray, shape (N,), int
        Index of the session, in order of time.
    position_um, base_position_um : ndarray, shape (N,)
        Head and base along the dendrite.
    lateral_um, axial_um : ndarray, shape (N,)
        Head, signed distance from the axis of the shaft in the image plane and along z.
    """

    session: np.ndarray
    position_um: np.ndarray
    base_position_um: np.ndarray
    lateral_um: np.ndarray
    axial_um: np.ndarray

    def __post_init__(self) -> None:
        sizes = {name: np.shape(value) for name, value in vars(self).items()}
        if len(set(sizes.values())) != 1 or len(sizes["session"]) != 1:
            raise InputError(f"spots: expected one-dimensional arrays of one length; found shapes {sizes}")

    def take(self, index: np.ndarray) -> Spots:
        """Return some of the spots."""
        return Spots(**{name: np.asarray(value)[index] for name, value in vars(self).items()})


def link_spines(spots: Spots, settings: LinkSettings = LinkSettings()) -> np.ndarray:  # noqa: B008
    """Give every spot the number of its spine.

    Returns
    -------
    ndarray, shape (N,), int
        Equal where two spots of different sessions are one spine; numbered from 0 by first appearance.
    """
    identity = np.full(len(spots.session), -1)
    spines = spots.take(np.zeros(0, int))
    for session in np.unique(spots.session):
        here = np.flatnonzero(spots.session == session)
        known, found = _match(spines, spots.take(here), settings)
        identity[here[found]] = known
        new = here[identity[here] < 0]
        identity[new] = len(spines.session) + np.arange(len(new))
        spines = _spines_so_far(spots, identity)
    return identity


def _spines_so_far(spots: Spots, identity: np.ndarray) -> Spots:
    """Every spine where its spots lie on average, in the session in which it was last seen."""
    count = np.bincount(identity[identity >= 0])
    linked = identity >= 0
    centre = {
        name: np.bincount(identity[linked], value[linked]) / count
        for name, value in vars(spots).items()
        if name != "session"
    }
    last = np.zeros(len(count), int)
    np.maximum.at(last, identity[linked], spots.session[linked])
    return Spots(last, **centre)


def _pair_costs(first: Spots, second: Spots, settings: LinkSettings) -> np.ndarray:
    """Cost of every pair, shape (first, second)."""
    terms = (
        ("position_um", settings.head_position_um),
        ("base_position_um", settings.base_position_um),
        ("lateral_um", settings.lateral_um),
        ("axial_um", settings.axial_um),
    )
    cost = np.zeros((len(first.session), len(second.session)))
    refused = np.zeros(cost.shape, bool)
    for name, scale in terms:
        difference = getattr(first, name)[:, None] - getattr(second, name)[None, :]
        cost += 2 * np.log1p((difference / scale) ** 2 / 2)  # Student's t with two degrees of freedom
        if name != "axial_um":
            refused |= np.abs(difference) > settings.reach_um
    missed = np.maximum(second.session[None, :] - first.session[:, None] - 1, 0)
    return np.where(refused, np.inf, cost + settings.missed_cost * missed)


def _match(first: Spots, second: Spots, settings: LinkSettings) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pairs, found on each side of the shaft for itself."""
    cost = _pair_costs(first, second, settings)
    pairs = []
    for left in (False, True):
        rows, columns = (_in_order(spots, left) for spots in (first, second))
        found = _align_sequences(cost[np.ix_(rows, columns)], settings.single_cost)
        pairs.append((rows[found[:, 0]], columns[found[:, 1]]))
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


def _in_order(spots: Spots, left: bool) -> np.ndarray:
    """Indices of the spots of one side, in order along the dendrite."""
    side = np.flatnonzero((spots.lateral_um > 0) == left)
    return side[np.argsort((spots.position_um + spots.base_position_um)[side], kind="stable")]


@njit(cache=True)
def _align_sequences(cost: np.ndarray, single_cost: float) -> np.ndarray:
    """Pairs (row, column), shape (N, 2), of the cheapest alignment that keeps the order of both."""
    rows, columns = cost.shape
    total = np.empty((rows + 1, columns + 1))
    total[:, 0] = single_cost * np.arange(rows + 1)
    total[0, :] = single_cost * np.arange(columns + 1)
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            single = min(total[i - 1, j], total[i, j - 1]) + single_cost
            total[i, j] = min(single, total[i - 1, j - 1] + cost[i - 1, j - 1])
    pairs = np.empty((min(rows, columns), 2), np.int64)
    count, i, j = 0, rows, columns
    while i > 0 and j > 0:
        if total[i, j] == total[i - 1, j - 1] + cost[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs[count] = i, j
            count += 1
        elif total[i, j] == total[i - 1, j] + single_cost:
            i -= 1
        else:
            j -= 1
    return pairs[:count]
