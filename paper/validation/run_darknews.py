"""Run DarkNews at eight points of the model and write its results to ``data/validation``.

``make validate`` calls this in an environment of its own. DarkNews is used as it is installed; comments state where
it must be called in a particular way. From darkpkg come the points, the flux, and the kinematic variables.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import logging
import re
import tempfile
import tomllib
from importlib.resources import files
from pathlib import Path

import gvar
import numpy as np
import pandas as pd
from DarkNews import MC, amplitudes, decay_rates, detector, model, nuclear_tools, pdg, phase_space, processes
from DarkNews.const import alphaQED, cw, eQED, t_to_GeV

import darkpkg as dk
from darkpkg import units
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics import scattering
from darkpkg.streams import random_stream
from paper.validation.darknews import ENERGY_RANGE, PARAMETERS, kinematic_variables

DATA = Path(__file__).parents[2] / "data"
SEED = 20220713
NUCLEI = ("C12", "O16", "Ar40", "Cu63", "Zn64", "Pb208")
HELICITIES = ("conserving", "flipping")

A, B = dk.BENCHMARK_A, dk.BENCHMARK_B
POINTS = {
    "A": (A, "Ar40"),
    "A1": (A.replace(m_Zprime=0.06), "O16"),
    "A2": (A.replace(m_N=0.4), "Pb208"),
    "B": (B, "Ar40"),
    "B1": (B.replace(m_N=0.02), "C12"),
    "B2": (B.replace(m_Zprime=0.2), "Zn64"),
    "B3": (B.replace(m_N=0.3), "Pb208"),
    "B4": (B.replace(m_N=0.5, m_Zprime=5.0), "Pb208"),
}
"""Parameters, and a nucleus for simulated events on which DarkNews uses the exact Q²_min: m_N > √s/1000."""

N_EVENTS = {"conserving": 2_000_000, "flipping": 200_000}
KEPT = 0.03
"""Share of the simulated events that is kept. Vegas stratifies its sample: the counts of all its events scatter less
than their weights suggest. A thin random subset is independent again."""

N_BINS = 24


def seeded(*name: str) -> np.random.Generator:
    """Seed all that DarkNews draws from: its own generator, numpy's global one, and gvar's, which vegas uses."""
    rng = random_stream(SEED, *name)
    np.random.seed(rng.integers(2**32))  # noqa: NPY002 (DarkNews calls np.random.rand)
    gvar.ranseed(int(rng.integers(2**31)))
    return rng


def generic_model(theta: dk.DarkParameters) -> model.GenericHNLModel:
    """The generic model with couplings as given: the portal model takes e² at the weak scale."""
    g_D, e_eps = np.sqrt(4 * np.pi * theta.alpha_D), eQED * theta.epsilon
    other = np.sqrt(theta.V_N_sq - theta.V_muN_sq)  # |V_N|² sums over the light neutrinos
    couplings = {"d_mu4": g_D * np.sqrt(theta.V_muN_sq), "d_tau4": g_D * other, "deV": -e_eps}
    quarks = {"duV": 2 / 3 * e_eps, "ddV": -1 / 3 * e_eps}
    return model.GenericHNLModel(m4=theta.m_N, mzprime=theta.m_Zprime, HNLtype="dirac", **couplings, **quarks)


def upscattering(theta: dk.DarkParameters, nucleus: str, helicity: str) -> processes.UpscatteringProcess:
    """ν_μ → N off a nucleus, for one helicity of N in the centre of mass."""
    target = nuclear_tools.NuclearTarget(nucleus)
    return processes.UpscatteringProcess(pdg.numu, pdg.neutrino4, target, "coherent", generic_model(theta), helicity)


def decay(theta: dk.DarkParameters) -> processes.FermionDileptonDecay:
    """N → ν e⁺e⁻ or N → ν Z′."""
    return processes.FermionDileptonDecay(
        pdg.neutrino4, pdg.nulight, pdg.electron, pdg.electron, generic_model(theta)
    )


def width(theta: dk.DarkParameters) -> float:
    """Γ(N) in GeV. The two-body width is the integral of DarkNews's differential one; its total one differs."""
    process = decay(theta)
    if process.vector_off_shell:
        return process.total_width(NEVAL=200_000, NINT=20)
    cosine = np.linspace(-1, 1, 3)
    rate = decay_rates.diff_gamma_Ni_to_Nj_V(
        cosine, process.Dih, theta.m_N, 0.0, theta.m_Zprime, HNLtype="dirac", h=process.h_parent
    )
    return np.trapezoid(rate, cosine)  # the rate is linear in the cosine


