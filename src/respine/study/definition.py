"""study.toml: the name of a study, its factors and phases, the settings of the stages, and the contrasts asked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from respine.study.problem import Problem, suggest

FILE = "study.toml"
_NAME = re.compile(r"[^\W_][\w .+\-]*")
_NAME_RULE = "letters, digits, and _ - + . or space between them, at most 64"


def _name(text: str) -> str:
    if len(text) > 64 or not _NAME.fullmatch(text) or text != text.strip():
        raise ValueError(_NAME_RULE)
    return text


Name = Annotated[str, AfterValidator(_name)]
"""A name that can also be part of a file name."""


class Strict(BaseModel):
    """Frozen, and refusing what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Contrast(Strict):
    """A comparison that the study asks for."""

    name: Name
    factor: Name
    """The factor whose levels are compared."""
    level: Name
    """The level that is compared"""
    reference: Name | None = None
    """with this one; the factor's first level where none is given."""
    first_phase: Name | None = None
    """The change from this phase"""
    last_phase: Name | None = None
    """to this one is compared; where neither is given, all phases."""


class StudyDefinition(Strict):
    """The content of study.toml."""

    name: str = Field(min_length=1)
    description: str = ""
    seed: int = Field(default=0, ge=0)
    """Seed of every random choice of a run."""
    phases: tuple[Name, ...] = ()
    """Names of the planned times, in order."""
    factors: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
    """Levels of each factor, the reference first."""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings by stage."""
    contrasts: tuple[Contrast, ...] = ()


def read_definition(
    path: Path, stages: Mapping[str, type[BaseModel]] | None = None
) -> tuple[StudyDefinition | None, list[Problem]]:
    """Read study.toml.

    Parameters
    ----------
    path : Path
    stages : mapping of str to model, optional
        Settings model of every stage, to hold `[settings.<stage>]` against; without it they are not judged.

    Returns
    -------
    definition : StudyDefinition or None
        None where the file is too broken to tell.
    problems : list of Problem
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return None, [Problem(FILE, "", "no such file", "the definition of the study")]
    except OSError as error:
        return None, [Problem(FILE, "", f"a file that cannot be opened ({error.strerror})", "a readable file")]
    except UnicodeDecodeError:
        return None, [Problem(FILE, "", "bytes that are no UTF-8", "UTF-8 text")]
    except tomllib.TOMLDecodeError as error:
        return None, [Problem(FILE, "", f"broken TOML ({error})", "valid TOML")]
    try:
        definition = StudyDefinition.model_validate(content)
    except ValidationError as error:
        return None, model_problems(FILE, "", error, StudyDefinition)
    return definition, _cross_problems(definition) + settings_problems(definition.settings, stages)


def settings_problems(
    settings: Mapping[str, Mapping[str, Any]], stages: Mapping[str, type[BaseModel]] | None
) -> list[Problem]:
    """Hold the settings of every stage against the stage's model."""
    problems = []
    for stage, values in settings.items() if stages is not None else ():
        where = f"settings.{stage}"
        if stage not in stages:
            problems.append(Problem(FILE, where, "unknown stage", suggest(stage, list(stages))))
            continue
        try:
            stages[stage].model_validate(values)
        except ValidationError as error:
            problems += model_problems(FILE, where, error, stages[stage])
    return problems


def model_problems(file: str, prefix: str, error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Say what pydantic found, one problem an error."""
    problems = []
    for item in error.errors():
        parts = [str(part + 1) if isinstance(part, int) else str(part) for part in item["loc"]]
        where = ".".join(part for part in (prefix, *parts) if part)
        if item["type"] == "missing":
            found, expected = "nothing", "a value"
        elif item["type"] == "extra_forbidden":
            known = tuple(model.model_fields) if len(parts) == 1 else ()
            found, expected = "an unknown key", suggest(parts[-1], known) if known else "no such key"
        else:
            found = repr(item["input"])
            found = found if len(found) <= 60 else found[:57] + "..."
            expected = re.sub(r"^(Value error, |Input should be )", "", item["msg"])
        problems.append(Problem(file, where, found, expected))
    return problems


def _cross_problems(definition: StudyDefinition) -> list[Problem]:
    problems = []

    def expect(good: bool, where: str, found: str, expected: str) -> None:
        if not good:
            problems.append(Problem(FILE, where, found, expected))

    for phase in sorted({p for p in definition.phases if definition.phases.count(p) > 1}):
        expect(False, "phases", f"{phase!r} twice", "each phase once")
    for factor, levels in definition.factors.items():
        expect(len(levels) > 1, f"factors.{factor}", f"{len(levels)} level(s)", "at least 2, the reference first")
        for level in sorted({x for x in levels if levels.count(x) > 1}):
            expect(False, f"factors.{factor}", f"{level!r} twice", "each level once")
    names = [contrast.name for contrast in definition.contrasts]
    for number, contrast in enumerate(definition.contrasts, 1):
        where = f"contrasts.{number}"
        expect(names.count(contrast.name) == 1, f"{where}.name", f"{contrast.name!r} twice", "each name once")
        if contrast.factor not in definition.factors:
            known = suggest(contrast.factor, tuple(definition.factors))
            expect(False, f"{where}.factor", f"unknown factor {contrast.factor!r}", known)
            continue
        levels = definition.factors[contrast.factor]
        reference = contrast.reference or next(iter(levels), None)
        for key, level in (("level", contrast.level), ("reference", reference)):
            expect(level in levels, f"{where}.{key}", f"unknown level {level!r}", suggest(str(level), levels))
        expect(contrast.level != reference, f"{where}.level", f"{reference!r} against itself", "another level")
        for key in ("first_phase", "last_phase"):
            phase = getattr(contrast, key)
            known = phase is None or phase in definition.phases
            expect(known, f"{where}.{key}", f"unknown phase {phase!r}", suggest(str(phase), definition.phases))
    return problems
