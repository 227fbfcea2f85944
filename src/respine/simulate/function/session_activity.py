"""What the mechanism says of an animal's cells in one session, as the activity that a movie shows."""

from __future__ import annotations

import numpy as np

from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.cells import Cells, private_rate_hz
from respine.simulate.function.activity import CellActivity, draw_activations
from respine.simulate.settings_function import ActivitySettings


def session_activity(
    cells: Cells,
    subject: int,
    session: int,
    how: ActivitySettings,
    duration_s: float,
    rng: np.random.Generator,
    bouts: Bouts | None = None,
    locked_fraction: float = 0.3,
) -> CellActivity:
    """Return the activity of one animal in one session.

    Parameters
    ----------
    cells : Cells
        The cells of all animals of the study.
    subject, session : int
        Index of the animal and of the session.
    how : ActivitySettings
        The study's settings of cells and ensembles.
    duration_s : float
        Length of the movie. One as long as the study's recordings has just the activations that the study counted; a
        shorter one has each of them with the probability of its share of the recording.
    bouts : Bouts, optional
        Struggling during the movie.
    locked_fraction : float
        Share of the activations that come shortly before a struggling bout.
    """
    counts = cells.activations[subject, session]
    if duration_s < how.recording_s:
        counts = rng.binomial(counts, duration_s / how.recording_s)
    onsets = None if bouts is None else bouts.start_s
    return CellActivity(
        private_rate_hz=private_rate_hz(cells, subject, session, how.participation),
        participation=how.participation * cells.member[subject].T.astype(float),
        activation_s=draw_activations(counts, duration_s, rng, onsets, locked_fraction),
        found=cells.found[subject, session],
    )
