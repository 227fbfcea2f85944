"""The animals, their dendrites, and the spines that stand on them at the first session.

Legend of shapes: M animals, D dendrites of all animals, S spines of all animals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.settings import StudySettings
from respine.simulate.settings_structure import AnatomySettings

_LEAST_DENSITY = 0.2
_AXIAL_DEG = (90.0, 270.0)


@dataclass(frozen=True, eq=False)
class Animals:
    """Traits of the animals, arrays of shape (M,).

    Parameters
    ----------
    arm : ndarray of int
        Index into the arms of the settings.
    stressed, ketamine, light : ndarray of bool
        What is done to the animal.
    targeted_probe, random_probe : ndarray of bool
        The animal carries a probe for new spines, or one for others.
    responder : ndarray of bool
        Has the effects of the drug; False without the drug.
    speed : ndarray
        Pace at which its spines come and go, mean 1.
    fast_recovery : ndarray
        Share of lost coordination that the fast effect gives back; 0 where there is none.
    restored_fraction : ndarray
        Probability that a site lost under stress is restored.
    slow_drive : ndarray
        Strength of the slow effect on births, 1 in an average responder.
    """

    arm: np.ndarray
    stressed: np.ndarray
    ketamine: np.ndarray
    light: np.ndarray
    targeted_probe: np.ndarray
    random_probe: np.ndarray
    responder: np.ndarray
    speed: np.ndarray
    fast_recovery: np.ndarray
    restored_fraction: np.ndarray
    slow_drive: np.ndarray


@dataclass(frozen=True, eq=False)
class Dendrites:
    """The scored dendrites, arrays of shape (D,).

    Parameters
    ----------
    subject, fov, number : ndarray of int
        Animal, field of view of the animal, and place in the field, from 0.
    first_spines : ndarray of int
        Spines at the first session, also those that no image shows.
    length_um : float
        Length of each, um.
    """

    subject: np.ndarray
    fov: np.ndarray
    number: np.ndarray
    first_spines: np.ndarray
    length_um: float


@dataclass(frozen=True, eq=False)
class Sites:
    """Where spines are born: arrays of shape (S,).

    Parameters
    ----------
    dendrite : ndarray of int
    position_um : ndarray
        Along the dendrite, um.
    azimuth_deg : ndarray
        Around the shaft: 0 left in the plane, 90 up (towards smaller z), 180 right, 270 down.
    """

    dendrite: np.ndarray
    position_um: np.ndarray
    azimuth_deg: np.ndarray


def draw_animals(settings: StudySettings, rng: np.random.Generator) -> Animals:
    """Draw the animals of a study, arm by arm."""
    count = settings.n_subjects
    arm = np.repeat(np.arange(len(settings.arms)), settings.subjects_per_arm)

    def of_arm(values: list[bool]) -> np.ndarray:
        return np.array(values)[arm]

    drug = settings.ketamine
    ketamine = of_arm([a.treatment == "ketamine" for a in settings.arms])
    responder = (rng.random(count) < drug.responder_fraction) & ketamine
    fast = _draw_share(drug.fast_recovery, drug.fast_recovery_sd, count, rng) * responder
    drug_part = drug.restored_fraction - drug.restored_fraction_vehicle
    restored = _draw_share(drug_part, drug.restored_fraction_sd, count, rng) * responder
    follows = drug.formation_follows_activity
    relative = fast / drug.fast_recovery if drug.fast_recovery > 0 else np.zeros(count)
    drive = ((1 - follows) + follows * relative) * responder
    sigma = np.sqrt(np.log1p(settings.turnover.speed_cv_subjects**2))
    return Animals(
        arm=arm,
        stressed=of_arm([a.stress == "stress" for a in settings.arms]),
        ketamine=ketamine,
        light=of_arm([a.light == "on" for a in settings.arms]),
        targeted_probe=of_arm([a.probe == "targeted" for a in settings.arms]),
        random_probe=of_arm([a.probe == "random" for a in settings.arms]),
        responder=responder,
        speed=np.exp(sigma * rng.standard_normal(count) - sigma**2 / 2),
        fast_recovery=fast,
        restored_fraction=np.minimum(drug.restored_fraction_vehicle + restored * drive, 1.0),
        slow_drive=drive,
    )


def _draw_share(mean: float, sd: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw Beta numbers with this mean and standard deviation; the mean itself where nothing can vary."""
    if sd == 0 or mean in (0.0, 1.0):
        return np.full(count, mean)
    total = mean * (1 - mean) / sd**2 - 1
    return rng.beta(mean * total, (1 - mean) * total, count)


