"""Groups that differ in what is seen, and groups that differ in what happens."""

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.inference.occupancy import (
    OccupancySettings,
    compare_detection,
    compare_turnover,
    fit_occupancy,
    read_histories,
)
from scored_sites import World, raw_rates, simulate

GROUPS = {f"m{m}": "control" if m < 6 else "stress" for m in range(12)}
ARMS = World(n_subjects=12, n_spines=150)


def histories_of(world, seed):
    spines, sessions, _, _ = simulate(world, np.random.default_rng(seed))
    return read_histories(spines, sessions, groups=GROUPS), spines


def test_groups_seen_differently_are_warned_of_and_do_not_differ():
    world = ARMS.changed(hit=np.where(np.arange(12)[:, None] < 6, 0.93, 0.85))
    histories, spines = histories_of(world, 1)
    control = spines.subject.isin([f"m{m}" for m in range(6)])
    assert raw_rates(spines[~control])[1].mean() - raw_rates(spines[control])[1].mean() > 0.05
    detection = compare_detection(histories)
    assert detection.p < 1e-6
    assert detection.p_animals < 0.01
    assert detection.hit["control"] == pytest.approx(0.93, abs=0.015)
    assert detection.hit["stress"] == pytest.approx(0.85, abs=0.02)
    assert detection.warning.startswith("the hit probability differs between groups (control 0.9")
    assert detection.warning.endswith("raw turnover is not comparable")
    found = compare_turnover(histories)
    assert (found.p > 0.05).all()
    assert (found.low < 0).all()
    assert (found.high > 0).all()


def test_a_real_difference_is_found_with_its_size():
    rates = np.where(np.arange(12) < 6, 0.02, 0.08)
    histories, _ = histories_of(ARMS.changed(formation=0.03, elimination=rates), 2)
    found = compare_turnover(histories).groupby("question").first()
    lost, formed = found.loc["corrected elimination"], found.loc["corrected formation"]
    assert lost.p < 0.001
    assert lost.low < 0.06 < lost.high
    assert formed.low < 0 < formed.high
    assert (lost.reference, lost.group, lost.df, lost.n_subjects) == ("control", "stress", 10, 12)
    detection = compare_detection(histories)
    assert detection.p > 0.01
    assert (detection.warning is None) == (min(detection.p, detection.p_animals) >= 0.05)


def test_the_likelihood_ratio_is_that_of_the_two_fits():
    histories, _ = histories_of(ARMS, 3)
    test = compare_detection(histories, OccupancySettings(returns=False))
    alike, apart = (
        fit_occupancy(histories, OccupancySettings(returns=False, group_rates=True, group_detection=own))
        for own in (False, True)
    )
    assert test.statistic == pytest.approx(2 * (apart.log_penalised - alike.log_penalised), abs=1e-6)
    assert test.df == 1
    assert len(apart.names) == len(alike.names) + 1


def test_animals_that_differ_widen_the_interval():
    wild = ARMS.changed(subject_sd=1.0, elimination=0.05, formation=0.05)
    fit = fit_occupancy(histories_of(wild, 4)[0])
    sites, animals = fit.compute_turnover("sites").iloc[0], fit.compute_turnover("animals").iloc[0]
    assert np.log(animals.elimination_high / animals.elimination) > 1.5 * np.log(
        sites.elimination_high / sites.elimination
    )


def test_a_single_animal_has_no_spread_between_animals():
    spines, sessions, _, _ = simulate(World(n_subjects=1), np.random.default_rng(6))
    fit = fit_occupancy(read_histories(spines, sessions), OccupancySettings(detection="subject_session"))
    table = fit.compute_turnover("animals")
    assert table.formation_low.isna().all()
    assert table.elimination.notna().all()
    assert set(table.reason) == {"no limits: there are no more animals than groups"}
    assert fit.turnover.reason.isna().all()


def test_what_cannot_be_compared():
    spines, sessions, _, _ = simulate(World(n_subjects=4), np.random.default_rng(5))
    with pytest.raises(InputError) as error:
        compare_turnover(read_histories(spines, sessions))
    assert str(error.value) == "comparison of groups: found the group ['all']; expected two or more"
    spines, sessions, _, _ = simulate(World(n_subjects=4, days=(0, 2)), np.random.default_rng(5))
    histories = read_histories(spines, sessions, groups={f"m{m}": "xy"[m % 2] for m in range(4)})
    with pytest.raises(InputError) as error:
        compare_detection(histories)
    assert str(error.value) == (
        "comparison of groups: the correction is not identified: found 2 sessions and one scoring of each; expected 3 "
        "sessions, or a second scoring; bounds hold for hit probabilities from 0.8 to 1 and false calls up to 0.05"
    )
