"""Sea level along the tracks of altimeters, as anomalies from a mean and with their corrections.

    eta = sla + mdt + further corrections to be undone, such as ocean_tide and dac in a model that has tides and the
    pressure of the air

The height of the geoid under a model's sea level is not known: each satellite has an unknown mean offset. Where each of
its passes has one instead, errors of a length of thousands of kilometres do not count either, neither those of orbits,
tides and corrections nor those of the model (as with the choice bias_at of OceanVar2).
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.observations.columns import File, complete, errors_of
from adjoint.observations.points import Points
from adjoint.observations.quality import with_offsets
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError, suggestion

Array = np.ndarray
GAP = 60 / DAY  # [days] a longer time without observation ends a pass
OFFSETS = {"satellite": np.inf, "pass": GAP}
SATELLITE = ("platform", "satellite", "sat", "mission")  # names of the variable of the satellite


def read_tracks(
    file: File,
    *,
    errors: float | None = None,
    sea_level: str = "sla",
    add: Sequence[str] = ("mdt",),
    platform: str | None = None,
    names: Mapping[int, str] | Sequence[str] | None = None,
    offsets: str = "satellite",
) -> list[Points]:
    """Return the observations in a file of sea level along tracks.

    Parameters
    ----------
    file : File
        The file.
    errors : float, optional
        Standard error [m]; not needed where the file has a variable such as `sla_error`.
    sea_level : str
        Variable of the sea-level anomaly.
    add : sequence of str
        Variables that are added to it.
    platform : str, optional
        Variable of the satellite; by default platform, satellite, sat or mission.
    names : mapping of int to str, or sequence of str, optional
        Names of the numbers in that variable, of a sequence from 0 on; by default those of its flag_meanings.
    offsets : {"satellite", "pass", "none"}, default "satellite"
        What has an unknown mean offset, which is removed: each satellite, or each of its passes, which ends where
        there is no observation for a minute.

    Returns
    -------
    list of Points
        The observations of eta.

    Raises
    ------
    FileError
        Where the file lacks a variable, or holds no observation.
    InputError
        For values or offsets that cannot be used, and where errors are not given.
    """
    if offsets not in (*OFFSETS, "none"):
        raise InputError(f"offsets: unknown {offsets!r}: {suggestion(str(offsets), (*OFFSETS, 'none'))}")
    values = file.field(sea_level, "eta")
    for name in add:
        values = values + file.field(name, "eta", difference=True)
    lost = int((np.isfinite(file.field(sea_level, "eta")) & ~np.isfinite(values)).sum())
    if lost:
        warnings.warn(f"{file.path}: {lost} of {len(values)} observations lack {' or '.join(add)}; they are left out",
                      stacklevel=3)  # fmt: skip
    error = f"{sea_level}_error"
    if error in file.ds.variables:
        sigma = file.field(error, "eta", difference=True)
    else:
        sigma = errors_of(file.path, errors, "eta", values)
    x, y = file.places("lon", "lat")
    satellite = platform or next((name for name in SATELLITE if name in file.ds.variables), None)
    columns = {"x": x, "y": y, "z": np.zeros(len(x)), "days": file.days("time"), "values": values, "errors": sigma}
    who = file.names(satellite, names) if satellite else np.full(len(x), "")
    found = complete(file.path, Points("eta", **columns, platform=who))
    if found is None:
        raise FileError(f"{file.path}: holds no observation, all sums of {', '.join([sea_level, *add])} are missing")
    return [found] if offsets == "none" else with_offsets([found], gap=OFFSETS[offsets])
