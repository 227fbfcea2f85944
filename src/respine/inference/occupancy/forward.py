"""The likelihood of histories by the forward and the backward recursion, with its gradient, compiled.

Symbols: U cases (alike sites), G animals, T sessions, C classes of spine. A site is not yet born, holds a
spine of class c, or is vacated. Weights are relative to the spines that stand in an animal's first session:

    start[g, t, c]   spines of class c that first stand at session t (t = 0: those of the first session)
    stay[g, t, c]    probability that a spine of class c at t - 1 stands at t
    again[g, t, c]   probability that a site vacated at t - 1 holds a new spine of class c at t

The derivatives of a case's weight are products of forward and backward quantities (Baum-Welch), so that one pass gives
them all.
"""

from __future__ import annotations

import numba
import numpy as np

# what the parameters make impossible is only very unlikely: a search may pass through, and logarithms stay finite
_SMALLEST = 1e-300
_inline = numba.njit(cache=True, nogil=True)


@_inline
def _emit(seen, looks, eta, q, chance, hit, call, before):  # pragma: no cover - compiled
    """Probabilities of a session's looks: of a hit, of all looks with and without a spine, of all before without."""
    before[0] = 1.0
    for t in range(len(seen)):
        s, n = seen[t], looks[t]
        p = 1.0 / (1.0 + np.exp(-eta[t]))
        chance[t] = p
        hit[t] = p**s * (1.0 - p) ** (n - s)
        call[t] = q**s * (1.0 - q) ** (n - s)
        before[t + 1] = before[t] * call[t]


@_inline
def _go_ahead(start, stay, again, hit, call, before, ahead):  # pragma: no cover - compiled
    """Weights of the states given the looks up to each session; returns the weight of the whole history."""
    n_times, gone = start.shape
    for t in range(n_times):
        vacated = ahead[t - 1, gone] if t > 0 else 0.0
        for c in range(gone):
            mass = start[t, c] * before[t]
            if t > 0:
                back = ahead[t - 1, gone] * again[t, c]
                mass += ahead[t - 1, c] * stay[t, c] + back
                vacated += ahead[t - 1, c] * (1.0 - stay[t, c]) - back
            ahead[t, c] = mass * hit[t]
        ahead[t, gone] = vacated * call[t]
    return ahead[n_times - 1].sum()


@_inline
def _go_back(stay, again, hit, call, back):  # pragma: no cover - compiled
    """Probabilities of the later looks given the state at each session."""
    n_times, gone = stay.shape
    back[n_times - 1] = 1.0
    for t in range(n_times - 2, -1, -1):
        lost = call[t + 1] * back[t + 1, gone]
        rest = lost
        for c in range(gone):
            kept = hit[t + 1] * back[t + 1, c]
            back[t, c] = stay[t + 1, c] * kept + (1.0 - stay[t + 1, c]) * lost
            rest += again[t + 1, c] * (kept - lost)
        back[t, gone] = rest


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
    gone = start.shape[2]
    value, d_q = np.zeros(len(start)), np.zeros(len(start))
    d_start, d_stay, d_again = np.zeros_like(start), np.zeros_like(start), np.zeros_like(start)
    d_phantom = np.zeros(n_cases)
    d_eta, present, returned = np.zeros(seen.shape), np.zeros(seen.shape), np.zeros(seen.shape)
    ahead, back = np.zeros((n_times, gone + 1)), np.zeros((n_times, gone + 1))
    chance, hit, call, before = np.zeros(n_times), np.zeros(n_times), np.zeros(n_times), np.zeros(n_times + 1)
    for u in range(n_cases):
        g = subject[u]
        _emit(seen[u], looks[u], eta[u], q, chance, hit, call, before)
        weight = _go_ahead(start[g], stay[g], again[g], hit, call, before, ahead)
        _go_back(stay[g], again[g], hit, call, back)
        if kind[u] == 0:
            whole = max(weight + phantom[u], _SMALLEST)
            value[g] += count[u] * np.log(whole)
            factor = count[u] / whole
            d_phantom[u] = factor
        else:
            whole = max(start[g].sum() - weight + phantom[u], _SMALLEST)
            value[g] -= count[u] * np.log(whole)
            factor = count[u] / whole
            d_phantom[u] = -factor
            d_start[g] -= factor
        unborn = 0.0
        for t in range(n_times - 1, -1, -1):
            d_q[g] += factor * (ahead[t, gone] * back[t, gone] + unborn) * (seen[u, t] - looks[u, t] * q)
            stands = 0.0
            for c in range(gone):
                kept = hit[t] * back[t, c]
                d_start[g, t, c] += factor * before[t] * kept
                unborn += start[g, t, c] * before[t] * kept
                stands += ahead[t, c] * back[t, c]
                if t > 0:
                    change = kept - call[t] * back[t, gone]
                    d_stay[g, t, c] += factor * ahead[t - 1, c] * change
                    d_again[g, t, c] += factor * ahead[t - 1, gone] * change
                    returned[u, t] += ahead[t - 1, gone] * again[g, t, c] * kept / whole
            present[u, t] = stands / whole
            d_eta[u, t] = factor * stands * (seen[u, t] - looks[u, t] * chance[t])
    return value, d_start, d_stay, d_again, d_q, d_phantom, d_eta, present, returned
