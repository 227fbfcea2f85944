"""Grids: every number under its declared meaning, every rate with its counts, every gap with its reason."""

import pandas as pd
import pytest

from respine.core.tables import TABLES
from respine.report.grids import (
    dendrite_rates_grid,
    head_of,
    make_grid,
    quality_grids,
    subject_density_grid,
    subject_rates_grid,
)


def column(grid, label):
    labels = [h.label for h in grid.heads]
    return [line.cells[labels.index(label)] for line in grid.lines]


def test_heads_carry_the_declared_meaning_and_unit():
    head = head_of("registration", "residual_um")
    assert (head.label, head.kind) == ("residual (µm)", "number")
    assert head.meaning == "residual_um: median lateral distance left between matched image blocks"
    assert head_of("density", "density_per_um", "density").label == "density (1/µm)"
    assert head_of("registration", "snr").label == "snr"


def test_every_rate_has_its_denominator(content):
    grid = subject_rates_grid(content)
    rows = content.tables["turnover_by_subject"].to_dict("records")
    assert len(grid.lines) == len(rows)
    for i, row in enumerate(rows):
        n, gained, lost = row["n_first"], row["gained"], row["lost"]
        for label, value, counts in (
            ("formation", gained / n, f"{gained} of {n}"),
            ("elimination", lost / n, f"{lost} of {n}"),
            ("turnover", (gained + lost) / 2 / n, f"{gained} + {lost} of 2 × {n}"),
            ("net", (gained - lost) / n, f"{gained - lost} of {n}".replace("-", "−")),
            ("survival fraction", (n - lost) / n, f"{n - lost} of {n}"),
        ):
            cell = column(grid, label)[i]
            assert cell.text == f"{100 * value:.1f} %".replace("-", "−")
            assert cell.detail == counts
        assert column(grid, "first")[i].text == str(n)
        assert column(grid, "last")[i].text == str(row["n_last"])


def test_density_has_its_spines_and_length(content):
    cells = column(subject_density_grid(content), "density (1/µm)")
    row = content.tables["density_by_subject"].iloc[0]
    assert cells[0].detail == f"{row['n_present']} on {row['length_um']:.0f} µm"


def test_rows_say_whether_their_sessions_are_consecutive(content):
    grid = subject_rates_grid(content)
    marked = [line.tags["consecutive"] == "1" for line in grid.lines]
    assert marked == list(content.tables["turnover_by_subject"]["consecutive"])
    assert 0 < sum(marked) < len(marked)


def test_factors_of_the_animal_stand_beside_it(content):
    assert [c.text for c in column(subject_rates_grid(content), "treatment")][::6] == ["vehicle", "ketamine"]


def test_an_animal_that_is_not_in_the_list_has_no_factors(make):
    grid = subject_rates_grid(make(subjects=pd.DataFrame({"subject": ["m1"], "treatment": ["vehicle"]})))
    cell = column(grid, "treatment")[-1]
    assert (cell.text, cell.missing) == ("–", "not in subjects.csv")


def test_sessions_stand_with_phase_and_time(content):
    cell = column(subject_rates_grid(content), "from")[0]
    assert (cell.text, cell.detail, cell.sort) == ("s0", "baseline, −504 h (−21 d)", -504.0)


def test_a_missing_rate_says_why_and_the_reasons_get_a_column(content):
    rows = content.tables["turnover"].to_dict("records")[:2]
    assert "reason" not in [h.label for h in dendrite_rates_grid(content, rows, "x").heads]
    rows[0] |= {"n_first": 0, "lost": 0, "formation": pd.NA, "reason": "no spine in the earlier session"}
    grid = dendrite_rates_grid(content, rows, "x")
    assert column(grid, "formation")[0].missing == "no spine in the earlier session"
    assert [c.text for c in column(grid, "reason")] == ["no spine in the earlier session", ""]


@pytest.mark.parametrize("name", ["turnover", "net"])
def test_rates_without_counts_are_dashes(content, name):
    row = content.tables["turnover"].to_dict("records")[0]
    row |= dict.fromkeys(("n_first", "gained", "lost", "n_last", "turnover", "net", "formation"), pd.NA)
    cell = column(dendrite_rates_grid(content, [row], "x"), name)[0]
    assert (cell.text, cell.detail) == ("–", "")


def test_the_quality_of_the_reference_is_not_missing_without_a_reason(content):
    alignment, _ = quality_grids(content, {})
    assert column(alignment, "residual (µm)")[0].missing == "the reference session is aligned to itself"
    assert column(alignment, "verdict")[0].text == "reference"


def test_verdicts_are_marked_by_kind(make):
    content = make(n_subjects=1)
    rows = content.tables["registration"].copy()
    rows.loc[1, "scorable"] = False
    content = make(n_subjects=1, tables=content.tables | {"registration": rows})
    kinds = {("m1", "fov1", "s1"): "not scorable", ("m1", "fov1", "s2"): "dim"}
    for grid in quality_grids(content, kinds):
        verdicts = column(grid, "verdict")
        assert [c.kind for c in verdicts] == ["good", "bad", "warn", "good"]
        assert [c.text for c in verdicts] == ["reference", "not scorable", "dim", "fine"]


def test_every_measure_of_registration_is_shown(content):
    shown = {h.meaning.partition(":")[0] for grid in quality_grids(content, {}) for h in grid.heads}
    declared = {c.name for c in TABLES["registration"].columns}
    # These three are what the verdict says in words, or the reason beside it.
    assert declared - shown == {"is_reference", "scorable", "reason"}


def test_a_grid_without_rows_has_its_heads():
    grid = make_grid("nothing", [], [(head_of("density", "n_present"), lambda row: None)])
    assert (len(grid.heads), grid.lines) == (1, ())
