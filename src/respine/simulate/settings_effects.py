"""Settings of what stress, ketamine, light and activity do: every causal link can be cut here.

A chain of the default world: stress eliminates spines, branch by branch, and lowers coordination; ketamine restores
coordination within hours (fast) and drives births, a part of them at lost sites, a day later (slow); what holds the
recovery once the fast effect has worn off are the new spines; behaviour follows coordination.
"""

from __future__ import annotations

import itertools

from pydantic import Field, model_validator

from respine.core.errors import SettingsError
from respine.simulate.settings_checked import CheckedSettings


class StressSettings(CheckedSettings):
    """The stressor, from `start_h` to the time of treatment at 0 h."""

    start_h: float = Field(-504.0, lt=0)
    """Start of the stress period, h before treatment."""
    loss_multiplier: float = Field(1.6, ge=1)
    """Elimination over the stress period, relative to that without stress; 1 cuts the link."""
    birth_multiplier: float = Field(0.7, ge=0)
    """Birth rate during the stress period, relative to that without stress; 1 cuts the link."""
    branch_correlation: float = Field(0.10, ge=0, lt=1)
    """Beta-binomial rho of the losses of a dendrite over the stress period."""
    cluster_um: float = Field(4.0, gt=0)
    """Distance along the dendrite over which losses cluster (exponential correlation), um."""
    cluster_share: float = Field(0.4, ge=0, lt=1)
    """Correlation of the latent loss of spines side by side, from clustering alone; 0 cuts it."""
    recovery_days: float = Field(60.0, gt=0)
    """Time over which births and the direct effect on coordination recover once stress ends, days."""
    event_rate_multiplier: float = Field(0.9, gt=0)
    """Event rates of neurons under stress, relative to those without; 1 cuts the link."""


class KetamineSettings(CheckedSettings):
    """One dose at 0 h. The effects are those in a responder; other animals have none."""

    responder_fraction: float = Field(0.70, ge=0, le=1)
    """Probability that an animal responds."""
    fast_recovery: float = Field(0.875, ge=0, le=1)
    """Share of the lost coordination that the fast effect gives back; 0 cuts it."""
    fast_recovery_sd: float = Field(0.06, ge=0)
    """Standard deviation of that share between responders."""
    fast_on_h: float = Field(2.0, gt=0)
    """Time over which the fast effect sets in (linear), h."""
    fast_hold_h: float = Field(24.0, gt=0)
    """Time until which the fast effect holds, h."""
    fast_decay_h: float = Field(12.0, gt=0)
    """Time over which it then falls to 1/e, h."""
    birth_gain: float = Field(1.8, ge=0)
    """Birth rate at the peak of the slow effect, relative to that before; 1 cuts the link."""
    slow_time_h: tuple[float, ...] = (6.0, 12.0, 24.0)
    """Times at which the slow effect is given, h; 0 before the first, linear between them."""
    slow_effect: tuple[float, ...] = (0.0, 0.6, 1.0)
    """Slow effect at these times, relative to its peak."""
    slow_decay_days: float = Field(5.0, gt=0)
    """Time over which the slow effect on the birth rate then falls to 1/e, days."""
    restored_fraction: float = Field(0.45, ge=0, le=1)
    """Share of the sites lost under stress at which a spine forms again by the end of `slow_time_h`."""
    restored_fraction_sd: float = Field(0.18, ge=0)
    """Standard deviation of that share between responders."""
    restored_fraction_vehicle: float = Field(0.15, ge=0, le=1)
    """The same share in animals without a drug effect, at times spread evenly over that day."""
    restored_position_sd_um: float = Field(0.3, ge=0)
    """Standard deviation of the distance along the dendrite between a restored spine and the lost one, um."""
    formation_follows_activity: float = Field(1.0, ge=0, le=1)
    """Share of the slow effect that needs the fast recovery of coordination; 0 makes formation independent."""

    @model_validator(mode="after")
    def _possible(self) -> KetamineSettings:
        times, effect = self.slow_time_h, self.slow_effect
        if len(times) < 2 or min(times) < 0 or any(b <= a for a, b in itertools.pairwise(times)):
            raise SettingsError(f"slow_time_h: found {times}, expected two or more rising times from 0 h on")
        rising = all(b >= a for a, b in itertools.pairwise(effect))
        if len(effect) != len(times) or not rising or effect[0] != 0 or effect[-1] != 1:
            raise SettingsError(
                f"slow_effect: found {effect}, expected {len(times)} numbers that rise from 0 to 1, one a time"
            )
        if self.restored_fraction < self.restored_fraction_vehicle:
            raise SettingsError(
                f"restored_fraction: found {self.restored_fraction:g}, expected no less than "
                f"restored_fraction_vehicle ({self.restored_fraction_vehicle:g})"
            )
        drug_part = self.restored_fraction - self.restored_fraction_vehicle
        for name, mean in (("restored_fraction_sd", drug_part), ("fast_recovery_sd", self.fast_recovery)):
            sd = getattr(self, name)
            if 0 < mean < 1 and sd**2 >= mean * (1 - mean):
                raise SettingsError(
                    f"{name}: found {sd:g}, expected below {(mean * (1 - mean)) ** 0.5:.3g}, "
                    f"the most that a share with mean {mean:.3g} can vary"
                )
        return self


