"""Marginal means and their differences, as rows over the columns of a design."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from respine.core.errors import InputError
from respine.inference.mixed.design import build_design
from respine.inference.mixed.formula import Node, Terms
from respine.inference.mixed.variables import Covariate, Factor, Variable


def _cells(variables: dict[Node, Variable]) -> tuple[dict[Node, Variable], list[Factor], int]:
    """Cross the levels of all factors, each covariate at its mean: the variables, the factors, the number of cells."""
    factors = [v for v in variables.values() if isinstance(v, Factor)]
    sizes = [len(f.levels) for f in factors]
    n_cells = int(np.prod(sizes))
    codes = np.array(list(itertools.product(*map(range, sizes)))).reshape(n_cells, len(sizes))
    crossed: dict[Node, Variable] = {}
    for node, variable in variables.items():
        if isinstance(variable, Factor):
            crossed[node] = Factor(variable.name, variable.levels, codes[:, factors.index(variable)])
        else:
            crossed[node] = Covariate(variable.name, np.full(n_cells, variable.values.mean()))
    return crossed, [v for v in crossed.values() if isinstance(v, Factor)], n_cells


def average_cells(
    terms: Terms, variables: dict[Node, Variable], names: Sequence[str]
) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """Average the cells of a design over all factors but the named ones, with equal weights.

    Parameters
    ----------
    terms : Terms
        The fixed terms.
    variables : dict of Node to Variable
        Their variables; covariates are set to their mean.
    names : sequence of str
        The factors to keep.

    Returns
    -------
    levels : list of tuple of str
        The combinations of the named factors' levels, the last factor fastest.
    rows : ndarray
        (combinations, P) weights of the coefficients, dropped ones included.

    Raises
    ------
    InputError
        A name is no factor of the model, or is given twice.
    """
    crossed, factors, n_cells = _cells(variables)
    by_name = {f.name: f for f in factors}
    for name in names:
        if name not in by_name:
            raise InputError(f"{name!r} is no factor of the fixed terms; these are {list(by_name)}")
    if len(set(names)) != len(names):
        raise InputError(f"a factor stands twice in {list(names)}")
    matrix = build_design(terms, crossed, n_cells).matrix
    kept = [by_name[name] for name in names]
    levels, rows = [], []
    for combination in itertools.product(*(range(len(f.levels)) for f in kept)):
        here = np.all([f.codes == i for f, i in zip(kept, combination, strict=True)], axis=0) | (not kept)
        levels.append(tuple(f.levels[i] for f, i in zip(kept, combination, strict=True)))
        rows.append(matrix[np.broadcast_to(here, n_cells)].mean(axis=0))
    return levels, np.array(rows)


def pair_levels(levels: Sequence[str], factor: str, against: str | None) -> list[tuple[int, int]]:
    """List the pairs to compare: each level with every later one, or every level with `against`.

    Raises
    ------
    InputError
        `against` is no level of the factor.
    """
    if against is None:
        return list(itertools.combinations(range(len(levels)), 2))
    if against not in levels:
        raise InputError(f"{against!r} is no level of {factor!r}; these are {list(levels)}")
    reference = list(levels).index(against)
    return [(i, reference) for i in range(len(levels)) if i != reference]
