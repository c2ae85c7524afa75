"""Oceans on tiles whose outside is read from files, against the whole ocean, to the bit.

For `mpiexec -n N`, with the folder that `write_files` has filled. Prints a line for each case with the number of values
that differ, summed over all tiles. Some tiles have no point of the rim, or one alone.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import adjoint
import ogcm
from adjoint.losses import BoxMean
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.processes import communicator
from ogcm.stepper import Stepper
from tests.ogcm.test_outside_fields import field
from tests.ogcm.test_outside_files import LAT, LON, sections_file
from tests.tiles.steps import STEPS, layouts, own_points

START = "2000-01-03"
TWO_SIDES: dict[str, Any] = {"west": True, "south": True, "zone": 1e5}
ONE_SIDE: dict[str, Any] = {"west": np.arange(len(LAT)) < 5}  # of two tiles along y the northern one has one such cell


def basin(lon: np.ndarray, lat: np.ndarray, **options) -> ogcm.Model:
    """An ocean with a rough bottom and more layers than NumPy adds in a row."""
    grid = ogcm.spherical(lon=np.append(lon - 0.25, lon[-1] + 0.25), lat=np.append(lat - 0.25, lat[-1] + 0.25))
    depth = np.random.default_rng(3).uniform(500.0, 1000.0, grid.shape)
    return ogcm.Model(
        grid, depth=depth, dz=[50.0] * 8 + [100.0] * 6, dt=600.0, start=START,
        T=lambda x, y, z: 10 + z / 500 + 0.1 * np.sin(x + y), u=lambda x, y, z: 0.05 * np.cos(y) + z / 1e5, **options,
    )  # fmt: skip


def write_files(folder: Path) -> None:
    """Write sections, the output of a run that surrounds the ocean, and a tide on a grid of its own."""
    sections_file(folder / "bry.nc", land=True)
    parent = basin(np.arange(198.0, 206.5, 0.5), np.arange(28.0, 36.0, 0.5))
    ogcm.Simulation(parent, days=0.125, every=0.0625, output=folder / "parent.nc", progress=False).run()
    rng, lon, lat = np.random.default_rng(4), np.arange(197.0, 208.0), np.arange(27.0, 37.0)
    coordinates = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    maps = {"M2_Amp": ("m", 0.5), "M2_Pha": ("degrees", 360.0), "K1_Amp": ("m", 0.2), "K1_Pha": ("degrees", 360.0)}
    tide = {
        name: (("lat", "lon"), size * rng.uniform(size=(len(lat), len(lon))), {"units": units})
        for name, (units, size) in maps.items()
    }
    xr.Dataset(tide, coordinates).to_netcdf(folder / "tide.nc", engine="h5netcdf")


def differences(layout: tuple[int, int], sides: ogcm.OpenSides) -> int:
    """Number of values outside, of gradients and of the state after some steps that differ."""
    whole, model = (basin(LON, LAT, decomposition=tiles, open_sides=sides) for tiles in ((1, 1), layout))
    found = different_gradients(whole, model)
    for name, series in model.forcing.series.items():
        one = whole.forcing.series[name].values
        found += int((one[..., own_points(whole, model, name)] != series.values).sum()) + (not one.any())
    for each in (whole, model):
        stepper = Stepper(each)
        for _ in range(STEPS):
            stepper.step()
    states = whole.state.arrays(), model.state.arrays()
    found += sum(int((model.grid.tile.cut(interior(states[0][n])) != interior(a)).sum()) for n, a in states[1].items())
    return sum(communicator().allgather(found))


def different_gradients(whole: ogcm.Model, model: ogcm.Model) -> int:
    """Number of gradients with respect to the start and to what is outside that differ, or that are 0 everywhere."""
    outside, found = [name for name in ("T_outside", "eta_outside") if name in model.forcing.shapes], []
    for each in (whole, model):
        simulation = ogcm.Simulation(each, days=STEPS * each.numerics.dt / DAY, progress=False)
        loss = BoxMean(each, "T", z=(-300.0, 0.0)) + BoxMean(each, "eta")
        found.append(adjoint.gradient(loss, simulation, ["T", *outside]))
    one, other = found
    different = int((model.grid.tile.cut(one["T"]) != other["T"]).sum()) + (one.value != other.value)
    for name in outside:
        different += int((one[name][..., own_points(whole, model, name)] != other[name]).sum()) + (not one[name].any())
    return different


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore", category=UserWarning)
    folder = Path(sys.argv[1])
    sections, fields = ogcm.sections(folder / "bry.nc"), {name: field(name) for name in ("T", "S", "u", "eta")}
    cases = {
        "sections around a zone": TWO_SIDES | sections,
        "sections": ONE_SIDE | sections,
        "a parent": ONE_SIDE | ogcm.outside_of(folder / "parent.nc"),
        "fields": ONE_SIDE | ogcm.fields_outside(**fields),
        "a tide": TWO_SIDES | {"tides": ogcm.Tide.read(folder / "tide.nc", ["M2", "K1"])},
    }
    for name, options in cases.items():
        for layout in layouts():
            found = differences(layout, ogcm.OpenSides(**options))
            if communicator().rank == 0:
                print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
