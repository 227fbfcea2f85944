"""A calcium movie of one dendrite: spines with signals of their own, and events that spread back into all of them.

Legend of shapes: T frames, S spines, V events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.function.detector import DetectorSettings
from respine.simulate.function.footprints import Canvas, gather
from respine.simulate.function.kinetics import IndicatorSettings, simulate_fluorescence
from respine.simulate.function.motion import Motion, MotionSettings, simulate_motion
from respine.simulate.function.scene import Scene, margin_px
from respine.simulate.settings_checked import CheckedSettings

BACK_PROPAGATING = -1
"""The spine of an event that spreads through the whole dendrite."""
_FWHM = 2 * np.sqrt(2 * np.log(2))
_FAINTEST = 0.01


class SpineMovieSettings(CheckedSettings):
    """A calcium movie of a dendrite and its spines."""

    duration_s: float = Field(180.0, gt=0)
    """Length of the movie, s."""
    frame_rate_hz: float = Field(10.0, gt=0, le=200)
    """Frames a second, Hz."""
    pixel_um: float = Field(0.2, gt=0, le=1)
    """Size of a pixel, um."""
    height_um: float = Field(24.0, gt=8)
    """Height of the image, um."""
    width_um: float = Field(64.0, gt=8)
    """Width of the image, along the dendrite, um."""
    psf_fwhm_um: float = Field(0.55, gt=0)
    """Lateral width of the point-spread function at half maximum, um."""
    shaft_radius_um: float = Field(0.45, gt=0)
    """Radius of the shaft, um."""
    head_radius_um: float = Field(0.35, gt=0)
    """Mean radius of a spine's head, um."""
    protrusion_um: float = Field(1.3, gt=0)
    """Mean distance of a head's centre from the axis of the shaft, um."""
    min_gap_um: float = Field(1.0, ge=0)
    """Least distance between two spines along the dendrite, um."""
    own_rate_hz: float = Field(0.06, ge=0)
    """Rate of the events of a functional spine's own, Hz."""
    own_amplitude: float = Field(0.5, gt=0)
    """Mean peak dF/F of such an event."""
    back_rate_hz: float = Field(0.05, ge=0)
    """Rate of the events that spread through the dendrite, Hz."""
    back_ratio: float = Field(5.0, gt=0)
    """Their mean peak dF/F in shaft and spines against that of a spine's own events."""
    amplitude_log_sd: float = Field(0.3, ge=0, le=2)
    """Standard deviation of the logarithm of the events' amplitudes."""
    photons_per_pixel: float = Field(4.0, gt=0)
    """Photons of the shaft's brightest pixels at rest, of one frame."""
    background_photons: float = Field(0.4, ge=0)
    """Photons of a typical pixel beside the dendrite, of one frame."""
    focus_um: float = Field(1.5, gt=0)
    """Distance along the axis over which the light falls (standard deviation of a Gaussian), um."""
    indicator: IndicatorSettings = IndicatorSettings(amplitude=1.0)
    """Kinetics of the indicator; its amplitude multiplies those of the events."""
    motion: MotionSettings = MotionSettings(
        jitter_um=0.12, drift_um=0.4, struggle_um=0.8, z_jitter_um=0.1, z_drift_um=0.3, z_struggle_um=0.6
    )
    """The motion."""
    detector: DetectorSettings = DetectorSettings()
    """The detector."""


SPINE_MOVIE_SIZES = {
    "full": SpineMovieSettings(),
    "small": SpineMovieSettings(duration_s=60.0, height_um=16.0, width_um=32.0),
}


