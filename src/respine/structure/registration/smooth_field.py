"""A smooth displacement field through uncertain, partly wrong displacements of blocks.

A cubic B-spline on a coarse grid is fitted by least squares, each block weighted by what it knows in each direction (a
block on a straight dendrite knows nothing along it), with a penalty on the field's bending. Blocks that contradict
their neighbours lose their weight as the fit is repeated. The bending energy leaves affine fields free, so the field
goes on straight where there are no blocks, and a weak pull to zero keeps it from running away there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_matrix, diags_array, kron
from scipy.sparse.linalg import LinearOperator, cg, splu

_MARGIN_NODES = 2
_SOLVER_TOLERANCE = 1e-5
_SOLVER_ITERATIONS = 200
# Blocks that know nothing count this little, so that the approximate system can always be solved.
_LEAST_INFORMATION = 1e-6
# Squared standardised distance at which a block has a quarter of its weight left (Geman-McClure).
_OUTLIER = 9.0


@dataclass(frozen=True, eq=False)
class SmoothField:
    """A displacement (z, y, x) at the nodes of a grid, um, cubic between them.

    Parameters
    ----------
    nodes_um : ndarray, shape (Gz, Gy, Gx, 3)
        Displacement at the nodes.
    origin_um, step_um : ndarray, shape (3,)
        Place of the first node and distance between nodes, um.
    """

    nodes_um: np.ndarray
    origin_um: np.ndarray
    step_um: np.ndarray

    def at(self, points_um: np.ndarray) -> np.ndarray:
        """Displacement at points (N, 3), um."""
        index = ((points_um - self.origin_um) / self.step_um).T
        return np.stack(
            [map_coordinates(self.nodes_um[..., a], index, order=3, mode="nearest") for a in range(3)], axis=1
        )


def fit_smooth_field(
    points_um: np.ndarray,
    displacement_um: np.ndarray,
    information: np.ndarray,
    extent_um: np.ndarray,
    node_um: np.ndarray,
    bending: float,
    iterations: int = 6,
) -> tuple[SmoothField, np.ndarray]:
    """Fit a smooth field to displacements of points.

    Parameters
    ----------
    points_um, displacement_um : ndarray, shape (N, 3)
        Where blocks lie and how far each was found to have moved, um.
    information : ndarray, shape (N, 3, 3)
        Inverse covariance of each displacement, per um squared.
    extent_um : ndarray, shape (3,)
        The field covers 0 to this, um.
    node_um : ndarray, shape (3,)
        Distance between the nodes of the grid, um.
    bending : float
        Weight of the bending energy, in blocks per um: larger is stiffer.
    iterations : int
        Fits with renewed weights.

    Returns
    -------
    field : SmoothField
    weight : ndarray, shape (N,)
        What was left of each block's weight, 1 for one that agrees with its neighbours and 0 for one that does not.
    """
    cells = np.maximum(np.ceil(extent_um / node_um), 1).astype(int)
    shape = cells + 1 + 2 * _MARGIN_NODES
    origin = -_MARGIN_NODES * node_um
    basis = _basis((points_um - origin) / node_um, shape)
    penalty = _penalty(shape, node_um, bending)
    coefficients = np.zeros((basis.shape[1], 3))
    weight = np.ones(len(points_um))
    approximate = _approximate_inverse(basis, penalty, information)
    for _ in range(iterations):
        weighted = information * weight[:, None, None]
        coefficients = _solve(basis, penalty, weighted, displacement_um, coefficients, approximate)
        left = displacement_um - basis @ coefficients
        distance = np.einsum("ni,nij,nj->n", left, information, left)
        weight = (1 + distance / _OUTLIER) ** -2
    nodes = coefficients.reshape(*shape, 3)
    for axis in range(3):
        nodes = _filter_nodes(nodes, axis)
    return SmoothField(nodes, origin, np.asarray(node_um, float)), weight


def _filter_nodes(coefficients, axis):
    """Values of the B-spline at its nodes; beyond the grid its coefficients repeat."""
    padded = np.concatenate([coefficients.take([0], axis), coefficients, coefficients.take([-1], axis)], axis=axis)
    count = coefficients.shape[axis]
    part = [padded.take(range(k, k + count), axis) for k in range(3)]
    return (part[0] + 4 * part[1] + part[2]) / 6


def _basis(index, shape):
    """Cubic B-spline weights of points among the coefficients, sparse (N, nodes)."""
    index = np.clip(index, 1, np.array(shape) - 2 - 1e-9)
    first = np.floor(index).astype(int) - 1
    t = index - np.floor(index)
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=2) / 6
    values = np.einsum("na,nb,nc->nabc", weights[:, 0], weights[:, 1], weights[:, 2])
    node = [first[:, axis, None] + np.arange(4) for axis in range(3)]
    flat = (node[0][:, :, None, None] * shape[1] + node[1][:, None, :, None]) * shape[2] + node[2][:, None, None, :]
    rows = np.repeat(np.arange(len(index)), 64)
    return csr_matrix((values.ravel(), (rows, flat.ravel())), shape=(len(index), int(np.prod(shape))))


def _penalty(shape, node_um, bending):
    """Bending energy of the coefficients, and a weak pull to zero, as a sparse matrix (nodes, nodes)."""
    eye = [diags_array(np.ones(n)) for n in shape]
    first = [_difference(n) for n in shape]
    cell = float(np.prod(node_um))
    total = diags_array(np.full(int(np.prod(shape)), 1e-4))
    for a in range(3):
        for b in range(a, 3):
            parts = list(eye)
            if a == b:
                parts[a] = _difference(shape[a] - 1) @ first[a]
            else:
                parts[a], parts[b] = first[a], first[b]
            operator = kron(kron(parts[0], parts[1]), parts[2])
            scale = bending * cell * (1 if a == b else 2) / (node_um[a] * node_um[b]) ** 2
            total = total + scale * (operator.T @ operator)
    return csr_matrix(total)


def _difference(count):
    return diags_array([-np.ones(count - 1), np.ones(count - 1)], offsets=[0, 1], shape=(count - 1, count))


def _approximate_inverse(basis, penalty, information):
    """Solve for the three axes apart, as if each block knew as much in every direction."""
    level = np.maximum(np.trace(information, axis1=1, axis2=2) / 3, _LEAST_INFORMATION)
    factor = splu((basis.T @ diags_array(level) @ basis + penalty).tocsc(), "MMD_AT_PLUS_A", 0.0)
    count = basis.shape[1]
    return LinearOperator(
        (3 * count, 3 * count), matvec=lambda v: factor.solve(v.reshape(count, 3)).ravel(), dtype=float
    )


def _solve(basis, penalty, information, displacement, start, approximate):
    """Weighted least squares with the penalty, by conjugate gradients."""
    count = basis.shape[1]

    def times(vector):
        field = vector.reshape(count, 3)
        seen = np.einsum("nij,nj->ni", information, basis @ field)
        return (basis.T @ seen + penalty @ field).ravel()

    right = basis.T @ np.einsum("nij,nj->ni", information, displacement)
    system = LinearOperator((3 * count, 3 * count), matvec=times, dtype=float)
    solution, _ = cg(
        system, right.ravel(), start.ravel(), rtol=_SOLVER_TOLERANCE, maxiter=_SOLVER_ITERATIONS, M=approximate
    )
    return solution.reshape(count, 3)
