"""Studies large enough that a rate can be held against its parameter."""

import pytest

from respine.simulate.settings import Arm, StudySettings
from respine.simulate.study import simulate_study

ARMS_OF_PROBE = (("none", "off"), ("none", "on"), ("targeted", "off"), ("targeted", "on"), ("random", "on"))


@pytest.fixture(scope="session")
def even():
    """Return the default study with many animals that are all alike: spread between animals and branches is cut."""
    return StudySettings().changed(
        subjects_per_arm=60,
        turnover={"speed_cv_subjects": 0.0, "branch_correlation": 0.0},
        stress={"branch_correlation": 0.0, "cluster_share": 0.0},
        dropout={"per_week": 0.0},
    )


@pytest.fixture(scope="session")
def even_study(even):
    """Return the even study simulated."""
    return simulate_study(even, 1)


@pytest.fixture(scope="session")
def study():
    """Return the default study with many animals."""
    return simulate_study(StudySettings(subjects_per_arm=150), 2)


@pytest.fixture(scope="session")
def probe_study(even):
    """Return a study of the probe, with many animals that are all alike."""
    arms = [Arm(stress="stress", treatment="ketamine", probe=p, light=light) for p, light in ARMS_OF_PROBE]
    return simulate_study(even.changed(arms=tuple(arms)), 3)
