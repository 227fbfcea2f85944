"""The stages of a study in their order, with what each needs, reads and can be set to.

What a stage takes of the recordings and of the stages before it stands here and nowhere else. Raise the version of a
stage when a change to it, or to what it calls, gives other outputs for the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from respine.core.settings import StageSettings
from respine.structure.registration.quality import QualitySettings
from respine.structure.registration.register import RegisterSettings
from respine.structure.spines.judge import JudgeSettings
from respine.structure.spines.straighten import StraightenSettings
from respine.structure.tracing.fit_tracing import FitTracingSettings
from respine.structure.tracing.trace import TraceSettings
from respine.study import structural
from respine.study.graph import Stage

_STACKS = ("structure",)

STAGES: tuple[Stage, ...] = (
    Stage("assess", 1, "session", structural.assess, reads=_STACKS, settings={"quality": QualitySettings}, cost=10),
    Stage("reference", 1, "fov", structural.choose, needs=("assess",), reads=_STACKS, cost=0.1),
    Stage(
        "register",
        1,
        "session",
        structural.register,
        needs=("assess", "reference"),
        reads=_STACKS,
        settings={"register": RegisterSettings},
        cost=40,
    ),
    Stage(
        "trace",
        1,
        "fov",
        structural.trace,
        needs=("reference", "register"),
        reads=(*_STACKS, "dendrites"),
        settings={"trace": TraceSettings},
        cost=40,
    ),
    Stage(
        "straighten",
        1,
        "session",
        structural.straighten,
        needs=("register", "trace"),
        reads=_STACKS,
        settings={"fit": FitTracingSettings, "straighten": StraightenSettings},
        cost=30,
    ),
    Stage(
        "describe",
        1,
        "session",
        structural.describe,
        needs=("assess", "reference", "register", "trace", "straighten"),
        tables=("registration", "dendrites"),
    ),
    Stage(
        "detect",
        1,
        "fov",
        structural.detect,
        needs=("assess", "register", "trace", "straighten"),
        settings={"detect": JudgeSettings},
        tables=("spines",),
        cost=30,
    ),
    Stage(
        "count",
        1,
        "subject",
        structural.count,
        needs=("detect", "describe"),
        tables=("turnover", "turnover_by_subject", "density", "density_by_subject"),
        times=True,
    ),
)

SETTINGS: Mapping[str, type[StageSettings]] = {
    section: model for stage in STAGES for section, model in stage.settings.items()
}
"""The settings model of every section `[settings.SECTION]` of study.toml."""
