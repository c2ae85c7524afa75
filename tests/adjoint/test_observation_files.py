"""Files of observations of many formats: what is read, in which units and kinds, and which faults are named."""

from pathlib import Path

import gsw
import h5netcdf
import numpy as np
import pytest
import xarray as xr

import ogcm
from adjoint.observations import Points, in_box, read, write
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError

DATA = Path(__file__).parents[3] / "shared" / "data"
MED, WC13 = DATA / "med202101", DATA / "wc13"
needs_data = pytest.mark.skipif(not MED.exists(), reason="the shared real-ocean data are absent")


def sphere(lon=(-18, 36), lat=(30, 46), **options):
    """A flat ocean of one degree with dates."""
    grid = ogcm.spherical(lon=np.arange(lon[0], lon[1] + 1.0), lat=np.arange(lat[0], lat[1] + 1.0))
    chosen = {"depth": 3000.0, "dz": [20.0, 80, 400, 1000, 1500], "T": 15.0, "S": 38.0, "dt": 600.0}
    return ogcm.Model(grid, **(chosen | {"start": "2021-01-01", "equation_of_state": "teos10"} | options))


def by_field(points):
    return {p.field: p for p in points}


# Our own format


def points_of_all_kinds():
    rng = np.random.default_rng(0)

    def column(n):
        return rng.uniform(31, 45, n)

    where = {"x": column(5), "y": column(5), "z": -column(5), "days": column(5), "values": column(5)}
    eta = Points("eta", **(where | {"z": np.zeros(5)}), errors=column(5), span=0.1, platform="Jason-3", offset=[0] * 5)
    T = Points("T", **where, errors=column(5), span=column(5), platform=np.array(["a", "Ünïcode", "", "b c", "a"]))
    return [eta, T, Points("S", **where, errors=0.1)]


