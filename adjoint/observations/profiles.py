"""Profiles of temperature and salinity in a contiguous ragged array of CF: Argo floats, XBT, CTD, gliders, moorings.

The variables of profiles (`time`, `lat`, `lon`, `platform`) have one element for each; `row_size`, which has the
attribute `sample_dimension`, tells how many levels each has. The levels (`depth`, `temperature`, `salinity`) follow
each other along the sample dimension.
"""

from collections.abc import Mapping

import numpy as np

from adjoint.observations.columns import File, complete, errors_of
from adjoint.observations.point_file import height
from adjoint.observations.points import Points
from adjoint.observations.water import in_kinds_of_model
from ogcm.data.decoding import text
from ogcm.data.sea_water import SALINITIES, TEMPERATURES
from ogcm.errors import FileError

Array = np.ndarray


def counting_variable(file: File) -> str | None:
    """Return the variable with the numbers of levels of a contiguous ragged array, None where there is none."""
    return next((str(n) for n, v in file.ds.variables.items() if "sample_dimension" in v.attrs), None)


def read_profiles(
    file: File,
    *,
    errors: float | Mapping[str, float] | None = None,
    temperature: str = "temperature",
    salinity: str = "salinity",
    temperature_kind: str | None = None,
    salinity_kind: str | None = None,
) -> list[Points]:
    """Return the observations in a file of profiles.

    Parameters
    ----------
    file : File
        The file.
    errors : mapping of str to float, optional
        Standard errors of "T" and "S"; not needed where the file has variables such as `temperature_error`.
    temperature, salinity : str
        Names of the variables, of which one may be absent.
    temperature_kind : {"in situ", "potential", "conservative"}, optional
        Kind of the temperature; by default what its standard_name tells, or in situ.
    salinity_kind : {"practical", "absolute"}, optional
        Kind of the salinity; by default what its standard_name tells, or practical.

    Returns
    -------
    list of Points
        The observations of T and S, in the kinds of the model.

    Raises
    ------
    FileError
        Where the file lacks variables, or the numbers of levels do not fit.
    InputError
        For values that cannot be used, and where errors are not given.
    """
    ds, counting = file.ds, counting_variable(file) or ""
    count = np.ravel(ds[counting].values).astype(int)
    samples = ds.sizes[text(ds[counting].attrs, "sample_dimension")]
    if (count < 0).any() or count.sum() != samples:
        raise FileError(f"{file.path}: {counting} counts {count.sum()} levels, but there are {samples}")
    profile = np.repeat(np.arange(len(count)), count)
    x, y = (a[profile] for a in file.places("lon", "lat"))
    vertical = "z" if "z" in ds.variables else "depth"
    z = np.minimum(height(f"{file.path}: {vertical}", ds[vertical], file.column(vertical, "depth")), 0.0)
    platform = file.names("platform")[profile] if "platform" in ds.variables else np.full(samples, "")
    places = {"x": x, "y": y, "z": z, "days": file.days("time")[profile], "platform": platform}
    points = []
    names = {field: name for field, name in (("T", temperature), ("S", salinity)) if name in ds.variables}
    if not names:
        raise FileError(f"{file.path}: lacks {temperature} and {salinity}; give the names of its variables")
    for field, name in names.items():
        values = file.field(name, field)
        if f"{name}_error" in ds.variables:
            sigma = file.field(f"{name}_error", field, difference=True)
        else:
            sigma = errors_of(file.path, errors, field, values)
        found = complete(file.path, Points(field, **places, values=values, errors=sigma))
        points += [found] if found else []
    standard = {field: text(ds[name].attrs, "standard_name") for field, name in names.items()}
    t_kind = temperature_kind or TEMPERATURES.get(standard.get("T", ""), "in situ")
    s_kind = salinity_kind or SALINITIES.get(standard.get("S", ""), "practical")
    return in_kinds_of_model(points, file.model, temperature=t_kind, salinity=s_kind)
