"""With every effect cut, arms differ by chance only: p values over many studies are uniform."""

import numpy as np
import pytest
from scipy.stats import f_oneway, kstest

from respine.simulate.scenarios import scenario_settings
from respine.simulate.spines import NOTHING
from respine.simulate.study import SCORES, simulate_study

SEEDS = range(200)


def measures(study):
    """Return one number an animal for each thing that an analysis could compare; missing where it left."""
    spines, animals = study.spines, len(study.animals.arm)

    def count(marked):
        return np.bincount(spines.subject[marked], minlength=animals)

    first, stressed, day, week = study.present[[1, 2, 6, 8]]
    seen_first, seen_last = study.seen[1], study.seen[2]
    both = study.attended[:, 2]
    found = {
        "elimination under stress": count(first & ~stressed) / count(first),
        "formation under stress": count(~first & stressed) / count(first),
        "formation in a day": count(~stressed & day) / count(stressed),
        "density after a week": count(week) / count(first),
        "apparent elimination": np.where(
            both, count(seen_first & ~seen_last) / np.maximum(count(seen_first), 1), np.nan
        ),
        "mean size": np.bincount(spines.subject, study.log_diameter[6] * day, animals) / count(day),
        "coordination at 3 h": study.coordination.value[:, 3],
        "coordination after a week": study.coordination.value[:, 8],
        "events": study.cells.events[:, 3].astype(float),
        "activations": study.cells.activations[:, 3].sum(axis=1).astype(float),
    }
    for name in SCORES:
        found[f"{name} at 3 h"] = study.scores[name][:, 3]
    return found


def p_values(settings, seeds):
    """Compare the arms by a one-way analysis of variance of the animals, for each measure and study."""
    found = {}
    for seed in seeds:
        study = simulate_study(settings, seed)
        arms = [study.animals.arm == arm for arm in range(len(settings.arms))]
        for name, values in measures(study).items():
            groups = [values[arm & np.isfinite(values)] for arm in arms]
            found.setdefault(name, []).append(f_oneway(*groups).pvalue)
    return found


@pytest.mark.slow
def test_arms_differ_by_chance_only():
    found = p_values(scenario_settings("no-effect"), SEEDS)
    assert len(found) == 14
    for name, values in found.items():
        assert len(values) == 200
        # Fourteen measures: one in a hundred tests of all of them fails by chance.
        assert kstest(values, "uniform").pvalue > 0.01 / 14, name


def test_textbook_arms_differ():
    """The test above can fail: with the effects in place, the same p values are small."""
    found = p_values(scenario_settings("textbook"), range(10))
    for name in ("elimination under stress", "coordination at 3 h", "density after a week", "formation in a day"):
        assert np.median(found[name]) < 0.01, name


def test_no_effect_restores_and_deletes_nothing():
    study = simulate_study(scenario_settings("no-effect"), 1)
    assert (study.spines.restores == NOTHING).all()
    assert not study.deletion.deleted.any()
    assert (study.coordination.fast == 0).all()
    assert (study.cells.rate_factor == 1).all()
