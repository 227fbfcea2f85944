"""The mean image of all sessions in the reference frame, each scaled to the same brightness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from respine.core.errors import InputError
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.registration.register import Registration
from respine.structure.registration.resample import Lattice, resample

_BRIGHT_PERCENTILE = 99.9


def stack_lattice(stack: Stack) -> Lattice:
    """Give the lattice of a stack's own voxels, um."""
    return Lattice(stack.shape, np.zeros(3), np.array(stack.voxel_um))


def resample_stack(stack: Stack, warp: Warp, target: Lattice) -> np.ndarray:
    """Sample a session's raw stack on a lattice of the reference frame.

    Parameters
    ----------
    stack : Stack
        The session's raw stack.
    warp : Warp
        Reference frame to raw stack.
    target : Lattice
        Where the image is wanted, in the reference frame.

    Returns
    -------
    ndarray of float32, the target's shape; NaN where the session shows nothing.
    """
    smooth = warp.without_slice_motion()
    return resample(stack.voxels, stack_lattice(stack), target, smooth.apply, warp.slice_shift_um)


def pool_stacks(stacks: Iterable[Stack], registrations: Sequence[Registration], target: Lattice) -> Stack:
    """Average all scorable sessions in the reference frame, one at a time in memory.

    Each session is scaled so that its background is 0 and its 99.9th percentile 1.

    Parameters
    ----------
    stacks : iterable of Stack
        The raw stacks, in the order of the registrations; read one by one.
    registrations : sequence of Registration
        One a session.
    target : Lattice
        The lattice of the result: that of the reference session's stack, from `stack_lattice`.

    Returns
    -------
    Stack
        float32; 0 where no session shows anything.

    Raises
    ------
    InputError
        No session is scorable, or the numbers of stacks and registrations differ.
    """
    total = np.zeros(target.shape, np.float32)
    count = np.zeros(target.shape, np.uint8)
    used = 0
    for stack, registration in zip(stacks, registrations, strict=True):
        if not registration.scorable:
            continue
        background, bright = np.percentile(stack.voxels[:, ::2, ::2], [50, _BRIGHT_PERCENTILE])
        image = resample_stack(stack, registration.warp, target)
        # The next stack is read before the loop would let go of this one.
        del stack
        seen = np.isfinite(image)
        image -= background
        image /= max(bright - background, 1e-9)
        image[~seen] = 0
        total += image
        count += seen
        used += 1
    if used == 0:
        raise InputError(f"pooling needs a scorable session; found none among {len(registrations)}")
    total /= np.maximum(count, 1)
    return Stack(total, tuple(target.step_um))
