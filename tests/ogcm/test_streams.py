"""Forcing as a stream: records of files that are read while a model runs."""

import pickle
import subprocess
import sys
import threading

import h5netcdf
import numpy as np
import pytest
import xarray as xr

import adjoint
import ogcm
from adjoint.complex_step import directional_derivative
from ogcm.constants import DAY
from ogcm.data import read_field
from ogcm.data.fill import nearest
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.preparation.regridding import Regridding, places
from ogcm.provenance import forcing_mark
from ogcm.series import INTERPOLATIONS
from ogcm.stream import KEPT, stream_field

START = "2021-01-01"
LAT, LON = np.linspace(28.0, 46.0, 10), np.linspace(-22.0, 2.0, 13)
RECORDS = 9
RNG = np.random.default_rng(4)
HEAT = 100.0 * RNG.normal(size=(RECORDS, len(LAT), len(LON)))


def write(path, values=HEAT, first=0, missing=True, **attributes):
    """A file of daily records from noon of a day after the start, with land in a corner."""
    values = values.copy()
    if missing:
        values[:, :3, :4] = np.nan
    days = first + 0.5 + np.arange(len(values))
    data = xr.Dataset(
        {"heat": (("time", "lat", "lon"), values, {"units": "W m-2", "positive": "down"} | attributes)},
        {"time": ("time", days, {"units": f"days since {START}"}), "lat": ("lat", LAT, {"units": "degrees_north"}),
         "lon": ("lon", LON, {"units": "degrees_east"})},
    )  # fmt: skip
    data.to_netcdf(path)
    return path


def ocean(heat, **options):
    grid = ogcm.spherical(lon=np.linspace(-20, 0, 9), lat=np.linspace(30, 44, 8))
    defaults = {"depth": 100.0, "dz": [40.0, 60.0], "dt": 7200.0, "start": START, "parameters": {"nu_h": 1e4}}
    forcing = options.pop("forcing", ogcm.Forcing(heat_flux=heat, tau_x=0.05))
    return ogcm.Model(grid, forcing=forcing, **(defaults | options))


def records(model, name="heat_flux"):
    return model.forcing.series[name].values


def as_arrays(model):
    """The same model, its streams as series in memory."""
    series = model.forcing.series["heat_flux"]
    values = interior(series.values[...])
    return ocean(ogcm.Series(values, series.times, series.period, series.interpolation, series.edges))


def simulate(model, days, **options):
    ogcm.Simulation(model, days=days, progress=False, overwrite=True, **options).run()
    return model


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.state, other.state, strict=True))


