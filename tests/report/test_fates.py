"""What became of a spine: named cases, and the sums against the counts of the turnover table."""

import pandas as pd
import pytest

from respine.report.fates import FATES, compute_fates

NA = pd.NA


def spines_of(histories, sessions):
    rows = [
        {"spine": spine, "session": s, "visible": v}
        for spine, history in histories.items()
        for s, v in zip(sessions, history, strict=True)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(visible=frame["visible"].astype("boolean"))


@pytest.mark.parametrize(
    ("history", "fates"),
    [
        ([True, True, True], ["present", "stable", "stable"]),
        ([True, False, True], ["present", "lost", "gained"]),
        ([False, True, False], ["absent", "gained", "lost"]),
        ([False, False, True], ["absent", "absent", "gained"]),
        ([True, NA, True], ["present", "unscorable", "present"]),
        ([True, NA, False], ["present", "unscorable", "absent"]),
        ([NA, True, True], ["unscorable", "present", "stable"]),
        ([NA, False, True], ["unscorable", "absent", "gained"]),
    ],
)
def test_named_histories(history, fates):
    result = compute_fates(spines_of({"x": history}, "abc"), list("abc"), list("abc"))
    assert list(result["fate"]) == fates
    assert set(fates) <= set(FATES)


def test_a_refused_session_is_skipped_in_the_comparison():
    spines = spines_of({"x": [True, NA, True], "y": [False, NA, True]}, "abc")
    result = compute_fates(spines, list("abc"), list("ac"))
    assert list(result[result["session"] == "c"]["fate"]) == ["stable", "gained"]
    assert set(result[result["session"] == "c"]["before"]) == {"a"}


def test_the_order_of_time_counts_not_that_of_the_rows():
    spines = spines_of({"x": [True, False]}, "ab").iloc[::-1]
    result = compute_fates(spines, list("ab"), list("ab"))
    assert dict(zip(result["session"], result["fate"], strict=True)) == {"a": "present", "b": "lost"}


def test_a_session_without_a_time_cannot_be_compared():
    result = compute_fates(spines_of({"x": [True, True]}, "ab"), ["a"], ["a"])
    assert list(result["fate"]) == ["present", "unscorable"]


def test_marks_add_up_to_the_turnover_table(content):
    spines, turnover = content.tables["spines"], content.tables["turnover_by_subject"]
    compared = 0
    for subject, own in spines.groupby("subject"):
        unique = own.assign(spine=own["dendrite"] + own["spine"])
        sessions = content.sessions_of(subject)
        fates = compute_fates(unique, sessions, sessions)
        rows = turnover[(turnover["subject"] == subject) & turnover["consecutive"]]
        for row in rows.to_dict("records"):
            tally = fates[fates["session"] == row["session_last"]]["fate"].value_counts()
            assert tally.get("gained", 0) == row["gained"]
            assert tally.get("lost", 0) == row["lost"]
            assert tally.get("stable", 0) + tally.get("lost", 0) == row["n_first"]
            compared += row["gained"] + row["lost"]
    assert compared > 20
