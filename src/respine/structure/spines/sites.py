"""Where spines may be: candidate sites from the evidence of all sessions, looked up in every session.

Every session proposes the maxima of its own evidence; the mean evidence of all sessions proposes places that no single
session was sure of. Proposals of different sessions are joined by `respine.structure.spines.link`. Each site is then
looked up in every session, also where nothing was proposed: the pool says where to look, what is seen there is each
session's own.

Symbols: S sessions, K sites.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

from respine.core.settings import StageSettings
from respine.structure.spines.evidence import Evidence
from respine.structure.spines.link import LinkSettings, Spots, link_spines
from respine.structure.spines.straighten import Ribbon


class SiteSettings(StageSettings):
    """How candidate sites are found."""

    min_snr: float = 3.0
    """Least evidence of a session, or of the mean of sessions, that proposes a site."""
    flank_um: tuple[float, float] = (0.45, 3.2)
    """Distances of a head from the axis of the shaft: nearer ones hide in it, farther ones are not joined to it."""
    apart_um: float = 0.7
    """Along the dendrite, two proposals of one session are at least this far apart."""
    apart_lateral_um: float = 0.9
    """Across the dendrite, the same."""
    look_um: float = 0.3
    """How far around a site its evidence is looked up in a session that did not propose it."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Candidate sites of one dendrite in all its sessions.

    Parameters
    ----------
    position_um, lateral_um, axial_um : ndarray, shape (K, S)
        Where the head is, or would be, on the common axes of the dendrite.
    snr : ndarray, shape (K, S)
        What the session's own image shows there; NaN where it cannot be scored.
    proposed : ndarray of bool, shape (K, S)
        Whether the session proposed the site by itself.
    """

    position_um: np.ndarray
    lateral_um: np.ndarray
    axial_um: np.ndarray
    snr: np.ndarray
    proposed: np.ndarray

    def take(self, which: np.ndarray) -> Sites:
        """Return some of the sites, in their order."""
        return Sites(**{name: value[which] for name, value in vars(self).items()})


def find_sites(
    ribbons: list[Ribbon],
    evidences: list[Evidence],
    settings: SiteSettings = SiteSettings(),  # noqa: B008
    link_settings: LinkSettings = LinkSettings(),  # noqa: B008
) -> Sites:
    """Find the candidate sites of one dendrite.

    Parameters
    ----------
    ribbons, evidences : list, length S
        All sessions of one dendrite in order of time, aligned (`respine.structure.spines.align`).

    Returns
    -------
    Sites
        Ordered by position along the dendrite.
    """
    axes = ribbons[0]
    stack = [e.snr for e in evidences]
    per_session = [_proposals(snr, axes, settings) for snr in stack]
    rows = np.concatenate([np.column_stack([np.full(len(p), s), p]) for s, p in enumerate(per_session)])
    spots = Spots(rows[:, 0].astype(int), rows[:, 1], rows[:, 1], rows[:, 2], rows[:, 3])
    identity = link_spines(spots, link_settings)
    places = _place_sites(spots, identity, len(ribbons))
    centre = _mean_place(places)
    more = _not_among(_proposals(_mean_evidence(stack), axes, settings), centre, settings)
    places = np.concatenate([places, np.full((len(more), len(ribbons), 3), np.nan)])
    centre = np.concatenate([centre, more])
    proposed = np.isfinite(places[:, :, 0])
    filled = np.where(proposed[:, :, None], places, centre[:, None, :])
    snr = np.stack([_look_up(e, filled[:, s], axes, settings) for s, e in enumerate(stack)], axis=1)
    order = np.argsort(centre[:, 0], kind="stable")
    position, lateral, axial = np.moveaxis(filled[order], 2, 0)
    return Sites(position, lateral, axial, snr[order], proposed[order])


def _proposals(snr: np.ndarray, axes: Ribbon, settings: SiteSettings) -> np.ndarray:
    """Places (position, lateral, axial) of the maxima of one map of evidence, shape (N, 3), um."""
    distance = np.abs(axes.lateral_um)
    flank = (distance >= settings.flank_um[0]) & (distance <= settings.flank_um[1])
    known = np.where(np.isfinite(snr) & flank[None, :, None], snr, -np.inf)
    # The outermost planes only show the rim of what lies beyond them.
    inner = known[:, :, 1:-1]
    best = inner.max(axis=2)
    apart = (settings.apart_um, settings.apart_lateral_um)
    size = tuple(2 * (round(a / step) // 2) + 1 for a, step in zip(apart, axes.step_um[:2], strict=True))
    peak = (best == maximum_filter(best, size=size)) & (best >= settings.min_snr)
    row, column = np.nonzero(peak)
    plane = inner[row, column].argmax(axis=1) + 1
    return np.stack([axes.position_um[row], axes.lateral_um[column], axes.axial_um[plane]], axis=1)


def _place_sites(spots: Spots, identity: np.ndarray, sessions: int) -> np.ndarray:
    """Place of every site in the sessions that proposed it, shape (K, S, 3); NaN in the others."""
    places = np.full((identity.max(initial=-1) + 1, sessions, 3), np.nan)
    places[identity, spots.session] = np.stack([spots.position_um, spots.lateral_um, spots.axial_um], axis=1)
    return places


def _mean_place(places: np.ndarray) -> np.ndarray:
    """Where a site lies on average over the sessions that proposed it, shape (K, 3)."""
    known = np.isfinite(places)
    return np.where(known, places, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _mean_evidence(stack: list[np.ndarray]) -> np.ndarray:
    """Mean over the sessions that can show a place; NaN where none can."""
    total, count = np.zeros(stack[0].shape, np.float32), np.zeros(stack[0].shape, np.float32)
    for snr in stack:
        known = np.isfinite(snr)
        total[known] += snr[known]
        count += known
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _not_among(places: np.ndarray, centre: np.ndarray, settings: SiteSettings) -> np.ndarray:
    """Those of the places, shape (N, 3), at which no site lies yet."""
    offset = np.abs(places[:, None] - centre[None])
    taken = (offset[..., 0] < settings.apart_um) & (offset[..., 1] < settings.apart_lateral_um)
    return places[~taken.any(axis=1)]


def _look_up(snr: np.ndarray, places: np.ndarray, axes: Ribbon, settings: SiteSettings) -> np.ndarray:
    """Best evidence near each place, shape (K,); NaN where the place itself cannot be scored."""
    first = np.array([axes.position_um[0], axes.lateral_um[0], axes.axial_um[0]])
    at = tuple(np.clip(np.round((places - first) / axes.step_um).astype(int), 0, np.array(snr.shape) - 1).T)
    reach = round(settings.look_um / axes.step_um[0])
    best = maximum_filter(np.where(np.isfinite(snr), snr, -np.inf), size=(2 * reach + 1, 2 * reach + 1, 3))
    return np.where(np.isfinite(snr[at]), best[at], np.nan)
