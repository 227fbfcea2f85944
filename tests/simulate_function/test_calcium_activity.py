"""Rates, correlations and bursts of simulated cells against what the settings say."""

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.simulate.function.activity import (
    PRIVATE,
    ActivitySettings,
    CellActivity,
    burst_spikes,
    draw_activations,
    draw_rates,
    simulate_drive,
    simulate_events,
)

STILL = ActivitySettings(drive_log_sd=0.0)
HOUR = 3600.0


def activity(private, participation, activations):
    private = np.asarray(private, float)
    return CellActivity(private, np.asarray(participation, float), activations, np.ones(len(private), bool))


def counts_in(events, cells, window_s, duration_s):
    edges = np.arange(0, duration_s + window_s / 2, window_s)
    return np.stack([np.histogram(events.time_s[events.cell == c], edges)[0] for c in range(cells)])


def test_rates_are_the_sum_of_private_events_and_ensembles():
    rng = np.random.default_rng(1)
    duration = 20 * HOUR
    times = draw_activations(rng.poisson(np.array([0.04, 0.02]) * duration), duration, rng)
    truth = activity([0.05, 0.02, 0.0], [[0.6, 0], [0.5, 0.8], [0, 1.0]], times)
    events = simulate_events(truth, duration, STILL, rng)
    expected = truth.expected_rate_hz(duration)
    assert expected == pytest.approx([0.05 + 0.024, 0.02 + 0.02 + 0.016, 0.02], rel=0.06)
    observed = np.bincount(events.cell, minlength=3) / duration
    np.testing.assert_allclose(observed, expected, atol=4 * np.sqrt(expected.max() / duration))
    private = np.bincount(events.cell[events.source == PRIVATE], minlength=3) / duration
    np.testing.assert_allclose(private, [0.05, 0.02, 0], atol=4 * np.sqrt(0.05 / duration))


def test_correlation_within_an_ensemble_has_its_closed_form():
    rng = np.random.default_rng(2)
    duration, window, rate, part = 60 * HOUR, 2.0, 0.03, np.array([0.7, 0.5])
    times = draw_activations(rng.poisson([rate * duration]), duration, rng)
    truth = activity([0.03, 0.05, 0.05], [[0.7], [0.5], [0.0]], times)
    settings = ActivitySettings(drive_log_sd=0.0, onset_sd_s=0.0)
    counts = counts_in(simulate_events(truth, duration, settings, rng), 3, window, duration)
    total = np.array([0.03, 0.05]) + rate * part
    expected = rate * part.prod() / np.sqrt(total.prod())
    observed = np.corrcoef(counts)
    bins = duration / window
    assert observed[0, 1] == pytest.approx(expected, abs=4 / np.sqrt(bins))
    assert observed[0, 2] == pytest.approx(0, abs=4 / np.sqrt(bins))


def test_participation_is_the_share_of_activations_that_a_member_joins():
    rng = np.random.default_rng(3)
    truth = activity([0, 0], [[0.6], [0.25]], (np.linspace(1, 3599, 4000),))
    events = simulate_events(truth, HOUR, STILL, rng)
    np.testing.assert_allclose(np.bincount(events.cell) / 4000, [0.6, 0.25], atol=4 * np.sqrt(0.24 / 4000))
    assert events.n_cells.sum() == len(events.cell)


def test_common_drive_correlates_all_cells_without_changing_their_rate():
    rng = np.random.default_rng(4)
    settings = ActivitySettings(drive_log_sd=0.8, drive_time_s=20.0)
    duration, window = 60 * HOUR, 1.0
    truth = activity([0.3, 0.4], np.zeros((2, 0)), ())
    events = simulate_events(truth, duration, settings, rng)
    counts = counts_in(events, 2, window, duration)
    spread = np.exp(0.8**2) - 1
    # A log-normal mean over 60 h holds some 5,000 independent values of the drive.
    np.testing.assert_allclose(counts.mean(axis=1), [0.3, 0.4], rtol=4 * np.sqrt(spread / 5400))
    covariance = np.cov(counts)[0, 1]
    decay = window / 20
    smoothed = 2 * (decay - 1 + np.exp(-decay)) / decay**2
    assert covariance == pytest.approx(0.12 * spread * smoothed, rel=0.12)


