"""How a suspended mouse moves: pendulum sway and breathing always, bending and paddling while it struggles.

Every moving part is a damped oscillator that struggling kicks with noise; when the kicks stop, the sway rings down and
the rest stops at once. Legend of shapes: T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.signal import lfilter

from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.settings_checked import CheckedSettings

LIMBS = 4


class PostureSettings(CheckedSettings):
    """Amplitudes and frequencies of a suspended mouse's movements."""

    sway_hz: float = Field(1.25, gt=0, le=5)
    """Frequency of the pendulum, Hz."""
    sway_decay_s: float = Field(3.5, gt=0)
    """Time in which its swing falls to 1/e, s."""
    sway_deg: float = Field(5.0, ge=0, le=45)
    """Its swing during steady struggling (standard deviation), degree."""
    rest_sway_deg: float = Field(0.6, ge=0, le=45)
    """Its swing that air and hook keep up (standard deviation), degree."""
    bend_hz: float = Field(2.2, gt=0, le=7)
    """Frequency of the body's bending, Hz."""
    bend_deg: float = Field(45.0, ge=0, le=120)
    """Bending from hip to nose while struggling (standard deviation), degree."""
    paddle_hz: float = Field(4.5, gt=0, le=7)
    """Frequency of the limbs, Hz."""
    paddle_deg: float = Field(35.0, ge=0, le=120)
    """Swing of the limbs while struggling (standard deviation), degree."""
    breath_hz: float = Field(2.4, gt=0, le=7)
    """Breaths a second, Hz."""
    breath_share: float = Field(0.02, ge=0, le=0.2)
    """Widening of the chest by a breath."""
    twitch_per_min: float = Field(2.0, ge=0)
    """Small twitches of a limb while hanging still, which do not count as struggling, per minute."""
    onset_gain: float = Field(0.6, ge=0)
    """How much stronger struggling is at its onset, on top of 1; it fades within a second."""
    bout_log_sd: float = Field(0.25, ge=0, le=1)
    """Spread of the strength between bouts (standard deviation of the logarithm)."""


@dataclass(frozen=True, eq=False)
class Posture:
    """A mouse in T frames.

    Parameters
    ----------
    sway_deg : ndarray, shape (T,)
        Angle of the tail from the vertical.
    bend_deg : ndarray, shape (T, 2)
        Bending of the body in a C and in an S.
    limb_deg : ndarray, shape (T, 4)
        Swing of the hind limbs and the forelimbs, left and right.
    breath : ndarray, shape (T,)
        Widening of the chest, relative.
    climb : ndarray, shape (T,)
        How far the mouse has curled up to its tail, 0 to 1; negative to the other side.
    effort : ndarray, shape (T,)
        Strength of struggling, about 1 within a bout, 0 outside.
    """

    sway_deg: np.ndarray
    bend_deg: np.ndarray
    limb_deg: np.ndarray
    breath: np.ndarray
    climb: np.ndarray
    effort: np.ndarray


def oscillate(kicks: np.ndarray, frequency_hz: float, decay_s: float, interval_s: float) -> np.ndarray:
    """Return a damped oscillator's course under kicks, shape (T,); unit white noise gives unit variance."""
    shrink = np.exp(-interval_s / decay_s)
    first = 2 * shrink * np.cos(2 * np.pi * frequency_hz * interval_s)
    second = -(shrink**2)
    variance = (1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2))
    return lfilter([1 / np.sqrt(variance)], [1.0, -first, -second], kicks, axis=0)


def simulate_posture(
    bouts: Bouts, frame_time_s: np.ndarray, settings: PostureSettings, rng: np.random.Generator
) -> Posture:
    """Draw the movements of one mouse.

    Parameters
    ----------
    bouts : Bouts
        When it struggles and climbs.
    frame_time_s : ndarray, shape (T,)
        Times of evenly spaced frames, s.
    """
    frames = len(frame_time_s)
    interval = float(frame_time_s[1] - frame_time_s[0]) if frames > 1 else 1 / 30
    effort = _effort(bouts, frame_time_s, settings, rng)
    noise = rng.standard_normal((frames, 3 + LIMBS))
    steady = settings.rest_sway_deg * rng.standard_normal(frames)
    kicks = np.where(rng.random(frames) < 0.5, settings.sway_deg * effort * noise[:, 0], 0.0) * np.sqrt(2) + steady
    sway = oscillate(kicks, settings.sway_hz, settings.sway_decay_s, interval)
    bend = oscillate(effort[:, None] * noise[:, 1:3], settings.bend_hz, 0.12, interval)
    twitch = rng.random((frames, LIMBS)) < settings.twitch_per_min / 60 * interval / LIMBS
    limb_kicks = effort[:, None] * noise[:, 3:] + 0.5 * twitch
    limb = oscillate(limb_kicks, settings.paddle_hz, 0.1, interval)
    phase = 2 * np.pi * settings.breath_hz * frame_time_s + 0.6 * np.cumsum(rng.standard_normal(frames)) * np.sqrt(
        interval
    )
    lean = 6 * rng.standard_normal()
    return Posture(
        sway_deg=sway,
        bend_deg=settings.bend_deg * bend * [1.0, 0.6] + [lean, 0.5 * lean],
        limb_deg=settings.paddle_deg * limb,
        breath=settings.breath_share * np.sin(phase),
        climb=_climb(bouts, frame_time_s, interval, rng),
        effort=effort,
    )


def _effort(bouts: Bouts, frame_time_s: np.ndarray, settings: PostureSettings, rng: np.random.Generator) -> np.ndarray:
    strength = np.exp(settings.bout_log_sd * rng.standard_normal(max(len(bouts.start_s), 1)))
    if len(bouts.start_s) == 0:
        return np.zeros(len(frame_time_s))
    bout = np.maximum(np.searchsorted(bouts.start_s, frame_time_s, "right") - 1, 0)
    since = np.maximum(frame_time_s - bouts.start_s[bout], 0)
    effort = strength[bout] * (1 + settings.onset_gain * np.exp(-since / 0.5))
    return np.where(bouts.is_struggling(frame_time_s), effort, 0.0)


def _climb(bouts: Bouts, frame_time_s: np.ndarray, interval_s: float, rng: np.random.Generator) -> np.ndarray:
    start, _ = bouts.climbs_s
    side = np.append(rng.choice([-1.0, 1.0], len(start)), 0.0)
    which = np.minimum(np.maximum(np.searchsorted(start, frame_time_s, "right") - 1, 0), len(start))
    target = np.where(bouts.is_climbing(frame_time_s), side[which], 0.0)
    keep = np.exp(-interval_s / 0.15)
    smooth = lfilter([1 - keep], [1.0, -keep], target)
    return lfilter([1 - keep], [1.0, -keep], smooth)
