"""OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3): the first level of an image, its axes in any order.

References
----------
Moore et al. (2021) Nature Methods 18:1496, doi:10.1038/s41592-021-01326-w; the OME-NGFF specification,
https://ngff.openmicroscopy.org.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from respine.core.errors import ReadError
from respine.io.length_units import um_per_unit
from respine.io.stack_file import DECODE_ERRORS, StackFile, positive_or_none, read_error

_EXPECTED = "an OME-Zarr image of version 0.4 or 0.5"


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs", ".zarray"))


def open_ome_zarr(folder: Path) -> StackFile:
    """Open an OME-Zarr as far as its metadata.

    Raises
    ------
    ReadError
        It is no image, its metadata are broken, or it has axes besides t, c, z, y and x.
    """
    try:
        return _open(folder)
    except ReadError:
        raise
    except DECODE_ERRORS as error:
        found = f"metadata that cannot be read ({type(error).__name__}: {error})"
        raise read_error(folder, found, _EXPECTED) from error


def absent_chunks(file: StackFile) -> int:
    """Number of chunks that are not on disk; Zarr reads them as empty."""
    array = file.load.keywords["array"]
    return array.nchunks - array.nchunks_initialized


def _open(folder: Path) -> StackFile:
    group = zarr.open_group(str(folder), mode="r", zarr_format=3 if (folder / "zarr.json").is_file() else 2)
    attributes = dict(group.attrs)
    attributes = attributes.get("ome", attributes)
    if "bioformats2raw.layout" in attributes and "multiscales" not in attributes:
        if (folder / "1").exists():
            raise read_error(folder, "several images", "one; give the path of one of them, such as 0")
        return _open(folder / "0")
    scales = attributes.get("multiscales")
    if not isinstance(scales, list) or not scales:
        found = f"a Zarr group without multiscales ({', '.join(sorted(attributes)) or 'no metadata'})"
        raise read_error(folder, found, _EXPECTED)
    level = scales[0]["datasets"][0]
    array = group[level["path"]]
    if not isinstance(array, zarr.Array):
        raise read_error(folder, f"no array at {level['path']}", _EXPECTED)
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in scales[0]["axes"]]
    names = [str(axis["name"]) for axis in axes]
    known = set(names) <= set("tczyx") and len(set(names)) == len(names) and {"y", "x"} <= set(names)
    if not known or array.ndim != len(names):
        raise read_error(folder, f"axes {names} of an array of {array.ndim}", "each of t, c, z at most once, y and x")
    size = dict(zip(names, array.shape, strict=True))
    if array.dtype.kind not in "uif" or min(array.shape) < 1:
        raise read_error(folder, f"{array.dtype} of shape {array.shape}", "integers or floats, at least one voxel")
    shape = tuple(size.get(axis, 1) for axis in "czyx")
    repeats = size.get("t", 1)
    if shape[1] == 1 and repeats > 1:
        raise read_error(folder, f"a movie: {repeats} frames of one slice", "a z-stack")
    scale = _scale(len(names), scales[0], level)
    voxel_um = tuple(_size_um(dict(zip(names, zip(axes, scale, strict=True), strict=True)), a) for a in "zyx")
    labels = _labels(attributes, shape[0])
    numbers = tuple(range(1, shape[0] + 1))
    dtype = np.dtype(np.float32) if repeats > 1 else array.dtype.newbyteorder("=")
    load = partial(_load, names=names, array=array, dtype=dtype)
    return StackFile(folder, "OME-Zarr", shape, dtype, voxel_um, labels, numbers, repeats, (folder,), load)


def _load(channel: int, *, names: list[str], array: zarr.Array, dtype: np.dtype) -> np.ndarray:
    """Read one channel, shape (Z, Y, X), averaged over time, a time at a time."""
    left = [name for name in names if name not in "tc"]
    order = [left.index(axis) for axis in "zyx" if axis in left]

    def volume(time: int) -> np.ndarray:
        at = {"c": channel, "t": time}
        voxels = np.asarray(array[tuple(at.get(name, slice(None)) for name in names)]).transpose(order)
        return voxels if voxels.ndim == 3 else voxels[None]

    times = array.shape[names.index("t")] if "t" in names else 1
    if times == 1:
        return volume(0).astype(dtype, copy=False)
    total = np.zeros(volume(0).shape)
    for time in range(times):
        total += volume(time)
    return (total / times).astype(dtype)


def _scale(ndim: int, scales: dict[str, Any], level: dict[str, Any]) -> np.ndarray:
    total = np.ones(ndim)
    for holder in (level, scales):
        for transform in holder.get("coordinateTransformations", ()):
            if transform["type"] == "scale":
                total = total * np.array([float(s) for s in transform["scale"]])
    return total


def _size_um(axes: dict[str, tuple[dict, float]], name: str) -> float | None:
    if name not in axes:
        return None
    axis, scale = axes[name]
    per_unit = um_per_unit(str(axis.get("unit", "")))
    return None if per_unit is None else positive_or_none(float(scale) * per_unit)


def _labels(attributes: dict[str, Any], count: int) -> tuple[str, ...]:
    channels = attributes.get("omero", {}).get("channels", [])
    labels = [str(channel.get("label", "")) for channel in channels]
    if len(labels) == count and all(labels):
        return tuple(labels)
    return tuple(str(n) for n in range(1, count + 1))
