"""Design matrices with R's names and coding: treatment contrasts, or a column a level where a margin is absent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.inference.mixed.formula import Node, Terms, write_node
from respine.inference.mixed.variables import Factor, Variable

RANK_TOLERANCE = 1e-7
"""A column whose part not explained by earlier ones is smaller than this share of its length is dropped, as R does."""


@dataclass(frozen=True)
class Design:
    """A design matrix of N rows and P columns; `term_of` gives a column's term (-1: the intercept).

    `dummies` is the same with a column for every level of every factor, which type III hypotheses need.
    """

    matrix: np.ndarray
    names: tuple[str, ...]
    term_of: np.ndarray
    term_names: tuple[str, ...]
    terms: tuple[tuple[Node, ...], ...]
    dropped: tuple[str, ...] = ()


def lacks_margin(terms: Terms, i: int, variable: Node) -> bool:
    """Say whether term i without this variable is neither empty nor within an earlier term."""
    margin = set(terms.terms[i]) - {variable}
    return bool(margin) and not any(margin <= set(earlier) for earlier in terms.terms[:i])


def choose_codings(terms: Terms, variables: dict[Node, Variable]) -> list[dict[Node, bool]]:
    """Say for every factor of every term whether it has a column a level (True) or one fewer (False).

    A factor is coded by contrasts where its margin (the term without it) lies within an earlier term or is empty.
    Without an intercept, the first factor of the first term with one takes a column a level.
    """
    codings: list[dict[Node, bool]] = []
    for i, term in enumerate(terms.terms):
        factors = [v for v in term if isinstance(variables[v], Factor)]
        codings.append({v: lacks_margin(terms, i, v) for v in factors})
    if not terms.intercept:
        for coding in codings:
            if coding:
                coding[next(iter(coding))] = True
                break
    return codings


def _code_variable(variable: Variable, full: bool) -> tuple[np.ndarray, list[str]]:
    if isinstance(variable, Factor):
        start = 0 if full else 1
        columns = (variable.codes[:, None] == np.arange(start, len(variable.levels))).astype(float)
        return columns, [f"{variable.name}{level}" for level in variable.levels[start:]]
    return variable.values[:, None], [variable.name]


def _code_term(coded: list[tuple[np.ndarray, list[str]]]) -> tuple[np.ndarray, list[str]]:
    """Multiply the columns of a term's variables; the first variable runs fastest."""
    matrix, names = coded[0]
    for columns, labels in coded[1:]:
        matrix = (columns[:, :, None] * matrix[:, None, :]).reshape(len(matrix), -1)
        names = [f"{name}:{label}" for label in labels for name in names]
    return matrix, names


def build_design(terms: Terms, variables: dict[Node, Variable], n_rows: int, dummies: bool = False) -> Design:
    """Build the design matrix of some terms.

    Parameters
    ----------
    terms : Terms
        Terms in order, and whether there is an intercept.
    variables : dict of Node to Variable
        The variables, each over N rows.
    n_rows : int
        N, needed where there are no variables.
    dummies : bool
        A column for every level of every factor (more columns than can be estimated) instead of R's coding.

    Returns
    -------
    Design
        The matrix (N, P), the names of its columns as R gives them, and the term of every column.
    """
    blocks = [np.ones((n_rows, 1))] if terms.intercept else []
    names = ["(Intercept)"] if terms.intercept else []
    term_of = [-1] if terms.intercept else []
    for i, (term, coding) in enumerate(zip(terms.terms, choose_codings(terms, variables), strict=True)):
        block, labels = _code_term([_code_variable(variables[v], dummies or coding.get(v, False)) for v in term])
        blocks.append(block)
        names += labels
        term_of += [i] * len(labels)
    matrix = np.hstack(blocks) if blocks else np.zeros((n_rows, 0))
    term_names = tuple(":".join(write_node(v) for v in term) for term in terms.terms)
    return Design(matrix, tuple(names), np.array(term_of, dtype=int), term_names, terms.terms)


def drop_dependent_columns(design: Design) -> Design:
    """Drop every column that the columns before it explain, and name it."""
    basis = np.zeros_like(design.matrix)
    kept: list[int] = []
    for j, column in enumerate(design.matrix.T):
        length = np.linalg.norm(column)
        left = column
        for _ in range(2):  # once more, for what rounding left over
            left = left - basis[:, : len(kept)] @ (basis[:, : len(kept)].T @ left)
        size = np.linalg.norm(left)
        if size > RANK_TOLERANCE * length:
            basis[:, len(kept)] = left / size
            kept.append(j)
    dropped = tuple(name for j, name in enumerate(design.names) if j not in kept)
    if not dropped:
        return design
    names = tuple(design.names[j] for j in kept)
    return Design(design.matrix[:, kept], names, design.term_of[kept], design.term_names, design.terms, dropped)
