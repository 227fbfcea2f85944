"""A simulated study as a study folder, with its truth beside it.

::

    STUDY/
      study.toml, subjects.csv, sessions.csv, recordings.csv     what an analysis reads
      structure/, label/, calcium/, ...                          recordings
      photostimulation/                                          logs of the light
      truth/                                                     never read by an analysis
        simulation.json                                          settings and seed
        study/*.parquet                                          tables of `respine.simulate.truth`
        KIND/*.parquet, KIND/*.npz                               what is true of each recording
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from respine.core.errors import InputError, MissingExtraError
from respine.simulate.record_function import record_behaviour, record_calcium, record_spine_calcium
from respine.simulate.record_light import record_light
from respine.simulate.record_structure import record_probe, record_structure
from respine.simulate.recording import Recording
from respine.simulate.recording_settings import RECORDING_SIZES, RecordingSettings
from respine.simulate.settings import StudySettings
from respine.simulate.study import SimulatedStudy
from respine.simulate.truth import TRUTH_TABLES

Recorder = Callable[[SimulatedStudy, Path, RecordingSettings], Iterator[Recording]]

RECORDERS: Mapping[str, Recorder] = {
    "structure": record_structure,
    "probe": record_probe,
    "light": record_light,
    "calcium": record_calcium,
    "spine_calcium": record_spine_calcium,
    "behaviour": record_behaviour,
}
"""What can be recorded, by name."""

_ALWAYS = ("subject", "session", "kind", "fov", "path")
_WHERE_SAID = ("channel", "voxel_z_um", "voxel_y_um", "voxel_x_um", "frame_rate_hz", "start_s")
_FACTORS = ("stress", "treatment", "probe", "light")
_CONTRASTS = {
    "stress": ("baseline2", "stressed"),
    "treatment": ("stressed", "24h"),
    "probe": ("24h", "7d"),
    "light": ("24h", "7d"),
}
"""Phases over which each factor acts."""


def write_study(
    study: SimulatedStudy,
    folder: str | Path,
    size: str = "small",
    only: Collection[str] | None = None,
    on_recording: Callable[[str, Recording], None] | None = None,
) -> None:
    """Write a study folder: its tables, its recordings, and its truth.

    Parameters
    ----------
    study : SimulatedStudy
    folder : path
        Must be absent or empty; it appears when it is whole.
    size : {'full', 'small'}
        Of the recordings; the number of dendrites, sessions and cells is that of the study.
    only : collection of str, optional
        Names in RECORDERS; nothing: all.
    on_recording : callable, optional
        Called with the recorder's name and each recording once it is written.

    Raises
    ------
    InputError
        The folder holds something, `size` or `only` is unknown, or the probe is wanted without the structure.
    MissingExtraError
        Videos are to be written and PyAV is not installed.
    """
    folder = Path(folder)
    wanted = _checked(folder, size, only)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        rows: list[dict[str, object]] = []
        for name in wanted:
            truth = _Truth(part / "truth" / name)
            for recording in RECORDERS[name](study, part, RECORDING_SIZES[size]):
                rows += recording.rows
                truth.add(recording)
                if on_recording is not None:
                    on_recording(name, recording)
            truth.finish()
        _write_manifest(study, part, rows)
        _write_truth(study, part / "truth", size)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def count_recordings(study: SimulatedStudy, only: Collection[str] | None = None) -> int:
    """Return about how many recordings `write_study` writes, for those who watch it."""
    sessions, animals = study.settings.sessions, study.animals
    fields = study.settings.anatomy.fovs_per_subject
    carries = animals.targeted_probe | animals.random_probe

    def visits(planned: list[bool]) -> np.ndarray:
        return (study.attended & np.array(planned)).sum(axis=1)

    stacks = visits([s.structure for s in sessions])
    late = visits([s.structure and s.time_h >= study.settings.probe.label_h for s in sessions])
    calcium, tests = (visits([getattr(s, name) for s in sessions]).sum() for name in ("calcium", "behaviour"))
    counts = {
        "structure": fields * stacks.sum(),
        "probe": fields * late[carries].sum(),
        "light": fields * (carries & animals.light).sum(),
        "calcium": calcium,
        "spine_calcium": calcium,
        "behaviour": 3 * tests,
    }
    return int(sum(counts[name] for name in RECORDERS if only is None or name in only))


def _checked(folder: Path, size: str, only: Collection[str] | None) -> list[str]:
    """Return the recorders to run, in order."""
    if size not in RECORDING_SIZES:
        raise InputError(f"size: found {size!r}, expected one of {', '.join(RECORDING_SIZES)}")
    unknown = [name for name in only or () if name not in RECORDERS]
    if unknown:
        raise InputError(f"only: found {unknown[0]!r}, expected one of {', '.join(RECORDERS)}")
    if only is not None and "probe" in only and "structure" not in only:
        raise InputError("only: found probe without structure, expected both: the probe is measured on imaged spines")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: found something there already, expected an empty folder, or none")
    wanted = [name for name in RECORDERS if only is None or name in only]
    if "behaviour" in wanted:
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("av", "video", "writing videos of behaviour") from error
    return wanted


class _Truth:
    """Collects what is true of the recordings of one kind: tables in one file each, arrays in one file a recording."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
        self._count = 0

    def add(self, recording: Recording) -> None:
        for name, table in recording.tables.items():
            self._tables[name].append(table)
        if recording.arrays:
            self._folder.mkdir(parents=True, exist_ok=True)
            stem = Path(str(recording.rows[0]["path"])).stem
            np.savez_compressed(self._folder / f"{stem}.npz", **recording.arrays)

    def finish(self) -> None:
        for name, tables in self._tables.items():
            self._folder.mkdir(parents=True, exist_ok=True)
            pd.concat(tables, ignore_index=True).to_parquet(self._folder / f"{name}.parquet", index=False)


