"""Super-observations: the mean of the observations of one field in a cell, a layer and an interval of time.

Where there are several observations in a cell, an analysis that takes their errors for independent draws too close to
them, and slowly. Their mean with the weights w_m proportional to 1/sigma_m^2 replaces them. Its error is that of a mean
of errors with the correlation c (0 for independent errors, 1 for one common error, such as that of the
representativeness of the cell):

    sigma^2 = (1 - c) sum w_m^2 sigma_m^2 + c (sum w_m sigma_m)^2

Source: Lorenc (1981), doi 10.1175/1520-0493(1981)109<0701:AGTDMS>2.0.CO;2.
"""

from collections.abc import Sequence

import numpy as np

from adjoint.observations.points import Points
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.regions import extent, shift_coordinates

Array = np.ndarray


def super_observations(
    points: Sequence[Points], model: Model, *, days: float = 1.0, correlation: float = 0.0
) -> list[Points]:
    """Replace observations in a cell, a layer and an interval of time by their mean.

    Those of different platforms, groups of offsets or spans stay apart.

    Parameters
    ----------
    points : sequence of Points
        The observations; those outside the grid are in its outermost cells.
    model : Model
        The model, whose cells are meant.
    days : float
        Length of the intervals [days]; the first one begins with the run.
    correlation : float
        Correlation c of the errors in a cell, from 0 to 1.

    Returns
    -------
    list of Points
        The means, in the order of the first observation of each.

    Raises
    ------
    InputError
        For intervals without length, or a correlation beyond 0 to 1.
    """
    if not days > 0:
        raise InputError(f"days: an interval must be longer than 0, got {days:g}")
    if not 0 <= correlation <= 1:
        raise InputError(f"correlation: must be from 0 to 1, got {correlation:g}")
    return [averaged(p.whole(), model, days, correlation) for p in points]


def cells(p: Points, model: Model) -> tuple[Array, Array, Array]:
    """Return layer, row and column (n,) of the cells in which observations lie."""
    h = model.horizontal.undivided
    places = []
    for axis, at, faces in (("y", p.y, h.y_f), ("x", p.x, h.x_f)):
        place = shift_coordinates(h, axis, at, 0.5 * sum(extent(h, axis)))
        places.append(np.clip(np.searchsorted(faces, place), 0, len(faces) - 1))
    layer = np.clip(np.searchsorted(np.cumsum(model.dz), -p.z), 0, len(model.dz) - 1)
    return layer, places[0], places[1]


def averaged(p: Points, model: Model, days: float, correlation: float) -> Points:
    """Return the means of one field, see `super_observations`."""
    when = np.floor(p.days / days).astype(int)
    _, platform = np.unique(p.platform, return_inverse=True)
    _, span = np.unique(p.span, return_inverse=True)
    key = np.stack([*cells(p, model), when, platform, span, p.offset], axis=1)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # of the groups, by their first observation
    group = np.argsort(order)[group.ravel()]
    first = first[order]

    def total(a: Array) -> Array:
        return np.bincount(group, a, len(first))

    weight = 1 / p.errors**2
    weight = weight / total(weight)[group]

    def mean(a: Array) -> Array:
        return a[first] + total(weight * (a - a[first][group]))  # exact where there is one

    h = model.horizontal
    x = np.asarray(shift_coordinates(h, "x", p.x, 0.5 * sum(extent(h.undivided, "x"))))
    variance = (1 - correlation) * total((weight * p.errors) ** 2) + correlation * total(weight * p.errors) ** 2
    return p.select(first)._replace(
        x=p.x[first] + total(weight * (x - x[first][group])), y=mean(p.y), z=mean(p.z), days=mean(p.days),
        values=mean(p.values), errors=np.sqrt(variance),
    )  # fmt: skip
