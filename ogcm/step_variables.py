"""The variables of an output that belong to a step: what acts on the water during it, and the tendencies of each term.

No state holds them, and a run keeps them for a few rows only. Therefore the step is taken again, by a stepper that
keeps all that it computes. The terms of a tracer C are those of its equation (`ogcm.stage_passes`,
`ogcm.slow_physics`), integrated over the moving layers,

    (h C)_{n+1} - (h C)_n = dt [ advection + diffusion + eddies + mixing + surface + ... ]        [K m]

where advection is that of the last stage, with the transports that carry the tracers. The same transports change the
surface: (eta_{n+1} - eta_n)/dt = fresh_water - div(sum of transports)/area. The terms of momentum are those of the last
stage; vertical friction is what its implicit solve adds, and the barotropic mode what replaces the depth mean.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from ogcm import slow_physics, stage_passes
from ogcm.fields import FIELDS, Field
from ogcm.model import Model
from ogcm.operators.pressure import pressure_gradient
from ogcm.operators.surface import surface_flux, wind_stress
from ogcm.operators.surface_potential import surface_potential
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.state import State, Tendencies
from ogcm.stepper import Stepper
from ogcm.sweep import Sweep
from ogcm.tracers import times

Array = np.ndarray
BUDGET = "_budget"  # ending of the name that stands for all terms of a field


class Step:
    """A step that is taken again, and what it computed.

    Parameters
    ----------
    model : Model
        The model, on the device of the states from which steps are taken.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.stepper = model, Stepper(model, kept=True, graphs=False)
        self.carrying = Sweep("carrying", *stage_passes.carrying())

    def take(self, n: State) -> None:
        """Take the step from a state, which stays as it is.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        """
        vars(self).pop("terms", None)
        self.n, self.fluxes = n, self.stepper.surface_fluxes(n, self.stepper.fluxes(n))
        self.end = self.stepper.advance(n)
        self.slow, self.work = self.stepper.slow, self.stepper.works[-1]
        integrator, states, number = self.stepper.integrator, self.stepper.states, model_number(self.model)
        before = [states.extrapolated or n, *states.ends]
        self.y = before[-2]  # at which the last stage evaluates advection and pressure
        self.dt = number(integrator.fractions[-1] * self.model.numerics.dt)
        if not self.model.tracers:  # whose stages need no such transports
            last = len(states.ends) - 1
            stage = self.stepper.context(last, n, self.y, states.ends[-1], self.fluxes)
            self.carrying(self.model.grid, self.stepper.arrays(stage))

    @cached_property
    def terms(self) -> Tendencies:
        """The tendencies by the terms of the model, such as a corrector."""
        D = Tendencies(**{name: np.zeros_like(a) for name, a in self.slow.D.arrays().items()})
        for term in self.model.terms.values():
            term.add(self.model, self.n, self.fluxes, D)
        return D


class StepVariable(NamedTuple):
    """A variable that belongs to a step.

    Attributes
    ----------
    field : Field
        Its description.
    function : callable
        ``function(step)``, which returns the values with halo.
    zero_on_land : bool
        True if it is 0 on land, like a transport, and not missing there.
    of_budget : bool
        True for a tendency and its terms, which are missing at the rim of open sides: values there are replaced.
    """

    field: Field
    function: Callable[[Step], Array]
    zero_on_land: bool = False
    of_budget: bool = False


def model_number(model: Model) -> Any:
    """Return the type of the numbers of a model."""
    return model.grid.h_t.dtype.type


def step_variables(model: Model) -> dict[str, StepVariable]:
    """Return the variables of a step that a model has, by name; none in a model without dynamics."""
    if model.numerics.dynamics == "none":
        return {}
    found = {name: StepVariable(FIELDS[name], function, True) for name, function in TRANSPORTS.items()}
    found |= {name: StepVariable(FIELDS[name], function) for name, function in QUANTITIES.items()}
    if model.numerics.has_tracers:
        found["kappa_v"] = StepVariable(FIELDS["kappa_v"], lambda step: step.slow.kappa_v)
        found["heat_flux"] = StepVariable(FIELDS["heat_flux"], heat_flux)
        if "shortwave" in model.forcing.names:
            found["shortwave"] = StepVariable(FIELDS["shortwave"], lambda step: step.fluxes.shortwave)
    field = Field("m s-1", "rate of change of the surface height", vertical="")
    found["eta_tendency"] = StepVariable(field, rise, of_budget=True)
    for name in ("u", "v"):
        found |= momentum_terms(model, name)
    for name in model.tracers:
        found |= tracer_terms(model, name)
    return found


def budgets(model: Model) -> dict[str, tuple[str, ...]]:
    """Return the names of the variables of each budget, by its name such as "T_budget": the tendency, and its terms."""
    if model.numerics.dynamics == "none":
        return {}
    found = {name: tuple(momentum_terms(model, name)) for name in ("u", "v")}
    found |= {name: tuple(tracer_terms(model, name)) for name in model.tracers}
    found["eta"] = ("eta_tendency", "fresh_water", *TRANSPORTS)
    return {f"{name}{BUDGET}": names for name, names in found.items()}


