"""Numbers and pictures' worth of a state: energies, contents, streamfunctions, transports.

Pure functions of a model, computed with NumPy in float64 on the interior, from the moving layers
h = h_t (1 + eta/H); a sum is NumPy's pairwise one, so it is the same for any number of threads.
`DIAGNOSTICS` is what a run writes as time series next to its fields; each entry says its units
and its dimensions ("y", "x" for T points, "y_f", "x_f" for the far faces, "z_w" for interfaces).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE, Points
from ogcm.regions import nearest_face, within

Array = np.ndarray


def interior_float64(a: Array) -> Array:
    """The interior of `a` in float64."""
    return interior(a).astype(np.float64)


def wet_area(model: Model) -> Array:
    """Area of the sea surface in each column (ny, nx) [m2], 0 on land."""
    return interior_float64(model.grid.area_t) * interior(model.grid.mask_t)[0]


# Layers and transports


def stretching(model: Model) -> Array:
    """Thickness of the moving layers relative to the resting ones (ny, nx) [1]."""
    g = model.grid
    return 1 + float(g.nonlinear) * interior_float64(model.state.eta) / interior_float64(g.depth_t)


def thickness(model: Model) -> Array:
    """Thickness of the moving layers at T points (nk, ny, nx) [m], 0 on land."""
    return interior_float64(model.grid.h_t) * stretching(model)


def height(model: Model) -> Array:
    """Height of the moving cell centres (nk, ny, nx) [m], as the pressure gradient sees it."""
    g = model.grid
    return interior_float64(g.z_t) * stretching(model) + float(g.nonlinear) * interior_float64(model.state.eta)


def cell_volume(model: Model) -> Array:
    """Volume of the moving cells (nk, ny, nx) [m3]."""
    return thickness(model) * interior_float64(model.grid.area_t)


def transports(model: Model) -> tuple[Array, Array]:
    """Volume transports through the east and north faces of the cells (nk, ny, nx) [m3 s-1].

    Those of `ogcm.operators.layers`, in float64.
    """
    g, s = model.grid, model.state
    nonlinear = float(g.nonlinear)
    weighted = s.eta.astype(np.float64) * g.area_t
    east = 0.5 * (weighted + np.roll(weighted, -1, 1)) / g.area_u
    north = 0.5 * (weighted + np.roll(weighted, -1, 0)) / g.area_v
    U = (1 + nonlinear * east / g.depth_u) * s.u * g.mask_u * g.dy_u * g.h_u
    V = (1 + nonlinear * north / g.depth_v) * s.v * g.mask_v * g.dx_v * g.h_v
    return interior_float64(U), interior_float64(V)


# Totals and means


def volume(model: Model) -> float:
    """Volume of the water [m3]."""
    return float(cell_volume(model).sum())


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
    return float(model.numerics.heat_per_volume * (cell_volume(model) * interior(model.state.T)).sum())


def salt_content(model: Model) -> float:
    """Salt content [kg]."""
    return float(model.numerics.rho0 * 1e-3 * (cell_volume(model) * interior(model.state.S)).sum())


def mean_eta(model: Model) -> float:
    """Area mean of the sea surface height [m]."""
    area = wet_area(model)
    return float((area * interior(model.state.eta)).sum() / area.sum())


def largest_speed(model: Model) -> float:
    """The largest velocity component [m s-1]."""
    return float(max(np.abs(interior(model.state.u)).max(), np.abs(interior(model.state.v)).max()))


# Energy


def kinetic_energy(model: Model) -> float:
    """Kinetic energy of the horizontal flow [J]: of each cell the mean of its faces', as the model's K is."""
    u2, v2 = model.state.u.astype(np.float64) ** 2, model.state.v.astype(np.float64) ** 2
    K = 0.25 * (u2 + np.roll(u2, 1, -1) + v2 + np.roll(v2, 1, -2))
    return float(model.numerics.rho0 * (cell_volume(model) * interior(K)).sum())


def mean_kinetic_energy(model: Model) -> float:
    """Kinetic energy in a cubic metre of water [J m-3]."""
    return kinetic_energy(model) / volume(model)


def surface_energy(model: Model) -> float:
    """Potential energy of the displaced surface [J]."""
    weight = 0.5 * model.numerics.rho0 * model.numerics.gravity
    return float(weight * (wet_area(model) * interior_float64(model.state.eta) ** 2).sum())


def potential_density(model: Model) -> Array:
    """Density at the surface (nk, ny, nx) [kg m-3] by the model's own equation of state; rho0 without one."""
    equation, s = model.numerics.equation_of_state, model.state
    b = np.zeros_like(s.T)
    if equation != "none":
        g = model.grid
        at_surface = Points(np.zeros_like(g.z_t), g.mask_t, g.gravity, g.rho0)
        EQUATIONS_OF_STATE[equation].buoyancy(s.T, s.S, model.parameters["eos"], at_surface, b)
    return model.numerics.rho0 * (1 - interior_float64(b) / model.numerics.gravity)


