"""A study folder, run: what the command line, a notebook and a server call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from respine.core.errors import StudyError
from respine.report.content import ReportContent
from respine.report.page import write_report
from respine.study.check import check_study
from respine.study.graph import Source
from respine.study.job import Job, run_job
from respine.study.manifest import Recording, Study, read_study
from respine.study.perform import SessionTime
from respine.study.progress import Watch
from respine.study.results import Results
from respine.study.stages import SETTINGS, STAGES


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Parameters
    ----------
    n_done, n_reused : int
        Tasks done, and tasks whose output was there already.
    failures : tuple of str
        One message a failed task.
    blocked : tuple of str
        The tasks that could not start because of a failure, as `stage x, subject y ...`.
    report : Path or None
        The page to open; None where a failure left the results incomplete.
    """

    n_done: int
    n_reused: int
    failures: tuple[str, ...]
    blocked: tuple[str, ...]
    report: Path | None

    @property
    def summary(self) -> str:
        """Return what the run came to, for a person."""
        counts = f"{self.n_done} tasks done, {self.n_reused} reused"
        if not self.failures:
            return f"{counts}; open {self.report}"
        waiting = Counter(message.split(",")[0] for message in self.blocked)
        missing = ", ".join(f"{stage} ({n})" for stage, n in waiting.items()) or "nothing else"
        return f"{counts}, {len(self.failures)} failed; waiting for them: {missing}; what is done is kept"


def run_study(
    folder: str | Path, workers: int | None = None, scheduler: str | None = None, watch: Watch | None = None
) -> Outcome:
    """Run what has not been run of a study, and write its tables, provenance and report.

    Parameters
    ----------
    folder : path
    workers, scheduler
        See `respine.study.workers.open_workers`.
    watch : callable, optional
        Called with the graph and a task after every task.

    Raises
    ------
    StudyError
        The study has problems; all of them.
    RunLockedError
        Another run works on it.
    """
    problems = [p for p in check_study(folder, SETTINGS, pixels=False) if p.level == "error"]
    if problems:
        raise StudyError(problems)
    job = open_job(folder)
    graph, progress = run_job(job, workers, scheduler, watch)
    failures = tuple(str(failure) for failure in progress.failures)
    return Outcome(
        len(progress.kept) - len(progress.reused),
        len(progress.reused),
        failures,
        tuple(str(task) for task in progress.blocked(graph)),
        None if failures else report_study(folder),
    )


def open_job(folder: str | Path) -> Job:
    """Read a study folder as a job of all stages.

    Raises
    ------
    StudyError
        Its files have problems.
    """
    study = read_study(folder, SETTINGS)
    pairs = dict.fromkeys((s.subject, s.session) for s in study.sessions)
    order = {pair: number for number, pair in enumerate(pairs)}
    fovs = {fov: number for number, fov in enumerate(study.fovs())}
    subjects = {subject.subject: number for number, subject in enumerate(study.subjects)}
    recordings = sorted(
        study.recordings,
        key=lambda r: (subjects[r.subject], fovs.get((r.subject, r.fov), 0), order[r.subject, r.session]),
    )
    return Job(
        study.name,
        study.folder,
        STAGES,
        tuple(_source(study.folder, recording) for recording in recordings),
        tuple(SessionTime(s.subject, s.session, s.time_h, s.phase or "") for s in study.sessions),
        {section: study.stage_settings(section, model) for section, model in SETTINGS.items()},
        study.seed,
    )


def report_study(folder: str | Path) -> Path:
    """Write the report of a study from the results that there are, and return where it is.

    Raises
    ------
    ReadError
        The study has not been run.
    """
    study, results = read_study(folder, SETTINGS), Results(Path(folder))
    provenance = results.read_provenance()
    found = list(results.outputs("detect").values())
    marks = {"marks": pd.concat([part["marks"] for part in found], ignore_index=True)} if found else {}
    content = ReportContent(
        study.name,
        {name: results.read_table(name) for name in results.table_names()},
        pd.DataFrame([{"subject": s.subject, **s.values} for s in study.subjects]),
        _session_frame(study),
        tuple(crop for part in found for crop in part["crops"]),
        settings=provenance.pop("settings"),
        # The tasks are hundreds of lines for a machine; the file beside the report holds them.
        provenance={key: value for key, value in provenance.items() if key != "tasks"},
        **marks,
    )
    results.write_report(write_report(content))
    return results.report


def _session_frame(study: Study) -> pd.DataFrame:
    rows = [(s.subject, s.session, s.time_h, s.phase) for s in study.sessions]
    return pd.DataFrame(rows, columns=["subject", "session", "time_h", "phase"])


def _source(folder: Path, recording: Recording) -> Source:
    path = recording.path
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    details = [("channel", recording.channel)]
    details += [(f"voxel_{axis}_um", size) for axis, size in zip("zyx", recording.voxel_um, strict=True)]
    return Source(
        recording.kind, recording.subject, recording.fov or "", recording.session, shown.as_posix(), tuple(details)
    )
