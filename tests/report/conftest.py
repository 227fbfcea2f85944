"""A made-up study for the report: bright tubes with spots on their flanks, some of which come and go."""

import itertools

import numpy as np
import pandas as pd
import pytest

from respine.core.tables import TABLES
from respine.report.content import DendriteCrop, ReportContent

TIMES_H = (-504.0, 0.0, 6.0, 24.0, 72.0, 168.0)
PHASES = ("baseline", "stressed", "6h", "24h", "3d", "7d")
STEP_UM = 0.15
HALF_UM = 4.0


def draw_tube(rng, length_um, spots, brightness, noise):
    """Return an image (L, P) of a straight shaft with round spots at (position, lateral), um."""
    position = np.arange(0, length_um, STEP_UM)
    lateral = np.arange(-HALF_UM, HALF_UM + STEP_UM / 2, STEP_UM)[:, None]
    width = 0.45 + 0.1 * np.sin(position / 7)
    image = np.exp(-0.5 * (lateral / width) ** 2) * (1 + 0.15 * np.sin(position / 3))
    for x, y in spots:
        image += 0.55 * np.exp(-0.5 * (((position - x) / 0.32) ** 2 + ((lateral - y) / 0.32) ** 2))
        between = (np.abs(lateral) < abs(y)) & (np.sign(lateral) == np.sign(y))
        image += 0.16 * np.exp(-0.5 * ((position - x) / 0.15) ** 2) * between
    return rng.poisson(np.clip(image, 0, None) * brightness + 2) + rng.normal(0, noise, image.shape)


def rates(visible, first, last):
    """Return the counts and rates between two columns of a table of True, False and NA, by plain counting."""
    n_first = gained = lost = n_last = n_scorable = n_unscorable = 0
    for a, b in zip(visible[first], visible[last], strict=True):
        if pd.isna(a) or pd.isna(b):
            n_unscorable += 1
            continue
        n_scorable += 1
        n_first += a
        n_last += b
        gained += b and not a
        lost += a and not b
    known = n_first > 0
    return {
        "n_first": n_first, "gained": gained, "lost": lost, "n_last": n_last,
        "n_scorable": n_scorable, "n_unscorable": n_unscorable,
        "formation": gained / n_first if known else None,
        "elimination": lost / n_first if known else None,
        "turnover": (gained + lost) / 2 / n_first if known else None,
        "net": (gained - lost) / n_first if known else None,
        "survival_fraction": (n_first - lost) / n_first if known else None,
        "reason": None if known else "no spine was visible in the earlier session",
    }  # fmt: skip


def pairs(visible, sessions, time_of, key):
    rows = []
    for (i, a), (j, b) in itertools.combinations(enumerate(sessions), 2):
        row = {"session_first": a, "session_last": b, "interval_h": time_of[b] - time_of[a], "consecutive": j == i + 1}
        rows.append(key | row | rates(visible, a, b))
    return rows


def simulate_dendrite(rng, key, sessions, dim, length_um):
    """Return the rows of spines, the marks, the wide table of visibility, and the crop of one dendrite."""
    n = max(1, int(length_um * 0.5))
    position = np.sort(rng.uniform(1, length_um - 1, n))
    lateral = rng.choice([-1, 1], n) * rng.uniform(1.0, 1.9, n)
    birth = np.where(rng.random(n) < 0.2, rng.integers(1, len(sessions) + 1, n), 0)
    death = np.where(rng.random(n) < 0.25, rng.integers(1, len(sessions) + 1, n), len(sessions))
    spines, marks, visible, images = [], [], {}, []
    for k, session in enumerate(sessions):
        stands = (birth <= k) & (k < death)
        seen = [
            pd.NA if x > length_um - 2 and k == 1 else bool(s and rng.random() > (0.25 if session == dim else 0.04))
            for x, s in zip(position, stands, strict=True)
        ]
        visible[session] = seen
        spots = [(x, y) for x, y, s in zip(position, lateral, stands, strict=True) if s]
        image = draw_tube(rng, length_um, spots, 18 if session == dim else 50, 1.0)
        if k == 1:
            image[:, int((length_um - 2) / STEP_UM) :] = np.nan
        images.append(image)
        for i in range(n):
            out = pd.isna(seen[i])
            name = f"{key['dendrite']}-{i + 1:02d}"
            spines.append(
                key | {
                    "spine": name, "session": session, "visible": seen[i],
                    "p_visible": None if out else round(float(rng.beta(18, 2) if seen[i] else rng.beta(2, 18)), 3),
                    "state": "unscorable" if out else "present" if seen[i] else "absent",
                    "position_um": position[i], "side": "left" if lateral[i] < 0 else "right",
                    "head_width_um": 0.5 if seen[i] is True else None,
                    "reason": "outside the stack" if out else None,
                }
            )  # fmt: skip
            marks.append(
                key | {"spine": name, "session": session, "position_um": position[i], "lateral_um": lateral[i]}
            )
    crop = DendriteCrop(
        **key, sessions=sessions, images=np.array(images, np.float32), position_start_um=STEP_UM / 2,
        position_step_um=STEP_UM, lateral_start_um=-HALF_UM, lateral_step_um=STEP_UM,
    )  # fmt: skip
    return spines, marks, pd.DataFrame(visible, dtype="boolean"), crop


