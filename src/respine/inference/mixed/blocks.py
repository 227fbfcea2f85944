"""Where each random effect stands: connected components of the effects, packed into padded blocks of like size.

Symbols: Q2 random effects (of all terms but the first), M components in a bucket, S places in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from respine.core.errors import InputError

MAX_PLACES = 4000
"""Random effects, the largest term apart, that one dense block may hold."""
SMALL = 1e6
"""Work (in multiplications) that is not worth a bucket of its own."""


@dataclass(frozen=True)
class Bucket:
    """Components of like size, padded to one layout: term i holds places `slices[i]`, level by level.

    `index` (M, S) is the effect at each place, Q2 where the place is padding.
    """

    index: np.ndarray
    slices: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """M components, S places."""
        return self.index.shape


class Packing:
    """Takes dense blocks out of sparse (Q2, Q2) matrices, and rows of (Q2, K) ones, bucket by bucket."""

    def __init__(self, buckets: list[Bucket], n_effects: int) -> None:
        self.buckets = buckets
        self.n_effects = n_effects
        self.base = np.zeros(n_effects, dtype=np.int64)
        self.place = np.zeros(n_effects, dtype=np.int64)
        self.width = np.zeros(n_effects, dtype=np.int64)
        self.starts = [0]
        for bucket in buckets:
            m, s = bucket.shape
            at = np.nonzero(bucket.index < n_effects)
            held = bucket.index[at]
            self.base[held] = self.starts[-1] + at[0] * s * s
            self.place[held] = at[1]
            self.width[held] = s
            self.starts.append(self.starts[-1] + m * s * s)

    def blocks(self, matrix: sparse.sparray) -> list[np.ndarray]:
        """Give the (M, S, S) blocks of a sparse matrix that is zero between components."""
        entries = matrix.tocoo()
        row, column = entries.row, entries.col
        flat = np.zeros(self.starts[-1])
        flat[self.base[row] + self.place[row] * self.width[row] + self.place[column]] = entries.data
        pieces = zip(self.buckets, self.starts, self.starts[1:], strict=False)
        return [flat[a:b].reshape(*bucket.shape, bucket.shape[1]) for bucket, a, b in pieces]

    def rows(self, matrix: np.ndarray) -> list[np.ndarray]:
        """Give the (M, S, K) rows of a (Q2, K) matrix; padding is zero."""
        padded = np.vstack([matrix, np.zeros((1, matrix.shape[1]))])
        return [padded[bucket.index] for bucket in self.buckets]

    def unpack(self, pieces: list[np.ndarray]) -> np.ndarray:
        """Put (M, S, K) rows back into (Q2, K)."""
        out = np.zeros((self.n_effects + 1, pieces[0].shape[2] if pieces else 0))
        for bucket, piece in zip(self.buckets, pieces, strict=True):
            out[bucket.index.ravel()] = piece.reshape(-1, piece.shape[2])
        return out[:-1]


def _bucket_components(levels: np.ndarray, widths: np.ndarray) -> list[list[int]]:
    """Group components whose (levels a term) are so alike that padding at most doubles the work."""
    sizes = levels @ widths
    groups: list[list[int]] = []
    tops: list[np.ndarray] = []
    work: list[float] = []
    for component in np.argsort(-sizes, kind="stable"):
        top = np.maximum(tops[-1], levels[component]) if groups else levels[component]
        own = float(sizes[component]) ** 3
        if groups and float(top @ widths) ** 3 * (len(groups[-1]) + 1) <= 2 * (work[-1] + own) + SMALL:
            groups[-1].append(int(component))
            tops[-1], work[-1] = top, work[-1] + own
        else:
            groups.append([int(component)])
            tops.append(top)
            work.append(own)
    return groups


def pack_effects(pattern: sparse.sparray, n_levels: list[int], widths: list[int], names: list[str]) -> Packing:
    """Find the components of the random effects and pack them.

    Parameters
    ----------
    pattern : sparse array
        (Q2, Q2); nonzero where two effects meet in a row or through the first term.
    n_levels, widths : list of int
        Levels and effects a level of every term; together they give Q2.
    names : list of str
        The terms' names, for the message.

    Raises
    ------
    InputError
        One component holds more effects than a dense block may.
    """
    n_effects = int(np.dot(n_levels, widths))
    if not n_effects:
        return Packing([], 0)
    width = np.array(widths)
    starts = np.concatenate([[0], np.cumsum(np.array(n_levels) * width)])
    # the effects of a level belong together even where they do not meet in a row
    together = sparse.block_diag(
        [sparse.kron(sparse.eye_array(n), np.ones((w, w))) for n, w in zip(n_levels, widths, strict=True)]
    )
    component = sparse.csgraph.connected_components(abs(pattern) + together, directed=False)[1]
    homes = [component[a:b].reshape(-1, w)[:, 0] for a, b, w in zip(starts, starts[1:], widths, strict=False)]
    n_components = component.max() + 1
    levels = np.array([np.bincount(home, minlength=n_components) for home in homes]).T
    largest = int((levels @ width).max())
    if largest > MAX_PLACES:
        raise InputError(
            f"groups {', '.join(names)} tie {largest} random effects together (at most {MAX_PLACES} can be handled at "
            "once); give nested groups as a/b/c, or average within the smallest group"
        )
    orders = [np.argsort(home, kind="stable") for home in homes]
    ends = [np.concatenate([[0], np.cumsum(levels[:, i])]) for i in range(len(widths))]
    buckets = []
    for group in _bucket_components(levels, width):
        top = levels[group].max(axis=0)
        edges = np.concatenate([[0], np.cumsum(top * width)])
        index = np.full((len(group), int(edges[-1])), n_effects)
        for i, w in enumerate(widths):
            for m, home in enumerate(group):
                members = orders[i][ends[i][home] : ends[i][home + 1]]
                filled = starts[i] + (members[:, None] * w + np.arange(w)).ravel()
                index[m, edges[i] : edges[i] + len(filled)] = filled
        buckets.append(Bucket(index, tuple(slice(int(a), int(b)) for a, b in pairwise(edges))))
    return Packing(buckets, n_effects)
