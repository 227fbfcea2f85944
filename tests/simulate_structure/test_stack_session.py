"""How sessions differ: displacement, motion, brightness, edges."""

import numpy as np
import pytest

from respine.simulate.structure.optics import OpticsSettings
from respine.simulate.structure.session import make_session
from respine.simulate.structure.settings import SessionSettings

SHAPE = (70, 1024, 1024)
OPTICS = OpticsSettings()
FIELD = (np.array(SHAPE) - 1) * np.array(OPTICS.voxel_um)


def session(seed, first=False, name="s", brightness=None, **settings):
    return make_session(
        name, first, SHAPE, OPTICS, SessionSettings(**settings), np.random.default_rng(seed), brightness
    )


def grid():
    axes = [np.linspace(0.1, 0.9, 5) * extent for extent in FIELD]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def test_the_first_session_lies_in_the_reference_frame_but_for_its_slices():
    view = session(0, first=True)
    moved = view.warp.apply(grid()) - grid()
    np.testing.assert_allclose(moved[:, 0], 0.0, atol=1e-9)
    assert 0 < np.abs(moved[:, 1:]).max() < 1.5
    np.testing.assert_allclose(view.warp.slice_shift_um.mean(axis=0), 0.0, atol=1e-9)


def test_displacements_between_sessions_have_the_spread_set():
    off = {"rotation_deg": 0, "tilt_deg": 0, "stretch": 0, "warp_um": 0, "slice_jitter_um": 0}
    shifts = np.array([session(s, shift_um=5.0, shift_z_um=2.0, **off).warp.offset_um for s in range(400)])
    np.testing.assert_allclose(shifts.std(axis=0), [2.0, 5.0, 5.0], rtol=0.12)
    np.testing.assert_allclose(shifts.mean(axis=0), 0.0, atol=0.8)


def test_rotation_has_the_spread_set_and_turns_about_the_middle():
    still = {"tilt_deg": 0, "stretch": 0, "warp_um": 0, "slice_jitter_um": 0, "shift_um": 0, "shift_z_um": 0}
    angles = []
    for seed in range(300):
        warp = session(seed, rotation_deg=2.0, **still).warp
        angles.append(np.degrees(np.arctan2(warp.matrix[2, 1], warp.matrix[1, 1])))
        np.testing.assert_allclose(warp.apply(FIELD[None] / 2), FIELD[None] / 2, atol=1e-9)
    assert np.std(angles) == pytest.approx(2.0, rel=0.12)


def test_the_warp_of_a_common_session_can_be_inverted():
    for seed in range(10):
        view = session(seed)
        np.testing.assert_allclose(view.warp.inverse(view.warp.apply(grid())), grid(), atol=0.01)


def test_slices_jump_by_the_amount_set():
    jumps = np.concatenate([np.diff(session(s, slice_jitter_um=0.2).warp.slice_shift_um, axis=0) for s in range(20)])
    # Memory 0.9 of the place: a jump has variance 2 / (1 + 0.9) of the innovation's.
    assert jumps.std() == pytest.approx(0.2 * np.sqrt(2 / 1.9), rel=0.05)


def test_brightness_and_gain_have_the_spread_set_and_brightness_can_be_given():
    photons = np.log([session(s, brightness_log_sd=0.35).optics.photons_peak for s in range(400)])
    gain = np.log([session(s, gain_log_sd=0.2).optics.gain for s in range(400)])
    assert photons.std() == pytest.approx(0.35, rel=0.12)
    assert gain.std() == pytest.approx(0.2, rel=0.12)
    assert np.median(photons) == pytest.approx(np.log(OPTICS.photons_peak), abs=0.06)
    dim = session(0, brightness=0.4, gain_log_sd=0)
    assert dim.optics.photons_peak == pytest.approx(0.4 * OPTICS.photons_peak)
    assert dim.optics.background == pytest.approx(0.4 * OPTICS.background)


def test_giving_the_brightness_changes_nothing_else():
    given, drawn = session(5, brightness=0.4), session(5)
    np.testing.assert_array_equal(given.warp.matrix, drawn.warp.matrix)
    np.testing.assert_array_equal(given.breathing_phase_rad, drawn.breathing_phase_rad)
    assert given.optics.gain == drawn.optics.gain


def test_a_lost_session_shows_less_than_half_of_the_field():
    views = {name: session(1, name=name, lost_sessions=("gone",), shift_um=1.0) for name in ("gone", "kept")}
    seen = {name: view.inside(view.to_raw(grid())).mean() for name, view in views.items()}
    assert seen["gone"] < 0.35
    assert seen["kept"] > 0.85


def test_the_share_of_cut_sessions_is_the_one_set_and_the_wedge_stays_small():
    views = [session(s, cut_share=0.4, cut_um=5.0) for s in range(300)]
    assert np.mean([v.cut is not None for v in views]) == pytest.approx(0.4, abs=0.09)
    z, y, x = (a.ravel() for a in np.meshgrid(*[np.linspace(0, e, 21) for e in FIELD], indexing="ij"))
    shares = [v.is_cut(z, y, x).mean() for v in views if v.cut is not None]
    assert max(shares) < 0.2
    assert min(shares) >= 0.0
    assert np.mean(shares) > 0.01


def test_a_wedge_at_the_left_takes_the_small_x():
    view = session(0)
    object.__setattr__(view, "cut", (0.0, 3.0, 0.1))
    at = lambda z, x: bool(view.is_cut(np.array([z]), np.array([50.0]), np.array([x]))[0])  # noqa: E731
    assert at(0.0, 2.9)
    assert not at(0.0, 3.1)
    assert at(10.0, 3.9)
    assert not at(10.0, 4.1)
    object.__setattr__(view, "cut", (np.pi, 3.0, 0.0))
    assert at(0.0, FIELD[2] - 2.9)
    assert not at(0.0, FIELD[2] - 3.1)


def test_breathing_moves_rows_by_its_amplitude_and_period():
    view = session(0, breathing_um=0.3, breathing_rows=200.0)
    rows = np.arange(1024)
    shift = view.row_shift_um(7, rows)
    assert np.abs(shift).max() == pytest.approx(0.3, rel=0.01)
    np.testing.assert_allclose(shift[:-200], shift[200:], atol=1e-9)
