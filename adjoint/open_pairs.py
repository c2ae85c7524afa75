"""Pairs of the operators at open sides, for `adjoint.registry`.

The checks give every pair fields on a random grid without open sides. The functions here open the sides of that grid
that are wide enough, make lists of points from fields, and put lists into fields again, since a list has no kind.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.open_stage import add_to_list
from adjoint.operators import flather as flather_ad
from adjoint.operators import nudging as nudging_ad
from adjoint.operators import open_boundary as open_boundary_ad
from adjoint.operators import surface_potential as surface_potential_ad
from adjoint.operators import volume as volume_ad
from adjoint.pair_constants import DT, same
from adjoint.pairs import Pair, pair
from ogcm.device import copy_values, is_on_host, to_device, to_host, zeros
from ogcm.grid import Grid, add_halo, interior
from ogcm.halo import exchange
from ogcm.open_sides import CELLS, ROWS, SIDES, inward_maps
from ogcm.operators import flather, nudging, open_boundary, surface_potential, volume
from ogcm.outside import Rim

Array = np.ndarray


def with_open_sides(grid: Grid) -> Grid:
    """Return the grid with open sides: all for which there are enough cells, whether it is periodic or not.

    Parameters
    ----------
    grid : Grid
        A grid without open sides.

    Returns
    -------
    Grid
        The grid, with the rim of these sides; a stretch of three cells in their middle is closed.
    """
    wet = interior(to_host(grid.mask_t))[0] == 1
    width = {side: wet.shape[0 if SIDES[side][0] else 1] for side in SIDES}
    firsts = {"east": 2, "north": 2}  # sides opposite to one that is open
    sides = {s: np.ones(wet[ROWS[s]].shape, bool) for s in SIDES if width[s] >= CELLS * firsts.get(s, 1)}
    for stretch in sides.values():
        stretch[len(stretch) // 2 : len(stretch) // 2 + (len(stretch) > CELLS)] = False
    maps = {f"inward_{p}": add_halo(m, grid.periodic) for p, m in inward_maps(wet, sides).items()}
    for p in "uv":
        maps[f"moves_{p}"] = (to_host(getattr(grid, f"mask_{p}"))[0] * ~maps[f"inward_{p}"].any(axis=0)).astype(np.int8)
    maps["r_area_eta"] = np.where(maps["inward_t"].any(axis=0), 0, to_host(grid.r_area_t))
    return grid._replace(**maps, open_sides=True).to(device_of(grid))


def device_of(grid: Grid) -> str:
    """Return the device of a grid.

    Parameters
    ----------
    grid : Grid
        The grid.

    Returns
    -------
    str
        "cpu" or "cuda".
    """
    return "cpu" if is_on_host(grid.h_t) else "cuda"


def rim_of(grid: Grid, point: str) -> Rim:
    """Return the list of the rim of a grid and of a zone that reaches over all of it.

    Parameters
    ----------
    grid : Grid
        Grid with open sides.
    point : {"t", "u", "v"}
        Kind of the points.

    Returns
    -------
    Rim
        The list, on the device of the grid.
    """
    here = grid.to("cpu")
    shape = interior(here.depth_t).shape
    ramp = np.linspace(1.0, 0.1, shape[0] * shape[1]).reshape(shape)
    return Rim.of(here, point, len(here.h_t), ramp).to(device_of(grid))


def listed(field: Array, rim: Rim) -> Array:
    """Return the list (nk N,) of the values of a field (nk, nj, ni) at the points of a rim."""
    values = interior(to_host(field))[:, rim.j, rim.i].ravel()
    return to_device(values, "cpu" if is_on_host(field) else "cuda")


def add_to_field(rim: Rim, mask: Array, at_points_ad: Array, field_ad: Array) -> None:
    """Add the adjoint of a list, which is made of the adjoints at its points, to that of the field of the list.

    Parameters
    ----------
    rim : Rim
        The list.
    mask : ndarray of int8, shape (nk, nj, ni)
        Water.
    at_points_ad, field_ad : ndarray, shape (nk, nj, ni)
        Adjoints at the points, and of the field.
    """
    list_ad, total = zeros(field_ad, (len(field_ad), 1, len(rim.j))), to_host(field_ad)
    add_to_list(rim, mask, at_points_ad, list_ad)
    interior(total)[:, rim.j, rim.i] += to_host(list_ad)[:, 0]
    copy_values(field_ad, total)


def opened(kernel: Callable) -> Callable:
    """Return a function that calls a kernel, whose fields are no lists, with the open sides of its grid.

    Parameters
    ----------
    kernel : callable
        Kernel, or function with its arguments.

    Returns
    -------
    callable
        The function, with the name and the arguments of the kernel.
    """

    @functools.wraps(kernel, updated=())
    def call(*arguments: Any) -> None:
        kernel(*(with_open_sides(a) if isinstance(a, Grid) else a for a in arguments))

    return call


def put_on_rim(outside: Array, grid: Grid, field: Array) -> None:
    """Put values on the rim of a field at T points, by the kernel of this name.

    Parameters
    ----------
    outside : ndarray, shape (nk, nj, ni)
        The values.
    grid : Grid
        Grid.
    field : ndarray, shape (nk, nj, ni)
        The field.
    """
    rim = rim_of(with_open_sides(grid), "t")
    open_boundary.put_on_rim(listed(outside, rim), rim.places, field)


def put_on_rim_ad(grid: Grid, field_ad: Array, outside_ad: Array) -> None:
    """Add the adjoint of `put_on_rim`.

    Parameters
    ----------
    grid : Grid
        Grid.
    field_ad, outside_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the field and of the values.
    """
    rim, values_ad = rim_of(with_open_sides(grid), "t"), np.zeros_like(field_ad)
    open_boundary_ad.set_rim_ad(rim.places, grid.mask_t, field_ad.copy(), values_ad)
    add_to_field(rim, grid.mask_t, values_ad, outside_ad)


def radiation_pair(point: str) -> Pair:
    """Make the pair of the radiation of fields at one kind of points.

    Parameters
    ----------
    point : {"t", "u", "v"}
        Kind of the points.

    Returns
    -------
    Pair
        The pair.
    """

    def arguments(grid: Grid) -> tuple[Rim, Array, Array]:
        return rim_of(grid, point), getattr(grid, f"inward_{point}"), getattr(grid, f"mask_{point}")

    def radiate(old, new, outside, rate_in, rate_out, dt, grid, values):
        rim, inward, mask = arguments(with_open_sides(grid))
        rates = rate_in, rate_out
        open_boundary.radiate(old, new, listed(outside, rim), rim.places, inward, mask, dt, *rates, values)

    def radiate_ad(
        old, new, outside, rate_in, rate_out, dt, grid, values_ad,
        old_ad, new_ad, outside_ad, rate_in_ad, rate_out_ad,
    ):  # fmt: skip
        rim, inward, mask = arguments(with_open_sides(grid))
        given, found, rates = listed(outside, rim), new.copy(), (rate_in, rate_out)
        open_boundary.radiate(old, new, given, rim.places, inward, mask, dt, *rates, found)
        rim_ad, at_points_ad = np.zeros_like(old), np.zeros_like(old)
        open_boundary_ad.set_rim_ad(rim.places, mask, values_ad.copy(), rim_ad)
        exchange(grid, rim_ad)
        open_boundary_ad.radiate_ad(
            old, found, given, rim.places, rim.beside, inward, mask, dt, *rates, rim_ad,
            old_ad, new_ad, rate_in_ad, rate_out_ad, at_points_ad,
        )  # fmt: skip
        add_to_field(rim, mask, at_points_ad, outside_ad)

    inputs = f"old {point} 5, new {point} 5, outside {point} 5, rate_in t1+ 1e-3, rate_out t1+ 2e-4"
    return pair(radiate, radiate_ad, inputs, f"values {point}", same(DT))


def carry_out(u: Array, v: Array, C: Array, outside: Array, grid: Grid, values: Array) -> None:
    """Compute the rim of a tracer by the kernel of this name.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity.
    C, outside : ndarray, shape (nk, nj, ni)
        The tracer, and its values outside.
    grid : Grid
        Grid.
    values : ndarray, shape (nk, nj, ni)
        The values of the rim.
    """
    grid = with_open_sides(grid)
    rim = rim_of(grid, "t")
    open_boundary.carry_out(u, v, C, listed(outside, rim), rim.places, grid, values)


def carry_out_ad(u: Array, v: Array, grid: Grid, values_ad: Array, C_ad: Array, outside_ad: Array) -> None:
    """Add the adjoint of `carry_out`.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity.
    grid : Grid
        Grid.
    values_ad, C_ad, outside_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the values of the rim, of the tracer and of its values outside.
    """
    grid = with_open_sides(grid)
    rim = rim_of(grid, "t")
    rim_ad, at_points_ad = np.zeros_like(C_ad), np.zeros_like(C_ad)
    open_boundary_ad.set_rim_ad(rim.places, grid.mask_t, values_ad.copy(), rim_ad)
    exchange(grid, rim_ad)
    open_boundary_ad.carry_out_ad(u, v, rim.places, grid, rim_ad, C_ad, at_points_ad)
    add_to_field(rim, grid.mask_t, at_points_ad, outside_ad)


def nudge(C: Array, outside: Array, rate: Array, grid: Grid, D: Array) -> None:
    """Add the nudging of a tracer by the kernel of this name.

    Parameters
    ----------
    C, outside : ndarray, shape (nk, nj, ni)
        The tracer, and its values outside.
    rate : ndarray, shape (1, nj, ni)
        Rate of the nudging.
    grid : Grid
        Grid.
    D : ndarray, shape (nk, nj, ni)
        Tendency.
    """
    rim = rim_of(with_open_sides(grid), "t")
    nudging.nudge(C, listed(outside, rim), rate, rim.zone, rim.ramp, grid.h_t, grid.mask_t, D)


def nudge_ad(
    C: Array, outside: Array, rate: Array, grid: Grid, D_ad: Array, C_ad: Array, outside_ad: Array, rate_ad: Array
) -> None:
    """Add the adjoint of `nudge`.

    Parameters
    ----------
    C, outside : ndarray, shape (nk, nj, ni)
        The tracer, and its values outside.
    rate : ndarray, shape (1, nj, ni)
        Rate of the nudging.
    grid : Grid
        Grid.
    D_ad, C_ad, outside_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the tendency, of the tracer and of its values outside.
    rate_ad : ndarray, shape (1, nj, ni)
        Adjoint of the rate.
    """
    rim = rim_of(with_open_sides(grid), "t")
    given, at_points_ad = (C, listed(outside, rim), rate), np.zeros_like(C_ad)
    zone = rim.zone, rim.ramp, grid.h_t, grid.mask_t
    nudging_ad.nudge_ad(*given, *zone, D_ad, C_ad, rate_ad, at_points_ad)
    add_to_field(rim, grid.mask_t, at_points_ad, outside_ad)


def flow_like(a: Array, grid: Grid) -> Array:
    """Return a flow for `add_flow`, 0 on land, whose five maps have the shape and the type of a (nj, ni)."""
    here = grid.to("cpu")
    masks = np.stack([mask[0] for mask in (here.mask_t, here.mask_u, here.mask_v, here.mask_u, here.mask_v)])
    return to_device((np.cos(np.arange(masks.size)).reshape(masks.shape) * masks).astype(a.dtype), device_of(grid))


def add_flow(amount: Array, grid: Grid, eta: Array, u_bar: Array, v_bar: Array, U: Array, V: Array) -> None:
    """Add some of a flow to the barotropic mode by the kernel of this name.

    Parameters
    ----------
    amount : ndarray, shape (nj, ni)
        How much of it: the sum over the cells of water.
    grid : Grid
        Grid.
    eta, u_bar, v_bar, U, V : ndarray, shape (nj, ni)
        The barotropic mode.
    """
    wet, some = to_host(interior(grid.mask_t))[0] == 1, zeros(eta, (1,), eta.dtype)
    some[...] = to_host(interior(amount))[wet].sum()
    volume.add_flow(some, flow_like(eta, grid), eta, u_bar, v_bar, U, V)


def add_flow_ad(
    grid: Grid, eta_ad: Array, u_bar_ad: Array, v_bar_ad: Array, U_ad: Array, V_ad: Array, amount_ad: Array
) -> None:
    """Add the adjoint of `add_flow` with respect to the amount.

    Parameters
    ----------
    grid : Grid
        Grid.
    eta_ad, u_bar_ad, v_bar_ad, U_ad, V_ad, amount_ad : ndarray, shape (nj, ni)
        Adjoints of the barotropic mode and of the amount.
    """
    product = np.zeros_like(eta_ad)
    volume_ad.add_flow_ad(flow_like(eta_ad, grid), grid, eta_ad, u_bar_ad, v_bar_ad, U_ad, V_ad, product)
    interior(amount_ad)[...] += to_host(interior(product)).sum() * interior(grid.mask_t)[0]


def set_rim(values: Array, grid: Grid, field: Array) -> None:
    """Set the rim of a field at T points by the kernel of this name.

    Parameters
    ----------
    values, field : ndarray, shape (nk, nj, ni)
        Values, and the field.
    grid : Grid
        Grid.
    """
    open_boundary.set_rim(values, rim_of(with_open_sides(grid), "t").places, field)


def set_rim_ad(grid: Grid, field_ad: Array, values_ad: Array) -> None:
    """Add the adjoint of `set_rim`.

    Parameters
    ----------
    grid : Grid
        Grid.
    field_ad, values_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the field and of the values.
    """
    found = np.zeros_like(values_ad)
    open_boundary_ad.set_rim_ad(rim_of(with_open_sides(grid), "t").places, grid.mask_t, field_ad.copy(), found)
    values_ad += found


OPERATORS_AT_OPEN_SIDES = {
    "outer_waves": pair(
        opened(flather.outer_waves), opened(flather_ad.outer_waves_ad), "u u, v v, eta t2", "outer_u u2, outer_v v2"
    ),
    "chapman": pair(opened(flather.chapman), opened(flather_ad.chapman_ad), "old t2, inside t2", "eta t2", same(DT)),
    "inverse_barometer": pair(
        opened(surface_potential.inverse_barometer),
        opened(surface_potential_ad.inverse_barometer_ad),
        "pressure t2 1e3",
        "eta t2",
    ),
    "put_on_rim": pair(put_on_rim, put_on_rim_ad, "outside t 5", "field t"),
    "set_rim": pair(set_rim, set_rim_ad, "values t 5", "field t"),
    **{f"radiate_{point}": radiation_pair(point) for point in "tuv"},
    "carry_out": pair(carry_out, carry_out_ad, "u u, v v, C t 5, outside t 5", "values t"),
    "volume_gain": pair(
        opened(volume.volume_gain), opened(volume_ad.volume_gain_ad), "U u2, V v2, fresh t2, rise t1", "gain t2"
    ),
    "add_flow": pair(add_flow, add_flow_ad, "amount t2", "eta t2, u_bar u2, v_bar v2, U u2, V v2"),
    "nudge": pair(nudge, nudge_ad, "C t 5, outside t 5, rate t1+ 1e-5", "D t"),
}
