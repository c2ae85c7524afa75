"""The reader of gridded files: units, directions, kinds of temperature and salinity, and what is refused."""

import gsw
import numpy as np
import pytest
import xarray as xr

from ogcm.constants import DAY
from ogcm.data import QUANTITIES, read_field, read_values, sea_water
from ogcm.data.units import conversion
from ogcm.errors import FileError, InputError
from tests.ogcm.test_reader import DEPTH, LAT, LON, T, ocean, renamed, write

# Units


@pytest.mark.parametrize(
    ("quantity", "units", "factor", "offset"),
    [
        ("temperature", "K", 1, -273.15),
        ("temperature", "degree_Celsius", 1, 0),
        ("temperature", "deg_C", 1, 0),
        ("temperature", "°C", 1, 0),
        ("temperature", "degF", 5 / 9, -160 / 9),
        ("salinity", "1", 1, 0),
        ("salinity", "psu", 1, 0),
        ("salinity", "1e-3", 1, 0),
        ("salinity", "0.001", 1, 0),
        ("salinity", "g/kg", 1, 0),
        ("salinity", "kg kg-1", 1e3, 0),
        ("velocity", "cm/s", 1e-2, 0),
        ("velocity", "meter second-1", 1, 0),
        ("velocity", "m s**-1", 1, 0),
        ("wind", "knots", 1852 / 3600, 0),
        ("sea level", "cm", 1e-2, 0),
        ("stress", "dyn cm-2", 0.1, 0),
        ("stress", "dynes/cm^2", 0.1, 0),
        ("stress", "Pa", 1, 0),
        ("stress", "newton meter-2", 1, 0),
        ("heat flux", "W/m^2", 1, 0),
        ("heat flux", "Watts meter-2", 1, 0),
        ("heat flux", "J m-2 / (6 hours)", 1 / 21600, 0),
        ("fresh water", "kg m-2 s-1", 1e-3, 0),
        ("fresh water", "kg m-2 day-1", 1e-3 / DAY, 0),
        ("fresh water", "mm/day", 1e-3 / DAY, 0),
        ("precipitation", "mm d-1", 1e-3 / DAY, 0),
        ("precipitation", "m / (6 hours)", 1 / 21600, 0),
        ("precipitation", "kilogram meter-2 second-1", 1e-3, 0),
        ("runoff", "kg m-2 s-1", 1e-3, 0),
        ("air pressure", "hPa", 100, 0),
        ("air pressure", "mbar", 100, 0),
        ("air pressure", "millibar", 100, 0),
        ("relative humidity", "%", 1e-2, 0),
        ("relative humidity", "percentage", 1e-2, 0),
        ("specific humidity", "g/kg", 1e-3, 0),
        ("specific humidity", "1", 1, 0),
        ("cloud cover", "%", 1e-2, 0),
        ("cloud cover", "oktas", 0.125, 0),
        ("cloud cover", "(0 - 1)", 1, 0),
        ("latitude", "degree_N", 1, 0),
        ("angle", "radians", 180 / np.pi, 0),
        ("time", "hours", 1 / 24, 0),
        ("distance", "km", 1e3, 0),
    ],
)
def test_units_are_converted_by_name(quantity, units, factor, offset):
    np.testing.assert_allclose(conversion(units, QUANTITIES[quantity]), (factor, offset), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        *(("temperature", ""), ("temperature", "1"), ("temperature", "m"), ("temperature", "kelvins per day")),
        *(("salinity", "kg m-3"), ("velocity", "K"), ("depth", "dbar"), ("heat flux", "J m-2"), ("fresh water", "mm")),
        *(("precipitation", "1/0"), ("precipitation", "("), ("wind", "Beaufort"), ("cloud cover", "many")),
    ],
)
def test_units_of_something_else_are_refused(quantity, units):
    assert conversion(units, QUANTITIES[quantity]) is None


def test_every_quantity_has_its_own_units():
    for name, quantity in QUANTITIES.items():
        factor, offset = conversion(quantity.units, quantity)
        assert (factor, offset) == (1.0, 0.0), name


# Directions

FLUX = 100 * (T[:, 0] - 12)


