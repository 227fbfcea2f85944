"""The one door of the report: what does not fit is refused by name."""

import re

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, TableError
from respine.core.tables import TABLES
from respine.report.content import DendriteCrop, ReportContent

KEY = {"subject": "m1", "fov": "f", "dendrite": "d1"}
GRID = {"position_start_um": 0.0, "position_step_um": 0.1, "lateral_start_um": -2.0, "lateral_step_um": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"images": np.zeros((3, 4, 5))},
            "crop of m1/f/d1: expected images of shape (2, lateral, position), one a session; found (3, 4, 5)",
        ),
        (
            {"images": np.zeros((2, 0, 5))},
            "crop of m1/f/d1: expected images of shape (2, lateral, position), one a session; found (2, 0, 5)",
        ),
        ({"sessions": ("a", "a")}, "crop of m1/f/d1: a session is there twice: a, a"),
        ({"lateral_step_um": 0.0}, "crop of m1/f/d1: expected lateral_step_um > 0; found 0.0"),
        ({"position_step_um": np.nan}, "crop of m1/f/d1: expected position_step_um > 0; found nan"),
    ],
)
def test_a_crop_that_does_not_fit_is_refused(change, message):
    fields = KEY | GRID | {"sessions": ("a", "b"), "images": np.zeros((2, 4, 5))} | change
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        DendriteCrop(**fields)


def frames():
    return {
        "subjects": pd.DataFrame({"subject": ["m1"]}),
        "sessions": pd.DataFrame({"subject": ["m1", "m1"], "session": ["b", "a"], "time_h": [24, 0], "phase": "x"}),
    }


def test_an_unknown_table_is_refused():
    message = f"report: unknown tables colours; expected some of {', '.join(TABLES)}"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        ReportContent("s", {"colours": pd.DataFrame()}, **frames())


def test_a_table_that_does_not_conform_is_refused():
    with pytest.raises(TableError, match=r"^table density: missing columns"):
        ReportContent("s", {"density": pd.DataFrame({"subject": ["m1"]})}, **frames())


@pytest.mark.parametrize("name", ["subjects", "sessions"])
def test_a_frame_that_lacks_a_column_is_refused(name):
    given = frames()
    given[name] = given[name].drop(columns="subject")
    with pytest.raises(InputError, match=f"^report: the frame {name} lacks the columns subject$"):
        ReportContent("s", {}, **given)


def test_tables_that_are_not_given_are_empty():
    content = ReportContent("s", {}, **frames())
    assert {name: len(table) for name, table in content.tables.items()} == dict.fromkeys(TABLES, 0)


def test_sessions_come_in_the_order_of_time():
    assert ReportContent("s", {}, **frames()).sessions_of("m1") == ["a", "b"]
