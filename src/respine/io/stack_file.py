"""A z-stack on disk, opened as far as its header: what it holds, and how to load one channel of it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from respine.core.errors import InputError, ReadError

VoxelHeader = tuple[float | None, float | None, float | None]
VOXEL_TOLERANCE = 0.01
# What the decoders of broken files raise, besides errors of their own that derive from these.
DECODE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    AssertionError,
    struct.error,
)


def read_error(path: Path, found: str, expected: str) -> ReadError:
    """Make the one kind of message that every reader gives."""
    return ReadError(f"{path}: found {found}; expected {expected}")


@dataclass(frozen=True, eq=False)
class StackFile:
    """A z-stack of which only the header has been read.

    Parameters
    ----------
    path : Path
        The file or folder that was opened.
    format : str
        What it is, in words.
    shape : tuple of int
        (channels, z, y, x).
    dtype : dtype
        Type of the voxels that `read` returns, in the byte order of this machine.
    voxel_um : tuple of (float or None)
        Size of a voxel (z, y, x), um, as the header says; None where it does not.
    channel_names : tuple of str
    channel_numbers : tuple of int
        The numbers that the microscope gives its channels; 1, 2, ... where it gives none.
    repeats : int
        Frames or volumes that `read` averages into each slice.
    files : tuple of Path
        Every file that holds its pixels; for an OME-Zarr the folder.
    load : callable
        Takes the index of a channel and returns its voxels (z, y, x).
    zoom : float or None
        Optical zoom, where the header says.
    """

    path: Path
    format: str
    shape: tuple[int, int, int, int]
    dtype: np.dtype
    voxel_um: VoxelHeader
    channel_names: tuple[str, ...]
    channel_numbers: tuple[int, ...]
    repeats: int
    files: tuple[Path, ...]
    load: Callable[[int], np.ndarray] = field(repr=False)
    zoom: float | None = None

    def channel_index(self, channel: str | int | None = None) -> int:
        """Index of a channel given by its name, or by its number as the microscope counts.

        Raises
        ------
        InputError
            No such channel, or none given where the file has several.
        """
        if channel is None:
            if self.shape[0] == 1:
                return 0
            raise InputError(f"{self.path}: found several channels and none given; expected one of {self._channels()}")
        wanted = str(channel).strip()
        names = [name.lower() for name in self.channel_names]
        if names.count(wanted.lower()) == 1:
            return names.index(wanted.lower())
        if wanted.isdecimal() and int(wanted) in self.channel_numbers:
            return self.channel_numbers.index(int(wanted))
        raise InputError(f"{self.path}: found no channel {wanted!r}; expected one of {self._channels()}")

    def read(self, channel: str | int | None = None) -> np.ndarray:
        """Voxels (z, y, x) of one channel, a memory map where the file allows it.

        Raises
        ------
        InputError
            No such channel.
        ReadError
            The pixels cannot be decoded.
        """
        index = self.channel_index(channel)
        try:
            voxels = self.load(index)
        except ReadError:
            raise
        except DECODE_ERRORS as error:
            raise read_error(
                self.path, f"pixels that cannot be decoded ({error})", f"an intact {self.format}"
            ) from error
        if voxels.shape != self.shape[1:]:
            raise read_error(self.path, f"{voxels.shape} voxels", f"{self.shape[1:]} as its header says")
        return voxels

    def _channels(self) -> str:
        pairs = zip(self.channel_numbers, self.channel_names, strict=True)
        return ", ".join(str(n) if str(n) == name else f"{n} ({name})" for n, name in pairs)


def voxel_problems(header: VoxelHeader, given: VoxelHeader) -> list[tuple[str, str, str]]:
    """(field, found, expected) for each axis whose voxel size nobody says, or both say and they differ by over 1 %."""
    wrong = []
    for axis, says, told in zip("zyx", header, given, strict=True):
        name = f"voxel_{axis}_um"
        if says is None and told is None:
            wrong.append((name, f"no {name} in the header and none given", "one of them"))
        elif says is not None and told is not None and abs(told - says) > VOXEL_TOLERANCE * says:
            wrong.append((name, f"{name} {says:g} in the header but {told:g} given", "them within 1 %"))
    return wrong


def settle_voxel_um(path: Path, header: VoxelHeader, given: VoxelHeader | None) -> tuple[float, float, float]:
    """Size of a voxel (z, y, x) from the header where it says, from the caller where not.

    Raises
    ------
    InputError
        Neither says, or both do and differ by more than 1 %; names all such axes.
    """
    given = given or (None, None, None)
    wrong = voxel_problems(header, given)
    if wrong:
        raise InputError(f"{path}: " + "; ".join(f"found {found}; expected {expected}" for _, found, expected in wrong))
    return tuple(told if says is None else says for says, told in zip(header, given, strict=True))


def positive_or_none(value: float | None) -> float | None:
    """A size from a header; None where it is absent, zero, negative or not finite."""
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    return value
