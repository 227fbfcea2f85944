"""All that shines in one session, in the reference frame, and where its spines are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.simulate.structure.anatomy import Anatomy
from respine.simulate.structure.background import Background
from respine.simulate.structure.blobs import Blobs, fill_tube, join_blobs
from respine.simulate.structure.settings import SceneSettings
from respine.simulate.structure.spines import draw_spines, place_spines


@dataclass(frozen=True, eq=False)
class Scene:
    """One session before the microscope.

    Parameters
    ----------
    anatomy : Anatomy
    spines : DataFrame
        Every spine of the session with its state and its places in the reference frame (`place_spines`).
    cells : Blobs
        Shafts and spines.
    background : Blobs
        Everything else.
    """

    anatomy: Anatomy
    spines: pd.DataFrame
    cells: Blobs
    background: Blobs


def build_scene(
    anatomy: Anatomy,
    states: pd.DataFrame,
    background: Background,
    settings: SceneSettings,
    rng: np.random.Generator,
) -> Scene:
    """Assemble one session of a field of view.

    Parameters
    ----------
    anatomy : Anatomy
    states : DataFrame
        spine, present, head_diameter_um, protrusion_um.
    background : Background
    settings : SceneSettings
    rng : numpy.random.Generator

    Returns
    -------
    Scene
    """
    placed = place_spines(anatomy, states)
    change = np.exp(settings.session_spine_log_sd * rng.standard_normal(len(placed)))
    spines = draw_spines(placed, placed["concentration"].to_numpy() * change)
    cells = join_blobs([*_shafts(anatomy, 1.0), spines])
    return Scene(anatomy, placed, cells, background.in_session(rng))


def build_label_scene(scene: Scene, label: pd.DataFrame, shaft: float, bleed_through: float) -> Scene:
    """Assemble the second channel of a session: a probe in some spines, a trace of it in the shafts, bleed-through.

    Parameters
    ----------
    scene : Scene
        The structural channel of the same session.
    label : DataFrame
        spine and label: concentration of the probe in each labelled spine, relative to the fluorophore of a
        reference shaft in the structural channel. A spine that is not named holds none.
    shaft : float
        The same in the shafts.
    bleed_through : float
        Share of the structural signal that passes the filter of this channel.

    Returns
    -------
    Scene

    Raises
    ------
    InputError
        A labelled spine is not among the spines of the session.
    """
    unknown = sorted(set(label["spine"]) - set(scene.spines["spine"]))
    if unknown:
        raise InputError(f"label: spine {unknown[0]} is not among the spines of this session")
    level = scene.spines["spine"].map(dict(zip(label["spine"], label["label"], strict=True))).fillna(0.0)
    probe = draw_spines(scene.spines, level.to_numpy(float))
    leaked = [_scaled(scene.cells, bleed_through), *_shafts(scene.anatomy, shaft)]
    return Scene(scene.anatomy, scene.spines, join_blobs([*leaked, probe]), _scaled(scene.background, bleed_through))


def _scaled(blobs, factor):
    return Blobs(blobs.points_um, factor * blobs.mass, blobs.spread_um, blobs.role)


def _shafts(anatomy, level):
    return [fill_tube(d.points_um, d.radius_um, level * anatomy.concentration[d.name]) for d in anatomy.tracing]
