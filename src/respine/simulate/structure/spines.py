"""Spines as blobs: thin, stubby, mushroom and filopodium, from the surface of the shaft outwards."""

from __future__ import annotations

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.simulate.structure.anatomy import Anatomy
from respine.simulate.structure.blobs import Blobs, join_blobs, small_blobs

SPINE_CLASSES = ("thin", "stubby", "mushroom", "filopodium")
_STEP_UM = 0.12
_ROOT_UM = 0.1
_FILOPODIUM_RADIUS_UM = 0.12
_BALL_SPREAD = 1.0 / np.sqrt(5.0)


def place_spines(anatomy: Anatomy, states: pd.DataFrame) -> pd.DataFrame:
    """Give every spine of a session its place in the reference frame.

    Parameters
    ----------
    anatomy : Anatomy
    states : DataFrame
        spine, present, head_diameter_um, protrusion_um of one session.

    Returns
    -------
    DataFrame
        One row a spine of `states`: its traits, its state, and head_z_um, head_y_um, head_x_um (middle of the head)
        and tip_z_um, tip_y_um, tip_x_um (outer end), reference frame; overhang_um, how far the outer end lies
        beyond the edge of the shaft as seen from above.

    Raises
    ------
    InputError
        A spine is unknown to the anatomy, of no known class, or has a size that is not positive.
    """
    unknown = sorted(set(states["spine"]) - set(anatomy.traits.index))
    if unknown:
        raise InputError(f"states: spine {unknown[0]} is not among the spines of this field of view")
    placed = states[["spine", "present", "head_diameter_um", "protrusion_um"]].merge(
        anatomy.traits.reset_index(drop=True), on="spine", how="left"
    )
    wrong = ~placed["spine_class"].isin(SPINE_CLASSES)
    if wrong.any():
        row = placed[wrong].iloc[0]
        raise InputError(
            f"spine {row['spine']}: spine_class must be one of {', '.join(SPINE_CLASSES)}; found {row['spine_class']}"
        )
    standing = placed["present"].astype(bool)
    for column in ("head_diameter_um", "protrusion_um"):
        bad = standing & ~(placed[column] > 0)
        if bad.any():
            row = placed[bad].iloc[0]
            raise InputError(f"spine {row['spine']}: {column} must be above 0; found {row[column]}")
    reach = placed["protrusion_um"]
    short = np.maximum(reach - 0.5 * placed["head_diameter_um"], 0.5 * reach)
    headless = placed["spine_class"].isin(["filopodium"])
    middle = np.where(headless, 0.8 * reach, short)
    for axis in "zyx":
        base, direction = placed[f"base_{axis}_um"], placed[f"direction_{axis}"]
        placed[f"head_{axis}_um"] = base + middle * direction
        placed[f"tip_{axis}_um"] = base + reach * direction
    placed["overhang_um"] = _overhang_um(placed)
    return placed


def _overhang_um(placed):
    y, x = (placed[f"tip_{axis}_um"] - placed[f"axis_{axis}_um"] for axis in "yx")
    flat = np.maximum(np.hypot(placed["lean_y"], placed["lean_x"]), 1e-9)
    across = np.abs(placed["lean_y"] * x - placed["lean_x"] * y) / flat
    return across - placed["radius_um"]


def draw_spines(placed: pd.DataFrame, brightness: np.ndarray) -> Blobs:
    """Turn the spines that stand into blobs.

    Parameters
    ----------
    placed : DataFrame
        As `place_spines` returns it.
    brightness : ndarray, shape (rows of placed,)
        Concentration of fluorophore in each spine.

    Returns
    -------
    Blobs
    """
    parts = []
    for row, level in zip(placed.itertuples(), brightness, strict=True):
        if row.present and level > 0:
            parts.append(_DRAW[row.spine_class](row, float(level)))
    return join_blobs(parts)


def _vectors(row):
    base = np.array([row.base_z_um, row.base_y_um, row.base_x_um])
    direction = np.array([row.direction_z, row.direction_y, row.direction_x])
    lean = np.array([row.lean_z, row.lean_y, row.lean_x])
    head = np.array([row.head_z_um, row.head_y_um, row.head_x_um])
    return base, direction, lean, head


def _column(base, direction, start_um, end_um, radius_um, level):
    """Round column along a direction, its radius changing evenly from the first to the last of `radius_um`."""
    count = max(round((end_um - start_um) / _STEP_UM), 1)
    step = max(end_um - start_um, 1e-3) / count
    at = start_um + (np.arange(count) + 0.5) * step
    radius = np.interp(at, [start_um, end_um], radius_um)
    return small_blobs(base + at[:, None] * direction, level * np.pi * radius**2 * step, 0.5 * radius)


def _draw_thin(row, level):
    base, direction, _, head = _vectors(row)
    radius = 0.5 * row.head_diameter_um
    volume = 4.0 / 3.0 * np.pi * radius**3
    bulb = small_blobs(head[None], level * volume, _BALL_SPREAD * radius)
    neck = _column(base, direction, -_ROOT_UM, row.protrusion_um - 1.5 * radius, [row.neck_radius_um] * 2, level)
    return join_blobs([bulb, neck])


def _draw_mushroom(row, level):
    base, direction, lean, head = _vectors(row)
    radius = 0.5 * row.head_diameter_um
    volume = 4.0 / 3.0 * np.pi * radius**3
    # Wider along the shaft than across: two halves side by side, each a little narrower than the whole.
    halves = head + 0.35 * radius * np.array([[-1.0], [1.0]]) * lean
    bulb = small_blobs(halves, 0.5 * level * volume, 0.9 * _BALL_SPREAD * radius)
    width = 1.3 * row.neck_radius_um
    neck = _column(base, direction, -_ROOT_UM, row.protrusion_um - 1.5 * radius, [width, width], level)
    return join_blobs([bulb, neck])


def _draw_stubby(row, level):
    base, direction, _, _ = _vectors(row)
    radius = 0.5 * row.head_diameter_um
    return _column(base, direction, -2 * _ROOT_UM, row.protrusion_um, [0.9 * radius, 0.7 * radius], level)


def _draw_filopodium(row, level):
    base, direction, _, _ = _vectors(row)
    ends = [_FILOPODIUM_RADIUS_UM, 0.8 * _FILOPODIUM_RADIUS_UM]
    return _column(base, direction, -_ROOT_UM, row.protrusion_um, ends, level)


_DRAW = {
    "thin": _draw_thin,
    "stubby": _draw_stubby,
    "mushroom": _draw_mushroom,
    "filopodium": _draw_filopodium,
}
