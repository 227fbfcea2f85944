"""The movies and the behaviour of a study on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from respine.simulate.behaviour.bouts import Bouts, simulate_bouts
from respine.simulate.behaviour.write import write_sucrose, write_tail_suspension, write_y_maze
from respine.simulate.function.field import place_cells
from respine.simulate.function.session_activity import session_activity
from respine.simulate.function.write import write_calcium, write_spine_calcium
from respine.simulate.recording import Recording, Visit
from respine.simulate.recording_settings import RecordingSettings
from respine.simulate.streams import Streams
from respine.simulate.study import SimulatedStudy
from respine.simulate.truth import session_names, subject_names

CALCIUM_FOV = "c1"
_SHARE_EDGE = 0.01


def _visits(study: SimulatedStudy, planned: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield index of animal and session, and their names, of the sessions that took place."""
    subjects, sessions = subject_names(study), session_names(study)
    wanted = study.attended & np.array([getattr(s, planned) for s in study.settings.sessions])
    for subject, session in np.argwhere(wanted):
        yield int(subject), int(session), subjects[subject], sessions[session]


def _bouts(study: SimulatedStudy, subject: int, session: int, how: RecordingSettings) -> Bouts | None:
    """Draw when an animal struggles in a session; the video and the movie of one session show the same bouts."""
    immobility_s = study.scores["immobility_s"][subject, session]
    if np.isnan(immobility_s):
        return None
    duration_s = study.settings.behaviour.suspension_s
    share = float(np.clip(immobility_s / duration_s, _SHARE_EDGE, 1 - _SHARE_EDGE))
    rng = Streams(study.seed).of(f"bouts {subject} {session}")
    return simulate_bouts(share, how.filmed_share * duration_s, how.tail_suspension.bouts, rng)


def record_calcium(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write the movies of cells, taken while the animal hangs by its tail where the session tests that."""
    streams, field, last = Streams(study.seed), None, None
    settings = study.settings.activity
    for subject, session, name, visited in _visits(study, "calcium"):
        if subject != last:
            field, last = place_cells(settings.cells, how.calcium.field, streams.of(f"cells of {name}")), subject
        rng = streams.of(f"calcium {name} {visited}")
        bouts = _bouts(study, subject, session, how)
        activity = session_activity(study.cells, subject, session, settings, how.calcium.duration_s, rng, bouts)
        yield write_calcium(Visit(name, visited, CALCIUM_FOV), activity, field, bouts, folder, how.calcium, rng)


def record_spine_calcium(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write a movie of the first dendrite's spines for every session with calcium."""
    states = study.table("states")
    states = states[(states["dendrite"] == states["dendrite"].iloc[0]) & (states["fov"] == states["fov"].iloc[0])]
    traits = study.table("spines")[["subject", "fov", "spine", "axial", "birth_h"]]
    of_subject = dict(list(states.merge(traits, on=["subject", "fov", "spine"]).groupby("subject")))
    time_h = np.array(study.settings.time_h)
    for _, session, name, visited in _visits(study, "calcium"):
        rng = Streams(study.seed).of(f"spine calcium {name} {visited}")
        rows = of_subject[name]
        rows = rows[(rows["session"] == visited) & rows["present"] & ~rows["axial"]].head(how.spine_calcium_spines)
        since = time_h[session - 1] if session else -np.inf
        spines = pd.DataFrame(
            {
                "spine": rows["spine"].to_numpy(),
                "functional": rng.random(len(rows)) < how.functional_fraction,
                "is_new": (rows["birth_h"] > since).to_numpy(),
            }
        )
        yield write_spine_calcium(Visit(name, visited, "s1"), spines, folder, how.spine_calcium, rng)


def record_behaviour(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write the videos of the tail suspension, the weights of the bottles and the walks through the Y-maze.

    Raises
    ------
    MissingExtraError
        PyAV, which writes videos, is not installed.
    """
    scores = study.scores
    for subject, session, name, visited in _visits(study, "behaviour"):
        rng = Streams(study.seed).of(f"behaviour {name} {visited}")
        visit = Visit(name, visited)
        bouts = _bouts(study, subject, session, how)
        yield write_tail_suspension([visit], [bouts], folder, how.tail_suspension, rng)
        preference = scores["sucrose_percent"][subject, session] / 100
        yield write_sucrose(visit, float(preference), folder, how.sucrose, rng)
        alternation = scores["alternation_percent"][subject, session] / 100
        entries = scores["entries"][subject, session]
        yield write_y_maze(visit, float(alternation), float(entries), folder, how.y_maze, rng)
