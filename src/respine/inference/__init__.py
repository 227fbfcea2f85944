"""From tables to evidence: models and tests in which the animal is the unit."""

from respine.inference.mixed.fit import MixedFit
from respine.inference.mixed.model import fit_mixed

__all__ = ["MixedFit", "fit_mixed"]