class CoordinationSettings(CheckedSettings):
    """How the coordination of ensembles depends on stress, synapses and the drug; 1 is that of a healthy animal."""

    stress_deficit: float = Field(0.19, ge=0, le=1)
    """Coordination lost to stress itself, without any loss of spines; 0 cuts the link."""
    deficit_per_lost_spine: float = Field(1.5, ge=0)
    """Coordination lost per share of spines lost between the first session and the end of stress; 0 cuts the link."""
    deficit_per_deleted_spine: float = Field(0.0, ge=0)
    """Coordination lost per share of spines that light deletes, whichever they are; 0: only the new ones matter."""
    maintenance_needs_spines: float = Field(1.0, ge=0, le=1)
    """Share of the lasting recovery that the surviving new spines carry; at 0 it lasts without them."""
    held_recovery: float = Field(0.875, ge=0, le=1)
    """Share of the lost coordination that the lasting recovery gives back; 0 cuts it."""
    half_support: float = Field(0.20, gt=0, le=1)
    """Share of the lost sites that must be standing again for half of the lasting recovery."""
    support_steepness: float = Field(6.0, ge=1, le=20)
    """Exponent of the sigmoid between that share and the lasting recovery."""
    support_age_h: float = Field(12.0, ge=0)
    """Age from which a new spine carries the lasting recovery, h."""
    session_sd: float = Field(0.05, ge=0)
    """Standard deviation of an animal's coordination between sessions."""


class ProbeSettings(CheckedSettings):
    """A probe that labels spines, and light that deletes the labelled ones."""

    label_h: float = Field(24.0, gt=0)
    """Time at which spines are labelled, h."""
    light_h: float = Field(30.0, gt=0)
    """Time of the light, h."""
    sensitivity: float = Field(0.60, ge=0, le=1)
    """Probability that a spine born after treatment, and standing, is labelled."""
    off_target: float = Field(0.07, ge=0, le=1)
    """Probability that an older spine is labelled."""
    deletion_probability: float = Field(0.65, ge=0, le=1)
    """Probability that light deletes a labelled spine."""
    bystander_probability: float = Field(0.02, ge=0, le=1)
    """Probability that light deletes an unlabelled spine."""
    shrunk_volume: float = Field(0.5, gt=0, le=1)
    """Volume of the head of a labelled spine that survives the light, relative to before."""
    shrunk_support: float = Field(0.0, ge=0, le=1)
    """Support for the lasting recovery that such a spine still gives; 1: shrinking does not matter."""

    @model_validator(mode="after")
    def _in_order(self) -> ProbeSettings:
        if self.light_h < self.label_h:
            raise SettingsError(f"light_h: found {self.light_h:g}, expected no earlier than label_h ({self.label_h:g})")
        return self
