"""Frames of tail-suspension videos, and the files that hold them."""

import itertools
import sys

import numpy as np
import pytest

from respine.core.errors import InputError, MissingExtraError, SettingsError
from respine.simulate.behaviour.bouts import Bouts, BoutSettings, simulate_bouts
from respine.simulate.behaviour.chamber import (
    CameraSettings,
    hook_points,
    paint_chambers,
    simulate_light,
    simulate_shake,
)
from respine.simulate.behaviour.paint import add_noise, paint_body, paint_capsules, shift_image
from respine.simulate.behaviour.tail_suspension import (
    TAIL_SUSPENSION_SIZES,
    TailSuspensionSettings,
    render_suspension,
    simulate_suspension,
)
from respine.simulate.behaviour.video_file import write_video
from respine.simulate.behaviour.write import write_tail_suspension
from respine.simulate.recording import Visit
from respine.study.rows import RecordingRow

SMALL = TAIL_SUSPENSION_SIZES["small"]
STEADY = {
    name: 0.0
    for name in (
        "light_drift",
        "flicker",
        "light_steps_per_min",
        "shake_px",
        "bumps_per_min",
        "read_sd_grey",
        "shot_gain_grey",
    )
}


def half(duration=8.0, climbing=False):
    return Bouts(np.array([0.0]), np.array([duration / 2]), np.array([climbing]), duration)


def frames_of(bouts, settings, seed=0, chunk=64):
    truth = simulate_suspension(bouts, settings, np.random.default_rng(seed))
    return truth, np.concatenate(list(render_suspension(truth, settings, np.random.default_rng(seed + 1), chunk)))


def test_a_dark_mouse_hangs_in_a_light_chamber():
    _, frames = frames_of([half()], SMALL.changed(camera=STEADY))
    assert frames.shape == (120, 240, 320)
    assert frames.dtype == np.uint8
    last = frames[-1].astype(float)
    inside = last[30:220, 20:300]
    dark = inside < 90
    assert 0.02 < dark.mean() < 0.12
    y, x = np.nonzero(dark)
    assert y.mean() + 30 == pytest.approx(0.5 * 240, abs=30)
    assert x.mean() + 20 == pytest.approx(160, abs=20)
    assert np.ptp(y) > 1.8 * np.ptp(x)
    assert np.median(inside) > 120


def test_struggling_moves_more_pixels_than_swaying():
    settings = SMALL.changed(camera=STEADY, posture={"sway_decay_s": 1.0, "rest_sway_deg": 0.3})
    _, frames = frames_of([half(16.0)], settings)
    change = np.abs(np.diff(frames.astype(float), axis=0)) > 15
    moved = change.mean(axis=(1, 2))
    assert moved[15:105].mean() > 4 * moved[180:].mean()


def test_swaying_alone_can_move_as_much_as_a_rigid_body():
    settings = SMALL.changed(camera=STEADY, posture={"rest_sway_deg": 6.0})
    still = Bouts(np.zeros(0), np.zeros(0), np.zeros(0, bool), 8.0)
    _, frames = frames_of([still], settings)
    moved = (np.abs(np.diff(frames.astype(float), axis=0)) > 15).mean(axis=(1, 2))
    area = (frames[:, 30:220, 20:300] < 90).mean(axis=(1, 2))
    assert moved.max() > 0.01
    assert area.std() / area.mean() < 0.02


@pytest.mark.parametrize("mice", [1, 3, 6])
def test_every_mouse_stays_in_its_own_chamber(mice):
    settings = SMALL.changed(camera=STEADY)
    bouts = [half(climbing=True) for _ in range(mice)]
    truth, frames = frames_of(bouts, settings)
    assert len(truth.postures) == mice
    columns = np.linspace(0, 320, mice + 1).astype(int)
    change = (np.abs(np.diff(frames.astype(float), axis=0)) > 15).any(axis=0)
    for left, right in itertools.pairwise(columns):
        dark = (frames[-1, 40:, left:right] < 80).sum()
        assert dark > 150
        assert change[:, left:right].any()


def test_a_mouse_is_hidden_by_the_wall_of_its_chamber():
    settings = SMALL.changed(camera=STEADY, posture={"rest_sway_deg": 0.0, "twitch_per_min": 0.0})
    still = Bouts(np.zeros(0), np.zeros(0), np.zeros(0, bool), 8.0)
    _, frames = frames_of([half(climbing=True), still], settings)
    moving, quiet = frames[:, :, :160].astype(float), frames[:, :, 160:].astype(float)
    assert (np.abs(np.diff(moving, axis=0)) > 15).sum() > 10 * (np.abs(np.diff(quiet, axis=0)) > 15).sum()