def potential_energy(model: Model) -> float:
    """Gravitational energy [J]: g (potential density - rho0) z over the water, and that of the surface."""
    anomaly = potential_density(model) - model.numerics.rho0
    energy = model.numerics.gravity * (cell_volume(model) * anomaly * height(model)).sum()
    return float(energy) + surface_energy(model)


def available_potential_energy(model: Model) -> float:
    """Gravitational energy above that of the same water sorted by density in the same basin [J].

    Winters et al. (1995, doi 10.1017/S002211209500125X), with potential density and the resting basin's true
    hypsometry; the energy of the surface included.
    """
    g = model.grid
    wet = interior(g.mask_t) == 1
    cells, anomaly = cell_volume(model)[wet], (potential_density(model) - model.numerics.rho0)[wet]
    area = np.broadcast_to(interior_float64(g.area_t), wet.shape)[wet]
    centre, half = interior_float64(g.z_t)[wet], 0.5 * interior_float64(g.h_t)[wet]
    # The basin as a vessel filled from below: area(z), then volume and first moment at each level z.
    z, where = np.unique(np.round(np.concatenate([centre - half, centre + half]), 6), return_inverse=True)
    widening = np.bincount(where, np.concatenate([area, -area]))
    across = np.cumsum(widening)[:-1]
    filled = np.concatenate([[0.0], np.cumsum(across * np.diff(z))])
    moment = np.concatenate([[0.0], np.cumsum(across * np.diff(z**2) / 2)])

    heavy_first = np.argsort(-anomaly, kind="stable")
    bounds = np.concatenate([[0.0], np.cumsum(cells[heavy_first])])
    bounds *= filled[-1] / bounds[-1]
    level = np.clip(np.searchsorted(filled, bounds, side="right") - 1, 0, len(across) - 1)
    rest = bounds - filled[level]
    moments = moment[level] + z[level] * rest + 0.5 * rest**2 / across[level]
    sorted_energy = model.numerics.gravity * (anomaly[heavy_first] * np.diff(moments)).sum()
    present = model.numerics.gravity * (cells * anomaly * height(model)[wet]).sum()
    return float(present - sorted_energy) + surface_energy(model)


# Circulation


