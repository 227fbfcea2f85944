"""Compare simulated stacks with the real recording rr30a: a table of measures, and one picture of both.

Usage: python validation/simulator_stacks.py [DATA] [--picture FILE]

DATA is the folder of rr30a (default ../shared/data/rr30a). Every measure is computed by the same code on both. The
simulated stacks use the default settings, nothing fitted to a single stack.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from respine.core.geometry import arc_length_um, planar_normals, points_at
from respine.simulate.structure.fov import SimulatedSession, simulate_fov
from respine.simulate.structure.settings import FovSettings

VOXEL_UM = np.array([1.0, 0.12, 0.12])
LENGTHS_UM = (130.0, 110.0, 60.0, 100.0, 90.0, 60.0)
DENSITY_PER_UM = 0.57
CLASSES = {"thin": (0.55, 0.42, 1.45), "stubby": (0.15, 0.43, 0.75), "mushroom": (0.25, 0.50, 1.4)}
PICTURE_UM, PICTURE_TOP, PICTURE_GAMMA = 60.0, 120.0, 0.6


def sample(volume: np.ndarray, points_um: np.ndarray) -> np.ndarray:
    """Grey levels at points (..., 3), linear between voxels."""
    flat = map_coordinates(volume, (points_um.reshape(-1, 3) / VOXEL_UM).T, order=1, mode="nearest")
    return flat.reshape(points_um.shape[:-1])


def read_real(data: Path, session: int) -> tuple[np.ndarray, list[np.ndarray], pd.DataFrame]:
    """Stack, centre lines and spines (base_*, tip_*) of one real session."""
    volume = tifffile.imread(data / f"rr30a_s{session}.tif")
    lines = pd.read_csv(data / "dendrites.csv").query("session == @session")
    lines = [part[["z", "y", "x"]].to_numpy(float) for _, part in lines.groupby("segment")]
    spines = pd.read_csv(data / "spines.csv").query("session == @session")
    return volume, lines, spines[[f"{end}_{axis}" for end in ("base", "tip") for axis in "zyx"]]


def simulate(sessions: int, seed: int) -> tuple[SimulatedSession, ...]:
    """Simulate a field of view like the real one."""
    rng = np.random.default_rng(seed)
    dendrites = pd.DataFrame(
        {
            "dendrite": [f"d{i}" for i in range(len(LENGTHS_UM))],
            "length_um": LENGTHS_UM,
            "parent": [None, None, "d0", None, None, "d1"],
        }
    )
    rows = []
    for dendrite in dendrites.itertuples():
        for number, position in enumerate(
            rng.uniform(0, dendrite.length_um, rng.poisson(DENSITY_PER_UM * dendrite.length_um))
        ):
            kind = rng.choice(list(CLASSES), p=np.array([c[0] for c in CLASSES.values()]) / 0.95)
            rows.append((dendrite.dendrite, f"{dendrite.dendrite}_{number}", position, rng.uniform(0, 360), kind))
    spines = pd.DataFrame(rows, columns=["dendrite", "spine", "position_um", "azimuth_deg", "spine_class"])
    head = spines["spine_class"].map({k: v[1] for k, v in CLASSES.items()}) * np.exp(
        0.2 * rng.standard_normal(len(spines))
    )
    reach = spines["spine_class"].map({k: v[2] for k, v in CLASSES.items()}) * np.exp(
        0.25 * rng.standard_normal(len(spines))
    )
    names = [f"s{i}" for i in range(sessions)]
    states = pd.concat(
        [
            pd.DataFrame(
                {
                    "session": n,
                    "spine": spines["spine"],
                    "present": True,
                    "head_diameter_um": head,
                    "protrusion_um": reach,
                }
            )
            for n in names
        ]
    )
    return simulate_fov(dendrites, spines, states, names, FovSettings(), rng)


def read_simulated(session: SimulatedSession) -> tuple[np.ndarray, list[np.ndarray], pd.DataFrame]:
    """Stack, centre lines and spines of one simulated session; spines that a scorer could see from above."""
    lines = session.lines()
    lines = lines[lines["inside"]]
    lines = [part[["z_um", "y_um", "x_um"]].to_numpy(float) for _, part in lines.groupby("dendrite") if len(part) > 20]
    truth = session.spines()
    truth = truth[truth["inside"]]
    spines = pd.DataFrame({f"{end}_{axis}": truth[f"{end}_{axis}_um"] for end in ("base", "tip") for axis in "zyx"})
    flat = np.hypot(spines["tip_y"] - spines["base_y"], spines["tip_x"] - spines["base_x"])
    return session.stack().voxels, lines, spines[flat > 0.6]


def measure_noise(volume: np.ndarray) -> dict[str, float]:
    """Noise by second differences at bright and dim places, and its correlation along the row."""
    block = volume[10:60, 150:900, 150:900].astype(np.float32)
    level = uniform_filter(block, (0, 3, 7))[:, 1:-1, 1:-1]
    across = ((2 * block[:, 1:-1] - block[:, :-2] - block[:, 2:])[:, :, 1:-1]) / np.sqrt(6)
    along = ((2 * block[:, :, 1:-1] - block[:, :, :-2] - block[:, :, 2:])[:, 1:-1]) / np.sqrt(6)
    bright, dim = (level > 32) & (level < 100), (level > 2) & (level < 4)
    empty = (level < 4) & (level > 0.5)
    rest = (block - uniform_filter(block, (0, 15, 15)))[:, 1:-1, 1:-1]

    def with_next(axis: int) -> float:
        both = (rest * np.roll(rest, -1, axis))[empty].mean()
        return float(both / (rest[empty] ** 2).mean())

    return {
        "noise correlation, next in the row": with_next(2),
        "noise correlation, next row": with_next(1),
        "noise gain across rows, signal 32-100": float(across[bright].var() / level[bright].mean()),
        "noise gain along rows, signal 32-100": float(along[bright].var() / level[bright].mean()),
        "noise gain across rows, background": float(across[dim].var() / level[dim].mean()),
    }


def measure_spectrum(volume: np.ndarray) -> dict[str, float]:
    """Power of the maximum projection between given periods, dB, less that between 20 and 40 um."""
    image = np.sqrt(volume[:, 100:900, 100:900].max(axis=0).astype(float))
    window = np.hanning(image.shape[0])
    power = np.abs(np.fft.fft2((image - image.mean()) * np.outer(window, window))) ** 2
    f = np.fft.fftfreq(image.shape[0], VOXEL_UM[1])
    radius = np.hypot(f[:, None], f[None, :])

    def band(low_um: float, high_um: float) -> float:
        return float(10 * np.log10(power[(radius > 1 / high_um) & (radius <= 1 / low_um)].mean()))

    coarse = band(20, 40)
    return {f"spectrum at {a:g}-{b:g} um, dB": band(a, b) - coarse for a, b in ((8, 16), (3, 6), (1.2, 2.4), (0.5, 1))}


def measure_dendrites(volume: np.ndarray, lines: list[np.ndarray]) -> dict[str, float]:
    """Profiles across the dendrites, laterally and in depth, every micrometre."""
    smooth = gaussian_filter(volume.astype(np.float32), (0, 0.7, 0.7))
    offsets = np.arange(-5.0, 5.01, 0.06)
    lateral, depth = [], []
    for line in lines:
        at = np.arange(2.0, arc_length_um(line)[-1] - 2.0, 1.0)
        normals = planar_normals(points_at(line, np.arange(0.0, arc_length_um(line)[-1], 1.0)))[2 : 2 + len(at)]
        points = points_at(line, at)[: len(normals)]
        across = np.concatenate([np.zeros((len(normals), 1)), normals], axis=1)
        profile = sample(smooth, points[:, None] + offsets[None, :, None] * across[:, None])
        middle = offsets[np.abs(offsets) < 0.7][profile[:, np.abs(offsets) < 0.7].argmax(axis=1)]
        points = points + middle[:, None] * across
        lateral.append(sample(smooth, points[:, None] + offsets[None, :, None] * across[:, None]))
        steps = np.arange(-8.0, 8.01, 0.25)
        depth.append(sample(smooth, points[:, None] + steps[None, :, None] * np.array([1.0, 0, 0])))
    lateral, depth = np.concatenate(lateral), np.concatenate(depth)
    peak = lateral[:, np.abs(offsets) < 0.2].mean(axis=1)
    base = np.percentile(lateral, 15, axis=1)
    halo = [lateral[:, np.abs(np.abs(offsets) - d) < 0.1].mean(axis=1) for d in (1.5, 2.5)]
    unsaturated = peak < 180
    gain = measure_noise(volume)["noise gain across rows, signal 32-100"]
    return {
        "shaft peak, grey, 25 %": float(np.percentile(peak, 25)),
        "shaft peak, grey, median": float(np.median(peak)),
        "shaft SNR of a voxel, median": float(np.median((peak - base) / np.sqrt(gain * peak + 2))),
        "shaft lateral FWHM, um, 10 %": float(np.nanpercentile(width(lateral[unsaturated], offsets), 10)),
        "shaft lateral FWHM, um, median": float(np.nanmedian(width(lateral[unsaturated], offsets))),
        "shaft axial FWHM, um, median": float(np.nanmedian(width(depth[unsaturated], steps))),
        "halo at 1.5 um, share of peak": float(np.median((halo[0] - base) / (peak - base))),
        "halo at 2.5 um, share of peak": float(np.median((halo[1] - base) / (peak - base))),
        "brightness along the shaft, log SD": float(
            np.std(np.diff(np.log(np.maximum(peak[unsaturated], 1)))) / np.sqrt(2)
        ),
    }


def width(profiles: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Full width at half maximum of each profile about its middle; NaN where it does not fall to one half."""
    base = np.percentile(profiles, 15, axis=1, keepdims=True)
    middle = len(offsets) // 2
    half = (profiles - base) < 0.5 * (profiles[:, middle - 2 : middle + 3].mean(axis=1, keepdims=True) - base)
    right, left = half[:, middle:], half[:, middle::-1]
    found = right.any(axis=1) & left.any(axis=1)
    total = (right.argmax(axis=1) + left.argmax(axis=1)) * (offsets[1] - offsets[0])
    return np.where(found, total, np.nan)


