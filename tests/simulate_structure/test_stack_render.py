"""Slices: light where the truth says it is, noise that repeats, and the effects of depth and time."""

from dataclasses import replace

import numpy as np
import pytest

from respine.core.warp import Warp
from respine.simulate.structure.blobs import fill_tube, join_blobs, small_blobs
from respine.simulate.structure.fov import simulate_fov
from respine.simulate.structure.optics import OpticsSettings
from respine.simulate.structure.render import render_chunks, render_means, render_stack
from respine.simulate.structure.scene import Scene
from respine.simulate.structure.session import SessionView

SHAPE = (12, 90, 100)


def scene_of(blobs):
    return Scene(None, None, blobs, join_blobs([]))


def view_of(optics=None, shape=SHAPE, **changes):
    optics = optics or OpticsSettings(background=0.0, smear=(0.0, 0.0), attenuation_um=1e9)
    view = SessionView(
        warp=Warp.identity(),
        optics=optics,
        shape=shape,
        bleaching=0.0,
        illumination=np.ones((4, 4)),
        breathing_um=0.0,
        breathing_rows=300.0,
        breathing_phase_rad=np.zeros(shape[0]),
        cut=None,
    )
    return replace(view, **changes)


def spot(z=5.0, y=5.4, x=6.0, mass=1.0):
    return small_blobs(np.array([[z, y, x]]), mass, 0.1)


def centroid(volume, voxel_um):
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in volume.shape], indexing="ij"), axis=-1)
    return (grid * volume[..., None]).reshape(-1, 3).sum(axis=0) / volume.sum() * voxel_um


def assert_near(found, expected, tolerance):
    apart = np.abs(np.asarray(found) - np.asarray(expected))
    assert (apart <= tolerance).all(), f"apart by {apart}, tolerated {tolerance}"


def test_a_spot_shines_where_it_lies_also_through_the_smear_of_the_detector():
    for smear in ((0.0, 0.0), (0.45, 0.07)):
        optics = OpticsSettings(background=0.0, smear=smear, offset=0.0, bits=16, read_noise=0.0, gain=0.05)
        stack = render_stack(scene_of(spot(mass=5.0)), view_of(optics), np.random.default_rng(0))
        found = centroid(stack.astype(float), np.array(optics.voxel_um))
        assert_near(found, [5.0, 5.4, 6.0], [0.05, 0.02, 0.02])


def test_every_slice_moves_with_its_own_jump():
    jumps = np.zeros((SHAPE[0], 2))
    jumps[5] = [0.6, -0.48]
    warp = replace(Warp.identity(), slice_shift_um=jumps)
    means = np.stack(list(render_means(scene_of(spot()), view_of(warp=warp))))
    peaks = [np.unravel_index(means[k].argmax(), means[k].shape) for k in (4, 5, 6)]
    assert peaks[0] == peaks[2] == (45, 50)
    assert peaks[1] == (50, 46)


def test_the_affine_and_smooth_parts_of_the_warp_carry_the_light():
    turn = np.radians(4.0)
    matrix = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    displacement = 0.4 * np.random.default_rng(0).standard_normal((3, 3, 3, 3))
    warp = Warp(
        matrix, np.array([0.3, -0.2, 0.4]), displacement, np.full(3, -5.0), np.full(3, 10.0), np.zeros((1, 2)), 1.0
    )
    means = np.stack(list(render_means(scene_of(spot()), view_of(warp=warp))))
    expected = warp.apply(np.array([[5.0, 5.4, 6.0]]))[0]
    assert_near(centroid(means, np.array([1, 0.12, 0.12])), expected, [0.05, 0.01, 0.01])


def test_breathing_moves_the_light_as_the_truth_says():
    view = view_of(breathing_um=0.5, breathing_rows=180.0, breathing_phase_rad=np.full(SHAPE[0], 0.3))
    means = np.stack(list(render_means(scene_of(spot()), view)))
    expected = view.to_raw(np.array([[5.0, 5.4, 6.0]]))[0]
    assert abs(expected[2] - 6.0) > 0.2
    assert_near(centroid(means, np.array([1, 0.12, 0.12])), expected, [0.05, 0.02, 0.02])


def test_the_skirt_adds_its_share_of_light_around_a_shaft_and_none_around_a_spot():
    along = np.arange(-6, 18, 0.5)
    points = np.stack([np.full_like(along, 6.0), np.full_like(along, 5.4), along], axis=1)
    shaft = fill_tube(points, np.full(len(along), 0.2), np.ones(len(along)))
    light = {}
    for name, blobs in (("shaft", shaft), ("spot", spot())):
        for skirt in (0.0, 0.3):
            optics = OpticsSettings(background=0.0, attenuation_um=1e9, skirt=skirt, skirt_um=0.8)
            light[name, skirt] = np.stack(list(render_means(scene_of(blobs), view_of(optics))))[6]
    extra = light["shaft", 0.3] - light["shaft", 0.0]
    profile = extra[:, 50] / extra[:, 50].max()
    assert (profile > 0.5).sum() * 0.12 == pytest.approx(2.355 * np.sqrt(0.8**2 + 0.1**2 + optics.sigma_um**2), abs=0.2)
    assert extra.sum() / light["shaft", 0.0].sum() == pytest.approx(0.3, rel=0.1)
    np.testing.assert_array_equal(light["spot", 0.3], light["spot", 0.0])


