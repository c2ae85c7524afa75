"""The limits of a step: what the checks say, against eigenvalues of the model's own step and against runs."""

import numpy as np
import pytest

import ogcm
from ogcm import stability
from ogcm.errors import BlowUpError, InputError
from ogcm.grid import interior
from ogcm.halo import exchange

DX, DT, H = 1e4, 600.0, 100.0
SHALLOW = {"depth": H, "dz": [H], "equation_of_state": "none", "dt": DT}


def model(nx=8, ny=8, periodic=True, nu_h=0.0, nu4_h=0.0, f0=0.0, dx=DX, **options):
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=f0, periodic_x=periodic, periodic_y=periodic)
    parameters = {"nu_h": nu_h, "nu4_h": nu4_h, "nu_v": 0.0}
    return ogcm.Model(grid, parameters=parameters, **(SHALLOW | options))


def growth(model):
    """The largest eigenvalue of a step, as a matrix of all values of u, v and eta."""
    stepper, state, small = ogcm.Stepper(model), model.state, 1e-6
    places = [(name, n) for name in ("u", "v", "eta") for n in range(interior(state.eta).size)]
    columns = []
    for name, n in places:
        for field in ("u", "v", "eta"):
            getattr(state, field)[...] = 0
        interior(getattr(state, name)).flat[n] = small
        exchange(model.grid, state.u, state.v, state.eta)
        s = stepper.advance(state)
        columns.append(np.concatenate([interior(a).ravel() for a in (s.u, s.v, s.eta)]) / small)
    return np.abs(np.linalg.eigvals(np.array(columns).T)).max()


@pytest.fixture
def unchecked(monkeypatch):
    monkeypatch.setattr("ogcm.stepper.check_numerics", lambda _: None)


@pytest.mark.parametrize("depth", [1.0, 35.0, 100.0, 250.0, 4000.0])
@pytest.mark.parametrize("name", ["nu_h", "nu4_h"])
def test_no_wave_grows_with_the_viscosity_that_the_check_admits(depth, name):
    options = {"depth": depth, "dz": [depth], "free_surface": "linear"}
    options["friction"] = {"nu_h": "laplacian", "nu4_h": "biharmonic"}[name]
    value = 1.0 / stability.friction_excess(model(**options, **{name: 1e30}), name, DT) * 1e30
    assert growth(model(**options, **{name: 0.99 * value})) < 1 + 1e-6


@pytest.mark.parametrize(("turn", "damping"), [(0.5, 0.4), (2.0, 1.0), (3.1, 0.3), (4.2, 1.9), (6.0, 0.8)])
def test_amplification_is_that_of_a_step(turn, damping, unchecked):
    """Waves of one row, of which the shortest turns by `turn`."""
    K2 = 4 / DX**2
    depth = turn**2 / (9.81 * K2 * DT**2)
    here = model(ny=1, nu_h=damping / (K2 * DT), depth=depth, dz=[depth], free_surface="linear", barotropic_steps=8)
    shares = np.sin(np.pi * np.arange(5) / 8) ** 2  # of K2
    expected = stability.amplification(8, turn * np.sqrt(shares), damping * shares).max()
    assert growth(here) == pytest.approx(max(expected, np.abs(1 - damping * shares).max()), abs=1e-6)


def test_the_case_of_the_shallow_basin_is_refused(unchecked):
    """16 x 16 cells, 100 m, no slip: 0.95 of what an Euler step without waves bears ended at eta = -152 m."""
    options = {"nx": 16, "ny": 16, "periodic": False, "walls": "no_slip"}
    noisy = model(nu_h=0.95 * 2.083e4, u=1e-6 * np.random.default_rng(0).normal(size=(1, 16, 16)), **options)
    with pytest.raises(InputError, match=r"nu_h: 1.98e\+04 is unstable with dt = 600 s .* use at most") as caught:
        stability.check_numerics(noisy)
    stepper = ogcm.Stepper(noisy)
    for _ in range(150):
        stepper.step()
    assert np.abs(noisy.state.u).max() > 1e-4
    admitted = float(str(caught.value).split("at most ")[1].split(",")[0])
    assert 4e3 < admitted < 1.2e4
    quiet = model(nu_h=admitted, u=1e-6 * np.random.default_rng(0).normal(size=(1, 16, 16)), **options)
    stability.check_numerics(quiet)
    stepper = ogcm.Stepper(quiet)
    for _ in range(600):
        stepper.step()
    assert np.abs(quiet.state.u).max() < 1e-7
