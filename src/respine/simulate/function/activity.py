"""When neurons fire: private events, ensembles that activate together, and a drive that all share.

An event is the onset of a burst. A cell's expected rate of events is the sum of its private rate and, over the
ensembles it belongs to, of its participation times the rate of their activations. The common drive speeds all
private rates up and down together: it correlates cells without grouping them.

Legend of shapes: C cells, E ensembles, A activations, V events, N spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.signal import lfilter

from respine.core.errors import InputError
from respine.simulate.settings_checked import CheckedSettings

PRIVATE = -1
"""The source of an event that no ensemble caused."""


class ActivitySettings(CheckedSettings):
    """How events become bursts, how tightly an ensemble fires, and how strong the common drive is."""

    onset_sd_s: float = Field(0.06, ge=0, le=0.5)
    """Spread of the cells' onsets around the activation of their ensemble, s."""
    burst_spikes: float = Field(3.0, ge=1)
    """Mean number of spikes in an event (geometric)."""
    burst_interval_s: float = Field(0.03, gt=0, le=0.5)
    """Mean time between the spikes of a burst (exponential), s."""
    drive_log_sd: float = Field(0.3, ge=0, le=2)
    """Standard deviation of the logarithm of the common drive; 0 leaves it out."""
    drive_time_s: float = Field(5.0, gt=0)
    """Time over which the common drive forgets, s."""
    drive_step_s: float = Field(0.1, gt=0, le=1)
    """Step in which the common drive is drawn, s."""


@dataclass(frozen=True, eq=False)
class CellActivity:
    """What is true of the cells in one session, before chance.

    Parameters
    ----------
    private_rate_hz : ndarray, shape (C,)
        Rate of the events that no ensemble causes, Hz.
    participation : ndarray, shape (C, E)
        Probability that a cell takes part when an ensemble activates; 0 for cells that do not belong to it.
    activation_s : tuple of ndarray
        Times at which each of the E ensembles activates, s.
    found : ndarray of bool, shape (C,)
        Cells that this session can show; the others are dark.

    Raises
    ------
    InputError
        The shapes disagree, a rate is negative, or a participation is no probability.
    """

    private_rate_hz: np.ndarray
    participation: np.ndarray
    activation_s: tuple[np.ndarray, ...]
    found: np.ndarray

    def __post_init__(self) -> None:
        cells, ensembles = len(self.private_rate_hz), len(self.activation_s)
        if self.participation.shape != (cells, ensembles) or self.found.shape != (cells,):
            raise InputError(
                f"activity: {cells} cells and {ensembles} ensembles need participation {(cells, ensembles)} and "
                f"found {(cells,)}; found {self.participation.shape} and {self.found.shape}"
            )
        if not (np.asarray(self.private_rate_hz) >= 0).all():
            raise InputError("activity: private_rate_hz must not be negative")
        if not ((self.participation >= 0) & (self.participation <= 1)).all():
            raise InputError("activity: participation must lie between 0 and 1")

    def expected_rate_hz(self, duration_s: float) -> np.ndarray:
        """Return the expected rate of events, shape (C,), Hz."""
        counts = np.array([len(times) for times in self.activation_s], float)
        return self.private_rate_hz + self.participation @ counts / duration_s


@dataclass(frozen=True, eq=False)
class Events:
    """What the cells did.

    Parameters
    ----------
    cell, time_s, source : ndarray, shape (V,)
        Cell, onset and cause (ensemble, or PRIVATE) of every event, in order of time.
    ensemble, activation_s, n_cells : ndarray, shape (A,)
        Every activation of an ensemble, in order of time, and how many cells took part.
    drive : ndarray, shape (steps,)
        The common drive, with mean 1, in steps of `drive_step_s`.
    """

    cell: np.ndarray
    time_s: np.ndarray
    source: np.ndarray
    ensemble: np.ndarray
    activation_s: np.ndarray
    n_cells: np.ndarray
    drive: np.ndarray


def draw_rates(n_cells: int, mean_hz: float, log_sd: float, rng: np.random.Generator) -> np.ndarray:
    """Draw log-normal rates with this mean, shape (C,), Hz."""
    return mean_hz * np.exp(log_sd * rng.standard_normal(n_cells) - log_sd**2 / 2)


