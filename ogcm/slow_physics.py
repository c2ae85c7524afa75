"""The slow physics of a step: all that dissipates, mixes or forces, once for all stages.

Computed from the state n at the beginning of a step:

    D = wind + friction + terms,   D_T = surface fluxes + diffusion + terms,   nu_v, kappa_v, bottom drag

where the terms are those that the model was given (`ogcm.terms`), the neural corrector for one.
"""

import numpy as np

from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.barotropic import depth_mean
from ogcm.operators.bottom_drag import bottom_drag
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.expansion import EXPANSION
from ogcm.operators.friction import stress_divergence
from ogcm.operators.isoneutral import isoneutral_diffusion, isoneutral_mixing
from ogcm.operators.layers import stretch
from ogcm.operators.nudging import nudge
from ogcm.operators.shortwave import absorb_shortwave
from ogcm.operators.surface import hold_above_freezing, surface_flux, wind_stress
from ogcm.operators.surface_potential import surface_potential
from ogcm.operators.tke import advance_tke, shear_production, tke_mixing, vertical_shear, wave_energy
from ogcm.operators.tracer_diffusion import diffuse_tracer, tracer_laplacian
from ogcm.operators.tracer_sources import decay_fraction, tracer_source
from ogcm.operators.vertical_mixing import constant_mixing, richardson_mixing
from ogcm.operators.visbeck import visbeck
from ogcm.operators.viscosity import leith, smagorinsky
from ogcm.state import State
from ogcm.work import SlowWork

Array = np.ndarray


def slow_physics(model: Model, n: State, fluxes: Fluxes, slow: SlowWork) -> None:
    """Compute the slow physics without the model's terms.

    Parameters
    ----------
    model : Model
        The model.
    n : State
        State at the beginning of the step, with its halo filled.
    fluxes : Fluxes
        Forcing in the middle of the step.
    slow : SlowWork
        Results, which are overwritten.
    """
    grid, numerics, s, D = model.grid, model.numerics, slow.s, slow.D
    stretch(n.eta, grid, *s)
    depth_mean(n.u, n.v, grid, *slow.bar)
    D.u.fill(0)
    D.v.fill(0)
    wind_stress(fluxes.tau_x, fluxes.tau_y, s.u, s.v, grid, D.u, D.v)
    for name in potentials(model):
        surface_potential(getattr(fluxes, name), potential_of_unit(model, name), grid, D.u, D.v)
    friction(model, n, D.u, D.v, slow)
    mixing_coefficients(model, n, fluxes, slow)
    if numerics.has_eddies:
        along_slopes(model, n, slow)
    tracer_sources(model, n, fluxes, slow)
    if model.open_sides.zone:
        for name in ("u", "v", *model.tracers):
            nudge_field(model, name, n, fluxes, slow, getattr(D, name))


def nudge_field(model: Model, name: str, n: State, fluxes: Fluxes, slow: SlowWork, D: Array) -> None:
    """Add the nudging of a field in the zone along open sides to its tendency D."""
    factor, mask = nudged(model, name, slow)
    rim, outside = model.forcing.rims[f"{name}_outside"], getattr(fluxes, f"{name}_outside").ravel()
    rate = model.parameters["nudging_zone"]
    nudge(getattr(n, name), outside, rate, rim.zone, rim.ramp, factor, mask, D)


def nudged(model: Model, name: str, slow: SlowWork) -> tuple[Array, Array]:
    """Return the factor that the tendency of a field contains, and its mask."""
    grid = model.grid
    if name in ("u", "v"):
        return slow.one, grid.mask_u if name == "u" else grid.mask_v
    return grid.h_t, grid.mask_t


def potentials(model: Model) -> tuple[str, ...]:
    """Return the names of the fluxes whose gradient accelerates the water at all depths."""
    return tuple(name for name in ("surface_pressure", "equilibrium_tide") if name in model.forcing.names)


def potential_of_unit(model: Model, name: str) -> np.floating:
    """Return the potential of a unit of pressure, 1/rho0, or of elevation, -g [m2 s-2 per unit]."""
    grid = model.grid
    return grid.h_t.dtype.type(1 / grid.rho0 if name == "surface_pressure" else -grid.gravity)


def friction(model: Model, n: State, D_u: Array, D_v: Array, slow: SlowWork) -> None:
    """Add horizontal friction to D_u and D_v."""
    grid, numerics = model.grid, model.numerics
    if numerics.friction == "none":
        return
    stress_divergence(n.u, n.v, viscosity(model, n, slow.nu), grid, D_u, D_v)
    if numerics.friction == "biharmonic":
        velocity_laplacian(model, n, slow)
        stress_divergence(slow.L_u, slow.L_v, negative(model, "nu4_h", slow), grid, D_u, D_v)


