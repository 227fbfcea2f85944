"""What the stacks of a study hold, against what recordings.csv says and against each other.

Registration needs overlap, so all stacks of a field of view must be of like extent: along each axis at least half of
the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from respine.core.errors import InputError, ReadError
from respine.io.ome_zarr import absent_chunks
from respine.io.stack_file import StackFile, voxel_problems
from respine.io.stack_files import open_stack, refuse_not_finite
from respine.study.manifest import Recording
from respine.study.problem import Problem, row_field
from respine.study.reader_problem import name_inside, reader_problem
from respine.study.rows import RECORDINGS

Place = tuple[str, str, str | None]
"""Subject, session, fov."""
LEAST_EXTENT = 0.5
"""Least extent of a stack, relative to the largest of its field of view."""
_OTHER_ZOOM = 1.25


def check_stacks(
    folder: Path, recordings: Sequence[Recording], *, pixels: bool
) -> tuple[list[Problem], dict[Place, np.ndarray]]:
    """Open every stack once and find what is wrong with it, and between the stacks of a field of view.

    Parameters
    ----------
    folder : Path
        The study, for naming files.
    recordings : sequence of Recording
        Those that are z-stacks.
    pixels : bool
        Whether to decode the pixels too.

    Returns
    -------
    problems : list of Problem
    extents_um : dict of (subject, session, fov) to ndarray, shape (3,)
        Extent (z, y, x) of every structure stack whose voxel size is known, um.
    """
    problems: list[Problem] = []
    sizes: dict[tuple[str, str | None, str], list[tuple[Recording, np.ndarray, np.ndarray]]] = {}
    for recording in recordings:
        try:
            file = open_stack(recording.path)
        except ReadError as error:
            problems.append(reader_problem(folder, recording, "path", error))
            continue
        wrong, voxel_um = _header_problems(folder, recording, file)
        if pixels and not any(p.where.endswith("channel") for p in wrong):
            wrong += _pixel_problems(folder, recording, file)
        problems += wrong
        if voxel_um is not None:
            key = (recording.subject, recording.fov, recording.kind)
            sizes.setdefault(key, []).append((recording, np.array(voxel_um), np.array(file.shape[1:])))
    for group in sizes.values():
        problems += _unlike(group)
    extents = {
        (r.subject, r.session, r.fov): voxel * shape
        for (_, _, kind), group in sizes.items()
        for r, voxel, shape in group
        if kind == "structure"
    }
    return problems, extents


def _header_problems(
    folder: Path, recording: Recording, file: StackFile
) -> tuple[list[Problem], tuple[float, ...] | None]:
    problems = []
    try:
        file.channel_index(recording.channel)
    except InputError as error:
        problems.append(reader_problem(folder, recording, "channel", error))
    wrong = voxel_problems(file.voxel_um, recording.voxel_um)
    for field, found, expected in wrong:
        problems.append(Problem(RECORDINGS, row_field(recording.row, field), found, expected))
    if file.shape[1] < 2:
        found = f"a single slice in {name_inside(folder, file.path)}"
        problems.append(Problem(RECORDINGS, row_field(recording.row, "path"), found, "a z-stack of several"))
    if file.format == "OME-Zarr" and (absent := absent_chunks(file)):
        found = f"{absent} chunks of {name_inside(folder, file.path)} that are not on disk"
        expected = "all, unless they are dark: they are read as 0"
        problems.append(Problem(RECORDINGS, row_field(recording.row, "path"), found, expected, "warning"))
    if wrong:
        return problems, None
    return problems, tuple(a if a is not None else b for a, b in zip(file.voxel_um, recording.voxel_um, strict=True))


def _pixel_problems(folder: Path, recording: Recording, file: StackFile) -> list[Problem]:
    """Decode the channel once; where it is mapped there is nothing to decode, and integers cannot be NaN."""
    try:
        voxels = file.read(recording.channel)
        if voxels.dtype.kind == "f":
            for z, plane in enumerate(voxels):
                refuse_not_finite(file.path, z, plane)
    except ReadError as error:
        return [reader_problem(folder, recording, "path", error)]
    return []


def _unlike(group: list[tuple[Recording, np.ndarray, np.ndarray]]) -> list[Problem]:
    problems = []
    voxels = np.array([voxel for _, voxel, _ in group])
    extents = voxels * np.array([shape for _, _, shape in group])
    for axis, name in enumerate("zyx"):
        largest = int(np.argmax(extents[:, axis]))
        for (recording, voxel, _), extent in zip(group, extents, strict=True):
            where = row_field(recording.row, "path")
            if extent[axis] < LEAST_EXTENT * extents[largest, axis]:
                found = f"a stack of {extent[axis]:.4g} um along {name}"
                least = LEAST_EXTENT * extents[largest, axis]
                row = group[largest][0].row
                expected = f"at least {least:.4g} um, half of that in row {row}, so that the two overlap"
                problems.append(Problem(RECORDINGS, where, found, expected))
            elif not 1 / _OTHER_ZOOM <= voxel[axis] / voxels[0, axis] <= _OTHER_ZOOM:
                found = f"voxels of {voxel[axis]:.4g} um along {name}"
                expected = f"about {voxels[0, axis]:.4g} um, as in row {group[0][0].row}"
                problems.append(Problem(RECORDINGS, where, found, expected, "warning"))
    return problems
