"""Shapes as sums of small Gaussian blobs of fluorophore, which the point-spread function turns into light.

Symbols: N blobs, P points of a line. A tube is filled by lines that run along it, spread evenly over its cross
section, so that a thick shaft has the flat top and the depth of a solid one. Each blob holds the volume of its part
of the shape times the concentration there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from respine.core.geometry import arc_length_um, points_at
from respine.simulate.structure.anatomy import shaft_frame

_STEP_UM = 0.15
_GOLDEN_RAD = np.pi * (3.0 - np.sqrt(5.0))
_THIN_UM, _MIDDLE_UM = 0.28, 0.6


@dataclass(frozen=True, eq=False)
class Blobs:
    """Fluorophore in space.

    Parameters
    ----------
    points_um : ndarray, shape (N, 3)
        Middle (z, y, x), um.
    mass : ndarray, shape (N,)
        Volume times concentration relative to the reference shaft, um^3.
    spread_um : ndarray, shape (N,)
        Lateral standard deviation of the blob itself, um.
    role : ndarray of int8, shape (N,)
        0: small, seen near the focus only; 1: part of a shaft near the focus; 2: the same shaft far from it,
        where fewer blobs do.
    """

    points_um: np.ndarray
    mass: np.ndarray
    spread_um: np.ndarray
    role: np.ndarray

    def __len__(self) -> int:
        return len(self.mass)


SMALL, NEAR, FAR = np.int8(0), np.int8(1), np.int8(2)


def join_blobs(parts: Iterable[Blobs]) -> Blobs:
    """Put blobs together, in order."""
    parts = [Blobs(np.zeros((0, 3)), np.zeros(0), np.zeros(0), np.zeros(0, np.int8)), *parts]
    return Blobs(
        np.concatenate([p.points_um for p in parts]),
        np.concatenate([p.mass for p in parts]),
        np.concatenate([p.spread_um for p in parts]),
        np.concatenate([p.role for p in parts]),
    )


def small_blobs(points_um: np.ndarray, mass: np.ndarray, spread_um: np.ndarray) -> Blobs:
    """Build blobs that are seen near the focus only."""
    count = len(points_um)
    return Blobs(
        np.asarray(points_um, float),
        np.broadcast_to(np.asarray(mass, float), count).copy(),
        np.broadcast_to(np.asarray(spread_um, float), count).copy(),
        np.full(count, SMALL),
    )


def fill_tube(points_um: np.ndarray, radius_um: np.ndarray, concentration: np.ndarray) -> Blobs:
    """Fill a tube of changing radius.

    Parameters
    ----------
    points_um : ndarray, shape (P, 3)
        Centre line, um.
    radius_um, concentration : ndarray, shape (P,)

    Returns
    -------
    Blobs
    """
    along = arc_length_um(points_um)
    near = [_fill(points_um, along, radius_um, concentration, _STEP_UM, lines) for lines in (1, 7, 19)]
    far = _fill(points_um, along, radius_um, concentration, 3 * _STEP_UM, 0)
    return join_blobs([*near, far])


def _fill(points_um, along, radius_um, concentration, step_um, lines):
    """Fill the stretches whose radius asks for so many lines; 0: all of the tube by one line, for far away."""
    count = max(round(along[-1] / step_um), 1)
    step = along[-1] / count
    at = (np.arange(count) + 0.5) * step
    radius = np.interp(at, along, radius_um)
    wanted = np.where(radius < _THIN_UM, 1, np.where(radius < _MIDDLE_UM, 7, 19))
    if lines:
        at, radius = at[wanted == lines], radius[wanted == lines]
    if not len(at):
        return join_blobs([])
    each = max(lines, 1)
    middle = points_at(points_um, at)
    _, left, above = shaft_frame(points_um, at)
    disc = _disc(each)
    offset = disc[None, :, :1] * left[:, None] + disc[None, :, 1:] * above[:, None]
    placed = middle[:, None] + offset * radius[:, None, None]
    mass = np.interp(at, along, concentration) * np.pi * radius**2 * step / each
    spread = 0.5 * radius / np.sqrt(each)
    return Blobs(
        placed.reshape(-1, 3),
        np.repeat(mass, each),
        np.repeat(spread, each),
        np.full(len(at) * each, NEAR if lines else FAR),
    )


def _disc(count):
    """Points of the unit disc in the order of a sunflower, shape (count, 2).

    Drawn in a little, so that points and their spread together have the variance of the full disc, 1/4 an axis.
    """
    order = np.arange(count)
    angle = order * _GOLDEN_RAD
    points = np.sqrt(order + 0.5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points -= points.mean(axis=0)
    variance = (points**2).mean()
    return points * np.sqrt(0.25 * (1.0 - 1.0 / count) / variance) if count > 1 else points