@pytest.mark.parametrize("start", [None, "2021-01-01", "1999-12-31T06:30"])
@pytest.mark.parametrize("equation", ["linear", "teos10"])
def test_what_is_written_is_read_without_a_change(tmp_path, start, equation):
    model = sphere(start=start, equation_of_state=equation)
    given = points_of_all_kinds()
    write(tmp_path / "a.nc", given, model)
    again = by_field(read(tmp_path / "a.nc", model))
    assert len(again) == len(given)
    for p in given:
        for name, a, b in zip(Points._fields[1:], p.whole()[1:], again[p.field][1:], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{p.field} {name}")


def test_two_data_sets_of_one_field_are_both_written(tmp_path):
    model, (eta, T, _) = sphere(), points_of_all_kinds()
    write(tmp_path / "a.nc", [T, eta, T.select(np.arange(2))], model)
    again = by_field(read(tmp_path / "a.nc", model))
    np.testing.assert_array_equal(again["T"].values, np.concatenate([T.values, T.values[:2]]))


def test_dates_are_counted_from_the_start_of_the_model(tmp_path):
    write(tmp_path / "a.nc", points_of_all_kinds(), sphere())
    before = by_field(read(tmp_path / "a.nc", sphere()))["T"].days
    for start, shift in (("2021-01-02", 1.0), ("2020-12-31T18:00", -0.25)):
        after = by_field(read(tmp_path / "a.nc", sphere(start=start)))["T"].days
        np.testing.assert_allclose(after, before - shift, atol=1e-12)
    with pytest.raises(InputError, match=r"has no date; give it one \(start = "):
        read(tmp_path / "a.nc", sphere(start=None))


def test_times_are_counted_from_the_present_state(tmp_path):
    """After a restart on day 2, an observation of day 2.5 belongs to day 0.5 of the run."""
    write(tmp_path / "a.nc", points_of_all_kinds(), sphere())
    before = by_field(read(tmp_path / "a.nc", sphere()))["T"].days
    later = sphere()
    later.state.time = 2 * DAY
    points = read(tmp_path / "a.nc", later)
    np.testing.assert_allclose(by_field(points)["T"].days, before - 2, atol=1e-12)
    write(tmp_path / "b.nc", points, later)
    for p, q in zip(points, read(tmp_path / "b.nc", later), strict=True):
        np.testing.assert_array_equal(p.days, q.days)


def test_groups_of_two_data_sets_stay_apart_in_a_file(tmp_path):
    model, eta = sphere(), points_of_all_kinds()[0]
    given = [eta._replace(offset=np.array([0, 1, -1, 0, 1])), eta._replace(offset=np.array([1, 0, 0, -1, 1]))]
    write(tmp_path / "a.nc", given, model)
    (found,) = read(tmp_path / "a.nc", model)
    assert found.offset.tolist() == [0, 1, -1, 0, 1, 3, 2, 2, -1, 3]


@pytest.mark.parametrize(
    ("units", "calendar", "day"),
    [
        ("hours since 2021-01-01 12:00:00", "gregorian", 1.5),
        ("seconds since 2020-12-31", "proleptic_gregorian", -1 + 24 / DAY),
        ("days since 1968-05-23 00:00:00 GMT", "", 24.0 - 19216),
    ],
)
def test_time_in_other_units(tmp_path, units, calendar, day):
    write(tmp_path / "a.nc", points_of_all_kinds()[1:2], sphere())
    with h5netcdf.File(tmp_path / "a.nc", "a") as f:
        f["time"][...] = 24.0
        f["time"].attrs.update(units=units, calendar=calendar)
    (T,) = read(tmp_path / "a.nc", sphere())
    np.testing.assert_allclose(T.days, day, atol=1e-12)


def test_a_calendar_that_is_not_that_of_the_model(tmp_path):
    write(tmp_path / "a.nc", points_of_all_kinds(), sphere())
    with h5netcdf.File(tmp_path / "a.nc", "a") as f:
        f["time"].attrs["calendar"] = "360_day"
    with pytest.raises(InputError, match="give it the calendar of the model"):
        read(tmp_path / "a.nc", sphere())


def test_a_standard_name_tells_the_kind(tmp_path):
    model, (_, T, S) = sphere(), points_of_all_kinds()
    write(tmp_path / "a.nc", [T, S], model)
    with h5netcdf.File(tmp_path / "a.nc", "a") as f:
        f["T"].attrs["standard_name"] = "sea_water_temperature"
        f["S"].attrs["standard_name"] = "sea_water_practical_salinity"
    found = by_field(read(tmp_path / "a.nc", model))
    p = gsw.p_from_z(T.z, T.y)
    SA = gsw.SA_from_SP(S.values, p, S.x, S.y)
    np.testing.assert_allclose(found["S"].values, SA, rtol=1e-14)
    np.testing.assert_allclose(found["T"].values, gsw.CT_from_t(SA, T.values, p), rtol=1e-14)


# Profiles


def ragged(path, **changes):
    """Two profiles, of three levels and of two; the second has no salinity."""
    variables = {
        "time": ("profile", [0.5, 1.25], {"units": "days since 2021-01-01"}),
        "lon": ("profile", [5.5, 20.0], {"units": "degrees_east"}),
        "lat": ("profile", [38.0, 35.0], {"units": "degrees_north"}),
        "platform": ("profile", ["6902876", "XBT"]),
        "row_size": ("profile", np.array([3, 2], np.int32), {"sample_dimension": "obs"}),
        "depth": ("obs", [10.0, 100.0, 1000.0, 5.0, 50.0], {"units": "m", "positive": "down"}),
        "temperature": ("obs", [16.0, 14.5, 13.5, 18.0, 17.0], {"units": "degree_Celsius"}),
        "salinity": ("obs", [38.0, 38.2, 38.5, np.nan, np.nan], {"units": "1e-3"}),
    }
    xr.Dataset({name: v for name, v in (variables | changes).items() if v}).to_netcdf(path, engine="h5netcdf")
    return path


SIGMA = {"T": 0.3, "S": 0.1}


@pytest.mark.parametrize("equation", ["teos10", "linear"])
def test_profiles_become_points_in_the_kinds_of_the_model(tmp_path, equation):
    found = by_field(read(ragged(tmp_path / "a.nc"), sphere(equation_of_state=equation), errors=SIGMA))
    T, S = found["T"], found["S"]
    np.testing.assert_array_equal(T.z, [-10, -100, -1000, -5, -50])
    np.testing.assert_array_equal(T.days, [0.5, 0.5, 0.5, 1.25, 1.25])
    assert T.platform.tolist() == ["6902876"] * 3 + ["XBT"] * 2
    assert S.values.shape == (3,)
    assert (T.errors == 0.3).all()
    assert (S.errors == 0.1).all()
    t, practical = np.array([16.0, 14.5, 13.5, 18, 17]), np.array([38.0, 38.2, 38.5])
    practical = np.append(practical, [practical.mean()] * 2)  # an XBT has none
    p = gsw.p_from_z(T.z, T.y)
    SA = gsw.SA_from_SP(practical, p, T.x, T.y)
    expected = (gsw.CT_from_t(SA, t, p), SA) if equation == "teos10" else (gsw.pt0_from_t(SA, t, p), practical)
    np.testing.assert_allclose(T.values, expected[0], rtol=1e-12)
    np.testing.assert_allclose(S.values, expected[1][:3], rtol=1e-12)


def test_kinds_of_profiles_are_options(tmp_path):
    model = sphere(equation_of_state="linear")
    found = read(ragged(tmp_path / "a.nc"), model, errors=SIGMA, temperature_kind="potential")
    np.testing.assert_allclose(by_field(found)["T"].values, [16.0, 14.5, 13.5, 18, 17])
    with pytest.raises(InputError, match="temperature_kind: 'warm' is none of in situ, potential, conservative"):
        read(tmp_path / "a.nc", model, errors=SIGMA, temperature_kind="warm")


@pytest.mark.parametrize(
    ("changes", "options", "error", "message"),
    [
        ({}, {}, InputError, r"has no errors of T; give them, for example errors=\{\"T\": 0.3\}"),
        ({}, {"errors": {"T": 0.3}}, InputError, "has no errors of S"),
        ({}, {"errors": {"T": "big", "S": 1.0}}, InputError, "errors: needs a number for T, got 'big'"),
        ({}, {"error": SIGMA}, InputError, "read_profiles has no option 'error'; did you mean 'errors'"),
        ({}, {"temperature": "TEMP", "salinity": "PSAL"}, FileError, "lacks TEMP and PSAL"),
        (
            {"row_size": ("profile", [3, 3], {"sample_dimension": "obs"})},
            {},
            FileError,
            "counts 6 levels.* there are 5",
        ),
        ({"lon": None}, {"errors": SIGMA}, FileError, "lacks the variable lon"),
    ],
)
def test_profiles_that_cannot_be_used_are_named(tmp_path, changes, options, error, message):
    with pytest.raises(error, match=message):
        read(ragged(tmp_path / "a.nc", **changes), sphere(), **options)


def test_errors_in_the_file_come_first(tmp_path):
    path = ragged(tmp_path / "a.nc", temperature_error=("obs", [0.1, 0.2, 0.3, 0.4, 0.5], {"units": "K"}))
    found = by_field(read(path, sphere(), errors=SIGMA))
    np.testing.assert_allclose(found["T"].errors, [0.1, 0.2, 0.3, 0.4, 0.5])


# Altimetry


def tracks(path, **changes):
    variables = {
        "time": ("obs", [0.0, 0.1, 0.2, 0.3], {"units": "days since 2021-01-01"}),
        "lon": ("obs", [1.5, 2.5, 3.5, 4.5], {"units": "degrees_east"}),
        "lat": ("obs", [38.0, 38.5, 39.0, 39.5], {"units": "degrees_north"}),
        "sat": ("obs", np.array([3, 1, 3, 3], np.int8)),
        "sla": ("obs", [10.0, 20.0, np.nan, 40.0], {"units": "cm"}),
        "mdt": ("obs", [0.01, 0.02, 0.03, 0.04], {"units": "m"}),
        "dac": ("obs", [0.1, 0.1, 0.1, 0.1], {"units": "m"}),
    }
    xr.Dataset({name: v for name, v in (variables | changes).items() if v}).to_netcdf(path, engine="h5netcdf")
    return path


def test_sea_level_is_the_sum_of_what_is_chosen(tmp_path):
    path = tracks(tmp_path / "a.nc")
    (eta,) = read(path, sphere(), errors=0.03, names={1: "Cryosat-2", 3: "Jason-3"})
    np.testing.assert_allclose(eta.values, [0.11, 0.22, 0.44])
    assert eta.platform.tolist() == ["Jason-3", "Cryosat-2", "Jason-3"]
    assert eta.offset.tolist() == [1, 0, 1]
    (eta,) = read(path, sphere(), errors=0.03, add=["mdt", "dac"], offsets="none")
    np.testing.assert_allclose(eta.values, [0.21, 0.32, 0.54])
    assert eta.platform.tolist() == ["3", "1", "3"]
    assert eta.offset.tolist() == [-1, -1, -1]
    for east in (0.0, 360.0):
        (good,) = in_box([eta], sphere(), x=(2.0 + east, 5.0 + east))
        assert good.tolist() == [False, True, True]
    (eta,) = read(path, sphere(), errors=0.03, offsets="pass")
    assert eta.offset.tolist() == [1, 0, 2]
    with pytest.raises(InputError, match="offsets: unknown 'track'"):
        read(path, sphere(), errors=0.03, offsets="track")
    gap = ("obs", [0.01, np.nan, 0.03, 0.04], {"units": "m"})
    with pytest.warns(UserWarning, match="1 of 4 observations lack mdt; they are left out"):
        (eta,) = read(tracks(tmp_path / "b.nc", mdt=gap), sphere(), errors=0.03)
    np.testing.assert_allclose(eta.values, [0.11, 0.44])
    with pytest.raises(FileError, match="lacks the variable tide"):
        read(path, sphere(), errors=0.03, add=["tide"])


def test_flags_name_the_satellites(tmp_path):
    flags = {"flag_values": np.int8([1, 3]), "flag_meanings": "Cryosat-2 Jason-3"}
    (eta,) = read(tracks(tmp_path / "a.nc", sat=("obs", np.int8([3, 1, 3, 3]), flags)), sphere(), errors=0.03)
    assert eta.platform.tolist() == ["Jason-3", "Cryosat-2", "Jason-3"]


# Maps


def sst(path, **attributes):
    """Two days of surface temperature, with a point of land; latitudes from north to south."""
    values = 290.0 + np.arange(12.0).reshape(2, 2, 3)
    values[:, 0, 0] = np.nan
    time = np.array(["2021-01-01T12", "2021-01-02T12"], "M8[ns]")
    coords = {"time": time, "lat": [39.0, 38.0], "lon": [4.0, 5.0, 366.0]}
    known = {"units": "K", "standard_name": "sea_surface_temperature"} | attributes
    field = xr.DataArray(values, dims=("time", "lat", "lon"), coords=coords, attrs=known)
    field.to_dataset(name="sst").to_netcdf(path, engine="h5netcdf")
    return path


def test_a_map_becomes_points(tmp_path):
    model = sphere(equation_of_state="linear")
    (T,) = read(sst(tmp_path / "a.nc"), model, variable="sst", field="T", errors=0.5, span=1.0)
    assert T.days.tolist() == [0.5] * 5 + [1.5] * 5
    assert T.y.tolist() == ([38.0] * 3 + [39.0] * 2) * 2
    np.testing.assert_allclose(T.x % 360, [4, 5, 6, 5, 6] * 2)
    np.testing.assert_allclose(T.values[:5] + 273.15, [293, 294, 295, 291, 292])
    assert (T.platform == "sst").all()
    assert (T.z.any(), T.span.min(), T.errors.max()) == (False, 1.0, 0.5)
    (T,) = read(tmp_path / "a.nc", sphere(), variable="sst", field="T", errors={"T": 0.5}, platform="AVHRR")
    expected = gsw.CT_from_t(35.0, np.array([293, 294, 295, 291, 292]) - 273.15, 0)  # without a salinity
    np.testing.assert_allclose(T.values[:5], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variable": "sst"}, "read_map needs the options field, errors"),
        ({"variable": "sst", "field": "sst", "errors": 0.5}, "field: 'sst' is none of u, v, eta, T, S"),
        ({"variable": "sst", "field": "T", "errors": 0.5, "error": 1}, "read_map has no option 'error'; did you mean"),
        ({"variable": "sst", "field": "T", "errors": {"S": 1}}, "has no errors of T"),
        ({"variable": "sst", "field": "T", "errors": 0.5, "kind": "warm"}, "temperature_kind: 'warm' is none of"),
    ],
)
def test_maps_that_cannot_be_used_are_named(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        read(sst(tmp_path / "a.nc"), sphere(), **options)
    with pytest.raises(InputError, match="sst has dates, but the model has no date"):
        read(tmp_path / "a.nc", sphere(start=None), variable="sst", field="T", errors=0.5)


def test_a_map_of_layers_without_time_has_a_day(tmp_path):
    dims, coords = ("depth", "lat", "lon"), {"lat": [38.0, 39.0], "lon": [4.0, 5.0]}
    coords["depth"] = ("depth", [10.0, 100.0], {"units": "m", "positive": "down"})
    field = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), dims=dims, coords=coords, attrs={"units": "degC"})
    field.to_dataset(name="temp").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    options = {"variable": "temp", "field": "T", "errors": 1.0, "kind": "potential"}
    (T,) = read(tmp_path / "a.nc", sphere(equation_of_state="linear"), day=3.0, **options)
    assert (T.z.tolist(), T.days.tolist()) == ([-10.0] * 4 + [-100.0] * 4, [3.0] * 8)
    np.testing.assert_allclose(T.values, np.arange(8.0))
    with pytest.raises(InputError, match="has no dates; give the day of one map"):
        read(tmp_path / "a.nc", sphere(), **options)


