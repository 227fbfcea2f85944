"""OME-TIFF: the XML in the first page says which page of which file is which slice.

References
----------
The Open Microscopy Environment, OME-TIFF specification, https://ome-model.readthedocs.io (2016-06 schema);
Goldberg et al. (2005) Genome Biology 6:R47, doi:10.1186/gb-2005-6-5-r47.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from respine.io.length_units import um_per_unit
from respine.io.stack_file import StackFile, positive_or_none, read_error
from respine.io.tiff_layout import TiffLayout, read_tiff_layout
from respine.io.tiff_pages import PagePlan

_ORDERS = {"XYZCT", "XYZTC", "XYCZT", "XYCTZ", "XYTCZ", "XYTZC"}


def is_ome(layout: TiffLayout) -> bool:
    """Whether the first page carries OME-XML."""
    return "<OME" in layout.description[:4096] and layout.description.rstrip().endswith("OME>")


def open_ome_tiff(layout: TiffLayout) -> StackFile:
    """Open an OME-TIFF, of one file or of several, as far as its header.

    Raises
    ------
    ReadError
        Its XML is broken or describes several images, or a file or page that it names is missing.
    """
    pixels = _pixels(layout)
    sizes = {axis: _integer(layout, pixels, f"Size{axis}") for axis in "XYZCT"}
    order = pixels.get("DimensionOrder", "XYCZT")
    if order not in _ORDERS:
        raise read_error(layout.path, f"DimensionOrder {order!r}", "one of " + ", ".join(sorted(_ORDERS)))
    layouts, where = _planes(layout, pixels, [(axis, sizes[axis]) for axis in order[2:]])
    file, page = where[..., 0], where[..., 1]
    axes = [order[2:].index(axis) for axis in "CZT"]
    # The last axis of the array is the fastest in the file, the first of the order.
    plan = PagePlan(tuple(layouts), _turned(file, axes), _turned(page, axes))
    _, _, height, width = plan.shape
    if (height, width) != (sizes["Y"], sizes["X"]):
        raise read_error(layout.path, f"pages of {height} x {width}", f"{sizes['Y']} x {sizes['X']} as its XML says")
    voxel_um = tuple(_physical_um(pixels, axis) for axis in "ZYX")
    channels = [child for child in pixels if _tag(child) == "Channel"]
    names = [channel.get("Name") or str(n) for n, channel in enumerate(channels, 1)]
    return plan.open(layout.path, "OME-TIFF", voxel_um, names if len(names) == sizes["C"] else ())


def _turned(values: np.ndarray, axes: list[int]) -> np.ndarray:
    return values.transpose([2 - axis for axis in axes])


def _pixels(layout: TiffLayout) -> ET.Element:
    root = _parse(layout.path, layout.description)
    companion = next((e.get("MetadataFile") for e in root.iter() if _tag(e) == "BinaryOnly"), None)
    if companion:
        path = layout.path.parent / Path(companion).name
        try:
            root = _parse(path, path.read_bytes())
        except FileNotFoundError as error:
            raise read_error(
                layout.path, f"no file {path.name}, which describes it", "it in the same folder"
            ) from error
    images = [e for e in root.iter() if _tag(e) == "Image"]
    pixels = [e for image in images for e in image if _tag(e) == "Pixels"]
    if len(pixels) != 1:
        raise read_error(layout.path, f"{len(pixels)} images in its XML", "one")
    return pixels[0]


def _parse(path: Path, text: str | bytes) -> ET.Element:
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        raise read_error(path, f"broken OME-XML ({error})", "valid XML") from error


def _planes(
    layout: TiffLayout, pixels: ET.Element, fast_to_slow: list[tuple[str, int]]
) -> tuple[list[TiffLayout], np.ndarray]:
    """Files, and (file, page) of every plane in an array with the axes slowest first."""
    layouts = [layout]
    numbers = {layout.path.name: 0}
    blocks = [e for e in pixels if _tag(e) == "TiffData"] or [ET.Element("TiffData")]
    total = int(np.prod([size for _, size in fast_to_slow]))
    for block in blocks:
        name = _file_name(block)
        if name is not None and name not in numbers:
            path = layout.path.parent / name
            if not path.is_file():
                raise read_error(layout.path, f"no file {name}, which its XML names", "it in the same folder")
            numbers[name] = len(layouts)
            layouts.append(read_tiff_layout(path))
    available = sum(len(each.pages) for each in layouts)
    if not 0 < total <= available:
        words = " x ".join(f"{size} {axis}" for axis, size in fast_to_slow)
        raise read_error(layout.path, f"{available} pages", f"{total} as its XML says ({words})")
    found = np.full((total, 2), -1)
    for block in blocks:
        file = numbers.get(_file_name(block), 0)
        page_of = {page.index: k for k, page in enumerate(layouts[file].pages)}
        for plane, ifd in _block_planes(layout, block, fast_to_slow, len(page_of), total):
            if plane >= total or ifd not in page_of:
                raise read_error(layout.path, f"no page {ifd + 1} for plane {plane + 1}", f"{total} planes")
            found[plane] = file, page_of[ifd]
    if (found < 0).any():
        missing = int((found[:, 0] < 0).sum())
        raise read_error(layout.path, f"{missing} planes without a page", f"a page for each of {total} planes")
    return layouts, found.reshape([size for _, size in reversed(fast_to_slow)] + [2])


def _block_planes(
    layout: TiffLayout, block: ET.Element, fast_to_slow: list[tuple[str, int]], pages: int, total: int
) -> Iterator[tuple[int, int]]:
    """(plane in the order of the file, page) for each plane of one TiffData element."""
    first, step = 0, 1
    for axis, size in fast_to_slow:
        first += step * _integer(layout, block, f"First{axis}", 0)
        step *= size
    ifd = _integer(layout, block, "IFD", 0)
    rest = 1 if "IFD" in block.attrib else min(pages - ifd, total - first)
    count = _integer(layout, block, "PlaneCount", rest)
    if count > total:
        raise read_error(layout.path, f"PlaneCount {count}", f"at most {total}")
    return ((first + k, ifd + k) for k in range(count))


def _file_name(block: ET.Element) -> str | None:
    name = next((e.get("FileName") for e in block if _tag(e) == "UUID"), None)
    return Path(name).name if name else None


def _integer(layout: TiffLayout, element: ET.Element, key: str, default: int | None = None) -> int:
    text = element.get(key)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal() or len(text) > 9:
        raise read_error(layout.path, f"{key} {text!r} in its XML", "a whole number")
    return int(text)


def _physical_um(pixels: ET.Element, axis: str) -> float | None:
    per_unit = um_per_unit(pixels.get(f"PhysicalSize{axis}Unit", "um"))
    try:
        size = float(pixels.get(f"PhysicalSize{axis}", "nan"))
    except ValueError:
        return None
    return None if per_unit is None else positive_or_none(size * per_unit)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
