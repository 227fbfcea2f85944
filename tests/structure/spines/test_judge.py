"""All sessions of a dendrite judged together, on painted sessions in which every spine is known."""

import numpy as np
import pytest

from painted import BACKGROUND, Spot, paint_ribbon
from respine.structure.spines.judge import JudgeSettings, Noise, judge_dendrite
from respine.structure.spines.sites import SiteSettings
from respine.structure.spines.spine_table import list_spines

NOISE = Noise(gain=1.0, floor=0.5, background=BACKGROUND)
STABLE = [Spot(6.0, 1.4), Spot(12.0, -1.2), Spot(18.0, 1.8), Spot(24.0, -1.6), Spot(30.0, 1.3), Spot(35.0, -1.5)]


def judge(*sessions, noise=1.0, **options):
    """Each session is a list of spots."""
    ribbons = [paint_ribbon(spots, noise=noise, seed=k, **options) for k, spots in enumerate(sessions)]
    return judge_dendrite(ribbons, [NOISE] * len(ribbons))


def history(judged, spot):
    """What was called at a painted spot, one letter a session; empty where there is no such spine."""
    position = judged.sites.position_um.mean(axis=1)
    lateral = judged.sites.lateral_um.mean(axis=1)
    near = np.hypot(position - (spot.position - 1.0), lateral - spot.lateral) < 0.6
    assert near.sum() <= 1
    return "".join("1" if v else "0" for v in judged.visible[near].ravel())


def test_stable_spines_are_found_in_every_session_and_nothing_else():
    judged = judge(STABLE, STABLE, STABLE)
    assert [history(judged, s) for s in STABLE] == ["111"] * len(STABLE)
    assert len(judged.visible) == len(STABLE)


def test_gained_and_lost_spines_keep_their_history():
    gained, lost = Spot(9.0, 1.5), Spot(21.0, -1.3)
    judged = judge([*STABLE, lost], [*STABLE, lost], [*STABLE, gained], [*STABLE, gained])
    assert history(judged, gained) == "0011"
    assert history(judged, lost) == "1100"


def test_neighbours_of_one_micrometre_stay_two_spines():
    pair = [Spot(9.0, 1.3), Spot(10.0, 1.3)]
    judged = judge([*STABLE, *pair], [*STABLE, *pair])
    assert [history(judged, s) for s in pair] == ["11", "11"]


def test_the_pool_does_not_lend_persistence_to_what_is_gone():
    """Bright in four sessions, gone in the fifth: the fifth is not called."""
    spot = Spot(15.0, 1.5, peak=80.0)
    judged = judge(*[[*STABLE, spot]] * 4, STABLE)
    assert history(judged, spot) == "11110"


def test_a_spine_plain_elsewhere_and_dim_here_is_looked_up_here():
    """Too dim to be called where nothing is known of the place, it is called where four sessions show a spine."""
    plain, dim = Spot(15.0, 1.5, peak=40.0), Spot(15.0, 1.5, peak=3.0)
    assert history(judge(*[[*STABLE, plain]] * 4, [*STABLE, dim]), plain) == "11111"
    assert history(judge([*STABLE, dim]), dim) == ""


def test_one_session_works_alone():
    judged = judge(STABLE)
    assert [history(judged, s) for s in STABLE] == ["1"] * len(STABLE)


def test_a_bare_dendrite_has_no_spines():
    judged = judge([], [])
    assert len(judged.visible) == 0
    assert list_spines(judged, ["a", "b"], {}, "m1", "f1").empty


def test_what_a_session_cannot_show_is_unscorable_not_absent():
    ribbons = [paint_ribbon(STABLE, noise=1.0, seed=k) for k in range(2)]
    ribbons[1].values[150:] = np.nan
    judged = judge_dendrite(ribbons, [NOISE] * 2)
    rows = list_spines(judged, ["a", "b"], {"c": "the session was refused"}, "m1", "f1")
    states = rows.pivot(index="spine", columns="session", values="state")
    assert states["a"].tolist() == ["present"] * 6
    assert states["b"].tolist() == ["present"] * 2 + ["unscorable"] * 4
    assert states["c"].tolist() == ["unscorable"] * 6
    gone = rows[(rows.session == "b") & (rows.state == "unscorable")]
    assert gone.visible.isna().all()
    assert set(gone.reason) == {"the site lies outside the stack, or too near its edge"}
    assert set(rows[rows.session == "c"].reason) == {"the session was refused"}


