"""A whole study with known truth, without touching the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit

from respine.core.errors import InputError, SettingsError
from respine.simulate.anatomy import Animals, Dendrites, draw_animals, draw_dendrites
from respine.simulate.cells import Cells, draw_cells
from respine.simulate.coordination import Coordination, draw_coordination
from respine.simulate.deletion import Deletion
from respine.simulate.detection import FalseCalls, draw_false_calls, draw_log_brightness, hit_log_odds
from respine.simulate.dropout import draw_dropout_h, log_fading
from respine.simulate.scores import draw_scores
from respine.simulate.settings import StudySettings
from respine.simulate.sizes import draw_classes, draw_persistent, log_diameter_moments, log_diameters
from respine.simulate.spines import NOTHING, Spines, draw_spines
from respine.simulate.streams import Streams
from respine.simulate.truth import TRUTH_TABLES

SCORES = ("immobility_s", "sucrose_percent", "alternation_percent", "entries")


@dataclass(frozen=True, eq=False)
class SimulatedStudy:
    """A simulated study: arrays of what is true and of what is seen, and the tables made of them on demand.

    Symbols: M animals, T sessions, D dendrites, S spines, F false calls.

    Parameters
    ----------
    settings : StudySettings
    seed : int
    animals, dendrites, spines, deletion
        Traits of the animals (M), dendrites (D), spines (S), and what probe and light did to these.
    present : ndarray of bool, shape (T, S)
        Spines that stand in a session.
    spine_class : ndarray of int, shape (S,)
        Index into SPINE_CLASSES.
    log_diameter : ndarray, shape (T, S)
        Natural logarithm of the head diameter, um.
    log_brightness : ndarray, shape (M, T)
        Logarithmic brightness of the images, 0 ordinary.
    seen : ndarray of bool, shape (T, S)
        Standing spines that a scorer sees in that session's image; False where the animal has left the study.
    false_calls : FalseCalls
        Calls where no spine is (F).
    coordination : Coordination
    cells : Cells
    scores : mapping of str to ndarray, shape (M, T)
        Behavioural scores; missing where behaviour was not tested.
    dropout_h : ndarray, shape (M,)
        When an animal leaves the study, h; infinite for those that stay.
    attended : ndarray of bool, shape (M, T)
        Sessions that took place.
    """

    settings: StudySettings
    seed: int
    animals: Animals
    dendrites: Dendrites
    spines: Spines
    deletion: Deletion
    present: np.ndarray
    spine_class: np.ndarray
    log_diameter: np.ndarray
    log_brightness: np.ndarray
    seen: np.ndarray
    false_calls: FalseCalls
    coordination: Coordination
    cells: Cells
    scores: Mapping[str, np.ndarray]
    dropout_h: np.ndarray
    attended: np.ndarray
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def table(self, name: str) -> pd.DataFrame:
        """Return one table of the truth; `TRUTH_TABLES` names them.

        Raises
        ------
        InputError
            There is no such table.
        """
        if name not in TRUTH_TABLES:
            raise InputError(f"truth: found no table {name!r}, expected one of {', '.join(TRUTH_TABLES)}")
        if name not in self._tables:
            self._tables[name] = TRUTH_TABLES[name](self)
        return self._tables[name]


def simulate_study(settings: StudySettings, seed: int) -> SimulatedStudy:
    """Simulate a study: every animal, spine, cell and score, and how the spines are seen.

    Parameters
    ----------
    settings : StudySettings
    seed : int
        Same settings and seed, same study.

    Raises
    ------
    SettingsError
        The seed is negative.
    """
    if seed < 0:
        raise SettingsError(f"seed: found {seed}, expected 0 or more")
    streams = Streams(seed)
    animals = draw_animals(settings, streams.of("animals"))
    dendrites, first = draw_dendrites(settings.anatomy, settings.n_subjects, streams.of("dendrites"))
    spines, deletion = draw_spines(animals, dendrites, first, settings, streams)
    present = spines.standing_at(settings.time_h)
    coordination = _coordination(spines, deletion, present, animals, settings, streams)
    dropout_h = draw_dropout_h(1 - coordination.value, settings, streams.of("dropout"))
    attended = np.array(settings.time_h) <= dropout_h[:, None]
    brightness = draw_log_brightness(settings, settings.n_subjects, streams.of("brightness"))
    brightness = brightness + log_fading(dropout_h, settings)
    spine_class, diameter = _sizes(spines, deletion, settings, streams)
    seen, false_calls = _seen(present, diameter, spines, dendrites, brightness, attended, settings, streams)
    scores = {
        name: np.where(attended, draw_scores(*_score_inputs(name, coordination, animals, settings, streams)), np.nan)
        for name in SCORES
    }
    return SimulatedStudy(
        settings=settings,
        seed=seed,
        animals=animals,
        dendrites=dendrites,
        spines=spines,
        deletion=deletion,
        present=present,
        spine_class=spine_class,
        log_diameter=diameter,
        log_brightness=brightness,
        seen=seen,
        false_calls=false_calls,
        coordination=coordination,
        cells=draw_cells(coordination, animals, settings, streams.of("cells")),
        scores=scores,
        dropout_h=dropout_h,
        attended=attended,
    )


def _score_inputs(name, coordination, animals, settings, streams):
    return coordination, animals, getattr(settings.behaviour, name), settings, streams.of(name)


def _count_by(marked: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Count, for each group and session, the spines that are marked, (T, S); the result has shape (groups, T)."""
    return np.stack([np.bincount(group[row], minlength=groups) for row in marked], axis=1)