@pytest.mark.parametrize("chunk", [1, 11])
def test_the_size_of_a_chunk_changes_no_byte(chunk):
    bouts = [half(2.0)]
    _, whole = frames_of(bouts, SMALL)
    _, parts = frames_of(bouts, SMALL, chunk=chunk)
    assert (whole == parts).all()


def test_frames_are_video_luma():
    _, frames = frames_of([half(2.0)], SMALL.changed(camera={"read_sd_grey": 60.0}))
    assert (frames.min(), frames.max()) == (16, 235)


@pytest.mark.parametrize(
    ("bouts", "message"),
    [
        ([], "tail suspension: a video shows 1 to 6 mice; found 0"),
        ([half()] * 7, "tail suspension: a video shows 1 to 6 mice; found 7"),
        (
            [half(8.0), half(9.0)],
            "tail suspension: the mice of a video are suspended for the same time; found 8 to 9 s",
        ),
    ],
)
def test_impossible_videos_are_refused(bouts, message):
    with pytest.raises(InputError) as error:
        simulate_suspension(bouts, SMALL, np.random.default_rng(0))
    assert str(error.value) == message


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(SettingsError) as error:
        TailSuspensionSettings(width_px=641, frame_rate_hz=10, camera={"light_drift": -1})
    assert str(error.value) == (
        "width_px: found 641, expected a multiple of 2; frame_rate_hz: found 10, expected greater than or equal to 15; "
        "camera.light_drift: found -1, expected greater than or equal to 0"
    )


def light_of(times, **camera):
    steady = {"light_drift": 0, "flicker": 0, "light_steps_per_min": 0}
    return simulate_light(times, CameraSettings(**(steady | camera)), np.random.default_rng(0))


def test_light_wavers_by_the_set_amount():
    times = np.arange(300_000) / 5
    light = light_of(times, light_drift=0.03)
    assert light.std() == pytest.approx(0.03, rel=0.15)
    assert np.diff(light).std() < 0.004
    assert np.ptp(light_of(times, flicker=0.01)) == pytest.approx(0.02, rel=0.01)
    steps = light_of(times, light_steps_per_min=0.2)
    assert (np.diff(steps) != 0).sum() == pytest.approx(200, abs=60)
    assert light_of(times[:100]).tolist() == [1] * 100


def test_shake_trembles_and_knocks_ring_down():
    times = np.arange(9000) / 30
    tremble = simulate_shake(times, CameraSettings(shake_px=0.2, bumps_per_min=0), np.random.default_rng(1))
    assert tremble.std() == pytest.approx(0.2, rel=0.03)
    knocked = simulate_shake(times, CameraSettings(shake_px=0, bumps_per_min=2, bump_px=3), np.random.default_rng(1))
    size = np.abs(knocked).max(axis=1)
    assert 0.5 < size.max() <= 6
    assert (size > 0.05).mean() < 0.2


def test_chambers_are_light_with_a_dark_beam_and_walls():
    image = paint_chambers((240, 320), 2, 10.0, np.random.default_rng(0))
    assert image.shape == (240, 320)
    assert np.median(image) > 120
    assert image[:14].mean() < 80
    assert image[100:200, 158:162].mean() < image[100:200, 60:100].mean() - 30
    np.testing.assert_allclose(hook_points((240, 320), 2), [[28.8, 80.0], [28.8, 240.0]])


def test_a_capsule_covers_its_area_at_any_place():
    for y, x in ((40.0, 50.0), (40.3, 50.7)):
        image = np.zeros((100, 120), np.float32)
        ends = np.array([[y, x]]), np.array([[y, x + 30]])
        paint_capsules(image, *ends, np.array([10.0]), np.array([10.0]), np.array([100.0]), np.array([1.0]), 1.0)
        area = (image > 37).sum()
        assert area == pytest.approx(np.pi * 100 + 20 * 30, rel=0.05)


def test_a_body_leaves_the_scratch_as_it_was():
    image = np.full((60, 60), 200, np.float32)
    height, place, across = (
        np.full((60, 60), -1, np.float32),
        np.zeros((60, 60), np.float32),
        np.zeros((60, 60), np.float32),
    )
    spine, radius = np.stack([np.linspace(15, 45, 8), np.full(8, 30.0)], axis=1), np.full(8, 8.0)
    paint_body(image, spine, radius, 50.0, np.zeros((16, 4)), 1.0, height, place, across)
    assert (height == -1).all()
    assert (image < 120).sum() == pytest.approx(np.pi * 64 + 16 * 30, rel=0.05)
    assert image[30, 30] < 60
    assert image[5, 5] == 200


