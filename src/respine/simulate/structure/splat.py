"""Light of many small blobs through the point-spread function, summed into the image of one slice.

A blob is an amount of fluorophore (`mass`, um^3) with a Gaussian lateral spread. Its image in a plane at distance dz
from it is a Gaussian of variance (sigma w)^2 + spread^2, so that a blob costs two rows of exponentials and one outer
product. Compiled, because a stack holds some hundred thousand blobs.
"""

from __future__ import annotations

import numba
import numpy as np

_CUT_SIGMAS = 3.6


@numba.njit(cache=True, fastmath=True)
def splat_slice(image, points_um, mass, spread_um, near_um, far_um, z_um, pixel_um, shift_um, sigma_um, rayleigh_um):
    """Add the light of blobs to the image of the slice at depth `z_um`, in place.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
    points_um : ndarray, shape (N, 3)
        Middle of each blob (z, y, x), um.
    mass : ndarray, shape (N,)
    spread_um : ndarray, shape (N,)
        Standard deviation of the blob itself in the plane, um.
    near_um, far_um : ndarray, shape (N,)
        The blob shines on slices at a distance near <= |dz| < far, um.
    z_um : float
    pixel_um : tuple of float
        Size of a pixel (y, x), um.
    shift_um : tuple of float
        Displacement of this slice (y, x), um.
    sigma_um, rayleigh_um : float
        Lateral standard deviation in focus and Rayleigh range of the point-spread function, um.
    """
    height, width = image.shape
    row = np.empty(width, np.float32)
    for n in range(len(mass)):
        dz = abs(points_um[n, 0] - z_um)
        if dz < near_um[n] or dz >= far_um[n]:
            continue
        beam2 = 1.0 + (dz / rayleigh_um) ** 2
        var = sigma_um**2 * beam2 + spread_um[n] ** 2
        peak = mass[n] * sigma_um**2 / (beam2 * var)
        reach = _CUT_SIGMAS * np.sqrt(var)
        y, x = points_um[n, 1] + shift_um[0], points_um[n, 2] + shift_um[1]
        y0 = max(int(np.ceil((y - reach) / pixel_um[0])), 0)
        y1 = min(int(np.floor((y + reach) / pixel_um[0])), height - 1)
        x0 = max(int(np.ceil((x - reach) / pixel_um[1])), 0)
        x1 = min(int(np.floor((x + reach) / pixel_um[1])), width - 1)
        for j in range(x0, x1 + 1):
            row[j] = np.exp(-0.5 * (j * pixel_um[1] - x) ** 2 / var)
        for i in range(y0, y1 + 1):
            column = np.float32(peak * np.exp(-0.5 * (i * pixel_um[0] - y) ** 2 / var))
            for j in range(x0, x1 + 1):
                image[i, j] += column * row[j]


@numba.njit(cache=True)
def shear_rows(image, shift_px):
    """Move every row of an image along itself, as motion during the scan does; Catmull-Rom between pixels.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
    shift_px : ndarray, shape (Y,)
        Displacement of the row, pixels to larger x.

    Returns
    -------
    ndarray of float32, shape (Y, X)
    """
    height, width = image.shape
    moved = np.empty_like(image)
    for i in range(height):
        whole = int(np.floor(-shift_px[i]))
        t = -shift_px[i] - whole
        w0 = 0.5 * (-t + 2 * t**2 - t**3)
        w1 = 0.5 * (2 - 5 * t**2 + 3 * t**3)
        w2 = 0.5 * (t + 4 * t**2 - 3 * t**3)
        w3 = 0.5 * (-(t**2) + t**3)
        for j in range(width):
            a = min(max(j + whole - 1, 0), width - 1)
            b = min(max(j + whole, 0), width - 1)
            c = min(max(j + whole + 1, 0), width - 1)
            d = min(max(j + whole + 2, 0), width - 1)
            moved[i, j] = w0 * image[i, a] + w1 * image[i, b] + w2 * image[i, c] + w3 * image[i, d]
    return moved
