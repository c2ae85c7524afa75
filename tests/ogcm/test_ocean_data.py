"""The files of `global_4deg`: every convention gives the same ocean, and ambiguous files are refused."""

from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray

import ogcm
from ogcm.data import read_field, read_values
from ogcm.data.fill import fill_missing
from ogcm.data.source import open_with
from ogcm.data.times import months_of, time_axis
from ogcm.errors import FileError, InputError, OceanError
from ogcm.grid import interior
from ogcm.setups.global_4deg import NEEDED
from tests.ogcm.test_reader import ocean as ocean_of_the_reader
from tests.ogcm.test_reader import write

# Data of other people: a small ocean of two layers, with a wall of land in the west


def small_ocean():
    """The variables of a file for global_4deg: name, and [dimensions, values, attributes]."""
    ny, nx = 6, 8
    lat, lon = np.linspace(-50.0, 50.0, ny), np.linspace(22.5, 337.5, nx)
    maps, rng = ("month", "lat", "lon"), np.random.default_rng(0)
    depth = np.full((ny, nx), 300.0)
    depth[:, 0] = 0.0
    depth[2, 3] = 150.0
    month = rng.uniform(-1, 1, (12, ny, nx))
    deep = rng.uniform(-1, 1, (12, 2, ny, nx))
    return {
        "lat": [("lat",), lat, {"units": "degrees_north"}],
        "lon": [("lon",), lon, {"units": "degrees_east"}],
        "depth": [("depth",), np.array([50.0, 200.0]), {"units": "m", "positive": "down", "axis": "Z"}],
        "lat_bnds": [("lat", "nv"), lat[:, None] + [-10.0, 10.0], {}],
        "lon_bnds": [("lon", "nv"), lon[:, None] + [-22.5, 22.5], {}],
        "dz": [("depth",), np.array([100.0, 200.0]), {"units": "m"}],
        "bathymetry": [("lat", "lon"), depth, {"units": "m", "positive": "down"}],
        "temp": [("month", "depth", "lat", "lon"), 10 + deep, {"units": "degC"}],
        "salt": [("month", "depth", "lat", "lon"), 35 + deep, {"units": "g kg-1"}],
        "sst": [maps, 10 + month, {"units": "degC"}],
        "sss": [maps, 35 + month, {"units": "g kg-1"}],
        "taux": [maps, 0.1 * month, {"units": "N m-2"}],
        "tauy": [maps, 0.1 * month[::-1], {"units": "N m-2"}],
        "qnet": [maps, 50 * month, {"units": "W m-2", "positive": "up"}],
        "emp": [maps, 1e-8 * month, {"units": "m s-1", "positive": "up"}],
    }


def written(path, ocean):
    sizes = {"lat": 6, "lon": 8, "depth": 2, "month": 12, "nv": 2, "run": 1}
    with h5netcdf.File(path, "w") as file:
        file.dimensions = sizes
        for name, (dimensions, values, attributes) in ocean.items():
            attributes = dict(attributes)
            fill = attributes.pop("_FillValue", None)
            v = file.create_variable(name, dimensions, values.dtype, data=np.ascontiguousarray(values), fillvalue=fill)
            v.attrs.update(attributes)
    return str(path)


def built(path, ocean):
    return ogcm.setups.global_4deg(data=written(path, ocean))


def assert_same_ocean(one, other):
    for name in ("h_t", "area_t", "f"):
        np.testing.assert_allclose(getattr(one.grid, name), getattr(other.grid, name), rtol=1e-12)
    for name, a in one.state.arrays().items():
        np.testing.assert_allclose(a, getattr(other.state, name), rtol=1e-12, atol=1e-12)
    for name, a in one.forcing.at(1e6).arrays().items():
        np.testing.assert_allclose(a, getattr(other.forcing.at(1e6), name), rtol=1e-9, atol=1e-18)


