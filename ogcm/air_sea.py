"""The surface fluxes of a step: those that are given, or those between an atmosphere and the state of the ocean.

They are computed once for each step, from the state at its beginning and the atmosphere in its middle, and then take
the place of given stress, heat flux, fresh water and shortwave radiation for everything that a step computes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ogcm.atmosphere import COMPUTED, FACTORS, SURFACE, Atmosphere
from ogcm.device import zeros
from ogcm.fields import Fields
from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.bulk_fluxes import TURBULENT_FLUXES, current_at_cells, net_fluxes, stress_at_faces
from ogcm.operators.longwave import LONGWAVE, WITH_SEA
from ogcm.operators.radiation import dew_point_humidity, reed_shortwave
from ogcm.state import State

Array = np.ndarray


class AirSea(Fields):
    """Memory for the fluxes between atmosphere and ocean: maps (nj, ni) with halo.

    Attributes
    ----------
    x, y : ndarray, shape (nj, ni)
        Surface current at T points [m s-1].
    q2, shortwave_down, longwave_down : ndarray, shape (nj, ni)
        Humidity [1] and radiation [W m-2], where they are not given.
    stress_x, stress_y, heat, evaporation : ndarray, shape (nj, ni)
        Turbulent fluxes at T points [N m-2, W m-2, kg m-2 s-1].
    tau_x, tau_y, heat_flux, fresh_water, shortwave : ndarray, shape (nj, ni)
        Net fluxes into the sea, as in `Fluxes`.
    """

    x: Array
    y: Array
    q2: Array
    shortwave_down: Array
    longwave_down: Array
    stress_x: Array
    stress_y: Array
    heat: Array
    evaporation: Array
    tau_x: Array
    tau_y: Array
    heat_flux: Array
    fresh_water: Array
    shortwave: Array

    @classmethod
    def zeros(cls, model: Model) -> "AirSea | None":
        """Make the maps for a model; None for one without an atmosphere."""
        if not model.forcing.computed:
            return None
        plane, dtype = model.grid.depth_t, model.state.u.dtype
        return cls(**{name: zeros(plane, plane.shape, dtype) for name in cls.__annotations__})

    def or_given(self, name: str, fluxes: Fluxes) -> Array:
        """Return the map `name` of the forcing; where it is not given, the map of this name here."""
        return getattr(fluxes, name) if name in fluxes.names else getattr(self, name)

    def in_place(self, fluxes: Fluxes) -> Fluxes:
        """Return a forcing in which the fluxes here take the place of given ones."""
        return Fluxes(**(fluxes.arrays() | {name: getattr(self, name) for name in COMPUTED}))


def fluxes_at(model: Model, n: State, time: float) -> Fluxes:
    """Compute the surface fluxes of a model.

    Parameters
    ----------
    model : Model
        The model.
    n : State
        State of the ocean, with its halo filled.
    time : float
        Time of the forcing [s].

    Returns
    -------
    Fluxes
        The forcing, with halo; fluxes that an atmosphere makes are those over the state n.
    """
    given, work = model.forcing.at(time), AirSea.zeros(model)
    if work is None:
        return given
    air_sea_fluxes(model, n, given, work)
    return work.in_place(given)


def air_sea_fluxes(model: Model, n: State, air: Fluxes, work: AirSea) -> None:
    """Compute the surface fluxes between the atmosphere and the ocean.

    Parameters
    ----------
    model : Model
        The model.
    n : State
        State of the ocean, with its halo filled.
    air : Fluxes
        The forcing, with the entries of the atmosphere.
    work : AirSea
        Results, which are overwritten.
    """
    grid, p, atmosphere = model.grid, model.parameters, atmosphere_of(model)
    if "q2" not in air.names:
        dew_point_humidity(air.d2, air.slp, grid, work.q2)
    if "longwave_down" not in air.names:
        formula = atmosphere.longwave
        LONGWAVE[formula](*longwave_inputs(formula, n, air, work), grid, work.longwave_down)
    if "shortwave_down" not in air.names:
        reed_shortwave(air.clear_sky, air.noon_altitude, air.cloud, grid, work.shortwave_down)
    current_at_cells(n.u, n.v, grid, work.x, work.y)
    turbulent: tuple[Any, ...] = (work.stress_x, work.stress_y, work.heat, work.evaporation)
    TURBULENT_FLUXES[atmosphere.algorithm](*turbulent_inputs(p, n, air, work), *heights(model), grid, *turbulent)
    exchange(grid, work.stress_x, work.stress_y)
    stress_at_faces(work.stress_x, work.stress_y, grid, work.tau_x, work.tau_y)
    net: tuple[Any, ...] = (work.heat_flux, work.fresh_water, work.shortwave)
    net_fluxes(*net_inputs(p, n, air, work), grid, *net)
    exchange(grid, *(getattr(work, name) for name in COMPUTED))


def atmosphere_of(model: Model) -> Atmosphere:
    """Return the atmosphere of a model that has one."""
    assert model.forcing.atmosphere is not None
    return model.forcing.atmosphere


def heights(model: Model) -> tuple[np.floating, ...]:
    """Return the heights of wind, temperature and humidity of the air, in the precision of the model [m]."""
    return tuple(model.grid.h_t.dtype.type(height) for height in atmosphere_of(model).heights())


def longwave_inputs(formula: str, n: State, air: Fluxes, work: AirSea) -> tuple[Any, ...]:
    """Return the inputs of a formula of longwave radiation, or their adjoints where all arguments are adjoints."""
    sky = (air.t2, work.or_given("q2", air), air.slp, air.cloud)
    return (n.T, *sky, air.cloud_weight) if formula in WITH_SEA else sky


def turbulent_inputs(p: Mapping[str, Array], n: State, air: Fluxes, work: AirSea) -> tuple[Any, ...]:
    """Return the inputs of the turbulent fluxes, or their adjoints where all arguments are those of adjoints."""
    wind = (air.u10, air.v10, air.t2, work.or_given("q2", air), air.slp)
    return (n.T, work.x, work.y, *wind, *(p[name] for name in FACTORS))


def net_inputs(p: Mapping[str, Array], n: State, air: Fluxes, work: AirSea) -> tuple[Any, ...]:
    """Return the inputs of the net fluxes, or their adjoints where all arguments are those of adjoints."""
    radiation = (work.or_given("longwave_down", air), work.or_given("shortwave_down", air))
    water = (air.precipitation, air.runoff)
    return (n.T, work.heat, work.evaporation, *radiation, *water, *(p[name] for name in SURFACE))
