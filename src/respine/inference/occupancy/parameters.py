"""The parameters of the model: what each one moves, where it starts, and the weak prior that holds it.

All are unbounded: logarithmic rates per day, log-odds of a hit, logarithm of the false calls per spine and session,
log-odds of a call at one place without a spine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import logit

from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.kinetics import Rates
from respine.inference.occupancy.settings import OccupancySettings

_NO_PRIOR = np.inf
_BIRTH, _DEATH, _RETURN, _HIT = np.log(0.01), np.log(0.01), np.log(0.005), logit(0.9)
_TRANSIENT, _SHARE_FIRST, _SHARE_NEW = np.log(0.5), -2.0, 0.0
_FALSE, _CALL = np.log(0.02), logit(0.01)
_RATE_SD, _BOUNDARY_SD, _CLASS_SD, _HIT_SD = 3.0, 2.0, 1.5, 3.0


@dataclass(frozen=True, eq=False)
class Block:
    """Columns of a linear predictor: names, start (also the prior's mean), prior's sd, and the design (..., P)."""

    names: tuple[str, ...]
    start: np.ndarray
    sd: np.ndarray
    design: np.ndarray


@dataclass(frozen=True, eq=False)
class Layout:
    """All parameters in order: birth, death, return, classes; false calls; hit.

    Attributes
    ----------
    names : tuple of str
    start, sd : ndarray, shape (P,)
        Start, which is the prior's mean, and the prior's standard deviation; infinite without.
    rates : Rates
    n_rates, n_false : int
        How many of the parameters belong to the rates and to false calls (2 or 0).
    """

    names: tuple[str, ...]
    start: np.ndarray
    sd: np.ndarray
    rates: Rates
    n_rates: int
    n_false: int

    def log_prior(self, theta: np.ndarray) -> float:
        """Logarithm of the prior, up to a constant."""
        return float(-0.5 * np.sum(((theta - self.start) / self.sd) ** 2))

    def log_prior_gradient(self, theta: np.ndarray) -> np.ndarray:
        """Its gradient, shape (P,)."""
        return -(theta - self.start) / self.sd**2

    def index(self, name: str) -> int:
        """Place of a parameter."""
        return self.names.index(name)


def lay_out_rates(histories: Histories, settings: OccupancySettings) -> tuple[Block, Block, Block, Block]:
    """Return the blocks of birth, death, return and of the transient class (its design is empty)."""
    sd = _RATE_SD if settings.weak_priors else _NO_PRIOR
    shape = histories.interval_days.shape
    intervals = np.full(shape, "", object)
    for g, names in enumerate(histories.sessions):
        for k in range(len(names) - 1):
            intervals[g, k] = f"{names[k]}->{names[k + 1]}"
    groups = np.broadcast_to(np.array(histories.groups, object)[:, None], shape)
    subjects = np.broadcast_to(np.array(histories.subjects, object)[:, None], shape)
    varying = [(intervals, "interval", settings.interval_sd)]
    formed = varying if settings.interval_formation else []
    lost = varying if settings.interval_elimination else []
    own = [(groups, "group", _NO_PRIOR)] if settings.group_rates else []
    own += [(subjects, "subject", settings.subject_sd)] if settings.subject_rates else []
    birth = _block("birth", _BIRTH, sd, shape, own + formed)
    death = _block("death", _DEATH, sd, shape, own + lost)
    back = _block("return", _RETURN, _BOUNDARY_SD if settings.weak_priors else _NO_PRIOR, shape, formed)
    empty = Block((), np.zeros(0), np.zeros(0), np.zeros((*shape, 0)))
    # a return shows as seen, missed, seen again: with three sessions nothing tells it from a miss
    if not settings.returns or histories.n_sessions < 4:
        back = empty
    classes = empty
    if settings.survival == "two_class":
        spread = _CLASS_SD if settings.weak_priors else _NO_PRIOR
        names = ("transient_hazard", "transient_share_first", "transient_share_new")
        classes = Block(names, np.array([_TRANSIENT, _SHARE_FIRST, _SHARE_NEW]), np.full(3, spread), empty.design)
    return birth, death, back, classes


def lay_out_hit(histories: Histories, settings: OccupancySettings) -> Block:
    """Return the columns of the hit log-odds; the design is (G, T, P) and lacks the covariates' values."""
    shape = histories.time_h.shape
    sessions = np.full(shape, "", object)
    for g, names in enumerate(histories.sessions):
        prefix = f"{histories.subjects[g]}/" if settings.detection == "subject_session" else ""
        sessions[g, : len(names)] = [prefix + name for name in names]
    groups = np.broadcast_to(np.array(histories.groups, object)[:, None], shape)
    varying = [(groups, "group", _NO_PRIOR)] if settings.group_detection else []
    varying += [(sessions, "session", settings.session_sd)] if settings.detection != "constant" else []
    return _block("hit", _HIT, _HIT_SD if settings.weak_priors else _NO_PRIOR, shape, varying)


def lay_out(histories: Histories, settings: OccupancySettings) -> tuple[Layout, Block]:
    """Return the layout of all parameters and the block of the hit log-odds."""
    rates = lay_out_rates(histories, settings)
    hit = lay_out_hit(histories, settings)
    blocks = list(rates)
    names = [name for b in rates for name in b.names]
    start, sd = np.concatenate([b.start for b in blocks]), np.concatenate([b.sd for b in blocks])
    n_rates = len(names)
    if settings.false_calls:
        names += ["false_calls", "call"]
        start = np.append(start, [_FALSE, _CALL])
        sd = np.append(sd, np.full(2, _BOUNDARY_SD if settings.weak_priors else _NO_PRIOR))
    slopes = [f"hit[{name}]" for name in histories.covariate_names]
    names += [*hit.names, *slopes]
    start = np.concatenate([start, hit.start, np.zeros(len(slopes))])
    sd = np.concatenate([sd, hit.sd, np.full(len(slopes), _HIT_SD if settings.weak_priors else _NO_PRIOR)])
    birth, death, back, _ = rates
    made = Rates(birth.design, death.design, back.design, histories.interval_days, settings.survival == "two_class")
    return Layout(tuple(names), start, sd, made, n_rates, 2 if settings.false_calls else 0), hit


def design_hit(block: Block, subject: np.ndarray, covariates: np.ndarray) -> sparse.csr_array:
    """Return the design of the hit log-odds of cases, sparse, shape (U T, P): (U,) animals, (U, T, K) covariates."""
    rows = np.concatenate([block.design[subject], covariates], axis=2)
    return sparse.csr_array(rows.reshape(-1, rows.shape[2]))


def _block(name: str, start: float, sd: float, shape: tuple, varying: list) -> Block:
    """An intercept, then a column for each level; the first level is the reference where no prior holds them."""
    names, spreads, columns = [name], [sd], [np.ones(shape)]
    for labels, factor, spread in varying:
        levels = [level for level in dict.fromkeys(labels.ravel()) if level]
        for level in levels[0 if np.isfinite(spread) else 1 :]:
            names.append(f"{name}[{factor}={level}]")
            spreads.append(spread)
            columns.append((labels == level).astype(float))
    starts = np.zeros(len(names))
    starts[0] = start
    return Block(tuple(names), starts, np.array(spreads), np.stack(columns, axis=-1))
