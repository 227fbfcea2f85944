"""Time the simulated movies and videos, and draw the pictures of docs/simulator-recordings.md.

    python benchmarks/simulator_movies.py [--seconds S] [--pictures FOLDER]

Printed for each kind of recording: frames, pixels, CPU seconds to draw the truth and to make the frames (for videos
with compression and writing), and pixels per CPU second. Compilation is done before. S (default 150) is the length of
the 512 x 512 calcium movie, at 10 frames a second; the video lasts 6 minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from respine.simulate.behaviour.bouts import BoutSettings, simulate_bouts
from respine.simulate.behaviour.tail_suspension import TAIL_SUSPENSION_SIZES, render_suspension, simulate_suspension
from respine.simulate.behaviour.video_file import write_video
from respine.simulate.function.activity import CellActivity, draw_activations, draw_rates
from respine.simulate.function.calcium import CALCIUM_SIZES, simulate_calcium
from respine.simulate.function.field import place_cells
from respine.simulate.function.scene import render_frames
from respine.simulate.function.spine_movie import SPINE_MOVIE_SIZES, lay_out_spines, simulate_spine_movie

CELLS, ENSEMBLES = {"full": 80, "small": 30}, 6


def calcium_truth(size, seconds, seed=1):
    rng = np.random.default_rng(seed)
    settings = CALCIUM_SIZES[size].changed(duration_s=seconds)
    cells = CELLS[size]
    participation = np.zeros((cells, ENSEMBLES))
    for ensemble in range(ENSEMBLES):
        participation[rng.choice(cells, cells // 6, replace=False), ensemble] = 0.6
    bouts = simulate_bouts(0.4, seconds, BoutSettings(), rng)
    times = draw_activations(rng.poisson(0.03 * seconds, ENSEMBLES), seconds, rng, bouts.start_s, 0.3)
    activity = CellActivity(draw_rates(cells, 0.04, 0.9, rng), participation, times, rng.random(cells) < 0.95)
    field = place_cells(cells, settings.field, rng)
    return settings, simulate_calcium(activity, field, bouts, settings, rng)


def spine_truth(size, seed=3):
    rng = np.random.default_rng(seed)
    settings = SPINE_MOVIE_SIZES[size]
    layout = lay_out_spines(int(settings.width_um / 2.7), settings, rng)
    functional = rng.random(len(layout.position_um)) < 0.7
    return settings, simulate_spine_movie(functional, layout, None, settings, rng)


def video_truth(size, seconds, mice=1, seed=5):
    rng = np.random.default_rng(seed)
    settings = TAIL_SUSPENSION_SIZES[size]
    bouts = [simulate_bouts(0.4, seconds, BoutSettings(climb_probability=0.15), rng) for _ in range(mice)]
    return settings, simulate_suspension(bouts, settings, rng)


def count(chunks):
    shape = (0, 0, 0)
    for chunk in chunks:
        shape = (shape[0] + len(chunk), *chunk.shape[1:])
    return shape


def line(name, shape, start, drawn, made):
    rate = np.prod(shape, dtype=float) / (made - drawn) / 1e6
    print(f"{name:34s} {' x '.join(map(str, shape)):>18s} {drawn - start:8.2f} {made - drawn:8.1f} {rate:10.1f}")


def time_movie(name, draw):
    start = time.process_time()
    made = draw()
    drawn = time.process_time()
    line(name, count(render_frames(*scene_of(made))), start, drawn, time.process_time())


def time_video(size, mice):
    start = time.process_time()
    settings, truth = video_truth(size, 360.0, mice)
    drawn = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        chunks = render_suspension(truth, settings, np.random.default_rng(0))
        write_video(Path(folder) / "a.mp4", chunks, settings.frame_rate_hz, settings.quality_crf)
    shape = (len(truth.frame_time_s), settings.height_px, settings.width_px)
    line(f"tail suspension, {size}, {mice} mice, MP4", shape, start, drawn, time.process_time())


def benchmark(seconds):
    count(render_frames(*scene_of(calcium_truth("small", 1.0))))
    for mice in (1, 2):
        settings, truth = video_truth("small", 1.0, mice)
        count(render_suspension(truth, settings, np.random.default_rng(0)))
    print(f"{'recording':34s} {'frames x pixels':>18s} {'truth s':>8s} {'frames s':>8s} {'Mpixel/s':>10s}")
    time_movie("calcium, full", lambda: calcium_truth("full", seconds))
    time_movie("calcium, small", lambda: calcium_truth("small", 120.0))
    time_movie("spine calcium, full", lambda: spine_truth("full"))
    time_movie("spine calcium, small", lambda: spine_truth("small"))
    for size, mice in (("full", 1), ("full", 4), ("small", 1)):
        time_video(size, mice)


def scene_of(made):
    settings, truth = made
    return truth.scene, truth.motion, settings.detector, np.random.default_rng(0)


def draw_calcium(folder):
    settings, truth = calcium_truth("full", 60.0)
    frames = np.concatenate([chunk[:, 130:386, 130:386] for chunk in render_frames(*scene_of((settings, truth)))])
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    for axis, image, title in zip(
        axes[:2], (frames[200], frames.mean(axis=0)), ("one frame", "mean of 60 s, with motion"), strict=True
    ):
        axis.imshow(image, cmap="gray", vmin=np.percentile(image, 0.5), vmax=np.percentile(image, 99.7))
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    busy = np.argsort(truth.dff.max(axis=0))[-9:]
    axes[2].plot(truth.frame_time_s, truth.dff[:, busy] + 1.5 * np.arange(9), lw=0.8)
    axes[2].plot(truth.frame_time_s, 0.25 * np.linalg.norm(truth.motion.shift_um, axis=1) - 3, "k", lw=0.6)
    axes[2].set_xlabel("s", fontsize=8)
    axes[2].set_yticks([])
    axes[2].tick_params(labelsize=8)
    axes[2].set_title("dF/F of nine cells; displacement (black)", fontsize=9)
    figure.savefig(folder / "simulator-calcium.png", dpi=75)


def draw_spines(folder):
    settings, truth = spine_truth("full")
    frames = np.concatenate(list(render_frames(*scene_of((settings, truth)))))
    back = int(truth.event_time_s[truth.event_spine < 0][0] * settings.frame_rate_hz) + 3
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.subplots(2, 1)
    pictures = (frames.mean(axis=0), "mean of 3 min"), (frames[back], "one frame, as an event spreads back")
    for axis, (image, title) in zip(axes, pictures, strict=True):
        axis.imshow(image, cmap="gray", vmax=np.percentile(image, 99.8))
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    figure.savefig(folder / "simulator-spine-calcium.png", dpi=75)


def draw_video(folder):
    settings, truth = video_truth("full", 60.0, mice=3)
    frames = np.concatenate(list(render_suspension(truth, settings, np.random.default_rng(0))))
    bouts = truth.bouts
    still = np.flatnonzero(~np.any([b.is_struggling(truth.frame_time_s) for b in bouts], axis=0))
    climbing = np.flatnonzero(np.any([b.is_climbing(truth.frame_time_s) for b in bouts], axis=0))
    chosen = [still[len(still) // 2] if len(still) else 0, climbing[len(climbing) // 2] if len(climbing) else 30]
    figure = Figure(figsize=(9.6, 3.7), layout="constrained")
    for axis, frame, title in zip(
        figure.subplots(1, 2), chosen, ("hanging still", "struggling and climbing"), strict=True
    ):
        axis.imshow(frames[frame], cmap="gray", vmin=16, vmax=235)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    figure.savefig(folder / "simulator-tail-suspension.png", dpi=72)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    if options.pictures is not None:
        for draw in (draw_calcium, draw_spines, draw_video):
            draw(options.pictures)
        return
    benchmark(options.seconds)


if __name__ == "__main__":
    main()
