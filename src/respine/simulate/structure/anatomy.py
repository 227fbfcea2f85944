"""The part of a field of view that stays: centre lines, radii, and the traits of every spine that will ever stand.

Made once a field of view; sessions differ from each other only by the states of the spines and by the background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import InputError
from respine.core.geometry import arc_length_um, points_at
from respine.simulate.structure.grow import STEP_UM, grow_dendrites
from respine.simulate.structure.settings import SceneSettings

_TIP_UM = 3.0
_ROOT_UM = 5.0
_MIN_RADIUS_UM = 0.15
_TILT_DEG = 12.0
_NECK_LOG_SD = 0.25


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Dendrites, and the traits of their spines.

    Parameters
    ----------
    tracing : Tracing
        Centre lines in the reference frame, with radius, um.
    concentration : dict of str to ndarray
        Fluorophore along each dendrite, relative to the reference shaft; one value a point of its line.
    traits : DataFrame, indexed by spine
        dendrite, spine_class, position_um, side, and in the reference frame: axis_z_um ... (middle of the shaft),
        base_z_um ... (on its surface), direction_z ... (of the spine), lean_z ... (along the shaft), the radius_um
        of the shaft there; concentration, neck_radius_um.
    field_um : ndarray, shape (3,)
        Extent of the field (z, y, x), um.
    """

    tracing: Tracing
    concentration: dict[str, np.ndarray]
    traits: pd.DataFrame
    field_um: np.ndarray


def make_anatomy(
    dendrites: pd.DataFrame,
    spines: pd.DataFrame,
    field_um: np.ndarray,
    settings: SceneSettings,
    rng: np.random.Generator,
) -> Anatomy:
    """Grow the dendrites of a field of view and place its spines on them.

    Parameters
    ----------
    dendrites : DataFrame
        dendrite, length_um, parent.
    spines : DataFrame
        dendrite, spine, position_um, azimuth_deg (0 left in the plane, 90 towards smaller z), spine_class; every
        spine that stands in any session.
    field_um : ndarray, shape (3,)
    settings : SceneSettings
    rng : numpy.random.Generator

    Returns
    -------
    Anatomy

    Raises
    ------
    InputError
        A dendrite does not fit in the field, or a spine does not lie on one.
    """
    lines = grow_dendrites(dendrites, field_um, settings, rng)
    grown, concentration = [], {}
    parents = dict(zip(dendrites["dendrite"], dendrites["parent"], strict=True))
    for name, line in lines.items():
        parent = None if pd.isna(parents[name]) else parents[name]
        roots = [d for d in grown if d.name == parent]
        radius = _radius(line, roots[0] if roots else None, settings, rng)
        grown.append(Dendrite(name, line, radius, parent))
        level = np.exp(settings.shaft_log_sd * rng.standard_normal())
        concentration[name] = level * np.exp(0.1 * _smooth_noise(len(line), 3.0, rng))
    tracing = Tracing(tuple(grown))
    traits = _traits(spines, tracing, concentration, settings, rng)
    return Anatomy(tracing, concentration, traits, np.asarray(field_um, float))


def _smooth_noise(count, scale_um, rng):
    """Gaussian noise of standard deviation one along a line, correlated over `scale_um`."""
    sigma = scale_um / STEP_UM
    pad = int(4 * sigma)
    noise = gaussian_filter1d(rng.standard_normal(count + 2 * pad), sigma)[pad : pad + count]
    return noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def _radius(line, parent, settings, rng):
    along = arc_length_um(line)
    root = rng.uniform(*settings.radius_um)
    if parent is not None:
        nearest = np.argmin(np.linalg.norm(parent.points_um - line[0], axis=1))
        root = min(root, 0.8 * float(parent.radius_um[nearest]))
    taper = np.maximum(1.0 - settings.taper * along / 100.0, 0.4)
    bumps = 0.7 * _smooth_noise(len(line), 1.2, rng) + 0.7 * _smooth_noise(len(line), 8.0, rng)
    radius = np.maximum(root * taper * np.exp(settings.varicosity * bumps), _MIN_RADIUS_UM)
    radius *= np.sqrt(np.clip((along[-1] - along) / _TIP_UM, 0.0, 1.0))
    if parent is None:
        # What lies before the root is not imaged: it thins out there instead of ending as a blunt rod.
        radius *= 0.4 + 0.6 * np.clip(along / _ROOT_UM, 0.0, 1.0)
    return np.maximum(radius, _MIN_RADIUS_UM)


def shaft_frame(points_um: np.ndarray, position_um: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors along, left of and above a line at given distances along it, each of shape (M, 3).

    Left is in the y-x plane, to the left of somebody who walks along the line and sees y point down; above is
    towards smaller z, perpendicular to the line.
    """
    along = points_at(points_um, position_um + 0.75) - points_at(points_um, position_um - 0.75)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    left = np.stack([np.zeros(len(along)), -along[:, 2], along[:, 1]], axis=1)
    left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-9)
    above = np.cross(left, along)
    above *= np.where(above[:, :1] > 0, -1.0, 1.0)
    return along, left, above


def _traits(spines, tracing, concentration, settings, rng):
    _check(spines, tracing)
    count = len(spines)
    azimuth = np.radians(spines["azimuth_deg"].to_numpy(float))
    position = spines["position_um"].to_numpy(float)
    tilt = np.radians(_TILT_DEG * rng.standard_normal(count))
    level, thickness = np.ones(count), np.ones(count)
    places = {name: np.zeros((count, 3)) for name in ("axis", "base", "direction", "lean")}
    for dendrite in tracing:
        mine = np.flatnonzero(spines["dendrite"].to_numpy() == dendrite.name)
        along, left, above = shaft_frame(dendrite.points_um, position[mine])
        around = np.cos(azimuth[mine])[:, None] * left + np.sin(azimuth[mine])[:, None] * above
        distance = arc_length_um(dendrite.points_um)
        thickness[mine] = np.interp(position[mine], distance, dendrite.radius_um)
        level[mine] = np.interp(position[mine], distance, concentration[dendrite.name])
        places["axis"][mine] = points_at(dendrite.points_um, position[mine])
        places["base"][mine] = places["axis"][mine] + thickness[mine][:, None] * around
        places["direction"][mine] = np.cos(tilt[mine])[:, None] * around + np.sin(tilt[mine])[:, None] * along
        places["lean"][mine] = along
    traits = spines[["dendrite", "spine", "spine_class", "position_um"]].reset_index(drop=True)
    for name, vector in places.items():
        for axis, letter in enumerate("zyx"):
            traits[f"{name}_{letter}" + ("_um" if name in ("axis", "base") else "")] = vector[:, axis]
    traits["radius_um"] = thickness
    traits["side"] = np.where(np.cos(azimuth) >= 0, "left", "right")
    spread = np.exp(settings.spine_log_sd * rng.standard_normal(count))
    traits["concentration"] = level * settings.spine_brightness * spread
    traits["neck_radius_um"] = settings.neck_radius_um * np.exp(_NECK_LOG_SD * rng.standard_normal(count))
    return traits.set_index("spine", drop=False)


def _check(spines, tracing):
    lengths = {d.name: d.length_um for d in tracing}
    for row in spines.itertuples():
        if row.dendrite not in lengths:
            raise InputError(f"spine {row.spine}: its dendrite {row.dendrite} is not in this field of view")
        if not 0 <= row.position_um <= lengths[row.dendrite] + STEP_UM:
            raise InputError(
                f"spine {row.spine}: position_um must lie on dendrite {row.dendrite} of "
                f"{lengths[row.dendrite]:.1f} um; found {row.position_um:g}"
            )
