"""Find the tests in which a variance of zero hands degrees of freedom from animals to the dendrites within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from respine.inference.mixed.formula import Node
from respine.inference.mixed.groups import Grouping
from respine.inference.mixed.variables import Factor, Variable

if TYPE_CHECKING:
    from respine.inference.mixed.fit import MixedFit


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
    table = fit.anova()
    sentences = []
    for term, row in zip(fit.design.terms, table.itertuples(), strict=True):
        unit = find_unit(term, fit)
        if unit is None or unit.label not in zero or not row.den_df > unit.n_levels - 1:
            continue
        text = (
            f"{row.term} differs only between the {unit.n_levels} levels of {unit.name}, whose variance was estimated "
            f"as zero: its {row.den_df:.1f} denominator degrees of freedom (p = {row.p:.3g}) count what lies within "
            f"{unit.name}"
        )
        if fit.reml:
            exact = fit.anova("kenward-roger").set_index("term").loc[row.term]
            text += (
                f"; Kenward-Roger gives F({exact.num_df:.0f}, {exact.den_df:.1f}) = {exact.f:.4g}, p = {exact.p:.3g}"
            )
        sentences.append(text)
    return tuple(sentences)
