"""The linear algebra of a mixed model on cross-products, never on N x N matrices.

The marginal covariance in units of the residual variance is V = I + Z S Z', S block-diagonal with one small matrix a
random term. The first term (the one with most levels) is eliminated level by level; what remains is dense within
connected components only (animals, for nested groups). Symbols: X (N, P) fixed design, U = Z'V^-1 [X, y], T = Z'V^-1 Z,
L1 levels and C1 effects of the first term, Q2 effects of the others, M and S as in `blocks`.

The derivatives of likelihood, coefficients and degrees of freedom need no more than the sums that `Solution.forms`
gives for directions D in which S may change: tr(T D), U'D U, tr(T D T D'), U'D T D'U.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from respine.inference.mixed.blocks import Bucket, pack_effects
from respine.inference.mixed.groups import Grouping

Direction = tuple[int, np.ndarray]
"""A random term and a symmetric (C, C) change of its S."""
FirstLinks = dict[int, tuple[np.ndarray, np.ndarray]]
"""For directions of the first term, what they are among the other terms' effects: (M, S, S) and (M, S, P+1)."""


@dataclass(frozen=True)
class Forms:
    """The sums for K directions and the pairs of the first K2 of them, in the order of the module's docstring.

    traces (K,), outer (K, P+1, P+1), pair_traces (K2, K2), pairs (K2, K2, P+1, P+1).
    """

    traces: np.ndarray
    outer: np.ndarray
    pair_traces: np.ndarray
    pairs: np.ndarray


class CrossProducts:
    """Z'Z, Z'[X, y] and [X, y]'[X, y], arranged for repeated solving."""

    def __init__(self, fixed: np.ndarray, outcome: np.ndarray, groupings: list[Grouping]) -> None:
        augmented = np.column_stack([fixed, outcome])
        self.n_rows = len(outcome)
        self.widths = [g.weights.shape[1] for g in groupings]
        self.gram = augmented.T @ augmented
        first = groupings[0]
        n_levels, width = first.n_levels, self.widths[0]
        z1 = first.indicator
        self.own = np.zeros((n_levels, width, width))
        np.add.at(self.own, first.codes, first.weights[:, :, None] * first.weights[:, None, :])
        self.first_rows = (z1.T @ augmented).reshape(n_levels, width, -1)
        rest = [g.indicator for g in groupings[1:]]
        z2 = sparse.hstack(rest, format="csr") if rest else sparse.csr_array((self.n_rows, 0))
        self.cross = sparse.csr_array(z1.T @ z2)
        self.rest = sparse.csr_array(z2.T @ z2)
        self.rest_rows = z2.T @ augmented
        pattern = abs(self.rest) + abs(self.cross).T @ abs(self.cross)
        names = [g.label for g in groupings]
        self.packing = pack_effects(pattern, [g.n_levels for g in groupings[1:]], self.widths[1:], names)


def _level_blocks(blocks: np.ndarray) -> sparse.bsr_array:
    """Make (L, C, C) blocks one sparse matrix."""
    n = len(blocks)
    return sparse.bsr_array((blocks, np.arange(n), np.arange(n + 1)), shape=(n * blocks.shape[1],) * 2)


def _multiply(values: np.ndarray, place: slice, small: np.ndarray) -> np.ndarray:
    """Multiply the places of a term, in the last axis of (M, K, S) values, by the term's small matrix: (M, K, s)."""
    held = values[..., place]
    if len(small) == 1:
        return held * small[0, 0]
    return (held.reshape(*held.shape[:-1], -1, len(small)) @ small).reshape(held.shape)


