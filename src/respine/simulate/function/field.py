"""The tissue of a calcium field: an animal's cells, dendritic specks and haze, and how a new visit finds them.

Positions are um (z, y, x) from the centre of the field and from the plane that the microscope aims at. Legend of
shapes: C cells, S specks, H patches of haze, W waves of its texture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field
from scipy.spatial.distance import cdist

from respine.core.errors import InputError
from respine.simulate.settings_checked import CheckedSettings

_LOBES = np.array([2, 3, 4])
_TRIES = 200
_WAVES = 240


class FieldSettings(CheckedSettings):
    """Size of the field, the look of its cells, and how much differs between visits."""

    height_um: float = Field(512.0, gt=20)
    """Height of the image, um."""
    width_um: float = Field(512.0, gt=20)
    """Width of the image, um."""
    soma_radius_um: float = Field(6.0, gt=0)
    """Mean radius of a soma, um."""
    soma_radius_sd_um: float = Field(0.7, ge=0)
    """Standard deviation of that radius between cells, um."""
    outline_sd: float = Field(0.08, ge=0, le=0.3)
    """Departure of a soma's outline from a circle, relative to its radius."""
    nucleus_depth: float = Field(0.75, ge=0, le=1)
    """How dark the nucleus is: 1 holds no indicator, 0 as much as the rim."""
    filled_fraction: float = Field(0.05, ge=0, le=1)
    """Share of cells whose nucleus is filled with indicator."""
    min_distance_um: float = Field(8.0, ge=0)
    """Least distance between two somata in the image, um; below a diameter they overlap."""
    depth_sd_um: float = Field(3.0, ge=0)
    """Spread of the somata around the plane of the image, um."""
    brightness_log_sd: float = Field(0.35, ge=0, le=2)
    """Standard deviation of the logarithm of the cells' resting brightness."""
    vessels: int = Field(2, ge=0)
    """Blood vessels that cross the field as dark bands."""
    texture_sd: float = Field(0.15, ge=0, le=1)
    """Fine unevenness of the neuropil, relative to its level."""
    specks_per_cell: float = Field(4.0, ge=0)
    """Dendritic specks for each cell, half of them lit by its activity."""
    visit_shift_sd_um: float = Field(4.0, ge=0)
    """How far a visit misses the field, along each axis of the image, um."""
    visit_rotation_sd_deg: float = Field(0.8, ge=0, le=45)
    """How far a visit is rotated, degree."""
    visit_depth_sd_um: float = Field(1.0, ge=0)
    """How far a visit misses the plane, um."""
    cell_move_sd_um: float = Field(0.6, ge=0)
    """How far a cell has moved against the others by the next visit, along each axis, um."""
    cell_size_log_sd: float = Field(0.04, ge=0, le=1)
    """How much a cell's size differs between visits (standard deviation of the logarithm)."""
    cell_brightness_log_sd: float = Field(0.2, ge=0, le=2)
    """How much a cell's brightness differs between visits (standard deviation of the logarithm)."""


@dataclass(frozen=True, eq=False)
class CellField:
    """Cells, specks and haze of a field.

    Parameters
    ----------
    position_um : ndarray, shape (C, 3)
    radius_um : ndarray, shape (C,)
    outline : ndarray, shape (C, 3, 2)
        Amplitude (relative to the radius) and phase of the 2nd to 4th lobe of a soma's outline.
    nucleus_depth : ndarray, shape (C,)
    brightness : ndarray, shape (C,)
        Resting brightness, relative to the mean cell.
    speck_um : ndarray, shape (S, 3)
    speck_radius_um, speck_brightness : ndarray, shape (S,)
    speck_cell : ndarray of int, shape (S,)
        The cell whose activity lights a speck, or -1 for one that keeps still.
    haze_um : ndarray, shape (H, 2)
    haze_radius_um, haze_level : ndarray, shape (H,)
        Patches that brighten or darken the neuropil (logarithm of its level); a vessel is a chain of dark ones.
    wave : ndarray, shape (W, 3)
        Waves of its texture: wave vector (y, x), 1/um, and phase.
    wave_level : float
        Amplitude of each wave.
    """

    position_um: np.ndarray
    radius_um: np.ndarray
    outline: np.ndarray
    nucleus_depth: np.ndarray
    brightness: np.ndarray
    speck_um: np.ndarray
    speck_radius_um: np.ndarray
    speck_brightness: np.ndarray
    speck_cell: np.ndarray
    haze_um: np.ndarray
    haze_radius_um: np.ndarray
    haze_level: np.ndarray
    wave: np.ndarray
    wave_level: float

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.radius_um)


