"""The variables of a formula, computed from a table: numbers or factors, with the rows that miss nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from respine.core.errors import InputError
from respine.inference.mixed.formula import Formula, Node, write_node

FUNCTIONS: dict[str, Callable] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": lambda x: x,
    "scale": lambda x: (x - x.mean()) / x.std(ddof=1),
}
ARITHMETIC: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}
FACTOR = ("factor", "as.factor")


@dataclass(frozen=True)
class Factor:
    """A factor: level names in order, and the level of every row."""

    name: str
    levels: tuple[str, ...]
    codes: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Rows a level."""
        return np.bincount(self.codes, minlength=len(self.levels))


@dataclass(frozen=True)
class Covariate:
    """A continuous variable."""

    name: str
    values: np.ndarray


Variable = Factor | Covariate


@dataclass(frozen=True)
class Frame:
    """The complete rows of a table as one formula sees them; `grouping` holds columns as factors."""

    response: np.ndarray
    variables: dict[Node, Variable]
    grouping: dict[Node, Factor]
    n_rows: int
    n_missing: int


def _label(level: object) -> str:
    """Name a level as R does: 5.0 is 5, True is TRUE."""
    if isinstance(level, bool | np.bool_):
        return str(level).upper()
    if isinstance(level, float | np.floating):
        return f"{level:.15g}"
    return str(level)


def _columns(node: Node) -> list[str]:
    if node.kind == "name":
        return [node.text]
    return [name for arg in node.args for name in _columns(arg)]


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def make_factor(column: pd.Series, name: str) -> Factor:
    """Make a factor of a column without gaps: a Categorical's order, else numbers by size and words by the alphabet.

    Levels that no row has are left out.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = set(column.cat.codes.unique())
        kept = [i for i in range(len(column.cat.categories)) if i in used]
        levels = [column.cat.categories[i] for i in kept]
        place = np.full(len(column.cat.categories), -1)
        place[kept] = np.arange(len(kept))
        codes = place[column.cat.codes.to_numpy()]
    else:
        raw, unique = pd.factorize(column)
        by_size = _is_number(column) or pd.api.types.is_bool_dtype(column)
        key = (lambda i: unique[i]) if by_size else (lambda i: (str(unique[i]).casefold(), str(unique[i]).swapcase()))
        order = sorted(range(len(unique)), key=key)
        levels = [unique[i] for i in order]
        codes = np.argsort(order)[raw]
    return Factor(name, tuple(_label(level) for level in levels), codes.astype(np.intp))


def _compute(node: Node, table: pd.DataFrame, text: str) -> np.ndarray:
    """Compute an expression of numbers."""
    if node.kind == "number":
        return np.float64(node.text)
    if node.kind == "name":
        if not _is_number(table[node.text]):
            raise InputError(
                f"formula {text!r}: column {node.text!r} holds no numbers, so nothing can be computed of it"
            )
        return table[node.text].to_numpy(dtype=float)
    args = [_compute(arg, table, text) for arg in node.args]
    if node.kind == "paren":
        return args[0]
    function = (FUNCTIONS if node.kind == "call" else ARITHMETIC).get(node.text)
    if function is None:
        known = ", ".join([*FUNCTIONS, *FACTOR])
        raise InputError(f"formula {text!r}: cannot compute {write_node(node)!r}; known are {known} and + - * / ^")
    with np.errstate(all="ignore"):
        if node.kind == "op" and len(args) == 1:
            return -args[0] if node.text == "-" else args[0]
        return function(*args)


def _make_variable(node: Node, table: pd.DataFrame, text: str) -> Variable:
    name = write_node(node)
    if node.kind == "call" and node.text in FACTOR:
        if node.args[0].kind != "name":
            raise InputError(f"formula {text!r}: {name!r}: only a column can be made a factor")
        return make_factor(table[node.args[0].text], name)
    if node.kind == "name" and not _is_number(table[node.text]):
        return make_factor(table[node.text], name)
    values = np.broadcast_to(np.asarray(_compute(node, table, text), dtype=float), len(table)).copy()
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        row = table.index[bad[0]]
        raise InputError(
            f"{name!r} is not a finite number in {len(bad)} row(s), first in row {row!r} ({values[bad[0]]}); "
            "leave them out or mark them as missing"
        )
    return Covariate(name, values)


def _check_factor(factor: Factor, n_rows: int) -> None:
    if len(factor.levels) < 2:
        raise InputError(
            f"factor {factor.name!r} has one level, {factor.levels[0]!r}, in the {n_rows} rows used; a factor needs two"
        )


def make_frame(formula: Formula, table: pd.DataFrame) -> Frame:
    """Compute what a formula names from a table, over the rows in which no column of the formula is missing.

    Raises
    ------
    InputError
        A column is unknown or not numeric where a number is needed; no row is complete; a factor has one level; the
        outcome is constant.
    """
    fixed = [v for term in formula.fixed.terms for v in term]
    varying = [v for random in formula.random for term in random.effects.terms for v in term]
    parts = [part for random in formula.random for part in random.parts]
    nodes = [formula.response, *fixed, *varying, *parts]
    needed = list(dict.fromkeys(name for node in nodes for name in _columns(node)))
    for name in needed:
        if name not in table.columns:
            raise InputError(
                f"formula {formula.text!r}: the table has no column {name!r}; it has {list(table.columns)}"
            )
        if isinstance(table[name], pd.DataFrame):
            raise InputError(f"formula {formula.text!r}: the table has more than one column {name!r}")
    used = table[needed].dropna().infer_objects()
    if not len(used):
        raise InputError(f"formula {formula.text!r}: none of the {len(table)} rows has all of {needed}")
    outcome = _make_variable(formula.response, used, formula.text)
    if isinstance(outcome, Factor):
        raise InputError(f"outcome {outcome.name!r} is not numeric (its first level is {outcome.levels[0]!r})")
    if np.ptp(outcome.values) == 0:
        raise InputError(
            f"outcome {outcome.name!r} is {outcome.values[0]:g} in all {len(used)} rows used; nothing is left "
            "to explain"
        )
    variables = {node: _make_variable(node, used, formula.text) for node in dict.fromkeys([*fixed, *varying])}
    for variable in variables.values():
        if isinstance(variable, Factor):
            _check_factor(variable, len(used))
    grouping = {}
    for part in dict.fromkeys(parts):
        column = part.args[0] if part.kind == "call" and part.text in FACTOR else part
        if column.kind != "name":
            raise InputError(f"formula {formula.text!r}: the group {write_node(part)!r} must be a column")
        grouping[part] = make_factor(used[column.text], write_node(part))
    return Frame(outcome.values, variables, grouping, len(used), len(table) - len(used))
