"""Known truth: rates, states and hit probabilities come back; the traps of the field do not catch the model."""

import numpy as np
import pytest
from scipy.optimize import minimize

from monte_carlo import assert_mean
from respine.inference.occupancy import (
    OccupancySettings,
    bootstrap_turnover,
    fit_occupancy,
    infer_states,
    profile_turnover,
    read_histories,
)
from scored_sites import World, raw_rates, simulate

MANY = World(n_spines=1500)
BY_INTERVAL = OccupancySettings(interval_formation=True, interval_elimination=True)


def fitted(world, seed, settings=None, **reading):
    spines, sessions, _, _ = simulate(world, np.random.default_rng(seed))
    return fit_occupancy(read_histories(spines, sessions, **reading), settings), spines


def test_the_slow_turnover_behind_the_flicker_is_found():
    fit, spines = fitted(MANY, 1)
    formed, lost = raw_rates(spines)
    assert (formed > 0.10).all()
    assert (lost > 0.10).all()
    np.testing.assert_allclose(fit.turnover.formation, 0.02, atol=0.005)
    np.testing.assert_allclose(fit.turnover.elimination, 0.02, atol=0.005)
    np.testing.assert_allclose(fit.detection.hit, 0.90, atol=0.01)
    assert fit.false_calls == pytest.approx(0.02, abs=0.003)
    assert fit.converged
    assert fit.identified
    assert fit.reason is None
    assert (fit.n_subjects, fit.n_dendrites) == (8, 96)


@pytest.mark.slow
def test_small_studies_are_unbiased_and_covered():
    found = [fitted(World(n_spines=60), [2, i])[0].turnover.iloc[0] for i in range(30)]
    for measure in ("formation", "elimination"):
        assert_mean([r[measure] for r in found], 0.02, slack=0.002)
        covered = sum(r[f"{measure}_low"] <= 0.02 <= r[f"{measure}_high"] for r in found)
        assert covered >= 24  # 28.5 expected; fewer by chance once in 1,000


def test_a_dim_session_makes_no_burst_of_formation():
    fit, spines = fitted(MANY.changed(hit=(0.9, 0.9, 0.75, 0.9, 0.9)), 3, BY_INTERVAL)
    raw = raw_rates(spines)[0]
    assert raw[2] - raw[1] > 0.15
    assert abs(fit.turnover.formation[2] - fit.turnover.formation[1]) < 0.01
    assert fit.detection.hit[2] == pytest.approx(0.75, abs=0.02)


def test_one_hit_probability_takes_the_dim_session_for_turnover():
    constant = BY_INTERVAL.model_copy(update={"detection": "constant"})
    fit, _ = fitted(MANY.changed(hit=(0.9, 0.9, 0.75, 0.9, 0.9)), 3, constant)
    assert fit.turnover.elimination[1] - fit.turnover.elimination[0] > 0.03


def test_apparent_returns_are_flicker():
    fit, spines = fitted(MANY.changed(elimination=0.04, formation=0.04), 4)
    wide = spines.pivot(index=["subject", "spine"], columns="session", values="visible").to_numpy(bool)
    states = infer_states(fit).pivot(index=["subject", "spine"], columns="session", values="state").to_numpy()
    assert share_restored(wide) > 0.5
    assert share_restored(states == "present") < 0.02
    assert fit.kinetics.again[0, 0, 1:].max() < 0.03


def test_real_returns_are_kept():
    fit, spines = fitted(MANY.changed(elimination=0.1, formation=0.06, restored=0.3), 5)
    truth = spines.pivot(index=["subject", "spine"], columns="session", values="present").to_numpy(bool)
    vacated = truth[:, 1] & ~truth[:, 2]
    assert fit.kinetics.again[0, 0, 3].sum() == pytest.approx(truth[vacated, 3].mean(), abs=0.06)
    expected = infer_states(fit).p_returned.sum()
    first, last = truth[:, :-1], truth[:, 1:]
    stood = np.maximum.accumulate(truth, axis=1)[:, :-1]
    assert expected == pytest.approx((stood & ~first & last).sum(), rel=0.15)


def share_restored(stands):
    """Of the spines lost in the second interval, the share that stands again later."""
    lost = stands[:, 1] & ~stands[:, 2]
    return stands[lost, 3:].any(axis=1).mean()


def test_unequal_intervals_and_unscorable_sites():
    fit, _ = fitted(MANY.changed(days=(0, 1, 4, 6, 16), unscorable=0.15), 6)
    gaps = np.array([1, 3, 2, 10])
    np.testing.assert_allclose(fit.turnover.interval_h, 24.0 * gaps)
    np.testing.assert_allclose(fit.turnover.elimination, 1 - 0.98 ** (gaps / 2), atol=0.01)
    np.testing.assert_allclose(fit.turnover.formation, 1 - 0.98 ** (gaps / 2), atol=0.015)


def test_two_raters_identify_two_sessions():
    fit, _ = fitted(MANY.changed(days=(0, 2), n_raters=2), 7)
    assert fit.identified
    assert fit.turnover.formation[0] == pytest.approx(0.02, abs=0.008)
    assert fit.turnover.elimination[0] == pytest.approx(0.02, abs=0.008)


