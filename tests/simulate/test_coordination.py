import numpy as np
import pytest

from monte_carlo import assert_mean
from respine.simulate.coordination import fast_course, support_of
from respine.simulate.settings import Arm
from respine.simulate.settings_effects import CoordinationSettings, KetamineSettings
from respine.simulate.study import simulate_study

ARMS = tuple(Arm(stress=s, treatment=t) for s in ("control", "stress") for t in ("vehicle", "ketamine"))
CONTROL, CONTROL_KETAMINE, STRESS, STRESS_KETAMINE = range(4)
ALL_RESPOND = {"responder_fraction": 1.0, "fast_recovery_sd": 0.0, "restored_fraction_sd": 0.0}


@pytest.fixture(scope="module")
def world(even):
    """Return the world that the tests of this file change."""
    return even.changed(ketamine=ALL_RESPOND)


def at(study, session):
    return [s.name for s in study.settings.sessions].index(session)


def coordination(study, arm, session):
    return study.coordination.value[study.animals.arm == arm, at(study, session)]


def test_fast_effect_comes_holds_and_goes():
    times = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 24.0, 36.0, 48.0])
    expected = [0, 0, 0.5, 1, 1, 1, np.exp(-1), np.exp(-2)]
    assert fast_course(times, KetamineSettings()) == pytest.approx(expected)


def test_support_is_a_sigmoid_of_the_sites_restored():
    how = CoordinationSettings(half_support=0.2, support_steepness=6.0)
    assert support_of(np.array([0.0, 0.2, 10.0]), how) == pytest.approx([0.0, 0.5, 1.0], abs=1e-6)
    assert support_of(np.array([0.3]), how) == pytest.approx([1.5**6 / (1 + 1.5**6)])


def test_healthy_animals_stay_at_one(world):
    study = simulate_study(world, 41)
    for session in ("baseline1", "stressed", "7d"):
        assert_mean(coordination(study, CONTROL, session), 1.0)


def test_stress_and_lost_spines_add_up(world):
    study = simulate_study(world, 42)
    lost = study.coordination.deficit[:, at(study, "stressed")]
    first = np.bincount(study.spines.subject[study.present[0]], minlength=len(lost))
    stressed = study.animals.stressed
    session = study.present[at(study, "stressed")]
    net = 1 - np.bincount(study.spines.subject[session], minlength=len(lost)) / first
    assert lost == pytest.approx(0.19 * stressed + 1.5 * net)
    assert_mean(coordination(study, STRESS, "stressed"), 1 - lost[study.animals.arm == STRESS].mean())


def test_default_stress_leaves_about_six_tenths(study):
    assert coordination(study, STRESS, "stressed").mean() == pytest.approx(0.60, abs=0.02)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [({"stress_deficit": 0.0}, 0.8), ({"deficit_per_lost_spine": 0.0}, 0.8), ({}, 0.6)],
)
def test_each_link_from_stress_can_be_cut(world, cut, expected):
    study = simulate_study(world.changed(coordination=cut), 43)
    assert coordination(study, STRESS, "stressed").mean() == pytest.approx(expected, abs=0.02)


def test_session_noise_is_the_parameter(world):
    settings = world.changed(coordination={"deficit_per_lost_spine": 0.0}, arms=ARMS[:1], subjects_per_arm=300)
    value = simulate_study(settings, 44).coordination.value
    assert value.std() == pytest.approx(0.05, rel=0.06)


def test_ketamine_restores_coordination_at_three_hours(world):
    study = simulate_study(world, 45)
    treated = study.animals.arm == STRESS_KETAMINE
    index = at(study, "3h")
    expected = 1 - study.coordination.deficit[treated, index] * (1 - 0.875)
    assert study.coordination.value[treated, index] - study.coordination.noise[treated, index] == pytest.approx(
        expected
    )
    assert coordination(study, STRESS_KETAMINE, "3h").mean() == pytest.approx(0.95, abs=0.02)
    assert coordination(study, STRESS, "3h").mean() == pytest.approx(0.60, abs=0.02)


def test_coordination_comes_before_spines(world):
    study = simulate_study(world, 46)
    treated = study.animals.arm == STRESS_KETAMINE
    rows = [np.bincount(study.spines.subject[row], minlength=len(treated))[treated].sum() for row in study.present]
    before, at_3h, at_24h = (rows[at(study, s)] for s in ("stressed", "3h", "24h"))
    gain = coordination(study, STRESS_KETAMINE, "3h") - coordination(study, STRESS_KETAMINE, "stressed")
    assert gain.mean() > 0.3
    assert at_3h / before < 1.01
    assert at_24h / before > 1.05


def test_cut_fast_effect_leaves_coordination_down_at_three_hours(world):
    study = simulate_study(world.changed(ketamine={"fast_recovery": 0.0}), 47)
    gap = coordination(study, STRESS_KETAMINE, "3h").mean() - coordination(study, STRESS, "3h").mean()
    assert abs(gap) < 0.03


def test_recovery_fades_without_new_spines(world):
    study = simulate_study(world.changed(ketamine={"restored_fraction": 0.15}), 48)
    late = coordination(study, STRESS_KETAMINE, "7d").mean()
    assert late < coordination(study, STRESS, "7d").mean() + 0.05
    assert coordination(study, STRESS_KETAMINE, "3h").mean() > 0.9


def test_recovery_lasts_without_spines_where_maintenance_does_not_need_them(world):
    cut = world.changed(ketamine={"restored_fraction": 0.15}, coordination={"maintenance_needs_spines": 0.0})
    study = simulate_study(cut, 48)
    assert coordination(study, STRESS_KETAMINE, "7d").mean() > 0.92


def test_cut_lasting_recovery_fades_even_with_spines(world):
    study = simulate_study(world.changed(coordination={"held_recovery": 0.0}), 49)
    gap = coordination(study, STRESS_KETAMINE, "7d").mean() - coordination(study, STRESS, "7d").mean()
    assert abs(gap) < 0.03


def test_young_spines_do_not_support(world):
    old_enough = simulate_study(world, 50)
    never = simulate_study(world.changed(coordination={"support_age_h": 1000.0}), 50)
    treated = old_enough.animals.arm == STRESS_KETAMINE
    assert old_enough.coordination.support[treated, at(never, "7d")].mean() > 0.5
    assert (never.coordination.support == 0).all()


def test_non_responders_stay_stressed(study):
    which = (study.animals.arm == STRESS_KETAMINE) & ~study.animals.responder
    assert which.sum() > 20
    gap = study.coordination.value[which, at(study, "3h")].mean() - coordination(study, STRESS, "3h").mean()
    assert abs(gap) < 0.06


def test_surviving_restored_spines_track_late_coordination(study):
    """In responders, more restored spines go with more coordination a week later: what E8 measures."""
    which = (
        (study.animals.arm == STRESS_KETAMINE) & study.animals.responder & np.isfinite(study.coordination.value[:, -1])
    )
    correlation = np.corrcoef(study.animals.restored_fraction[which], study.coordination.value[which, -1])[0, 1]
    assert 0.4 < correlation < 0.9
    early = np.corrcoef(study.animals.restored_fraction[which], study.coordination.value[which, at(study, "3h")])[0, 1]
    assert abs(early) < 0.35