def surface(name, units, values=None, **attributes):
    """A file of a flux at the surface."""
    variables = ocean()
    del variables["depth"], variables["temp"]
    stored = FLUX if values is None else values
    variables[name] = [("time", "lat", "lon"), stored, {"units": units} | attributes]
    return variables


@pytest.mark.parametrize(
    ("sign", "attributes", "options"),
    [
        (1, {"positive": "down"}, {}),
        (-1, {"positive": "up"}, {}),
        (1, {"standard_name": "surface_downward_heat_flux_in_air"}, {}),
        (-1, {"standard_name": "surface_upward_heat_flux_in_air"}, {}),
        (1, {"standard_name": "surface_downwelling_shortwave_flux_in_air"}, {}),
        (-1, {"long_name": "heat that leaves the sea"}, {}),
        (1, {"long_name": "Net heat flux INTO the ocean"}, {}),
        (1, {"positive": "downward flux, heating", "negative": "upward flux, cooling"}, {}),
        (-1, {"positive_value": "upward flux, cooling"}, {}),
        (-1, {}, {"positive": "up"}),
        (1, {"positive": "up", "long_name": "upward"}, {"positive": "down"}),
    ],
)
def test_heat_is_positive_into_the_sea(tmp_path, sign, attributes, options):
    path = write(tmp_path / "a.nc", surface("q", "W m-2", **attributes))
    np.testing.assert_array_equal(read_field(path, "q", "heat flux", **options).values, sign * FLUX)


@pytest.mark.parametrize(
    ("quantity", "factor", "attributes"),
    [
        ("stress", 1, {}),
        ("stress", -1, {"standard_name": "surface_upward_eastward_stress"}),
        ("precipitation", 1, {}),
        ("runoff", 1, {"standard_name": "water_flux_into_sea_water_from_rivers"}),
        ("fresh water", -1, {"standard_name": "surface_upward_water_flux"}),
    ],
)
def test_other_fluxes_have_their_directions(tmp_path, quantity, factor, attributes):
    values, units = FLUX / 1e3, {"stress": "N m-2"}.get(quantity, "mm/day")
    values = np.abs(values) if units == "mm/day" else values
    path = write(tmp_path / "a.nc", surface("f", units, values, **attributes))
    scale = 1.0 if quantity == "stress" else 1e-3 / DAY
    np.testing.assert_allclose(read_field(path, "f", quantity).values, factor * scale * values, rtol=1e-12)


@pytest.mark.parametrize(
    ("sign", "attributes", "options"),
    [
        (1, {"positive": "down"}, {}),
        (-1, {"positive": "up"}, {}),
        (-1, {"standard_name": "height_above_mean_sea_level"}, {}),
        (1, {"standard_name": "sea_floor_depth_below_geoid"}, {}),
        (-1, {}, {"positive": "up"}),
        (1, {"standard_name": "altitude"}, {"positive": "down"}),
    ],
)
def test_the_sea_floor_is_positive_downwards(tmp_path, sign, attributes, options):
    relief = 500 * (np.nan_to_num(T[0, 0]) - 12)
    variables = ocean()
    variables["h"] = [("lat", "lon"), relief, {"units": "m"} | attributes]
    field = read_field(write(tmp_path / "a.nc", variables), "h", "depth", **options)
    np.testing.assert_array_equal(field.values, sign * relief)
    assert field.dims == ("y", "x")


def test_values_without_coordinates(tmp_path):
    path = write(tmp_path / "a.nc", surface("q", "W m-2", positive="up"))
    np.testing.assert_array_equal(read_values(path, "q", "heat flux"), -FLUX)
    np.testing.assert_array_equal(read_values(path, "q"), FLUX)
    np.testing.assert_array_equal(read_values(path, "lat", "latitude"), LAT)
    with pytest.raises(FileError, match=r"lacks Q; choose from .*q"):
        read_values(path, "Q")
    path = write(tmp_path / "b.nc", surface("q", "W m-2"))
    np.testing.assert_array_equal(read_values(path, "q", "heat flux", "up"), -FLUX)


# Temperature and salinity


