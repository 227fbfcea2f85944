"""What lies in a simulated field of view: shafts, spines, and everything else that shines."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.core.settings import StageSettings
from respine.simulate.structure.optics import OpticsSettings


class SceneSettings(StageSettings):
    """Shapes and brightness of what is imaged; brightness is relative to the peak of a shaft of 0.4 um radius."""

    margin_um: float = Field(4.0, ge=0)
    """Distance that dendrites keep from the sides of the field, um."""
    margin_z_um: float = Field(4.0, ge=0)
    """The same from the first and last slice, um (never more than a quarter of the depth)."""
    bend_um: float = Field(120.0, gt=0)
    """Length over which a dendrite loses its direction, um; smaller is more tortuous."""
    wiggle_um: float = Field(0.12, ge=0)
    """Standard deviation of the unevenness of a centre line over some micrometres, um; half of it in depth."""
    slope: float = Field(0.15, ge=0)
    """Standard deviation of a dendrite's slope in depth (um of depth per um of length)."""
    radius_um: tuple[float, float] = (0.3, 0.65)
    """Range of the radius of a shaft at its root, um."""
    taper: float = Field(0.35, ge=0, lt=1)
    """Share of its radius that a shaft of 100 um loses from root to end."""
    varicosity: float = Field(0.12, ge=0)
    """Standard deviation of the log radius along a shaft."""
    shaft_log_sd: float = Field(0.2, ge=0)
    """Standard deviation of the log brightness between shafts."""
    spine_brightness: float = Field(1.9, gt=0)
    """Concentration of fluorophore in a spine, relative to its shaft."""
    spine_log_sd: float = Field(0.3, ge=0)
    """Standard deviation of the log concentration between spines."""
    session_spine_log_sd: float = Field(0.08, ge=0)
    """The same of one spine between sessions."""
    neck_radius_um: float = Field(0.09, gt=0)
    """Median radius of a spine's neck, um."""
    puncta_per_nl: float = Field(1100.0, ge=0)
    """Compact bright spots (pieces of other cells, autofluorescence) per nl (10^6 um^3)."""
    puncta_brightness: float = Field(0.07, ge=0)
    """Median peak of a punctum."""
    grain_per_nl: float = Field(9000.0, ge=0)
    """Faint specks that give the background its texture, per nl."""
    grain_brightness: float = Field(0.025, ge=0)
    """Mean peak of these."""
    clouds_per_nl: float = Field(32.0, ge=0)
    """Diffuse bodies of some micrometres (somata, glia, vessel walls) per nl."""
    cloud_brightness: float = Field(0.1, ge=0)
    """Median brightness of a diffuse body."""
    fibres_per_nl: float = Field(15.0, ge=0)
    """Thin dim axons with boutons per nl."""
    fibre_brightness: float = Field(0.05, ge=0)
    """Median peak of an axon between its boutons."""
    surface_share: float = Field(0.6, ge=0, le=1)
    """Share of the puncta that lie in the superficial third rather than anywhere."""
    background_change: float = Field(0.15, ge=0, le=0.5)
    """Share of the puncta that one session does not share with the next."""

    @model_validator(mode="after")
    def _possible(self) -> SceneSettings:
        low, high = self.radius_um
        if not 0 < low <= high:
            raise SettingsError(f"radius_um must be two rising positive numbers in um; found {self.radius_um}")
        return self


