"""Sensitivity maps: their values, their files and pictures, and what is refused before the run."""

from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from adjoint.complex_step import perturbed_model
from adjoint.run import evaluate
from adjoint.sensitivity import quantity, sensitivity
from ogcm.cli import main
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

GLOBAL = "global_4deg.nc"
SMALL = ["--resolution", "3", "--days", "1", "--quiet"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def gyre(days=2):
    return ogcm.Simulation(ogcm.setups.double_gyre(resolution=3.0), days=days, progress=False)


def opened(path):
    return xarray.open_dataset(path, engine="h5netcdf", decode_times=False)


def test_the_map_is_what_an_experiment_finds():
    """The wind changed at one point during the whole run: central differences."""
    simulation = gyre()
    found = sensitivity(simulation)
    assert found.value == evaluate(found.quantity.loss, simulation)
    for name, (j, i) in (("tau_x", (3, 4)), ("tau_y", (5, 1))):
        change, runs = np.zeros(simulation.model.horizontal.shape), []
        change[j, i] = 1.0
        if name == "tau_y":  # one number in this setup, a map here
            simulation.model.forcing.shapes[name] = change.shape
        for size in (1e-4, -1e-4):
            moved = ogcm.Simulation(simulation.model, days=2, progress=False)
            moved.model = perturbed_model(simulation.model, {name: change}, size)
            runs.append(evaluate(found.quantity.loss, moved))
        assert found[name][j, i] == pytest.approx((runs[0] - runs[1]) / 2e-4, rel=1e-6)


def test_the_file_and_the_picture(capsys):
    assert main(["sensitivity", "double_gyre", "--to", "wind_stress,T,nu_h,eos", "--output", "s.nc", *SMALL]) == 0
    assert "northward transport at x = 0 to 1110 km, y = 832.5 km" in capsys.readouterr().err
    with opened("s.nc") as d:
        stress = d.sensitivity_to_tau_x
        assert stress.dims == ("y", "x_f")
        assert stress.attrs["units"] == "m3 s-1 (N m-2)-1"
        assert np.isnan(stress[:, -1]).all()  # the eastern wall
        assert np.isfinite(stress[:, :-1]).all()
        assert d[stress.attrs["cell_measures"].split()[1]].dims == stress.dims
        assert d.sensitivity_to_T.dims == ("z", "y", "x")
        assert d.sensitivity_to_T.attrs["units"] == "m3 s-1 (K)-1"
        assert d.sensitivity_to_nu_h.dims == ()
        assert (d.attrs["quantity"], d.attrs["days"], d.attrs["quantity_units"]) == ("transport", 1, "m3 s-1")
        assert "resolution = 3.0" in d.attrs["configuration"]
        assert d.attrs["Conventions"] == "CF-1.11, SGRID-0.3"
    assert Path("s.png").stat().st_size > 20_000
    assert not list(Path().glob("*.part"))
    assert main(["info", "s.nc"]) == 0
    figure = ogcm.plot("s.nc")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "to tau_x [Sv (N m⁻²)⁻¹ per 10⁶ km²]" in titles
    assert "to T, whole column [Sv (K)⁻¹ per 10⁶ km²]" in titles
    level = ["--kind", "map", "--variable", "sensitivity_to_T", "--level", "3"]
    assert main(["plot", "s.nc", "--output", "level.png", *level]) == 0
    assert main(["plot", "s.nc", "--animate", "--variable", "sensitivity_to_T"]) == 2
    assert "no records to animate" in capsys.readouterr().err


def test_a_series_has_its_records_and_their_sum_is_the_steady_map():
    maps = 0.1 * np.random.default_rng(1).normal(size=(3, 12, 16))
    series = ogcm.Series(maps, 3600.0 * np.arange(3))
    simulation = ogcm.Simulation(rough_basin(forcing=ogcm.Forcing(tau_x=series)), days=0.05, progress=False)
    found = sensitivity(simulation, "mean", ["tau_x", "tau_y", "drag_linear"], field="u", z=(-100, 0))
    steady = rough_basin(forcing=ogcm.Forcing(tau_x=maps[0]))
    assert found["tau_x"].shape == (3, 12, 16)
    assert found["tau_y"].shape == (12, 16)
    found.write("series.nc")
    with opened("series.nc") as d:
        assert d.sensitivity_to_tau_x.dims == ("day_of_tau_x", "y", "x_f")
        np.testing.assert_allclose(d.day_of_tau_x, np.arange(3) / 24)
        wet = interior(steady.grid.mask_u)[0] > 0
        np.testing.assert_array_equal(np.isfinite(d.sensitivity_to_tau_x[0]), wet)
    titles = [axes.get_title(loc="left") for axes in ogcm.plot("series.nc").axes]
    assert any("to tau_x, all records [m s⁻¹ (N m⁻²)⁻¹" in title for title in titles)


@pytest.mark.parametrize(
    ("of", "places", "units"),
    [
        ("transport", {"x": 1e5}, "m3 s-1"),
        ("overturning", {"y": 1e5, "z": -200.0}, "m3 s-1"),
        ("heat_content", {"x": (0.0, 1e5)}, "J"),
        ("mean", {}, "degC"),
        ("enstrophy", {}, "m3 s-2"),
    ],
)
def test_every_quantity(of, places, units):
    found = sensitivity(ogcm.Simulation(rough_basin(), days=0.02, progress=False), of, "T", **places)
    assert found.quantity.units == units
    assert np.isfinite(found.value)
    assert np.any(found["T"]) or of in ("transport", "overturning")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--of", "transprot"], "did you mean 'transport'"),
        (["--to", "tau_z"], "unknown control 'tau_z'"),
        (["--of", "heat_content", "--z", "-9000:-8000"], "no water"),
        (["--x", "0:1e6"], "give one as a number"),
        (["--of", "mean", "--x", "3"], "x: mean needs a range"),
        (["--of", "mean", "--field", "temp"], "field: unknown 'temp'"),
        (["--of", "overturning", "--y", "3"], "give y and z as numbers"),
        (["--of", "enstrophy", "--z", "-10:0"], "leave out x, y, z"),
        (["--x", "a:b"], "--x: needs a number or a range"),
        (["--output", "there.nc"], "exists"),
        (["--output", "nowhere/s.nc"], "folder does not exist"),
        (["--output", "s.png"], "ends in .nc"),
    ],
)
def test_bad_input_is_refused_before_the_run(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr("adjoint.run.run_and_reverse", None)
    Path("there.nc").touch()
    assert main(["sensitivity", "double_gyre", *SMALL, *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_setup_without_a_section(capsys):
    assert main(["sensitivity", "gravity_wave", "--to", "u"]) == 2
    assert "gravity_wave has no section of its own" in capsys.readouterr().err


def test_a_box_on_land(ocean_data):
    model = ogcm.setups.global_4deg(data=str(ocean_data(GLOBAL)))
    with pytest.raises(InputError, match="no water"):
        quantity(model, "heat_content", x=(20, 25), y=(20, 25))  # the Sahara


def test_a_file_that_cannot_be_written():
    with pytest.raises(FileError, match=r"nowhere/s.nc: the file could not be written"):
        sensitivity(gyre(0.3), to="tau_x").write("nowhere/s.nc")


def test_drake_passage(ocean_data):
    """The winds of January push the ACC, those over the Passage's own latitudes most; those of July do nothing."""
    data = ["--data", str(ocean_data(GLOBAL))]
    options = ["--to", "tau_x,heat_flux", "--days", "0.5", "--output", "drake.nc", "--quiet"]
    assert main(["sensitivity", "global_4deg", *data, *options]) == 0
    with opened("drake.nc") as d:
        stress = d.sensitivity_to_tau_x
        assert stress.dims == ("day_of_tau_x", "lat", "lon_f")
        assert d.day_of_tau_x[0] == 15
        assert not stress[6].fillna(0).any()
        total = (stress.sum("day_of_tau_x") / d.cell_area_u).sum("lon_f")
        assert -70 < float(total.lat[int(total.argmax())]) < -50
    figure = ogcm.plot("drake.nc")
    assert "66°W, 70°S to 54°S" in figure.get_suptitle()
