"""The reader of gridded files: the same small ocean in many conventions is the same field."""

import cftime
import h5netcdf
import numpy as np
import pytest
import xarray as xr
from scipy.io import netcdf_file

from ogcm.constants import DAY
from ogcm.data import monthly, read_field

# The ocean: twelve months, three layers, five parallels, eight meridians around the globe, some land

LAT, LON, DEPTH = np.array([-60.0, -30.0, 0.0, 30.0, 50.0]), np.arange(-157.5, 180, 45), np.array([5.0, 50.0, 200.0])
T = np.round(np.random.default_rng(0).uniform(1, 25, (12, 3, 5, 8)), 2)
T[:, 2, 3, 2:5] = np.nan
T[:, :, 0, 0] = np.nan
FILL = -32768.0


def ocean():
    """The variables of a plain file: name, and [dimensions, values, attributes]."""
    return {
        "time": [("time",), 15.0 + 30 * np.arange(12), {"units": "days since 2001-01-01", "calendar": "360_day"}],
        "depth": [("depth",), DEPTH, {"units": "m", "positive": "down"}],
        "lat": [("lat",), LAT, {"units": "degrees_north"}],
        "lon": [("lon",), LON, {"units": "degrees_east"}],
        "temp": [("time", "depth", "lat", "lon"), T.copy(), {"units": "degC"}],
    }


def write(path, variables, kind="nc4"):
    """Write a file of NetCDF-4, or of NetCDF-3 ("classic", or "64bit" with offsets of 64 bits)."""
    sizes = {d: n for dims, values, _ in variables.values() for d, n in zip(dims, np.shape(values), strict=True)}
    if kind == "nc4":
        with h5netcdf.File(path, "w") as file:
            file.dimensions = sizes
            for name, (dims, values, attributes) in variables.items():
                attributes = dict(attributes)
                fill = attributes.pop("_FillValue", None)
                v = file.create_variable(name, dims, values.dtype, data=np.ascontiguousarray(values), fillvalue=fill)
                v.attrs.update(attributes)
    else:
        with netcdf_file(path, "w", version={"classic": 1, "64bit": 2}[kind]) as file:
            for d, n in sizes.items():
                file.createDimension(d, n)
            for name, (dims, values, attributes) in variables.items():
                v = file.createVariable(name, values.dtype, dims)
                v[...] = values
                for key, value in attributes.items():
                    setattr(v, key, value)
    return str(path)


def dataset(variables, decode=True):
    """The variables as a Dataset of xarray, decoded as `xarray.open_dataset` does by default."""
    ds = xr.Dataset({name: (dims, values, attributes) for name, (dims, values, attributes) in variables.items()})
    return xr.decode_cf(ds) if decode else ds


def assert_is_the_ocean(field, atol=1e-12):
    """Check values, order and coordinates of a field."""
    field = monthly(field)
    assert field.dims == ("time", "z", "y", "x")
    assert field.dtype == np.float64
    np.testing.assert_allclose(field.values, T, atol=atol, rtol=0)
    np.testing.assert_allclose(field["lat"], LAT, atol=1e-5)
    np.testing.assert_allclose(field["lon"], LON, atol=1e-5)
    np.testing.assert_allclose(field["z"], -DEPTH, atol=1e-5)
    assert field["month"].values.tolist() == list(range(1, 13))
    assert field.attrs["periodic_x"] == 1
    assert field.attrs["units"] == "degC"


# Packing and missing values


def packed(o, dtype=np.int16, fill=FILL, **attributes):
    stored = np.where(np.isnan(T), fill, np.round((T - 10) / 0.01)).astype(dtype)
    o["temp"][1:] = [stored, {"units": "degC", "scale_factor": np.float64(0.01), "add_offset": 10.0} | attributes]


def packed_with_fill(o):
    packed(o, _FillValue=np.int16(FILL))


def packed_with_missing_value(o):
    packed(o, missing_value=np.int16(FILL))


def packed_with_the_fill_of_netcdf(o):
    packed(o, np.int32, -2147483647)


def packed_without_signs(o):
    """Bytes of NetCDF-3 have a sign; the attribute _Unsigned takes it away."""
    stored = np.where(np.isnan(T), 255, np.round(T / 0.1)).astype(np.uint8).view(np.int8)
    o["temp"][1:] = [stored, {"units": "degC", "scale_factor": 0.1, "_Unsigned": "true", "missing_value": 255}]


