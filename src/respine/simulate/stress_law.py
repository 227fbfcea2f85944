"""What the stress settings mean for hazards and for the correlation of losses."""

from __future__ import annotations

from functools import lru_cache

from respine.core.errors import SettingsError
from respine.simulate.branch_correlation import LatentCorrelation, latent_correlation
from respine.simulate.lifetimes import lifetimes_of
from respine.simulate.settings_effects import StressSettings
from respine.simulate.settings_structure import TurnoverSettings

_MOST_LOST = 0.95


def usual_elimination(turnover: TurnoverSettings, stress: StressSettings) -> float:
    """Return the share of standing spines lost over the stress period without stress."""
    return lifetimes_of(turnover).elimination(-stress.start_h / 24.0)


@lru_cache(maxsize=64)
def stress_hazard_multiplier(turnover: TurnoverSettings, stress: StressSettings) -> float:
    """Return the hazard multiplier that gives the wanted elimination over the stress period.

    The setting multiplies the elimination, which saturates, so the hazard must rise by more.

    Raises
    ------
    SettingsError
        The wanted elimination is more than nearly all spines.
    """
    usual = usual_elimination(turnover, stress)
    if stress.loss_multiplier * usual > _MOST_LOST:
        raise SettingsError(
            f"stress.loss_multiplier: found {stress.loss_multiplier:g}, expected at most {_MOST_LOST / usual:.3g}, "
            f"since {usual:.3g} of the spines are lost over that time without stress"
        )
    return lifetimes_of(turnover).hazard_multiplier(-stress.start_h / 24.0, stress.loss_multiplier * usual)


@lru_cache(maxsize=64)
def period_correlations(
    turnover: TurnoverSettings, stress: StressSettings, length_um: float
) -> tuple[LatentCorrelation, LatentCorrelation]:
    """Return the latent correlation of the spines of a dendrite without, and under, stress.

    Raises
    ------
    SettingsError
        The clustering under stress alone makes a larger correlation than is asked for.
    """
    law, days = lifetimes_of(turnover), -stress.start_h / 24.0
    usual = law.loss_probabilities(days)
    lost = law.loss_probabilities(days, stress_hazard_multiplier(turnover, stress))
    calm = latent_correlation(turnover.branch_correlation, usual, 0.0, 1.0, length_um)
    tight = latent_correlation(stress.branch_correlation, lost, stress.cluster_share, stress.cluster_um, length_um)
    return calm, tight
