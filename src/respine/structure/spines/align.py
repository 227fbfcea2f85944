"""The last fraction of a micrometre: sessions of one dendrite slid along each other until their spines agree.

Registration of a whole field leaves some tenths of a micrometre, about the distance between neighbouring spines. On
ribbons what is left is mostly a shift along the dendrite that changes slowly. For windows along the dendrite the
evidence beside the shaft is correlated with that of the reference at every shift; the path of shifts with the best
summed correlation and little stretching is found by dynamic programming (as in Sakoe & Chiba 1978,
doi:10.1109/TASSP.1978.1163055). Every session is first aligned to the one whose evidence is strongest, then all are
aligned again to the mean of the others, so that a spine missing in one session does not pull.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from respine.core.settings import StageSettings
from respine.structure.spines.evidence import Evidence
from respine.structure.spines.straighten import Ribbon

_MIN_OVERLAP = 0.3


class AlignSettings(StageSettings):
    """How the sessions of a dendrite are slid along each other."""

    reach_um: float = 2.0
    """Largest shift along the dendrite."""
    window_um: float = 12.0
    """Length of the windows that are compared."""
    window_step_um: float = 3.0
    """Distance between their middles."""
    stretch_penalty: float = 0.2
    """Loss of correlation for a change of shift of 1 um between neighbouring windows, growing with its square."""
    flank_um: tuple[float, float] = (0.5, 3.0)
    """Distances from the axis of the shaft between which evidence is compared."""


@dataclass(frozen=True, eq=False)
class Slide:
    """How far a session's ribbon is shifted along the common position axis.

    Parameters
    ----------
    shift_um : ndarray, shape (P,)
        What is at `position` of the common axis lies at `position + shift_um` of the session's ribbon.
    correlation : float
        Mean correlation of the evidence with that of the other sessions, after the shift.
    """

    shift_um: np.ndarray
    correlation: float


def align_sessions(
    ribbons: list[Ribbon],
    evidences: list[Evidence],
    settings: AlignSettings = AlignSettings(),  # noqa: B008
) -> list[Slide]:
    """Find the shifts along the dendrite that bring the sessions of one dendrite together.

    Parameters
    ----------
    ribbons, evidences : list, length S
        All sessions of one dendrite, on one position axis.

    Returns
    -------
    list of Slide, length S
        Zero shifts for a single session.
    """
    flanks = [_flank_map(r, e, settings) for r, e in zip(ribbons, evidences, strict=True)]
    step = ribbons[0].step_um[0]
    anchor = int(np.argmax([np.nanmean(f) if np.isfinite(f).any() else -np.inf for f in flanks]))
    zero = Slide(np.zeros(len(flanks[0])), 1.0)
    slides = [zero if s == anchor else _slide(flanks[anchor], f, step, settings) for s, f in enumerate(flanks)]
    if len(flanks) < 2:
        return slides
    moved = [_shift_rows(f, slide.shift_um / step) for f, slide in zip(flanks, slides, strict=True)]
    refined = []
    for s, flank in enumerate(flanks):
        others = np.stack([m for k, m in enumerate(moved) if k != s])
        seen = np.isfinite(others)
        mean = np.where(seen, others, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        refined.append(_slide(np.where(seen.any(axis=0), mean, np.nan), flank, step, settings))
    # The common axis is the middle of the sessions, not the anchor's: on average nothing is shifted.
    centre = np.mean([slide.shift_um for slide in refined], axis=0)
    return [replace(slide, shift_um=slide.shift_um - centre) for slide in refined]


def shift_ribbon(ribbon: Ribbon, slide: Slide) -> Ribbon:
    """Return the ribbon on the common axis; its line, normals and radius move with it."""
    rows = slide.shift_um / ribbon.step_um[0]
    return replace(
        ribbon,
        values=_shift_rows(ribbon.values, rows),
        line_um=_shift_rows(ribbon.line_um, rows, extend=True),
        normal=_shift_rows(ribbon.normal, rows, extend=True),
        radius_um=_shift_rows(ribbon.radius_um, rows, extend=True),
    )


def shift_evidence(evidence: Evidence, slide: Slide, step_um: float) -> Evidence:
    """Return the evidence on the common axis."""
    rows = slide.shift_um / step_um
    return Evidence(
        _shift_rows(evidence.snr, rows),
        _shift_rows(evidence.excess, rows),
        _shift_rows(evidence.shaft, rows, extend=True),
    )


def _flank_map(ribbon: Ribbon, evidence: Evidence, settings: AlignSettings) -> np.ndarray:
    """Compressed evidence (P, L'), the best over z: single bright heads must not decide alone."""
    low, high = settings.flank_um
    flank = (np.abs(ribbon.lateral_um) >= low) & (np.abs(ribbon.lateral_um) <= high)
    snr = evidence.snr[:, flank]
    seen = np.isfinite(snr).any(axis=2)
    best = np.where(np.isfinite(snr), snr, -np.inf).max(axis=2)
    return np.where(seen, np.sqrt(np.clip(np.where(seen, best, 0.0), 0.0, 15.0)), np.nan)


def _slide(fixed: np.ndarray, moving: np.ndarray, step_um: float, settings: AlignSettings) -> Slide:
    count = len(fixed)
    reach = round(settings.reach_um / step_um)
    middles = np.arange(0, count, max(round(settings.window_step_um / step_um), 1))
    half = round(settings.window_um / step_um / 2)
    scores = np.array([_window_scores(fixed, moving, m - half, m + half, reach) for m in middles])
    path = _best_path(scores, settings.stretch_penalty * step_um**2)
    shift = np.interp(np.arange(count), middles, (path - reach) * step_um)
    correlation = float(scores[np.arange(len(path)), np.round(path).astype(int)].mean())
    return Slide(gaussian_filter1d(shift, settings.window_step_um / step_um, mode="nearest"), correlation)


def _window_scores(fixed: np.ndarray, moving: np.ndarray, start: int, stop: int, reach: int) -> np.ndarray:
    """Correlation of a window of the fixed map with the moving one at every shift; 0 where little overlaps."""
    scores = np.zeros(2 * reach + 1)
    start, stop = max(start, 0), min(stop, len(fixed))
    for k, shift in enumerate(range(-reach, reach + 1)):
        low, high = max(start, -shift), min(stop, len(moving) - shift)
        a, b = fixed[low:high], moving[low + shift : high + shift]
        if high - low < _MIN_OVERLAP * (stop - start):
            continue
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() >= _MIN_OVERLAP * (stop - start) * fixed.shape[1]:
            x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
            norm = np.sqrt((x @ x) * (y @ y))
            scores[k] = x @ y / norm if norm > 0 else 0.0
    return scores


def _best_path(scores: np.ndarray, penalty: float) -> np.ndarray:
    """Index of the shift for each window, maximising the scores less the squared changes, to sub-step precision."""
    steps = np.arange(scores.shape[1])
    cost = penalty * (steps[:, None] - steps[None, :]) ** 2
    total, back = scores[0], []
    for row in scores[1:]:
        reached = total[:, None] - cost
        back.append(reached.argmax(axis=0))
        total = reached.max(axis=0) + row
    path = [int(total.argmax())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    return _refine(scores, np.array(path[::-1]))


def _refine(scores: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Top of the parabola through the score at the path and its two neighbours."""
    inner = np.clip(path, 1, scores.shape[1] - 2)
    rows = np.arange(len(path))
    left, middle, right = (scores[rows, inner + d] for d in (-1, 0, 1))
    curve = left - 2 * middle + right
    peaked = (curve < -1e-9) & (inner == path)
    top = np.where(peaked, 0.5 * (left - right) / np.where(peaked, curve, 1.0), 0.0)
    return path + np.clip(top, -0.5, 0.5)


def _shift_rows(values: np.ndarray, rows: np.ndarray, extend: bool = False) -> np.ndarray:
    """Values at row + shift, linear between rows; beyond the ends NaN, or the end's value if `extend`."""
    at = np.arange(len(values)) + rows
    inside = (at >= -0.5) & (at <= len(values) - 0.5)
    at = np.clip(at, 0, len(values) - 1)
    low = np.minimum(at.astype(int), len(values) - 2)
    share = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    moved = (values[low] * (1 - share) + values[low + 1] * share).astype(values.dtype)
    if not extend:
        moved[~inside] = np.nan
    return moved
