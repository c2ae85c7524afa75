"""Restarts continue the same ocean to the bit, and are refused by another ocean."""

import os

import h5py
import numpy as np
import pytest

import ogcm
from ogcm import files
from ogcm.errors import FileError
from ogcm.grid import interior
from ogcm.restart import OCEAN, geometry, load_restart, save_restart
from tests.ogcm.test_output import basin, same, write


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_restart_returns_every_bit(tmp_path, precision):
    model = basin(precision)
    model.state.previous = model.state.copy()
    model.state.previous.T += 0.1
    model.state.previous.step = 122
    save_restart(tmp_path / "r.h5", model)
    again = basin(precision)
    for a in again.state.arrays().values():
        a[...] = 0
    load_restart(tmp_path / "r.h5", again)
    assert same(again.state, model.state)
    assert same(again.state.previous, model.state.previous)
    assert (again.state.time, again.state.step, again.state.previous.step) == (12345.0, 123, 122)
    assert os.listdir(tmp_path) == ["r.h5"]


def rotating(**options):
    """A small ocean that is periodic along x, with f and a sloping bottom."""
    given = {"nx": 6, "ny": 5, "dx": 1e4, "dy": 1e4, "f0": 1e-4, "beta": 0.0, "periodic_x": True, "periodic_y": False}
    grid = ogcm.cartesian(**given | {name: options.pop(name) for name in given if name in options})
    depth = np.broadcast_to(np.linspace(20.0, 55.0, grid.shape[0])[:, None], grid.shape)
    return ogcm.Model(grid, **({"depth": depth, "dz": [20.0, 40.0], "dt": 60.0} | options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dx": 2e4}, "the coordinate x is 5000.0 there and 10000.0"),
        ({"nx": 7}, r"the coordinate x has the shape \(6,\) there, \(7,\) in this model"),
        ({"periodic_x": False}, "its periodic sides"),
        ({"periodic_y": True}, "its periodic sides"),
        ({"f0": -1e-4}, "the Coriolis parameter is 0.0001 there and -0.0001"),
        ({"beta": 1e-11}, "the Coriolis parameter"),
        ({"dz": [25.0, 35.0]}, "the thickness of the layers is 20.0 there and 25.0"),
        ({"dz": [20.0, 20.0, 20.0]}, "the thickness of the layers has the shape"),
        ({"depth": 55.0}, "the number of wet layers in a column is 1 there and 2"),
        ({"depth": np.linspace(20.0, 54.0, 5)[:, None] + np.zeros(6)}, "the depth of the sea floor is 28.75"),
        ({"partial_cells": False}, "the number of wet layers in a column"),
        ({"equation_of_state": "none"}, "is of an ocean with tracers, this model is without"),
        ({"precision": "float32"}, "continue with precision='float64'"),
    ],
)
def test_a_restart_of_another_ocean_is_refused(tmp_path, options, words):
    save_restart(tmp_path / "r.h5", rotating())
    model = rotating(**options)
    before = model.state.digest()
    with pytest.raises(FileError, match=words):
        load_restart(tmp_path / "r.h5", model)
    assert model.state.digest() == before


def test_a_restart_fits_a_model_with_other_physics(tmp_path):
    """Wind, mixing, schemes and the time step may differ."""
    first = rotating(T=lambda x, y, z: 10 + 1e-5 * x)
    save_restart(tmp_path / "r.h5", first)
    forcing = ogcm.Forcing(tau_x=0.1)
    model = rotating(dt=30.0, parameters={"nu_h": 10.0}, forcing=forcing, advection="centred2", integrator="ab2")
    load_restart(tmp_path / "r.h5", model)
    assert model.state.digest() == first.state.digest()


def test_the_ocean_of_a_restart_is_explained():
    assert set(geometry(rotating())) == set(OCEAN)


def test_what_is_no_restart_is_refused(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        load_restart(tmp_path / "none.h5", basin())
    with pytest.raises(FileError, match="is no file"):
        load_restart(tmp_path, basin())
    write(tmp_path / "a.nc", basin(), ("T",))
    with pytest.raises(FileError, match="not a restart of ogcm"):
        load_restart(tmp_path / "a.nc", basin())
    with h5py.File(tmp_path / "groups.h5", "w") as f:
        f.create_group("state/u")
    with pytest.raises(FileError, match="truncated, or not a restart of ogcm"):
        load_restart(tmp_path / "groups.h5", basin())
    with h5py.File(tmp_path / "groups.h5", "w") as f:
        f.attrs["format"] = "ogcm restart 2"
        f.create_group("ocean/x")
    files.seal(tmp_path / "groups.h5")
    with pytest.raises(FileError, match="not a restart of ogcm, or of another version"):
        load_restart(tmp_path / "groups.h5", basin())


def test_a_restart_with_numbers_that_are_not_finite_is_refused(tmp_path):
    path, model = tmp_path / "r.h5", basin()
    dry, wet = (np.argwhere(interior(model.grid.mask_t) == m)[0] for m in (0, 1))
    for place, refused in ((dry, False), (wet, True)):
        model = basin()
        interior(model.state.T)[tuple(place)] = np.nan
        save_restart(path, model)
        if refused:
            with pytest.raises(FileError, match=r"T is nan at \(0, 0, 0\)"):
                load_restart(path, basin())
        else:
            load_restart(path, basin())


def test_a_restart_records_what_was_used(tmp_path):
    model = basin()
    model.parameters["nu_h"][...] = 123.0
    save_restart(tmp_path / "r.h5", model)
    with h5py.File(tmp_path / "r.h5") as f:
        assert '"dt": 100.0' in f.attrs["numerics"]
        assert '"nu_h": 123.0' in f.attrs["parameters"]
