"""Bruker (Prairie View) recordings: an XML that names every frame, and the TIFF files with their pages.

Read are `PVScan` files with `PVStateValue` entries (Prairie View 5) and with `Key` entries (before). The z-stack is a
sequence of type ZSeries; several sequences of equal length (cycles, or a T-series of z-series) are averaged.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from respine.io.stack_file import StackFile, positive_or_none, read_error
from respine.io.tiff_layout import TiffLayout, read_tiff_layout
from respine.io.tiff_pages import PagePlan

Slice = dict[int, tuple[str, int]]  # channel: (file, page)


def is_prairie_view(first: bytes) -> bool:
    """Whether a file that starts with these bytes is a PVScan XML."""
    return b"<PVScan" in first


def prairie_view_files(folder: Path) -> list[Path]:
    """The PVScan files of a folder, in order."""
    found = []
    for path in sorted(folder.glob("*.xml")):
        with open(path, "rb") as file:
            if is_prairie_view(file.read(2048)):
                found.append(path)
    return found


def open_bruker(path: Path) -> StackFile:
    """Open a Prairie View recording by its XML.

    Raises
    ------
    ReadError
        The XML is broken or lists no z-stack, its frames or channels do not match each other, or a file that it
        names is missing or is not what it should be.
    """
    try:
        root = ET.fromstring(path.read_bytes())
    except (ET.ParseError, ValueError) as error:
        raise read_error(path, f"broken XML ({error})", "a PVScan as Prairie View writes it") from error
    names: dict[int, str] = {}
    sequences = [s for s in (_slices(path, e, names) for e in root.iter("Sequence")) if s]
    counts = [len(sequence) for sequence in sequences]
    if not sequences or len(set(counts)) > 1:
        raise read_error(path, f"sequences of {counts} frames", "z-series of equal numbers of slices")
    channels = sorted(names)
    for number, sequence in enumerate(sequences, 1):
        for k, frame in enumerate(sequence, 1):
            if sorted(frame) != channels:
                found = f"channels {sorted(frame)} in frame {k} of sequence {number}"
                raise read_error(path, found, f"channels {channels} in every frame")
    plan = _plan(path, sequences, channels)
    state = _state(root)
    voxel_um = (_step_um(root, state), _size(state, "YAxis"), _size(state, "XAxis"))
    return plan.open(
        path, "Bruker", voxel_um, [names[c] for c in channels], channels, _number(state.get("opticalZoom"))
    )


def _slices(path: Path, sequence: ET.Element, names: dict[int, str]) -> list[Slice]:
    kind = sequence.get("type", "ZSeries")
    if "ZSeries" not in kind:
        raise read_error(path, f"a sequence of type {kind!r}", "a ZSeries")
    frames = []
    for frame in sequence.iter("Frame"):
        files: Slice = {}
        for entry in frame.iter("File"):
            channel, page, name = entry.get("channel", ""), entry.get("page", "1"), entry.get("filename", "")
            if not (channel.isdecimal() and page.isdecimal() and int(page) and name):
                found = f"a File with channel {channel!r}, page {page!r}, filename {name!r}"
                raise read_error(path, found, "a number, a page from 1 and a name")
            files[int(channel)] = (name, int(page) - 1)
            names.setdefault(int(channel), entry.get("channelName") or channel)
        frames.append(files)
    return frames


def _plan(path: Path, sequences: list[list[Slice]], channels: list[int]) -> PagePlan:
    listed = [[[frame[c] for frame in sequence] for sequence in sequences] for c in channels]
    files = list(dict.fromkeys(name for c in listed for sequence in c for name, _ in sequence))
    missing = [name for name in files if not (path.parent / Path(name).name).is_file()]
    if missing:
        found = f"{len(files) - len(missing)} of {len(files)} TIFF files (missing {missing[0]})"
        raise read_error(path, found, "all that it lists, in its own folder")
    layouts: list[TiffLayout] = []
    for name in files:
        layouts.append(read_tiff_layout(path.parent / Path(name).name))
    number = {name: k for k, name in enumerate(files)}
    where = np.array([[[(number[n], p) for n, p in sequence] for sequence in c] for c in listed])
    for k, layout in enumerate(layouts):
        last = int(where[..., 1][where[..., 0] == k].max()) + 1
        if last > len(layout.pages):
            raise read_error(layout.path, f"{len(layout.pages)} pages", f"{last} as {path.name} says")
    where = where.transpose(0, 2, 1, 3)  # channel, slice, sequence
    return PagePlan(tuple(layouts), where[..., 0], where[..., 1])


def _state(element: ET.Element) -> dict[str, str]:
    """The state values before the first sequence, each axis as `key_Axis`."""
    values: dict[str, str] = {}
    for shard in element.findall("PVStateShard") or element.iter("PVStateShard"):
        for entry in shard.iter():
            key = entry.get("key")
            if entry.tag == "Key" and key:
                values.setdefault(key, entry.get("value", ""))
            elif entry.tag == "PVStateValue" and key:
                if entry.get("value") is not None:
                    values.setdefault(key, entry.get("value", ""))
                for part in entry.iter("IndexedValue"):
                    values.setdefault(f"{key}_{part.get('index')}", part.get("value", ""))
    return values


def _size(state: dict[str, str], axis: str) -> float | None:
    return positive_or_none(_number(state.get(f"micronsPerPixel_{axis}")))


def _step_um(root: ET.Element, state: dict[str, str]) -> float | None:
    """Step between slices: from the positions of the frames where they have them, else as the state says."""
    sequence = root.find("Sequence")
    positions = [_position(frame) for frame in sequence.iter("Frame")] if sequence is not None else []
    if len(positions) > 1 and None not in positions:
        step = float(np.median(np.abs(np.diff(positions))))
        if step > 0:
            return step
    return _size(state, "ZAxis")


def _position(frame: ET.Element) -> float | None:
    for entry in frame.iter():
        if entry.tag == "Key" and entry.get("key") == "positionCurrent_ZAxis":
            return _number(entry.get("value", "").split(",")[0])
        if entry.tag == "PVStateValue" and entry.get("key") == "positionCurrent":
            for axis in entry.iter("SubindexedValues"):
                if axis.get("index") == "ZAxis":
                    # Two focus devices may share the movement: what moves the focus is their sum.
                    parts = [_number(part.get("value")) for part in axis.iter("SubindexedValue")]
                    return None if None in parts or not parts else sum(parts)
    return None


def _number(text: str | None) -> float | None:
    if text is None or not re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", text.strip()):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def open_bruker_folder(folder: Path, files: list[Path]) -> StackFile:
    """Open the recording of a folder that holds one PVScan file.

    Raises
    ------
    ReadError
        There are several, so that one must be named; or as `open_bruker`.
    """
    if len(files) > 1:
        found = f"{len(files)} Prairie View recordings ({', '.join(f.name for f in files[:3])})"
        raise read_error(folder, found, "one; give the path of its XML")
    return open_bruker(files[0])