def place_cells(n_cells: int, settings: FieldSettings, rng: np.random.Generator) -> CellField:
    """Draw the cells of one animal's field; every session of the animal visits this field again.

    Raises
    ------
    InputError
        The cells do not fit with the least distance between them.
    """
    half = np.array([settings.height_um, settings.width_um]) / 2
    places = _apart(n_cells, half - settings.soma_radius_um, settings.min_distance_um, rng)
    if len(places) < n_cells:
        raise InputError(
            f"calcium field: {n_cells} cells at least {settings.min_distance_um:g} um apart do not fit into "
            f"{settings.height_um:g} x {settings.width_um:g} um; {len(places)} did"
        )
    depth = settings.depth_sd_um * rng.standard_normal(n_cells)
    lobes = np.stack(
        [
            settings.outline_sd * rng.standard_normal((n_cells, 3)) / np.sqrt(1 + np.arange(3)),
            rng.uniform(0, 2 * np.pi, (n_cells, 3)),
        ],
        axis=2,
    )
    filled = rng.random(n_cells) < settings.filled_fraction
    specks = int(settings.specks_per_cell * n_cells)
    haze_um, haze_radius_um, haze_level = _haze(half, settings.vessels, rng)
    shrink = settings.soma_radius_sd_um * np.clip(rng.standard_normal(n_cells), -2.5, 2.5)
    return CellField(
        position_um=np.column_stack([depth, places]),
        radius_um=np.maximum(settings.soma_radius_um + shrink, 0.4 * settings.soma_radius_um),
        outline=lobes,
        nucleus_depth=np.where(filled, 0.0, settings.nucleus_depth),
        brightness=np.exp(settings.brightness_log_sd * rng.standard_normal(n_cells)),
        speck_um=np.column_stack([3 * rng.standard_normal(specks), rng.uniform(-1.15, 1.15, (specks, 2)) * half]),
        speck_radius_um=rng.uniform(0.6, 1.6, specks),
        speck_brightness=np.exp(0.6 * rng.standard_normal(specks)) * 0.8,
        speck_cell=np.where(rng.random(specks) < 0.5, rng.integers(max(n_cells, 1), size=specks), -1),
        haze_um=haze_um,
        haze_radius_um=haze_radius_um,
        haze_level=haze_level,
        wave=_waves(rng),
        wave_level=settings.texture_sd * np.sqrt(2 / _WAVES),
    )


def _haze(half_um: np.ndarray, vessels: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw broad patches, and vessels as winding chains of small dark ones: places, radii and levels."""
    broad = 10 + int(4 * half_um.prod() / 150**2)
    places = [rng.uniform(-1.2, 1.2, (broad, 2)) * half_um]
    radii, levels = [rng.uniform(20, 80, broad)], [0.18 * rng.standard_normal(broad)]
    for _ in range(vessels):
        radius = rng.uniform(2.5, 6.0)
        steps = int(3.2 * np.linalg.norm(half_um) / radius)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(0.12 * rng.standard_normal(steps))
        path = np.cumsum(radius * np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)
        places.append(path - path[steps // 2] + rng.uniform(-0.7, 0.7, 2) * half_um)
        radii.append(np.full(steps, radius))
        levels.append(np.full(steps, -0.5))
    return np.concatenate(places), np.concatenate(radii), np.concatenate(levels)


def _waves(rng: np.random.Generator) -> np.ndarray:
    """Draw waves 4 to 25 um long in all directions, shape (W, 3)."""
    number = 2 * np.pi / np.exp(rng.uniform(np.log(4), np.log(25), _WAVES))
    direction, phase = rng.uniform(0, 2 * np.pi, (2, _WAVES))
    return np.stack([number * np.sin(direction), number * np.cos(direction), phase], axis=1)


def _apart(count: int, half_um: np.ndarray, distance_um: float, rng: np.random.Generator) -> np.ndarray:
    """Draw places in a rectangle, none closer to another than this distance, as many as fit, shape (<= count, 2)."""
    places = np.zeros((0, 2))
    for _ in range(_TRIES * max(count, 1)):
        if len(places) == count:
            break
        place = rng.uniform(-half_um, half_um)
        if len(places) == 0 or cdist(places, place[None]).min() >= distance_um:
            places = np.concatenate([places, place[None]])
    return places


@dataclass(frozen=True)
class Pose:
    """How a visit lies against the animal's field: rotation about the centre, then a shift."""

    rotation_deg: float
    shift_um: tuple[float, float, float]

    @property
    def turn(self) -> np.ndarray:
        """The rotation of (y, x), shape (2, 2)."""
        angle = np.deg2rad(self.rotation_deg)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def apply(self, points_um: np.ndarray) -> np.ndarray:
        """Take points (N, 3) of the field to where this visit shows them, (N, 3), um."""
        return np.column_stack([points_um[:, 0], points_um[:, 1:] @ self.turn.T]) + self.shift_um


def revisit(field: CellField, settings: FieldSettings, rng: np.random.Generator) -> tuple[CellField, Pose]:
    """Return the field as one visit finds it: displaced, rotated, its cells a little changed."""
    cells = field.n_cells
    pose = Pose(
        float(settings.visit_rotation_sd_deg * rng.standard_normal()),
        (
            float(settings.visit_depth_sd_um * rng.standard_normal()),
            *(settings.visit_shift_sd_um * rng.standard_normal(2)).tolist(),
        ),
    )
    moved = field.position_um + settings.cell_move_sd_um * rng.standard_normal((cells, 3))
    haze = pose.apply(np.column_stack([np.zeros(len(field.haze_um)), field.haze_um]))[:, 1:]
    waves = field.wave[:, :2] @ pose.turn.T
    phase = field.wave[:, 2] - waves @ pose.shift_um[1:]
    brightness = field.brightness * np.exp(settings.cell_brightness_log_sd * rng.standard_normal(cells))
    visit = replace(
        field,
        position_um=pose.apply(moved),
        radius_um=field.radius_um * np.exp(settings.cell_size_log_sd * rng.standard_normal(cells)),
        brightness=brightness,
        speck_um=pose.apply(field.speck_um),
        haze_um=haze,
        wave=np.column_stack([waves, phase]),
    )
    return visit, pose


def outline_radius(outline: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return a soma's radius in the direction of an angle, relative to its mean radius."""
    lobes = outline[:, 0] * np.cos(np.multiply.outer(angle, _LOBES) + outline[:, 1])
    return 1 + lobes.sum(axis=-1)
