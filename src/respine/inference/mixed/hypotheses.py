"""What each term's type III test says: rows of coefficients that are zero under its null hypothesis.

A term is tested after all others, and apart from the interactions that contain it: its coefficients, written as
functions of one mean a cell, are taken orthogonal to those of the terms that contain it. In a full factorial this gives
differences from the reference level averaged with equal weight over the levels of the other factors; a covariate
outside the term stays at zero.

References
----------
Goodnight JH (1980). Tests of hypotheses in fixed effects linear models. Communications in Statistics A 9:167-180.
doi:10.1080/03610928008827869
"""

from __future__ import annotations

import numpy as np

from respine.inference.mixed.design import Design, build_design, lacks_margin
from respine.inference.mixed.formula import Node, Terms
from respine.inference.mixed.variables import Covariate, Variable

TINY = 1e-8


def _contains(terms: Terms, variables: dict[Node, Variable]) -> list[list[int]]:
    """List for every term the terms that contain it: the same covariates and more factors.

    A variable whose margin is not in the model does not count, as in R.
    """
    counted = [{v for v in term if not lacks_margin(terms, i, v)} for i, term in enumerate(terms.terms)]
    numbers = [{v for v in term if isinstance(variables[v], Covariate)} for term in counted]
    every = range(len(counted))
    return [[j for j in every if counted[i] < counted[j] and numbers[i] == numbers[j]] for i in every]


def _sequential_rows(design: Design) -> list[np.ndarray]:
    """Give the rows for a model of one term, where types I and III agree: those of the sequential test."""
    cross = design.matrix.T @ design.matrix
    lower = np.linalg.cholesky(cross)
    rows = (lower / np.diag(lower)).T
    return [rows[design.term_of == i] for i in range(len(design.terms))]


def build_type3_rows(design: Design, terms: Terms, variables: dict[Node, Variable]) -> list[np.ndarray]:
    """Build the hypothesis of every term.

    Parameters
    ----------
    design : Design
        The design of full rank, P columns.
    terms : Terms
        The fixed terms.
    variables : dict of Node to Variable
        Their variables over the rows used.

    Returns
    -------
    list of ndarray
        For every term its rows (K, P); none where the term has no column of its own.
    """
    if len(terms.terms) <= 1:
        return _sequential_rows(design)
    cells = build_design(terms, variables, len(design.matrix), dummies=True).matrix
    basis, turn = np.linalg.qr(design.matrix)
    means = np.linalg.solve(turn, basis.T @ cells).T
    means[np.abs(means) < TINY * np.abs(means).max()] = 0.0
    rows = []
    for i, containing in enumerate(_contains(terms, variables)):
        own = np.flatnonzero(design.term_of == i)
        others = np.flatnonzero(np.isin(design.term_of, containing))
        hypothesis = np.eye(means.shape[1])[own]
        if len(own) and len(others):
            hypothesis[:, others] -= np.linalg.lstsq(means[:, others], means[:, own], rcond=None)[0].T
        rows.append(hypothesis)
    return rows
