"""A small field of view, described by tables as the mechanism gives them."""

import numpy as np
import pandas as pd
import pytest

from respine.simulate.structure.settings import FovSettings, SceneSettings, SessionSettings

EMPTY = {
    "puncta_per_nl": 0,
    "clouds_per_nl": 0,
    "fibres_per_nl": 0,
    "grain_per_nl": 0,
}
STILL = {
    "shift_um": 0,
    "shift_z_um": 0,
    "rotation_deg": 0,
    "tilt_deg": 0,
    "stretch": 0,
    "warp_um": 0,
    "slice_jitter_um": 0,
    "breathing_um": 0,
    "brightness_log_sd": 0,
    "gain_log_sd": 0,
    "blur_log_sd": 0,
    "bleaching": 0,
    "cut_share": 0,
}


@pytest.fixture
def empty_scene():
    """A scene without background."""
    return SceneSettings(**EMPTY)


@pytest.fixture
def still():
    """Sessions that do not differ."""
    return SessionSettings(**STILL)


@pytest.fixture
def tables():
    """Two dendrites, eight spines of all classes, two sessions."""
    dendrites = pd.DataFrame({"dendrite": ["a", "b"], "length_um": [20.0, 9.0], "parent": [None, "a"]})
    spines = pd.DataFrame(
        {
            "dendrite": ["a"] * 6 + ["b"] * 2,
            "spine": [f"p{i}" for i in range(8)],
            "position_um": [3.0, 6.0, 9.0, 12.0, 15.0, 17.0, 4.0, 6.0],
            "azimuth_deg": [0.0, 180.0, 90.0, 20.0, 170.0, 0.0, 0.0, 180.0],
            "spine_class": ["thin", "mushroom", "stubby", "filopodium", "thin", "thin", "mushroom", "stubby"],
        }
    )
    states = pd.concat(
        [
            pd.DataFrame(
                {
                    "session": name,
                    "spine": spines["spine"],
                    "present": [i != gone for i in range(8)],
                    "head_diameter_um": 0.5,
                    "protrusion_um": np.where(spines["spine_class"] == "stubby", 0.7, 1.5),
                }
            )
            for name, gone in (("before", 5), ("after", 1))
        ],
        ignore_index=True,
    )
    return dendrites, spines, states


@pytest.fixture
def small(empty_scene):
    """Settings of a small field of view without background."""
    return FovSettings(shape=(20, 200, 210), scene=empty_scene)