# ROMS


def roms(path, **changes):
    """One observation of each type, as classic NetCDF-3."""
    n = 7
    flags = {"flag_values": np.int32([1, 2]), "flag_meanings": "altimeter float"}
    variables = {
        "obs_type": ("datum", np.arange(1, 8, dtype=np.int32)),
        "obs_provenance": ("datum", np.int32([1, 2, 2, 2, 2, 2, 2]), flags),
        "obs_time": ("datum", np.full(n, 18628.5), {"units": "days since 1970-01-01 00:00:00 GMT"}),
        "obs_lon": ("datum", np.full(n, 5.5), {"units": "degrees_east"}),
        "obs_lat": ("datum", np.full(n, 38.0), {"units": "degrees_north"}),
        "obs_depth": ("datum", np.float64([30, -1, -1, -50, -50, -50, -50])),
        "obs_error": ("datum", np.full(n, 0.04)),
        "obs_value": ("datum", np.float64([0.1, 0, 0, 0.2, 0.3, 14.0, 38.0])),
    }
    ds = xr.Dataset(variables | changes, attrs={"grid_Lm_Mm_N": np.int32([54, 53, 30])})
    ds.to_netcdf(path, engine="scipy", format="NETCDF3_CLASSIC")
    return path


@pytest.mark.parametrize("equation", ["teos10", "linear"])
def test_types_of_roms(tmp_path, equation):
    with pytest.warns(UserWarning, match="2 of 7 observations have a type other than those of eta, u, v, T, S"):
        found = by_field(read(roms(tmp_path / "a.nc"), sphere(equation_of_state=equation)))
    assert set(found) == {"eta", "u", "v", "T", "S"}
    assert [float(found[f].values[0]) for f in ("eta", "u", "v")] == [0.1, 0.2, 0.3]
    p = gsw.p_from_z(-50.0, 38.0)
    SA = gsw.SA_from_SP(38.0, p, 5.5, 38.0)
    expected = (gsw.CT_from_pt(SA, 14.0), SA) if equation == "teos10" else (14.0, 38.0)
    np.testing.assert_allclose([found["T"].values[0], found["S"].values[0]], expected, rtol=1e-14)
    for p in found.values():
        np.testing.assert_allclose([p.days[0], p.errors[0], p.z[0]], [0.5, 0.2, 0 if p.field == "eta" else -50])
    assert found["eta"].platform.tolist() == ["altimeter"]
    assert found["T"].platform.tolist() == ["float"]


