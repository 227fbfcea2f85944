"""The truth of a simulated study as tidy tables.

| table | a row is |
|---|---|
| subjects | an animal: its arm and its traits |
| sessions | a session of an animal |
| dendrites | a dendrite |
| spines | a spine: where it stands, its class, birth and death |
| states | a spine in a session in which it stands: diameter and protrusion, and whether a scorer sees it |
| calls | what a scorer calls in a session: hits and false calls |
| cells | a cell: its rate and the ensembles it belongs to |
| activity | an ensemble in a session |
| coordination | an animal in a session: coordination and what it is made of |
| behaviour | one score of an animal in a session |
| labels | a spine of an animal with the probe: label, light, deletion |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from respine.simulate.settings_structure import SPINE_CLASSES
from respine.simulate.sizes import draw_protrusions_um
from respine.simulate.spines import NOTHING
from respine.simulate.streams import Streams

if TYPE_CHECKING:
    from respine.simulate.study import SimulatedStudy

ASSAYS = {
    "immobility_s": ("tail_suspension", "s"),
    "sucrose_percent": ("sucrose_preference", "%"),
    "alternation_percent": ("y_maze", "%"),
    "entries": ("y_maze", "1"),
}


def subject_names(study: SimulatedStudy) -> np.ndarray:
    """Return the names of the animals, shape (M,)."""
    return _numbered("m", len(study.animals.arm), 2)


def _numbered(prefix: str, count: int, digits: int) -> np.ndarray:
    digits = max(digits, len(str(count)))
    return np.array([f"{prefix}{i + 1:0{digits}d}" for i in range(count)], dtype=object)


def session_names(study: SimulatedStudy) -> np.ndarray:
    """Return the names of the sessions, shape (T,)."""
    return np.array([s.name for s in study.settings.sessions], dtype=object)


def subjects_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row an animal."""
    animals, arms = study.animals, study.settings.arms
    return pd.DataFrame(
        {
            "subject": subject_names(study),
            "arm": [arms[a].name for a in animals.arm],
            "stress": [arms[a].stress for a in animals.arm],
            "treatment": [arms[a].treatment for a in animals.arm],
            "probe": [arms[a].probe for a in animals.arm],
            "light": [arms[a].light for a in animals.arm],
            "responder": animals.responder,
            "speed": animals.speed,
            "fast_recovery": animals.fast_recovery,
            "restored_fraction": animals.restored_fraction,
            "dropout_h": study.dropout_h,
        }
    )


def sessions_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a session of an animal, also where it did not take place."""
    planned = study.settings.sessions
    animals, sessions = study.attended.shape
    return pd.DataFrame(
        {
            "subject": np.repeat(subject_names(study), sessions),
            "session": np.tile(session_names(study), animals),
            "time_h": np.tile([s.time_h for s in planned], animals),
            "phase": np.tile(session_names(study), animals),
            "attended": study.attended.ravel(),
            "structure": np.tile([s.structure for s in planned], animals),
            "calcium": np.tile([s.calcium for s in planned], animals),
            "behaviour": np.tile([s.behaviour for s in planned], animals),
            "brightness": np.exp(study.log_brightness).ravel(),
        }
    )


def dendrites_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a dendrite; every second one of a field of view leaves from the one before it."""
    dendrites = study.dendrites
    names = _dendrite_names(study)
    branch = dendrites.number % 2 == 1
    parent = np.where(branch, np.roll(names, 1), None)
    return pd.DataFrame(
        {
            "subject": subject_names(study)[dendrites.subject],
            "fov": _fov_names(study)[dendrites.fov],
            "dendrite": names,
            "length_um": dendrites.length_um,
            "parent": parent,
        }
    )


def _fov_names(study: SimulatedStudy) -> np.ndarray:
    return _numbered("f", study.settings.anatomy.fovs_per_subject, 1)


def _dendrite_names(study: SimulatedStudy) -> np.ndarray:
    return _numbered("d", study.settings.anatomy.dendrites_per_fov, 1)[study.dendrites.number]


def spine_order(study: SimulatedStudy) -> np.ndarray:
    """Return the order of the spines in the tables: by dendrite, then along it, shape (S,)."""
    return np.lexsort((study.spines.birth_h, study.spines.sites.position_um, study.spines.sites.dendrite))


def spine_names(study: SimulatedStudy) -> np.ndarray:
    """Return the name of every spine, unique in its field of view, in the order of the arrays, shape (S,)."""
    order = spine_order(study)
    field = (study.dendrites.subject * study.settings.anatomy.fovs_per_subject + study.dendrites.fov)[
        study.spines.sites.dendrite[order]
    ]
    start = np.searchsorted(field, field)
    names = np.empty(len(order), dtype=object)
    names[order] = [f"s{i:04d}" for i in np.arange(len(order)) - start + 1]
    return names


