"""One dendrite between two points that a person clicked."""

from __future__ import annotations

import numpy as np

from respine.core.errors import InputError
from respine.core.stack import Stack
from respine.structure.tracing.ridge import RidgeMap, compute_ridge_map
from respine.structure.tracing.trace import TraceSettings
from respine.structure.tracing.trace_centre import Search, centre_line, measure_radius, smooth_line, typical_radius
from respine.structure.tracing.trace_paths import cheapest_path

# A click in a projection or between slices is good to this; the brightest ridge within it is meant.
_CLICK_UM, _CLICK_AXIAL_UM = 0.8, 3.0
_MARGIN_UM, _MARGIN_SHARE = 10.0, 0.25
_CENTRE_UM, _CENTRE_AXIAL_UM = 0.6, 2.0
_PATH_SMOOTHING_UM = 0.9
_SHORTEST_UM = 1.0


def trace_path(stack: Stack, start_um: np.ndarray, end_um: np.ndarray, settings: TraceSettings) -> np.ndarray:
    """Follow the dendrite from one point to another.

    The cheapest path through the ridge map between the two, centred and smoothed like an automatic tracing.

    Parameters
    ----------
    stack : Stack
    start_um, end_um : ndarray, shape (3,)
        Points (z, y, x), um; each is moved to the strongest ridge within 0.8 um laterally and 3 um axially.
    settings : TraceSettings
        Its `scales_um`, `axial_blur_um` and `smooth_um` are used.

    Returns
    -------
    ndarray, shape (N, 3)
        Centre line from start to end, um, about 0.3 um a step.

    Raises
    ------
    InputError
        A point is not three finite numbers or lies outside the stack, or the two are less than 1 um apart.
    """
    points = [_inside(name, point, stack) for name, point in (("start", start_um), ("end", end_um))]
    distance = np.linalg.norm(points[1] - points[0])
    if distance < _SHORTEST_UM:
        raise InputError(f"trace_path: start and end are {distance:.2f} um apart; expected at least {_SHORTEST_UM} um")
    size, margin = np.array(stack.voxel_um), max(_MARGIN_UM, _MARGIN_SHARE * distance)
    low = np.maximum(np.floor((np.min(points, axis=0) - margin) / size).astype(int), 0)
    high = np.minimum(np.ceil((np.max(points, axis=0) + margin) / size).astype(int) + 1, stack.shape)
    box = Stack(stack.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], stack.voxel_um)
    ridges = compute_ridge_map(box, settings.scales_um, settings.axial_blur_um)
    start, end = (_snap(point - low * size, ridges) for point in points)
    path = ridges.to_um(cheapest_path(ridges, start, end, margin))
    if len(path) < 2:
        return np.stack(points)
    line = smooth_line(path, _PATH_SMOOTHING_UM)
    search = Search(_CENTRE_UM, _CENTRE_AXIAL_UM, settings.smooth_um)
    return centre_line(line, box, search, typical_radius(measure_radius(line, box))) + low * size


def _inside(name: str, point_um: np.ndarray, stack: Stack) -> np.ndarray:
    point = np.asarray(point_um, float)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise InputError(f"trace_path: the {name} must be three finite numbers (z, y, x) in um; found {point_um}")
    half = np.array(stack.voxel_um) / 2
    if (point < -half).any() or (point > stack.extent_um + half).any():
        at, reach = (tuple(round(float(v), 2) for v in values) for values in (point, stack.extent_um))
        raise InputError(f"trace_path: the {name} {at} um lies outside the stack, which reaches from 0 to {reach} um")
    return point


def _snap(point_um: np.ndarray, ridges: RidgeMap) -> np.ndarray:
    """Voxel of the strongest ridge near a point; the point's own voxel where there is none."""
    own = ridges.to_voxel(point_um[None])[0]
    reach = np.array([_CLICK_AXIAL_UM, _CLICK_UM, _CLICK_UM])
    low, high = ridges.to_voxel(np.stack([point_um - reach, point_um + reach]))
    near = ridges.ridge[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
    return low + np.unravel_index(np.argmax(near), near.shape) if near.max() > 0 else own
