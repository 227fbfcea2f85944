import numpy as np
import pytest

from painted import Spot, paint_ribbon
from respine.core.errors import InputError
from respine.structure.spines.place import link_positions

SPOTS = [Spot(6.0, 1.4), Spot(12.0, -1.2), Spot(13.0, -1.3), Spot(24.0, -1.6), Spot(30.0, 1.3)]


def clicks(spots, rng):
    heads = np.array([[10.0, 9.0 - s.lateral, s.position] for s in spots]) + rng.normal(0, 0.15, (len(spots), 3))
    bases = np.array([[10.0, 9.0 - 0.4 * np.sign(s.lateral), s.position] for s in spots])
    return heads, bases + rng.normal(0, 0.1, bases.shape)


def test_clicks_of_one_spine_get_one_number_whatever_their_order():
    rng = np.random.default_rng(2)
    orders = [rng.permutation(len(SPOTS)) for _ in range(3)]
    shown = [[SPOTS[k] for k in order] for order in orders]
    heads, bases = zip(*(clicks(spots, rng) for spots in shown), strict=True)
    numbers = link_positions([[paint_ribbon(SPOTS)] * 3], heads, bases)
    by_spot = [[n[list(order).index(k)] for n, order in zip(numbers, orders, strict=True)] for k in range(len(SPOTS))]
    assert all(len(set(found)) == 1 for found in by_spot)
    assert len({found[0] for found in by_spot}) == len(SPOTS)


def test_a_session_without_clicks_breaks_nothing():
    heads, bases = clicks(SPOTS, np.random.default_rng(2))
    none = np.zeros((0, 3))
    numbers = link_positions([[paint_ribbon(SPOTS)] * 3], [heads, none, heads], [bases, none, bases])
    np.testing.assert_array_equal(numbers[0], numbers[2])
    assert len(numbers[1]) == 0


def test_heads_without_bases_are_refused():
    message = r"^each session needs as many heads as bases, and a ribbon of each dendrite; found \[\(2, 1\)\]$"
    with pytest.raises(InputError, match=message):
        link_positions([[paint_ribbon(SPOTS)]], [np.zeros((2, 3))], [np.zeros((1, 3))])
