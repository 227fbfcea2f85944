"""What stress does to spines: more loss, on some branches, in clusters, and fewer births."""

import numpy as np
import pytest

from monte_carlo import assert_mean
from respine.simulate.births import birth_multiplier, stress_level
from respine.simulate.branch_correlation import intraclass_correlation
from respine.simulate.lifetimes import birth_rate_per_day, lifetimes_of
from respine.simulate.settings import Arm, StudySettings
from respine.simulate.stress_law import period_correlations, stress_hazard_multiplier
from respine.simulate.study import simulate_study

VEHICLE = tuple(Arm(stress=s, treatment="vehicle") for s in ("control", "stress"))
START_H = -504.0


@pytest.fixture(scope="module")
def pair(even):
    """Return control and stressed animals that are otherwise alike."""
    return simulate_study(even.changed(arms=VEHICLE, subjects_per_arm=150), 11)


@pytest.fixture(scope="module")
def branched():
    """Return control and stressed animals of one speed, with the default correlation of losses in a branch."""
    settings = StudySettings(arms=VEHICLE, subjects_per_arm=300).changed(
        turnover={"speed_cv_subjects": 0.0}, dropout={"per_week": 0.0}
    )
    return simulate_study(settings, 12)


def at_risk_and_lost(study):
    spines = study.spines
    at_risk = (spines.birth_h <= START_H) & (spines.death_h > START_H)
    return at_risk, at_risk & (spines.death_h <= 0)


def per_animal(study, marked):
    return np.bincount(study.spines.subject[marked], minlength=len(study.animals.arm))


def beta_binomial_rho(lost, count):
    """Moment estimator of the intra-class correlation from k of n in each dendrite."""
    p = lost.sum() / count.sum()
    within = (lost * (count - lost) / np.maximum(count - 1, 1)).sum() / count.sum()
    return 1 - within / (p * (1 - p))


def test_elimination_is_multiplied(pair):
    at_risk, lost = at_risk_and_lost(pair)
    share = per_animal(pair, lost) / per_animal(pair, at_risk)
    usual = lifetimes_of(pair.settings.turnover).elimination(21.0)
    assert_mean(share[~pair.animals.stressed], usual)
    assert_mean(share[pair.animals.stressed], 1.6 * usual)


def test_births_are_multiplied_until_treatment(pair):
    birth_h = pair.spines.birth_h
    during = per_animal(pair, (birth_h > START_H) & (birth_h <= 0)) / per_animal(pair, pair.present[0]) / 21.0
    usual = birth_rate_per_day(pair.settings.turnover)
    assert_mean(during[~pair.animals.stressed], usual)
    assert_mean(during[pair.animals.stressed], 0.7 * usual)


def test_births_recover_after_stress():
    settings = StudySettings().changed(stress={"recovery_days": 10.0})
    time_h = np.array([-600.0, -504.0, -503.0, -1.0, 0.0, 240.0])
    assert stress_level(time_h, settings) == pytest.approx([0, 0, 1, 1, 1, np.exp(-1)])
    multiplier = birth_multiplier(time_h, np.ones(6, bool), np.zeros(6), settings)
    assert multiplier == pytest.approx([1, 1, 0.7, 0.7, 0.7, 1 - 0.3 * np.exp(-1)])


def test_spines_born_under_stress_share_its_hazard(pair):
    birth_h, death_h = pair.spines.birth_h, pair.spines.death_h
    early = (birth_h > START_H) & (birth_h < START_H + 48)
    stressed = pair.animals.stressed[pair.spines.subject]
    survived = death_h - birth_h > 24 * 14
    control, hit = survived[early & ~stressed].mean(), survived[early & stressed].mean()
    law = lifetimes_of(pair.settings.turnover)
    multiplier = law.hazard_multiplier(21.0, 1.6 * law.elimination(21.0))
    assert control == pytest.approx(law.survival(14.0), abs=0.03)
    assert hit == pytest.approx(law.survival(14.0) ** multiplier, abs=0.03)


@pytest.mark.parametrize(("stressed", "rho"), [(False, 0.02), (True, 0.10)])
def test_losses_concentrate_on_branches(branched, stressed, rho):
    at_risk, lost = at_risk_and_lost(branched)
    dendrite = branched.spines.sites.dendrite
    count = np.bincount(dendrite[at_risk], minlength=len(branched.dendrites.subject))
    k = np.bincount(dendrite[lost], minlength=len(count))
    which = branched.animals.stressed[branched.dendrites.subject] == stressed
    tenths = [beta_binomial_rho(k[which][i::10], count[which][i::10]) for i in range(10)]
    assert_mean(tenths, rho, slack=0.002)


def test_losses_cluster_along_the_branch(branched):
    """The excess of lost neighbours at a distance follows from the exponential latent correlation."""
    at_risk, lost = at_risk_and_lost(branched)
    stressed = branched.animals.stressed[branched.spines.subject]
    which = at_risk & stressed
    dendrite, position = branched.spines.sites.dendrite[which], branched.spines.sites.position_um[which]
    order = np.lexsort((position, dendrite))
    dendrite, position, gone = dendrite[order], position[order], lost[which][order]
    p = gone.mean()
    _, law = period_correlations(branched.settings.turnover, branched.settings.stress, 60.0)
    found, distance = [], []
    for step in range(1, 25):
        same = dendrite[step:] == dendrite[:-step]
        distance.append((position[step:] - position[:-step])[same])
        found.append((gone[step:] & gone[:-step])[same])
    found, distance = np.concatenate(found), np.concatenate(distance)
    risk = lifetimes_of(branched.settings.turnover).loss_probabilities(
        21.0, stress_hazard_multiplier(branched.settings.turnover, branched.settings.stress)
    )
    expected = []
    for low, high in ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (8.0, 10.0), (16.0, 20.0)):
        inside = (distance >= low) & (distance < high)
        latent = law.branch + law.side_by_side * np.exp(-distance[inside] / 4.0).mean()
        expected.append(p**2 + p * (1 - p) * intraclass_correlation(risk, latent))
        assert found[inside].mean() == pytest.approx(expected[-1], rel=0.05)
    assert expected[0] > 1.4 * expected[-1]


def test_without_clustering_distance_does_not_matter():
    settings = StudySettings(arms=VEHICLE[1:], subjects_per_arm=150).changed(
        turnover={"speed_cv_subjects": 0.0}, stress={"cluster_share": 0.0}
    )
    study = simulate_study(settings, 13)
    at_risk, lost = at_risk_and_lost(study)
    dendrite, position = study.spines.sites.dendrite[at_risk], study.spines.sites.position_um[at_risk]
    order = np.lexsort((position, dendrite))
    gone, dendrite = lost[at_risk][order], dendrite[order]
    near = (gone[1:] & gone[:-1])[dendrite[1:] == dendrite[:-1]].mean()
    far = (gone[12:] & gone[:-12])[dendrite[12:] == dendrite[:-12]].mean()
    assert near == pytest.approx(far, rel=0.07)


def test_cutting_the_links_of_stress_leaves_controls(even):
    cut = even.changed(arms=VEHICLE, subjects_per_arm=150, stress={"loss_multiplier": 1.0, "birth_multiplier": 1.0})
    study = simulate_study(cut, 14)
    at_risk, lost = at_risk_and_lost(study)
    share = per_animal(study, lost) / per_animal(study, at_risk)
    assert_mean(share[study.animals.stressed], lifetimes_of(cut.turnover).elimination(21.0))
