import re

import numpy as np
import pytest

from respine.core.errors import ReadError, SettingsError
from respine.simulate.scenarios import SCENARIOS, made_small, read_scenario, scenario_settings
from respine.simulate.settings import StudySettings
from respine.simulate.study import simulate_study

NAMES = "textbook, no-effect, spines-first, dim-session, necessity, random-deletion, informative-dropout"


def by_session(study, values, arm):
    names = [s.name for s in study.settings.sessions]
    return dict(zip(names, values[study.animals.arm == arm].mean(axis=0), strict=True))


def counts(study):
    return np.stack([np.bincount(study.spines.subject[r], minlength=len(study.animals.arm)) for r in study.present], 1)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("size", ["small", "full"])
def test_every_scenario_can_be_simulated(name, size):
    settings = scenario_settings(name, subjects_per_arm=2, size=size)
    study = simulate_study(settings, 1)
    assert len(study.table("subjects")) == 2 * len(settings.arms)
    assert (study.dendrites.length_um, len(settings.sessions)) == ((36.0, 6) if size == "small" else (60.0, 9))
    assert settings.name == name


def test_every_scenario_says_what_is_the_case():
    for make in SCENARIOS.values():
        assert make.__doc__


def test_unknown_scenarios_are_refused():
    expected = f"scenario: found 'texbook', expected {NAMES}, or the path of a .toml"
    with pytest.raises(SettingsError, match=f"^{re.escape(expected)}$"):
        scenario_settings("texbook")


def test_in_spines_first_spines_come_before_coordination():
    study = simulate_study(scenario_settings("spines-first", 80), 2)
    spines, value = counts(study), study.coordination.value
    treated = by_session(study, spines / spines[:, :1], 3)
    assert treated["3h"] > treated["stressed"] + 0.02
    coordination = by_session(study, value, 3)
    assert abs(coordination["3h"] - coordination["stressed"]) < 0.04
    assert coordination["24h"] > coordination["stressed"] + 0.12


def test_in_textbook_coordination_comes_before_spines():
    study = simulate_study(scenario_settings("textbook", 80), 2)
    spines = counts(study)
    treated = by_session(study, spines / spines[:, :1], 3)
    assert abs(treated["3h"] - treated["stressed"]) < 0.012
    assert treated["24h"] > treated["stressed"] + 0.02
    coordination = by_session(study, study.coordination.value, 3)
    assert coordination["3h"] > coordination["stressed"] + 0.18


def test_a_dim_session_looks_like_loss_and_restoration():
    plain, dim = (simulate_study(scenario_settings(name, 20), 3) for name in ("textbook", "dim-session"))
    assert (plain.present == dim.present).all()
    control = ~plain.animals.stressed[plain.spines.subject]
    here = dim.attended[:, :4].all(axis=1)[plain.spines.subject]
    share = [
        (s.seen[1] & ~s.seen[2] & s.seen[3])[control & here].sum() / s.seen[1][control & here].sum()
        for s in (plain, dim)
    ]
    assert share[1] > 2.5 * share[0]


def test_random_deletion_leaves_the_recovery():
    study = simulate_study(scenario_settings("random-deletion", 100), 4)
    late = [study.coordination.value[study.animals.arm == arm, -1].mean() for arm in range(4)]
    assert max(late) - min(late) < 0.08
    assert study.deletion.deleted.sum() > 1_000


def test_necessity_shows_what_random_deletion_does_not():
    study = simulate_study(scenario_settings("necessity", 100), 4)
    late = [study.coordination.value[study.animals.arm == arm, -1].mean() for arm in range(6)]
    light_on_new, on_random, vehicle = late[3], late[4], late[5]
    assert light_on_new < min(late[0], late[1], late[2], on_random) - 0.05
    assert vehicle < light_on_new + 0.05


def test_informative_dropout_takes_stressed_animals():
    study = simulate_study(scenario_settings("informative-dropout", 150), 5)
    left = np.isfinite(study.dropout_h)
    arm = study.animals.arm
    assert left[arm == 2].mean() > left[arm == 0].mean() + 0.15


def test_custom_scenarios_are_toml_on_top_of_a_named_one(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('scenario = "spines-first"\nname = "mine"\nsubjects_per_arm = 3\n[stress]\nloss_multiplier = 2.0\n')
    settings = scenario_settings(str(path))
    assert (settings.name, settings.subjects_per_arm, settings.stress.loss_multiplier) == ("mine", 3, 2.0)
    assert settings.ketamine == SCENARIOS["spines-first"]().ketamine
    assert scenario_settings(str(path), subjects_per_arm=5).subjects_per_arm == 5


def test_custom_arms_and_sessions(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[arms]]\nstress = "control"\ntreatment = "vehicle"\n'
        '[[sessions]]\nname = "a"\ntime_h = -600\n[[sessions]]\nname = "b"\ntime_h = 10\nbehaviour = true\n'
    )
    settings = read_scenario(path)
    assert (len(settings.arms), [s.name for s in settings.sessions]) == (1, ["a", "b"])
    assert simulate_study(settings, 1).scores["entries"].shape == (8, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stress]\nlos = 2\n", "stress.los: unknown setting"),
        ('scenario = "other"\n', f"scenario: found 'other', expected {NAMES}"),
        ("colour = 1\n", "colour: unknown setting"),
    ],
)
def test_custom_scenarios_name_the_file_and_the_setting(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_scenario(path)


def test_files_that_are_no_toml_are_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[stress\n")
    with pytest.raises(ReadError, match=f"^{re.escape(str(path))}: expected a TOML file of settings; "):
        read_scenario(path)
    with pytest.raises(ReadError, match=f"^{re.escape(str(tmp_path / 'none.toml'))}: expected a TOML file"):
        read_scenario(tmp_path / "none.toml")


def test_small_keeps_the_mechanism():
    usual, small = StudySettings(), made_small(StudySettings())
    for group in ("turnover", "size", "stress", "ketamine", "coordination", "behaviour", "probe", "dropout"):
        assert getattr(small, group) == getattr(usual, group)
