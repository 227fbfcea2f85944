"""The summary figure: rates and density of every animal over time, as geometry that the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.report.cells import is_missing, show_hours, show_number, show_percent
from respine.report.content import ReportContent

WIDTH, HEIGHT = 420.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 58.0, 14.0, 50.0
UNEVEN_GAPS = 12.0
"""From this ratio of the longest to the shortest gap between sessions on, the sessions are drawn evenly spaced."""
MOST_GROUPS = 6
"""More groups than this cannot be told apart by colour: all lines are then drawn alike."""
MOST_NAMES = 8
"""With more animals than this the lines carry no names; the tooltips do."""


@dataclass(frozen=True)
class Point:
    """A value at the end of its interval, with the place where the interval began (None for a single session)."""

    x: float
    y: float
    x_first: float | None
    title: str


@dataclass(frozen=True)
class Series:
    """The values of one animal, its colour by number, and where its name stands."""

    subject: str
    colour: int
    points: tuple[Point, ...]
    name_x: float
    name_y: float
    shows_name: bool


@dataclass(frozen=True)
class Plot:
    """One panel of the figure."""

    title: str
    described: str
    x_ticks: tuple[tuple[float, str, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Chart:
    """The figure: its panels, its legend (label, colour number) and a note on its time axis."""

    plots: tuple[Plot, ...]
    legend: tuple[tuple[str, int], ...]
    note: str


@dataclass(frozen=True)
class _Axis:
    times: tuple[float, ...]
    names: tuple[str, ...]
    even: bool

    def x(self, time_h: float) -> float:
        if len(self.times) < 2:
            share = 0.5
        elif self.even:
            share = float(np.interp(time_h, self.times, np.linspace(0, 1, len(self.times))))
        else:
            share = (time_h - self.times[0]) / (self.times[-1] - self.times[0])
        return LEFT + 10 + share * (WIDTH - LEFT - RIGHT - 20)

    def ticks(self) -> tuple[tuple[float, str, str], ...]:
        shown, taken = [], -1e9
        for time, name in zip(self.times, self.names, strict=True):
            x = self.x(time)
            if x - taken >= 34:
                shown.append((x, name, _short(time)))
                taken = x
        return tuple(shown)


def _short(time_h: float) -> str:
    """Return a time in hours, from two days on in days."""
    hours, _, days = show_hours(time_h).partition(" (")
    return days.rstrip(")") or hours


def make_chart(content: ReportContent) -> Chart | None:
    """Return the summary figure, or None where no rate and no density is known."""
    axis = _axis(content)
    rates = content.tables["turnover_by_subject"]
    rates = rates[rates["consecutive"]] if rates["consecutive"].any() else rates
    groups, legend = _groups(content)
    times = {
        (str(r["subject"]), str(r["session"])): float(r["time_h"])
        for r in content.sessions.to_dict("records")
        if not is_missing(r["time_h"])
    }
    values = {
        "formation": _rate_values(rates, "formation", "gained", times),
        "elimination": _rate_values(rates, "elimination", "lost", times),
        "density": _density_values(content.tables["density_by_subject"], times),
    }
    if not any(values.values()):
        return None
    rate_ticks = _nice_ticks([v[3] for name in ("formation", "elimination") for v in values[name]])
    density_ticks = _nice_ticks([v[3] for v in values["density"]])
    plots = (
        _plot("Formation", "gained / first", values["formation"], axis, groups, rate_ticks, show_percent),
        _plot("Elimination", "lost / first", values["elimination"], axis, groups, rate_ticks, show_percent),
        _plot("Density", "spines seen per µm", values["density"], axis, groups, density_ticks, show_number),
    )
    note = "Sessions are drawn evenly spaced; time is not to scale." if axis.even else ""
    return Chart(tuple(p for p in plots if p.series), legend, note)


def _axis(content: ReportContent) -> _Axis:
    known = content.sessions.dropna(subset=["time_h"])
    by_time = known.assign(time_h=known["time_h"].astype(float)).groupby("time_h")["phase"]
    times = tuple(float(t) for t, _ in by_time)
    names = tuple("" if phases.dropna().empty else str(phases.dropna().iloc[0]) for _, phases in by_time)
    gaps = np.diff(times)
    return _Axis(times, names, len(gaps) > 1 and float(gaps.max() / gaps.min()) > UNEVEN_GAPS)


def _groups(content: ReportContent) -> tuple[dict[str, int], tuple[tuple[str, int], ...]]:
    """Give every animal a colour: by its factors, else its own where they are few, else the same."""
    frame = content.subjects
    names = [str(s) for s in frame["subject"]]
    factors = [c for c in frame.columns if c != "subject" and not pd.api.types.is_numeric_dtype(frame[c])]
    labels = [
        " · ".join("not given" if is_missing(row[c]) else str(row[c]) for c in factors)
        for row in frame.to_dict("records")
    ]
    levels = list(dict.fromkeys(labels))
    if factors and 1 < len(levels) <= MOST_GROUPS:
        colours = {name: levels.index(label) for name, label in zip(names, labels, strict=True)}
        return colours, tuple((label, i) for i, label in enumerate(levels))
    if len(names) <= MOST_GROUPS:
        return {name: i for i, name in enumerate(names)}, ()
    return dict.fromkeys(names, 0), ()


def _rate_values(rates: pd.DataFrame, column: str, part: str, times: dict) -> list[tuple]:
    values = []
    for row in rates.to_dict("records"):
        first = times.get((row["subject"], row["session_first"]))
        last = times.get((row["subject"], row["session_last"]))
        if is_missing(row[column]) or first is None or last is None:
            continue
        title = (
            f"{row['subject']}, {row['session_first']} to {row['session_last']} ({show_hours(row['interval_h'])}): "
            f"{column} {show_percent(row[column])}, {row[part]} of {row['n_first']}"
        )
        values.append((row["subject"], first, last, float(row[column]), title))
    return values


def _density_values(density: pd.DataFrame, times: dict) -> list[tuple]:
    values = []
    for row in density.to_dict("records"):
        time = times.get((row["subject"], row["session"]))
        if is_missing(row["density_per_um"]) or time is None:
            continue
        title = (
            f"{row['subject']}, {row['session']}: {show_number(row['density_per_um'])} per µm, "
            f"{row['n_present']} spines on {show_number(row['length_um'])} µm"
        )
        values.append((row["subject"], None, time, float(row["density_per_um"]), title))
    return values


def _nice_ticks(values: Sequence[float]) -> list[float]:
    """Return round values from zero to over the largest, at most six."""
    top = max(values, default=0.0)
    if top <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** np.floor(np.log10(top / 5))
    step = float(next(unit * m for m in (1, 2, 5, 10) if unit * m >= top / 5 * 0.999999))
    return [step * i for i in range(int(np.ceil(top / step - 1e-6)) + 1)]


def _plot(title, described, values, axis, groups, ticks, show) -> Plot:
    def y(value: float) -> float:
        return TOP + (1 - value / ticks[-1]) * (HEIGHT - TOP - BOTTOM)

    lines: dict[str, list[Point]] = {}
    for subject, first, last, value, words in sorted(values, key=lambda v: (v[0], v[2])):
        start = None if first is None else axis.x(first)
        lines.setdefault(subject, []).append(Point(axis.x(last), y(value), start, words))
    heights = _spread({subject: points[-1].y for subject, points in lines.items()})
    named = len(lines) <= MOST_NAMES
    series = tuple(
        Series(s, groups.get(s, 0), tuple(points), points[-1].x + 9, heights[s], named) for s, points in lines.items()
    )
    return Plot(title, described, axis.ticks(), tuple((y(v), _tick(v, show)) for v in ticks), series)


def _tick(value: float, show) -> str:
    return show(value).replace(".0 %", " %")


def _spread(heights: dict[str, float], gap: float = 12.0) -> dict[str, float]:
    """Move names apart that would be written over each other, downwards."""
    placed, floor = {}, -1e9
    for subject, height in sorted(heights.items(), key=lambda item: item[1]):
        floor = max(height, floor + gap)
        placed[subject] = floor
    excess = max(0.0, floor - (HEIGHT - BOTTOM))
    return {subject: height - excess for subject, height in placed.items()}
