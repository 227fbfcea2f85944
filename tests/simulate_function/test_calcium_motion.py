"""Motion of the field, and frames that show just that motion."""

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.function.detector import DetectorSettings, detect
from respine.simulate.function.motion import Motion, MotionSettings, simulate_motion, struggle_effort
from respine.simulate.function.scene import Scene, Sources, expected_photons, margin_px, render_frames

TIMES = np.arange(20_000) / 10
NO_SOURCES = Sources(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0))


def half_bouts():
    start = np.arange(0, 2000, 20.0)
    return Bouts(start, start + 10, np.zeros(len(start), bool), 2000.0)


def test_rest_and_struggle_have_their_amplitudes():
    settings = MotionSettings(drift_um=0, z_drift_um=0, onset_gain=0, jitter_um=0.4, struggle_um=2.0, z_struggle_um=3.0)
    motion = simulate_motion(TIMES, half_bouts(), settings, np.random.default_rng(0))
    struggling = half_bouts().is_struggling(TIMES)
    edge = motion.edge_um[:-1]
    np.testing.assert_allclose(edge[~struggling].std(axis=0), 0.4, rtol=0.08)
    np.testing.assert_allclose(edge[struggling].std(axis=0), np.hypot(0.4, 2.0), rtol=0.08)
    assert motion.z_um[struggling].std() > 4 * motion.z_um[~struggling].std()


def test_drift_is_slow():
    settings = MotionSettings(jitter_um=0, struggle_um=0, drift_um=1.5, drift_time_s=20, nonrigid_share=0)
    motion = simulate_motion(TIMES, None, settings, np.random.default_rng(1))
    assert motion.shift_um.std() == pytest.approx(1.5, rel=0.2)
    assert np.abs(np.diff(motion.shift_um, axis=0)).std() < 0.2


def test_motion_is_strongest_at_the_onset_of_a_bout():
    settings = MotionSettings(onset_gain=1.5, onset_time_s=0.5)
    effort = struggle_effort(np.array([19.9, 20.0, 20.5, 25.0, 31.0]), half_bouts(), settings)
    np.testing.assert_allclose(effort, [0, 2.5, 1 + 1.5 * np.exp(-1), 1 + 1.5 * np.exp(-10), 0])
    assert not struggle_effort(TIMES, None, settings).any()
    assert not struggle_effort(TIMES, Bouts(np.zeros(0), np.zeros(0), np.zeros(0, bool), 10.0), settings).any()


def dot_scene(motion, shape=(64, 80), pixel_um=0.5):
    margin = margin_px(motion, pixel_um)
    y, x = np.mgrid[: shape[0] + 2 * margin, : shape[1] + 2 * margin]
    dots, places = np.zeros(y.shape), []
    for row, column in ((15, 20), (40, 60)):
        dots += 100 * np.exp(-((y - margin - row) ** 2 + (x - margin - column) ** 2) / (2 * 2.0**2))
        places.append((row, column))
    frames = len(motion.z_um)
    scene = Scene(
        dots,
        np.zeros((0, *y.shape)),
        np.zeros((frames, 0)),
        NO_SOURCES,
        np.zeros((frames, 0)),
        np.ones(frames),
        margin,
        pixel_um,
    )
    return scene, places


def centroid(image, place, reach=11):
    rows, columns = (slice(max(p - reach, 0), p + reach + 1) for p in place)
    part = image[rows, columns]
    y, x = np.mgrid[rows, columns]
    return np.array([(part * y).sum(), (part * x).sum()]) / part.sum()


def test_frames_show_the_displacement_that_the_truth_names():
    settings = MotionSettings(jitter_um=0.4, drift_um=0.5, nonrigid_share=0.9)
    motion = simulate_motion(np.arange(6) / 10, None, settings, np.random.default_rng(3))
    scene, places = dot_scene(motion)
    for frame in range(6):
        image = expected_photons(scene, motion, frame)
        for place in places:
            seen = centroid(image, place)
            v, u = 2 * (seen + 0.5) / np.array([64, 80]) - 1
            expected = motion.displacement_um(frame, np.array([v]), np.array([u]))[0] / 0.5
            np.testing.assert_allclose(seen - place, expected, atol=0.1)


