"""The report: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import jinja2

from respine import __version__
from respine.core.tables import TABLES
from respine.report import chart
from respine.report.cells import DASH, is_missing, show_hours, show_number
from respine.report.content import ReportContent
from respine.report.dendrites import DendriteView, fate_summary, view_dendrites
from respine.report.fates import FATES
from respine.report.flags import (
    BLURRED_ABOVE,
    DIM_BELOW,
    FEW_SPINES_BELOW,
    MATCHED_BELOW,
    RESIDUAL_ABOVE_UM,
    Flag,
    flag_sessions,
)
from respine.report.grids import UNITS, quality_grids, subject_density_grid, subject_rates_grid

OPEN_DENDRITES = 12
"""A study with at most so many dendrites is shown unfolded."""


@dataclass(frozen=True)
class Fact:
    """A count at the head of the page."""

    count: str
    label: str
    detail: str = ""


def write_report(content: ReportContent) -> str:
    """Return the report as the text of one HTML file: styles, script and pictures are inside it.

    Parameters
    ----------
    content : ReportContent
        Tables, pictures, settings and provenance.

    Returns
    -------
    str
        HTML 5. It loads nothing from a network, and its content security policy forbids that it does.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("respine", "report/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["leaf"] = _leaf
    environment.tests["mapping_like"] = lambda value: isinstance(value, Mapping)
    environment.tests["list_like"] = lambda value: isinstance(value, list | tuple)
    script = environment.get_template("page.js").render()
    views = view_dendrites(content)
    flags = flag_sessions(content.tables["registration"], content.tables["spines"])
    kinds = {(flag.subject, flag.fov, flag.session): flag.kinds for flag in flags}
    return environment.get_template("page.html").render(
        content=content,
        version=__version__,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=environment.get_template("page.css").render(),
        facts=_facts(content),
        looks=fate_summary(content),
        flags=flags,
        limits=_limits(),
        chart=chart.make_chart(content),
        frame=chart,
        rates=subject_rates_grid(content),
        densities=subject_density_grid(content),
        quality=quality_grids(content, kinds),
        animals=_by_subject(views, flags),
        unfolded=len(views) <= OPEN_DENDRITES,
        fates=FATES,
        alignment=_alignment(content),
        dictionary=TABLES,
        units=UNITS,
    )


def _leaf(value: object) -> str:
    """Return a setting or a fact of the provenance as text."""
    if is_missing(value):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def _facts(content: ReportContent) -> list[Fact]:
    """Return how many animals, fields, sessions, dendrites and spines there are."""
    tables = content.tables
    registration, dendrites, spines = tables["registration"], tables["dendrites"], tables["spines"]
    fields = registration[["subject", "fov"]].drop_duplicates()
    usable = int(registration["scorable"].sum())
    length = dendrites.groupby(["subject", "fov", "dendrite"])["length_um"].median().dropna().sum()
    sites = len(spines[["subject", "fov", "spine"]].drop_duplicates())
    seen = spines[spines["visible"].fillna(False)]
    n_seen = len(seen[["subject", "fov", "spine"]].drop_duplicates())
    times = content.sessions["time_h"].dropna()
    span = f"over {show_hours(float(times.max() - times.min()))}" if len(times) > 1 else ""
    n_dendrites = len(dendrites[["subject", "fov", "dendrite"]].drop_duplicates())
    counted = [
        (content.subjects["subject"].nunique(), "animal", f"{_several(len(fields), 'field')} of view"),
        (len(registration), "imaging session", f"{usable} of {len(registration)} scorable"),
        (content.sessions["session"].nunique(), "time point", span),
        (n_dendrites, "dendrite", f"{show_number(round(float(length)))} µm in three dimensions"),
        (n_seen, "spine", f"seen at least once, of {_several(sites, 'candidate site')}"),
    ]
    return [Fact(*_several(n, noun).split(" ", 1), detail) for n, noun, detail in counted]


def _several(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _limits() -> dict[str, str]:
    return {
        "dim": show_number(DIM_BELOW),
        "blurred": show_number(BLURRED_ABOVE),
        "few": show_number(FEW_SPINES_BELOW),
        "residual": show_number(RESIDUAL_ABOVE_UM),
        "matched": f"{100 * MATCHED_BELOW:.0f} %",
    }


def _by_subject(views: list[DendriteView], flags: list[Flag]) -> list[dict]:
    """Group dendrites by animal and field of view; what stands out comes with its field."""
    animals: dict[str, dict[str, list[DendriteView]]] = {}
    for view in views:
        animals.setdefault(view.subject, {}).setdefault(view.fov, []).append(view)
    return [
        {
            "subject": subject,
            "n": sum(len(own) for own in fovs.values()),
            "changed": sum(view.n_changes > 0 for own in fovs.values() for view in own),
            "fovs": [
                {"fov": fov, "views": own, "flags": [f for f in flags if (f.subject, f.fov) == (subject, fov)]}
                for fov, own in fovs.items()
            ],
        }
        for subject, fovs in animals.items()
    ]


def _alignment(content: ReportContent) -> str:
    """Return the spread of the residuals in words, or "" where none is known."""
    rows = content.tables["registration"]
    residual = rows.loc[~rows["is_reference"] & rows["scorable"], "residual_um"].dropna().astype(float)
    if not len(residual):
        return ""
    low, middle, high = residual.min(), residual.median(), residual.max()
    return (
        f"the lateral residual was {show_number(middle)} µm "
        f"(median of {len(residual)} aligned sessions; {show_number(low)} to {show_number(high)} µm)"
    )
