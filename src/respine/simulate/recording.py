"""What a simulated recording is: the files it wrote, as rows of recordings.csv, and the truth behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from respine.core.errors import InputError


@dataclass(frozen=True)
class Visit:
    """The names of one recording: the animal, the session and, where there is one, the field of view."""

    subject: str
    session: str
    fov: str = ""

    def label(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Put these names in front of the columns of a table."""
        names = {"subject": self.subject, "session": self.session}
        if self.fov:
            names["fov"] = self.fov
        return pd.concat([pd.DataFrame(names, index=frame.index), frame], axis=1)

    def path(self, study: Path, kind: str, suffix: str) -> Path:
        """Return where a file of this recording lies, and make its folder.

        Raises
        ------
        InputError
            A name cannot be part of a file's name.
        """
        for name, value in (("subject", self.subject), ("session", self.session), ("fov", self.fov)):
            if value != Path(value).name and value:
                raise InputError(f"recording: {name} {value!r} cannot be part of a file's name")
        folder = Path(study) / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / ("_".join(n for n in (self.subject, self.session, self.fov) if n) + suffix)

    def row(self, study: Path, kind: str, path: Path, **said: object) -> dict[str, object]:
        """Return the row of recordings.csv for a file; `said` is what the file does not say itself."""
        relative = path.relative_to(study).as_posix()
        return {
            "subject": self.subject,
            "session": self.session,
            "fov": self.fov,
            "kind": kind,
            "path": relative,
            **said,
        }


@dataclass(frozen=True, eq=False)
class Recording:
    """Files of one recording and what is true of it.

    Parameters
    ----------
    rows : tuple of dict
        Rows of recordings.csv.
    tables : mapping of str to DataFrame
        Truth tables, each with the columns `subject` and `session`.
    arrays : mapping of str to ndarray
        Truth that is too large for a table.
    """

    rows: tuple[dict[str, object], ...]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
