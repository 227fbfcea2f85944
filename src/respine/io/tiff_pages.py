"""Pages of TIFF files put in order: which page is which slice of which channel, and how to load them.

Symbols: C channels, Z slices, R repeats (frames or volumes that are averaged into a slice).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from respine.io.stack_file import DECODE_ERRORS, StackFile, VoxelHeader, read_error
from respine.io.tiff_layout import TiffLayout, TiffPage

# A header may claim any size: what is claimed must bear some relation to the bytes that are there.
_LARGE_BYTES, _HIGHEST_COMPRESSION = 1 << 30, 10_000
_RGB, PALETTE = 2, 3


@dataclass(frozen=True, eq=False)
class PagePlan:
    """Which page holds which slice.

    Parameters
    ----------
    layouts : tuple of TiffLayout
        The files.
    file, page : ndarray of int, shape (C, Z, R)
        Index into `layouts`, and into the pages of that file.
    """

    layouts: tuple[TiffLayout, ...]
    file: np.ndarray
    page: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Channels, slices, rows, columns."""
        first = self._at(0, 0, 0)[1]
        return (*self.page.shape[:2], first.height, first.width)

    @property
    def repeats(self) -> int:
        """Pages averaged into each slice."""
        return self.page.shape[2]

    @property
    def dtype(self) -> np.dtype:
        """Type that `load` returns: the file's own, or 32-bit float where pages are averaged."""
        if self.repeats > 1:
            return np.dtype(np.float32)
        return self._at(0, 0, 0)[1].dtype.newbyteorder("=")

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in order."""
        return tuple(layout.path for layout in self.layouts)

    def check(self) -> PagePlan:
        """Return the plan if it is a z-stack and all its pages are grey, of one size and of one type.

        Raises
        ------
        ReadError
            They are not; names the first page that is not.
        """
        if self.page.shape[1] == 1 and self.repeats > 1:
            raise read_error(self.layouts[0].path, f"a movie: {self.repeats} frames of one slice", "a z-stack")
        first = self._at(0, 0, 0)[1]
        for layout, page in self._all():
            if page.samples != 1 or page.photometric == _RGB:
                found = f"a colour image ({page.samples} samples per pixel)"
                raise read_error(layout.path, found, "grey images, one channel a page")
            if (page.height, page.width, page.dtype) != (first.height, first.width, first.dtype):
                found = f"page {page.index + 1} of {page.height} x {page.width} {page.dtype.name}"
                raise read_error(
                    layout.path, found, f"{first.height} x {first.width} {first.dtype.name} as the first page has"
                )
        stored = sum(layout.path.stat().st_size for layout in self.layouts)
        claimed = self.page.size * first.nbytes
        if claimed > max(_LARGE_BYTES, _HIGHEST_COMPRESSION * stored):
            raise read_error(layout.path, f"a header that claims {claimed} bytes in {stored}", "a possible size")
        return self

    def open(
        self,
        path: Path,
        form: str,
        voxel_um: VoxelHeader,
        names: Sequence[str] = (),
        numbers: Sequence[int] = (),
        zoom: float | None = None,
    ) -> StackFile:
        """Check the plan and return it as an opened stack; channels without names or numbers are counted from 1.

        Raises
        ------
        ReadError
            As `check`.
        """
        self.check()
        numbers = tuple(numbers) or tuple(range(1, self.shape[0] + 1))
        names = tuple(names) or tuple(str(number) for number in numbers)
        return StackFile(
            path, form, self.shape, self.dtype, voxel_um, names, numbers, self.repeats, self.files, self.load, zoom
        )

    def load(self, channel: int) -> np.ndarray:
        """Voxels of a channel, shape (Z, Y, X): mapped where the file allows, else loaded."""
        mapped = self._map(channel)
        if mapped is not None:
            return mapped
        result = np.empty(self.shape[1:], self.dtype)
        for z, plane in enumerate(self.planes(channel)):
            result[z] = plane
        return result

    def planes(self, channel: int) -> Iterator[np.ndarray]:
        """Slices of a channel one by one, shape (Y, X), averaged over the repeats."""
        with _OpenFiles(self.layouts) as source:
            for z in range(self.page.shape[1]):
                pages = [source.decode(*self._where(channel, z, r)) for r in range(self.repeats)]
                yield (pages[0] if self.repeats == 1 else np.mean(pages, axis=0, dtype=np.float64).astype(np.float32))

    def _map(self, channel: int) -> np.ndarray | None:
        """Map a channel whose pages lie at equal distances as plain bytes in one file, in this machine's order."""
        first = self._at(channel, 0, 0)[1]
        native = first.dtype.isnative and first.dtype.itemsize > 0
        if self.repeats > 1 or not native or len(set(self.file[channel].flat)) > 1:
            return None
        starts = [self._at(channel, z, 0)[1].start for z in range(self.page.shape[1])]
        if None in starts:
            return None
        steps = set(np.diff(starts).tolist()) or {first.nbytes}
        step = min(steps)
        aligned = all(value % first.dtype.itemsize == 0 for value in (starts[0], step))
        if len(steps) > 1 or step < first.nbytes or not aligned:
            return None
        path = self.layouts[self.file[channel, 0, 0]].path
        mapped = np.memmap(path, np.uint8, "r", starts[0], (step * (len(starts) - 1) + first.nbytes,))
        rows = first.width * first.dtype.itemsize
        return np.ndarray(self.shape[1:], first.dtype, buffer=mapped, strides=(step, rows, first.dtype.itemsize))

    def _where(self, channel: int, z: int, repeat: int) -> tuple[int, TiffPage]:
        file = int(self.file[channel, z, repeat])
        return file, self.layouts[file].pages[self.page[channel, z, repeat]]

    def _at(self, channel: int, z: int, repeat: int) -> tuple[TiffLayout, TiffPage]:
        file, page = self._where(channel, z, repeat)
        return self.layouts[file], page

    def _all(self) -> Iterator[tuple[TiffLayout, TiffPage]]:
        for index in np.ndindex(self.page.shape):
            yield self._at(*index)


