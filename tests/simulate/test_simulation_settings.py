import pytest

from respine.core.errors import SettingsError
from respine.simulate.settings import Arm, PlannedSession, StudySettings
from respine.simulate.settings_effects import KetamineSettings, ProbeSettings, StressSettings
from respine.simulate.settings_function import ActivitySettings, ScoreSettings
from respine.simulate.settings_structure import AnatomySettings, SizeSettings

SESSIONS = "['baseline1', 'baseline2', 'stressed', '3h', '6h', '12h', '24h', '48h', '7d']"


def refusal(make):
    with pytest.raises(SettingsError) as caught:
        make()
    return str(caught.value)


@pytest.mark.parametrize(
    ("group", "change", "message"),
    [
        ("stress", {"loss_multiplier": 0.2}, "loss_multiplier: found 0.2, expected greater than or equal to 1"),
        ("stress", {"start_h": 5.0}, "start_h: found 5.0, expected less than 0"),
        ("stress", {"los_multiplier": 2.0}, "los_multiplier: unknown setting"),
        (
            "stress",
            {"loss_multiplier": 9.0},
            "loss_multiplier: found 9, expected at most 7.7, since 0.123 of the spines are lost over that time "
            "without stress",
        ),
        (
            "stress",
            {"branch_correlation": 0.01},
            "branch_correlation: found 0.01 with cluster_share 0.4 over 4 um, expected a correlation that the "
            "clustering alone does not exceed, or less clustering",
        ),
        (
            "ketamine",
            {"restored_fraction": 0.1},
            "restored_fraction: found 0.1, expected no less than restored_fraction_vehicle (0.15)",
        ),
        (
            "ketamine",
            {"restored_fraction_sd": 0.5},
            "restored_fraction_sd: found 0.5, expected below 0.458, the most that a share with mean 0.3 can vary",
        ),
        (
            "ketamine",
            {"slow_time_h": (6.0, 3.0, 24.0)},
            "slow_time_h: found (6.0, 3.0, 24.0), expected two or more rising times from 0 h on",
        ),
        (
            "ketamine",
            {"slow_effect": (0.0, 1.0)},
            "slow_effect: found (0.0, 1.0), expected 3 numbers that rise from 0 to 1, one a time",
        ),
        ("probe", {"light_h": 12.0}, "light_h: found 12, expected no earlier than label_h (24)"),
        (
            "size",
            {"class_fractions": (0.5, 0.5, 0.5, 0.5)},
            "class_fractions: found (0.5, 0.5, 0.5, 0.5), expected shares that sum to 1",
        ),
        (
            "size",
            {"class_protrusions_um": (1.0, 0.0, 1.0, 1.0)},
            "class_protrusions_um: found (1.0, 0.0, 1.0, 1.0), expected four positive numbers",
        ),
        (
            "anatomy",
            {"gap_um": 1.0},
            "gap_um: found 1 at 0.48 spines per um, expected gaps that fill less than half of a dendrite",
        ),
        (
            "activity",
            {"ensemble_cells_max": 90},
            "ensemble_cells_max: found 90, expected between ensemble_cells_min (8) and cells (80)",
        ),
        (
            "behaviour",
            {"suspension_s": 300.0},
            "immobility_s.largest: found 360, expected suspension_s (300)",
        ),
        (
            "behaviour",
            {"immobility_s": {"sd": 400.0}},
            "immobility_s.sd: found 400, expected at most 87.7, half of what scores between 0 and 360 with mean 140 "
            "can vary",
        ),
        (
            "behaviour",
            {"sucrose_percent": {"control": 120.0}},
            "sucrose_percent.control: found control 120, expected between 0 and 100",
        ),
        ("detection", {"dim_session": "9h"}, f"dim_session: found '9h', expected one of {SESSIONS}"),
        ("detection", {"hit_mean": 0.0}, "hit_mean: found 0.0, expected greater than 0"),
        (
            "turnover",
            {"weibull_scale_days": "long"},
            "weibull_scale_days: found 'long', expected a valid number, unable to parse string as a number",
        ),
    ],
)
def test_impossible_values_are_refused_by_name(group, change, message):
    assert refusal(lambda: StudySettings().changed(**{group: change})) == f"{group}.{message}"