def heat_flux(step: Step) -> Array:
    """Return the heat flux that acts [W m-2]: with `freezing` without that which would cool the water below it."""
    flux = slow_physics.surface_heat(step.model, step.n, step.fluxes, step.slow)
    return flux * model_number(step.model)(step.model.numerics.heat_per_volume)


def rise(step: Step) -> Array:
    """Return the rate of change of the surface height [m s-1]."""
    return (step.end.eta - step.n.eta) / step.dt


TRANSPORTS: dict[str, Callable[[Step], Array]] = {
    "transport_x": lambda step: step.work.U_T,
    "transport_y": lambda step: step.work.V_T,
    "transport_z": lambda step: step.work.W_T,
}
QUANTITIES: dict[str, Callable[[Step], Array]] = {
    "tau_x": lambda step: step.fluxes.tau_x,
    "tau_y": lambda step: step.fluxes.tau_y,
    "fresh_water": lambda step: step.fluxes.fresh_water,
    "nu_v": lambda step: step.slow.nu_v,
}


# Tracers


def tracer_terms(model: Model, name: str) -> dict[str, StepVariable]:
    """Return the tendency of a tracer and its terms, thickness-weighted [K m s-1]."""
    numerics = model.numerics
    found: dict[str, tuple[str, Callable]] = {
        "tendency": ("rate of change", content_change),
        "advection": ("advection", advection),
        "mixing": ("vertical mixing", mixing),
        "restoring": ("restoring of the surface", partial(surface, "restoring")),
        "fresh_water": ("content of the fresh water", partial(surface, "fresh_water")),
    }
    if name != "S":  # no salt passes the surface
        found["surface"] = "flux through the surface", partial(surface, "flux")
    if numerics.diffusion != "none":
        found["diffusion"] = "horizontal diffusion", diffusion
    if numerics.has_eddies:
        found["eddies"] = "isoneutral diffusion and eddy-induced advection", eddies
    if name == "T" and "shortwave" in model.forcing.names:
        found["shortwave"] = "shortwave radiation", shortwave
    if f"decay_{name}" in model.parameters:
        found["source"] = "source and decay", source
    if model.open_sides.zone:
        found["nudging"] = "nudging along open sides", nudging
    if model.terms:
        found["terms"] = "further terms of the model", further_terms
    units = times("K" if model.fields[name].units == "degC" else model.fields[name].units, "m s-1")
    return {
        f"{name}_{term}": StepVariable(
            Field(units, f"tendency of h {name}: {of}"), partial(function, name), of_budget=True
        )
        for term, (of, function) in found.items()
    }


def content_change(name: str, step: Step) -> Array:
    """Return the rate of change of thickness times tracer."""
    before, after = getattr(step.n, name) * step.slow.s.t, getattr(step.end, name) * step.work.s_new.t
    return step.model.grid.h_t * (after - before) / step.dt


def advection(name: str, step: Step) -> Array:
    """Return the advection of a tracer in the last stage."""
    model, work, scheme = step.model, step.work, step.model.advection(name)
    carried, out = getattr(step.n if scheme == "monotone" else step.y, name), np.zeros_like(step.work.G)
    ADVECTION[scheme](carried, work.U_T, work.V_T, work.W_T, step.dt, model.grid, out)
    return out


def mixing(name: str, step: Step) -> Array:
    """Return the convergence of the vertical fluxes of a tracer after the step, kappa_v dC/dz at the interfaces."""
    grid, C, s = step.model.grid, getattr(step.end, name), step.work.s_new.t
    h = grid.h_t * s
    wet = (grid.mask_t[1:] > 0) & (grid.mask_t[:-1] > 0)
    distance = np.where(wet, 0.5 * (h[1:] + h[:-1]), 1)
    downward = np.where(wet, step.slow.kappa_v[1:-1] * (C[:-1] - C[1:]) / distance, 0)
    out = np.zeros_like(C)
    out[1:] += downward
    out[:-1] -= downward
    return out


def surface(part: str, name: str, step: Step) -> Array:
    """Return one part of what enters through the surface: the flux, the restoring or the content of fresh water."""
    model, fluxes, out = step.model, step.fluxes, np.zeros_like(step.work.G)
    flux = slow_physics.tracer_flux(model, name, step.n, fluxes, step.slow)
    target, rate = getattr(fluxes, f"{name}_star"), getattr(fluxes, f"rate_{name}")
    zero = np.zeros_like(flux)
    flux, rate = (flux if part == "flux" else zero), (rate if part == "restoring" else zero)
    content = slow_physics.rain_content(model, name) if part == "fresh_water" else model_number(model)(0)
    surface_flux(getattr(step.n, name), flux, target, rate, fluxes.fresh_water, content, model.grid, out)
    return out


