"""Run DarkNews on the carbon of MiniBooNE at twenty points and write ``data/validation/booster``.

``make validate`` calls this too. How DarkNews must be used stands in `paper.validation.run_darknews`.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from DarkNews import MC, detector, nuclear_tools
from DarkNews.const import t_to_GeV

from darkpkg.experiment.beam import Flux
from paper.booster.beams import booster_beam
from paper.validation.booster import NUCLEUS, POINTS, QUANTITIES, Leptons, accepted
from paper.validation.run_darknews import HELICITIES, generic_model, quiet, seeded, write, write_experiment

N_EVENTS = {"conserving": 100_000, "flipping": 10_000}

ENERGY_RANGE = (0.06, 7.0)
"""Of neutrinos, GeV. Above are 2e-5 of the flux."""


def experiment(flux: Flux, folder: Path) -> detector.Detector:
    """Carbon in the muon neutrinos of neutrino mode."""
    return write_experiment(NUCLEUS, flux, ENERGY_RANGE, folder)


def simulated(point: str, helicity: str) -> tuple[Leptons, np.ndarray]:
    """Leptons of one helicity, and their weights per nucleus and proton on target."""
    rng = seeded("booster", point, helicity)
    flux = booster_beam("neutrino", "flux/miniboone_fhc", [14]).flux
    MC.NINT, MC.NEVAL, MC.NINT_warmup, MC.NEVAL_warmup = 1, N_EVENTS[helicity], 10, 10_000
    with tempfile.TemporaryDirectory() as folder:
        run = MC.MC_events(
            experiment(flux, Path(folder)),
            generic_model(POINTS[point]),
            enforce_prompt=True,
            rng=rng.random,
            sparse=1,
            nuclear_target=nuclear_tools.NuclearTarget(NUCLEUS),
            decay_product="e+e-",
            helicity=helicity,
        )
        events = run.get_MC_events()
    weight = events["w_event_rate"].to_numpy() * run.nuclear_target.mass / t_to_GeV
    electron, positron = (events[f"P_decay_ell_{charge}"].to_numpy() for charge in ("minus", "plus"))
    return Leptons(electron, positron, rng.random((len(weight), 4))), weight


def table() -> pd.DataFrame:
    """Sums of weights in all quantities at all points."""
    found = []
    for point in POINTS:
        both = pd.concat([accepted(*simulated(point, helicity)) for helicity in HELICITIES])
        sums = both.groupby("quantity", sort=False).sum().loc[list(QUANTITIES)].reset_index()
        sums.insert(0, "point", point)
        found.append(sums)
        logging.info("point %s done", point)
    return pd.concat(found)


if __name__ == "__main__":
    quiet()
    write("booster", table())
