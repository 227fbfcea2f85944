"""Worlds of spines with known turnover, scored imperfectly: a generator that shares no code with the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class World:
    """An experiment. Rates are per two days; `hit` broadcasts to (animals, sessions)."""

    n_subjects: int = 8
    n_spines: int = 130
    days: tuple[float, ...] = (0, 2, 4, 6, 8)
    formation: object = 0.02
    elimination: object = 0.02
    hit: object = 0.90
    false_calls: float = 0.02
    n_raters: int = 1
    restored: float = 0.0
    unscorable: float = 0.0
    hit_spread: float = 0.0
    subject_sd: float = 0.0
    weibull: float | None = None

    def changed(self, **fields):
        return replace(self, **fields)


def stand(world: World, formation: float, elimination: float, rng: np.random.Generator) -> np.ndarray:
    """Which spines stand when, (N, T): births at a rate per standing spine, every spine with one hazard."""
    days = np.asarray(world.days, float)
    hazard = -np.log1p(-elimination) / 2
    # births so that those still standing after two days are `formation`
    birth = formation * hazard / elimination if elimination > 0 else formation / 2
    present = [np.ones(world.n_spines, bool)]
    for gap in np.diff(days):
        now = present[-1]
        stays = now & (rng.random(len(now)) < np.exp(-hazard * gap))
        back = ~now & np.any(present, axis=0) & (rng.random(len(now)) < world.restored)
        n_new = rng.poisson(birth * gap * now.sum())
        new = rng.random(n_new) < np.exp(-hazard * gap * rng.random(n_new))
        present = [np.r_[p, np.zeros(n_new, bool)] for p in present]
        present.append(np.r_[stays | back, new])
    return np.array(present).T


def stand_heavy_tail(world: World, rng: np.random.Generator) -> np.ndarray:
    """Stationary spines with Weibull lifetimes of shape `weibull`, scale 40 d, and never older than 500 d."""
    days, top = np.asarray(world.days, float), 500.0
    grid = np.linspace(0, top, 20001)
    alive = np.exp(-((grid / 40.0) ** world.weibull))
    rate = world.n_spines / np.trapezoid(alive, grid)
    n_born = rng.poisson(rate * (top + days[-1]))
    birth = days[-1] - rng.random(n_born) * (top + days[-1])
    life = np.minimum(40.0 * rng.exponential(size=n_born) ** (1 / world.weibull), top)
    return (birth[:, None] <= days) & (days < (birth + life)[:, None])


def score(present: np.ndarray, hit: np.ndarray, world: World, rng: np.random.Generator) -> np.ndarray:
    """Calls (sites, T, raters): hits, and false calls that are sites of their own; -1 where unscorable."""
    n, n_times = present.shape
    odds = np.log(hit / (1 - hit)) + world.hit_spread * rng.standard_normal((n, 1))
    chance = 1 / (1 + np.exp(-odds))
    calls = present[:, :, None] & (rng.random((n, n_times, world.n_raters)) < chance[:, :, None])
    count = rng.poisson(world.false_calls * present.sum(axis=0)[:, None], (n_times, world.n_raters))
    when, who = np.divmod(np.repeat(np.arange(count.size), count.ravel()), world.n_raters)
    phantoms = np.zeros((len(when), n_times, world.n_raters), bool)
    phantoms[np.arange(len(when)), when, who] = True
    calls = np.concatenate([calls, phantoms]).astype(int)
    blind = rng.random(calls.shape[:2]) < world.unscorable
    calls[blind] = -1
    return calls


def simulate(world: World, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """Return spines (with the truth in `present`), sessions, and true formation and elimination, all animals pooled."""
    n_times = len(world.days)
    hit = np.broadcast_to(world.hit, (world.n_subjects, n_times)).astype(float)
    formation = np.broadcast_to(world.formation, world.n_subjects)
    elimination = np.broadcast_to(world.elimination, world.n_subjects)
    parts, counts = [], np.zeros((3, n_times - 1))
    for m in range(world.n_subjects):
        pace = np.exp(world.subject_sd * rng.standard_normal() - world.subject_sd**2 / 2)
        if world.weibull:
            present = stand_heavy_tail(world, rng)
        else:
            present = stand(world, formation[m] * pace, elimination[m] * pace, rng)
        first, last = present[:, :-1], present[:, 1:]
        counts += [first.sum(axis=0), (~first & last).sum(axis=0), (first & ~last).sum(axis=0)]
        calls = score(present, hit[m], world, rng)
        present = np.concatenate([present, np.zeros((len(calls) - len(present), n_times), bool)])
        kept = (calls > 0).any(axis=(1, 2))
        calls, present = calls[kept], present[kept]
        n = len(calls)
        site = np.repeat(np.arange(n), n_times * world.n_raters)
        parts.append(
            pd.DataFrame(
                {
                    "subject": f"m{m}",
                    "dendrite": np.char.add("d", (site % 12).astype(str)),
                    "spine": np.char.add("s", site.astype(str)),
                    "session": np.tile(np.repeat([f"t{k}" for k in range(n_times)], world.n_raters), n),
                    "visible": pd.array(calls.ravel() > 0, dtype="boolean"),
                    "present": np.repeat(present.ravel(), world.n_raters),
                }
            )
        )
        parts[-1].loc[calls.ravel() < 0, "visible"] = pd.NA
    sessions = pd.DataFrame(
        [(f"m{m}", f"t{k}", 24.0 * day) for m in range(world.n_subjects) for k, day in enumerate(world.days)],
        columns=["subject", "session", "time_h"],
    )
    return pd.concat(parts, ignore_index=True), sessions, counts[1] / counts[0], counts[2] / counts[0]


def raw_rates(spines: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Formation and elimination as counted from one rater's calls, all animals pooled, shape (T - 1,)."""
    wide = spines.drop_duplicates(["subject", "spine", "session"]).pivot(
        index=["subject", "spine"], columns="session", values="visible"
    )
    seen = wide.astype("boolean")
    formed, lost = [], []
    for a, b in zip(seen.columns[:-1], seen.columns[1:], strict=True):
        pair = seen[[a, b]].dropna().astype(bool).to_numpy()
        n = pair[:, 0].sum()
        formed.append((~pair[:, 0] & pair[:, 1]).sum() / n)
        lost.append((pair[:, 0] & ~pair[:, 1]).sum() / n)
    return np.array(formed), np.array(lost)
