"""The likelihood of histories by the forward and the backward recursion, with its gradient, compiled.

Symbols: U cases (alike sites), G animals, T sessions, C classes of spine. A site is not yet born, holds a spine of class
c, or is vacated. Weights are relative to the spines that stand in an animal's first session:

    start[g, t, c]   spines of class c that first stand at session t (t = 0: those of the first session)
    stay[g, t, c]    probability that a spine of class c at t - 1 stands at t
    again[g, t, c]   probability that a site vacated at t - 1 holds a new spine of class c at t

The derivatives of a case's weight are products of forward and backward quantities (Baum-Welch), so that one pass gives
them all.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def sweep_cases(seen, looks, subject, count, kind, phantom, eta, q, start, stay, again):  # pragma: no cover - compiled
    """Sum n log(weight) over cases, and its gradient.

    Parameters
    ----------
    seen, looks : ndarray, shape (U, T)
    subject : ndarray of int, shape (U,)
    count : ndarray, shape (U,)
        Sites of each case.
    kind : ndarray of int, shape (U,)
        0: a history that was seen; adds n log(weight + phantom). 1: the history never seen of these sites; adds
        -n log(all weights - weight + phantom).
    phantom : ndarray, shape (U,)
        Weight of places that never hold a spine, with this history (kind 0) or seen at all (kind 1).
    eta : ndarray, shape (U, T)
        Log-odds of a hit.
    q : float
        Probability of a call where no spine stands.
    start, stay, again : ndarray, shape (G, T, C)

    Returns
    -------
    value : ndarray, shape (G,)
    d_start, d_stay, d_again : ndarray, shape (G, T, C)
    d_q : ndarray, shape (G,)
        By the log-odds of q.
    d_phantom : ndarray, shape (U,)
    d_eta : ndarray, shape (U, T)
    present : ndarray, shape (U, T)
        Probability that a spine stands, given the history.
    returned : ndarray, shape (U, T)
        Probability that one grew at a vacated site since the session before.
    """
    n_cases, n_times = seen.shape
    n_classes = start.shape[2]
    value = np.zeros(start.shape[0])
    d_start, d_stay, d_again = np.zeros_like(start), np.zeros_like(start), np.zeros_like(start)
    d_q = np.zeros(start.shape[0])
    d_phantom = np.zeros(n_cases)
    d_eta = np.zeros((n_cases, n_times))
    present = np.zeros((n_cases, n_times))
    returned = np.zeros((n_cases, n_times))
    ahead = np.zeros((n_times, n_classes + 1))
    back = np.zeros((n_times, n_classes + 1))
    hit, call, chance = np.zeros(n_times), np.zeros(n_times), np.zeros(n_times)
    before, born = np.zeros(n_times + 1), np.zeros(n_times + 1)
    gone = n_classes
    for u in range(n_cases):
        g = subject[u]
        total = 0.0
        before[0] = 1.0
        for t in range(n_times):
            s, n = seen[u, t], looks[u, t]
            p = 1.0 / (1.0 + np.exp(-eta[u, t]))
            chance[t] = p
            hit[t] = p**s * (1.0 - p) ** (n - s)
            call[t] = q**s * (1.0 - q) ** (n - s)
            before[t + 1] = before[t] * call[t]
            for c in range(n_classes):
                total += start[g, t, c]
        for t in range(n_times):
            vacated = 0.0
            for c in range(n_classes):
                mass = start[g, t, c] * before[t]
                if t > 0:
                    mass += ahead[t - 1, c] * stay[g, t, c] + ahead[t - 1, gone] * again[g, t, c]
                    vacated += ahead[t - 1, c] * (1.0 - stay[g, t, c]) - ahead[t - 1, gone] * again[g, t, c]
                ahead[t, c] = mass * hit[t]
            if t > 0:
                vacated += ahead[t - 1, gone]
            ahead[t, gone] = vacated * call[t]
        for c in range(n_classes + 1):
            back[n_times - 1, c] = 1.0
        for t in range(n_times - 2, -1, -1):
            lost = call[t + 1] * back[t + 1, gone]
            rest = lost
            for c in range(n_classes):
                kept = hit[t + 1] * back[t + 1, c]
                back[t, c] = stay[g, t + 1, c] * kept + (1.0 - stay[g, t + 1, c]) * lost
                rest += again[g, t + 1, c] * (kept - lost)
            back[t, gone] = rest
        weight = 0.0
        for c in range(n_classes + 1):
            weight += ahead[n_times - 1, c]
        if kind[u] == 0:
            whole = weight + phantom[u]
            value[g] += count[u] * np.log(whole)
            factor = count[u] / whole
            d_phantom[u] = factor
        else:
            whole = total - weight + phantom[u]
            value[g] -= count[u] * np.log(whole)
            factor = count[u] / whole
            d_phantom[u] = -factor
            for t in range(n_times):
                for c in range(n_classes):
                    d_start[g, t, c] -= factor
        born[n_times] = 0.0
        for t in range(n_times - 1, -1, -1):
            born[t] = born[t + 1]
            stands = 0.0
            for c in range(n_classes):
                kept = hit[t] * back[t, c]
                d_start[g, t, c] += factor * before[t] * kept
                born[t] += start[g, t, c] * before[t] * kept
                stands += ahead[t, c] * back[t, c]
                if t > 0:
                    change = kept - call[t] * back[t, gone]
                    d_stay[g, t, c] += factor * ahead[t - 1, c] * change
                    d_again[g, t, c] += factor * ahead[t - 1, gone] * change
                    returned[u, t] += ahead[t - 1, gone] * again[g, t, c] * kept / whole
            present[u, t] = stands / whole
            d_eta[u, t] = factor * stands * (seen[u, t] - looks[u, t] * chance[t])
            empty = ahead[t, gone] * back[t, gone] + born[t + 1]
            d_q[g] += factor * empty * (seen[u, t] - looks[u, t] * q)
    return value, d_start, d_stay, d_again, d_q, d_phantom, d_eta, present, returned
