"""Positions that somebody else found (a rater, another program) brought onto dendrites and linked over sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from respine.core.errors import InputError
from respine.structure.spines.link import LinkSettings, Spots, link_spines
from respine.structure.spines.straighten import Ribbon


def link_positions(
    ribbons: Sequence[Sequence[Ribbon]],
    heads_um: Sequence[np.ndarray],
    bases_um: Sequence[np.ndarray],
    settings: LinkSettings = LinkSettings(),  # noqa: B008
) -> list[np.ndarray]:
    """Say which positions of different sessions are one spine.

    Parameters
    ----------
    ribbons : sequence over dendrites of sequences over S sessions
        On common axes, as `judge_dendrite` returns them.
    heads_um, bases_um : sequence over S sessions of ndarray, shape (N_s, 3)
        Positions (z, y, x) in each session's raw stack.

    Returns
    -------
    list over S sessions of ndarray, shape (N_s,), int
        Number of the spine; equal numbers in different sessions are one spine.

    Raises
    ------
    InputError
        The sessions of heads, bases and ribbons do not match.
    """
    sizes = [(len(h), len(b)) for h, b in zip(heads_um, bases_um, strict=True)]
    if any(h != b for h, b in sizes) or any(len(r) != len(sizes) for r in ribbons):
        raise InputError(f"each session needs as many heads as bases, and a ribbon of each dendrite; found {sizes}")
    nearest = [_nearest_dendrite([r[s] for r in ribbons], bases) for s, bases in enumerate(bases_um)]
    numbers = [np.full(h, -1) for h, _ in sizes]
    used = 0
    for d, of_dendrite in enumerate(ribbons):
        members = [np.flatnonzero(near == d) for near in nearest]
        rows = [
            np.column_stack([np.full(len(m), s), r.from_raw(heads_um[s][m]), r.from_raw(bases_um[s][m])[:, 0]])
            for s, (r, m) in enumerate(zip(of_dendrite, members, strict=True))
        ]
        session, position, lateral, axial, base = np.concatenate(rows).T
        identity = used + link_spines(Spots(session.astype(int), position, base, lateral, axial), settings)
        for s, member in enumerate(members):
            numbers[s][member] = identity[session == s]
        used = identity.max(initial=used - 1) + 1
    return numbers


def _nearest_dendrite(ribbons: Sequence[Ribbon], points_um: np.ndarray) -> np.ndarray:
    """Index of the dendrite whose axis lies nearest to each point, shape (N,)."""
    distances = [cKDTree(r.line_um).query(points_um)[0] for r in ribbons]
    return np.argmin(distances, axis=0)
