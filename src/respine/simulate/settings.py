"""The settings of a simulated study: its design, and every parameter of the mechanism behind it."""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.simulate.settings_checked import CheckedSettings
from respine.simulate.settings_effects import (
    CoordinationSettings,
    KetamineSettings,
    ProbeSettings,
    StressSettings,
)
from respine.simulate.settings_function import ActivitySettings, BehaviourSettings
from respine.simulate.settings_structure import (
    AnatomySettings,
    DetectionSettings,
    SizeSettings,
    TurnoverSettings,
)
from respine.simulate.stress_law import period_correlations, stress_hazard_multiplier


class Arm(CheckedSettings):
    """A group of animals treated alike."""

    stress: Literal["control", "stress"]
    """Without or with the stressor."""
    treatment: Literal["vehicle", "ketamine"]
    """What is given at 0 h."""
    probe: Literal["none", "targeted", "random"] = "none"
    """No probe; one that labels the spines born after treatment; one that labels as many at random among the others."""
    light: Literal["off", "on"] = "off"
    """Whether light is delivered."""

    @property
    def name(self) -> str:
        """The arm in words."""
        words = [self.stress, self.treatment]
        if self.probe != "none" or self.light == "on":
            words += [f"probe-{self.probe}", f"light-{self.light}"]
        return "-".join(words)


class PlannedSession(CheckedSettings):
    """A planned visit."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]{0,63}$")
    """Its name; also the name of its phase."""
    time_h: float
    """Time relative to treatment, h."""
    structure: bool = True
    """Whether stacks are taken."""
    calcium: bool = False
    """Whether calcium is recorded."""
    behaviour: bool = False
    """Whether behaviour is tested."""


class DropoutSettings(CheckedSettings):
    """Animals whose recordings end early, and whether those that fare badly end earlier."""

    per_week: float = Field(0.05, ge=0)
    """Hazard of dropping out after the first session, per week, in a healthy animal."""
    log_hazard_per_deficit: float = Field(0.0, ge=0)
    """Rise of the logarithmic hazard per unit of lost coordination; 0 makes dropout uninformative."""
    dimming_days: float = Field(0.0, ge=0)
    """Time before an animal drops out over which its images fade, days; 0 leaves them as they are."""
    dimming_factor: float = Field(0.5, gt=0, le=1)
    """Brightness reached when it drops out."""


def _arms() -> tuple[Arm, ...]:
    return tuple(Arm(stress=s, treatment=t) for s in ("control", "stress") for t in ("vehicle", "ketamine"))


def _sessions() -> tuple[PlannedSession, ...]:
    return (
        PlannedSession(name="baseline1", time_h=-552),
        PlannedSession(name="baseline2", time_h=-504, calcium=True, behaviour=True),
        PlannedSession(name="stressed", time_h=-2, calcium=True, behaviour=True),
        PlannedSession(name="3h", time_h=3, calcium=True, behaviour=True),
        PlannedSession(name="6h", time_h=6),
        PlannedSession(name="12h", time_h=12),
        PlannedSession(name="24h", time_h=24, calcium=True, behaviour=True),
        PlannedSession(name="48h", time_h=48, calcium=True, behaviour=True),
        PlannedSession(name="7d", time_h=168, calcium=True, behaviour=True),
    )


class StudySettings(CheckedSettings):
    """Everything that a simulated study is made of.

    Raises
    ------
    SettingsError
        A setting is unknown or impossible.
    """

    name: str = Field("textbook", min_length=1)
    """Name of the study."""
    subjects_per_arm: int = Field(8, ge=1)
    """Animals in each arm."""
    arms: tuple[Arm, ...] = Field(default_factory=_arms, min_length=1)
    """The arms, the reference first."""
    sessions: tuple[PlannedSession, ...] = Field(default_factory=_sessions, min_length=1)
    """The planned sessions, in order of time."""
    anatomy: AnatomySettings = AnatomySettings()
    """Dendrites and spines."""
    turnover: TurnoverSettings = TurnoverSettings()
    """Births and lifetimes without stress."""
    size: SizeSettings = SizeSettings()
    """Diameters and lengths of spines."""
    detection: DetectionSettings = DetectionSettings()
    """How spines are seen in a session."""
    stress: StressSettings = StressSettings()
    """What stress does."""
    ketamine: KetamineSettings = KetamineSettings()
    """What ketamine does."""
    coordination: CoordinationSettings = CoordinationSettings()
    """What the coordination of ensembles depends on."""
    activity: ActivitySettings = ActivitySettings()
    """Cells and ensembles."""
    behaviour: BehaviourSettings = BehaviourSettings()
    """The assays."""
    probe: ProbeSettings = ProbeSettings()
    """Labelling and deletion of spines."""
    dropout: DropoutSettings = DropoutSettings()
    """Animals that leave the study."""

    @model_validator(mode="after")
    def _consistent(self) -> StudySettings:
        if len(set(self.arms)) < len(self.arms):
            raise SettingsError("arms: found the same arm twice, expected each once")
        names = [s.name for s in self.sessions]
        times = [s.time_h for s in self.sessions]
        if len(set(names)) < len(names):
            raise SettingsError(f"sessions: found names {names}, expected each once")
        if any(b <= a for a, b in itertools.pairwise(times)):
            raise SettingsError(f"sessions: found times {times} h, expected rising times")
        if times[0] > self.stress.start_h:
            raise SettingsError(
                f"stress.start_h: found {self.stress.start_h:g} before the first session at {times[0]:g} h, "
                f"expected a session before stress"
            )
        dim = self.detection.dim_session
        if dim is not None and dim not in names:
            raise SettingsError(f"detection.dim_session: found {dim!r}, expected one of {names}")
        stress_hazard_multiplier(self.turnover, self.stress)
        period_correlations(self.turnover, self.stress, self.anatomy.dendrite_length_um)
        return self

    @property
    def time_h(self) -> tuple[float, ...]:
        """Times of the sessions, h."""
        return tuple(s.time_h for s in self.sessions)

    @property
    def n_subjects(self) -> int:
        """Animals in the study."""
        return self.subjects_per_arm * len(self.arms)