def draw_activations(
    counts: np.ndarray,
    duration_s: float,
    rng: np.random.Generator,
    onsets_s: np.ndarray | None = None,
    locked_fraction: float = 0.0,
    lead_s: float = 1.0,
) -> tuple[np.ndarray, ...]:
    """Draw when every ensemble activates: evenly over the recording, a part of it ahead of the onsets of struggling.

    Parameters
    ----------
    counts : ndarray of int, shape (E,)
        Activations of each ensemble; Poisson counts make it a Poisson process.
    duration_s : float
    onsets_s : ndarray, optional
        Onsets of struggling, s; those after the recording do not count.
    locked_fraction : float
        Share of the activations that are moved ahead of an onset, drawn at random.
    lead_s : float
        Mean time from such an activation to the onset (standard deviation a third of it), s.

    Returns
    -------
    tuple of ndarray
        Times of each of the E ensembles, in order, s.
    """
    result = []
    usable = np.zeros(0) if onsets_s is None else np.asarray(onsets_s, float)
    usable = usable[(usable > 2 * lead_s) & (usable < duration_s)]
    for count in counts:
        times = rng.uniform(0, duration_s, count)
        locked = rng.random(count) < locked_fraction
        if locked.any() and len(usable):
            lead = lead_s * (1 + np.clip(rng.standard_normal(locked.sum()), -3, 3) / 3)
            times[locked] = rng.choice(usable, locked.sum()) - lead
        result.append(np.sort(times))
    return tuple(result)


def simulate_drive(duration_s: float, settings: ActivitySettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the common drive: the exponential of an Ornstein-Uhlenbeck process, mean 1, shape (steps,)."""
    steps = int(np.ceil(duration_s / settings.drive_step_s))
    keep = np.exp(-settings.drive_step_s / settings.drive_time_s)
    shocks = rng.standard_normal(steps) * np.sqrt(1 - keep**2)
    shocks[:1] /= np.sqrt(1 - keep**2)
    process = lfilter([1.0], [1.0, -keep], shocks)
    return np.exp(settings.drive_log_sd * process - settings.drive_log_sd**2 / 2)


def simulate_events(
    activity: CellActivity, duration_s: float, settings: ActivitySettings, rng: np.random.Generator
) -> Events:
    """Draw the events of every cell in one recording.

    Parameters
    ----------
    activity : CellActivity
    duration_s : float
        Length of the recording, s.
    """
    drive = simulate_drive(duration_s, settings, rng)
    cells, times, sources = [], [], []
    # One Poisson number a cell, spread over the steps by the drive, is the same process as one number a step.
    counts = rng.poisson(activity.private_rate_hz * drive.sum() * settings.drive_step_s)
    step = np.searchsorted(np.cumsum(drive) / drive.sum(), rng.random(counts.sum()))
    private = (np.minimum(step, len(drive) - 1) + rng.random(counts.sum())) * settings.drive_step_s
    cells.append(np.repeat(np.arange(len(counts)), counts))
    times.append(private)
    sources.append(np.full(counts.sum(), PRIVATE))
    ensemble = np.repeat(np.arange(len(activity.activation_s)), [len(a) for a in activity.activation_s])
    when = np.concatenate([np.zeros(0), *activity.activation_s])
    order = np.argsort(when, kind="stable")
    ensemble, when = ensemble[order], when[order]
    takes_part = rng.random((len(when), len(counts))) < activity.participation[:, ensemble].T
    which, cell = np.nonzero(takes_part)
    cells.append(cell)
    times.append(when[which] + settings.onset_sd_s * rng.standard_normal(len(which)))
    sources.append(ensemble[which])
    cell, time, source = (np.concatenate(parts) for parts in (cells, times, sources))
    inside = (time >= 0) & (time < duration_s)
    order = np.flatnonzero(inside)[np.argsort(time[inside], kind="stable")]
    return Events(cell[order], time[order], source[order], ensemble, when, takes_part.sum(axis=1), drive)


def burst_spikes(events: Events, settings: ActivitySettings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turn events into spikes: the cell, shape (N,), and the time, shape (N,), s, of every spike."""
    counts = rng.geometric(1 / settings.burst_spikes, len(events.cell))
    event = np.repeat(np.arange(len(counts)), counts)
    gaps = rng.exponential(settings.burst_interval_s, len(event))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int) if len(counts) else np.zeros(0, int)
    gaps[first] = 0.0
    run = np.cumsum(gaps)
    since = run - run[first][event] if len(event) else run
    return events.cell[event], events.time_s[event] + since
