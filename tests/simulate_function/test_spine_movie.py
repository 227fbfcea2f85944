"""Movies of a dendrite: own signals, what spreads back, and silent spines."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from respine.core.errors import InputError
from respine.simulate.function.scene import expected_photons
from respine.simulate.function.spine_movie import (
    BACK_PROPAGATING,
    SPINE_MOVIE_SIZES,
    SpineMovieSettings,
    lay_out_spines,
    simulate_spine_movie,
)
from respine.simulate.function.write import write_spine_calcium
from respine.simulate.recording import Visit

LONG = SpineMovieSettings(duration_s=4000, pixel_um=0.5)
STILL = {name: 0.0 for name in ("jitter_um", "drift_um", "struggle_um", "z_jitter_um", "z_drift_um", "z_struggle_um")}


def simulated(functional, settings, seed):
    rng = np.random.default_rng(seed)
    layout = lay_out_spines(len(functional), settings, rng)
    return simulate_spine_movie(functional, layout, None, settings, rng)


def test_silent_spines_only_show_what_spreads_back():
    functional = np.array([True, False, True, False])
    truth = simulated(functional, SpineMovieSettings(), 0)
    assert not truth.own_dff[:, ~functional].any()
    assert (truth.own_dff[:, functional].max(axis=0) > 0.2).all()
    np.testing.assert_allclose(truth.dff, truth.own_dff + truth.shaft_dff[:, None])
    assert truth.shaft_dff.max() > 1


def test_events_have_their_rates_and_amplitudes():
    functional = np.array([True, True, False])
    truth = simulated(functional, LONG, 1)
    counts = [(truth.event_spine == spine).sum() for spine in (BACK_PROPAGATING, 0, 1, 2)]
    expected = 4000 * np.array([0.05, 0.06, 0.06, 0])
    assert counts == pytest.approx(expected, abs=4 * np.sqrt(expected.max()))
    back = truth.event_amplitude[truth.event_spine == BACK_PROPAGATING]
    own = truth.event_amplitude[truth.event_spine >= 0]
    assert own.mean() == pytest.approx(0.5, rel=0.06)
    assert back.mean() / own.mean() == pytest.approx(5, rel=0.12)
    assert np.log(own).std() == pytest.approx(0.3, abs=0.03)
    assert (np.diff(truth.event_time_s) >= 0).all()


def test_spines_keep_their_distance_and_stand_off_the_shaft():
    truth = simulated(np.ones(40, bool), SpineMovieSettings(), 2)
    assert np.diff(truth.layout.position_um).min() >= 1
    assert np.abs(truth.layout.position_um).max() <= 30.5
    reach = np.linalg.norm(truth.layout.head_um - truth.layout.base_um, axis=1)
    assert reach.mean() == pytest.approx(1.3, rel=0.1)


def test_the_image_is_bright_at_heads_and_shaft_and_dark_beside():
    settings = SpineMovieSettings(duration_s=1, motion=STILL, protrusion_um=1.8)
    truth = simulated(np.ones(6, bool), settings, 3)
    image = expected_photons(truth.scene, truth.motion, 0)
    middle = (np.array(image.shape) - 1) / 2

    def light(points):
        return image[tuple(np.round(points / settings.pixel_um + middle).astype(int).T)]

    beyond = truth.layout.base_um + 2.2 * (truth.layout.head_um - truth.layout.base_um)
    assert light(truth.layout.base_um).min() > 2
    assert (light(truth.layout.head_um) > 2 * light(beyond)).all()
    assert np.median(image) == pytest.approx(0.4, rel=0.5)


def test_a_spine_lights_up_when_its_own_event_comes():
    settings = SpineMovieSettings(duration_s=60, motion=STILL, back_rate_hz=0.0, own_amplitude=2.0, protrusion_um=2.0)
    truth = simulated(np.array([True, False]), settings, 4)
    middle = (np.array(truth.scene.frame_shape) - 1) / 2
    places = np.round(truth.layout.head_um / settings.pixel_um + middle).astype(int)
    frames = np.linspace(0, 599, 60).astype(int)
    traces = np.array([expected_photons(truth.scene, truth.motion, f)[tuple(places.T)] for f in frames])
    assert np.corrcoef(traces[:, 0], truth.own_dff[frames, 0])[0, 1] > 0.999
    assert np.ptp(traces[:, 1]) < 1e-9


def test_too_many_spines_are_refused():
    settings = SPINE_MOVIE_SIZES["small"]
    with pytest.raises(InputError) as error:
        simulated(np.ones(29, bool), settings, 0)
    assert str(error.value) == ("spine movie: 29 spines at least 1 um apart need a width of 33 um; found width_um 32")
    assert len(lay_out_spines(28, settings, np.random.default_rng(0)).position_um) == 28


def test_sessions_show_the_same_dendrite():
    settings = SPINE_MOVIE_SIZES["small"].changed(duration_s=2.0, motion=STILL, own_rate_hz=0.0, back_rate_hz=0.0)
    layout = lay_out_spines(np.array([-12.0, -3.0, 0.5, 9.0]), settings, np.random.default_rng(5))
    first = simulate_spine_movie(np.ones(4, bool), layout, None, settings, np.random.default_rng(6))
    kept = layout.select(np.array([0, 1, 3]))
    later = simulate_spine_movie(np.ones(3, bool), kept, None, settings, np.random.default_rng(7))
    assert layout.position_um.tolist() == [-12, -3, 0.5, 9]
    gone = expected_photons(first.scene, first.motion, 0) - expected_photons(later.scene, later.motion, 0)
    row, column = np.unravel_index(gone.argmax(), gone.shape)
    middle = (np.array(gone.shape) - 1) / 2
    np.testing.assert_allclose((np.array([row, column]) - middle) * 0.2, layout.head_um[2], atol=0.2)
    assert np.abs(gone[:, : column - 20]).max() < 1e-9


def test_positions_outside_the_image_and_other_numbers_of_spines_are_refused():
    settings = SPINE_MOVIE_SIZES["small"]
    with pytest.raises(InputError) as error:
        lay_out_spines(np.array([0.0, 20.0]), settings, np.random.default_rng(0))
    assert str(error.value) == "spine movie: 1 of 2 positions lie outside the image, 32 um wide"
    layout = lay_out_spines(3, settings, np.random.default_rng(0))
    with pytest.raises(InputError) as error:
        simulate_spine_movie(np.ones(2, bool), layout, None, settings, np.random.default_rng(0))
    assert str(error.value) == "spine movie: 2 spines need a layout of as many; found 3"


def spines():
    return pd.DataFrame(
        {"spine": ["s3", "s7", "s9"], "functional": [True, False, True], "is_new": [False, False, True]}
    )


def test_a_recording_comes_with_its_row_and_truth(tmp_path):
    settings = SPINE_MOVIE_SIZES["small"].changed(duration_s=20.0, back_rate_hz=0.2, own_rate_hz=0.3)
    made = write_spine_calcium(Visit("m1", "24h", "d1"), spines(), tmp_path, settings, np.random.default_rng(0))
    (row,) = made.rows
    assert (row["kind"], row["path"], row["voxel_x_um"]) == ("calcium", "calcium/m1_24h_d1.tif", 0.2)
    assert tifffile.imread(tmp_path / row["path"]).shape == (200, 80, 160)
    events = made.tables["spine_events"]
    assert set(events["spine"]) == {"dendrite", "s3", "s9"}
    assert (events["back_propagating"] == (events["spine"] == "dendrite")).all()
    table = made.tables["calcium_spines"]
    assert table["is_new"].tolist() == [False, False, True]
    assert table["x_um"].between(0, 32).all()
    assert made.arrays["dff"].shape == (200, 3)


def test_a_table_without_its_columns_is_refused(tmp_path):
    with pytest.raises(InputError) as error:
        write_spine_calcium(
            Visit("m1", "24h"), spines()[["spine"]], tmp_path, SpineMovieSettings(), np.random.default_rng(0)
        )
    assert str(error.value) == "spine movie: the table of spines lacks the columns functional, is_new"
