"""Output follows CF and SGRID: xgcm and cf_xarray read it without arguments, and a CF checker finds no fault."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import xarray

import ogcm
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.output import OutputFile
from ogcm.variables import output_variables
from tests.ogcm.test_prepare import CONFIGURATION, write_sources

ALL = ("u", "v", "eta", "T", "S", "w", "zeta", "h")
SGRID_ROLE = "grid_topology is not a valid cf_role value"  # the checker knows no SGRID, whose rule this is
# Units of the standard names that output uses, which are or equal those of version 93 of the table of CF (K is degC)
CANONICAL_UNITS = {
    "air_pressure_at_mean_sea_level": "Pa",
    "surface_air_pressure": "Pa",
    "air_temperature": "degC",  # K in the table
    "cell_area": "m2",
    "cell_thickness": "m",
    "cloud_area_fraction": "1",
    "coriolis_parameter": "s-1",
    "dew_point_temperature": "degC",  # K in the table
    "height_above_mean_sea_level": "m",
    "latitude": "degrees_north",
    "longitude": "degrees_east",
    "lwe_precipitation_rate": "m s-1",
    "ocean_relative_vorticity": "s-1",
    "projection_x_coordinate": "m",
    "projection_y_coordinate": "m",
    "sea_binary_mask": "1",
    "sea_floor_depth_below_geoid": "m",
    "sea_surface_height_above_geoid": "m",
    "net_downward_shortwave_flux_at_sea_water_surface": "W m-2",
    "ocean_barotropic_streamfunction": "m3 s-1",
    "ocean_vertical_heat_diffusivity": "m2 s-1",
    "ocean_vertical_momentum_diffusivity": "m2 s-1",
    "ocean_volume_x_transport": "m3 s-1",
    "ocean_volume_y_transport": "m3 s-1",
    "sea_water_absolute_salinity": "g kg-1",
    "sea_water_conservative_temperature": "degC",
    "sea_water_density": "kg m-3",
    "sea_water_sigma_theta": "kg m-3",
    "sea_water_speed": "m s-1",
    "sea_water_x_velocity": "m s-1",
    "sea_water_y_velocity": "m s-1",
    "specific_humidity": "1",
    "specific_turbulent_kinetic_energy_of_sea_water": "m2 s-2",
    "square_of_brunt_vaisala_frequency_in_sea_water": "s-2",
    "surface_downward_heat_flux_in_sea_water": "W m-2",
    "surface_downward_x_stress": "N m-2",  # Pa in the table
    "surface_downward_y_stress": "N m-2",
    "surface_downwelling_longwave_flux_in_air": "W m-2",
    "surface_downwelling_shortwave_flux_in_air": "W m-2",
    "upward_sea_water_velocity": "m s-1",
    "x_wind": "m s-1",
    "y_wind": "m s-1",
}


def basin(kind):
    """A small sea with an island, random water and no flow through its last column unless it is periodic."""
    rng = np.random.default_rng(5)
    nx, ny, depth = 6, 5, np.full((5, 6), 30.0)
    depth[1, 2], depth[3, 3] = 0.0, 17.0
    grids = {
        "plane": lambda: ogcm.cartesian(nx=nx, ny=ny, dx=np.linspace(1e4, 2e4, nx), dy=1e4),
        "channel": lambda: ogcm.cartesian(nx=nx, ny=ny, dx=np.linspace(1e4, 2e4, nx), dy=1e4, periodic_x=True),
        "sphere": lambda: ogcm.spherical(lon=np.linspace(0, 360, nx + 1), lat=np.linspace(-50, 48, ny + 1)),
        "cells": lambda: ogcm.curvilinear(dx=np.full((ny, nx), 1e4), dy=np.full((ny, nx), 1e4)),
    }
    size = (2, ny, nx)
    water = {"T": 10 + rng.normal(size=size), "u": 0.1 * rng.normal(size=size), "v": 0.1 * rng.normal(size=size)}
    return ogcm.Model(grids[kind](), depth=depth, dz=[10.0, 20.0], dt=100.0, eta=rng.normal(size=(ny, nx)), **water)


def written(path, model, variables=ALL, **options):
    """Write one record of a model, and return the open file."""
    output = OutputFile(path, model, variables, "", precision="float64", **options)
    output.add(model)
    output.record(model)
    output.close()
    return xarray.open_dataset(path, engine="h5netcdf")


@pytest.mark.parametrize("kind", ["plane", "channel", "sphere", "cells"])
def test_xgcm_knows_the_grid_without_arguments(tmp_path, kind):
    xgcm, model = pytest.importorskip("xgcm"), basin(kind)
    y, x = model.horizontal.names
    with written(tmp_path / "a.nc", model) as d:
        grid = xgcm.Grid(d)
        places = {name: axis.coords for name, axis in grid.axes.items()}
        assert places == {
            "X": {"center": x, "right": f"{x}_f"},
            "Y": {"center": y, "right": f"{y}_f"},
            "Z": {"center": "z", "outer": "z_w"},
        }
        lengths = {("X",): [f"dx_{p}" for p in "tuvf"], ("Y",): [f"dy_{p}" for p in "tuvf"]}
        for axes, names in lengths.items():
            grid.set_metrics(axes, names)
        curl = grid.diff(d.v.fillna(0) * d.dy_v, "X", padding="periodic")
        curl = curl - grid.diff(d.u.fillna(0) * d.dx_u, "Y", padding="periodic")
        zeta = (curl / d.cell_area_f).where(d.mask_f == 1)
        assert zeta.dims == d.zeta.dims
        inner = (d.mask_f == 1).values
        assert inner.any()
        np.testing.assert_allclose(zeta.values[:, inner], d.zeta.values[:, inner], rtol=1e-12)


@pytest.mark.parametrize("kind", ["plane", "sphere"])
def test_the_geometry_is_that_of_the_model(tmp_path, kind):
    model = basin(kind)
    g = model.grid
    with written(tmp_path / "a.nc", model) as d:
        for p in "tuvf":
            for axis in "xy":
                np.testing.assert_array_equal(d[f"d{axis}_{p}"], interior(getattr(g, f"d{axis}_{p}")))
        for p in "uv":
            np.testing.assert_array_equal(d[f"mask_{p}"], interior(getattr(g, f"mask_{p}")))
            thickness = interior(getattr(g, f"h_{p}") * getattr(g, f"mask_{p}"))
            np.testing.assert_array_equal(d[f"cell_thickness_{p}"], thickness)
        np.testing.assert_array_equal(d.f, interior(g.f))
        y, x = model.horizontal.names
        for name, lengths in ((x, g.dx_t), (f"{x}_f", g.dx_u), (y, g.dy_t), (f"{y}_f", g.dy_v)):
            widths = np.diff(d[d[name].attrs["bounds"]])[:, 0]
            expected = interior(lengths)[-1] if name.startswith(x) else interior(lengths)[:, -1]
            np.testing.assert_allclose(widths / widths[0], expected / expected[0], rtol=1e-12)
            inside = (d[d[name].attrs["bounds"]][:, 0] < d[name]) & (d[name] < d[d[name].attrs["bounds"]][:, 1])
            assert inside.all()
        np.testing.assert_array_equal(d.z_bounds, np.stack([d.z_w[:-1], d.z_w[1:]], axis=1))


def test_cf_xarray_knows_axes_and_cell_measures(tmp_path):
    pytest.importorskip("cf_xarray")
    with written(tmp_path / "a.nc", basin("sphere")) as d:
        assert d.u.cf["longitude"].name == "lon_f"
        assert d.u.cf["latitude"].name == "lat"
        assert d.w.cf["vertical"].name == "z_w"
        assert d["T"].cf["vertical"].name == "z"
        for axis, name in (("X", "lon"), ("Y", "lat"), ("Z", "z"), ("T", "time")):
            assert d["T"].cf[axis].name == name
        assert d.cf["sea_water_x_velocity"].cf["area"].name == "cell_area_u"
        assert set(d.cf.cell_measures["area"]) == {"cell_area", "cell_area_u", "cell_area_v", "cell_area_f"}
        assert d.cf.bounds["lon"] == ["lon_bounds"]
        mean = d.cf["eta"].cf.weighted("area").mean(["lon", "lat"])
        np.testing.assert_allclose(mean, d.mean_eta, rtol=1e-12)


@pytest.mark.parametrize("kind", ["plane", "sphere", "cells"])
@pytest.mark.parametrize("means", [False, True])
def test_the_rules_of_cf(tmp_path, kind, means):
    with written(tmp_path / "a.nc", basin(kind), means=means) as d:
        assert d.attrs["Conventions"] == "CF-1.11, SGRID-0.3"
        for attribute in ("title", "source", "history"):
            assert d.attrs[attribute]
        bounds = {v.encoding.get("bounds", v.attrs.get("bounds")) for v in d.variables.values()} - {None}
        for name, v in d.variables.items():
            if name in bounds or name in ("grid", "time"):
                continue
            assert v.attrs["units"], name
            assert v.attrs["long_name"], name
            if "standard_name" in v.attrs:
                expected = CANONICAL_UNITS[v.attrs["standard_name"]]
                assert v.attrs["units"] == expected or "axis" in v.attrs, name
            for measure in v.attrs.get("cell_measures", "").split()[1:]:
                assert d[measure].dims == v.dims[-2:], name
        for name in bounds:
            owner, (dim, two) = d[name.removesuffix("_bounds")], d[name].dims
            assert owner.dims == (dim,)
            assert (two, d.sizes[two]) == ("bounds", 2)
        for name in ALL:
            assert d[name].attrs["cell_methods"] == ("time: mean" if means else "time: point")
            assert d[name].attrs["location"] in ("face", "edge1", "edge2", "node")
            assert d[name].dims[0] == "time"


def test_standard_names_have_their_units():
    for name, field in FIELDS.items():
        if field.standard_name:
            assert field.units == CANONICAL_UNITS.get(field.standard_name), name


def faults(path):
    """What compliance-checker finds in a file, but for the role of SGRID; skips where it is not installed."""
    checker = shutil.which("compliance-checker")
    if checker is None:
        pytest.skip("compliance-checker is not installed")
    words = [checker, "--test=cf:1.11", "--format=json", "--output=-", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=path.parent)
    report = json.loads(done.stdout[done.stdout.index("{") :])["cf:1.11"]
    found = [m for level in ("high", "medium", "low") for r in report[f"{level}_priorities"] for m in r["msgs"]]
    return [m for m in found if not m.startswith(SGRID_ROLE)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plane", "sphere"])  # the coordinates of `cells` are no places, which it wants
def test_the_cf_checker_finds_no_fault(tmp_path, kind):
    model = basin(kind)
    written(tmp_path / "a.nc", model, tuple(output_variables(model)), means=True).close()
    assert faults(tmp_path / "a.nc") == []


@pytest.mark.slow
def test_the_cf_checker_finds_no_fault_in_a_prepared_ocean(tmp_path):
    write_sources(tmp_path)
    (tmp_path / "sea.toml").write_text(CONFIGURATION)
    assert faults(ogcm.prepare(tmp_path / "sea.toml", picture=False)) == []
