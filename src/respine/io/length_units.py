"""Units of length as microscopes write them, to micrometres."""

from __future__ import annotations

_UM = {
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometers": 1.0,
    "micrometre": 1.0,
    "micrometres": 1.0,
    "pm": 1e-6,
    "picometer": 1e-6,
    "angstrom": 1e-4,
    "å": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "nanometers": 1e-3,
    "nanometre": 1e-3,
    "mm": 1e3,
    "millimeter": 1e3,
    "millimeters": 1e3,
    "millimetre": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "centimetre": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "metre": 1e6,
    "inch": 25400.0,
}


def um_per_unit(unit: str) -> float | None:
    """Micrometres in one unit; None where the word is no unit of length ("pixel", "")."""
    # The micro sign and the Greek mu look alike; ImageJ writes either as an escape.
    word = unit.strip().replace("\\u00B5", "u").replace("\\u03BC", "u")
    return _UM.get(word.replace("\u00b5", "u").replace("\u03bc", "u").lower())
