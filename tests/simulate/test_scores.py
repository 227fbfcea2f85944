import numpy as np
import pytest

from monte_carlo import assert_mean
from respine.simulate.scores import expected_score
from respine.simulate.settings import Arm, StudySettings
from respine.simulate.settings_function import ScoreSettings
from respine.simulate.study import SCORES, simulate_study

CONTROL = (Arm(stress="control", treatment="vehicle"),)
EXACT = {"deficit_per_lost_spine": 0.0, "session_sd": 0.0}


@pytest.fixture(scope="module")
def steady(even):
    """Return control and stressed animals whose coordination is exactly 1 and 0.6."""
    arms = tuple(Arm(stress=s, treatment="vehicle") for s in ("control", "stress"))
    cut = EXACT | {"stress_deficit": 0.4}
    settings = even.changed(arms=arms, subjects_per_arm=400, coordination=cut, stress={"recovery_days": 1e9})
    return simulate_study(settings, 51)


def at(study, session):
    return [s.name for s in study.settings.sessions].index(session)


@pytest.mark.parametrize("name", SCORES)
def test_mean_and_spread_of_each_arm_are_the_parameters(steady, name):
    how = getattr(steady.settings.behaviour, name)
    stressed = steady.animals.stressed
    for session, arm, mean in (
        ("baseline2", ~stressed, how.control),
        ("baseline2", stressed, how.control),
        ("stressed", ~stressed, how.control + how.retest_shift),
        ("stressed", stressed, how.stressed + how.retest_shift),
        ("7d", stressed, how.stressed + how.retest_shift),
    ):
        values = steady.scores[name][arm, at(steady, session)]
        assert_mean(values, mean)
        assert values.std(ddof=1) == pytest.approx(how.sd, rel=4 / np.sqrt(2 * len(values)))
        assert values.min() >= 0
        assert values.max() <= how.largest


@pytest.mark.parametrize("name", SCORES)
def test_retest_correlation_is_the_reliability(steady, name):
    values = steady.scores[name][~steady.animals.stressed]
    correlation = np.corrcoef(values[:, at(steady, "24h")], values[:, at(steady, "48h")])[0, 1]
    assert correlation == pytest.approx(0.8, abs=0.08)


def test_behaviour_is_missing_where_it_is_not_planned(steady):
    planned = np.array([s.behaviour for s in steady.settings.sessions])
    for values in steady.scores.values():
        assert (np.isnan(values) == ~planned).all()


def test_scores_follow_coordination(study):
    """Animals that lost more coordination hang still for longer: 50 s for 0.4, on a spread of 40 s."""
    here = study.attended[:, at(study, "stressed")]
    lost = 1 - study.coordination.value[here, at(study, "stressed")]
    slope = np.polyfit(lost, study.scores["immobility_s"][here, at(study, "stressed")], 1)[0]
    assert slope == pytest.approx(50 / 0.4, rel=0.2)


def test_behaviour_recovers_at_three_hours_and_immobility_alone_needs_spines(even):
    arms = tuple(Arm(stress="stress", treatment=t) for t in ("vehicle", "ketamine"))
    drug = {"responder_fraction": 1.0, "restored_fraction": 0.15, "formation_follows_activity": 0.0}
    study = simulate_study(even.changed(arms=arms, subjects_per_arm=300, ketamine=drug), 52)
    ketamine = study.animals.ketamine

    def gap(name, session):
        values = study.scores[name][:, at(study, session)]
        return values[ketamine].mean() - values[~ketamine].mean()

    assert gap("immobility_s", "3h") < -35
    assert abs(gap("immobility_s", "7d")) < 13
    assert gap("sucrose_percent", "3h") > 9
    assert gap("sucrose_percent", "7d") > 9


def test_a_score_without_stress_effect_is_cut(even):
    flat = {"immobility_s": {"stressed": 140.0, "retest_shift": 0.0}}
    arms = (Arm(stress="stress", treatment="vehicle"),)
    study = simulate_study(even.changed(arms=arms, subjects_per_arm=400, behaviour=flat), 53)
    assert_mean(study.scores["immobility_s"][:, at(study, "stressed")], 140.0)


def test_expected_score_stays_inside_its_bounds():
    how = ScoreSettings(control=82.0, stressed=68.0, sd=10.0, largest=100.0, maintenance_needs_spines=0.0)
    lost = np.array([-5.0, 0.0, 0.4, 50.0])
    found = expected_score(lost, np.zeros(4, bool), how, 0.4)
    assert found == pytest.approx([98.0, 82.0, 68.0, 2.0])


def test_defaults_are_those_of_the_literature():
    behaviour = StudySettings().behaviour
    assert (behaviour.immobility_s.control, behaviour.immobility_s.stressed, behaviour.immobility_s.sd) == (
        140,
        190,
        40,
    )
    assert (behaviour.sucrose_percent.control, behaviour.sucrose_percent.stressed) == (82, 68)
    assert (behaviour.alternation_percent.control, behaviour.alternation_percent.stressed) == (65, 57)
    assert (behaviour.entries.control, behaviour.entries.stressed) == (28, 22)
