"""Whole calcium movies: what the frames hold against the truth beside them."""

import numpy as np
import pytest
import tifffile

from respine.core.errors import InputError, SettingsError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.function.activity import ActivitySettings, CellActivity, draw_activations
from respine.simulate.function.calcium import CALCIUM_SIZES, CalciumSettings, simulate_calcium
from respine.simulate.function.detector import DetectorSettings
from respine.simulate.function.field import FieldSettings, place_cells
from respine.simulate.function.footprints import Canvas
from respine.simulate.function.motion import MotionSettings
from respine.simulate.function.movie_file import write_movie
from respine.simulate.function.neuropil import NeuropilSettings, simulate_neuropil
from respine.simulate.function.scene import expected_photons, render_frames
from respine.simulate.function.session_activity import session_activity
from respine.simulate.function.write import write_calcium
from respine.simulate.recording import Visit
from respine.simulate.settings import StudySettings
from respine.simulate.study import simulate_study
from respine.study.rows import RecordingRow

STILL = MotionSettings(
    jitter_um=0, drift_um=0, struggle_um=0, z_jitter_um=0, z_drift_um=0, z_struggle_um=0, nonrigid_share=0
)
PLAIN_FIELD = FieldSettings(
    height_um=120,
    width_um=120,
    specks_per_cell=0,
    depth_sd_um=0,
    visit_depth_sd_um=0,
    cell_move_sd_um=0,
    min_distance_um=14,
)


def active(cells, rate=0.1, found=None):
    found = np.ones(cells, bool) if found is None else found
    return CellActivity(np.full(cells, rate), np.zeros((cells, 0)), (), found)


def movie(settings, cells=6, seed=0, found=None, bouts=None):
    field = place_cells(cells, settings.field, np.random.default_rng(seed))
    return simulate_calcium(active(cells, found=found), field, bouts, settings, np.random.default_rng(seed + 1))


def light_of(truth, cell, frames):
    """Mean expected photons over a cell's footprint in its frames, and those of its neuropil at rest."""
    margin, shape = truth.scene.margin, truth.scene.still.shape
    pixel, weight = truth.footprints[cell]
    mask = np.zeros(shape)
    mask.ravel()[pixel] = weight > 0.5
    mask = mask[margin:-margin, margin:-margin] > 0
    images = np.stack([expected_photons(truth.scene, truth.motion, f)[mask].mean() for f in frames])
    return images, truth.scene.still[margin:-margin, margin:-margin][mask].mean()


def test_the_light_of_a_cell_is_its_fluorescence_over_neuropil():
    settings = CalciumSettings(
        duration_s=20,
        field=PLAIN_FIELD,
        motion=STILL,
        bleaching_per_min=0,
        neuropil=NeuropilSettings(global_sd=0, local_sd=0),
    )
    truth = movie(settings)
    frames = range(0, 200, 5)
    for cell in range(6):
        light, neuropil = light_of(truth, cell, frames)
        rest = truth.dff[list(frames), cell]
        level = (light[0] - neuropil) / (1 + rest[0])
        assert level > 0.5
        np.testing.assert_allclose(light - neuropil, level * (1 + rest), rtol=1e-6)
    assert truth.dff.max() > 0.2


def test_neuropil_shines_through_a_soma_by_its_coefficient():
    settings = CalciumSettings(
        duration_s=1, field=PLAIN_FIELD.changed(vessels=0, texture_sd=0, nucleus_depth=0.0), motion=STILL
    )
    truth = movie(settings)
    bare = settings.changed(neuropil={"coefficient": 1.0})
    full = movie(bare)
    pixel, weight = truth.footprints[0]
    inside = pixel[weight > 0.99]
    np.testing.assert_allclose(truth.scene.still.ravel()[inside], 0.7 * full.scene.still.ravel()[inside], rtol=0.01)


def test_a_cell_that_is_not_found_is_dark():
    found = np.array([True, False, True, True, True, True])
    settings = CalciumSettings(duration_s=5, field=PLAIN_FIELD, motion=STILL)
    light, neuropil = light_of(movie(settings, found=found), 1, [0])
    seen, ground = light_of(movie(settings), 1, [0])
    assert light[0] == pytest.approx(neuropil, rel=0.3)
    assert seen[0] > 1.5 * ground


def test_bleaching_dims_the_movie_at_the_set_rate():
    settings = CalciumSettings(duration_s=60, field=PLAIN_FIELD, motion=STILL, bleaching_per_min=0.03)
    truth = movie(settings)
    assert truth.scene.fade[-1] == pytest.approx(0.97, abs=1e-4)
    assert truth.scene.fade[299] == pytest.approx(0.97**0.5, abs=1e-3)


def test_out_of_focus_motion_dims_cells_by_a_gaussian():
    settings = CalciumSettings(duration_s=5, field=PLAIN_FIELD, motion=STILL.changed(z_jitter_um=3.0), focus_um=5.0)
    truth = movie(settings)
    expected = np.exp(-((truth.field.position_um[0, 0] + truth.motion.z_um) ** 2) / 50) * (1 + truth.dff[:, 0])
    np.testing.assert_allclose(truth.scene.source_course[:, 0], expected)
    assert truth.motion.z_um.std() > 1


