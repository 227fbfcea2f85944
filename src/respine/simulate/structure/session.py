"""How one session was taken: where the tissue lay, how it moved during the scan, and how the microscope stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.core.warp import Warp
from respine.simulate.structure.optics import OpticsSettings
from respine.simulate.structure.settings import SessionSettings

_JITTER_MEMORY = 0.9


@dataclass(frozen=True, eq=False)
class SessionView:
    """One session's acquisition.

    Parameters
    ----------
    warp : Warp
        Reference frame to this session's raw stack, with the jumps between slices.
    optics : OpticsSettings
        The microscope as it stood in this session.
    shape : tuple of int
        Voxels (z, y, x).
    bleaching : float
        Share of the signal lost from the first slice to the last.
    illumination : ndarray, shape (4, 4)
        Relative brightness over the field, at nodes that cover it.
    breathing_um : float
        Amplitude of the motion along the rows, um.
    breathing_rows : float
        Rows scanned during one breath.
    breathing_phase_rad : ndarray, shape (Z,)
        Phase at the first row of every slice.
    cut : tuple of float or None
        (angle_rad, width_um, growth) of a wedge without signal: voxels less than width_um + growth * z_um from the
        side of the field that the angle points away from.
    """

    warp: Warp
    optics: OpticsSettings
    shape: tuple[int, int, int]
    bleaching: float
    illumination: np.ndarray
    breathing_um: float
    breathing_rows: float
    breathing_phase_rad: np.ndarray
    cut: tuple[float, float, float] | None

    def row_shift_um(self, slice_index: np.ndarray | int, row: np.ndarray) -> np.ndarray:
        """Displacement along x that breathing gives a row of a slice, um."""
        turn = 2 * np.pi * np.asarray(row) / self.breathing_rows
        return self.breathing_um * np.sin(turn + self.breathing_phase_rad[slice_index])

    def to_raw(self, points_um: np.ndarray) -> np.ndarray:
        """Take points of the reference frame, shape (N, 3), to this session's raw stack, breathing included, um."""
        raw = self.warp.apply(points_um)
        nearest = np.clip(np.round(raw[:, 0] / self.optics.voxel_um[0]), 0, self.shape[0] - 1).astype(int)
        raw[:, 2] += self.row_shift_um(nearest, raw[:, 1] / self.optics.voxel_um[1])
        return raw

    def is_cut(self, z_um: np.ndarray, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        """Whether points of the raw stack lie in the wedge without signal."""
        if self.cut is None:
            return np.zeros(np.broadcast(z_um, y_um, x_um).shape, bool)
        angle, width, growth = self.cut
        _, height, breadth = (np.array(self.shape) - 1) * np.array(self.optics.voxel_um)
        direction = np.array([np.sin(angle), np.cos(angle)])
        start = min(direction[0] * height, 0.0) + min(direction[1] * breadth, 0.0)
        return direction[0] * y_um + direction[1] * x_um - start < width + growth * z_um

    def inside(self, points_um: np.ndarray) -> np.ndarray:
        """Whether points of the raw stack, shape (N, 3), were imaged."""
        end = (np.array(self.shape) - 1) * np.array(self.optics.voxel_um)
        within = ((points_um >= 0) & (points_um <= end)).all(axis=1)
        return within & ~self.is_cut(points_um[:, 0], points_um[:, 1], points_um[:, 2])


def make_session(
    name: str,
    first: bool,
    shape: tuple[int, int, int],
    optics: OpticsSettings,
    settings: SessionSettings,
    rng: np.random.Generator,
    brightness: float | None = None,
) -> SessionView:
    """Draw how a session was taken.

    Parameters
    ----------
    name : str
        Looked up in `lost_sessions`.
    first : bool
        The first session lies in the reference frame itself: only its slices jump.
    shape : tuple of int
        Voxels (z, y, x).
    optics : OpticsSettings
    settings : SessionSettings
    rng : numpy.random.Generator
    brightness : float, optional
        Photons relative to `photons_peak`; drawn where it is not given.

    Returns
    -------
    SessionView
    """
    field = (np.array(shape) - 1) * np.array(optics.voxel_um)
    warp = _draw_warp(name, first, shape, field, optics, settings, rng)
    photons = np.exp(settings.brightness_log_sd * rng.standard_normal())
    photons = photons if brightness is None else brightness
    gain = np.exp(settings.gain_log_sd * rng.standard_normal())
    blur = np.exp(settings.blur_log_sd * rng.standard_normal())
    scaled = optics.model_copy(
        update={
            "photons_peak": float(optics.photons_peak * photons),
            "gain": float(optics.gain * gain),
            "background": float(optics.background * gain * photons),
            "read_noise": float(optics.read_noise * gain),
            "fwhm_lateral_um": float(optics.fwhm_lateral_um * blur),
            "fwhm_axial_um": float(optics.fwhm_axial_um * blur),
        }
    )
    bleaching = settings.bleaching * rng.random()
    illumination = np.exp(optics.unevenness * rng.standard_normal((4, 4)))
    phase = rng.uniform(0, 2 * np.pi, shape[0])
    cut = None
    if rng.random() < settings.cut_share:
        side = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.05)
        width = settings.cut_um * rng.random()
        cut = (float(side), float(width), float(0.5 * width / max(field[0], 1.0) * rng.uniform(-1, 1)))
    return SessionView(
        warp,
        scaled,
        tuple(shape),
        float(bleaching),
        illumination,
        settings.breathing_um,
        settings.breathing_rows,
        phase,
        cut,
    )


def _draw_warp(name, first, shape, field, optics, settings, rng):
    jumps = settings.slice_jitter_um * rng.standard_normal((shape[0], 2))
    drift = np.zeros((shape[0], 2))
    for k in range(1, shape[0]):
        drift[k] = _JITTER_MEMORY * drift[k - 1] + jumps[k]
    drift -= drift.mean(axis=0)
    rotation, tilt_y, tilt_x = np.radians([settings.rotation_deg, settings.tilt_deg, settings.tilt_deg]) * (
        rng.standard_normal(3)
    )
    bend = settings.stretch * rng.standard_normal((3, 3))
    shift = np.array([settings.shift_z_um, settings.shift_um, settings.shift_um]) * rng.standard_normal(3)
    nodes = np.ceil(field / settings.warp_scale_um).astype(int) + 3
    displacement = settings.warp_um * rng.standard_normal((*nodes, 3))
    if first:
        matrix, shift, displacement = np.eye(3), np.zeros(3), np.zeros_like(displacement)
    else:
        cos, sin = np.cos(rotation), np.sin(rotation)
        turn = np.array([[1.0, tilt_y, tilt_x], [-tilt_y, cos, -sin], [-tilt_x, sin, cos]])
        matrix = turn @ (np.eye(3) + bend)
    if name in settings.lost_sessions:
        shift = shift + np.array([0.0, 0.6, 0.6]) * field
    middle = field / 2
    return Warp(
        matrix,
        middle - matrix @ middle + shift,
        displacement,
        -np.full(3, settings.warp_scale_um),
        np.full(3, settings.warp_scale_um),
        drift,
        optics.voxel_um[0],
    )
