"""Model formulae in the notation of R: text to a tree, a tree to terms.

The notation is that of Wilkinson and Rogers with the bars of lme4::

    y ~ treatment * time + (1 | mouse/dendrite)

`parse_formula` gives a `Formula`: the response, the fixed terms in the order in which R expands them (main effects
first, then two-way interactions, ...; left to right within an order), and one `RandomTerm` a grouping.

References
----------
Wilkinson GN, Rogers CE (1973). Symbolic description of factorial models for analysis of variance. Applied Statistics
22:392-399. doi:10.2307/2346786
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from respine.core.errors import InputError

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_.\u0080-\uffff][\w.]*)|`(?P<quoted>[^`]+)`|(?P<sign>%in%|\|\||\*\*|[-+*/:^()|~,]))"
)
PRECEDENCE = {"|": 1, "||": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%in%": 4, ":": 5, "^": 7, "**": 7}
UNARY = 6


@dataclass(frozen=True)
class Node:
    """A node of the tree: an operator, a call, a number or a name, with its arguments."""

    kind: str
    text: str
    args: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Terms:
    """Fixed or random terms: each a frozen set's worth of variables, in order; and whether there is an intercept."""

    terms: tuple[tuple[Node, ...], ...]
    intercept: bool


@dataclass(frozen=True)
class RandomTerm:
    """`(effects | group)`: the effects that vary over a group; the group is a product of `parts` called `name`."""

    effects: Terms
    parts: tuple[Node, ...]
    name: str


@dataclass(frozen=True)
class Formula:
    """A parsed formula."""

    text: str
    response: Node
    fixed: Terms
    random: tuple[RandomTerm, ...]


