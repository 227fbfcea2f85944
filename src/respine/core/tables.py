"""The result tables, declared once: every column with its type, unit and meaning.

The declarations check a table before it is written, and make the data dictionary, the headers of exports and
the page of the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from respine.core.errors import TableError

_DTYPES = {"text": "string", "integer": "Int64", "number": "Float64", "flag": "boolean"}


@dataclass(frozen=True)
class Column:
    """A column: its name, kind (text, integer, number or flag), unit and meaning."""

    name: str
    kind: str
    unit: str
    meaning: str
    required: bool = True


@dataclass(frozen=True)
class Table:
    """A table: what a row is, its columns, and those that together are unique."""

    name: str
    row: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table with the declared columns, order and types; never changes a value.

        Raises
        ------
        TableError
            A column is missing or unknown, has a wrong type, lacks a required value, or keys repeat.
        """
        names = [c.name for c in self.columns]
        missing = [n for n in names if n not in frame.columns]
        unknown = [n for n in frame.columns if n not in names]
        if missing or unknown:
            raise TableError(f"table {self.name}: missing columns {missing}, unknown columns {unknown}")
        typed = {}
        for column in self.columns:
            try:
                typed[column.name] = frame[column.name].astype(_DTYPES[column.kind])
            except (TypeError, ValueError) as error:
                raise TableError(f"table {self.name}, column {column.name}: expected {column.kind}; {error}") from error
            empty = typed[column.name].isna()
            if column.required and empty.any():
                raise TableError(
                    f"table {self.name}, column {column.name}: {int(empty.sum())} of {len(frame)} rows are empty"
                )
        result = pd.DataFrame(typed, index=frame.index).reset_index(drop=True)
        repeated = result.duplicated(list(self.keys))
        if repeated.any():
            first = result.loc[repeated, list(self.keys)].iloc[0].to_dict()
            raise TableError(f"table {self.name}: {int(repeated.sum())} rows repeat a key, first {first}")
        return result

    def empty(self) -> pd.DataFrame:
        """Return the table without rows."""
        return self.conform(pd.DataFrame({c.name: [] for c in self.columns}))


def _text(name, meaning, required=True):
    return Column(name, "text", "", meaning, required)


def _count(name, meaning, required=True):
    return Column(name, "integer", "", meaning, required)


def _number(name, unit, meaning, required=False):
    return Column(name, "number", unit, meaning, required)


def _flag(name, meaning, required=True):
    return Column(name, "flag", "", meaning, required)


_SUBJECT = _text("subject", "the animal")
_FOV = _text("fov", "the field of view")
_SESSION = _text("session", "the visit")
_DENDRITE = _text("dendrite", "the traced segment; one name in all sessions of the fov")
_SPINE = _text("spine", "the site on the dendrite; one identity over all sessions of the fov")
_REASON = _text("reason", "why a measure of this row is missing", required=False)

REGISTRATION = Table(
    "registration",
    "a session of a field of view, its image quality and its alignment to the reference session",
    ("subject", "fov", "session"),
    (
        _SUBJECT,
        _FOV,
        _SESSION,
        _flag("is_reference", "the session that the others were aligned to"),
        _flag("scorable", "whether the session takes part in the analysis"),
        _number("shift_z_um", "um", "mean displacement of the tissue from the reference to this session, z"),
        _number("shift_y_um", "um", "the same, y"),
        _number("shift_x_um", "um", "the same, x"),
        _number("rotation_deg", "degree", "rotation of the rigid part"),
        _number("warp_um", "um", "root mean square of the non-rigid part over the matched image"),
        _number("residual_um", "um", "median lateral distance left between matched image blocks"),
        _number("residual_z_um", "um", "the same, axially"),
        _number("matched_fraction", "1", "share of the image blocks with structure that were matched"),
        _number("slice_jitter_um", "um", "standard deviation of the lateral jump between slices"),
        _number("noise_gain", "grey level", "variance of the noise per grey level of signal"),
        _number("noise_floor", "grey level", "standard deviation of the noise where there is no signal"),
        _number("background", "grey level", "median of the stack"),
        _number("brightness", "grey level", "99.9th percentile of the stack less its background"),
        _number("snr", "1", "brightness over its noise"),
        _number("bleaching", "1", "relative brightness of the structure in the last slices against the first"),
        _number("unevenness", "1", "coefficient of variation of the illumination over the field"),
        _number("sharpness_um", "um", "lateral width at half maximum of thin structures (10th percentile)"),
        _REASON,
    ),
)

