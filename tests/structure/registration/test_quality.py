"""The figures of a stack whose noise, motion, bleaching and illumination are known."""

from dataclasses import fields

import numpy as np
import pytest
from pydantic import ValidationError

from respine.core.stack import Stack
from respine.core.tables import TABLES
from respine.core.warp import Warp
from respine.structure.registration.quality import QualitySettings, StackQuality, assess_stack
from tissue import BACKGROUND, PSF_UM, grow_tissue, image_tissue

SHAPE, VOXEL_UM = (24, 200, 200), (1.0, 0.12, 0.12)
EXTENT = np.array(SHAPE) * VOXEL_UM


@pytest.fixture(scope="module")
def tissue():
    return grow_tissue(2, EXTENT)


def assess(tissue, **options):
    return assess_stack(image_tissue(tissue, SHAPE, VOXEL_UM, **options), QualitySettings())


@pytest.fixture(scope="module")
def plain(tissue):
    return assess(tissue)


def test_the_fields_cover_the_quality_columns_of_the_table():
    declared = {column.name for column in TABLES["registration"].columns}
    held = {field.name for field in fields(StackQuality)} - {"slice_shift_um"}
    assert held <= declared
    assert {"slice_jitter_um", "noise_gain", "snr", "bleaching", "unevenness", "sharpness_um"} <= held


def test_noise_and_brightness_are_those_of_the_stack(tissue):
    quality = assess(tissue, gain=3.0, floor=2.0)
    assert quality.noise_gain == pytest.approx(3.0, rel=0.25)
    assert quality.noise_floor == pytest.approx(2.0, rel=0.25)
    assert quality.background == pytest.approx(BACKGROUND, abs=1.0)
    expected = quality.brightness / np.sqrt(3.0 * quality.brightness + 4.0)
    assert quality.snr == pytest.approx(expected, rel=0.2)
    assert quality.reason is None


def test_a_dimmer_session_has_less_brightness_and_signal_to_noise(tissue, plain):
    dim = assess(tissue, scale=0.3)
    assert dim.brightness == pytest.approx(0.3 * plain.brightness, rel=0.15)
    assert dim.snr < plain.snr


def test_jitter_is_the_size_of_the_jumps(tissue, plain):
    shift = np.random.default_rng(3).normal(0, 0.3, (24, 2))
    warp = Warp(np.eye(3), np.zeros(3), np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3), shift, 1.0)
    quality = assess(tissue, warp=warp)
    true = np.sqrt((np.diff(shift, axis=0) ** 2).sum(axis=1).mean())
    assert quality.slice_jitter_um == pytest.approx(true, rel=0.25)
    assert quality.slice_shift_um.shape == (24, 2)
    assert plain.slice_jitter_um < 0.1


def test_bleaching_is_the_ratio_of_last_to_first(tissue, plain):
    quality = assess(tissue, decay=0.05)
    assert quality.bleaching / plain.bleaching == pytest.approx(0.95**23, rel=0.15)


def test_unevenness_is_that_of_the_illumination(tissue, plain):
    stack = image_tissue(tissue, SHAPE, VOXEL_UM)
    x = np.linspace(-1, 1, SHAPE[2])
    uneven = assess_stack(Stack((stack.voxels + 20) * (1 + 0.5 * x), VOXEL_UM), QualitySettings())
    assert uneven.unevenness > plain.unevenness + 0.1


def test_sharpness_is_near_the_width_of_the_blur(tissue):
    sharp = assess(tissue, gain=0.1, floor=0.5).sharpness_um
    assert sharp == pytest.approx(2.355 * PSF_UM[1], rel=0.2)


def test_blur_is_seen(tissue, plain):
    stack = image_tissue(tissue, SHAPE, VOXEL_UM)
    wide = (
        stack.voxels + np.roll(stack.voxels, 4, 2) + np.roll(stack.voxels, 4, 1) + np.roll(stack.voxels, (4, 4), (1, 2))
    ) / 4
    assert assess_stack(Stack(wide, VOXEL_UM), QualitySettings()).sharpness_um > 1.15 * plain.sharpness_um


def test_what_noise_alone_cannot_tell_is_missing_with_a_reason():
    noise = np.random.default_rng(0).normal(100, 5, (12, 100, 100))
    quality = assess_stack(Stack(noise, VOXEL_UM), QualitySettings())
    assert np.isnan(quality.sharpness_um)
    assert "sharpness_um" in quality.reason
    assert quality.reason.startswith("too little structure to measure ")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_any_type_of_voxel_gives_the_same_figures(tissue, dtype):
    stack = image_tissue(tissue, SHAPE, VOXEL_UM, scale=0.4)
    whole = np.clip(np.round(stack.voxels), 0, 250)
    quality = assess_stack(Stack(whole.astype(dtype), VOXEL_UM), QualitySettings())
    expected = assess_stack(Stack(whole, VOXEL_UM), QualitySettings())
    assert quality.noise_gain == pytest.approx(expected.noise_gain, rel=0.02)
    assert quality.brightness == expected.brightness


@pytest.mark.parametrize("shape", [(1, 40, 40), (3, 16, 20)])
def test_very_small_stacks_are_assessed(shape):
    voxels = np.random.default_rng(0).normal(100, 5, shape)
    quality = assess_stack(Stack(voxels, VOXEL_UM), QualitySettings())
    assert quality.slice_shift_um.shape == (shape[0], 2)
    assert np.isfinite(quality.background)


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        QualitySettings(tile_um=3.0)
