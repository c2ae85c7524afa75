"""The diagnostics that are written with every record of an output."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ogcm.diagnostics.circulation import barotropic_streamfunction, enstrophy, overturning, zonal_transport
from ogcm.diagnostics.eddies import eddy_overturning
from ogcm.diagnostics.energy import (
    available_potential_energy,
    kinetic_energy,
    mean_kinetic_energy,
    potential_energy,
    surface_energy,
)
from ogcm.diagnostics.stratification import mixed_layer_depth
from ogcm.diagnostics.totals import (
    heat_content,
    largest_speed,
    mean_eta,
    mean_S,
    mean_T,
    salt_content,
    tracer_content,
    volume,
)
from ogcm.model import Model
from ogcm.tracers import times

Array = np.ndarray
MAP = ("y", "x")  # dimensions of a map at T points


class Diagnostic(NamedTuple):
    """A function of the model that is written with every record of an output.

    Parameters
    ----------
    function : callable
        ``function(model)``, which returns a number or an array.
    units : str
        Units, as CF writes them.
    long_name : str
        Description.
    dims : tuple of str, optional
        Dimensions of the array in a file, such as ("z_w", "y_f"); none for a number. Of an ocean that is divided into
        tiles, an array at T, U or V points ("y" and "x", one of them may be "y_f" or "x_f") is that of the tile, all
        others belong to the whole ocean.
    tracers : bool, optional
        True if it has a meaning only in a model with tracers.
    eddies : bool, optional
        True if it has a meaning only in a model with isoneutral diffusion.
    """

    function: Callable[[Model], float | Array]
    units: str
    long_name: str
    dims: tuple[str, ...] = ()
    tracers: bool = False  # makes sense only where there are tracers
    eddies: bool = False


DIAGNOSTICS = {
    "kinetic_energy": Diagnostic(kinetic_energy, "J", "kinetic energy"),
    "mean_kinetic_energy": Diagnostic(mean_kinetic_energy, "J m-3", "mean kinetic energy"),
    "surface_energy": Diagnostic(surface_energy, "J", "potential energy of the surface"),
    "potential_energy": Diagnostic(potential_energy, "J", "gravitational energy", tracers=True),
    "available_potential_energy": Diagnostic(
        available_potential_energy, "J", "available potential energy", tracers=True
    ),
    "enstrophy": Diagnostic(enstrophy, "m3 s-2", "enstrophy"),
    "volume": Diagnostic(volume, "m3", "volume of the water"),
    "mean_eta": Diagnostic(mean_eta, "m", "mean sea surface height"),
    "largest_speed": Diagnostic(largest_speed, "m s-1", "largest velocity component"),
    "mean_T": Diagnostic(mean_T, "degC", "mean temperature", tracers=True),
    "mean_S": Diagnostic(mean_S, "g kg-1", "mean salinity", tracers=True),
    "heat_content": Diagnostic(heat_content, "J", "heat content", tracers=True),
    "salt_content": Diagnostic(salt_content, "kg", "salt content", tracers=True),
    "psi": Diagnostic(barotropic_streamfunction, "m3 s-1", "barotropic streamfunction", ("y_f", "x_f")),
    "overturning": Diagnostic(overturning, "m3 s-1", "meridional overturning streamfunction", ("z_w", "y_f")),
    "eddy_overturning": Diagnostic(
        eddy_overturning, "m3 s-1", "eddy-induced meridional overturning streamfunction", ("z_w", "y_f"), eddies=True
    ),
    "zonal_transport": Diagnostic(zonal_transport, "m3 s-1", "eastward transport", ("x_f",)),
    "mixed_layer_depth": Diagnostic(mixed_layer_depth, "m", "mixed layer depth", MAP, tracers=True),
}


def available_diagnostics(model: Model) -> dict[str, Diagnostic]:
    """Return the diagnostics that have a meaning for this model.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    dict of str to Diagnostic
        The entries of `DIAGNOSTICS`, without those of tracers or eddies in a model that has none, and without the
        available potential energy in one that is divided into tiles; for each further tracer its content,
        `content_<name>`.
    """
    tracers, eddies = model.numerics.has_tracers, model.numerics.has_eddies
    known = {name: d for name, d in DIAGNOSTICS.items() if tracers >= d.tracers and eddies >= d.eddies}
    if not model.grid.tile.is_whole:
        known.pop("available_potential_energy", None)
    for name in model.further_tracers:
        units, long_name = model.fields[name].units, model.fields[name].long_name
        content = partial(tracer_content, name=name)
        known[f"content_{name}"] = Diagnostic(content, times(units, "m3"), f"content: {long_name}")
    return known


def diagnose(model: Model) -> dict[str, float | Array]:
    """Compute all diagnostics of the present state.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    dict of str to float or ndarray
        The values by the name of the diagnostic, in its units (`DIAGNOSTICS`).
    """
    return {name: d.function(model) for name, d in available_diagnostics(model).items()}
