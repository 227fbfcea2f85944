"""Stacks to TIFF, slice by slice, so that a stack need never be in memory as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import DTypeLike

from respine.core.errors import InputError

_IMAGEJ_TYPES = ("uint8", "uint16", "float32")


def write_tiff_stack(
    path: str | Path,
    planes: Iterable[np.ndarray],
    shape: tuple[int, int, int, int],
    dtype: DTypeLike,
    voxel_um: tuple[float, float, float],
    metadata: Literal["imagej", "ome"] = "ome",
) -> None:
    """Write a stack as an OME-TIFF or an ImageJ hyperstack, uncompressed, so that it can be memory-mapped.

    Parameters
    ----------
    path : path
        Written under a temporary name beside it and renamed, so that it is whole or absent.
    planes : iterable of ndarray, shape (Y, X)
        Slice by slice, within each the channels: the voxels of a one-channel stack as they are.
    shape : tuple of int
        (channels, z, y, x).
    dtype : dtype
    voxel_um : tuple of float
        Size of a voxel (z, y, x), um.
    metadata : {"ome", "imagej"}
        ImageJ knows 8 and 16 bit unsigned and 32 bit float only.

    Raises
    ------
    InputError
        A type that ImageJ does not know, or planes that do not match the shape.
    """
    channels, slices, height, width = shape
    kind = np.dtype(dtype)
    if metadata == "imagej" and kind.name not in _IMAGEJ_TYPES:
        raise InputError(f"{path}: found {kind.name}; expected one of {', '.join(_IMAGEJ_TYPES)} for ImageJ")
    z_um, y_um, x_um = voxel_um
    said: dict[str, Any] = {"axes": "ZCYX"}
    if metadata == "imagej":
        said |= {"spacing": z_um, "unit": "um"}
    else:
        said |= {f"PhysicalSize{axis}": size for axis, size in zip("ZYX", voxel_um, strict=True)}
        said |= {f"PhysicalSize{axis}Unit": "um" for axis in "ZYX"}
    options = {"imagej": True} if metadata == "imagej" else {"ome": True}
    with _replacing(path) as part:
        tifffile.imwrite(
            part,
            _checked(path, planes, channels * slices, (height, width), kind),
            shape=(slices, channels, height, width),
            dtype=kind,
            photometric="minisblack",
            resolution=(1 / x_um, 1 / y_um),
            metadata=said,
            **options,
        )


def write_scanimage(
    path: str | Path,
    planes: Iterable[np.ndarray],
    shape: tuple[int, int, int, int],
    dtype: DTypeLike,
    voxel_um: tuple[float, float, float],
    *,
    frames_per_slice: int = 1,
    volumes: int = 1,
    zoom: float = 1.0,
    channels_saved: Sequence[int] = (),
) -> None:
    """Write a stack as ScanImage 2022 does: a header in the Software tag, a page a frame.

    Parameters
    ----------
    planes : iterable of ndarray, shape (Y, X)
        In the order of acquisition: volumes, slices, frames of a slice, channels (fastest).
    shape, dtype, voxel_um
        As for `write_tiff_stack`.
    frames_per_slice, volumes : int
    zoom : float
    channels_saved : sequence of int
        Numbers of the channels; 1, 2, ... by default.

    Raises
    ------
    InputError
        The planes do not match the shape.
    """
    channels, slices, height, width = shape
    saved = tuple(channels_saved) or tuple(range(1, channels + 1))
    z_um, y_um, x_um = voxel_um
    half_y, half_x = height * y_um / 2, width * x_um / 2
    corners = ";".join(
        f"{x:.9g} {y:.9g}" for x, y in [(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)]
    )
    header = {
        "VERSION_MAJOR": "2022",
        "VERSION_MINOR": "0",
        "hChannels.channelName": "{" + " ".join(f"'Channel {n}'" for n in range(1, max(saved) + 1)) + "}",
        "hChannels.channelSave": "[" + ";".join(map(str, saved)) + "]" if len(saved) > 1 else str(saved[0]),
        "hRoiManager.imagingFovUm": f"[{corners}]",
        "hRoiManager.linesPerFrame": str(height),
        "hRoiManager.mroiEnable": "false",
        "hRoiManager.pixelsPerLine": str(width),
        "hRoiManager.scanZoomFactor": f"{zoom:g}",
        "hScan2D.logAverageFactor": "1",
        "hStackManager.actualNumSlices": str(slices),
        "hStackManager.actualNumVolumes": str(volumes),
        "hStackManager.actualStackZStepSize": f"{z_um:.9g}",
        "hStackManager.enable": "true",
        "hStackManager.framesPerSlice": str(frames_per_slice),
        "hStackManager.numSlices": str(slices),
        "hStackManager.numVolumes": str(volumes),
        "hStackManager.stackMode": "'slow'",
        "hStackManager.stackZStepSize": f"{z_um:.9g}",
    }
    software = "\n".join(f"SI.{key} = {value}" for key, value in header.items())
    count = channels * slices * frames_per_slice * volumes
    with _replacing(path) as part, tifffile.TiffWriter(part, bigtiff=True) as writer:
        for k, plane in enumerate(_checked(path, planes, count, (height, width), np.dtype(dtype))):
            writer.write(
                plane,
                contiguous=False,
                metadata=None,
                software=software,
                description=f"frameNumbers = {k // channels + 1}\nacquisitionNumbers = 1\n",
                photometric="minisblack",
                resolution=(1e4 / x_um, 1e4 / y_um),
                resolutionunit="CENTIMETER",
            )


def _checked(
    path: str | Path, planes: Iterable[np.ndarray], count: int, shape: tuple[int, int], dtype: np.dtype
) -> Iterator[np.ndarray]:
    number = 0
    for number, plane in enumerate(planes, 1):
        if plane.shape != shape or plane.dtype != dtype or number > count:
            found = f"plane {number} of {plane.shape} {plane.dtype}"
            raise InputError(f"{path}: found {found}; expected {count} of {shape} {dtype}")
        yield plane
    if number != count:
        raise InputError(f"{path}: found {number} planes; expected {count}")


@contextmanager
def _replacing(path: str | Path) -> Iterator[Path]:
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
