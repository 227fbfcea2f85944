"""Identities: which spine of one session is which spine of another.

Positions of all sessions lie on the common axis of a dendrite (`respine.structure.align`). From session to session
spines are paired one to one so that the summed cost is least (Kuhn 1955, doi:10.1002/nav.3800020109). The cost of a
pair is a sum of heavy-tailed terms for the distance along the dendrite of the heads and of the bases, for the distance
from the shaft and along z, since a hand that clicks is now and then far off in one of them; a pair on opposite
sides of the shaft is refused. A pair that costs more than staying single is not made. A spine missed in a session
is still there to be found in a later one, at a price for every session it was missed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from respine.core.errors import InputError
from respine.core.settings import StageSettings

_FORBIDDEN = 1e6


class LinkSettings(StageSettings):
    """How spines are paired over sessions."""

    head_position_um: float = 0.6
    """Scale of the distance of two heads along the dendrite."""
    base_position_um: float = 0.6
    """Scale of the distance of two bases along the dendrite."""
    lateral_um: float = 0.8
    """Scale of the distance of two heads across the dendrite."""
    axial_um: float = 2.8
    """Scale of the distance of two heads along z."""
    single_cost: float = 7.0
    """Cost of a spine that stays without a partner."""
    missed_cost: float = 1.0
    """Added cost of a pair for every session in between in which the spine was not found."""
    reach_um: float = 3.0
    """Heads or bases further apart than this in the plane are never paired."""
    on_axis_um: float = 0.3
    """A head nearer to the axis than this may pair with either side."""


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
        known, found = _assign(_pair_costs(spines, spots.take(here), settings), settings.single_cost)
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
    near_axis = np.minimum(np.abs(first.lateral_um)[:, None], np.abs(second.lateral_um)[None, :]) <= settings.on_axis_um
    opposite = np.sign(first.lateral_um)[:, None] != np.sign(second.lateral_um)[None, :]
    return cost + settings.missed_cost * missed + _FORBIDDEN * (refused | (opposite & ~near_axis))


def _assign(cost: np.ndarray, single_cost: float) -> tuple[np.ndarray, np.ndarray]:
    """Best one-to-one pairs, in which anyone may stay single at a price."""
    rows, columns = cost.shape
    full = np.full((rows + columns, rows + columns), _FORBIDDEN)
    full[:rows, :columns] = cost
    np.fill_diagonal(full[:rows, columns:], single_cost)
    np.fill_diagonal(full[rows:, :columns], single_cost)
    full[rows:, columns:] = 0.0
    first, second = linear_sum_assignment(full)
    pair = (first < rows) & (second < columns)
    return first[pair], second[pair]
