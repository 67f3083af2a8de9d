"""SBND, an experiment of one's own: 4 × 4 × 5 m³ of liquid argon, 110 m behind the target of the Booster beam."""

from darkpkg import Beam, Box, Detector, Experiment, Flux, Module, Selection, datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.units import GeV, gram, m


def flux(column):
    """The flux at MiniBooNE, 541 m from the target; nearer, it is larger as the inverse square of the distance."""
    there = Flux.from_file(datasets.path("flux/miniboone_fhc"), pot=1.0, per=GeV, column=column)
    return Flux(there.edges, there.density * (541 / 110) ** 2)


ACTIVE = Box.centred(4 * m, 4 * m, 5 * m, z_begin=110 * m)
ARGON = Module("argon", ACTIVE, 1.40 * gram * ACTIVE.volume, {"Ar": 1.0}, fiducial=ACTIVE)

PAIRS = Selection(decay_modules=("argon",), vertex_modules=("argon",), efficiency=0.3)
SEARCH = Analysis("e+e- pairs", (Channel("BNB", "BNB", 10e20, (10.0,), (10,), 0.2, PAIRS),))

SBND = Experiment(
    "SBND",
    (Beam("BNB", {14: flux("numu"), -14: flux("numubar")}),),
    Detector("SBND", (ARGON,)),
    {"search": SEARCH},
)
