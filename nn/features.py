"""What a network sees of the ocean: local quantities at T points, each kernel with its adjoint below it.

    velocity            u, v                mean of the two faces [m s-1]
    T, S, eta                               as they are
    T_gradient          T_x, T_y            mean of the differences at the two faces [K m-1]; S_gradient, eta_gradient
    strain              D_T, D_S            tension, and the mean of the shear at the four corners [s-1]
    vorticity           zeta                mean of the four corners [s-1]
    strain_squared      D_T^2 + D_S^2       [s-2], the mean of the squares of D_S at the four corners
    N2                                      squared buoyancy frequency of the top of the cell [s-2]
    wind                tau_x, tau_y        mean of the two faces [N m-2]
    surface             heat_flux, fresh_water, T_star rate_T, S_star rate_S  what comes through the surface
    place               f, depth, coast, dx, dy   Coriolis parameter, depth, distance to the coast, spacing
    height              z, h                of the resting cell: its centre, its thickness [m]

A stencil of neighbours (see `nn.corrector`) makes higher differences of them. A feature is 0 on land, whatever stands
there. velocity apart, they are the same to an observer who moves along (Galilean invariance); SCALARS are also
the same to one who has turned.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import prange
from scipy.ndimage import distance_transform_edt

from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.operators.viscosity import strained_ad
from adjoint.stepper import Gradient
from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point
from ogcm.forcing import Fluxes
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.friction import shear, tension
from ogcm.operators.momentum_advection import vorticity
from ogcm.operators.tracer_advection import through
from ogcm.operators.viscosity import strain_squared
from ogcm.state import State

Array = np.ndarray


# Means of the faces


@kernel
def at_centres(u, v, grid, u_t, v_t):
    """u_t = (u_{i-1} + u_i)/2 and v_t = (v_{j-1} + v_j)/2 (nk, nj, ni) at T points; 0 on land."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_t[k, j, i] = through(grid.mask_t[k, j, i], HALF * (u[k, j, i - ONE] + u[k, j, i]))
                v_t[k, j, i] = through(grid.mask_t[k, j, i], HALF * (v[k, j - 1, i] + v[k, j, i]))


@kernel
def at_centres_ad(u, v, grid, u_t_ad, v_t_ad, u_ad, v_ad):
    """u_ad_i += (u_t_ad_i + u_t_ad_{i+1})/2 of the wet cells, v_ad likewise. Linear."""
    nk, nj, ni = u_t_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, east = grid.mask_t[k, j, i], grid.mask_t[k, j, i + ONE]
                u_ad[k, j, i] += HALF * (here * u_t_ad[k, j, i] + east * u_t_ad[k, j, i + ONE])
                v_ad[k, j, i] += HALF * (here * v_t_ad[k, j, i] + grid.mask_t[k, j + 1, i] * v_t_ad[k, j + 1, i])


# Gradients


@point
def slope_x(T, grid, k, j, i):
    """dT/dx at a U point; 0 at the coast."""
    return through(grid.mask_u[k, j, i], (T[k, j, i + ONE] - T[k, j, i]) * grid.r_dx_u[j, i])


@point
def slope_y(T, grid, k, j, i):
    return through(grid.mask_v[k, j, i], (T[k, j + 1, i] - T[k, j, i]) * grid.r_dy_v[j, i])


@kernel
def centred_gradient(T, grid, T_x, T_y):
    """T_x = (dT/dx_{i-1/2} + dT/dx_{i+1/2})/2 at T points (nk, nj, ni), T_y likewise."""
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T_x[k, j, i] = HALF * (slope_x(T, grid, k, j, i - ONE) + slope_x(T, grid, k, j, i))
                T_y[k, j, i] = HALF * (slope_y(T, grid, k, j - 1, i) + slope_y(T, grid, k, j, i))


