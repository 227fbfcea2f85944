import numpy as np
import pytest

from monte_carlo import assert_mean, assert_share
from respine.simulate.settings import Arm
from respine.simulate.study import simulate_study

FLAGS = ("labelled", "deleted", "lit", "new", "shrunk")
NONE_OFF, NONE_ON, TARGETED_OFF, TARGETED_ON, RANDOM_ON = range(5)


def of_arm(study, arm):
    return study.animals.arm[study.spines.subject] == arm


def session(study, name):
    return [s.name for s in study.settings.sessions].index(name)


@pytest.mark.parametrize("arm", [TARGETED_OFF, TARGETED_ON])
def test_sensitivity_and_off_target_rate(probe_study, arm):
    deletion, here = probe_study.deletion, of_arm(probe_study, arm)
    new, old = here & deletion.new, here & deletion.standing & ~deletion.new
    assert_share(deletion.labelled[new].sum(), new.sum(), 0.60)
    assert_share(deletion.labelled[old].sum(), old.sum(), 0.07)


def test_new_is_born_after_treatment_and_standing_when_labelled(probe_study):
    deletion, spines = probe_study.deletion, probe_study.spines
    assert (spines.birth_h[deletion.new] > 0).all()
    assert (spines.birth_h[deletion.standing] <= 24).all()
    assert (spines.birth_h[deletion.standing & ~deletion.new] <= 0).all()


def test_without_a_probe_nothing_is_labelled(probe_study):
    for arm in (NONE_OFF, NONE_ON):
        assert not probe_study.deletion.labelled[of_arm(probe_study, arm)].any()


def test_light_deletes_labelled_spines_and_few_others(probe_study):
    deletion, here = probe_study.deletion, of_arm(probe_study, TARGETED_ON)
    hit, bystander = here & deletion.lit & deletion.labelled, here & deletion.lit & ~deletion.labelled
    assert_share(deletion.deleted[hit].sum(), hit.sum(), 0.65)
    assert_share(deletion.deleted[bystander].sum(), bystander.sum(), 0.02)


def test_light_alone_takes_only_bystanders_and_no_light_takes_nothing(probe_study):
    deletion = probe_study.deletion
    lit = of_arm(probe_study, NONE_ON) & deletion.lit
    assert_share(deletion.deleted[lit].sum(), lit.sum(), 0.02)
    for arm in (NONE_OFF, TARGETED_OFF):
        assert not deletion.lit[of_arm(probe_study, arm)].any()


def test_deleted_spines_end_with_the_light(probe_study):
    deleted = probe_study.deletion.deleted
    assert deleted.sum() > 1_000
    assert (probe_study.spines.death_h[deleted] == 30.0).all()
    assert not probe_study.present[session(probe_study, "48h"), deleted].any()
    assert probe_study.present[session(probe_study, "24h"), deleted].mean() > 0.95


def test_random_probe_labels_as_many_but_none_that_is_new(probe_study):
    deletion = probe_study.deletion
    here = of_arm(probe_study, RANDOM_ON)
    assert not (deletion.labelled & deletion.new)[here].any()
    count = [
        np.bincount(probe_study.spines.subject[deletion.labelled & of_arm(probe_study, arm)], minlength=300)[
            probe_study.animals.arm == arm
        ]
        for arm in (TARGETED_ON, RANDOM_ON)
    ]
    assert_mean(count[0].astype(float) - count[1], 0.0)


def late(study, arm, score):
    values = study.scores[score][:, session(study, "7d")]
    return values[study.animals.arm == arm]


@pytest.fixture(scope="module")
def necessity(even):
    """Return many responders, with the probe and light in several ways."""
    ways = (("none", "off"), ("targeted", "on"), ("random", "on"))
    arms = tuple(Arm(stress="stress", treatment="ketamine", probe=p, light=light) for p, light in ways)
    drug = {"responder_fraction": 1.0, "restored_fraction": 0.5}
    return simulate_study(even.changed(arms=arms, subjects_per_arm=400, ketamine=drug), 71)


def test_deleting_new_spines_brings_immobility_back_and_random_deletion_does_not(necessity):
    base = late(necessity, 0, "immobility_s").mean()
    error = 4 * 40 * np.sqrt(2 / 400)
    assert late(necessity, 1, "immobility_s").mean() > base + 20
    assert abs(late(necessity, 2, "immobility_s").mean() - base) < error


@pytest.mark.parametrize(("score", "sd"), [("sucrose_percent", 10), ("alternation_percent", 8), ("entries", 6)])
def test_deletion_spares_the_other_scores(necessity, score, sd):
    error = 4 * sd * np.sqrt(2 / 400)
    assert abs(late(necessity, 1, score).mean() - late(necessity, 0, score).mean()) < error


def test_any_deletion_can_be_made_to_matter(even):
    arms = tuple(Arm(stress="stress", treatment="ketamine", probe="random", light=light) for light in ("off", "on"))
    changed = even.changed(arms=arms, coordination={"deficit_per_deleted_spine": 3.0, "held_recovery": 0.0})
    study = simulate_study(changed, 72)
    value = study.coordination.value[:, session(study, "48h")]
    assert value[study.animals.arm == 0].mean() - value[study.animals.arm == 1].mean() > 0.1


def test_labels_table_names_what_happened(probe_study):
    table = probe_study.table("labels")
    deletion = probe_study.deletion
    assert len(table) == (deletion.standing | deletion.lit).sum()
    assert table[list(FLAGS)].sum().to_dict() == {name: getattr(deletion, name).sum() for name in FLAGS}


def test_labelled_survivors_of_the_light_shrink(probe_study):
    deletion = probe_study.deletion
    assert (deletion.shrunk == (deletion.lit & deletion.labelled & ~deletion.deleted)).all()
    size = probe_study.log_diameter[session(probe_study, "48h")] - probe_study.log_diameter[session(probe_study, "24h")]
    kept = deletion.lit & ~deletion.labelled & ~deletion.deleted
    old = probe_study.spines.birth_h < -400
    assert_mean(size[deletion.shrunk & old], np.log(0.5) / 3)
    assert_mean(size[kept & old], 0.0)


def test_shrinking_can_be_made_not_to_matter(even):
    arms = (Arm(stress="stress", treatment="ketamine", probe="targeted", light="on"),)
    support = []
    for share in (0.0, 1.0):
        changed = even.changed(arms=arms, probe={"deletion_probability": 0.0, "shrunk_support": share})
        study = simulate_study(changed, 73)
        support.append(study.coordination.support[:, session(study, "48h")].mean())
    assert support[1] > 1.5 * support[0]
