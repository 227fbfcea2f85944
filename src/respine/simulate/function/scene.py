"""The frames of a movie: a still image, maps and sources that change with time, all displaced by the motion.

The expected photons of a frame are fade(t) * [ still + sum_k maps_k map_course_k(t) + sum_s source_s course_s(t) ],
sampled where the tissue of each pixel was at rest. Every frame is made alone and draws its noise in turn, so that the
size of a chunk changes no byte. Legend of shapes: T frames, Y x X pixels of a frame, M margin, K maps, N sources, P
pixels of all sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from respine.core.errors import InputError
from respine.simulate.function.detector import DetectorSettings, detect
from respine.simulate.function.motion import Motion


@dataclass(frozen=True, eq=False)
class Sources:
    """Light of many small objects, each a list of pixels.

    Parameters
    ----------
    first : ndarray of int, shape (N + 1,)
        Where the pixels of each source begin in the two next arrays.
    pixel : ndarray of int, shape (P,)
        Index into the flattened canvas.
    value : ndarray, shape (P,)
        Expected photons there while the course of the source is 1.
    """

    first: np.ndarray
    pixel: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, eq=False)
class Scene:
    """All light of a movie; the canvas is the frame with a margin on every side.

    Parameters
    ----------
    still : ndarray, shape (Y + 2M, X + 2M)
        Expected photons that do not change.
    maps : ndarray, shape (K, Y + 2M, X + 2M)
    map_course : ndarray, shape (T, K)
    sources : Sources
    source_course : ndarray, shape (T, N)
    fade : ndarray, shape (T,)
        Bleaching, 1 at the start.
    margin : int
        M, pixels.
    pixel_um : float
    """

    still: np.ndarray
    maps: np.ndarray
    map_course: np.ndarray
    sources: Sources
    source_course: np.ndarray
    fade: np.ndarray
    margin: int
    pixel_um: float

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Pixels of a frame, (Y, X)."""
        rows, columns = self.still.shape
        return rows - 2 * self.margin, columns - 2 * self.margin


def expected_photons(scene: Scene, motion: Motion, frame: int) -> np.ndarray:
    """Return the expected photons of one frame, shape (Y, X)."""
    canvas = scene.still.copy()
    course = np.ascontiguousarray(scene.source_course[frame])
    _add_maps(canvas, scene.maps, np.ascontiguousarray(scene.map_course[frame]))
    _add_sources(canvas.ravel(), scene.sources.first, scene.sources.pixel, scene.sources.value, course)
    out = np.empty(scene.frame_shape)
    edges = motion.edge_um[frame : frame + 2] / scene.pixel_um
    _sample(canvas, edges, motion.bend_um[frame] / scene.pixel_um, scene.margin, scene.fade[frame], out)
    return out


def render_frames(
    scene: Scene, motion: Motion, settings: DetectorSettings, rng: np.random.Generator, chunk_frames: int = 64
) -> Iterator[np.ndarray]:
    """Make the movie in chunks of frames, each of shape (frames, Y, X), uint16.

    Raises
    ------
    InputError
        The motion reaches beyond the margin of the scene.
    """
    if motion.largest_um / scene.pixel_um > scene.margin - 1:
        raise InputError(
            f"movie: the motion of {motion.largest_um:.2f} um needs a margin of "
            f"{margin_px(motion, scene.pixel_um)} pixels; found {scene.margin}"
        )
    frames = len(scene.fade)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        chunk = np.empty((last - first, *scene.frame_shape), np.uint16)
        for frame in range(first, last):
            chunk[frame - first] = detect(expected_photons(scene, motion, frame), settings, rng)
        yield chunk


def margin_px(motion: Motion, pixel_um: float) -> int:
    """Return the margin that a scene needs for this motion, pixels."""
    return int(np.ceil(motion.largest_um / pixel_um)) + 2


@njit(cache=True)
def _add_maps(canvas, maps, course):
    for k in range(maps.shape[0]):
        weight = course[k]
        for y in range(canvas.shape[0]):
            for x in range(canvas.shape[1]):
                canvas[y, x] += weight * maps[k, y, x]


@njit(cache=True)
def _add_sources(flat, first, pixel, value, course):
    for source in range(len(first) - 1):
        for entry in range(first[source], first[source + 1]):
            flat[pixel[entry]] += course[source] * value[entry]


@njit(cache=True)
def _sample(canvas, edges, bend, margin, fade, out):
    rows, columns = out.shape
    for y in range(rows):
        late = (y + 0.5) / rows
        v = 2 * late - 1
        wave = np.cos(np.pi * v)
        row_y = (1 - late) * edges[0, 0] + late * edges[1, 0] + bend[0, 1] * v + bend[0, 3] * wave
        row_x = (1 - late) * edges[0, 1] + late * edges[1, 1] + bend[1, 1] * v + bend[1, 3] * wave
        slope_y = bend[0, 0] + bend[0, 2] * v
        slope_x = bend[1, 0] + bend[1, 2] * v
        for x in range(columns):
            u = 2 * (x + 0.5) / columns - 1
            at_y = y + margin - row_y - slope_y * u
            at_x = x + margin - row_x - slope_x * u
            j, i = int(at_y), int(at_x)
            fy, fx = at_y - j, at_x - i
            top = (1 - fx) * canvas[j, i] + fx * canvas[j, i + 1]
            bottom = (1 - fx) * canvas[j + 1, i] + fx * canvas[j + 1, i + 1]
            out[y, x] = max(fade * ((1 - fy) * top + fy * bottom), 0.0)