def marked(value, **attributes):
    def change(o):
        o["temp"][1] = np.where(np.isnan(T), value, T).astype(np.float32)
        o["temp"][2] |= attributes

    return change


def big_endian(o):
    for entry in o.values():
        entry[1] = entry[1].astype(">f4")


# Order


def north_to_south(o):
    o["lat"][1], o["temp"][1] = LAT[::-1], T[:, :, ::-1]


def westwards(o):
    o["lon"][1], o["temp"][1] = LON[::-1], T[..., ::-1]


def from_greenwich(o):
    o["lon"][1], o["temp"][1] = np.roll(LON, 4) % 360, np.roll(T, 4, -1)


def from_20_east(o):
    """Longitudes between -180 and 180, with the seam in the middle of the file."""
    o["lon"][1], o["temp"][1] = np.roll(LON, 3), np.roll(T, 3, -1)


def with_a_repeated_column(o):
    o["lon"][1], o["temp"][1] = np.append(LON, LON[0] + 360), np.concatenate([T, T[..., :1]], -1)


def other_order(o):
    o["temp"][:2] = [("lon", "depth", "time", "lat"), T.transpose(3, 1, 0, 2)]


def with_single_dimensions(o):
    o["temp"][:2] = [("time", "run", "depth", "lat", "lon", "member"), T[:, None, ..., None]]


# Vertical


def heights(o):
    o["depth"][1:] = [-DEPTH, {"units": "m", "positive": "up"}]


def from_the_bottom_up(o):
    o["depth"][1], o["temp"][1] = DEPTH[::-1], T[:, ::-1]


def heights_by_standard_name(o):
    o["depth"][1:] = [-DEPTH[::-1], {"units": "m", "standard_name": "height"}]
    o["temp"][1] = T[:, ::-1]


def depth_in_cm(o):
    o["depth"][1:] = [100 * DEPTH, {"units": "centimeters", "axis": "Z"}]


def depth_without_direction(o):
    o["depth"][2] = {"units": "meters"}


# Horizontal coordinates


def renamed(o, **names):
    for old, new in names.items():
        o[new] = o.pop(old)
    for entry in o.values():
        entry[0] = tuple(names.get(d, d) for d in entry[0])


def names_of_nemo(o):
    """Latitude and longitude of two dimensions, which the variable names."""
    renamed(o, time="time_counter", depth="deptht", temp="votemper", lat="y", lon="x")
    lon, lat = np.meshgrid(LON, LAT)
    del o["x"], o["y"]
    o["nav_lat"] = [("y", "x"), lat.astype(np.float32), {"units": "degrees_north"}]
    o["nav_lon"] = [("y", "x"), lon.astype(np.float32), {"units": "degrees_east"}]
    o["votemper"][2]["coordinates"] = "time_counter deptht nav_lat nav_lon"


def names_of_roms(o):
    """Latitude and longitude of several kinds of points, of which only one has the dimensions of the variable."""
    renamed(o, time="ocean_time", lat="eta_rho", lon="xi_rho")
    lon, lat = np.meshgrid(LON % 360, LAT)
    del o["eta_rho"], o["xi_rho"]
    for point, cut in (("rho", 0), ("u", 1)):
        dims = (f"eta_{point}", f"xi_{point}")
        o[f"lat_{point}"] = [dims, lat[:, cut:], {"units": "degree_north", "standard_name": "latitude"}]
        o[f"lon_{point}"] = [dims, lon[:, cut:], {"units": "degree_east", "standard_name": "longitude"}]


def transposed_coordinates(o):
    names_of_nemo(o)
    for name in ("nav_lat", "nav_lon"):
        o[name][:2] = [o[name][0][::-1], o[name][1].T]


def well_known_names(o):
    renamed(o, lat="latitude", lon="longitude")
    o["latitude"][2] = o["longitude"][2] = {}


def in_radians(o):
    for name, standard in (("lat", "latitude"), ("lon", "longitude")):
        o[name][1:] = [np.radians(o[name][1]), {"units": "radian", "standard_name": standard}]