def water(temperature="sea_water_temperature", salinity="sea_water_practical_salinity", units="1"):
    """Temperature and salinity at the same points, as the reader returns them."""
    S = 30 + T / 5
    dims, coords = ("time", "depth", "lat", "lon"), {"lat": LAT, "lon": LON, "depth": DEPTH}
    attributes = {"lat": {"units": "degrees_north"}, "lon": {"units": "degrees_east"}, "depth": {"units": "m"}}
    ds = xr.Dataset(
        {
            "t": (dims, T, {"units": "degC", "standard_name": temperature}),
            "s": (dims, S, {"units": units, "standard_name": salinity}),
        },
        coords,
    )
    for name, a in attributes.items():
        ds[name].attrs = a
    return read_field(ds, "t", "temperature"), read_field(ds, "s", "salinity")


P = gsw.p_from_z(-DEPTH[:, None, None], LAT[:, None])


def test_practical_and_in_situ_become_absolute_and_conservative():
    t, s = water()
    CT, SA = sea_water(t, s, "teos10")
    expected = gsw.SA_from_SP(s.values, P, LON % 360, LAT[:, None])
    np.testing.assert_allclose(SA, expected, rtol=1e-14)
    np.testing.assert_allclose(CT, gsw.CT_from_t(expected, T, P), rtol=1e-14)
    assert CT.attrs["standard_name"] == "sea_water_conservative_temperature"
    assert SA.attrs["standard_name"] == "sea_water_absolute_salinity"
    np.testing.assert_array_equal(np.isnan(CT), np.isnan(T))


@pytest.mark.parametrize("equation_of_state", ["linear", "quadratic", "none"])
def test_other_equations_of_state_have_potential_temperature(equation_of_state):
    t, s = water()
    pt, sp = sea_water(t, s, equation_of_state)
    SA = gsw.SA_from_SP(s.values, P, LON % 360, LAT[:, None])
    np.testing.assert_allclose(pt, gsw.pt0_from_t(SA, T, P), rtol=1e-12)
    np.testing.assert_array_equal(sp, s)


def test_conversions_lead_back():
    t, s = water("sea_water_potential_temperature")
    CT, SA = sea_water(t, s, "teos10")
    for other in (sea_water(CT, SA, "teos10"), sea_water(t, s, "teos10", temperature_kind="potential")):
        np.testing.assert_array_equal(other[0], CT)
        np.testing.assert_array_equal(other[1], SA)
    pt, sp = sea_water(CT, SA, "linear")
    np.testing.assert_allclose(pt, t, atol=1e-11)
    np.testing.assert_allclose(sp, s, atol=1e-11)


def test_kinds_that_nothing_tells_are_asked_for():
    t, s = water("", "sea_water_salinity", "g kg-1")
    with pytest.raises(InputError, match=r"t has the standard_name ''; is it in situ or .*temperature_kind=.in situ"):
        sea_water(t, s, "teos10")
    with pytest.raises(InputError, match=r'is it practical or absolute.*salinity_kind="practical"'):
        sea_water(t, s, "teos10", temperature_kind="potential")
    with pytest.raises(InputError, match="salinity_kind: 'real' is none of practical, absolute"):
        sea_water(t, s, "teos10", temperature_kind="potential", salinity_kind="real")
    _, S = sea_water(t, s, "teos10", temperature_kind="potential", salinity_kind="absolute")
    np.testing.assert_array_equal(S, s)
    t, s = water(salinity="sea_water_salinity", units="psu")  # whose units tell it
    assert float(sea_water(t, s, "teos10")[1].mean() - s.mean()) > 0.1
    with pytest.raises(InputError, match="both are needed on the same points"):
        sea_water(t, s.isel(time=0), "teos10")


# What is refused


def change(name, values=None, **attributes):
    def spoil(o):
        if values is not None:
            o[name][1] = np.asarray(values, float)
        o[name][2] = {key: a for key, a in (o[name][2] | attributes).items() if a is not None}

    return spoil


def sigma(o):
    o["depth"][2] = {"units": "1", "standard_name": "ocean_s_coordinate_g1", "positive": "up"}


def unknown_dimension(o):
    renamed(o, depth="band")
    del o["band"]


def unstructured(o):
    del o["lat"], o["lon"]
    o["temp"][:2] = [("time", "depth", "node"), T.reshape(12, 3, 40)]
    o["lat"] = [("node",), np.zeros(40), {"units": "degrees_north"}]
    o["lon"] = [("node",), np.zeros(40), {"units": "degrees_east"}]