class Solution:
    """What V means for the cross-products, at one value of the random terms' S."""

    def __init__(self, products: CrossProducts, covariances: list[np.ndarray]) -> None:
        self.products = products
        first = covariances[0]
        lifted = np.eye(len(first)) + products.own @ first
        inverse = np.linalg.inv(lifted)
        self.log_determinant = float(np.log(np.linalg.det(lifted)).sum())
        self.delta = inverse @ products.own
        self.link = sparse.csr_array(_level_blocks(inverse) @ products.cross)
        n_effects = products.packing.n_effects
        scaled = (first @ products.first_rows).reshape(-1, products.first_rows.shape[2])
        reduced_rows = products.rest_rows - self.link.T @ scaled
        reduced = products.rest - self.link.T @ (_level_blocks(np.broadcast_to(first, inverse.shape)) @ products.cross)
        self.gram = products.gram - scaled.T @ (inverse @ products.first_rows).reshape(scaled.shape)
        self.buckets: list[tuple[Bucket, np.ndarray, np.ndarray, np.ndarray]] = []
        rows = []
        pieces = zip(
            products.packing.buckets,
            products.packing.blocks(reduced),
            products.packing.rows(reduced_rows),
            strict=True,
        )
        for bucket, block, right in pieces:
            rows.append(self._solve_bucket(bucket, block, right, covariances[1:]))
        spread = np.zeros((n_effects, scaled.shape[1]))
        if rows:
            self._spread(rows, covariances[1:], spread)
        self.rest_rows = rows
        self.first_rows = inverse @ products.first_rows - (self.link @ spread).reshape(products.first_rows.shape)

    def _solve_bucket(
        self, bucket: Bucket, block: np.ndarray, right: np.ndarray, covariances: list[np.ndarray]
    ) -> np.ndarray:
        n_places = block.shape[1]
        weighted = np.zeros_like(block)  # C S
        sigma_right = np.zeros_like(right)
        for place, small in zip(bucket.slices, covariances, strict=True):
            weighted[..., place] = _multiply(block, place, small)
            sigma_right[:, place] = _multiply(right.transpose(0, 2, 1), place, small).transpose(0, 2, 1)
        lifted = np.eye(n_places) + weighted
        self.log_determinant += float(np.linalg.slogdet(lifted)[1].sum())
        inverse = np.linalg.inv(lifted)
        solved = inverse @ right
        self.gram = self.gram - np.tensordot(sigma_right, solved, axes=([0, 1], [0, 1]))
        shrink = np.zeros_like(block)  # E = S (I + C S)^-1
        for place, small in zip(bucket.slices, covariances, strict=True):
            shrink[:, place] = _multiply(inverse.transpose(0, 2, 1), place, small).transpose(0, 2, 1)
        self.buckets.append((bucket, inverse, inverse @ block, shrink))
        return solved

    def _spread(self, rows: list[np.ndarray], covariances: list[np.ndarray], out: np.ndarray) -> None:
        """Fill (Q2, P+1) with S U of the terms after the first."""
        pieces = []
        for (bucket, *_), solved in zip(self.buckets, rows, strict=True):
            piece = np.zeros_like(solved)
            for place, small in zip(bucket.slices, covariances, strict=True):
                piece[:, place] = _multiply(solved.transpose(0, 2, 1), place, small).transpose(0, 2, 1)
            pieces.append(piece)
        out[:] = self.products.packing.unpack(pieces)

    def take_residual(self, coefficients: np.ndarray) -> None:
        """Turn the last column of U, which holds y, into y - X b."""
        for rows in [self.first_rows, *self.rest_rows]:
            rows[..., -1] -= rows[..., :-1] @ coefficients

    def forms(self, directions: list[Direction], n_paired: int) -> Forms:
        """Sum what the directions D need (see the module's docstring), with pairs among the first `n_paired` only.

        Directions stand in the order of their terms within the paired and within the others.
        """
        k, p = len(directions), self.gram.shape[0]
        squares = np.zeros((n_paired, n_paired))
        forms = Forms(np.zeros(k), np.zeros((k, p, p)), squares, np.zeros((n_paired, n_paired, p, p)))
        links = {i: self._first_forms(i, directions, forms) for i, (term, _) in enumerate(directions) if not term}
        for b in range(len(self.buckets)):
            here = {i: (blocks[b], rows[b]) for i, (blocks, rows) in links.items()}
            for i, (term, _) in enumerate(directions):
                add = self._add_rest if term else self._add_through_first
                add(b, i, directions, here, forms)
        for i in range(n_paired):
            for j in range(i):
                forms.pair_traces[j, i] = forms.pair_traces[i, j]
                forms.pairs[j, i] = forms.pairs[i, j].T
        return forms

    def _first_forms(
        self, i: int, directions: list[Direction], forms: Forms
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Add what the first term holds by itself; give how direction i reaches the others through it."""
        d, u, packing = directions[i][1], self.first_rows, self.products.packing
        du = d @ u
        forms.traces[i] = np.sum(self.delta.sum(axis=0) * d)
        forms.outer[i] = np.tensordot(u, du, axes=([0, 1], [0, 1]))
        for j in range(i + 1 if i < len(forms.pairs) else 0):
            middle = d @ self.delta @ directions[j][1]
            forms.pair_traces[i, j] = np.einsum("lab,lba->", middle, self.delta)
            forms.pairs[i, j] = np.tensordot(u, middle @ u, axes=([0, 1], [0, 1]))
            if self.buckets:
                both = packing.blocks(self._sandwich(middle + middle.transpose(0, 2, 1)))
                for (_, _, _, shrink), block in zip(self.buckets, both, strict=True):
                    forms.pair_traces[i, j] -= np.sum(shrink * block)
        if not self.buckets:
            return [], []
        blocks = packing.blocks(self._sandwich(np.broadcast_to(d, self.delta.shape)))
        return blocks, packing.rows(self.link.T @ du.reshape(-1, du.shape[2]))

    def _sandwich(self, blocks: np.ndarray) -> sparse.sparray:
        return self.link.T @ (_level_blocks(blocks) @ self.link)

    def _add_through_first(self, b: int, i: int, directions: list[Direction], first: FirstLinks, forms: Forms) -> None:
        """Add what bucket b takes from a direction i of the first term, and its pairs with others of that term."""
        shrink = self.buckets[b][3]
        block, shift = first[i]
        forms.traces[i] -= np.sum(shrink * block)
        if i >= len(forms.pairs):
            return
        around, moved = shrink @ block @ shrink, shrink @ shift
        for j in range(i + 1):
            forms.pair_traces[i, j] += np.sum(around * first[j][0])
            forms.pairs[i, j] -= np.tensordot(moved, first[j][1], axes=([0, 1], [0, 1]))

    def _add_rest(self, b: int, i: int, directions: list[Direction], first: FirstLinks, forms: Forms) -> None:
        """Add what bucket b gives for a direction i of one of its own terms, and its pairs with those before it."""
        bucket, inverse, t, _ = self.buckets[b]
        u = self.rest_rows[b]
        term, d = directions[i]
        place = bucket.slices[term - 1]
        turned = _multiply(u.transpose(0, 2, 1), place, d).transpose(0, 2, 1)
        own = t[:, place]
        forms.traces[i] += np.einsum("maa->", _multiply(own, place, d))
        forms.outer[i] += np.tensordot(u[:, place], turned, axes=([0, 1], [0, 1]))
        # the places' rows of (I + C S)^-1 tie them to the first term
        tie = inverse[:, place].transpose(0, 2, 1)
        for j in range(i + 1 if i < len(forms.pairs) else 0):
            other, e = directions[j]
            if other:
                there = bucket.slices[other - 1]
                left = _multiply(t[:, there], place, d)
                forms.pair_traces[i, j] += np.sum(left * _multiply(own, there, e).transpose(0, 2, 1))
                opposite = _multiply(u.transpose(0, 2, 1), there, e).transpose(0, 2, 1)
                middle = own[..., there] @ opposite
                forms.pairs[i, j] += np.tensordot(turned, middle, axes=([0, 1], [0, 1]))
            else:
                around = _multiply(tie, slice(None), d) @ tie.transpose(0, 2, 1)
                forms.pair_traces[i, j] += np.sum(around * first[j][0])
                forms.pairs[i, j] += np.tensordot(tie @ turned, first[j][1], axes=([0, 1], [0, 1]))
