import numpy as np
import pandas as pd
import pytest

from respine.core.tables import SPINES
from respine.structure.turnover import compute_density, compute_turnover, sum_density, sum_turnover

SESSIONS = pd.DataFrame({"subject": "m1", "session": ["a", "b", "c"], "time_h": [0.0, 48.0, 120.0]})


def study(**histories):
    """Spines by name: the dendrite's name, then a letter; a history as 1 seen, 0 not seen, - unscorable."""
    rows = [
        {
            "subject": "m1",
            "fov": "f1",
            "dendrite": name[:-1],
            "spine": name,
            "session": session,
            "visible": {"1": True, "0": False, "-": None}[mark],
            "state": {"1": "present", "0": "absent", "-": "unscorable"}[mark],
            "side": "left",
        }
        for name, history in histories.items()
        for session, mark in zip("abc", history, strict=True)
    ]
    spines = SPINES.conform(pd.DataFrame(rows).reindex(columns=[c.name for c in SPINES.columns]))
    names = sorted({name[:-1] for name in histories})
    dendrites = pd.DataFrame(
        [
            {"subject": "m1", "fov": "f1", "dendrite": name, "session": session, "inside_um": length}
            for name, length in zip(names, (20.0, 10.0), strict=False)
            for session in "abc"
        ]
    )
    return spines, dendrites


def row(table, first, last, **where):
    match = (table.session_first == first) & (table.session_last == last)
    for column, value in where.items():
        match &= table[column] == value
    (found,) = table[match].to_dict("records")
    return found


def test_counts_by_hand():
    spines, dendrites = study(d1a="110", d1b="101", d1c="011", d1d="1-1", d1e="100")
    table = compute_turnover(spines, dendrites, SESSIONS)
    ab = row(table, "a", "b")
    counts = {k: ab[k] for k in ("n_first", "gained", "lost", "n_last", "n_scorable", "n_unscorable")}
    assert counts == {"n_first": 3, "gained": 1, "lost": 2, "n_last": 2, "n_scorable": 4, "n_unscorable": 1}
    assert ab["formation"] == pytest.approx(1 / 3)
    assert ab["elimination"] == pytest.approx(2 / 3)
    assert ab["turnover"] == pytest.approx(1 / 2)
    assert ab["net"] == pytest.approx(-1 / 3)
    assert ab["survival_fraction"] == pytest.approx(1 / 3)
    assert (ab["interval_h"], ab["consecutive"]) == (48.0, True)
    ac = row(table, "a", "c")
    assert (ac["n_first"], ac["lost"], ac["gained"], ac["consecutive"]) == (4, 2, 1, False)


def test_no_denominator_no_rate():
    table = compute_turnover(*study(d1a="011"), SESSIONS)
    ab = row(table, "a", "b")
    assert pd.isna(ab["formation"])
    assert ab["reason"] == "no spine in the earlier session"


def test_a_session_that_shows_nothing_is_no_loss():
    table = compute_turnover(*study(d1a="1--", d1b="1--"), SESSIONS)
    ab = row(table, "a", "b")
    assert (ab["lost"], ab["n_first"], ab["reason"]) == (0, 0, "no site that both sessions can show")


def test_a_dendrite_without_spines_has_rows_too():
    spines, dendrites = study(d1a="111", d2a="111")
    table = compute_turnover(spines[spines.dendrite == "d1"], dendrites, SESSIONS)
    assert (table.dendrite == "d2").sum() == 3
    assert row(table, "a", "b", dendrite="d2")["n_first"] == 0


def test_an_animal_is_its_sums_not_the_mean_of_its_dendrites():
    histories = {f"d1{letter}": "110" for letter in "abcdefghi"} | {"d2a": "100"}
    table = sum_turnover(compute_turnover(*study(**histories), SESSIONS))
    ab = row(table, "a", "b")
    assert (ab["n_dendrites"], ab["n_first"], ab["lost"]) == (2, 10, 1)
    assert ab["elimination"] == pytest.approx(0.1)


def test_the_counts_add_up_on_every_row():
    rng = np.random.default_rng(5)
    histories = {f"d{1 + k % 2}x{k}": "".join(rng.choice(list("01-"), 3, p=[0.4, 0.5, 0.1])) for k in range(200)}
    spines, dendrites = study(**{name.replace("x", "") + "s": h for name, h in histories.items()})
    for table in (t := compute_turnover(spines, dendrites, SESSIONS), sum_turnover(t)):
        assert len(table)
        assert (table.n_first + table.gained - table.lost == table.n_last).all()


def test_density_counts_what_is_seen_per_length_inside():
    spines, dendrites = study(d1a="110", d1b="1-0", d2a="111")
    density = compute_density(spines, dendrites).set_index(["dendrite", "session"])
    assert density.loc[("d1", "a"), "density_per_um"] == pytest.approx(2 / 20)
    assert density.loc[("d1", "b"), "n_scorable"] == 1
    total = sum_density(density.reset_index()).set_index("session")
    assert total.loc["a", "density_per_um"] == pytest.approx(3 / 30)
    assert total.loc["a", "density_mean_of_dendrites_per_um"] == pytest.approx((2 / 20 + 1 / 10) / 2)


def test_a_dendrite_outside_the_stack_has_no_density():
    spines, dendrites = study(d1a="---", d2a="111")
    dendrites.loc[dendrites.dendrite == "d1", "inside_um"] = 0.0
    density = compute_density(spines, dendrites).set_index(["dendrite", "session"])
    assert pd.isna(density.loc[("d1", "a"), "density_per_um"])
    assert density.loc[("d1", "a"), "reason"] == "no part of the dendrite lies inside the stack"
    assert sum_density(density.reset_index()).n_dendrites.tolist() == [1, 1, 1]


def test_nothing_in_nothing_out():
    spines, dendrites = study(d1a="111")
    table = compute_turnover(spines.iloc[:0], dendrites.iloc[:0], SESSIONS)
    assert table.empty
    assert sum_turnover(table).empty