def two_latitudes(o):
    o["lat_v"] = [("lat",), LAT + 1, {"units": "degrees_north"}]
    o["temp"][2]["coordinates"] = "lat lat_v"
    renamed(o, lat="j")
    o["lat_t"] = [("j",), LAT, {"units": "degrees_north"}]
    o["temp"][2]["coordinates"] = "lat_t lat_v"


def a_year_of_weeks(o):
    o["temp"][1] = np.resize(T, (52, 3, 5, 8))
    renamed(o, time="week")
    del o["week"]


def a_word_as_missing_value(o):
    o["temp"][2]["missing_value"] = "none"


def of_text(o):
    o["temp"][1] = np.full(T.shape, b"x")


REFUSED = {
    "no units": (change("temp", units=None), "temp has the units ''.*units=.*such as degC, K"),
    "unknown units": (change("temp", units="furlong"), "temp has the units 'furlong'; give it the attribute units"),
    "kelvin as degC": (change("temp", T + 273.15), "temp holds .* degC, beyond -10 to 50; are its units really 'degC'"),
    "unmarked fill": (
        change("temp", np.nan_to_num(T, nan=-999.0)),
        "holds -999 degC, .*values marked by _Fill",
    ),
    "no packing": (change("temp", scale_factor=0.0), "scale_factor, add_offset = .*the first not 0"),
    "text as missing": (a_word_as_missing_value, "temp has missing_value = 'none', which is text; make it a number"),
    "no depth units": (change("depth", units=None), "depth has the units ''; give it the attribute units"),
    "pressure": (change("depth", units="dbar"), "depth has the units 'dbar'"),
    "depth above": (change("depth", positive="up"), 'depth is positive up, so that .* m is above.*"positive": "down"'),
    "both signs": (change("depth", [-5, 50, 200], positive=None), "depth has values of both signs"),
    "contradiction": (change("depth", standard_name="height"), "depth has contradictory attributes"),
    "depth in no order": (change("depth", [5, 200, 50]), "depth must increase or decrease"),
    "s-levels": (sigma, "depth counts levels that follow the sea floor .*interpolate to depths in m"),
    "missing depth": (change("depth", [5, np.nan, 200]), "depth has missing values"),
    "latitude beyond": (change("lat", LAT * 2), "lat holds -120 degrees, beyond -90 to 90"),
    "latitude in no order": (change("lat", LAT[[0, 2, 1, 3, 4]]), "lat must increase or decrease"),
    "longitude in no order": (change("lon", LON[[0, 2, 1, 3, 4, 5, 7, 6]]), "lon must increase.*add or subtract 360"),
    "missing longitude": (change("lon", [np.nan, *LON[1:]]), "lon has missing values"),
    "two latitudes": (two_latitudes, 'temp may have lat_t, lat_v as its latitude; choose one, coordinates=.*"lat_t"'),
    "unknown dimension": (unknown_dimension, "what is 'band', of length 3.*coordinates=.*isel"),
    "unstructured": (unstructured, "share the dimension 'node'; points without a grid cannot be read"),
    "weeks": (a_year_of_weeks, "temp has 52 records without times; give them a coordinate with units such as"),
    "months from 0": (change("time", np.arange(12), units="1"), "time with the units '1' holds 0 to 11, .*no times"),
    "time without a date": (change("time", units="days"), "time with the units 'days' holds 15 to 345"),
    "unknown date": (change("time", units="days since then"), "gives no dates .*give it units such as"),
    "unknown calendar": (change("time", calendar="mayan"), "the calendar 'mayan' gives no dates"),
    "missing time": (change("time", [np.nan, *range(11)]), "time has missing values; each record needs a time"),
    "two equal times": (change("time", np.zeros(12)), "temp has two records of the same time"),
    "text": (of_text, r"temp holds the type .*, but numbers are needed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_understood_is_named(tmp_path, name):
    spoil, message = REFUSED[name]
    variables = ocean()
    spoil(variables)
    with pytest.raises(InputError, match=message) as caught:
        read_field(write(tmp_path / "a.nc", variables), "temp", "temperature")
    assert str(tmp_path / "a.nc") in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, 'q has no attribute for its positive direction; give it the attribute positive = "up" or "down"'),
        ({"positive": "up", "standard_name": "surface_downward_heat_flux_in_air"}, "q has contradictory attributes"),
    ],
)
def test_directions_that_nothing_tells_are_asked_for(tmp_path, attributes, message):
    with pytest.raises(InputError, match=message):
        read_field(write(tmp_path / "a.nc", surface("q", "W m-2", **attributes)), "q", "heat flux")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"variable": "tmp"}, FileError, "lacks tmp; did you mean 'temp'"),
        ({"quantity": "temperature"}, InputError, "no variable has a standard_name of the quantity 'temperature'"),
        ({"variable": "temp"}, InputError, "temp has the standard_name '', which tells no quantity; give the quantity"),
        ({}, InputError, "give the variable or the quantity; it holds temp"),
        ({"variable": "temp", "quantity": "heat"}, InputError, "quantity: 'heat' is unknown; choose from temperature"),
        ({"variable": "temp", "quantity": "temperature", "positive": "in"}, InputError, 'positive: is "up" or "down"'),
        ({"variable": "temp", "quantity": "temperature", "coordinates": {"x": "lon"}}, InputError, "'x' is none of"),
        ({"variable": "temp", "quantity": "temperature", "coordinates": {"latitude": "lot"}}, InputError, "coordinate"),
        (
            {"variable": "temp", "quantity": "temperature", "attributes": {"tmp": {}}},
            InputError,
            "lacks 'tmp', of",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        read_field(write(tmp_path / "a.nc", ocean() | {"other": ocean()["temp"]}), **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GRIB\x00\x00", "is a GRIB file; convert it with `cdo -f nc4 copy"),
        (b"CDF\x05\x00", "64-bit data .*nccopy -k nc4"),
        (b"\x0e\x03\x13\x01\x00", "HDF4"),
        (b"CDF\x01rest", "damaged, not a NetCDF file"),
        (b"lat,lon\n", "damaged, not a NetCDF file"),
        (b"", "damaged, not a NetCDF file"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, content, message):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_field(tmp_path / "a.nc", "temp", "temperature")


def test_files_that_do_not_fit_together_are_named(tmp_path):
    one, other = ocean(), ocean()
    other["time"][1] = other["time"][1] + 360
    paths = [write(tmp_path / f"{n}.nc", v) for n, v in enumerate((one, other))]
    assert read_field(paths, "temp", "temperature").sizes["time"] == 24
    other["lat"][1] = LAT + 1
    write(paths[1], other)
    with pytest.raises(InputError, match=r"1\.nc: its lat is not that of .*0\.nc"):
        read_field(paths, "temp", "temperature")
    one["temp"][:2] = [("depth", "lat", "lon"), T[0]]
    write(paths[0], one)
    with pytest.raises(InputError, match="temp has no time, by which it follows other files"):
        read_field([paths[0], paths[0]], "temp", "temperature")
    with pytest.raises(FileError, match=r"nothing_\*.nc: no file has such a name"):
        read_field(str(tmp_path / "nothing_*.nc"), "temp", "temperature")
    with pytest.raises(FileError, match="missing; it must be a NetCDF file"):
        read_field(tmp_path / "nowhere.nc", "temp", "temperature")
    with pytest.raises(InputError, match="source: needs a file, files, or a Dataset or DataArray of xarray, got int"):
        read_field(3, "temp", "temperature")


# Files of real data

WIND, HEAT = "wind", "heat flux"
REAL = [  # file, variable, quantity, options, sizes, range of all values
    ("etopo20_global.nc", None, "depth", {}, {"y": 540, "x": 1080}, (-8.5e3, 1.1e4)),
    ("etopo5_agulhas.nc", "elevation", None, {}, {"y": 265, "x": 409}, (-3.1e3, 6.1e3)),
    ("etopo5_med_blacksea.nc", "elevation", "depth", {}, {"y": 217, "x": 625}, (-4e3, 5.1e3)),
    ("levitus_annual_1deg.nc", None, "temperature", {}, {"z": 20, "y": 180, "x": 360}, (-2.2, 31)),
    ("levitus_annual_1deg.nc", None, "salinity", {}, {"z": 20, "y": 180, "x": 360}, (4, 41)),
    ("woa_monthly_temp_2deg.nc", "temp", None, {}, {"time": 12, "z": 19, "y": 90, "x": 180}, (-3.1, 35)),
    ("coads_climatology_2deg.nc", "sst", "temperature", {}, {"time": 12, "y": 90, "x": 180}, (-3, 34)),
    ("coads_climatology_2deg.nc", "air_temp", "air temperature", {}, {"time": 12, "y": 90, "x": 180}, (-44, 35)),
    ("coads_climatology_2deg.nc", "spec_hum", "specific humidity", {}, {"time": 12, "y": 90, "x": 180}, (0, 0.03)),
    ("coads_climatology_2deg.nc", "uwind", WIND, {}, {"time": 12, "y": 90, "x": 180}, (-16, 21)),
    ("coads_climatology_2deg.nc", "slp", "air pressure", {}, {"time": 12, "y": 90, "x": 180}, (9.6e4, 1.05e5)),
    ("esbensen_kushnir_heat_budget.nc", "net_heat_down", HEAT, {}, {"time": 12, "y": 46, "x": 72}, (-370, 203)),
    ("esbensen_kushnir_heat_budget.nc", "longwave_net_up", HEAT, {}, {"time": 12, "y": 46, "x": 72}, (-104, -23)),
    ("esbensen_kushnir_heat_budget.nc", "shortwave_net_down", HEAT, {"positive": "down"},
     {"time": 12, "y": 46, "x": 72}, (0, 320)),
    ("esbensen_kushnir_heat_budget.nc", "latent_up", HEAT, {"positive": "up"}, {"time": 12, "y": 46, "x": 72},
     (-400, 15)),
    ("esbensen_kushnir_heat_budget.nc", "cloud", "cloud cover", {}, {"time": 12, "y": 46, "x": 72}, (0, 1)),
    ("fnoc_winds_monthly_1982_1992.nc", "eastward_wind", None, {}, {"time": 132, "y": 73, "x": 144}, (-26, 19)),
    ("core2_runoff_1deg.nc", "runoff", None, {}, {"y": 180, "x": 360}, (0, 6e-7)),
    ("ersst_v5_201001_202008_monthly.nc", "sst", None, {}, {"time": 128, "y": 89, "x": 180}, (-1.81, 35)),
    ("duacs_med_adt_2005q2_daily.nc", "adt", None, {}, {"time": 91, "y": 128, "x": 344}, (-0.5, 0.3)),
    ("globcurrent_agulhas_2002_daily.nc", "u", None, {}, {"time": 366, "y": 41, "x": 81}, (-2.3, 2.5)),
    ("med202101/bathymetry_mdt.nc", "depth", "depth", {}, {"y": 127, "x": 436}, (0, 6e3)),
    ("med202101/bathymetry_mdt.nc", "mdt", "sea level", {}, {"y": 127, "x": 436}, (-0.2, 0.24)),
    ("med202101/tides.nc", "M2_Amp", "sea level", {}, {"y": 127, "x": 436}, (0, 1.6)),
    ("med202101/atmosphere_6hourly.nc", "u10", WIND, {}, {"time": 128, "y": 64, "x": 218}, (-19, 24)),
    ("med202101/atmosphere_6hourly.nc", "t2", "air temperature", {}, {"time": 128, "y": 64, "x": 218}, (-13, 32)),
    ("med202101/atmosphere_6hourly.nc", "d2", "air temperature", {}, {"time": 128, "y": 64, "x": 218}, (-17, 19)),
    ("med202101/atmosphere_6hourly.nc", "msl", "air pressure", {}, {"time": 128, "y": 64, "x": 218}, (9.8e4, 1.04e5)),
    ("med202101/atmosphere_6hourly.nc", "clc", "cloud cover", {}, {"time": 128, "y": 64, "x": 218}, (-1e-9, 1 + 1e-9)),
    ("med202101/atmosphere_6hourly.nc", "precip", "precipitation", {"units": "m / (6 hours)"},
     {"time": 128, "y": 64, "x": 218}, (-1e-9, 4e-6)),
    ("wc13/wc13_grd.nc", "h", "depth", {}, {"y": 55, "x": 56}, (10, 5200)),
    ("wc13/wc13_grd.nc", "hraw", "depth", {"positive": "up"}, {"y": 55, "x": 56}, (-4e3, 5300)),
    ("wc13/wc13_grd.nc", "mask_rho", "fraction", {}, {"y": 55, "x": 56}, (0, 1)),
    ("wc13/wc13_grd.nc", "angle", "angle", {}, {"y": 55, "x": 56}, (-1, 1)),
    ("wc13/coamps_wc13_Pair.nc", "Pair", "air pressure", {}, {"time": 20, "y": 55, "x": 56}, (9.8e4, 1.04e5)),
    ("wc13/coamps_wc13_Qair.nc", "Qair", "relative humidity", {}, {"time": 20, "y": 55, "x": 56}, (0.3, 1)),
    ("wc13/coamps_wc13_SST.nc", "SST", "temperature", {}, {"time": 20, "y": 55, "x": 56}, (7, 20)),
    ("wc13/coamps_wc13_Tair.nc", "Tair", "air temperature", {}, {"time": 20, "y": 55, "x": 56}, (-7, 21)),
    ("wc13/coamps_wc13_lwrad_down.nc", "lwrad_down", HEAT, {}, {"time": 20, "y": 55, "x": 56}, (160, 380)),
    ("wc13/coamps_wc13_rain.nc", "rain", "precipitation", {}, {"time": 20, "y": 55, "x": 56}, (-1e-9, 7e-7)),
    ("wc13/coamps_wc13_swrad.nc", "swrad", HEAT, {}, {"time": 20, "y": 55, "x": 56}, (8, 170)),
    ("wc13/coamps_wc13_wind.nc", "Vwind", WIND, {}, {"time": 20, "y": 55, "x": 56}, (-11, 18)),
    ("metno_arctic20_201602_daily.nc", "temperature", None, {}, {"time": 5, "z": 17, "y": 51, "x": 91}, (-2, 9)),
    ("metno_arctic20_201602_daily.nc", "salinity", None, {}, {"time": 5, "z": 17, "y": 51, "x": 91}, (33, 36)),
    ("metno_arctic20_201602_daily.nc", "u", "velocity", {}, {"time": 5, "z": 17, "y": 51, "x": 91}, (-0.8, 1)),
    ("metno_arctic20_201602_daily.nc", "zeta", None, {}, {"time": 5, "y": 51, "x": 91}, (-1, 0.6)),
    ("global_4deg.nc", "temp", None, {}, {"time": 12, "z": 15, "y": 40, "x": 90}, (-6, 31)),
    ("global_4deg.nc", "qnet", None, {}, {"time": 12, "y": 40, "x": 90}, (-442, 225)),
]  # fmt: skip


@pytest.mark.parametrize(("file", "variable", "quantity", "options", "sizes", "limits"), REAL)
def test_files_of_real_data_are_read(ocean_data, file, variable, quantity, options, sizes, limits):
    field = read_field(ocean_data(file), variable, quantity, **options)
    assert dict(field.sizes) == sizes
    assert field.dims == tuple(d for d in ("time", "z", "y", "x") if d in sizes)
    assert limits[0] <= float(field.min()) < float(field.max()) <= limits[1]
    for name, values in (("y", field["lat"].values), ("x", field["lon"].values)):
        assert (np.diff(values, axis=-1 if name == "x" else 0) > 0).all()
    if "z" in sizes:
        assert (np.diff(field["z"]) < 0).all()
    assert field.attrs["periodic_x"] == (field["lon"].ndim == 1 and np.ptp(field["lon"].values) > 350)


def test_seas_and_mountains_lie_where_they_are(ocean_data):
    """A wrong order or a wrong seam would move them."""
    depth = read_field(ocean_data("etopo20_global.nc"), quantity="depth")

    def at(lat, lon):
        return float(
            depth[int(np.abs(depth["lat"].values - lat).argmin()), int(np.abs(depth["lon"].values - lon).argmin())]
        )

    assert at(40.0, 6.0) > 2500  # between the Balearic Islands and Sardinia
    assert at(40.0, -4.0) < -500  # Castile
    assert at(37.5, 14.5) < -100  # Sicily
    assert at(-30.0, -100.0) > 2500  # the Pacific
    assert at(30.0, 90.0) < -4000  # Tibet
