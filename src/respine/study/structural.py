"""The stages of the structural pipeline: each reads its inputs, calls the functions of `structure`, returns nouns.

Symbols: S sessions of a field of view that could be aligned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from respine.core.dendrite import Tracing
from respine.core.errors import InputError
from respine.core.stack import Stack
from respine.core.tables import TABLES
from respine.io.stack_files import read_stack
from respine.io.tracing_files import read_tracing
from respine.report.content import MARK_COLUMNS, DendriteCrop
from respine.structure.registration.pool import pool_stacks, stack_lattice
from respine.structure.registration.quality import StackQuality, assess_stack
from respine.structure.registration.register import Registration, choose_reference, register_reference, register_stack
from respine.structure.session_table import list_dendrites, list_refused_dendrites, list_registration
from respine.structure.spines.judge import JudgedDendrite, Noise, judge_dendrite
from respine.structure.spines.spine_table import list_spines
from respine.structure.spines.straighten import Ribbon, straighten_dendrite
from respine.structure.tracing.adopt_tracing import adopt_tracing, join_tracings
from respine.structure.tracing.fit_tracing import fit_tracing
from respine.structure.tracing.trace import trace_dendrites
from respine.structure.turnover import compute_density, compute_turnover, sum_density, sum_turnover
from respine.study.graph import Source, Task
from respine.study.perform import Inputs


@dataclass(frozen=True, eq=False)
class Reference:
    """The session that the others of its field of view are aligned to: its recording, and the stack's quality."""

    source: Source
    quality: StackQuality


@dataclass(frozen=True, eq=False)
class Straightened:
    """The dendrites of a session: in its raw stack, and pulled straight; where that stack ends (z, y, x), um."""

    tracing: Tracing
    ribbons: tuple[Ribbon, ...]
    extent_um: np.ndarray


def assess(inputs: Inputs) -> StackQuality:
    """Assess a session's stack."""
    return assess_stack(_read(inputs, inputs.sources[0]), inputs.settings("quality"))


def choose(inputs: Inputs) -> Reference:
    """Choose the reference session of a field of view."""
    qualities = {task.session: quality for task, quality in inputs.each("assess")}
    chosen = list(qualities)[choose_reference(list(qualities.values()))]
    source = next(s for s in inputs.sources if s.session == chosen)
    # The stamp tells when the file was written: touching it must not make every session be aligned again.
    return Reference(replace(source, stamp=""), qualities[chosen])


def register(inputs: Inputs) -> Registration:
    """Align a session to the reference session."""
    reference, quality = inputs.one("reference"), inputs.one("assess")
    fixed = _read(inputs, reference.source)
    if reference.source.session == inputs.task.session:
        return register_reference(fixed, quality)
    moving = _read(inputs, inputs.sources[0])
    return register_stack(fixed, moving, reference.quality, quality, inputs.settings("register"))


def trace(inputs: Inputs) -> Tracing:
    """Trace the dendrites of a field of view on all its sessions together, or take the user's own tracings."""
    registrations = {task.session: found for task, found in inputs.each("register")}
    drawn = [source for source in inputs.sources if source.kind == "dendrites"]
    if drawn:
        return _adopt(inputs, drawn, registrations)
    sources = {s.session: s for s in inputs.sources if s.kind == "structure"}
    reference = inputs.one("reference").source.session
    stacks = (_read(inputs, sources[session]) for session in registrations)
    target = stack_lattice(_read(inputs, sources[reference]))
    return trace_dendrites(pool_stacks(stacks, list(registrations.values()), target), inputs.settings("trace"))


def straighten(inputs: Inputs) -> Straightened | None:
    """Find the dendrites in a session's raw stack and pull them straight; None where it could not be aligned."""
    registration, tracing = inputs.one("register"), inputs.one("trace")
    if not registration.scorable:
        return None
    stack = _read(inputs, inputs.sources[0])
    fitted = fit_tracing(tracing, registration.warp, stack, inputs.settings("fit"))
    settings = inputs.settings("straighten")
    ribbons = tuple(straighten_dendrite(d, fitted[d.name], registration.warp, stack, settings) for d in tracing)
    return Straightened(fitted, ribbons, stack.extent_um)


