"""How a suspended mouse moves, and what it looks like then."""

import numpy as np
import pytest
from scipy.signal import periodogram
from scipy.spatial.distance import pdist

from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.behaviour.mouse_shape import BODY_CM, TAIL_CM, mouse_shape
from respine.simulate.behaviour.posture import PostureSettings, oscillate, simulate_posture

TIMES = np.arange(18_000) / 30
QUIET = PostureSettings(breath_share=0.0, twitch_per_min=0.0)


def bouts(*pairs, climbing=False, duration=600.0):
    edges = np.array(pairs, float).reshape(-1, 2)
    return Bouts(edges[:, 0], edges[:, 1], np.full(len(edges), climbing), duration)


@pytest.mark.parametrize(("frequency", "decay"), [(1.25, 5.0), (2.2, 0.12), (4.5, 0.1)])
def test_oscillators_turn_unit_noise_into_unit_variance(frequency, decay):
    kicks = np.random.default_rng(0).standard_normal(300_000)
    assert oscillate(kicks, frequency, decay, 1 / 30).std() == pytest.approx(1, rel=0.05)


def test_an_oscillator_rings_at_its_frequency_and_decays():
    kicks = np.zeros(3000)
    kicks[0] = 1.0
    course = oscillate(kicks, 1.25, 5.0, 0.01)
    crossings = np.flatnonzero(np.diff(np.sign(course)))
    assert np.diff(crossings).mean() * 0.01 == pytest.approx(0.4, rel=0.01)
    late = np.abs(course[520:600]).max() / np.abs(course[:80]).max()
    assert late == pytest.approx(np.exp(-5.2 / 5), rel=0.01)


def test_a_still_mouse_only_sways():
    posture = simulate_posture(bouts(), TIMES, PostureSettings(twitch_per_min=0), np.random.default_rng(1))
    assert np.ptp(posture.bend_deg, axis=0).max() == 0
    assert not posture.limb_deg.any()
    assert not posture.climb.any()
    assert posture.sway_deg.std() == pytest.approx(0.6, rel=0.3)
    frequency, power = periodogram(posture.sway_deg, 30)
    assert frequency[power.argmax()] == pytest.approx(1.25, abs=0.1)
    frequency, power = periodogram(posture.breath, 30)
    assert frequency[power.argmax()] == pytest.approx(2.4, abs=0.2)
    assert posture.breath.max() == pytest.approx(0.02, rel=0.01)


def test_struggling_bends_and_paddles_with_the_set_strength():
    settings = PostureSettings(onset_gain=0.0, bout_log_sd=0.0)
    posture = simulate_posture(bouts((0, 600)), TIMES, settings, np.random.default_rng(2))
    assert posture.bend_deg[:, 0].std() == pytest.approx(45, rel=0.1)
    assert posture.limb_deg.std(axis=0) == pytest.approx(35, rel=0.1)
    assert posture.sway_deg.std() == pytest.approx(5, rel=0.3)
    assert (posture.effort == 1).all()


def test_bending_stops_with_the_bout_and_the_sway_rings_down():
    posture = simulate_posture(bouts((0, 300)), TIMES, QUIET, np.random.default_rng(3))
    after = (TIMES > 301) & (TIMES < 599)
    assert np.ptp(posture.bend_deg[after, 0]) < 1
    assert np.abs(posture.sway_deg[(TIMES > 300) & (TIMES < 303)]).max() > 3 * posture.sway_deg[TIMES > 330].std()


def test_onsets_are_stronger():
    posture = simulate_posture(bouts((10, 100)), TIMES, PostureSettings(bout_log_sd=0), np.random.default_rng(4))
    assert posture.effort[300] == pytest.approx(1.6)
    assert posture.effort[600] == pytest.approx(1.0)
    assert posture.effort[299] == 0


def test_climbing_curls_the_body_in_the_middle_of_a_bout():
    posture = simulate_posture(bouts((10, 30), climbing=True), TIMES, QUIET, np.random.default_rng(5))
    assert np.abs(posture.climb[(TIMES > 16) & (TIMES < 25)]).min() > 0.95
    assert np.abs(posture.climb[(TIMES < 13.9) | (TIMES > 29)]).max() < 0.05


def test_a_still_mouse_swings_as_one_rigid_body():
    posture = simulate_posture(bouts((0, 5)), TIMES[:600], QUIET, np.random.default_rng(6))
    shapes = [mouse_shape(posture, frame) for frame in (240, 250, 262)]
    points = [np.concatenate([s.spine_cm, s.behind.end_cm, s.front.start_cm]) for s in shapes]
    assert np.abs(points[0] - points[1]).max() > 0.05
    for other in points[1:]:
        np.testing.assert_allclose(pdist(points[0]), pdist(other), atol=0.02)
        np.testing.assert_allclose(np.linalg.norm(points[0], axis=1), np.linalg.norm(other, axis=1), atol=0.02)


def test_a_struggling_mouse_deforms():
    posture = simulate_posture(bouts((0, 600)), TIMES[:600], QUIET, np.random.default_rng(6))
    first, later = (mouse_shape(posture, frame).spine_cm for frame in (240, 250))
    assert np.abs(pdist(first) - pdist(later)).max() > 0.3


def test_a_mouse_hangs_head_down_from_its_tail():
    posture = simulate_posture(bouts(), TIMES[:10], QUIET, np.random.default_rng(7))
    shape = mouse_shape(posture, 5)
    assert shape.behind.start_cm[0] == pytest.approx([0, 0], abs=1e-9)
    assert np.linalg.norm(shape.spine_cm[0]) == pytest.approx(TAIL_CM)
    length = np.linalg.norm(np.diff(shape.spine_cm, axis=0), axis=1).sum()
    assert length == pytest.approx(BODY_CM)
    assert shape.spine_cm[-1, 0] > TAIL_CM + 0.9 * BODY_CM
    assert 1.2 < shape.radius_cm.max() < 1.8


def test_a_climbing_mouse_brings_its_head_to_its_tail():
    posture = simulate_posture(bouts((0, 20), climbing=True), TIMES[:600], QUIET, np.random.default_rng(8))
    head = [mouse_shape(posture, frame).spine_cm[-1, 0] for frame in range(270, 330)]
    assert np.median(head) < TAIL_CM + 1


def test_breathing_widens_the_chest_only():
    posture = simulate_posture(bouts(), TIMES[:60], PostureSettings(breath_share=0.1), np.random.default_rng(9))
    full, empty = (mouse_shape(posture, int(f)) for f in (posture.breath.argmax(), posture.breath.argmin()))
    widening = full.radius_cm / empty.radius_cm
    assert widening.max() == pytest.approx(1.1 / 0.9, rel=0.05)
    assert widening[-1] == pytest.approx(1, abs=0.01)