def test_noise_of_a_cell_lies_in_the_range_that_microscopes_have():
    settings = CalciumSettings(duration_s=20, field=PLAIN_FIELD.changed(filled_fraction=0), motion=STILL)
    field = place_cells(6, settings.field, np.random.default_rng(0))
    truth = simulate_calcium(active(6, rate=0.0), field, None, settings, np.random.default_rng(1))
    frames = np.concatenate(list(render_frames(truth.scene, truth.motion, settings.detector, np.random.default_rng(2))))
    photons = (frames.astype(float) - settings.detector.offset_grey) / settings.detector.gain_grey
    margin = truth.scene.margin
    noise = []
    for pixel, weight in truth.footprints:
        mask = np.zeros(truth.scene.still.shape)
        mask.ravel()[pixel] = weight > 0.5
        inside = mask[margin:-margin, margin:-margin] > 0
        haze = truth.scene.still[margin:-margin, margin:-margin][inside].mean()
        trace = photons[:, inside].mean(axis=1)
        noise.append(np.diff(trace).std() / np.sqrt(2) / (trace.mean() - haze))
    assert 0.05 < np.median(noise) < 0.15


def test_sessions_of_an_animal_share_their_cells():
    field = place_cells(10, FieldSettings(height_um=150, width_um=150), np.random.default_rng(0))
    settings = CalciumSettings(duration_s=1, field=FieldSettings(height_um=150, width_um=150))
    visits = [
        simulate_calcium(active(10), field, None, settings, np.random.default_rng(seed)).field.position_um
        for seed in (1, 2)
    ]
    apart = visits[1][:, 1:] - visits[0][:, 1:]
    assert np.abs(apart).mean() > 1
    assert np.abs(apart - apart.mean(axis=0)).max() < 6


def test_motion_is_locked_to_struggling():
    settings = CALCIUM_SIZES["small"]
    bouts = Bouts(np.arange(0.0, 120, 20), np.arange(10.0, 130, 20), np.zeros(6, bool), 120.0)
    truth = movie(settings, bouts=bouts)
    moved = np.linalg.norm(np.diff(truth.motion.shift_um, axis=0), axis=1)
    struggling = bouts.is_struggling(truth.frame_time_s)[1:]
    assert moved[struggling].mean() > 3 * moved[~struggling].mean()


def test_neuropil_follows_the_cells_and_has_its_spread():
    rng = np.random.default_rng(0)
    dff = np.cumsum(rng.standard_normal((3000, 20)), axis=0)
    dff -= dff.mean(axis=0)
    place = np.column_stack([np.zeros(20), rng.uniform(-50, 50, (20, 2))])
    canvas = Canvas((110, 110), 1.0)
    course = simulate_neuropil(dff, place, canvas, 0.1, NeuropilSettings(follow=1.0, global_sd=0.2), rng)
    assert course.std(axis=0) == pytest.approx([0.2] + 9 * [0.08])
    assert np.corrcoef(course[:, 0], dff.mean(axis=1))[0, 1] == pytest.approx(1)
    free = simulate_neuropil(dff, place, canvas, 0.1, NeuropilSettings(follow=0.0), rng)
    assert free[:, 0].std() == pytest.approx(0.08, rel=0.25)


def test_an_empty_field_is_a_movie_of_neuropil():
    truth = movie(CalciumSettings(duration_s=2, field=PLAIN_FIELD), cells=0)
    assert truth.dff.shape == (20, 0)
    assert expected_photons(truth.scene, truth.motion, 3).min() > 0


def test_field_and_activity_must_have_as_many_cells():
    field = place_cells(3, PLAIN_FIELD, np.random.default_rng(0))
    with pytest.raises(InputError) as error:
        simulate_calcium(active(4), field, None, CalciumSettings(), np.random.default_rng(0))
    assert str(error.value) == "calcium: the activity has 4 cells, the field 3"


def test_impossible_settings_are_refused_by_name_at_any_depth():
    with pytest.raises(SettingsError) as error:
        CalciumSettings(frame_rate_hz=0, detector={"bits": 4})
    assert str(error.value) == (
        "frame_rate_hz: found 0, expected greater than 0; detector.bits: found 4, expected greater than or equal to 8"
    )


def test_the_file_is_one_of_scanimage(tmp_path):
    frames = np.random.default_rng(0).integers(0, 4000, (12, 30, 40), dtype=np.uint16)
    write_movie(tmp_path / "a.tif", [frames[:5], frames[5:]], 12, 8.0, 0.5)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_scanimage
        software = dict(line.split(" = ") for line in file.pages[0].software.splitlines())
        assert software["SI.hRoiManager.scanFrameRate"] == "8"
        assert software["SI.hRoiManager.imagingFovUm"] == "[-10 -7.5;10 -7.5;10 7.5;-10 7.5]"
        assert software["SI.hStackManager.framesPerSlice"] == "12"
        assert "frameTimestamps_sec = 1.250000" in file.pages[10].description
        assert (np.stack([page.asarray() for page in file.pages]) == frames).all()
    write_movie(tmp_path / "b.tif", [frames], 12, 8.0, 0.5)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


