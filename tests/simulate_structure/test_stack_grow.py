"""Centre lines: their length, their place, and how they bend."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError
from respine.core.geometry import arc_length_um
from respine.simulate.structure.grow import grow_dendrites
from respine.simulate.structure.settings import SceneSettings

FIELD = np.array([60.0, 120.0, 120.0])


def table(*rows):
    return pd.DataFrame(rows, columns=["dendrite", "length_um", "parent"])


def grow(dendrites, field=FIELD, seed=0, **settings):
    return grow_dendrites(dendrites, field, SceneSettings(**settings), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_lines_have_the_length_asked_stay_inside_and_start_on_their_parent(seed):
    dendrites = table(("a", 120.0, None), ("b", 60.0, None), ("c", 37.3, "a"), ("d", 20.0, "c"))
    lines = grow(dendrites, seed=seed)
    assert list(lines) == ["a", "b", "c", "d"]
    for row in dendrites.itertuples():
        line = lines[row.dendrite]
        assert arc_length_um(line)[-1] == pytest.approx(row.length_um, rel=0.005)
        assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() <= 0.51
        assert ((line >= 0) & (line <= FIELD)).all(axis=1).mean() > 0.97
    for child, parent in (("c", "a"), ("d", "c")):
        gap = np.linalg.norm(lines[parent] - lines[child][0], axis=1).min()
        assert gap < 0.3


@pytest.mark.parametrize("bend_um", [400.0, 800.0])
def test_a_free_line_loses_its_direction_over_the_length_set(bend_um):
    wide = np.array([4000.0, 4000.0, 4000.0])
    cosines = []
    for seed in range(25):
        line = grow(table(("a", 90.0, None)), wide, seed, bend_um=bend_um, slope=0.0, wiggle_um=0.0)["a"]
        step = np.diff(line[:, 1:], axis=0)
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        cosines.append((step[:-80] * step[80:]).sum(axis=1).mean())
    # 40 um apart; the memory of the turning rate (10 steps) delays the loss by about 5 um, and of all walks one
    # that is straighter than most is taken.
    assert np.mean(cosines) == pytest.approx(np.exp(-35.0 / bend_um), abs=0.03)


def test_dendrites_keep_apart_where_there_is_room():
    lines = grow(table(*[(name, 50.0, None) for name in "abc"]), seed=2)
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
        gap = np.linalg.norm(lines[one][:, None] - lines[other][None], axis=2)
        assert gap.min() > 1.5
        assert np.median(gap.min(axis=1)) > 6.0


def test_more_wiggle_makes_a_rougher_line_of_the_same_length():
    rough, smooth = (grow(table(("a", 60.0, None)), seed=1, wiggle_um=w)["a"] for w in (0.3, 0.0))
    turning = [np.linalg.norm(np.diff(line, 2, axis=0), axis=1).mean() for line in (rough, smooth)]
    assert turning[0] > 3 * turning[1]
    assert arc_length_um(rough)[-1] == pytest.approx(60.0, rel=0.005)


def test_a_parent_must_come_first():
    with pytest.raises(InputError, match=r"^dendrite b: its parent a is not among the dendrites before it$"):
        grow(table(("b", 10.0, "a"), ("a", 20.0, None)))


def test_a_dendrite_that_cannot_fit_is_refused_by_name():
    message = r"^dendrite long: a length of 90 um does not fit in a field of 3 x 4 x 4 um \(z, y, x\)$"
    with pytest.raises(InputError, match=message):
        grow(table(("long", 90.0, None)), np.array([3.0, 4.0, 4.0]))
