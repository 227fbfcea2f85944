"""A grey video as H.264 in an MP4 file."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from respine.core.errors import MissingExtraError


def write_video(path: Path, chunks: Iterable[np.ndarray], frame_rate_hz: float, quality_crf: int) -> None:
    """Write chunks of luma, each (frames, Y, X), uint8, to an H.264 MP4 file.

    One thread compresses, so that the same frames give the same bytes on any number of cores.

    Raises
    ------
    MissingExtraError
        PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av", "video", "writing a video") from error
    with av.open(str(path), "w", options={"movflags": "faststart"}) as file:
        stream = None
        for chunk in chunks:
            if stream is None:
                stream = file.add_stream("libx264", rate=Fraction(frame_rate_hz).limit_denominator(1001))
                stream.height, stream.width = chunk.shape[1:]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": str(quality_crf), "preset": "veryfast", "threads": "1"}
            picture = np.full((chunk.shape[1] * 3 // 2, chunk.shape[2]), 128, np.uint8)
            for luma in chunk:
                picture[: luma.shape[0]] = luma
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        if stream is not None:
            file.mux(stream.encode(None))
