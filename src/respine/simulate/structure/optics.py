"""The microscope: point-spread function, photons, detector and digitiser.

The point-spread function is that of two-photon excitation by a Gaussian beam: in every plane a Gaussian whose width
grows with the distance from the focus, and whose peak falls as the fourth power of that width. Symbols: w relative
width of the beam, z_R its Rayleigh range.

    w(z) = sqrt(1 + (z / z_R)^2),  PSF(r, z) = w^-4 exp(-r^2 / (2 (sigma w)^2))

The profile on the axis falls to one half at z = z_R sqrt(sqrt(2) - 1), which fixes z_R from the axial width.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.core.settings import StageSettings

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
_AXIAL_FWHM_PER_RAYLEIGH = 2.0 * np.sqrt(np.sqrt(2.0) - 1.0)
REFERENCE_RADIUS_UM = 0.4
"""Radius of the straight level shaft whose peak is `photons_peak`."""


class OpticsSettings(StageSettings):
    """How a stack is sampled, blurred, detected and digitised."""

    voxel_um: tuple[float, float, float] = (1.0, 0.12, 0.12)
    """Size of a voxel (z, y, x), um."""
    fwhm_lateral_um: float = Field(0.46, gt=0)
    """Lateral full width at half maximum of the point-spread function, um."""
    fwhm_axial_um: float = Field(2.3, gt=0)
    """Axial full width at half maximum of the point-spread function, um."""
    skirt: float = Field(0.12, ge=0, lt=1)
    """Light around thick structures, scattered and aberrated, relative to that in the spot."""
    skirt_um: float = Field(1.0, gt=0)
    """Standard deviation of the spread of that light, um."""
    photons_peak: float = Field(36.0, gt=0)
    """Squared signal-to-noise ratio of one voxel at the peak of a shaft of 0.4 um radius (mean / gain)."""
    gain: float = Field(9.0, gt=0)
    """Variance of the noise per grey level of signal, before read noise and clipping."""
    pulse_spread: float = Field(1.0, ge=0)
    """Squared coefficient of variation of the detector's answer to one photon (1: exponential pulse heights)."""
    smear: tuple[float, float] = (0.45, 0.07)
    """Share of each photon's answer that the detector gives to the neighbour before and after it in its row."""
    background: float = Field(2.5, ge=0)
    """Mean of an empty voxel in the depth, grey levels."""
    surface_haze: float = Field(1.0, ge=0)
    """Additional background at the first slice, relative to `background`."""
    haze_decay_um: float = Field(15.0, gt=0)
    """Depth over which the additional background falls to 1/e, um."""
    read_noise: float = Field(1.4, ge=0)
    """Standard deviation of the noise without light, grey levels."""
    offset: float = 0.4
    """Grey level of a voxel without light; below zero the digitiser clips."""
    bits: Literal[8, 16] = 8
    """Bits of a voxel; brighter voxels saturate."""
    attenuation_um: float = Field(400.0, gt=0)
    """Depth over which the signal falls to 1/e, um."""
    unevenness: float = Field(0.08, ge=0, lt=0.5)
    """Coefficient of variation of the illumination over the field."""

    @model_validator(mode="after")
    def _possible(self) -> OpticsSettings:
        if not all(np.isfinite(v) and v > 0 for v in self.voxel_um):
            raise SettingsError(f"voxel_um must be three positive numbers (z, y, x) in um; found {self.voxel_um}")
        if min(self.smear) < 0 or sum(self.smear) >= 1:
            raise SettingsError(f"smear must be two shares >= 0 with a sum below 1; found {self.smear}")
        return self

    @property
    def sigma_um(self) -> float:
        """Standard deviation of the point-spread function in the focal plane, um."""
        return self.fwhm_lateral_um / FWHM_PER_SIGMA

    @property
    def rayleigh_um(self) -> float:
        """Distance from the focus at which the beam is wider by the square root of two, um."""
        return self.fwhm_axial_um / _AXIAL_FWHM_PER_RAYLEIGH

    @property
    def dtype(self) -> np.dtype:
        """Type of a voxel."""
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def grey_peak(self) -> float:
        """Mean grey level, above background, at the peak of a shaft of 0.4 um radius."""
        return self.photons_peak * self.gain

    @property
    def smear_kernel(self) -> np.ndarray:
        """Answer of the detector in the voxel before, at and after the one lit, shape (3,), sum 1."""
        before, after = self.smear
        return np.array([before, 1.0 - before - after, after])

    @property
    def mass_to_signal(self) -> float:
        """Factor from fluorophore (um^3 at the shaft's concentration) to signal; the reference shaft's peak is 1."""
        width = np.hypot(self.sigma_um, REFERENCE_RADIUS_UM / 2)
        line = np.pi * REFERENCE_RADIUS_UM**2 * np.sqrt(2 * np.pi) * self.sigma_um**2 / width
        return float(1.0 / line)


OPTICS_PRESETS = {
    "window": OpticsSettings(),
    "prism": OpticsSettings(fwhm_lateral_um=0.75, fwhm_axial_um=5.0, photons_peak=25.0, attenuation_um=250.0),
}
"""Microscopes by name: an open cranial window, and a chronically implanted microprism."""


def sample_optics(rng: np.random.Generator, base: OpticsSettings | None = None) -> OpticsSettings:
    """Draw a microscope from the range seen in practice, for training and stress tests.

    Parameters
    ----------
    rng : numpy.random.Generator
    base : OpticsSettings, optional
        What is not drawn is taken from it: voxel size (z, y, x) and bits.

    Returns
    -------
    OpticsSettings
    """
    base = base or OpticsSettings()
    gain = float(np.exp(rng.uniform(np.log(2.0), np.log(14.0))))
    lateral = float(rng.uniform(0.38, 0.85))
    return base.model_copy(
        update={
            "fwhm_lateral_um": lateral,
            "fwhm_axial_um": float(lateral * rng.uniform(4.2, 6.8)),
            "skirt": float(rng.uniform(0.0, 0.25)),
            "skirt_um": float(rng.uniform(0.7, 1.6)),
            "photons_peak": float(np.exp(rng.uniform(np.log(7.0), np.log(60.0)))),
            "gain": gain,
            "pulse_spread": float(rng.uniform(0.0, 1.2)),
            "smear": (float(rng.uniform(0.0, 0.45)), float(rng.uniform(0.0, 0.08))),
            "background": float(np.exp(rng.uniform(np.log(0.15), np.log(1.2))) * gain),
            "surface_haze": float(rng.uniform(0.0, 1.5)),
            "haze_decay_um": float(rng.uniform(8.0, 40.0)),
            "read_noise": float(gain * rng.uniform(0.03, 0.25)),
            "offset": float(rng.uniform(-1.0, 4.0)),
            "attenuation_um": float(rng.uniform(120.0, 600.0)),
            "unevenness": float(rng.uniform(0.0, 0.2)),
        }
    )