@dataclass(frozen=True, eq=False)
class SpineLayout:
    """A dendrite and its spines as all sessions show them.

    Parameters
    ----------
    wiggle : ndarray, shape (waves, 4)
        How the shaft winds and varies: wave number (1/um), height (um), swelling and phase of each wave.
    position_um : ndarray, shape (S,)
        Of each spine along the image's width, from its middle, um.
    reach_um : ndarray, shape (S,)
        From the axis of the shaft to the centre of the head, negative above the shaft, um.
    head_radius_um : ndarray, shape (S,)
    haze : ndarray, shape (H, 4)
        Light beside the dendrite, from other processes in and out of focus: place (y, x) from the middle of the
        image, radius, um, and brightness relative to the background.
    """

    wiggle: np.ndarray
    position_um: np.ndarray
    reach_um: np.ndarray
    head_radius_um: np.ndarray
    haze: np.ndarray

    def select(self, which: np.ndarray) -> SpineLayout:
        """Return the layout with only some of the spines, by index or flag."""
        return replace(
            self,
            position_um=self.position_um[which],
            reach_um=self.reach_um[which],
            head_radius_um=self.head_radius_um[which],
        )

    def axis(self, x_um: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return points (y, x) on the axis of the shaft, its unit normals there, and its brightness, length N each."""
        number, height, swelling, phase = self.wiggle.T
        angle = np.outer(x_um, number) + phase
        y = np.sin(angle) @ height
        slope = np.cos(angle) @ (number * height)
        normal = np.stack([np.ones_like(slope), -slope], axis=1) / np.hypot(1, slope)[:, None]
        return np.stack([y, x_um], axis=1), normal, np.exp(np.cos(2 * angle) @ swelling)

    @property
    def base_um(self) -> np.ndarray:
        """The axis of the shaft beneath each spine, shape (S, 2)."""
        return self.axis(self.position_um)[0]

    @property
    def head_um(self) -> np.ndarray:
        """The centre of each head, shape (S, 2)."""
        base, normal, _ = self.axis(self.position_um)
        return base + self.reach_um[:, None] * normal


@dataclass(frozen=True, eq=False)
class SpineMovieTruth:
    """Everything that is true of one movie of a dendrite.

    Parameters
    ----------
    frame_time_s : ndarray, shape (T,)
        Middle of every frame, s.
    layout : SpineLayout
    event_spine, event_time_s, event_amplitude : ndarray, shape (V,)
        Spine (or BACK_PROPAGATING), time and peak dF/F of every event, in order of time.
    dff, own_dff : ndarray, shape (T, S)
        dF/F of each spine, and the part that is its own.
    shaft_dff : ndarray, shape (T,)
    motion : Motion
    scene : Scene
    """

    frame_time_s: np.ndarray
    layout: SpineLayout
    event_spine: np.ndarray
    event_time_s: np.ndarray
    event_amplitude: np.ndarray
    dff: np.ndarray
    own_dff: np.ndarray
    shaft_dff: np.ndarray
    motion: Motion
    scene: Scene


def lay_out_spines(spines: int | np.ndarray, settings: SpineMovieSettings, rng: np.random.Generator) -> SpineLayout:
    """Draw a dendrite and the spines on it, once for all sessions.

    Parameters
    ----------
    spines : int or ndarray, shape (S,)
        Number of spines, placed by chance; or their positions along the image's width, from its middle, um.

    Raises
    ------
    InputError
        The spines do not fit on the dendrite, or a position lies outside the image.
    """
    number = 2 * np.pi / settings.width_um * np.array([0.6, 1.3, 2.2, 4.1, 7.3])
    height = 0.05 * settings.height_um * np.abs(rng.standard_normal(5)) * np.array([1.5, 0.8, 0.3, 0.06, 0.02])
    wiggle = np.stack([number, height, 0.09 * rng.standard_normal(5), rng.uniform(0, 2 * np.pi, 5)], axis=1)
    position = _spaced(spines, settings, rng) if isinstance(spines, int) else np.asarray(spines, float)
    outside = np.abs(position) > settings.width_um / 2
    if outside.any():
        raise InputError(
            f"spine movie: {int(outside.sum())} of {len(position)} positions lie outside the image, "
            f"{settings.width_um:g} um wide"
        )
    side = rng.choice([-1.0, 1.0], len(position))
    reach = settings.protrusion_um * np.exp(0.15 * rng.standard_normal(len(position)))
    radius = settings.head_radius_um * np.exp(0.2 * rng.standard_normal(len(position)))
    return SpineLayout(wiggle, position, side * reach, radius, _draw_haze(settings, rng))


def simulate_spine_movie(
    functional: np.ndarray,
    layout: SpineLayout,
    bouts: Bouts | None,
    settings: SpineMovieSettings,
    rng: np.random.Generator,
) -> SpineMovieTruth:
    """Draw a movie of one dendrite; `render_frames(truth.scene, truth.motion, ...)` makes its frames.

    Parameters
    ----------
    functional : ndarray of bool, shape (S,)
        Spines with events of their own; the others are silent and only show what spreads back.
    layout : SpineLayout
        Dendrite and spines, as many.
    bouts : Bouts or None
        Struggling during the recording.

    Raises
    ------
    InputError
        The layout has another number of spines.
    """
    count = len(functional)
    if len(layout.position_um) != count:
        raise InputError(f"spine movie: {count} spines need a layout of as many; found {len(layout.position_um)}")
    frames = max(round(settings.duration_s * settings.frame_rate_hz), 1)
    start = np.arange(frames) / settings.frame_rate_hz
    middle = start + 0.5 / settings.frame_rate_hz
    spine, time_s, amplitude = _draw_events(functional, settings, rng)
    courses = np.zeros((frames, count + 1))
    for source in range(count + 1):
        mine = spine == source - 1
        courses[:, source] = _scaled(time_s[mine], amplitude[mine], middle, settings)
    shaft_dff, own_dff = courses[:, 0], courses[:, 1:]
    dff = own_dff + shaft_dff[:, None]
    motion = simulate_motion(start, bouts, settings.motion, rng)
    scene = _scene(settings, motion, layout, shaft_dff, dff)
    return SpineMovieTruth(middle, layout, spine, time_s, amplitude, dff, own_dff, shaft_dff, motion, scene)


def _spaced(count: int, settings: SpineMovieSettings, rng: np.random.Generator) -> np.ndarray:
    room = settings.width_um - 4 - count * settings.min_gap_um
    if room < 0:
        raise InputError(
            f"spine movie: {count} spines at least {settings.min_gap_um:g} um apart need a width of "
            f"{4 + count * settings.min_gap_um:g} um; found width_um {settings.width_um:g}"
        )
    free = np.sort(rng.uniform(0, room, count))
    return free + (np.arange(count) + 0.5) * settings.min_gap_um + 2 - settings.width_um / 2


def _draw_haze(settings: SpineMovieSettings, rng: np.random.Generator) -> np.ndarray:
    """Draw broad patches and a few small bright spots, shape (H, 4)."""
    broad = max(int(settings.height_um * settings.width_um / 60), 1)
    small = max(broad // 3, 1)
    half = 0.6 * np.array([settings.height_um, settings.width_um])
    place = rng.uniform(-half, half, (broad + small, 2))
    radius = np.concatenate([rng.uniform(2, 7, broad), rng.uniform(0.3, 0.6, small)])
    level = np.concatenate([0.5 * rng.standard_exponential(broad), 1.5 * rng.standard_exponential(small)])
    return np.column_stack([place, radius, level])


def _draw_events(
    functional: np.ndarray, settings: SpineMovieSettings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw spine, time and amplitude of all events, in order of time."""
    rate = np.concatenate([[settings.back_rate_hz], settings.own_rate_hz * np.asarray(functional, float)])
    counts = rng.poisson(rate * settings.duration_s)
    spine = np.repeat(np.arange(-1, len(functional)), counts)
    time_s = rng.uniform(0, settings.duration_s, len(spine))
    mean = settings.own_amplitude * np.where(spine == BACK_PROPAGATING, settings.back_ratio, 1.0)
    spread = settings.amplitude_log_sd
    amplitude = mean * np.exp(spread * rng.standard_normal(len(spine)) - spread**2 / 2)
    order = np.argsort(time_s, kind="stable")
    return spine[order], time_s[order], amplitude[order]


def _scaled(
    time_s: np.ndarray, amplitude: np.ndarray, frame_time_s: np.ndarray, settings: SpineMovieSettings
) -> np.ndarray:
    events = np.arange(len(time_s))
    return simulate_fluorescence(events, time_s, len(time_s), frame_time_s, settings.indicator) @ amplitude


def _scene(
    settings: SpineMovieSettings,
    motion: Motion,
    layout: SpineLayout,
    shaft_dff: np.ndarray,
    dff: np.ndarray,
) -> Scene:
    margin = margin_px(motion, settings.pixel_um)
    rows, columns = (
        round(length / settings.pixel_um) + 2 * margin for length in (settings.height_um, settings.width_um)
    )
    canvas = Canvas((rows, columns), settings.pixel_um)
    blur = settings.psf_fwhm_um / _FWHM
    y, x = canvas.axes_um()
    axis, normal, swelling = layout.axis(x)
    distance = (y[:, None] - axis[:, 0]) * normal[:, 0]
    shaft = swelling * np.exp(-(distance**2) / (2 * (blur**2 + settings.shaft_radius_um**2 / 4)))
    spread = 2 * layout.haze[:, 2] ** 2
    tall = np.exp(-((y[:, None] - layout.haze[:, 0]) ** 2) / spread)
    wide = np.exp(-((x[:, None] - layout.haze[:, 1]) ** 2) / spread)
    spines = zip(layout.base_um, layout.head_um, layout.head_radius_um, strict=True)
    footprints = [_spine_footprint(*spine, blur, canvas) for spine in spines]
    focus = np.exp(-(motion.z_um**2) / (2 * settings.focus_um**2))
    return Scene(
        still=settings.background_photons * (0.6 + (tall * layout.haze[:, 3]) @ wide.T),
        maps=settings.photons_per_pixel * shaft[None],
        map_course=(focus * (1 + shaft_dff))[:, None],
        sources=gather(footprints, np.full(len(footprints), settings.photons_per_pixel)),
        source_course=focus[:, None] * (1 + dff),
        fade=np.ones(len(dff)),
        margin=margin,
        pixel_um=settings.pixel_um,
    )


def _spine_footprint(
    base_um: np.ndarray, head_um: np.ndarray, radius_um: float, blur_um: float, canvas: Canvas
) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and weights of a head and its thin neck; their peak follows from the head's volume."""
    variance = blur_um**2 + radius_um**2 / 5
    index, y, x = canvas.around(head_um, 4 * np.sqrt(variance))
    volume = (4 / 3 * np.pi * radius_um**3) / (2 * np.pi * variance * 2 * radius_um)
    weight = volume * np.exp(-(y**2 + x**2) / (2 * variance))
    reach = base_um - head_um
    along = np.clip((y * reach[0] + x * reach[1]) / (reach @ reach), 0, 1)
    beside = (y - along * reach[0]) ** 2 + (x - along * reach[1]) ** 2
    weight = np.maximum(weight, 0.15 * np.exp(-beside / (2 * blur_um**2)))
    seen = weight > _FAINTEST
    return index[seen], weight[seen]
