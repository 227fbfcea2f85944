"""A movie as ScanImage writes it: one page a frame, the acquisition in the Software tag, the time with each frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile


def write_movie(path: Path, chunks: Iterable[np.ndarray], frames: int, frame_rate_hz: float, pixel_um: float) -> None:
    """Write chunks of frames, each (frames, Y, X), to a TIFF file with the header of ScanImage.

    Parameters
    ----------
    path : Path
    chunks : iterable of ndarray
    frames : int
        How many frames there will be in all.
    frame_rate_hz : float
    pixel_um : float
        Size of a pixel, um.
    """
    software = None
    number = 0
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for chunk in chunks:
            if software is None:
                software = _header(chunk.shape[1:], frames, frame_rate_hz, pixel_um)
            for frame in chunk:
                number += 1
                file.write(
                    frame,
                    photometric="minisblack",
                    software=software if number == 1 else False,
                    description=_frame_header(number, frame_rate_hz),
                    metadata=None,
                    contiguous=False,
                )


def _header(shape: tuple[int, ...], frames: int, frame_rate_hz: float, pixel_um: float) -> str:
    height, width = (n * pixel_um / 2 for n in shape)
    corners = ";".join(
        f"{x:g} {y:g}" for x, y in ((-width, -height), (width, -height), (width, height), (-width, height))
    )
    return "\n".join(
        (
            "SI.VERSION_MAJOR = '2019a'",
            "SI.hChannels.channelName = {'GCaMP'}",
            "SI.hChannels.channelSave = 1",
            "SI.hFastZ.enable = false",
            "SI.hRoiManager.mroiEnable = false",
            f"SI.hRoiManager.imagingFovUm = [{corners}]",
            f"SI.hRoiManager.pixelsPerLine = {shape[1]}",
            f"SI.hRoiManager.linesPerFrame = {shape[0]}",
            f"SI.hRoiManager.scanFrameRate = {frame_rate_hz:g}",
            f"SI.hRoiManager.scanFramePeriod = {1 / frame_rate_hz:g}",
            "SI.hStackManager.enable = false",
            f"SI.hStackManager.framesPerSlice = {frames}",
            "SI.hStackManager.numSlices = 1",
        )
    )


def _frame_header(number: int, frame_rate_hz: float) -> str:
    time_s = (number - 1) / frame_rate_hz
    return f"frameNumbers = {number}\nacquisitionNumbers = 1\nframeTimestamps_sec = {time_s:.6f}"
