"""Hold corrected turnover against the truth of many simulated experiments.

Usage: python validation/occupancy.py [--studies N] [--seed S] [--only NAME ...]

Prints one table a scenario: measure, truth, raw, corrected, and what must hold. The worlds come from
tests/scored_sites.py, which shares no code with the model. Study i of a scenario is drawn with the seed (S, i).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from respine.inference.occupancy import (
    OccupancySettings,
    compare_detection,
    compare_turnover,
    compute_goodness,
    fit_occupancy,
    infer_states,
    read_histories,
)
from scored_sites import World, raw_rates, simulate

Study = Callable[[np.random.Generator], dict[str, float]]
_ARM = 8
_GROUPS = {f"m{m}": "control" if m < _ARM else "stress" for m in range(2 * _ARM)}
_TWO_ARMS = World(n_subjects=2 * _ARM, subject_sd=0.3)


def measure_rates(
    world: World, settings: OccupancySettings, rng: np.random.Generator, goodness: int = 0
) -> dict[str, float]:
    """Fit one study; truth, raw and corrected rates averaged over intervals, and whether the intervals cover."""
    spines, sessions, formed, lost = simulate(world, rng)
    fit = fit_occupancy(read_histories(spines, sessions), settings)
    found, raw = fit.turnover, raw_rates(spines)
    if world.weibull is None:
        lost = 1 - (1 - world.elimination) ** (np.diff(world.days) / 2)
        formed = lost * world.formation / world.elimination
    row = {}
    for j, (name, true) in enumerate((("formation", formed), ("elimination", lost))):
        covers = (found[f"{name}_low"] <= true) & (true <= found[f"{name}_high"])
        row[f"{name}: error of raw"] = float((raw[j] - true).mean())
        row[f"{name}: error of corrected"] = float((found[name] - true).mean())
        row[f"{name}: first interval covered"] = float(covers.iloc[0])
        row[f"{name}: last interval covered"] = float(covers.iloc[-1])
    if goodness:
        row["goodness of fit rejects"] = float(compute_goodness(fit, goodness, 1).p < 0.05)
    return row


def measure_dim(rng: np.random.Generator) -> dict[str, float]:
    """The third of five sessions is dim: formation after it against its neighbours' mean."""
    spines, sessions, _, _ = simulate(World(hit=(0.9, 0.9, 0.75, 0.9, 0.9)), rng)
    found = fit_occupancy(
        read_histories(spines, sessions), OccupancySettings(interval_formation=True, interval_elimination=True)
    ).turnover
    raw = raw_rates(spines)
    row = {}
    for name, k, raw_rate, corrected in (
        ("formation after it", 2, raw[0], found.formation.to_numpy()),
        ("elimination before it", 1, raw[1], found.elimination.to_numpy()),
    ):
        others = [j for j in (1, 2) if j != k]
        row[f"{name}, less neighbour: raw"] = raw_rate[k] - raw_rate[others].mean()
        row[f"{name}, less neighbour: corrected"] = corrected[k] - corrected[others].mean()
        row[f"{name}: error of corrected"] = corrected[k] - 0.02
    return row


