"""Paints a mouse into an image: soft-edged capsules, and a body shaded as if it were round, with fur that moves along.

All positions and radii are in pixels, (y, x); images are float32, changed in place.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _box(y0, x0, y1, x1, reach, rows, columns):
    top = max(int(np.floor(min(y0, y1) - reach)), 0)
    bottom = min(int(np.ceil(max(y0, y1) + reach)) + 1, rows)
    left = max(int(np.floor(min(x0, x1) - reach)), 0)
    right = min(int(np.ceil(max(x0, x1) + reach)) + 1, columns)
    return top, bottom, left, right


@njit(cache=True)
def paint_capsules(image, start, end, start_radius, end_radius, grey, opacity, softness):
    """Paint capsules over an image, each with a grey level and an opacity; edges fade over `softness` pixels."""
    for k in range(len(grey)):
        y0, x0, y1, x1 = start[k, 0], start[k, 1], end[k, 0], end[k, 1]
        dy, dx = y1 - y0, x1 - x0
        length2 = max(dy * dy + dx * dx, 1e-9)
        reach = max(start_radius[k], end_radius[k]) + softness
        top, bottom, left, right = _box(y0, x0, y1, x1, reach, image.shape[0], image.shape[1])
        for y in range(top, bottom):
            for x in range(left, right):
                along = min(max(((y - y0) * dy + (x - x0) * dx) / length2, 0.0), 1.0)
                radius = start_radius[k] + along * (end_radius[k] - start_radius[k])
                away2 = (y - y0 - along * dy) ** 2 + (x - x0 - along * dx) ** 2
                if away2 >= (radius + 0.5 * softness) ** 2:
                    continue
                distance = np.sqrt(away2)
                cover = min((radius - distance) / softness + 0.5, 1.0) * opacity[k]
                round_shade = 1 - 0.25 * min(away2 / max(radius * radius, 1e-9), 1.0)
                image[y, x] += cover * (grey[k] * round_shade - image[y, x])


@njit(cache=True)
def paint_body(image, spine, radius, grey, fur, fur_per_px, height, place, across):
    """Paint a body along its axis.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
    spine : ndarray, shape (J, 2)
    radius : ndarray, shape (J,)
    grey : float
        Grey level of the lit fur.
    fur : ndarray, shape (A, B)
        Texture, read along and across the body.
    fur_per_px : float
        Steps of the texture in a pixel.
    height, place, across : ndarray of float32, shape (Y, X)
        Scratch; `height` holds -1 everywhere before and after.
    """
    rows, columns = image.shape
    first, last, low, high = rows, 0, columns, 0
    run = 0.0
    for j in range(len(radius) - 1):
        y0, x0, y1, x1 = spine[j, 0], spine[j, 1], spine[j + 1, 0], spine[j + 1, 1]
        dy, dx = y1 - y0, x1 - x0
        length = max(np.hypot(dy, dx), 1e-9)
        top, bottom, left, right = _box(y0, x0, y1, x1, max(radius[j], radius[j + 1]) + 1, rows, columns)
        first, last, low, high = min(first, top), max(last, bottom), min(low, left), max(high, right)
        for y in range(top, bottom):
            for x in range(left, right):
                along = min(max(((y - y0) * dy + (x - x0) * dx) / length**2, 0.0), 1.0)
                thick = radius[j] + along * (radius[j + 1] - radius[j])
                away2 = (y - y0 - along * dy) ** 2 + (x - x0 - along * dx) ** 2
                if away2 >= (thick + 0.5) ** 2:
                    continue
                distance = np.sqrt(away2)
                rise = thick + 0.5 - distance
                if rise > height[y, x]:
                    height[y, x] = rise
                    side = 1.0 if (x - x0) * dy - (y - y0) * dx >= 0 else -1.0
                    place[y, x] = run + along * length
                    across[y, x] = side * min(distance / max(thick, 1e-9), 1.0)
        run += length
    for y in range(first, last):
        for x in range(low, high):
            rise = height[y, x]
            if rise > 0:
                t = across[y, x]
                light = 0.55 + 0.45 * np.sqrt(1 - t * t) + 0.12 * t
                a = int(place[y, x] * fur_per_px) % fur.shape[0]
                b = int((t + 1) * 0.4999 * fur.shape[1])
                image[y, x] += min(rise, 1.0) * (grey * light + fur[a, b] - image[y, x])
                height[y, x] = -1.0


@njit(cache=True)
def shift_image(source, shift_y, shift_x, gain, out):
    """Write a brightened copy of an image, displaced by a part of a pixel or more; edges repeat."""
    rows, columns = out.shape
    first_y, first_x = int(np.floor(-shift_y)), int(np.floor(-shift_x))
    fy, fx = np.float32(-shift_y - first_y), np.float32(-shift_x - first_x)
    gain = np.float32(gain)
    one = np.float32(1)
    low, high = max(-first_x, 0), min(columns - 1 - first_x, columns)
    for y in range(rows):
        j = min(max(y + first_y, 0), rows - 2)
        upper, lower = source[j], source[j + 1]
        for x in range(low, high):
            i = x + first_x
            top = (one - fx) * upper[i] + fx * upper[i + 1]
            bottom = (one - fx) * lower[i] + fx * lower[i + 1]
            out[y, x] = gain * ((one - fy) * top + fy * bottom)
        out[y, :low] = out[y, low]
        out[y, high:] = out[y, high - 1]


@njit(cache=True)
def add_noise(image, light, draws, quantiles, read_variance, shot_gain, out):
    """Write a lit image as 8-bit grey levels with camera noise; each byte of `draws` picks a normal quantile."""
    rows, columns = image.shape
    for y in range(rows):
        for x in range(columns):
            level = image[y, x] * light
            spread = np.sqrt(read_variance + shot_gain * max(level, 0.0))
            noisy = level + spread * quantiles[draws[y, x]]
            out[y, x] = np.uint8(min(max(noisy + 0.5, 16.0), 235.0))
