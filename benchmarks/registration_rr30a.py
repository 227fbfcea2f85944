"""How far apart the same spine lies in two sessions of rr30a after registration, as its annotator clicked it.

    python benchmarks/registration_rr30a.py [DATA] [--reference N]

DATA is the folder of rr30a (default: ../shared/data/rr30a). The annotation is used only to measure. Printed: the
distance between the two positions of each spine of one identity, over all pairs of sessions, as annotated, after
registration, and after registration with session 3 first turned by 5 degrees and displaced by 20 um and 8 slices.
"""

from __future__ import annotations

import argparse
import resource
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from respine.core.stack import Stack
from respine.structure.registration.pool import stack_lattice
from respine.structure.registration.quality import QualitySettings, assess_stack
from respine.structure.registration.register import (
    RegisterSettings,
    choose_reference,
    register_reference,
    register_stack,
)
from respine.structure.registration.resample import resample
from respine.structure.registration.rigid import rotation_about_z

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "rr30a"
VOXEL_UM = (1.0, 0.12, 0.12)
SESSIONS = range(4)
DISPLACED, TURN_DEG, SHIFT_UM = 3, 5.0, np.array([8.0, 12.0, -16.0])


def read_spines(data):
    spines = pd.read_csv(data / "spines.csv")
    spines = spines[spines.flag != "bad"]
    return {
        (kind, session): pd.DataFrame(rows[[f"{kind}_z", f"{kind}_y", f"{kind}_x"]].to_numpy(float), index=rows.track)
        for kind in ("tip", "base")
        for session, rows in spines.groupby("session")
    }


def displace(stack):
    """Turn and shift a stack; returns it with the map from its own positions to the new ones, um."""
    middle, turn = stack.extent_um / 2, rotation_about_z(TURN_DEG)
    lattice = stack_lattice(stack)
    moved = resample(stack.voxels, lattice, lattice, lambda p: (p - middle - SHIFT_UM) @ turn + middle)
    moved = np.nan_to_num(moved, copy=False)
    voxels = np.empty(moved.shape, stack.voxels.dtype)
    for z, plane in enumerate(moved):
        voxels[z] = np.round(plane)
    return Stack(voxels, stack.voxel_um), lambda p: (p - middle) @ turn.T + middle + SHIFT_UM


def distances(places):
    """Lateral and axial distances over all pairs of sessions."""
    apart = []
    for a, b in combinations(SESSIONS, 2):
        both = places[a].index.intersection(places[b].index)
        apart.append(places[a].loc[both].to_numpy() - places[b].loc[both].to_numpy())
    apart = np.concatenate(apart)
    return np.linalg.norm(apart[:, 1:], axis=1), np.abs(apart[:, 0])


def report(title, spines, to_reference):
    for kind in ("tip", "base"):
        places = {s: pd.DataFrame(to_reference[s](t.to_numpy()), t.index) for (k, s), t in spines.items() if k == kind}
        lateral, axial = distances(places)
        print(
            f"{title:12s} {kind:5s} {len(lateral):4d} pairs   lateral um: median {np.median(lateral):.2f}, 95 % "
            f"{np.percentile(lateral, 95):.2f}   slices: median {np.median(axial):.2f}, 95 % "
            f"{np.percentile(axial, 95):.2f}"
        )


def register_all(stacks, qualities, reference):
    registrations = []
    for session in SESSIONS:
        start = time.process_time()
        if session == reference:
            found = register_reference(stacks[session], qualities[session])
        else:
            found = register_stack(
                stacks[reference], stacks[session], qualities[reference], qualities[session], RegisterSettings()
            )
        print(
            f"  session {session}: scorable {found.scorable}, residual {found.residual_um:.2f} um and "
            f"{found.residual_z_um:.2f} um in z, matched {found.matched_fraction:.2f}, shift "
            f"{np.round(found.shift_um, 1)}, rotation {found.rotation_deg:.1f}, warp {found.warp_um:.2f} um, "
            f"{time.process_time() - start:.0f} CPU s"
        )
        registrations.append(found)
    return registrations


def inside(spines, session, stack, move):
    """Spines with one session's carried along by its displacement; those that left the field are lost."""
    kept = dict(spines)
    for kind in ("tip", "base"):
        table = spines[kind, session]
        moved = pd.DataFrame(move(table.to_numpy()), table.index)
        kept[kind, session] = moved[stack.distance_to_edge_um(moved.to_numpy()) >= 0]
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--reference", type=int, help="session to align to; default: the best")
    arguments = parser.parse_args()
    spines = read_spines(arguments.data)
    stacks = [Stack(tifffile.imread(arguments.data / f"rr30a_s{s}.tif"), VOXEL_UM) for s in SESSIONS]
    qualities = [assess_stack(stack, QualitySettings()) for stack in stacks]
    reference = choose_reference(qualities) if arguments.reference is None else arguments.reference
    print(f"reference: session {reference}")
    report("unregistered", spines, {s: lambda p: p for s in SESSIONS})
    found = register_all(stacks, qualities, reference)
    report("registered", spines, {s: r.warp.inverse for s, r in enumerate(found)})
    stacks[DISPLACED], move = displace(stacks[DISPLACED])
    qualities[DISPLACED] = assess_stack(stacks[DISPLACED], QualitySettings())
    found = register_all(stacks, qualities, reference)
    kept = inside(spines, DISPLACED, stacks[DISPLACED], move)
    report("displaced", kept, {s: r.warp.inverse for s, r in enumerate(found)})
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, all four stacks held")


if __name__ == "__main__":
    main()
