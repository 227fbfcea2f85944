"""The slow effect of ketamine: births rise after half a day, and lost sites are restored."""

import numpy as np
import pytest

from monte_carlo import assert_mean, assert_share
from respine.simulate.births import birth_multiplier, slow_effect
from respine.simulate.lifetimes import birth_rate_per_day, lifetimes_of
from respine.simulate.settings import Arm, StudySettings
from respine.simulate.settings_effects import KetamineSettings
from respine.simulate.spines import NOTHING
from respine.simulate.study import simulate_study

START_H = -504.0


def per_animal(study, marked):
    return np.bincount(study.spines.subject[marked], minlength=len(study.animals.arm))


@pytest.fixture(scope="module")
def everyone(even):
    """Return stressed animals, without and with ketamine, in which every drugged animal responds alike."""
    arms = tuple(Arm(stress="stress", treatment=t) for t in ("vehicle", "ketamine"))
    drug = {"responder_fraction": 1.0, "restored_fraction_sd": 0.0, "fast_recovery_sd": 0.0}
    return simulate_study(even.changed(arms=arms, subjects_per_arm=150, ketamine=drug), 21)


def restored_and_lost(study):
    spines = study.spines
    lost = spines.lost_under(study.settings.stress)
    restored = spines.restores != NOTHING
    return restored, lost


def test_time_course_is_the_given_one():
    times = np.array([-5.0, 0.0, 3.0, 6.0, 9.0, 12.0, 24.0, 24.0 + 120.0])
    assert slow_effect(times, KetamineSettings()) == pytest.approx([0, 0, 0, 0, 0.3, 0.6, 1.0, np.exp(-1)])


def test_birth_rate_follows_the_time_course_in_unstressed_responders(even):
    arms = (Arm(stress="control", treatment="ketamine"),)
    drug = {"responder_fraction": 1.0, "fast_recovery_sd": 0.0, "birth_gain": 6.0}
    study = simulate_study(even.changed(arms=arms, subjects_per_arm=400, ketamine=drug), 22)
    birth_h = study.spines.birth_h
    first = per_animal(study, study.present[0])
    usual = birth_rate_per_day(study.settings.turnover)
    for low, high in ((-48.0, 0.0), (0.0, 6.0), (9.0, 15.0), (20.0, 28.0), (120.0, 168.0)):
        rate = per_animal(study, (birth_h > low) & (birth_h <= high)) / first / ((high - low) / 24)
        middle = np.linspace(low, high, 2001)
        expected = birth_multiplier(middle, np.zeros(2001, bool), np.ones(2001), study.settings).mean()
        assert_mean(rate, usual * expected)
        assert (expected == 1.0) == (high <= 6.0)


@pytest.mark.parametrize(("ketamine", "fraction"), [(False, 0.15), (True, 0.45)])
def test_fraction_of_lost_sites_restored(everyone, ketamine, fraction):
    restored, lost = restored_and_lost(everyone)
    which = everyone.animals.ketamine == ketamine
    assert_share(per_animal(everyone, restored)[which].sum(), per_animal(everyone, lost)[which].sum(), fraction)


def test_restoration_times(everyone):
    restored, _ = restored_and_lost(everyone)
    drugged = everyone.animals.ketamine[everyone.spines.subject]
    lost = per_animal(everyone, everyone.spines.lost_under(everyone.settings.stress))
    by = {}
    for group in (False, True):
        times = everyone.spines.birth_h[restored & (drugged == group)]
        total = lost[everyone.animals.ketamine == group].sum()
        by[group] = np.array([(times <= h).sum() / total for h in (3.0, 6.0, 12.0, 24.0)])
    assert by[False] == pytest.approx([0.15 * h / 24 for h in (3, 6, 12, 24)], abs=0.01)
    drug_part = by[True] - by[False]
    assert drug_part == pytest.approx([0.0, 0.0, 0.6 * 0.30, 0.30], abs=0.015)


