"""An ocean of one's own, from the file that `ogcm prepare` made."""

from collections.abc import Mapping
from typing import Any, Unpack

import ogcm
from ogcm.errors import FileError
from ogcm.inputs import Values
from ogcm.preparation import ocean_file


def check_prepared(name: str, data: str | None) -> None:
    """Raise FileError where a setup, whose file `ogcm prepare` makes by its name, is not given the file."""
    if data is None:
        raise FileError(
            f"{name} needs the file that `ogcm prepare {name} --data FOLDER` makes: `ogcm run {name} --data {name}.nc`"
        )


@ogcm.recipe(days=30)
def ocean(
    *, data: str | None = None, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make the ocean in a file of `ogcm prepare`: its bathymetry, start, forcing and settings.

    Parameters
    ----------
    data : str
        The file.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those in the file.
    **numerics : SetupOptions
        Numerical choices that replace those in the file, and the `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.

    Raises
    ------
    FileError
        Where the file is not given, does not exist, or was not made by `ogcm prepare`.
    """
    if data is None:
        raise FileError("ocean needs the file of an ocean, made by `ogcm prepare`: `ogcm run ocean --data FILE.nc`")
    found = ocean_file.read(data)
    forcing: dict[str, Any] = dict(found.forcing)
    if isinstance(forcing.get("surface_pressure"), str):
        forcing["surface_pressure"] = found.atmosphere["slp"]
    if "equilibrium_tide" in forcing:
        forcing["equilibrium_tide"] = ogcm.EquilibriumTide(forcing["equilibrium_tide"])
    settings: Any = {"equation_of_state": found.equation_of_state} | found.numerics | dict(numerics)
    return ogcm.Model(
        ogcm.spherical(lon=found.cells.lon_edges, lat=found.cells.lat_edges),
        depth=found.depth,
        dz=found.dz,
        T=found.T,
        S=found.S,
        eta=found.eta,
        forcing=ogcm.Forcing(**forcing, atmosphere=ogcm.Atmosphere(**found.atmosphere) if found.atmosphere else None),
        open_sides=ogcm.OpenSides(**found.open_sides) if found.open_sides else None,
        start=found.start,
        parameters=found.parameters | dict(parameters or {}),
        **settings,
    )
