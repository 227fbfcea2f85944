"""Tracings in the SWC format: one node a line, `id type x y z radius parent`, um.

A tree is cut into dendrites at its branch points. Nodes of a soma or an axon (types 1 and 2) are left out. A line
`# dendrite NAME` names the dendrite of the nodes below it, and cuts it from the one above; without such lines, or where
they do not give every dendrite a name of its own, dendrites are d01, d02 ... in the order of the file.

References
----------
Cannon RC, Turner DA, Pyapali GK, Wheal HV (1998), An on-line archive of reconstructed hippocampal neurons,
https://doi.org/10.1016/S0165-0270(98)00091-0
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import ReadError
from respine.core.geometry import arc_length_um
from respine.io.tracing_file import number_at, parents_first, radius_at, read_lines, tracing_error

_COLUMNS = "id type x y z radius parent"
_ROOT, _SOMA, _AXON, _DENDRITE = -1, 1, 2, 3
_LABEL = "# dendrite "


@dataclass(frozen=True)
class _Node:
    line: int
    kind: int
    point: tuple[float, float, float]
    radius: float
    parent: int
    label: str | None


def read_swc(path: str | Path) -> Tracing:
    """Read an SWC file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Tracing
        Points are those of the file; the coordinates x, y, z of the file become (z, y, x).

    Raises
    ------
    ReadError
        The file cannot be read, or a line is not a valid node; the message names file, line, found and expected.
    """
    path = Path(path)
    nodes = _parse(path)
    children: dict[int, list[int]] = {}
    for number, node in nodes.items():
        if node.parent != _ROOT and node.parent not in nodes:
            raise tracing_error(path, node.line, f"the parent {node.parent}", "the id of a node of this file, or -1")
        children.setdefault(node.parent, []).append(number)
    _refuse_circles(path, nodes)
    neurites = {n for n, node in nodes.items() if node.kind not in (_SOMA, _AXON)}
    segments = _segments(nodes, children, neurites)
    if not segments:
        raise ReadError(f"{path}: found {len(nodes)} nodes; expected at least one dendrite of two nodes")
    labels = [nodes[segment[-1]].label for segment in segments]
    if None in labels or len(set(labels)) < len(labels):
        labels = [f"d{k:02d}" for k in range(1, len(segments) + 1)]
    ends = {segment[-1]: label for segment, label in zip(segments, labels, strict=True)}
    return Tracing(
        tuple(_dendrite(path, nodes, segment, label, ends) for segment, label in zip(segments, labels, strict=True))
    )


def _parse(path: Path) -> dict[int, _Node]:
    nodes: dict[int, _Node] = {}
    label = None
    for number, text in read_lines(path):
        if text.startswith("#"):
            label = text[len(_LABEL) :].strip() or None if text.startswith(_LABEL) else label
            continue
        fields = text.replace(",", " ").split()
        if len(fields) != 7:
            raise tracing_error(path, number, f"{len(fields)} values", f"the 7 values {_COLUMNS}")
        own, kind, parent = (
            _whole(path, number, name, fields[k]) for name, k in (("id", 0), ("type", 1), ("parent", 6))
        )
        x, y, z = (number_at(path, number, name, fields[k]) for name, k in (("x", 2), ("y", 3), ("z", 4)))
        if own in nodes:
            raise tracing_error(path, number, f"the id {own} again, first on line {nodes[own].line}", "every id once")
        radius = radius_at(path, number, "radius", fields[5])
        nodes[own] = _Node(number, kind, (z, y, x), radius, parent, label)
    return nodes


def _whole(path: Path, line: int, name: str, text: str) -> int:
    value = number_at(path, line, name, text)
    if value != int(value):
        raise tracing_error(path, line, f"{name} {text!r}", "a whole number")
    return int(value)


def _refuse_circles(path: Path, nodes: dict[int, _Node]) -> None:
    safe: set[int] = {_ROOT}
    for number in nodes:
        way: list[int] = []
        seen: set[int] = set()
        while number not in safe:
            if number in seen:
                raise tracing_error(path, nodes[number].line, f"node {number} among its own ancestors", "a tree")
            seen.add(number)
            way.append(number)
            number = nodes[number].parent
        safe.update(way)


def _segments(nodes: dict[int, _Node], children: dict[int, list[int]], neurites: set[int]) -> list[list[int]]:
    """Chains of node ids from a root or branch point to the next branch point or tip, in the order of the file."""

    def following(number: int) -> list[int]:
        return [child for child in children.get(number, []) if child in neurites]

    segments = []
    for first in sorted(neurites, key=lambda number: nodes[number].line):
        parent = nodes[first].parent
        if parent not in neurites:
            chain = [first]
        elif len(following(parent)) > 1 or nodes[parent].label != nodes[first].label:
            chain = [parent, first]
        else:
            continue
        while len(below := following(chain[-1])) == 1 and nodes[below[0]].label == nodes[chain[-1]].label:
            chain.append(below[0])
        if len(chain) > 1:
            segments.append(chain)
    return segments


def _dendrite(path: Path, nodes: dict[int, _Node], segment: list[int], name: str, ends: dict[int, str]) -> Dendrite:
    points = np.array([nodes[n].point for n in segment])
    if arc_length_um(points)[-1] <= 0:
        raise tracing_error(path, nodes[segment[-1]].line, "a dendrite whose nodes all coincide", "one with a length")
    return Dendrite(name, points, np.array([nodes[n].radius for n in segment]), ends.get(segment[0]))


def write_swc(tracing: Tracing, path: str | Path) -> None:
    """Write a tracing as SWC, each dendrite under a line with its name; reading it gives the same tracing back.

    Coordinates keep four decimals. A dendrite whose first point is the last of its parent hangs on that node; any
    other is a tree of its own, and its parent is lost.
    """
    lines = [f"# {_COLUMNS}, um"]
    ends: dict[str, int] = {}
    number = 0
    for dendrite in parents_first(tracing):
        parent, points, radii = _ROOT, dendrite.points_um, dendrite.radius_um
        if dendrite.parent is not None and np.allclose(tracing[dendrite.parent].points_um[-1], points[0]):
            parent, points, radii = ends[dendrite.parent], points[1:], radii[1:]
        lines.append(f"{_LABEL}{dendrite.name}")
        for (z, y, x), radius in zip(points, radii, strict=True):
            number += 1
            lines.append(f"{number} {_DENDRITE} {x:.4f} {y:.4f} {z:.4f} {radius:.4f} {parent}")
            parent = number
        ends[dendrite.name] = number
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
