import pytest

from respine.io.length_units import um_per_unit


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("um", 1),
        ("\u00b5m", 1),
        ("\u03bcm", 1),
        ("\\u00B5m", 1),
        (" Micron ", 1),
        ("micrometre", 1),
        ("nm", 1e-3),
        ("mm", 1e3),
        ("cm", 1e4),
        ("m", 1e6),
        ("inch", 25400),
        ("Å", 1e-4),
        ("pixel", None),
        ("", None),
        ("second", None),
    ],
)
def test_units(unit, um):
    assert um_per_unit(unit) == um
