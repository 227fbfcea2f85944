"""How much of a spine one session's image shows, everywhere beside a shaft.

A shaft has a halo: the tails of the point-spread function, out-of-focus light, other processes that run along. What
is a spine rises above the halo of its own stretch of shaft at its own distance from it. So the halo is taken as a low
percentile of the ribbon along a window of positions, separately for every lateral and axial offset and relative to
the local brightness of the shaft, and what is left is divided by the noise that the halo's own brightness brings.
Stubby spines on the flank of a bright shaft become maxima this way; in the image itself they are none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, gaussian_filter1d, percentile_filter

from respine.core.settings import StageSettings
from respine.structure.spines.straighten import Ribbon

_SHAFT_HALF_WIDTH_UM = 0.35
_PERCENTILE_STRIDE = 4


class EvidenceSettings(StageSettings):
    """How a ribbon is turned into evidence for spines."""

    smooth_um: float = 0.12
    """Standard deviation of the smoothing in the plane before the halo is taken."""
    head_um: float = 0.15
    """Standard deviation of the smoothing in the plane that matches the head of a spine."""
    axial_um: float = 0.45
    """Standard deviation of both smoothings along z."""
    halo_window_um: float = 8.0
    """Length of the window along the dendrite over which the halo is taken."""
    halo_percentile: float = 25.0
    """Percentile of that window that counts as halo: the share of a shaft's flank that must be free of spines."""
    shaft_smooth_um: float = 1.0
    """Standard deviation over which the brightness of the shaft is smoothed."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one session shows beside one dendrite, on the axes of its ribbon.

    Parameters
    ----------
    snr : ndarray, shape (P, L, A), float32
        Brightness above the halo over its noise; NaN outside the stack.
    excess : ndarray, shape (P, L, A), float32
        Brightness above the halo, grey levels; NaN outside the stack.
    shaft : ndarray, shape (P,)
        Brightness of the shaft above the background, grey levels.
    """

    snr: np.ndarray
    excess: np.ndarray
    shaft: np.ndarray


def compute_evidence(
    ribbon: Ribbon,
    noise_gain: float,
    noise_floor: float,
    background: float,
    settings: EvidenceSettings = EvidenceSettings(),  # noqa: B008
) -> Evidence:
    """Measure what rises above the halo of a shaft.

    Parameters
    ----------
    ribbon : Ribbon
    noise_gain, noise_floor : float
        The session's noise: variance = gain * signal + floor**2, grey levels.
    background : float
        Grey level where there is nothing.

    Returns
    -------
    Evidence
    """
    outside = ~np.isfinite(ribbon.values)
    signal = _continue_outside(ribbon.values - background, outside)
    step = ribbon.step_um
    sigma = np.array([settings.smooth_um, settings.smooth_um, settings.axial_um]) / step
    smooth = gaussian_filter(signal, sigma)
    shaft = _shaft_brightness(smooth, ribbon, settings.shaft_smooth_um / step[0])
    # A shaft that fades out would blow its halo up: below its own noise it is no measure of brightness.
    scale = np.maximum(shaft, max(noise_floor, 1e-6))[:, None, None]
    halo = _halo(smooth / scale, settings, step[0]) * scale
    excess = smooth - halo
    noise = np.sqrt(noise_gain * np.maximum(halo, 0.0) + noise_floor**2 + 1e-6)
    head = np.array([settings.head_um, settings.head_um, settings.axial_um]) / step
    snr = gaussian_filter(excess / noise, head).astype(np.float32)
    snr[outside] = np.nan
    excess = excess.astype(np.float32)
    excess[outside] = np.nan
    return Evidence(snr, excess, shaft)


def _continue_outside(values: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Fill what is outside from the nearest known place along the dendrite: an edge must not look like a spine."""
    if not outside.any():
        return values
    if outside.all():
        return np.zeros_like(values)
    nearest = distance_transform_edt(outside, sampling=(1, 1000, 1000), return_distances=False, return_indices=True)
    return values[tuple(nearest)]


def _shaft_brightness(smooth: np.ndarray, ribbon: Ribbon, sigma: float) -> np.ndarray:
    middle = np.abs(ribbon.lateral_um) <= _SHAFT_HALF_WIDTH_UM
    return gaussian_filter1d(smooth[:, middle].mean(axis=1).max(axis=1), sigma, mode="nearest")


def _halo(relative: np.ndarray, settings: EvidenceSettings, step_um: float) -> np.ndarray:
    """Low running percentile along the dendrite; on every fourth position, since it changes slowly."""
    window = max(round(settings.halo_window_um / step_um / _PERCENTILE_STRIDE), 3)
    coarse = percentile_filter(
        relative[::_PERCENTILE_STRIDE], settings.halo_percentile, size=(window, 1, 1), mode="nearest"
    )
    fine = np.repeat(coarse, _PERCENTILE_STRIDE, axis=0)[: len(relative)]
    return gaussian_filter1d(fine, settings.shaft_smooth_um / step_um, axis=0, mode="nearest")