def upside_down(ocean):
    """Latitudes from north to south, depth from the bottom up."""
    for entry in ocean.values():
        for n, dimension in enumerate(entry[0]):
            if dimension in ("lat", "depth"):
                entry[1] = np.flip(entry[1], n)


def other_order(ocean):
    for entry in ocean.values():
        if "lat" in entry[0] and "lon" in entry[0]:
            entry[0], entry[1] = entry[0][::-1], entry[1].transpose()


def other_units(ocean):
    for name, units, factor, offset in (
        ("temp", "K", 1, 273.15),
        ("sst", "kelvin", 1, 273.15),
        ("salt", "kg kg-1", 1e-3, 0),
        ("taux", "dyn cm-2", 10, 0),
        ("emp", "kg m-2 s-1", 1e3, 0),
        ("bathymetry", "km", 1e-3, 0),
    ):
        ocean[name][1] = ocean[name][1] * factor + offset
        ocean[name][2]["units"] = units


def other_directions(ocean):
    ocean["qnet"][1:] = [-ocean["qnet"][1], {"units": "W m-2", "standard_name": "surface_downward_heat_flux_in_air"}]
    ocean["emp"][1:] = [-ocean["emp"][1], {"units": "m s-1", "long_name": "fresh water INTO the sea"}]
    ocean["taux"][1:] = [-ocean["taux"][1], {"units": "N m-2", "standard_name": "surface_upward_eastward_stress"}]
    ocean["bathymetry"][1:] = [-ocean["bathymetry"][1], {"units": "m", "standard_name": "height_above_geoid"}]


def bottom_up_without_axis(ocean):
    """The vertical axis is marked by `positive` alone; latitudes go from north to south, with units in the singular."""
    upside_down(ocean)
    del ocean["depth"][2]["axis"]
    ocean["lat"][2]["units"], ocean["lon"][2]["units"] = "degree_north", "degree_east"


def heights_from_the_bottom_up(ocean):
    upside_down(ocean)
    ocean["depth"][1:] = [-ocean["depth"][1], {"units": "m", "standard_name": "height_above_mean_sea_level"}]


def westward(ocean):
    for entry in ocean.values():
        if "lon" in entry[0]:
            entry[1] = np.flip(entry[1], entry[0].index("lon"))


def degrees_C(ocean):
    ocean["temp"][2]["units"], ocean["sst"][2]["units"] = "degrees_C", "degrees Celsius"


def from_july(ocean, coordinate=None, **attributes):
    """Records from July to June, according to their time coordinate."""
    for entry in ocean.values():
        if "month" in entry[0]:
            entry[1] = np.roll(entry[1], -6, 0)
    months = np.append(np.arange(7, 13), np.arange(1, 7))
    ocean["month"] = [("month",), months if coordinate is None else coordinate, attributes]


def from_july_by_date(ocean):
    from_july(ocean, 15.5 + 30.4 * np.arange(12), units="days since 1999-07-01 00:00:00", calendar="standard")


def from_july_of_years_of_360_days(ocean):
    from_july(ocean, 360 * 300 + 30.0 * np.arange(12), units="days since 1700-07-01", calendar="360_day")


def well_known_names(ocean):
    """Coordinates whose attributes do not tell what they are, but their names do."""
    ocean["depth"][2], ocean["lat"][2] = {"units": "m"}, {"units": "degrees"}


def along_a_run(ocean):
    ocean["sst"][0], ocean["sst"][1] = ("run", *ocean["sst"][0]), ocean["sst"][1][None]
    ocean["run"] = [("run",), np.zeros(1), {}]


def from_another_meridian(ocean):
    for entry in ocean.values():
        if "lon" in entry[0]:
            entry[1] = np.roll(entry[1], 3, entry[0].index("lon"))