def _write_truth(study: SimulatedStudy, folder: Path, size: str) -> None:
    (folder / "study").mkdir(parents=True)
    said = {"seed": study.seed, "size": size, "settings": study.settings.model_dump(mode="json")}
    (folder / "simulation.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    for name in TRUTH_TABLES:
        study.table(name).to_parquet(folder / "study" / f"{name}.parquet", index=False)


def _write_manifest(study: SimulatedStudy, folder: Path, rows: list[dict[str, object]]) -> None:
    factors = _factors(study.settings)
    (folder / "study.toml").write_text(_definition(study, factors), encoding="utf-8")
    study.table("subjects")[["subject", *factors]].to_csv(folder / "subjects.csv", index=False)
    visits = study.table("sessions")
    visits = visits.loc[visits["attended"], ["subject", "session", "time_h", "phase"]]
    visits.to_csv(folder / "sessions.csv", index=False)
    recordings = pd.DataFrame(rows, columns=[*_ALWAYS, *_WHERE_SAID])
    recordings = recordings.drop(columns=[c for c in _WHERE_SAID if recordings[c].isna().all()])
    recordings = recordings.sort_values(["subject", "kind", "session", "path"], kind="stable")
    recordings.to_csv(folder / "recordings.csv", index=False)


def _factors(settings: StudySettings) -> dict[str, list[str]]:
    """Return the levels of what differs between the arms, the reference first."""
    levels = {name: list(dict.fromkeys(getattr(arm, name) for arm in settings.arms)) for name in _FACTORS}
    return {name: found for name, found in levels.items() if len(found) > 1}


def _definition(study: SimulatedStudy, factors: Mapping[str, list[str]]) -> str:
    """Compose study.toml."""
    settings = study.settings
    phases = [s.name for s in settings.sessions]
    lines = [
        "# A simulated study. What is true of it lies in truth/, which no analysis reads.",
        f"name = {json.dumps(settings.name)}",
        f"description = {json.dumps(f'Simulated with seed {study.seed}')}",
        f"seed = {study.seed}",
        f"phases = {json.dumps(phases)}",
        "",
        "[factors]",
        *(f"{name} = {json.dumps(levels)}" for name, levels in factors.items()),
    ]
    for name, (reference, *others) in factors.items():
        first, last = _CONTRASTS[name]
        if {first, last} <= set(phases):
            for level in others:
                lines += [
                    "",
                    "[[contrasts]]",
                    f'name = "{name} - {level} and {reference}"',
                    f'factor = "{name}"',
                    f'level = "{level}"',
                    f'first_phase = "{first}"',
                    f'last_phase = "{last}"',
                ]
    return "\n".join(lines) + "\n"