def test_depth_and_bleaching_dim_the_signal_and_not_the_background():
    blobs = join_blobs([spot(z=1.0), spot(z=9.0)])
    optics = OpticsSettings(background=3.0, surface_haze=0.0, attenuation_um=20.0)
    means = np.stack(list(render_means(scene_of(blobs), view_of(optics, bleaching=0.3)))) - 3.0
    ratio = means[9].max() / means[1].max()
    expected = np.exp(-8 / 20) * (1 - 0.3 * 9 / 11) / (1 - 0.3 * 1 / 11)
    assert ratio == pytest.approx(expected, rel=0.02)
    assert means[:, 80, 5].max() == pytest.approx(0.0, abs=1e-4)


def test_haze_falls_off_below_the_surface():
    optics = OpticsSettings(background=4.0, surface_haze=1.5, haze_decay_um=3.0)
    means = [m.mean() for m in render_means(scene_of(join_blobs([])), view_of(optics))]
    np.testing.assert_allclose(means, 4.0 * (1 + 1.5 * np.exp(-np.arange(12) / 3.0)), rtol=1e-4)


def test_illumination_scales_every_place_of_the_field():
    lamp = np.ones((4, 4))
    lamp[:, :2] = 0.5
    optics = OpticsSettings(background=10.0, surface_haze=0.0)
    mean = next(render_means(scene_of(join_blobs([])), view_of(optics, illumination=lamp)))
    assert mean.shape == SHAPE[1:]
    assert mean[:, 5].mean() == pytest.approx(5.0, rel=0.1)
    assert mean[:, -5].mean() == pytest.approx(10.0, rel=0.1)


def test_the_stack_does_not_depend_on_the_size_of_the_chunks():
    optics = OpticsSettings()
    whole = render_stack(scene_of(spot()), view_of(optics), np.random.default_rng(8))
    for slices in (1, 5, 12, 40):
        chunks = list(render_chunks(scene_of(spot()), view_of(optics), np.random.default_rng(8), slices))
        assert max(len(c) for c in chunks) <= slices
        np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert (render_stack(scene_of(spot()), view_of(optics), np.random.default_rng(9)) != whole).any()


def test_slices_have_noise_of_their_own():
    optics = OpticsSettings(background=30.0, surface_haze=0.0, bits=16)
    stack = render_stack(scene_of(join_blobs([])), view_of(optics), np.random.default_rng(1)).astype(float)
    rest = stack - stack.mean()
    assert abs((rest[1:] * rest[:-1]).mean() / rest.var()) < 0.02


def test_a_cut_edge_is_zero_and_the_rest_is_not():
    optics = OpticsSettings(background=50.0)
    stack = render_stack(scene_of(join_blobs([])), view_of(optics, cut=(0.0, 2.0, 0.0)), np.random.default_rng(1))
    assert (stack[:, :, :17] == 0).all()
    assert stack[:, :, 17:].mean() > 30


def test_eight_bits_saturate_and_sixteen_do_not():
    bright = scene_of(spot(mass=10.0))
    for bits, full in ((8, True), (16, False)):
        stack = render_stack(bright, view_of(OpticsSettings(bits=bits)), np.random.default_rng(0))
        assert stack.dtype == np.dtype(f"uint{bits}")
        assert bool((stack == np.iinfo(stack.dtype).max).any()) is full
        assert stack.max() >= 255


@pytest.mark.parametrize("voxel_um", [(0.5, 0.2, 0.1), (2.0, 0.08, 0.08)])
def test_any_voxel_size_puts_the_light_in_the_same_place(voxel_um):
    optics = OpticsSettings(voxel_um=voxel_um, background=0.0, attenuation_um=1e9, smear=(0.0, 0.0))
    shape = tuple(int(length / v) for length, v in zip((12, 11, 12), voxel_um, strict=True))
    means = np.stack(list(render_means(scene_of(spot(z=6.0)), view_of(optics, shape))))
    assert_near(centroid(means, np.array(voxel_um)), [6.0, 5.4, 6.0], [0.1, 0.02, 0.02])


@pytest.mark.parametrize("name", ["before", "after"])
def test_the_light_of_a_spine_is_where_its_table_says_through_a_whole_session(tables, small, name):
    dendrites, spines, states = tables
    states["head_diameter_um"] = 0.6
    sessions = simulate_fov(dendrites, spines, states, ["before", "after"], small, np.random.default_rng(2))
    session = next(s for s in sessions if s.name == name)
    truth = session.spines().set_index("spine")
    bare = replace(session, states=session.states.assign(present=session.states["spine"] != "p0"))
    change = session.settings.model_copy(update={"session_spine_log_sd": 0.0})
    with_spine, without = (
        np.stack(list(render_means(replace(s, settings=change).scene(), session.view)))
        for s in (replace(session, states=session.states.assign(present=True)), replace(bare, states=bare.states))
    )
    light = np.maximum(with_spine - without, 0)
    found = centroid(light, np.array(session.voxel_um))
    head = truth.loc["p0", ["z_um", "y_um", "x_um"]].to_numpy(float)
    base = truth.loc["p0", ["base_z_um", "base_y_um", "base_x_um"]].to_numpy(float)
    # The neck draws the centre of the light a little from the head towards the base, never sideways.
    axis = (base - head) / np.linalg.norm(base - head)
    offset = found - head
    along = offset @ axis
    assert -0.05 < along < 0.4
    sideways = offset - along * axis
    assert np.abs(sideways[1:]).max() < 0.1
    assert abs(sideways[0]) < 0.15
