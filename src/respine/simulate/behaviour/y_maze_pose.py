"""The pose of a mouse walking through a Y-maze, as a tracker sees it from above.

Legend of shapes: T frames, B points of the body.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from respine.simulate.behaviour.y_maze import ARMS, Entries, YMazeSettings

_BODY_CM = {"nose": 4.2, "left_ear": 2.6, "right_ear": 2.6, "neck": 2.0, "body": 0.0, "tail_base": -3.4}
_ACROSS_CM = {"left_ear": -0.9, "right_ear": 0.9}
_SCORER = "DLC_simulated"
_MARGIN_CM = 4.0


def arm_ends_px(settings: YMazeSettings) -> np.ndarray:
    """Return the centre and the ends of arms A, B and C, shape (4, 2), pixels (y, x)."""
    angle = np.deg2rad([90.0, 210.0, 330.0])
    ends = np.stack([np.sin(angle), np.cos(angle)], axis=1) * settings.arm_cm
    centre = np.full(2, settings.arm_cm + _MARGIN_CM)
    return np.concatenate([centre[None], centre + ends]) * settings.px_per_cm


def walk_px(entries: Entries, settings: YMazeSettings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return where the body is in every frame, and the direction it points in, both shape (T, 2), pixels (y, x).

    In an arm the mouse walks out to some depth, stays, and comes back; the body crosses `entry_cm` at the times of
    entering and leaving.
    """
    time_s = np.arange(round(settings.duration_s * settings.frame_rate_hz)) / settings.frame_rate_hz
    ends = arm_ends_px(settings)
    centre = ends[0] / settings.px_per_cm
    direction = (ends[1:] / settings.px_per_cm - centre) / settings.arm_cm
    far = settings.entry_cm + rng.uniform(0.3, 0.9, len(entries.arm)) * (settings.arm_cm - settings.entry_cm)
    stay = entries.leave_s - entries.enter_s
    walk = np.minimum(0.3 * stay, far / 12.0)
    crossing = (entries.leave_s[:-1] + entries.enter_s[1:]) / 2
    knots = [(0.0, 0.0, 0)]
    for n, arm in enumerate(entries.arm):
        knots += [(entries.enter_s[n], settings.entry_cm, arm), (entries.enter_s[n] + walk[n], far[n], arm)]
        knots += [(entries.leave_s[n] - walk[n], far[n], arm), (entries.leave_s[n], settings.entry_cm, arm)]
        if n < len(crossing):
            knots.append((crossing[n], 0.0, arm))
    when, depth, arm = (np.array(column) for column in zip(*knots, strict=True))
    place = centre + depth[:, None] * direction[arm.astype(int)]
    path = np.stack([np.interp(time_s, when, place[:, axis]) for axis in (0, 1)], axis=1)
    wander = _wander((len(time_s), 3), 1.0, settings.frame_rate_hz, rng)
    outward = path - centre
    length = np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    across = np.stack([-outward[:, 1], outward[:, 0]], axis=1) / length
    path = path + across * 0.8 * wander[:, :1]
    moved = np.gradient(path, axis=0) * settings.frame_rate_hz if len(time_s) > 1 else np.ones_like(path)
    keep = np.exp(-1 / (0.4 * settings.frame_rate_hz))
    heading = lfilter([1 - keep], [1.0, -keep], moved + 1.5 * wander[:, 1:], axis=0)
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
    return path * settings.px_per_cm, heading


def track_pose(entries: Entries, settings: YMazeSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Return the pose file of a walk, as DeepLabCut writes it: scorer, bodyparts, coords over a row a frame.

    Besides the points of the body it holds the centre and the arms' ends. Where a point is lost, its likelihood is
    low and its place wrong.
    """
    body, heading = walk_px(entries, settings, rng)
    frames = len(body)
    across = np.stack([heading[:, 1], -heading[:, 0]], axis=1)
    columns = {}
    for name, ahead in _BODY_CM.items():
        point = body + settings.px_per_cm * (ahead * heading + _ACROSS_CM.get(name, 0.0) * across)
        lost = _lost(frames, settings, rng)
        elsewhere = rng.uniform(0, 2 * (settings.arm_cm + _MARGIN_CM) * settings.px_per_cm, (frames, 2))
        point = np.where(lost[:, None], elsewhere, point) + settings.jitter_px * rng.standard_normal((frames, 2))
        likelihood = np.where(lost, rng.beta(1.5, 6, frames), 1 - 0.05 * rng.beta(1, 8, frames))
        columns |= _point_columns(name, point, likelihood)
    for name, place in zip(("centre", *(f"arm_{arm}_end" for arm in ARMS)), arm_ends_px(settings), strict=True):
        point = place + 0.3 * rng.standard_normal((frames, 2))
        columns |= _point_columns(name, point, np.full(frames, 0.999))
    frame = pd.DataFrame(columns)
    frame.columns = pd.MultiIndex.from_tuples(frame.columns, names=["scorer", "bodyparts", "coords"])
    return frame


def _point_columns(name: str, point_px: np.ndarray, likelihood: np.ndarray) -> dict[tuple[str, str, str], np.ndarray]:
    return {
        (_SCORER, name, "x"): point_px[:, 1].round(3),
        (_SCORER, name, "y"): point_px[:, 0].round(3),
        (_SCORER, name, "likelihood"): likelihood.round(4),
    }


def _lost(frames: int, settings: YMazeSettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the frames in which a point is lost, shape (T,)."""
    lost = np.zeros(frames, bool)
    starts = np.flatnonzero(rng.random(frames) < settings.loss_per_min / 60 / settings.frame_rate_hz)
    for start, length in zip(starts, rng.exponential(settings.loss_s, len(starts)), strict=True):
        lost[start : start + 1 + int(length * settings.frame_rate_hz)] = True
    return lost


def _wander(shape: tuple[int, int], time_s: float, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    keep = np.exp(-1 / (time_s * rate_hz))
    return lfilter([np.sqrt(1 - keep**2)], [1.0, -keep], rng.standard_normal(shape), axis=0)
