"""What cannot be answered is refused by name; what is left out is counted."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError
from respine.inference import fit_mixed


def make_table():
    rng = np.random.default_rng(3)
    mouse = np.repeat(np.arange(8), 12)
    dendrite = np.tile(np.repeat(np.arange(3), 4), 8)
    time = np.tile(np.arange(4), 24)
    y = rng.normal(size=96) + rng.normal(size=8)[mouse] + rng.normal(size=(8, 3))[mouse, dendrite]
    return pd.DataFrame(
        {
            "y": y,
            "mouse": [f"m{i}" for i in mouse],
            "dendrite": dendrite,
            "time": [f"t{i}" for i in time],
            "arm": np.where(mouse % 2, "vehicle", "ketamine"),
            "x": rng.normal(size=96),
        }
    )


TABLE = make_table()
MODEL = "y ~ arm * time + (1 | mouse/dendrite)"
REFUSED = {
    "constant": (
        TABLE.assign(y=3.0),
        MODEL,
        "outcome 'y' is 3 in all 96 rows used; nothing is left to explain",
    ),
    "one level": (
        TABLE[TABLE["arm"] == "vehicle"],
        MODEL,
        "factor 'arm' has one level, 'vehicle', in the 48 rows used; a factor needs two",
    ),
    "one animal": (
        TABLE[TABLE["mouse"] == "m1"],
        "y ~ time + (1 | mouse/dendrite)",
        "group 'mouse' has one level, 'm1', in the 12 rows used; how it varies cannot be estimated from one",
    ),
    "one animal an arm": (
        TABLE[TABLE["mouse"].isin(["m1", "m2"])],
        MODEL,
        "group 'mouse' (2 levels) differs only where the fixed terms do, as with one level in each of their cells: "
        "its variance cannot be told from them",
    ),
    "all missing": (
        TABLE.assign(y=np.nan),
        MODEL,
        f"formula {MODEL!r}: none of the 96 rows has all of ['y', 'arm', 'time', 'dendrite', 'mouse']",
    ),
    "infinite": (
        TABLE.assign(y=TABLE["y"].where(TABLE.index != 5, np.inf)),
        MODEL,
        "'y' is not a finite number in 1 row(s), first in row 5 (inf); leave them out or mark them as missing",
    ),
    "words": (
        TABLE.assign(y="many"),
        MODEL,
        "outcome 'y' is not numeric (its first level is 'many')",
    ),
    "logarithm": (
        TABLE.assign(y=np.arange(96) - 1.0),
        "log(y) ~ arm + (1 | mouse)",
        "'log(y)' is not a finite number in 2 row(s), first in row 0 (nan); leave them out or mark them as missing",
    ),
    "words in a sum": (
        TABLE,
        "y ~ log(arm) + (1 | mouse)",
        "formula 'y ~ log(arm) + (1 | mouse)': column 'arm' holds no numbers, so nothing can be computed of it",
    ),
    "unknown function": (
        TABLE,
        "y ~ ns(x) + (1 | mouse)",
        "formula 'y ~ ns(x) + (1 | mouse)': cannot compute 'ns(x)'; known are log, log2, log10, log1p, exp, sqrt, "
        "abs, I, scale, factor, as.factor and + - * / ^",
    ),
    "factor of a sum": (
        TABLE,
        "y ~ factor(x + 1) + (1 | mouse)",
        "formula 'y ~ factor(x + 1) + (1 | mouse)': 'factor(x + 1)': only a column can be made a factor",
    ),
    "group of a sum": (
        TABLE,
        "y ~ arm + (1 | log(x))",
        "formula 'y ~ arm + (1 | log(x))': the group 'log(x)' must be a column",
    ),
    "unknown column": (
        TABLE[["y", "arm"]],
        "y ~ arm + (1 | animal)",
        "formula 'y ~ arm + (1 | animal)': the table has no column 'animal'; it has ['y', 'arm']",
    ),
    "column twice": (
        pd.concat([TABLE, TABLE[["arm"]]], axis=1),
        MODEL,
        f"formula {MODEL!r}: the table has more than one column 'arm'",
    ),
    "a level a row": (
        TABLE.assign(row=np.arange(96)),
        "y ~ arm + (1 | row)",
        "group 'row' has 96 levels in 96 rows: its variance and the residual variance cannot be told apart; "
        "a group needs fewer levels than there are rows",
    ),
    "too many slopes": (
        TABLE,
        "y ~ arm + (time | mouse:dendrite)",
        "group 'mouse:dendrite' has 24 levels with 4 effects each ((Intercept), timet1, timet2, timet3), 96 in all, "
        "in 96 rows: too many to be told from the residual",
    ),
    "slope of nothing": (
        TABLE.assign(zero=0.0),
        "y ~ arm + (zero | mouse)",
        "group 'mouse': effect 'zero' is zero in every row",
    ),
    "same groups": (
        TABLE[TABLE["dendrite"] == 0],
        MODEL,
        "groups 'dendrite:mouse' and 'mouse' divide the rows in the same way (8 levels each): their variances cannot "
        "be told apart; leave one of them out",
    ),
    "no remainder": (
        TABLE.assign(y=(TABLE["arm"] == "vehicle") * 2.0),
        "y ~ arm + (1 | mouse)",
        "formula 'y ~ arm + (1 | mouse)': the fixed terms explain all 96 rows without remainder; nothing is left to "
        "test them against",
    ),
    "repeated outcome": (
        TABLE.assign(y=TABLE.groupby("mouse")["y"].transform("first")),
        "y ~ arm + (1 | mouse)",
        "the fixed terms and the groups explain the outcome without remainder: no residual variance is left to test "
        "against; is the outcome repeated within the smallest group?",
    ),
    "few rows": (
        TABLE[TABLE["mouse"].isin(["m1", "m2", "m3"]) & (TABLE["dendrite"] == 0)].iloc[:9],
        "y ~ arm * time * x + (1 | mouse)",
        "formula 'y ~ arm * time * x + (1 | mouse)': 9 fixed coefficients cannot be told from 9 rows; leave out terms "
        "or interactions",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal(case):
    table, formula, message = REFUSED[case]
    with pytest.raises(InputError) as caught:
        fit_mixed(table, formula)
    assert str(caught.value) == message


def test_questions_that_a_fit_refuses():
    fit = fit_mixed(TABLE, MODEL)
    full = fit_mixed(TABLE, MODEL, reml=False)
    asked = [
        (lambda: fit.anova("between-within"), "ddf is 'between-within'; expected 'satterthwaite' or 'kenward-roger'"),
        (
            lambda: full.anova("kenward-roger"),
            "Kenward-Roger needs a fit by restricted likelihood: fit_mixed(..., reml=True)",
        ),
        (
            lambda: fit.marginal_means("sex"),
            "'sex' is no factor of the fixed terms; these are ['arm', 'time']",
        ),
        (lambda: fit.marginal_means("arm", "arm"), "a factor stands twice in ['arm', 'arm']"),
        (
            lambda: fit.contrasts("arm", against="saline"),
            "'saline' is no level of 'arm'; these are ['ketamine', 'vehicle']",
        ),
        (
            lambda: fit.contrasts("arm", level=95),
            "level is 95; expected a probability between 0 and 1, such as 0.95",
        ),
        (
            lambda: fit_mixed(TABLE, "y ~ arm + (1 | mouse)").combinations({"c": {"time": 1.0}}),
            "'time' is no coefficient of the model; these are ['(Intercept)', 'armvehicle']",
        ),
    ]
    for ask, message in asked:
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == message


def test_rows_with_gaps_are_left_out_and_counted():
    holes = TABLE.assign(y=TABLE["y"].where(TABLE["x"] < 1), other=np.nan)
    holes.loc[3, "arm"] = None
    fit = fit_mixed(holes, MODEL)
    complete = holes.dropna(subset=["y", "arm"])
    assert (fit.n_rows, fit.n_missing) == (len(complete), 96 - len(complete))
    assert fit.notes[0] == f"{fit.n_missing} of 96 rows were left out: a value is missing there"
    pd.testing.assert_frame_equal(fit.anova(), fit_mixed(complete, MODEL).anova())


def test_three_animals_are_answered_with_their_degree_of_freedom():
    fit = fit_mixed(TABLE[TABLE["mouse"].isin(["m1", "m2", "m4"])], "y ~ arm + (1 | mouse)")
    assert fit.anova("kenward-roger")["den_df"][0] == pytest.approx(1.0, abs=1e-6)


def test_an_empty_cell_drops_its_column_and_has_no_mean():
    table = TABLE[~((TABLE["arm"] == "vehicle") & (TABLE["time"] == "t3"))]
    fit = fit_mixed(table, MODEL)
    assert fit.notes == ("dropped, because other columns explain them: armvehicle:timet3",)
    means = fit.marginal_means("arm", "time").set_index(["arm", "time"])
    assert means["estimate"].isna().to_dict()["vehicle", "t3"]
    assert means["estimate"].isna().sum() == 1
    differences = fit.contrasts("arm", by="time").set_index("time")
    assert differences["p"].isna().tolist() == [False, False, False, True]


def test_a_million_rows_tied_by_crossed_groups_are_refused_before_they_fill_the_memory():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.normal(size=30_000), "a": rng.integers(0, 9000, 30_000)})
    table["b"] = rng.integers(0, 8000, 30_000)
    with pytest.raises(InputError) as caught:
        fit_mixed(table, "y ~ 1 + (1 | a) + (1 | b)")
    tied = str(caught.value).split("tie ")[1].split(" ")[0]
    assert str(caught.value) == (
        f"groups a, b tie {tied} random effects together (at most 4000 can be handled at once); give nested groups as "
        "a/b/c, or average within the smallest group"
    )
