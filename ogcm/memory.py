"""The memory of a run or a gradient, computed before it begins.

Nearly all arrays are maps or fields of the grid. Therefore the work arrays are made for a corner of the ocean, one cell
wide, and their bytes counted: those of the whole grid are larger by the ratio of the numbers of columns.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from ogcm.backend import HALO
from ogcm.fields import Fields
from ogcm.model import Model
from ogcm.stability import barotropic_steps
from ogcm.state import State
from ogcm.stepper import Stepper

Array = np.ndarray
COPIES = 2  # copies of the state in a run: the last good one, and one that is being written
KERNELS = {"run": 2, "gradient": 11}  # work arrays (nk + 1, nj, ni) that the kernels of a GPU share (`ogcm.cuda`)


def bytes_of(*things: object) -> int:
    """Return the size of all arrays [bytes] of steppers, states, or lists and dictionaries of them.

    Their models are not counted.
    """
    found, waiting = {}, list(things)
    while waiting:
        x = waiting.pop()
        if hasattr(x, "nbytes"):
            found[id(x)] = x.nbytes
        elif isinstance(x, list | tuple):
            waiting += x
        elif isinstance(x, dict):
            waiting += x.values()
        elif is_dataclass(x) or isinstance(x, Fields):
            waiting += vars(x).values()
        elif isinstance(x, Stepper):
            waiting += [value for name, value in vars(x).items() if name != "model"]
    return sum(found.values())


def cut(a: Any) -> Any:
    """Return the south-western cell of an array with its halo; anything else as it is."""
    return a[..., : 2 * HALO + 1, : 2 * HALO + 1] if getattr(a, "ndim", 0) > 1 else a


def corner(model: Model) -> Model:
    """Return the model of the south-western cell, without its terms.

    It has as many barotropic substeps as the whole model.
    """
    other = copy.copy(model)
    other.numerics = replace(model.numerics, barotropic_steps=math.ceil(barotropic_steps(model)))
    other.grid = model.grid.with_members(map(cut, model.grid))
    other.state = State(**{name: cut(a) for name, a in model.state.arrays().items()})
    other.parameters = {name: cut(a) for name, a in model.parameters.items()}
    other.terms = {}
    return other


def model_bytes(model: Model) -> int:
    """Return the size of all arrays of a model [bytes]."""
    forcing, terms = model.forcing, sum(getattr(term, "nbytes", 0) for term in model.terms.values())
    series = [s.values for s in forcing.series.values()]
    return bytes_of(list(model.grid), model.state, model.parameters, forcing.steady, series) + terms


def work_bytes(model: Model, make: Callable[[Model], object]) -> int:
    """Return the size of the work arrays [bytes] of the objects that `make` makes of a model, such as a stepper."""
    small = corner(model)
    columns = model.grid.depth_t.size / small.grid.depth_t.size
    return int(bytes_of(make(small)) * columns)


def kernel_bytes(model: Model, kind: str) -> int:
    """Return the size of the work arrays that the kernels of a GPU share [bytes]; `kind` is "run" or "gradient"."""
    nk, nj, ni = model.grid.h_t.shape
    return KERNELS[kind] * (nk + 1) * nj * ni * model.grid.h_t.itemsize


def run_bytes(model: Model) -> int:
    """Return the memory of a run on a GPU [bytes]."""
    return model_bytes(model) + work_bytes(model, Stepper) + kernel_bytes(model, "run") + COPIES * bytes_of(model.state)
