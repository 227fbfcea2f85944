"""When spines die: every spine's lifetime follows its law exactly, while those of a branch die together.

Time is cut into the periods before, during and after stress. In each period every standing spine has an exponential
threshold; it dies when the cumulative hazard that it has used up since the start of the period, multiplied by what
stress does to it, passes that threshold. Thresholds are drawn anew in each period, which the exponential law allows,
and are correlated within a dendrite (`branch_correlation`).
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from respine.simulate.anatomy import Animals, Dendrites, Sites
from respine.simulate.births import HOURS_PER_DAY
from respine.simulate.branch_correlation import draw_latent
from respine.simulate.lifetimes import lifetimes_of
from respine.simulate.settings import StudySettings
from respine.simulate.stress_law import period_correlations, stress_hazard_multiplier


def draw_first_ages_days(count: int, settings: StudySettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the ages of the spines that stand at the first session, in days of their animal's pace."""
    return lifetimes_of(settings.turnover).equilibrium_age(rng.random(count))


def draw_deaths(
    sites: Sites,
    birth_h: np.ndarray,
    hazard_factor: np.ndarray,
    from_h: float,
    until_h: float,
    under_stress: bool,
    animals: Animals,
    dendrites: Dendrites,
    settings: StudySettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the deaths of spines in one period.

    Parameters
    ----------
    sites : Sites
        Spines that stand at `from_h` or are born until `until_h`.
    birth_h, hazard_factor : ndarray, shape (S,)
        Time of birth, and the spine's own hazard relative to the law.
    from_h, until_h : float
        The period; may end at infinity.
    under_stress : bool
        Whether stress acts on stressed animals in this period.

    Returns
    -------
    ndarray, shape (S,)
        Time of death, h; infinite for spines that outlive the period.
    """
    law = lifetimes_of(settings.turnover)
    calm, tight = period_correlations(settings.turnover, settings.stress, dendrites.length_um)
    subject = dendrites.subject[sites.dendrite]
    hit = (animals.stressed & under_stress)[dendrites.subject]
    latent = draw_latent(sites.dendrite, sites.position_um, len(dendrites.subject), hit, calm, tight, rng)
    threshold = -log_ndtr(-latent)
    factor = hazard_factor
    if under_stress:
        multiplier = stress_hazard_multiplier(settings.turnover, settings.stress)
        factor = factor * np.where(animals.stressed[subject], multiplier, 1.0)
    pace = animals.speed[subject] / HOURS_PER_DAY
    begin_h = np.maximum(birth_h, from_h)
    age = (begin_h - birth_h) * pace
    dies_at_age = law.age_at(law.cumulative_hazard(age) + threshold / factor)
    death_h = begin_h + (dies_at_age - age) / pace
    return np.where(death_h <= until_h, death_h, np.inf)
