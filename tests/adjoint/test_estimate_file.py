"""The file of an estimate, and what gives it to a model again."""

import h5py
import numpy as np
import pytest
import xarray as xr

import adjoint
import ogcm
from adjoint import Estimate, assimilate, estimate_file
from adjoint.assimilation_output import draw
from adjoint.losses import BoxMean
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from tests.oceans import rough_basin as ocean

ESTIMATES = [Estimate("T", 0.5), Estimate("nu_h", 0.3, logarithm=True), Estimate("tau_x", 0.05)]


def found_in(model: ogcm.Model) -> object:
    """An estimate of a few iterations of a mean temperature."""
    simulation = ogcm.Simulation(model, days=0.2, progress=False)
    return assimilate(BoxMean(model, "T") + 1e-3 * BoxMean(model, "u"), simulation, ESTIMATES, iterations=2)


def test_a_model_gets_the_estimate_of_a_file_to_the_bit(tmp_path):
    model, other = ocean(), ocean()
    found = found_in(model)
    estimate_file.save(tmp_path / "e.nc", found)
    assert estimate_file.load(tmp_path / "e.nc", other) == ["T", "nu_h", "tau_x"]
    found.apply_to(model)
    for name in ("T", "u"):
        np.testing.assert_array_equal(interior(getattr(other.state, name)), interior(getattr(model.state, name)))
    assert (other.parameters["nu_h"] == model.parameters["nu_h"]).all()
    assert (other.forcing.steady["tau_x"] == model.forcing.steady["tau_x"]).all()
    with xr.open_dataset(tmp_path / "e.nc", engine="h5netcdf") as ds:
        assert ds.attrs["start"] == 0.0
        assert np.isnan(ds["T"].values[interior(model.grid.mask_t) == 0]).all()


def test_an_estimate_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "e.nc"
    estimate_file.save(path, found_in(ocean()))
    later = ocean()
    later.state.time = DAY
    with pytest.raises(InputError, match="holds the state of day 0, the model is at day 1"):
        estimate_file.load(path, later)
    assert estimate_file.load(path, later, restarts=True) == ["nu_h", "tau_x"]
    with pytest.raises(FileError, match="is of another ocean"):
        estimate_file.load(path, ogcm.setups.double_gyre(resolution=5.0))
    with h5py.File(tmp_path / "other.nc", "w") as f:
        f["T"] = 1.0
    with pytest.raises(FileError, match=r"not a file of an estimate of ogcm.*`ogcm assimilate` leaves such files"):
        estimate_file.load(tmp_path / "other.nc", ocean())


def test_a_run_begins_from_an_estimate_and_can_be_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--resolution", "5", "--days", "1", "--quiet"]
    twin = ["--twin", "--controls", "T=0.5,nu_h,tau_x", "--iterations", "2"]
    assert main(["assimilate", "double_gyre", *small, *twin]) == 0
    estimate = ["--estimate", "double_gyre.estimate.nc"]
    assert main(["run", "double_gyre", *small, *estimate, "--output", "one.nc"]) == 0
    assert main(["run", "one.toml", "--output", "two.nc", "--quiet"]) == 0
    assert main(["run", "double_gyre", *small, "--output", "without.nc"]) == 0
    one, two, without = (xr.open_dataset(f"{name}.nc", engine="h5netcdf") for name in ("one", "two", "without"))
    xr.testing.assert_equal(one, two)
    assert abs(one["T"] - without["T"]).max() > 0.01
    # the restart of the analysis, which the assimilation leaves, begins the same run
    restart = ["--restart", "double_gyre.estimate.restart.h5"]
    assert main(["run", "double_gyre", *small, *estimate, *restart, "--output", "three.nc"]) == 0
    with xr.open_dataset("three.nc", engine="h5netcdf") as three:
        xr.testing.assert_equal(one, three)


def test_controls_outside_open_sides_and_series_pass_through_a_file(tmp_path):
    rng = np.random.default_rng(1)
    wind = ogcm.Series(rng.normal(size=(3, 12, 16)) * 0.01, np.arange(3) * DAY)
    level = ogcm.Series(rng.normal(size=(2, 12, 16)) * 0.01, np.arange(2) * DAY, held=True)
    options = {"forcing": ogcm.Forcing(tau_x=wind), "open_sides": ogcm.OpenSides(north=True, eta=level)}
    model, other = ocean(**options), ocean(**options)
    names = ("tau_x", "eta_outside", "T_outside", "tau_x_mean")
    for chosen in (names[:3], names[3:]):
        simulation = ogcm.Simulation(model, days=0.1, progress=False)
        loss = BoxMean(model, "eta") + BoxMean(model, "T")
        found = assimilate(loss, simulation, [Estimate(name, 0.1) for name in chosen], iterations=1)
        path = tmp_path / f"{chosen[0]}.nc"
        estimate_file.save(path, found)
        draw(tmp_path / "picture.png", found)
        estimate_file.load(path, other)
        again = adjoint.Controls(other, chosen).values()
        for name in chosen:
            np.testing.assert_allclose(again[name], found[name], rtol=0, atol=1e-15, err_msg=name)
            assert (found[name] != found.first_guess[name]).any(), name