def diffusion(name: str, step: Step) -> Array:
    """Return the horizontal diffusion of a tracer."""
    out = np.zeros_like(step.work.G)
    slow_physics.diffusion(step.model, getattr(step.n, name), out, step.slow)
    return out


def eddies(name: str, step: Step) -> Array:
    """Return the part of isoneutral diffusion that is no vertical mixing, and eddy-induced advection."""
    out = np.zeros_like(step.work.G)
    slow_physics.eddies(step.model, getattr(step.n, name), out, step.n, step.slow)
    return out


def shortwave(name: str, step: Step) -> Array:
    """Return the heating by shortwave radiation."""
    out = np.zeros_like(step.work.G)
    slow_physics.shortwave_heating(step.model, step.fluxes, out, step.slow)
    return out


def source(name: str, step: Step) -> Array:
    """Return source and decay of a further tracer."""
    out = np.zeros_like(step.work.G)
    slow_physics.source_and_decay(step.model, name, step.n, out, step.slow)
    return out


def nudging(name: str, step: Step) -> Array:
    """Return the nudging of a tracer or a velocity component in the zone along open sides."""
    out = np.zeros_like(step.n.u)
    slow_physics.nudge_field(step.model, name, step.n, step.fluxes, step.slow, out)
    return out


def further_terms(name: str, step: Step) -> Array:
    """Return the tendency by the terms of the model."""
    return getattr(step.terms, name)


# Momentum


def momentum_terms(model: Model, name: str) -> dict[str, StepVariable]:
    """Return the acceleration along an axis and its terms [m s-2]."""
    found: dict[str, tuple[str, Callable]] = {
        "tendency": ("rate of change", acceleration),
        "pressure": ("pressure gradient", pressure),
        "advection": ("advection and Coriolis force", momentum_advection),
        "mixing": ("vertical friction and bottom drag", vertical_friction),
        "wind": ("wind stress", wind),
        "barotropic": ("barotropic mode, beyond the other terms", barotropic),
    }
    if slow_physics.potentials(model):
        found["potential"] = "pressure of the air and equilibrium tide", potential
    if model.numerics.friction != "none":
        found["friction"] = "horizontal friction", friction
    if model.open_sides.zone:
        found["nudging"] = "nudging along open sides", nudging
    if model.terms:
        found["terms"] = "further terms of the model", further_terms
    point = model.fields[name].point
    return {
        f"{name}_{term}": StepVariable(
            Field("m s-2", f"tendency of {name}: {of}", "", point), partial(function, name), of_budget=True
        )
        for term, (of, function) in found.items()
    }


def acceleration(name: str, step: Step) -> Array:
    """Return the rate of change of a velocity component."""
    return (getattr(step.end, name) - getattr(step.n, name)) / step.dt


def pressure(name: str, step: Step) -> Array:
    """Return the pressure gradient of the last stage."""
    G, work = velocities(step), step.work
    pressure_gradient(work.p, work.b, step.y.eta, work.s_y.t, step.model.grid, *G.values())
    return G[name]


def momentum_advection(name: str, step: Step) -> Array:
    """Return advection and Coriolis force of the last stage."""
    return getattr(step.work, f"G_{name}") - pressure(name, step)


def vertical_friction(name: str, step: Step) -> Array:
    """Return what the implicit solve of vertical friction and bottom drag adds."""
    explicit = getattr(step.work, f"G_{name}") + getattr(step.slow.D, name)
    return (getattr(step.work, f"{name}_star") - getattr(step.n, name)) / step.dt - explicit


def wind(name: str, step: Step) -> Array:
    """Return the acceleration of the first layer by the wind."""
    D, s = velocities(step), step.slow.s
    wind_stress(step.fluxes.tau_x, step.fluxes.tau_y, s.u, s.v, step.model.grid, *D.values())
    return D[name]


def potential(name: str, step: Step) -> Array:
    """Return the acceleration by the pressure of the air and the equilibrium tide."""
    D = velocities(step)
    for of in slow_physics.potentials(step.model):
        coefficient = slow_physics.potential_of_unit(step.model, of)
        surface_potential(getattr(step.fluxes, of), coefficient, step.model.grid, *D.values())
    return D[name]


def barotropic(name: str, step: Step) -> Array:
    """Return the change by the barotropic mode, whose depth mean replaces that of the momentum equations."""
    return (getattr(step.end, name) - getattr(step.work, f"{name}_star")) / step.dt


def friction(name: str, step: Step) -> Array:
    """Return the horizontal friction."""
    D = velocities(step)
    slow_physics.friction(step.model, step.n, D["u"], D["v"], step.slow)
    return D[name]


def velocities(step: Step) -> dict[str, Array]:
    """Return zeros for the accelerations along both axes, by the names u and v."""
    return {name: np.zeros_like(step.n.u) for name in ("u", "v")}
