"""Temperatures and salinities of observations in the kinds that the model has (`ogcm.data.sea_water`)."""

from typing import TYPE_CHECKING

import numpy as np

from adjoint.observations.points import Points
from ogcm.data.sea_water import NAMES, SALINITIES, TEMPERATURES, sea_water
from ogcm.errors import InputError
from ogcm.model import Model

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
SALINITY = 35.0  # where a data set has none: 1 g kg-1 changes a Conservative Temperature by 0.03 K


def kinds_of(model: Model) -> tuple[str, str]:
    """Return the kinds of temperature and salinity of a model."""
    teos10 = model.numerics.equation_of_state == "teos10"
    return ("conservative", "absolute") if teos10 else ("potential", "practical")


def in_kinds_of_model(
    points: list[Points], model: Model, *, temperature: str | None = None, salinity: str | None = None
) -> list[Points]:
    """Convert temperatures and salinities of a data set to those of the model.

    A temperature is converted with the salinity that was observed with it, at the same place and time; where there is
    none, with the mean of the data set.

    Parameters
    ----------
    points : list of Points
        The data set.
    model : Model
        The model.
    temperature : {"in situ", "potential", "conservative"}, optional
        Kind of the temperatures; by default that of the model.
    salinity : {"practical", "absolute"}, optional
        Kind of the salinities; by default that of the model.

    Returns
    -------
    list of Points
        The data set in the kinds of the model.

    Raises
    ------
    InputError
        For an unknown kind, and where a conversion is needed on a grid without longitudes and latitudes.
    """
    own = kinds_of(model)
    given = temperature or own[0], salinity or own[1]
    for option, kind, known in zip(
        ("temperature_kind", "salinity_kind"), given, (TEMPERATURES, SALINITIES), strict=True
    ):
        if kind not in known.values():
            raise InputError(f"{option}: {kind!r} is none of {', '.join(dict.fromkeys(known.values()))}")
    if given == own or not {"T", "S"} & {p.field for p in points}:
        return points
    if model.horizontal.units != "degrees":
        raise InputError(
            f"T, S: {' and '.join(given)} become {' and '.join(own)} with longitudes and latitudes, which the grid "
            "does not have; convert them before"
        )
    salinities = [p for p in points if p.field == "S"]
    return [p._replace(values=converted(p, salinities, model, given)) if p.field in "TS" else p for p in points]


def converted(p: Points, salinities: list[Points], model: Model, given: tuple[str, str]) -> Array:
    """Return the values of temperatures or salinities in the kind of the model."""
    S = p.values if p.field == "S" else salinity_at(p, salinities)
    T = p.values if p.field == "T" else np.full(len(S), 10.0)  # does not count
    fields = labelled(T, given[0], p), labelled(S, given[1], p)
    return sea_water(*fields, model.numerics.equation_of_state)["TS".index(p.field)].values


def labelled(values: Array, kind: str, p: Points) -> "xr.DataArray":
    """Return values at the places of observations as `ogcm.data.sea_water` takes them."""
    import xarray as xr  # imported where it is needed, since it takes time

    places = {"lat": ("point", p.y), "lon": ("point", p.x), "z": ("point", np.minimum(p.z, 0.0))}
    return xr.DataArray(values, dims="point", coords=places, attrs={"standard_name": NAMES[kind]}, name=p.field)


def salinity_at(p: Points, salinities: list[Points]) -> Array:
    """Return the salinities that were observed with some temperatures, elsewhere their mean, or 35."""
    mean = np.mean(np.concatenate([s.values for s in salinities])) if salinities else SALINITY
    seen = {place: value for s in salinities for place, value in zip(keys(s), s.values.tolist(), strict=True)}
    return np.array([seen.get(place, mean) for place in keys(p)])


def keys(p: Points) -> list[tuple[float, ...]]:
    """Return place and time of each observation."""
    return list(zip(p.x.tolist(), p.y.tolist(), p.z.tolist(), p.days.tolist(), strict=True))
