"""Random terms: which row belongs to which level of which group, and with what weight."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from respine.core.errors import InputError
from respine.inference.mixed.design import build_design
from respine.inference.mixed.formula import Formula, RandomTerm
from respine.inference.mixed.variables import Factor, Frame


@dataclass(frozen=True)
class Grouping:
    """A random term over N rows: L levels of a group, C effects a level.

    `codes` (N,) is the level of a row, `weights` (N, C) the columns of the effects, each divided by its `scale` (its
    root mean square), so that slopes in any unit are of one size.
    """

    name: str
    label: str
    effects: tuple[str, ...]
    codes: np.ndarray
    n_levels: int
    weights: np.ndarray
    scale: np.ndarray

    @property
    def indicator(self) -> sparse.csr_array:
        """The design of the random effects, (N, L * C): level by level, in each its effects."""
        n_rows, n_effects = self.weights.shape
        columns = self.codes[:, None] * n_effects + np.arange(n_effects)
        shape = (n_rows, self.n_levels * n_effects)
        pointer = np.arange(n_rows + 1) * n_effects
        return sparse.csr_array((self.weights.ravel(), columns.ravel(), pointer), shape=shape)


def _combine_parts(parts: list[Factor], name: str) -> Factor:
    """Join factors into one whose levels are the combinations that occur."""
    codes = parts[0].codes
    for part in parts[1:]:
        codes = np.unique(codes * len(part.levels) + part.codes, return_inverse=True)[1]
    unique, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    levels = tuple(":".join(part.levels[part.codes[row]] for part in parts) for row in first[: len(unique)])
    return Factor(name, levels, codes)


def _make_grouping(random: RandomTerm, frame: Frame) -> Grouping:
    factor = _combine_parts([frame.grouping[part] for part in random.parts], random.name)
    design = build_design(random.effects, frame.variables, frame.n_rows)
    scale = np.sqrt((design.matrix**2).mean(axis=0))
    n_levels, n_rows = len(factor.levels), frame.n_rows
    if n_levels < 2:
        raise InputError(
            f"group {random.name!r} has one level, {factor.levels[0]!r}, in the {n_rows} rows used; "
            "how it varies cannot be estimated from one"
        )
    if n_levels >= n_rows:
        raise InputError(
            f"group {random.name!r} has {n_levels} levels in {n_rows} rows: its variance and the residual variance "
            "cannot be told apart; a group needs fewer levels than there are rows"
        )
    if n_levels * len(scale) >= n_rows:
        effects = ", ".join(design.names)
        raise InputError(
            f"group {random.name!r} has {n_levels} levels with {len(scale)} effects each ({effects}), "
            f"{n_levels * len(scale)} in all, in {n_rows} rows: too many to be told from the residual"
        )
    if not scale.all():
        raise InputError(f"group {random.name!r}: effect {design.names[int(np.argmin(scale))]!r} is zero in every row")
    return Grouping(random.name, random.name, design.names, factor.codes, n_levels, design.matrix / scale, scale)


def _check_distinct(groupings: list[Grouping]) -> None:
    """Refuse two groups that divide the rows in the same way and let a common effect vary."""
    for i, one in enumerate(groupings):
        for two in groupings[:i]:
            if one.n_levels != two.n_levels or not set(one.effects) & set(two.effects):
                continue
            pairs = len(np.unique(one.codes * two.n_levels + two.codes))
            if pairs == one.n_levels:
                raise InputError(
                    f"groups {two.name!r} and {one.name!r} divide the rows in the same way ({one.n_levels} levels "
                    "each): their variances cannot be told apart; leave one of them out"
                )


def check_identified(groupings: list[Grouping], basis: np.ndarray) -> None:
    """Refuse a group whose effects the fixed terms already hold: its variance cannot be told from them.

    Parameters
    ----------
    groupings : list of Grouping
        The random terms.
    basis : ndarray
        (N, P) orthonormal basis of the fixed design.

    Raises
    ------
    InputError
        There is such a group.
    """
    for g in groupings:
        inside = np.sum((g.indicator.T @ basis) ** 2)
        whole = np.sum(g.weights**2)
        if whole - inside < 1e-10 * whole:
            raise InputError(
                f"group {g.name!r} ({g.n_levels} levels) differs only where the fixed terms do, as with one level in "
                "each of their cells: its variance cannot be told from them"
            )


def make_groupings(formula: Formula, frame: Frame) -> list[Grouping]:
    """Build the random terms of a formula, in lme4's order: most levels first, names made unique by .1, .2, ...

    Raises
    ------
    InputError
        A group has one level, or as many effects as there are rows; or two groups are the same.
    """
    groupings = [_make_grouping(random, frame) for random in formula.random]
    _check_distinct(groupings)
    levels = [g.n_levels for g in groupings]
    if any(later > earlier for earlier, later in pairwise(levels)):
        groupings = [groupings[i] for i in sorted(range(len(levels)), key=lambda i: (levels[i], i))[::-1]]
    return [replace(g, label=label) for g, label in zip(groupings, _label([g.name for g in groupings]), strict=True)]


def _label(names: list[str]) -> list[str]:
    """Tell groups of one name apart as lme4 does, which then turns all names into syntactic ones."""
    if len(set(names)) == len(names):
        return names
    labels = []
    for name in names:
        plain = re.sub(r"[^\w.]", ".", name)
        plain = plain if plain[0].isalpha() or plain[0] == "." else f"X{plain}"
        times = sum(re.sub(r"\.\d+$", "", label) == plain for label in labels)
        labels.append(f"{plain}.{times}" if times else plain)
    return labels
