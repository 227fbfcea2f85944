"""Settings of the tissue without stress or drug: dendrites, spines, their turnover, sizes, and how they are seen.

The defaults are those of published two-photon data of apical tufts in medial frontal cortex.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.simulate.settings_checked import CheckedSettings

SPINE_CLASSES = ("thin", "stubby", "mushroom", "filopodium")


class AnatomySettings(CheckedSettings):
    """Dendrites, and where spines stand on them."""

    fovs_per_subject: int = Field(2, ge=1)
    """Fields of view of an animal."""
    dendrites_per_fov: int = Field(6, ge=1)
    """Scored dendrites of a field of view."""
    dendrite_length_um: float = Field(60.0, gt=0)
    """Length of a scored dendrite, um."""
    density_per_um: float = Field(0.48, gt=0)
    """Spines per um that a two-photon image can show; those above and below the shaft come on top."""
    density_sd_dendrites_per_um: float = Field(0.10, ge=0)
    """Standard deviation of that density between the dendrites of an animal, 1/um."""
    density_sd_subjects_per_um: float = Field(0.03, ge=0)
    """Standard deviation of that density between animals, 1/um."""
    axial_fraction: float = Field(0.15, ge=0, lt=1)
    """Share of all spines that point along the optical axis, where the shaft hides them."""
    gap_um: float = Field(0.15, ge=0)
    """Least distance between two spines along the dendrite, um."""

    @model_validator(mode="after")
    def _fits(self) -> AnatomySettings:
        room = self.gap_um * self.density_per_um / (1 - self.axial_fraction)
        if room >= 0.5:
            raise SettingsError(
                f"gap_um: found {self.gap_um:g} at {self.density_per_um:g} spines per um, "
                f"expected gaps that fill less than half of a dendrite"
            )
        return self

    @property
    def density_total_per_um(self) -> float:
        """Density of all spines, also of those that no image shows, 1/um."""
        return self.density_per_um / (1 - self.axial_fraction)


class TurnoverSettings(CheckedSettings):
    """Births and lifetimes without stress.

    A lifetime is the smaller of a Weibull and an exponential time; the youngest spines are the most fragile.
    """

    births_per_spine_per_day: float | None = Field(None, ge=0)
    """Births per day, relative to the dendrite's first number of spines; nothing: as many as keep the density."""
    weibull_shape: float = Field(0.30, gt=0, le=5)
    """Shape of the Weibull part of the lifetime; below 1 the hazard falls with age."""
    weibull_scale_days: float = Field(40.0, gt=0)
    """Scale of the Weibull part of the lifetime, days."""
    constant_hazard_per_day: float = Field(0.002, gt=0)
    """Hazard of the exponential part of the lifetime, per day."""
    branch_correlation: float = Field(0.02, ge=0, lt=1)
    """Beta-binomial rho of the losses of a dendrite over the stress period, in animals without stress."""
    speed_cv_subjects: float = Field(0.30, ge=0, le=1)
    """Coefficient of variation, between animals, of the speed at which spines come and go."""
    restored_hazard_divisor: float = Field(1.3, ge=1)
    """A restored spine's hazard is that of another new spine divided by this."""


class SizeSettings(CheckedSettings):
    """Head diameters and protrusion lengths, and how they fluctuate."""

    head_diameter_um: float = Field(0.43, gt=0)
    """Mean diameter of the heads, full width at half maximum, um."""
    head_log_sd: float = Field(0.12, ge=0, le=1)
    """Standard deviation of the fluctuating part of a logarithmic diameter."""
    persistence_days: float = Field(3.0, gt=0)
    """Time over which the fluctuating part is forgotten (exponential autocorrelation), days."""
    new_ratio: float = Field(0.86, gt=0, le=2)
    """Diameter of a spine at its birth, relative to what it is once mature."""
    maturation_days: float = Field(4.0, gt=0)
    """Time over which a new spine approaches its mature diameter, days."""
    class_fractions: tuple[float, float, float, float] = (0.55, 0.15, 0.25, 0.05)
    """Shares of thin, stubby, mushroom and filopodium."""
    class_diameter_ratios: tuple[float, float, float, float] = (0.97, 1.0, 1.15, 0.80)
    """Mean diameter of each class, relative to each other."""
    class_protrusions_um: tuple[float, float, float, float] = (1.45, 0.75, 1.40, 2.60)
    """Mean protrusion of each class from the edge of the shaft, um."""
    protrusion_log_sd: float = Field(0.25, ge=0, le=1)
    """Standard deviation of a spine's own logarithmic protrusion within its class."""
    protrusion_fluctuation_log_sd: float = Field(0.06, ge=0, le=1)
    """Standard deviation of its fluctuation between sessions (same persistence as the diameter)."""

    @model_validator(mode="after")
    def _possible(self) -> SizeSettings:
        if min(self.class_fractions) < 0 or abs(sum(self.class_fractions) - 1) > 1e-9:
            raise SettingsError(f"class_fractions: found {self.class_fractions}, expected shares that sum to 1")
        for name in ("class_diameter_ratios", "class_protrusions_um"):
            if min(getattr(self, name)) <= 0:
                raise SettingsError(f"{name}: found {getattr(self, name)}, expected four positive numbers")
        return self


class DetectionSettings(CheckedSettings):
    """How a scorer, or a detector, sees the spines of one session: hits, misses and false calls."""

    hit_mean: float = Field(0.965, gt=0, le=1)
    """Probability that a standing spine is seen, averaged over sizes and sessions of ordinary brightness."""
    hit_size_slope: float = Field(0.8, ge=0)
    """Change of the log-odds of a hit per standard deviation of logarithmic head diameter."""
    hit_brightness_slope: float = Field(2.0, ge=0)
    """Change of the log-odds of a hit per unit of logarithmic session brightness."""
    false_calls_per_spine: float = Field(0.02, ge=0, lt=1)
    """False calls in a session, per spine that an image can show."""
    brightness_log_sd: float = Field(0.35, ge=0, le=2)
    """Standard deviation of the logarithmic brightness of sessions."""
    dim_session: str | None = None
    """Name of a session in which every image is dim; nothing: none."""
    dim_factor: float = Field(0.4, gt=0, le=1)
    """Brightness of that session, relative to the others."""
    size_noise_log_sd: float = Field(0.15, ge=0, le=2)
    """Standard deviation of the error of a measured logarithmic diameter."""
