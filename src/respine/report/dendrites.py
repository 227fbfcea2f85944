"""Everything that the page shows of one dendrite: strips of pictures with marks, the raster of states, its tables."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from respine.report.cells import (
    DASH,
    MINUS,
    Cell,
    is_missing,
    number_cell,
    show_hours,
    show_number,
    show_percent,
    text_cell,
)
from respine.report.content import DendriteCrop, ReportContent
from respine.report.fates import FATES, compute_fates
from respine.report.grids import Grid, Head, dendrite_grid, dendrite_rates_grid, head_of, make_grid
from respine.report.strips import EVERYWHERE, Span, choose_levels, pictures_of, spans_of

TICK_UM = 10.0


@dataclass(frozen=True)
class Mark:
    """A spine in a session: what became of it, where it lies in its picture, and what the tooltip says."""

    spine: int
    fate: str
    title: str
    x_um: float | None = None
    y_um: float | None = None


@dataclass(frozen=True)
class Strip:
    """One session of a piece of a dendrite: its picture ("" without one), the marks on it, its row of the raster."""

    session: str
    time: str
    counts: str
    picture: str
    alt: str
    marks: tuple[Mark, ...]
    states: tuple[Mark, ...]


@dataclass(frozen=True)
class Panel:
    """A piece of a dendrite with its sessions one below the other; `top_um` is the lateral offset of the upper edge."""

    start_um: float
    length_um: float
    top_um: float
    height_um: float
    page_share: float
    ticks: tuple[tuple[float, str], ...]
    strips: tuple[Strip, ...]
    has_pictures: bool


@dataclass(frozen=True)
class DendriteView:
    """A dendrite on the page."""

    subject: str
    fov: str
    name: str
    facts: str
    n_changes: int
    n_unplaced: int
    panels: tuple[Panel, ...]
    grids: tuple[Grid, ...]


def view_dendrites(content: ReportContent) -> list[DendriteView]:
    """Return a view of every dendrite that has spines, a length or a picture, in the order of the table `dendrites`."""
    tables = content.tables
    keys = ["subject", "fov", "dendrite"]
    order: dict[tuple[str, str, str], None] = {}
    for name in ("dendrites", "spines"):
        order.update(dict.fromkeys(tables[name][keys].itertuples(index=False, name=None)))
    order.update(dict.fromkeys(crop.key for crop in content.crops))
    crops = {crop.key: crop for crop in content.crops}
    fated = _fates(content)
    parts = {name: dict(iter(tables[name].groupby(keys, sort=False))) for name in ("dendrites", "turnover", "density")}
    spines = dict(iter(fated.groupby(keys, sort=False))) if len(fated) else {}
    places = _places(content.marks)
    views = []
    for key in order:
        own = {name: part.get(key, tables[name].iloc[:0]) for name, part in parts.items()}
        own["spines"] = spines.get(key, fated.iloc[:0])
        views.append(_view(content, key, own, crops.get(key), places))
    return views


def _fates(content: ReportContent) -> pd.DataFrame:
    spines, registration = content.tables["spines"], content.tables["registration"]
    parts = []
    for (subject, fov), rows in spines.groupby(["subject", "fov"], sort=False):
        here = registration[(registration["subject"] == subject) & (registration["fov"] == fov)]
        seen = set(rows["session"]) | set(here["session"])
        sessions = [s for s in content.sessions_of(subject) if s in seen]
        refused = set(here.loc[~here["scorable"], "session"])
        parts.append(compute_fates(rows, sessions, [s for s in sessions if s not in refused]))
    return pd.concat(parts) if parts else spines.assign(fate="", before="")


def _places(marks: pd.DataFrame) -> dict:
    """Return where to draw a spine: by session, and under the session None its typical place in the others."""
    columns = ["subject", "fov", "spine", "session", "position_um", "lateral_um"]
    found = marks[columns].dropna(subset=["position_um", "lateral_um"])
    places = {(a, f, s, t): (float(x), float(y)) for a, f, s, t, x, y in found.itertuples(index=False, name=None)}
    if len(found):
        typical = found.groupby(["subject", "fov", "spine"])[["position_um", "lateral_um"]].median()
        places |= {(*k, None): (float(x), float(y)) for k, x, y in typical.itertuples(name=None)}
    return places


def _view(content: ReportContent, key: tuple, own: dict, crop: DendriteCrop | None, places: dict) -> DendriteView:
    subject, fov, name = key
    spines = own["spines"]
    sessions = [s for s in content.sessions_of(subject) if s in set(spines["session"])]
    if crop is not None:
        sessions = [s for s in content.sessions_of(subject) if s in {*sessions, *crop.sessions}]
    first = spines.groupby("spine", sort=False)["position_um"].median()
    order = {s: i for i, s in enumerate(first.sort_values(na_position="last").index)}
    marks = [_mark(row, order, places) for row in spines.to_dict("records")]
    by_session: dict[str, list[Mark]] = {s: [] for s in sessions}
    for session, mark in zip(spines["session"], marks, strict=True):
        by_session.setdefault(session, []).append(mark)
    positions = {order[s]: float(x) for s, x in first.items() if not is_missing(x)}
    changed = spines["fate"].isin(["gained", "lost"])
    drawn = spines["fate"] != "absent"
    placed = pd.Series([m.x_um is not None for m in marks], index=spines.index, dtype=bool)
    return DendriteView(
        subject, fov, name,
        _facts(own, spines),
        int(changed.sum()),
        0 if crop is None else int((drawn & ~placed).sum()),
        tuple(_panels(content, key, sessions, crop, by_session, positions, _counts(own["turnover"], spines))),
        tuple(_grids(content, key, own, sessions)),
    )  # fmt: skip


def _facts(own: dict, spines: pd.DataFrame) -> str:
    lengths = own["dendrites"]["length_um"].dropna()
    seen = int(spines[spines["visible"].fillna(False)]["spine"].nunique())
    facts = [f"{show_number(round(float(lengths.median()), 1))} µm (median of its sessions)"] if len(lengths) else []
    facts.append(f"{seen} spine{'' if seen == 1 else 's'} seen at least once")
    facts += [f"{int((spines['fate'] == fate).sum())} {fate}" for fate in ("gained", "lost")]
    return " · ".join(facts)


def _mark(row: dict, order: dict, places: dict) -> Mark:
    key = (row["subject"], row["fov"], row["spine"])
    x, y = places.get((*key, row["session"]), places.get((*key, None), (None, None)))
    return Mark(order[row["spine"]], row["fate"], _title(row), x, y)


def _title(row: dict) -> str:
    parts = [f"{row['spine']} in {row['session']}: {row['fate']}"]
    if not is_missing(row["position_um"]):
        parts.append(f"at {show_number(row['position_um'])} µm")
    if not is_missing(row["p_visible"]):
        parts.append(f"p(visible) {show_number(row['p_visible'])}")
    visible, state = row["visible"], row["state"]
    if not is_missing(visible) and state != ("present" if visible else "absent"):
        parts.append(f"inferred {state} from all sessions")
    if row["fate"] == "unscorable" and not is_missing(row["reason"]):
        parts.append(str(row["reason"]))
    return " · ".join(parts)


def _panels(content, key, sessions, crop, by_session, positions, counts):
    spans = [EVERYWHERE] if crop is None else spans_of(crop)
    pictures = {} if crop is None else pictures_of(crop, spans, choose_levels(content.crops))
    times = _times(content, key[0])
    for index, span in enumerate(spans):
        unplaced = index == len(spans) - 1
        strips = []
        for session in sessions:
            everywhere = by_session[session]
            marks = tuple(
                m for m in everywhere if span.holds(positions.get(m.spine)) or (unplaced and m.spine not in positions)
            )
            drawn = () if crop is None else tuple(m for m in everywhere if span.holds(m.x_um) and m.fate != "absent")
            states = tuple(sorted(marks, key=lambda m: m.spine))
            picture = pictures.get((session, index), "")
            alt = _alt(key, session, span, marks)
            strips.append(Strip(session, times.get(session, ""), counts.get(session, ""), picture, alt, drawn, states))
        yield _panel(span, crop, strips)


def _panel(span: Span, crop: DendriteCrop | None, strips: list[Strip]) -> Panel:
    if crop is None:
        return Panel(0.0, 1.0, 0.0, 1.0, 1.0, (), tuple(strips), False)
    stop_um = span.start_um + span.length_um
    first = TICK_UM * -(-span.start_um // TICK_UM)
    n = int((stop_um - first) // TICK_UM) + 1 if stop_um >= first else 0
    ticks = [first + i * TICK_UM for i in range(n)]
    height_um = crop.images.shape[1] * crop.lateral_step_um
    return Panel(
        span.start_um,
        span.length_um,
        crop.lateral_start_um - 0.5 * crop.lateral_step_um + height_um,
        height_um,
        span.page_share,
        tuple(((t - span.start_um) / span.length_um, show_number(t)) for t in ticks),
        tuple(strips),
        True,
    )


def _alt(key: tuple, session: str, span: Span, marks: tuple[Mark, ...]) -> str:
    tally = {fate: sum(m.fate == fate for m in marks) for fate in FATES}
    seen = tally["present"] + tally["stable"] + tally["gained"]
    stop_um = round(span.start_um + span.length_um)
    place = "" if span is EVERYWHERE else f", {max(0, round(span.start_um))} to {stop_um} µm"
    said = f"{seen} spines seen, of them {tally['gained']} gained; {tally['lost']} lost"
    return f"Dendrite {key[2]}{place}, session {session}: {said}; {tally['unscorable']} not scorable"


def _counts(turnover: pd.DataFrame, spines: pd.DataFrame) -> dict[str, str]:
    """Return the counts beside a strip: those of the pair of sessions that its marks compare."""
    before = dict(spines[["session", "before"]].drop_duplicates().itertuples(index=False, name=None))
    return {
        row["session_last"]: f"+{row['gained']} {MINUS}{row['lost']} of {row['n_first']}"
        for row in turnover.to_dict("records")
        if before.get(row["session_last"]) == row["session_first"]
        and not any(is_missing(row[c]) for c in ("gained", "lost", "n_first"))
    }


def _times(content: ReportContent, subject: str) -> dict[str, str]:
    own = content.sessions[content.sessions["subject"] == subject]
    return {
        str(row["session"]): ", ".join(
            ([] if is_missing(row["phase"]) else [str(row["phase"])])
            + ([] if is_missing(row["time_h"]) else [show_hours(float(row["time_h"]))])
        )
        for row in own.to_dict("records")
    }


def _grids(content: ReportContent, key: tuple, own: dict, sessions: list[str]):
    subject, _, name = key
    where = f"dendrite {name} of {subject}"
    yield dendrite_rates_grid(content, own["turnover"].to_dict("records"), f"Rates of {where}, raw counts")
    yield _spine_grid(own["spines"], sessions, f"Spines of {where}")
    density = {r["session"]: r for r in own["density"].to_dict("records")}
    rows = [_with_density(row, density.get(row["session"])) for row in own["dendrites"].to_dict("records")]
    yield dendrite_grid(content, rows, f"Length, brightness and density of {where}")


def _with_density(row: dict, density: dict | None) -> dict:
    keys = ("n_scorable", "n_present", "density_per_um")
    found = dict.fromkeys(keys, pd.NA) if density is None else {k: density[k] for k in keys}
    reason = row["reason"] if not is_missing(row["reason"]) else (density or {}).get("reason")
    return row | found | {"counted_um": (density or {}).get("length_um"), "reason": reason}


def _spine_grid(spines: pd.DataFrame, sessions: list[str], caption: str) -> Grid:
    rows: dict[str, dict] = {}
    for own in spines.to_dict("records"):
        row = rows.setdefault(own["spine"], {"spine": own["spine"], "position_um": pd.NA, "side": pd.NA})
        row["in", own["session"]] = own
        for column in ("position_um", "side"):
            row[column] = own[column] if is_missing(row[column]) else row[column]
    ordered = sorted(rows.values(), key=lambda r: float("inf") if is_missing(r["position_um"]) else r["position_um"])
    columns = [
        (head_of("spines", "spine"), lambda row: text_cell(row["spine"])),
        (head_of("spines", "position_um"), lambda row: number_cell(row["position_um"])),
        (head_of("spines", "side"), lambda row: text_cell(row["side"])),
    ]
    meaning = "what became of the spine, and p_visible: probability that it is visible in this session's own image"
    columns += [
        (Head(session, f"{session}: {meaning}", "number"), lambda row, s=session: _state_cell(row.get(("in", s))))
        for session in sessions
    ]
    return make_grid(caption, ordered, columns)


def _state_cell(row: dict | None) -> Cell:
    if row is None:
        return Cell(DASH, missing="not in the table of this session")
    p = row["p_visible"]
    measures = [
        f"{label} {show_number(row[column])}{unit}"
        for column, label, unit in (
            ("head_width_um", "head", " µm"),
            ("protrusion_um", "protrusion", " µm"),
            ("brightness", "brightness", ""),
            ("snr", "snr", ""),
        )
        if not is_missing(row[column])
    ]
    reason = [] if is_missing(row["reason"]) or row["fate"] == "unscorable" else [str(row["reason"])]
    title = "; ".join([_title(row), *measures, *reason])
    text = "" if is_missing(p) else show_number(p)
    return Cell(text, title, None if is_missing(p) else float(p), kind=row["fate"])


def fate_summary(content: ReportContent) -> str:
    """Return in one sentence how often a spine was seen, of all the looks at a site that could show it."""
    visible = content.tables["spines"]["visible"].dropna()
    if not len(visible):
        return ""
    return f"{int(visible.sum())} of {len(visible)} looks at a site saw a spine ({show_percent(visible.mean())})"