def other_months(ocean):
    """A variable with a time axis of its own that begins in April, in hours."""
    ocean["run"] = [("run",), np.zeros(1), {}]
    ocean["sst"][1] = np.roll(ocean["sst"][1], -3, 0)
    hours = 24 * (14 + 30.4 * np.arange(12))
    ocean["month"] = [("month",), hours, {"units": "hours since 2001-4-1", "axis": "T"}]
    for name, entry in ocean.items():
        if "month" in entry[0] and name not in ("sst", "month"):
            entry[1] = np.roll(entry[1], -3, 0)


@pytest.mark.parametrize(
    "change",
    [
        *(upside_down, other_order, other_units, other_directions, bottom_up_without_axis, heights_from_the_bottom_up),
        *(westward, degrees_C, from_july, from_july_by_date, from_july_of_years_of_360_days, other_months),
        *(well_known_names, along_a_run, from_another_meridian),
    ],
)
def test_data_in_other_conventions_make_the_same_ocean(tmp_path, change):
    reference, changed = small_ocean(), small_ocean()
    change(changed)
    assert_same_ocean(built(tmp_path / "changed.nc", changed), built(tmp_path / "reference.nc", reference))


def test_packed_values_and_missing_ones_are_unpacked(tmp_path):
    ocean = small_ocean()
    packed = np.round((ocean["temp"][1] - 10) / 1e-4).astype(np.int16)
    packed[:, :, :, 0] = -32768  # on land
    ocean["temp"][1:] = [
        packed,
        {"units": "degC", "scale_factor": 1e-4, "add_offset": 10.0, "_FillValue": np.int16(-32768)},
    ]
    model = built(tmp_path / "packed.nc", ocean)
    expected = small_ocean()["temp"][1][0]
    np.testing.assert_allclose(interior(model.state.T)[0, :, 1:], expected[0, :, 1:], atol=1e-4)


def test_gaps_over_water_are_filled_from_the_nearest_point(tmp_path):
    ocean = small_ocean()
    ocean["sst"][1][0, 3, 5] = np.nan
    ocean["temp"][1][0, :, 3, 5] = 9.96921e36  # NetCDF's own, though no attribute says so
    ocean["temp"][1][0, :, 3, 4] = 12.0
    for j, i in ((2, 5), (4, 5), (3, 6)):
        ocean["temp"][1][0, :, j, i] = 12.0
    model = built(tmp_path / "gaps.nc", ocean)
    assert interior(model.state.T)[0, 3, 5] == 12.0


def remove(ocean, *names):
    for name in names:
        del ocean[name]


def relabel(ocean, name, **attributes):
    ocean[name][2].update(attributes)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda o: remove(o, "qnet", "taux"), FileError, "lacks taux, qnet; it must hold lat_bnds"),
        (lambda o: relabel(o, "qnet", positive=""), InputError, "qnet has no attribute for its positive direction"),
        (
            lambda o: relabel(o, "qnet", standard_name="surface_downward_heat_flux_in_sea_water"),
            InputError,
            "qnet has contradictory attributes.*positive 'up', standard_name 'surface_downward",
        ),
        (
            lambda o: relabel(o, "bathymetry", standard_name="altitude"),
            InputError,
            "bathymetry has contradictory attributes",
        ),
        (lambda o: relabel(o, "taux", units="knots"), InputError, "taux has the units 'knots'"),
        (lambda o: relabel(o, "sst", units=""), InputError, "sst has the units ''; give it the attribute units"),
        (lambda o: o["temp"].__setitem__(1, o["temp"][1] + 273.15), InputError, "temp holds .* are its units really"),
        (lambda o: o["sss"][1].__setitem__(4, np.nan), InputError, "sss: a map of it has no value at all"),
        (lambda o: o["bathymetry"][1].fill(-300.0), InputError, "no cell holds water; depth is positive downwards"),
        (lambda o: o["bathymetry"][1].fill(np.nan), InputError, "no cell holds water"),
    ],
)
def test_bad_data_are_named(tmp_path, spoil, error, message):
    ocean = small_ocean()
    spoil(ocean)
    with pytest.raises(error, match=message):
        built(tmp_path / "bad.nc", ocean)


