"""The physical parameters: default, units and bounds of each, and their arrays in a model.

A parameter may be a number, a map (ny, nx) or a function f(x, y). One with `layers` may also be a profile (nk,), a
field (nk, ny, nx) or a function f(x, y, z). Kernels read all of them as arrays with halo, of one layer or of all: a
number becomes a uniform map, and its gradient is the sum of that of the map. Coefficients of vertical mixing belong to
the upper faces of the cells, and z is the height of that face. The coefficients of the equation of state are one short
vector, `eos`.
"""

import reprlib
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ogcm.constants import DAY, YEAR
from ogcm.errors import InputError, suggestion
from ogcm.grid import Grid, add_halo, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Values, as_array, sample
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE, default_coefficients

Array = np.ndarray


class Parameter(NamedTuple):
    """Description of a parameter.

    Attributes
    ----------
    default : float
        Value where none is given.
    units : str
        Units.
    description : str
        Meaning in a few words.
    lower, upper : float
        Bounds, which learning respects as well.
    layers : bool
        True where the parameter may differ between layers.
    needs : mapping of str to tuple
        Numerical choices without which the parameter has no effect: for each option the choices that use it.
    """

    default: float
    units: str
    description: str
    lower: float = 0.0
    upper: float = np.inf
    layers: bool = False
    needs: Mapping[str, tuple] = MappingProxyType({})