def energies(theta: dk.DarkParameters) -> np.ndarray:
    """Twelve energies in GeV, above the threshold on every nucleus."""
    return np.array([float(f"{E:.4g}") for E in np.geomspace(1.15 * theta.m_N, 20.0, 12)])


def cross_sections() -> pd.DataFrame:
    """σ by DarkNews's vegas integral, and the lower limit that it integrates from."""
    rows = []
    for point, (theta, _) in POINTS.items():
        for nucleus in NUCLEI:
            process = {h: upscattering(theta, nucleus, h) for h in HELICITIES}
            mass = process["conserving"].target.mass
            for E in energies(theta):
                seeded("sigma", point, nucleus, str(E))
                low = phase_space.upscattering_Q2min(E, theta.m_N, mass)
                sigma = {h: float(process[h].total_xsec(E, NINT=10, NEVAL=4000)) for h in HELICITIES}
                rows.append((point, nucleus, E, float(low), sigma["conserving"], sigma["flipping"]))
    return pd.DataFrame(rows, columns=["point", "nucleus", "E_nu", "Q2_min", "sigma_conserving", "sigma_flipping"])


def differential_cross_sections() -> pd.DataFrame:
    """dσ/dQ² from the amplitude. `diff_xsec_Q2` is not used: in it u has m_N where m_N² belongs."""
    rows = []
    for point, (theta, _) in POINTS.items():
        for nucleus in ("C12", "Pb208"):
            process = {h: upscattering(theta, nucleus, h) for h in HELICITIES}
            M = process["conserving"].target.mass
            for E in energies(theta)[[1, 5, 9]]:
                low, high = scattering.q2_range(E, theta.m_N, dk.NUCLEI[nucleus])
                s = M**2 + 2 * M * E
                for Q2 in np.geomspace(1.02 * low, min(0.98 * high, 0.3), 16):
                    mandelstam = [s, -Q2, 2 * M**2 + theta.m_N**2 - s + Q2]
                    value = {h: amplitudes.upscattering_dxsec_dQ2(mandelstam, process[h]) for h in HELICITIES}
                    rows.append((point, nucleus, E, Q2, float(value["conserving"][0]), float(value["flipping"][0])))
    names = ["point", "nucleus", "E_nu", "Q2", "dsigma_conserving", "dsigma_flipping"]
    return pd.DataFrame(rows, columns=names)


def form_factors() -> pd.DataFrame:
    """DarkNews's nuclei: masses and |F(Q²)|."""
    rows = []
    for name in NUCLEI:
        target = nuclear_tools.NuclearTarget(name)
        for Q in np.linspace(0.02, 1.0, 50):
            rows.append((name, target.mass, Q**2, float(target.F1_EM(Q**2)[0])))
    return pd.DataFrame(rows, columns=["nucleus", "mass", "Q2", "F"])


def experiment(nucleus: str, folder: Path) -> detector.Detector:
    """One nucleus in the FHC flux of ``data/flux``: the flux files of DarkNews for ND280 both hold the RHC flux."""
    return write_experiment(nucleus, dk.T2K["FHC"].flux, ENERGY_RANGE, folder)


def write_experiment(
    nucleus: str, flux: dk.Flux, energy_range: tuple[float, float], folder: Path
) -> detector.Detector:
    """One nucleus in a flux of muon neutrinos of energies in a range.

    DarkNews interpolates a flux linearly, so each edge of our bins stands twice, 2e-9 GeV apart.
    """
    E = np.repeat(flux.edges, 2) + np.tile([-1e-9, 1e-9], len(flux.edges))
    density = np.concatenate([[0.0], np.repeat(flux.density, 2), [0.0]])
    zero = np.zeros_like(E)
    np.savetxt(folder / "flux.dat", np.stack([E, zero, density, zero, zero, zero, zero], axis=1), fmt="%.12g")
    (folder / "experiment.txt").write_text(
        'name = "one nucleus"\nfluxfile = "flux.dat"\nflux_norm = 1\n'
        f"erange = [{energy_range[0]}, {energy_range[1]}]\nnuclear_targets = ['{nucleus}']\n"
        "fiducial_mass_per_target = [1]\nPOTs = 1\n"
    )
    return detector.Detector(str(folder / "experiment.txt"))


