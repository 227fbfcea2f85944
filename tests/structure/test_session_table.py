"""What is listed of a session is what its nouns say, and what could not be measured is missing with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from painted import SHAFT, VOXEL_UM, Spot, paint_stack, straight_dendrite
from respine.core.dendrite import Dendrite, Tracing
from respine.core.tables import DENDRITES, REGISTRATION
from respine.core.warp import Warp
from respine.structure.registration.quality import StackQuality
from respine.structure.registration.register import Registration
from respine.structure.session_table import list_dendrites, list_refused_dendrites, list_registration
from respine.structure.spines.straighten import straighten_dendrite

PLACE = {"subject": "m1", "fov": "a", "session": "s0"}
QUALITY = StackQuality(np.zeros((5, 2)), 0.1, 1.2, 2.0, 3.0, 150.0, 11.0, 0.9, 0.2, 0.4)
REGISTRATION_FOUND = Registration(
    Warp.identity(), 0.2, 0.3, 0.8, np.array([2.0, -1.0, 0.5]), rotation_deg=1.5, warp_um=0.7, scorable=True
)


@pytest.fixture(scope="module")
def painted():
    spots = [Spot(10.0, 1.2), Spot(20.0, -1.2)]
    stack = paint_stack(spots)
    dendrite = straight_dendrite()
    ribbon = straighten_dendrite(dendrite, dendrite, Warp.identity(), stack)
    return dendrite, ribbon, stack.extent_um


def test_a_registration_is_one_row_of_its_table():
    row = REGISTRATION.conform(list_registration(REGISTRATION_FOUND, QUALITY, False).assign(**PLACE)).iloc[0]
    assert (row["shift_z_um"], row["shift_y_um"], row["shift_x_um"]) == (2.0, -1.0, 0.5)
    assert (row["rotation_deg"], row["warp_um"], row["matched_fraction"]) == (1.5, 0.7, 0.8)
    assert (row["residual_um"], row["residual_z_um"]) == (0.2, 0.3)
    assert (row["slice_jitter_um"], row["noise_gain"], row["noise_floor"]) == (0.1, 1.2, 2.0)
    assert (row["background"], row["brightness"], row["snr"]) == (3.0, 150.0, 11.0)
    assert (row["bleaching"], row["unevenness"], row["sharpness_um"]) == (0.9, 0.2, 0.4)
    assert (row["scorable"], row["is_reference"]) == (True, False)
    assert row.isna()["reason"]


def test_the_reasons_of_both_are_said():
    registration = replace(REGISTRATION_FOUND, scorable=False, reason="nothing matched", residual_um=np.nan)
    quality = replace(QUALITY, snr=np.nan, reason="no structure")
    row = REGISTRATION.conform(list_registration(registration, quality, False).assign(**PLACE)).iloc[0]
    assert row["reason"] == "nothing matched; no structure"
    assert row.isna()[["residual_um", "snr"]].all()


def test_a_dendrite_inside_the_stack(painted):
    dendrite, ribbon, extent_um = painted
    row = DENDRITES.conform(list_dendrites(Tracing((dendrite,)), (ribbon,), extent_um).assign(**PLACE)).iloc[0]
    assert row["length_um"] == pytest.approx(38.0)
    assert row["inside_um"] == pytest.approx(38.0)
    assert (row["radius_um"], row["depth_um"]) == (0.45, 10.0)
    # The mean over 0.35 um to either side of a Gaussian shaft, and half a slice up and down, is less than its peak.
    assert 0.6 * SHAFT < row["brightness"] < 0.9 * SHAFT
    assert row.isna()["reason"]


def test_the_background_does_not_count_as_brightness(painted):
    dendrite, ribbon, extent_um = painted
    brighter = replace(ribbon, values=ribbon.values + 50.0)
    first, second = (
        list_dendrites(Tracing((dendrite,)), (each,), extent_um)["brightness"][0] for each in (ribbon, brighter)
    )
    assert second == pytest.approx(first, abs=1e-3)


def test_the_length_inside_ends_where_the_stack_ends():
    points = np.stack([np.full(101, 5.0), np.full(101, 9.0), np.linspace(-10.0, 40.0, 101)], axis=1)
    dendrite = Dendrite("d01", points, np.full(101, 0.4))
    stack = paint_stack([], length_um=20.0)
    ribbon = straighten_dendrite(dendrite, dendrite, Warp.identity(), stack)
    row = list_dendrites(Tracing((dendrite,)), (ribbon,), stack.extent_um).iloc[0]
    assert row["length_um"] == pytest.approx(50.0)
    assert row["inside_um"] == pytest.approx(20.0, abs=2 * VOXEL_UM[2] + 0.5)


def test_a_dendrite_outside_the_stack_has_no_brightness():
    points = np.stack([np.full(21, 5.0), np.full(21, 90.0), np.linspace(0.0, 10.0, 21)], axis=1)
    dendrite = Dendrite("d01", points, np.full(21, 0.4))
    stack = paint_stack([], length_um=20.0)
    ribbon = straighten_dendrite(dendrite, dendrite, Warp.identity(), stack)
    row = list_dendrites(Tracing((dendrite,)), (ribbon,), stack.extent_um).iloc[0]
    assert row["inside_um"] == 0.0
    assert np.isnan(row["brightness"])
    assert row["reason"] == "the dendrite lies outside the stack"


def test_a_refused_session_has_its_dendrites_without_measures():
    parent, child = straight_dendrite(name="d01"), replace(straight_dendrite(name="d02"), parent="d01")
    rows = DENDRITES.conform(list_refused_dendrites(Tracing((parent, child)), "nothing matched").assign(**PLACE))
    assert rows["dendrite"].tolist() == ["d01", "d02"]
    assert rows["parent"].isna().tolist() == [True, False]
    assert rows[["length_um", "inside_um", "brightness"]].isna().all(axis=None)
    assert set(rows["reason"]) == {"nothing matched"}


def test_no_dendrites_are_no_rows():
    assert len(DENDRITES.conform(list_dendrites(Tracing(()), (), np.ones(3)).assign(**PLACE))) == 0
