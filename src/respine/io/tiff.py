"""Plain TIFF stacks and ImageJ hyperstacks.

The axes come from ImageJ's description (`channels=`, `slices=`, `frames=`), or from tifffile's (`"shape"`, `"axes"`);
where there is neither, every page is a slice of one channel. The size of a voxel comes from the same descriptions. The
resolution of a TIFF without a unit of its own is taken where it is in inch or centimetre and finer than 20 um: 72 dots
per inch is the size of a print, not of a neuron.
"""

from __future__ import annotations

import json
import math

from respine.io.length_units import um_per_unit
from respine.io.stack_file import StackFile, VoxelHeader, positive_or_none, read_error
from respine.io.tiff_layout import TiffLayout, with_contiguous_pages
from respine.io.tiff_pages import PALETTE, single_file_plan

_COARSEST_UM = 20.0
_AXIS_WORDS = {"C": "channels", "Z": "slices", "T": "frames"}
_TIFF_UNIT_UM = {2: 25400.0, 3: 10000.0}


def open_tiff(layout: TiffLayout) -> StackFile:
    """Open a plain TIFF or ImageJ hyperstack as far as its header.

    Raises
    ------
    ReadError
        Its axes are unclear or do not fit its pages, it is a colour image, or a movie of one slice.
    """
    if layout.description.startswith("ImageJ="):
        return _open_imagej(layout)
    shaped = _shaped(layout)
    sizes = shaped[0] if shaped else {"Z": len(layout.pages)}
    if layout.pages[0].photometric == PALETTE:
        raise read_error(layout.path, "an image with a colour palette", "grey images")
    if shaped and math.prod(sizes.values()) > len(layout.pages) == 1:
        layout = with_contiguous_pages(layout, math.prod(sizes.values()))
    spacing, unit = shaped[1] if shaped else (None, None)
    return _finish(layout, "TIFF", sizes, _voxel_um(layout, spacing, unit))


def _open_imagej(layout: TiffLayout) -> StackFile:
    said = dict(line.split("=", 1) for line in layout.description.splitlines() if "=" in line)
    try:
        count = {key: int(said.get(key, 1)) for key in ("images", "channels", "slices", "frames")}
        spacing = float(said["spacing"]) if "spacing" in said else None
    except ValueError as error:
        raise read_error(layout.path, f"an ImageJ description that is no number ({error})", "numbers") from error
    images = max(count["images"], 1)
    if images > len(layout.pages) == 1:
        layout = with_contiguous_pages(layout, images)
    sizes = {"T": count["frames"], "Z": count["slices"], "C": count["channels"]}
    if math.prod(sizes.values()) == 1:
        sizes["Z"] = images
    return _finish(layout, "ImageJ TIFF", sizes, _voxel_um(layout, spacing, said.get("unit")))


def _finish(layout: TiffLayout, form: str, sizes: dict[str, int], voxel_um: VoxelHeader) -> StackFile:
    words = " x ".join(f"{n} {_AXIS_WORDS[axis]}" for axis, n in sizes.items())
    if min(sizes.values()) < 1 or math.prod(sizes.values()) != len(layout.pages):
        raise read_error(layout.path, f"{len(layout.pages)} pages", f"{words} as its header says")
    order = list(sizes)
    sizes = {"C": 1, "Z": 1, **sizes}
    order = [axis for axis in sizes if axis not in order] + order
    return single_file_plan(layout, order, sizes).open(layout.path, form, voxel_um)


def _shaped(layout: TiffLayout) -> tuple[dict[str, int], tuple[float | None, str | None]] | None:
    """Sizes and (spacing, unit) from tifffile's own description; None where it is another's."""
    if not layout.description.startswith('{"shape":'):
        return None
    try:
        said = json.loads(layout.description)
        shape = [int(n) for n in said["shape"]]
        axes = str(said.get("axes", "ZYX"[-len(shape) :])).upper().replace("Q", "Z").replace("I", "Z")
        spacing = None if said.get("spacing") is None else float(said["spacing"])
        unit = said.get("unit")
    except (ValueError, TypeError, KeyError) as error:
        found = f"a description that cannot be understood ({layout.description[:60]})"
        raise read_error(layout.path, found, "shape, axes, spacing and unit as tifffile writes them") from error
    outer = axes[:-2]
    if len(axes) != len(shape) or axes[-2:] != "YX" or len(set(outer)) != len(outer) or not set(outer) <= set("TZC"):
        raise read_error(layout.path, f"shape {shape} with axes {axes!r}", "each of T, Z and C at most once, then YX")
    return dict(zip(outer, shape, strict=False)) or {"Z": 1}, (spacing, None if unit is None else str(unit))


def _voxel_um(layout: TiffLayout, spacing: float | None, unit: str | None) -> VoxelHeader:
    per_unit = None if unit is None else um_per_unit(unit)
    if per_unit is not None:
        z = positive_or_none(None if spacing is None else abs(spacing) * per_unit)
        return (z, *(positive_or_none(per_unit / r) if r else None for r in layout.resolution))
    return (None, *lateral_um(layout))


def lateral_um(layout: TiffLayout) -> tuple[float | None, float | None]:
    """Size of a pixel (y, x), um, from the resolution tags where they are in a unit and finer than 20 um."""
    per_unit = _TIFF_UNIT_UM.get(layout.resolution_unit)
    if per_unit is None or not all(layout.resolution):
        return (None, None)
    sizes = tuple(positive_or_none(per_unit / r) for r in layout.resolution)
    return sizes if all(s is not None and s < _COARSEST_UM for s in sizes) else (None, None)
