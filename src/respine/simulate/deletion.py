"""The probe labels spines, and light deletes the labelled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.anatomy import Animals
from respine.simulate.settings_effects import ProbeSettings


@dataclass(frozen=True, eq=False)
class Deletion:
    """Labels and deletions, arrays of bool of shape (S,).

    Parameters
    ----------
    standing : ndarray
        Spines of animals with the probe that stand when they are labelled.
    new : ndarray
        Those of them born after treatment.
    labelled : ndarray
        Spines with the label.
    lit : ndarray
        Spines that stand in an animal when it gets light.
    deleted : ndarray
        Spines that the light removed.
    shrunk : ndarray
        Labelled spines that survived the light, smaller.
    """

    standing: np.ndarray
    new: np.ndarray
    labelled: np.ndarray
    lit: np.ndarray
    deleted: np.ndarray
    shrunk: np.ndarray


def draw_deletion(
    subject: np.ndarray,
    birth_h: np.ndarray,
    death_h: np.ndarray,
    animals: Animals,
    settings: ProbeSettings,
    rng: np.random.Generator,
) -> Deletion:
    """Draw which spines are labelled and which the light deletes.

    A probe aimed at random labels, among the spines older than the treatment, as many as one aimed at new spines
    would label in all.

    Parameters
    ----------
    subject : ndarray of int, shape (S,)
        Animal of each spine.
    birth_h, death_h : ndarray, shape (S,)
        Life without light, h.
    """
    if not (animals.targeted_probe | animals.random_probe | animals.light).any():
        return Deletion(*np.zeros((6, len(subject)), bool))
    labels, fates = rng.random((2, len(subject)))
    stands = (
        (animals.targeted_probe | animals.random_probe)[subject]
        & (birth_h <= settings.label_h)
        & (death_h > settings.label_h)
    )
    new = stands & (birth_h > 0)
    count = len(animals.arm)
    n_new = np.bincount(subject[new], minlength=count)
    n_old = np.bincount(subject[stands], minlength=count) - n_new
    aimed = np.where(new, settings.sensitivity, settings.off_target)
    wanted = settings.sensitivity * n_new + settings.off_target * n_old
    share = np.minimum(wanted / np.maximum(n_old, 1), 1.0)
    at_random = np.where(new, 0.0, share[subject])
    chance = np.where(animals.random_probe[subject], at_random, aimed)
    labelled = stands & (labels < chance)
    lit = animals.light[subject] & (birth_h <= settings.light_h) & (death_h > settings.light_h)
    chance = np.where(labelled, settings.deletion_probability, settings.bystander_probability)
    deleted = lit & (fates < chance)
    return Deletion(stands, new, labelled, lit, deleted, lit & labelled & ~deleted)
