"""The coordination of ensembles: what stress and lost synapses take, what the drug and new synapses give back.

    C(t) = 1 - D(t) (1 - R(t)),
    D(t) = stress_deficit s(t) + deficit_per_lost_spine L(t) + deficit_per_deleted_spine X(t),
    R(t) = max(fast(t), held(t)),
    held(t) = held_recovery ((1 - m) on(t) + m q(t)),

with s the stress level, L the net share of spines lost since the first session and until stress ends, X the share that
light deleted, fast the fast effect of the drug, m the share of the lasting recovery that needs the new
spines, and q a sigmoid of the share of lost sites at which a restored spine stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.anatomy import Animals
from respine.simulate.births import stress_level
from respine.simulate.settings import StudySettings
from respine.simulate.settings_effects import CoordinationSettings, KetamineSettings


@dataclass(frozen=True, eq=False)
class Coordination:
    """Coordination and what it is made of, arrays of shape (M, T).

    Parameters
    ----------
    deficit : ndarray
        Coordination lost before any recovery, D.
    fast : ndarray
        Share of it that the fast effect gives back.
    support : ndarray
        Share of the lasting recovery that the standing restored spines carry, q.
    noise : ndarray
        Deviation of the session.
    value : ndarray
        Coordination, 1 in a healthy animal.
    """

    deficit: np.ndarray
    fast: np.ndarray
    support: np.ndarray
    noise: np.ndarray
    value: np.ndarray


def fast_course(time_h: np.ndarray, settings: KetamineSettings) -> np.ndarray:
    """Return the fast effect over time, relative to its peak: on, hold, decay."""
    time_h = np.asarray(time_h, float)
    late = np.maximum(time_h - settings.fast_hold_h, 0.0)
    return np.clip(time_h / settings.fast_on_h, 0.0, 1.0) * np.exp(-late / settings.fast_decay_h)


def support_of(restored_share: np.ndarray, settings: CoordinationSettings) -> np.ndarray:
    """Return q, the sigmoid of the share of lost sites at which a spine stands again."""
    ratio = (np.asarray(restored_share) / settings.half_support) ** settings.support_steepness
    return ratio / (1 + ratio)


def recovery(coordination: Coordination, needs_spines: float, animals: Animals, settings: StudySettings) -> np.ndarray:
    """Return R(t), the share of the deficit given back, if the lasting part needs spines to this degree, (M, T)."""
    time_h = np.array(settings.time_h)
    drugged = animals.responder[:, None] & (time_h > 0)
    on = np.clip(time_h / settings.ketamine.fast_on_h, 0.0, 1.0)
    held = (1 - needs_spines) * on + needs_spines * coordination.support
    return np.maximum(coordination.fast, settings.coordination.held_recovery * held * drugged)


def draw_coordination(
    lost_share: np.ndarray,
    deleted_share: np.ndarray,
    restored_share: np.ndarray,
    animals: Animals,
    settings: StudySettings,
    rng: np.random.Generator,
) -> Coordination:
    """Draw the coordination of every animal in every session.

    Parameters
    ----------
    lost_share : ndarray, shape (M, T)
        Net share of spines lost since the first session, up to the end of stress; negative where there are more.
    deleted_share : ndarray, shape (M, T)
        Share of the spines of the first session that light has deleted.
    restored_share : ndarray, shape (M, T)
        Share of the sites lost under stress at which a restored spine stands that is old enough to matter.
    """
    how = settings.coordination
    time_h = np.array(settings.time_h)
    direct = how.stress_deficit * np.outer(animals.stressed, stress_level(time_h, settings))
    deficit = direct + how.deficit_per_lost_spine * lost_share + how.deficit_per_deleted_spine * deleted_share
    fast = np.outer(animals.fast_recovery, fast_course(time_h, settings.ketamine))
    noise = how.session_sd * rng.standard_normal(deficit.shape)
    parts = Coordination(deficit, fast, support_of(restored_share, how), noise, deficit)
    back = recovery(parts, how.maintenance_needs_spines, animals, settings)
    value = np.maximum(1 - deficit * (1 - back) + noise, 0.0)
    return Coordination(deficit, fast, parts.support, noise, value)