DENDRITES = Table(
    "dendrites",
    "a dendrite in a session",
    ("subject", "fov", "dendrite", "session"),
    (
        _SUBJECT,
        _FOV,
        _DENDRITE,
        _SESSION,
        _text("parent", "the dendrite that it leaves from", required=False),
        _number("length_um", "um", "length in three dimensions, in this session's own stack"),
        _number("inside_um", "um", "the part of the length that lies inside the stack"),
        _number("radius_um", "um", "median radius of the shaft"),
        _number("brightness", "grey level", "median brightness of the shaft above the local background"),
        _number("depth_um", "um", "median depth below the first slice"),
        _REASON,
    ),
)

SPINES = Table(
    "spines",
    "a spine in a session",
    ("subject", "fov", "spine", "session"),
    (
        _SUBJECT,
        _FOV,
        _DENDRITE,
        _SPINE,
        _SESSION,
        _flag(
            "visible",
            "seen in this session's own image; missing where the site is unscorable",
            required=False,
        ),
        _number("p_visible", "1", "probability that it is visible in this session's own image"),
        _text("state", "present, absent or unscorable, inferred from all sessions"),
        _number("p_present", "1", "probability of being present, inferred from all sessions"),
        _number("z_um", "um", "head, in this session's raw stack, z"),
        _number("y_um", "um", "the same, y"),
        _number("x_um", "um", "the same, x"),
        _number("base_z_um", "um", "where the spine meets the dendrite, in this session's raw stack, z"),
        _number("base_y_um", "um", "the same, y"),
        _number("base_x_um", "um", "the same, x"),
        _number("position_um", "um", "distance of the base along the dendrite of the reference frame"),
        _text("side", "left or right of the dendrite's direction, as seen in the y-x image"),
        _number(
            "head_width_um",
            "um",
            "full width at half maximum of the head along the dendrite, background removed",
        ),
        _number("protrusion_um", "um", "from the edge of the shaft to the outer end of the spine, in the plane"),
        _number("brightness", "1", "integrated intensity of the spine over that of 1 um of its shaft"),
        _number("snr", "1", "peak of the head above the local background over its noise"),
        _REASON,
    ),
)

_RATES = (
    _text("session_first", "the earlier session"),
    _text("session_last", "the later session"),
    _number("interval_h", "h", "time between the two sessions", required=True),
    _flag("consecutive", "no session of this fov lies between the two"),
    _count("n_first", "spines present in the earlier session, of those scorable in both"),
    _count("gained", "absent in the earlier and present in the later session"),
    _count("lost", "present in the earlier and absent in the later session"),
    _count("n_last", "spines present in the later session; n_first + gained - lost"),
    _count("n_scorable", "sites that both sessions can show, with a spine in them or not"),
    _count("n_unscorable", "sites left out because one of the two sessions cannot show them"),
    _number("formation", "1", "gained / n_first"),
    _number("elimination", "1", "lost / n_first"),
    _number("turnover", "1", "(formation + elimination) / 2"),
    _number("net", "1", "formation - elimination"),
    _number("survival_fraction", "1", "share of the spines of the earlier session present in the later"),
    _REASON,
)

TURNOVER = Table(
    "turnover",
    "a dendrite between two sessions, raw counts (from what is visible)",
    ("subject", "fov", "dendrite", "session_first", "session_last"),
    (_SUBJECT, _FOV, _DENDRITE, *_RATES),
)

TURNOVER_BY_SUBJECT = Table(
    "turnover_by_subject",
    "an animal between two sessions: counts summed over its dendrites, then divided",
    ("subject", "session_first", "session_last"),
    (_SUBJECT, _count("n_dendrites", "dendrites with a scorable site in both sessions"), *_RATES),
)

_DENSITY = (
    _SESSION,
    _count("n_scorable", "sites that this session can show"),
    _count("n_present", "spines visible in this session"),
    _number("length_um", "um", "length of the dendrite inside the stack, in three dimensions"),
    _number("density_per_um", "1/um", "n_present / length_um"),
)

DENSITY = Table(
    "density",
    "a dendrite in a session",
    ("subject", "fov", "dendrite", "session"),
    (_SUBJECT, _FOV, _DENDRITE, *_DENSITY, _REASON),
)

DENSITY_BY_SUBJECT = Table(
    "density_by_subject",
    "an animal in a session: counts and lengths summed over its dendrites, then divided",
    ("subject", "session"),
    (
        _SUBJECT,
        _count("n_dendrites", "dendrites inside the stack"),
        *_DENSITY,
        _number("density_mean_of_dendrites_per_um", "1/um", "unweighted mean of the dendrites' densities"),
        _REASON,
    ),
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (REGISTRATION, DENDRITES, SPINES, TURNOVER, TURNOVER_BY_SUBJECT, DENSITY, DENSITY_BY_SUBJECT)
}