def test_every_problem_is_named():
    found = refusal(lambda: StressSettings(loss_multiplier=0.5, cluster_um=-1.0, other=1))
    assert found == (
        "loss_multiplier: found 0.5, expected greater than or equal to 1; "
        "cluster_um: found -1.0, expected greater than 0; other: unknown setting"
    )


def test_missing_values_are_named():
    assert refusal(lambda: Arm(stress="stress")) == "treatment: missing"


def test_long_values_are_cut_short():
    found = refusal(lambda: Arm(stress="x" * 200, treatment="vehicle"))
    assert found == "stress: found '" + "x" * 79 + "..., expected 'control' or 'stress'"


def test_nested_groups_given_as_mappings_are_checked_too():
    found = refusal(lambda: StudySettings(stress={"start_h": 1.0}, ketamine={"dose": 10}))
    assert found == "stress.start_h: found 1.0, expected less than 0; ketamine.dose: unknown setting"


def test_arms_and_sessions_must_be_distinct():
    arm = Arm(stress="control", treatment="vehicle")
    assert refusal(lambda: StudySettings(arms=(arm, arm))) == "arms: found the same arm twice, expected each once"
    twice = (PlannedSession(name="a", time_h=-600), PlannedSession(name="a", time_h=0))
    assert refusal(lambda: StudySettings(sessions=twice)) == "sessions: found names ['a', 'a'], expected each once"
    back = (PlannedSession(name="a", time_h=0), PlannedSession(name="b", time_h=-600))
    assert (
        refusal(lambda: StudySettings(sessions=back)) == "sessions: found times [0.0, -600.0] h, expected rising times"
    )
    late = (PlannedSession(name="a", time_h=0),)
    assert refusal(lambda: StudySettings(sessions=late)) == (
        "stress.start_h: found -504 before the first session at 0 h, expected a session before stress"
    )


def test_names_of_sessions_can_be_part_of_a_file_name():
    found = refusal(lambda: PlannedSession(name="a/b", time_h=0))
    assert found == "name: found 'a/b', expected String should match pattern '^[A-Za-z0-9][A-Za-z0-9_+-]{0,63}$'"


def test_settings_are_frozen_hashable_and_equal_by_value():
    assert hash(StudySettings()) == hash(StudySettings())
    assert StudySettings() == StudySettings()
    with pytest.raises(ValueError, match="frozen"):
        StudySettings().stress.start_h = 1.0


def test_changed_leaves_the_rest_alone():
    changed = StudySettings().changed(stress={"loss_multiplier": 2.0}, subjects_per_arm=3)
    assert (changed.stress.loss_multiplier, changed.subjects_per_arm) == (2.0, 3)
    assert changed.stress.birth_multiplier == StudySettings().stress.birth_multiplier
    assert changed.anatomy == StudySettings().anatomy


def test_settings_survive_json():
    settings = StudySettings().changed(detection={"dim_session": "3h"})
    assert StudySettings.model_validate_json(settings.model_dump_json()) == settings


def test_names_of_arms():
    assert Arm(stress="stress", treatment="ketamine").name == "stress-ketamine"
    assert Arm(stress="stress", treatment="ketamine", light="on").name == "stress-ketamine-probe-none-light-on"


def test_every_setting_says_what_it_is():
    for model in (
        *(AnatomySettings, SizeSettings, StressSettings, KetamineSettings, ProbeSettings),
        *(ActivitySettings, ScoreSettings, StudySettings),
    ):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_density_counts_the_spines_that_no_image_shows():
    assert AnatomySettings().density_total_per_um == pytest.approx(0.48 / 0.85)
