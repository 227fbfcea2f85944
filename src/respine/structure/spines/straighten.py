"""Dendrites pulled straight: the image around a centre line, on axes that all sessions share.

A ribbon has the axes (position, lateral, axial): distance along the dendrite of the reference frame, signed
distance from the shaft's axis in the image plane (positive to the left of its direction), and distance along z.
The steps are in micrometres and the same for every microscope, so that what looks at ribbons need not know the
voxel size, and the same index means the same tissue in every session. Points are (z, y, x) in um.

Symbols: P positions, L lateral offsets, A axial offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates

from respine.core.dendrite import Dendrite
from respine.core.geometry import arc_length_um, planar_normals, points_at, project_on_line, resample_line
from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.core.warp import Warp

_CHUNK_POSITIONS = 512


class StraightenSettings(StageSettings):
    """How dendrites are pulled straight."""

    position_step_um: float = 0.1
    """Distance between positions along the dendrite."""
    lateral_step_um: float = 0.1
    """Distance between lateral offsets."""
    lateral_reach_um: float = 4.0
    """Largest lateral offset to either side."""
    axial_step_um: float = 0.5
    """Distance between axial offsets."""
    axial_reach_um: float = 3.0
    """Largest axial offset up and down."""
    bend_um: float = 1.0
    """Standard deviation over which the direction of the centre line is smoothed before its normals are taken."""
    edge_um: float = 0.5
    """What lies nearer than this to the edge of the stack cannot be scored."""


@dataclass(frozen=True, eq=False)
class Ribbon:
    """The straightened image of one dendrite in one session.

    Parameters
    ----------
    dendrite : str
    values : ndarray, shape (P, L, A), float32
        Intensity; NaN where it cannot be scored: outside the stack or too near its edge.
    position_um, lateral_um, axial_um : ndarray, shapes (P,), (L,), (A,)
        The axes.
    line_um : ndarray, shape (P, 3)
        Where each position of the axis lies in the session's raw stack.
    normal : ndarray, shape (P, 2)
        Unit vectors (y, x) of the lateral direction in the raw stack.
    radius_um : ndarray, shape (P,)
        Radius of the shaft.
    """

    dendrite: str
    values: np.ndarray
    position_um: np.ndarray
    lateral_um: np.ndarray
    axial_um: np.ndarray
    line_um: np.ndarray
    normal: np.ndarray
    radius_um: np.ndarray

    @property
    def step_um(self) -> np.ndarray:
        """Steps of the axes (position, lateral, axial), um."""
        return np.array([axis[1] - axis[0] for axis in (self.position_um, self.lateral_um, self.axial_um)])

    def index_of(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, columns and planes, each of shape (M,), nearest to places (position, lateral, axial), shape (M, 3)."""
        axes = (self.position_um, self.lateral_um, self.axial_um)
        row, column, plane = (
            np.abs(axis - at[:, None]).argmin(axis=1) for axis, at in zip(axes, places.T, strict=True)
        )
        return row, column, plane

    def to_raw(self, position_um: np.ndarray, lateral_um: np.ndarray, axial_um: np.ndarray) -> np.ndarray:
        """Take ribbon coordinates, each of shape (M,), to points of the raw stack, shape (M, 3), um."""
        on_line = self._at(self.line_um, position_um)
        on_line[:, 0] += axial_um
        on_line[:, 1:] += np.asarray(lateral_um)[:, None] * self._at(self.normal, position_um)
        return on_line

    def from_raw(self, points_um: np.ndarray) -> np.ndarray:
        """Take points of the raw stack, shape (M, 3), to (position, lateral, axial), shape (M, 3), um.

        The foot of a point is the nearest point of the axis as seen in the image plane.
        """
        points = np.asarray(points_um, float)
        flat_line = self.line_um * (0.0, 1.0, 1.0)
        along, _ = project_on_line(points * (0.0, 1.0, 1.0), flat_line)
        position = np.interp(along, arc_length_um(flat_line), self.position_um)
        offset = points - self._at(self.line_um, position)
        lateral = (offset[:, 1:] * self._at(self.normal, position)).sum(axis=1)
        return np.stack([position, lateral, offset[:, 0]], axis=1)

    def _at(self, values: np.ndarray, position_um: np.ndarray) -> np.ndarray:
        axes = [np.interp(position_um, self.position_um, column) for column in values.T]
        return np.stack(axes, axis=1)


