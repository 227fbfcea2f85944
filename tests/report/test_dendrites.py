"""What is shown of a dendrite: its marks lie on its spines, and everything adds up."""

import numpy as np
import pandas as pd
import pytest

from respine.report.dendrites import fate_summary, view_dendrites


@pytest.fixture(scope="module")
def views(content):
    return view_dendrites(content)


def marks_of(view, which="marks"):
    return [(s.session, m) for p in view.panels for s in p.strips for m in getattr(s, which)]


def test_every_dendrite_is_shown_once(views, content):
    names = [(v.subject, v.fov, v.name) for v in views]
    assert names == [("m1", "fov1", "d1"), ("m1", "fov1", "d2"), ("m2", "fov1", "d1"), ("m2", "fov1", "d2")]


def test_every_spine_of_every_session_is_in_the_raster_once(views, content):
    for view in views:
        own = content.tables["spines"].query("subject == @view.subject and dendrite == @view.name")
        states = marks_of(view, "states")
        assert len(states) == len(own)
        assert len({(session, m.spine) for session, m in states}) == len(own)


def test_the_raster_has_the_same_spine_under_the_same_place(views):
    for view in views:
        for panel in view.panels:
            orders = {tuple(m.spine for m in s.states) for s in panel.strips}
            assert len(orders) == 1
            assert list(next(iter(orders))) == sorted(next(iter(orders)))


def test_marks_lie_where_the_marks_say(views, content):
    frame = content.marks.query("subject == 'm1' and dendrite == 'd2'")
    places = {(s, round(x, 9), round(y, 9)) for s, x, y in frame[["session", "position_um", "lateral_um"]].to_numpy()}
    drawn = {(session, round(m.x_um, 9), round(m.y_um, 9)) for session, m in marks_of(views[1])}
    assert drawn <= places
    n_drawn = sum(m.fate != "absent" for _, m in marks_of(views[1], "states"))
    assert len(marks_of(views[1])) == n_drawn > 30


def test_a_long_dendrite_is_shown_in_pieces_that_hold_their_marks(make):
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, length_um=130.0))
    assert len(view.panels) == 3
    for panel in view.panels:
        x = np.array([m.x_um for s in panel.strips for m in s.marks])
        assert x.size
        assert ((x >= panel.start_um) & (x <= panel.start_um + panel.length_um)).all()
    assert view.n_unplaced == 0


def test_ticks_stand_at_round_positions(make):
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, length_um=130.0))
    for panel in view.panels:
        for share, label in panel.ticks:
            assert panel.start_um + share * panel.length_um == pytest.approx(float(label))
    assert [label for p in view.panels for _, label in p.ticks][:5] == ["0", "10", "20", "30", "40"]


def test_the_counts_beside_a_strip_are_those_of_the_turnover_table(views, content):
    rows = content.tables["turnover"].query("consecutive")
    for view in views:
        own = rows.query("subject == @view.subject and dendrite == @view.name").set_index("session_last")
        for strip in view.panels[0].strips[1:]:
            row = own.loc[strip.session]
            assert strip.counts == f"+{row['gained']} −{row['lost']} of {row['n_first']}"
        assert view.panels[0].strips[0].counts == ""
        assert view.n_changes == own["gained"].sum() + own["lost"].sum()


def test_the_counts_skip_a_refused_session_as_the_marks_do(make):
    content = make(n_subjects=1, n_dendrites=1)
    registration, spines = content.tables["registration"].copy(), content.tables["spines"].copy()
    registration.loc[registration["session"] == "s1", "scorable"] = False
    refused = spines["session"] == "s1"
    spines.loc[refused, "visible"] = pd.NA
    spines.loc[refused, "state"] = "unscorable"
    tables = content.tables | {"registration": registration, "spines": spines}
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, tables=tables))
    row = content.tables["turnover"].query("session_first == 's0' and session_last == 's2'").iloc[0]
    strip = view.panels[0].strips[2]
    drawn = [m.fate for m in strip.states]
    assert strip.counts == f"+{row['gained']} −{row['lost']} of {row['n_first']}"
    assert drawn.count("gained") >= row["gained"] > 0


def test_a_dendrite_without_a_picture_keeps_its_raster(make):
    view = view_dendrites(make(n_subjects=1, crops=()))[0]
    (panel,) = view.panels
    assert not panel.has_pictures
    assert len(panel.strips) == 4
    assert all(s.states and not s.marks and not s.picture for s in panel.strips)


def test_a_picture_without_spines_is_shown(make):
    content = make(n_subjects=1, n_dendrites=1)
    tables = {name: content.tables[name] for name in ("registration", "dendrites")}
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, tables=tables))
    assert [bool(s.picture) for s in view.panels[0].strips] == [True] * 4
    assert view.n_changes == 0


def test_a_spine_without_a_mark_in_one_session_stands_at_its_typical_place(make):
    content = make(n_subjects=1, n_dendrites=1)
    name = content.marks["spine"].iloc[0]
    gone = (content.marks["spine"] == name) & (content.marks["session"] == "s0")
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, marks=content.marks[~gone]))
    x = content.marks.loc[gone, "position_um"].iloc[0]
    first = [m for session, m in marks_of(view, "states") if session == "s0" and m.spine == 0]
    assert first[0].x_um == pytest.approx(x)
    assert view.n_unplaced == 0


def test_marks_without_any_place_are_counted(make):
    content = make(n_subjects=1, n_dendrites=1)
    name = content.marks["spine"].iloc[0]
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, marks=content.marks[content.marks["spine"] != name]))
    seen = sum(m.fate != "absent" for _, m in marks_of(view, "states") if m.spine == 0)
    assert view.n_unplaced == seen > 0


def test_titles_say_what_the_model_thinks_where_it_differs(make):
    content = make(n_subjects=1, n_dendrites=1)
    spines = content.tables["spines"].copy()
    row = spines.index[spines["visible"].eq(False).fillna(False)][0]
    spines.loc[row, "state"] = "present"
    (view,) = view_dendrites(make(n_subjects=1, n_dendrites=1, tables=content.tables | {"spines": spines}))
    said = [m.title for _, m in marks_of(view, "states") if "inferred" in m.title]
    assert len(said) == 1
    assert said[0].startswith(f"{spines.loc[row, 'spine']} in {spines.loc[row, 'session']}: ")
    assert said[0].endswith(" · inferred present from all sessions")


def test_titles_of_unscorable_sites_say_why(views):
    said = [m.title for v in views for _, m in marks_of(v, "states") if m.fate == "unscorable"]
    assert said
    assert all(t.endswith("outside the stack") for t in said)


def test_the_sentence_on_looks_has_its_denominator(content, make):
    visible = content.tables["spines"]["visible"].dropna()
    assert fate_summary(content).startswith(f"{visible.sum()} of {len(visible)} looks at a site saw a spine (")
    assert fate_summary(make(tables={})) == ""
