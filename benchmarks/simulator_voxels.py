"""How fast a full-size simulated stack is made, and in how much memory.

Usage: python benchmarks/simulator_voxels.py

Renders one session of 80 x 1024 x 1024 voxels with six dendrites of 60 um and the default background, slice by slice,
and prints voxels per second and the greatest memory of the process.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import pandas as pd

from respine.simulate.structure.fov import SimulatedSession, simulate_fov
from respine.simulate.structure.settings import FovSettings

SHAPE = (80, 1024, 1024)


def simulate(shape: tuple[int, int, int]) -> SimulatedSession:
    rng = np.random.default_rng(0)
    names = [f"d{i}" for i in range(6)]
    length = 60.0 if shape[1] > 500 else 15.0
    dendrites = pd.DataFrame({"dendrite": names, "length_um": length, "parent": None})
    spines = pd.DataFrame(
        {
            "dendrite": np.repeat(names, 35),
            "spine": [f"p{i}" for i in range(210)],
            "position_um": rng.uniform(0, length, 210),
            "azimuth_deg": rng.uniform(0, 360, 210),
            "spine_class": rng.choice(["thin", "stubby", "mushroom"], 210),
        }
    )
    states = spines[["spine"]].assign(session="s0", present=True, head_diameter_um=0.45, protrusion_um=1.2)
    return simulate_fov(dendrites, spines, states, ["s0"], FovSettings(shape=shape), rng)[0]


def render(session: SimulatedSession) -> int:
    return sum(chunk.size for chunk in session.chunks())


def main() -> None:
    """Print the figures."""
    render(simulate((4, 200, 200)))  # compiles
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    session = simulate(SHAPE)
    placed = time.perf_counter()
    cpu = time.process_time()
    voxels = render(session)
    wall, cpu = time.perf_counter() - placed, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"field of view placed in        {placed - start:8.2f} s")
    print(f"stack of {' x '.join(map(str, SHAPE))}     {wall:8.2f} s ({cpu:.2f} s of CPU)")
    print(f"voxels per second              {voxels / wall:8.3g} ({voxels / cpu:.3g} per second of CPU)")
    print(f"greatest memory                {peak / 2**20:8.2f} GB ({(peak - before) / 2**20:.2f} GB above start)")


if __name__ == "__main__":
    main()
