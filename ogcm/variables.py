"""The variables of an output file: prognostic fields, fields derived from them, those of a step, and a user's own.

Names that end in "_budget", such as "T_budget", stand for the tendency of a field and all its terms
(`ogcm.step_variables`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ogcm import diagnostics
from ogcm.diagnostics import Diagnostic
from ogcm.errors import InputError, suggestion
from ogcm.fields import Field
from ogcm.grid import at_tops, interior
from ogcm.model import Model
from ogcm.step_variables import BUDGET, Step, StepVariable, budgets, step_variables

# Dimensions of fields; an array at F points belongs to the whole ocean, like a streamfunction, which land has as well
POINTS: dict[tuple[str, ...], str] = {("y", "x"): "T", ("y", "x_f"): "U", ("y_f", "x"): "V"}
VERTICAL: dict[tuple[str, ...], str] = {(): "", ("z",): "layer", ("z_w",): "interface"}


class Variable(NamedTuple):
    """A field of an output file.

    Attributes
    ----------
    field : Field
        Its description.
    function : callable
        ``function(model)`` or, of a variable of a step, ``function(step)``, which returns the interior.
    of_step : bool
        True if it belongs to a step and not to a state.
    zero_on_land : bool
        True if it is 0 on land and not missing there.
    of_budget : bool
        True for a tendency and its terms, which are missing at the rim of open sides.
    """

    field: Field
    function: Callable[[Any], Any]
    of_step: bool = False
    zero_on_land: bool = False
    of_budget: bool = False


def vertical_velocity(model: Model) -> np.ndarray:
    """Return the upward velocity w at the interfaces, shape (nk + 1, ny, nx) [m s-1]; it is 0 at the bottom."""
    return np.pad(diagnostics.vertical_velocity(model), ((0, 1), (0, 0), (0, 0)))


def sigma0(model: Model) -> np.ndarray:
    """Return the potential density less 1000 kg m-3, shape (nk, ny, nx)."""
    return diagnostics.potential_density(model) - 1000


DERIVED: dict[str, Callable[[Model], np.ndarray]] = {
    "w": vertical_velocity,
    "zeta": diagnostics.vorticity,
    "h": diagnostics.thickness,
}
OF_TRACERS: dict[str, Callable[[Model], np.ndarray]] = {
    "rho": diagnostics.density,
    "sigma0": sigma0,
    "N2": diagnostics.squared_buoyancy_frequency,
}


def derived_fields(model: Model) -> dict[str, Callable[[Model], np.ndarray]]:
    """Return the functions of the fields that are derived from the state of a model, by name."""
    return DERIVED | (OF_TRACERS if model.numerics.has_tracers else {})


def variable_values(model: Model, name: str) -> np.ndarray:
    """Return the interior of a prognostic or derived field."""
    derived = derived_fields(model)
    return derived[name](model) if name in derived else interior(getattr(model.state, name))


def output_variables(model: Model) -> dict[str, Variable]:
    """Return all variables that the output of a model may have, by name, without a user's own."""
    of_state = (*model.stepped, *derived_fields(model))
    found = {name: Variable(model.fields[name], partial(variable_values, name=name)) for name in of_state}
    return found | {name: of_step(variable) for name, variable in step_variables(model).items()}


def of_step(variable: StepVariable) -> Variable:
    """Return a variable of a step as one of an output file."""

    def values(step: Step) -> np.ndarray:
        return interior(variable.function(step))

    return Variable(variable.field, values, True, variable.zero_on_land, variable.of_budget)


def wet_points(model: Model, field: str | Field) -> np.ndarray:
    """Return True at the points over water of a field, given by name or description, in the shape of the field."""
    field = model.fields[field] if isinstance(field, str) else field
    mask = interior(getattr(model.grid, f"mask_{field.point.lower()}")) > 0
    if field.vertical == "":
        return mask[0]
    return at_tops(mask) if field.vertical == "interface" else mask


def written_points(model: Model, variable: Variable) -> np.ndarray:
    """Return True at the points where a variable has values: over water (a budget without the rim), or everywhere."""
    wet = wet_points(model, variable.field)
    if variable.of_budget:
        wet = wet & ~interior(getattr(model.grid, f"inward_{variable.field.point.lower()}")).any(axis=0)
    return np.ones_like(wet) if variable.zero_on_land else wet


def check_variables(model: Model, variables: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names that exist in this model, by default those of all prognostic fields; budgets as their terms.

    Raises InputError for an unknown name, or one that is given twice.
    """
    variables, sets = model.state.names if variables is None else variables, budgets(model)
    known = dict.fromkeys((*model.state.names, *output_variables(model), *sets))
    for n, name in enumerate(variables):
        if name not in known:
            raise InputError(f"variables: unknown field {name!r}: {suggestion(str(name), known)}")
        if name in variables[:n]:
            raise InputError(f"variables: {name!r} is named twice; name each field once")
    chosen = dict.fromkeys(n for name in variables for n in sets.get(name, (name,)))
    return tuple(n for n in chosen if n not in model.state.names or n in model.stepped)


# A user's own


def check_diagnostics(model: Model, own: Mapping[str, Diagnostic]) -> None:
    """Raise InputError for an own variable whose name is taken, or whose function or dimensions cannot be written."""
    taken = {*output_variables(model), *diagnostics.available_diagnostics(model), *model.state.names}
    for name, d in own.items():
        if not (isinstance(name, str) and name.isidentifier()) or name in taken or name.endswith(BUDGET):
            raise InputError(f"diagnostics: {name!r} is the name of another variable or no word; choose another")
        if not isinstance(d, Diagnostic) or not callable(d.function):
            raise InputError(
                f"diagnostics: {name} needs an ogcm.diagnostics.Diagnostic(function, units, long_name, dims), got {d!r}"
            )
        unknown = [dim for dim in d.dims if dim not in sizes(model)]
        if unknown:
            raise InputError(f"diagnostics: {name}: dimension {unknown[0]!r}: {suggestion(unknown[0], sizes(model))}")


def sizes(model: Model) -> dict[str, int]:
    """Return the sizes of the dimensions of a file, which is of the whole ocean."""
    (ny, nx), nk = model.grid.tile.shape, len(model.dz)
    return {"y": ny, "y_f": ny, "x": nx, "x_f": nx, "z": nk, "z_w": nk + 1}


def as_field(d: Diagnostic) -> Variable | None:
    """Return an own variable as a field if it has the dimensions of one, else None."""
    point, vertical = POINTS.get(d.dims[-2:]), VERTICAL.get(d.dims[:-2])
    if point is None or vertical is None:
        return None
    return Variable(Field(d.units, d.long_name, "", point, vertical), d.function)


def checked_values(model: Model, name: str, d: Diagnostic) -> np.ndarray:
    """Return the values of an own variable. Raises InputError if they do not have its dimensions."""
    values = np.asarray(d.function(model))
    field = as_field(d)
    shape = tuple(sizes(model)[dim] for dim in d.dims) if field is None else wet_points(model, field.field).shape
    if values.shape != shape or values.dtype.kind not in "fiub":
        raise InputError(
            f"diagnostics: {name} returned {values.dtype} of shape {values.shape}; its dimensions {d.dims} need "
            f"numbers of shape {shape}"
        )
    return values