def make_content(n_subjects=2, n_dendrites=2, n_sessions=4, length_um=50.0, seed=0, **changes):
    """Return a study for the report; `changes` replace fields of the content."""
    rng = np.random.default_rng(seed)
    sessions = [f"s{k}" for k in range(n_sessions)]
    time_of = dict(zip(sessions, TIMES_H, strict=False))
    dim = sessions[-2] if n_sessions > 2 else None
    rows = {name: [] for name in TABLES}
    crops, marks, session_rows = [], [], []
    for a in range(n_subjects):
        subject = f"m{a + 1}"
        session_rows += [
            {"subject": subject, "session": s, "time_h": time_of[s], "phase": p}
            for s, p in zip(sessions, PHASES, strict=False)
        ]
        per_dendrite = []
        for k, session in enumerate(sessions):
            rows["registration"].append(registration_row(rng, subject, session, k == 0, session == dim))
        for d in range(n_dendrites):
            key = {"subject": subject, "fov": "fov1", "dendrite": f"d{d + 1}"}
            length = length_um * (1 + 0.6 * d / n_dendrites)
            spines, own_marks, visible, crop = simulate_dendrite(rng, key, sessions, dim, length)
            rows["spines"] += spines
            marks += own_marks
            crops.append(crop)
            per_dendrite.append((visible, length))
            rows["turnover"] += pairs(visible, sessions, time_of, key)
            for session in sessions:
                n = int(visible[session].sum())
                rows["dendrites"].append(key | {"session": session, "length_um": length, "inside_um": length})
                rows["density"].append(
                    key | {"session": session, "n_scorable": int(visible[session].notna().sum()), "n_present": n,
                           "length_um": length, "density_per_um": n / length}
                )  # fmt: skip
        everything = pd.concat([v for v, _ in per_dendrite], ignore_index=True)
        whole = pairs(everything, sessions, time_of, {"subject": subject})
        rows["turnover_by_subject"] += [row | {"n_dendrites": n_dendrites} for row in whole]
        length = sum(own for _, own in per_dendrite)
        for session in sessions:
            n = int(everything[session].sum())
            rows["density_by_subject"].append({
                "subject": subject, "session": session, "n_dendrites": n_dendrites, "n_present": n,
                "n_scorable": int(everything[session].notna().sum()), "length_um": length,
                "density_per_um": n / length, "density_mean_of_dendrites_per_um": n / length,
            })  # fmt: skip
    tables = {
        name: table.conform(pd.DataFrame(rows[name]).reindex(columns=[c.name for c in table.columns]))
        for name, table in TABLES.items()
    }
    subjects = pd.DataFrame(
        {
            "subject": [f"m{a + 1}" for a in range(n_subjects)],
            "treatment": [("vehicle", "ketamine")[a % 2] for a in range(n_subjects)],
        }
    )
    fields = {
        "study": "Prefrontal spines after ketamine",
        "tables": tables,
        "subjects": subjects,
        "sessions": pd.DataFrame(session_rows),
        "crops": tuple(crops),
        "marks": pd.DataFrame(marks),
        "settings": {"register": {"search_um": 12.0, "block_um": [16, 16, 8]}, "trace": {"min_length_um": 10}},
        "provenance": {"respine": "0.1.0", "inputs": [{"path": "m1/s0.tif", "sha256": "ab12"}], "seed": 7},
    }
    return ReportContent(**(fields | changes))


def registration_row(rng, subject, session, reference, dim):
    return {
        "subject": subject, "fov": "fov1", "session": session, "is_reference": reference, "scorable": True,
        "shift_z_um": 0.0 if reference else rng.normal(0, 2), "shift_y_um": 0.0 if reference else rng.normal(0, 5),
        "shift_x_um": 0.0 if reference else rng.normal(0, 5), "rotation_deg": rng.normal(0, 0.5),
        "residual_um": None if reference else 0.32, "residual_z_um": None if reference else 0.5,
        "matched_fraction": None if reference else 0.84, "slice_jitter_um": 0.08, "noise_gain": 1.1,
        "noise_floor": 0.6, "background": 2.0, "brightness": 60.0 if dim else 140.0, "snr": 6.0 if dim else 12.0,
        "bleaching": 0.95, "unevenness": 0.2, "sharpness_um": 0.52,
    }  # fmt: skip


@pytest.fixture(scope="session")
def make():
    """The function that makes a study for the report."""
    return make_content


@pytest.fixture(scope="session")
def content():
    """A small study."""
    return make_content()
