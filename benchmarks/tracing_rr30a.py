"""How much of the dendrites that the annotator of rr30a drew the automatic tracing finds, in every session.

    python benchmarks/tracing_rr30a.py [DATA] [--keep FOLDER]

DATA is the folder of rr30a (default: ../shared/data/rr30a). The sessions are registered and pooled, the pool is
traced and the tracing fitted to every session. Printed: the share of the annotated points that lie within 0.5 um
laterally and 2 um axially of a traced dendrite, in every session; how far off they are; what was traced; time and
memory. The annotation is used only to measure. FOLDER receives the tracing as SWC and an overlay on the maximum
projection, of the pool and of each session.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from scipy.spatial import cKDTree

from respine.core.geometry import resample_line
from respine.core.stack import Stack
from respine.io.swc import write_swc
from respine.structure.registration.pool import pool_stacks, stack_lattice
from respine.structure.registration.quality import QualitySettings, assess_stack
from respine.structure.registration.register import (
    RegisterSettings,
    choose_reference,
    register_reference,
    register_stack,
)
from respine.structure.tracing.fit_tracing import FitTracingSettings, fit_tracing
from respine.structure.tracing.trace import TraceSettings, trace_dendrites

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "rr30a"
VOXEL_UM = (1.0, 0.12, 0.12)
SESSIONS = range(4)
LATERAL_UM, AXIAL_UM = 0.5, 2.0


def register(data):
    stacks = [Stack(tifffile.imread(data / f"rr30a_s{s}.tif"), VOXEL_UM) for s in SESSIONS]
    qualities = [assess_stack(stack, QualitySettings()) for stack in stacks]
    chosen = choose_reference(qualities)
    registrations = [
        register_reference(stacks[chosen], qualities[chosen])
        if s == chosen
        else register_stack(stacks[chosen], stacks[s], qualities[chosen], qualities[s], RegisterSettings())
        for s in SESSIONS
    ]
    return stacks, registrations, pool_stacks(stacks, registrations, stack_lattice(stacks[chosen]))


def compare(tracing, annotated):
    """Coverage, and lateral and axial distances (traced minus annotated) of the points that have a dendrite near."""
    traced = np.concatenate([resample_line(d.points_um, 0.05) for d in tracing])
    near = cKDTree(traced[:, 1:]).query_ball_point(annotated[:, 1:], 2.0)
    covered, lateral, axial = np.zeros(len(annotated), bool), [], []
    for k, (point, found) in enumerate(zip(annotated, near, strict=True)):
        if found:
            beside = np.linalg.norm(traced[found][:, 1:] - point[1:], axis=1)
            above = traced[found][:, 0] - point[0]
            covered[k] = ((beside <= LATERAL_UM) & (np.abs(above) <= AXIAL_UM)).any()
            nearest = np.argmin(beside + np.abs(above) * LATERAL_UM / AXIAL_UM)
            lateral.append(beside[nearest])
            axial.append(above[nearest])
    return covered.mean(), np.array(lateral), np.array(axial)


def draw(stack, tracing, path):
    from matplotlib.figure import Figure

    image = np.sqrt(np.maximum(np.nan_to_num(stack.voxels).max(0).astype(float), 0))
    figure = Figure(figsize=(12, 12 * image.shape[0] / image.shape[1]))
    axes = figure.add_axes((0, 0, 1, 1))
    extent = (0, image.shape[1] * VOXEL_UM[2], image.shape[0] * VOXEL_UM[1], 0)
    axes.imshow(image, cmap="gray", vmax=np.percentile(image, 99.7), extent=extent)
    for dendrite in tracing:
        z, y, x = dendrite.points_um.T
        (line,) = axes.plot(x, y, lw=0.8)
        label = f"{dendrite.name} {dendrite.length_um:.0f} um, z {z[0]:.0f} to {z[-1]:.0f}"
        axes.text(x[len(x) // 2], y[len(y) // 2], label, color=line.get_color(), fontsize=8)
    figure.savefig(path, dpi=85)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--keep", type=Path, help="folder for SWC files and overlays")
    arguments = parser.parse_args()
    lines = pd.read_csv(arguments.data / "dendrites.csv")
    stacks, registrations, pooled = register(arguments.data)

    started = time.process_time()
    tracing = trace_dendrites(pooled, TraceSettings())
    print(f"{len(tracing)} dendrites, {tracing.length_um:.0f} um, in {time.process_time() - started:.1f} CPU s")
    for dendrite in tracing:
        depth, radius = dendrite.points_um[:, 0], np.median(dendrite.radius_um)
        place = f"z {depth.min():.0f} to {depth.max():.0f} um, from {dendrite.parent or 'the edge'}"
        print(f"  {dendrite.name}: {dendrite.length_um:6.1f} um, radius {radius:.2f} um, {place}")
    results = [("pool", pooled, tracing)]
    for session, (stack, registration) in enumerate(zip(stacks, registrations, strict=True)):
        started = time.process_time()
        fitted = fit_tracing(tracing, registration.warp, stack, FitTracingSettings())
        spent = time.process_time() - started
        annotated = lines.loc[lines.session == session, ["z", "y", "x"]].to_numpy(float)
        share, lateral, axial = compare(fitted, annotated)
        beside, above = (np.percentile(np.abs(off), [50, 95]) for off in (lateral, axial))
        print(
            f"session {session}: {100 * share:.1f} % of the annotated points covered; median and 95th percentile "
            f"{beside[0]:.2f} and {beside[1]:.2f} um laterally, "
            f"{above[0]:.2f} and {above[1]:.2f} um axially; {spent:.1f} CPU s"
        )
        results.append((f"session_{session}", stack, fitted))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, all stacks held")
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        for name, stack, found in results:
            write_swc(found, arguments.keep / f"{name}.swc")
            draw(stack, found, arguments.keep / f"{name}.png")


if __name__ == "__main__":
    main()
