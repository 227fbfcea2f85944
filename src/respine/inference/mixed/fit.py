"""A fitted mixed model: coefficients, type III table, variances, means, contrasts, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from respine.core.errors import InputError
from respine.inference.mixed.design import Design
from respine.inference.mixed.formula import Formula
from respine.inference.mixed.groups import Grouping
from respine.inference.mixed.hypotheses import build_type3_rows
from respine.inference.mixed.kenward_roger import KenwardRoger
from respine.inference.mixed.likelihood import Point
from respine.inference.mixed.means import average_cells, pair_levels
from respine.inference.mixed.satterthwaite import Satterthwaite
from respine.inference.mixed.simultaneous import compute_simultaneous
from respine.inference.mixed.threads import one_thread
from respine.inference.mixed.unit_check import describe_borrowed_df
from respine.inference.mixed.variables import Frame

SINGULAR = 1e-4
"""A relative standard deviation below this counts as zero, as in lme4."""
SATTERTHWAITE, KENWARD_ROGER = "satterthwaite", "kenward-roger"


@dataclass(frozen=True, eq=False, repr=False)
class MixedFit:
    """A linear mixed model fitted to a table.

    Made by `fit_mixed`. The engine works with an orthonormal basis of the fixed design (`turn` leads back: design =
    basis @ turn) and with the outcome's remainder in units of `unit`.

    Attributes
    ----------
    formula : Formula
        What was fitted.
    reml : bool
        Restricted (True) or full maximum likelihood.
    design : Design
        The fixed design, full rank; `design.dropped` names the columns left out.
    frame : Frame
        The rows used; `frame.n_rows` and `frame.n_missing` count them.
    groupings : tuple of Grouping
        The random terms, most levels first.
    point : Point
        The optimum.
    """

    formula: Formula
    reml: bool
    design: Design
    full_design: Design
    frame: Frame
    groupings: tuple[Grouping, ...]
    point: Point
    turn: np.ndarray
    start: np.ndarray
    unit: float

    def __repr__(self) -> str:
        levels = ", ".join(f"{name} {count}" for name, count in self.n_levels.items())
        kind = "REML" if self.reml else "ML"
        return f"<MixedFit {self.formula.text}, {kind}, {self.n_rows} rows, {levels}>"

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.frame.n_rows

    @property
    def n_missing(self) -> int:
        """Rows left out because a column of the formula is missing there."""
        return self.frame.n_missing

    @property
    def n_levels(self) -> dict[str, int]:
        """Levels of every group, by the group's name: animals, dendrites, ..."""
        return {g.name: g.n_levels for g in self.groupings}

    @property
    def residual_variance(self) -> float:
        """Variance of the residual, in the outcome's unit squared."""
        return self.point.rss / self.point.free * self.unit**2

    @property
    def variance(self) -> pd.DataFrame:
        """Variances of the random effects and the residual: group, term, variance, sd."""
        rows = []
        for g, factor in zip(self.groupings, self.point.factors, strict=True):
            spread = np.sum(factor**2, axis=1) / g.scale**2 * self.residual_variance
            rows += [(g.label, effect, float(v)) for effect, v in zip(g.effects, spread, strict=True)]
        rows.append(("Residual", "", self.residual_variance))
        frame = pd.DataFrame(rows, columns=["group", "term", "variance"])
        return frame.assign(sd=np.sqrt(frame["variance"]))

    @property
    def correlation(self) -> pd.DataFrame:
        """Correlations of random effects within a group: group, term_1, term_2, covariance, correlation.

        A correlation with an effect that does not vary is missing.
        """
        rows = []
        for g, factor in zip(self.groupings, self.point.factors, strict=True):
            covariance = factor @ factor.T / np.outer(g.scale, g.scale) * self.residual_variance
            sd = np.sqrt(np.diag(covariance))
            for i, j in zip(*np.triu_indices(len(sd), 1), strict=True):
                both = sd[i] * sd[j]
                ratio = covariance[i, j] / both if both > 0 else np.nan
                rows.append((g.label, g.effects[i], g.effects[j], covariance[i, j], ratio))
        return pd.DataFrame(rows, columns=["group", "term_1", "term_2", "covariance", "correlation"])

    @property
    def theta(self) -> dict[str, np.ndarray]:
        """Lower triangular factors of the random effects' covariance relative to the residual variance, by group."""
        return {g.label: f / g.scale[:, None] for g, f in zip(self.groupings, self.point.factors, strict=True)}

    @property
    def singular(self) -> bool:
        """Whether a variance is zero or a correlation is complete."""
        return any((np.diag(factor) < SINGULAR).any() for factor in self.theta.values())

    @property
    def log_likelihood(self) -> float:
        """Logarithm of the (restricted) likelihood."""
        shift = 2 * self.point.free * np.log(self.unit)
        if self.reml:
            shift += 2 * np.log(np.abs(np.diag(self.turn))).sum()
        return -(self.point.deviance + shift) / 2

    @property
    def reml_criterion(self) -> float:
        """Minus twice the restricted log likelihood; NaN for a fit by full likelihood, which has none."""
        return -2 * self.log_likelihood if self.reml else np.nan

    @property
    def coefficients(self) -> np.ndarray:
        """(P,) estimates of the fixed coefficients."""
        return np.linalg.solve(self.turn, self.start + self.unit * self.point.coefficients)

    @property
    def covariance(self) -> np.ndarray:
        """(P, P) covariance of the fixed coefficients, variances taken as known."""
        half = np.linalg.inv(self.turn)
        return half @ self.point.unscaled @ half.T * self.residual_variance

    @cached_property
    def _satterthwaite(self) -> Satterthwaite:
        return Satterthwaite(self.point, np.sqrt(self.residual_variance))

    @cached_property
    def _kenward_roger(self) -> KenwardRoger:
        if not self.reml:
            raise InputError("Kenward-Roger needs a fit by restricted likelihood: fit_mixed(..., reml=True)")
        return KenwardRoger(self.point, np.sqrt(self.residual_variance))

    def _method(self, ddf: str) -> Satterthwaite | KenwardRoger:
        if ddf not in (SATTERTHWAITE, KENWARD_ROGER):
            raise InputError(f"ddf is {ddf!r}; expected {SATTERTHWAITE!r} or {KENWARD_ROGER!r}")
        return self._satterthwaite if ddf == SATTERTHWAITE else self._kenward_roger

    def _turned(self, rows: np.ndarray) -> np.ndarray:
        return np.linalg.solve(self.turn.T, rows.T).T

    def _test_rows(self, rows: np.ndarray, ddf: str) -> pd.DataFrame:
        """Estimate and test single contrasts (K, P): estimate, se, df, t, p."""
        with one_thread():
            method = self._method(ddf)
            tested = np.array([method.test_row(row) for row in self._turned(rows)]).reshape(-1, 2)
        frame = pd.DataFrame({"estimate": rows @ self.coefficients, "se": tested[:, 0], "df": tested[:, 1]})
        frame["t"] = frame["estimate"] / frame["se"]
        return frame.assign(p=2 * stats.t.sf(np.abs(frame["t"]), frame["df"]))

    def fixed_effects(self, ddf: str = SATTERTHWAITE) -> pd.DataFrame:
        """Give the fixed coefficients with tests: term, estimate, se, df, t, p.

        Parameters
        ----------
        ddf : str
            ``"satterthwaite"`` or ``"kenward-roger"`` (which also adjusts the standard errors).

        Raises
        ------
        InputError
            Another `ddf`, or Kenward-Roger of a fit by full likelihood.
        """
        frame = self._test_rows(np.eye(len(self.design.names)), ddf)
        frame.insert(0, "term", list(self.design.names))
        return frame

    @cached_property
    def fixed(self) -> pd.DataFrame:
        """The fixed coefficients with Satterthwaite's degrees of freedom: term, estimate, se, df, t, p."""
        return self.fixed_effects()

    @cached_property
    def type3_rows(self) -> list[np.ndarray]:
        """The hypothesis of every fixed term, rows (K, P) over the coefficients."""
        return build_type3_rows(self.design, self.formula.fixed, self.frame.variables)

    def anova(self, ddf: str = SATTERTHWAITE) -> pd.DataFrame:
        """Test every fixed term by type III: term, num_df, den_df, f, p.

        A term all of whose columns were dropped has no test: NaN.

        Parameters
        ----------
        ddf : str
            ``"satterthwaite"`` or ``"kenward-roger"``.

        Raises
        ------
        InputError
            Another `ddf`, or Kenward-Roger of a fit by full likelihood.
        """
        basis_coefficients = self.turn @ self.coefficients
        rows = []
        with one_thread():
            method = self._method(ddf)
            for name, hypothesis in zip(self.design.term_names, self.type3_rows, strict=True):
                if len(hypothesis):
                    num_df, den_df, f = method.test_rows(self._turned(hypothesis), basis_coefficients)
                    rows.append((name, num_df, den_df, f, float(stats.f.sf(f, num_df, den_df))))
                else:
                    rows.append((name, 0, np.nan, np.nan, np.nan))
        return pd.DataFrame(rows, columns=["term", "num_df", "den_df", "f", "p"])

    def _intervals(self, rows: np.ndarray, ddf: str, level: float) -> pd.DataFrame:
        """Test contrasts over all columns of the design, with both kinds of interval; NaN if not estimable."""
        if not 0 < level < 1:
            raise InputError(f"level is {level}; expected a probability between 0 and 1, such as 0.95")
        known = self._estimable(rows)
        kept = [self.full_design.names.index(name) for name in self.design.names]
        frame = self._test_rows(rows[known][:, kept], ddf)
        if len(frame):
            covariance = rows[known][:, kept] @ self.covariance @ rows[known][:, kept].T
            sd = np.sqrt(np.diag(covariance))
            t, df, se = frame["t"].to_numpy(), frame["df"].to_numpy(), frame["se"].to_numpy()
            adjusted, critical = compute_simultaneous(covariance / np.outer(sd, sd), t, df, level)
            half = stats.t.isf((1 - level) / 2, df) * se
            frame = frame.assign(low=frame["estimate"] - half, high=frame["estimate"] + half, p_simultaneous=adjusted)
            frame["low_simultaneous"] = frame["estimate"] - critical * se
            frame["high_simultaneous"] = frame["estimate"] + critical * se
        frame.index = np.flatnonzero(known)
        return frame.reindex(range(len(rows)))

    def _estimable(self, rows: np.ndarray) -> np.ndarray:
        """Say which contrasts the rows used can tell: those that vanish where the design does."""
        if not self.design.dropped:
            return np.ones(len(rows), dtype=bool)
        length = np.linalg.norm(self.full_design.matrix, axis=0)
        length[length == 0] = 1.0
        full = self.full_design.matrix / length
        values, vectors = np.linalg.eigh(full.T @ full)
        blind = vectors[:, values < 1e-10 * values.max()]
        scaled = rows / length
        return np.abs(scaled @ blind).max(axis=1) < 1e-8 * np.abs(scaled).max(axis=1)

    def marginal_means(self, *factors: str, ddf: str = SATTERTHWAITE, level: float = 0.95) -> pd.DataFrame:
        """Estimate the mean at every combination of some factors' levels.

        Other factors are averaged with equal weight, covariates (also computed ones) stand at their mean over the rows
        used. A mean that the rows cannot tell (an empty cell) is NaN.

        Parameters
        ----------
        *factors : str
            Factors of the fixed terms; none gives the overall mean.
        ddf : str
            ``"satterthwaite"`` or ``"kenward-roger"``.
        level : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            A column a factor, then estimate, se, df, low, high, low_simultaneous, high_simultaneous. The last two hold
            for all rows together.

        Raises
        ------
        InputError
            An unknown factor, `ddf` or level.
        """
        levels, rows = average_cells(self.formula.fixed, self.frame.variables, factors)
        frame = self._intervals(rows, ddf, level).drop(columns=["t", "p", "p_simultaneous"], errors="ignore")
        labels = pd.DataFrame(levels, columns=list(factors), index=frame.index)
        return pd.concat([labels, frame], axis=1)

    def contrasts(
        self,
        factor: str,
        by: tuple[str, ...] | str = (),
        against: str | None = None,
        ddf: str = SATTERTHWAITE,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Compare the marginal means of a factor's levels, within each combination of other factors.

        Parameters
        ----------
        factor : str
            The factor whose levels are compared.
        by : str or tuple of str
            Factors within whose levels they are compared.
        against : str, optional
            Compare every level with this one; by default every level with every later one.
        ddf : str
            ``"satterthwaite"`` or ``"kenward-roger"``.
        level : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            A column a `by` factor, contrast (``"first - second"``), estimate, se, df, t, p, low, high, and
            p_simultaneous, low_simultaneous, high_simultaneous, which hold for all rows together (multivariate t).

        Raises
        ------
        InputError
            An unknown factor, level or `ddf`.
        """
        around = (by,) if isinstance(by, str) else tuple(by)
        levels, rows = average_cells(self.formula.fixed, self.frame.variables, (*around, factor))
        own = list(dict.fromkeys(cell[-1] for cell in levels))
        pairs = pair_levels(own, factor, against)
        starts = range(0, len(rows), len(own))
        labels = [(*levels[at][:-1], f"{own[i]} - {own[j]}") for at in starts for i, j in pairs]
        differences = np.array([rows[at + i] - rows[at + j] for at in starts for i, j in pairs])
        frame = self._intervals(differences, ddf, level)
        return pd.concat([pd.DataFrame(labels, columns=[*around, "contrast"], index=frame.index), frame], axis=1)

    def combinations(
        self, weights: dict[str, dict[str, float]], ddf: str = SATTERTHWAITE, level: float = 0.95
    ) -> pd.DataFrame:
        """Test any weighted sums of coefficients, such as a difference of differences.

        Parameters
        ----------
        weights : dict
            For every contrast's name the weights of coefficients by their names in `fixed`.
        ddf : str
            ``"satterthwaite"`` or ``"kenward-roger"``.
        level : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            contrast, then the columns of `contrasts`.

        Raises
        ------
        InputError
            A coefficient is unknown or was dropped.
        """
        rows = np.zeros((len(weights), len(self.full_design.names)))
        for row, sums in zip(rows, weights.values(), strict=True):
            for name, weight in sums.items():
                if name not in self.design.names:
                    raise InputError(f"{name!r} is no coefficient of the model; these are {list(self.design.names)}")
                row[self.full_design.names.index(name)] = weight
        frame = self._intervals(rows, ddf, level)
        frame.insert(0, "contrast", list(weights))
        return frame

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know: rows and columns left out, a singular fit, borrowed degrees of freedom."""
        notes = []
        if self.n_missing:
            notes.append(
                f"{self.n_missing} of {self.n_missing + self.n_rows} rows were left out: a value is missing there"
            )
        if self.design.dropped:
            notes.append(f"dropped, because other columns explain them: {', '.join(self.design.dropped)}")
        zero = [g.label for g in self.groupings if (np.diag(self.theta[g.label]) < SINGULAR).any()]
        if zero:
            notes.append(f"singular fit: no variance is left for {', '.join(zero)} beyond the other terms")
        return (*notes, *describe_borrowed_df(self, zero))