def straighten_dendrite(
    reference: Dendrite,
    fitted: Dendrite,
    warp: Warp,
    stack: Stack,
    settings: StraightenSettings = StraightenSettings(),  # noqa: B008
) -> Ribbon:
    """Sample the image of one session around a dendrite.

    Parameters
    ----------
    reference : Dendrite
        In the reference frame; its arc length makes the position axis.
    fitted : Dendrite
        The same dendrite in the session's raw stack; says where the shaft runs.
    warp : Warp
        Reference frame to raw stack; says how far along the shaft each position lies.
    stack : Stack
        The session's raw stack.

    Returns
    -------
    Ribbon
    """
    line = _line_in_session(reference, fitted, warp, settings)
    position = np.arange(len(line)) * settings.position_step_um
    smooth = gaussian_filter1d(line, settings.bend_um / settings.position_step_um, axis=0, mode="nearest")
    normal = planar_normals(smooth)
    radius = np.interp(project_on_line(line, fitted.points_um)[0], arc_length_um(fitted.points_um), fitted.radius_um)
    lateral = _symmetric_axis(settings.lateral_reach_um, settings.lateral_step_um)
    axial = _symmetric_axis(settings.axial_reach_um, settings.axial_step_um)
    values = np.empty((len(line), len(lateral), len(axial)), np.float32)
    for start in range(0, len(line), _CHUNK_POSITIONS):
        part = slice(start, start + _CHUNK_POSITIONS)
        values[part] = _sample(stack, line[part], normal[part], lateral, axial, settings.edge_um)
    return Ribbon(reference.name, values, position, lateral, axial, line, normal, radius)


def _line_in_session(reference: Dendrite, fitted: Dendrite, warp: Warp, settings: StraightenSettings) -> np.ndarray:
    """Points of the session's shaft at equal steps of arc length in the reference frame, shape (P, 3)."""
    count = max(int(reference.length_um / settings.position_step_um), 1) + 1
    at = np.arange(count) * settings.position_step_um
    warped = warp.apply(points_at(resample_line(reference.points_um, settings.position_step_um), at))
    along, _ = project_on_line(warped, fitted.points_um)
    # The foot on a bent line can jump back; the order along the shaft must not.
    return points_at(fitted.points_um, np.maximum.accumulate(along))


def _symmetric_axis(reach_um: float, step_um: float) -> np.ndarray:
    steps = round(reach_um / step_um)
    return np.arange(-steps, steps + 1) * step_um


def _sample(
    stack: Stack, line: np.ndarray, normal: np.ndarray, lateral: np.ndarray, axial: np.ndarray, edge_um: float
) -> np.ndarray:
    shape = (len(line), len(lateral), len(axial))
    z = line[:, None, None, 0] + axial[None, None, :]
    y = line[:, None, None, 1] + (normal[:, 0, None] * lateral)[:, :, None]
    x = line[:, None, None, 2] + (normal[:, 1, None] * lateral)[:, :, None]
    points = np.stack([np.broadcast_to(axis, shape) for axis in (z, y, x)], axis=-1).reshape(-1, 3)
    voxel = stack.to_voxel(points)
    # Only the block of the stack that the samples touch is copied to float, so memory follows the chunk.
    low = np.clip(np.floor(voxel.min(axis=0)).astype(int) - 1, 0, np.array(stack.shape) - 1)
    high = np.clip(np.ceil(voxel.max(axis=0)).astype(int) + 2, 1, stack.shape)
    block = np.asarray(stack.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], np.float32)
    values = map_coordinates(block, (voxel - low).T, order=1, mode="nearest", prefilter=False)
    values[stack.distance_to_edge_um(points) < edge_um] = np.nan
    return values.reshape(shape)
