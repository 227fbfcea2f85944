"""Judged dendrites as rows of the table `spines`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from respine.core.tables import SPINES
from respine.structure.spines.judge import JudgedDendrite

_OUT_OF_VIEW = "the site lies outside the stack, or too near its edge"


def list_spines(
    judged: JudgedDendrite, sessions: list[str], refused: dict[str, str], subject: str, fov: str
) -> pd.DataFrame:
    """List the spines of one dendrite, a row a spine and session.

    Until the occupancy model has seen all sessions of an animal, `state` follows `visible`.

    Parameters
    ----------
    judged : JudgedDendrite
    sessions : list of str
        Names of the sessions that were judged, in the order of `judged.ribbons`.
    refused : dict of str to str
        Sessions that could not be scored, with the reason; their spines are unscorable.

    Returns
    -------
    DataFrame
        Columns of the table `spines`.
    """
    dendrite = judged.ribbons[0].dendrite
    names = [f"{dendrite}s{k + 1:03d}" for k in range(len(judged.p_visible))]
    same = {"subject": subject, "fov": fov, "dendrite": dendrite, "spine": names}
    side = np.where(np.median(judged.sites.lateral_um, axis=1) > 0, "left", "right") if names else []
    frames = [
        pd.DataFrame({**same, "session": session, "side": side, **_seen(judged, s)})
        for s, session in enumerate(sessions)
    ]
    frames += [
        pd.DataFrame({**same, "session": session, "side": side, "state": "unscorable", "reason": reason})
        for session, reason in refused.items()
    ]
    columns = [column.name for column in SPINES.columns]
    return pd.concat([frame.reindex(columns=columns).astype(object) for frame in frames], ignore_index=True)


def _seen(judged: JudgedDendrite, s: int) -> dict:
    """Columns of one session."""
    ribbon, sites, measures = judged.ribbons[s], judged.sites, judged.measures[s]
    head = ribbon.to_raw(sites.position_um[:, s], sites.lateral_um[:, s], sites.axial_um[:, s])
    base = ribbon.to_raw(*judged.base_um[:, s].T)
    scorable, visible = np.isfinite(judged.p_visible[:, s]), judged.visible[:, s]
    shown = np.where(scorable, visible, None)
    probability = np.where(scorable, judged.p_visible[:, s], np.nan)
    return {
        "visible": shown,
        "p_visible": probability,
        "state": np.select([~scorable, visible], ["unscorable", "present"], "absent"),
        "p_present": probability,
        **{f"{axis}_um": head[:, k] for k, axis in enumerate("zyx")},
        **{f"base_{axis}_um": base[:, k] for k, axis in enumerate("zyx")},
        "position_um": judged.base_um[:, s, 0],
        "head_width_um": measures.head_width_um,
        "protrusion_um": measures.protrusion_um,
        "brightness": measures.brightness,
        "snr": sites.snr[:, s],
        "reason": np.where(scorable, np.array(measures.reason, dtype=object), _OUT_OF_VIEW),
    }
