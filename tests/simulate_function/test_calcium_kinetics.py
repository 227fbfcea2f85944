"""The indicator's kernel against its closed form."""

import numpy as np
import pytest

from respine.core.errors import SettingsError
from respine.simulate.function.kinetics import (
    GCAMP6F,
    GCAMP6S,
    IndicatorSettings,
    indicator_kernel,
    simulate_fluorescence,
)

FINE = np.linspace(0, 4, 400_001)


@pytest.mark.parametrize("settings", [GCAMP6S, GCAMP6F, IndicatorSettings(time_to_peak_s=0.1, half_decay_s=0.17)])
def test_kernel_has_the_published_peak_and_half_decay(settings):
    response = indicator_kernel(settings)(FINE)
    peak = response.argmax()
    assert response[peak] == pytest.approx(settings.amplitude, rel=1e-6)
    assert FINE[peak] == pytest.approx(settings.time_to_peak_s, abs=2e-5)
    below = FINE[peak:][response[peak:] <= settings.amplitude / 2][0] - FINE[peak]
    assert below == pytest.approx(settings.half_decay_s, abs=2e-5)


def test_time_to_peak_follows_from_the_time_constants():
    kernel = indicator_kernel(GCAMP6S)
    rise, decay = kernel.rise_s, kernel.decay_s
    assert rise * decay / (decay - rise) * np.log(decay / rise) == pytest.approx(0.18, abs=1e-9)


def test_nothing_is_seen_before_the_spike():
    assert indicator_kernel(GCAMP6S)(np.array([-1.0, 0.0])).tolist() == [0, 0]


def test_sampled_fluorescence_is_the_sum_of_the_kernels():
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(-0.0, 9.0, 40))
    cells = rng.integers(3, size=40)
    frames = np.arange(100) / 11 + 0.05
    sampled = simulate_fluorescence(cells, times, 3, frames, GCAMP6F)
    kernel = indicator_kernel(GCAMP6F)
    expected = np.stack([kernel(frames[:, None] - times[cells == c]).sum(axis=1) for c in range(3)], axis=1)
    np.testing.assert_allclose(sampled, expected, atol=1e-12)


def test_spikes_before_the_first_frame_are_still_fading():
    frames = np.arange(50) / 10
    sampled = simulate_fluorescence(np.array([0]), np.array([-0.4]), 1, frames, GCAMP6S)[:, 0]
    np.testing.assert_allclose(sampled, indicator_kernel(GCAMP6S)(frames + 0.4), atol=1e-12)


def test_spikes_after_the_last_frame_leave_no_trace():
    assert not simulate_fluorescence(np.array([0]), np.array([5.0]), 1, np.arange(10) / 10, GCAMP6S).any()


def test_an_impossible_half_decay_is_refused_by_name():
    with pytest.raises(SettingsError) as error:
        IndicatorSettings(time_to_peak_s=0.2, half_decay_s=0.3)
    assert str(error.value) == (
        "half_decay_s: found 0.3, expected at least 1.6784 times time_to_peak_s (0.2 s), or no difference of "
        "exponentials has both"
    )


def test_the_slowest_possible_kernel_is_accepted():
    settings = IndicatorSettings(time_to_peak_s=0.2, half_decay_s=0.2 * 1.67841)
    kernel = indicator_kernel(settings)
    assert kernel.rise_s == pytest.approx(kernel.decay_s, rel=0.05)
    assert kernel(np.array(0.2)) == pytest.approx(settings.amplitude, rel=1e-3)