def test_whole_pixels_of_shake_move_the_image():
    source = np.random.default_rng(0).uniform(0, 255, (40, 50)).astype(np.float32)
    out = np.empty_like(source)
    shift_image(source, 2.0, -3.0, 1.0, out)
    np.testing.assert_allclose(out[5:-5, 5:-5], np.roll(source, (2, -3), axis=(0, 1))[5:-5, 5:-5], rtol=1e-5)
    shift_image(source, 0.5, 0.0, 2.0, out)
    np.testing.assert_allclose(out[10, 10], source[10, 10] + source[9, 10], rtol=1e-5)


def test_camera_noise_has_its_closed_form():
    rng = np.random.default_rng(1)
    quantiles = np.linspace(-1, 1, 256).astype(np.float32)
    image, out = np.full((400, 400), 100, np.float32), np.empty((400, 400), np.uint8)
    draws = rng.integers(0, 256, image.shape, dtype=np.uint8)
    add_noise(image, np.float32(1.2), draws, quantiles, 9.0, 0.1, out)
    variance = (9 + 0.1 * 120) * (quantiles.astype(float) ** 2).mean() + 1 / 12
    assert out.mean() == pytest.approx(120, abs=0.05)
    assert out.astype(float).var() == pytest.approx(variance, rel=0.02)


def noise(frames=12, shape=(64, 96)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([100 + 50 * np.sin((x + 2 * f) / 9) * np.cos(y / 7) for f in range(frames)]).astype(np.uint8)


def test_a_video_comes_back_frame_by_frame(tmp_path):
    av = pytest.importorskip("av")
    frames = noise()
    write_video(tmp_path / "a.mp4", [frames[:5], frames[5:]], 30.0, 15)
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == pytest.approx(30)
        back = np.stack([np.asarray(f.to_ndarray(format="yuv420p"))[:64] for f in file.decode(video=0)])
    assert back.shape == frames.shape
    assert np.abs(back.astype(float) - frames).mean() < 2
    write_video(tmp_path / "b.mp4", [frames], 30.0, 15)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_without_the_video_extra_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError) as error:
        write_video(tmp_path / "a.mp4", [noise()], 30.0, 23)
    assert str(error.value) == (
        "writing a video needs the package av, which is not installed; install it with: pip install 'respine[video]'"
    )


def test_a_recording_comes_with_its_rows_and_truth(tmp_path):
    pytest.importorskip("av")
    rng = np.random.default_rng(2)
    visits = [Visit("m1", "24h"), Visit("m2", "24h")]
    settings = BoutSettings(climb_probability=0.5)
    bouts = [simulate_bouts(0.4, 20.0, settings, rng) for _ in visits]
    made = write_tail_suspension(visits, bouts, tmp_path, SMALL, rng)
    assert [row["channel"] for row in made.rows] == ["1", "2"]
    assert {row["path"] for row in made.rows} == {"tail_suspension/m1_24h.mp4"}
    for row in made.rows:
        RecordingRow.model_validate({k: v for k, v in row.items() if v != ""})
    summary = made.tables["suspension"]
    assert summary["immobile_s"].tolist() == pytest.approx([8.0, 8.0])
    assert summary["subject"].tolist() == ["m1", "m2"]
    frames = made.tables["suspension_frames"]
    assert len(frames) == 600
    assert frames.groupby("subject")["struggling"].mean().tolist() == pytest.approx([0.6, 0.6], abs=0.03)
    table = made.tables["struggling_bouts"]
    assert (table["climb_start_s"].notna() == table["climbing"]).all()
    assert ((table["stop_s"] - table["start_s"]).groupby(table["subject"]).sum() - 12).abs().max() < 1e-6


def test_one_mouse_alone_has_no_chamber_and_every_mouse_needs_bouts(tmp_path):
    pytest.importorskip("av")
    made = write_tail_suspension([Visit("m1", "3h")], [half(2.0)], tmp_path, SMALL, np.random.default_rng(0))
    assert "channel" not in made.rows[0]
    with pytest.raises(InputError) as error:
        write_tail_suspension([Visit("m1", "3h")], [], tmp_path, SMALL, np.random.default_rng(0))
    assert str(error.value) == "tail suspension: 1 mice need as many bouts; found 0"


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    pytest.importorskip("av")
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made = write_tail_suspension(
            [Visit("m1", "3h")], [half(2.0)], tmp_path / name, SMALL, np.random.default_rng(seed)
        )
        files.append((tmp_path / name / made.rows[0]["path"]).read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]
