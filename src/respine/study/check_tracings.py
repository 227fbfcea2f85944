"""What the user's tracings hold, against the stacks that they belong to.

The mistake that is made is to save voxels in place of um: then most of a tracing lies outside its stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from respine.core.errors import InputError, ReadError
from respine.io.tracing_files import read_tracing
from respine.study.check_stacks import Place
from respine.study.manifest import Recording
from respine.study.problem import Problem, row_field
from respine.study.reader_problem import name_inside, reader_problem
from respine.study.rows import RECORDINGS

_LEAST_INSIDE = 0.5


def check_tracings(
    folder: Path, recordings: Sequence[Recording], extents_um: Mapping[Place, np.ndarray]
) -> list[Problem]:
    """Read every tracing and hold it against the extent (z, y, x) of its session's stack, um, where that is known."""
    problems = []
    for recording in recordings:
        try:
            tracing = read_tracing(recording.path)
        except (ReadError, InputError) as error:
            problems.append(reader_problem(folder, recording, "path", error))
            continue
        extent = extents_um.get((recording.subject, recording.session, recording.fov))
        if extent is None or not len(tracing):
            continue
        points = np.concatenate([dendrite.points_um for dendrite in tracing])
        inside = ((points >= 0) & (points <= extent)).all(axis=1)
        if inside.mean() < _LEAST_INSIDE:
            low, high = (" ".join(f"{value:.4g}" for value in f(points, axis=0)) for f in (np.min, np.max))
            found = f"points from {low} to {high} um (z y x) in {name_inside(folder, recording.path)}"
            expected = "most of them within its stack, 0 to " + " ".join(f"{value:.4g}" for value in extent) + " um"
            problems.append(Problem(RECORDINGS, row_field(recording.row, "path"), found, expected))
    return problems
