"""What shines beside the dendrites: how much, and how it changes between sessions."""

import numpy as np
import pytest

from respine.simulate.structure.background import make_background
from respine.simulate.structure.settings import SceneSettings, sample_scene_settings

FIELD = np.array([70.0, 122.0, 122.0])


def test_nothing_is_asked_and_nothing_is_there(empty_scene):
    background = make_background(FIELD, empty_scene, np.random.default_rng(0))
    assert len(background.in_session(np.random.default_rng(1))) == 0


@pytest.mark.parametrize("change", [0.0, 0.1, 0.25, 0.4])
def test_the_share_of_specks_that_vanish_is_the_one_set(empty_scene, change):
    settings = empty_scene.model_copy(update={"puncta_per_nl": 4000.0, "background_change": change})
    background = make_background(FIELD, settings, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    before, after = ({tuple(p) for p in background.in_session(rng).points_um} for _ in range(2))
    assert len(before - after) / len(before) == pytest.approx(change, abs=0.03)


def test_more_specks_are_superficial_where_asked(empty_scene):
    def shallow(share):
        settings = empty_scene.model_copy(update={"puncta_per_nl": 3000.0, "surface_share": share})
        points = make_background(FIELD, settings, np.random.default_rng(0)).lasting.points_um
        return (points[:, 0] < FIELD[0] / 3).mean()

    assert shallow(0.9) > shallow(0.0) + 0.3


@pytest.mark.parametrize("kind", ["puncta", "clouds", "fibres", "grain"])
def test_each_kind_gives_light_in_proportion_to_its_number(empty_scene, kind):
    def light(number):
        settings = empty_scene.model_copy(update={f"{kind}_per_nl": number, "background_change": 0.0})
        return make_background(FIELD, settings, np.random.default_rng(0)).lasting.mass.sum()

    low = {"puncta": 1000, "clouds": 60, "fibres": 100, "grain": 3000}[kind]
    assert light(2 * low) / light(low) == pytest.approx(2.0, rel=0.35)


def test_the_background_reaches_beyond_the_field(empty_scene):
    settings = empty_scene.model_copy(update={"puncta_per_nl": 2000.0})
    points = make_background(FIELD, settings, np.random.default_rng(0)).lasting.points_um
    for axis in range(3):
        assert points[:, axis].min() < -2
        assert points[:, axis].max() > FIELD[axis] + 2


def test_drawn_scenes_differ_and_stay_possible():
    drawn = [sample_scene_settings(np.random.default_rng(seed)) for seed in range(100)]
    for settings in drawn:
        SceneSettings.model_validate(settings.model_dump())
    assert np.ptp(np.log([s.puncta_per_nl for s in drawn])) > 2
    assert np.ptp([s.radius_um[0] for s in drawn]) > 0.2
    assert drawn[7] == sample_scene_settings(np.random.default_rng(7))
