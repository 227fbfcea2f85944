"""Traced dendrites: centre lines with radius, and the graph that they form."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from respine.core.errors import InputError
from respine.core.geometry import arc_length_um


@dataclass(frozen=True, eq=False)
class Dendrite:
    """A traced segment between two nodes of the dendritic tree.

    Parameters
    ----------
    name : str
        Its identity, the same in every session of the field of view.
    points_um : ndarray, shape (N, 3)
        Centre line (z, y, x), um, in order along the segment, N >= 2.
    radius_um : ndarray, shape (N,)
        Radius of the shaft at each point, um.
    parent : str or None
        The dendrite that this one leaves from, where it is known.

    Raises
    ------
    InputError
        The arrays do not match, hold NaN, or the line has no length.
    """

    name: str
    points_um: np.ndarray
    radius_um: np.ndarray
    parent: str | None = None

    def __post_init__(self) -> None:
        points = np.array(self.points_um, dtype=float)
        radius = np.array(self.radius_um, dtype=float)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2:
            raise InputError(f"dendrite {self.name}: expected >= 2 points (z, y, x); found shape {points.shape}")
        if radius.shape != (len(points),):
            raise InputError(f"dendrite {self.name}: {len(points)} points but {radius.size} radii")
        if not (np.isfinite(points).all() and np.isfinite(radius).all()):
            raise InputError(f"dendrite {self.name}: a point or radius is not finite")
        if arc_length_um(points)[-1] <= 0:
            raise InputError(f"dendrite {self.name}: its points all coincide, so it has no length")
        points.flags.writeable = radius.flags.writeable = False
        object.__setattr__(self, "points_um", points)
        object.__setattr__(self, "radius_um", radius)

    @property
    def length_um(self) -> float:
        """Length in three dimensions, um."""
        return float(arc_length_um(self.points_um)[-1])


@dataclass(frozen=True)
class Tracing:
    """The dendrites of a field of view, each name once.

    Raises
    ------
    InputError
        Two dendrites share a name, or a parent is not among them.
    """

    dendrites: tuple[Dendrite, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "dendrites", tuple(self.dendrites))
        names = [d.name for d in self.dendrites]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise InputError(f"dendrite names must be unique; found twice: {', '.join(twice)}")
        orphans = [d.name for d in self.dendrites if d.parent is not None and d.parent not in names]
        if orphans:
            raise InputError(f"the parent of dendrite {orphans[0]} is not in the tracing")

    def __iter__(self):
        return iter(self.dendrites)

    def __len__(self) -> int:
        return len(self.dendrites)

    def __getitem__(self, name: str) -> Dendrite:
        for dendrite in self.dendrites:
            if dendrite.name == name:
                return dendrite
        raise KeyError(name)

    @property
    def length_um(self) -> float:
        """Summed length of all dendrites, um."""
        return sum(d.length_um for d in self.dendrites)
