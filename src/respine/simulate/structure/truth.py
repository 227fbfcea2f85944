"""Where spines and dendrites really are in the raw stack of a session."""

from __future__ import annotations

import numpy as np
import pandas as pd

from respine.core.geometry import arc_length_um
from respine.simulate.structure.anatomy import Anatomy
from respine.simulate.structure.session import SessionView
from respine.simulate.structure.spines import place_spines

_SIZES = ["head_diameter_um", "protrusion_um", "overhang_um"]


def spine_truth(anatomy: Anatomy, states: pd.DataFrame, view: SessionView) -> pd.DataFrame:
    """Give the truth of every spine of a session.

    Parameters
    ----------
    anatomy : Anatomy
    states : DataFrame
        spine, present, head_diameter_um, protrusion_um.
    view : SessionView

    Returns
    -------
    DataFrame
        One row a spine of `states`: dendrite, spine, present, inside (imaged: its head, or its base where it is
        absent), spine_class, side, position_um (along the dendrite of the reference frame), head_diameter_um,
        protrusion_um, overhang_um (from the edge of the shaft to the outer end as seen from above, where a scorer asks
        for 0.4 um), and in the raw stack of the session z_um y_um x_um (middle of the head), tip_z_um tip_y_um
        tip_x_um (outer end), base_z_um base_y_um base_x_um (on the surface of the shaft). An absent spine has a base
        only.
    """
    placed = place_spines(anatomy, states)
    table = placed[["dendrite", "spine", "present", "spine_class", "side", "position_um", *_SIZES]].copy()
    present = table["present"].to_numpy(bool)
    table.loc[~present, _SIZES] = np.nan
    inside = {}
    for source, prefix, there in (
        ("head", "", present),
        ("tip", "tip_", present),
        ("base", "base_", np.ones(len(table), bool)),
    ):
        points = placed[[f"{source}_{axis}_um" for axis in "zyx"]].to_numpy(float)
        raw = np.full_like(points, np.nan)
        raw[there] = view.to_raw(points[there])
        table[[f"{prefix}{axis}_um" for axis in "zyx"]] = raw
        inside[source] = view.inside(raw)
    table.insert(3, "inside", np.where(present, inside["head"], inside["base"]))
    return table


def line_truth(anatomy: Anatomy, view: SessionView) -> pd.DataFrame:
    """Give the true centre lines in the raw stack of a session.

    Parameters
    ----------
    anatomy : Anatomy
    view : SessionView

    Returns
    -------
    DataFrame
        One row a point: dendrite, parent, point, position_um (distance along the line of the reference frame),
        z_um y_um x_um, radius_um, inside (imaged).
    """
    parts = []
    for dendrite in anatomy.tracing:
        raw = view.to_raw(dendrite.points_um)
        parts.append(
            pd.DataFrame(
                {
                    "dendrite": dendrite.name,
                    "parent": pd.Series([dendrite.parent] * len(raw), dtype="string"),
                    "point": np.arange(len(raw)),
                    "position_um": arc_length_um(dendrite.points_um),
                    "z_um": raw[:, 0],
                    "y_um": raw[:, 1],
                    "x_um": raw[:, 2],
                    "radius_um": dendrite.radius_um,
                    "inside": view.inside(raw),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
