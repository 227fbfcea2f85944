"""Turnover that survives imperfect detection: a hidden-state occupancy model over all sites of the animals."""

from respine.inference.occupancy.bootstrap import BootstrappedTurnover, bootstrap_turnover
from respine.inference.occupancy.bounds import OccupancyBounds
from respine.inference.occupancy.compare import DetectionComparison, compare_detection, compare_turnover
from respine.inference.occupancy.fit import OccupancyFit
from respine.inference.occupancy.goodness import GoodnessOfFit, compute_goodness
from respine.inference.occupancy.histories import Histories, read_histories
from respine.inference.occupancy.model import fit_occupancy
from respine.inference.occupancy.profile import profile_turnover
from respine.inference.occupancy.settings import OccupancySettings
from respine.inference.occupancy.states import infer_states

__all__ = [
    "BootstrappedTurnover",
    "DetectionComparison",
    "GoodnessOfFit",
    "Histories",
    "OccupancyBounds",
    "OccupancyFit",
    "OccupancySettings",
    "bootstrap_turnover",
    "compare_detection",
    "compare_turnover",
    "compute_goodness",
    "fit_occupancy",
    "infer_states",
    "profile_turnover",
    "read_histories",
]
