"""ScanImage TIFF: the header of the acquisition tells channels, slices, frames and volumes apart.

Read are the headers of ScanImage 2015 and later (`SI.hStackManager...`, in the Software tag or the description), of
ScanImage 4 and 5 (`scanimage.SI4...`) and of ScanImage 3 (`state.acq...`). The pages of all of them run, fastest first,
through channels, frames of a slice, slices, (frames of the flyback, which are dropped,) and volumes. Frames and volumes
are averaged. An acquisition that was stopped counts with the volumes that are complete; there must be one.

References
----------
Pologruto, Sabatini & Svoboda (2003) BioMedical Engineering OnLine 2:13, doi:10.1186/1475-925X-2-13.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from respine.io.stack_file import StackFile, positive_or_none, read_error
from respine.io.tiff import lateral_um
from respine.io.tiff_layout import TiffLayout
from respine.io.tiff_pages import PagePlan

_LINE = re.compile(r"^(?:scanimage\.)?((?:SI[45]?|state)\.[\w.()]+)\s*=\s*(.*?)\s*$")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class _Acquisition:
    channels: tuple[int, ...]
    names: tuple[str, ...]
    slices: int
    frames: int
    flyback: int
    z_um: float | None
    zoom: float | None
    field_um: tuple[float | None, float | None]


def scanimage_header(layout: TiffLayout) -> dict[str, str]:
    """Read the header as written, key by key; empty where the file is none of ScanImage's."""
    for text in (layout.software, layout.description, layout.artist):
        matches = (_LINE.match(line) for line in re.split(r"[\r\n]+", text))
        header = {match[1]: match[2] for match in matches if match}
        if any(key.startswith(("SI", "state.acq.")) for key in header):
            return header
    return {}


def open_scanimage(layout: TiffLayout, header: dict[str, str]) -> StackFile:
    """Open a ScanImage TIFF as far as its header.

    Raises
    ------
    ReadError
        The header lacks the number of slices or channels, the acquisition has several regions of interest, or the
        file holds less than one volume.
    """
    if _flag(header, "SI.hRoiManager.mroiEnable"):
        raise read_error(layout.path, "an acquisition of several regions of interest", "one field of view")
    acquisition = _acquisition(header)
    channels = len(acquisition.channels)
    frames, slices = acquisition.frames, acquisition.slices
    if min(channels, frames, slices) < 1:
        found = f"a header with {channels} channels, {slices} slices and {frames} frames per slice"
        raise read_error(layout.path, found, "at least one of each")
    used = slices * frames
    period = used + acquisition.flyback
    # The flyback after the last volume may not have been saved.
    volumes = (len(layout.pages) + acquisition.flyback * channels) // (period * channels)
    if volumes < 1:
        expected = f"{used * channels} = {channels} channels x {slices} slices x {frames} frames, as its header says"
        raise read_error(layout.path, f"{len(layout.pages)} pages", expected)
    v, s, f, c = np.ogrid[:volumes, :slices, :frames, :channels]
    page = ((v * period + s * frames + f) * channels + c).transpose(3, 1, 0, 2).reshape(channels, slices, -1)
    plan = PagePlan((layout,), np.zeros_like(page), page)
    _, _, height, width = plan.shape
    lateral = tuple(
        positive_or_none(None if extent is None else extent / count)
        for extent, count in zip(acquisition.field_um, (height, width), strict=True)
    )
    if None in lateral:
        lateral = lateral_um(layout)
    return plan.open(
        layout.path,
        "ScanImage TIFF",
        (acquisition.z_um, *lateral),
        acquisition.names,
        acquisition.channels,
        acquisition.zoom,
    )


def _acquisition(header: dict[str, str]) -> _Acquisition:
    if any(key.startswith("SI.") for key in header):
        return _si(header)
    if any(key.startswith("state.") for key in header):
        return _si3(header)
    return _si4(header)