@pytest.mark.parametrize("content", [b"CDF\x01rest", b"not a file of ours"])
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "foreign.nc"
    path.write_bytes(content)
    with pytest.raises(FileError, match="damaged, not a NetCDF file"):
        ogcm.setups.global_4deg(data=str(path))


@pytest.mark.parametrize("data", [None, "nowhere.nc"])
def test_without_data_one_sentence_names_what_is_needed(data):
    with pytest.raises(FileError, match="ogcm run global_4deg --data FILE") as caught:
        ogcm.setups.global_4deg(data=data)
    assert all(name in str(caught.value) for name in NEEDED)
    assert str(data) in str(caught.value) or data is None


def test_fill_missing_looks_across_the_date_line():
    values = np.array([[np.nan, np.nan, np.nan, 1.0, 1.0, 1.0, 1.0, 7.0]])
    wet = np.ones((1, 8), bool)
    assert fill_missing("a", values, wet, periodic_x=True)[0, 0] == 7.0
    assert fill_missing("a", values, wet)[0, 0] == 1.0
    with pytest.raises(InputError, match="a: shape"):
        fill_missing("a", values, np.ones((2, 8), bool))


def test_a_small_flux_beside_a_fill_value_of_zero_is_kept(tmp_path):
    ocean = small_ocean()
    flux = ocean["emp"][1].copy()
    flux[3, 2, 5] = 0.0
    ocean["emp"][1:] = [flux, ocean["emp"][2] | {"_FillValue": 0.0}]
    found = read_field(written(tmp_path / "a.nc", ocean), "emp", "fresh water", west=0).values
    assert np.isnan(found[3, 2, 5])
    assert np.isnan(found).sum() == 1
    np.testing.assert_array_equal(found[flux != 0], -flux[flux != 0])
    assert 0 < np.abs(flux[flux != 0]).min() < 1e-8  # what np.isclose takes for 0


def test_a_mean_of_the_year_is_each_month(tmp_path):
    ocean = small_ocean()
    for name in ("temp", "sst"):
        ocean[name][0], ocean[name][1] = ocean[name][0][1:], ocean[name][1][4]
    model = built(tmp_path / "annual.nc", ocean)
    wet = interior(model.grid.mask_t) == 1
    T = interior(model.state.T)
    np.testing.assert_array_equal(T[wet], ocean["temp"][1][wet])
    assert np.abs(T[1] - T[0])[wet[1]].max() > 0.1  # not the surface at every depth
    for time in (0.0, 1.6e7):
        T_star = interior(model.forcing.at(time).T_star)
        np.testing.assert_allclose(T_star[wet[0]], ocean["sst"][1][wet[0]], rtol=1e-14)


def without_direction(ocean, values):
    ocean["bathymetry"][1:] = [values, {"units": "m"}]


def test_a_depth_without_direction_is_one_where_nothing_is_negative(tmp_path):
    ocean, reference = small_ocean(), small_ocean()
    without_direction(ocean, ocean["bathymetry"][1])
    assert_same_ocean(built(tmp_path / "a.nc", ocean), built(tmp_path / "b.nc", reference))


def two_records(ocean, name):
    ocean[name][0], ocean[name][1] = ("nv", *ocean[name][0][1:]), ocean[name][1][:2]


