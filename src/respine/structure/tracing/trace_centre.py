"""Put lines onto the middle of the dendrites that they follow, and measure the radius there.

A line is straightened out: across it lie the in-plane normal u and the direction w square to line and u (z, for a
flat dendrite). A running median along the line removes what is short, spines above all. The offsets (u, w) that follow
the tube best are found by dynamic programming, with a price on slopes and on leaving the line, and are smoothed.

Symbols: N points of a line, U and W offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, median_filter

from respine.core.geometry import arc_length_um, planar_normals, resample_line
from respine.core.stack import Stack

STEP_UM = 0.3
_LATERAL_STEP_UM, _AXIAL_STEP_UM = 0.12, 0.5
# What lies beside a dendrite for less than half of this is removed by the running median.
_MEDIAN_UM = 2.4
_HEADING_UM = 1.0
_THINNEST_UM = 0.3
# The sigma of a Gaussian over its half width at half maximum.
_SIGMA_PER_RADIUS = 0.85
_AXIAL_BLUR_STEPS, _AXIAL_PAD = 2.4, 4
# Prices of a slope of 1 and of an offset as large as the search, against a gain of 1 for the middle of the tube.
_SLOPE_PRICE, _OFFSET_PRICE = 2.0, 0.15
_BRIGHTNESS_UM = 10.0
_PROFILE_UM, _PROFILE_STEP_UM = 3.0, 0.06
# At the edge of the stack a profile may be shorter, but must reach the background.
_LEAST_SIDE_UM = 1.5
_BLEND_UM = 2.0
_TIP_UM, _TIP_FIT_UM = 1.0, 4.0
_TYPICAL_RADIUS_UM = 0.45
# Points sampled at once, so that the box of the stack around them stays small.
_PART = 64


@dataclass(frozen=True)
class Search:
    """How far a line may move: laterally and axially, um, and over which length its offsets are smoothed."""

    lateral_um: float
    axial_um: float
    smooth_um: float


def smooth_line(points_um: np.ndarray, sigma_um: float, step_um: float = STEP_UM) -> np.ndarray:
    """Resample a line at equal steps and smooth it along its length; both ends stay where they are."""
    points = resample_line(points_um, step_um)
    if len(points) < 3:
        return points
    pad = min(int(np.ceil(3 * sigma_um / step_um)), len(points) - 1)
    # Mirrored through its end points, the line runs on straight, so that the ends stay.
    before = 2 * points[0] - points[pad:0:-1]
    after = 2 * points[-1] - points[-2 : -pad - 2 : -1]
    padded = np.concatenate([before, points, after])
    smooth = gaussian_filter1d(padded, sigma_um / step_um, axis=0, mode="nearest")[pad:-pad]
    smooth[[0, -1]] = points[[0, -1]]  # to the last bit, for ends that meet
    return smooth


def level_tip(points_um: np.ndarray) -> np.ndarray:
    """Give the um next to the first point of a path the depth that what follows leads to.

    The patch that a path comes from is tallest along z, so that the path may end on its rim above or below the tip.
    """
    along = arc_length_um(points_um * (0, 1, 1))
    rest = (along >= _TIP_UM) & (along <= _TIP_UM + _TIP_FIT_UM)
    if along[-1] < 2 * (_TIP_UM + _TIP_FIT_UM) or rest.sum() < 3:
        return points_um
    tip = along < _TIP_UM
    level, slope = np.polynomial.polynomial.polyfit(along[rest], points_um[rest, 0], 1)
    flat = points_um.copy()
    flat[tip, 0] = level + along[tip] * slope
    return flat


def centre_line(points_um: np.ndarray, stack: Stack, search: Search, tube_um: float) -> np.ndarray:
    """Move the points of a line square to it, onto the middle of the tube that they follow.

    Parameters
    ----------
    points_um : ndarray, shape (N, 3)
        A smooth line with even steps of about 0.3 um.
    stack : Stack
    search : Search
    tube_um : float
        Radius of the tube, um; its cross-section is sought.

    Returns
    -------
    ndarray, shape (N, 3)
        Point k is the moved point k. A point outside the stack moves with its neighbours.
    """
    step = arc_length_um(points_um)[-1] / (len(points_um) - 1)
    normal, across = _frame(points_um, step)
    across = across * _reach_along(across, search)[:, None]
    u = _offsets(search.lateral_um, _LATERAL_STEP_UM)
    w = _offsets(search.axial_um, _AXIAL_STEP_UM) / search.axial_um
    score = _tube_score(points_um, normal, across, u, w, stack, max(tube_um, _THINNEST_UM), step)
    best = _best_offsets(score, u / search.lateral_um, w, search.lateral_um, step)
    offset = np.stack([_refine(score, best, u, 0), _refine(score, best, w, 1)], axis=1)
    offset = gaussian_filter1d(offset, search.smooth_um / step, axis=0, mode="nearest")
    return points_um + offset[:, :1] * normal + offset[:, 1:] * across


def _offsets(reach_um: float, step_um: float) -> np.ndarray:
    return np.linspace(-reach_um, reach_um, 2 * max(int(np.ceil(reach_um / step_um)), 1) + 1)


def _frame(points_um: np.ndarray, step_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors square to a line: the in-plane normal and the third direction, each (N, 3)."""
    calm = gaussian_filter1d(points_um, _HEADING_UM / step_um, axis=0, mode="nearest")
    tangent = np.gradient(calm, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.concatenate([np.zeros((len(calm), 1)), planar_normals(calm)], axis=1)
    # Where the line runs through a vertical stretch its normal may turn about: keep it on one side.
    turns = np.sign((normal[1:] * normal[:-1]).sum(1) + 1e-12)
    normal *= np.concatenate([[1.0], np.cumprod(turns)])[:, None]
    across = np.cross(normal, tangent)
    return normal, across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)


