"""Registration through known warps, and the refusal of what cannot be aligned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile

from respine.core.errors import InputError
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.registration.quality import QualitySettings, assess_stack
from respine.structure.registration.register import (
    RegisterSettings,
    choose_reference,
    register_reference,
    register_stack,
)
from respine.structure.registration.rigid import rotation_about_z
from tissue import Tissue, bend_warp, grow_tissue, image_tissue

SHAPE, VOXEL_UM = (32, 160, 160), (1.0, 0.24, 0.24)
EXTENT = np.array(SHAPE) * VOXEL_UM
TISSUE = grow_tissue(0, EXTENT)


def assess(stack):
    return assess_stack(stack, QualitySettings())


@pytest.fixture(scope="module")
def reference():
    stack = image_tissue(TISSUE, SHAPE, VOXEL_UM, seed=1)
    return stack, assess(stack)


def register(reference, moving, **settings):
    return register_stack(reference[0], moving, reference[1], assess(moving), RegisterSettings(**settings))


def errors_um(found, true, extent=EXTENT):
    """Lateral and axial error at all points that both stacks show, um."""
    points = TISSUE.points_um
    raw = true.apply(points)
    seen = ((points > 2) & (points < EXTENT - 2) & (raw > 2) & (raw < extent - 2)).all(axis=1)
    left = found.apply(points[seen]) - raw[seen]
    return np.linalg.norm(left[:, 1:], axis=1), np.abs(left[:, 0])


def turn_about_middle(angle_deg, shift_um):
    turn = rotation_about_z(angle_deg)
    return turn, EXTENT / 2 - turn @ (EXTENT / 2) + shift_um


def drift(seed, memory, size_um):
    rng = np.random.default_rng(seed)
    shift = np.zeros((SHAPE[0], 2))
    for k in range(1, len(shift)):
        shift[k] = memory * shift[k - 1] + rng.normal(0, size_um, 2)
    return shift


CASES = {
    "nothing": Warp.identity(),
    "bent": bend_warp(EXTENT),
    "bent with slices that jump": bend_warp(EXTENT, slice_shift_um=drift(5, 0.0, 0.3)),
    "bent with slices that drift": bend_warp(EXTENT, slice_shift_um=drift(5, 0.9, 0.12)),
    "displaced, turned and bent": bend_warp(EXTENT, *turn_about_middle(5.0, [5.0, 8.0, -9.0]), bend_um=0.7),
}


@pytest.mark.parametrize("true", CASES.values(), ids=CASES)
def test_a_known_warp_is_found(reference, true):
    found = register(reference, image_tissue(TISSUE, SHAPE, VOXEL_UM, true, scale=0.5, seed=2))
    lateral, axial = errors_um(found.warp, true)
    assert found.scorable
    assert found.reason is None
    assert np.median(lateral) < 0.15
    assert np.percentile(lateral, 90) < 0.5
    assert np.median(axial) < 0.15


def test_without_registration_the_cases_are_apart():
    for name, true in CASES.items():
        assert name == "nothing" or np.median(errors_um(Warp.identity(), true)[0]) > 0.5


def test_the_figures_describe_the_alignment(reference):
    matrix, offset = turn_about_middle(-3.0, [4.0, 2.0, 5.0])
    found = register(reference, image_tissue(TISSUE, SHAPE, VOXEL_UM, Warp.from_affine(matrix, offset), seed=2))
    assert found.rotation_deg == pytest.approx(-3.0, abs=0.2)
    np.testing.assert_allclose(found.shift_um[0], 4.0, atol=0.2)
    assert found.warp_um < 0.25
    assert 0 < found.residual_um < 0.2
    assert 0 < found.residual_z_um < 0.3
    assert 0.5 < found.matched_fraction <= 1


def test_the_residual_tells_a_badly_modelled_warp_from_a_good_one(reference):
    moving = image_tissue(TISSUE, SHAPE, VOXEL_UM, bend_warp(EXTENT, bend_um=1.2), seed=2)
    assert register(reference, moving, bending=1000.0).residual_um > 1.3 * register(reference, moving).residual_um


def test_other_sizes_and_voxels_are_aligned_too(reference):
    true = bend_warp(EXTENT, offset_um=[2.0, -3.0, 2.0], bend_um=0.6, slice_um=1.3)
    shape, voxel = (24, 190, 170), (1.3, 0.2, 0.22)
    found = register(reference, image_tissue(TISSUE, shape, voxel, true, seed=2))
    lateral, axial = errors_um(found.warp, true, np.array(shape) * voxel)
    assert np.median(lateral) < 0.15
    assert np.median(axial) < 0.2


def test_small_stacks_are_aligned():
    shape, voxel = (20, 128, 128), (1.0, 0.12, 0.12)
    extent = np.array(shape) * voxel
    tissue = grow_tissue(3, extent)
    true = Warp.from_affine(np.eye(3), [1.5, -1.0, 0.7])
    stacks = [image_tissue(tissue, shape, voxel, warp, seed=s) for s, warp in enumerate((None, true))]
    found = register_stack(*stacks, *map(assess, stacks), RegisterSettings())
    assert found.scorable, found.reason
    assert np.isfinite(found.residual_um)
    points = np.random.default_rng(0).uniform(2, extent - 2, (50, 3))
    assert np.abs(found.warp.apply(points) - true.apply(points))[:, 1:].mean() < 0.2


def test_the_same_input_gives_the_same_warp(reference):
    moving = image_tissue(TISSUE, SHAPE, VOXEL_UM, CASES["bent"], seed=2)
    first, second = register(reference, moving), register(reference, moving)
    np.testing.assert_array_equal(first.warp.displacement_um, second.warp.displacement_um)


@pytest.mark.parametrize(
    "moving",
    [
        image_tissue(grow_tissue(99, EXTENT), SHAPE, VOXEL_UM, seed=3),
        image_tissue(Tissue(np.zeros((0, 3)), np.zeros(0)), SHAPE, VOXEL_UM, seed=3),
        Stack(np.full(SHAPE, 7.0), VOXEL_UM),
    ],
    ids=["another tissue", "noise only", "a constant image"],
)
def test_what_cannot_be_aligned_is_refused_with_a_reason(reference, moving):
    found = register(reference, moving)
    assert not found.scorable
    assert "; expected at " in found.reason
    assert np.isfinite(found.warp.apply(TISSUE.points_um)).all()


def test_the_refusal_says_what_was_found_and_expected(reference):
    moving = image_tissue(TISSUE, SHAPE, VOXEL_UM, CASES["bent"], seed=2)
    found = register(reference, moving, min_rigid_score=1.0)
    score = found.reason.split()[4]
    assert 0.3 < float(score) < 1
    assert found.reason == (f"the images correlate by {score} at the best shift and rotation; expected at least 1.00")


def test_a_residual_above_the_limit_is_refused(reference):
    moving = image_tissue(TISSUE, SHAPE, VOXEL_UM, CASES["bent"], seed=2)
    found = register(reference, moving, max_residual_um=0.01)
    assert not found.scorable
    assert found.reason == f"matched blocks lie {found.residual_um:.2f} um apart; expected at most 0.01 um"


def test_a_map_that_stretches_the_tissue_is_refused(reference):
    moving = image_tissue(TISSUE, SHAPE, VOXEL_UM, Warp.from_affine(np.diag([1.0, 1.0, 1.05]), np.zeros(3)), seed=2)
    found = register(reference, moving, max_stretch=0.02)
    assert not found.scorable
    assert found.reason == "the best map stretches the tissue by 5%; expected at most 2%"


def test_the_reference_has_only_its_slice_motion(reference):
    stack, quality = reference
    shift = drift(1, 0.0, 0.3)
    found = register_reference(stack, replace(quality, slice_shift_um=shift))
    points = np.array([[4.0, 5.0, 6.0]])
    np.testing.assert_allclose(found.warp.apply(points) - points, [[0, *shift[4]]])
    assert found.scorable
    assert found.residual_um == 0


def test_the_best_session_is_the_reference(reference):
    quality = reference[1]
    worse = [
        replace(quality, snr=quality.snr / 2),
        replace(quality, sharpness_um=2 * quality.sharpness_um),
        replace(quality, slice_jitter_um=quality.slice_jitter_um + 1.0),
        replace(quality, snr=np.nan),
    ]
    assert choose_reference([*worse, quality]) == 4
    assert choose_reference([quality, quality]) == 0


def test_a_reference_needs_a_session():
    with pytest.raises(InputError) as caught:
        choose_reference([])
    assert str(caught.value) == "choosing a reference needs at least one session; found none"


@pytest.mark.slow
def test_spines_of_a_real_neuron_fall_on_each_other(shared):
    data = shared / "data" / "rr30a"
    spines = pd.read_csv(data / "spines.csv").query("flag != 'bad'")
    stacks = [Stack(tifffile.imread(data / f"rr30a_s{s}.tif"), (1.0, 0.12, 0.12)) for s in (1, 3)]
    qualities = [assess(stack) for stack in stacks]
    found = register_stack(*stacks, *qualities, RegisterSettings())
    both = spines[spines.session == 1].merge(spines[spines.session == 3], on="track", suffixes=("_1", "_3"))
    for kind in ("tip", "base"):
        places = [both[[f"{kind}_{axis}_{s}" for axis in "zyx"]].to_numpy(float) for s in (1, 3)]
        still = register_reference(stacks[0], qualities[0]).warp.inverse(places[0])
        left = found.warp.inverse(places[1]) - still
        lateral = np.linalg.norm(left[:, 1:], axis=1)
        assert np.median(lateral) <= 0.62
        assert np.percentile(lateral, 95) <= 1.7
        assert np.median(np.abs(left[:, 0])) <= 1.0
