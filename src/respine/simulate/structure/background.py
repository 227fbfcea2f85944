"""Everything else that shines in a field of view: bright specks, diffuse bodies, and thin axons with boutons.

It is made once a field of view, in a volume larger than the field so that a session that moved does not look past
its end; some of the specks come and go between sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.simulate.structure.blobs import Blobs, join_blobs, small_blobs
from respine.simulate.structure.optics import OpticsSettings
from respine.simulate.structure.settings import SceneSettings

_AROUND_UM = np.array([4.0, 10.0, 10.0])
_UM3_PER_NL = 1e6
_BOUTON_GAP_UM = 4.0
_STEP_UM = 0.2
_NOMINAL = OpticsSettings()


@dataclass(frozen=True, eq=False)
class Background:
    """What shines beside the dendrites.

    Parameters
    ----------
    lasting : Blobs
        Seen in every session.
    specks : Blobs
        Specks that come and go.
    speck : ndarray of int, shape (len(specks),)
        The speck that each of these blobs belongs to.
    """

    lasting: Blobs
    specks: Blobs
    speck: np.ndarray

    def in_session(self, rng: np.random.Generator) -> Blobs:
        """Draw which of the passing specks are there in one session: each with probability one half."""
        if not len(self.specks):
            return self.lasting
        there = rng.random(int(self.speck.max()) + 1)[self.speck] < 0.5
        passing = Blobs(*(getattr(self.specks, n)[there] for n in ("points_um", "mass", "spread_um", "role")))
        return join_blobs([self.lasting, passing])


def make_background(field_um: np.ndarray, settings: SceneSettings, rng: np.random.Generator) -> Background:
    """Scatter specks, diffuse bodies and axons over a field of view.

    Parameters
    ----------
    field_um : ndarray, shape (3,)
        Extent of the field (z, y, x), um.
    settings : SceneSettings
    rng : numpy.random.Generator

    Returns
    -------
    Background
    """
    size = np.asarray(field_um, float) + 2 * _AROUND_UM
    volume = float(np.prod(size)) / _UM3_PER_NL
    # Passing specks are there half of the time, so that twice their number is needed, and each one that is there
    # vanishes in every second case.
    steady = rng.poisson(settings.puncta_per_nl * volume * (1.0 - 2 * settings.background_change))
    passing = rng.poisson(settings.puncta_per_nl * volume * 4 * settings.background_change)
    lasting, _ = _specks(steady, size, settings, rng)
    specks, speck = _specks(passing, size, settings, rng)
    clouds = [_cloud(size, settings, rng) for _ in range(rng.poisson(settings.clouds_per_nl * volume))]
    fibres = [_fibre(size, settings, rng) for _ in range(rng.poisson(settings.fibres_per_nl * volume))]
    return Background(join_blobs([lasting, *clouds, *fibres, _grain(size, settings, rng)]), specks, speck)


def _peak_to_mass(peak, spread_um):
    """Mass of a blob whose image under the nominal microscope has this peak."""
    sigma2 = _NOMINAL.sigma_um**2
    return peak * (sigma2 + np.square(spread_um)) / (sigma2 * _NOMINAL.mass_to_signal)


def _specks(count, size, settings, rng):
    if count == 0:
        return join_blobs([]), np.zeros(0, int)
    middle, level = _groups(count, size, settings, rng)
    peak = settings.puncta_brightness * level * np.exp(0.7 * rng.standard_normal(count))
    # A speck is a short crooked chain of pieces, not a ball: the longest ones look like a stretch of a neurite.
    pieces = 1 + rng.geometric(0.4, count)
    speck = np.repeat(np.arange(count), pieces)
    total = len(speck)
    first = np.repeat(np.cumsum(pieces) - pieces, pieces)
    heading = rng.standard_normal((count, 3)) * [0.7, 1.0, 1.0]
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    steps = np.cumsum(0.35 * heading[speck] + 0.25 * rng.standard_normal((total, 3)), axis=0)
    points = middle[speck] + steps - steps[first]
    spread = rng.uniform(0.05, 0.4, total)
    mass = _peak_to_mass(peak[speck] * rng.gamma(2.0, 0.4, total), spread)
    return small_blobs(points, mass, spread), speck


def _groups(count, size, settings, rng):
    """Places and relative brightness of specks: most lie in long groups, as the pieces of one faint neurite do."""
    groups = max(count // 8, 1)
    middle = rng.random((groups, 3)) * size - _AROUND_UM
    shallow = rng.random(groups) < settings.surface_share
    middle[shallow, 0] = -_AROUND_UM[0] + (middle[shallow, 0] + _AROUND_UM[0]) / 3.0
    heading = rng.standard_normal((groups, 3)) * [0.5, 1.0, 1.0]
    width = rng.uniform(0.4, 2.5, groups)
    group = rng.integers(0, groups, count)
    reach = rng.exponential(2.0, groups)[group] * rng.standard_normal(count)
    points = middle[group] + reach[:, None] * heading[group]
    points += width[group][:, None] * rng.standard_normal((count, 3))
    alone = rng.random(count) < 0.25
    points[alone] = rng.random((int(alone.sum()), 3)) * size - _AROUND_UM
    return points, np.exp(0.7 * rng.standard_normal(groups))[group]


def _grain(size, settings, rng):
    """Fine dim texture of the neuropil, in patches, thinning out with depth."""
    count = rng.poisson(settings.grain_per_nl * float(np.prod(size)) / _UM3_PER_NL)
    patches = max(count // 40, 1)
    middle = rng.random((patches, 3)) * size - _AROUND_UM
    middle[:, 0] = size[0] * (rng.random(patches) ** 1.7) - _AROUND_UM[0]
    points = middle[rng.integers(0, patches, count)] + rng.standard_normal((count, 3)) * [3.0, 5.0, 5.0]
    spread = rng.uniform(0.05, 0.5, count)
    peak = settings.grain_brightness * rng.exponential(1.0, count)
    return small_blobs(points, _peak_to_mass(peak, spread), spread)


def _cloud(size, settings, rng):
    """One diffuse body: overlapping soft lumps in a bent ellipsoid, some without a middle (a nucleus)."""
    middle = rng.random(3) * size - _AROUND_UM
    axes = np.exp(rng.normal(np.log(3.2), 0.4, 3)) * [1.0, 1.5, 0.9]
    volume = 4.0 / 3.0 * np.pi * float(np.prod(axes))
    count = int(np.clip(0.8 * volume, 20, 600))
    inside = rng.standard_normal((count, 3))
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    hollow = 0.4 if rng.random() < 0.3 else 0.0
    inside *= np.cbrt(rng.uniform(hollow**3, 1.0, count))[:, None]
    inside[:, 1] += rng.normal(0, 0.4) * inside[:, 2] ** 2
    angle = rng.uniform(0, np.pi)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    points = middle + (inside * axes) @ turn.T
    peak = settings.cloud_brightness * np.exp(0.5 * rng.standard_normal())
    density = peak / (9.0 * _NOMINAL.mass_to_signal / 5.1)
    lumps = rng.gamma(0.8, 1.0, count)
    return small_blobs(points, 2.0 * density * volume * lumps / lumps.sum(), rng.uniform(0.3, 0.9, count))


def _fibre(size, settings, rng):
    """One thin axon, gently bent, with boutons at irregular gaps."""
    length = rng.uniform(15.0, 80.0)
    count = int(length / _STEP_UM)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(0.06 * rng.standard_normal(count))
    slope = rng.normal(0, 0.25) + np.cumsum(0.02 * rng.standard_normal(count))
    steps = _STEP_UM * np.stack([slope, np.sin(heading), np.cos(heading)], axis=1)
    points = rng.random(3) * size - _AROUND_UM + np.cumsum(steps, axis=0)
    level = settings.fibre_brightness * np.exp(0.6 * rng.standard_normal())
    sigma = _NOMINAL.sigma_um
    line = level / (_NOMINAL.mass_to_signal * np.sqrt(2 * np.pi) * sigma)
    mass = line * _STEP_UM * rng.gamma(4.0, 0.25, count)
    boutons = np.flatnonzero(rng.random(count) < _STEP_UM / _BOUTON_GAP_UM)
    swollen = _peak_to_mass(level * rng.uniform(1.0, 5.0, len(boutons)), 0.2)
    return join_blobs(
        [small_blobs(points, mass, 0.06), small_blobs(points[boutons], swollen, rng.uniform(0.1, 0.3, len(boutons)))]
    )