TRACERS = {"equation_of_state": tuple(EQUATIONS_OF_STATE)}
FRICTION, DIFFUSION = {"friction": ("laplacian", "biharmonic")}, {"diffusion": ("laplacian", "biharmonic")}
ISONEUTRAL = {"isoneutral": ("gerdes", "dm95")}
RICHARDSON, TURBULENCE = {"vertical_mixing": ("richardson",)}, {"vertical_mixing": ("tke",)}
PARAMETERS = {
    "nu_h": Parameter(0.0, "m2 s-1", "horizontal viscosity", layers=True, needs=FRICTION),
    "nu4_h": Parameter(
        0.0, "m4 s-1", "horizontal biharmonic viscosity", layers=True, needs={"friction": ("biharmonic",)}
    ),
    "smagorinsky": Parameter(
        0.15, "1", "Smagorinsky coefficient", upper=1.0, needs={"viscosity": ("smagorinsky",), **FRICTION}
    ),
    "leith": Parameter(1.0, "1", "Leith coefficient", upper=4.0, needs={"viscosity": ("leith",), **FRICTION}),
    "kappa_h": Parameter(
        0.0, "m2 s-1", "horizontal diffusivity of tracers", layers=True, needs={**DIFFUSION, **TRACERS}
    ),
    "kappa4_h": Parameter(
        0.0,
        "m4 s-1",
        "horizontal biharmonic diffusivity of tracers",
        layers=True,
        needs={"diffusion": ("biharmonic",), **TRACERS},
    ),
    "kappa_redi": Parameter(1e3, "m2 s-1", "isoneutral diffusivity of tracers", layers=True, needs=ISONEUTRAL),
    "kappa_gm": Parameter(1e3, "m2 s-1", "diffusivity of eddy-induced advection", layers=True, needs=ISONEUTRAL),
    "visbeck": Parameter(
        0.015, "1", "efficiency of eddies (Visbeck et al. 1997)", upper=1.0, needs={"eddy_diffusivity": ("visbeck",)}
    ),
    "visbeck_length": Parameter(
        2e5, "m", "width of the baroclinic zone for it", upper=1e7, needs={"eddy_diffusivity": ("visbeck",)}
    ),
    "slope_max": Parameter(
        4e-3, "1", "slope of neutral surfaces above which eddy fluxes are reduced", 1e-6, 1.0, needs=ISONEUTRAL
    ),
    "nu_v": Parameter(1e-4, "m2 s-1", "background vertical viscosity", upper=10.0, layers=True),
    "kappa_v": Parameter(
        1e-5, "m2 s-1", "background vertical diffusivity of tracers", upper=10.0, layers=True, needs=TRACERS
    ),
    "kappa_convective": Parameter(
        1.0, "m2 s-1", "vertical mixing of tracers in unstable water", upper=100.0, needs=TRACERS
    ),
    "nu_richardson": Parameter(
        1e-2,
        "m2 s-1",
        "largest shear-driven viscosity (Pacanowski and Philander 1981)",
        upper=1.0,
        needs=RICHARDSON,
    ),
    "alpha_richardson": Parameter(5.0, "1", "its dependence on the Richardson number", upper=100.0, needs=RICHARDSON),
    "tke_viscosity": Parameter(
        0.1, "1", "coefficient c_k of the viscosity of turbulence", 1e-4, 10.0, needs=TURBULENCE
    ),
    "tke_dissipation": Parameter(
        0.7, "1", "coefficient c_eps of the dissipation of turbulence", 1e-4, 10.0, needs=TURBULENCE
    ),
    "tke_waves": Parameter(
        67.83,
        "1",
        "turbulent kinetic energy at the surface over |tau|/rho0; 3.75 without breaking waves",
        upper=1e3,
        needs=TURBULENCE,
    ),
    "tke_background": Parameter(1e-6, "m2 s-2", "background turbulent kinetic energy", 1e-12, 1e-2, needs=TURBULENCE),
    "tke_richardson": Parameter(
        0.22, "1", "Richardson number beyond which the turbulent Prandtl number grows", 0.01, 10.0, needs=TURBULENCE
    ),
    "drag_linear": Parameter(0.0, "m s-1", "linear bottom drag", upper=1.0),
    "drag_quadratic": Parameter(0.0, "1", "quadratic bottom drag coefficient", upper=1.0),
    "nudging_in": Parameter(
        1 / DAY, "s-1", "rate at which the rim of open sides approaches what is outside where waves enter", upper=1.0
    ),
    "nudging_out": Parameter(1 / YEAR, "s-1", "the same where waves leave", upper=1.0),
    "nudging_zone": Parameter(0.1 / DAY, "s-1", "rate of nudging at the rim, in the zone along open sides", upper=1.0),
    "red_fraction": Parameter(0.58, "1", "fraction of red and infrared light in `shortwave`", upper=1.0, needs=TRACERS),
    "red_depth": Parameter(
        0.35, "m", "depth over which red and infrared light decays to 1/e", 0.01, 100.0, needs=TRACERS
    ),
    "blue_depth": Parameter(
        23.0, "m", "depth over which blue and green light decays to 1/e", 0.01, 1000.0, needs=TRACERS
    ),
    "drag_factor": Parameter(1.0, "1", "factor of the drag coefficient of an atmosphere", upper=10.0),
    "stanton_factor": Parameter(1.0, "1", "factor of its Stanton number, of sensible heat", upper=10.0),
    "dalton_factor": Parameter(1.0, "1", "factor of its Dalton number, of evaporation", upper=10.0),
    "current_feedback": Parameter(1.0, "1", "fraction of the current that is taken from its wind", upper=1.0),
    "emissivity": Parameter(0.98, "1", "emissivity of the sea surface under an atmosphere", upper=1.0),
    "albedo": Parameter(0.066, "1", "albedo of the sea surface under an atmosphere", upper=1.0),
    "T_freezing": Parameter(
        -1.9,
        "degC",
        "freezing point of the surface, for runs with freezing",
        -5.0,
        5.0,
        needs={"freezing": (True,), **TRACERS},
    ),
    "sea_level_rise": Parameter(
        0.0, "m s-1", "mean rise of the sea level where open sides constrain the volume", -1.0, 1.0
    ),
}
AT_THE_TOPS = ("nu_v", "kappa_v")  # defined at the upper faces of the cells


