"""What a report is made from: result tables, crops of dendrites, settings and provenance.

Symbols: S sessions, L lateral samples, P samples along the dendrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.core.tables import TABLES

SESSION_COLUMNS = ("subject", "session", "time_h", "phase")
MARK_COLUMNS = ("subject", "fov", "dendrite", "spine", "session", "position_um", "lateral_um")


@dataclass(frozen=True, eq=False)
class DendriteCrop:
    """The registered, straightened maximum projections of a dendrite, one a session.

    Parameters
    ----------
    subject, fov, dendrite : str
        Which dendrite.
    sessions : tuple of str
        The S sessions, in the order of `images`.
    images : ndarray, shape (S, L, P)
        Grey levels; NaN where a session's stack does not reach.
    position_start_um, position_step_um : float
        Position along the dendrite of the middle of the first column of pixels, and the distance between columns, um.
    lateral_start_um, lateral_step_um : float
        Offset from the centre line of the middle of the first row of pixels, and the distance between rows, um.
        Positive is left of the dendrite's direction as seen in the y-x image; the page draws left upwards, so that
        no picture is a mirror image.

    Raises
    ------
    InputError
        The shape of the images, the sessions or a step do not fit together.
    """

    subject: str
    fov: str
    dendrite: str
    sessions: tuple[str, ...]
    images: np.ndarray
    position_start_um: float
    position_step_um: float
    lateral_start_um: float
    lateral_step_um: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sessions", tuple(self.sessions))
        name = f"crop of {self.subject}/{self.fov}/{self.dendrite}"
        images = np.asarray(self.images)
        if images.ndim != 3 or images.shape[0] != len(self.sessions) or 0 in images.shape:
            raise InputError(
                f"{name}: expected images of shape ({len(self.sessions)}, lateral, position), one a session; "
                f"found {images.shape}"
            )
        if len(set(self.sessions)) != len(self.sessions):
            raise InputError(f"{name}: a session is there twice: {', '.join(self.sessions)}")
        for field_name in ("position_step_um", "lateral_step_um"):
            step = getattr(self, field_name)
            if not (np.isfinite(step) and step > 0):
                raise InputError(f"{name}: expected {field_name} > 0; found {step}")
        object.__setattr__(self, "images", images)

    @property
    def key(self) -> tuple[str, str, str]:
        """Subject, fov and dendrite."""
        return self.subject, self.fov, self.dendrite


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that the report page shows.

    Parameters
    ----------
    study : str
        The name of the study.
    tables : mapping of str to DataFrame
        Result tables as declared in `respine.core.tables`; one that is not given counts as empty.
    subjects : DataFrame
        One row an animal: `subject`, then one column a factor or covariate.
    sessions : DataFrame
        One row an animal and session: `subject`, `session`, `time_h` (h from the study's zero), `phase`.
    crops : tuple of DendriteCrop
        The pictures of the dendrites; a dendrite without one is shown without pictures.
    marks : DataFrame
        Where a spine lies in its crop: `subject`, `fov`, `dendrite`, `spine`, `session`, `position_um`
        (along the dendrite) and `lateral_um` (offset from the centre line, positive to the left).
    settings : mapping
        The settings of the stages, nested.
    provenance : mapping
        Where the results come from, nested.

    Raises
    ------
    InputError
        A table is unknown, or `subjects`, `sessions` or `marks` lack a column.
    TableError
        A table does not match its declaration.
    """

    study: str
    tables: Mapping[str, pd.DataFrame]
    subjects: pd.DataFrame
    sessions: pd.DataFrame
    crops: tuple[DendriteCrop, ...] = ()
    marks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MARK_COLUMNS)))
    settings: Mapping = field(default_factory=dict)
    provenance: Mapping = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tables) - set(TABLES))
        if unknown:
            raise InputError(f"report: unknown tables {', '.join(unknown)}; expected some of {', '.join(TABLES)}")
        tables = {
            name: table.conform(self.tables[name]) if name in self.tables else table.empty()
            for name, table in TABLES.items()
        }
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "crops", tuple(self.crops))
        for name, columns in (
            ("subjects", ("subject",)),
            ("sessions", SESSION_COLUMNS),
            ("marks", MARK_COLUMNS),
        ):
            missing = [c for c in columns if c not in getattr(self, name).columns]
            if missing:
                raise InputError(f"report: the frame {name} lacks the columns {', '.join(missing)}")

    def sessions_of(self, subject: str) -> list[str]:
        """Return the sessions of an animal in the order of time."""
        own = self.sessions[self.sessions["subject"] == subject].sort_values("time_h", kind="stable")
        return [str(s) for s in own["session"]]
