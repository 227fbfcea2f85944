"""The tree states the flow of data: an area imports only areas above it, and files stay small."""

import ast
from pathlib import Path

import pytest

import respine

ROOT = Path(respine.__file__).parent
AREAS = (
    "core",
    "io",
    "simulate",
    "structure",
    "training",
    "function",
    "behaviour",
    "inference",
    "intervention",
    "report",
    "export",
    "study",
    "review",
    "cli",
)
APART = {"structure", "function", "behaviour"}
KNOW_SIMULATE = {"training", "inference/power.py", "intervention/virtual.py", "study", "cli"}
FORBIDDEN_NAMES = {"utils", "helpers", "misc", "common"}
MAX_FILE_LINES, MAX_BODY_LINES = 400, 60
# A declaration of columns is data: it is one idea however long it gets.
LONG_FILES = {"core/tables.py"}
FILES = sorted(ROOT.rglob("*.py"))
MODULES = [f for f in FILES if f.parent != ROOT]


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imported_areas(tree):
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module]
            if node.module == "respine":
                names = [f"respine.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "respine" and len(parts) > 1 and parts[1] in AREAS:
                yield parts[1]


def problems_of_imports(area, path, tree):
    for other in imported_areas(tree):
        if AREAS.index(other) > AREAS.index(area):
            yield f"{path}: {area} imports {other}, which lies below it"
        if {area, other} <= APART and area != other:
            yield f"{path}: {area} and {other} must not know each other"
        if other == "simulate" != area and not ({area, path} & KNOW_SIMULATE):
            yield f"{path}: {area} must not know the simulator"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_areas_import_only_upwards(path):
    area = path.relative_to(ROOT).parts[0]
    assert area in AREAS, f"{area} is not an area of the layout"
    assert list(problems_of_imports(area, relative(path), ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    ("area", "source"),
    [
        ("core", "import respine.io.tiff"),
        ("structure", "from respine.function import events"),
        ("structure", "from respine import simulate"),
    ],
)
def test_a_wrong_import_is_seen(area, source):
    assert list(problems_of_imports(area, f"{area}/x.py", ast.parse(source)))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_are_small_and_well_named(path):
    assert path.stem not in FORBIDDEN_NAMES
    source = path.read_text()
    if relative(path) not in LONG_FILES:
        assert source.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= MAX_BODY_LINES, f"{path.name}: {node.name} has {lines} lines"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path.name}:{node.lineno}: bare except"
