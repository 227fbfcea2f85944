import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from respine.simulate.bounded import EDGE, MOST_SPREAD, bounded_scores


def moments(mean, sd):
    """Integrate over the normal law, independently of the sums inside."""

    def score(z):
        return float(bounded_scores(np.array([mean]), sd, np.array([z]))[0])

    first = quad(lambda z: score(z) * norm.pdf(z), -9, 9, limit=200)[0]
    second = quad(lambda z: score(z) ** 2 * norm.pdf(z), -9, 9, limit=200)[0]
    return first, np.sqrt(second - first**2)


@pytest.mark.parametrize("mean", [0.05, 0.275, 0.389, 0.528, 0.82, 0.95])
@pytest.mark.parametrize("sd", [0.03, 0.075, 0.10])
def test_mean_and_spread_are_as_asked(mean, sd):
    assert moments(mean, sd) == pytest.approx((mean, sd), rel=2e-3)


@pytest.mark.parametrize("mean", [EDGE, 0.5, 1 - EDGE])
def test_spread_is_limited_near_the_bounds(mean):
    found = moments(mean, 0.9)
    assert found == pytest.approx((mean, MOST_SPREAD * np.sqrt(mean * (1 - mean))), rel=0.02)


def test_scores_stay_inside_and_rise_with_z():
    scores = bounded_scores(np.full(101, 0.82), 0.1, np.linspace(-8, 8, 101))
    assert (np.diff(scores) > 0).all()
    assert 0 < scores.min() < scores.max() < 1
