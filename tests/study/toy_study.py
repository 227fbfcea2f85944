"""A study of four small arrays and stages that only add: what the tests of the engine run, here and in a process.

As a program: `toy_study.py FOLDER WORKERS [SLOW_S]` runs the study in FOLDER and exits 1 if a task failed.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.study.graph import Source, Stage
from respine.study.job import Job, run_job
from respine.study.perform import SessionTime

SUBJECTS, SESSIONS = ("m1", "m2"), ("s0", "s1", "s2")


class ToySettings(StageSettings):
    factor: float = 2.0
    """What everything is multiplied by."""


class OtherSettings(StageSettings):
    offset: float = 0.0
    """What is added to the pool."""


def load(inputs):
    (source,) = inputs.sources
    values = np.load(inputs.study / source.path)
    time.sleep(float(dict(source.details).get("slow_s", 0)))
    return Stack(values * inputs.settings("toy").factor, (1.0, 0.5, 0.5))


def pool(inputs):
    stacks = [stack.voxels for _, stack in inputs.each("load")]
    return {"mean": np.mean(stacks, axis=0) + inputs.settings("other").offset, "n": len(stacks)}


def measure(inputs):
    own, pooled = inputs.one("load"), inputs.one("pool")
    noise = inputs.random().normal(size=3)
    task = inputs.task
    row = {
        "subject": task.subject,
        "fov": task.fov,
        "session": task.session,
        "n_dendrites": 1,
        "n_scorable": 3,
        "n_present": 2,
        "length_um": float((own.voxels - pooled["mean"]).sum()),
        "density_per_um": noise[0],
        "density_mean_of_dendrites_per_um": noise[1],
        "reason": None,
    }
    return {"density_by_subject": pd.DataFrame([row]).drop(columns="fov")}


def compare(inputs):
    hours = {(s.subject, s.session): s.time_h for s in inputs.sessions}
    return {f"{t.subject} {t.session}": hours[t.subject, t.session] for t, _ in inputs.each("measure")}


def fail(inputs):
    raise InputError("no shaft in the field of view")


def pool_size(inputs):
    return inputs.one("pool")["n"]


STAGES = (
    Stage("load", 1, "session", load, reads=("structure",), settings={"toy": ToySettings}),
    Stage("pool", 1, "fov", pool, needs=("load",), settings={"other": OtherSettings}),
    Stage("measure", 1, "session", measure, needs=("load", "pool"), tables=("density_by_subject",), random=True),
    Stage("compare", 1, "study", compare, needs=("measure",), times=True),
)


def make_job(folder, stages=STAGES, slow_s=0.0, **changes):
    """Write the recordings, where they are not there yet, and return the job."""
    sources, times = [], []
    for subject in SUBJECTS:
        for number, session in enumerate(SESSIONS):
            path = Path(folder) / f"{subject}_{session}.npy"
            if not path.exists():
                rng = np.random.default_rng([ord(subject[1]), number])
                np.save(path, rng.normal(size=(4, 16, 16)))
            details = (("slow_s", slow_s),)
            sources.append(Source("structure", subject, "a", session, path.name, details))
            times.append(SessionTime(subject, session, 24.0 * number, f"day {number}"))
    job = {"name": "toy", "sources": tuple(sources), "sessions": tuple(times), "settings": {}, "seed": 1}
    return Job(folder=Path(folder), stages=stages, **(job | changes))


if __name__ == "__main__":
    done = run_job(make_job(sys.argv[1], slow_s=float(sys.argv[3])), workers=int(sys.argv[2]))[1]
    sys.exit(1 if done.failures else 0)
