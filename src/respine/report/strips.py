"""Pictures of a dendrite: its crops cut into rows of readable width, with the marks that lie on them.

Symbols: S sessions, L lateral samples, P samples along the dendrite.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import imagecodecs
import numpy as np

from respine.report.content import DendriteCrop

ROW_UM = 60.0
"""The most that one row of pictures shows of a dendrite."""
SHORTEST_ROW_UM = 40.0
"""Rows are never drawn larger than this length across the page: the pixels would show."""
LOW_PERCENTILE, HIGH_PERCENTILE = 2.0, 99.95
"""Grey levels of a session that become black and white."""
GAMMA = 0.65
"""Under 1 lifts dim spines beside a bright shaft."""
GREY_LEVELS = 32
"""In a noisy picture more cannot be told apart by eye, and they do not compress."""
FEWER_GREY_LEVELS = 16
"""What the pictures of a large study have, so that its page still opens quickly."""
LARGE_PIXELS = 12e6
"""From this number of pixels in all pictures on a study is large."""


@dataclass(frozen=True)
class Span:
    """A piece of a dendrite: its columns of pixels, where they lie, and from where to where spines belong to it, um."""

    first: int
    last: int
    start_um: float
    length_um: float
    page_share: float
    reach_um: tuple[float, float]

    def holds(self, position_um: float | None) -> bool:
        """Return whether a spine at this position belongs here; the outermost pieces hold what lies beyond the ends."""
        return position_um is not None and self.reach_um[0] <= position_um < self.reach_um[1]


EVERYWHERE = Span(0, 0, 0.0, 1.0, 1.0, (-np.inf, np.inf))
"""A dendrite without a picture, in one piece."""


def spans_of(crop: DendriteCrop) -> list[Span]:
    """Cut a dendrite into pieces of equal length that are drawn at one scale."""
    columns = crop.images.shape[2]
    length_um = columns * crop.position_step_um
    # A hair over a full row is drawn in that row, not in a second one of its own.
    n = max(1, int(np.ceil(length_um / ROW_UM - 0.05)))
    edges = np.linspace(0, columns, n + 1).round().astype(int)
    scale_um = max(SHORTEST_ROW_UM, float(np.diff(edges).max()) * crop.position_step_um)
    spans = []
    for first, last in pairwise(edges):
        start_um = crop.position_start_um + (first - 0.5) * crop.position_step_um
        own_um = float(last - first) * crop.position_step_um
        reach_um = (-np.inf if first == 0 else start_um, np.inf if last == columns else start_um + own_um)
        spans.append(Span(int(first), int(last), float(start_um), own_um, own_um / scale_um, reach_um))
    return spans


def choose_levels(crops: Sequence[DendriteCrop]) -> int:
    """Return how many levels of grey the pictures of a study get."""
    return FEWER_GREY_LEVELS if sum(crop.images.size for crop in crops) > LARGE_PIXELS else GREY_LEVELS


def stretch(image: np.ndarray, levels: int = GREY_LEVELS) -> np.ndarray:
    """Return an image as 8-bit grey, stretched to its own range; pixels without a value become 0.

    Parameters
    ----------
    image : ndarray, shape (L, P)
        Grey levels; NaN where there is no image.
    levels : int
        How many levels of grey the picture has.

    Returns
    -------
    ndarray of uint8, shape (L, P)
    """
    image = np.asarray(image, dtype=float)
    known = np.isfinite(image)
    if not known.any():
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(image[known], [LOW_PERCENTILE, HIGH_PERCENTILE])
    scaled = np.clip((np.where(known, image, low) - low) / max(high - low, 1e-12), 0, 1) ** GAMMA
    grey = np.round(scaled * (levels - 1)) * (255 / (levels - 1))
    return np.where(known, grey, 0).round().astype(np.uint8)


def encode_png(grey: np.ndarray, known: np.ndarray) -> str:
    """Return a picture as a data URI; pixels that are not known are transparent.

    Parameters
    ----------
    grey : ndarray of uint8, shape (L, P)
    known : ndarray of bool, shape (L, P)
    """
    if not known.all():
        grey = np.stack([grey, np.where(known, 255, 0).astype(np.uint8)], axis=-1)
    # The filters of PNG predict smooth pictures; they make noisy ones a fifth larger.
    data = imagecodecs.png_encode(np.ascontiguousarray(grey), level=9, filter=imagecodecs.PNG.FILTER.NONE)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def pictures_of(crop: DendriteCrop, spans: list[Span], levels: int = GREY_LEVELS) -> dict[tuple[str, int], str]:
    """Return the picture of every session and span as a data URI; "" where the stack does not reach at all."""
    pictures = {}
    for session, image in zip(crop.sessions, crop.images, strict=True):
        # The first row of a picture is its top: left of the dendrite's direction, the largest offset.
        known = np.isfinite(image)[::-1]
        grey = stretch(image, levels)[::-1]
        for index, span in enumerate(spans):
            piece = slice(span.first, span.last)
            seen = known[:, piece].any()
            pictures[session, index] = encode_png(grey[:, piece], known[:, piece]) if seen else ""
    return pictures
