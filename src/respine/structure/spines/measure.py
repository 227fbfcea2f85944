"""Size of spines, from the straightened image of the session that shows them.

Definitions (Holtmaat et al. 2009, doi:10.1038/nprot.2009.89, for what counts as a protrusion; widths differ by a factor
of two between conventions, so the convention is stored with the table):

    protrusion   in the image plane, from the edge of the shaft (its radius) to where the brightness of the spine has
                 fallen to half of its head's, going outward from the head
    head width   full width at half maximum across the head, along the dendrite, halo of the shaft removed; the blur of
                 the microscope is in it
    brightness   integrated brightness of the spine above the halo, over the integrated brightness of 1 um of its shaft
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.core.settings import StageSettings
from respine.structure.spines.evidence import Evidence
from respine.structure.spines.straighten import Ribbon


class MeasureSettings(StageSettings):
    """How spines are measured."""

    reach_um: float = 1.2
    """Farthest from the middle of the head, along the dendrite and outward, that its flanks are followed."""
    integrate_um: float = 0.6
    """Half the length along the dendrite over which the brightness of a spine is summed."""
    integrate_axial_um: float = 1.0
    """Half the depth over which it is summed."""


@dataclass(frozen=True, eq=False)
class Measures:
    """Sizes of K spines in one session; NaN with a reason where one could not be measured.

    Parameters
    ----------
    head_width_um, protrusion_um, brightness : ndarray, shape (K,)
    reason : list of (str or None), length K
    """

    head_width_um: np.ndarray
    protrusion_um: np.ndarray
    brightness: np.ndarray
    reason: list[str | None]


def measure_spines(
    ribbon: Ribbon,
    evidence: Evidence,
    background: float,
    places: np.ndarray,
    visible: np.ndarray,
    settings: MeasureSettings = MeasureSettings(),  # noqa: B008
) -> Measures:
    """Measure the spines of one dendrite in one session.

    Parameters
    ----------
    ribbon, evidence
        Of the session, on the common axis of the dendrite.
    background : float
        Grey level where there is nothing.
    places : ndarray, shape (K, 3)
        Heads as (position, lateral, axial), um.
    visible : ndarray of bool, shape (K,)
        Only what is visible is measured.

    Returns
    -------
    Measures
    """
    rows = [
        _measure(ribbon, evidence, background, at, settings) if seen else (np.nan, np.nan, np.nan, "not visible")
        for *at, seen in zip(*ribbon.index_of(places), visible, strict=True)
    ]
    width, protrusion, brightness, reason = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Measures(np.array(width), np.array(protrusion), np.array(brightness), list(reason))


def _measure(ribbon: Ribbon, evidence: Evidence, background: float, at: list[int], settings: MeasureSettings) -> tuple:
    row, column, plane = at
    across = evidence.excess[:, column, plane]
    outward = (
        evidence.excess[row, column:, plane]
        if ribbon.lateral_um[column] > 0
        else evidence.excess[row, column::-1, plane]
    )
    position_step, lateral_step, _ = ribbon.step_um
    reach = settings.reach_um
    ahead = _half_maximum(across[row:], reach, position_step)
    behind = _half_maximum(across[row::-1], reach, position_step)
    tip = _half_maximum(outward, reach, lateral_step)
    protrusion = abs(ribbon.lateral_um[column]) + tip - ribbon.radius_um[row]
    reasons = []
    if np.isnan(ahead + behind):
        reasons.append("head width: no half maximum within reach, a neighbour may touch it")
    if np.isnan(protrusion):
        reasons.append("protrusion: no half maximum within reach")
    box = evidence.excess[_spine_box(ribbon, row, column, plane, settings)]
    shaft = _shaft_per_um(ribbon, background, row, settings)
    brightness = float(box.sum()) * position_step * lateral_step / shaft if shaft > 0 else np.nan
    if np.isnan(brightness):
        reasons.append("brightness: the stack ends beside it, or the shaft is too dim")
    return ahead + behind, protrusion, brightness, "; ".join(reasons) or None


def _half_maximum(profile: np.ndarray, reach_um: float, step_um: float) -> float:
    """Distance from the first value to where the profile falls to half of it, um; NaN beyond reach or where unknown."""
    profile = profile[: round(reach_um / step_um) + 1]
    half = profile[0] / 2
    below = np.flatnonzero(~(profile > half))
    if not len(below) or below[0] == 0 or not np.isfinite(profile[below[0]]):
        return np.nan
    first = below[0]
    return (first - (half - profile[first]) / (profile[first - 1] - profile[first])) * step_um


def _spine_box(ribbon: Ribbon, row: int, column: int, plane: int, settings: MeasureSettings) -> tuple:
    """Index of the box between the edge of the shaft and beyond the head, around the spine's position and depth."""
    steps = ribbon.step_um
    along, deep = round(settings.integrate_um / steps[0]), round(settings.integrate_axial_um / steps[2])
    lateral, head = ribbon.lateral_um, ribbon.lateral_um[column]
    flank = (np.sign(lateral) == np.sign(head)) & (np.abs(lateral) >= ribbon.radius_um[row])
    flank &= np.abs(lateral) <= abs(head) + settings.integrate_um
    return np.ix_(
        np.arange(max(row - along, 0), min(row + along + 1, len(ribbon.position_um))),
        np.flatnonzero(flank),
        np.arange(max(plane - deep, 0), min(plane + deep + 1, len(ribbon.axial_um))),
    )


def _shaft_per_um(ribbon: Ribbon, background: float, row: int, settings: MeasureSettings) -> float:
    """Brightness of 1 um of shaft: summed over its width and the same depth as a spine's; NaN where unknown."""
    steps = ribbon.step_um
    around = slice(max(row - round(1.0 / steps[0]), 0), row + round(1.0 / steps[0]) + 1)
    shaft = np.abs(ribbon.lateral_um) <= ribbon.radius_um[row]
    depth = np.abs(ribbon.axial_um) <= settings.integrate_axial_um
    section = ribbon.values[around][:, shaft][:, :, depth] - background
    return float(section.mean(axis=0).sum() * steps[1])