def scattered(ocean):
    ocean["lon"][1] = ocean["lon"][1][[0, 3, 2, 1, 4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda o: without_direction(o, -o["bathymetry"][1]), 'bathymetry has negative values.*positive = "up"'),
        (lambda o: without_direction(o, o["bathymetry"][1] - 100), "bathymetry has negative values"),
        (lambda o: two_records(o, "sst"), "sst has the dimensions nv, lat, lon; what is 'nv', of length 2"),
        (lambda o: from_july(o, np.arange(12), units="1"), "month with the units '1' holds 0 to 11"),
        (lambda o: from_july(o, 30.0 * np.arange(12), units="days"), "month with the units 'days' holds 0 to 330"),
        (lambda o: from_july(o, 30.0 * np.arange(12), units="days since yesterday"),
         "month with the units 'days since yesterday' and the calendar 'standard' gives no dates .*; give it units"),
        (lambda o: from_july(o, 30.0 * np.arange(12), units="days since 2000-7-1", calendar="lunar"), "no dates"),
        (lambda o: from_july(o, 400.0 * np.arange(12), units="days since 2000-7-1"), "records of the months 7, 8"),
        (scattered, "lon must increase or decrease.*beyond the seam add or subtract 360"),
        (lambda o: o["lat_bnds"].__setitem__(1, o["lat_bnds"][1] + [0, -5]), "lat_bnds must be .*side by side"),
    ],
)  # fmt: skip
def test_ambiguous_input_is_refused(tmp_path, spoil, message):
    ocean = small_ocean()
    spoil(ocean)
    with pytest.raises(InputError, match=message):
        built(tmp_path / "bad.nc", ocean)


# Odd and damaged files


def variable(tmp_path, values, **attributes):
    """A file with one variable `v`."""
    with h5py.File(tmp_path / "a.nc", "w") as f:
        f["v"] = values
        f["v"].attrs.update(attributes)
    return tmp_path / "a.nc"


@pytest.mark.parametrize(
    ("values", "attributes", "expected"),
    [
        (np.float32([1e36, 1.0]), {"missing_value": 1e36}, [np.nan, 1.0]),  # a double that no float equals
        (np.float32([-999.9, 1.0]), {"_FillValue": np.float32(-999.9)}, [np.nan, 1.0]),
        (np.array([0.0, 1e-9]), {"_FillValue": 0.0}, [np.nan, 1e-9]),
        (np.int16([-1, -2, 5]), {"_FillValue": np.int16(-1), "missing_value": np.int16(-2)}, [np.nan, np.nan, 5.0]),
        (np.int16([-32767, 15000]), {"scale_factor": 1e-3, "add_offset": 0.25}, [np.nan, 15.25]),  # NetCDF's own
        (np.int8([-127, 3]), {}, [-127.0, 3.0]),  # bytes have none
        (np.array([1.0, np.inf, 9.96921e36, np.nan]), {}, [1.0, np.nan, np.nan, np.nan]),
        (np.array([3, 4], ">i2"), {"_FillValue": np.array([4], ">i2")}, [3.0, np.nan]),
        (np.float32(7.0), {}, 7.0),
    ],
)
def test_values_are_decoded(tmp_path, values, attributes, expected):
    found = read_values(variable(tmp_path, values, **attributes), "v")
    np.testing.assert_array_equal(found, expected)
    assert found.shape == np.shape(values)


@pytest.mark.parametrize(
    ("values", "attributes", "message"),
    [
        (np.array([1.0]), {"_FillValue": "-999"}, "v has _FillValue = '-999', which is text; make it a number"),
        (np.array([1.0]), {"scale_factor": "0.1"}, "v has scale_factor = '0.1', which is text"),
        (np.array([1.0]), {"scale_factor": 0.0}, "each must be one finite number, and the first not 0"),
        (np.array([1.0]), {"add_offset": np.nan}, "each must be one finite number"),
        (np.array([1.0]), {"scale_factor": [1.0, 2.0]}, "each must be one finite number"),
        (np.array([b"ten", b"two"]), {}, r"v holds the type \|S3, but numbers are needed"),
        (np.array(["ten"], object), {}, "v holds the type <U3, but numbers are needed"),
        (np.array([(1, 2.0)], "i4,f8"), {}, "v holds the type .*, but numbers are needed"),
        (np.array([1j]), {}, "v holds the type complex128"),
    ],
)
def test_what_is_no_number_is_named(tmp_path, values, attributes, message):
    with pytest.raises(InputError, match=message):
        read_values(variable(tmp_path, values, **attributes), "v")


