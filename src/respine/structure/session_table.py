"""A session as rows of the tables `registration` and `dendrites`, without the columns that say which session it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from respine.core.dendrite import Dendrite, Tracing
from respine.structure.registration.quality import StackQuality
from respine.structure.registration.register import Registration
from respine.structure.spines.straighten import Ribbon

# The shaft's axis, and what lies clear of it and of most of its spines.
_SHAFT_UM = 0.35
_BESIDE_UM = 2.0
_BACKGROUND_PERCENTILE = 20.0
_AXIAL_UM = 0.5
_OUT_OF_VIEW = "the dendrite lies outside the stack"


def list_registration(registration: Registration, quality: StackQuality, is_reference: bool) -> pd.DataFrame:
    """List how a session lies relative to the reference session, and how good its image is.

    Returns
    -------
    DataFrame
        One row; the columns of the table `registration` but subject, fov and session.
    """
    figures = ("slice_jitter_um", "noise_gain", "noise_floor", "background", "brightness", "snr")
    figures += ("bleaching", "unevenness", "sharpness_um")
    reasons = [reason for reason in (registration.reason, quality.reason) if reason]
    row = {
        "is_reference": is_reference,
        "scorable": registration.scorable,
        **{f"shift_{axis}_um": value for axis, value in zip("zyx", registration.shift_um, strict=True)},
        "rotation_deg": registration.rotation_deg,
        "warp_um": registration.warp_um,
        "residual_um": registration.residual_um,
        "residual_z_um": registration.residual_z_um,
        "matched_fraction": registration.matched_fraction,
        **{figure: getattr(quality, figure) for figure in figures},
        "reason": "; ".join(reasons) or None,
    }
    return pd.DataFrame([row])


def list_dendrites(tracing: Tracing, ribbons: Sequence[Ribbon], extent_um: np.ndarray) -> pd.DataFrame:
    """List the dendrites of a session.

    Parameters
    ----------
    tracing : Tracing
        In the session's raw stack.
    ribbons : sequence of Ribbon
        The same dendrites pulled straight, in the same order.
    extent_um : ndarray, shape (3,)
        Where the stack ends (z, y, x).

    Returns
    -------
    DataFrame
        One row a dendrite; the columns of the table `dendrites` but subject, fov and session.
    """
    columns = ("dendrite", "parent", "length_um", "inside_um", "radius_um", "brightness", "depth_um", "reason")
    rows = [_describe(dendrite, ribbon, extent_um) for dendrite, ribbon in zip(tracing, ribbons, strict=True)]
    return pd.DataFrame(rows, columns=list(columns))


def list_refused_dendrites(tracing: Tracing, reason: str) -> pd.DataFrame:
    """List the dendrites of a session that could not be scored: nothing was measured, and why."""
    rows = [{"dendrite": d.name, "parent": d.parent, "reason": reason} for d in tracing]
    columns = ("dendrite", "parent", "length_um", "inside_um", "radius_um", "brightness", "depth_um", "reason")
    return pd.DataFrame(rows, columns=list(columns))


def _describe(dendrite: Dendrite, ribbon: Ribbon, extent_um: np.ndarray) -> dict:
    points = dendrite.points_um
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    middles = (points[1:] + points[:-1]) / 2
    inside = ((middles >= 0) & (middles <= extent_um)).all(axis=1)
    brightness = _brightness(ribbon)
    return {
        "dendrite": dendrite.name,
        "parent": dendrite.parent,
        "length_um": dendrite.length_um,
        "inside_um": float(steps[inside].sum()),
        "radius_um": float(np.median(dendrite.radius_um)),
        "brightness": brightness,
        "depth_um": float(np.median(points[:, 0])),
        "reason": None if np.isfinite(brightness) else _OUT_OF_VIEW,
    }


def _brightness(ribbon: Ribbon) -> float:
    """Median along the dendrite of the shaft's brightness above what lies beside it at the same depth."""
    layer = ribbon.values[:, :, np.abs(ribbon.axial_um) <= _AXIAL_UM].mean(axis=2)
    beside = np.abs(ribbon.lateral_um) >= _BESIDE_UM
    seen = np.isfinite(layer).all(axis=1)
    if not seen.any():
        return np.nan
    shaft = layer[seen][:, np.abs(ribbon.lateral_um) <= _SHAFT_UM].mean(axis=1)
    background = np.percentile(layer[seen][:, beside], _BACKGROUND_PERCENTILE, axis=1)
    return float(np.median(shaft - background))