def test_heads_and_bases_lie_where_they_were_painted_in_the_raw_stack():
    judged = judge(STABLE, STABLE)
    rows = list_spines(judged, ["a", "b"], {}, "m1", "f1")
    here = rows[rows.session == "b"].sort_values("x_um")
    for row, spot in zip(here.to_dict("records"), STABLE, strict=True):
        assert row["x_um"] == pytest.approx(spot.position, abs=0.25)
        assert row["y_um"] == pytest.approx(9.0 - spot.lateral, abs=0.25)
        assert row["z_um"] == pytest.approx(10.0, abs=0.6)
        assert row["base_y_um"] == pytest.approx(9.0 - np.sign(spot.lateral) * 0.45, abs=0.1)
        assert row["base_x_um"] == pytest.approx(spot.position, abs=0.4)
        assert row["side"] == ("left" if spot.lateral > 0 else "right")


def test_sizes_follow_their_definitions():
    """A Gaussian head of sigma 0.25 um is 0.59 um wide at half maximum and reaches 0.29 um beyond its middle."""
    spot = Spot(20.0, 1.6, peak=80.0)
    judged = judge([*STABLE, spot], [*STABLE, spot], noise=0.05)
    k = int(np.argmin(np.abs(judged.sites.position_um[:, 0] - 19.0)))
    measures = judged.measures[0]
    blur = 2.355 * np.hypot(0.25, 0.12)  # the evidence is smoothed by 0.12 um before it is measured
    assert measures.head_width_um[k] == pytest.approx(blur, rel=0.1)
    assert measures.protrusion_um[k] == pytest.approx(1.6 - 0.45 + blur / 2, abs=0.12)
    assert measures.reason[k] is None


def test_brightness_does_not_depend_on_the_light():
    spot, twice = Spot(20.0, 1.6, peak=40.0), Spot(20.0, 1.6, peak=80.0)
    ribbons = [
        paint_ribbon([*STABLE, spot], noise=0.05),
        paint_ribbon([*[Spot(s.position, s.lateral, 2 * s.peak) for s in STABLE], twice], noise=0.05, shaft=200.0),
    ]
    judged = judge_dendrite(ribbons, [NOISE] * 2)
    k = int(np.argmin(np.abs(judged.sites.position_um[:, 0] - 19.0)))
    dim, bright = (m.brightness[k] for m in judged.measures)
    assert bright == pytest.approx(dim, rel=0.05)


def test_what_is_not_visible_has_no_size():
    lost = Spot(15.0, 1.5)
    judged = judge([*STABLE, lost], STABLE)
    k = int(np.argmin(np.abs(judged.sites.position_um[:, 0] - 14.0)))
    assert np.isnan(judged.measures[1].head_width_um[k])
    assert judged.measures[1].reason[k] == "not visible"


def test_probabilities_are_missing_exactly_where_nothing_can_be_shown():
    ribbons = [paint_ribbon(STABLE, noise=1.0, seed=k) for k in range(2)]
    ribbons[0].values[:100] = np.nan
    judged = judge_dendrite(ribbons, [NOISE] * 2)
    assert np.isnan(judged.p_visible[:1, 0]).all()
    assert np.isfinite(judged.p_visible[:, 1]).all()
    assert not judged.visible[np.isnan(judged.p_visible)].any()


def test_a_stricter_proposal_finds_no_more():
    ribbons = [paint_ribbon(STABLE, noise=1.0, seed=k) for k in range(2)]
    strict = judge_dendrite(ribbons, [NOISE] * 2, JudgeSettings(sites=SiteSettings(min_snr=400.0)))
    assert len(strict.visible) < len(STABLE)
