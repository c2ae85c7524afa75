"""The Mediterranean and the near Atlantic, from the file that `ogcm prepare mediterranean` made."""

from collections.abc import Mapping
from typing import Unpack

import ogcm
from ogcm.inputs import Values
from ogcm.setups.ocean import check_prepared, ocean


@ogcm.recipe(days=30)
def mediterranean(
    *, data: str | None = None, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make the Mediterranean in January 2021 at 1/6 degree in 31 layers, open to the Atlantic, with tides.

    The file ogcm/setups/mediterranean.toml says what it is made of: a relief of 1/8 degree, the climatology of January,
    the atmosphere of every six hours with its pressure, and eight tides. The Atlantic reaches to 14 W. Its sides have
    the mean dynamic topography, lowered or raised by the pressure of the air, and the tides outside.

    Parameters
    ----------
    data : str
        The file, made by `ogcm prepare mediterranean --data FOLDER`.
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
    check_prepared("mediterranean", data)
    model = ocean(data=data, parameters=parameters, **numerics)
    model.places = {
        "transport": {"x": -5.5, "y": (35.5, 36.5)},  # Gibraltar
        "heat_content": {"x": (-5.5, 36.25), "y": (30.375, 45.875)},
    }
    return model
