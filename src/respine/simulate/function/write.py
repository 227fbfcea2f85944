"""Calcium movies on disk, with the row of recordings.csv and the truth behind each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.function.activity import CellActivity
from respine.simulate.function.calcium import CalciumSettings, CalciumTruth, simulate_calcium
from respine.simulate.function.field import CellField
from respine.simulate.function.motion import Motion
from respine.simulate.function.movie_file import write_movie
from respine.simulate.function.scene import render_frames
from respine.simulate.function.spine_movie import (
    SpineLayout,
    SpineMovieSettings,
    SpineMovieTruth,
    lay_out_spines,
    simulate_spine_movie,
)
from respine.simulate.recording import Recording, Visit

_SPINE_COLUMNS = ("spine", "functional", "is_new")


def write_calcium(
    visit: Visit,
    activity: CellActivity,
    field: CellField,
    bouts: Bouts | None,
    study: Path,
    settings: CalciumSettings,
    rng: np.random.Generator,
) -> Recording:
    """Simulate one session of calcium imaging and write its movie.

    Parameters
    ----------
    visit : Visit
    activity : CellActivity
        What is true of the cells in this session.
    field : CellField
        The animal's field, the same in all its sessions.
    bouts : Bouts or None
        Struggling during the recording, to which its motion is locked.
    study : Path
        Folder of the study.

    Returns
    -------
    Recording
        Tables `calcium_cells`, `cell_events`, `ensemble_members`, `ensemble_activations`, `frames`; arrays `dff`
        (T, C), `neuropil` (T, 10), `drive`, `spike_cell`, `spike_time_s`, and the footprints `footprint_first`
        (C + 1,), `footprint_pixel` (index into the flattened canvas of `canvas_shape`, which has `canvas_margin`
        pixels on every side of the frame) and `footprint_weight`.
    """
    truth = simulate_calcium(activity, field, bouts, settings, rng)
    path = visit.path(study, "calcium", ".tif")
    frames = render_frames(truth.scene, truth.motion, settings.detector, rng)
    write_movie(path, frames, len(truth.frame_time_s), settings.frame_rate_hz, settings.pixel_um)
    return Recording(
        rows=(_row(visit, study, path, settings.frame_rate_hz, settings.pixel_um),),
        tables={
            "calcium_cells": visit.label(_cells(truth, activity, settings)),
            "cell_events": visit.label(
                pd.DataFrame(
                    {
                        "cell": cell_names(len(truth.found))[truth.events.cell],
                        "time_s": truth.events.time_s,
                        "ensemble": np.append(ensemble_names(activity), None)[truth.events.source],
                    }
                )
            ),
            "ensemble_members": visit.label(_members(activity)),
            "ensemble_activations": visit.label(
                pd.DataFrame(
                    {
                        "ensemble": ensemble_names(activity)[truth.events.ensemble],
                        "time_s": truth.events.activation_s,
                        "n_cells": truth.events.n_cells,
                    }
                )
            ),
            "frames": visit.label(_frames(truth.frame_time_s, truth.motion, truth.scene.fade, bouts)),
        },
        arrays={
            "dff": truth.dff.astype(np.float32),
            "neuropil": truth.neuropil.astype(np.float32),
            "drive": truth.events.drive.astype(np.float32),
            "spike_cell": truth.spike_cell,
            "spike_time_s": truth.spike_time_s,
            **_footprint_arrays(truth),
        },
    )


def write_spine_calcium(
    visit: Visit,
    spines: pd.DataFrame,
    study: Path,
    settings: SpineMovieSettings,
    rng: np.random.Generator,
    bouts: Bouts | None = None,
    layout: SpineLayout | None = None,
) -> Recording:
    """Simulate a movie of one dendrite and write it.

    Parameters
    ----------
    visit : Visit
    spines : DataFrame
        Columns `spine`, `functional` (has events of its own), `is_new` (formed since the session before).
    study : Path
        Folder of the study.
    bouts : Bouts, optional
        Struggling during the recording.
    layout : SpineLayout, optional
        Dendrite and spines, in the order of the table, where several sessions show the same ones (`select` those that
        stand); without it they are drawn.

    Returns
    -------
    Recording
        Tables `calcium_spines`, `spine_events`, `frames`; arrays `dff`, `own_dff` (T, S) and `shaft_dff` (T,).

    Raises
    ------
    InputError
        A column is missing, the spines do not fit on the dendrite, or the layout has another number of them.
    """
    missing = [name for name in _SPINE_COLUMNS if name not in spines.columns]
    if missing:
        raise InputError(f"spine movie: the table of spines lacks the columns {', '.join(missing)}")
    if layout is None:
        layout = lay_out_spines(len(spines), settings, rng)
    truth = simulate_spine_movie(spines["functional"].to_numpy(bool), layout, bouts, settings, rng)
    path = visit.path(study, "calcium", ".tif")
    frames = render_frames(truth.scene, truth.motion, settings.detector, rng)
    write_movie(path, frames, len(truth.frame_time_s), settings.frame_rate_hz, settings.pixel_um)
    names = np.append(spines["spine"].astype(str).to_numpy(object), "dendrite")
    return Recording(
        rows=(_row(visit, study, path, settings.frame_rate_hz, settings.pixel_um),),
        tables={
            "calcium_spines": visit.label(_spines(truth, spines)),
            "spine_events": visit.label(
                pd.DataFrame(
                    {
                        "spine": names[truth.event_spine],
                        "time_s": truth.event_time_s,
                        "amplitude": truth.event_amplitude,
                        "back_propagating": truth.event_spine < 0,
                    }
                )
            ),
            "frames": visit.label(_frames(truth.frame_time_s, truth.motion, truth.scene.fade, bouts)),
        },
        arrays={
            "dff": truth.dff.astype(np.float32),
            "own_dff": truth.own_dff.astype(np.float32),
            "shaft_dff": truth.shaft_dff.astype(np.float32),
        },
    )


def cell_names(count: int) -> np.ndarray:
    """Return the names of the cells of an animal, shape (C,)."""
    return np.array([f"c{cell + 1:03d}" for cell in range(count)], dtype=object)


def ensemble_names(activity: CellActivity) -> np.ndarray:
    """Return the names of the ensembles, shape (E,)."""
    return np.array([f"e{ensemble + 1}" for ensemble in range(len(activity.activation_s))], dtype=object)


def _row(visit: Visit, study: Path, path: Path, frame_rate_hz: float, pixel_um: float) -> dict[str, object]:
    said = {"voxel_y_um": pixel_um, "voxel_x_um": pixel_um, "frame_rate_hz": frame_rate_hz, "start_s": 0.0}
    return visit.row(study, "calcium", path, **said)


def _cells(truth: CalciumTruth, activity: CellActivity, settings: CalciumSettings) -> pd.DataFrame:
    """Return a row for each cell: where this visit shows it, and how active it is."""
    shape = np.array(truth.scene.frame_shape)
    pixel = truth.field.position_um[:, 1:] / settings.pixel_um + (shape - 1) / 2
    inside = ((pixel >= 0) & (pixel <= shape - 1)).all(axis=1)
    count = len(truth.found)
    return pd.DataFrame(
        {
            "cell": cell_names(count),
            "found": truth.found,
            "inside": inside,
            "y_um": pixel[:, 0] * settings.pixel_um,
            "x_um": pixel[:, 1] * settings.pixel_um,
            "depth_um": truth.field.position_um[:, 0],
            "radius_um": truth.field.radius_um,
            "brightness": truth.field.brightness * truth.found,
            "private_rate_hz": activity.private_rate_hz,
            "expected_rate_hz": activity.expected_rate_hz(settings.duration_s),
            "n_events": np.bincount(truth.events.cell, minlength=count),
        }
    )


def _members(activity: CellActivity) -> pd.DataFrame:
    cell, ensemble = np.nonzero(activity.participation)
    return pd.DataFrame(
        {
            "cell": cell_names(len(activity.participation))[cell],
            "ensemble": ensemble_names(activity)[ensemble],
            "participation": activity.participation[cell, ensemble],
        }
    )


def _frames(frame_time_s: np.ndarray, motion: Motion, fade: np.ndarray, bouts: Bouts | None) -> pd.DataFrame:
    still = np.zeros(len(frame_time_s), bool)
    return pd.DataFrame(
        {
            "frame": np.arange(len(frame_time_s)),
            "time_s": frame_time_s,
            "shift_y_um": motion.shift_um[:, 0],
            "shift_x_um": motion.shift_um[:, 1],
            "shift_z_um": motion.z_um,
            "fade": fade,
            "struggling": still if bouts is None else bouts.is_struggling(frame_time_s),
        }
    )


def _spines(truth: SpineMovieTruth, spines: pd.DataFrame) -> pd.DataFrame:
    rows, columns = ((n - 1) * truth.scene.pixel_um / 2 for n in truth.scene.frame_shape)
    frame = spines[list(_SPINE_COLUMNS)].reset_index(drop=True)
    return frame.assign(
        y_um=truth.layout.head_um[:, 0] + rows,
        x_um=truth.layout.head_um[:, 1] + columns,
        base_y_um=truth.layout.base_um[:, 0] + rows,
        base_x_um=truth.layout.base_um[:, 1] + columns,
    )


def _footprint_arrays(truth: CalciumTruth) -> dict[str, np.ndarray]:
    lengths = [len(pixel) for pixel, _ in truth.footprints]
    return {
        "canvas_shape": np.array(truth.scene.still.shape),
        "canvas_margin": np.array(truth.scene.margin),
        "footprint_first": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "footprint_pixel": np.concatenate([np.zeros(0, np.int64), *(pixel for pixel, _ in truth.footprints)]),
        "footprint_weight": np.concatenate([np.zeros(0), *(w for _, w in truth.footprints)]).astype(np.float32),
    }
