"""One cell of a table on the page: what it says, its small print, and why it is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

DASH = "–"
MINUS = "−"


@dataclass(frozen=True)
class Cell:
    """What a cell shows.

    Parameters
    ----------
    text : str
        The value.
    detail : str
        Small print beside it: the counts behind a rate.
    sort : float, str or None
        What the column is sorted by; None sorts last.
    missing : str
        Why there is no value; empty where there is one.
    kind : str
        ``number``, ``text``, or the kind of a state.
    """

    text: str
    detail: str = ""
    sort: float | str | None = None
    missing: str = ""
    kind: str = "text"


def is_missing(value: object) -> bool:
    """Return whether a value cannot be shown: None, NA, NaN or infinite."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def missing_cell(reason: object, fallback: str = "no reason was given", kind: str = "number") -> Cell:
    """Return the dash that stands for a missing value, with its reason."""
    return Cell(DASH, missing=fallback if is_missing(reason) or not str(reason) else str(reason), kind=kind)


def show_number(value: float) -> str:
    """Return a number in as many digits as a reader can use, never rounding a small one to zero.

    Examples
    --------
    >>> show_number(1234.6), show_number(12.34), show_number(0.4321), show_number(0.0021), show_number(0)
    ('1235', '12.3', '0.43', '0.0021', '0')
    """
    size = abs(value)
    if size == 0 or (size >= 1 and float(value).is_integer()):
        text = f"{size:.0f}"
    elif size < 0.1:
        text = f"{size:.2g}"
    else:
        text = f"{size:.{0 if size >= 100 else 1 if size >= 10 else 2}f}"
    return MINUS + text if value < 0 else text


def number_cell(value: object, reason: object = None) -> Cell:
    """Return a measured number, or the dash with its reason."""
    if is_missing(value):
        return missing_cell(reason)
    return Cell(show_number(float(value)), sort=float(value), kind="number")


def text_cell(value: object, reason: object = None) -> Cell:
    """Return a word, or the dash with its reason."""
    if is_missing(value):
        return missing_cell(reason, kind="text")
    return Cell(str(value), sort=str(value))


def show_percent(value: float) -> str:
    """Return a share as per cent with one digit.

    Examples
    --------
    >>> show_percent(0.1234), show_percent(-0.02)
    ('12.3 %', '−2.0 %')
    """
    return f"{MINUS if value < 0 else ''}{abs(100 * value):.1f} %"


def share_cell(value: object, part: object, whole: object, reason: object = None) -> Cell:
    """Return a rate with the counts behind it: ``12.3 %``, ``17 of 138``."""
    counts = "" if is_missing(part) or is_missing(whole) else f"{int(part)} of {int(whole)}"
    if is_missing(value):
        fallback = "no spine to divide by" if not is_missing(whole) and int(whole) == 0 else "no reason was given"
        cell = missing_cell(reason, fallback)
        return Cell(cell.text, counts, None, cell.missing, "number")
    return Cell(show_percent(float(value)), counts, float(value), kind="number")


def show_hours(hours: float) -> str:
    """Return a time in hours, with days from two days on.

    Examples
    --------
    >>> show_hours(12), show_hours(-504), show_hours(100)
    ('12 h', '−504 h (−21 d)', '100 h (4.2 d)')
    """
    text = f"{show_number(float(hours))} h"
    if abs(hours) < 48:
        return text
    return f"{text} ({MINUS if hours < 0 else ''}{abs(round(hours / 24, 1)):g} d)"


def hours_cell(hours: object, reason: object = None) -> Cell:
    """Return a duration or a time, sorted by its hours."""
    if is_missing(hours):
        return missing_cell(reason)
    main, _, days = show_hours(float(hours)).partition(" (")
    return Cell(main, days.rstrip(")"), float(hours), kind="number")