def build_parameters(
    values: Mapping[str, Values], horizontal: HorizontalGrid, grid: Grid, choices: Mapping[str, Any]
) -> tuple[dict[str, Array], dict[str, tuple[int, ...]]]:
    """Build the arrays of all parameters.

    Parameters
    ----------
    values : mapping of str to float, array_like or callable
        Values that replace the defaults. Missing values on land get the default.
    horizontal : HorizontalGrid
        Horizontal grid.
    grid : Grid
        Grid with halo.
    choices : mapping of str to object
        Numerical choices by name. A given parameter that has no effect with them causes a warning.

    Returns
    -------
    arrays : dict of str to ndarray, shape (1, nj, ni) or (nk, nj, ni)
        Parameters with halo; `eos` has shape (n,).
    shapes : dict of str to tuple of int
        Shapes in which the parameters were given.

    Raises
    ------
    InputError
        For an unknown name, a wrong shape, or a value over water outside its bounds.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"parameters: needs a dictionary such as {{'nu_h': 500.0}}, got {reprlib.repr(values)}")
    for name in values:
        if name != "eos" and name not in PARAMETERS:
            raise InputError(f"unknown parameter {name!r}: {suggestion(str(name), PARAMETERS)}")
    arrays = {"eos": coefficients(values, choices["equation_of_state"], choices["rho0"]).astype(grid.h_t.dtype)}
    shapes = {"eos": arrays["eos"].shape}
    for name, parameter in PARAMETERS.items():
        value = values.get(name, parameter.default)
        arrays[name], shapes[name] = build_parameter(name, parameter, value, horizontal, grid)
        if name in values and arrays[name].any():
            warn_of_no_effect(name, parameter, choices)
    return arrays, shapes


def build_parameter(
    name: str, parameter: Parameter, given: Values, horizontal: HorizontalGrid, grid: Grid
) -> tuple[Array, tuple[int, ...]]:
    """Build the array of one parameter.

    Parameters
    ----------
    name : str
        Name of the parameter.
    parameter : Parameter
        Its description.
    given : float, array_like or callable
        Its values. Missing values on land get the default.
    horizontal : HorizontalGrid
        Horizontal grid.
    grid : Grid
        Grid with halo.

    Returns
    -------
    array : ndarray, shape (1, nj, ni) or (nk, nj, ni)
        The parameter with halo.
    shape : tuple of int
        Shape in which it was given.

    Raises
    ------
    InputError
        For a wrong shape, or a value over water outside its bounds.
    """
    wet, z = interior(grid.mask_t) == 1, interior(grid.z_t)
    heights = None if not parameter.layers else z + 0.5 * interior(grid.h_t) if name in AT_THE_TOPS else z
    value = sample(name, given, horizontal.points(z=heights))
    profile = value[:, None, None] if value.ndim == 1 else value
    layers = np.broadcast_to(profile, (len(profile) if profile.ndim == 3 else 1, *horizontal.shape))
    bad = ~(np.isfinite(layers) & (layers >= parameter.lower) & (layers <= parameter.upper))
    if (bad & (wet if len(layers) > 1 else wet[0])).any():
        wrong = layers[bad & (wet if len(layers) > 1 else wet[0])][0]
        raise InputError(
            f"{name}: {wrong} {parameter.units} lies outside {parameter.lower} to {parameter.upper}; "
            f"it is the {parameter.description}"
        )
    layers = np.where(bad, parameter.default, layers).astype(grid.h_t.dtype)
    array = np.ascontiguousarray(add_halo(layers, grid.periodic, edge=True))
    exchange(grid, array)
    return array, value.shape


def coefficients(values: Mapping[str, Values], equation_of_state: str, rho0: float) -> Array:
    """Return the coefficients (n,) of the equation of state, `values["eos"]` where it is given.

    Raises InputError where they do not fit.
    """
    known = default_coefficients(equation_of_state, rho0)
    eos = as_array("eos", values.get("eos", known))
    if eos.shape != known.shape:
        raise InputError(f"eos: {equation_of_state} takes {len(known)} coefficients, got shape {eos.shape}")
    if not np.isfinite(eos).all():
        n = int(np.argmin(np.isfinite(eos)))
        raise InputError(f"eos: coefficient {n} is {eos[n]}; give finite ones")
    return eos


def warn_of_no_effect(name: str, parameter: Parameter, choices: Mapping[str, Any]) -> None:
    """Warn of a parameter that was given but has no effect with the numerical choices."""
    for choice, needed in parameter.needs.items():
        if choices["dynamics"] != "none" and choices[choice] not in needed:
            known = " or ".join(map(repr, needed))
            warnings.warn(f"{name}: has no effect with {choice} = {choices[choice]!r}, only with {known}", stacklevel=4)
            return