def test_records_are_those_of_read_field_filled_and_interpolated_as_prepare_does(tmp_path):
    path = write(tmp_path / "heat.nc")
    model = ocean(stream_field(path, "heat", "heat flux"))
    field = read_field(path, "heat", "heat flux")
    target = places(np.linspace(30, 44, 8), np.linspace(-20, 0, 9))
    regridding = Regridding(field["lat"].values, field["lon"].values, target)
    for n, record in enumerate(field.values):
        expected = regridding(nearest(record, np.isnan(record), False))
        np.testing.assert_array_equal(interior(records(model)[n]), expected)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_run_has_the_bits_of_a_run_from_arrays(interpolation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for n in range(3):
        write(tmp_path / f"heat_{n}.nc", HEAT[3 * n : 3 * n + 3], first=3 * n)
    stream = stream_field(str(tmp_path / "heat_*.nc"), "heat", "heat flux", interpolation=interpolation)
    whole = simulate(as_arrays(ocean(stream)), 8.5)
    assert same(whole, simulate(ocean(stream), 8.5))
    half = simulate(ocean(stream), 4.25, output="half.nc", every=1)
    assert same(whole, simulate(ocean(stream), 4.25, restart=next(tmp_path.glob("half*restart*"))))
    copied = half.copy()
    copied.forcing, copied.state = pickle.loads(pickle.dumps(half.forcing)), ocean(stream).state
    assert same(whole, simulate(copied, 8.5))
    assert len(records(half).kept) <= KEPT
    assert not [t for t in threading.enumerate() if t.name.startswith("record") and t.join(10)]


@pytest.mark.parametrize(("rows", "columns"), [("lat", False), ("both", True)])
def test_a_file_may_be_turned_and_curvilinear(rows, columns, tmp_path):
    path = write(tmp_path / "heat.nc", missing=False)
    with xr.open_dataset(path, decode_cf=False) as f:
        data = f.load().isel(lat=slice(None, None, -1)).transpose("lon", "time", "lat")
    if columns:
        angle = 0.1 * data["lat"] - 3.5 + 0 * data["lon"]
        data = data.assign_coords(la=data["lat"] + 0.02 * data["lon"], lo=data["lon"] + angle)
        data = data.drop_vars(["lat", "lon"])
        for name, units in (("la", "degrees_north"), ("lo", "degrees_east")):
            data[name].attrs = {"units": units}
    data.to_netcdf(tmp_path / "turned.nc")
    model = ocean(stream_field(tmp_path / "turned.nc", "heat", "heat flux"))
    field = read_field(tmp_path / "turned.nc", "heat", "heat flux")
    grid = records(model).source.grid
    for n in (0, RECORDS - 1):
        there = field.isel(time=n)
        found = records(model).source.records.read(n, records(model).source.records.grid)
        np.testing.assert_array_equal(found, there.values)
    assert grid["lat"].ndim == (2 if columns else 1)


def test_conservative_interpolation_keeps_the_mean_of_each_interval(tmp_path):
    edges = np.array([0.0, 1.0, 3.0, 3.5, 6.0, 10.0])
    times, values = 0.5 * (edges[1:] + edges[:-1]), RNG.normal(size=5)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    for period in (None, 10.0):
        series = ogcm.Series(values, times, period, "conservative", edges).timed("heat", 5)
        for n in range(5):
            width = edges[n + 1] - edges[n]
            inside = [series.at(edges[n] + 0.5 * width * (1 + x)) for x in nodes]
            assert np.dot(weights, inside) / 2 == pytest.approx(values[n], rel=1e-13, abs=1e-13)
        for edge in edges[1:-1] if period is None else edges:  # continuous
            assert series.at(edge - 1e-9) == pytest.approx(series.at(edge + 1e-9), abs=1e-7)
        assert series.at(edges[1] - 1e-12) == pytest.approx((2 * values[0] + 1 * values[1]) / 3)
    with pytest.raises(InputError, match="heat: its edges span 10 s, but its period is 12 s"):
        ogcm.Series(values, times, 12.0, "conservative", edges).timed("heat", 5)
    with pytest.raises(InputError, match="heat: 5 records need 6 edges that increase"):
        ogcm.Series(values, times, None, "conservative", edges[1:]).timed("heat", 5)
    with pytest.raises(
        InputError, match="heat: interpolation 'cubic' does not exist; choose from linear, conservative"
    ):
        ogcm.Series(values, times, None, "cubic").timed("heat", 5)


def test_the_bounds_of_times_in_a_file_are_the_intervals(tmp_path):
    path = write(tmp_path / "heat.nc")
    with xr.open_dataset(path, decode_cf=False) as f:
        data = f.load()
    days = np.array([0, 0.75, 2, 3, 4, 5, 6, 7, 8, 9.0])
    data["time"].attrs["bounds"] = "time_bnds"
    data["time_bnds"] = ("time", "side"), np.stack([days[:-1], days[1:]], axis=1)
    data.to_netcdf(tmp_path / "bounds.nc")
    series = ocean(stream_field(tmp_path / "bounds.nc", "heat", "heat flux", interpolation="conservative"))
    np.testing.assert_allclose(series.forcing.series["heat_flux"].edges, days * DAY)
    data["time_bnds"][2, 1] = 2.9
    data.to_netcdf(tmp_path / "gap.nc")
    with pytest.raises(InputError, match=r"gap\.nc: heat: the bounds of its times leave gaps"):
        stream_field(tmp_path / "gap.nc", "heat", "heat flux", interpolation="conservative")


@pytest.mark.parametrize("count", [12, 365])
def test_a_climatological_year_needs_no_dates_and_repeats(count, tmp_path):
    values = 100.0 * RNG.normal(size=(count, len(LAT), len(LON)))
    with xr.open_dataset(write(tmp_path / "dated.nc", values, missing=False)) as f:
        f.drop_vars("time").to_netcdf(tmp_path / "year.nc")
    model = ocean(stream_field(tmp_path / "year.nc", "heat", "heat flux"))
    series = model.forcing.series["heat_flux"]
    assert series.period == pytest.approx(365.2425 * DAY)
    np.testing.assert_allclose(series.times, (np.arange(count) + 0.5) / count * series.period)
    model.state.time = 3 * 365.2425 * DAY
    ogcm.Simulation(model, days=1, progress=False)
    with pytest.raises(InputError, match="a climatological year, which repeats each year; leave out the period"):
        stream_field(tmp_path / "year.nc", "heat", "heat flux", period=3e7)


def test_a_stream_is_refused_before_the_run_where_it_cannot_be_used(tmp_path):
    path = write(tmp_path / "heat.nc")
    stream = stream_field(path, "heat", "heat flux")
    with pytest.raises(InputError, match=r"heat_flux: its times are dates .* but the model has no start"):
        ocean(stream, start=None)
    with pytest.raises(
        InputError, match="heat_flux: its records cover days 0 to 9, but the run goes from day 0 to 10; "
    ):
        ogcm.Simulation(ocean(stream), days=10, progress=False)
    ogcm.Simulation(ocean(stream_field(path, "heat", "heat flux", period=9 * DAY)), days=10, progress=False)
    with pytest.raises(InputError, match="heat_flux: a stream needs a grid of longitude and latitude"):
        ogcm.Model(ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4, f0=1e-4), depth=9.0, dz=[9.0], dt=60.0, start=START,
                   forcing=ogcm.Forcing(heat_flux=stream))  # fmt: skip
    with pytest.raises(InputError, match=r"heat has the units 'furlong'"):
        ocean(stream_field(write(tmp_path / "units.nc", units="furlong"), "heat", "heat flux"))
    hot = stream_field(write(tmp_path / "t2.nc", HEAT * 0 + 99, units="degC"), "heat", "air temperature")
    air = {"u10": 1.0, "v10": 1.0, "d2": 5.0, "shortwave_down": 0.0, "longwave_down": 300.0, "t2": hot}
    with pytest.raises(InputError, match="holds 99 degC, beyond -100 to 70"):
        ocean(None, forcing=ogcm.Forcing(atmosphere=ogcm.Atmosphere(**air)))
    far = write(tmp_path / "far.nc")
    with xr.open_dataset(far) as f:
        f.assign_coords(lat=("lat", LAT - 80.0, {"units": "degrees_north"})).to_netcdf(tmp_path / "south.nc")
    with pytest.raises(InputError, match=r"heat_flux: .* does not reach the region of the model"):
        ocean(stream_field(tmp_path / "south.nc", "heat", "heat flux"))
    with xr.open_dataset(path) as f, pytest.raises(InputError, match="a stream needs time, latitude and longitude"):
        stream_field(f.isel(time=0, drop=True), "heat", "heat flux")
    with pytest.raises(InputError, match="unexpected keyword argument 'colour'"):
        stream_field(path, "heat", "heat flux", colour="blue")


