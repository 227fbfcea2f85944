import numpy as np
import pytest

from monte_carlo import assert_share
from respine.simulate.dropout import draw_dropout_h, log_fading
from respine.simulate.settings import StudySettings
from respine.simulate.study import simulate_study

MANY = 20_000


def drawn(lost, seed=1, **dropout):
    settings = StudySettings().changed(dropout=dropout)
    return draw_dropout_h(
        np.full((MANY, len(settings.sessions)), lost), settings, np.random.default_rng(seed)
    ), settings


def test_dropout_is_exponential_from_the_first_session():
    when, settings = drawn(0.0, per_week=0.2)
    for time_h in (-504.0, -200.0, 0.0, 100.0):
        weeks = (time_h - settings.time_h[0]) / 168
        assert_share((when <= time_h).sum(), MANY, 1 - np.exp(-0.2 * weeks))
    assert np.isinf(when[when > 168]).all()
    assert when.min() > settings.time_h[0]


def test_no_hazard_no_dropout():
    assert np.isinf(drawn(0.0, per_week=0.0)[0]).all()


def test_lost_coordination_raises_the_hazard():
    when, settings = drawn(0.4, per_week=0.05, log_hazard_per_deficit=5.0)
    weeks = (settings.time_h[-1] - settings.time_h[0]) / 168
    assert_share(np.isfinite(when).sum(), MANY, 1 - np.exp(-0.05 * np.exp(2.0) * weeks))


def test_uninformative_dropout_ignores_it():
    with_loss, _ = drawn(0.4, per_week=0.05)
    without, _ = drawn(0.0, per_week=0.05)
    assert (with_loss == without).all()


def test_images_fade_before_the_animal_leaves():
    settings = StudySettings().changed(dropout={"dimming_days": 10.0, "dimming_factor": 0.5})
    fading = log_fading(np.array([168.0, np.inf, -552.0 + 1]), settings)
    at = dict(zip([s.name for s in settings.sessions], range(9), strict=True))
    assert fading[0, at["7d"]] == pytest.approx(np.log(0.5))
    assert fading[0, at["48h"]] == pytest.approx(np.log(0.5) * 0.5)
    assert fading[0, at["stressed"]] == pytest.approx(np.log(0.5) * (1 - 170 / 240))
    assert (fading[1] == 0).all()
    assert fading[2, 1] == pytest.approx(np.log(0.5))
    assert (log_fading(np.array([168.0]), StudySettings()) == 0).all()


def test_an_animal_that_left_has_no_later_data():
    study = simulate_study(StudySettings(subjects_per_arm=40).changed(dropout={"per_week": 0.3}), 3)
    gone = ~study.attended
    assert 0.2 < gone.mean() < 0.8
    assert not (gone[:, :-1] & ~gone[:, 1:]).any()
    assert not study.seen[gone.T[:, study.spines.subject]].any()
    for values in study.scores.values():
        assert np.isnan(values[gone]).all()
    rows = study.table("sessions")
    attended = rows.set_index(["subject", "session"])["attended"]
    for name in ("calls", "activity", "behaviour"):
        table = study.table(name)
        keys = table.drop_duplicates(["subject", "session"]).set_index(["subject", "session"]).index
        assert attended.loc[keys].all(), name
    subject = study.dendrites.subject[study.false_calls.dendrite]
    assert study.attended[subject, study.false_calls.session].all()


def test_informative_dropout_takes_the_stressed():
    settings = StudySettings(subjects_per_arm=150).changed(
        dropout={"per_week": 0.04, "log_hazard_per_deficit": 5.0, "dimming_days": 10.0}
    )
    study = simulate_study(settings, 4)
    left = np.isfinite(study.dropout_h)
    stressed_vehicle = study.animals.stressed & ~study.animals.ketamine
    assert left[stressed_vehicle].mean() > 1.3 * left[~study.animals.stressed].mean()
