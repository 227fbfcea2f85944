import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from respine.core.errors import InputError
from respine.structure.spines.link import LinkSettings, Spots, link_spines


def spots(rows):
    """Rows of (session, position, lateral); heads stand above their bases."""
    session, position, lateral = (np.array(column) for column in zip(*rows, strict=True))
    return Spots(session.astype(int), position, position, lateral, np.zeros(len(rows)))


def link(*rows, **settings):
    return link_spines(spots(rows), LinkSettings(**settings)).tolist()


def test_neighbours_keep_their_order_when_all_are_shifted():
    """Nearest-neighbour linking would give the second spine the first one's identity."""
    assert link((0, 10.0, 1), (0, 10.8, 1), (1, 10.6, 1), (1, 11.4, 1)) == [0, 1, 0, 1]


def test_the_other_side_of_the_shaft_is_another_spine():
    assert link((0, 10.0, 1.0), (1, 10.0, -1.0)) == [0, 1]


def test_spines_of_one_side_do_not_change_places():
    """The nearest partner of the first spine is the second one's; taking it would make the second jump back."""
    assert link((0, 11.6, -1), (0, 13.1, -1), (1, 13.3, -1), (1, 14.4, -1)) == [0, 1, 0, 1]


def test_too_far_is_a_new_spine():
    assert link((0, 10.0, 1.0), (1, 13.1, 1.0)) == [0, 1]


def test_a_spine_missed_in_one_session_is_the_same_afterwards():
    assert link((0, 10.0, 1.0), (2, 10.1, 1.0)) == [0, 0]


def test_a_spine_long_missed_is_linked_less_easily():
    late = (6, 12.7, 1.0)
    assert link((0, 10.0, 1.0), (1, 12.7, 1.0)) == [0, 0]
    assert link((0, 10.0, 1.0), late) == [0, 1]


def test_one_bad_click_does_not_break_an_identity():
    """The third session's base is 2 um off; the fourth is linked by where the spine stood on average."""
    session = np.arange(4)
    base = np.array([10.0, 10.1, 12.0, 10.0])
    found = link_spines(Spots(session, np.full(4, 10.0), base, np.ones(4), np.zeros(4)))
    assert found.tolist() == [0, 0, 0, 0]


def test_no_spots_no_spines():
    assert link_spines(Spots(*[np.zeros(0, int)] + [np.zeros(0)] * 4)).tolist() == []


def test_arrays_of_different_length_are_refused():
    with pytest.raises(InputError, match=r"^spots: expected one-dimensional arrays of one length; found shapes \{"):
        Spots(np.zeros(3, int), np.zeros(2), np.zeros(3), np.zeros(3), np.zeros(3))


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 30), st.sampled_from([-1.0, 1.0])), min_size=1, max_size=40))
def test_an_identity_stands_once_a_session_on_one_side(rows):
    table = pd.DataFrame(rows, columns=["session", "position", "lateral"])
    table["spine"] = link(*rows)
    assert not table.duplicated(["session", "spine"]).any()
    assert (table.groupby("spine").lateral.nunique() == 1).all()
    assert sorted(table.spine.unique()) == list(range(table.spine.nunique()))
