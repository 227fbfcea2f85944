import numpy as np
import pytest

from painted import BACKGROUND, Spot, paint_ribbon
from respine.structure.spines.align import align_sessions, shift_evidence, shift_ribbon
from respine.structure.spines.evidence import compute_evidence

RNG = np.random.default_rng(11)
SPOTS = [
    Spot(p, side * RNG.uniform(0.8, 2.0), peak=RNG.uniform(20, 60))
    for p, side in zip(np.sort(RNG.uniform(2, 38, 18)), RNG.choice([-1, 1], 18), strict=True)
]


def session(spots=SPOTS, shift_x_um=0.0, seed=0):
    ribbon = paint_ribbon(spots, noise=1.0, seed=seed, shift_x_um=shift_x_um)
    return ribbon, compute_evidence(ribbon, 1.0, 0.5, BACKGROUND)


def shifts(*sessions):
    return [slide.shift_um for slide in align_sessions(*map(list, zip(*sessions, strict=True)))]


def test_a_shift_of_the_tissue_is_found_to_a_twentieth_of_a_micrometre():
    first, second = shifts(session(seed=1), session(shift_x_um=0.83, seed=2))
    middle = slice(40, 340)
    np.testing.assert_allclose((second - first)[middle], 0.83, atol=0.05)


def test_the_common_axis_is_the_middle_of_the_sessions():
    found = shifts(session(seed=1), session(shift_x_um=0.6, seed=2), session(shift_x_um=-0.9, seed=3))
    np.testing.assert_allclose(np.mean(found, axis=0), 0.0, atol=1e-9)


def test_spines_that_vanish_do_not_pull():
    """A third of the spines is gone in the second session."""
    first, second = shifts(session(seed=1), session(SPOTS[::3] + SPOTS[1::3], shift_x_um=0.5, seed=2))
    np.testing.assert_allclose((second - first)[40:340], 0.5, atol=0.1)


def test_one_session_stays_where_it_is():
    (slide,) = align_sessions(*map(list, zip(session(), strict=True)))
    assert (slide.shift_um == 0).all()


def test_shifted_ribbons_agree_and_know_their_raw_place():
    sessions = [session(seed=1), session(shift_x_um=0.8, seed=2)]
    slides = align_sessions(*map(list, zip(*sessions, strict=True)))
    moved = [shift_ribbon(r, slide) for (r, _), slide in zip(sessions, slides, strict=True)]
    spot = max(SPOTS, key=lambda s: s.peak)
    for (ribbon, slide), shift in zip(zip(moved, slides, strict=True), (0.0, 0.8), strict=True):
        raw = np.array([[10.0, 9.0 - spot.lateral, spot.position + shift]])
        position = ribbon.from_raw(raw)[0, 0]
        assert position == pytest.approx(spot.position - 1.0 + shift - slide.shift_um.mean(), abs=0.1)
    both = np.isfinite(moved[0].values) & np.isfinite(moved[1].values)
    assert np.corrcoef(moved[0].values[both], moved[1].values[both])[0, 1] > 0.97


def test_evidence_moves_with_its_ribbon():
    ribbon, evidence = session(seed=1)
    other = session(shift_x_um=0.8, seed=2)
    slides = align_sessions([ribbon, other[0]], [evidence, other[1]])
    moved = shift_evidence(evidence, slides[0], 0.1)
    again = compute_evidence(shift_ribbon(ribbon, slides[0]), 1.0, 0.5, BACKGROUND)
    both = np.isfinite(moved.snr) & np.isfinite(again.snr)
    assert np.corrcoef(moved.snr[both], again.snr[both])[0, 1] > 0.9