def measure_spines(volume: np.ndarray, spines: pd.DataFrame) -> dict[str, float]:
    """Brightness of heads against their shaft, both above the place beyond the tip."""
    smooth = gaussian_filter(volume.astype(np.float32), (0, 0.8, 0.8))
    base, tip = (spines[[f"{end}_{axis}" for axis in "zyx"]].to_numpy(float) for end in ("base", "tip"))
    outward = (tip - base) * [0, 1, 1]
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 0.1)

    def around(reach_um: float) -> np.ndarray:
        steps = np.arange(-reach_um, reach_um + 0.01, 0.12)
        return np.stack(np.meshgrid([-1.0, 0, 1], steps, steps, indexing="ij"), -1).reshape(-1, 3)

    head = sample(smooth, (tip - 0.4 * outward)[:, None] + around(0.36)).max(axis=1)
    shaft = sample(smooth, (base - 0.3 * outward)[:, None] + around(0.6)).max(axis=1)
    beyond = sample(smooth, (tip + 1.2 * outward)[:, None] + around(0.6)).mean(axis=1)
    ratio = (head - beyond) / np.maximum(shaft - beyond, 1)
    return {
        "spines measured": float(len(spines)),
        "head, grey, 10 %": float(np.percentile(head, 10)),
        "head, grey, median": float(np.median(head)),
        "head / shaft, 10 %": float(np.percentile(ratio, 10)),
        "head / shaft, median": float(np.median(ratio)),
        "head / shaft, 90 %": float(np.percentile(ratio, 90)),
    }


