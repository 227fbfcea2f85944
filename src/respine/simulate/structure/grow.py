"""Centre lines of dendrites of given lengths in a field: curved, branching, apart from each other.

Each dendrite walks from its root in steps; its heading in the plane and its slope in depth wander. Many walks are
tried side by side and the one that stays best inside the field and away from the others is kept.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from respine.core.errors import InputError
from respine.core.geometry import points_at
from respine.simulate.structure.settings import SceneSettings

STEP_UM = 0.5
_TRIES = 160
_TURN_AHEAD_UM = 10.0
_APART_UM = 8.0
_CROSSING_UM = 3.0
_OUTSIDE_LIMIT = 0.02
_WIGGLE_UM = 1.2


def grow_dendrites(
    dendrites: pd.DataFrame, field_um: np.ndarray, settings: SceneSettings, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Grow a centre line for every dendrite.

    Parameters
    ----------
    dendrites : DataFrame
        Columns dendrite, length_um and parent (missing for one that starts in the field).
    field_um : ndarray, shape (3,)
        Extent of the field (z, y, x), um.
    settings : SceneSettings
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to ndarray, shape (N, 3)
        Points (z, y, x), um, at most 0.5 um apart; arc length as asked.

    Raises
    ------
    InputError
        A dendrite does not fit in the field, or its parent is not among the dendrites before it.
    """
    field = np.asarray(field_um, float)
    margin = np.minimum([settings.margin_z_um, settings.margin_um, settings.margin_um], field / 4)
    lines: dict[str, np.ndarray] = {}
    for row in dendrites.itertuples():
        parent = None if pd.isna(row.parent) else row.parent
        if parent is not None and parent not in lines:
            raise InputError(f"dendrite {row.dendrite}: its parent {parent} is not among the dendrites before it")
        if parent is None:
            start, heading = _free_starts(field, margin, rng)
        else:
            start, heading = _branch_starts(lines[parent], rng)
        steps = max(int(np.ceil(row.length_um / STEP_UM)), 2)
        walks = _walk(start, heading, steps, row.length_um / steps, field, margin, settings, rng)
        outside, crowding = _fit(walks, field, lines.values())
        best = int(np.argmin(50.0 * outside + crowding + _turned(walks, field, margin)))
        if outside[best] > _OUTSIDE_LIMIT:
            raise InputError(
                f"dendrite {row.dendrite}: a length of {row.length_um:g} um does not fit in a field of "
                f"{field[0]:g} x {field[1]:g} x {field[2]:g} um (z, y, x)"
            )
        lines[row.dendrite] = _uneven(walks[best], row.length_um, settings, rng)
    return lines


def _turned(walks, field, margin):
    """How much the sides of the field bent each walk: its share beyond the margin, and its lack of straightness."""
    inset = np.minimum(walks - margin, field - margin - walks).min(axis=2)
    straight = np.linalg.norm(walks[:, -1] - walks[:, 0], axis=1)
    length = np.linalg.norm(np.diff(walks, axis=1), axis=2).sum(axis=1)
    return 10.0 * (inset < -0.5).mean(axis=1) + 2.0 * np.maximum(0.9 - straight / length, 0.0)


def _uneven(line, length_um, settings, rng):
    """Unevenness on top of a smooth line, which keeps its start and its length."""
    pad = 4 * int(_WIGGLE_UM / STEP_UM)
    noise = gaussian_filter1d(rng.standard_normal((len(line) + 2 * pad, 3)), _WIGGLE_UM / STEP_UM, axis=0)
    noise *= np.sqrt(2 * np.sqrt(np.pi) * _WIGGLE_UM / STEP_UM)
    noise = noise[pad : pad + len(line)] * np.clip(np.arange(len(line)) / 8.0, 0, 1)[:, None]
    bent = line + settings.wiggle_um * noise * [0.5, 1.0, 1.0]
    # The longer way is cut back at the far end: positions along a dendrite are distances along its true line.
    bent[-1] += 2.0 * (bent[-1] - bent[-2])
    return points_at(bent, np.linspace(0.0, length_um, len(line)))


def _free_starts(field, margin, rng):
    start = margin + rng.random((_TRIES, 3)) * (field - 2 * margin)
    return start, rng.uniform(0, 2 * np.pi, _TRIES)


def _branch_starts(parent, rng):
    length = STEP_UM * (len(parent) - 1)
    at = rng.uniform(0.15, 0.8, _TRIES) * length
    start = points_at(parent, at)
    ahead = points_at(parent, at + 2.0) - start
    side = rng.choice([-1.0, 1.0], _TRIES)
    return start, np.arctan2(ahead[:, 1], ahead[:, 2]) + side * np.radians(rng.uniform(30, 75, _TRIES))


def _walk(start, heading, steps, step_um, field, margin, settings, rng):
    # In the plane the correlation of the heading falls as exp(-variance / 2) along the line.
    wander = np.sqrt(2.0 * step_um / settings.bend_um)
    slope = settings.slope * rng.standard_normal(len(start))
    keep = np.exp(-step_um / 25.0)
    turn, at = np.zeros(len(start)), start.copy()
    walks = [at.copy()]
    for _ in range(steps):
        # A turning rate with memory bends smoothly; plain noise on the heading would kink at every step.
        turn = 0.9 * turn + 0.1 * wander * rng.standard_normal(len(at))
        heading = heading + turn + step_um * _steer(at[:, 1:], heading, field[1:], margin[1:])
        slope = keep * slope + np.sqrt(1 - keep**2) * settings.slope * rng.standard_normal(len(at))
        near = np.clip((at[:, 0] - margin[0]) / 3.0, 0, 1), np.clip((field[0] - margin[0] - at[:, 0]) / 3.0, 0, 1)
        slope = np.where(slope < 0, slope * near[0], slope * near[1])
        flat = 1.0 / np.sqrt(1.0 + slope**2)
        at = at + step_um * flat[:, None] * np.stack([slope, np.sin(heading), np.cos(heading)], axis=1)
        walks.append(at.copy())
    return np.stack(walks, axis=1)


def _steer(at, heading, field, margin):
    """Turning rate (radian per um) away from a side of the field that the walk heads for."""
    ahead = at + _TURN_AHEAD_UM * np.stack([np.sin(heading), np.cos(heading)], axis=1)
    over = np.maximum(margin - ahead, 0) - np.maximum(ahead - (field - margin), 0)
    left = np.cos(heading) * over[:, 0] - np.sin(heading) * over[:, 1]
    hard = np.linalg.norm(over, axis=1)
    return np.where(hard > 0, np.sign(left) * np.minimum(hard / _TURN_AHEAD_UM, 1.0) * 0.15, 0.0)


def _fit(walks, field, others):
    outside = ((walks < 0) | (walks > field)).any(axis=2).mean(axis=1)
    crowding = np.zeros(len(walks))
    flat = np.array([1.0 / 2.0, 1.0, 1.0])
    # A branch may start at its parent: the first micrometres do not count.
    skip = min(12, walks.shape[1] - 1)
    for other in others:
        distance = cKDTree(other * flat).query(walks[:, skip:].reshape(-1, 3) * flat)[0]
        distance = distance.reshape(len(walks), -1)
        crowding += 0.5 * (distance < _CROSSING_UM).any(axis=1)
        crowding += 4 * np.exp(-((distance / _APART_UM) ** 2)).mean(axis=1)
    for lag in (40, 80, 160):
        if walks.shape[1] > lag:
            gap = np.linalg.norm(walks[:, lag:, 1:] - walks[:, :-lag, 1:], axis=2)
            crowding += (gap < _APART_UM).mean(axis=1)
    return outside, crowding
