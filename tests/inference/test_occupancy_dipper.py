"""Outside truth: without births at known rates and without false calls the model is Cormack-Jolly-Seber."""

import json

import numpy as np
import pandas as pd
import pytest

from respine.inference.occupancy import OccupancySettings, fit_occupancy, read_histories

PLAIN = OccupancySettings(
    returns=False,
    false_calls=False,
    detection="constant",
    interval_formation=True,
    interval_sd=np.inf,
    session_sd=np.inf,
    weak_priors=False,
)


@pytest.fixture(scope="module")
def dippers(shared):
    folder = shared / "data" / "reference"
    caught = pd.read_csv(folder / "dipper.csv", dtype=str)["ch"]
    calls = np.array([[int(c) for c in history] for history in caught])
    n, n_years = calls.shape
    spines = pd.DataFrame(
        {
            "subject": "river",
            "dendrite": "bank",
            "spine": np.repeat(np.arange(n), n_years),
            "session": np.tile([f"y{k}" for k in range(n_years)], n),
            "visible": calls.ravel() == 1,
        }
    )
    years = pd.DataFrame(
        {"subject": "river", "session": [f"y{k}" for k in range(n_years)], "time_h": 24.0 * np.arange(n_years)}
    )
    first = np.bincount(calls.argmax(axis=1), minlength=n_years)
    return read_histories(spines, years), first, json.loads((folder / "dipper_cjs.json").read_text())


def given_first_catch(fit, first):
    """Minus twice the log-likelihood of what follows the first catch: when birds are first caught is saturated."""
    return -2 * (fit.log_likelihood - np.sum(first * np.log(first / first.sum())))


def test_constant_survival_and_detection(dippers):
    histories, first, known = dippers
    fit = fit_occupancy(histories, PLAIN)
    assert fit.converged
    assert given_first_catch(fit, first) == pytest.approx(666.8377, abs=1e-4)
    assert 1 - fit.turnover.elimination.iloc[0] == pytest.approx(0.56024, abs=1e-5)
    assert fit.detection.hit.iloc[0] == pytest.approx(0.90258, abs=1e-5)
    assert fit.parameters.set_index("parameter").se["hit"] == pytest.approx(known["phi(.)p(.)"]["se"][1], rel=1e-3)


def test_survival_of_each_year(dippers):
    histories, first, known = dippers
    fit = fit_occupancy(histories, PLAIN.model_copy(update={"interval_elimination": True}))
    cjs = known["phi(t)p(.)"]
    assert given_first_catch(fit, first) == pytest.approx(cjs["neg2lnl"], abs=1e-4)
    np.testing.assert_allclose(1 - fit.turnover.elimination, cjs["real"][:6], atol=1e-4)
    assert fit.detection.hit.iloc[0] == pytest.approx(cjs["real"][6], abs=1e-4)


def test_detection_of_each_year(dippers):
    histories, first, known = dippers
    fit = fit_occupancy(histories, PLAIN.model_copy(update={"detection": "session"}))
    cjs = known["phi(.)p(t)"]
    assert given_first_catch(fit, first) == pytest.approx(cjs["neg2lnl"], abs=1e-4)
    assert 1 - fit.turnover.elimination.iloc[0] == pytest.approx(cjs["real"][0], abs=1e-4)
    np.testing.assert_allclose(fit.detection.hit[1:], cjs["real"][1:], atol=1e-3)
