"""The one door to z-stacks on disk: finds the format and opens it.

To add a format, write one file with a function that opens it and name it in `_opener`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from respine.core.errors import ReadError
from respine.core.stack import Stack
from respine.io.bruker import is_prairie_view, open_bruker, open_bruker_folder, prairie_view_files
from respine.io.image_folder import open_image_folder
from respine.io.ome_tiff import is_ome, open_ome_tiff
from respine.io.ome_zarr import is_zarr, open_ome_zarr
from respine.io.scanimage import open_scanimage, scanimage_header
from respine.io.stack_file import DECODE_ERRORS, StackFile, VoxelHeader, read_error, settle_voxel_um
from respine.io.tiff import open_tiff
from respine.io.tiff_layout import is_tiff, read_tiff_layout

FORMATS = "a TIFF, OME-TIFF or ScanImage file, a PrairieView XML, a folder of slices, or an OME-Zarr"


def open_stack(path: str | Path) -> StackFile:
    """Open a z-stack as far as its header, whatever its format.

    Parameters
    ----------
    path : path
        A TIFF (plain, ImageJ, OME, ScanImage), a PrairieView XML or its folder, a folder of PNG or TIFF slices, or
        an OME-Zarr.

    Returns
    -------
    StackFile
        Its shape (channels, z, y, x), type, voxel size, and a way to load a channel.

    Raises
    ------
    ReadError
        There is nothing, nothing readable, or nothing that is a z-stack; names what was found and expected.
    """
    path = Path(path)
    opener = _opener(path)
    try:
        return opener(path)
    except ReadError:
        raise
    except DECODE_ERRORS as error:
        raise read_error(path, f"a header that cannot be read ({type(error).__name__}: {error})", FORMATS) from error


def read_stack(path: str | Path, channel: str | int | None = None, voxel_um: VoxelHeader | None = None) -> Stack:
    """Read one channel of a z-stack.

    Parameters
    ----------
    path : path
        As for `open_stack`.
    channel : str or int, optional
        Name of the channel, or its number as the microscope counts (from 1); needed where there are several.
    voxel_um : tuple of (float or None), optional
        Size of a voxel (z, y, x), um, for what the file does not say.

    Returns
    -------
    Stack
        Its voxels are a memory map where the file allows it.

    Raises
    ------
    ReadError
        The file cannot be read as a z-stack, or holds values that are not finite.
    InputError
        No such channel; or a voxel size is neither in the file nor given, or both and they differ by over 1 %.
    """
    file = open_stack(path)
    size = settle_voxel_um(file.path, file.voxel_um, voxel_um)
    voxels = file.read(channel)
    if voxels.dtype.kind == "f":
        for z, plane in enumerate(voxels):
            refuse_not_finite(file.path, z, plane)
    return Stack(voxels, size)


def refuse_not_finite(path: Path, z: int, plane: np.ndarray) -> None:
    """Raise if a slice holds NaN or infinity.

    Raises
    ------
    ReadError
        It does; names how many and where the first is.
    """
    bad = ~np.isfinite(plane)
    if bad.any():
        y, x = (int(i) for i in np.argwhere(bad)[0])
        found = f"{int(bad.sum())} values that are NaN or infinite in slice {z}, the first at row {y}, column {x}"
        raise read_error(path, found, "finite values")


def _opener(path: Path) -> Callable[[Path], StackFile]:
    try:
        if path.is_dir():
            return _folder_opener(path)
        with open(path, "rb") as file:
            first = file.read(2048)
    except FileNotFoundError as error:
        raise read_error(path, "nothing", FORMATS) from error
    except (OSError, ValueError) as error:
        raise read_error(path, f"something that cannot be opened ({error})", FORMATS) from error
    if not first:
        raise read_error(path, "an empty file (0 bytes)", FORMATS)
    if is_tiff(first):
        return _open_tiff_family
    if is_prairie_view(first):
        return open_bruker
    raise read_error(path, f"a file that starts with {first[:8]!r}", FORMATS)


def _folder_opener(folder: Path) -> Callable[[Path], StackFile]:
    if is_zarr(folder):
        return open_ome_zarr
    recordings = prairie_view_files(folder)
    if recordings:
        return partial(open_bruker_folder, files=recordings)
    return open_image_folder


def _open_tiff_family(path: Path) -> StackFile:
    layout = read_tiff_layout(path)
    header = scanimage_header(layout)
    if header:
        return open_scanimage(layout, header)
    if is_ome(layout):
        return open_ome_tiff(layout)
    return open_tiff(layout)
