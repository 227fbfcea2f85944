"""All sessions of a field of view: the stacks, slice by slice, and the truth behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.simulate.structure.anatomy import Anatomy, make_anatomy
from respine.simulate.structure.background import Background, make_background
from respine.simulate.structure.render import render_chunks
from respine.simulate.structure.scene import Scene, build_label_scene, build_scene
from respine.simulate.structure.session import SessionView, make_session
from respine.simulate.structure.settings import FovSettings, SceneSettings
from respine.simulate.structure.spines import place_spines
from respine.simulate.structure.truth import line_truth, spine_truth


@dataclass(frozen=True, eq=False)
class SimulatedSession:
    """One session of a field of view. Nothing is rendered until it is asked for.

    Parameters
    ----------
    name : str
        The session.
    anatomy : Anatomy
    background : Background
    states : DataFrame
        spine, present, head_diameter_um, protrusion_um.
    view : SessionView
    settings : SceneSettings
    seed : tuple of int
        Of the scene's and the detector's chance; the same stack comes each time.
    """

    name: str
    anatomy: Anatomy
    background: Background
    states: pd.DataFrame
    view: SessionView
    settings: SceneSettings
    seed: tuple[int, ...]

    @property
    def voxel_um(self) -> tuple[float, float, float]:
        """Size of a voxel (z, y, x), um."""
        return self.view.optics.voxel_um

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels (z, y, x)."""
        return self.view.shape

    @property
    def warp(self) -> Warp:
        """Reference frame to this session's raw stack."""
        return self.view.warp

    def scene(self) -> Scene:
        """Assemble what shines in this session."""
        return build_scene(self.anatomy, self.states, self.background, self.settings, self._stream(0))

    def chunks(self, slices: int = 8) -> Iterator[np.ndarray]:
        """Render the stack, `slices` slices at a time, each chunk of shape (slices, Y, X)."""
        return render_chunks(self.scene(), self.view, self._stream(1), slices)

    def stack(self) -> Stack:
        """Render the whole stack."""
        return Stack(np.concatenate(list(self.chunks())), self.voxel_um)

    def label_chunks(
        self, label: pd.DataFrame, shaft: float = 0.03, bleed_through: float = 0.04, slices: int = 8
    ) -> Iterator[np.ndarray]:
        """Render the second channel, of a probe that sits in some spines.

        Parameters
        ----------
        label : DataFrame
            spine, label (concentration of the probe; 1 is the fluorophore of a reference shaft).
        shaft : float
            Concentration of the probe in the shafts.
        bleed_through : float
            Share of the structural channel that leaks into this one.
        slices : int

        Returns
        -------
        iterator of ndarray, shape (slices, Y, X)
        """
        scene = build_label_scene(self.scene(), label, shaft, bleed_through)
        return render_chunks(scene, self.view, self._stream(2), slices)

    def spines(self) -> pd.DataFrame:
        """Return the truth of every spine in this session's raw stack, as `spine_truth` describes it."""
        return spine_truth(self.anatomy, self.states, self.view)

    def lines(self) -> pd.DataFrame:
        """Return the true centre lines in this session's raw stack, as `line_truth` describes them."""
        return line_truth(self.anatomy, self.view)

    def _stream(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([*self.seed, purpose])


def simulate_fov(
    dendrites: pd.DataFrame,
    spines: pd.DataFrame,
    states: pd.DataFrame,
    sessions: Sequence[str],
    settings: FovSettings,
    rng: np.random.Generator,
    brightness: Mapping[str, float] | None = None,
) -> tuple[SimulatedSession, ...]:
    """Simulate the stacks of all sessions of a field of view.

    Parameters
    ----------
    dendrites : DataFrame
        dendrite, length_um, parent.
    spines : DataFrame
        dendrite, spine, position_um, azimuth_deg (0 left in the plane, 90 towards smaller z), spine_class; every
        spine that stands in any session.
    states : DataFrame
        session, spine, present, head_diameter_um, protrusion_um.
    sessions : sequence of str
        In order of time; the first one defines the reference frame.
    settings : FovSettings
    rng : numpy.random.Generator
    brightness : mapping of str to float, optional
        Photons of a session relative to `photons_peak`; drawn for a session that is not named.

    Returns
    -------
    tuple of SimulatedSession
        One a session, in the order given.

    Raises
    ------
    InputError
        A session has no states, a dendrite does not fit in the field, or a spine is impossible.
    """
    missing = [name for name in sessions if not (states["session"] == name).any()]
    if missing:
        raise InputError(f"states: session {missing[0]} has no rows")
    field = settings.field_um
    for_anatomy, for_background, *for_sessions = rng.spawn(2 + len(sessions))
    anatomy = make_anatomy(dendrites, spines, field, settings.scene, for_anatomy)
    background = make_background(field, settings.scene, for_background)
    simulated = []
    for index, (name, stream) in enumerate(zip(sessions, for_sessions, strict=True)):
        mine = states[states["session"] == name].reset_index(drop=True)
        view = make_session(
            name,
            index == 0,
            settings.shape,
            settings.optics,
            settings.acquisition,
            stream,
            (brightness or {}).get(name),
        )
        seed = tuple(int(word) for word in stream.integers(0, 2**32, 4))
        place_spines(anatomy, mine)
        simulated.append(SimulatedSession(name, anatomy, background, mine, view, settings.scene, seed))
    return tuple(simulated)