def simulated(point: str, helicity: str) -> tuple[pd.DataFrame, float, float]:
    """Events of one helicity, thinned and weighted per nucleus and POT; their flux-averaged σ and its error."""
    theta, nucleus = POINTS[point]
    rng = seeded("events", point, helicity)
    MC.NINT, MC.NEVAL, MC.NINT_warmup, MC.NEVAL_warmup = 1, N_EVENTS[helicity], 10, 50_000
    with tempfile.TemporaryDirectory() as folder:
        run = MC.MC_events(
            experiment(nucleus, Path(folder)),
            generic_model(theta),
            enforce_prompt=True,
            rng=rng.random,
            sparse=1,
            nuclear_target=nuclear_tools.NuclearTarget(nucleus),
            decay_product="e+e-",
            helicity=helicity,
        )
        events = run.get_MC_events()
    number = 1 * t_to_GeV / run.nuclear_target.mass
    upscatterings = events["w_flux_avg_xsec"].to_numpy() / number
    weight = events["w_event_rate"].to_numpy() / number
    # Keep each event with a probability in proportion to its weight, and give all that are kept the same weight,
    # except for the few too heavy ones.
    unit = weight.sum() / (KEPT * len(weight))
    keep = rng.random(len(weight)) * unit < weight
    thinned = events[keep]
    momenta = {
        name: thinned[f"P_decay_{label}"].to_numpy()
        for name, label in {"p_N": "N_parent", "p_electron": "ell_minus", "p_positron": "ell_plus"}.items()
    }
    if not all(np.isfinite(p).all() for p in momenta.values()):
        raise RuntimeError(f"DarkNews made momenta that are no numbers at point {point}")
    table = pd.DataFrame(kinematic_variables(**momenta))
    table["weight"] = np.maximum(weight[keep], unit)
    return table, upscatterings.sum(), np.sqrt((upscatterings**2).sum())


def bin_edges(values: pd.Series, highest: float) -> np.ndarray:
    """Edges between equal numbers of events, three digits each, from zero to the largest value there is."""
    inner = np.quantile(values, np.linspace(0, 1, N_BINS + 1)[1:-1])
    return np.array([0.0, *(float(f"{edge:.3g}") for edge in inner), highest])


def distributions(events: pd.DataFrame, theta: dk.DarkParameters) -> pd.DataFrame:
    """Six histograms with the sums of weights and of their squares."""
    highest = {
        "E_N": ENERGY_RANGE[1],
        "theta_N": 3.15,
        "E_ee": ENERGY_RANGE[1],
        "theta_ee": 3.15,
        "opening_angle": 3.15,
        "m_ee": float(theta.m_N),
        "asymmetry": 1.0,
    }
    highest.pop("m_ee" if theta.is_light_mediator else "asymmetry")
    rows = []
    for variable, end in highest.items():
        edges = bin_edges(events[variable], end)
        sums = [np.histogram(events[variable], edges, weights=events.weight**k)[0] for k in (1, 2)]
        rows += [(variable, *row) for row in zip(edges[:-1], edges[1:], *sums, strict=True)]
    return pd.DataFrame(rows, columns=["variable", "low", "high", "sum_w", "sum_w_sq"])


