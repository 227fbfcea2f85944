"""Settings of what neurons and the animal do in a session: cells, ensembles, behaviour."""

from __future__ import annotations

from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.simulate.bounded import MOST_SPREAD
from respine.simulate.settings_checked import CheckedSettings


class ActivitySettings(CheckedSettings):
    """Cells, their event rates, and the ensembles they belong to."""

    cells: int = Field(80, ge=2)
    """Cells of an animal."""
    recording_s: float = Field(600.0, gt=0)
    """Length of a calcium recording, s."""
    event_rate_hz: float = Field(0.05, gt=0)
    """Mean event rate of a cell, Hz."""
    event_rate_log_sd: float = Field(0.9, ge=0, le=3)
    """Standard deviation of the logarithmic event rate between cells."""
    ensembles: int = Field(6, ge=1)
    """Ensembles of an animal."""
    ensemble_cells_min: int = Field(8, ge=1)
    """Fewest cells of an ensemble."""
    ensemble_cells_max: int = Field(25, ge=1)
    """Most cells of an ensemble; members are drawn from all cells, so that ensembles overlap by chance."""
    activations_per_min: float = Field(0.4, ge=0)
    """Activations of one ensemble per minute, at coordination 1."""
    participation: float = Field(0.6, ge=0, le=1)
    """Probability that a member takes part in an activation."""
    found_fraction: float = Field(0.70, gt=0, le=1)
    """Probability that a cell is found in a session."""

    @model_validator(mode="after")
    def _fits(self) -> ActivitySettings:
        if not self.ensemble_cells_min <= self.ensemble_cells_max <= self.cells:
            raise SettingsError(
                f"ensemble_cells_max: found {self.ensemble_cells_max}, expected between ensemble_cells_min "
                f"({self.ensemble_cells_min}) and cells ({self.cells})"
            )
        return self


class ScoreSettings(CheckedSettings):
    """One behavioural score: its mean without and with stress, its spread, and what carries its recovery."""

    control: float
    """Mean without stress."""
    stressed: float
    """Mean at the coordination of a stressed animal; that of `control` cuts the link to coordination."""
    sd: float = Field(gt=0)
    """Standard deviation between animals, around what their coordination predicts."""
    reliability: float = Field(0.8, ge=0, le=1)
    """Correlation of an animal's scores between sessions of one state."""
    retest_shift: float = 0.0
    """Added to every test after an animal's first."""
    largest: float = Field(gt=0)
    """Upper bound of the score; the lower is 0."""
    maintenance_needs_spines: float = Field(ge=0, le=1)
    """Share of the lasting recovery of this score that needs the surviving new spines."""

    @model_validator(mode="after")
    def _inside(self) -> ScoreSettings:
        for name in ("control", "stressed"):
            mean = getattr(self, name)
            for label, value in ((name, mean), (f"{name} with retest_shift", mean + self.retest_shift)):
                if not 0 < value < self.largest:
                    raise SettingsError(f"{name}: found {label} {value:g}, expected between 0 and {self.largest:g}")
            most = MOST_SPREAD * (mean * (self.largest - mean)) ** 0.5
            if self.sd > most:
                raise SettingsError(
                    f"sd: found {self.sd:g}, expected at most {most:.3g}, half of what scores between 0 and "
                    f"{self.largest:g} with mean {mean:g} can vary"
                )
        return self


def _score(control: float, stressed: float, sd: float, largest: float, needs_spines: float = 0.0) -> ScoreSettings:
    return ScoreSettings(
        control=control, stressed=stressed, sd=sd, largest=largest, maintenance_needs_spines=needs_spines
    )


class BehaviourSettings(CheckedSettings):
    """The three assays."""

    stressed_coordination: float = Field(0.6, ge=0, lt=1)
    """Coordination at which the scores take their `stressed` means."""
    suspension_s: float = Field(360.0, gt=0)
    """Length of the tail suspension, s; the immobility is bounded by it."""
    immobility_s: ScoreSettings = ScoreSettings(
        control=140.0, stressed=190.0, sd=40.0, largest=360.0, retest_shift=10.0, maintenance_needs_spines=1.0
    )
    """Immobile time in the tail suspension, s."""
    sucrose_percent: ScoreSettings = _score(82.0, 68.0, 10.0, 100.0)
    """Sucrose preference, %."""
    alternation_percent: ScoreSettings = _score(65.0, 57.0, 8.0, 100.0)
    """Spontaneous alternation in the Y-maze, %."""
    entries: ScoreSettings = _score(28.0, 22.0, 6.0, 80.0)
    """Arm entries in the Y-maze in 8 minutes."""

    @model_validator(mode="after")
    def _bounded(self) -> BehaviourSettings:
        if self.immobility_s.largest != self.suspension_s:
            raise SettingsError(
                f"immobility_s.largest: found {self.immobility_s.largest:g}, expected suspension_s "
                f"({self.suspension_s:g})"
            )
        return self
