"""Light on chosen spines: where it was planned, where it arrived, and what the log says."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from respine.core.errors import InputError, SettingsError
from respine.simulate.settings_checked import CheckedSettings

_COLUMNS = ("spine", "z_um", "y_um", "x_um", "labelled")


class LightSettings(CheckedSettings):
    """A photostimulation: its accuracy, its pulses, its spread."""

    offset_sd_um: float = Field(0.4, ge=0)
    """Error that all targets of a session share, along y and along x (standard deviation), um."""
    aim_sd_um: float = Field(0.25, ge=0)
    """Error of each target, along y and along x (standard deviation), um."""
    aim_axial_sd_um: float = Field(0.8, ge=0)
    """Error of each target along the axis (standard deviation), um."""
    readback_sd_um: float = Field(0.03, ge=0)
    """Error of the delivered site in the log, along each axis (standard deviation), um."""
    missed_probability: float = Field(0.02, ge=0, le=1)
    """Probability that a target is not lit at all."""
    power_mw: float = Field(8.0, gt=0)
    """Planned power at the sample, mW."""
    power_log_sd: float = Field(0.05, ge=0, le=1)
    """Spread of the delivered power (standard deviation of the logarithm)."""
    wavelength_nm: float = Field(473.0, gt=300, lt=1400)
    """Wavelength, nm."""
    pulses: int = Field(60, ge=1)
    """Pulses on a target."""
    pulse_ms: float = Field(150.0, gt=0)
    """Length of a pulse, ms."""
    pulse_rate_hz: float = Field(1.0, gt=0)
    """Pulses a second, Hz."""
    pause_s: float = Field(2.0, ge=0)
    """Time from one target to the next, s."""
    spot_sd_um: float = Field(0.5, gt=0)
    """Lateral spread of the light around its centre (standard deviation), um."""
    spot_axial_sd_um: float = Field(2.0, gt=0)
    """Axial spread of the light (standard deviation), um."""

    @model_validator(mode="after")
    def _apart(self) -> LightSettings:
        if self.pulse_ms / 1000 > 1 / self.pulse_rate_hz:
            raise SettingsError(
                f"pulse_ms: found {self.pulse_ms:g}, expected at most {1000 / self.pulse_rate_hz:g}, "
                f"the time from pulse to pulse at pulse_rate_hz {self.pulse_rate_hz:g}"
            )
        return self


def simulate_light_on_spines(
    targets: pd.DataFrame, hours_after_drug: float, settings: LightSettings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw one photostimulation.

    Parameters
    ----------
    targets : DataFrame
        Columns `spine`, `z_um`, `y_um`, `x_um` (in the session's raw stack), `labelled`; one row a planned target.
    hours_after_drug : float
        Start of the stimulation after the drug, h.

    Returns
    -------
    log : DataFrame
        What the microscope writes, in the order of stimulation: a blinded `target`, planned and delivered site, power,
        pulses and time. A missed target has no delivered site and says why.
    truth : DataFrame
        The same rows: `spine`, `labelled`, where the light truly was, its distance from the spine, and the `dose`:
        light at the spine relative to the planned power on its centre.

    Raises
    ------
    InputError
        A column is missing, a spine is planned twice, or a position is not finite.
    """
    _check(targets)
    count = len(targets)
    order = rng.permutation(count)
    planned = targets[["z_um", "y_um", "x_um"]].to_numpy(float)[order]
    spread = np.array([settings.aim_axial_sd_um, settings.aim_sd_um, settings.aim_sd_um])
    offset = settings.offset_sd_um * rng.standard_normal(2)
    delivered = planned + spread * rng.standard_normal((count, 3)) + np.concatenate([[0.0], offset])
    missed = rng.random(count) < settings.missed_probability
    power = settings.power_mw * np.exp(settings.power_log_sd * rng.standard_normal(count))
    readback = delivered + settings.readback_sd_um * rng.standard_normal((count, 3))
    log = pd.DataFrame({"target": [f"T{n + 1:03d}" for n in range(count)]})
    for axis, name in enumerate("zyx"):
        log[f"planned_{name}_um"] = planned[:, axis].round(3)
    for axis, name in enumerate("zyx"):
        log[f"delivered_{name}_um"] = np.where(missed, np.nan, readback[:, axis]).round(3)
    train_s = settings.pulses / settings.pulse_rate_hz
    log = log.assign(
        planned_power_mw=settings.power_mw,
        delivered_power_mw=np.where(missed, 0.0, power).round(3),
        wavelength_nm=settings.wavelength_nm,
        pulses=settings.pulses,
        pulse_ms=settings.pulse_ms,
        pulse_rate_hz=settings.pulse_rate_hz,
        start_s=np.arange(count) * (train_s + settings.pause_s),
        hours_after_drug=hours_after_drug + np.arange(count) * (train_s + settings.pause_s) / 3600,
        reason=np.where(missed, "target not lit", None),
    )
    error = delivered - planned
    reach = (error[:, 1:] ** 2).sum(axis=1) / settings.spot_sd_um**2 + error[:, 0] ** 2 / settings.spot_axial_sd_um**2
    dose = np.where(missed, 0.0, power / settings.power_mw * np.exp(-reach / 2))
    truth = pd.DataFrame(
        {
            "target": log["target"],
            "spine": targets["spine"].to_numpy(object)[order],
            "labelled": targets["labelled"].to_numpy(bool)[order],
            "lit": ~missed,
            "light_z_um": delivered[:, 0],
            "light_y_um": delivered[:, 1],
            "light_x_um": delivered[:, 2],
            "distance_um": np.linalg.norm(error, axis=1),
            "dose": dose,
        }
    )
    return log, truth


def _check(targets: pd.DataFrame) -> None:
    missing = [name for name in _COLUMNS if name not in targets.columns]
    if missing:
        raise InputError(f"photostimulation: the table of targets lacks the columns {', '.join(missing)}")
    repeated = targets["spine"][targets["spine"].duplicated()].unique().tolist()
    if repeated:
        raise InputError(f"photostimulation: spines planned twice: {', '.join(map(str, repeated))}")
    finite = np.isfinite(targets[["z_um", "y_um", "x_um"]].to_numpy(float)).all(axis=1)
    if not finite.all():
        lost = targets["spine"][~finite].astype(str).tolist()
        raise InputError(f"photostimulation: targets without a position: {', '.join(lost)}")