@point
def slope_x_ad(T_x_ad, grid, k, j, i):
    """What the slope at a U point passed on, over dx."""
    both = HALF * (T_x_ad[k, j, i] + T_x_ad[k, j, i + ONE])
    return through(grid.mask_u[k, j, i], both * grid.r_dx_u[j, i])


@point
def slope_y_ad(T_y_ad, grid, k, j, i):
    both = HALF * (T_y_ad[k, j, i] + T_y_ad[k, j + 1, i])
    return through(grid.mask_v[k, j, i], both * grid.r_dy_v[j, i])


@kernel
def centred_gradient_ad(T, grid, T_x_ad, T_y_ad, T_ad):
    """T_ad_i += P_{i-1} - P_i, P = (T_x_ad_i + T_x_ad_{i+1})/(2 dx) of the open faces; along y likewise. Linear."""
    nk, nj, ni = T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x = slope_x_ad(T_x_ad, grid, k, j, i - ONE) - slope_x_ad(T_x_ad, grid, k, j, i)
                along_y = slope_y_ad(T_y_ad, grid, k, j - 1, i) - slope_y_ad(T_y_ad, grid, k, j, i)
                T_ad[k, j, i] += along_x + along_y


@kernel
def rates_of_strain(u, v, grid, D_T, D_S):
    """Tension, and the mean of the shear at the four corners (nk, nj, ni) [s-1]; 0 on land."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                wet, w, s = grid.mask_t[k, j, i], i - ONE, j - 1
                D_T[k, j, i] = through(wet, tension(u, v, grid, k, j, i))
                west = shear(u, v, grid, k, j, w) + shear(u, v, grid, k, s, w)
                east = shear(u, v, grid, k, j, i) + shear(u, v, grid, k, s, i)
                D_S[k, j, i] = through(wet, QUARTER * (west + east))


@point
def at_corner(a, grid, k, j, i):
    """mask_f times the mean of the four wet cells around an F point, land as 0: what the corner passed on."""
    t = grid.mask_t
    along = t[k, j, i] * a[k, j, i] + t[k, j + 1, i + ONE] * a[k, j + 1, i + ONE]
    across = t[k, j, i + ONE] * a[k, j, i + ONE] + t[k, j + 1, i] * a[k, j + 1, i]
    return grid.mask_f[k, j, i] * QUARTER * (along + across)


@kernel
def rates_of_strain_ad(u, v, grid, D_T_ad, D_S_ad, u_ad, v_ad):
    """With A = D_T_ad at T, B the masked mean of D_S_ad at F. Linear.

    u_ad_i += (A_i dy/dx_i - A_{i+1} dy/dx_{i+1})/dy_u + (B_{j-1} dx/dy - B_j dx/dy)/dx_u
    v_ad_j -= (A_j dx/dy_j - A_{j+1} dx/dy_{j+1})/dx_v - (B_{i-1} dy/dx - B_i dy/dx)/dy_v
    """
    nk, nj, ni = D_T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                w, e, s, n = i - ONE, i + ONE, j - 1, j + 1  # towards the four winds
                here = grid.mask_t[k, j, i] * D_T_ad[k, j, i]
                east = grid.mask_t[k, j, e] * D_T_ad[k, j, e] * grid.dy_t[j, e] * grid.r_dx_t[j, e]
                north = grid.mask_t[k, n, i] * D_T_ad[k, n, i] * grid.dx_t[n, i] * grid.r_dy_t[n, i]
                B, B_south, B_west = (
                    at_corner(D_S_ad, grid, k, j, i),
                    at_corner(D_S_ad, grid, k, s, i),
                    at_corner(D_S_ad, grid, k, j, w),
                )
                across = here * grid.dy_t[j, i] * grid.r_dx_t[j, i] - east
                along = B_south * grid.dx_f[s, i] * grid.r_dy_f[s, i] - B * grid.dx_f[j, i] * grid.r_dy_f[j, i]
                u_ad[k, j, i] += across * grid.r_dy_u[j, i] + along * grid.r_dx_u[j, i]
                across = here * grid.dx_t[j, i] * grid.r_dy_t[j, i] - north
                along = B_west * grid.dy_f[j, w] * grid.r_dx_f[j, w] - B * grid.dy_f[j, i] * grid.r_dx_f[j, i]
                v_ad[k, j, i] += along * grid.r_dy_v[j, i] - across * grid.r_dx_v[j, i]


@kernel
def mean_vorticity(u, v, grid, zeta):
    """Mean of the vorticity at the four corners (nk, nj, ni) [s-1]; 0 on land."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                west = vorticity(u, v, grid, k, j, i - ONE) + vorticity(u, v, grid, k, j - 1, i - ONE)
                east = vorticity(u, v, grid, k, j, i) + vorticity(u, v, grid, k, j - 1, i)
                zeta[k, j, i] = through(grid.mask_t[k, j, i], QUARTER * (west + east))