def _coordination(spines, deletion, present, animals, settings, streams) -> Coordination:
    """Draw the coordination from the spines that stand."""
    count = len(animals.arm)
    time_h = np.array(settings.time_h)
    # From the end of stress on, what was lost stays lost: only the new spines' support changes.
    before = time_h <= 0
    rows = np.concatenate([present[before], spines.standing_at(np.zeros(1))])
    standing = _count_by(rows, spines.subject, count)
    standing = standing[:, np.minimum(np.arange(len(time_h)), before.sum())]
    first = np.maximum(standing[:, :1], 1)
    restored = np.flatnonzero(spines.restores != NOTHING)
    age_h = time_h[:, None] - spines.birth_h[restored]
    mature = present[:, restored] & (age_h >= settings.coordination.support_age_h)
    lit = time_h >= settings.probe.light_h
    weak = mature & deletion.shrunk[restored] & lit[:, None]
    back = _count_by(mature, spines.subject[restored], count).astype(float)
    back -= (1 - settings.probe.shrunk_support) * _count_by(weak, spines.subject[restored], count)
    lost = np.bincount(spines.subject[spines.lost_under(settings.stress)], minlength=count)
    deleted = np.bincount(spines.subject[deletion.deleted], minlength=count)
    return draw_coordination(
        lost_share=1 - standing / first,
        deleted_share=deleted[:, None] / first * lit,
        restored_share=back / np.maximum(lost, 1)[:, None],
        animals=animals,
        settings=settings,
        rng=streams.of("coordination"),
    )


def _sizes(
    spines: Spines, deletion: Deletion, settings: StudySettings, streams: Streams
) -> tuple[np.ndarray, np.ndarray]:
    """Draw classes, (S,), and logarithmic diameters, (T, S); a restored spine has the class of the lost one."""
    spine_class = draw_classes(len(spines.subject), settings.size, streams.of("classes"))
    restored = spines.restores != NOTHING
    spine_class[restored] = spine_class[spines.restores[restored]]
    time_h = np.array(settings.time_h)
    z = draw_persistent(len(spine_class), time_h, settings.size.persistence_days, streams.of("sizes"))
    diameter = log_diameters(spine_class, spines.birth_h, z, time_h, settings.size)
    lit = np.flatnonzero(time_h >= settings.probe.light_h)
    diameter[np.ix_(lit, np.flatnonzero(deletion.shrunk))] += np.log(settings.probe.shrunk_volume) / 3
    return spine_class, diameter


def _seen(present, diameter, spines, dendrites, brightness, attended, settings, streams):
    """Draw what a scorer sees: hits (T, S) and false calls."""
    centre, spread = log_diameter_moments(settings.size)
    light = brightness.T.astype(np.float32)[:, spines.subject]
    odds = hit_log_odds((diameter - np.float32(centre)) / np.float32(spread), light, settings.detection)
    showable = present & ~spines.axial & attended.T[:, spines.subject]
    seen = showable & (streams.of("hits").random(odds.shape, dtype=np.float32) < expit(odds))
    shown = _count_by(showable, spines.sites.dendrite, len(dendrites.subject))
    rate = settings.detection.false_calls_per_spine
    return seen, draw_false_calls(shown, dendrites.length_um, rate, streams.of("false calls"))
