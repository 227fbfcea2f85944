"""Print docs/simulator-settings.md: every setting of a simulated study with its default. A test compares it."""

from __future__ import annotations

import json
from typing import Any

from respine.simulate.scenarios import SCENARIOS
from respine.simulate.settings import Arm, PlannedSession, StudySettings
from respine.simulate.settings_checked import CheckedSettings

HEAD = """# Settings of the simulator

Made by `make docs` from the settings themselves. Each heading is a table of the TOML file that `respine simulate
--scenario FILE.toml` reads; units are in the names. `scenario = "NAME"` at its top says which scenario to start from.
"""


def write_simulator_settings() -> str:
    """Return the page."""
    defaults = StudySettings()
    groups = {name: value for name, value in defaults if isinstance(value, CheckedSettings)}
    parts = [HEAD, "## Scenarios\n"]
    parts.append("".join(f"- `{name}`: {_first_line(make.__doc__)}\n" for name, make in SCENARIOS.items()))
    parts.append(_section("Study", StudySettings, {n: v for n, v in defaults if n not in groups}))
    parts.append(_section("[[arms]]", Arm, {}))
    parts.append(_section("[[sessions]]", PlannedSession, {}))
    for name, group in groups.items():
        parts += _group(name, group)
    return "\n".join(parts)


def _group(name: str, group: CheckedSettings) -> list[str]:
    values = dict(group)
    nested = {key: value for key, value in values.items() if isinstance(value, CheckedSettings)}
    plain = {key: value for key, value in values.items() if key not in nested}
    parts = [_section(f"[{name}]", type(group), plain)]
    for key, value in nested.items():
        parts += _group(f"{name}.{key}", value)
    return parts


def _section(title: str, model: type[CheckedSettings], values: dict[str, Any]) -> str:
    lines = [f"## {title}\n", f"{_first_line(model.__doc__)}\n", "| setting | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if values and name not in values:
            continue
        default = values.get(name, None if field.is_required() else field.default)
        shown = "" if values == {} and field.is_required() else _shown(default)
        lines.append(f"| `{name}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], CheckedSettings):
        return ", ".join(each.name for each in value)
    return "none" if value is None else f"`{json.dumps(value)}`"


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


if __name__ == "__main__":
    print(write_simulator_settings(), end="")