# Units


def in_units(units, factor=1.0, offset=0.0):
    def change(o):
        o["temp"][1:] = [T * factor + offset, {"units": units}]

    return change


# Times


def numbers_of_months(o):
    o["time"][1:] = [np.arange(1, 13), {"units": "1"}]


def middles_of_months(o):
    o["time"][1:] = [0.5 + np.arange(12), {"units": "months"}]


def without_time_axis(o):
    renamed(o, time="month")
    del o["month"]


def from_july(units, calendar, times):
    def change(o):
        o["time"][1:] = [times, {"units": units, "calendar": calendar}]
        o["temp"][1] = np.roll(T, -6, 0)

    return change


def months_since(o):
    o["time"][1:] = [12 * 55 + 0.5 + np.arange(12), {"units": "months since 1900-01-01"}]


def climatology_of_cf(o):
    o["time"][2] |= {"climatology": "climatology_bounds"}


VARIANTS = {
    "plain": lambda o: None,
    "packed": packed_with_fill,
    "packed, missing_value": packed_with_missing_value,
    "packed, fill value of NetCDF": packed_with_the_fill_of_netcdf,
    "missing_value of another type": marked(-999.9, missing_value=-999.9),
    "_FillValue": marked(-1e9, _FillValue=np.float32(-1e9)),
    "1e20 without an attribute": marked(1e20),
    "big endian": big_endian,
    "north to south": north_to_south,
    "east to west": westwards,
    "0 to 360": from_greenwich,
    "across the seam": from_20_east,
    "repeated column": with_a_repeated_column,
    "other order of dimensions": other_order,
    "dimensions of one value": with_single_dimensions,
    "heights": heights,
    "from the bottom up": from_the_bottom_up,
    "heights by standard_name": heights_by_standard_name,
    "depth in cm": depth_in_cm,
    "depth without direction": depth_without_direction,
    "NEMO": names_of_nemo,
    "ROMS": names_of_roms,
    "2-D coordinates transposed": transposed_coordinates,
    "well-known names": well_known_names,
    "radians": in_radians,
    "K": in_units("K", 1, 273.15),
    "Kelvin": in_units("Kelvin", 1, 273.15),
    "degrees Celsius": in_units("degrees Celsius"),
    "Celsius": in_units("Celsius"),
    "degF": in_units("degF", 1.8, 32.0),
    "months": numbers_of_months,
    "middles of months": middles_of_months,
    "no time axis": without_time_axis,
    "noleap": from_july("hours since 1999-07-01 00:00:00", "noleap", 24 * (15 + 30.4 * np.arange(12))),
    "real dates": from_july("days since 1999-07-01", "standard", 15 + 30.4 * np.arange(12)),
    "year 0": from_july("days since 0000-07-01 00:00", "standard", 15 + 30.4 * np.arange(12)),
    "months since": months_since,
    "climatology": climatology_of_cf,
}
TOLERANCE = {"packed": 1e-9, "missing_value": 1e-6, "_FillValue": 1e-6, "1e20": 1e-6, "big": 1e-6, "degF": 1e-9}


def tolerance(name):
    return max([1e-9, *(t for key, t in TOLERANCE.items() if name.startswith(key))])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_convention_is_the_same_field(tmp_path, name):
    variables = ocean()
    VARIANTS[name](variables)
    variable = "votemper" if "votemper" in variables else "temp"
    assert_is_the_ocean(read_field(write(tmp_path / "a.nc", variables), variable, "temperature"), tolerance(name))


@pytest.mark.parametrize("kind", ["classic", "64bit"])
@pytest.mark.parametrize("name", ["plain", "packed", "packed, missing_value", "missing_value of another type", "ROMS"])
def test_files_of_netcdf_3(tmp_path, kind, name):
    variables = ocean()
    VARIANTS[name](variables)
    assert_is_the_ocean(read_field(write(tmp_path / "a.nc", variables, kind), "temp", "temperature"), tolerance(name))


