"""Designs whose answers are known in closed form, studies whose truth was simulated, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from respine.inference import fit_mixed
from respine.inference.mixed.satterthwaite import pool_df


def make_balanced(rng, n_mice=8, n_dendrites=4, n_times=3, sd=(1.0, 0.6, 0.8)):
    grid = np.array(np.meshgrid(*map(range, (n_mice, n_dendrites, n_times)), indexing="ij")).reshape(3, -1)
    mouse, dendrite, time = grid
    y = rng.normal(size=n_mice)[mouse] * sd[0] + rng.normal(size=(n_mice, n_dendrites))[mouse, dendrite] * sd[1]
    y = y + rng.normal(size=len(mouse)) * sd[2]
    return pd.DataFrame(
        {
            "y": y,
            "mouse": mouse,
            "dendrite": dendrite,
            "time": [f"t{i}" for i in time],
            "arm": np.where(mouse % 2, "vehicle", "ketamine"),
            "hours": 12.0 * time,
        }
    )


@pytest.fixture
def table():
    return make_balanced(np.random.default_rng(11))


def mean_squares(table):
    """Mean squares between and within mice of a balanced table."""
    groups = table.groupby("mouse")["y"]
    n = groups.size().iloc[0]
    return n * groups.mean().var(), groups.var().mean(), n


def test_one_way_variances_are_those_of_the_mean_squares(table):
    between, within, n = mean_squares(table)
    fit = fit_mixed(table, "y ~ 1 + (1 | mouse)")
    assert fit.variance["variance"].tolist() == pytest.approx([(between - within) / n, within], rel=1e-8)
    assert fit.residual_variance == pytest.approx(within, rel=1e-8)
    row = fit.fixed.iloc[0]
    assert row["estimate"] == pytest.approx(table["y"].mean())
    assert row["se"] == pytest.approx(np.sqrt(between / len(table)))
    assert row["df"] == pytest.approx(7, rel=1e-6)
    assert fit.n_levels == {"mouse": 8}
    full = fit_mixed(table, "y ~ 1 + (1 | mouse)", reml=False)
    assert full.variance["variance"].tolist() == pytest.approx([(between * 7 / 8 - within) / n, within], rel=1e-8)
    assert np.isnan(full.reml_criterion)


def test_one_way_restricted_likelihood(table):
    between, within, _ = mean_squares(table)
    size = len(table)
    criterion = (size - 1) * np.log(2 * np.pi) + 7 * np.log(between) + (size - 8) * np.log(within) + size - 1
    criterion += np.log(size)  # log |X'X|, in which the criterion is written
    assert fit_mixed(table, "y ~ 1 + (1 | mouse)").reml_criterion == pytest.approx(criterion, rel=1e-10)


def test_less_variance_between_than_within_is_zero_and_gives_ordinary_least_squares(table):
    shifted = table.assign(y=table["y"] - table.groupby("mouse")["y"].transform("mean"))
    fit = fit_mixed(shifted, "y ~ time + (1 | mouse)")
    assert fit.singular
    assert fit.variance["variance"][0] == 0.0
    groups = [values.to_numpy() for _, values in shifted.groupby("time")["y"]]
    row = fit.anova().iloc[0]
    assert (row["f"], row["p"]) == pytest.approx(tuple(stats.f_oneway(*groups)))
    assert row["den_df"] == pytest.approx(len(table) - 3)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_arms_are_compared_as_by_a_t_test_of_animals(table, ddf):
    animals = table.groupby(["arm", "mouse"])["y"].mean()
    t = stats.ttest_ind(animals["vehicle"], animals["ketamine"])
    row = fit_mixed(table, "y ~ arm * time + (1 | mouse/dendrite)").anova(ddf).iloc[0]
    assert row["den_df"] == pytest.approx(6, rel=1e-6)
    assert (row["f"], row["p"]) == pytest.approx((t.statistic**2, t.pvalue), rel=1e-6)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_two_times_are_compared_as_by_a_paired_t_test(table, ddf):
    two = table[(table["time"] != "t2") & (table["dendrite"] == 0)]
    wide = two.pivot(index="mouse", columns="time", values="y")
    t = stats.ttest_rel(wide["t1"], wide["t0"])
    fit = fit_mixed(two, "y ~ time + (1 | mouse)")
    assert not fit.singular
    row = fit.fixed_effects(ddf).iloc[1]
    assert row["term"] == "timet1"
    assert (row["t"], row["df"], row["p"]) == pytest.approx((t.statistic, 7, t.pvalue), rel=1e-6)


def test_slopes_of_a_balanced_design_are_tested_between_animals(table):
    strong = table.assign(y=table["y"] + table["hours"] * np.random.default_rng(2).normal(size=8)[table["mouse"]])
    slopes = strong.groupby(["arm", "mouse"]).apply(lambda g: np.polyfit(g["hours"], g["y"], 1)[0])
    t = stats.ttest_ind(slopes["vehicle"], slopes["ketamine"])
    row = fit_mixed(strong, "y ~ arm * hours + (hours | mouse)").anova().set_index("term").loc["arm:hours"]
    assert (row["f"], row["den_df"]) == pytest.approx((t.statistic**2, 6), rel=1e-5)


def test_the_truth_of_a_large_study_is_found():
    rng = np.random.default_rng(4)
    table = make_balanced(rng, n_mice=300, n_dendrites=6, n_times=4, sd=(1.0, 0.5, 0.7))
    slopes = rng.normal(size=300) * 0.03
    table["y"] += 2.0 + 0.5 * (table["arm"] == "vehicle") + slopes[table["mouse"]] * table["hours"]
    fit = fit_mixed(table, "y ~ arm + hours + (hours || mouse) + (1 | mouse:dendrite)")
    found = {(v.group, v.term): v.variance for v in fit.variance.itertuples()}
    truth = {
        ("mouse.dendrite", "(Intercept)"): 0.25,
        ("mouse", "hours"): 0.0009,
        ("mouse.1", "(Intercept)"): 1.0,
        ("Residual", ""): 0.49,
    }
    assert found == pytest.approx(truth, rel=0.2)
    error = (fit.fixed["estimate"] - [2.0, 0.5, 0.0]) / fit.fixed["se"]
    assert error.abs().max() < 3


def make_uneven():
    rng = np.random.default_rng(6)
    table = make_balanced(rng, sd=(0.4, 0.6, 0.8))
    return table[rng.random(len(table)) < 0.8].assign(weight=lambda t: rng.normal(25, 2, len(t)))


MODEL = "y ~ arm * time + weight + (1 | mouse/dendrite)"


def assert_same_tests(one, two):
    for ddf in ("satterthwaite", "kenward-roger"):
        pd.testing.assert_frame_equal(one.anova(ddf), two.anova(ddf), rtol=1e-6)
    np.testing.assert_allclose(one.variance["variance"], two.variance["variance"], rtol=1e-6)


def test_the_order_of_rows_and_the_names_of_levels_do_not_matter():
    table = make_uneven()
    fit = fit_mixed(table, MODEL)
    shuffled = fit_mixed(table.sample(frac=1, random_state=1), MODEL)
    assert_same_tests(fit, shuffled)
    np.testing.assert_allclose(fit.fixed["estimate"], shuffled.fixed["estimate"], rtol=1e-8)
    renamed = table.assign(mouse=table["mouse"].map(lambda i: f"animal {9 - i}"), arm=table["arm"].str.upper())
    assert_same_tests(fit, fit_mixed(renamed, MODEL))
    assert fit_mixed(renamed, MODEL).fixed["term"][1] == "armVEHICLE"


def test_dendrites_may_be_numbered_within_animals_or_through():
    table = make_uneven()
    through = table.assign(dendrite=table["mouse"].astype(str) + "_" + table["dendrite"].astype(str))
    assert_same_tests(fit_mixed(table, MODEL), fit_mixed(through, MODEL))
    apart = fit_mixed(through, "y ~ arm * time + weight + (1 | mouse) + (1 | dendrite)")
    assert_same_tests(fit_mixed(table, MODEL), apart)


def test_another_reference_level_gives_the_same_tests():
    table = make_uneven()
    turned = table.assign(
        arm=pd.Categorical(table["arm"], categories=["vehicle", "ketamine"]),
        time=pd.Categorical(table["time"], categories=["t2", "t0", "t1"]),
    )
    fit, other = fit_mixed(table, MODEL), fit_mixed(turned, MODEL)
    pd.testing.assert_frame_equal(fit.anova("kenward-roger"), other.anova("kenward-roger"), rtol=1e-6)
    np.testing.assert_allclose(fit.anova()["f"], other.anova()["f"], rtol=1e-6)
    assert other.fixed["term"][1] == "armketamine"


@pytest.mark.parametrize(("shift", "scale"), [(1e8, 1.0), (0.0, 1e-12), (-3.0, 1e12)])
def test_units_do_not_matter(shift, scale):
    table = make_uneven()
    fit = fit_mixed(table, MODEL)
    other = fit_mixed(table.assign(y=shift + scale * table["y"], weight=1e3 * table["weight"]), MODEL)
    pd.testing.assert_frame_equal(fit.anova(), other.anova(), rtol=1e-4)
    np.testing.assert_allclose(other.variance["variance"], fit.variance["variance"] * scale**2, rtol=1e-5)
    slopes = "y ~ arm * hours + (hours | mouse)"
    one, two = fit_mixed(table, slopes), fit_mixed(table.assign(hours=3600 * table["hours"]), slopes)
    pd.testing.assert_frame_equal(one.anova(), two.anova(), rtol=1e-5)
    assert two.variance["variance"][1] == pytest.approx(one.variance["variance"][1] / 3600**2, rel=1e-5)


def test_animals_ten_thousand_times_more_unlike_than_their_dendrites_leave_the_tests_within_alone():
    table = make_uneven()
    far = table.assign(y=table["y"] + 1e4 * np.random.default_rng(0).normal(size=8)[table["mouse"]])
    rows = fit_mixed(far, "y ~ arm * time + (1 | mouse)").anova()
    assert rows["den_df"].tolist() == pytest.approx([6] + [len(table) - 8 - 4] * 2, abs=0.01)
    # the same comparison by ordinary least squares, each animal with a mean of its own
    dummies = [pd.get_dummies(table[c]).to_numpy(float) for c in ("mouse", "time")]
    cells = pd.get_dummies(table["arm"] + table["time"]).to_numpy(float)
    without, full = (np.column_stack([*dummies, *extra]) for extra in ((), (cells,)))
    left = [far["y"] - x @ np.linalg.lstsq(x, far["y"], rcond=None)[0] for x in (without, full)]
    small, large = (np.sum(part**2) for part in left[::-1])
    f = (large - small) / 2 / (small / (len(table) - 8 - 4))
    assert rows["f"][2] == pytest.approx(f, rel=1e-4)


def test_borrowed_degrees_of_freedom_are_named_beside_kenward_roger():
    table = make_uneven()
    flat = table.assign(
        y=table["y"] - table.groupby("mouse")["y"].transform("mean") + (table["arm"] == "vehicle") * 0.3
    )
    fit = fit_mixed(flat, "y ~ arm * time + (1 | mouse/dendrite)")
    row, exact = fit.anova().iloc[0], fit.anova("kenward-roger").iloc[0]
    assert row["den_df"] > 7 > exact["den_df"] > 3
    assert fit.notes == (
        "singular fit: no variance is left for mouse beyond the other terms",
        f"arm differs only between the 8 levels of mouse, whose variance was estimated as zero: its "
        f"{row['den_df']:.1f} denominator degrees of freedom (p = {row['p']:.3g}) count what lies within mouse; "
        f"Kenward-Roger gives F(1, {exact['den_df']:.1f}) = {exact['f']:.4g}, p = {exact['p']:.3g}",
    )
    full = fit_mixed(flat, "y ~ arm * time + (1 | mouse/dendrite)", reml=False)
    assert full.notes[1].endswith("count what lies within mouse")
    assert fit_mixed(table, "y ~ arm * time + (1 | mouse/dendrite)").notes == ()


def test_slopes_at_the_boundary_lend_degrees_of_freedom_and_are_named():
    table = make_uneven()
    lines = table.groupby("mouse").apply(lambda g: np.polyfit(g["hours"], g["y"], 1)[0])
    alike = table.assign(y=table["y"] - table["hours"] * lines.to_numpy()[table["mouse"]])
    fit = fit_mixed(alike, "y ~ arm * hours + (hours | mouse)")
    assert fit.singular
    row, exact = (fit.anova(ddf).iloc[2] for ddf in ("satterthwaite", "kenward-roger"))
    assert row["den_df"] > 2 * exact["den_df"]
    assert fit.notes[-1] == (
        f"arm:hours is tested on {row['den_df']:.1f} denominator degrees of freedom (p = {row['p']:.3g}), because a "
        f"variance was estimated as zero; Kenward-Roger gives F(1, {exact['den_df']:.1f}) = {exact['f']:.4g}, "
        f"p = {exact['p']:.3g}"
    )


@pytest.mark.parametrize(
    ("single", "pooled"),
    # E = sum of v / (v - 2), pooled 2 E / (E - number); 2 where a mean of F does not exist
    [([5.0, 5.0], 5.0), ([7.3], 7.3), ([4.0, 8.0], 5.0), ([np.inf, 10.0], 18.0), ([1.5, 9.0], 2.0), ([2.0, 9.0], 2.0)],
)
def test_pooled_degrees_of_freedom(single, pooled):
    assert pool_df(np.array(single)) == pytest.approx(pooled)