def measure_groups(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Compare two arms: raw and true rates by Welch's test of animals, corrected by the model."""
    spines, sessions, _, _ = simulate(world, rng)
    histories = read_histories(spines, sessions, groups=_GROUPS)
    found = compare_turnover(histories).iloc[:2].set_index("question")
    row = {}
    parts = [spines[spines.subject == f"m{m}"] for m in range(2 * _ARM)]
    raw = np.array([[r.mean() for r in raw_rates(p)] for p in parts])
    true = np.array([[r.mean() for r in raw_rates(p.assign(visible=p.present))] for p in parts])
    for j, name in enumerate(("formation", "elimination")):
        for label, values in (("raw", raw), ("true states", true)):
            p = stats.ttest_ind(values[:_ARM, j], values[_ARM:, j], equal_var=False).pvalue
            row[f"{name}: {label} reject"] = float(p < 0.05)
        row[f"{name}: corrected rejects"] = float(found.p[f"corrected {name}"] < 0.05)
        row[f"{name}: corrected difference"] = found.estimate[f"corrected {name}"]
    row["detection: likelihood ratio rejects"] = float(compare_detection(histories).p < 0.05)
    return row


def measure_restored(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Share of lost sites that hold a spine again, by the calls, by the states and by the model."""
    spines, sessions, _, _ = simulate(world, rng)
    fit = fit_occupancy(read_histories(spines, sessions))
    states = infer_states(fit).merge(spines[["subject", "spine", "session", "visible", "present"]])
    times = states.groupby(["subject", "spine"])["p_present"].size().iloc[0]
    row = {
        "lost sites that a spine returned to: truth": _share_restored(states.present.to_numpy(bool).reshape(-1, times))
    }
    row["by the calls"] = _share_restored(states.visible.to_numpy(bool).reshape(-1, times))
    row["by the states"] = _share_restored((states.state == "present").to_numpy().reshape(-1, times))
    k = fit.kinetics
    row["returns per vacated site and interval, model"] = float(k.again[0, 0, 1].sum())
    return row


def _share_restored(stands: np.ndarray) -> float:
    lost = stands[:, :-1] & ~stands[:, 1:]
    later = np.array([[stands[i, t + 2 :].any() for t in range(lost.shape[1])] for i in range(len(stands))])
    usable = lost[:, :-1]
    return float((usable & later[:, :-1]).sum() / max(usable.sum(), 1))


def list_scenarios() -> dict[str, Study]:
    """Return what is measured of one study, by the scenario's name."""
    base, plain = World(), OccupancySettings()
    two = OccupancySettings(survival="two_class")
    differ = np.where(np.arange(2 * _ARM)[:, None] < _ARM, 0.93, 0.85)
    stronger = np.where(np.arange(2 * _ARM) < _ARM, 0.02, 0.07)
    tail = World(weibull=0.3, days=(0, 2, 4, 6, 8, 12, 20))
    return {
        "base": lambda rng: measure_rates(base, plain, rng),
        "goodness": lambda rng: measure_rates(base, plain, rng, 200),
        "dim": measure_dim,
        "detection-differs": lambda rng: measure_groups(_TWO_ARMS.changed(hit=differ), rng),
        "real-difference": lambda rng: measure_groups(_TWO_ARMS.changed(formation=stronger, elimination=stronger), rng),
        "unequal-unscorable": lambda rng: measure_rates(
            base.changed(days=(0, 1, 3, 7, 9), unscorable=0.1), OccupancySettings(), rng
        ),
        "two-raters-two-sessions": lambda rng: measure_rates(base.changed(days=(0, 2), n_raters=2), plain, rng),
        "persistent-misses": lambda rng: measure_rates(base.changed(hit_spread=1.0), plain, rng, 200),
        "heavy-tail-constant": lambda rng: measure_rates(tail, plain, rng, 200),
        "heavy-tail-two-class": lambda rng: measure_rates(tail, two, rng, 200),
        "no-restoration": lambda rng: measure_restored(base.changed(elimination=0.04, formation=0.04), rng),
        "restoration": lambda rng: measure_restored(base.changed(elimination=0.1, formation=0.06, restored=0.3), rng),
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scenarios = list_scenarios()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=sorted(scenarios), default=list(scenarios))
    options = parser.parse_args()
    for name in options.only:
        began = time.process_time()
        rows = [scenarios[name](np.random.default_rng([options.seed, i])) for i in range(options.studies)]
        spent = (time.process_time() - began) / options.studies
        print(f"\n{name}: {options.studies} studies, seed {options.seed}, {spent:.2f} CPU s each\n")
        print("| measure | mean | standard error |\n|---|---|---|")
        for measure in rows[0]:
            values = np.array([r[measure] for r in rows])
            print(f"| {measure} | {values.mean():.4f} | {values.std(ddof=1) / np.sqrt(len(values)):.4f} |", flush=True)


if __name__ == "__main__":
    main()
