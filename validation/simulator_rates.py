"""Hold what happens in simulated studies against the parameters that they were given.

Usage: python validation/simulator_rates.py [--seeds N] [--subjects N]

Prints a table: quantity, parameter, measured over the animals of all seeds, standard error, and how many of these lie
between the two; then the arms of the textbook and no-effect scenarios, and how many studies a second are simulated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from respine.simulate.lifetimes import birth_rate_per_day, lifetimes_of
from respine.simulate.scenarios import scenario_settings
from respine.simulate.settings import Arm, StudySettings
from respine.simulate.spines import NOTHING
from respine.simulate.study import SCORES, SimulatedStudy, simulate_study

STRESS_DAYS = 21.0
Measure = tuple[str, float, np.ndarray]
"""What was measured, its parameter, and independent values of it."""


def alike(subjects: int) -> StudySettings:
    """Return animals that differ in their arm only, so that closed forms hold exactly."""
    return StudySettings().changed(
        subjects_per_arm=subjects,
        turnover={"speed_cv_subjects": 0.0},
        dropout={"per_week": 0.0},
        ketamine={"restored_fraction_sd": 0.0, "fast_recovery_sd": 0.0},
    )


def per_animal(study: SimulatedStudy, marked: np.ndarray) -> np.ndarray:
    """Count the marked spines of each animal."""
    return np.bincount(study.spines.subject[marked], minlength=len(study.animals.arm)).astype(float)


def spine_measures(study: SimulatedStudy) -> Iterator[Measure]:
    """Yield rates of spines."""
    settings, spines, animals = study.settings, study.spines, study.animals
    law, usual = lifetimes_of(settings.turnover), birth_rate_per_day(settings.turnover)
    first = per_animal(study, study.present[0])
    birth, death = spines.birth_h, spines.death_h
    plain = ~animals.stressed & ~animals.ketamine
    weeks = per_animal(study, birth > settings.time_h[0]) / first / 30.0
    yield "births per spine and day, no stress", usual, weeks[plain]
    density = per_animal(study, study.present[-1]) / first
    yield "density after 30 d / before, no stress", 1.0, density[plain]
    at_risk = (birth <= -504) & (death > -504)
    lost = per_animal(study, at_risk & (death <= 0)) / per_animal(study, at_risk)
    yield "elimination in 21 d, no stress", law.elimination(STRESS_DAYS), lost[~animals.stressed]
    wanted = settings.stress.loss_multiplier * law.elimination(STRESS_DAYS)
    yield "elimination in 21 d, stress", wanted, lost[animals.stressed]
    born = per_animal(study, (birth > -504) & (birth <= 0)) / first / STRESS_DAYS
    yield "births per spine and day, stress", settings.stress.birth_multiplier * usual, born[animals.stressed]
    restored = per_animal(study, spines.restores != NOTHING) / np.maximum(per_animal(study, at_risk & (death <= 0)), 1)
    drug = settings.ketamine
    yield (
        "restored of lost sites, vehicle",
        drug.restored_fraction_vehicle,
        restored[animals.stressed & ~animals.ketamine],
    )
    yield "restored of lost sites, responders", drug.restored_fraction, restored[animals.stressed & animals.responder]
    young = (birth > settings.time_h[0]) & (birth < settings.stress.start_h) & plain[spines.subject]
    yield "survival of a new spine to 1 d", float(law.survival(1.0)), (death - birth > 24)[young].astype(float)


def branch_measures(study: SimulatedStudy) -> Iterator[Measure]:
    """Yield the concentration of losses on branches, one estimate for each tenth of the dendrites."""
    spines = study.spines
    at_risk = (spines.birth_h <= -504) & (spines.death_h > -504)
    count = np.bincount(spines.sites.dendrite[at_risk], minlength=len(study.dendrites.subject))
    lost = np.bincount(spines.sites.dendrite[at_risk & (spines.death_h <= 0)], minlength=len(count))
    stressed = study.animals.stressed[study.dendrites.subject]
    for name, which, rho in (
        ("no stress", ~stressed, study.settings.turnover.branch_correlation),
        ("stress", stressed, study.settings.stress.branch_correlation),
    ):
        n, k = count[which], lost[which]
        parts = [(n[i::10], k[i::10]) for i in range(10)]
        yield f"beta-binomial rho of losses, {name}", rho, np.array([_rho(n, k) for n, k in parts])


def _rho(n: np.ndarray, k: np.ndarray) -> float:
    share = k.sum() / n.sum()
    within = (k * (n - k) / np.maximum(n - 1, 1)).sum() / n.sum()
    return float(1 - within / (share * (1 - share)))


def seen_measures(study: SimulatedStudy) -> Iterator[Measure]:
    """Yield rates of detection and the apparent turnover that follows from them."""
    shown = study.present & ~study.spines.axial
    hits = [per_animal(study, study.seen[t]) / per_animal(study, shown[t]) for t in range(len(shown))]
    # New spines are smaller than the average that the parameter speaks of.
    yield "hit probability (new spines are smaller)", study.settings.detection.hit_mean, np.mean(hits, axis=0)
    false = [
        np.bincount(
            study.dendrites.subject[study.false_calls.dendrite[study.false_calls.session == t]],
            minlength=len(study.animals.arm),
        )
        for t in (0, 1)
    ]
    calls = false[0] / per_animal(study, shown[0])
    yield "false calls per spine", study.settings.detection.false_calls_per_spine, calls
    lost = per_animal(study, study.seen[0] & ~study.seen[1]) + false[0]
    apparent = lost / (per_animal(study, study.seen[0]) + false[0])
    yield "apparent elimination in 2 d (published controls)", 0.077, apparent


def other_measures(study: SimulatedStudy) -> Iterator[Measure]:
    """Yield responders, coordination, cells and behaviour."""
    animals, drug = study.animals, study.settings.ketamine
    yield "responders", drug.responder_fraction, animals.responder[animals.ketamine].astype(float)
    value = study.coordination.value
    yield "coordination under stress (about 0.6)", 0.6, value[animals.stressed, 2]
    yield "coordination, responders, 3 h (about 0.95)", 0.95, value[animals.stressed & animals.responder, 3]
    yield "event rate, Hz", study.settings.activity.event_rate_hz, study.cells.rate_hz.mean(axis=1)
    plain = ~animals.stressed & ~animals.ketamine
    for name in SCORES:
        how = getattr(study.settings.behaviour, name)
        yield f"{name}, no stress, first test", how.control, study.scores[name][plain, 1]
        yield f"{name}, stress", how.stressed + how.retest_shift, study.scores[name][animals.stressed, 2]


def probe_measures(study: SimulatedStudy) -> Iterator[Measure]:
    """Yield labelling and deletion."""
    deletion, how = study.deletion, study.settings.probe
    old = deletion.standing & ~deletion.new
    yield "labelled of new spines", how.sensitivity, deletion.labelled[deletion.new].astype(float)
    yield "labelled of older spines", how.off_target, deletion.labelled[old].astype(float)
    lit = deletion.lit & deletion.labelled
    yield "deleted of labelled and lit", how.deletion_probability, deletion.deleted[lit].astype(float)
    lit = deletion.lit & ~deletion.labelled
    yield "deleted of unlabelled and lit", how.bystander_probability, deletion.deleted[lit].astype(float)


def print_measures(seeds: int, subjects: int) -> None:
    """Print every measure, pooled over the seeds."""
    probed = alike(subjects).changed(arms=(Arm(stress="stress", treatment="ketamine", probe="targeted", light="on"),))
    pooled: dict[str, tuple[float, list[np.ndarray]]] = {}
    for seed in range(seeds):
        study = simulate_study(alike(subjects), seed)
        groups = [f(study) for f in (spine_measures, branch_measures, seen_measures, other_measures)]
        groups.append(probe_measures(simulate_study(probed, seed)))
        for group in groups:
            for name, parameter, values in group:
                pooled.setdefault(name, (parameter, []))[1].append(values)
    print(f"{'quantity':<52}{'parameter':>11}{'measured':>11}{'s.e.':>10}{'z':>7}")
    for name, (parameter, parts) in pooled.items():
        values = np.concatenate(parts)
        mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
        print(f"{name:<52}{parameter:>11.5g}{mean:>11.5g}{error:>10.2g}{(mean - parameter) / error:>7.1f}")


def print_arms(scenario: str, seeds: int) -> None:
    """Print the means of the arms of a scenario over its sessions."""
    settings = scenario_settings(scenario)
    studies = [simulate_study(settings, seed) for seed in range(seeds)]
    print(f"\n{scenario}: coordination (left) and immobility, s (right), by session")
    names = [s.name for s in settings.sessions]
    tested = [s.behaviour for s in settings.sessions]
    print(
        f"{'':<18}" + "".join(f"{n:>10}" for n in names) + "   |" + "".join(f"{n:>10}" for n in np.array(names)[tested])
    )
    for index, arm in enumerate(settings.arms):
        which = [s.animals.arm == index for s in studies]
        value = np.concatenate([s.coordination.value[w] for s, w in zip(studies, which, strict=True)])
        immobile = np.concatenate([s.scores["immobility_s"][w] for s, w in zip(studies, which, strict=True)])
        left = "".join(f"{v:>10.2f}" for v in value.mean(axis=0))
        right = "".join(f"{v:>10.0f}" for v in np.nanmean(immobile[:, tested], axis=0))
        print(f"{arm.name:<18}{left}   |{right}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--subjects", type=int, default=50, help="animals in each arm")
    arguments = parser.parse_args()
    print_measures(arguments.seeds, arguments.subjects)
    for scenario in ("textbook", "no-effect"):
        print_arms(scenario, 5 * arguments.seeds)
    settings = StudySettings()
    start = time.process_time()
    for seed in range(50):
        simulate_study(settings, seed)
    print(f"\n{50 / (time.process_time() - start):.0f} studies of 4 arms x 8 animals a second and core, tables unmade")


if __name__ == "__main__":
    main()
