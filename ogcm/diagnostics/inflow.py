"""Inflow through open sides: what passes between the cells outside and those inside during a step.

    d(content inside)/dt = inflow + surface + sources + nudging

A cell of the rim gains by advection, diffusion and eddies what passes through its faces. Those towards the inside are
the only ones through which the rim as a whole exchanges anything, so that the ocean gains what the rim loses.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ogcm.diagnostics.cells import inside, interior_float64, total
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.open_sides import SIDES

if TYPE_CHECKING:
    from ogcm.step_variables import Step

Array = np.ndarray
LATERAL = ("advection", "diffusion", "eddies")  # terms of a tracer that pass through the sides of cells


class Inflow(NamedTuple):
    """Inflow through the open sides of an ocean during a step.

    Attributes
    ----------
    volume : float
        Volume of water [m3 s-1].
    sides : dict of str to float
        Volume of water [m3 s-1] by the direction from which it comes, "west", "east", "south" and "north".
    heat : float
        Heat relative to 0 degC [W].
    salt : float
        Mass of salt [kg s-1].
    tracers : dict of str to float
        Content of each tracer, T and S among them [units m3 s-1].
    nudging : dict of str to float
        What the nudging in the zone along open sides adds to each tracer inside [units m3 s-1].
    """

    volume: float
    sides: dict[str, float]
    heat: float
    salt: float
    tracers: dict[str, float]
    nudging: dict[str, float]


def inflow(model: Model) -> Inflow:
    """Inflow through the open sides of an ocean in the step that begins with its present state.

    The step is taken by a stepper of its own; the model stays as it is. On tiles all processes must call this.

    Parameters
    ----------
    model : Model
        The model with its present state, on the host.

    Returns
    -------
    Inflow
        The inflow, computed from the fluxes through the faces of cells.

    Raises
    ------
    InputError
        For a model without open sides or without dynamics.
    """
    if not model.grid.open_sides or model.numerics.dynamics == "none":
        raise InputError("inflow: the model has no open sides through which water moves; give it open_sides")
    from ogcm.step_variables import Step, tracer_terms  # which import diagnostics

    state = model.state.copy()
    state.prepare(model.grid)
    step = Step(model)
    step.take(state)
    sides = {side: through_side(step, side) for side in SIDES}
    outside, within = ~inside(model), inside(model)
    tracers, nudging = {}, {}
    for name in model.tracers:
        terms = tracer_terms(model, name)
        lateral = [terms[f"{name}_{term}"].function(step) for term in LATERAL if f"{name}_{term}" in terms]
        tracers[name] = -content(model, lateral, outside)
        zone = [terms[f"{name}_nudging"].function(step)] if f"{name}_nudging" in terms else []
        nudging[name] = content(model, zone, within)
    heat = model.numerics.heat_per_volume * tracers.get("T", 0.0)
    salt = model.numerics.rho0 * 1e-3 * tracers.get("S", 0.0)
    return Inflow(float(sum(sides.values())), sides, heat, salt, tracers, nudging)


def through_side(step: "Step", side: str) -> float:
    """Return the volume that enters through the faces beyond which the inside lies in one direction [m3 s-1]."""
    grid = step.model.grid
    along, axis = ("v", 0) if SIDES[side][0] else ("u", 1)
    faces = interior(getattr(grid, f"inward_{along}"))
    crosses = (faces[axis] == SIDES[side][axis]) & (faces[1 - axis] == 0)
    transport = interior_float64(step.work.U_T if along == "u" else step.work.V_T)
    return SIDES[side][axis] * total(step.model, transport * crosses)


def content(model: Model, tendencies: list[Array], where: Array) -> float:
    """Return the integral of thickness-weighted tendencies (nk, nj, ni) over cells (ny, nx) [units m3 s-1]."""
    area = interior_float64(model.grid.area_t) * where
    wet = interior(model.grid.mask_t) == 1
    return sum(total(model, np.where(wet, interior_float64(a), 0) * area) for a in tendencies)