def test_the_hit_probability_follows_a_covariate():
    rng = np.random.default_rng(8)
    spines, sessions, _, _ = simulate(MANY.changed(hit=0.999, false_calls=0.0, n_spines=400), rng)
    size = spines.groupby(["subject", "spine"])["visible"].transform(lambda v: rng.standard_normal())
    seen = rng.random(len(spines)) < 1 / (1 + np.exp(-(1.5 + 1.0 * size)))
    spines = spines.assign(size=size, visible=spines.visible & seen)
    settings = OccupancySettings(detection="constant")
    fit = fit_occupancy(read_histories(spines, sessions, ["size"]), settings)
    slope = fit.parameters.set_index("parameter").estimate["hit[size]"]
    assert slope == pytest.approx(1.0, abs=0.15)
    assert fit.turnover.elimination[0] == pytest.approx(0.02, abs=0.006)
    blind = fit_occupancy(read_histories(spines, sessions), settings)
    assert blind.log_likelihood < fit.log_likelihood - 50


def test_each_animal_has_its_own_rates():
    world = MANY.changed(elimination=np.array([0.02] * 4 + [0.08] * 4), formation=0.03, n_spines=500)
    fit, _ = fitted(world, 9, OccupancySettings(subject_rates=True))
    own = fit.turnover.groupby("subject").elimination.first()
    assert own[["m0", "m1", "m2", "m3"]].max() < 0.045
    assert own[["m4", "m5", "m6", "m7"]].min() > 0.055


def test_short_lived_new_spines():
    world = World(weibull=0.3, days=(0, 2, 4, 6, 8, 12, 20), n_spines=1000)
    spines, sessions, formed, lost = simulate(world, np.random.default_rng(10))
    histories = read_histories(spines, sessions)
    one, two = (fit_occupancy(histories, OccupancySettings(survival=s)) for s in ("constant", "two_class"))
    assert two.log_likelihood > one.log_likelihood + 5
    np.testing.assert_allclose(two.turnover.elimination, lost, atol=0.01)
    np.testing.assert_allclose(two.turnover.formation, formed, atol=0.01)


def test_states_are_those_of_the_truth():
    fit, spines = fitted(World(unscorable=0.1), 11)
    states = infer_states(fit)
    truth = spines.rename(columns={"present": "truth"}).merge(states)
    assert len(truth) == len(states)
    scored = truth.visible.notna()
    assert (truth.state[~scored] == "unscorable").all()
    assert truth.p_present[~scored].between(0, 1).all()
    wrong = ((truth.state == "present") != truth.truth)[scored].mean()
    assert wrong < 0.5 * (truth.visible.astype("boolean") != truth.truth)[scored].mean()
    # of the sites given a probability near one half, about half hold a spine
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        some = truth[truth.p_present.between(low, high)]
        assert some.truth.mean() == pytest.approx(some.p_present.mean(), abs=0.12)


def test_a_site_called_once_amid_good_sessions_is_a_false_call():
    fit, spines = fitted(World(n_spines=300, hit=0.97), 12)
    phantom = infer_states(fit).merge(spines)
    none = phantom.groupby(["subject", "spine"]).agg(p=("p_false", "first"), real=("present", "any"))
    assert none.p[~none.real].mean() > 0.6
    assert none.p[none.real].mean() < 0.05


def test_limits_of_the_profile_lie_where_the_likelihood_has_fallen():
    fit, _ = fitted(World(n_subjects=3, n_spines=80), 13, OccupancySettings(detection="constant", returns=False))
    table = profile_turnover(fit)
    hazard = -np.log1p(-table.elimination_high[0]) / 2
    place = fit.names.index("death")
    free = np.arange(len(fit.theta)) != place

    def fixed(x):
        theta = np.insert(x, place, np.log(hazard))
        value, gradient = fit.likelihood.penalised(theta)
        return value, gradient[free]

    best = minimize(fixed, fit.theta[free], jac=True, method="BFGS")
    assert best.fun + fit.log_penalised == pytest.approx(3.841 / 2, rel=0.03)
    wald = fit.turnover
    assert (table.formation_low < table.formation).all()
    assert (table.formation < table.formation_high).all()
    assert table.elimination_high[0] == pytest.approx(wald.elimination_high[0], rel=0.35)


@pytest.mark.slow
def test_bootstrap_and_sandwich_of_animals_agree():
    fit, _ = fitted(World(n_subjects=10, n_spines=60, elimination=0.05, formation=0.05, subject_sd=0.6), 14)
    drawn = bootstrap_turnover(fit, 30, seed=1)
    few = bootstrap_turnover(fit, 3, seed=1)
    np.testing.assert_array_equal(few.draws, drawn.draws[:3])
    spread = np.log(drawn.draws[:, 0, 1]).std()
    clustered = fit.compute_turnover("animals").iloc[0]
    half = np.log(clustered.elimination_high / clustered.elimination) / 2.2
    assert spread == pytest.approx(half, rel=0.5)
    assert (drawn.seed, drawn.n_draws, drawn.n_subjects) == (1, 30, 10)
