"""Real scorings: what the annotator of rr30a saw in four sessions."""

import pandas as pd
import pytest

from respine.inference.occupancy import OccupancySettings, compute_goodness, fit_occupancy, read_histories


@pytest.fixture(scope="module")
def scorings(shared):
    folder = shared / "data" / "rr30a"
    marked = pd.read_csv(folder / "spines.csv")
    marked = marked[marked.flag != "bad"]
    sessions = pd.read_csv(folder / "sessions.csv")
    every = pd.MultiIndex.from_product([marked.track.unique(), sessions.session], names=["track", "session"])
    seen = every.isin(pd.MultiIndex.from_frame(marked[["track", "session"]]))
    spines = every.to_frame(index=False).rename(columns={"track": "spine"})
    segment = marked.groupby("track").segment.first()
    spines = spines.assign(subject="rr30a", dendrite=spines.spine.map(segment), visible=seen)
    return spines, sessions.assign(subject="rr30a", time_h=24 * sessions.days)


def test_no_identity_of_the_annotator_bridges_a_miss(scorings):
    spines, _ = scorings
    wide = spines.pivot(index="spine", columns="session", values="visible")
    kinds = wide.astype(int).astype(str).agg("".join, axis=1).value_counts()
    assert kinds["0001"] == 30
    assert not {"1011", "1101", "1001", "0101"} & set(kinds.index)


def test_steady_rates_do_not_explain_the_burst_and_the_goodness_of_fit_says_so(scorings):
    histories = read_histories(*scorings)
    steady = fit_occupancy(histories)
    assert compute_goodness(steady, 150, seed=1).p < 0.001
    free = fit_occupancy(histories, OccupancySettings(interval_formation=True, interval_elimination=True))
    # without a history that was missed and seen again nothing speaks for misses: the burst stays formation
    assert free.turnover.formation[2] > 0.25
    assert free.detection.hit.min() > 0.95
