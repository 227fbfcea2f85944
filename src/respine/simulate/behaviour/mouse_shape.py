"""The outline of a suspended mouse: tail, body, head, ears and limbs as capsules, in cm from the hook it hangs from.

A capsule is a segment with a radius at each end. x runs to the right, y down. Legend of shapes: K capsules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.behaviour.posture import Posture

TAIL_CM = 6.0
BODY_CM = 8.8
_PROFILE_AT = np.array([0.0, 0.4, 1.0, 2.0, 3.4, 4.8, 5.8, 6.4, 7.0, 7.7, 8.3, 8.8])
_PROFILE_CM = np.array([0.25, 0.75, 1.25, 1.55, 1.5, 1.25, 0.95, 0.9, 0.95, 0.75, 0.45, 0.2])
_JOINTS = 19
_CURL_DEG = 250.0
_HIND_AT, _FORE_AT, _EARS_AT, _EYES_AT = 1.3, 5.2, 6.75, 7.55
FUR, SKIN, FOOT, EAR, EYE = 0, 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class Capsules:
    """Segments with a radius at each end.

    Parameters
    ----------
    start_cm, end_cm : ndarray, shape (K, 2)
        Ends (y, x).
    start_radius_cm, end_radius_cm : ndarray, shape (K,)
    cover : ndarray of int, shape (K,)
        FUR, SKIN, FOOT, EAR or EYE.
    """

    start_cm: np.ndarray
    end_cm: np.ndarray
    start_radius_cm: np.ndarray
    end_radius_cm: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True, eq=False)
class MouseShape:
    """A mouse in one frame, in the order in which it is painted.

    Parameters
    ----------
    behind : Capsules
        Tail and hind limbs.
    spine_cm : ndarray, shape (J, 2)
        Axis of the body (y, x), from the root of the tail to the nose.
    radius_cm : ndarray, shape (J,)
        Radius of the body along it.
    front : Capsules
        Ears, eyes and forelimbs.
    """

    behind: Capsules
    spine_cm: np.ndarray
    radius_cm: np.ndarray
    front: Capsules


def mouse_shape(posture: Posture, frame: int) -> MouseShape:
    """Return the outline of a mouse in one frame."""
    sway = np.deg2rad(posture.sway_deg[frame])
    root = TAIL_CM * np.array([np.cos(sway), np.sin(sway)])
    at = np.linspace(0, BODY_CM, _JOINTS)
    along = at / BODY_CM
    bend = np.deg2rad(posture.bend_deg[frame])
    curl = np.deg2rad(_CURL_DEG) * posture.climb[frame]
    angle = sway + bend[0] * along**1.3 + 0.6 * bend[1] * np.sin(2 * np.pi * along) + curl * along**0.8
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (BODY_CM / (_JOINTS - 1))
    spine = root + np.concatenate([np.zeros((1, 2)), np.cumsum(step[:-1], axis=0)])
    radius = np.interp(at, _PROFILE_AT, _PROFILE_CM)
    radius = radius * (1 + posture.breath[frame] * np.exp(-(((at - 3.8) / 1.8) ** 2)))
    limbs = np.deg2rad(posture.limb_deg[frame])
    hind = [_limb(spine, angle, radius, at, _HIND_AT, side, limbs[i], 0) for i, side in enumerate((-1, 1))]
    fore = [_limb(spine, angle, radius, at, _FORE_AT, side, limbs[2 + i], 1) for i, side in enumerate((-1, 1))]
    return MouseShape(
        behind=_join([_tail(root, angle[0]), *hind]),
        spine_cm=spine,
        radius_cm=radius,
        front=_join([*fore, _face(spine, angle, at)]),
    )


def _tail(root: np.ndarray, angle: float) -> Capsules:
    """Return the tail from the hook to its root, where it turns into the body."""
    along = np.linspace(0, 1, 7)[:, None]
    handle = root - 1.5 * np.array([np.cos(angle), np.sin(angle)])
    points = (1 - along) ** 2 * 0 + 2 * (1 - along) * along * handle + along**2 * root
    radius = np.interp(along[:, 0], [0, 0.8, 1], [0.11, 0.19, 0.3])
    return Capsules(points[:-1], points[1:], radius[:-1], radius[1:], np.full(6, SKIN))


def _limb(
    spine: np.ndarray,
    angle: np.ndarray,
    radius: np.ndarray,
    at: np.ndarray,
    where: float,
    side: int,
    swing: float,
    fore: int,
) -> Capsules:
    """Return a limb: an upper part under the fur and a bare foot."""
    heading, origin, reach = _at(spine, angle, at, where), _point(spine, at, where), np.interp(where, at, radius)
    upper, lower, rest, knee = ((1.1, 1.25, 1.35, 0.75), (0.8, 0.75, 0.75, 0.35))[fore]
    across = np.array([-np.sin(heading), np.cos(heading)]) * side
    hip = origin + 0.6 * reach * across
    first = heading + side * (rest + 0.6 * swing)
    second = heading + side * (knee + 1.2 * swing)
    joint = hip + upper * np.array([np.cos(first), np.sin(first)])
    tip = joint + lower * np.array([np.cos(second), np.sin(second)])
    thick = (0.42, 0.3)[fore]
    return Capsules(
        np.stack([hip, joint]),
        np.stack([joint, tip]),
        np.array([thick, 0.2]),
        np.array([0.2, 0.13]),
        np.array([FUR, FOOT]),
    )


def _face(spine: np.ndarray, angle: np.ndarray, at: np.ndarray) -> Capsules:
    parts = []
    for where, offset, length, thick, cover in (
        (_EARS_AT, 0.85, 0.25, 0.42, EAR),
        (_EYES_AT, 0.5, 0.02, 0.12, EYE),
    ):
        heading, origin = _at(spine, angle, at, where), _point(spine, at, where)
        for side in (-1, 1):
            across = np.array([-np.sin(heading), np.cos(heading)]) * side
            back = -np.array([np.cos(heading), np.sin(heading)])
            start = origin + offset * across
            parts.append((start, start + length * (across + 0.6 * back), thick, 0.8 * thick, cover))
    nose = spine[-1]
    parts.append((nose, nose, 0.14, 0.14, FOOT))
    starts, ends, first, last, covers = zip(*parts, strict=True)
    return Capsules(np.array(starts), np.array(ends), np.array(first), np.array(last), np.array(covers))


def _at(spine: np.ndarray, angle: np.ndarray, at: np.ndarray, where: float) -> float:
    return float(np.interp(where, at, angle))


def _point(spine: np.ndarray, at: np.ndarray, where: float) -> np.ndarray:
    return np.array([np.interp(where, at, spine[:, 0]), np.interp(where, at, spine[:, 1])])


def _join(parts: list[Capsules]) -> Capsules:
    names = ("start_cm", "end_cm", "start_radius_cm", "end_radius_cm", "cover")
    return Capsules(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
