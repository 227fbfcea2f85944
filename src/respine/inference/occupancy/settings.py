"""What the occupancy model lets vary, and how firmly its weak priors hold what the data do not say."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from respine.core.settings import StageSettings


class OccupancySettings(StageSettings):
    """Settings of the hidden-state occupancy model."""

    survival: Literal["constant", "two_class"] = "constant"
    """One hazard for all spines, or a persistent and a transient class (a heavy tail; young spines die sooner)."""
    returns: bool = True
    """Whether a spine can grow at a site that was lost."""
    false_calls: bool = True
    """Whether a site can be called where no spine stands."""
    detection: Literal["constant", "session", "subject_session"] = "session"
    """Whether the hit probability is one, differs between sessions, or between the sessions of each animal."""
    interval_formation: bool = False
    """Whether birth and return rates differ between intervals."""
    interval_elimination: bool = False
    """Whether death rates differ between intervals."""
    subject_rates: bool = False
    """Whether every animal has its own birth and death rates, drawn towards the common ones."""
    group_rates: bool = False
    """Whether the groups have their own birth and death rates."""
    group_detection: bool = False
    """Whether the groups have their own hit probabilities."""
    session_sd: float = Field(1.0, gt=0)
    """Spread of the sessions' hit log-odds, standard deviation of a normal prior; infinite means none."""
    interval_sd: float = Field(1.5, gt=0)
    """The same for the logarithmic rates of the intervals."""
    subject_sd: float = Field(0.5, gt=0)
    """The same for the logarithmic rates of the animals."""
    weak_priors: bool = True
    """Whether wide normal priors keep rates off the boundary (zero events); without, plain maximum likelihood."""
    hit_low: float = Field(0.8, gt=0, le=1)
    """Lowest hit probability believed where the data cannot give it; bounds only."""
    false_high: float = Field(0.05, ge=0, lt=1)
    """Highest share of false calls believed where the data cannot give it; bounds only."""