def viscosity(model: Model, n: State, nu: Array) -> Array:
    """Compute the Laplacian viscosity.

    Parameters
    ----------
    model : Model
        The model.
    n : State
        State with its halo filled.
    nu : ndarray, shape (nk, nj, ni)
        Memory for a viscosity that follows the flow [m2 s-1].

    Returns
    -------
    ndarray, shape (1, nj, ni) or (nk, nj, ni)
        Viscosity with its halo filled [m2 s-1]: the parameter nu_h, or `nu`.
    """
    grid, p, numerics = model.grid, model.parameters, model.numerics
    if numerics.viscosity == "constant":
        return p["nu_h"]
    flow_dependent = {"smagorinsky": smagorinsky, "leith": leith}[numerics.viscosity]
    flow_dependent(n.u, n.v, p["nu_h"], p[numerics.viscosity], grid, nu)
    exchange(grid, nu)
    return nu


def velocity_laplacian(model: Model, n: State, slow: SlowWork) -> None:
    """Compute L_u and L_v, the divergence of the stress of n with a viscosity of 1."""
    slow.L_u.fill(0)
    slow.L_v.fill(0)
    stress_divergence(n.u, n.v, slow.one, model.grid, slow.L_u, slow.L_v)
    exchange(model.grid, slow.L_u, slow.L_v)


def mixing_coefficients(model: Model, n: State, fluxes: Fluxes, slow: SlowWork) -> None:
    """Compute vertical viscosity, vertical diffusivity and bottom drag in state n."""
    grid, p, numerics = model.grid, model.parameters, model.numerics
    if numerics.has_tracers:
        EQUATIONS_OF_STATE[numerics.equation_of_state].stratification(n.T, n.S, p["eos"], grid, slow.N2)
    else:
        slow.N2.fill(0)
    background = (p["nu_v"], p["kappa_v"], p["kappa_convective"])
    if numerics.vertical_mixing == "richardson":
        shear = (p["nu_richardson"], p["alpha_richardson"])
        richardson_mixing(n.u, n.v, slow.N2, *background, *shear, grid, slow.nu_v, slow.kappa_v)
    elif numerics.vertical_mixing == "tke":
        turbulent_mixing(model, n, fluxes, slow)
    else:
        constant_mixing(slow.N2, *background, grid, slow.nu_v, slow.kappa_v)
    exchange(grid, slow.nu_v)
    bottom_drag(n.u, n.v, p["drag_linear"], p["drag_quadratic"], grid, slow.drag_u, slow.drag_v)


def turbulent_mixing(model: Model, n: State, fluxes: Fluxes, slow: SlowWork) -> None:
    """Compute the mixing by the turbulent kinetic energy of state n, and this energy at the end of the step."""
    grid, p, e_b, dt = model.grid, model.parameters, model.parameters["tke_background"], model.numerics.dt
    c_k, Ri_c, background = p["tke_viscosity"], p["tke_richardson"], (p["nu_v"], p["kappa_v"], p["kappa_convective"])
    vertical_shear(n.u, n.v, grid, slow.S2)
    tke_mixing(n.tke, slow.N2, slow.S2, *background, c_k, Ri_c, grid, slow.nu_v, slow.kappa_v)
    exchange(grid, slow.nu_v)
    shear_production(n.u, n.v, slow.nu_v, grid, slow.production)
    wave_energy(fluxes.tau_x, fluxes.tau_y, p["tke_waves"], e_b, grid, slow.tke_surface)
    coefficients = (e_b, c_k, p["tke_dissipation"], Ri_c, grid.h_t.dtype.type(dt))
    advance_tke(n.tke, slow.N2, slow.S2, slow.production, slow.tke_surface, *coefficients, grid, slow.tke)
    exchange(grid, slow.tke)


def along_slopes(model: Model, n: State, slow: SlowWork) -> None:
    """Compute the expansion of the water, and add the vertical part of isoneutral diffusion to kappa_v."""
    grid, p, numerics = model.grid, model.parameters, model.numerics
    EXPANSION[numerics.equation_of_state](n.T, n.S, p["eos"], grid, slow.b_T, slow.b_S)
    water, sharp = (n.T, n.S, slow.b_T, slow.b_S), numerics.sharp_taper
    if numerics.eddy_diffusivity == "visbeck":
        growing_eddies(model, *water, slow.kappa_eddy)
        for name in ("kappa_redi", "kappa_gm"):
            np.add(p[name], slow.kappa_eddy, out=slow.like(name, p[name]))
    kappa_redi, _ = eddy_diffusivities(model, slow)
    isoneutral_mixing(*water, kappa_redi, p["slope_max"], sharp, grid, slow.kappa_v)


def growing_eddies(model: Model, T: Array, S: Array, b_T: Array, b_S: Array, kappa: Array) -> None:
    """Compute the diffusivity `kappa` (1, nj, ni) by the growth rate of eddies, halo included [m2 s-1]."""
    p, sharp = model.parameters, model.numerics.sharp_taper
    visbeck(T, S, b_T, b_S, p["visbeck"], p["visbeck_length"], p["slope_max"], sharp, model.grid, kappa)
    exchange(model.grid, kappa)


