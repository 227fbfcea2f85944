"""Stacks and dendrites refuse what they cannot be, and say what was found."""

import numpy as np
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import InputError, MissingExtraError, StudyError
from respine.core.settings import StageSettings
from respine.core.stack import Stack

LINE = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]])


def dendrite(name="d01", points=LINE, radius=(0.4, 0.4), parent=None):
    return Dendrite(name, np.array(points), np.array(radius), parent)


def refused(message):
    return pytest.raises(InputError, match=f"^{message}$")


def test_a_stack_knows_micrometres():
    stack = Stack(np.zeros((11, 101, 201), np.uint8), (1.0, 0.1, 0.2))
    np.testing.assert_allclose(stack.extent_um, [10.0, 10.0, 40.0])
    np.testing.assert_allclose(stack.to_voxel([[5.0, 5.0, 5.0]]), [[5.0, 50.0, 25.0]])
    np.testing.assert_allclose(stack.distance_to_edge_um([[5.0, 5.0, 39.0], [5.0, -2.0, 20.0]]), [1.0, -2.0])


def test_a_stack_must_have_three_axes():
    with refused(r"a stack needs a non-empty array \(z, y, x\); found shape \(4, 5\)"):
        Stack(np.zeros((4, 5)), (1.0, 0.1, 0.1))


@pytest.mark.parametrize("size", [(1.0, 0.0, 0.1), (1.0, np.nan, 0.1), (0.1, 0.1)])
def test_a_voxel_must_have_a_size(size):
    with pytest.raises(InputError, match=r"^voxel_um must be three positive numbers \(z, y, x\) in um; found "):
        Stack(np.zeros((2, 2, 2)), size)


def test_a_dendrite_has_a_length_in_three_dimensions_and_cannot_be_changed():
    line = dendrite()
    assert line.length_um == 5.0
    with pytest.raises(ValueError, match="read-only"):
        line.points_um[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": LINE[:1], "radius": [0.4]}, r"expected >= 2 points \(z, y, x\); found shape \(1, 3\)"),
        ({"radius": [0.4]}, "2 points but 1 radii"),
        ({"points": LINE * np.nan}, "a point or radius is not finite"),
        ({"points": LINE * 0}, "its points all coincide, so it has no length"),
    ],
)
def test_a_line_that_is_none_is_refused(change, message):
    with refused(f"dendrite d01: {message}"):
        dendrite(**change)


def test_a_tracing_finds_its_dendrites_by_name():
    tracing = Tracing((dendrite(), dendrite("d02", parent="d01")))
    assert (len(tracing), tracing["d02"].parent, tracing.length_um) == (2, "d01", 10.0)
    with pytest.raises(KeyError):
        tracing["d03"]


def test_a_tracing_with_two_of_a_name_is_refused():
    with refused("dendrite names must be unique; found twice: d01"):
        Tracing((dendrite(), dendrite()))


def test_a_tracing_with_an_unknown_parent_is_refused():
    with refused("the parent of dendrite d01 is not in the tracing"):
        Tracing((dendrite(parent="d09"),))


def test_settings_are_frozen_and_refuse_what_they_do_not_know():
    class Settings(StageSettings):
        reach_um: float = 1.0

    with pytest.raises(ValueError, match="frozen"):
        Settings().reach_um = 2.0
    with pytest.raises(ValueError, match="reach_mm"):
        Settings(reach_mm=1.0)


def test_a_study_error_carries_all_its_problems():
    error = StudyError(["one", "two"])
    assert error.problems == ["one", "two"]
    assert str(error) == "the study has 2 problem(s):\n  one\n  two"


def test_a_missing_package_names_the_command():
    error = MissingExtraError("av", "video", "reading a video")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "reading a video needs the package av, which is not installed; install it with: pip install 'respine[video]'"
    )
