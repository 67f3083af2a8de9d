"""Points that the public program of arXiv:2308.02543 fitted, and the same by this package. Begin with `compared`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from darkpkg import datasets
from paper.booster import counts, fit, miniboone, published
from paper.booster.beams import MUON_FLAVOURS

NAME = "validation/public_fit"
"""Of the table: its best coupling at each pair of masses, with events, chi squared and lifetime there."""

SEED = 2308

N_EVENTS = {"light": 2**13, "heavy": 2**14}
"""Neutrinos of a point. With a heavy Z′ most N come from the earth, and few of those decay in the oil."""


def compared(rows: Collection[int] | None = None, n_events: Mapping[str, int] = N_EVENTS) -> pd.DataFrame:
    """Electron-like events of neutrino mode at the program's points and couplings, with all `Differences`.

    Parameters
    ----------
    rows
        Of the table; all by default.
    n_events
        Neutrinos of a point with a light and with a heavy Z′.

    Returns
    -------
    pandas.DataFrame
        Masses in GeV, ``mediator``, ``theirs`` and ``ours``, events; ``ratio`` of ours to theirs with its ``error``,
        ``ratio_without`` differences; both chi squared, ours with the error of the simulation; and ``ctau``, our
        lifetime over theirs.
    """
    table = datasets.read(NAME)
    neutrino = miniboone.experiment({"neutrino": MUON_FLAVOURS["neutrino"]})
    found = []
    for row in table.iloc[list(range(len(table)) if rows is None else rows)].itertuples():
        theta = published.parameters(row.m_N, row.m_Zprime, row.epsilon, row.U_mu4)
        mediator = "light" if theta.is_light_mediator else "heavy"
        events = fit.sample_at(theta, neutrino, n_events[mediator], 16, SEED)
        one = published.predict(theta, events, miniboone.Differences.all())
        own = counts.likelihood(["neutrino"])
        found.append(
            {
                "mediator": mediator,
                "m_N": row.m_N,
                "m_Zprime": row.m_Zprime,
                "theirs": row.events,
                "ours": one.total,
                "ratio": one.total / row.events,
                "error": one.total_error / row.events,
                "ratio_without": published.predict(theta, events).total / row.events,
                "chi_squared_theirs": row.chi_squared,
                "chi_squared_ours": float(own.chi_squared(np.maximum(one.mean, 0.0), one.error**2)),
                "ctau": float(theta.proper_decay_length()) / row.ctau,
            }
        )
    return pd.DataFrame(found)
