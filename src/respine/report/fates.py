"""What became of each spine in each session, compared with the session before.

The comparison is the one of the table `turnover`: with the last earlier scorable session of the field of view, over
the sites that both sessions can show. So the marks of a picture add up to the counts beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

FATES = {
    "present": "seen; there is no earlier view of this site to compare with",
    "stable": "seen here and in the session before",
    "gained": "seen here and not in the session before",
    "lost": "not seen here, but in the session before",
    "absent": "not seen here",
    "unscorable": "this session cannot show the site",
}


def compute_fates(spines: pd.DataFrame, sessions: Sequence[str], scorable: Sequence[str]) -> pd.DataFrame:
    """Give every row of the spines of one field of view its fate.

    Parameters
    ----------
    spines : DataFrame
        Rows of the table `spines`.
    sessions : sequence of str
        The sessions of the field of view in the order of time.
    scorable : sequence of str
        Those that take part in the analysis.

    Returns
    -------
    DataFrame
        The same rows with the columns `fate` (a key of `FATES`) and `before` (the session compared with, or "").
    """
    visible = spines.pivot(index="spine", columns="session", values="visible").reindex(columns=list(sessions))
    before_of, previous = {}, ""
    for session in sessions:
        before_of[session] = previous
        if session in scorable:
            previous = session
    result = spines.copy()
    before = result["session"].map(before_of).fillna("")
    fates = [
        _fate(visible.at[spine, session], visible.at[spine, earlier] if earlier else pd.NA)
        if session in visible.columns
        else "unscorable"
        for spine, session, earlier in zip(result["spine"], result["session"], before, strict=True)
    ]
    return result.assign(fate=fates, before=before)


def _fate(now: object, before: object) -> str:
    if pd.isna(now):
        return "unscorable"
    if pd.isna(before):
        return "present" if now else "absent"
    return {(True, True): "stable", (True, False): "gained", (False, True): "lost"}.get(
        (bool(now), bool(before)), "absent"
    )
