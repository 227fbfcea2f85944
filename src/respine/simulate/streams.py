"""One random generator for each part of the mechanism, so that changing one part leaves the chance of the others."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """The random generators of a study.

    Parameters
    ----------
    seed : int
        Not negative.
    """

    seed: int

    def of(self, part: str) -> np.random.Generator:
        """Return the generator of one part, always from its beginning."""
        return np.random.Generator(np.random.SFC64([self.seed, zlib.crc32(part.encode())]))