@pytest.mark.parametrize(
    ("units", "values", "expected"),
    [
        ("days since 2000-01-16", [0, 31, 335], [1, 2, 12]),
        ("days since 2001-02-28 12:00:00", [0.4, 0.6], [2, 3]),
        ("hours since 1900-01-01 00:00:0.0", [0, 24 * 31], [1, 2]),
        ("seconds since 1999-12-31T23:59:59Z", [0, 1], [12, 1]),
        ("days since 0001-01-01", [730000, 730029], [9, 10]),  # 1999, by the calendars of their times
        ("hour since 0000-01-01 00:00:00", [366, 1096.5], [1, 2]),
        ("1", [12, 1], [12, 1]),
    ],
)
def test_months_are_read_from_the_time_axis(units, values, expected):
    c = xarray.DataArray(np.array(values, float), dims="time", attrs={"units": units})
    name, times = time_axis("time", c, len(values))
    field = xarray.DataArray(np.zeros(len(values)), {name: ("time", times)}, ("time",))
    assert months_of("v", field).tolist() == expected


def test_a_damaged_list_of_dimensions_does_not_crash(tmp_path):
    """The function of HDF5 for coordinates ends the process with such a file."""
    path = variable(tmp_path, np.zeros((2, 3)), DIMENSION_LIST=np.int64(2**62))
    with pytest.raises(FileError, match="damaged"):
        read_values(path, "v")


def test_a_variable_without_content_is_named(tmp_path):
    with pytest.raises(FileError, match="v: damaged, or not to be read"):
        read_values(variable(tmp_path, h5py.Empty("f8")), "v")


def test_variables_in_groups_are_not_overlooked(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as f:
        f["data/temp"] = np.zeros(3)
        f.create_group("salt")
    with pytest.raises(
        FileError, match="lacks temp, salt; it must hold temp, salt; the groups data, salt are not read"
    ):
        open_with(tmp_path / "a.nc", ("temp", "salt"))
    with pytest.raises(FileError, match="missing; it must be a NetCDF file"):
        open_with(tmp_path, ("temp",))


def test_damage_is_reported_or_harmless(tmp_path):
    """A file that is cut or has changed bytes gives an error of ogcm or numbers, and nothing else."""
    path = tmp_path / "a.nc"
    with h5netcdf.File(path, "w") as f:
        f.dimensions = {"lat": 20, "lon": 30}
        for name, size, units in (("lat", 20, "degrees_north"), ("lon", 30, "degrees_east")):
            v = f.create_variable(name, (name,), data=np.arange(float(size)))
            v.attrs["units"] = units
        v = f.create_variable(
            "v", ("lat", "lon"), data=np.random.default_rng(0).normal(size=(20, 30)), compression="gzip"
        )
        v.attrs["units"] = "degC"
    whole, rng, refused = path.read_bytes(), np.random.default_rng(1), 0
    cuts = [whole[: int(n)] for n in rng.integers(0, len(whole), 20)]
    for n in range(200):
        if n < len(cuts):
            damaged = cuts[n]
        else:
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 3):
                damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert read_field(path, "v", "temperature").shape == (20, 30)
        except OceanError:
            refused += 1
    assert refused > 20


def test_damage_of_netcdf_3_is_reported_or_harmless(tmp_path):
    whole = Path(write(tmp_path / "a.nc", ocean_of_the_reader(), "classic")).read_bytes()
    rng, refused = np.random.default_rng(2), 0
    for n in range(200):
        damaged = bytearray(whole[: int(rng.integers(0, len(whole)))] if n < 20 else whole)
        for place in rng.integers(0, min(len(damaged), 1500) + 1, 3) - 1:
            damaged[place : place + 1] = bytes(b ^ 1 << rng.integers(8) for b in damaged[place : place + 1])
        (tmp_path / "a.nc").write_bytes(damaged)
        try:
            read_field(tmp_path / "a.nc", "temp", "temperature")
        except OceanError:
            refused += 1
    assert refused > 50
