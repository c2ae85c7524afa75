"""`ogcm prepare`: from files of several conventions to a file that runs, and what it refuses."""

import shutil
from pathlib import Path

import gsw
import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError, OceanError
from ogcm.grid import interior
from ogcm.preparation import fluxes, job, ocean_file, start


def write_sources(folder):
    """A small sea at 1 degree and its climatology, in files of several conventions."""
    lat, lon = np.arange(29.5, 42, 1.0), np.arange(-1.5, 24, 1.0)
    y, x = np.meshgrid(lat, lon, indexing="ij")
    elevation = np.where((x > 1) & (x < 19) & (y > 31) & (y < 39), -1000.0 - 50 * x, 100.0)
    elevation[:, np.abs(lon - 10.5) < 0.1] = 200.0  # a wall, which a strait opens
    axes = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    up = {"units": "m", "standard_name": "height_above_geopotential_datum"}
    xr.Dataset({"z": (("lat", "lon"), elevation, up)}, axes).to_netcdf(folder / "relief.nc", engine="h5netcdf")
    depth = np.array([0.0, 100, 500, 1500])
    T = 20 - depth[:, None, None] / 100 + 0.1 * (y - 35) * np.exp(-depth[:, None, None] / 500)
    T = np.where((elevation < 0) & (depth[:, None, None] < 1800), T, np.nan)
    levels = axes | {"depth": ("depth", depth, {"units": "m", "positive": "down"})}
    kinds = {"T": ("degC", "sea_water_potential_temperature"), "S": ("1", "sea_water_practical_salinity")}
    data = {n: (("depth", "lat", "lon"), T if n == "T" else 38 + 0 * T, {"units": u, "standard_name": s})
            for n, (u, s) in kinds.items()}  # fmt: skip
    xr.Dataset(data, levels).to_netcdf(folder / "climate.nc", engine="h5netcdf")
    months = axes | {"month": ("month", np.arange(1, 13), {"units": "1"})}
    wind = np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None] + 0 * x
    heat = {"units": "W m-2", "positive": "up"}
    fields = {"u": (("month", "lat", "lon"), 5 * wind, {"units": "m s-1"}),
              "v": (("month", "lat", "lon"), 0 * wind, {"units": "m s-1"}),
              "q": (("month", "lat", "lon"), 100 * wind, heat)}  # fmt: skip
    xr.Dataset(fields, months).to_netcdf(folder / "climatology.nc", engine="h5netcdf")


CONFIGURATION = """
[grid]
lon = [0.0, 20.0]
lat = [30.0, 40.0]
resolution = 1.0
[layers]
number = 6
depth = 2000.0
top = 50.0
[bathymetry]
relief = {file = "relief.nc", variable = "z"}
open = [{name = "gap", line = [[9.5, 35.5], [11.5, 35.5]], depth = 300.0}]
[start]
temperature = {file = "climate.nc", variable = "T"}
salinity = {file = "climate.nc", variable = "S"}
[forcing]
wind_x = {file = "climatology.nc", variable = "u"}
wind_y = {file = "climatology.nc", variable = "v"}
heat_flux = {file = "climatology.nc", variable = "q"}
[numerics]
dt = 1800.0
[parameters]
nu_h = 2000.0
kappa_h = 200.0
"""


@pytest.fixture
def sea(tmp_path):
    write_sources(tmp_path)
    (tmp_path / "sea.toml").write_text(CONFIGURATION)
    return tmp_path / "sea.toml"