def _reach_along(across: np.ndarray, search: Search) -> np.ndarray:
    """Search distance along the third direction: the axial one where that is z, the lateral one where it is flat."""
    lateral = np.linalg.norm(across[:, 1:], axis=1)
    return 1 / np.sqrt((across[:, 0] / search.axial_um) ** 2 + (lateral / search.lateral_um) ** 2)


def _sample(
    points_um: np.ndarray, normal: np.ndarray, across: np.ndarray, u: np.ndarray, w: np.ndarray, stack: Stack
) -> tuple[np.ndarray, np.ndarray]:
    """Intensities (N, U, W) around a line, and whether each lies inside the stack."""
    parts = [
        _sample_part(points_um[k : k + _PART], normal[k : k + _PART], across[k : k + _PART], u, w, stack)
        for k in range(0, len(points_um), _PART)
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _sample_part(
    points_um: np.ndarray, normal: np.ndarray, across: np.ndarray, u: np.ndarray, w: np.ndarray, stack: Stack
) -> tuple[np.ndarray, np.ndarray]:
    spots = points_um[:, None, None] + u[:, None, None] * normal[:, None, None] + w[:, None] * across[:, None, None]
    index = stack.to_voxel(spots.reshape(-1, 3))
    last = np.array(stack.shape) - 1
    inside = ((index >= -0.5) & (index <= last + 0.5)).all(1)
    index = np.clip(index, 0, last)
    low = np.floor(index.min(0)).astype(int)
    high = np.ceil(index.max(0)).astype(int) + 1
    box = np.asarray(stack.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], np.float32)
    valid = np.isfinite(box)
    values = map_coordinates(np.where(valid, box, 0), (index - low).T, order=1, mode="nearest")
    if not valid.all():
        inside &= map_coordinates(valid.astype(np.float32), (index - low).T, order=1, mode="nearest") > 0.99
    shape = spots.shape[:3]
    return values.reshape(shape), inside.reshape(shape)