def spines_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a spine that stood at any time from the first session to the last."""
    spines, order = study.spines, spine_order(study)
    names = spine_names(study)
    restores = np.where(spines.restores == NOTHING, None, names[spines.restores])
    table = _spine_keys(study, names).assign(
        position_um=spines.sites.position_um,
        azimuth_deg=spines.sites.azimuth_deg,
        axial=spines.axial,
        spine_class=np.array(SPINE_CLASSES, dtype=object)[study.spine_class],
        protrusion_um=np.exp(np.log(protrusions_um(study)).mean(axis=0)),
        birth_h=spines.birth_h,
        death_h=spines.death_h,
        restores=restores,
    )
    return table.iloc[order].reset_index(drop=True)


def _spine_keys(study: SimulatedStudy, names: np.ndarray) -> pd.DataFrame:
    spines, dendrite = study.spines, study.spines.sites.dendrite
    return pd.DataFrame(
        {
            "subject": subject_names(study)[spines.subject],
            "fov": _fov_names(study)[study.dendrites.fov[dendrite]],
            "dendrite": _dendrite_names(study)[dendrite],
            "spine": names,
        }
    )


def protrusions_um(study: SimulatedStudy) -> np.ndarray:
    """Return the protrusion of every spine in every session, shape (T, S), um."""
    settings = study.settings
    rng = Streams(study.seed).of("protrusions")
    return draw_protrusions_um(study.spine_class, np.array(settings.time_h), settings.size, rng)


def states_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a spine and session, also where it does not stand; then its sizes are missing."""
    order = spine_order(study)
    sessions = len(study.present)
    keys = _spine_keys(study, spine_names(study)).iloc[np.repeat(order, sessions)].reset_index(drop=True)
    rng = Streams(study.seed).of("size errors")
    error = study.settings.detection.size_noise_log_sd * rng.standard_normal(study.present.shape)

    def column(values: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.where(where, values, np.nan)[:, order].T.ravel()

    return keys.assign(
        session=np.tile(session_names(study), len(order)),
        present=study.present[:, order].T.ravel(),
        head_diameter_um=column(np.exp(study.log_diameter), study.present),
        protrusion_um=column(protrusions_um(study), study.present),
        seen=study.seen[:, order].T.ravel(),
        measured_diameter_um=column(np.exp(study.log_diameter + error), study.seen),
    )


def calls_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a call of the scorer: hits carry the name of their spine, false calls none."""
    sessions = session_names(study)
    session, spine = np.nonzero(study.seen)
    hits = _spine_keys(study, spine_names(study)).iloc[spine].reset_index(drop=True)
    hits = hits.assign(session=sessions[session], position_um=study.spines.sites.position_um[spine])
    false, dendrites = study.false_calls, study.dendrites
    wrong = pd.DataFrame(
        {
            "subject": subject_names(study)[dendrites.subject[false.dendrite]],
            "fov": _fov_names(study)[dendrites.fov[false.dendrite]],
            "dendrite": _dendrite_names(study)[false.dendrite],
            "spine": np.full(len(false.dendrite), None, dtype=object),
            "session": sessions[false.session],
            "position_um": false.position_um,
        }
    )
    keys = ["subject", "fov", "dendrite", "session", "position_um"]
    return pd.concat([hits, wrong]).sort_values(keys, kind="stable").reset_index(drop=True)


def cells_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a cell."""
    cells = study.cells
    animals, count = cells.rate_hz.shape
    ensembles = _ensemble_names(study)
    member = cells.member.transpose(0, 2, 1).reshape(animals * count, -1)
    return pd.DataFrame(
        {
            "subject": np.repeat(subject_names(study), count),
            "cell": np.tile(_numbered("c", count, 3), animals),
            "rate_hz": cells.rate_hz.ravel(),
            "ensembles": [" ".join(ensembles[row]) for row in member],
        }
    )


def _ensemble_names(study: SimulatedStudy) -> np.ndarray:
    return _numbered("e", study.settings.activity.ensembles, 1)


def activity_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row an ensemble in a session in which calcium is recorded."""
    cells = study.cells
    recorded = study.attended & np.array([s.calcium for s in study.settings.sessions])
    subject, session = np.nonzero(recorded)
    count = study.settings.activity.ensembles
    return pd.DataFrame(
        {
            "subject": np.repeat(subject_names(study)[subject], count),
            "session": np.repeat(session_names(study)[session], count),
            "ensemble": np.tile(_ensemble_names(study), len(subject)),
            "activation_rate_hz": np.repeat(cells.activation_rate_hz[subject, session], count),
            "activations": cells.activations[subject, session].ravel(),
            "participation": study.settings.activity.participation,
        }
    )


def coordination_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row an animal and session."""
    parts = study.coordination
    animals, sessions = parts.value.shape
    return pd.DataFrame(
        {
            "subject": np.repeat(subject_names(study), sessions),
            "session": np.tile(session_names(study), animals),
            "coordination": parts.value.ravel(),
            "deficit": parts.deficit.ravel(),
            "fast_recovery": parts.fast.ravel(),
            "support": parts.support.ravel(),
            "rate_factor": study.cells.rate_factor.ravel(),
            "events": study.cells.events.ravel(),
            "cells_found": study.cells.found.sum(axis=2).ravel(),
        }
    )


def behaviour_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a score of an animal in a session in which it was tested."""
    frames = []
    for measure, values in study.scores.items():
        assay, unit = ASSAYS[measure]
        subject, session = np.nonzero(~np.isnan(values))
        frames.append(
            pd.DataFrame(
                {
                    "subject": subject_names(study)[subject],
                    "session": session_names(study)[session],
                    "assay": assay,
                    "measure": measure,
                    "value": values[subject, session],
                    "unit": unit,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def labels_table(study: SimulatedStudy) -> pd.DataFrame:
    """Return one row a spine that stood in an animal with the probe, or in one that got light."""
    deletion = study.deletion
    which = np.flatnonzero(deletion.standing | deletion.lit)
    keys = _spine_keys(study, spine_names(study)).iloc[which].reset_index(drop=True)
    flags = {name: getattr(deletion, name)[which] for name in ("new", "labelled", "lit", "deleted", "shrunk")}
    return keys.assign(**flags)


TRUTH_TABLES: Mapping[str, Callable[[SimulatedStudy], pd.DataFrame]] = {
    "subjects": subjects_table,
    "sessions": sessions_table,
    "dendrites": dendrites_table,
    "spines": spines_table,
    "states": states_table,
    "calls": calls_table,
    "cells": cells_table,
    "activity": activity_table,
    "coordination": coordination_table,
    "behaviour": behaviour_table,
    "labels": labels_table,
}
