"""Data sets to train on, made of observations: what the setups `papa` and `agulhas` would hold at each record.

A data set is an output file of ogcm with snapshots at uniform times (NetCDF4, CF names; `ogcm info` and `ogcm plot`
read it) and the attribute `format`. Times count from the first record used; `observed_from`, `data_source` and
`data_license` tell of the file that it was made from.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py

import ogcm
from ogcm.errors import FileError, InputError
from ogcm.grid import add_halo
from ogcm.io import Output
from ogcm.ocean_data import OceanData
from ogcm.setups.agulhas import DAY, Starts, agulhas, read_currents
from ogcm.setups.papa import HOUR, in_cells, papa, read_record

FORMAT = "ogcm data set 1"


def papa_data(data: str | Path, path: str | Path, *, every: int = 3, overwrite: bool = False) -> None:
    """Write T and S of `papa`'s column as observed each `every` hours to the data set `path`.

    Layers deeper than the observations hold the deepest value (`ogcm.setups.papa.Record`). There are no currents: those
    of a run that is set to the observed T and S each hour make forecasts better by less than 2 %. Raises InputError
    for `every` below 1, FileError for a file that cannot be read or written.
    """
    if every < 1:
        raise InputError(f"every: must be at least 1 hour, got {every}")
    model = papa(data=str(data))
    record = read_record(str(data))

    def states() -> Iterator[None]:
        for n in range(0, record.hours, every):
            for a, values in ((model.state.T, record.T), (model.state.S, record.S)):
                a[...] = add_halo(in_cells(values[n][:, None]), (True, True))
            model.state.time = n * HOUR
            yield

    write(path, model, ("T", "S"), states(), data, overwrite)


def agulhas_data(data: str | Path, path: str | Path, *, overwrite: bool = False) -> None:
    """Write u, v and eta of each day's start of `agulhas` to the data set `path`.

    u and v are the part of the observed currents that fills no cell, eta what balances it (`ogcm.setups.agulhas`).
    Raises FileError for a file that cannot be read or written.
    """
    model, currents = agulhas(data=str(data)), read_currents(str(data))
    starts = Starts(model, currents)

    def states() -> Iterator[None]:
        for n in range(len(currents.u)):
            starts.set(n)
            model.state.time = n * DAY
            yield

    write(path, model, ("u", "v", "eta"), states(), data, overwrite)


def write(
    path: str | Path,
    model: ogcm.Model,
    fields: tuple[str, ...],
    states: Iterator[None],
    data: str | Path,
    overwrite: bool,
) -> None:
    """Write `fields` of the model each time that `states` has set it to another record of the file `data`."""
    if Path(path).exists() and not overwrite:
        raise FileError(f"{path}: exists; choose another name or pass overwrite")
    configuration = ogcm.Simulation(model, days=1, progress=False).toml()
    output = Output(path, model, fields, configuration)
    with h5py.File(data, "r") as f:
        about = {key: text(f.attrs.get(key, "")) for key in ("source", "license")}
    f = OceanData(data, ("time",))
    since = f"{f['time'][0]:g} {f.attribute('time', 'units')}"
    output.file.attrs.update(format=FORMAT, observed_from=since)
    output.file.attrs.update({f"data_{key}": value for key, value in about.items()})
    for _ in states:
        output.record()
    output.close()


def text(value: bytes | str) -> str:
    """An attribute as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