def changed(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return path


def test_the_stress_of_a_wind_is_that_of_neutral_air():
    wind = np.array([0.0, 1e-9, 5.0, -10.0, 60.0])
    tau, none = fluxes.stress(wind, 0 * wind)
    drag = 1e-3 * (2.70 / 10 + 0.142 + 10 / 13.09 - 3.14807e-10 * 10**6)
    np.testing.assert_allclose(tau[3], -1.22 * drag * 100, rtol=1e-12)
    np.testing.assert_allclose(tau[4] / 60**2, fluxes.stress(np.array([33.0]), np.zeros(1))[0][0] / 33**2, rtol=1e-12)
    assert tau[0] == 0
    assert np.isfinite(tau).all()
    assert (none == 0).all()


def test_an_ocean_is_prepared_and_runs(sea):
    path = ogcm.prepare(sea)
    assert path == sea.with_suffix(".nc")
    assert path.with_suffix(".png").stat().st_size > 10_000
    ocean = ocean_file.read(path)
    assert ocean.depth[5, 5] == pytest.approx(1000 + 50 * 5.5)
    assert ocean.depth[5, 10] == 300
    assert (np.delete(ocean.depth[:, 10], 5) == 0).all()
    assert (ocean.depth[[0, -1]] == 0).all()
    interfaces = np.minimum(
        np.append(0.0, np.cumsum(ocean.dz)), ocean.depth[5, 5]
    )  # the last cell is a part of a layer
    middle, wet = 0.5 * (interfaces[1:] + interfaces[:-1]), interfaces[1:] > interfaces[:-1]
    p = gsw.p_from_z(-middle[wet], 35.5)
    SA = gsw.SA_from_SP(38.0, p, 5.5, 35.5)
    np.testing.assert_allclose(ocean.S[wet, 5, 5], SA, rtol=2e-5)
    potential = np.interp(middle[wet], [0, 100, 500, 1500], 20 - np.array([0, 100, 500, 1500]) / 100)
    assert abs(ocean.T[wet, 5, 5] - gsw.CT_from_pt(SA, potential)).max() < 0.06  # by 0.05 since y is 35.5
    tau, heat = ocean.forcing["tau_x"], ocean.forcing["heat_flux"]
    expected = fluxes.stress(5 * np.cos(2 * np.pi * np.arange(12) / 12), np.zeros(12))[0]
    np.testing.assert_allclose(tau.values[:, 5, 5], expected, atol=1e-12)
    np.testing.assert_allclose(heat.values[:, 5, 5], -100 * np.cos(2 * np.pi * np.arange(12) / 12), atol=1e-9)
    model = ogcm.setups.ocean(data=str(path))
    ogcm.Simulation(model, days=1, progress=False).run()
    assert np.isfinite(model.state.T).all()
    assert np.abs(model.state.u).max() > 1e-4


def test_the_same_inputs_give_the_same_file_to_the_bit(sea, tmp_path):
    one, other = (ogcm.prepare(sea, tmp_path / name, picture=False).read_bytes() for name in ("one.nc", "other.nc"))
    assert one == other
    ocean = ocean_file.read(tmp_path / "one.nc")
    assert set(ocean.inputs) == {"relief.nc", "climate.nc", "climatology.nc"}
    assert "wind_x" in ocean.configuration
    third = ogcm.prepare(changed(sea, "top = 50.0", "top = 60.0"), tmp_path / "third.nc", picture=False).read_bytes()
    assert third != one


def test_inputs_of_one_name_in_two_folders_have_a_hash_each(sea, tmp_path):
    (tmp_path / "winds").mkdir()
    (tmp_path / "climatology.nc").rename(tmp_path / "winds" / "climate.nc")
    changed(sea, "climatology.nc", "winds/climate.nc")
    one = ogcm.prepare(sea, picture=False)
    inputs = ocean_file.read(one).inputs
    assert set(inputs) == {"relief.nc", "climate.nc", "winds/climate.nc"}
    assert inputs["climate.nc"] != inputs["winds/climate.nc"]
    moved = shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}_moved"))  # the same bits wherever they lie
    assert ogcm.prepare(moved / sea.name, moved / "again.nc", picture=False).read_bytes() == one.read_bytes()


