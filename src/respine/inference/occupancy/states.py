"""What stood when: the probability of a spine at every site and session, given all sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from respine.inference.occupancy.fit import OccupancyFit


def infer_states(fit: OccupancyFit) -> pd.DataFrame:
    """Return the posterior of every site that was seen, in every session of its animal.

    Returns
    -------
    DataFrame
        subject, fov (where given), dendrite, spine, session; `p_present`, also where the site is unscorable; `state`:
        present (p_present >= 0.5), absent or unscorable; `p_returned`: a spine grew at the lost site since the session
        before; `p_false`: no spine ever stood here.
    """
    histories = fit.histories
    swept = fit.likelihood.sweep(fit.theta)
    case = fit.likelihood.case_of_site
    n_times = np.array([len(names) for names in histories.sessions])[histories.subject]
    site = np.repeat(np.arange(len(n_times)), n_times)
    time = np.concatenate([np.arange(n) for n in n_times])
    table = histories.sites.iloc[site].reset_index(drop=True)
    table["session"] = [histories.sessions[g][t] for g, t in zip(histories.subject[site], time, strict=True)]
    present = swept.present[case[site], time]
    scored = histories.looks[site, time] > 0
    table["state"] = np.where(scored, np.where(present >= 0.5, "present", "absent"), "unscorable")
    table["p_present"] = present
    table["p_returned"] = swept.returned[case[site], time]
    table["p_false"] = swept.false[case[site]]
    return table