def _si(header: dict[str, str]) -> _Acquisition:
    stack, fast = "SI.hStackManager.", "SI.hFastZ."
    slices = _first(header, stack + "actualNumSlices", stack + "numSlices") or 1
    averaged = _first(header, "SI.hScan2D.logAverageFactor") or 1
    frames = max((_first(header, stack + "framesPerSlice") or 1) // averaged, 1)
    with_flyback = _first(header, stack + "numFramesPerVolumeWithFlyback")
    flyback = 0
    if _flag(header, fast + "enable"):  # before 2020, volumes were made by hFastZ, one frame a slice
        frames = 1
        with_flyback = _first(header, fast + "numFramesPerVolume")
    elif not _flag(header, stack + "enable", True):
        slices, frames = 1, 1
        with_flyback = None
    elif header.get(stack + "stackMode", "").strip("'\"") == "slow":
        with_flyback = None
    if with_flyback is not None:
        flyback = max(int(with_flyback) - int(slices * frames), 0)
    channels = tuple(int(n) for n in _numbers(header.get("SI.hChannels.channelSave", "")))
    all_names = re.findall(r"'([^']*)'", header.get("SI.hChannels.channelName", ""))
    names = [all_names[c - 1] if 0 < c <= len(all_names) else str(c) for c in channels]
    z_um = _first(header, stack + "actualStackZStepSize", stack + "stackZStepSize")
    return _Acquisition(
        channels,
        tuple(names) if len(set(names)) == len(names) else (),
        int(slices),
        int(frames),
        flyback,
        positive_or_none(None if z_um is None else abs(z_um)),
        _first(header, "SI.hRoiManager.scanZoomFactor"),
        _field_um(header),
    )


def _field_um(header: dict[str, str]) -> tuple[float | None, float | None]:
    """Height and width of the field, um, from its four corners (x, y)."""
    corners = _numbers(header.get("SI.hRoiManager.imagingFovUm", ""))
    scale = 1.0
    if len(corners) != 8:
        corners = _numbers(header.get("SI.hRoiManager.imagingFovDeg", ""))
        scale = _first(header, "SI.objectiveResolution") or float("nan")
    if len(corners) != 8:
        return (None, None)
    x, y = np.array(corners[0::2]), np.array(corners[1::2])
    return float(np.ptp(y) * scale), float(np.ptp(x) * scale)


def _si4(header: dict[str, str]) -> _Acquisition:
    prefix = next(iter(header)).partition(".")[0] + "."
    averaged = _first(header, prefix + "acqNumAveragedFrames") or 1
    frames = (_first(header, prefix + "acqNumFrames") or 1) // averaged
    z_um = _first(header, prefix + "stackZStepSize")
    return _Acquisition(
        tuple(int(n) for n in _numbers(header.get(prefix + "channelsSave", ""))),
        (),
        int(_first(header, prefix + "stackNumSlices") or 1),
        max(int(frames), 1),
        0,
        positive_or_none(None if z_um is None else abs(z_um)),
        _first(header, prefix + "scanZoomFactor"),
        (None, None),
    )


def _si3(header: dict[str, str]) -> _Acquisition:
    prefix = "state.acq."
    averaged = _flag(header, prefix + "averaging")
    z_um = _first(header, prefix + "zStepSize")
    return _Acquisition(
        tuple(n for n in range(1, 5) if _flag(header, f"{prefix}savingChannel{n}")),
        (),
        int(_first(header, prefix + "numberOfZSlices") or 1),
        1 if averaged else int(_first(header, prefix + "numberOfFrames") or 1),
        0,
        positive_or_none(None if z_um is None else abs(z_um)),
        _first(header, prefix + "zoomFactor"),
        (None, None),
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in _NUMBER.findall(text)]


def _first(header: dict[str, str], *keys: str) -> float | None:
    """First number that one of the keys has; ScanImage leaves [] where a value is not known."""
    for key in keys:
        numbers = _numbers(header.get(key, ""))
        if numbers:
            return numbers[0]
    return None


def _flag(header: dict[str, str], key: str, default: bool = False) -> bool:
    if key not in header:
        return default
    return header[key].strip().lower() in ("1", "true")