@pytest.mark.filterwarnings("ignore:.*have a type other")
def test_depths_of_roms_are_heights_levels_or_depths(tmp_path):
    depth = ("datum", np.float64([30, 1, 1, 20, 20, 20, 20]))
    path, model = roms(tmp_path / "a.nc", obs_depth=depth), sphere()
    with pytest.raises(InputError, match=r"obs_depth 1 is 1, which counts levels of ROMS; give the files grid="):
        read(path, model)
    assert by_field(read(path, model, positive="down"))["T"].z.tolist() == [-20.0]
    with pytest.raises(InputError, match='positive: is "up" or "down", got 1'):
        read(path, model, positive=1)
    with pytest.raises(InputError, match="obs_error 0 is -1; an error variance is positive"):
        read(roms(tmp_path / "b.nc", obs_error=("datum", np.full(7, -1.0))), model)


@pytest.mark.filterwarnings("ignore:.*have a type other")
def test_levels_and_grid_of_roms(tmp_path):
    """At the point (1.5, 0.5) of a grid of 2 x 3 points, over a floor of 175 m, on four sigma levels."""
    lon, lat = np.meshgrid([5.0, 6.0, 7.0], [38.0, 39.0])
    rho = ("eta_rho", "xi_rho")
    grid = xr.Dataset(
        {
            "lon_rho": (rho, lon, {"units": "degrees_east"}),
            "lat_rho": (rho, lat, {"units": "degrees_north"}),
            "h": (rho, np.array([[100.0, 100, 200], [100, 200, 200]]), {"units": "meter", "positive": "down"}),
            "Vtransform": ((), 2),
            "hc": ((), 0.0),
            "s_rho": ("s_rho", [-0.875, -0.625, -0.375, -0.125]),
            "Cs_r": ("s_rho", [-0.875, -0.625, -0.375, -0.125]),
        }
    )
    grid.to_netcdf(tmp_path / "grid.nc", engine="h5netcdf")
    n = 7
    places = {"obs_Xgrid": ("datum", np.full(n, 1.5)), "obs_Ygrid": ("datum", np.full(n, 0.5))}
    depth = ("datum", np.float64([4, 1, 1, 1, 2.5, 4, -30]))
    path = roms(tmp_path / "a.nc", obs_depth=depth, **places)
    found = by_field(read(path, sphere(), grid=tmp_path / "grid.nc"))
    np.testing.assert_allclose([found["u"].x[0], found["u"].y[0]], [6.5, 38.5])
    np.testing.assert_allclose([found[f].z[0] for f in ("u", "v", "T", "S")], [-0.875 * 175, -0.5 * 175, 0, -30])


