"""Automatic tracing on tubes whose centre lines are known, and on one real stack."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from pydantic import ValidationError

from respine.core.dendrite import Tracing
from respine.core.stack import Stack
from respine.structure.tracing.trace import TraceSettings, trace_dendrites
from tubes import HALF_WIDTH, VOXEL_UM, bend, distances, paint_spots, paint_tubes

SETTINGS = TraceSettings()
STRAIGHT = [(10, 12.1, 0), (10, 12.1, 40)]


def assert_on(dendrite, line, lateral_um=0.2, axial_um=0.6):
    lateral, axial = distances(dendrite.points_um, line)
    assert lateral.max() < lateral_um
    assert axial.max() < axial_um


@pytest.mark.parametrize("voxel_um", [(1.0, 0.12, 0.12), (0.5, 0.07, 0.07), (2.0, 0.2, 0.2), (1.0, 0.2, 0.15)])
def test_a_straight_tube_is_one_dendrite_at_every_resolution(voxel_um):
    line = [(10.3, 8.05, 0), (10.3, 8.05, 30)]
    tracing = trace_dendrites(paint_tubes([line], (20, 16, 30), voxel_um), SETTINGS)
    assert [d.name for d in tracing] == ["d01"]
    assert tracing["d01"].parent is None
    assert_on(tracing["d01"], line)
    assert tracing["d01"].length_um == pytest.approx(30, abs=1.0)


@pytest.mark.parametrize("sigma_um", [0.3, 0.5, 0.8])
def test_the_radius_is_the_half_width_at_half_maximum(sigma_um):
    tracing = trace_dendrites(paint_tubes([STRAIGHT], (20, 24, 40), sigma_um=sigma_um), SETTINGS)
    assert len(tracing) == 1
    assert np.median(tracing["d01"].radius_um) == pytest.approx(HALF_WIDTH * sigma_um, rel=0.1)


def test_a_bend_is_not_cut_short():
    line = bend(3.0, (10, 5, 0), 18)
    tracing = trace_dendrites(paint_tubes([line], (20, 26, 30)), SETTINGS)
    assert len(tracing) == 1
    assert_on(tracing["d01"], line)
    assert tracing["d01"].length_um == pytest.approx(36 + 3 * np.pi / 2, abs=1.5)


def test_the_length_of_a_tilted_tube_counts_depth_in_um():
    line = np.array([(4.0, 10, 0), (19.0, 10, 36.0)])
    tracing = trace_dendrites(paint_tubes([line], (23, 20, 36)), SETTINGS)
    assert len(tracing) == 1
    assert tracing.length_um == pytest.approx(39, abs=1.0)
    assert_on(tracing["d01"], line)


def test_spines_neither_pull_the_line_nor_become_dendrites():
    stack = paint_tubes([STRAIGHT], (20, 24, 40))
    spines = [(10, 12.1 + side * 1.3, x) for x, side in zip(range(4, 38, 3), [1, -1] * 6, strict=True)]
    longer = [(10, 12.1 + reach, 20.5) for reach in np.arange(0.8, 4.0, 0.4)]
    tracing = trace_dendrites(paint_spots(paint_spots(stack, spines, peak=80), longer, peak=30), SETTINGS)
    assert len(tracing) == 1
    assert_on(tracing["d01"], STRAIGHT)


def test_a_branch_point_splits_dendrites_and_names_their_parent():
    trunk, child, other = ([(10, 15, 0), (10, 15, 20)], [(10, 15, 20), (10, 4, 45)], [(10, 15, 20), (10, 29, 38)])
    stack = paint_tubes([trunk, child, other], (20, 30, 45), sigma_um=[0.7, 0.4, 0.4])
    tracing = trace_dendrites(stack, SETTINGS)
    assert [d.name for d in tracing] == ["d01", "d02", "d03"]
    assert [d.parent for d in tracing] == ["d03", "d03", None]
    np.testing.assert_allclose([d.length_um for d in tracing], [27.3, 22.8, 20], atol=1.5)
    parent = tracing["d03"]
    np.testing.assert_allclose(parent.points_um[0], [10, 15, 0], atol=0.8)
    for dendrite in tracing:
        if dendrite is not parent:
            np.testing.assert_array_equal(dendrite.points_um[0], parent.points_um[-1])
    np.testing.assert_allclose(parent.points_um[-1], [10, 15, 20], atol=1.2)


@pytest.mark.parametrize("apart_um", [10.0, 5.0, 3.0])
def test_dendrites_that_cross_at_another_depth_do_not_join(apart_um):
    lines = [[(8, 15, 0), (8, 15, 40)], [(8 + apart_um, 0, 20), (8 + apart_um, 30, 20)]]
    tracing = trace_dendrites(paint_tubes(lines, (26, 30, 40)), SETTINGS)
    assert [d.parent for d in tracing] == [None, None]
    for dendrite, line in zip(tracing, lines, strict=True):
        assert_on(dendrite, line, axial_um=1.0)
    np.testing.assert_allclose([d.length_um for d in tracing], [40, 30], atol=1.5)


@pytest.mark.parametrize(
    "line", [[(10, 0.3, 0), (10, 0.3, 40)], [(0, 12, 0), (0, 12, 40)], [(20, 12, 0), (20, 12, 40)]]
)
def test_a_tube_at_the_face_of_the_stack_is_traced(line):
    tracing = trace_dendrites(paint_tubes([line], (20, 24, 40)), SETTINGS)
    assert len(tracing) == 1
    assert_on(tracing["d01"], line, lateral_um=0.3, axial_um=1.0)
    assert tracing["d01"].length_um == pytest.approx(40, abs=1.5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_alone_is_no_dendrite(seed):
    assert len(trace_dendrites(paint_tubes([], (20, 60, 60), seed=seed), SETTINGS)) == 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 6), (2, 2, 2), (5, 1, 40), (3, 40, 1), (2, 60, 60), (40, 2, 2)])
@pytest.mark.parametrize("fill", [0.0, 7.0, np.nan])
def test_a_tiny_or_empty_stack_gives_no_dendrite_and_no_error(shape, fill):
    assert trace_dendrites(Stack(np.full(shape, fill, np.float32), VOXEL_UM), SETTINGS) == Tracing(())


def test_specks_and_blobs_are_no_dendrites():
    rng = np.random.default_rng(3)
    stack = paint_spots(paint_tubes([], (20, 50, 50)), rng.uniform([1, 1, 1], [19, 49, 49], (40, 3)), peak=300)
    blob = np.exp(-0.5 * ((np.indices(stack.shape).T - (10, 100, 150)) / (3, 15, 15)) ** 2).prod(-1).T
    assert len(trace_dendrites(Stack(stack.voxels + 100 * blob.astype(np.float32), VOXEL_UM), SETTINGS)) == 0


def test_a_faint_axon_is_left_out_unless_asked_for():
    lines = [[(10, 8, 0), (10, 8, 40)], [(10, 18, 0), (10, 18, 40)]]
    stack = paint_tubes(lines, (20, 26, 40), peaks=[200, 10], noise=0.5)
    assert len(trace_dendrites(stack, SETTINGS)) == 1
    assert len(trace_dendrites(stack, TraceSettings(min_contrast=0))) == 2


def test_short_and_thin_tubes_are_left_out_as_the_settings_say():
    lines = [[(10, 8, 0), (10, 8, 40)], [(10, 18, 14), (10, 18, 26)]]
    stack = paint_tubes(lines, (20, 26, 40))
    assert len(trace_dendrites(stack, SETTINGS)) == 1
    assert len(trace_dendrites(stack, TraceSettings(min_length_um=8))) == 2
    assert len(trace_dendrites(stack, TraceSettings(min_radius_um=1.0))) == 0


def test_a_gap_in_a_dendrite_is_bridged():
    lines = [[(10, 12, 0), (10, 12, 24)], [(10, 12, 29), (10, 12, 56)], [(10, 12, 23), (10, 12, 30)]]
    stack = paint_tubes(lines, (20, 24, 56), peaks=[100, 100, 4])
    whole = trace_dendrites(stack, SETTINGS)
    assert len(whole) == 1
    assert whole.length_um == pytest.approx(56, abs=1.5)
    assert len(trace_dendrites(stack, TraceSettings(bridge_um=0))) == 2


def test_two_ends_that_pass_each_other_are_not_bridged():
    lines = [[(10, 8, 0), (10, 8, 26)], [(10, 14, 24), (10, 14, 50)]]
    assert len(trace_dendrites(paint_tubes(lines, (20, 22, 50)), SETTINGS)) == 2


def test_nan_margins_count_as_background():
    stack = paint_tubes([STRAIGHT], (20, 24, 40))
    voxels = stack.voxels.copy()
    voxels[:, :20], voxels[:2], voxels[:, :, -15:] = np.nan, np.nan, np.nan
    tracing = trace_dendrites(Stack(voxels, VOXEL_UM), SETTINGS)
    assert len(tracing) == 1
    assert_on(tracing["d01"], STRAIGHT, axial_um=0.8)
    assert tracing["d01"].length_um == pytest.approx(37, abs=1.5)


def test_gain_and_offset_of_the_recording_do_not_matter():
    stack = paint_tubes([STRAIGHT, [(14, 0, 25), (14, 24, 25)]], (20, 24, 40))
    other = Stack((stack.voxels * 30 - 2000).astype(np.int16), VOXEL_UM)
    first, second = trace_dendrites(stack, SETTINGS), trace_dendrites(other, SETTINGS)
    assert len(first) == len(second) == 2
    for dendrite in first:
        np.testing.assert_allclose(dendrite.points_um, second[dendrite.name].points_um, atol=1e-3)


def test_the_same_stack_gives_the_same_tracing():
    stack = paint_tubes([STRAIGHT, [(10, 12.1, 20), (10, 24, 32)]], (20, 24, 40))
    first, second = trace_dendrites(stack, SETTINGS), trace_dendrites(stack, SETTINGS)
    assert len(first) == 3
    for a, b in zip(first, second, strict=True):
        assert (a.name, a.parent) == (b.name, b.parent)
        np.testing.assert_array_equal(a.points_um, b.points_um)


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="min_lenght_um"):
        TraceSettings(min_lenght_um=3)


@pytest.mark.slow
def test_the_annotated_dendrites_of_a_real_stack_are_found(shared):
    data = shared / "data" / "rr30a"
    stack = Stack(tifffile.imread(data / "rr30a_s1.tif"), (1.0, 0.12, 0.12))
    tracing = trace_dendrites(stack, SETTINGS)
    lines = pd.read_csv(data / "dendrites.csv")
    annotated = lines.loc[lines.session == 1, ["z", "y", "x"]].to_numpy(float)
    lateral, axial = distances(annotated, *(d.points_um for d in tracing))
    assert ((lateral <= 0.5) & (axial <= 2)).mean() >= 0.95
    # The other branches of the neuron as well, which add up to about 650 um, and no more.
    assert 550 < tracing.length_um < 750
