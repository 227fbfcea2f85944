"""Settings of the simulator refuse impossible values by name, at any depth of nesting."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ValidationError

from respine.core.errors import SettingsError
from respine.core.settings import StageSettings

_SHOWN_CHARACTERS = 80


class CheckedSettings(StageSettings):
    """Base of the simulator's settings.

    Raises
    ------
    SettingsError
        A setting is unknown or its value impossible; the message names every one, what was found, and what was
        expected.
    """

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError("; ".join(_explain(problem) for problem in error.errors())) from error

    def changed(self, **changes: Any) -> Self:
        """Return these settings with some values replaced, checked again.

        A value for a nested group may be a mapping of only the settings that differ.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        for name, change in changes.items():
            group = values.get(name)
            nested = isinstance(group, CheckedSettings) and isinstance(change, dict)
            if not nested:
                values[name] = change
                continue
            try:
                values[name] = group.changed(**change)
            except SettingsError as error:
                raise SettingsError(f"{name}.{error}".replace("; ", f"; {name}.")) from error
        return type(self)(**values)


def _explain(problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        parts = [f"{where}.{part}" if where else part for part in str(cause).split("; ")]
        return "; ".join(parts)
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown setting"
    if problem["type"] == "missing":
        return f"{where}: missing"
    found = repr(problem["input"])
    if len(found) > _SHOWN_CHARACTERS:
        found = found[:_SHOWN_CHARACTERS] + "..."
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{where}: found {found}, expected {expected}"
