"""Hold what was drawn against what it must be, within Monte-Carlo error."""

import numpy as np

SIGMAS = 4.0


def assert_mean(values, expected, slack=0.0):
    """Hold the mean of independent values against what it must be, within four standard errors."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert error > 0
    assert abs(values.mean() - expected) < SIGMAS * error + slack, (
        f"{values.mean():.5g} against {expected:.5g} +- {error:.2g}"
    )


def assert_share(successes, trials, expected, slack=0.0):
    """Hold a share of independent trials against its probability, within four standard errors."""
    error = np.sqrt(expected * (1 - expected) / trials)
    share = successes / trials
    assert abs(share - expected) < SIGMAS * error + slack, (
        f"{share:.5g} of {trials} against {expected:.5g} +- {error:.2g}"
    )