def test_errors_while_a_run_reads_name_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = HEAT.copy()
    values[4] = 1e6
    model = ocean(stream_field(write(tmp_path / "hot.nc", values), "heat", "heat flux"))
    with pytest.raises(InputError, match=r"hot.nc: heat holds 1e\+06 W m-2, beyond"):
        simulate(model, 8)
    values[4] = np.nan
    model = ocean(stream_field(write(tmp_path / "empty.nc", values), "heat", "heat flux"))
    with pytest.raises(InputError, match=r"heat_flux: record 4 of .*empty.nc: heat has no value"):
        simulate(model, 8)
    for n in range(2):
        write(tmp_path / f"part_{n}.nc", HEAT[:4], first=4 * n)
    model = ocean(stream_field([tmp_path / "part_0.nc", tmp_path / "part_1.nc"], "heat", "heat flux"))
    (tmp_path / "part_1.nc").unlink()
    with pytest.raises(FileError, match=r"part_1\.nc: missing"):
        simulate(model, 8)


def test_records_are_read_ahead_in_both_directions(tmp_path):
    model = ocean(stream_field(write(tmp_path / "heat.nc"), "heat", "heat flux"))
    found, taken = records(model), []
    read = found.source.read
    found.source.read = lambda n: (taken.append((n, threading.current_thread() is threading.main_thread())), read(n))[1]
    for n in range(RECORDS):
        found[n]
    assert {n for n, _ in taken} >= set(range(2, RECORDS))
    assert not any(main for n, main in taken)
    taken.clear()
    for n in reversed(range(RECORDS)):
        found[n]
    assert not any(main for n, main in taken if n < RECORDS - KEPT - 1)
    assert (len(found.kept), len(found.ahead)) <= (KEPT, 1)


