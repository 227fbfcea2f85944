"""Sucrose preference: weights of two bottles before and after, with everything that spoils them.

Bottles leak when they are hung up, evaporate, and sometimes fail; a mouse drinks more on one side; sides are swapped
halfway. Bottles of an empty cage show leak and evaporation alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from respine.core.errors import InputError
from respine.simulate.settings_checked import CheckedSettings


class SucroseSettings(CheckedSettings):
    """A two-bottle test over periods between which the bottles change sides."""

    periods: int = Field(2, ge=1)
    """Periods, between which the sides are swapped."""
    period_h: float = Field(12.0, gt=0)
    """Length of a period, h."""
    intake_g_per_h: float = Field(0.21, gt=0)
    """Mean intake of both bottles together, g/h."""
    intake_log_sd: float = Field(0.2, ge=0, le=2)
    """Spread of the intake between periods (standard deviation of the logarithm)."""
    side_bias_sd: float = Field(0.06, ge=0, le=0.5)
    """How much the share of sucrose rises on the side a mouse prefers (standard deviation between mice)."""
    leak_g: float = Field(0.15, ge=0)
    """Mean leak of a bottle when it is hung up (exponential), g."""
    evaporation_g_per_h: float = Field(0.006, ge=0)
    """Evaporation of a bottle, g/h."""
    failure_probability: float = Field(0.01, ge=0, le=1)
    """Probability that a bottle leaks badly in a period."""
    failure_g: float = Field(4.0, ge=0)
    """Mean of such a leak (exponential), g."""
    full_g: float = Field(180.0, gt=0)
    """Weight of a filled bottle, g."""
    full_sd_g: float = Field(8.0, ge=0)
    """Its spread between bottles, g."""
    scale_sd_g: float = Field(0.02, ge=0)
    """Error of a weighing, g."""
    empty_cages: int = Field(1, ge=0)
    """Empty cages with a pair of bottles each."""


@dataclass(frozen=True, eq=False)
class SucroseTest:
    """A test as the experimenter's table shows it, and the truth of every bottle.

    Parameters
    ----------
    weights : DataFrame
        A row a bottle and period: `cage` (home or empty), `period`, `start_h`, `duration_h`, `side`, `content`,
        `weight_before_g`, `weight_after_g`.
    truth : DataFrame
        The same rows: `drunk_g`, `leak_g`, `evaporation_g`, `failed`.
    side_bias : float
        Share by which sucrose on the left gains, and on the right loses.
    """

    weights: pd.DataFrame
    truth: pd.DataFrame
    side_bias: float


def simulate_sucrose(preference: float, settings: SucroseSettings, rng: np.random.Generator) -> SucroseTest:
    """Draw one test; over two periods of equal intake the share of sucrose is exactly the preference.

    Parameters
    ----------
    preference : float
        Share of sucrose in what the mouse drinks, 0 to 1.

    Raises
    ------
    InputError
        The preference is no share.
    """
    if not 0 <= preference <= 1:
        raise InputError(f"sucrose: preference must lie between 0 and 1; found {preference:g}")
    room = min(preference, 1 - preference)
    bias = float(np.clip(settings.side_bias_sd * rng.standard_normal(), -room, room))
    first_left = rng.random() < 0.5
    drinking = {"home": preference} | {f"empty{n + 1}": None for n in range(settings.empty_cages)}
    weights, truth = [], []
    for period in range(settings.periods):
        sucrose_left = first_left ^ (period % 2 == 1)
        log_sd = settings.intake_log_sd
        intake = settings.intake_g_per_h * settings.period_h * np.exp(log_sd * rng.standard_normal() - log_sd**2 / 2)
        for cage, wanted in drinking.items():
            for content in ("sucrose", "water"):
                left = sucrose_left == (content == "sucrose")
                drunk = 0.0
                if wanted is not None:
                    share = wanted + (bias if sucrose_left else -bias)
                    drunk = intake * (share if content == "sucrose" else 1 - share)
                bottle = _bottle(drunk, settings, rng)
                weights.append(
                    {
                        "cage": cage,
                        "period": period + 1,
                        "start_h": period * settings.period_h,
                        "duration_h": settings.period_h,
                        "side": "left" if left else "right",
                        "content": content,
                        "weight_before_g": bottle["before"],
                        "weight_after_g": bottle["after"],
                    }
                )
                truth.append({name: bottle[name] for name in ("drunk_g", "leak_g", "evaporation_g", "failed")})
    return SucroseTest(pd.DataFrame(weights), pd.DataFrame(truth), bias)


def _bottle(drunk_g: float, settings: SucroseSettings, rng: np.random.Generator) -> dict[str, float | bool]:
    """Draw what one bottle loses in one period, and its two weighings to 0.01 g."""
    failed = bool(rng.random() < settings.failure_probability)
    leak = settings.leak_g * rng.standard_exponential() + failed * settings.failure_g * rng.standard_exponential()
    evaporation = settings.evaporation_g_per_h * settings.period_h
    full = settings.full_g + settings.full_sd_g * float(np.clip(rng.standard_normal(), -3, 3))
    error = settings.scale_sd_g * rng.standard_normal(2)
    return {
        "drunk_g": drunk_g,
        "leak_g": leak,
        "evaporation_g": evaporation,
        "failed": failed,
        "before": round(float(full + error[0]), 2),
        "after": round(float(full - drunk_g - leak - evaporation + error[1]), 2),
    }
