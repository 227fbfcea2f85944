"""The skeleton of a TIFF file: where every page lies and how it is coded, without decoding a pixel.

tifffile reads on where a file is cut off and says so in a log; a study needs an error. So the chain of pages is
walked here, and every offset is held against the size of the file. Classic and BigTIFF, both byte orders.

References
----------
Adobe, TIFF Revision 6.0 (1992); the BigTIFF extension as libtiff documents it.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from respine.core.errors import ReadError
from respine.io.stack_file import read_error

_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_RATIONAL = {5: "II"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_TEXT_TAGS = {270, 305, 315}
_RATIO_TAGS = {282, 283}
_INTEGER_TAGS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 296, 317, 322, 323, 324, 325, 339}


@dataclass(frozen=True)
class TiffPage:
    """One page: its size, its coding, and where its bytes are."""

    index: int
    height: int
    width: int
    dtype: np.dtype
    samples: int
    photometric: int
    plain: bool
    offsets: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded page."""
        return self.height * self.width * self.samples * self.dtype.itemsize

    @property
    def start(self) -> int | None:
        """Where the page lies as plain bytes in one run; None where it does not."""
        ends = tuple(o + c for o, c in zip(self.offsets, self.counts, strict=True))
        if self.plain and self.offsets[1:] == ends[:-1]:
            return self.offsets[0]
        return None


@dataclass(frozen=True)
class TiffLayout:
    """All pages of a file and what its first page says."""

    path: Path
    pages: tuple[TiffPage, ...]
    description: str
    software: str
    artist: str
    resolution: tuple[float | None, float | None]
    resolution_unit: int


