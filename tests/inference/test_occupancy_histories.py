"""Scorings become arrays, and what is wrong with them is said."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError
from respine.inference.occupancy import read_histories

SPINES = pd.DataFrame(
    [
        ("b", "d0", "s0", "early", True, 1.0),
        ("b", "d0", "s0", "late", pd.NA, 3.0),
        ("b", "d0", "s1", "early", False, np.nan),
        ("b", "d0", "s1", "early", True, np.nan),
        ("b", "d0", "s1", "late", False, np.nan),
        ("b", "d1", "s2", "early", False, 2.0),
        ("a", "d0", "s0", "only", True, np.nan),
    ],
    columns=["subject", "dendrite", "spine", "session", "visible", "size"],
).astype({"visible": "boolean"})
SESSIONS = pd.DataFrame(
    [("b", "late", 30.0), ("b", "early", 6.0), ("a", "only", -4.0)], columns=["subject", "session", "time_h"]
)


def test_looks_are_counted_in_order_of_time():
    histories = read_histories(SPINES, SESSIONS)
    assert histories.subjects == ("b", "a")
    assert histories.sessions == (("early", "late"), ("only",))
    np.testing.assert_array_equal(histories.time_h, [[6, 30], [-4, -4]])
    np.testing.assert_array_equal(histories.interval_days, [[1], [0]])
    np.testing.assert_array_equal(histories.looks, [[1, 0], [2, 1], [1, 0]])
    np.testing.assert_array_equal(histories.seen, [[1, 0], [1, 0], [1, 0]])
    assert list(histories.sites.spine) == ["s0", "s1", "s0"]
    np.testing.assert_array_equal(histories.subject, [0, 0, 1])
    assert histories.n_never_seen == 1


def test_a_missing_covariate_is_the_mean_of_its_site_or_of_all():
    histories = read_histories(SPINES, SESSIONS, ["size"])
    z = np.sqrt(1.5)
    np.testing.assert_allclose(histories.covariates[..., 0], [[-z, z], [0, 0], [0, 0]])
    gap = SPINES.assign(size=[1.0, np.nan, 3.0, np.nan, np.nan, 2.0, np.nan])
    np.testing.assert_allclose(read_histories(gap, SESSIONS, ["size"]).covariates[:2, :, 0], [[-z, -z], [z, z]])


def test_spines_of_two_fields_with_one_name_are_two():
    two = pd.concat([SPINES.assign(fov="f0"), SPINES.assign(fov="f1")])
    assert len(read_histories(two, SESSIONS).sites) == 6


def test_animals_can_be_drawn_twice():
    histories = read_histories(SPINES, SESSIONS, groups={"a": "x", "b": "y"})
    drawn = histories.select_subjects([1, 0, 0])
    assert drawn.subjects == ("0:a", "1:b", "2:b")
    assert drawn.groups == ("x", "y", "y")
    np.testing.assert_array_equal(drawn.subject, [0, 1, 1, 2, 2])
    np.testing.assert_array_equal(drawn.looks[1:3], drawn.looks[3:])


@pytest.mark.parametrize(
    ("spines", "sessions", "reading", "message"),
    [
        (
            SPINES.drop(columns="visible"),
            SESSIONS,
            {},
            "table spines: found columns ['subject', 'dendrite', 'spine', 'session', 'size']; "
            "expected also ['visible']",
        ),
        (
            SPINES,
            SESSIONS[["subject", "session"]],
            {},
            "table sessions: found columns ['subject', 'session']; expected also ['time_h']",
        ),
        (SPINES.iloc[:0], SESSIONS, {}, "table spines: found no row; expected one a site and session"),
        (
            SPINES,
            SESSIONS.assign(time_h=5.0),
            {},
            "table sessions, animal b: found times {'late': 5.0, 'early': 5.0}; expected one each, all different",
        ),
        (
            SPINES,
            SESSIONS.iloc[1:],
            {},
            "table sessions: found no time for (animal, session) ('b', 'late'); expected one for each of spines",
        ),
        (
            SPINES,
            SESSIONS,
            {"groups": {"a": "x"}},
            "groups: found none for the animals ['b']; expected one for each",
        ),
        (
            SPINES.assign(size=1.0),
            SESSIONS,
            {"covariates": ["size"]},
            "table spines, column size: found 7 values that do not vary; expected a covariate",
        ),
        (
            SPINES.assign(visible=False),
            SESSIONS,
            {},
            "table spines: found no visible spine in 7 rows; expected at least one",
        ),
    ],
)
def test_what_is_wrong_is_said(spines, sessions, reading, message):
    with pytest.raises(InputError) as error:
        read_histories(spines, sessions, **reading)
    assert str(error.value) == message
