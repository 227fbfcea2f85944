"""Spines that form again where stress took one."""

from __future__ import annotations

import numpy as np

from respine.simulate.anatomy import Animals, Dendrites, Sites
from respine.simulate.settings import StudySettings


def draw_restored(
    lost: Sites, animals: Animals, dendrites: Dendrites, settings: StudySettings, rng: np.random.Generator
) -> tuple[np.ndarray, Sites, np.ndarray]:
    """Draw which of the sites lost under stress are restored, where exactly, and when.

    A site is restored by itself with the vehicle's probability, at a time spread evenly over the first day, or by the
    drug with what the animal's response adds, along the drug's slow time course.

    Parameters
    ----------
    lost : Sites
        Sites of spines that stood when stress began and that stress or time took, shape (S,).

    Returns
    -------
    which : ndarray of int, shape (R,)
        The restored ones among the lost.
    sites : Sites
        Where the R new spines stand.
    birth_h : ndarray, shape (R,)
        When they are born.
    """
    drug = settings.ketamine
    draw = rng.random(len(lost.dendrite))
    by_itself = draw < drug.restored_fraction_vehicle
    which = np.flatnonzero(draw < animals.restored_fraction[dendrites.subject[lost.dendrite]])
    when = rng.random(len(which))
    last_h = drug.slow_time_h[-1]
    birth_h = np.where(by_itself[which], when * last_h, np.interp(when, drug.slow_effect, drug.slow_time_h))
    shift = drug.restored_position_sd_um * rng.standard_normal(len(which))
    position = np.clip(lost.position_um[which] + shift, 0.0, dendrites.length_um)
    return which, Sites(lost.dendrite[which], position, lost.azimuth_deg[which]), birth_h