QUICK = CALCIUM_SIZES["small"].changed(duration_s=6.0, field={"height_um": 100.0, "width_um": 100.0})


def record(folder, seed=3):
    rng = np.random.default_rng(seed)
    field = place_cells(12, QUICK.field, rng)
    part = np.zeros((12, 2))
    part[:6, 0], part[4:10, 1] = 0.6, 0.5
    times = draw_activations(np.array([3, 2]), 6.0, rng)
    truth = CellActivity(np.full(12, 0.1), part, times, np.arange(12) != 4)
    return write_calcium(Visit("m1", "3h", "f1"), truth, field, None, folder, QUICK, rng)


def test_a_recording_comes_with_its_row_and_truth(tmp_path):
    recording = record(tmp_path)
    (row,) = recording.rows
    assert row == {
        "subject": "m1",
        "session": "3h",
        "fov": "f1",
        "kind": "calcium",
        "path": "calcium/m1_3h_f1.tif",
        "voxel_y_um": 2.0,
        "voxel_x_um": 2.0,
        "frame_rate_hz": 10.0,
        "start_s": 0.0,
    }
    RecordingRow.model_validate(row)
    assert tifffile.imread(tmp_path / row["path"]).shape == (60, 50, 50)
    cells, events = recording.tables["calcium_cells"], recording.tables["cell_events"]
    assert cells["found"].tolist() == [True] * 4 + [False] + [True] * 7
    assert cells["n_events"].sum() == len(events)
    assert cells.columns[:4].tolist() == ["subject", "session", "fov", "cell"]
    assert set(events["ensemble"].dropna()) <= {"e1", "e2"}
    assert recording.tables["ensemble_activations"]["ensemble"].value_counts().to_dict() == {"e1": 3, "e2": 2}
    assert recording.tables["ensemble_members"].groupby("ensemble")["participation"].agg(["size", "max"]).to_dict() == {
        "size": {"e1": 6, "e2": 6},
        "max": {"e1": 0.6, "e2": 0.5},
    }
    assert recording.arrays["dff"].shape == (60, 12)
    assert not recording.tables["frames"]["struggling"].any()


def test_footprints_lie_where_the_table_says(tmp_path):
    recording = record(tmp_path)
    arrays, cells = recording.arrays, recording.tables["calcium_cells"]
    for cell in np.flatnonzero(cells["inside"]):
        pixels = slice(*arrays["footprint_first"][cell : cell + 2])
        rows, columns = np.unravel_index(arrays["footprint_pixel"][pixels], arrays["canvas_shape"])
        centre = np.array([rows, columns]).mean(axis=1) - arrays["canvas_margin"]
        np.testing.assert_allclose(centre * 2.0, cells.loc[cell, ["y_um", "x_um"]].astype(float), atol=1.5)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    paths = [
        tmp_path / name / record(tmp_path / name, seed).rows[0]["path"]
        for name, seed in zip("abc", (3, 3, 4), strict=True)
    ]
    first, same, other = (path.read_bytes() for path in paths)
    assert first == same
    assert first != other


def test_names_that_leave_the_folder_are_refused(tmp_path):
    with pytest.raises(InputError) as error:
        Visit("../m1", "3h").path(tmp_path, "calcium", ".tif")
    assert str(error.value) == "recording: subject '../m1' cannot be part of a file's name"


def test_the_activity_of_a_study_keeps_its_rates_and_activations():
    settings = StudySettings(subjects_per_arm=2)
    study = simulate_study(settings, 5)
    how = settings.activity
    session = [s.name for s in settings.sessions].index("24h")
    whole = session_activity(study.cells, 3, session, how, how.recording_s, np.random.default_rng(0))
    assert [len(times) for times in whole.activation_s] == study.cells.activations[3, session].tolist()
    assert (whole.participation > 0).sum() == study.cells.member[3].sum()
    assert (whole.found == study.cells.found[3, session]).all()
    expected = study.cells.rate_hz[3] * study.cells.rate_factor[3, session]
    assert whole.expected_rate_hz(how.recording_s).sum() == pytest.approx(expected.sum(), rel=0.4)
    parts = [
        sum(len(t) for t in session_activity(study.cells, 3, session, how, 60.0, np.random.default_rng(s)).activation_s)
        for s in range(200)
    ]
    count = study.cells.activations[3, session].sum()
    assert np.mean(parts) == pytest.approx(count * 0.1, abs=4 * np.sqrt(count * 0.09 / 200))


def test_detector_and_activity_of_a_movie_can_be_changed():
    settings = CalciumSettings(detector=DetectorSettings(bits=12), activity=ActivitySettings(burst_spikes=1.0))
    assert settings.changed(detector={"bits": 8}).detector.bits == 8
