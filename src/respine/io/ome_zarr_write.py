"""Stacks to OME-Zarr 0.5, slice by slice, with plain zarr and its metadata written here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import DTypeLike

from respine.core.errors import InputError

_CHUNK = 512


def write_ome_zarr(
    path: str | Path,
    planes: Iterable[np.ndarray],
    shape: tuple[int, int, int, int],
    dtype: DTypeLike,
    voxel_um: tuple[float, float, float],
) -> None:
    """Write a stack as an OME-Zarr 0.5 image of one level, axes c, z, y, x.

    Parameters
    ----------
    path : path
        Must not exist. Written under a temporary name beside it and renamed, so that it is whole or absent.
    planes : iterable of ndarray, shape (Y, X)
        Slice by slice, within each the channels: the voxels of a one-channel stack as they are.
    shape : tuple of int
        (channels, z, y, x).
    dtype : dtype
    voxel_um : tuple of float
        Size of a voxel (z, y, x), um.

    Raises
    ------
    InputError
        Something is there already, or the planes do not match the shape.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: found something there already; expected nothing")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        group = zarr.create_group(str(part), zarr_format=3, attributes={"ome": _metadata(voxel_um)})
        chunks = (1, 1, min(shape[2], _CHUNK), min(shape[3], _CHUNK))
        # Empty chunks are written too: an absent one can then only be a lost one.
        array = group.create_array(
            "0",
            shape=shape,
            dtype=np.dtype(dtype),
            chunks=chunks,
            dimension_names=list("czyx"),
            config={"write_empty_chunks": True},
        )
        count = 0
        for plane in planes:
            z, channel = divmod(count, shape[0])
            if plane.shape != shape[2:] or z >= shape[1]:
                found = f"plane {count + 1} of {plane.shape}"
                raise InputError(f"{path}: found {found}; expected {shape[0] * shape[1]} of {shape[2:]}")
            array[channel, z] = plane
            count += 1
        if count != shape[0] * shape[1]:
            raise InputError(f"{path}: found {count} planes; expected {shape[0] * shape[1]}")
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _metadata(voxel_um: tuple[float, float, float]) -> dict:
    space = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
    scale = [1.0, *(float(size) for size in voxel_um)]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"name": "stack", "axes": [{"name": "c", "type": "channel"}, *space], "datasets": [level]}
    return {"version": "0.5", "multiscales": [image]}
