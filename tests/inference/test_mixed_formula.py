"""Formulae: terms in R's order, random terms as lme4 names them, and what cannot be read."""

import pytest

from respine.core.errors import InputError
from respine.inference.mixed.formula import parse_formula, write_node


def fixed(text):
    parsed = parse_formula(f"y ~ {text} + (1 | m)").fixed
    return ["1"] * parsed.intercept + [":".join(map(write_node, term)) for term in parsed.terms]


# the right-hand sides are R's: attr(terms(~ ...), "term.labels"), with 1 for an intercept
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "1, a"),
        ("a * b", "1, a, b, a:b"),
        ("a * b * c", "1, a, b, c, a:b, a:c, b:c, a:b:c"),
        ("a:b + c", "1, c, a:b"),
        ("b:a + a + b", "1, a, b, b:a"),
        ("(a + b + c)^2", "1, a, b, c, a:b, a:c, b:c"),
        ("(a + b)**2 - a", "1, b, a:b"),
        ("(a + b + c)^2 - a:b", "1, a, b, c, a:c, b:c"),
        ("a/b", "1, a, a:b"),
        ("(a + b)/c", "1, a, b, a:b:c"),
        ("a + b %in% a", "1, a, a:b"),
        ("0 + a", "a"),
        ("a - 1", "a"),
        ("-1 + a", "a"),
        ("a + 0 + 1", "1, a"),
        ("a + a:a + a", "1, a"),
        ("a * b - a:b", "1, a, b"),
        ("log(x) + I(x^2 + 1)", "1, log(x), I(x^2 + 1)"),
        ("I(-x/2 * 3)", "1, I(-x/2 * 3)"),
        ("+a", "1, a"),
        ("`dose (mg)`:a", "1, dose (mg):a"),
    ],
)
def test_terms(text, expected):
    assert fixed(text) == expected.split(", ")


def test_only_random_terms_leave_the_intercept():
    parsed = parse_formula("y ~ (1 | mouse)").fixed
    assert (parsed.intercept, parsed.terms) == (True, ())
    assert parse_formula("y ~ (1 | mouse) - 1").fixed.intercept is False


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(1 | mouse/dendrite)", ["dendrite:mouse", "mouse"]),
        ("(1 | mouse/fov/dendrite)", ["dendrite:(fov:mouse)", "fov:mouse", "mouse"]),
        ("(1 | a) + (1 | b)", ["a", "b"]),
        ("(1 | a:b)", ["a:b"]),
        ("(1 + x || a)", ["a", "a"]),
        ("(x | factor(a))", ["factor(a)"]),
    ],
)
def test_groups(text, names):
    assert [random.name for random in parse_formula(f"y ~ {text}").random] == names


def test_effects_of_a_group():
    correlated = parse_formula("y ~ (x | a)").random
    assert [(r.effects.intercept, len(r.effects.terms)) for r in correlated] == [(True, 1)]
    apart = parse_formula("y ~ (x * z || a)").random
    assert [(r.effects.intercept, len(r.effects.terms)) for r in apart] == [(True, 0)] + [(False, 1)] * 3
    only = parse_formula("y ~ (0 + x | a)").random
    assert [(r.effects.intercept, len(r.effects.terms)) for r in only] == [(False, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y + x", "formula 'y + x': expected one '~' between the outcome and its terms"),
        ("y ~ a ~ b", "formula 'y ~ a ~ b': expected one '~' between the outcome and its terms"),
        (
            "y ~ a + b",
            "formula 'y ~ a + b': no random term such as (1 | mouse); the animal is the unit of a mixed model",
        ),
        ("y ~ a $ b", "formula 'y ~ a $ b': cannot read '$ b'"),
        ("y ~ (a", "formula 'y ~ (a': found 'the end' where ')' was expected"),
        ("y ~ a) + (1 | m)", "formula 'y ~ a) + (1 | m)': found ')' where 'the end' was expected"),
        ("y ~ * a + (1 | m)", "formula 'y ~ * a + (1 | m)': found '*' where a variable was expected"),
        ("y ~ poly(x, 2) + (1 | m)", "formula 'y ~ poly(x, 2) + (1 | m)': found ',' where ')' was expected"),
        (
            "y ~ 2 + (1 | m)",
            "formula 'y ~ 2 + (1 | m)': '2' is no term; only 0 and 1 (no intercept, intercept) are",
        ),
        ("y ~ a^b + (1 | m)", "formula 'y ~ a^b + (1 | m)': the power 'b' must be a whole number from 1"),
        ("y ~ (0 | m)", "formula 'y ~ (0 | m)': (0 | m) lets nothing vary"),
        (
            "y ~ (1 | a * b)",
            "formula 'y ~ (1 | a * b)': the group 'a * b' must be a column, or columns joined by ':' or '/'",
        ),
        (
            "y ~ a | m + (1 | m)",
            "formula 'y ~ a | m + (1 | m)': no random term such as (1 | mouse); "
            "the animal is the unit of a mixed model",
        ),
        (
            "y ~ a:(1 | b) + (1 | m)",
            "formula 'y ~ a:(1 | b) + (1 | m)': '1 | b' must stand in brackets of its own: (1 | b)",
        ),
    ],
)
def test_what_cannot_be_read_is_named(text, message):
    with pytest.raises(InputError) as caught:
        parse_formula(text)
    assert str(caught.value) == message
