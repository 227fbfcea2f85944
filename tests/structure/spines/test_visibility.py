import numpy as np
import pytest

from respine.structure.spines.sites import Sites
from respine.structure.spines.visibility import VisibilitySettings, compute_visibility, visibility_terms


def sites(snr, lateral=1.2, proposed=True):
    snr = np.atleast_2d(np.asarray(snr, float))
    full = np.ones_like(snr)
    return Sites(10 * full, lateral * full, 0 * full, snr, np.full(snr.shape, proposed))


def test_the_log_odds_are_the_weighted_terms():
    settings = VisibilitySettings(
        intercept=-1, log_snr=2, proposed=3, log_snr_others=0.5, distance_per_um=0.1, distance_squared_per_um2=-0.2
    )
    p = compute_visibility(sites([8.0, 4.0], lateral=-2.0), settings)
    log_odds = -1 + 2 * np.log(8.0) + 3 + 0.5 * np.log(4.0) + 0.1 * 2 - 0.2 * 4
    assert p[0, 0] == pytest.approx(1 / (1 + np.exp(-log_odds)))


def test_more_evidence_is_more_probable():
    p = [compute_visibility(sites([snr, 5.0]))[0, 0] for snr in (1, 3, 9, 27)]
    assert (np.diff(p) > 0).all()


def test_what_cannot_be_shown_has_no_probability_and_says_nothing_about_the_others():
    p = compute_visibility(sites([6.0, np.nan, 6.0]))
    assert np.isnan(p[0, 1])
    assert p[0, 0] == compute_visibility(sites([6.0, 6.0]))[0, 0]


def test_a_single_session_argues_with_itself_only():
    terms = visibility_terms(sites([6.0]))
    assert terms[0, 0, 3] == pytest.approx(np.log(4.0))


def test_evidence_without_bounds_does_not_run_away():
    assert compute_visibility(sites([1e9]))[0, 0] == compute_visibility(sites([60.0]))[0, 0]
    assert compute_visibility(sites([-5.0]))[0, 0] == compute_visibility(sites([0.5]))[0, 0]