def test_salinity_may_be_on_another_grid(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climate.nc") as f:
        salinity = f[["S"]].isel(lat=slice(None, None, 2), lon=slice(1, None, 2), depth=[0, 2, 3]).load()
    salinity.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    before = ocean_file.read(ogcm.prepare(sea, picture=False))
    changed(sea, 'salinity = {file = "climate.nc"', 'salinity = {file = "other.nc"')
    after = ocean_file.read(ogcm.prepare(sea, picture=False))
    np.testing.assert_allclose(after.S, before.S, atol=1e-3)
    np.testing.assert_allclose(after.T, before.T, atol=1e-3)


@pytest.mark.parametrize("method", ["linear", "conservative"])
def test_a_start_is_uniform_where_its_climatology_is(sea, method):
    changed(sea, "[forcing]", f'method = "{method}"\n[forcing]')
    ocean = ocean_file.read(ogcm.prepare(sea, picture=False))
    wet = (np.cumsum(ocean.dz) - ocean.dz)[:, None, None] < ocean.depth
    assert ((ocean.S > 0) == wet).all()
    assert np.ptp(ocean.S[wet]) < 2e-2


def test_a_start_is_made_stable(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climate.nc") as f:
        upside_down = f.load().assign(
            T=f.T.copy(data=np.where(np.isfinite(f.T), 10 + f.depth.values[:, None, None] / 1e3, np.nan))
        )
    upside_down.to_netcdf(tmp_path / "climate.nc", engine="h5netcdf")
    before = ocean_file.read(ogcm.prepare(sea, picture=False))
    after = ocean_file.read(ogcm.prepare(changed(sea, "[forcing]", "stabilise = true\n[forcing]"), picture=False))
    interfaces = np.maximum(-np.concatenate([[0.0], np.cumsum(after.dz)])[:, None, None], -after.depth)
    wet = (np.cumsum(after.dz) - after.dz)[:, None, None] < after.depth
    assert start.instability(before.T, before.S, interfaces, wet, after.cells.lat).max() > 0.01
    assert start.instability(after.T, after.S, interfaces, wet, after.cells.lat).max() <= 1e-6
    h = interfaces[:-1] - interfaces[1:]
    np.testing.assert_allclose((h * after.T).sum(axis=0), (h * before.T).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("resolution = 1.0", "resolution = 0.3", r"lat from 30 to 40 is not a whole number of cells of 0.3 degrees"),
        ("resolution", "resolutoin", r"unknown 'resolutoin' in \[grid\]: .*resolution"),
        ("lon = [0.0, 20.0]", "lon = [20.0, 0.0]", r"lon needs its first and last edge"),
        ("number = 6", "number = 6\ndz = [1.0]", r"\[layers\] needs either dz"),
        ("top = 50.0", "", r"\[layers\] with a number of layers also needs top"),
        ('file = "relief.nc"', 'file = "relif.nc"', r"relif.nc: no such file; a name in a configuration is relative"),
        ('variable = "z"}', 'variable = "zz"}', r"lacks zz"),
        (", depth = 300.0}", "}", r"a strait needs name, line, depth, got name, line"),
        ("dt = 1800.0", "", r"\[numerics\] needs dt"),
        ("nu_h = 2000.0", "nuh = 2000.0", r"unknown 'nuh' in \[parameters\]"),
        ('wind_y = {file = "climatology.nc", variable = "v"}', "", r"needs both wind_x and wind_y"),
        ("heat_flux = {", "rate_T = {", r"\[forcing\] rate_T needs a number"),
        ('variable = "S"}', 'variable = "S", salinity_kind = "salty"}', r"salty"),
        ("lon = [0.0, 20.0]", "lon = [0.0, 40.0]", r"the relief does not reach the cell"),
        ("[start]", '[start]\nfill = "linear"', r"fill: 'linear' does not exist; choose from harmonic, nearest"),
        ("[start]", "[start]\nmonth = 3", r"month = 3: neither temperature nor salinity has months"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_refused(sea, before, after, message):
    with pytest.raises(OceanError, match=message):
        ogcm.prepare(changed(sea, before, after))
    assert not sea.with_suffix(".nc").exists()


def test_a_configuration_of_ogcm_reads_the_files_of_a_folder(sea, tmp_path, monkeypatch, capsys):
    """Those that are shipped are complete; here one of them is that of the sea."""
    assert {"global_1deg"} <= {file.stem for file in job.SHIPPED.glob("*.toml")}
    for file in job.SHIPPED.glob("*.toml"):
        assert job.read_configuration(file.stem)[1:] == (Path(), file.stem)
    for place in ("shipped", "elsewhere"):
        (tmp_path / place).mkdir()
    sea.rename(tmp_path / "shipped" / "sea.toml")
    monkeypatch.setattr(job, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["prepare", "sea", "--data", str(tmp_path)]) == 0
    assert ocean_file.read("sea.nc").name == "sea"
    assert set(ocean_file.read("sea.nc").inputs) == {"relief.nc", "climate.nc", "climatology.nc"}
    assert main(["prepare", "see", "--data", str(tmp_path)]) == 2
    assert "unknown configuration 'see': did you mean 'sea'?" in capsys.readouterr().err
    assert main(["prepare", "sea"]) == 2
    assert "`ogcm prepare CONFIG --data FOLDER`" in capsys.readouterr().err


def test_global_1deg_is_the_ocean_of_its_file(sea):
    with pytest.raises(FileError, match="`ogcm prepare global_1deg --data FOLDER` makes"):
        ogcm.setups.global_1deg()
    path = str(ogcm.prepare(sea, picture=False))
    model = ogcm.setups.global_1deg(data=path, parameters={"nu_h": 500.0})
    other = ogcm.setups.ocean(data=path, parameters={"nu_h": 500.0})
    assert model.name == model.config["setup"] == "global_1deg"
    assert model.state.digest() == other.state.digest()
    assert model.marks == other.marks


def test_the_configuration_of_global_4deg_makes_its_ocean(ocean_data, tmp_path):
    """The sea floor and the forcing of the setup, and its start where cells are whole and not at the freezing point."""
    data = ocean_data("global_4deg.nc")
    prepared = ogcm.prepare("global_4deg", tmp_path / "ocean.nc", data=data.parent, picture=False)
    ours, setup = ogcm.setups.ocean(data=str(prepared)), ogcm.setups.global_4deg(data=str(data))
    wet = interior(setup.grid.mask_t) > 0
    np.testing.assert_array_equal(interior(ours.grid.mask_t) > 0, wet)
    np.testing.assert_allclose(ours.grid.depth_t, setup.grid.depth_t, rtol=1e-12)
    for name in ("tau_x", "tau_y", "heat_flux", "fresh_water", "S_star"):
        one, other = (interior(getattr(m.forcing.at(100 * DAY), name)) for m in (ours, setup))
        np.testing.assert_array_equal(one[wet[0]], other[wet[0]], err_msg=name)
    whole = wet & (interior(setup.grid.h_t) == setup.dz[:, None, None]) & (interior(setup.state.T) > -1.9)
    assert whole.sum() > 0.9 * wet.sum()
    for name in "TS":
        one, other = (interior(getattr(m.state, name)) for m in (ours, setup))
        np.testing.assert_allclose(one[whole], other[whole], atol=1e-5, err_msg=name)


def test_another_file_is_no_ocean(sea, tmp_path):
    with pytest.raises(FileError, match="its last line is no hash of ogcm"):
        ogcm.setups.ocean(data=str(tmp_path / "relief.nc"))
    with pytest.raises(FileError, match="make it with `ogcm prepare"):
        ogcm.setups.ocean(data=str(tmp_path / "absent.nc"))


def test_the_command_prepares_and_runs(sea, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "sea.toml", "--output", "mine.nc"]) == 0
    assert "run it with `ogcm run mine.nc`" in capsys.readouterr().err
    assert main(["run", "mine.nc", "--days", "0.1", "--quiet"]) == 0
    assert (tmp_path / "ocean.nc").exists()
    assert main(["run", "ocean.toml", "--output", "again.nc", "--quiet"]) == 0
    with xr.open_dataset("ocean.nc") as one, xr.open_dataset("again.nc") as other:
        xr.testing.assert_identical(one.T, other.T)


def test_a_run_does_not_write_over_its_ocean(sea, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = ogcm.prepare(sea, "ocean.nc", picture=False)
    text = before.read_bytes()
    assert main(["run", "ocean.nc", "--days", "0.1", "--overwrite", "--quiet"]) == 0
    assert before.read_bytes() == text
    assert Path("ocean.run.nc").is_file()


def test_fluxes_follow_from_an_atmosphere(sea):
    i = CONFIGURATION.index("[forcing]")
    j = CONFIGURATION.index("[numerics]")
    atmosphere = """[atmosphere]
u10 = {file = "climatology.nc", variable = "u"}
v10 = 0.0
t2 = 15.0
d2 = 10.0
cloud = 0.5
algorithm = "coare"
longwave = "josey"
height_humidity = 3.0
diurnal_cycle = true
"""
    sea.write_text("[ocean]\nstart = 2021-02-10\n" + CONFIGURATION[:i] + atmosphere + CONFIGURATION[j:])
    path = ogcm.prepare(sea)
    found = ocean_file.read(path).atmosphere
    assert [found[name] for name in ("t2", "diurnal_cycle", "algorithm")] == [15.0, True, "coare"]
    np.testing.assert_allclose(found["u10"].values[:, 3, 4], 5 * np.cos(2 * np.pi * np.arange(12) / 12), atol=1e-12)
    model = ogcm.setups.ocean(data=str(path))
    assert model.start.isoformat().startswith("2021-02-10")
    before = model.state.T.copy()
    ogcm.Simulation(model, days=1, progress=False).run()
    assert 0.01 < (before - model.state.T)[0, 6, 6] < 1  # air of 15 degC cools water of 20


def test_an_algorithm_of_another_name_is_refused(sea):
    i, j = CONFIGURATION.index("[forcing]"), CONFIGURATION.index("[numerics]")
    sea.write_text(CONFIGURATION[:i] + '[atmosphere]\nt2 = 15.0\nalgorithm = "core"\n' + CONFIGURATION[j:])
    with pytest.raises(InputError, match="algorithm: one of ncar, coare, got 'core'"):
        ogcm.prepare(sea)


def test_dated_records_count_from_the_start_and_give_a_climatology(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climatology.nc") as f:
        months = f.load()
    days = np.array([31 * n + 15 for n in range(24)])  # one in each month of two years, or nearly
    twice = xr.concat([months, months + 1], "month").rename(month="time").assign_coords(time=("time", days * 1.0))
    twice.time.attrs["units"] = "days since 2019-12-30"
    for name in "uvq":
        twice[name].attrs = months[name].attrs
    twice.to_netcdf(tmp_path / "dated.nc", engine="h5netcdf")
    text = CONFIGURATION.replace("climatology.nc", "dated.nc")
    sea.write_text(text)
    with pytest.raises(InputError, match=r"has dates; give that of the start of the model, \[ocean\] start"):
        ogcm.prepare(sea)
    sea.write_text("[ocean]\nstart = 2020-01-01\n" + text)
    heat = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing["heat_flux"]
    np.testing.assert_allclose(heat.times / DAY, days - 2)
    assert heat.period is None
    assert heat.values.shape == (24, 10, 20)
    streamed = ogcm.setups.ocean(data=str(sea.with_suffix(".nc")))
    held = streamed.copy()
    for series in held.forcing.series.values():
        series.values[...] = series.values[...]  # in memory from here on
    for model in (streamed, held):
        model.state.time = days[3] * DAY
        ogcm.Simulation(model, days=1, progress=False, overwrite=True).run()
    assert all(np.array_equal(a, b) for a, b in zip(streamed.state, held.state, strict=True))
    assert streamed.forcing.series["heat_flux"].values.given is None
    entry = 'heat_flux = {file = "dated.nc", variable = "q"'
    sea.write_text(text.replace(entry, entry + ", climatology = true").replace("dated.nc", "climatology.nc", 2))
    mean = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing["heat_flux"]
    assert mean.period is not None
    assert mean.values[0, 5, 5] == pytest.approx(-100.5)


def test_the_surface_is_restored_to_a_level_of_a_climatology(sea):
    changed(sea, "[forcing]", """[forcing]
T_star = {file = "climate.nc", variable = "T", level = 0.0}
S_star = {file = "climate.nc", variable = "S", level = 0.0}
rate_T = 1e-5
rate_S = 1e-5""")  # fmt: skip
    forcing = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing
    SA = gsw.SA_from_SP(38.0, 0.0, 5.5, 35.5)
    assert forcing["S_star"][5, 5] == pytest.approx(SA, rel=1e-5)
    assert forcing["T_star"][5, 5] == pytest.approx(gsw.CT_from_pt(SA, 20.05), rel=1e-3)
