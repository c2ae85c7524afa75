"""Outputs of a network, and how they act on the ocean; the kernels are in `nn.output_kernels`.

    T_flux, S_flux       F_x, F_y through the eastern and northern face of the cell; the tendency is minus the
                         divergence of h F
    T_flux_z, S_flux_z   upward flux F_z through the top of the cell, none through surface and bottom
    stress               tension s_T and shear s_S at T points, of a symmetric stress tensor without trace
    stress_z             upward flux of momentum, along x and y, through the top of the eastern and northern face
    T_tendency, S_tendency, uv_tendency, eta_tendency    added directly, to u of the eastern and v of the northern
                         face: nothing is conserved

Further tracers have the same outputs as T and S (`forms_of`).

Vectors lie at the faces of the C-grid, where they act: the average of two cells is 0 for a pattern that changes sign
from one cell to the next, and so could not correct it. (The vectors of an equivariant network, which rotate about T
points, are averaged to the faces by `at_faces`.) A flux that leaves one cell enters the next, and none goes through
coasts, so that heat, salt and (away from coasts) momentum are conserved to round-off for any outputs of the network.
The divergence of the stress is that of `ogcm.operators.friction` with s_T for nu D_T and s_S for nu D_S.
"""

from collections.abc import Callable
from typing import NamedTuple

from nn.output_kernels import (
    acceleration,
    acceleration_ad,
    divergence_of_stress,
    divergence_of_stress_ad,
    flux_divergence,
    flux_divergence_ad,
    rate,
    rate_ad,
    rise,
    rise_ad,
    vertical_flux,
    vertical_flux_ad,
    vertical_stress,
    vertical_stress_ad,
)
from ogcm.model import Model
from ogcm.tracers import times


class Form(NamedTuple):
    """A form of outputs: a line of the table above.

    Attributes
    ----------
    components : int
        Number of components.
    units : str
        Their units.
    acts_on : tuple of str
        Names of the tendencies on which it acts.
    forward : callable
        `forward(*components, grid, *D)` adds to the tendencies D.
    backward : callable
        `backward(*components, grid, *D_ad, *components_ad)` adds the adjoint.
    basis : str
        The feature, a vector or tensor, that an equivariant network stretches and rotates.
    at_faces : bool
        Whether the components lie at faces, otherwise at T points.
    """

    components: int
    units: str
    acts_on: tuple[str, ...]
    forward: Callable
    backward: Callable
    basis: str = ""
    at_faces: bool = False


FORMS = {
    "T_flux": Form(2, "K m s-1", ("T",), flux_divergence, flux_divergence_ad, "T_gradient", True),
    "S_flux": Form(2, "g kg-1 m s-1", ("S",), flux_divergence, flux_divergence_ad, "S_gradient", True),
    "T_flux_z": Form(1, "K m s-1", ("T",), vertical_flux, vertical_flux_ad),
    "S_flux_z": Form(1, "g kg-1 m s-1", ("S",), vertical_flux, vertical_flux_ad),
    "stress": Form(2, "m2 s-2", ("u", "v"), divergence_of_stress, divergence_of_stress_ad, "strain"),
    "stress_z": Form(2, "m2 s-2", ("u", "v"), vertical_stress, vertical_stress_ad, at_faces=True),
    "T_tendency": Form(1, "K s-1", ("T",), rate, rate_ad),
    "S_tendency": Form(1, "g kg-1 s-1", ("S",), rate, rate_ad),
    "uv_tendency": Form(2, "m s-2", ("u", "v"), acceleration, acceleration_ad, at_faces=True),
    "eta_tendency": Form(1, "m s-1", ("eta",), rise, rise_ad),
}


def forms_of(model: Model) -> dict[str, Form]:
    """Return the forms of outputs of a model by name.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    dict of str to Form
        `FORMS`, and those of further tracers: "dye_flux", "dye_flux_z" and "dye_tendency" of a tracer "dye".
    """
    found = dict(FORMS)
    for name in model.further_tracers:
        flux, rates = (times(model.fields[name].units, units) for units in ("m s-1", "s-1"))
        found[f"{name}_flux"] = Form(2, flux, (name,), flux_divergence, flux_divergence_ad, f"{name}_gradient", True)
        found[f"{name}_flux_z"] = Form(1, flux, (name,), vertical_flux, vertical_flux_ad)
        found[f"{name}_tendency"] = Form(1, rates, (name,), rate, rate_ad)
    return found
