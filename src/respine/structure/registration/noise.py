"""The noise of an image, from the image itself."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, uniform_filter

_BINS = 24
_MIN_VOXELS_IN_BIN = 200
_LEVEL_SIDE = 5
_ITERATIONS = 10


def estimate_noise(voxels: np.ndarray, saturation: float) -> tuple[float, float]:
    """Estimate the gain and the floor of the noise: variance = gain * (mean - background) + floor squared.

    The second differences of neighbouring voxels along both axes of a slice cancel what is smooth and leave the noise
    [1]_; their variance is taken in bins of the local mean, and a line fitted through it.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        A stack, or every few slices of one.
    saturation : float
        Grey level from which a voxel counts as saturated and is left out.

    Returns
    -------
    gain : float
        Variance per grey level of signal, grey level; > 0.
    floor : float
        Standard deviation of the noise at the background (the stack's median), grey level; > 0.

    References
    ----------
    .. [1] Immerkaer J (1996). Fast noise variance estimation. Comput Vis Image Underst 64:300-302.
       https://doi.org/10.1006/cviu.1996.0060
    """
    kernel = np.array([1.0, -2.0, 1.0]) / np.sqrt(6)
    levels, squares = [], []
    for plane in voxels:
        plane = np.asarray(plane, np.float32)
        level = uniform_filter(plane, _LEVEL_SIDE)
        rough = correlate1d(correlate1d(plane, kernel, axis=0), kernel, axis=1)
        inner = (slice(3, -3), slice(3, -3))
        usable = np.isfinite(rough[inner]) & (uniform_filter((plane >= saturation).astype(np.float32), 7)[inner] < 1e-3)
        levels.append(level[inner][usable])
        squares.append(rough[inner][usable] ** 2)
    level, square = np.concatenate(levels), np.concatenate(squares)
    if level.size < _MIN_VOXELS_IN_BIN:
        return 1.0, 1.0
    return _fit_line(*_bin_variance(level, square), float(np.median(level)))


def _bin_variance(level, square):
    """Mean level, variance and number of voxels in bins equally spaced in the square root of the level."""
    root = np.sqrt(np.maximum(level - np.percentile(level, 1), 0))
    edges = np.linspace(0, max(float(np.percentile(root, 99.99)), 1e-6), _BINS + 1)
    which = np.clip(np.digitize(root, edges) - 1, 0, _BINS - 1)
    count = np.bincount(which, minlength=_BINS)
    kept = count >= min(_MIN_VOXELS_IN_BIN, count.max())
    mean = np.bincount(which, level, _BINS)[kept] / count[kept]
    variance = np.bincount(which, square, _BINS)[kept] / count[kept]
    return mean, variance, count[kept]


def _fit_line(mean, variance, count, background):
    """Weighted line through the variances; what structure adds to a bin is an outlier above the line."""
    design = np.column_stack([mean - background, np.ones_like(mean)])
    weight = np.sqrt(np.minimum(count, 20_000)) / np.maximum(variance, 1e-9)
    trust = np.ones_like(mean)
    for _ in range(_ITERATIONS):
        scaled = weight * trust
        gain, floor2 = np.linalg.lstsq(design * scaled[:, None], variance * scaled, rcond=None)[0]
        left = (variance - design @ np.array([gain, floor2])) / np.maximum(variance, 1e-9)
        trust = np.sqrt(1 / (1 + (left / 0.2) ** 2))
    smallest = 1e-6 + 1e-3 * float(np.median(variance))
    return max(float(gain), smallest), float(np.sqrt(max(floor2, smallest)))