@kernel
def mean_vorticity_ad(u, v, grid, zeta_ad, u_ad, v_ad):
    """u_ad_j += dx_u (Z_j - Z_{j-1}), v_ad_i += dy_v (Z_{i-1} - Z_i), Z the masked mean of zeta_ad/area_f. Linear."""
    nk, nj, ni = zeta_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = at_corner(zeta_ad, grid, k, j, i) * grid.r_area_f[j, i]
                south = at_corner(zeta_ad, grid, k, j - 1, i) * grid.r_area_f[j - 1, i]
                west = at_corner(zeta_ad, grid, k, j, i - ONE) * grid.r_area_f[j, i - ONE]
                u_ad[k, j, i] += grid.dx_u[j, i] * (here - south)
                v_ad[k, j, i] += grid.dy_v[j, i] * (west - here)


@kernel
def squared_strain(u, v, grid, square):
    """|D|^2 = D_T^2 + mean of D_S^2 at the four corners (nk, nj, ni) [s-2]; 0 on land."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                square[k, j, i] = through(grid.mask_t[k, j, i], strain_squared(u, v, grid, k, j, i))


@kernel
def twice(square_ad, grid, w):
    """w = 2 square_ad of the wet cells, halo included."""
    nk, nj, ni = square_ad.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                w[k, j, i] = grid.mask_t[k, j, i] * (square_ad[k, j, i] + square_ad[k, j, i])


def squared_strain_ad(u, v, grid, square_ad, u_ad, v_ad):
    """D_T_ad = 2 square_ad D_T, D_S_ad = 2 square_ad D_S/4 of each corner, then as `strained_ad` of the viscosity."""
    w = np.empty_like(square_ad)
    twice(square_ad, grid, w)
    strained_ad(w, u, v, grid, u_ad, v_ad)


# Normalisation


@kernel
def normalise(mean, r_deviation, layers, grid, F):
    """F = (F - mean) r_deviation of each row (rows, nj, ni), whose mask is that of its layer; 0 on land."""
    rows, nj, ni = F.shape
    for j in prange(HALO, nj - HALO):
        for n in range(rows):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                F[n, j, i] = through(grid.mask_t[layers[n], j, i], (F[n, j, i] - mean[n]) * r_deviation[n])


# The features: `forward(model, n, fluxes, *out)` and `backward(model, n, fluxes, *out_ad, gradient)`, with out
# (levels, nj, ni) and out_ad with its halo filled.


class Feature(NamedTuple):
    """One line of the table above: its components with their units, their layers, and the two directions."""

    components: dict[str, str]
    layered: bool  # one value for each layer, or for the column
    forward: Callable
    backward: Callable | None  # None: it does not depend on what is differentiated
    tracers: bool = False  # only where the model has them


def wind(model: Model, _: State, fluxes: Fluxes, x: Array, y: Array) -> None:
    at_centres(fluxes.tau_x[None], fluxes.tau_y[None], model.grid, x, y)


def wind_back(model: Model, _: State, fluxes: Fluxes, x_ad: Array, y_ad: Array, gradient: Gradient) -> None:
    stress, stress_ad = (fluxes.tau_x[None], fluxes.tau_y[None]), (gradient.fluxes.tau_x, gradient.fluxes.tau_y)
    at_centres_ad(*stress, model.grid, x_ad, y_ad, *(a[None] for a in stress_ad))


def as_layers(a: Array) -> Array:
    """(levels, nj, ni), of a map too."""
    return a if a.ndim == 3 else a[None]


def wet(model: Model, a: Array) -> Array:
    """The field with 0 on land."""
    return np.where(model.grid.mask_t[: len(a)], a, a.dtype.type(0))


def itself(name: str) -> tuple[Callable, Callable]:
    """The two directions of a field of the state."""

    def forward(model: Model, n: State, _: Fluxes, out: Array) -> None:
        out[...] = wet(model, as_layers(getattr(n, name)))

    def backward(model: Model, _n: State, _: Fluxes, out_ad: Array, gradient: Gradient) -> None:
        as_layers(getattr(gradient.state, name))[...] += wet(model, out_ad)

    return forward, backward


def gradient_of(name: str) -> tuple[Callable, Callable]:
    """The two directions of its horizontal gradient."""

    def forward(model: Model, n: State, _: Fluxes, x: Array, y: Array) -> None:
        centred_gradient(as_layers(getattr(n, name)), model.grid, x, y)

    def backward(model: Model, n: State, _: Fluxes, x_ad: Array, y_ad: Array, gradient: Gradient) -> None:
        T, T_ad = as_layers(getattr(n, name)), as_layers(getattr(gradient.state, name))
        centred_gradient_ad(T, model.grid, x_ad, y_ad, T_ad)

    return forward, backward


def of_flow(kernel: Callable, kernel_ad: Callable) -> tuple[Callable, Callable]:
    """The two directions of what a pair of kernels makes of u and v."""

    def forward(model: Model, n: State, _: Fluxes, *out: Array) -> None:
        kernel(n.u, n.v, model.grid, *out)

    def backward(model: Model, n: State, _: Fluxes, *out_ad_and_gradient) -> None:
        *out_ad, gradient = out_ad_and_gradient
        kernel_ad(n.u, n.v, model.grid, *out_ad, gradient.state.u, gradient.state.v)

    return forward, backward


def stratification(model: Model, n: State, _: Fluxes, out: Array) -> None:
    equation, interfaces = model.numerics.equation_of_state, np.zeros((len(out) + 1, *out.shape[1:]), out.dtype)
    EQUATIONS_OF_STATE[equation].stratification(n.T, n.S, model.parameters["eos"], model.grid, interfaces)
    out[...] = interfaces[:-1]


def stratification_back(model: Model, n: State, _: Fluxes, out_ad: Array, gradient: Gradient) -> None:
    equation, eos = EQUATIONS_OF_STATE_AD[model.numerics.equation_of_state], model.parameters["eos"]
    N2_ad = np.concatenate([out_ad, np.zeros_like(out_ad[:1])])
    state_ad, eos_ad = gradient.state, gradient.parameters["eos"]
    equation.stratification(n.T, n.S, eos, model.grid, N2_ad, state_ad.T, state_ad.S, eos_ad)


def surface(model: Model, _: State, fluxes: Fluxes, *out: Array) -> None:
    values = (fluxes.heat_flux, fluxes.fresh_water, fluxes.T_star * fluxes.rate_T, fluxes.S_star * fluxes.rate_S)
    for a, value in zip(out, values, strict=True):
        a[...] = wet(model, value[None])


def surface_back(model: Model, _: State, fluxes: Fluxes, *out_ad_and_gradient) -> None:
    *out_ad, gradient = out_ad_and_gradient
    heat_ad, fresh_ad, T_ad, S_ad = (wet(model, a)[0] for a in out_ad)
    fluxes_ad = gradient.fluxes
    fluxes_ad.heat_flux[...] += heat_ad
    fluxes_ad.fresh_water[...] += fresh_ad
    for name, a in (("T", T_ad), ("S", S_ad)):
        getattr(fluxes_ad, f"{name}_star")[...] += a * getattr(fluxes, f"rate_{name}")
        getattr(fluxes_ad, f"rate_{name}")[...] += a * getattr(fluxes, f"{name}_star")


def coast(model: Model) -> Array:
    """Distance of each cell's centre to the nearest land or closed side (nj, ni) [cells], at most 10."""
    most = 10
    rows, columns = ("wrap" if periodic else "constant" for periodic in model.grid.periodic)
    water = np.pad(interior(model.grid.mask_t[0]), ((most, most), (0, 0)), mode=rows)
    water = np.pad(np.pad(water, ((0, 0), (most, most)), mode=columns), 1)
    distance = np.zeros(model.grid.depth_t.shape)
    interior(distance)[...] = np.minimum(distance_transform_edt(water), most)[
        most + 1 : -most - 1, most + 1 : -most - 1
    ]
    return distance