def test_a_gradient_with_respect_to_each_record_is_that_of_arrays(tmp_path):
    stream = ocean(stream_field(write(tmp_path / "heat.nc"), "heat", "heat flux"))
    found = []
    for model in (stream, as_arrays(stream)):
        simulation = ogcm.Simulation(model, days=6, progress=False)
        loss = adjoint.MeanSquare(model, "T", np.full((2, 7, 8), 9.0))
        found.append(adjoint.gradient(loss, simulation, ["heat_flux"], snapshots=3))
    assert found[0].value == found[1].value
    np.testing.assert_array_equal(found[0]["heat_flux"], found[1]["heat_flux"])
    assert (found[0]["heat_flux"][:6] != 0).any(axis=(1, 2)).all()
    assert not found[0]["heat_flux"][8:].any()
    assert records(stream).given is None


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_the_gradient_with_respect_to_records_agrees_with_the_complex_step(interpolation, tmp_path):
    model = ocean(stream_field(write(tmp_path / "heat.nc"), "heat", "heat flux", interpolation=interpolation))
    simulation = ogcm.Simulation(model, days=3, progress=False)
    loss = adjoint.MeanSquare(model, "T", np.full((2, 7, 8), 9.0))
    change = RNG.normal(size=(RECORDS, 7, 8))
    along = float(np.sum(adjoint.gradient(loss, simulation, "heat_flux")["heat_flux"] * change))
    expected = directional_derivative(loss, simulation, {"heat_flux": change})
    assert along == pytest.approx(expected, rel=1e-11)
    assert records(model).given is None


def test_a_control_that_changes_a_stream_holds_its_records_in_memory(tmp_path):
    model = ocean(stream_field(write(tmp_path / "heat.nc"), "heat", "heat flux"))
    other, before = model.copy(), interior(records(model)[...])
    controls = adjoint.Controls(other, "heat_flux")
    controls.set_values({"heat_flux": controls.values()["heat_flux"] + 1.0})
    np.testing.assert_array_equal(interior(records(other)[...]), before + 1.0)
    np.testing.assert_array_equal(interior(records(model)[2]), before[2])
    assert forcing_mark(other) != forcing_mark(model)


MEMORY = """
import resource, sys
import numpy as np
import ogcm
grid = ogcm.spherical(lon=np.linspace(-20, 0, 9), lat=np.linspace(30, 44, 8))
heat = ogcm.stream_field(sys.argv[1], "heat", "heat flux")
model = ogcm.Model(grid, depth=100.0, dz=[40.0, 60.0], dt=7200.0, start="2021-01-01", parameters={"nu_h": 1e4},
                   forcing=ogcm.Forcing(heat_flux=heat))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
simulation = ogcm.Simulation(model, days=float(sys.argv[2]), progress=False, overwrite=True)
for _ in range(simulation.steps):
    simulation.stepper.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, model.state.digest(model.grid.tile))
"""


@pytest.mark.slow
def test_a_forcing_of_twenty_times_the_memory_runs(tmp_path):
    """Peak memory of a run with a file of 400 MB is at most 20 MB above that of a run with two of its records."""
    side, count = 700, 100  # 3.92 MB each in float64
    for name, length in (("long.nc", count), ("short.nc", 4)):
        with h5netcdf.File(tmp_path / name, "w") as f:
            f.dimensions = {"time": length, "lat": side, "lon": side}
            for c, values, units in (("time", np.arange(length) + 0.5, f"days since {START}"),
                                     ("lat", np.linspace(28, 46, side), "degrees_north"),
                                     ("lon", np.linspace(-22, 2, side), "degrees_east")):  # fmt: skip
                f.create_variable(c, (c,), data=values).attrs["units"] = units
            v = f.create_variable("heat", ("time", "lat", "lon"), "f8")
            v.attrs.update(units="W m-2", positive="down")
            for n in range(length):
                v[n] = 50.0 * np.sin(n) + np.linspace(0, 100, side)
    peak = {}
    for name, days in (("short.nc", 3), ("long.nc", 99)):
        command = [sys.executable, "-c", MEMORY, tmp_path / name, str(days)]
        run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert not run.returncode, run.stderr
        peak[name] = int(run.stdout.split()[0]) * 1024
    size = (tmp_path / "long.nc").stat().st_size
    assert size > 20 * 19e6
    assert peak["long.nc"] - peak["short.nc"] < size / 20