def test_drive_has_mean_one_and_the_set_spread():
    settings = ActivitySettings(drive_log_sd=0.5, drive_time_s=1.0)
    drive = simulate_drive(40_000.0, settings, np.random.default_rng(5))
    assert drive.mean() == pytest.approx(1, abs=0.02)
    assert np.log(drive).std() == pytest.approx(0.5, abs=0.01)
    assert np.corrcoef(np.log(drive[:-10]), np.log(drive[10:]))[0, 1] == pytest.approx(np.exp(-1), abs=0.02)


def test_rates_of_cells_are_log_normal_around_their_mean():
    rates = draw_rates(200_000, 0.05, 0.9, np.random.default_rng(6))
    assert rates.mean() == pytest.approx(0.05, rel=0.02)
    assert np.log(rates).std() == pytest.approx(0.9, abs=0.01)


def test_bursts_have_the_set_size_and_intervals():
    rng = np.random.default_rng(7)
    truth = activity([1.0], np.zeros((1, 0)), ())
    events = simulate_events(truth, 2 * HOUR, STILL, rng)
    cell, time_s = burst_spikes(events, ActivitySettings(burst_spikes=3.0, burst_interval_s=0.03), rng)
    assert len(cell) / len(events.cell) == pytest.approx(3, rel=0.05)
    assert np.isin(events.time_s, time_s).all()
    later = np.setdiff1d(time_s, events.time_s)
    after = later - events.time_s[np.searchsorted(events.time_s, later) - 1]
    # The k-th spike of a geometric burst comes k intervals after the first: the mean over later spikes is q / 1.
    assert np.median(after) < 0.1


def test_single_spikes_are_the_events_themselves():
    rng = np.random.default_rng(8)
    events = simulate_events(activity([0.2, 0.1], np.zeros((2, 0)), ()), 600, STILL, rng)
    cell, time_s = burst_spikes(events, ActivitySettings(burst_spikes=1.0), rng)
    assert (cell == events.cell).all()
    assert (time_s == events.time_s).all()


def test_a_silent_recording_has_no_events():
    rng = np.random.default_rng(9)
    events = simulate_events(activity([0.0], np.zeros((1, 0)), ()), 60, STILL, rng)
    assert len(events.cell) == 0
    assert [len(part) for part in burst_spikes(events, STILL, rng)] == [0, 0]


def test_locked_activations_come_before_an_onset():
    rng = np.random.default_rng(10)
    onsets = np.arange(20.0, 600, 40)
    (times,) = draw_activations(np.array([2000]), 600.0, rng, onsets, locked_fraction=1.0, lead_s=1.0)
    lead = onsets[np.searchsorted(onsets, times)] - times
    assert (np.diff(times) >= 0).all()
    assert lead.mean() == pytest.approx(1, abs=0.03)
    assert lead.max() <= 2
    (early,) = draw_activations(np.array([200]), 100.0, rng, onsets, locked_fraction=1.0)
    assert early.max() < 100
    (free,) = draw_activations(np.array([2000]), 600.0, rng, onsets, locked_fraction=0.0)
    ahead = onsets[np.minimum(np.searchsorted(onsets, free), len(onsets) - 1)] - free
    assert ((ahead > 0) & (ahead < 2)).mean() == pytest.approx(2 / 40, abs=0.03)


def test_events_stay_inside_the_recording():
    rng = np.random.default_rng(11)
    truth = activity([0.5], [[1.0]], (np.array([0.0, 59.99]),))
    events = simulate_events(truth, 60, ActivitySettings(onset_sd_s=0.5), rng)
    assert events.time_s.min() >= 0
    assert events.time_s.max() < 60
    assert (np.diff(events.time_s) >= 0).all()


@pytest.mark.parametrize(
    ("private", "participation", "message"),
    [
        (
            [0.1, 0.1],
            [[0.5]],
            "activity: 2 cells and 1 ensembles need participation (2, 1) and found (2,); found (1, 1) and (2,)",
        ),
        ([-0.1], [[0.5]], "activity: private_rate_hz must not be negative"),
        ([0.1], [[1.5]], "activity: participation must lie between 0 and 1"),
    ],
)
def test_impossible_activity_is_refused(private, participation, message):
    with pytest.raises(InputError) as error:
        activity(private, participation, (np.zeros(0),))
    assert str(error.value) == message