def place(model: Model, _: State, __: Fluxes, *out: Array) -> None:
    g = model.grid
    f = QUARTER * (g.f + np.roll(g.f, 1, 0) + np.roll(g.f, 1, 1) + np.roll(g.f, (1, 1), (0, 1)))
    for a, value in zip(out, (f, g.depth_t, coast(model), g.dx_t, g.dy_t), strict=True):
        a[...] = wet(model, value[None])


def height(model: Model, _: State, __: Fluxes, z: Array, h: Array) -> None:
    z[...], h[...] = wet(model, model.grid.z_t), model.grid.h_t


FEATURES = {
    "velocity": Feature({"u": "m s-1", "v": "m s-1"}, True, *of_flow(at_centres, at_centres_ad)),
    "T": Feature({"T": "degC"}, True, *itself("T"), tracers=True),
    "S": Feature({"S": "g kg-1"}, True, *itself("S"), tracers=True),
    "eta": Feature({"eta": "m"}, False, *itself("eta")),
    "T_gradient": Feature({"T_x": "K m-1", "T_y": "K m-1"}, True, *gradient_of("T"), tracers=True),
    "S_gradient": Feature({"S_x": "g kg-1 m-1", "S_y": "g kg-1 m-1"}, True, *gradient_of("S"), tracers=True),
    "eta_gradient": Feature({"eta_x": "1", "eta_y": "1"}, False, *gradient_of("eta")),
    "strain": Feature({"D_T": "s-1", "D_S": "s-1"}, True, *of_flow(rates_of_strain, rates_of_strain_ad)),
    "vorticity": Feature({"zeta": "s-1"}, True, *of_flow(mean_vorticity, mean_vorticity_ad)),
    "strain_squared": Feature({"strain_squared": "s-2"}, True, *of_flow(squared_strain, squared_strain_ad)),
    "N2": Feature({"N2": "s-2"}, True, stratification, stratification_back, tracers=True),
    "wind": Feature({"tau_x": "N m-2", "tau_y": "N m-2"}, False, wind, wind_back),
    "surface": Feature(
        {"heat_flux": "W m-2", "fresh_water": "m s-1", "T_restoring": "K m s-1", "S_restoring": "g kg-1 m s-1"},
        False, surface, surface_back,
    ),
    "place": Feature({"f": "s-1", "depth": "m", "coast": "1", "dx": "m", "dy": "m"}, False, place, None),
    "height": Feature({"z": "m", "h": "m"}, True, height, None),
}  # fmt: skip
SCALARS = ("T", "S", "eta", "vorticity", "strain_squared", "N2", "surface", "place", "height")
