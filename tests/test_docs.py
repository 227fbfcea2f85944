"""The pages that are made from the code are those that the code makes; every command, setting and column is on them."""

import importlib.util
from pathlib import Path

import pytest
import typer.main

from respine.cli.main import app
from respine.core.tables import TABLES
from respine.study.stages import SETTINGS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def written(page):
    spec = importlib.util.spec_from_file_location(f"write_{page}", DOCS / f"write_{page}.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return getattr(writer, f"write_{page}")()


@pytest.mark.parametrize("page", ["cli", "settings", "tables"])
def test_the_page_is_what_the_code_makes(page):
    assert written(page) == (DOCS / f"{page}.md").read_text(encoding="utf-8"), "run `make docs`"


def test_every_command_is_documented():
    page = written("cli")
    for name in typer.main.get_command(app).commands:
        assert f"## respine {name}\n" in page


def test_every_column_has_a_meaning():
    for table in TABLES.values():
        for column in table.columns:
            assert column.meaning, f"{table.name}.{column.name}"


def settings_of(section, model):
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from settings_of(f"{section}.{name}", field.annotation)
        yield f"{section}.{name}", field.description


@pytest.mark.parametrize(
    ("name", "meaning"), [pair for section, model in SETTINGS.items() for pair in settings_of(section, model)]
)
def test_every_setting_has_a_meaning(name, meaning):
    assert meaning, f"settings.{name} has no docstring under it"
