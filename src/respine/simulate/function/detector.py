"""From expected photons to grey levels: Poisson photons, gain, offset, read noise, digitiser."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from respine.simulate.settings_checked import CheckedSettings


class DetectorSettings(CheckedSettings):
    """A photomultiplier and its digitiser. The variance of a pixel is gain**2 photons + read_sd_grey**2."""

    gain_grey: float = Field(25.0, gt=0)
    """Grey levels of one photon."""
    offset_grey: float = Field(100.0, ge=0)
    """Grey level without light."""
    read_sd_grey: float = Field(8.0, ge=0)
    """Standard deviation of the noise without light, grey levels."""
    bits: int = Field(14, ge=8, le=16)
    """Depth of the digitiser; brighter pixels are cut off."""


def detect(photons: np.ndarray, settings: DetectorSettings, rng: np.random.Generator) -> np.ndarray:
    """Return one frame as the digitiser gives it, uint16, for the expected photons of every pixel."""
    grey = rng.poisson(photons).astype(np.float32)
    grey *= np.float32(settings.gain_grey)
    grey += np.float32(settings.read_sd_grey) * rng.standard_normal(photons.shape, dtype=np.float32)
    grey += np.float32(settings.offset_grey)
    return np.clip(np.rint(grey), 0, 2**settings.bits - 1).astype(np.uint16)
