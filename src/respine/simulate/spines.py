"""The spines of a study from birth to death, put together from births, deaths, restoration and light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from respine.simulate.anatomy import Animals, Dendrites, Sites, is_axial
from respine.simulate.births import HOURS_PER_DAY, draw_births, keep_apart
from respine.simulate.deletion import Deletion, draw_deletion
from respine.simulate.fates import draw_deaths, draw_first_ages_days
from respine.simulate.restoration import draw_restored
from respine.simulate.settings import StudySettings
from respine.simulate.settings_effects import StressSettings
from respine.simulate.streams import Streams

NOTHING = -1
"""Stands for no spine among indices."""


@dataclass(frozen=True, eq=False)
class Spines:
    """Every spine that ever stood between the first session and the last, arrays of shape (S,).

    Parameters
    ----------
    sites : Sites
        Dendrite, position and direction.
    subject : ndarray of int
        Animal.
    birth_h, death_h : ndarray
        When it lived, h; light included.
    restores : ndarray of int
        The lost spine in whose place it stands, or NOTHING.
    axial : ndarray of bool
        Hidden by the shaft in every image.
    """

    sites: Sites
    subject: np.ndarray
    birth_h: np.ndarray
    death_h: np.ndarray
    restores: np.ndarray
    axial: np.ndarray

    def standing_at(self, time_h: np.ndarray) -> np.ndarray:
        """Tell which spines stand at these times, shape (T, S)."""
        time_h = np.asarray(time_h, float)[:, None]
        return (self.birth_h <= time_h) & (time_h < self.death_h)

    def lost_under(self, stress: StressSettings) -> np.ndarray:
        """Tell which spines stood when stress began and vanished before it ended, shape (S,)."""
        return (self.birth_h <= stress.start_h) & (self.death_h > stress.start_h) & (self.death_h <= 0.0)


def _joined(first: Sites, second: Sites) -> Sites:
    return Sites(
        np.concatenate([first.dendrite, second.dendrite]),
        np.concatenate([first.position_um, second.position_um]),
        np.concatenate([first.azimuth_deg, second.azimuth_deg]),
    )


def _some(sites: Sites, which: np.ndarray) -> Sites:
    return Sites(sites.dendrite[which], sites.position_um[which], sites.azimuth_deg[which])


def draw_spines(
    animals: Animals, dendrites: Dendrites, first: Sites, settings: StudySettings, streams: Streams
) -> tuple[Spines, Deletion]:
    """Draw the lives of all spines of a study.

    Parameters
    ----------
    first : Sites
        Where the spines of the first session stand.
    streams : Streams
        One random generator for each part of the mechanism.
    """
    pace = animals.speed[dendrites.subject[first.dendrite]] / HOURS_PER_DAY
    ages = draw_first_ages_days(len(pace), settings, streams.of("ages"))
    born, born_h = draw_births(animals, dendrites, settings, streams.of("births"))
    born = keep_apart(born, first, dendrites.length_um, settings.anatomy.gap_um, streams.of("places"))
    sites = _joined(first, born)
    birth_h = np.concatenate([settings.time_h[0] - ages / pace, born_h])
    death_h = np.full(len(birth_h), np.inf)
    factor = np.ones(len(birth_h))
    restores = np.full(len(birth_h), NOTHING)

    def live_through(from_h: float, until_h: float, under_stress: bool, stream: str) -> None:
        alive = np.flatnonzero(np.isinf(death_h) & (birth_h < until_h))
        drawn = draw_deaths(
            *(_some(sites, alive), birth_h[alive], factor[alive], from_h, until_h, under_stress),
            *(animals, dendrites, settings, streams.of(stream)),
        )
        death_h[alive] = drawn

    stress_h = settings.stress.start_h
    live_through(settings.time_h[0], stress_h, False, "deaths before")
    live_through(stress_h, 0.0, True, "deaths during")
    stressed = animals.stressed[dendrites.subject[sites.dendrite]]
    lost = np.flatnonzero(stressed & (birth_h <= stress_h) & (death_h > stress_h) & (death_h <= 0.0))
    which, places, restored_h = draw_restored(
        _some(sites, lost), animals, dendrites, settings, streams.of("restoration")
    )
    sites = _joined(sites, places)
    birth_h = np.concatenate([birth_h, restored_h])
    death_h = np.concatenate([death_h, np.full(len(which), np.inf)])
    factor = np.concatenate([factor, np.full(len(which), 1 / settings.turnover.restored_hazard_divisor)])
    restores = np.concatenate([restores, lost[which]])
    live_through(0.0, np.inf, False, "deaths after")
    axial = is_axial(sites.azimuth_deg, settings.anatomy.axial_fraction)
    spines = Spines(sites, dendrites.subject[sites.dendrite], birth_h, death_h, restores, axial)
    return _with_light(spines, animals, settings, streams)


def _with_light(spines: Spines, animals: Animals, settings: StudySettings, streams: Streams) -> tuple[Spines, Deletion]:
    deletion = draw_deletion(
        spines.subject, spines.birth_h, spines.death_h, animals, settings.probe, streams.of("deletion")
    )
    death_h = np.where(deletion.deleted, settings.probe.light_h, spines.death_h)
    return replace(spines, death_h=death_h), deletion