def points_and_distributions() -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row for each point, and its histograms."""
    rows, histograms = [], []
    for point, (theta, nucleus) in POINTS.items():
        runs = {h: simulated(point, h) for h in HELICITIES}
        histogram = distributions(pd.concat([run[0] for run in runs.values()]), theta)
        histogram.insert(0, "point", point)
        histograms.append(histogram)
        rates = [runs[h][i] for h in HELICITIES for i in (1, 2)]
        seeded("width", point)
        process = decay(theta)
        mediator = decay_rates.gamma_V_to_ell_ell(eQED * theta.epsilon, theta.m_Zprime, process.mm)
        values = [float(getattr(theta, name)) for name in PARAMETERS]
        rows.append((point, nucleus, *values, width(theta), mediator, *rates))
        logging.info("point %s done", point)
    rate_names = [f"rate_{h}{suffix}" for h in HELICITIES for suffix in ("", "_error")]
    names = ["point", "nucleus", *PARAMETERS, "width_N", "width_Zprime", *rate_names]
    return pd.DataFrame(rows, columns=names), pd.concat(histograms)


def traps() -> pd.DataFrame:
    """What DarkNews returns where it must not be used, over what it should return."""
    theta = B
    portal = model.ThreePortalModel(
        m4=theta.m_N, mzprime=theta.m_Zprime, HNLtype="dirac", epsilon=theta.epsilon, gD=1.0, Umu4=1e-4
    )
    by_chi = model.ThreePortalModel(m4=theta.m_N, mzprime=theta.m_Zprime, HNLtype="dirac", chi=1e-2)
    light = decay(A)
    flux_files = [files("DarkNews.include.fluxes").joinpath(f"ND280_{beam}.dat") for beam in ("FHC", "RHC")]
    fluxes = [np.genfromtxt(file.open())[:, 2].sum() for file in flux_files]
    process = upscattering(theta, "C12", "conserving")
    M, E, Q2 = process.target.mass, 0.15, 0.01
    u = 2 * M**2 + theta.m_N**2 - M**2 - 2 * M * E + Q2
    right = amplitudes.upscattering_dxsec_dQ2([M**2 + 2 * M * E, -Q2, u], process)[0]
    low = {E: phase_space.upscattering_Q2min(E, 0.1, nuclear_tools.NuclearTarget("Pb208").mass) for E in (0.15, 1.0)}
    exact = {E: scattering.q2_range(E, 0.1, dk.NUCLEI["Pb208"])[0] for E in low}
    rows = {
        "ND280 FHC flux over its RHC flux": fluxes[0] / fluxes[1],
        "squared coupling of electrons in the portal model": (portal.deV / (eQED * theta.epsilon)) ** 2,
        "epsilon of the portal model when chi = 0.01 is given": by_chi.epsilon / (0.01 * cw),
        "two-body width as FermionDileptonDecay.total_width": light.total_width() / width(A),
        "dsigma/dQ2 as UpscatteringProcess.diff_xsec_Q2": float(process.diff_xsec_Q2(E, Q2)[0] / right),
        "Q2_min for m_N = 0.1 GeV on Pb208 at 0.15 GeV": low[0.15] / exact[0.15],
        "Q2_min for m_N = 0.1 GeV on Pb208 at 1 GeV": low[1.0] / exact[1.0],
        "fine-structure constant": alphaQED / units.ALPHA_EM,
    }
    return pd.DataFrame({"trap": list(rows), "ratio": [float(f"{value:.9g}") for value in rows.values()]})


def write(name: str, table: pd.DataFrame) -> None:
    """Write a table, and its checksum and the version of DarkNews into the manifest beside it."""
    path = DATA / "validation" / f"{name}.csv"
    about = path.with_suffix(".toml")
    described = tomllib.loads(about.read_text(encoding="utf-8"))["columns"]
    if list(table.columns) != list(described):
        raise ValueError(f"{about.name} describes {', '.join(described)}, got {', '.join(table.columns)}")
    text = table.to_csv(index=False, float_format="%.7g", lineterminator="\n")
    checksum, version = hashlib.sha256(text.encode()).hexdigest(), importlib.metadata.version("DarkNews")
    manifest = re.sub(r"(?m)^sha256 = .*$", f'sha256 = "{checksum}"', about.read_text(encoding="utf-8"))
    manifest = re.sub(r"(?m)^retrieved = .*$", f"retrieved = {datetime.date.today()}", manifest)
    manifest = re.sub(r"(?m)^(source = .*DarkNews )\S+", rf"\g<1>{version}", manifest)
    for target, content in ((path, text), (about, manifest)):
        with complete_or_not_at_all(target) as partial:
            partial.write_text(content, encoding="utf-8")


def quiet() -> None:
    """Log what is done here, and of DarkNews warnings only."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for name in logging.root.manager.loggerDict:
        if name.startswith(("logger", "prettyprinter")):
            logging.getLogger(name).setLevel(logging.WARNING)


def main() -> None:
    """Run everything, about ten minutes, and only then write."""
    quiet()
    point_table, histogram_table = points_and_distributions()
    tables = {
        "points": point_table,
        "cross_sections": cross_sections(),
        "differential": differential_cross_sections(),
        "form_factors": form_factors(),
        "distributions": histogram_table,
        "traps": traps(),
    }
    for name, table in tables.items():
        write(name, table)


if __name__ == "__main__":
    main()
