"""Polylines in space: length, resampling, frames and projection.

Symbols: N points of a line, M query points. Points are (z, y, x) in um.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def arc_length_um(points_um: np.ndarray) -> np.ndarray:
    """Distance along a line from its first point, shape (N,), um."""
    steps = np.linalg.norm(np.diff(points_um, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def resample_line(points_um: np.ndarray, step_um: float) -> np.ndarray:
    """Resample a line at equal steps of arc length; both ends stay.

    The step is the nearest to `step_um` that divides the length evenly. Repeated points are dropped.
    """
    points = np.asarray(points_um, float)
    keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-9])
    points = points[keep]
    along = arc_length_um(points)
    count = max(round(along[-1] / step_um), 1) + 1
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in range(3)], axis=1)


def points_at(points_um: np.ndarray, position_um: np.ndarray) -> np.ndarray:
    """Points of a line at given distances along it, shape (M, 3); beyond an end, that end."""
    along = arc_length_um(points_um)
    return np.stack([np.interp(position_um, along, points_um[:, axis]) for axis in range(3)], axis=-1)


def planar_normals(points_um: np.ndarray) -> np.ndarray:
    """Unit vectors (y, x), shape (N, 2), to the left of the line's direction as seen in the y-x image.

    With y pointing down the image, a line that runs to larger x has its normal at smaller y ("up" on the
    screen), which is the left hand of somebody walking along it.
    """
    tangent = np.gradient(points_um[:, 1:], axis=0)
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    # A stretch that runs straight along z has no direction in the plane: borrow the overall one.
    overall = points_um[-1, 1:] - points_um[0, 1:]
    norm = np.linalg.norm(overall)
    overall = overall / norm if norm > 0 else np.array([0.0, 1.0])
    tangent = np.where(length > 1e-9, tangent / np.maximum(length, 1e-9), overall)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def project_on_line(points_um: np.ndarray, line_um: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest point of a line for each query point.

    Parameters
    ----------
    points_um : ndarray, shape (M, 3)
    line_um : ndarray, shape (N, 3), N >= 2

    Returns
    -------
    position_um : ndarray, shape (M,)
        Distance along the line of the nearest point.
    distance_um : ndarray, shape (M,)
        Distance to it in three dimensions.
    """
    points, line = np.asarray(points_um, float), np.asarray(line_um, float)
    along = arc_length_um(line)
    nearest = cKDTree(line).query(points)[1]
    best = np.full(len(points), np.inf)
    position = np.zeros(len(points))
    for start in (nearest - 1, nearest):
        first = np.clip(start, 0, len(line) - 2)
        edge = line[first + 1] - line[first]
        length2 = np.maximum((edge**2).sum(1), 1e-18)
        share = np.clip(((points - line[first]) * edge).sum(1) / length2, 0.0, 1.0)
        distance = np.linalg.norm(points - line[first] - share[:, None] * edge, axis=1)
        closer = distance < best
        best = np.where(closer, distance, best)
        position = np.where(closer, along[first] + share * (along[first + 1] - along[first]), position)
    return position, best
