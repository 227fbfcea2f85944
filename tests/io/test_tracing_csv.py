"""Tracings as CSV: what is read, what is written, and what is refused, with the whole message."""

import numpy as np
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import ReadError
from respine.io.tracing_csv import read_tracing_csv, write_tracing_csv

HEADER = "dendrite,z_um,y_um,x_um,radius_um\n"
COLUMNS = "expected the columns dendrite, z_um, y_um, x_um, radius_um"


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "tracing.csv"
        path.write_text(text)
        return path

    return write


def test_rows_become_dendrites_in_the_order_of_the_file(table):
    text = "# by A.\n" + HEADER + "b,1,2,3,0.5\na,0,0,0,0\nb,1,2,6,0.4\na,0,4,3,0\n"
    tracing = read_tracing_csv(table(text))
    assert [d.name for d in tracing] == ["b", "a"]
    np.testing.assert_array_equal(tracing["b"].points_um, [[1, 2, 3], [1, 2, 6]])
    np.testing.assert_array_equal(tracing["b"].radius_um, [0.5, 0.4])
    assert tracing["a"].length_um == 5


def test_columns_may_stand_in_any_order_and_name_parents(table):
    rows = "1,0,0,,1,trunk\n2,0,0,,1,trunk\n2,0,0,trunk,1,twig\n2,9,0,trunk,1,twig\n"
    text = "x_um,y_um,z_um,parent,radius_um,dendrite\n" + rows
    tracing = read_tracing_csv(table(text))
    assert [(d.name, d.parent) for d in tracing] == [("trunk", None), ("twig", "trunk")]


@pytest.mark.parametrize(("separator", "point"), [(";", ","), (";", "."), ("\t", "."), (",", ".")])
def test_what_spreadsheets_make_of_it_is_read(table, separator, point):
    text = HEADER.replace(",", separator)
    for x in ("0", f"2{point}5"):
        text += separator.join(["d", "0", "0", x, "1"]) + "\r\n"
    assert read_tracing_csv(table("\ufeff" + text))["d"].length_um == 2.5


def test_what_was_written_is_read_back(tmp_path):
    tracing = Tracing(
        (
            Dendrite("a, the first", [[4, 5, 0], [5, 5, 10.1234]], [0.4, 0.5]),
            Dendrite("b", [[5, 5, 9], [5, 9, 20]], [0.4, 0.3], "a, the first"),
        )
    )
    write_tracing_csv(tracing, tmp_path / "t.csv")
    back = read_tracing_csv(tmp_path / "t.csv")
    assert [(d.name, d.parent) for d in back] == [(d.name, d.parent) for d in tracing]
    for dendrite in back:
        np.testing.assert_array_equal(dendrite.points_um, tracing[dendrite.name].points_um)
        np.testing.assert_array_equal(dendrite.radius_um, tracing[dendrite.name].radius_um)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": found an empty file; expected a tracing"),
        (HEADER, ": found a header and no rows; expected a tracing"),
        ("name,z,y,x,r\na,0,0,0,1\n", f", line 1: found the columns name, z, y, x, r; {COLUMNS}"),
        (
            "dendrite,z_um,y_um,x_um,x_um,radius_um\n",
            f", line 1: found the columns dendrite, z_um, y_um, x_um, x_um, radius_um; {COLUMNS}",
        ),
        (HEADER + "a,0,0,0\n", ", line 2: found 4 cells; expected 5 as in the header"),
        (HEADER + ",0,0,0,1\n", ", line 2: found no name in the column dendrite; expected the name of a dendrite"),
        (HEADER + "a,0,0,0,1\na,0,O,0,1\n", ", line 3: found y_um 'O'; expected a number"),
        (HEADER + "a,0,0,0,1\n\na,inf,0,0,1\n", ", line 4: found z_um 'inf'; expected a finite number"),
        (HEADER + "a,0,0,0,1\na,0,0,,1\n", ", line 3: found x_um ''; expected a number"),
        (HEADER + "a,0,0,0,-1\na,0,0,1,1\n", ", line 2: found radius_um '-1'; expected a radius of 0 or more"),
        (
            HEADER + "a,0,0,0,1\n",
            ", line 2: found the only point of dendrite a; expected at least two points a dendrite",
        ),
        (
            HEADER + "a,1,2,3,1\na,1,2,3,1\n",
            ", line 3: found dendrite a, whose points all coincide; expected one with a length",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(table, text, message):
    path = table(text)
    with pytest.raises(ReadError) as error:
        read_tracing_csv(path)
    assert str(error.value) == f"{path}{message}"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,c,0\na,c,1\n", ", line 2: found the parent 'c' of dendrite a; expected a dendrite of this file"),
        ("a,,0\na,b,1\nb,,0\nb,,2\n", ", line 3: found the parent 'b' of dendrite a; expected '' as on line 2"),
        ("a,b,0\na,b,1\nb,a,0\nb,a,2\n", ", line 2: found dendrite a among its own ancestors; expected a tree"),
    ],
)
def test_a_wrong_parent_is_refused_with_its_line(table, rows, message):
    body = "".join(f"{name},{parent},0,0,{x},1\n" for name, parent, x in (r.split(",") for r in rows.splitlines()))
    path = table("dendrite,parent,z_um,y_um,x_um,radius_um\n" + body)
    with pytest.raises(ReadError) as error:
        read_tracing_csv(path)
    assert str(error.value) == f"{path}{message}"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ReadError) as error:
        read_tracing_csv(tmp_path / "none.csv")
    assert str(error.value) == f"{tmp_path / 'none.csv'}: cannot be opened (No such file or directory)"