def test_restored_spines_stand_where_the_lost_ones_stood(everyone):
    spines = everyone.spines
    restored = np.flatnonzero(spines.restores != NOTHING)
    lost = spines.restores[restored]
    assert len(np.unique(lost)) == len(lost)
    assert (spines.sites.dendrite[restored] == spines.sites.dendrite[lost]).all()
    assert (spines.sites.azimuth_deg[restored] == spines.sites.azimuth_deg[lost]).all()
    assert (everyone.spine_class[restored] == everyone.spine_class[lost]).all()
    assert (spines.death_h[lost] <= 0).all()
    assert (spines.birth_h[restored] >= 0).all()
    shift = spines.sites.position_um[restored] - spines.sites.position_um[lost]
    inside = (spines.sites.position_um[lost] > 2) & (spines.sites.position_um[lost] < 58)
    assert_mean(shift[inside], 0.0)
    assert shift[inside].std() == pytest.approx(0.3, rel=0.04)


def test_restored_spines_live_longer_than_other_new_ones(everyone):
    spines = everyone.spines
    restored = spines.restores != NOTHING
    others = (spines.birth_h > 0) & ~restored
    lifetime = (spines.death_h - spines.birth_h) / 24
    law = lifetimes_of(everyone.settings.turnover)
    for days in (1.0, 6.0, 14.0):
        assert_share((lifetime[restored] > days).sum(), restored.sum(), law.survival(days) ** (1 / 1.3))
        assert_share((lifetime[others] > days).sum(), others.sum(), law.survival(days))


def test_responders_and_their_spread(study):
    animals = study.animals
    assert_share(animals.responder[animals.ketamine].sum(), animals.ketamine.sum(), 0.70)
    assert not animals.responder[~animals.ketamine].any()
    chosen = animals.restored_fraction[animals.responder]
    follows = study.settings.ketamine.formation_follows_activity
    assert follows == 1.0
    assert_mean(chosen, 0.45)
    assert chosen.std() == pytest.approx(0.18, abs=0.02)
    assert (animals.restored_fraction[~animals.responder] == 0.15).all()
    assert_mean(animals.fast_recovery[animals.responder], 0.875)
    assert animals.fast_recovery[animals.responder].std() == pytest.approx(0.06, abs=0.008)


def test_nothing_is_restored_without_stress(study):
    restored = study.spines.restores != NOTHING
    assert study.animals.stressed[study.spines.subject[restored]].all()
    assert restored.sum() > 100


@pytest.mark.parametrize(("follows", "expected"), [(0.0, 0.45), (1.0, 0.15), (0.5, 0.30)])
def test_formation_follows_activity_or_does_not(even, follows, expected):
    """With the fast effect cut, only formation that is independent of activity is left."""
    arms = (Arm(stress="stress", treatment="ketamine"),)
    drug = {
        "fast_recovery": 0.0,
        "formation_follows_activity": follows,
        "responder_fraction": 1.0,
        "restored_fraction_sd": 0.0,
    }
    study = simulate_study(even.changed(arms=arms, subjects_per_arm=60, ketamine=drug), 23)
    restored, lost = restored_and_lost(study)
    assert study.animals.slow_drive == pytest.approx(1 - follows)
    assert_share(restored.sum(), lost.sum(), expected)


def test_cutting_the_slow_effect_leaves_the_vehicle(even):
    arms = (Arm(stress="stress", treatment="ketamine"),)
    cut = even.changed(arms=arms, ketamine={"birth_gain": 1.0, "restored_fraction": 0.15})
    study = simulate_study(cut, 24)
    restored, lost = restored_and_lost(study)
    assert_share(restored.sum(), lost.sum(), 0.15)
    multiplier = birth_multiplier(np.linspace(0, 168, 50), np.zeros(50, bool), np.ones(50), cut)
    assert (multiplier == 1.0).all()


def test_default_settings_are_those_of_the_literature():
    drug = StudySettings().ketamine
    assert (drug.restored_fraction, drug.restored_fraction_vehicle, drug.birth_gain) == (0.45, 0.15, 1.8)
