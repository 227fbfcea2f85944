"""Fit a mixed model: formula and table in, `MixedFit` out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.inference.mixed.design import build_design, drop_dependent_columns
from respine.inference.mixed.fit import MixedFit
from respine.inference.mixed.formula import parse_formula
from respine.inference.mixed.groups import check_identified, make_groupings
from respine.inference.mixed.likelihood import find_optimum
from respine.inference.mixed.products import CrossProducts
from respine.inference.mixed.threads import one_thread
from respine.inference.mixed.variables import make_frame

EXPLAINED = 1e-10
"""A remainder of the outcome smaller than this share of its spread is none."""


def fit_mixed(table: pd.DataFrame, formula: str, reml: bool = True) -> MixedFit:
    """Fit a linear mixed model, as R's lme4 and lmerTest do.

    Parameters
    ----------
    table : DataFrame
        A row an observation. Words, booleans and Categoricals are factors (treatment contrasts; levels in alphabetical
        order, or in the order of the Categorical); numbers are covariates (``factor(time)`` makes one a factor). Rows
        in which a column of the formula is missing are left out and counted.
    formula : str
        For instance ``"formation ~ treatment * time + (1 | mouse/dendrite)"``. Fixed terms take ``+ - * / : ^``; random
        terms are ``(effects | group)``, nested groups ``a/b/c``, effects without correlation ``(x || a)``. Numbers may
        enter through log, log2, log10, log1p, exp, sqrt, abs, scale, and arithmetic within ``I()``.
    reml : bool
        Restricted likelihood (True), which tests need; or full likelihood, to compare models with other fixed terms.

    Returns
    -------
    MixedFit
        ``.fixed``, ``.anova()``, ``.variance``, ``.reml_criterion``, ``.singular``, ``.contrasts()``,
        ``.marginal_means()``, ``.notes`` and more.

    Raises
    ------
    InputError
        The formula cannot be read; a column is missing, constant or not finite; a factor or a group has one level; the
        data cannot tell the variances from the residual.

    References
    ----------
    Kuznetsova A, Brockhoff PB, Christensen RHB (2017). lmerTest package: tests in linear mixed effects models. Journal
    of Statistical Software 82(13). doi:10.18637/jss.v082.i13

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"mouse": list("aabbccdd"), "arm": list("vvvvkkkk"), "y": [1, 2, 3, 4, 5, 7, 8, 10]})
    >>> fit_mixed(table, "y ~ arm + (1 | mouse)").fixed[["term", "estimate", "df"]].round(3).values.tolist()
    [['(Intercept)', 7.5, 2.0], ['armv', -5.0, 2.0]]
    """
    parsed = parse_formula(formula)
    frame = make_frame(parsed, table)
    with one_thread():
        full = build_design(parsed.fixed, frame.variables, frame.n_rows)
        design = drop_dependent_columns(full)
        groupings = make_groupings(parsed, frame)
        n_rows, n_columns = design.matrix.shape
        if n_columns >= n_rows:
            raise InputError(
                f"formula {formula!r}: {n_columns} fixed coefficients cannot be told from {n_rows} rows; "
                "leave out terms or interactions"
            )
        basis, turn = np.linalg.qr(design.matrix)
        check_identified(groupings, basis)
        start = basis.T @ frame.response
        remainder = frame.response - basis @ start
        unit = float(np.linalg.norm(remainder))
        if unit <= EXPLAINED * np.linalg.norm(frame.response - frame.response.mean()):
            raise InputError(
                f"formula {formula!r}: the fixed terms explain all {n_rows} rows without remainder; nothing is left to "
                "test them against"
            )
        remainder /= unit
        point = find_optimum(CrossProducts(basis, remainder, groupings), reml)
    return MixedFit(parsed, reml, design, full, frame, tuple(groupings), point, turn, start, unit)