def is_tiff(first: bytes) -> bool:
    """Whether a file that starts with these bytes says that it is a TIFF."""
    return first[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tiff_layout(path: Path) -> TiffLayout:
    """Walk all pages of a TIFF file.

    Raises
    ------
    ReadError
        The file is empty, no TIFF, truncated, or a page lacks what a page needs.
    """
    try:
        with open(path, "rb") as file:
            if not file.seek(0, 2):
                raise read_error(path, "an empty file (0 bytes)", "a TIFF")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Walk(path, data).layout()
    except ReadError:
        raise
    except OSError as error:
        raise read_error(path, f"a file that cannot be opened ({error.strerror})", "a readable TIFF") from error


def with_contiguous_pages(layout: TiffLayout, count: int) -> TiffLayout:
    """Give a file of one page the further ones that follow it as plain bytes (ImageJ beyond 4 GB).

    Raises
    ------
    ReadError
        The file is too short for them, or the page is not plain bytes.
    """
    first = layout.pages[0]
    if first.start is None:
        raise read_error(layout.path, "1 page", f"{count} as its header says")
    size = layout.path.stat().st_size
    if first.start + count * first.nbytes > size:
        raise truncated(layout.path, f"{size} bytes", f"{first.start + count * first.nbytes} for {count} pages")
    return replace(
        layout,
        pages=tuple(
            replace(first, offsets=(first.start + k * first.nbytes,), counts=(first.nbytes,)) for k in range(count)
        ),
    )


def truncated(path: Path, found: str, expected: str) -> ReadError:
    """Make the error of a file that ends too early."""
    return read_error(path, f"a truncated TIFF ({found})", expected)


class _Walk:
    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data = path, data
        if not is_tiff(data[:4]):
            raise read_error(path, f"a file that starts with {bytes(data[:8])!r}", "a TIFF")
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = data[2:4] in (b"+\0", b"\0+")

    def unpack(self, code: str, at: int) -> tuple:
        size = struct.calcsize(self.order + code)
        if at + size > len(self.data):
            raise truncated(self.path, f"{len(self.data)} bytes", f"at least {at + size}")
        return struct.unpack_from(self.order + code, self.data, at)

    def layout(self) -> TiffLayout:
        at = self.unpack("Q", 8)[0] if self.big else self.unpack("I", 4)[0]
        seen, pages, first = set(), [], {}
        while at:
            if at in seen:
                raise read_error(self.path, "a chain of pages that runs in a circle", "a chain that ends")
            tags, next_at = self.tags(at, len(seen) == 0)
            first = first or tags
            if not tags.get(254, (0,))[0] & 1:  # a reduced copy of another page is no slice
                pages.append(self.page(len(seen), tags))
            seen.add(at)
            at = next_at
        if not pages:
            raise read_error(self.path, "no page", "a TIFF with at least one")
        text = {tag: first.get(tag, b"") for tag in _TEXT_TAGS}
        text = {tag: value.split(b"\0")[0].decode("utf-8", "replace") for tag, value in text.items()}
        resolution = tuple(_ratio(first.get(tag)) for tag in (283, 282))
        return TiffLayout(self.path, tuple(pages), text[270], text[305], text[315], resolution, first.get(296, (2,))[0])

    def tags(self, at: int, with_text: bool) -> tuple[dict, int]:
        (count,) = self.unpack("Q" if self.big else "H", at)
        at += 8 if self.big else 2
        entry, inline = (20, 8) if self.big else (12, 4)
        tags = {}
        after = self.unpack("Q" if self.big else "I", at + count * entry)[0]
        for k in range(count):
            where = at + k * entry
            tag, kind, number = self.unpack("HHQ" if self.big else "HHI", where)
            text = tag in _TEXT_TAGS and with_text
            codes = _INTEGERS if tag in _INTEGER_TAGS else _RATIONAL if tag in _RATIO_TAGS else {}
            if not number or not (text or kind in codes):
                continue
            code = "s" if text else codes[kind]
            size = number * struct.calcsize("=" + code)
            start = where + entry - inline
            if size > inline:
                (start,) = self.unpack("Q" if self.big else "I", start)
            if start + size > len(self.data):
                raise truncated(self.path, f"{len(self.data)} bytes", f"at least {start + size}")
            tags[tag] = self.data[start : start + size] if text else self.unpack(code * number, start)
        return tags, after

    def page(self, index: int, tags: dict) -> TiffPage:
        named = f"page {index + 1}"
        counts = {tag: tags.get(tag, ()) for tag in (256, 257)}
        if any(len(value) != 1 or value[0] < 1 for value in counts.values()):
            raise read_error(self.path, f"{named} without a size", "a width and a height")
        tiled = 324 in tags
        offsets, sizes = (tags.get(324, ()), tags.get(325, ())) if tiled else (tags.get(273, ()), tags.get(279, ()))
        if not offsets or len(offsets) != len(sizes) or 0 in offsets + sizes:
            raise read_error(self.path, f"{named} without pixels", "an offset and a size for each strip or tile")
        height, width = tags[257][0], tags[256][0]
        rows = max(tags.get(323 if tiled else 278, (height,))[0], 1)
        columns = max(tags.get(322, (width,))[0], 1) if tiled else width
        needed = -(-height // rows) * -(-width // columns)
        if len(offsets) < needed:  # decoders fill what is absent with zeros
            raise read_error(self.path, f"{named} of {len(offsets)} strips or tiles", f"{needed}")
        end = max(o + c for o, c in zip(offsets, sizes, strict=True))
        if end > len(self.data):
            raise truncated(self.path, f"{len(self.data)} bytes", f"at least {end} for {named}")
        coding = tuple(tags.get(tag, (1,))[0] for tag in (259, 266, 317))
        page = TiffPage(
            index,
            height,
            width,
            self.dtype(named, tags),
            tags.get(277, (1,))[0],
            tags.get(262, (1,))[0],
            not tiled and coding == (1, 1, 1),
            tuple(offsets),
            tuple(sizes),
        )
        if page.plain and sum(sizes) < page.nbytes:
            raise truncated(self.path, f"{sum(sizes)} bytes in {named}", f"{page.nbytes} as its size says")
        return page

    def dtype(self, named: str, tags: dict) -> np.dtype:
        bits, kinds = set(tags.get(258, (1,))), set(tags.get(339, (1,)))
        kind = _KINDS.get(min(kinds)) if len(kinds) == 1 else None
        depths = (16, 32, 64) if kind == "f" else (8, 16, 32)
        if kind is None or len(bits) != 1 or min(bits) not in depths:
            found = f"{named} of {sorted(bits)} bit (sample format {sorted(kinds)})"
            raise read_error(self.path, found, "8, 16 or 32 bit integers, or 16, 32 or 64 bit floats")
        return np.dtype(f"{self.order}{kind}{min(bits) // 8}")


def _ratio(value: tuple | None) -> float | None:
    if value is None or len(value) != 2 or not value[1]:
        return None
    return value[0] / value[1]
