"""SWC files: what is read, what is written, and what is refused, with the whole message."""

import numpy as np
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import ReadError
from respine.io.swc import read_swc, write_swc

BRANCHED = """# made by hand
1 3 0 0 5 0.5 -1
2 3 10 0 5 0.5 1
3 3 20 5 6 0.3 2
4 3 30 10 7 0.3 3

5 3 20 -5 5 0 2
"""


@pytest.fixture
def swc(tmp_path):
    def write(text):
        path = tmp_path / "tree.swc"
        path.write_text(text)
        return path

    return write


def test_a_tree_is_cut_at_its_branch_points(swc):
    tracing = read_swc(swc(BRANCHED))
    assert [(d.name, d.parent) for d in tracing] == [("d01", None), ("d02", "d01"), ("d03", "d01")]
    np.testing.assert_array_equal(tracing["d01"].points_um, [[5, 0, 0], [5, 0, 10]])
    np.testing.assert_array_equal(tracing["d02"].points_um, [[5, 0, 10], [6, 5, 20], [7, 10, 30]])
    np.testing.assert_array_equal(tracing["d03"].points_um, [[5, 0, 10], [5, -5, 20]])
    np.testing.assert_array_equal(tracing["d02"].radius_um, [0.5, 0.3, 0.3])


def test_soma_and_axon_are_left_out_and_children_may_come_first(swc):
    text = "3 4 9 0 0 .5 2\n2 4 5 0 0 .5 1\n1 1 0 0 0 8 -1\n4 2 -5 0 0 .2 1\n5 2 -9 0 0 .2 4\n"
    (dendrite,) = read_swc(swc(text))
    np.testing.assert_array_equal(dendrite.points_um[:, 2], [5, 9])
    assert dendrite.parent is None


def test_byte_order_mark_tabs_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "w.swc"
    path.write_bytes(b"\xef\xbb\xbf1\t3\t0\t0\t0\t1\t-1\r\n2\t3\t1\t0\t0\t1\t1\r\n")
    assert read_swc(str(path))["d01"].length_um == 1


def test_what_was_written_is_read_back(tmp_path):
    node, radius = [5, 5, 10.123], np.array([0.4, 0.5])
    tracing = Tracing(
        (
            Dendrite("child", [node, [5, 9, 20]], radius, "trunk"),
            Dendrite("other child", [node, [6, 0, 20]], radius, "trunk"),
            Dendrite("trunk", [[4, 5, 0], node], radius),
            Dendrite("apart", [[0, 0, 0], [0, 0, 3]], radius),
        )
    )
    path = tmp_path / "t.swc"
    write_swc(tracing, path)
    back = read_swc(path)
    assert {(d.name, d.parent) for d in back} == {(d.name, d.parent) for d in tracing}
    for dendrite in back:
        np.testing.assert_allclose(dendrite.points_um, tracing[dendrite.name].points_um, atol=1e-4)


def test_a_single_child_stays_apart_from_its_parent(tmp_path):
    radius = np.array([0.4, 0.4])
    tracing = Tracing(
        (Dendrite("a", [[0, 0, 0], [0, 0, 5]], radius), Dendrite("b", [[0, 0, 5], [0, 0, 9]], radius, "a"))
    )
    write_swc(tracing, tmp_path / "t.swc")
    assert [(d.name, d.parent, d.length_um) for d in read_swc(tmp_path / "t.swc")] == [("a", None, 5), ("b", "a", 4)]


def test_names_that_do_not_tell_dendrites_apart_are_replaced(swc):
    assert [d.name for d in read_swc(swc("# dendrite mine\n" + BRANCHED))] == ["d01", "d02", "d03"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": found an empty file; expected a tracing"),
        ("# nothing\n", ": found 0 nodes; expected at least one dendrite of two nodes"),
        ("1 3 0 0 0 1 -1\n", ": found 1 nodes; expected at least one dendrite of two nodes"),
        ("1 3 0 0 0 1\n", ", line 1: found 6 values; expected the 7 values id type x y z radius parent"),
        ("1 3 0 zero 0 1 -1\n", ", line 1: found y 'zero'; expected a number"),
        ("1 3 0 0 nan 1 -1\n", ", line 1: found z 'nan'; expected a finite number"),
        ("1.5 3 0 0 0 1 -1\n", ", line 1: found id '1.5'; expected a whole number"),
        ("\n1 3 0 0 0 -2 -1\n", ", line 2: found radius '-2'; expected a radius of 0 or more"),
        (
            "1 3 0 0 0 1 -1\n1 3 1 0 0 1 1\n",
            ", line 2: found the id 1 again, first on line 1; expected every id once",
        ),
        (
            "1 3 0 0 0 1 -1\n2 3 1 0 0 1 7\n",
            ", line 2: found the parent 7; expected the id of a node of this file, or -1",
        ),
        ("1 3 0 0 0 1 2\n2 3 1 0 0 1 1\n", ", line 1: found node 1 among its own ancestors; expected a tree"),
        (
            "1 3 4 4 4 1 -1\n2 3 4 4 4 1 1\n",
            ", line 2: found a dendrite whose nodes all coincide; expected one with a length",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(swc, text, message):
    path = swc(text)
    with pytest.raises(ReadError) as error:
        read_swc(path)
    assert str(error.value) == f"{path}{message}"


def test_a_missing_or_binary_file_is_refused(tmp_path):
    path = tmp_path / "a.swc"
    with pytest.raises(ReadError) as error:
        read_swc(path)
    assert str(error.value) == f"{path}: cannot be opened (No such file or directory)"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ReadError) as error:
        read_swc(path)
    assert str(error.value) == f"{path}: found bytes that are no text; expected UTF-8 text"
