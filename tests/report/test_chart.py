"""The summary figure: every value in its place, with its counts; nothing where there is no value."""

from itertools import pairwise

import pandas as pd
import pytest

from respine.core.tables import TABLES
from respine.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, make_chart


def test_points_carry_rate_and_counts(content):
    chart = make_chart(content)
    titles = {p.title for plot in chart.plots for s in plot.series for p in s.points}
    rows = content.tables["turnover_by_subject"]
    rows = rows[rows["consecutive"]]
    for row in rows.to_dict("records"):
        for column, part in (("formation", "gained"), ("elimination", "lost")):
            end = f"{column} {100 * row[column]:.1f} %, {row[part]} of {row['n_first']}"
            assert sum(t.startswith(f"{row['subject']}, {row['session_first']} to") and t.endswith(end) for t in titles)
    assert len(titles) == 2 * len(rows) + len(content.tables["density_by_subject"])


def test_points_lie_inside_and_higher_rates_higher(content):
    formation = make_chart(content).plots[0]
    points = [p for s in formation.series for p in s.points]
    rates = content.tables["turnover_by_subject"].query("consecutive")["formation"].astype(float)
    assert all(LEFT <= p.x <= WIDTH - RIGHT and TOP <= p.y <= HEIGHT - BOTTOM for p in points)
    heights = sorted(HEIGHT - BOTTOM - p.y for p in points)
    top = max(heights) / max(rates)
    assert heights == pytest.approx(sorted(rates * top))


def test_formation_and_elimination_share_their_scale(content):
    formation, elimination, density = make_chart(content).plots
    assert formation.y_ticks == elimination.y_ticks
    assert formation.y_ticks != density.y_ticks


def test_an_interval_is_drawn_from_its_first_session(content):
    formation, _, density = make_chart(content).plots
    for series in formation.series:
        assert all(a.x == b.x_first for a, b in pairwise(series.points))
    assert all(p.x_first is None for s in density.series for p in s.points)


def test_a_missing_rate_is_not_drawn_at_zero(make):
    content = make()
    rows = content.tables["turnover_by_subject"].copy()
    rows.loc[(rows["subject"] == "m1") & (rows["session_last"] == "s1"), "formation"] = pd.NA
    formation = make_chart(make(tables=content.tables | {"turnover_by_subject": rows})).plots[0]
    assert {s.subject: len(s.points) for s in formation.series} == {"m1": 2, "m2": 3}


def test_no_values_no_figure(make):
    empty = {name: table.empty() for name, table in TABLES.items()}
    assert make_chart(make(tables=empty)) is None


def test_uneven_times_are_said_to_be_uneven(make):
    assert make_chart(make(n_sessions=4)).note == "Sessions are drawn evenly spaced; time is not to scale."
    sessions = make(n_sessions=3).sessions
    even = sessions.assign(time_h=sessions["session"].map({"s0": 0.0, "s1": 24.0, "s2": 96.0}))
    chart = make_chart(make(n_sessions=3, sessions=even))
    assert chart.note == ""
    x = [t[0] for t in chart.plots[0].x_ticks]
    assert (x[2] - x[1]) == pytest.approx(3 * (x[1] - x[0]))


def test_groups_get_a_colour_each_and_a_legend(make):
    chart = make_chart(make(n_subjects=3))
    assert chart.legend == (("vehicle", 0), ("ketamine", 1))
    assert {s.subject: s.colour for s in chart.plots[0].series} == {"m1": 0, "m2": 1, "m3": 0}


def test_animals_without_factors_get_their_own_colour(make):
    chart = make_chart(make(subjects=pd.DataFrame({"subject": ["m1", "m2"], "weight_g": [20.5, 22.0]})))
    assert chart.legend == ()
    assert {s.subject: s.colour for s in chart.plots[0].series} == {"m1": 0, "m2": 1}


def test_names_are_not_written_over_each_other(make):
    for plot in make_chart(make(n_subjects=6, n_dendrites=1, length_um=20.0)).plots:
        heights = sorted(s.name_y for s in plot.series)
        assert all(b - a >= 11.99 for a, b in pairwise(heights))
        assert heights[-1] <= HEIGHT - BOTTOM + 1e-6