class Reader:
    """Reads the tokens of one side of a formula from left to right."""

    def __init__(self, part: str, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while part[at:].strip():
            match = TOKEN.match(part, at)
            if match is None:
                raise InputError(f"formula {text!r}: cannot read {part[at:].strip()!r}")
            kind = str(match.lastgroup)
            self.tokens.append(("name" if kind == "quoted" else kind, match.group(kind)))
            at = match.end()
        self.at = 0

    def peek(self) -> tuple[str, str]:
        """Look at the next token: kind and text."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "the end")

    def take(self, expected: str | None = None) -> tuple[str, str]:
        """Take the next token, which must be the expected one if that is given."""
        kind, text = self.peek()
        if expected is not None and text != expected:
            raise InputError(f"formula {self.text!r}: found {text!r} where {expected!r} was expected")
        self.at += 1
        return kind, text

    def expression(self, floor: int = 0) -> Node:
        """Read operators that bind more tightly than `floor`."""
        left = self.operand()
        while self.peek()[0] == "sign" and PRECEDENCE.get(self.peek()[1], -1) > floor:
            text = self.take()[1]
            # powers bind from the right, everything else from the left
            right = self.expression(PRECEDENCE[text] - (text in ("^", "**")))
            left = Node("op", "^" if text == "**" else text, (left, right))
        return left

    def operand(self) -> Node:
        """Read a number, a name, a call, a bracket or a signed operand."""
        kind, text = self.take()
        if kind == "number":
            return Node("number", text)
        if kind == "sign" and text in "+-":
            return Node("op", text, (self.expression(UNARY),))
        if text == "(" and kind == "sign":
            inside = self.expression()
            self.take(")")
            return Node("paren", "(", (inside,))
        if kind != "name":
            raise InputError(f"formula {self.text!r}: found {text!r} where a variable was expected")
        if self.peek() != ("sign", "("):
            return Node("name", text)
        self.take("(")
        inside = self.expression()
        self.take(")")
        return Node("call", text, (inside,))


def write_node(node: Node) -> str:
    """Write a tree as R prints it: spaces around + - * |, none around ^ : and /."""
    if node.kind in ("name", "number"):
        return node.text
    inside = [write_node(arg) for arg in node.args]
    if node.kind == "call":
        return f"{node.text}({inside[0]})"
    if node.kind == "paren":
        return f"({inside[0]})"
    if len(inside) == 1:
        return f"{node.text}{inside[0]}"
    joint = node.text if node.text in ("^", ":", "/") else f" {node.text} "
    return joint.join(inside)


def expand_terms(node: Node, text: str) -> Terms:
    """Expand one side of a formula into terms, lower orders first, as R's `terms` does.

    Raises
    ------
    InputError
        An operator stands where the notation gives it no meaning.
    """
    found, intercept = _expand(node, text)
    has_intercept = True if intercept is None else intercept
    order = sorted(range(len(found)), key=lambda i: (len(found[i]), i))
    # within a term the variables stand in the order of their first appearance in the formula
    first = {variable: i for i, variable in reversed(list(enumerate(_variables(node))))}
    return Terms(tuple(tuple(sorted(found[i], key=first.__getitem__)) for i in order), has_intercept)


def _variables(node: Node) -> list[Node]:
    if node.kind in ("name", "call"):
        return [node]
    return [variable for arg in node.args for variable in _variables(arg)]


Found = tuple[list[tuple[Node, ...]], "bool | None"]


def _union(left: list[tuple[Node, ...]], right: list[tuple[Node, ...]]) -> list[tuple[Node, ...]]:
    kept = list(left)
    for term in right:
        if not any(set(term) == set(other) for other in kept):
            kept.append(term)
    return kept


def _products(left: list[tuple[Node, ...]], right: list[tuple[Node, ...]]) -> list[tuple[Node, ...]]:
    out: list[tuple[Node, ...]] = []
    for one in left:
        for two in right:
            out = _union(out, [one + tuple(v for v in two if v not in one)])
    return out


def _expand(node: Node, text: str) -> Found:
    """Give the terms of a tree, and what it says of the intercept: True, False or nothing."""
    if node.kind in ("name", "call"):
        return [(node,)], None
    if node.kind == "paren":
        return _expand(node.args[0], text)
    if node.kind == "number":
        if node.text not in ("0", "1"):
            raise InputError(f"formula {text!r}: {node.text!r} is no term; only 0 and 1 (no intercept, intercept) are")
        return [], node.text == "1"
    if len(node.args) == 1:
        found, said = _expand(node.args[0], text)
        return (found, said) if node.text == "+" else ([], None if said is None else not said)
    return _combine(node, text)


def _combine(node: Node, text: str) -> Found:
    left, left_says = _expand(node.args[0], text)
    if node.text == "^":
        power = node.args[1].text
        if node.args[1].kind != "number" or not power.isdigit() or int(power) < 1:
            raise InputError(f"formula {text!r}: the power {write_node(node.args[1])!r} must be a whole number from 1")
        out = left
        for _ in range(int(power) - 1):
            out = _union(out, _products(out, left))
        return out, left_says
    right, right_says = _expand(node.args[1], text)
    says = left_says if right_says is None else right_says
    if node.text == "+":
        return _union(left, right), says
    if node.text == "-":
        gone = [set(term) for term in right]
        return [t for t in left if set(t) not in gone], left_says if right_says is None else not right_says
    if node.text == "*":
        return _union(_union(left, right), _products(left, right)), says
    if node.text in (":", "%in%"):
        return _products(left, right), says
    if node.text == "/":
        whole: tuple[Node, ...] = ()
        for term in left:
            whole += tuple(v for v in term if v not in whole)
        return _union(left, _products([whole], right)), says
    raise InputError(f"formula {text!r}: {write_node(node)!r} must stand in brackets of its own: ({write_node(node)})")


def _split_bars(node: Node) -> tuple[Node | None, list[Node]]:
    """Take the bracketed bars out of a sum; what remains (None: nothing) and the bars, in order."""
    if node.kind == "paren" and node.args[0].kind == "op" and node.args[0].text in ("|", "||"):
        return None, [node.args[0]]
    if node.kind == "op" and node.text in ("+", "-") and len(node.args) == 2:
        left, left_bars = _split_bars(node.args[0])
        right, right_bars = _split_bars(node.args[1]) if node.text == "+" else (node.args[1], [])
        if left is None and node.text == "-":
            return Node("op", "-", (right,)), left_bars
        if left is None or right is None:
            return (left or right), left_bars + right_bars
        return Node("op", node.text, (left, right)), left_bars + right_bars
    return node, []


def _nested_groups(node: Node, text: str) -> list[tuple[tuple[Node, ...], str]]:
    """Write `a/b/c` as the groups `c:(b:a)`, `b:a` and `a`, named as lme4 names them."""
    if node.kind == "paren":
        return _nested_groups(node.args[0], text)
    if node.kind == "op" and node.text == "/":
        outer = _nested_groups(node.args[0], text)
        inner_parts, inner = _group(node.args[1], text)
        parts, name = outer[0]
        label = f"({name})" if len(parts) > 1 else name
        return [(inner_parts + parts, f"{inner}:{label}"), *outer]
    return [_group(node, text)]


def _group(node: Node, text: str) -> tuple[tuple[Node, ...], str]:
    if node.kind == "paren":
        return _group(node.args[0], text)
    if node.kind in ("name", "call"):
        return (node,), write_node(node)
    if node.kind == "op" and node.text == ":":
        left, right = _group(node.args[0], text)[0], _group(node.args[1], text)[0]
        return left + right, write_node(node)
    raise InputError(
        f"formula {text!r}: the group {write_node(node)!r} must be a column, or columns joined by ':' or '/'"
    )


def _read_bar(bar: Node, text: str) -> list[RandomTerm]:
    effects = expand_terms(bar.args[0], text)
    if not effects.terms and not effects.intercept:
        raise InputError(f"formula {text!r}: ({write_node(bar)}) lets nothing vary")
    pieces = [effects]
    if bar.text == "||":
        # no correlation: the intercept and each term by itself
        pieces = [Terms((), True)] if effects.intercept else []
        pieces += [Terms((term,), False) for term in effects.terms]
    return [RandomTerm(piece, parts, name) for piece in pieces for parts, name in _nested_groups(bar.args[1], text)]


def parse_formula(text: str) -> Formula:
    """Read a formula such as ``y ~ a * b + (1 + x | mouse/dendrite)``.

    Parameters
    ----------
    text : str
        The formula. Fixed terms take ``+ - * / : ^ %in% 0 1`` and brackets; random terms are ``(effects | group)`` or,
        without correlations, ``(effects || group)``.

    Returns
    -------
    Formula
        Response, fixed terms and random terms.

    Raises
    ------
    InputError
        The text is no such formula, or holds no random term.
    """
    if text.count("~") != 1:
        raise InputError(f"formula {text!r}: expected one '~' between the outcome and its terms")
    left, right = text.split("~")
    reader = Reader(left, text)
    response = reader.expression()
    reader.take("the end")
    reader = Reader(right, text)
    tree = reader.expression()
    reader.take("the end")
    rest, bars = _split_bars(tree)
    if not bars:
        raise InputError(
            f"formula {text!r}: no random term such as (1 | mouse); the animal is the unit of a mixed model"
        )
    fixed = Terms((), True) if rest is None else expand_terms(rest, text)
    return Formula(text, response, fixed, tuple(term for bar in bars for term in _read_bar(bar, text)))
