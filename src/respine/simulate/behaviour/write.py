"""Behaviour on disk, with the rows of recordings.csv and the truth behind each: videos, weights, walks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.behaviour.sucrose import SucroseSettings, simulate_sucrose
from respine.simulate.behaviour.tail_suspension import (
    Suspension,
    TailSuspensionSettings,
    render_suspension,
    simulate_suspension,
)
from respine.simulate.behaviour.video_file import write_video
from respine.simulate.behaviour.y_maze import ARMS, YMazeSettings, simulate_entries
from respine.simulate.behaviour.y_maze_pose import track_pose
from respine.simulate.recording import Recording, Visit


def write_tail_suspension(
    visits: Sequence[Visit],
    bouts: Sequence[Bouts],
    study: Path,
    settings: TailSuspensionSettings,
    rng: np.random.Generator,
) -> Recording:
    """Simulate one video of 1 to 6 suspended mice and write it.

    Parameters
    ----------
    visits : sequence of Visit
        The mice, from left to right. The video is named after the first; where there are several, the `channel` of a
        row is the number of the mouse's chamber, from 1 on the left.
    bouts : sequence of Bouts
        When each of them struggles, all of the same length.
    study : Path
        Folder of the study.

    Returns
    -------
    Recording
        Tables `struggling_bouts` (a row a bout: `start_s`, `stop_s`, `climbing`, `climb_start_s`, `climb_stop_s`),
        `suspension_frames` (a row a frame and mouse: state, posture, light, camera), `suspension` (a row a mouse).

    Raises
    ------
    InputError
        There are as many mice as bouts must be told for, 1 to 6, and their suspensions are equally long.
    MissingExtraError
        PyAV is not installed.
    """
    if len(visits) != len(bouts):
        raise InputError(f"tail suspension: {len(visits)} mice need as many bouts; found {len(bouts)}")
    truth = simulate_suspension(bouts, settings, rng)
    path = visits[0].path(study, "tail_suspension", ".mp4")
    write_video(path, render_suspension(truth, settings, rng), settings.frame_rate_hz, settings.quality_crf)
    said = {"frame_rate_hz": settings.frame_rate_hz, "start_s": 0.0}
    chambers = [{"channel": str(n + 1)} if len(visits) > 1 else {} for n in range(len(visits))]
    rows = tuple(
        visit.row(study, "tail_suspension", path, **said, **chamber)
        for visit, chamber in zip(visits, chambers, strict=True)
    )
    mice = list(enumerate(visits))
    return Recording(
        rows=rows,
        tables={
            "suspension": pd.concat([visit.label(_summary(truth, n)) for n, visit in mice], ignore_index=True),
            "struggling_bouts": pd.concat(
                [visit.label(_bout_table(truth.bouts[n])) for n, visit in mice], ignore_index=True
            ),
            "suspension_frames": pd.concat([visit.label(_frames(truth, n)) for n, visit in mice], ignore_index=True),
        },
    )


def write_sucrose(
    visit: Visit, preference: float, study: Path, settings: SucroseSettings, rng: np.random.Generator
) -> Recording:
    """Simulate one sucrose-preference test and write its table of weights.

    Parameters
    ----------
    visit : Visit
    preference : float
        Share of sucrose in what the mouse drinks, 0 to 1.
    study : Path
        Folder of the study.

    Returns
    -------
    Recording
        Tables `sucrose` (a row a mouse) and `sucrose_bottles` (a row a bottle and period).

    Raises
    ------
    InputError
        The preference is no share.
    """
    test = simulate_sucrose(preference, settings, rng)
    path = visit.path(study, "sucrose_preference", ".csv")
    test.weights.to_csv(path, index=False)
    home = test.weights["cage"] == "home"
    drunk = test.truth["drunk_g"].where(home, 0.0).groupby(test.weights["content"]).sum()
    summary = pd.DataFrame(
        {
            "preference": [preference],
            "side_bias": [test.side_bias],
            "sucrose_g": [drunk["sucrose"]],
            "water_g": [drunk["water"]],
        }
    )
    places = test.weights[["cage", "period", "side", "content"]]
    return Recording(
        rows=(visit.row(study, "sucrose_preference", path),),
        tables={
            "sucrose": visit.label(summary),
            "sucrose_bottles": visit.label(pd.concat([places, test.truth], axis=1)),
        },
    )


def write_y_maze(
    visit: Visit,
    alternation: float,
    entries: float,
    study: Path,
    settings: YMazeSettings,
    rng: np.random.Generator,
) -> Recording:
    """Simulate one walk through a Y-maze; write its table of entries and, unless switched off, its pose file.

    Parameters
    ----------
    visit : Visit
    alternation : float
        Share of alternations, 0 to 1.
    entries : float
        Number of arm entries; rounded, and at least 3.
    study : Path
        Folder of the study.

    Returns
    -------
    Recording
        Two rows of one test: the table, and the pose file with its frame rate. Tables `y_maze` (a row a mouse) and
        `y_maze_entries`.

    Raises
    ------
    InputError
        The alternation is no share.
    """
    walk = simulate_entries(alternation, max(round(entries), 3), settings, rng)
    table = pd.DataFrame(
        {
            "entry": np.arange(1, len(walk.arm) + 1),
            "arm": np.array(ARMS)[walk.arm],
            "enter_s": walk.enter_s.round(3),
            "leave_s": walk.leave_s.round(3),
        }
    )
    path = visit.path(study, "y_maze", ".csv")
    table.to_csv(path, index=False)
    rows = [visit.row(study, "y_maze", path)]
    if settings.write_pose:
        pose = visit.path(study, "y_maze", "_DLC.csv")
        track_pose(walk, settings, rng).to_csv(pose)
        rows.append(visit.row(study, "y_maze", pose, frame_rate_hz=settings.frame_rate_hz, start_s=0.0))
    summary = pd.DataFrame(
        {"alternation": [walk.alternation], "n_entries": [len(walk.arm)], "duration_s": [settings.duration_s]}
    )
    return Recording(rows=tuple(rows), tables={"y_maze": visit.label(summary), "y_maze_entries": visit.label(table)})


def _summary(truth: Suspension, mouse: int) -> pd.DataFrame:
    bouts = truth.bouts[mouse]
    start, stop = bouts.climbs_s
    return pd.DataFrame(
        {
            "chamber": [mouse + 1],
            "duration_s": [bouts.duration_s],
            "immobile_s": [bouts.immobile_s],
            "n_bouts": [len(bouts.start_s)],
            "climbing_s": [float((stop - start).sum())],
        }
    )


def _bout_table(bouts: Bouts) -> pd.DataFrame:
    climb_start, climb_stop = np.full((2, len(bouts.start_s)), np.nan)
    climb_start[bouts.climbing], climb_stop[bouts.climbing] = bouts.climbs_s
    return pd.DataFrame(
        {
            "start_s": bouts.start_s,
            "stop_s": bouts.stop_s,
            "climbing": bouts.climbing,
            "climb_start_s": climb_start,
            "climb_stop_s": climb_stop,
        }
    )


def _frames(truth: Suspension, mouse: int) -> pd.DataFrame:
    posture, bouts = truth.postures[mouse], truth.bouts[mouse]
    return pd.DataFrame(
        {
            "frame": np.arange(len(truth.frame_time_s)),
            "time_s": truth.frame_time_s,
            "struggling": bouts.is_struggling(truth.frame_time_s),
            "climbing": bouts.is_climbing(truth.frame_time_s),
            "sway_deg": posture.sway_deg,
            "bend_deg": posture.bend_deg[:, 0],
            "light": truth.light,
            "shake_y_px": truth.shake_px[:, 0],
            "shake_x_px": truth.shake_px[:, 1],
        }
    )
