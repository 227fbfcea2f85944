"""The order in which dendrites are written."""

import numpy as np

from respine.core.dendrite import Dendrite, Tracing
from respine.io.tracing_file import parents_first


def dendrite(name, parent=None):
    return Dendrite(name, np.array([[0, 0, 0], [0, 0, 1.0]]), np.ones(2), parent)


def test_each_dendrite_comes_once_and_after_its_parent():
    tracing = Tracing((dendrite("d", "c"), dendrite("a"), dendrite("c", "b"), dendrite("b"), dendrite("e", "a")))
    assert [d.name for d in parents_first(tracing)] == ["b", "c", "d", "a", "e"]


def test_a_circle_ends():
    tracing = Tracing((dendrite("a", "b"), dendrite("b", "a")))
    assert sorted(d.name for d in parents_first(tracing)) == ["a", "b"]
