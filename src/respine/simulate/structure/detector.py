"""From the mean signal of a slice to grey levels: photons, pulse heights, detector bandwidth, read noise, digitiser.

The mean mu (grey levels) of a voxel is a number of photons, Poisson with mean mu / q, each of which gives a pulse of
mean q and squared coefficient of variation s (`pulse_spread`), smeared over its neighbours in the row by the kernel k.
The variance of a voxel in an even field is then q (1 + s) sum(k^2) mu, and q is chosen so that it is `gain` mu.
"""

from __future__ import annotations

import numba
import numpy as np

from respine.simulate.structure.optics import OpticsSettings


@numba.njit(cache=True)
def _count_photons(mean, rng):
    # Inversion from the bottom: most voxels hold less than one photon, where this beats the library's sampler.
    if mean > 12.0:
        return rng.poisson(mean)
    term = np.exp(-mean)
    left = rng.random() - term
    count = 0
    while left > 0.0 and count < 200:
        count += 1
        term *= mean / count
        left -= term
    return count


@numba.njit(cache=True)
def _detect(mean, quantum, spread, kernel, read_noise, offset, top, rng, out):
    height, width = mean.shape
    line = np.empty(width + 2)
    for i in range(height):
        for j in range(-1, width + 1):
            count = _count_photons(mean[i, min(max(j, 0), width - 1)] / quantum, rng)
            if count == 0 or spread == 0.0:
                pulse = float(count)
            elif spread == 1.0 and count <= 3:
                product = 1.0 - rng.random()
                for _ in range(count - 1):
                    product *= 1.0 - rng.random()
                pulse = -np.log(product)
            else:
                pulse = spread * rng.standard_gamma(count / spread)
            line[j + 1] = pulse * quantum
        for j in range(width):
            value = kernel[0] * line[j + 2] + kernel[1] * line[j + 1] + kernel[2] * line[j]
            value += offset + read_noise * rng.standard_normal()
            out[i, j] = min(max(np.floor(value + 0.5), 0.0), top)


def expose_slice(mean: np.ndarray, optics: OpticsSettings, rng: np.random.Generator) -> np.ndarray:
    """Detect and digitise the image of one slice.

    Parameters
    ----------
    mean : ndarray, shape (Y, X)
        Mean signal with background, without offset, grey levels, >= 0.
    optics : OpticsSettings
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of uint8 or uint16, shape (Y, X)
    """
    kernel = optics.smear_kernel
    quantum = optics.gain / ((1.0 + optics.pulse_spread) * float((kernel**2).sum()))
    out = np.empty(mean.shape, optics.dtype)
    _detect(
        np.ascontiguousarray(mean, np.float32),
        quantum,
        float(optics.pulse_spread),
        kernel,
        float(optics.read_noise),
        float(optics.offset),
        float(np.iinfo(optics.dtype).max),
        rng,
        out,
    )
    return out
