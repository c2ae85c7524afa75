"""The adjoint of the surface fluxes of a step: `ogcm.air_sea` in the opposite order."""

from adjoint.clear import clear
from adjoint.operators.bulk_fluxes import (
    TURBULENT_FLUXES_AD,
    current_at_cells_ad,
    net_fluxes_ad,
    stress_at_faces_ad,
)
from adjoint.operators.longwave import LONGWAVE_AD
from adjoint.operators.radiation import dew_point_humidity_ad, reed_shortwave_ad
from adjoint.state import Gradient
from ogcm.air_sea import AirSea, atmosphere_of, heights, longwave_inputs, net_inputs, turbulent_inputs
from ogcm.atmosphere import COMPUTED
from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.state import State


def air_sea_fluxes_ad(model: Model, n: State, air: Fluxes, work: AirSea, work_ad: AirSea, gradient: Gradient) -> None:
    """Compute the adjoint of the surface fluxes between the atmosphere and the ocean.

    Parameters
    ----------
    model : Model
        The model.
    n : State
        State of the ocean, with its halo filled.
    air : Fluxes
        The forcing, with the entries of the atmosphere.
    work : AirSea
        What `air_sea_fluxes` computed.
    work_ad : AirSea
        Memory for the adjoints of intermediate results, overwritten.
    gradient : Gradient
        Adjoints of the net fluxes, which become 0; those of state, atmosphere and parameters are added to.
    """
    grid, p, p_ad, n_ad, air_ad = model.grid, model.parameters, gradient.parameters, gradient.state, gradient.fluxes
    clear(*work_ad)
    exchange(grid, air_ad.tau_x, air_ad.tau_y)
    stress, stress_ad = (work.stress_x, work.stress_y), (work_ad.stress_x, work_ad.stress_y)
    stress_at_faces_ad(*stress, grid, air_ad.tau_x, air_ad.tau_y, *stress_ad)
    net_ad = (air_ad.heat_flux, air_ad.fresh_water, air_ad.shortwave)
    net_fluxes_ad(*net_inputs(p, n, air, work), grid, *net_ad, *net_inputs(p_ad, n_ad, air_ad, work_ad))
    turbulent_ad = (*stress_ad, work_ad.heat, work_ad.evaporation)
    inputs, inputs_ad = turbulent_inputs(p, n, air, work), turbulent_inputs(p_ad, n_ad, air_ad, work_ad)
    algorithm_ad = TURBULENT_FLUXES_AD[atmosphere_of(model).algorithm]
    algorithm_ad(*inputs, *heights(model), grid, *turbulent_ad, *inputs_ad)
    exchange(grid, work_ad.x, work_ad.y)
    current_at_cells_ad(n.u, n.v, grid, work_ad.x, work_ad.y, n_ad.u, n_ad.v)
    sky_ad(model, n, air, work, work_ad, gradient)
    clear(*(getattr(air_ad, name) for name in COMPUTED))


def sky_ad(model: Model, n: State, air: Fluxes, work: AirSea, work_ad: AirSea, gradient: Gradient) -> None:
    """Compute the adjoint of the radiation and the humidity that are not given."""
    grid, air_ad = model.grid, gradient.fluxes
    if "shortwave_down" not in air.names:
        sun, sun_ad = ((a.clear_sky, a.noon_altitude, a.cloud) for a in (air, air_ad))
        reed_shortwave_ad(*sun, grid, work_ad.shortwave_down, *sun_ad)
    if "longwave_down" not in air.names:
        formula = atmosphere_of(model).longwave
        inputs, inputs_ad = (
            longwave_inputs(formula, *all_of) for all_of in ((n, air, work), (gradient.state, air_ad, work_ad))
        )
        LONGWAVE_AD[formula](*inputs, grid, work_ad.longwave_down, *inputs_ad)
    if "q2" not in air.names:
        dew_point_humidity_ad(air.d2, air.slp, grid, work_ad.q2, air_ad.d2, air_ad.slp)