@pytest.mark.parametrize("kind", ["nc4", "classic"])
def test_bytes_without_signs(tmp_path, kind):
    variables = ocean()
    packed_without_signs(variables)
    field = read_field(write(tmp_path / "a.nc", variables, kind), "temp", "temperature")
    np.testing.assert_allclose(field.values, T, atol=0.0501)


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize(
    "name", ["plain", "packed", "0 to 360", "NEMO", "other order of dimensions", "noleap", "heights"]
)
def test_objects_of_xarray(name, decode):
    variables = ocean()
    VARIANTS[name](variables)
    variable = "votemper" if "votemper" in variables else "temp"
    ds = dataset(variables, decode)
    assert_is_the_ocean(read_field(ds, variable, "temperature"), tolerance(name))
    array = ds[variable]
    if decode or name != "NEMO":  # without decoding it does not carry its coordinates
        assert_is_the_ocean(read_field(array, quantity="temperature", variable=variable), tolerance(name))


def test_files_that_follow_each_other(tmp_path):
    for n in (3, 0, 1, 2):
        variables = ocean()
        for name in ("time", "temp"):
            variables[name][1] = variables[name][1][3 * n : 3 * n + 3]
        write(tmp_path / f"t{n}.nc", variables, ["nc4", "classic"][n % 2])
    assert_is_the_ocean(read_field(str(tmp_path / "t*.nc"), "temp", "temperature"))
    assert_is_the_ocean(read_field([tmp_path / f"t{n}.nc" for n in (2, 0, 3, 1)], "temp", "temperature"))


def test_options_replace_attributes(tmp_path):
    variables = ocean()
    names_of_nemo(variables)
    for name in ("votemper", "nav_lat", "nav_lon", "deptht", "time_counter"):
        variables[name][2] = {"units": "furlong"}
    renamed(variables, nav_lat="north", nav_lon="east", deptht="down", time_counter="when")
    variables["votemper"][1] = np.where(np.isnan(T), -5.0, T + 273.15)
    field = read_field(
        write(tmp_path / "a.nc", variables),
        "votemper",
        "temperature",
        units="K",
        missing=-5.0,
        coordinates={"latitude": "north", "longitude": "east", "depth": "down", "time": "when"},
        attributes={
            "north": {"units": "degrees"},
            "east": {"units": "degrees"},
            "down": {"units": "m"},
            "when": {"units": "days since 2001-01-01", "calendar": "360_day"},
        },
    )
    assert_is_the_ocean(field, 1e-9)


def test_a_variable_is_found_by_its_standard_name(tmp_path):
    variables = ocean()
    variables["temp"][2]["standard_name"] = "sea_water_potential_temperature"
    path = write(tmp_path / "a.nc", variables)
    for variable, quantity in (
        ("temp", None),
        (None, "temperature"),
        ("sea_water_potential_temperature", None),
        ("sea_water_potential_temperature", "temperature"),
    ):
        assert_is_the_ocean(read_field(path, variable, quantity))


# Regions and grids


def test_a_region_across_the_date_line_is_in_one_piece(tmp_path):
    variables = ocean()
    kept = [0, 1, 6, 7]
    variables["lon"][1], variables["temp"][1] = LON[kept], T[..., kept]
    field = read_field(write(tmp_path / "a.nc", variables), "temp", "temperature")
    np.testing.assert_allclose(field["lon"], [112.5, 157.5, 202.5, 247.5])
    np.testing.assert_array_equal(field.values, T[..., [6, 7, 0, 1]])
    assert field.attrs["periodic_x"] == 0


@pytest.mark.parametrize("west", [-180.0, 0.0, 100.0, -300.0])
def test_longitudes_begin_in_the_west(tmp_path, west):
    field = read_field(write(tmp_path / "a.nc", ocean()), "temp", "temperature", west=west)
    lon = field["lon"].values
    assert west <= lon[0] < west + 45
    np.testing.assert_allclose(np.diff(lon), 45)
    np.testing.assert_array_equal(field.values, np.roll(T, -int(np.argmin(np.abs((LON - lon[0]) % 360))), -1))


def test_a_rotated_grid_keeps_its_coordinates(tmp_path):
    variables = ocean()
    names_of_nemo(variables)
    lon, lat = np.meshgrid(170 + 3.0 * np.arange(8), LAT[::-1])
    lat, lon = lat + 0.2 * (lon - 170), lon + 0.1 * lat
    variables["nav_lat"][1], variables["nav_lon"][1] = lat, (lon + 180) % 360 - 180
    field = read_field(write(tmp_path / "a.nc", variables), "votemper", "temperature")
    np.testing.assert_allclose(field["lat"], lat[::-1])
    np.testing.assert_allclose(field["lon"], lon[::-1])
    np.testing.assert_array_equal(field.values, T[:, :, ::-1])
    assert field["lat"].dims == field["lon"].dims == ("y", "x")