def test_shift_is_the_mean_of_a_frame_scanned_row_by_row():
    motion = Motion(np.array([[0.0, 0.0], [2.0, -4.0]]), np.zeros((1, 2, 4)), np.zeros(1))
    assert motion.shift_um.tolist() == [[1.0, -2.0]]
    np.testing.assert_allclose(
        motion.displacement_um(0, np.array([-1.0, 0, 1]), np.zeros(3)), [[0, 0], [1, -2], [2, -4]]
    )
    assert motion.largest_um == 4


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_the_size_of_a_chunk_changes_no_byte(chunk):
    motion = simulate_motion(np.arange(20) / 10, None, MotionSettings(), np.random.default_rng(3))
    scene, _ = dot_scene(motion)
    whole = np.concatenate(list(render_frames(scene, motion, DetectorSettings(), np.random.default_rng(4), 20)))
    parts = np.concatenate(list(render_frames(scene, motion, DetectorSettings(), np.random.default_rng(4), chunk)))
    assert whole.dtype == np.uint16
    assert whole.shape == (20, 64, 80)
    assert (whole == parts).all()


def test_maps_sources_and_fading_add_up():
    motion = Motion(np.zeros((3, 2)), np.zeros((2, 2, 4)), np.zeros(2))
    maps = np.stack([np.full((8, 8), 2.0), np.eye(8)])
    sources = Sources(np.array([0, 2]), np.array([0 * 8 + 2, 3 * 8 + 3]), np.array([5.0, 7.0]))
    scene = Scene(
        np.ones((8, 8)),
        maps,
        np.array([[1, 0], [0.5, 3.0]]),
        sources,
        np.array([[0.0], [2.0]]),
        np.array([1, 0.5]),
        2,
        1.0,
    )
    assert (expected_photons(scene, motion, 0) == 3).all()
    later = expected_photons(scene, motion, 1)
    assert later[1, 1] == 0.5 * (1 + 1 + 3 + 14)
    assert later[0, 1] == 0.5 * (1 + 1)


def test_expected_photons_are_never_negative():
    motion = Motion(np.zeros((2, 2)), np.zeros((1, 2, 4)), np.zeros(1))
    scene = Scene(
        np.ones((8, 8)), np.ones((1, 8, 8)), np.array([[-3.0]]), NO_SOURCES, np.zeros((1, 0)), np.ones(1), 2, 1.0
    )
    assert (expected_photons(scene, motion, 0) == 0).all()


def test_motion_beyond_the_margin_is_refused():
    motion = Motion(np.full((2, 2), 5.0), np.zeros((1, 2, 4)), np.zeros(1))
    scene = Scene(
        np.ones((8, 8)), np.ones((0, 8, 8)), np.zeros((1, 0)), NO_SOURCES, np.zeros((1, 0)), np.ones(1), 2, 1.0
    )
    with pytest.raises(InputError) as error:
        next(render_frames(scene, motion, DetectorSettings(), np.random.default_rng(0)))
    assert str(error.value) == "movie: the motion of 5.00 um needs a margin of 7 pixels; found 2"


@pytest.mark.parametrize("photons", [0.0, 0.8, 6.0, 40.0])
def test_noise_has_its_closed_form(photons):
    settings = DetectorSettings(gain_grey=25, offset_grey=200, read_sd_grey=8)
    grey = detect(np.full((400, 400), photons), settings, np.random.default_rng(5)).astype(float)
    variance = 25**2 * photons + 8**2 + 1 / 12
    assert grey.mean() == pytest.approx(200 + 25 * photons, abs=4 * np.sqrt(variance / 160_000))
    kurtosis = 2 + 1 / max(photons, 0.5)
    assert grey.var() == pytest.approx(variance, rel=4 * np.sqrt(kurtosis / 160_000))


def test_the_digitiser_cuts_off():
    grey = detect(np.full((4, 4), 1e5), DetectorSettings(bits=12), np.random.default_rng(0))
    assert (grey == 4095).all()