def single_file_plan(layout: TiffLayout, order: Sequence[str], sizes: dict[str, int]) -> PagePlan:
    """Plan of a file whose pages run through the axes in a fixed order.

    Parameters
    ----------
    order : sequence of str
        The axes "C", "Z" and repeats ("T", "R"), slowest first.
    sizes : dict
        Number along each axis; their product is the number of pages used.
    """
    count = int(np.prod([sizes[axis] for axis in order]))
    pages = np.arange(count).reshape([sizes[axis] for axis in order])
    repeats = [axis for axis in order if axis not in "CZ"]
    pages = pages.transpose([order.index(axis) for axis in ("C", "Z", *repeats)])
    pages = pages.reshape(sizes["C"], sizes["Z"], -1)
    return PagePlan((layout,), np.zeros_like(pages), pages)


class _OpenFiles:
    """Decodes pages, keeping one file open at a time."""

    def __init__(self, layouts: tuple[TiffLayout, ...]) -> None:
        self.layouts = layouts
        self.number: int | None = None
        self.file: tifffile.TiffFile | None = None

    def __enter__(self) -> _OpenFiles:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def decode(self, number: int, page: TiffPage) -> np.ndarray:
        path = self.layouts[number].path
        try:
            if page.start is not None:
                flat = np.fromfile(path, page.dtype, page.height * page.width, offset=page.start)
                voxels = flat.reshape(page.height, page.width)
            else:
                if self.number != number:
                    self.__exit__()
                    self.file, self.number = tifffile.TiffFile(path), number
                voxels = self.file.pages[page.index].asarray()
        except DECODE_ERRORS as error:
            found = f"page {page.index + 1} that cannot be decoded ({type(error).__name__}: {error})"
            raise read_error(path, found, "intact pixels") from error
        if voxels.shape != (page.height, page.width):
            raise read_error(path, f"page {page.index + 1} of shape {voxels.shape}", f"{page.height} x {page.width}")
        if voxels.dtype.byteorder not in ("=", "|", "<" if sys.byteorder == "little" else ">"):
            voxels = voxels.astype(voxels.dtype.newbyteorder("="))
        return voxels
