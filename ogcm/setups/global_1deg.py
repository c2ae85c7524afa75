"""The real ocean at one degree, from the file that `ogcm prepare global_1deg` made."""

from collections.abc import Mapping
from typing import Unpack

import ogcm
from ogcm.inputs import Values
from ogcm.setups.ocean import check_prepared, ocean


@ogcm.recipe(days=365)
def global_1deg(
    *, data: str | None = None, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make the ocean from 80 S to 80 N at one degree in 32 layers, from observations.

    The file ogcm/setups/global_1deg.toml says what it is made of: a relief of 1/3 degree, temperature and salinity of
    Levitus (1982), monthly winds and heat fluxes, restored to the temperature and salinity of the surface within 30 and
    90 days. Eddies mix along neutral surfaces and flatten them (Gent and McWilliams 1990), turbulence mixes across
    them. The model has no ice: cooling stops at the freezing point.

    Parameters
    ----------
    data : str
        The file, made by `ogcm prepare global_1deg --data FOLDER`.
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
    check_prepared("global_1deg", data)
    model = ocean(data=data, parameters=parameters, **numerics)
    model.places = {
        "transport": {"x": 292.0, "y": (-70.0, -54.0)},  # Drake Passage
        "overturning": {"x": (-80.0, 0.0), "y": 26.0, "z": -1000.0},
        "heat_content": {"x": (-80.0, 0.0), "y": (0.0, 65.0)},  # the North Atlantic
    }
    return model
