"""Print docs/settings.md: every setting of every stage, from the models. A test compares it with the file."""

from __future__ import annotations

import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from respine.study.stages import SETTINGS, STAGES

HEAD = """# Settings

Made by `make docs` from the settings models. What a study does not set has its default. In `study.toml`:

```toml
[settings.register]
search_um = 40.0

[settings.detect.sites]
apart_um = 0.6
```

A change of a setting makes `respine run` do again what depends on it, and nothing else.
"""


def write_settings() -> str:
    """Return the page."""
    parts = [HEAD]
    for section, model in SETTINGS.items():
        stages = ", ".join(f"`{stage.name}`" for stage in STAGES if section in stage.settings)
        parts += [f"\n## settings.{section}\n", f"Stage {stages}. {_summary(model)}\n", *_tables(section, model)]
    return "\n".join(parts)


def _tables(section: str, model: type[BaseModel]) -> Iterator[str]:
    nested = {name: f.annotation for name, f in model.model_fields.items() if _is_model(f.annotation)}
    rows = [
        f"| `{name}` | {_default(field)} | {_bounds(field)} | {' '.join((field.description or '').split())} |"
        for name, field in model.model_fields.items()
        if name not in nested
    ]
    if rows:
        yield "\n".join(["| setting | default | allowed | meaning |", "|---|---|---|---|", *rows, ""])
    for name, inner in nested.items():
        yield f"### settings.{section}.{name}\n\n{_summary(inner)}\n"
        yield from _tables(f"{section}.{name}", inner)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").split("\n")[0]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _bounds(field: FieldInfo) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [f"{sign} {getattr(m, name):g}" for m in field.metadata for name, sign in signs.items() if hasattr(m, name)]
    kind = field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation)
    options = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else ()
    if kind.startswith("tuple["):
        inner = kind.removeprefix("tuple[").removesuffix("]").split(", ")
        kind = f"{'any number of' if inner[-1] == '...' else len(inner)} values"
    return ", ".join(found) or " or ".join(f"`{option}`" for option in options) or kind.replace("|", "or")


if __name__ == "__main__":
    print(write_settings(), end="")
