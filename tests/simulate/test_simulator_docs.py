"""The documentation of the simulator says what the code does."""

import importlib.util
import re
from pathlib import Path

from respine.simulate.scenarios import SCENARIOS
from respine.simulate.settings import StudySettings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_settings_is_that_of_the_settings():
    spec = importlib.util.spec_from_file_location("write_simulator_settings", DOCS / "write_simulator_settings.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    page = writer.write_simulator_settings()
    assert page == (DOCS / "simulator-settings.md").read_text(), "run `make docs`"
    assert all(f"- `{name}`: " in page for name in SCENARIOS)


def test_the_example_runs():
    text = (DOCS / "simulator.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {}
    exec(compile(example, "simulator.md", "exec"), names)
    assert names["settings"].stress.loss_multiplier == 2.0


def test_links_named_as_cut_exist():
    text = (DOCS / "simulator.md").read_text()
    links = re.findall(r"`(stress|ketamine|coordination)\.(\w+) = ", text)
    assert len(links) >= 8
    for group, name in links:
        assert hasattr(getattr(StudySettings(), group), name), f"{group}.{name}"