def test_a_single_layer_is_no_dimension(tmp_path):
    variables = ocean()
    variables["depth"][1], variables["temp"][1] = DEPTH[1:2], T[:, 1:2]
    field = read_field(write(tmp_path / "a.nc", variables), "temp", "temperature")
    assert field.dims == ("time", "y", "x")
    assert field["z"] == -50.0
    np.testing.assert_array_equal(field.values, T[:, 1])


# Times


@pytest.mark.parametrize(
    ("units", "calendar", "times", "last"),
    [
        ("days since 2000-01-01", "standard", [0.0, 59.5], "2000-02-29T12:00:00"),
        ("days since 2000-01-01", "noleap", [0.0, 59.5], "2000-03-01T12:00:00"),
        ("days since 2000-01-01", "360_day", [0.0, 59.5], "2000-02-30T12:00:00"),
        ("seconds since 1968-05-23 00:00:00 GMT", "gregorian", [0.0, DAY], "1968-05-24T00:00:00"),
        ("hours since 1900-01-01 00:00:0.0", "proleptic_gregorian", [0.0, 876582.0], "2000-01-01T06:00:00"),
        ("months since 1960-01-01", "standard", [0.0, 1.5], "1960-02-15T12:00:00"),
        ("days since 1-1-1", "standard", [730000.0, 730119.0], "1999-12-30T00:00:00"),
    ],
)
def test_dates_follow_the_calendar(tmp_path, units, calendar, times, last):
    variables = ocean()
    variables["time"][1:] = [np.array(times), {"units": units, "calendar": calendar}]
    variables["temp"][1] = T[:2]
    time = read_field(write(tmp_path / "a.nc", variables), "temp", "temperature")["time"].values
    if calendar in ("noleap", "360_day"):
        assert isinstance(time[1], cftime.datetime)
        assert time[1].isoformat() == last
    else:
        assert time[1] == np.datetime64(last)


@pytest.mark.parametrize("axis", [None, {"units": "days"}, {"units": "days since 0001-01-01", "calendar": "noleap"}])
def test_a_climatology_of_days(tmp_path, axis):
    variables = ocean()
    variables["time"][1:] = [0.5 + np.arange(365), axis or {}]
    variables["temp"][1] = np.resize(T[:, 0], (365, 1, 5, 8))
    variables["depth"][1] = DEPTH[:1]
    if axis is None:
        del variables["time"]
    field = read_field(write(tmp_path / "a.nc", variables), "temp", "temperature")
    assert field["day"].values.tolist() == list(range(1, 366))


def test_records_are_sorted_by_time(tmp_path):
    variables = ocean()
    order = np.random.default_rng(1).permutation(12)
    variables["time"][1], variables["temp"][1] = variables["time"][1][order], T[order]
    assert_is_the_ocean(read_field(write(tmp_path / "a.nc", variables), "temp", "temperature"))


def test_a_field_without_time_is_the_same_in_every_month(tmp_path):
    variables = ocean()
    variables["temp"][:2] = [("depth", "lat", "lon"), T[0]]
    field = monthly(read_field(write(tmp_path / "a.nc", variables), "temp", "temperature"))
    np.testing.assert_array_equal(field.values, np.broadcast_to(T[0], T.shape))


def test_a_field_may_have_two_columns():
    axes = {
        "lat": ("lat", [1.0, 2.0], {"units": "degrees_north"}),
        "lon": ("lon", [359.5, 0.5], {"units": "degrees_east"}),
    }
    field = read_field(xr.Dataset({"T": (("lat", "lon"), np.arange(4.0).reshape(2, 2), {"units": "degC"})}, axes),
                       "T", "temperature")  # fmt: skip
    np.testing.assert_array_equal(field.lon, [-0.5, 0.5])
    np.testing.assert_array_equal(field, [[0, 1], [2, 3]])
