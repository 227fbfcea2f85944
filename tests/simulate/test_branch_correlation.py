import re

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from respine.core.errors import SettingsError
from respine.simulate.branch_correlation import (
    LatentCorrelation,
    draw_latent,
    intraclass_correlation,
    latent_correlation,
)

NONE = LatentCorrelation(0.0)
DENDRITES, SPINES, LENGTH_UM = 20_000, 20, 60.0


def drawn(law, seed=1, dendrites=DENDRITES):
    rng = np.random.default_rng(seed)
    dendrite = np.repeat(np.arange(dendrites), SPINES)
    position = rng.uniform(0, LENGTH_UM, len(dendrite))
    latent = draw_latent(dendrite, position, dendrites, np.ones(dendrites, bool), NONE, law, rng)
    return latent.reshape(dendrites, SPINES), position.reshape(dendrites, SPINES)


def beta_binomial_rho(lost):
    """Moment estimator of the intra-class correlation of 0/1 in rows of equal length."""
    n = lost.shape[1]
    p = lost.mean()
    return (lost.mean(axis=1).var(ddof=1) / (p * (1 - p)) * n - 1) / (n - 1)


@pytest.mark.parametrize("rho", [0.02, 0.10, 0.3])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_losses_of_a_dendrite_have_the_wanted_rho(rho, share):
    law = latent_correlation(rho, np.array([0.2]), share, 4.0, LENGTH_UM)
    latent, _ = drawn(law)
    lost = latent < ndtri(0.2)
    assert lost.mean() == pytest.approx(0.2, abs=0.005)
    assert beta_binomial_rho(lost) == pytest.approx(rho, abs=0.05 * rho + 0.002)


def test_every_latent_number_stays_standard_normal():
    latent, _ = drawn(LatentCorrelation(0.3, 0.5, 4.0))
    assert latent.mean() == pytest.approx(0.0, abs=0.02)
    assert latent.std() == pytest.approx(1.0, abs=0.01)


def test_neighbours_are_correlated_exponentially():
    latent, position = drawn(LatentCorrelation(0.1, 0.6, 4.0))
    first, second = np.triu_indices(SPINES, 1)
    distance = np.abs(position[:, first] - position[:, second])
    product = latent[:, first] * latent[:, second]
    for low, high in ((0.0, 0.5), (2.0, 2.5), (4.0, 4.5), (8.0, 9.0), (30.0, 40.0)):
        inside = (distance >= low) & (distance < high)
        expected = 0.1 + 0.6 * np.exp(-distance[inside] / 4.0).mean()
        assert product[inside].mean() == pytest.approx(expected, abs=0.012)


def test_only_stressed_dendrites_follow_the_law_of_stress():
    rng = np.random.default_rng(3)
    dendrite = np.repeat(np.arange(4_000), SPINES)
    stressed = np.arange(4_000) % 2 == 0
    position = rng.uniform(0, LENGTH_UM, len(dendrite))
    latent = draw_latent(dendrite, position, 4_000, stressed, LatentCorrelation(0.05), LatentCorrelation(0.4), rng)
    spread = latent.reshape(-1, SPINES).mean(axis=1)
    for which, branch in ((stressed, 0.4), (~stressed, 0.05)):
        assert spread[which].var() == pytest.approx(branch + (1 - branch) / SPINES, rel=0.12)


def test_intraclass_correlation_is_that_of_the_bivariate_normal():
    both = multivariate_normal(cov=[[1, 0.3], [0.3, 1]]).cdf([ndtri(0.2), ndtri(0.2)])
    expected = (both - 0.2**2) / (0.2 * 0.8)
    assert intraclass_correlation(np.array([0.2]), 0.3) == pytest.approx(expected, rel=1e-3)
    assert intraclass_correlation(np.array([0.2]), 0.0) == pytest.approx(0.0, abs=1e-12)


def test_spines_of_different_risk_are_less_alike():
    """With known risks 0.05 and 0.35 the same latent correlation correlates the losses less."""
    mixed = intraclass_correlation(np.array([0.05, 0.35]), 0.3)
    assert 0.5 < mixed / intraclass_correlation(np.array([0.2]), 0.3) < 0.97


def test_more_clustering_than_correlation_is_refused():
    expected = (
        "stress.branch_correlation: found 0.01 with cluster_share 0.8 over 4 um, expected a correlation that the "
        "clustering alone does not exceed, or less clustering"
    )
    with pytest.raises(SettingsError, match=f"^{re.escape(expected)}$"):
        latent_correlation(0.01, np.array([0.2]), 0.8, 4.0, LENGTH_UM)
