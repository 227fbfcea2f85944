"""A user's tracing, drawn in one session's raw stack, brought to the reference frame of the field of view."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from respine.core.dendrite import Dendrite, Tracing
from respine.core.geometry import arc_length_um
from respine.core.warp import Warp
from respine.structure.tracing.trace_centre import smooth_line

# The corners of a polyline are rounded over this length, so that ribbons do not fold there.
_KINK_UM = 0.5


def adopt_tracing(tracing: Tracing, warp: Warp) -> Tracing:
    """Bring a tracing from a session's raw stack to the reference frame.

    Parameters
    ----------
    tracing : Tracing
        In the raw stack of a session, its points as far apart as they may be.
    warp : Warp
        Reference frame to that raw stack.

    Returns
    -------
    Tracing
        The same names and parents, in even steps of about 0.3 um.

    Raises
    ------
    InputError
        The warp cannot be inverted there.
    """
    return Tracing(tuple(_adopt(dendrite, warp) for dendrite in tracing))


def join_tracings(tracings: Iterable[Tracing]) -> Tracing:
    """Take every dendrite once, from the first tracing that has it."""
    found: dict[str, Dendrite] = {}
    for tracing in tracings:
        for dendrite in tracing:
            found.setdefault(dendrite.name, dendrite)
    return Tracing(tuple(found.values()))


def _adopt(dendrite: Dendrite, warp: Warp) -> Dendrite:
    line = smooth_line(dendrite.points_um, _KINK_UM)
    along = arc_length_um(dendrite.points_um)
    radius = np.interp(np.linspace(0.0, along[-1], len(line)), along, dendrite.radius_um)
    return Dendrite(dendrite.name, warp.inverse(line), radius, dendrite.parent)
