"""A folder of slices, one grey PNG or TIFF a file, in the natural order of their names.

Where all names carry a channel (`_ch1`, `-C2_`), each channel is a stack of its own. A gap in the numbers is an error:
a lost slice would shift everything below it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np

from respine.io.stack_file import DECODE_ERRORS, StackFile, VoxelHeader, read_error
from respine.io.tiff import lateral_um
from respine.io.tiff_layout import read_tiff_layout
from respine.io.tiff_pages import PagePlan

_KINDS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
_CHANNEL = re.compile(r"(?:^|[^a-z])(?:ch|c|channel)[_-]?(\d{1,2})(?!\d)", re.IGNORECASE)
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"


def natural_order(name: str) -> list:
    """Key that sorts slice2 before slice10."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(p), p) if p.isdecimal() and p.isascii() else (-1, p) for p in parts]


def open_image_folder(folder: Path) -> StackFile:
    """Open a folder of slices as far as the headers of its files.

    Raises
    ------
    ReadError
        It holds no slices, slices of both kinds, of different size or type, in colour, or broken, or one is missing.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in _KINDS and not f.name.startswith(".")]
    files.sort(key=lambda f: natural_order(f.name))
    kinds = sorted({_KINDS[f.suffix.lower()] for f in files})
    if len(kinds) != 1:
        found = "no PNG or TIFF file" if not kinds else "both PNG and TIFF files"
        raise read_error(folder, found, "a folder of slices, all PNG or all TIFF")
    channels = _by_channel(folder, files)
    if kinds == ["PNG"]:
        return _open_png(folder, channels)
    return _open_tiff(folder, channels)


def _by_channel(folder: Path, files: list[Path]) -> dict[int, list[Path]]:
    marks = [_CHANNEL.findall(f.stem) for f in files]
    marked = all(len(mark) == 1 for mark in marks)
    numbers = [int(mark[0]) if marked else 1 for mark in marks]
    channels = {n: [f for f, k in zip(files, numbers, strict=True) if k == n] for n in sorted(set(numbers))}
    counts = {n: len(group) for n, group in channels.items()}
    if len(set(counts.values())) > 1:
        words = ", ".join(f"{count} of channel {n}" for n, count in counts.items())
        raise read_error(folder, f"slices: {words}", "the same number of each channel")
    for group in channels.values():
        _refuse_gap(folder, group)
    return channels


def _refuse_gap(folder: Path, files: list[Path]) -> None:
    numbers = [re.findall(r"\d+", f.stem) for f in files]
    if len(files) < 3 or len({len(n) for n in numbers}) > 1:
        return
    varying = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    if len(varying) != 1:
        return
    values = [int(n) for n in varying[0]]
    steps = np.diff(values)
    wide = int(np.argmax(steps))
    if steps.min() > 0 and steps[wide] > np.median(steps):
        found = f"{files[wide].name} followed by {files[wide + 1].name}"
        raise read_error(folder, found, f"slices numbered in steps of {int(np.median(steps))}")


def _open_tiff(folder: Path, channels: dict[int, list[Path]]) -> StackFile:
    layouts = []
    for file in (f for group in channels.values() for f in group):
        layout = read_tiff_layout(file)
        if len(layout.pages) != 1:
            raise read_error(file, f"{len(layout.pages)} pages", "one slice a file; or give the path of the file")
        layouts.append(layout)
    number = np.arange(len(layouts)).reshape(len(channels), -1, 1)
    plan = PagePlan(tuple(layouts), number, np.zeros_like(number))
    voxel_um: VoxelHeader = (None, *lateral_um(layouts[0]))
    return plan.open(folder, "folder of TIFF slices", voxel_um, numbers=tuple(channels))


@dataclass(frozen=True)
class _PngHeader:
    height: int
    width: int
    bits: int


def _open_png(folder: Path, channels: dict[int, list[Path]]) -> StackFile:
    files = tuple(f for group in channels.values() for f in group)
    first = _png_header(files[0])
    for file in files[1:]:
        other = _png_header(file)
        if other != first:
            found = f"a slice of {other.height} x {other.width} with {other.bits} bit"
            expected = f"{first.height} x {first.width} with {first.bits} bit, as {files[0].name}"
            raise read_error(file, found, expected)
    groups = list(channels.values())
    shape = (len(groups), len(groups[0]), first.height, first.width)
    dtype = np.dtype(np.uint8 if first.bits == 8 else np.uint16)
    numbers = tuple(channels)
    names = tuple(str(n) for n in numbers)
    load = partial(_load_png, groups, shape[1:], dtype)
    return StackFile(folder, "folder of PNG slices", shape, dtype, (None, None, None), names, numbers, 1, files, load)


def _png_header(path: Path) -> _PngHeader:
    with open(path, "rb") as file:
        start = file.read(33)
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(size - 8, 0))
        end = file.read()
    if not start:
        raise read_error(path, "an empty file (0 bytes)", "a PNG")
    if start[:8] != _PNG_START:
        raise read_error(path, f"a file that starts with {start[:8]!r}", "a PNG")
    if len(start) < 33 or end != _PNG_END:
        raise read_error(path, f"a truncated PNG ({size} bytes, no end mark)", "a whole one")
    width, height, bits, colour = struct.unpack(">IIBB", start[16:26])
    if colour != 0:
        raise read_error(path, f"a colour image (PNG colour type {colour})", "grey images, one channel a file")
    if bits not in (8, 16) or not width or not height:
        raise read_error(path, f"{width} x {height} with {bits} bit", "8 or 16 bit")
    return _PngHeader(height, width, bits)


def _load_png(groups: list[list[Path]], shape: tuple[int, int, int], dtype: np.dtype, channel: int) -> np.ndarray:
    result = np.empty(shape, dtype)
    for z, file in enumerate(groups[channel]):
        try:
            plane = imagecodecs.png_decode(file.read_bytes())
        except DECODE_ERRORS as error:
            raise read_error(file, f"pixels that cannot be decoded ({error})", "an intact PNG") from error
        if plane.shape != shape[1:] or plane.dtype != dtype:
            raise read_error(file, f"pixels of shape {plane.shape} {plane.dtype}", f"{shape[1:]} {dtype}")
        result[z] = plane
    return result
