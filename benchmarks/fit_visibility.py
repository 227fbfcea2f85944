"""Fit the weights of `respine.structure.spines.visibility` to the annotation of rr30a.

    python benchmarks/rr30a_study.py DATA STUDY; respine run STUDY
    python benchmarks/fit_visibility.py DATA STUDY

Every candidate site on an annotated dendrite is an example: it is right where the judge of the shared data would pair
it with an annotated spine. Printed: the weights fitted to all dendrites, and, with each dendrite left out of the fit in
turn, how well the calls do on it and whether the probabilities mean what they say.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment, minimize

from respine.core.geometry import project_on_line
from respine.structure.spines.judge import JudgeSettings, Noise, judge_dendrite
from respine.structure.spines.visibility import VisibilitySettings, visibility_terms
from respine.study.results import Results

LATERAL_UM, AXIAL_UM, IN_SCOPE_UM = 0.8, 3.0, 1.2
TERMS = [name for name in VisibilitySettings.model_fields if name != "min_probability"]


def list_candidates(data: Path, results: Results) -> pd.DataFrame:
    """Every candidate site and session on an annotated dendrite: its terms, its segment, and whether it is right."""
    spines = pd.read_csv(data / "spines.csv", keep_default_na=False)
    lines = pd.read_csv(data / "dendrites.csv")
    everything = JudgeSettings(visibility=VisibilitySettings(min_probability=0.0))
    straight = list(results.outputs("straighten").values())
    noises = [Noise(q.noise_gain, q.noise_floor, q.background) for q in results.outputs("assess").values()]
    rows = []
    for ribbons in zip(*(s.ribbons for s in straight), strict=True):
        judged = judge_dendrite(list(ribbons), noises, everything)
        terms = visibility_terms(judged.sites)
        for s, ribbon in enumerate(judged.ribbons):
            sites = judged.sites
            head = ribbon.to_raw(sites.position_um[:, s], sites.lateral_um[:, s], sites.axial_um[:, s])
            base = ribbon.to_raw(*judged.base_um[:, s].T)
            rows.append(
                pd.DataFrame(
                    {
                        "session": s,
                        **dict(zip("zyx", head.T, strict=True)),
                        "segment": _segments(base, lines[lines.session == s]),
                        **dict(zip(TERMS, terms[:, s].T, strict=True)),
                    }
                )
            )
    table = pd.concat(rows, ignore_index=True).dropna()
    table["right"] = 0.0
    for s, part in table.groupby("session"):
        table.loc[part.index, "right"] = _right(part, spines[spines.session == s])
    return table.dropna()


def _segments(points: np.ndarray, lines: pd.DataFrame) -> np.ndarray:
    """Annotated segment that each point lies on; NaN where it lies on none."""
    found, nearest = np.full(len(points), np.nan), np.full(len(points), IN_SCOPE_UM)
    for name, line in lines.groupby("segment"):
        flat = line[["z", "y", "x"]].to_numpy() * (0, 1, 1)
        distance = project_on_line(points * (0, 1, 1), flat)[1]
        found[distance < nearest] = name
        nearest = np.minimum(nearest, distance)
    return found


def _right(candidates: pd.DataFrame, spines: pd.DataFrame) -> np.ndarray:
    """1 where a candidate pairs with an annotated spine, 0 where not, NaN where the annotator rejected the spine."""
    point = candidates[["y", "x"]].to_numpy()
    tip, base = (spines[[f"{end}_y", f"{end}_x"]].to_numpy() for end in ("tip", "base"))
    along = (base - tip) / 2
    offset = point[:, None] - tip[None]
    share = np.clip((offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12), 0, 1)
    lateral = np.linalg.norm(offset - share[..., None] * along, axis=-1)
    near = np.abs(candidates.z.to_numpy()[:, None] - spines.tip_z.to_numpy()) <= AXIAL_UM
    cost = np.where((lateral <= LATERAL_UM) & near, lateral, 1e3)
    right = np.zeros(len(candidates))
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if cost[i, j] < 1e3:
            right[i] = np.nan if spines.flag.iloc[j] == "bad" else 1.0
    return right


def fit(table: pd.DataFrame) -> np.ndarray:
    """Logistic regression, weakly held to zero."""
    terms, right = table[TERMS].to_numpy(), table.right.to_numpy()

    def loss(weights):
        log_odds = terms @ weights
        return np.logaddexp(0, log_odds).sum() - right @ log_odds + 0.05 * (weights[1:] ** 2).sum()

    return minimize(loss, np.zeros(len(TERMS))).x


def main(data: Path, study: Path) -> None:
    table = list_candidates(data, Results(study))
    annotated = int((pd.read_csv(data / "spines.csv", keep_default_na=False).flag != "bad").sum())
    print("weights", {name: round(float(w), 2) for name, w in zip(TERMS, fit(table), strict=True)})
    table["p"] = np.nan
    for segment, part in table.groupby("segment"):
        weights = fit(table[table.segment != segment])
        table.loc[part.index, "p"] = 1 / (1 + np.exp(-part[TERMS].to_numpy() @ weights))
    print(f"{len(table)} candidates, {int(table.right.sum())} right; each dendrite judged by the fit to the others:")
    for threshold in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        called = table.p >= threshold
        right = table.right[called].sum()
        figures = right / called.sum(), right / annotated, 2 * right / (called.sum() + annotated)
        print(f"  p >= {threshold:.2f}: precision {figures[0]:.3f}, recall {figures[1]:.3f}, F1 {figures[2]:.3f}")
    bins = pd.cut(table.p, np.linspace(0, 1, 11))
    reliability = table.groupby(bins, observed=True).agg(p=("p", "mean"), right=("right", "mean"), n=("p", "size"))
    error = (reliability.n * (reliability.p - reliability.right).abs()).sum() / reliability.n.sum()
    print(reliability.round(3).to_string(), f"\nexpected calibration error {error:.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
