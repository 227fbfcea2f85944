"""The study folder that `respine new` writes: small, commented, to be edited."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from respine.core.errors import InputError

_STUDY = """\
# The definition of a study. Everything after a # is a comment.
# Beside this file lie subjects.csv, sessions.csv and recordings.csv. `respine check` finds every mistake in all four,
# `respine run` computes, and writes under results/ only.

name = "My study"
description = "What was asked, in a sentence."

# Seed of every random choice; the same seed gives the same numbers.
seed = 0

# The planned times, in order. A session names one of them, or none where it was not planned.
phases = ["baseline", "stressed", "24h"]

# Each factor is a column of subjects.csv; its levels, the reference first.
# Other columns of subjects.csv are covariates and need no declaration.
[factors]
treatment = ["vehicle", "ketamine"]

# What the study asks: a level of a factor against another (the first level, unless `reference` says otherwise), in the
# change from one phase to another.
[[contrasts]]
name = "ketamine against vehicle"
factor = "treatment"
level = "ketamine"
first_phase = "stressed"
last_phase = "24h"

# Settings of a stage, where its defaults do not fit, stand in a table named for it:
# [settings.STAGE]
# setting = value
"""

_SUBJECTS = """\
# One row an animal: its name, the level of each factor, and any covariates (here sex).
subject,treatment,sex
m1,vehicle,f
m2,ketamine,f
"""

_SESSIONS = """\
# One row a visit. time_h counts in hours from the zero of the study (here: the dose) and is negative before it.
# Leave phase empty for a session outside the plan.
subject,session,time_h,phase
m1,s0,-192,baseline
m1,s1,-24,stressed
m1,s2,24,24h
m2,s0,-192,baseline
m2,s1,-24,stressed
m2,s2,24,24h
"""

_RECORDINGS = """\
# One row a file or folder. path is inside this folder, or absolute.
# kind is one of: structure (z-stack of dendrites), dendrites (a tracing to use instead of the automatic one: SWC or
#   CSV), label (another channel of the same field), calcium, tail_suspension, sucrose_preference, y_maze.
# fov names the field of view; the same name in all sessions of an animal.
# channel is needed where a file holds several: its name, or its number as the microscope counts, from 1.
# voxel_*_um (um) are needed where the file does not say; where both say, they must agree within 1 %.
subject,session,kind,fov,path,channel,voxel_z_um,voxel_y_um,voxel_x_um
m1,s0,structure,f1,stacks/m1_f1_s0.tif,,,,
m1,s1,structure,f1,stacks/m1_f1_s1.tif,,,,
m1,s2,structure,f1,stacks/m1_f1_s2.tif,,,,
m2,s0,structure,f1,stacks/m2_f1_s0.tif,,,,
m2,s1,structure,f1,stacks/m2_f1_s1.tif,,,,
m2,s2,structure,f1,stacks/m2_f1_s2.tif,,,,
"""

TEMPLATE = {
    "recordings.csv": _RECORDINGS,
    "sessions.csv": _SESSIONS,
    "subjects.csv": _SUBJECTS,
    "study.toml": _STUDY,
}
STACKS = "stacks"


def write_template(folder: str | Path) -> None:
    """Write a commented study folder to start from.

    Parameters
    ----------
    folder : path
        Must be absent or empty. It appears whole or not at all.

    Raises
    ------
    InputError
        There is something already, or the folder cannot be written.
    """
    folder = Path(folder)
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder}: found a folder that is not empty; expected an empty one, or none")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: found a file; expected an empty folder, or none")
        if folder.is_dir():
            _fill(folder)
        else:
            _create(folder)
    except OSError as error:
        found = f"a place that cannot be written ({error.strerror})"
        raise InputError(f"{folder}: found {found}; expected one that can") from error


def _create(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        _write(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(folder: Path) -> None:
    """Write into a folder that is there, which may be the one somebody stands in."""
    part = folder / f".{os.getpid()}.part"
    try:
        _write(part)
        for name in (STACKS, *TEMPLATE):
            (part / name).rename(folder / name)
    except OSError:
        for name in TEMPLATE:
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / STACKS, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(part: Path) -> None:
    (part / STACKS).mkdir(parents=True)
    for name, text in TEMPLATE.items():
        (part / name).write_text(text, encoding="utf-8")