def draw_dendrites(settings: AnatomySettings, n_subjects: int, rng: np.random.Generator) -> tuple[Dendrites, Sites]:
    """Draw the dendrites and the spines that stand on them at first."""
    per_subject = settings.fovs_per_subject * settings.dendrites_per_fov
    index = np.arange(n_subjects * per_subject)
    subject, within = index // per_subject, index % per_subject
    density = settings.density_per_um + settings.density_sd_subjects_per_um * rng.standard_normal(n_subjects)
    density = density[subject] + settings.density_sd_dendrites_per_um * rng.standard_normal(len(index))
    density = np.maximum(density, _LEAST_DENSITY * settings.density_per_um)
    shown = np.floor(density * settings.dendrite_length_um + rng.random(len(index))).astype(int)
    odds = settings.axial_fraction / (1 - settings.axial_fraction)
    hidden = rng.poisson(shown * odds)
    count = shown + hidden
    dendrite = np.repeat(index, count)
    first = np.cumsum(count) - count
    # Ordered uniform positions on what the gaps leave free, then pushed apart: a hard-core point process. Adding the
    # number of the dendrite lets one sort order all dendrites.
    along = np.sort(dendrite + rng.random(len(dendrite))) - dendrite
    rank = np.arange(len(dendrite)) - first[dendrite]
    free = np.maximum(settings.dendrite_length_um - settings.gap_um * count, 0.0)[dendrite]
    position = along * free + (rank + 0.5) * settings.gap_um
    # Hidden are those of a dendrite's spines that come first in a random order.
    axial = np.empty(len(dendrite), bool)
    axial[np.argsort(dendrite + rng.random(len(dendrite)))] = rank < hidden[dendrite]
    azimuth = draw_azimuth_deg(axial, settings.axial_fraction, rng)
    dendrites = Dendrites(
        subject=subject,
        fov=within // settings.dendrites_per_fov,
        number=within % settings.dendrites_per_fov,
        first_spines=count,
        length_um=settings.dendrite_length_um,
    )
    return dendrites, Sites(dendrite, np.minimum(position, settings.dendrite_length_um), azimuth)


def draw_azimuth_deg(axial: np.ndarray, axial_fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Draw directions around the shaft.

    Axial spines point anywhere within the axial cones. The others thin out evenly from the image plane towards the
    cones, so that nearly all of them overhang the shaft far enough to be scored, as the density of scored spines asks.
    """
    half = 90.0 * axial_fraction
    side = rng.random(len(axial)) < 0.5
    middle = np.where(axial, np.where(side, *_AXIAL_DEG), np.where(side, 0.0, 180.0))
    inside = half * rng.uniform(-1, 1, len(axial))
    outside = (90.0 - half) * (rng.random(len(axial)) - rng.random(len(axial)))
    return (middle + np.where(axial, inside, outside)) % 360.0


def is_axial(azimuth_deg: np.ndarray, axial_fraction: float) -> np.ndarray:
    """Tell which directions lie in the axial cones, where the shaft hides a spine."""
    from_axis = np.abs((azimuth_deg % 180.0) - 90.0)
    return from_axis < 90.0 * axial_fraction
