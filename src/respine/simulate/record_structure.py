"""The stacks of a study on disk: structure, the probe's channel, and the log of the light."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from respine.io.tiff_write import write_tiff_stack
from respine.simulate.recording import Recording, Visit
from respine.simulate.recording_settings import LabelSettings, RecordingSettings
from respine.simulate.streams import Streams
from respine.simulate.structure.fov import SimulatedSession, simulate_fov
from respine.simulate.study import SimulatedStudy
from respine.simulate.truth import subject_names


def record_structure(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write every stack of a study, one field of view after the other.

    Yields
    ------
    Recording
        Of one session of one field of view: tables `spines` and `lines` with places in the raw stack; arrays of the
        warp from the reference frame.
    """
    for subject, fov, sessions in fields_of_view(study, how):
        for session in sessions:
            visit = Visit(subject, session.name, fov)
            path = visit.path(folder, "structure", ".tif")
            _write_stack(path, session.chunks(), session)
            yield Recording(
                rows=(visit.row(folder, "structure", path),),
                tables={"spines": visit.label(session.spines()), "lines": visit.label(session.lines())},
                arrays=_warp_arrays(session),
            )


def record_probe(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write the probe's channel of every animal that has the probe, from the session of labelling on.

    Yields
    ------
    Recording
        Of one session of one field of view: table `label`.
    """
    labels = study.table("labels")
    carriers = set(labels["subject"])
    time_h = {s.name: s.time_h for s in study.settings.sessions}
    for subject, fov, sessions in fields_of_view(study, how, carriers):
        rng = Streams(study.seed).of(f"label {subject} {fov}")
        mine = labels[(labels["subject"] == subject) & (labels["fov"] == fov)]
        level = _draw_levels(mine, how.label, rng)
        for session in sessions:
            if time_h[session.name] < study.settings.probe.label_h:
                continue
            visit = Visit(subject, session.name, fov)
            here = level[level["spine"].isin(session.states["spine"])]
            path = visit.path(folder, "label", ".tif")
            _write_stack(path, session.label_chunks(here), session)
            yield Recording(rows=(visit.row(folder, "label", path),), tables={"label": visit.label(here)})


def fields_of_view(
    study: SimulatedStudy, how: RecordingSettings, subjects: Iterable[str] | None = None
) -> Iterator[tuple[str, str, tuple[SimulatedSession, ...]]]:
    """Simulate the fields of view of these animals, or of all; nothing is rendered yet."""
    tables = {name: dict(list(study.table(name).groupby("subject"))) for name in ("dendrites", "spines", "states")}
    visits = study.table("sessions")
    visits = visits[visits["attended"] & visits["structure"]]
    wanted = subject_names(study) if subjects is None else sorted(subjects)
    for subject in wanted:
        mine = visits[visits["subject"] == subject]
        if mine.empty:
            continue
        brightness = dict(zip(mine["session"], mine["brightness"], strict=True))
        dendrites, spines, states = (tables[name][subject] for name in ("dendrites", "spines", "states"))
        for fov in dendrites["fov"].unique():
            here = states[(states["fov"] == fov) & states["session"].isin(mine["session"])]
            # A spine that lived between two sessions only is in no image.
            standing = here.loc[here["present"], "spine"].unique()
            yield (
                subject,
                fov,
                simulate_fov(
                    dendrites[dendrites["fov"] == fov],
                    spines[(spines["fov"] == fov) & spines["spine"].isin(standing)],
                    here[here["spine"].isin(standing)],
                    list(mine["session"]),
                    how.structure,
                    Streams(study.seed).of(f"stacks {subject} {fov}"),
                    brightness,
                ),
            )


def _write_stack(path: Path, chunks: Iterable[np.ndarray], session: SimulatedSession) -> None:
    planes = (plane for chunk in chunks for plane in chunk)
    dtype = session.view.optics.dtype
    write_tiff_stack(path, planes, (1, *session.shape), dtype, session.voxel_um)


def _warp_arrays(session: SimulatedSession) -> dict[str, np.ndarray]:
    warp = session.warp
    names = ("matrix", "offset_um", "displacement_um", "grid_origin_um", "grid_step_um", "slice_shift_um")
    return {name: getattr(warp, name) for name in names} | {"slice_um": np.array(warp.slice_um)}


def _draw_levels(labels: pd.DataFrame, how: LabelSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the concentration of the probe in each spine: columns spine and label."""
    spread = np.exp(how.labelled_log_sd * rng.standard_normal(len(labels)))
    level = np.where(labels["labelled"], how.labelled * spread, how.unlabelled)
    return pd.DataFrame({"spine": labels["spine"].to_numpy(), "label": level})