def describe(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """List a session's quality and alignment, and its dendrites."""
    task, registration, quality = inputs.task, inputs.one("register"), inputs.one("assess")
    straightened = inputs.one("straighten")
    is_reference = inputs.one("reference").source.session == task.session
    if straightened is None:
        dendrites = list_refused_dendrites(inputs.one("trace"), registration.reason or "the session was refused")
    else:
        dendrites = list_dendrites(straightened.tracing, straightened.ribbons, straightened.extent_um)
    place = {"subject": task.subject, "fov": task.fov, "session": task.session}
    return {
        "registration": list_registration(registration, quality, is_reference).assign(**place),
        "dendrites": dendrites.assign(**place),
    }


def detect(inputs: Inputs) -> dict[str, Any]:
    """Find, identify and measure the spines of a field of view, all sessions of a dendrite together."""
    quality = {task.session: found for task, found in inputs.each("assess")}
    reasons = {task.session: found.reason or "" for task, found in inputs.each("register") if not found.scorable}
    straight = {task.session: found for task, found in inputs.each("straighten") if found is not None}
    noises = [Noise(q.noise_gain, q.noise_floor, q.background) for q in (quality[s] for s in straight)]
    spines, crops, marks = [], [], []
    for number in range(len(inputs.one("trace"))):
        ribbons = [found.ribbons[number] for found in straight.values()]
        judged = judge_dendrite(ribbons, noises, inputs.settings("detect"))
        rows = list_spines(judged, list(straight), reasons, inputs.task.subject, inputs.task.fov)
        spines.append(rows)
        crops.append(_crop(inputs.task, judged, tuple(straight)))
        marks.append(_marks(judged, rows, len(straight)))
    return {
        "spines": pd.concat([TABLES["spines"].empty(), *spines], ignore_index=True),
        "crops": crops,
        "marks": pd.concat([pd.DataFrame(columns=list(MARK_COLUMNS)), *marks], ignore_index=True),
    }


def count(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """Count gains and losses of a subject's spines, and their density."""
    spines = _collect("spines", [found for _, found in inputs.each("detect")])
    dendrites = _collect("dendrites", [found for _, found in inputs.each("describe")])
    times = [(s.subject, s.session, s.time_h) for s in inputs.sessions]
    turnover = compute_turnover(spines, dendrites, pd.DataFrame(times, columns=["subject", "session", "time_h"]))
    density = compute_density(spines, dendrites)
    return {
        "turnover": turnover,
        "turnover_by_subject": sum_turnover(turnover),
        "density": density,
        "density_by_subject": sum_density(density),
    }


def _read(inputs: Inputs, source: Source) -> Stack:
    details = dict(source.details)
    voxel_um = tuple(details[f"voxel_{axis}_um"] for axis in "zyx")
    return read_stack(inputs.study / source.path, details["channel"], voxel_um)


def _adopt(inputs: Inputs, drawn: list[Source], registrations: dict[str, Registration]) -> Tracing:
    usable = [s for s in drawn if s.session in registrations and registrations[s.session].scorable]
    if not usable:
        sessions = ", ".join(source.session for source in drawn)
        raise InputError(f"there are tracings of the sessions {sessions}, but none of these could be aligned")
    return join_tracings(
        adopt_tracing(read_tracing(inputs.study / source.path), registrations[source.session].warp) for source in usable
    )


def _collect(name: str, outputs: list[dict[str, pd.DataFrame]]) -> pd.DataFrame:
    frames = [TABLES[name].conform(found[name]) for found in outputs]
    return pd.concat([f for f in frames if len(f)] or [TABLES[name].empty()], ignore_index=True)


def _crop(task: Task, judged: JudgedDendrite, sessions: tuple[str, ...]) -> DendriteCrop:
    """Brightest along z, every session on the common axis; NaN where a stack does not reach."""
    images = np.stack([np.fmax.reduce(ribbon.values, axis=2).T for ribbon in judged.ribbons])
    axes = judged.ribbons[0]
    position, lateral = axes.position_um, axes.lateral_um
    starts_steps = position[0], position[1] - position[0], lateral[0], lateral[1] - lateral[0]
    return DendriteCrop(task.subject, task.fov, axes.dendrite, sessions, images, *map(float, starts_steps))


def _marks(judged: JudgedDendrite, rows: pd.DataFrame, n_sessions: int) -> pd.DataFrame:
    """Where the heads lie in the crop; the rows of the judged sessions come first, session by session."""
    shown = rows.iloc[: n_sessions * len(judged.p_visible)]
    keys = shown[["subject", "fov", "dendrite", "spine", "session"]]
    return keys.assign(position_um=judged.sites.position_um.T.ravel(), lateral_um=judged.sites.lateral_um.T.ravel())
