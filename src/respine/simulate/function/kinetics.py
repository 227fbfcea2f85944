"""From spikes to the fluorescence of a calcium indicator: a sum of one kernel, sampled exactly.

The kernel is the difference of two exponentials, scaled to a peak of one. Its time to peak and half decay are the
numbers that indicators are published with; the two time constants follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq
from scipy.signal import lfilter

from respine.core.errors import SettingsError
from respine.simulate.settings_checked import CheckedSettings

# Half decay over time to peak is at least this for every difference of exponentials: its value for t exp(-t).
_SLOWEST_RATIO = 1.6784
_FASTEST_RISE = 1e-3


class IndicatorSettings(CheckedSettings):
    """A calcium indicator: the response to one action potential.

    References
    ----------
    Chen et al. 2013, Nature 499:295, doi:10.1038/nature12354 (GCaMP6s and GCaMP6f).
    """

    amplitude: float = Field(0.23, gt=0)
    """Peak dF/F after one action potential."""
    time_to_peak_s: float = Field(0.18, gt=0)
    """From the action potential to the peak, s."""
    half_decay_s: float = Field(0.55, gt=0)
    """From the peak to half of it, s."""

    @model_validator(mode="after")
    def _decays_slower_than_it_rises(self) -> IndicatorSettings:
        if self.half_decay_s < _SLOWEST_RATIO * self.time_to_peak_s:
            raise SettingsError(
                f"half_decay_s: found {self.half_decay_s:g}, expected at least {_SLOWEST_RATIO:g} times "
                f"time_to_peak_s ({self.time_to_peak_s:g} s), or no difference of exponentials has both"
            )
        return self


GCAMP6S = IndicatorSettings()
GCAMP6F = IndicatorSettings(amplitude=0.19, time_to_peak_s=0.045, half_decay_s=0.14)
INDICATORS = {"GCaMP6s": GCAMP6S, "GCaMP6f": GCAMP6F}


@dataclass(frozen=True)
class Kernel:
    """The response to one action potential: scale * (exp(-t / decay_s) - exp(-t / rise_s))."""

    rise_s: float
    decay_s: float
    scale: float

    def __call__(self, time_s: np.ndarray) -> np.ndarray:
        """Return dF/F at these times after an action potential."""
        after = np.maximum(np.asarray(time_s, float), 0.0)
        return self.scale * (np.exp(-after / self.decay_s) - np.exp(-after / self.rise_s))


def indicator_kernel(settings: IndicatorSettings) -> Kernel:
    """Find the two time constants that have this time to peak and half decay.

    With q = rise_s / decay_s the peak lies at decay_s * q ln(1/q) / (1 - q), which gives decay_s for every q; the
    half decay then fixes q.
    """

    def kernel(ratio: float) -> Kernel:
        decay = settings.time_to_peak_s * (1 - ratio) / (ratio * np.log(1 / ratio))
        rise = ratio * decay
        peak = np.exp(-settings.time_to_peak_s / decay) - np.exp(-settings.time_to_peak_s / rise)
        return Kernel(rise, decay, settings.amplitude / peak)

    half_s = settings.time_to_peak_s + settings.half_decay_s

    def excess(ratio: float) -> float:
        return float(kernel(ratio)(np.array(half_s)) / settings.amplitude - 0.5)

    slowest = 1 - 1e-6
    if excess(slowest) > 0:
        return kernel(slowest)
    return kernel(brentq(excess, _FASTEST_RISE, slowest, xtol=1e-12))


def simulate_fluorescence(
    spike_cell: np.ndarray,
    spike_time_s: np.ndarray,
    n_cells: int,
    frame_time_s: np.ndarray,
    settings: IndicatorSettings,
) -> np.ndarray:
    """Return dF/F of every cell at the times of evenly spaced frames, shape (T, C).

    Parameters
    ----------
    spike_cell : ndarray of int, shape (N,)
        The cell of every spike.
    spike_time_s : ndarray, shape (N,)
        Its time, s.
    n_cells : int
    frame_time_s : ndarray, shape (T,)
        Times of the frames, s.
    """
    kernel = indicator_kernel(settings)
    frames = len(frame_time_s)
    interval = float(frame_time_s[1] - frame_time_s[0]) if frames > 1 else 1.0
    frame = np.ceil((spike_time_s - frame_time_s[0]) / interval).astype(int)
    seen = frame < frames
    # What was fired before the first frame has decayed a little by then: it enters at frame 0.
    frame, cell = np.maximum(frame[seen], 0), spike_cell[seen]
    wait = frame_time_s[frame] - spike_time_s[seen]
    response = np.zeros((frames, n_cells))
    for time_s, sign in ((kernel.decay_s, 1.0), (kernel.rise_s, -1.0)):
        arrived = np.zeros((frames, n_cells))
        np.add.at(arrived, (frame, cell), sign * np.exp(-wait / time_s))
        response += lfilter([1.0], [1.0, -np.exp(-interval / time_s)], arrived, axis=0)
    return kernel.scale * response
