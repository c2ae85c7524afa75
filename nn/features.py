"""Features of the ocean, the inputs of a network: local quantities at T points (kernels: `nn.feature_kernels`).

    velocity            u, v                mean of the two faces [m s-1]
    T, S, eta                               the fields of the state
    T_gradient          T_x, T_y            mean of the differences at the two faces [K m-1]; S_gradient, eta_gradient
    strain              D_T, D_S            tension, and the mean of the shear at the four corners [s-1]
    vorticity           zeta                mean of the four corners [s-1]
    strain_squared      D_T^2 + D_S^2       [s-2], the mean of the squares of D_S at the four corners
    N2                                      squared buoyancy frequency of the top of the cell [s-2]
    wind                tau_x, tau_y        mean of the two faces [N m-2]
    surface             heat_flux, fresh_water, T_star rate_T, S_star rate_S    fluxes through the surface
    place               f, depth, coast, dx, dy   Coriolis parameter, depth, distance to the coast, spacing
    position            x, y                coordinates [units of the grid]; the result then holds for this ocean alone
    height              z, h                height of the centre and thickness of the resting cell [m]

With a stencil of neighbours (`nn.Corrector`) the network can form higher differences of them. A feature is 0 on land,
whatever the state holds there. All except velocity are the same for an observer who moves at a constant velocity
(Galilean invariance); scalars are also the same after a rotation. Features of your own join the table
(docs/networks.md):

    FEATURES.register("speed", Feature({"speed": "m s-1"}, True, speed, speed_ad, scalar=True))
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.state import Gradient
from nn.feature_kernels import (
    at_centres,
    at_centres_ad,
    centred_gradient,
    centred_gradient_ad,
    mean_vorticity,
    mean_vorticity_ad,
    rates_of_strain,
    rates_of_strain_ad,
    squared_strain,
    squared_strain_ad,
)
from ogcm.device import zeros
from ogcm.extensions import Registry
from ogcm.forcing import Fluxes
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.state import State
from ogcm.tracers import times

__all__ = ["FEATURES", "Feature", "features_of"]
Array = np.ndarray


class Feature(NamedTuple):
    """A feature: a line of the table above.

    Attributes
    ----------
    components : dict of str to str
        Units of its components by name.
    layered : bool
        Whether it has one value for each layer, otherwise one for the column.
    forward : callable
        `forward(model, n, fluxes, *out)` computes the components (levels, nj, ni) from the state n.
    backward : callable or None
        `backward(model, n, fluxes, *out_ad, gradient)` adds the adjoint to `gradient`; the halo of out_ad is filled.
        None for a feature that depends on nothing that is differentiated.
    tracers : bool
        Whether it needs a model with tracers.
    scalar : bool
        Whether it is the same after a rotation, as an equivariant network needs it.
    """

    components: dict[str, str]
    layered: bool
    forward: Callable
    backward: Callable | None
    tracers: bool = False
    scalar: bool = False


def wind(model: Model, _: State, fluxes: Fluxes, x: Array, y: Array) -> None:
    """Compute the wind stress at T points."""
    at_centres(fluxes.tau_x[None], fluxes.tau_y[None], model.grid, x, y)


def wind_ad(model: Model, _: State, fluxes: Fluxes, x_ad: Array, y_ad: Array, gradient: Gradient) -> None:
    """Add the adjoint of `wind`."""
    stress, stress_ad = (fluxes.tau_x[None], fluxes.tau_y[None]), (gradient.fluxes.tau_x, gradient.fluxes.tau_y)
    at_centres_ad(*stress, model.grid, x_ad, y_ad, *(a[None] for a in stress_ad))


def as_layers(a: Array) -> Array:
    """Return a field as (levels, nj, ni), also a map."""
    return a if a.ndim == 3 else a[None]


def mask_land(model: Model, a: Array) -> Array:
    """Return a field with 0 on land."""
    return np.where(model.grid.mask_t[: len(a)], a, a.dtype.type(0))


def state_field(name: str) -> tuple[Callable, Callable]:
    """Return forward and backward functions of a field of the state."""

    def forward(model: Model, n: State, _: Fluxes, out: Array) -> None:
        out[...] = mask_land(model, as_layers(getattr(n, name)))

    def backward(model: Model, _n: State, _: Fluxes, out_ad: Array, gradient: Gradient) -> None:
        as_layers(getattr(gradient.state, name))[...] += mask_land(model, out_ad)

    return forward, backward


def gradient_feature(name: str) -> tuple[Callable, Callable]:
    """Return forward and backward functions of the horizontal gradient of a field of the state."""

    def forward(model: Model, n: State, _: Fluxes, x: Array, y: Array) -> None:
        centred_gradient(as_layers(getattr(n, name)), model.grid, x, y)

    def backward(model: Model, n: State, _: Fluxes, x_ad: Array, y_ad: Array, gradient: Gradient) -> None:
        T, T_ad = as_layers(getattr(n, name)), as_layers(getattr(gradient.state, name))
        centred_gradient_ad(T, model.grid, x_ad, y_ad, T_ad)

    return forward, backward


def flow_feature(kernel: Callable, kernel_ad: Callable) -> tuple[Callable, Callable]:
    """Return forward and backward functions of the result of a kernel for u and v."""

    def forward(model: Model, n: State, _: Fluxes, *out: Array) -> None:
        kernel(n.u, n.v, model.grid, *out)

    def backward(model: Model, n: State, _: Fluxes, *out_ad_and_gradient: Any) -> None:
        *out_ad, gradient = out_ad_and_gradient
        kernel_ad(n.u, n.v, model.grid, *out_ad, gradient.state.u, gradient.state.v)

    return forward, backward


def stratification(model: Model, n: State, _: Fluxes, out: Array) -> None:
    """Compute the squared buoyancy frequency at the tops of the cells."""
    equation, interfaces = model.numerics.equation_of_state, zeros(out, (len(out) + 1, *out.shape[1:]))
    EQUATIONS_OF_STATE[equation].stratification(n.T, n.S, model.parameters["eos"], model.grid, interfaces)
    out[...] = interfaces[:-1]


def stratification_ad(model: Model, n: State, _: Fluxes, out_ad: Array, gradient: Gradient) -> None:
    """Add the adjoint of `stratification`."""
    equation, eos = EQUATIONS_OF_STATE_AD[model.numerics.equation_of_state], model.parameters["eos"]
    N2_ad = np.concatenate([out_ad, np.zeros_like(out_ad[:1])])
    state_ad, eos_ad = gradient.state, gradient.parameters["eos"]
    equation.stratification(n.T, n.S, eos, model.grid, N2_ad, state_ad.T, state_ad.S, eos_ad)


def surface(model: Model, _: State, fluxes: Fluxes, *out: Array) -> None:
    """Compute heat flux, fresh water, and the restoring fluxes of T and S."""
    values = (fluxes.heat_flux, fluxes.fresh_water, fluxes.T_star * fluxes.rate_T, fluxes.S_star * fluxes.rate_S)
    for a, value in zip(out, values, strict=True):
        a[...] = mask_land(model, value[None])


def surface_ad(model: Model, _: State, fluxes: Fluxes, *out_ad_and_gradient: Any) -> None:
    """Add the adjoint of `surface`."""
    *out_ad, gradient = out_ad_and_gradient
    heat_ad, fresh_ad, T_ad, S_ad = (mask_land(model, a)[0] for a in out_ad)
    fluxes_ad = gradient.fluxes
    fluxes_ad.heat_flux[...] += heat_ad
    fluxes_ad.fresh_water[...] += fresh_ad
    for name, a in (("T", T_ad), ("S", S_ad)):
        target, rate = getattr(fluxes, f"{name}_star"), getattr(fluxes, f"rate_{name}")
        getattr(fluxes_ad, f"{name}_star")[...] += mask_land(model, (a * rate)[None])[0]
        getattr(fluxes_ad, f"rate_{name}")[...] += mask_land(model, (a * target)[None])[0]


def coast(model: Model) -> Array:
    """Return the distance of each cell's centre to the nearest land or closed side (nj, ni) [cells], at most 10.

    Computed from the map of the whole ocean, which all processes must put together.
    """
    most, tile = 10, model.grid.tile
    modes: list[Any] = ["wrap" if periodic else "constant" for periodic in tile.periodic]
    rows, columns = modes
    water = np.pad(tile.whole_map(interior(model.grid.mask_t[0])), ((most, most), (0, 0)), mode=rows)
    water = np.pad(np.pad(water, ((0, 0), (most, most)), mode=columns), 1)
    inside = slice(most + 1, -most - 1)
    distance = np.zeros(model.grid.depth_t.shape)
    interior(distance)[...] = tile.cut(np.minimum(distance_transform_edt(water), most)[inside, inside])
    return distance


def place(model: Model, _: State, __: Fluxes, *out: Array) -> None:
    """Compute Coriolis parameter, depth, distance to the coast, and spacing."""
    g = model.grid
    f = 0.25 * (g.f + np.roll(g.f, 1, 0) + np.roll(g.f, 1, 1) + np.roll(g.f, (1, 1), (0, 1)))
    for a, value in zip(out, (f, g.depth_t, coast(model), g.dx_t, g.dy_t), strict=True):
        a[...] = mask_land(model, value[None])


def position(model: Model, _: State, __: Fluxes, x: Array, y: Array) -> None:
    """Compute the coordinates of the cells."""
    for a, values in zip((x, y), np.meshgrid(model.horizontal.x_t, model.horizontal.y_t), strict=True):
        interior(a)[...] = np.where(interior(model.grid.mask_t[:1]), values, 0.0)


def height(model: Model, _: State, __: Fluxes, z: Array, h: Array) -> None:
    """Compute height of the centre and thickness of the resting cells."""
    z[...], h[...] = mask_land(model, model.grid.z_t), model.grid.h_t


TABLE = {
    "velocity": Feature({"u": "m s-1", "v": "m s-1"}, True, *flow_feature(at_centres, at_centres_ad)),
    "T": Feature({"T": "degC"}, True, *state_field("T"), tracers=True, scalar=True),
    "S": Feature({"S": "g kg-1"}, True, *state_field("S"), tracers=True, scalar=True),
    "eta": Feature({"eta": "m"}, False, *state_field("eta"), scalar=True),
    "T_gradient": Feature({"T_x": "K m-1", "T_y": "K m-1"}, True, *gradient_feature("T"), tracers=True),
    "S_gradient": Feature({"S_x": "g kg-1 m-1", "S_y": "g kg-1 m-1"}, True, *gradient_feature("S"), tracers=True),
    "eta_gradient": Feature({"eta_x": "1", "eta_y": "1"}, False, *gradient_feature("eta")),
    "strain": Feature({"D_T": "s-1", "D_S": "s-1"}, True, *flow_feature(rates_of_strain, rates_of_strain_ad)),
    "vorticity": Feature({"zeta": "s-1"}, True, *flow_feature(mean_vorticity, mean_vorticity_ad), scalar=True),
    "strain_squared": Feature(
        {"strain_squared": "s-2"}, True, *flow_feature(squared_strain, squared_strain_ad), scalar=True
    ),
    "N2": Feature({"N2": "s-2"}, True, stratification, stratification_ad, tracers=True, scalar=True),
    "wind": Feature({"tau_x": "N m-2", "tau_y": "N m-2"}, False, wind, wind_ad),
    "surface": Feature(
        {"heat_flux": "W m-2", "fresh_water": "m s-1", "T_restoring": "K m s-1", "S_restoring": "g kg-1 m s-1"},
        False, surface, surface_ad, scalar=True,
    ),
    "place": Feature(
        {"f": "s-1", "depth": "m", "coast": "1", "dx": "m", "dy": "m"}, False, place, None, scalar=True
    ),
    "position": Feature({"x": "1", "y": "1"}, False, position, None),
    "height": Feature({"z": "m", "h": "m"}, True, height, None, scalar=True),
}  # fmt: skip
FEATURES = Registry("feature", TABLE)


def features_of(model: Model) -> dict[str, Feature]:
    """Return the features of a model by name.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    dict of str to Feature
        `FEATURES`, and for a further tracer such as "dye" the features "dye" and "dye_gradient".
    """
    found = dict(FEATURES)
    for name in model.further_tracers:
        units = model.fields[name].units
        slope = times(units, "m-1")
        found[name] = Feature({name: units}, True, *state_field(name), scalar=True)
        found[f"{name}_gradient"] = Feature({f"{name}_x": slope, f"{name}_y": slope}, True, *gradient_feature(name))
    return found
