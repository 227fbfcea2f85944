"""The intervals that a result has rows for: one for each pair of sessions in a row whose rates can differ."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.settings import OccupancySettings


@dataclass(frozen=True)
class Row:
    """An interval: whose it is, between which sessions, and the animal and interval that stand for it."""

    group: str | None
    subject: str | None
    session_first: str
    session_last: str
    interval_h: float
    g: int
    k: int


def list_rows(histories: Histories, settings: OccupancySettings) -> list[Row]:
    """Return one row for every interval of the animals, or of those that share their rates."""
    rows: dict[tuple, Row] = {}
    for g, names in enumerate(histories.sessions):
        group = histories.groups[g] if settings.group_rates else None
        subject = histories.subjects[g] if settings.subject_rates else None
        for k in range(len(names) - 1):
            hours = float(histories.time_h[g, k + 1] - histories.time_h[g, k])
            key = (group, subject, names[k], names[k + 1], round(hours, 6))
            rows.setdefault(key, Row(group, subject, names[k], names[k + 1], hours, g, k))
    return list(rows.values())


def frame_rows(rows: list[Row]) -> pd.DataFrame:
    """Return the rows as a table: group, subject, session_first, session_last, interval_h."""
    columns = ["group", "subject", "session_first", "session_last", "interval_h"]
    return pd.DataFrame([[getattr(r, c) for c in columns] for r in rows], columns=columns)
