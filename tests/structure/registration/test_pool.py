"""Pooling: sessions fall on each other, count alike, and refused ones not at all."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.core.warp import Warp
from respine.structure.registration.pool import pool_stacks, resample_stack, stack_lattice
from respine.structure.registration.register import Registration
from tissue import bend_warp, grow_tissue, image_tissue

SHAPE, VOXEL_UM = (16, 100, 100), (1.0, 0.2, 0.2)
EXTENT = np.array(SHAPE) * VOXEL_UM


@pytest.fixture(scope="module")
def tissue():
    return grow_tissue(5, EXTENT)


def aligned(warp, scorable=True):
    return Registration(warp, 0.1, 0.1, 1.0, np.zeros(3), 0.0, 0.0, scorable, None if scorable else "no")


def take(tissue, warp, **options):
    return image_tissue(tissue, SHAPE, VOXEL_UM, warp, gain=0, **options)


def correlation(a, b):
    both = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[both], b[both])[0, 1]


def test_a_warped_session_falls_on_the_reference(tissue):
    shift = np.random.default_rng(0).normal(0, 0.5, (16, 2))
    warp = bend_warp(EXTENT, offset_um=[0.0, 1.0, -1.0], bend_um=0.3, slice_shift_um=shift)
    reference, moving = take(tissue, Warp.identity()), take(tissue, warp)
    back = resample_stack(moving, warp, stack_lattice(reference))
    assert correlation(back, reference.voxels) > 0.97
    assert correlation(moving.voxels, reference.voxels) < 0.6


def test_sessions_count_alike_whatever_their_brightness(tissue):
    stacks = [take(tissue, None), take(tissue, None, scale=0.2)]
    pooled = pool_stacks(stacks, [aligned(Warp.identity())] * 2, stack_lattice(stacks[0]))
    one = pool_stacks(stacks[:1], [aligned(Warp.identity())], stack_lattice(stacks[0]))
    np.testing.assert_allclose(pooled.voxels, one.voxels, atol=1e-3)
    assert pooled.voxels.dtype == np.float32
    assert pooled.voxel_um == VOXEL_UM
    assert np.percentile(pooled.voxels[:, ::2, ::2], 99.9) == pytest.approx(1.0, abs=1e-3)


def test_refused_sessions_take_no_part(tissue):
    stacks = [take(tissue, None), take(grow_tissue(6, EXTENT), None)]
    registrations = [aligned(Warp.identity()), aligned(Warp.identity(), scorable=False)]
    pooled = pool_stacks(stacks, registrations, stack_lattice(stacks[0]))
    assert correlation(pooled.voxels, stacks[0].voxels) == pytest.approx(1.0)


def test_places_that_one_session_lacks_are_the_mean_of_the_others(tissue):
    away = Warp.from_affine(np.eye(3), [0.0, 0.0, 8.0])
    stacks = [take(tissue, None), take(tissue, away)]
    pooled = pool_stacks(stacks, [aligned(Warp.identity()), aligned(away)], stack_lattice(stacks[0]))
    alone = pool_stacks(stacks[:1], [aligned(Warp.identity())], stack_lattice(stacks[0]))
    np.testing.assert_allclose(pooled.voxels[:, :, 62:], alone.voxels[:, :, 62:], atol=1e-6)


def test_places_that_no_session_shows_are_zero(tissue):
    away = Warp.from_affine(np.eye(3), [0.0, 0.0, 8.0])
    stack = take(tissue, away)
    pooled = pool_stacks([stack], [aligned(away)], stack_lattice(stack))
    np.testing.assert_array_equal(pooled.voxels[:, :, 62:], 0)


def test_stacks_are_taken_one_by_one(tissue):
    lattice, taken, alive = stack_lattice(take(tissue, None)), [], []

    def read():
        for _ in range(4):
            stack = take(tissue, None)
            taken.append(weakref.ref(stack))
            yield stack
            del stack
            alive.append(sum(ref() is not None for ref in taken))

    pool_stacks(read(), [aligned(Warp.identity())] * 4, lattice)
    assert len(taken) == 4
    assert max(alive) == 1


def test_pooling_nothing_is_refused(tissue):
    stack = take(tissue, None)
    refused = replace(aligned(Warp.identity()), scorable=False)
    with pytest.raises(InputError) as caught:
        pool_stacks([stack], [refused], stack_lattice(stack))
    assert str(caught.value) == "pooling needs a scorable session; found none among 1"


def test_numbers_of_stacks_and_registrations_must_agree(tissue):
    stack = take(tissue, None)
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter than argument 1"):
        pool_stacks([stack, stack], [aligned(Warp.identity())], stack_lattice(stack))
