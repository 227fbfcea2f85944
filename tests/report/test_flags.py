"""Sessions that stand out are named in words; ordinary ones are not."""

import pandas as pd
import pytest

from respine.core.tables import TABLES
from respine.report.flags import flag_sessions


def change(frame, session, **values):
    frame = frame.copy()
    for column, value in values.items():
        frame.loc[frame["session"] == session, column] = value
    return frame


@pytest.fixture
def registration(make):
    """Four sessions of one field of view, none of which stands out."""
    plain = make(n_subjects=1, n_dendrites=1).tables["registration"]
    return plain.assign(brightness=140.0, snr=12.0)


@pytest.fixture
def nothing():
    return TABLES["spines"].empty()


def test_ordinary_sessions_are_not_flagged(registration, nothing):
    assert flag_sessions(registration, nothing) == []


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ({"brightness": 70.0}, "dim", "brightness 70 is 0.50 of the field's median (140)"),
        ({"snr": 3.0}, "noisy", "snr 3 is 0.25 of the field's median (12)"),
        ({"sharpness_um": 0.8}, "blurred", "thin structures are 0.80 µm wide; the field's median is 0.52 µm"),
        ({"residual_um": 0.9}, "loosely aligned", "residual 0.90 µm, over 0.60 µm"),
        ({"matched_fraction": 0.3}, "weakly aligned", "30 % of the image blocks were matched, under 50 %"),
    ],
)
def test_what_stands_out_is_said_with_its_number(registration, nothing, values, kind, text):
    flags = flag_sessions(change(registration, "s2", **values), nothing)
    assert [(f.session, f.findings, f.kinds, f.scorable) for f in flags] == [("s2", ((kind, text),), kind, True)]


@pytest.mark.parametrize(
    "values", [{"brightness": 90.0}, {"snr": 8.0}, {"sharpness_um": 0.6}, {"residual_um": 0.55}, {"snr": None}]
)
def test_what_lies_within_the_limits_or_is_unknown_is_not_flagged(registration, nothing, values):
    assert flag_sessions(change(registration, "s2", **values), nothing) == []


def test_a_refused_session_is_said_with_its_reason_and_does_not_move_the_median(registration, nothing):
    refused = change(registration, "s2", scorable=False, reason="could not be aligned", brightness=999.0)
    refused = change(refused, "s3", scorable=False, brightness=999.0)
    flags = flag_sessions(refused, nothing)
    assert [(f.session, f.scorable, f.findings) for f in flags] == [
        ("s2", False, (("not scorable", "could not be aligned"),)),
        ("s3", False, (("not scorable", "no reason was given"),)),
    ]


def test_fields_of_view_are_judged_apart(registration, nothing):
    other = registration.assign(subject="m2", brightness=50.0)
    both = TABLES["registration"].conform(pd.concat([change(registration, "s2", brightness=60.0), other]))
    assert [(f.subject, f.kinds) for f in flag_sessions(both, nothing)] == [("m1", "dim")]


def test_a_session_in_which_few_spines_are_seen_is_flagged(registration, make):
    spines = make(n_subjects=1, n_dendrites=1).tables["spines"].copy()
    spines["visible"] = (spines["session"] != "s1") | (spines.groupby("session").cumcount() % 2 == 0)
    flags = flag_sessions(registration, TABLES["spines"].conform(spines))
    n = int((spines["session"] == "s1").sum())
    seen = (n + 1) // 2
    assert [(f.session, f.kinds) for f in flags] == [("s1", "few spines seen")]
    assert flags[0].findings[0][1] == (
        f"{seen} of {n} sites seen ({100 * seen / n:.0f} %; the field's median is 100 %): "
        "losses into this session and gains out of it may be spines that were missed"
    )
