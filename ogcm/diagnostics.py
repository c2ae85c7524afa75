"""Numbers and pictures' worth of a state: energies, contents, streamfunctions, transports.

Everything is computed with NumPy on the interior from the moving layers h = h_t (1 + eta/H).
`DIAGNOSTICS` is what a run writes as time series next to its fields; each entry says its units
and its dimensions ("y", "x" for T points, "y_f", "x_f" for the far faces, "z_w" for interfaces).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.operators.equation_of_state import density

Array = np.ndarray


def thickness(model: Model) -> Array:
    """Thickness of the moving layers at T points (nk, ny, nx) [m], 0 on land."""
    g = model.grid
    return interior(g.h_t) * (1 + g.nonlinear[0] * interior(model.state.eta) / interior(g.depth_t))


def cell_volume(model: Model) -> Array:
    """Volume of the moving cells (nk, ny, nx) [m3]."""
    return thickness(model) * interior(model.grid.area_t)


def volume(model: Model) -> float:
    """Volume of the water [m3]."""
    return float(cell_volume(model).sum())


def transports(model: Model) -> tuple[Array, Array]:
    """Volume transports through the east and north faces of the cells (nk, ny, nx) [m3 s-1]."""
    g, s = model.grid, model.state
    east = 0.5 * (s.eta * g.area_t + np.roll(s.eta * g.area_t, -1, 1)) / g.area_u
    north = 0.5 * (s.eta * g.area_t + np.roll(s.eta * g.area_t, -1, 0)) / g.area_v
    U = s.u * g.dy_u * g.h_u * (1 + g.nonlinear[0] * east / g.depth_u)
    V = s.v * g.dx_v * g.h_v * (1 + g.nonlinear[0] * north / g.depth_v)
    return interior(U), interior(V)


def kinetic_energy(model: Model) -> float:
    """Kinetic energy of the horizontal flow [J]."""
    g, s = model.grid, model.state
    u2 = 0.5 * (s.u**2 + np.roll(s.u, 1, -1) ** 2)
    v2 = 0.5 * (s.v**2 + np.roll(s.v, 1, -2) ** 2)
    return float(0.5 * RHO0 * (cell_volume(model) * interior(u2 + v2)).sum())


def surface_energy(model: Model) -> float:
    """Potential energy of the displaced surface [J]."""
    area = interior(model.grid.area_t) * interior(model.grid.mask_t)[0]
    return float(0.5 * RHO0 * GRAVITY * (area * interior(model.state.eta) ** 2).sum())


def mean_T(model: Model) -> float:
    """Volume mean of the temperature [degC]."""
    cells = cell_volume(model)
    return float((cells * interior(model.state.T)).sum() / cells.sum())


def mean_S(model: Model) -> float:
    """Volume mean of the salinity [g kg-1]."""
    cells = cell_volume(model)
    return float((cells * interior(model.state.S)).sum() / cells.sum())


def heat_content(model: Model) -> float:
    """Heat content relative to 0 degC [J]."""
    return float(RHO0 * HEAT_CAPACITY * (cell_volume(model) * interior(model.state.T)).sum())


def salt_content(model: Model) -> float:
    """Salt content [kg]."""
    return float(RHO0 * 1e-3 * (cell_volume(model) * interior(model.state.S)).sum())


def mean_eta(model: Model) -> float:
    """Area mean of the sea surface height [m]."""
    area = interior(model.grid.area_t) * interior(model.grid.mask_t)[0]
    return float((area * interior(model.state.eta)).sum() / area.sum())


def largest_speed(model: Model) -> float:
    """The largest velocity component [m s-1]."""
    return float(max(np.abs(interior(model.state.u)).max(), np.abs(interior(model.state.v)).max()))


def barotropic_streamfunction(model: Model) -> Array:
    """psi at F points (ny, nx) [m3 s-1], U = -dpsi/dy, 0 along the southern boundary.

    The transport through a meridional section is psi to its south less psi to its north.
    """
    U, _ = transports(model)
    return -np.cumsum(U.sum(axis=0), axis=0)


def overturning(model: Model) -> Array:
    """Meridional overturning at the interfaces and the north faces of the rows (nk + 1, ny) [m3 s-1].

    The northward transport above each interface: positive where the upper ocean flows north. The value at the
    bottom is the net transport, which only moves the surface.
    """
    _, V = transports(model)
    rows = V.sum(axis=2)
    return np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])


def zonal_transport(model: Model) -> Array:
    """Eastward transport through each meridional section, summed over depth and rows (nx,) [m3 s-1]."""
    U, _ = transports(model)
    return U.sum(axis=(0, 1))


def section_transport(model: Model, *, i: int, rows: slice = slice(None)) -> float:
    """Eastward transport through the east faces of column `i` in `rows` [m3 s-1]."""
    U, _ = transports(model)
    return float(U[:, rows, i].sum())


def vorticity(model: Model) -> Array:
    """Relative vorticity at F points (nk, ny, nx) [s-1]; 0 along walls."""
    g, s = model.grid, model.state
    along_x = np.roll(s.v * g.dy_v, -1, -1) - s.v * g.dy_v
    along_y = np.roll(s.u * g.dx_u, -1, -2) - s.u * g.dx_u
    return interior((g.mask_f == 1) * (along_x - along_y) / g.area_f)


def vertical_velocity(model: Model) -> Array:
    """Upward velocity through the tops of the moving cells (nk, ny, nx) [m s-1]."""
    U, V = transports(model)
    west = np.roll(U, 1, -1) if model.horizontal.periodic_x else np.pad(U, ((0, 0), (0, 0), (1, 0)))[..., :-1]
    south = np.roll(V, 1, -2) if model.horizontal.periodic_y else np.pad(V, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    gain = -(U - west + V - south)
    share = interior(model.grid.h_t) / interior(model.grid.depth_t) * model.grid.nonlinear[0]
    swelling = share * gain.sum(axis=0)
    upward = np.cumsum((gain - swelling)[::-1], axis=0)[::-1]
    return upward / interior(model.grid.area_t)


def mixed_layer_depth(model: Model, threshold: float = 0.03) -> Array:
    """Depth (ny, nx) [m] where potential density exceeds that of the first layer by `threshold` [kg m-3].

    de Boyer Montegut et al. (2004, doi 10.1029/2004JC002378), without their 10 m reference level.
    """
    s, equation = model.state, model.numerics.equation_of_state
    T, S = interior(s.T), interior(s.S)
    rho = density(T, S, np.zeros_like(T), equation)
    light = (rho - rho[:1] < threshold) & (interior(model.grid.mask_t) == 1)
    mixed = np.cumprod(light, axis=0)
    return (thickness(model) * mixed).sum(axis=0)


class Diagnostic(NamedTuple):
    """A series that a run writes: how it is computed, its units, name and dimensions."""

    function: Callable[[Model], float | Array]
    units: str
    long_name: str
    dims: tuple[str, ...] = ()
    tracers: bool = False  # makes sense only where there are tracers


DIAGNOSTICS = {
    "kinetic_energy": Diagnostic(kinetic_energy, "J", "kinetic energy"),
    "surface_energy": Diagnostic(surface_energy, "J", "potential energy of the surface"),
    "volume": Diagnostic(volume, "m3", "volume of the water"),
    "mean_eta": Diagnostic(mean_eta, "m", "mean sea surface height"),
    "largest_speed": Diagnostic(largest_speed, "m s-1", "largest velocity component"),
    "mean_T": Diagnostic(mean_T, "degC", "mean temperature", tracers=True),
    "mean_S": Diagnostic(mean_S, "g kg-1", "mean salinity", tracers=True),
    "heat_content": Diagnostic(heat_content, "J", "heat content", tracers=True),
    "salt_content": Diagnostic(salt_content, "kg", "salt content", tracers=True),
    "psi": Diagnostic(barotropic_streamfunction, "m3 s-1", "barotropic streamfunction", ("y_f", "x_f")),
    "overturning": Diagnostic(overturning, "m3 s-1", "meridional overturning streamfunction", ("z_w", "y_f")),
    "zonal_transport": Diagnostic(zonal_transport, "m3 s-1", "eastward transport", ("x_f",)),
}


def chosen(model: Model) -> dict[str, Diagnostic]:
    """The diagnostics that make sense for this model."""
    return {name: d for name, d in DIAGNOSTICS.items() if model.numerics.has_tracers or not d.tracers}


def diagnose(model: Model) -> dict[str, float | Array]:
    """All diagnostics of the present state by name."""
    return {name: d.function(model) for name, d in chosen(model).items()}
