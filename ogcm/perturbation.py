"""Perturbations of an initial state, for the members of an ensemble (`ogcm.ensemble`).

A perturbed field is x + size e, with noise e that is normally distributed and independent in each cell of water. Its
random numbers depend only on the number of the member and the name of the field, so that a member can be repeated
alone, and on any number of processes.
"""

from collections.abc import Mapping

import numpy as np

from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.inputs import check_sea_water, number
from ogcm.model import Model


def check_perturbation(model: Model, perturb: Mapping[str, float], member: int) -> None:
    """Raise InputError for a field that cannot be perturbed, a size that is not positive, or a wrong member."""
    known = [name for name in ("u", "v", "eta", *model.tracers) if name in model.stepped]
    if not isinstance(perturb, Mapping) or not perturb:
        raise InputError(f"perturb: needs fields and sizes such as {{'T': 0.01}}, got {perturb!r}")
    for name, size in perturb.items():
        if name not in known:
            raise InputError(f"perturb: {name!r} cannot be perturbed: {suggestion(str(name), known)}")
        if number(f"perturb: {name}", size) <= 0:
            raise InputError(f"perturb: {name} needs a positive standard deviation in its units, got {size!r}")
    if number("member", member, whole=True) < 1:
        raise InputError(f"member: members are numbered from 1, got {member!r}")


def perturb_state(model: Model, perturb: Mapping[str, float], member: int) -> None:
    """Add noise to the state of a model; an integrator of two levels starts anew.

    Parameters
    ----------
    model : Model
        The model.
    perturb : mapping of str to float
        Standard deviation of the noise by field, in the units of the field: "u", "v", "eta", "T", "S" and further
        tracers.
    member : int
        Number of the member, from 1.

    Raises
    ------
    InputError
        For a field that cannot be perturbed, a size that is not positive, a member below 1, and for water that is
        outside the range of the equation of state afterwards.
    """
    check_perturbation(model, perturb, member)
    state, grid = model.state, model.grid
    for name, size in perturb.items():
        a, mask = interior(getattr(state, name)), getattr(grid, f"mask_{name if name in ('u', 'v') else 't'}")
        wet = interior(mask[0] if name == "eta" else mask) == 1
        rng = np.random.default_rng([member, *name.encode()])
        noise = grid.tile.drawn(rng.normal, a.shape)
        a[wet] += size * noise[wet]
        if name in ("T", "S"):
            check_sea_water(name, a[wet], model.numerics.equation_of_state)
    state.previous = None
    state.prepare(grid)