class SessionSettings(StageSettings):
    """How a session differs from the first one: where the tissue lies, and how bright and still it is."""

    shift_um: float = Field(4.0, ge=0)
    """Standard deviation of the lateral displacement between sessions, um, each of y and x."""
    shift_z_um: float = Field(1.5, ge=0)
    """The same in depth, um."""
    rotation_deg: float = Field(1.0, ge=0)
    """Standard deviation of the rotation in the plane, degree."""
    tilt_deg: float = Field(0.5, ge=0)
    """Standard deviation of the tilt about y and about x, degree."""
    stretch: float = Field(0.004, ge=0)
    """Standard deviation of each entry of the affine part beyond the rotation."""
    warp_um: float = Field(0.6, ge=0)
    """Standard deviation of the smooth deformation at the nodes of its grid, um along each axis."""
    warp_scale_um: float = Field(40.0, gt=0)
    """Distance between the nodes of that grid, um."""
    slice_jitter_um: float = Field(0.08, ge=0)
    """Standard deviation of the lateral jump between neighbouring slices, um."""
    breathing_um: float = Field(0.06, ge=0)
    """Amplitude of the motion within a slice, um."""
    breathing_rows: float = Field(330.0, gt=0)
    """Rows scanned during one breath."""
    brightness_log_sd: float = Field(0.2, ge=0)
    """Standard deviation between sessions of the log number of photons."""
    gain_log_sd: float = Field(0.3, ge=0)
    """Standard deviation between sessions of the log gain of the detector."""
    blur_log_sd: float = Field(0.06, ge=0)
    """Standard deviation between sessions of the log width of the point-spread function."""
    bleaching: float = Field(0.1, ge=0, lt=1)
    """Largest share of the signal lost from the first slice taken to the last; drawn evenly up to it."""
    cut_share: float = Field(0.4, ge=0, le=1)
    """Share of the sessions with an edge cut off by a wedge without signal."""
    cut_um: float = Field(5.0, ge=0)
    """Greatest width of that wedge, um."""
    lost_sessions: tuple[str, ...] = ()
    """Sessions whose field drifted out of range by half its width."""


class FovSettings(StageSettings):
    """A field of view: the microscope, what lies there, and how the sessions differ."""

    shape: tuple[int, int, int] = (70, 1024, 1024)
    """Voxels of every stack (z, y, x)."""
    optics: OpticsSettings = OpticsSettings()
    """The microscope."""
    scene: SceneSettings = SceneSettings()
    """What lies in the field of view."""
    acquisition: SessionSettings = SessionSettings()
    """How the sessions differ."""

    @model_validator(mode="after")
    def _possible(self) -> FovSettings:
        if min(self.shape) < 2:
            raise SettingsError(f"shape must be at least 2 voxels along every axis (z, y, x); found {self.shape}")
        return self

    @property
    def field_um(self) -> np.ndarray:
        """Extent of the field (z, y, x), um, shape (3,)."""
        return (np.array(self.shape) - 1) * np.array(self.optics.voxel_um)


def sample_scene_settings(rng: np.random.Generator) -> SceneSettings:
    """Draw the contents of a field of view from the range seen in practice, for training and stress tests."""

    def about(value: float, log_sd: float) -> float:
        return float(value * np.exp(log_sd * rng.standard_normal()))

    thin = float(rng.uniform(0.2, 0.45))
    return SceneSettings(
        bend_um=about(120.0, 0.5),
        wiggle_um=float(rng.uniform(0.03, 0.22)),
        slope=float(rng.uniform(0.0, 0.25)),
        radius_um=(thin, thin + float(rng.uniform(0.05, 0.4))),
        taper=float(rng.uniform(0.0, 0.6)),
        varicosity=float(rng.uniform(0.04, 0.22)),
        shaft_log_sd=float(rng.uniform(0.1, 0.4)),
        spine_brightness=about(1.9, 0.3),
        spine_log_sd=float(rng.uniform(0.15, 0.45)),
        neck_radius_um=about(0.09, 0.25),
        puncta_per_nl=about(1100.0, 0.8),
        puncta_brightness=about(0.07, 0.5),
        grain_per_nl=about(9000.0, 0.5),
        grain_brightness=about(0.025, 0.5),
        clouds_per_nl=about(32.0, 0.8),
        cloud_brightness=about(0.1, 0.5),
        fibres_per_nl=about(15.0, 0.8),
        fibre_brightness=about(0.05, 0.5),
        surface_share=float(rng.uniform(0.0, 0.9)),
    )
