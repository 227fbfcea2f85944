"""Find the tests in which a variance of zero hands degrees of freedom from animals to the dendrites within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from respine.inference.mixed.formula import Node
from respine.inference.mixed.groups import Grouping
from respine.inference.mixed.variables import Factor, Variable

if TYPE_CHECKING:
    from respine.inference.mixed.fit import MixedFit

MANY_MORE = 2.0
"""Satterthwaite's degrees of freedom are named where they exceed Kenward-Roger's so many times."""


def _is_constant(variable: Variable, group: Grouping) -> bool:
    """Say whether a variable has one value within every level of a group."""
    values = variable.codes if isinstance(variable, Factor) else variable.values
    order = np.argsort(group.codes, kind="stable")
    same_group = np.diff(group.codes[order]) == 0
    return bool((np.diff(values[order])[same_group] == 0).all())


def find_unit(term: tuple[Node, ...], fit: MixedFit) -> Grouping | None:
    """Find the coarsest group within whose levels a term does not vary: the unit that it was given to."""
    units = [g for g in fit.groupings if all(_is_constant(fit.frame.variables[v], g) for v in term)]
    return min(units, key=lambda g: g.n_levels, default=None)


def describe_borrowed_df(fit: MixedFit, zero: list[str]) -> tuple[str, ...]:
    """Name the terms whose Satterthwaite degrees of freedom exceed their units, beside the Kenward-Roger answer.

    Parameters
    ----------
    fit : MixedFit
        The model.
    zero : list of str
        Its groups whose variance is at zero.

    Returns
    -------
    tuple of str
        A sentence a term.
    """
    if not zero:
        return ()
    usual = fit.anova()
    careful = fit.anova("kenward-roger") if fit.reml else None
    sentences = []
    for i, (term, row) in enumerate(zip(fit.design.terms, usual.itertuples(), strict=True)):
        unit = find_unit(term, fit)
        other = None if careful is None else careful.loc[i]
        if unit is not None and unit.label in zero and row.den_df > unit.n_levels - 1:
            text = (
                f"{row.term} differs only between the {unit.n_levels} levels of {unit.name}, whose variance was "
                f"estimated as zero: its {row.den_df:.1f} denominator degrees of freedom (p = {row.p:.3g}) count what "
                f"lies within {unit.name}"
            )
        elif other is not None and row.den_df > MANY_MORE * other.den_df:
            text = (
                f"{row.term} is tested on {row.den_df:.1f} denominator degrees of freedom (p = {row.p:.3g}), because a "
                "variance was estimated as zero"
            )
        else:
            continue
        if other is not None:
            text += (
                f"; Kenward-Roger gives F({other.num_df:.0f}, {other.den_df:.1f}) = {other.f:.4g}, p = {other.p:.3g}"
            )
        sentences.append(text)
    return tuple(sentences)