def barotropic_streamfunction(model: Model) -> Array:
    """psi at F points (ny, nx) [m3 s-1], U = -dpsi/dy, 0 along the southern boundary.

    The transport through a meridional section is psi to its south less psi to its north; V = dpsi/dx
    as far as the surface is steady.
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


def section_transport(
    model: Model,
    *,
    i: int | None = None,
    j: int | None = None,
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> float:
    """Eastward transport through the east faces of column `i` in `rows`, or northward through the north faces
    of row `j` in `columns` [m3 s-1]. Raises InputError unless one of `i`, `j` is given.
    """
    if (i is None) == (j is None):
        raise InputError("section_transport: give either i (a meridional section) or j (a zonal one)")
    U, V = transports(model)
    return float(U[:, rows, i].sum() if j is None else V[:, j, columns].sum())


def strait_transport(
    model: Model,
    *,
    x: float | tuple[float, float],
    y: float | tuple[float, float],
) -> float:
    """Transport through a strait given by coordinates [degrees or m, those of the grid], [m3 s-1].

    One of x, y is a number, the other the range of the strait: eastward for x = -66, y = (-70, -54), Drake
    Passage; northward for a number y. The nearest faces are taken; longitudes may differ by 360. Raises InputError
    for two numbers or ranges, a section outside the grid and a range of longitudes that does not go eastward.
    """
    if np.ndim(x) + np.ndim(y) != 1:
        raise InputError("strait_transport: give one of x, y as a number and the other as a range (from, to)")
    h = model.horizontal
    U, V = transports(model)
    at: Any = x if np.ndim(x) == 0 else y
    along: Any = y if np.ndim(x) == 0 else x
    if np.ndim(x) == 0:
        return float(U[:, within(h, "y", h.y_t, along), nearest_face(h, "x", at)].sum())
    return float(V[:, nearest_face(h, "y", at), within(h, "x", h.x_t, along)].sum())


def vorticity(model: Model) -> Array:
    """Relative vorticity at F points (nk, ny, nx) [s-1]; along walls 0 (free slip) or twice the shear (no slip)."""
    g, s = model.grid, model.state
    u_dx, v_dy = s.u.astype(np.float64) * g.dx_u, s.v.astype(np.float64) * g.dy_v
    curl = np.roll(v_dy, -1, -1) - v_dy - np.roll(u_dx, -1, -2) + u_dx
    return interior(g.mask_f * curl / g.area_f)


def enstrophy(model: Model) -> float:
    """Half the squared relative vorticity over the water [m3 s-2]."""
    g = model.grid
    return float(0.5 * (interior_float64(g.area_f) * interior_float64(g.h_f) * vorticity(model) ** 2).sum())


def vertical_velocity(model: Model) -> Array:
    """Upward velocity through the tops of the moving cells (nk, ny, nx) [m s-1], that of `layers.continuity`."""
    g = model.grid
    U, V = transports(model)
    west = np.roll(U, 1, -1) if model.horizontal.periodic_x else np.pad(U, ((0, 0), (0, 0), (1, 0)))[..., :-1]
    south = np.roll(V, 1, -2) if model.horizontal.periodic_y else np.pad(V, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    gain = -(U - west + V - south)
    nonlinear, fresh = float(g.nonlinear), interior_float64(model.forcing.at(model.state.time).fresh_water)
    swelling = nonlinear * (gain.sum(axis=0) + wet_area(model) * fresh) / interior_float64(g.depth_t)
    upward = np.cumsum((gain - interior_float64(g.h_t) * swelling)[::-1], axis=0)[::-1]
    upward[0] *= 1 - nonlinear  # the moving surface lets rain through, but no flow
    return upward / interior_float64(g.area_t)


def mixed_layer_depth(model: Model, threshold: float = 0.03) -> Array:
    """Depth (ny, nx) [m] where potential density exceeds that of the first layer by `threshold` [kg m-3].

    Linear between cell centres; the whole column where nothing is so heavy; 0 on land. de Boyer Montegut
    et al. (2004, doi 10.1029/2004JC002378), who start from 10 m.
    """
    rho, h = potential_density(model), thickness(model)
    wet = interior(model.grid.mask_t) == 1
    depth = np.cumsum(h, axis=0) - 0.5 * h
    excess = rho - rho[:1] - threshold
    heavy = (excess >= 0) & wet
    k = np.maximum(heavy.argmax(axis=0), 1)[None] if len(h) > 1 else np.zeros((1, *h.shape[1:]), int)
    here, above = (np.take_along_axis(excess, n, 0)[0] for n in (k, np.maximum(k - 1, 0)))
    low, high = (np.take_along_axis(depth, n, 0)[0] for n in (k, np.maximum(k - 1, 0)))
    found = heavy.any(axis=0)
    share = np.where(found, here, 0) / np.where(found, here - above, 1)
    return np.where(found, low - share * (low - high), h.sum(axis=0))


class Diagnostic(NamedTuple):
    """A series that a run writes: how it is computed, its units, name and dimensions."""

    function: Callable[[Model], float | Array]
    units: str
    long_name: str
    dims: tuple[str, ...] = ()
    tracers: bool = False  # makes sense only where there are tracers


DIAGNOSTICS = {
    "kinetic_energy": Diagnostic(kinetic_energy, "J", "kinetic energy"),
    "mean_kinetic_energy": Diagnostic(mean_kinetic_energy, "J m-3", "mean kinetic energy"),
    "surface_energy": Diagnostic(surface_energy, "J", "potential energy of the surface"),
    "potential_energy": Diagnostic(potential_energy, "J", "gravitational energy", tracers=True),
    "available_potential_energy": Diagnostic(
        available_potential_energy, "J", "available potential energy", tracers=True
    ),
    "enstrophy": Diagnostic(enstrophy, "m3 s-2", "enstrophy"),
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
    "mixed_layer_depth": Diagnostic(mixed_layer_depth, "m", "mixed layer depth", ("y", "x"), tracers=True),
}


def available_diagnostics(model: Model) -> dict[str, Diagnostic]:
    """The diagnostics that make sense for this model."""
    return {name: d for name, d in DIAGNOSTICS.items() if model.numerics.has_tracers or not d.tracers}


def diagnose(model: Model) -> dict[str, float | Array]:
    """All diagnostics of the present state by name."""
    return {name: d.function(model) for name, d in available_diagnostics(model).items()}
