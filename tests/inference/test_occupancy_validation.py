"""The long validation, a few studies of each scenario: it runs, and what must hold holds roughly."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
PATH = Path(__file__).resolve().parents[2] / "validation" / "occupancy.py"


@pytest.fixture(scope="module")
def scenarios():
    spec = importlib.util.spec_from_file_location("validation_occupancy", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.list_scenarios()


def mean_of(study, n):
    rows = [study(np.random.default_rng([1, i])) for i in range(n)]
    return {measure: float(np.mean([r[measure] for r in rows])) for measure in rows[0]}


@pytest.mark.parametrize("name", ["base", "unequal-unscorable", "two-raters-two-sessions"])
def test_rates_are_right(scenarios, name):
    found = mean_of(scenarios[name], 6)
    for measure in ("formation", "elimination"):
        assert found[f"{measure}: error of raw"] > 0.05
        assert abs(found[f"{measure}: error of corrected"]) < 0.01
        assert found[f"{measure}: first interval covered"] > 0.5


@pytest.mark.parametrize("name", ["persistent-misses", "heavy-tail-constant", "heavy-tail-two-class"])
def test_wrong_models_are_not_far_off(scenarios, name):
    found = mean_of(scenarios[name], 2)
    for measure in ("formation", "elimination"):
        assert abs(found[f"{measure}: error of corrected"]) < 0.02


def test_the_dim_session(scenarios):
    found = mean_of(scenarios["dim"], 6)
    assert found["formation after it, less neighbour: raw"] > 0.15
    assert abs(found["formation after it, less neighbour: corrected"]) < 0.02


def test_groups(scenarios):
    alike, apart = mean_of(scenarios["detection-differs"], 2), mean_of(scenarios["real-difference"], 2)
    assert alike["elimination: raw reject"] == 1.0
    assert abs(alike["elimination: corrected difference"]) < 0.02
    assert apart["elimination: corrected difference"] == pytest.approx(0.05, abs=0.025)
    assert apart["elimination: corrected rejects"] == 1.0


def test_restoration(scenarios):
    none, some = mean_of(scenarios["no-restoration"], 2), mean_of(scenarios["restoration"], 2)
    assert none["by the calls"] > 0.3
    assert none["by the states"] < 0.05
    assert some["returns per vacated site and interval, model"] == pytest.approx(0.3, abs=0.1)