# Real files


@needs_data
@pytest.mark.parametrize("equation", ["teos10", "linear"])
def test_profiles_of_the_mediterranean(equation, tmp_path):
    model = sphere(equation_of_state=equation)
    points = read(MED / "profiles.nc", model, errors=SIGMA)
    found = by_field(points)
    assert (len(found["T"].x), len(found["S"].x)) == (35178, 30910)
    assert 0 < found["T"].days.min() < found["T"].days.max() < 25
    assert found["T"].z.max() <= 0
    assert len(np.unique(found["T"].platform)) > 80
    write(tmp_path / "a.nc", points, model)
    for p in read(tmp_path / "a.nc", model):
        for a, b in zip(found[p.field][1:], p[1:], strict=True):
            np.testing.assert_array_equal(a, b)


@needs_data
def test_altimetry_of_the_mediterranean():
    names = ("AltiKa", "Cryosat-2", "HY-2B", "Jason-3", "Sentinel-3A")
    with pytest.warns(UserWarning, match="1 of 68098 observations lack mdt"):
        (eta,) = read(MED / "sla_tracks.nc", sphere(), errors=0.03, names=names)
    assert set(eta.platform) == set(names)
    assert len(np.unique(eta.offset)) == 5
    assert abs(eta.values.mean()) < 0.1


@needs_data
def test_the_tutorial_of_roms():
    model = sphere((-135, -115), (29, 49), depth=5000.0, dz=[50.0, 950, 4000], start="2004-01-02")
    files = {"grid": WC13 / "wc13_grd.nc", "levels": WC13 / "wc13_ecco_bry.nc"}
    for name, count, last in (("wc13_obs.nc", 6815, 5.0), ("forecast_obs.nc", 10849, 12.0)):
        found = by_field(read(WC13 / name, model, **files))
        assert sum(len(p.x) for p in found.values()) == count
        assert max(p.days.max() for p in found.values()) == pytest.approx(last, abs=1e-6)
        assert set(found["eta"].platform) == {"gridded_AVISO_SLA"}
        surface = found["T"].select(found["T"].platform == "blended_SST")
        assert (surface.z == 0).all()
        assert (surface.errors >= 0.4 - 1e-12).all()
        assert -2000 < found["T"].z.min() < -1000
        deep, shallow = (found["T"].values[s].mean() for s in (found["T"].z < -500, found["T"].z == 0))
        assert deep < 7 < 12 < shallow
    with pytest.raises(InputError, match="which counts levels of ROMS"):
        read(WC13 / "wc13_obs.nc", model)
