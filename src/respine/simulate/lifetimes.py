"""The law of spine lifetimes, and what follows from it in closed form.

A lifetime is min(Weibull(k, lambda), Exponential(h)); its cumulative hazard at age a (days) is

    H(a) = (a / lambda)^k + h a,        S(a) = exp(-H(a)).

With births at the rate 1 / E[L] per standing spine the number of spines is stationary, and the age of a standing
spine has the density S(a) / E[L].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from respine.simulate.settings_structure import TurnoverSettings

_YOUNGEST_DAYS = 1e-7
_NODES = 8001
_QUANTILE_STEP = 0.002
_TAIL = 40.0
_MULTIPLIERS = np.geomspace(1.0, 1000.0, 241)


@dataclass(frozen=True)
class Lifetimes:
    """The law of lifetimes without stress.

    Parameters
    ----------
    shape, scale_days : float
        Of the Weibull part.
    constant_hazard_per_day : float
        Of the exponential part, above 0.
    """

    shape: float
    scale_days: float
    constant_hazard_per_day: float

    def cumulative_hazard(self, age_days: np.ndarray) -> np.ndarray:
        """Return H(a)."""
        return (age_days / self.scale_days) ** self.shape + self.constant_hazard_per_day * age_days

    def survival(self, age_days: np.ndarray) -> np.ndarray:
        """Return S(a), the share of spines that reach this age."""
        return np.exp(-self.cumulative_hazard(age_days))

    def age_at(self, cumulative_hazard: np.ndarray) -> np.ndarray:
        """Return the age at which the cumulative hazard takes these values, days (interpolated, to 1e-5)."""
        lowest, step, log_age = self._inverse_table
        with np.errstate(divide="ignore"):
            place = np.clip((np.log(cumulative_hazard) - lowest) / step, 0.0, len(log_age) - 1.0)
        node = np.minimum(place.astype(int), len(log_age) - 2)
        low = log_age[node]
        age = np.exp(low + (place - node) * (log_age[node + 1] - low))
        # Beyond the table only the exponential part matters.
        beyond = cumulative_hazard - np.exp(lowest + step * (len(log_age) - 1))
        return age + np.maximum(beyond, 0.0) / self.constant_hazard_per_day

    @cached_property
    def mean_days(self) -> float:
        """Mean lifetime, days."""
        return float(self._equilibrium[2])

    def equilibrium_age(self, share: np.ndarray) -> np.ndarray:
        """Return quantiles of the age of a standing spine, days."""
        # In this scale the tail, which is exponential, is straight.
        place = -np.log1p(-np.asarray(share)) / _QUANTILE_STEP
        node = np.minimum(place.astype(int), len(self._quantiles) - 2)
        low = self._quantiles[node]
        return low + (place - node) * (self._quantiles[node + 1] - low)

    def elimination(self, days: float, hazard_multiplier: float = 1.0) -> float:
        """Return the share of standing spines lost within a time in which the hazard is multiplied."""
        return float(self._elimination(days, np.array([hazard_multiplier]))[0])

    def hazard_multiplier(self, days: float, elimination: float) -> float:
        """Return the hazard multiplier, >= 1, that makes this share of standing spines vanish within this time."""
        shares = self._elimination(days, _MULTIPLIERS)
        return float(np.exp(np.interp(elimination, shares, np.log(_MULTIPLIERS))))

    def loss_probabilities(self, days: float, hazard_multiplier: float = 1.0, nodes: int = 201) -> np.ndarray:
        """Return the probability to be lost within a time of `nodes` standing spines, equally frequent by age."""
        return 1.0 - np.exp(-hazard_multiplier * self._consumed(days, nodes))

    def _consumed(self, days: float, nodes: int) -> np.ndarray:
        age = self.equilibrium_age((np.arange(nodes) + 0.5) / nodes)
        return self.cumulative_hazard(age + days) - self.cumulative_hazard(age)

    def _elimination(self, days: float, multipliers: np.ndarray) -> np.ndarray:
        return 1.0 - np.exp(-np.outer(multipliers, self._consumed(days, _NODES))).mean(axis=1)

    @cached_property
    def _quantiles(self) -> np.ndarray:
        """Ages of standing spines at equal steps of -log(1 - share)."""
        age, below, _ = self._equilibrium
        return np.interp(-np.expm1(-_QUANTILE_STEP * np.arange(_NODES)), below, age)

    @cached_property
    def _inverse_table(self) -> tuple[float, float, np.ndarray]:
        """Logarithmic ages at equal steps of the logarithmic cumulative hazard: its first value, the step, the ages."""
        ages = self._ages[1:]
        log_hazard = np.log(self.cumulative_hazard(ages))
        nodes = np.linspace(log_hazard[0], log_hazard[-1], _NODES)
        return float(nodes[0]), float(nodes[1] - nodes[0]), np.interp(nodes, log_hazard, np.log(ages))

    @cached_property
    def _ages(self) -> np.ndarray:
        oldest = _TAIL / self.constant_hazard_per_day
        return np.concatenate([[0.0], np.geomspace(_YOUNGEST_DAYS, oldest, _NODES)])

    @cached_property
    def _equilibrium(self) -> tuple[np.ndarray, np.ndarray, float]:
        ages = self._ages
        survival = self.survival(ages)
        area = np.concatenate([[0.0], np.cumsum((survival[1:] + survival[:-1]) / 2 * np.diff(ages))])
        return ages, area / area[-1], float(area[-1])


@lru_cache(maxsize=32)
def lifetimes_of(settings: TurnoverSettings) -> Lifetimes:
    """Return the law of these settings, with its tables kept."""
    return Lifetimes(settings.weibull_shape, settings.weibull_scale_days, settings.constant_hazard_per_day)


def birth_rate_per_day(settings: TurnoverSettings) -> float:
    """Return births per spine and day without stress: the given ones, or those that keep the density."""
    given = settings.births_per_spine_per_day
    return 1.0 / lifetimes_of(settings).mean_days if given is None else given
