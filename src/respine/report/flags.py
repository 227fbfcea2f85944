"""Sessions whose quality stands out among those of their field of view, in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from respine.report.cells import is_missing, show_number

DIM_BELOW = 0.6
"""A session is called dim or noisy under this share of the median of its field of view."""
BLURRED_ABOVE = 1.3
"""A session is called blurred over this multiple of the median width of thin structures."""
FEW_SPINES_BELOW = 0.85
"""A session shows few spines when the share of its sites that are seen is under this part of the median share."""
RESIDUAL_ABOVE_UM = 0.6
"""An alignment is called loose over this residual: one annotator's clicks on one spine lie about 0.5 um apart."""
MATCHED_BELOW = 0.5
"""An alignment is called weak when fewer than this share of the image blocks were matched."""


@dataclass(frozen=True)
class Flag:
    """What a reader of this session should know: findings of (kind, sentence)."""

    subject: str
    fov: str
    session: str
    scorable: bool
    findings: tuple[tuple[str, str], ...]

    @property
    def kinds(self) -> str:
        """The kinds of the findings as one text."""
        return ", ".join(kind for kind, _ in self.findings)


def flag_sessions(registration: pd.DataFrame, spines: pd.DataFrame) -> list[Flag]:
    """Return the sessions that stand out, field of view by field of view, in the order of the table `registration`.

    Parameters
    ----------
    registration, spines : DataFrame
        The tables of these names.
    """
    flags = []
    shares = _visible_shares(spines)
    for (subject, fov), rows in registration.groupby(["subject", "fov"], sort=False):
        usable = rows[rows["scorable"]]
        typical = {c: usable[c].median() for c in ("brightness", "snr", "sharpness_um")}
        own = {s: n for (a, f, s), n in shares.items() if (a, f) == (subject, fov)}
        share_median = pd.Series([seen / n for seen, n in own.values()], dtype=float).median()
        for row in rows.to_dict("records"):
            if row["scorable"]:
                found = [*_of_image(row, typical), *_of_alignment(row)]
                found += _of_spines(own.get(row["session"]), share_median)
            else:
                reason = "no reason was given" if is_missing(row["reason"]) else row["reason"]
                found = [("not scorable", str(reason))]
            if found:
                flags.append(Flag(subject, fov, row["session"], bool(row["scorable"]), tuple(found)))
    return flags


def _visible_shares(spines: pd.DataFrame) -> dict[tuple[str, str, str], tuple[int, int]]:
    scorable = spines[spines["visible"].notna()]
    grouped = scorable.groupby(["subject", "fov", "session"], sort=False)["visible"]
    return {key: (int(seen.sum()), len(seen)) for key, seen in grouped}


def _of_image(row: dict, typical: dict):
    for column, kind in (("brightness", "dim"), ("snr", "noisy")):
        value, middle = row[column], typical[column]
        if not is_missing(value) and not is_missing(middle) and middle > 0 and value < DIM_BELOW * middle:
            yield (
                kind,
                f"{column} {show_number(value)} is {show_number(value / middle)} of the field's median "
                f"({show_number(middle)})",
            )
    width, middle = row["sharpness_um"], typical["sharpness_um"]
    if not is_missing(width) and not is_missing(middle) and width > BLURRED_ABOVE * middle:
        yield (
            "blurred",
            f"thin structures are {show_number(width)} µm wide; the field's median is {show_number(middle)} µm",
        )


def _of_alignment(row: dict):
    residual, matched = row["residual_um"], row["matched_fraction"]
    if not is_missing(residual) and residual > RESIDUAL_ABOVE_UM:
        yield "loosely aligned", f"residual {show_number(residual)} µm, over {show_number(RESIDUAL_ABOVE_UM)} µm"
    if not is_missing(matched) and matched < MATCHED_BELOW:
        yield (
            "weakly aligned",
            f"{show_number(100 * matched)} % of the image blocks were matched, under {100 * MATCHED_BELOW:.0f} %",
        )


def _of_spines(counts: tuple[int, int] | None, median: float):
    if counts is None or is_missing(float(median)):
        return
    seen, sites = counts
    if seen / sites < FEW_SPINES_BELOW * median:
        yield (
            "few spines seen",
            f"{seen} of {sites} sites seen ({100 * seen / sites:.0f} %; the field's median is {100 * median:.0f} %): "
            "losses into this session and gains out of it may be spines that were missed",
        )
