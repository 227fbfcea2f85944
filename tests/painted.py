"""Stacks painted by closed forms, for tests that need to know where everything is."""

from dataclasses import dataclass

import numpy as np

from respine.core.dendrite import Dendrite
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.spines.straighten import straighten_dendrite

VOXEL_UM = (1.0, 0.12, 0.12)
SHAFT, BACKGROUND = 100.0, 2.0
Z_UM, Y_UM = 10.0, 9.0  # where the shaft runs, along x


@dataclass(frozen=True)
class Spot:
    """A spine: a head of `sigma_um` at x = position, `lateral` above (positive) or below the shaft, joined to it."""

    position: float
    lateral: float
    peak: float = 40.0
    axial: float = 0.0
    sigma_um: float = 0.25


def paint_stack(spots, length_um=40.0, noise=0.0, seed=0, shaft=SHAFT, shift_x_um=0.0):
    shape = (21, 150, round(length_um / VOXEL_UM[2]) + 1)
    z, y, x = (np.arange(n) * v for n, v in zip(shape, VOXEL_UM, strict=True))
    z, y, x = z[:, None, None] - Z_UM, Y_UM - y[None, :, None], x[None, None, :] - shift_x_um
    axial = np.exp(-0.5 * (z / 1.2) ** 2)
    image = BACKGROUND + shaft * axial * np.exp(-0.5 * (y / 0.3) ** 2) * np.ones_like(x)
    for s in spots:
        depth = np.exp(-0.5 * ((z - s.axial) / 1.2) ** 2)
        image = image + s.peak * depth * np.exp(
            -0.5 * (((y - s.lateral) / s.sigma_um) ** 2 + ((x - s.position) / s.sigma_um) ** 2)
        )
        neck = (y * np.sign(s.lateral) > 0) & (y * np.sign(s.lateral) < abs(s.lateral))
        image = image + 0.4 * s.peak * depth * neck * np.exp(-0.5 * ((x - s.position) / 0.15) ** 2)
    if noise:
        rng = np.random.default_rng(seed)
        image = rng.poisson(image / noise) * noise + rng.normal(0, 0.5, image.shape)
    return Stack(image.astype(np.float32), VOXEL_UM)


def straight_dendrite(length_um=40.0, name="d01"):
    x = np.arange(1.0, length_um - 1.0 + 1e-9, 0.5)
    line = np.stack([np.full_like(x, Z_UM), np.full_like(x, Y_UM), x], axis=1)
    return Dendrite(name, line, np.full(len(x), 0.45))


def paint_ribbon(spots, length_um=40.0, **options):
    """The ribbon of a painted stack; position 0 lies at x = 1 um, and `lateral` > 0 is towards smaller y."""
    dendrite = straight_dendrite(length_um)
    return straighten_dendrite(dendrite, dendrite, Warp.identity(), paint_stack(spots, length_um, **options))
