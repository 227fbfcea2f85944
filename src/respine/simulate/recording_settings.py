"""How the recordings of a study are made: microscopes, cameras and assays, by size."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from respine.simulate.behaviour.sucrose import SucroseSettings
from respine.simulate.behaviour.tail_suspension import TAIL_SUSPENSION_SIZES, TailSuspensionSettings
from respine.simulate.behaviour.y_maze import Y_MAZE_SIZES, YMazeSettings
from respine.simulate.function.calcium import CALCIUM_SIZES, CalciumSettings
from respine.simulate.function.spine_movie import SPINE_MOVIE_SIZES, SpineMovieSettings
from respine.simulate.probe.light import LightSettings
from respine.simulate.settings_checked import CheckedSettings
from respine.simulate.structure.settings import FovSettings, SessionSettings


class LabelSettings(CheckedSettings):
    """The second channel, in which the probe shines."""

    labelled: float = Field(1.0, gt=0)
    """Concentration of the probe in a labelled spine, relative to the fluorophore of a shaft."""
    labelled_log_sd: float = Field(0.3, ge=0, le=2)
    """Standard deviation of its logarithm between spines."""
    unlabelled: float = Field(0.03, ge=0)
    """Concentration in other spines."""


class RecordingSettings(CheckedSettings):
    """Settings of every kind of recording."""

    structure: FovSettings = FovSettings()
    """Stacks."""
    label: LabelSettings = LabelSettings()
    """The probe's channel of the stacks."""
    light: LightSettings = LightSettings()
    """Photostimulation."""
    calcium: CalciumSettings = CALCIUM_SIZES["full"]
    """Movies of cells."""
    spine_calcium: SpineMovieSettings = SPINE_MOVIE_SIZES["full"]
    """Movies of a dendrite."""
    spine_calcium_spines: int = Field(20, ge=1)
    """Most spines in such a movie."""
    functional_fraction: float = Field(0.7, ge=0, le=1)
    """Share of its spines that have events of their own; the others are silent."""
    tail_suspension: TailSuspensionSettings = TAIL_SUSPENSION_SIZES["full"]
    """Videos of the tail suspension."""
    filmed_share: float = Field(1.0, gt=0, le=1)
    """Share of the suspension's length that is filmed, with the immobile share of the whole."""
    sucrose: SucroseSettings = SucroseSettings()
    """Sucrose preference."""
    y_maze: YMazeSettings = Y_MAZE_SIZES["full"]
    """Y-maze."""


RECORDING_SIZES: Mapping[str, RecordingSettings] = {
    "full": RecordingSettings(),
    "small": RecordingSettings(
        structure=FovSettings(
            shape=(28, 384, 384), acquisition=SessionSettings(shift_um=2.0, shift_z_um=1.0, cut_share=0.2)
        ),
        calcium=CALCIUM_SIZES["small"],
        spine_calcium=SPINE_MOVIE_SIZES["small"],
        spine_calcium_spines=10,
        tail_suspension=TAIL_SUSPENSION_SIZES["small"],
        filmed_share=1 / 3,
        y_maze=Y_MAZE_SIZES["small"],
    ),
}
"""Recordings as a laboratory would make them, and small ones for demonstrations and tests."""
