"""The dendrites of a field of view in one session: warped there, then centred on that session's own image."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from respine.core.dendrite import Dendrite, Tracing
from respine.core.geometry import arc_length_um
from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.tracing.trace_centre import (
    Search,
    centre_line,
    join_ends,
    measure_radius,
    smooth_line,
    typical_radius,
)

# The corners of a user's polyline are rounded over this length.
_KINK_UM = 0.5


class FitTracingSettings(StageSettings):
    """Settings of the fit of a tracing to one session."""

    search_um: float = Field(0.9, gt=0)
    """Farthest lateral move of a centre line away from where the registration puts it."""
    search_axial_um: float = Field(2.5, gt=0)
    """Farthest axial move."""
    smooth_um: float = Field(2.0, gt=0)
    """Over this length (sigma) along the dendrite the moves are smoothed."""


def fit_tracing(tracing: Tracing, warp: Warp, stack: Stack, settings: FitTracingSettings) -> Tracing:
    """Find the dendrites of the reference frame in the raw stack of one session.

    Parameters
    ----------
    tracing : Tracing
        In the reference frame; an automatic one, or a user's with points as far apart as they are.
    warp : Warp
        Reference frame to this session's raw stack.
    stack : Stack
        The raw stack of the session.
    settings : FitTracingSettings

    Returns
    -------
    Tracing
        The same names and parents. Points are those at even steps of about 0.3 um of arc length in the reference frame.
        What lies outside the stack stays about where the warp puts it. The radius is that of this session where it
        could be measured, else that of the reference.
    """
    warped = [warp.apply(smooth_line(dendrite.points_um, _KINK_UM)) for dendrite in tracing]
    search = Search(settings.search_um, settings.search_axial_um, settings.smooth_um)
    moved = [
        centre_line(line, stack, search, float(np.median(dendrite.radius_um)))
        for line, dendrite in zip(warped, tracing, strict=True)
    ]
    fitted = []
    for dendrite, line in zip(tracing, join_ends(moved, warped), strict=True):
        radius = _radius_in_session(dendrite, line, stack)
        fitted.append(Dendrite(dendrite.name, line, radius, dendrite.parent))
    return Tracing(tuple(fitted))


def _radius_in_session(dendrite: Dendrite, line: np.ndarray, stack: Stack) -> np.ndarray:
    radius = measure_radius(line, stack)
    along = arc_length_um(dendrite.points_um)
    reference = np.interp(np.linspace(0, along[-1], len(line)), along, dendrite.radius_um)
    # A user's tracing has 0 where nobody measured.
    reference[reference <= 0] = typical_radius(radius)
    return np.where(np.isfinite(radius), radius, reference)
