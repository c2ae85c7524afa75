"""The variables of an output file: prognostic fields, and fields derived from them."""

import numpy as np

from ogcm import diagnostics
from ogcm.errors import InputError, suggestion
from ogcm.grid import at_tops, interior
from ogcm.model import Model


def vertical_velocity(model: Model) -> np.ndarray:
    """Return the upward velocity w at the interfaces, shape (nk + 1, ny, nx) [m s-1]; it is 0 at the bottom."""
    return np.pad(diagnostics.vertical_velocity(model), ((0, 1), (0, 0), (0, 0)))


DERIVED = {
    "w": vertical_velocity,
    "zeta": diagnostics.vorticity,
    "h": diagnostics.thickness,
}


def variable_values(model: Model, name: str) -> np.ndarray:
    """Return the interior of a prognostic or derived field."""
    return DERIVED[name](model) if name in DERIVED else interior(getattr(model.state, name))


def wet_points(model: Model, name: str) -> np.ndarray:
    """Return True at the points over water of a field; the array has the shape of the field."""
    field = model.fields[name]
    mask = interior(getattr(model.grid, f"mask_{field.point.lower()}")) > 0
    if field.vertical == "":
        return mask[0]
    return at_tops(mask) if field.vertical == "interface" else mask


def check_variables(model: Model, variables: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names that exist in this model, by default those of all prognostic fields.

    Raises InputError for an unknown name, or one that is given twice.
    """
    variables, known = model.state.names if variables is None else variables, (*model.state.names, *DERIVED)
    for n, name in enumerate(variables):
        if name not in known:
            raise InputError(f"variables: unknown field {name!r}: {suggestion(str(name), known)}")
        if name in variables[:n]:
            raise InputError(f"variables: {name!r} is named twice; name each field once")
    return tuple(n for n in variables if n in (*model.stepped, *DERIVED))
