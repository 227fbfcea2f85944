"""The shift and the rotation about z that bring two images closest, by correlation over all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfftn, next_fast_len, rfftn

from respine.structure.registration.resample import Lattice, resample
from respine.structure.registration.working_image import WorkingImage


@dataclass(frozen=True, eq=False)
class RigidFit:
    """A rotation about z and a translation, fixed image to moving image.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        The rotation (z, y, x).
    offset_um : ndarray, shape (3,)
        The translation after it, um.
    score : float
        Correlation of the two images where they overlap.
    """

    matrix: np.ndarray
    offset_um: np.ndarray
    score: float


def rotation_about_z(angle_deg: float) -> np.ndarray:
    """Rotation matrix (z, y, x) that turns x towards y."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


def align_rigidly(
    fixed: WorkingImage,
    moving: WorkingImage,
    max_shift_um: np.ndarray,
    angles_deg: np.ndarray,
    min_overlap: float,
) -> RigidFit:
    """Try every shift and a list of rotations; keep the best.

    Parameters
    ----------
    fixed, moving : WorkingImage
        Coarse images in which only structure stands out.
    max_shift_um : ndarray, shape (3,)
        Largest shift of the middle of the field, um.
    angles_deg : ndarray
        Rotations to try.
    min_overlap : float
        Smallest share of the fixed image that must overlap.

    Returns
    -------
    RigidFit
    """
    lattice = fixed.lattice
    middle = (lattice.origin_um + lattice.end_um) / 2
    reach = np.ceil(max_shift_um / lattice.step_um).astype(int)
    reach = np.minimum(reach, np.array(lattice.shape) - 1)
    around = Lattice(tuple(np.array(lattice.shape) + 2 * reach), lattice.to_um(-reach), lattice.step_um)
    size = [next_fast_len(n, real=True) for n in around.shape]
    template = [np.conj(rfftn(part, size)) for part in _parts(fixed.voxels)]
    best = RigidFit(np.eye(3), np.zeros(3), -1.0)
    for angle in angles_deg:
        turn = rotation_about_z(angle)
        turned = resample(moving.voxels, moving.lattice, around, lambda p, turn=turn: (p - middle) @ turn.T + middle)
        scores = _overlap_correlation(template, turned, size, reach, min_overlap * fixed.voxels.size)
        at = np.unravel_index(np.argmax(scores), scores.shape)
        if scores[at] > best.score:
            shift = (np.array(at) + _subvoxel(scores, at) - reach) * lattice.step_um
            best = RigidFit(turn, turn @ (shift - middle) + middle, float(scores[at]))
    return best


def _parts(image):
    seen = np.isfinite(image)
    filled = np.where(seen, image, 0).astype(np.float32)
    return filled, filled**2, seen.astype(np.float32)


def _overlap_correlation(template, image, size, reach, min_count):
    """Correlation at every shift over what both images show there; -1 where they overlap too little."""
    parts = [rfftn(part, size) for part in _parts(image)]
    ends = 2 * reach + 1

    def correlate(a, b):
        return irfftn(template[a] * parts[b], size)[: ends[0], : ends[1], : ends[2]]

    count = correlate(2, 2)
    enough = count >= min_count
    count = np.maximum(count, 1)
    sum_f, sum_m = correlate(0, 2), correlate(2, 0)
    product = correlate(0, 0) - sum_f * sum_m / count
    spread_f = correlate(1, 2) - sum_f**2 / count
    spread_m = correlate(2, 1) - sum_m**2 / count
    norm = np.sqrt(np.maximum(spread_f, 1e-9) * np.maximum(spread_m, 1e-9))
    # The denominator must not make a match of two empty corners.
    norm = np.maximum(norm, 0.1 * norm.max())
    return np.where(enough, product / norm, -1.0)


def _subvoxel(scores, at):
    step = np.zeros(3)
    for axis in range(3):
        if not 0 < at[axis] < scores.shape[axis] - 1:
            continue
        low, high = list(at), list(at)
        low[axis], high[axis] = at[axis] - 1, at[axis] + 1
        below, peak, above = scores[tuple(low)], scores[at], scores[tuple(high)]
        bend = below - 2 * peak + above
        if bend < 0 and below > -1 and above > -1:
            step[axis] = np.clip((below - above) / (2 * bend), -0.5, 0.5)
    return step
