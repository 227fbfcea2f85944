"""Named worlds: the settings of whole studies in which something known is, or is not, the case."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from respine.core.errors import ReadError, SettingsError
from respine.simulate.settings import Arm, StudySettings

Size = Literal["small", "full"]

_SMALL_SESSIONS = ("baseline1", "baseline2", "stressed", "3h", "24h", "7d")


def _textbook() -> StudySettings:
    """The story of the study: coordination and behaviour recover first, spines later, and new spines hold it."""
    return StudySettings()


def _no_effect() -> StudySettings:
    """Every causal link of stress, drug and light is cut: the arms differ in name only."""
    usual = StudySettings()
    return usual.changed(
        name="no-effect",
        stress={
            "loss_multiplier": 1.0,
            "birth_multiplier": 1.0,
            "branch_correlation": usual.turnover.branch_correlation,
            "cluster_share": 0.0,
            "event_rate_multiplier": 1.0,
        },
        ketamine={
            "fast_recovery": 0.0,
            "birth_gain": 1.0,
            "restored_fraction": 0.0,
            "restored_fraction_vehicle": 0.0,
        },
        coordination={"stress_deficit": 0.0, "held_recovery": 0.0},
        probe={"deletion_probability": 0.0, "bystander_probability": 0.0},
    )


def _spines_first() -> StudySettings:
    """No fast effect: spines form within hours, and coordination and behaviour follow once these have aged."""
    return StudySettings().changed(
        name="spines-first",
        ketamine={
            "fast_recovery": 0.0,
            "formation_follows_activity": 0.0,
            "slow_time_h": (0.0, 1.0, 3.0),
            "slow_effect": (0.0, 0.5, 1.0),
        },
    )


def _dim_session() -> StudySettings:
    """The session at the end of stress is dim in every animal: missed spines look lost, then restored in place."""
    return StudySettings().changed(name="dim-session", detection={"dim_session": "stressed"})


def _necessity() -> StudySettings:
    """Light deletes labelled new spines in one arm; the others lack the probe, the light, the drug or the aim."""
    return StudySettings().changed(
        name="necessity",
        arms=(
            Arm(stress="stress", treatment="ketamine"),
            Arm(stress="stress", treatment="ketamine", light="on"),
            Arm(stress="stress", treatment="ketamine", probe="targeted"),
            Arm(stress="stress", treatment="ketamine", probe="targeted", light="on"),
            Arm(stress="stress", treatment="ketamine", probe="random", light="on"),
            Arm(stress="stress", treatment="vehicle", probe="targeted", light="on"),
        ),
    )


def _random_deletion() -> StudySettings:
    """Light deletes as many spines as in `necessity`, but none that the drug made: the recovery lasts."""
    return StudySettings().changed(
        name="random-deletion",
        arms=tuple(
            Arm(stress="stress", treatment="ketamine", probe=probe, light=light)
            for probe in ("none", "random")
            for light in ("off", "on")
        ),
    )


def _informative_dropout() -> StudySettings:
    """Animals with low coordination leave early, and their images fade before they do."""
    return StudySettings().changed(
        name="informative-dropout",
        dropout={"per_week": 0.04, "log_hazard_per_deficit": 5.0, "dimming_days": 10.0},
    )


SCENARIOS: Mapping[str, Callable[[], StudySettings]] = {
    "textbook": _textbook,
    "no-effect": _no_effect,
    "spines-first": _spines_first,
    "dim-session": _dim_session,
    "necessity": _necessity,
    "random-deletion": _random_deletion,
    "informative-dropout": _informative_dropout,
}
"""Scenarios by name; each function's docstring says what is the case in it."""


def scenario_settings(scenario: str, subjects_per_arm: int | None = None, size: Size = "full") -> StudySettings:
    """Return the settings of a named scenario, or of a TOML file.

    Parameters
    ----------
    scenario : str
        A name in SCENARIOS, or the path of a TOML file (see `read_scenario`).
    subjects_per_arm : int, optional
        Animals in each arm; nothing: what the scenario says.
    size : {'full', 'small'}
        `small` is for demonstrations and tests: fewer, shorter dendrites, fewer sessions and cells, short recordings.

    Raises
    ------
    SettingsError
        There is no such scenario, or a setting is impossible.
    ReadError
        The file cannot be read as TOML.
    """
    if scenario in SCENARIOS:
        settings = SCENARIOS[scenario]()
    elif scenario.endswith(".toml"):
        settings = read_scenario(Path(scenario))
    else:
        raise SettingsError(f"scenario: found {scenario!r}, expected {', '.join(SCENARIOS)}, or the path of a .toml")
    if subjects_per_arm is not None:
        settings = settings.changed(subjects_per_arm=subjects_per_arm)
    return made_small(settings) if size == "small" else settings


def read_scenario(path: Path) -> StudySettings:
    """Read a custom scenario: a TOML file of settings, each group a table, on top of a named scenario.

    The key `scenario` names the one to start from; without it that is `textbook`.

    Raises
    ------
    SettingsError
        A setting is unknown or impossible; the message names it.
    ReadError
        The file is missing, or is no TOML.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReadError(f"{path}: expected a TOML file of settings; {error}") from error
    base = values.pop("scenario", "textbook")
    if base not in SCENARIOS:
        raise SettingsError(f"{path}: scenario: found {base!r}, expected {', '.join(SCENARIOS)}")
    try:
        return SCENARIOS[base]().changed(**values)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def made_small(settings: StudySettings) -> StudySettings:
    """Return the same study with little to record: one field of view, six sessions, thirty cells, two minutes."""
    sessions = tuple(s for s in settings.sessions if s.name in _SMALL_SESSIONS) or settings.sessions
    return settings.changed(
        sessions=sessions,
        anatomy={"fovs_per_subject": 1, "dendrites_per_fov": 3, "dendrite_length_um": 36.0},
        activity={"cells": 30, "ensembles": 3, "ensemble_cells_min": 4, "ensemble_cells_max": 9, "recording_s": 120.0},
    )
