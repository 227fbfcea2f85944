"""A calcium movie of somata: from what the cells did to a scene that the microscope then looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.function.activity import ActivitySettings, CellActivity, Events, burst_spikes, simulate_events
from respine.simulate.function.detector import DetectorSettings
from respine.simulate.function.field import CellField, FieldSettings, Pose, revisit
from respine.simulate.function.footprints import Canvas, gather, soma_cover, soma_footprint, speck_footprint
from respine.simulate.function.kinetics import IndicatorSettings, simulate_fluorescence
from respine.simulate.function.motion import Motion, MotionSettings, simulate_motion
from respine.simulate.function.neuropil import NeuropilSettings, neuropil_level, neuropil_maps, simulate_neuropil
from respine.simulate.function.scene import Scene, margin_px
from respine.simulate.settings_checked import CheckedSettings


class CalciumSettings(CheckedSettings):
    """A calcium movie: length, sampling, and the settings of each of its parts."""

    duration_s: float = Field(360.0, gt=0)
    """Length of the movie, s."""
    frame_rate_hz: float = Field(10.0, gt=0, le=200)
    """Frames a second, Hz."""
    pixel_um: float = Field(1.0, gt=0)
    """Size of a pixel, um."""
    soma_photons_per_um2: float = Field(2.0, gt=0)
    """Photons of the rim of a mean soma at rest, of one frame, per um^2."""
    focus_um: float = Field(5.0, gt=0)
    """Distance along the axis over which a soma's light falls (standard deviation of a Gaussian), um."""
    bleaching_per_min: float = Field(0.003, ge=0, lt=1)
    """Share of the light lost to bleaching in a minute."""
    field: FieldSettings = FieldSettings()
    """The field and its cells."""
    indicator: IndicatorSettings = IndicatorSettings()
    """The indicator; GCaMP6s by default."""
    activity: ActivitySettings = ActivitySettings()
    """Bursts, ensembles and the common drive."""
    neuropil: NeuropilSettings = NeuropilSettings()
    """The neuropil."""
    motion: MotionSettings = MotionSettings()
    """The motion."""
    detector: DetectorSettings = DetectorSettings()
    """The detector."""


CALCIUM_SIZES = {
    "full": CalciumSettings(),
    "small": CalciumSettings(
        duration_s=120.0, pixel_um=2.0, field=FieldSettings(height_um=200.0, width_um=200.0, specks_per_cell=3.0)
    ),
}


@dataclass(frozen=True, eq=False)
class CalciumTruth:
    """Everything that is true of one calcium movie of T frames and C cells.

    Parameters
    ----------
    frame_time_s : ndarray, shape (T,)
        Middle of every frame, s.
    field, pose : CellField, Pose
        The cells as this visit finds them, and how the visit lies against the animal's field.
    found : ndarray of bool, shape (C,)
        Cells that this session can show.
    events : Events
    spike_cell, spike_time_s : ndarray, shape (N,)
    dff : ndarray, shape (T, C)
        The cells' own dF/F, without neuropil and noise.
    motion : Motion
    neuropil : ndarray, shape (T, 10)
        Courses of the neuropil: the shared one and nine regions.
    footprints : list of (pixels, weights)
        Pixels of every soma on the canvas of `scene`, without motion.
    scene : Scene
    """

    frame_time_s: np.ndarray
    field: CellField
    pose: Pose
    found: np.ndarray
    events: Events
    spike_cell: np.ndarray
    spike_time_s: np.ndarray
    dff: np.ndarray
    motion: Motion
    neuropil: np.ndarray
    footprints: list[tuple[np.ndarray, np.ndarray]]
    scene: Scene


def simulate_calcium(
    activity: CellActivity,
    field: CellField,
    bouts: Bouts | None,
    settings: CalciumSettings,
    rng: np.random.Generator,
) -> CalciumTruth:
    """Draw one session of calcium imaging; `render_frames(truth.scene, truth.motion, ...)` makes its frames.

    Parameters
    ----------
    activity : CellActivity
        What is true of the cells in this session.
    field : CellField
        The animal's field, from `place_cells`, of as many cells.
    bouts : Bouts or None
        Struggling during the recording.

    Raises
    ------
    InputError
        The activity and the field have different numbers of cells.
    """
    cells = len(activity.private_rate_hz)
    if field.n_cells != cells:
        raise InputError(f"calcium: the activity has {cells} cells, the field {field.n_cells}")
    frames = max(round(settings.duration_s * settings.frame_rate_hz), 1)
    start = np.arange(frames) / settings.frame_rate_hz
    middle = start + 0.5 / settings.frame_rate_hz
    visit, pose = revisit(field, settings.field, rng)
    events = simulate_events(activity, settings.duration_s, settings.activity, rng)
    spike_cell, spike_time_s = burst_spikes(events, settings.activity, rng)
    dff = simulate_fluorescence(spike_cell, spike_time_s, cells, middle, settings.indicator)
    motion = simulate_motion(start, bouts, settings.motion, rng)
    canvas, margin = _canvas(motion, settings)
    neuropil = simulate_neuropil(dff, visit.position_um, canvas, 1 / settings.frame_rate_hz, settings.neuropil, rng)
    somata = [soma_footprint(visit, cell, canvas) for cell in range(cells)]
    specks = [speck_footprint(visit, speck, canvas) for speck in range(len(visit.speck_um))]
    bright = settings.soma_photons_per_um2 * settings.pixel_um**2
    photons = bright * np.concatenate([visit.brightness * activity.found, visit.speck_brightness])
    haze = neuropil_level(visit, canvas) * settings.neuropil.photons_per_um2 * settings.pixel_um**2
    haze *= 1 - (1 - settings.neuropil.coefficient) * soma_cover(somata, canvas)
    scene = Scene(
        still=haze,
        maps=neuropil_maps(canvas) * haze,
        map_course=neuropil,
        sources=gather(somata + specks, photons),
        source_course=_courses(dff, visit, motion, settings),
        fade=np.exp(np.log1p(-settings.bleaching_per_min) * middle / 60),
        margin=margin,
        pixel_um=settings.pixel_um,
    )
    return CalciumTruth(
        middle, visit, pose, activity.found, events, spike_cell, spike_time_s, dff, motion, neuropil, somata, scene
    )


def _canvas(motion: Motion, settings: CalciumSettings) -> tuple[Canvas, int]:
    margin = margin_px(motion, settings.pixel_um)
    size = (settings.field.height_um, settings.field.width_um)
    rows, columns = (round(length / settings.pixel_um) + 2 * margin for length in size)
    return Canvas((rows, columns), settings.pixel_um), margin


def _courses(dff: np.ndarray, visit: CellField, motion: Motion, settings: CalciumSettings) -> np.ndarray:
    """Return the light of every soma and speck against rest in focus, shape (T, C + S)."""
    depth = np.concatenate([visit.position_um[:, 0], visit.speck_um[:, 0]])
    focus = np.exp(-((depth[None] + motion.z_um[:, None]) ** 2) / (2 * settings.focus_um**2))
    lit = np.where(visit.speck_cell >= 0, visit.speck_cell, 0)
    speck_dff = np.where(visit.speck_cell >= 0, dff[:, lit], 0.0) if dff.shape[1] else np.zeros((len(dff), len(lit)))
    return focus * (1 + np.concatenate([dff, speck_dff], axis=1))
