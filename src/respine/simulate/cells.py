"""Cells and ensembles: who belongs to whom, and what each cell does in each session.

Legend of shapes: M animals, C cells of an animal, E ensembles, T sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.anatomy import Animals
from respine.simulate.births import stress_level
from respine.simulate.coordination import Coordination, recovery
from respine.simulate.settings import StudySettings


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of all animals and what is true of them.

    Parameters
    ----------
    rate_hz : ndarray, shape (M, C)
        Event rate of each cell in a healthy animal, Hz.
    member : ndarray of bool, shape (M, E, C)
        Membership of ensembles; the same in all sessions.
    found : ndarray of bool, shape (M, T, C)
        Cells that a session can show.
    rate_factor : ndarray, shape (M, T)
        Event rates relative to those of a healthy animal.
    activation_rate_hz : ndarray, shape (M, T)
        Activations of each ensemble per second.
    activations : ndarray of int, shape (M, T, E)
        Activations in the recording.
    events : ndarray of int, shape (M, T)
        Events of all cells in the recording.
    """

    rate_hz: np.ndarray
    member: np.ndarray
    found: np.ndarray
    rate_factor: np.ndarray
    activation_rate_hz: np.ndarray
    activations: np.ndarray
    events: np.ndarray


def draw_cells(
    coordination: Coordination, animals: Animals, settings: StudySettings, rng: np.random.Generator
) -> Cells:
    """Draw the cells of a study.

    Coordination scales how often ensembles activate; a cell's private rate makes up for it, so that the mean rates
    of events follow only the rate factor.
    """
    how = settings.activity
    animals_n, sessions_n = coordination.value.shape
    sigma = how.event_rate_log_sd
    rate = how.event_rate_hz * np.exp(sigma * rng.standard_normal((animals_n, how.cells)) - sigma**2 / 2)
    size = rng.integers(how.ensemble_cells_min, how.ensemble_cells_max + 1, (animals_n, how.ensembles, 1))
    rank = rng.random((animals_n, how.ensembles, how.cells), dtype=np.float32).argsort(axis=-1).argsort(axis=-1)
    found = rng.random((animals_n, sessions_n, how.cells), dtype=np.float32) < how.found_fraction
    back = recovery(coordination, settings.coordination.maintenance_needs_spines, animals, settings)
    level = np.outer(animals.stressed, stress_level(np.array(settings.time_h), settings)) * (1 - back)
    factor = 1 - (1 - settings.stress.event_rate_multiplier) * level
    activation = how.activations_per_min / 60.0 * coordination.value
    count = rng.poisson(np.repeat(activation[..., None] * how.recording_s, how.ensembles, axis=-1))
    events = rng.poisson(rate.sum(axis=1)[:, None] * factor * how.recording_s)
    return Cells(rate, rank < size, found, factor, activation, count, events)


def private_rate_hz(cells: Cells, subject: int, session: int, participation: float) -> np.ndarray:
    """Return the rate of the events of each cell that no ensemble causes, shape (C,), Hz."""
    together = participation * cells.activation_rate_hz[subject, session] * cells.member[subject].sum(axis=0)
    return np.maximum(cells.rate_hz[subject] * cells.rate_factor[subject, session] - together, 0.0)