def eddy_diffusivities(model: Model, slow: SlowWork) -> tuple[Array, Array]:
    """Return the diffusivities of isoneutral diffusion and of eddy-induced advection [m2 s-1]."""
    redi, gm = (model.parameters[name] for name in ("kappa_redi", "kappa_gm"))
    if model.numerics.eddy_diffusivity == "constant":
        return redi, gm
    return slow.like("kappa_redi", redi), slow.like("kappa_gm", gm)


def tracer_sources(model: Model, n: State, fluxes: Fluxes, slow: SlowWork) -> None:
    """Compute D of each tracer from fluxes through the surface, horizontal diffusion, source and decay."""
    grid = model.grid
    for name in model.tracers:
        tracer, D, content = getattr(n, name), getattr(slow.D, name), rain_content(model, name)
        flux = tracer_flux(model, name, n, fluxes, slow)
        restoring = (getattr(fluxes, f"{name}_star"), getattr(fluxes, f"rate_{name}"))
        D.fill(0)
        surface_flux(tracer, flux, *restoring, fluxes.fresh_water, content, grid, D)
        diffusion(model, tracer, D, slow)
        if model.numerics.has_eddies:
            eddies(model, tracer, D, n, slow)
        source_and_decay(model, name, n, D, slow)
    if "T" in model.tracers and "shortwave" in model.forcing.names:
        shortwave_heating(model, fluxes, slow.D.T, slow)


def rain_content(model: Model, name: str) -> np.floating:
    """Return the content of the fresh water relative to the surface (`surface_flux`): rain brings T but no salt."""
    return model.grid.h_t.dtype.type(model.grid.nonlinear if name == "T" else model.grid.nonlinear - 1)


def tracer_flux(model: Model, name: str, n: State, fluxes: Fluxes, slow: SlowWork) -> Array:
    """Return the flux of a tracer through the surface [units m s-1]; salt has none."""
    if name == "T":
        return surface_heat(model, n, fluxes, slow)
    return slow.no_flux if name == "S" else getattr(fluxes, f"flux_{name}")


def surface_heat(model: Model, n: State, fluxes: Fluxes, slow: SlowWork) -> Array:
    """Compute the heat flux as a flux of temperature [K m s-1]; with `freezing` it cools nothing below T_freezing."""
    heat_per_volume = model.grid.h_t.dtype.type(model.numerics.heat_per_volume)
    np.divide(fluxes.heat_flux, heat_per_volume, out=slow.heat)
    if not model.numerics.freezing:
        return slow.heat
    hold_above_freezing(n.T, slow.heat, model.parameters["T_freezing"], model.grid, slow.held)
    return slow.held


def diffusion(model: Model, T: Array, D: Array, slow: SlowWork) -> None:
    """Add horizontal diffusion of a tracer T to D."""
    grid, p, numerics = model.grid, model.parameters, model.numerics
    if numerics.diffusion == "none":
        return
    diffuse_tracer(T, p["kappa_h"], grid, D)
    if numerics.diffusion == "biharmonic":
        tracer_laplacian(T, grid, slow.L_T)
        exchange(grid, slow.L_T)
        diffuse_tracer(slow.L_T, negative(model, "kappa4_h", slow), grid, D)


def eddies(model: Model, C: Array, D: Array, n: State, slow: SlowWork) -> None:
    """Add isoneutral diffusion and eddy-induced advection of a tracer C to D."""
    p, water = model.parameters, (n.T, n.S, slow.b_T, slow.b_S)
    mixing, sharp = (*eddy_diffusivities(model, slow), p["slope_max"]), model.numerics.sharp_taper
    isoneutral_diffusion(C, *water, *mixing, sharp, slow.triads, model.grid, D)


def shortwave_heating(model: Model, fluxes: Fluxes, D: Array, slow: SlowWork) -> None:
    """Add the heating by shortwave radiation to D."""
    p, heat_per_volume = model.parameters, model.grid.h_t.dtype.type(model.numerics.heat_per_volume)
    np.divide(fluxes.shortwave, heat_per_volume, out=slow.shortwave)
    absorb_shortwave(slow.shortwave, p["red_fraction"], p["red_depth"], p["blue_depth"], model.grid, D)


def source_and_decay(model: Model, name: str, n: State, D: Array, slow: SlowWork) -> None:
    """Add source and decay of a further tracer to D."""
    grid, p = model.grid, model.parameters
    if f"decay_{name}" in p:
        source, decay, dt = p[f"source_{name}"], p[f"decay_{name}"], grid.h_t.dtype.type(model.numerics.dt)
        phi = slow.like(f"decay_{name}", decay)
        decay_fraction(decay, dt, grid, phi)
        tracer_source(getattr(n, name), source, decay, phi, slow.s.t, grid, D)


def negative(model: Model, name: str, slow: SlowWork) -> Array:
    """Compute minus the parameter `name`, in memory of its own."""
    p = model.parameters[name]
    return np.negative(p, out=slow.like(name, p))
