"""Cells: no missing value ever reads as a number, and no small number as zero."""

import doctest
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from respine.report import cells
from respine.report.cells import hours_cell, missing_cell, number_cell, share_cell, show_number, text_cell

MISSING = [None, pd.NA, math.nan, math.inf, -math.inf]


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(cells)
    assert (result.attempted, result.failed) == (3, 0)


@pytest.mark.parametrize("value", MISSING, ids=str)
@pytest.mark.parametrize("make", [number_cell, text_cell, hours_cell, lambda v, r: share_cell(v, 3, 10, r)])
def test_a_missing_value_is_a_dash_with_its_reason(make, value):
    cell = make(value, "outside the stack")
    assert (cell.text, cell.missing, cell.sort) == ("–", "outside the stack", None)


@pytest.mark.parametrize("reason", [None, pd.NA, ""], ids=str)
def test_a_missing_value_without_a_reason_says_so(reason):
    assert missing_cell(reason).missing == "no reason was given"


def test_a_rate_stands_with_its_counts():
    cell = share_cell(17 / 138, 17, 138)
    assert (cell.text, cell.detail) == ("12.3 %", "17 of 138")


def test_a_rate_over_nothing_is_missing_and_says_why():
    cell = share_cell(pd.NA, 3, 0)
    assert (cell.text, cell.detail, cell.missing) == ("–", "3 of 0", "no spine to divide by")


def test_zero_is_a_number():
    assert share_cell(0.0, 0, 12).text == "0.0 %"
    assert number_cell(0).text == "0"
    assert not number_cell(0).missing


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e7, max_value=1e7))
def test_a_shown_number_is_near_the_number(value):
    shown = float(show_number(value).replace("−", "-"))
    assert shown == pytest.approx(value, rel=0.06, abs=0)
    assert (shown == 0) == (value == 0)


def test_intervals_are_sorted_by_hours():
    cell = hours_cell(504.0)
    assert (cell.text, cell.detail, cell.sort) == ("504 h", "21 d", 504.0)
