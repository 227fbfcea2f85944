"""Where a spine meets its dendrite: its ridge followed from the head inward to the edge of the shaft."""

from __future__ import annotations

import numpy as np

from respine.structure.spines.evidence import Evidence
from respine.structure.spines.straighten import Ribbon

_REACH_UM = 2.0  # farthest that a base lies from its head along the dendrite
_SLANT_COST = 0.15  # of one step along the dendrite, in units of the head's brightness


def find_bases(ribbon: Ribbon, evidence: Evidence, places: np.ndarray) -> np.ndarray:
    """Follow each spine from its head to the edge of the shaft.

    From one lateral offset to the next one inward the path may move by at most one step along the dendrite, a slant of
    45 degrees on equal axes; it takes the brightest way at little slant.

    Parameters
    ----------
    places : ndarray, shape (K, 3)
        Heads as (position, lateral, axial), um.

    Returns
    -------
    ndarray, shape (K, 3)
        Bases as (position, lateral, axial), um, on the edge of the shaft and in the depth of its axis.
    """
    bases = np.array(places, float)
    for k, (row, column, plane) in enumerate(zip(*ribbon.index_of(places), strict=True)):
        side = 1.0 if places[k, 1] > 0 else -1.0
        edge = int(np.argmin(np.abs(ribbon.lateral_um - side * ribbon.radius_um[row])))
        row = _row_at_edge(evidence.excess[:, :, plane], row, column, edge, round(_REACH_UM / ribbon.step_um[0]))
        bases[k] = ribbon.position_um[row], side * ribbon.radius_um[row], 0.0
    return bases


def _row_at_edge(excess: np.ndarray, row: int, column: int, edge: int, reach: int) -> int:
    """Row at which the best path from (row, column) reaches the column of the shaft's edge."""
    inward = 1 if edge > column else -1
    columns = np.arange(column + inward, edge + inward, inward) if edge != column else np.zeros(0, int)
    first, stop = max(row - reach, 0), min(row + reach + 1, len(excess))
    head = max(float(np.nan_to_num(excess[row, column])), 1e-6)
    best = np.full(stop - first, -np.inf)
    best[row - first] = 0.0
    for c in columns:
        gain = np.clip(np.nan_to_num(excess[first:stop, c]) / head, 0.0, 1.0)
        padded = np.pad(best, 1, constant_values=-np.inf)
        best = np.maximum(padded[1:-1], np.maximum(padded[:-2], padded[2:]) - _SLANT_COST) + gain
    return first + int(np.argmax(best))
