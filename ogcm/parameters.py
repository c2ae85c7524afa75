"""Every learnable physical quantity: its default, units and bounds.

A parameter may be a number, a map (ny, nx) or a field (nk, ny, nx). Kernels see all of them as
arrays with halo, of one layer or of all: a number is a uniform map, and its gradient the sum of
the map's. The equation of state's coefficients are one short vector, `eos`.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from ogcm.device import host
from ogcm.errors import InputError
from ogcm.grid import Grid, add_halo, interior
from ogcm.operators.equation_of_state import default_coefficients

Array = np.ndarray


class Parameter(NamedTuple):
    """Description of one parameter; learning keeps it between `lower` and `upper`."""

    default: float
    units: str
    description: str
    lower: float = 0.0
    upper: float = np.inf


PARAMETERS = {
    "nu_h": Parameter(0.0, "m2 s-1", "horizontal viscosity"),
    "nu4_h": Parameter(0.0, "m4 s-1", "horizontal biharmonic viscosity"),
    "smagorinsky": Parameter(0.15, "1", "Smagorinsky coefficient", upper=1.0),
    "leith": Parameter(1.0, "1", "Leith coefficient", upper=4.0),
    "kappa_h": Parameter(0.0, "m2 s-1", "horizontal diffusivity of tracers"),
    "kappa4_h": Parameter(0.0, "m4 s-1", "horizontal biharmonic diffusivity of tracers"),
    "nu_v": Parameter(1e-4, "m2 s-1", "background vertical viscosity", upper=10.0),
    "kappa_v": Parameter(1e-5, "m2 s-1", "background vertical diffusivity of tracers", upper=10.0),
    "kappa_convective": Parameter(1.0, "m2 s-1", "vertical mixing of tracers in unstable water", upper=100.0),
    "nu_richardson": Parameter(
        1e-2, "m2 s-1", "largest shear-driven viscosity (Pacanowski and Philander 1981)", upper=1.0
    ),
    "alpha_richardson": Parameter(5.0, "1", "its dependence on the Richardson number", upper=100.0),
    "drag_linear": Parameter(0.0, "m s-1", "linear bottom drag", upper=1.0),
    "drag_quadratic": Parameter(0.0, "1", "quadratic bottom drag coefficient", upper=1.0),
    "T_freezing": Parameter(-1.9, "degC", "freezing point of the surface, for runs with freezing", -5.0, 5.0),
}


def nearest(name: str, known: Mapping | list[str] | tuple[str, ...]) -> str:
    """A hint for a name that does not exist: the closest that does, or all of them."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"


def build(values: Mapping[str, float | Array], grid: Grid, equation_of_state: str) -> dict[str, Array]:
    """All parameters as arrays with halo; `values` replace the defaults.

    Raises InputError for an unknown name, a wrong shape, or a value outside its bounds.
    """
    nk = grid.h_t.shape[0]
    ny, nx = interior(grid.depth_t).shape
    coefficients = default_coefficients(equation_of_state, float(grid.rho0))
    eos = np.array(host(values.get("eos", coefficients)), grid.h_t.dtype)
    if eos.shape != np.shape(coefficients):
        raise InputError(f"eos: {equation_of_state} takes {len(coefficients)} coefficients, got shape {eos.shape}")
    if not np.isfinite(eos).all():
        n = int(np.argmin(np.isfinite(eos)))
        raise InputError(f"eos: coefficient {n} is {eos[n]}; give finite ones")
    arrays = {"eos": eos}
    for name in values:
        if name != "eos" and name not in PARAMETERS:
            raise InputError(f"unknown parameter {name!r}: {nearest(name, PARAMETERS)}")
    for name, parameter in PARAMETERS.items():
        value = host(values.get(name, parameter.default)).astype(grid.h_t.dtype)
        if value.shape not in ((), (ny, nx), (1, ny, nx), (nk, ny, nx)):
            raise InputError(
                f"{name}: shape {value.shape} is none of a number, a map {(ny, nx)} or a field {(nk, ny, nx)}"
            )
        good = np.isfinite(value) & (value >= parameter.lower) & (value <= parameter.upper)
        if not good.all():
            wrong = value[~good].flat[0]
            raise InputError(
                f"{name}: {wrong} {parameter.units} lies outside {parameter.lower} to {parameter.upper}; "
                f"it is the {parameter.description}"
            )
        layers = value if value.ndim == 3 else np.broadcast_to(value, (1, ny, nx))
        arrays[name] = np.ascontiguousarray(add_halo(layers, grid.periodic, edge=True))
    return arrays
