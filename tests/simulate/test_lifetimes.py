import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from respine.simulate.lifetimes import Lifetimes, birth_rate_per_day, lifetimes_of
from respine.simulate.settings_structure import TurnoverSettings

LAW = Lifetimes(0.30, 40.0, 0.002)


def brute_force(count, rng):
    """Draw lifetimes as the smaller of the two times themselves."""
    return np.minimum(40.0 * rng.weibull(0.30, count), rng.exponential(1 / 0.002, count))


def test_survival_is_that_of_the_smaller_of_the_two_times():
    lifetimes = brute_force(20_000, np.random.default_rng(1))
    assert kstest(lifetimes, lambda a: 1 - LAW.survival(a)).pvalue > 0.001
    assert kstest(lifetimes, lambda a: 1 - Lifetimes(0.35, 40.0, 0.002).survival(a)).pvalue < 1e-6


def test_age_at_inverts_the_cumulative_hazard():
    ages = np.geomspace(1e-6, 1.9e4, 500)
    assert LAW.age_at(LAW.cumulative_hazard(ages)) == pytest.approx(ages, rel=2e-5)


def test_age_at_goes_on_beyond_the_table():
    ages = np.array([3e4, 1e5])
    found = LAW.age_at(LAW.cumulative_hazard(ages))
    assert found == pytest.approx(ages, rel=0.05)


def test_age_at_no_hazard_is_no_age():
    assert LAW.age_at(np.zeros(1))[0] < 1e-6


def test_mean_lifetime_is_the_area_under_the_survival():
    area = quad(LAW.survival, 0, 1)[0] + quad(LAW.survival, 1, 1e4, limit=500)[0]
    assert pytest.approx(area, rel=1e-4) == LAW.mean_days


def test_standing_spines_have_the_ages_of_a_renewal_process():
    """Simulate births at a constant rate from long ago, without the closed form."""
    rng = np.random.default_rng(2)
    history = 6_000.0
    age = rng.uniform(0, history, 400_000)
    standing = age[brute_force(len(age), rng) > age]
    drawn = LAW.equilibrium_age((np.arange(5_000) + 0.5) / 5_000)
    for share in (0.1, 0.5, 0.9):
        error = 4 * np.sqrt(share * (1 - share) / len(standing))
        assert np.quantile(standing, max(share - error, 0)) < np.quantile(drawn, share)
        assert np.quantile(drawn, share) < np.quantile(standing, min(share + error, 1))


@pytest.mark.parametrize(("days", "expected"), [(2.0, 0.0163), (21.0, 0.1234), (27.0, 0.1505)])
def test_elimination_of_standing_spines(days, expected):
    """The expected shares are 1 - integral of S(a + t) over the mean, by an independent sum."""
    area = quad(LAW.survival, days, 100, limit=500)[0] + quad(LAW.survival, 100, 1e4, limit=500)[0]
    assert LAW.elimination(days) == pytest.approx(1 - area / LAW.mean_days, rel=2e-3)
    assert LAW.elimination(days) == pytest.approx(expected, abs=2e-4)


def test_hazard_multiplier_inverts_elimination():
    wanted = 1.6 * LAW.elimination(21.0)
    multiplier = LAW.hazard_multiplier(21.0, wanted)
    assert multiplier > 1.6
    assert LAW.elimination(21.0, multiplier) == pytest.approx(wanted, rel=1e-4)


def test_no_more_elimination_needs_no_more_hazard():
    assert LAW.hazard_multiplier(21.0, LAW.elimination(21.0)) == 1.0


def test_births_keep_the_density_where_none_are_given():
    assert birth_rate_per_day(TurnoverSettings()) == pytest.approx(1 / LAW.mean_days)
    assert birth_rate_per_day(TurnoverSettings(births_per_spine_per_day=0.02)) == 0.02


def test_the_law_of_some_settings_is_made_once():
    assert lifetimes_of(TurnoverSettings()) is lifetimes_of(TurnoverSettings())
