"""Simulated stacks against the real recording: noise and grey levels lie in the range of its four sessions."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy.ndimage import uniform_filter

from respine.simulate.structure.fov import simulate_fov
from respine.simulate.structure.settings import FovSettings, SessionSettings

pytestmark = pytest.mark.slow

BLOCK = (slice(10, 40), slice(150, 650), slice(150, 650))


def noise(volume):
    """Variance per grey level across and along the rows at bright places, and the share of zeros."""
    block = volume[BLOCK].astype(np.float32)
    level = uniform_filter(block, (0, 3, 7))[:, 1:-1, 1:-1]
    bright = (level > 32) & (level < 100)
    across = (2 * block[:, 1:-1] - block[:, :-2] - block[:, 2:])[:, :, 1:-1][bright]
    along = (2 * block[:, :, 1:-1] - block[:, :, :-2] - block[:, :, 2:])[:, 1:-1][bright]
    return across.var() / 6 / level[bright].mean(), along.var() / 6 / level[bright].mean(), (block == 0).mean()


@pytest.fixture(scope="module")
def real(shared):
    return [tifffile.imread(shared / "data" / "rr30a" / f"rr30a_s{k}.tif") for k in range(4)]


@pytest.fixture(scope="module")
def simulated():
    dendrites = pd.DataFrame(
        {"dendrite": list("abcd"), "length_um": [90.0, 80.0, 70.0, 50.0], "parent": [None, None, None, "a"]}
    )
    rng = np.random.default_rng(0)
    spines = pd.DataFrame(
        {
            "dendrite": np.repeat(list("abcd"), 40),
            "spine": [f"p{i}" for i in range(160)],
            "position_um": rng.uniform(0, 50, 160),
            "azimuth_deg": rng.uniform(0, 360, 160),
            "spine_class": "thin",
        }
    )
    states = spines[["spine"]].assign(session="s0", present=True, head_diameter_um=0.45, protrusion_um=1.4)
    acquisition = SessionSettings(gain_log_sd=0.0, brightness_log_sd=0.0, cut_share=0.0)
    settings = FovSettings(shape=(45, 700, 700), acquisition=acquisition)
    return simulate_fov(dendrites, spines, states, ["s0"], settings, rng)[0].stack().voxels


def test_noise_across_and_along_the_rows_lies_among_the_real_sessions(real, simulated):
    of_real = np.array([noise(volume) for volume in real])
    of_simulated = np.array(noise(simulated))
    low, high = of_real.min(axis=0), of_real.max(axis=0)
    assert (of_simulated > 0.85 * low).all()
    assert (of_simulated < 1.15 * high).all()


def test_grey_levels_lie_among_those_of_the_real_sessions(real, simulated):
    levels = (50, 75, 90, 99, 99.9)
    of_real = np.array([np.percentile(volume[BLOCK], levels) for volume in real])
    of_simulated = np.percentile(simulated[BLOCK], levels)
    assert (of_simulated >= 0.8 * of_real.min(axis=0)).all()
    assert (of_simulated <= 1.2 * of_real.max(axis=0)).all()
