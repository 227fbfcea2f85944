"""Pixels of somata and specks: rings with a dark nucleus, and small blobs, on the canvas of a movie."""

from __future__ import annotations

import numpy as np

from respine.simulate.function.field import CellField, outline_radius
from respine.simulate.function.scene import Sources

_EDGE_UM = 0.5
_NUCLEUS = 0.62
_FAINTEST = 0.02
_NUCLEUS_SOFTNESS = 1.5


class Canvas:
    """The grid of a movie's canvas: `shape` pixels of `pixel_um`, the origin in its middle."""

    def __init__(self, shape: tuple[int, int], pixel_um: float) -> None:
        self.shape = shape
        self.pixel_um = pixel_um

    def axes_um(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the rows and of the columns, um."""
        rows, columns = ((np.arange(n) - (n - 1) / 2) * self.pixel_um for n in self.shape)
        return rows, columns

    def around(self, centre_um: np.ndarray, reach_um: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pixels within a square: flat index, and offset (y, x) from its centre, um; shape (P,)."""
        chosen = []
        for axis, centre in zip(self.axes_um(), centre_um, strict=True):
            chosen.append(np.flatnonzero(np.abs(axis - centre) <= reach_um))
        rows, columns = np.meshgrid(*chosen, indexing="ij")
        row_um, column_um = self.axes_um()
        index = (rows * self.shape[1] + columns).ravel()
        return index, row_um[rows].ravel() - centre_um[0], column_um[columns].ravel() - centre_um[1]


def soma_footprint(field: CellField, cell: int, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of a soma and their weights; the rim of a soma in focus weighs 1.

    A soma out of the plane shows a smaller section, without the nucleus where the plane misses it.
    """
    radius = field.radius_um[cell]
    height = min(abs(field.position_um[cell, 0]) / radius, 0.8)
    section = radius * np.sqrt(1 - height**2)
    index, y, x = canvas.around(field.position_um[cell, 1:], 1.6 * radius)
    distance = np.hypot(y, x) / outline_radius(field.outline[cell], np.arctan2(y, x))
    inside = _step((section - distance) / _EDGE_UM)
    core = np.sqrt(max(_NUCLEUS**2 - height**2, 0.0)) * radius
    nucleus = _step((core - distance) / (_NUCLEUS_SOFTNESS * _EDGE_UM)) if core > 0 else 0.0
    weight = inside * (1 - field.nucleus_depth[cell] * nucleus)
    seen = weight > _FAINTEST
    return index[seen], weight[seen]


def speck_footprint(field: CellField, speck: int, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of a dendritic speck and their weights, 1 at its centre."""
    radius = field.speck_radius_um[speck]
    index, y, x = canvas.around(field.speck_um[speck, 1:], 3 * radius)
    weight = np.exp(-(y**2 + x**2) / (2 * radius**2))
    seen = weight > _FAINTEST
    return index[seen], weight[seen]


def gather(footprints: list[tuple[np.ndarray, np.ndarray]], photons: np.ndarray) -> Sources:
    """Join footprints into sources whose weight 1 is this many photons, shape (N,)."""
    lengths = [len(index) for index, _ in footprints]
    first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    pixel = np.concatenate([np.zeros(0, np.int64), *(index for index, _ in footprints)])
    weight = np.concatenate([np.zeros(0), *(weight for _, weight in footprints)])
    return Sources(first, pixel.astype(np.int64), weight * np.repeat(photons, lengths))


def soma_cover(footprints: list[tuple[np.ndarray, np.ndarray]], canvas: Canvas) -> np.ndarray:
    """Return how much of every pixel somata fill, 0 to 1, the shape of the canvas."""
    cover = np.zeros(canvas.shape[0] * canvas.shape[1])
    for index, weight in footprints:
        cover[index] = np.maximum(cover[index], weight)
    return cover.reshape(canvas.shape)


def _step(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(2 * value, -30, 30)))
