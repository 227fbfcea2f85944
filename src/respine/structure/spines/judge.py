"""All sessions of a dendrite judged together: from its ribbons to its spines in every session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from respine.core.settings import StageSettings
from respine.structure.spines.align import AlignSettings, align_sessions, shift_evidence, shift_ribbon
from respine.structure.spines.bases import find_bases
from respine.structure.spines.evidence import EvidenceSettings, compute_evidence
from respine.structure.spines.link import LinkSettings
from respine.structure.spines.measure import Measures, MeasureSettings, measure_spines
from respine.structure.spines.sites import Sites, SiteSettings, find_sites
from respine.structure.spines.straighten import Ribbon
from respine.structure.spines.visibility import VisibilitySettings, compute_visibility


class JudgeSettings(StageSettings):
    """How the sessions of a dendrite are judged together."""

    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    """What counts as evidence for a spine."""
    align: AlignSettings = Field(default_factory=AlignSettings)
    """How sessions are slid along each other."""
    sites: SiteSettings = Field(default_factory=SiteSettings)
    """How candidate sites are found."""
    link: LinkSettings = Field(default_factory=LinkSettings)
    """How spots of different sessions become one spine."""
    visibility: VisibilitySettings = Field(default_factory=VisibilitySettings)
    """How evidence becomes a call."""
    measure: MeasureSettings = Field(default_factory=MeasureSettings)
    """How spines are measured."""


@dataclass(frozen=True)
class Noise:
    """Noise of a session: variance = gain * (value - background) + floor**2, grey levels."""

    gain: float
    floor: float
    background: float


@dataclass(frozen=True, eq=False)
class JudgedDendrite:
    """The spines of one dendrite in S sessions; K spines, each visible in at least one session.

    Parameters
    ----------
    ribbons : list of Ribbon, length S
        On the common axis.
    sites : Sites
        Heads and evidence, shape (K, S).
    base_um : ndarray, shape (K, S, 3)
        Bases as (position, lateral, axial).
    p_visible : ndarray, shape (K, S)
        NaN where the session cannot show the site.
    visible : ndarray of bool, shape (K, S)
        False too where the session cannot show the site.
    measures : list of Measures, length S
    agreement : ndarray, shape (S,)
        Correlation of each session's evidence with that of the others.
    """

    ribbons: list[Ribbon]
    sites: Sites
    base_um: np.ndarray
    p_visible: np.ndarray
    visible: np.ndarray
    measures: list[Measures]
    agreement: np.ndarray


def judge_dendrite(
    ribbons: list[Ribbon],
    noises: list[Noise],
    settings: JudgeSettings = JudgeSettings(),  # noqa: B008
) -> JudgedDendrite:
    """Find, identify and measure the spines of one dendrite.

    Parameters
    ----------
    ribbons : list of Ribbon, length S
        The dendrite in all its scorable sessions, in order of time, S >= 1.
    noises : list of Noise, length S

    Returns
    -------
    JudgedDendrite
    """
    evidences = [
        compute_evidence(r, n.gain, n.floor, n.background, settings.evidence)
        for r, n in zip(ribbons, noises, strict=True)
    ]
    slides = align_sessions(ribbons, evidences, settings.align)
    step = ribbons[0].step_um[0]
    ribbons = [shift_ribbon(r, slide) for r, slide in zip(ribbons, slides, strict=True)]
    evidences = [shift_evidence(e, slide, step) for e, slide in zip(evidences, slides, strict=True)]
    sites = find_sites(ribbons, evidences, settings.sites, settings.link)
    p_visible = compute_visibility(sites, settings.visibility)
    # NaN compares as False: a site that a session cannot show is not called visible there.
    visible = p_visible >= settings.visibility.min_probability
    spine = visible.any(axis=1)
    sites, p_visible, visible = sites.take(spine), p_visible[spine], visible[spine]
    places = np.stack([sites.position_um, sites.lateral_um, sites.axial_um], axis=2)
    bases = [find_bases(r, e, places[:, s]) for s, (r, e) in enumerate(zip(ribbons, evidences, strict=True))]
    measures = [
        measure_spines(r, e, n.background, places[:, s], visible[:, s], settings.measure)
        for s, (r, e, n) in enumerate(zip(ribbons, evidences, noises, strict=True))
    ]
    agreement = np.array([slide.correlation for slide in slides])
    return JudgedDendrite(ribbons, sites, np.stack(bases, axis=1), p_visible, visible, measures, agreement)
