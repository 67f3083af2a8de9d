"""Units and constants: energies are in GeV, lengths in cm, cross sections in cm² and masses of matter in gram.

Multiply by a unit to write a number down (``30.5 * cm``), divide to read it (``ctau / m``).
Natural units turn into lengths and areas through ``HBARC``: an inverse GeV is ``HBARC`` long.
"""

GeV = 1.0
MeV = 1e-3 * GeV
keV = 1e-6 * GeV

cm = 1.0
m = 1e2 * cm
fm = 1e-13 * cm

gram = 1.0
tonne = 1e6 * gram

HBARC = 1.973269804e-14 * GeV * cm
"""ħc. CODATA 2018, Rev. Mod. Phys. 93, 025010; exact since 2019, here to ten digits."""

ALPHA_EM = 1 / 137.035999
"""Fine-structure constant at zero momentum transfer. CODATA 2018."""

ELECTRON_MASS = 0.51099895e-3 * GeV
"""CODATA 2018."""

ATOMIC_MASS_UNIT = 0.93149410 * GeV
"""One twelfth of the mass of a carbon-12 atom. CODATA 2018."""

AVOGADRO = 6.02214076e23 / gram
"""Atoms with a total of one gram per unit of relative atomic mass. Exact (SI)."""

MUON_MASS = 105.6583755 * MeV
"""CODATA 2018."""

PROTON_MASS = 938.27208943 * MeV
NEUTRON_MASS = 939.56542194 * MeV
"""CODATA 2022."""

CHARGED_PION_MASS = 139.57039 * MeV
"""Particle Data Group, Prog. Theor. Exp. Phys. 2020, 083C01."""

KAON_MASS = 493.677 * MeV
"""Mass of K⁺. Particle Data Group, Phys. Rev. D 98, 030001 (2018)."""

FERMI_CONSTANT = 1.1663787e-5 / GeV**2
"""G_F, from the lifetime of the muon. CODATA 2018."""

SIN_SQ_THETA_W = 0.23122
"""Weak mixing angle, MS-bar at the mass of the Z. Particle Data Group, Phys. Rev. D 98, 030001 (2018)."""