def _tube_score(
    points_um: np.ndarray,
    normal: np.ndarray,
    across: np.ndarray,
    u: np.ndarray,
    w: np.ndarray,
    stack: Stack,
    tube_um: float,
    step_um: float,
) -> np.ndarray:
    """How much every offset (N, U, W) looks like the middle of the tube, 0 to 1; 0 outside the stack."""
    du, dw = u[1] - u[0], w[1] - w[0]
    more_u, more_w = int(np.ceil(2.5 * tube_um / du)), _AXIAL_PAD
    wide_u = u[0] + du * np.arange(-more_u, len(u) + more_u)
    wide_w = w[0] + dw * np.arange(-more_w, len(w) + more_w)
    values, inside = _sample(points_um, normal, across, wide_u, wide_w, stack)
    ground = np.percentile(values[inside], 20) if inside.any() else 0.0
    values = gaussian_filter(np.where(inside, values, ground), (0, 1, 1), mode="nearest")
    window = min(2 * round(_MEDIAN_UM / step_um / 2) + 1, 2 * ((len(points_um) - 1) // 2) + 1)
    values = median_filter(values, (window, 1, 1), mode="nearest")
    # The gain for the middle of a tube: the curvature across it, blurred as the microscope blurs along w.
    sigma = (0, tube_um * _SIGMA_PER_RADIUS / du, _AXIAL_BLUR_STEPS)
    score = -gaussian_filter(values, sigma, order=(0, 2, 0), mode="nearest", truncate=3)
    score = np.where(inside, np.maximum(score, 0), 0)[:, more_u:-more_u, more_w:-more_w]
    usual = gaussian_filter1d(score.max((1, 2)), _BRIGHTNESS_UM / step_um, mode="nearest")
    return np.minimum(score / np.maximum(usual, 1e-12)[:, None, None], 1)


def _best_offsets(score: np.ndarray, u: np.ndarray, w: np.ndarray, reach_um: float, step_um: float) -> np.ndarray:
    """Indices (N, 2) of the offsets of least total price, from one step to the next at most one grid step apart."""
    price = step_um * (1 - score + _OFFSET_PRICE * (u[:, None] ** 2 + w**2))
    slope_u, slope_w = (u[1] - u[0]) * reach_um / step_um, (w[1] - w[0]) * reach_um / step_um
    moves = [(a, b) for a in (0, -1, 1) for b in (0, -1, 1)]
    toll = [_SLOPE_PRICE * step_um * ((a * slope_u) ** 2 + (b * slope_w) ** 2) for a, b in moves]
    count, rows, columns = score.shape
    total, came = price[0], np.zeros(score.shape, np.int8)
    for k in range(1, count):
        padded = np.pad(total, 1, constant_values=np.inf)
        options = [
            padded[1 + a : 1 + a + rows, 1 + b : 1 + b + columns] + t for (a, b), t in zip(moves, toll, strict=True)
        ]
        came[k] = np.argmin(options, axis=0)
        total = np.min(options, axis=0) + price[k]
    best = np.zeros((count, 2), int)
    best[-1] = np.unravel_index(np.argmin(total), total.shape)
    for k in range(count - 1, 0, -1):
        best[k - 1] = best[k] + moves[came[k, best[k, 0], best[k, 1]]]
    return best


def _refine(score: np.ndarray, best: np.ndarray, grid: np.ndarray, axis: int) -> np.ndarray:
    """Offsets (N,) along an axis at the top of the parabola through the best grid point and its neighbours."""
    rows, step = np.arange(len(best)), grid[1] - grid[0]
    beside = []
    for move in (-1, 0, 1):
        at = best.copy()
        at[:, axis] = np.clip(at[:, axis] + move, 0, len(grid) - 1)
        beside.append(score[rows, at[:, 0], at[:, 1]])
    bend = beside[0] - 2 * beside[1] + beside[2]
    shift = np.where(bend < -1e-9, (beside[0] - beside[2]) / 2 / np.minimum(bend, -1e-9), 0)
    return grid[best[:, axis]] + np.clip(shift, -0.5, 0.5) * step


def measure_radius(points_um: np.ndarray, stack: Stack) -> np.ndarray:
    """Radius of the tube along its centre line, shape (N,), um; NaN where it cannot be measured.

    Half of the full width at half maximum of the intensity along the in-plane normal, each side above its own
    background, which is the least within 3 um. A running median over 2.4 um along the line leaves spines out. The
    blur of the microscope is inside: a shaft thinner than the resolution shows the resolution.
    """
    step = arc_length_um(points_um)[-1] / (len(points_um) - 1)
    normal, across = _frame(points_um, step)
    u = _offsets(_PROFILE_UM, _PROFILE_STEP_UM)
    values, inside = _sample(points_um, normal, across, u, np.array([-0.5, 0.0, 0.5]), stack)
    profile = np.where(inside, values, np.nan).mean(2)
    window = max(round(_MEDIAN_UM / step / 2), 1)
    middle = len(u) // 2
    least = round(_LEAST_SIDE_UM / _PROFILE_STEP_UM)
    radius = np.full(len(points_um), np.nan)
    for k in np.flatnonzero(np.isfinite(profile[:, middle])):
        run = profile[max(k - window, 0) : k + window + 1]
        run = np.median(run[np.isfinite(run[:, middle])], axis=0)
        sides = [half_width(side, least) for side in (run[middle:], run[middle::-1])]
        sides = [side for side in sides if np.isfinite(side)]
        radius[k] = np.mean(sides) * _PROFILE_STEP_UM if sides else np.nan
    return radius


def typical_radius(radius_um: np.ndarray) -> float:
    """Median of the radii that were measured; 0.45 um where none was."""
    known = radius_um[np.isfinite(radius_um)]
    return float(np.median(known)) if len(known) else _TYPICAL_RADIUS_UM


def half_width(side: np.ndarray, least: int = 1) -> float:
    """Distance in samples from the first to where a falling profile crosses half of its height.

    The profile ends before its first NaN. NaN where it does not fall, or has fewer than `least` samples.
    """
    side = side[: int(np.argmin(np.isfinite(side)))] if not np.isfinite(side).all() else side
    if len(side) < least:
        return np.nan
    half = (side[0] + side.min()) / 2
    below = np.flatnonzero(side < half)
    if not len(below):
        return np.nan
    k = below[0]
    return float(k - 1 + (side[k - 1] - half) / (side[k - 1] - side[k]))


def join_ends(lines: list[np.ndarray], before: list[np.ndarray]) -> list[np.ndarray]:
    """Bring ends that coincided before the lines moved together again, easing the change out over 2 um."""
    ends: dict[tuple, list[tuple[int, int]]] = {}
    for k, line in enumerate(before):
        for end in (0, -1):
            ends.setdefault(tuple(np.round(line[end], 6)), []).append((k, end))
    joined = [line.copy() for line in lines]
    for members in ends.values():
        if len(members) < 2:
            continue
        node = np.mean([lines[k][end] for k, end in members], axis=0)
        for k, end in members:
            along = arc_length_um(lines[k])
            away = along if end == 0 else along[-1] - along
            joined[k] += np.maximum(1 - away / _BLEND_UM, 0)[:, None] * (node - lines[k][end])
            joined[k][end] = node
    return joined