def measure(volume: np.ndarray, lines: list[np.ndarray], spines: pd.DataFrame) -> dict[str, float]:
    """All measures of one stack."""
    inside = volume[:, 100:900, 100:900]
    histogram = {f"histogram, {q:g} %": float(np.percentile(inside, q)) for q in (10, 50, 75, 90, 99, 99.9)}
    histogram["share of zeros"] = float((inside == 0).mean())
    return {
        **histogram,
        **measure_noise(volume),
        **measure_spectrum(volume),
        **measure_dendrites(volume, lines),
        **measure_spines(volume, spines),
    }


def draw(real: np.ndarray, simulated: np.ndarray, real_zoom, simulated_zoom, file: Path) -> None:
    """Real (left) beside simulated (right): maximum projections, a slice, and a dendrite of 30 um."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(9, 6.1), dpi=110)
    columns = ("maximum projection, 120 um", "one slice", "30 um, maximum of 6 slices")
    for row, (name, stack, (z, y, x)) in enumerate(
        (("rr30a", real, real_zoom), ("simulated", simulated, simulated_zoom))
    ):
        slab = stack[max(z - 3, 0) : z + 3, y - 125 : y + 125, x - 125 : x + 125].max(axis=0)
        for axis, image, title in zip(axes[row], (stack.max(axis=0), stack[z], slab), columns, strict=True):
            shown = np.clip(image / PICTURE_TOP, 0, 1) ** PICTURE_GAMMA
            axis.imshow(
                shown, cmap="gray", vmin=0, vmax=1, interpolation="none" if image.shape[0] < 300 else "antialiased"
            )
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(title, fontsize=9)
        axes[row, 0].set_ylabel(name, fontsize=9)
    figure.tight_layout(pad=0.4)
    figure.savefig(file, pil_kwargs={"optimize": True})
    _shrink(file)


def _shrink(file: Path) -> None:
    from PIL import Image

    Image.open(file).convert("L").quantize(48).save(file, optimize=True)


def _brightest(volume: np.ndarray, lines: list[np.ndarray]) -> tuple[int, int, int]:
    """Voxel in the middle of the brightest dendrite, far enough from the sides for the picture."""
    line = max(lines, key=lambda points: np.median(sample(volume, points)))
    z, y, x = np.round(line[len(line) // 2] / VOXEL_UM).astype(int)
    return int(z), int(np.clip(y, 125, volume.shape[1] - 125)), int(np.clip(x, 125, volume.shape[2] - 125))


def main() -> None:
    """Print the table, and draw the picture where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data/rr30a"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    columns = {}
    for session in range(4):
        real = read_real(arguments.data, session)
        columns[f"real {session}"] = measure(*real)
        if session == 0:
            real_stack, real_zoom = real[0], _brightest(real[0], real[1])
    for session in simulate(4, arguments.seed):
        simulated = read_simulated(session)
        columns[f"sim {session.name}"] = measure(*simulated)
        if session.name == "s0":
            sim_stack, sim_zoom = simulated[0], _brightest(simulated[0], simulated[1])
    table = pd.DataFrame(columns)
    with pd.option_context("display.width", 160, "display.float_format", "{:.2f}".format):
        print(table.to_string())
    if arguments.picture:
        draw(real_stack, sim_stack, real_zoom, sim_zoom, arguments.picture)


if __name__ == "__main__":
    main()
