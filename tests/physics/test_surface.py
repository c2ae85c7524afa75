"""Fluxes through the surface: the freezing point limits cooling, in the operator and in a model."""

import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import random_field, random_grid
from ogcm.constants import DAY, HEAT_CAPACITY, RHO0
from ogcm.grid import interior
from ogcm.operators.surface import FADING, hold_above_freezing

FREEZING = -1.9
STEP = 1e-30


def held(grid, T, flux, freezing=FREEZING):
    T_freezing = np.full((1, *flux.shape), freezing)
    out = np.zeros(flux.shape, np.result_type(T, flux, T_freezing))
    hold_above_freezing(T, flux, T_freezing, grid, out)
    return out


def inputs(seed=0):
    """Temperatures through the freezing point, and fluxes of both signs."""
    grid, rng = random_grid(seed), np.random.default_rng(seed)
    T = random_field(grid, "t", rng)
    T[0] = FREEZING + rng.uniform(-FADING, 2 * FADING, T[0].shape)
    return grid, T, random_field(grid, "t2", rng, 1e-5)


def test_warm_water_and_warming_are_not_touched_to_the_bit():
    grid, T, flux = inputs()
    free = (T[0] >= FREEZING + FADING) | (flux >= 0)
    assert 0 < interior(free).sum() < interior(free).size
    np.testing.assert_array_equal(interior(np.where(free, held(grid, T, flux), 0)), interior(np.where(free, flux, 0)))


def test_cooling_fades_to_nothing_at_the_freezing_point():
    grid = random_grid()
    T = np.zeros(grid.h_t.shape)
    x = np.linspace(-0.5, 1.5, 41)
    shares = []
    for fraction in x:
        T[0] = FREEZING + fraction * FADING
        shares.append(-interior(held(grid, T, np.full(T[0].shape, -1.0)))[0, 0])
    shares = np.array(shares)
    assert (shares[x < -0.01] == 0).all()
    assert (shares[x > 1.01] == 1).all()
    assert (np.diff(shares) >= 0).all()
    assert shares[20] == pytest.approx(0.5)  # half way


def test_its_derivative_is_the_one_in_the_docstring():
    grid, T, flux = inputs()
    rng = np.random.default_rng(1)
    dT, dflux, dfreezing = rng.normal(size=T.shape), 1e-5 * rng.normal(size=flux.shape), 0.3
    tangent = held(grid, T + 1j * STEP * dT, flux + 1j * STEP * dflux, FREEZING + 1j * STEP * dfreezing).imag / STEP
    x = np.clip((T[0] - FREEZING) / FADING, 0, 1)
    cools = flux < 0
    r = np.where(cools, x * x * (3 - 2 * x), 1.0)
    slope = np.where(cools, 6 * x * (1 - x) / FADING * flux, 0.0)
    np.testing.assert_allclose(interior(tangent), interior(r * dflux + slope * (dT[0] - dfreezing)), atol=1e-18)
    # and differences agree with it: the switch has no kink in temperature
    e = 1e-6
    T[:] = FREEZING + rng.uniform(0.01, 0.99, T.shape) * FADING
    tangent = held(grid, T + 1j * STEP * dT, flux).imag / STEP
    difference = (held(grid, T + e * dT, flux) - held(grid, T - e * dT, flux)) / (2 * e)
    np.testing.assert_allclose(interior(tangent), interior(difference), atol=1e-12)


def pool(**options):
    """Still water of 50 m at -1 degC that loses 400 W m-2."""
    grid = ogcm.cartesian(nx=4, ny=4, dx=1e5, dy=1e5, periodic_x=True, periodic_y=True)
    cold = ogcm.Forcing(heat_flux=-400.0)
    return ogcm.Model(grid, depth=100.0, dz=[50.0, 50.0], T=[-1.0, -1.2], forcing=cold, dt=7200.0, **options)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_pool_cools_to_its_freezing_point_and_no_further(precision):
    model = pool(freezing=True, precision=precision)
    stepper = ogcm.Stepper(model)
    for _ in range(60 * 12):
        stepper.step()
    T = interior(model.state.T)
    assert FREEZING < T.min() < T.max() < FREEZING + FADING / 2


def test_without_freezing_the_pool_loses_all_its_heat():
    model, days = pool(), 10
    stepper = ogcm.Stepper(model)
    for _ in range(days * 12):
        stepper.step()
    lost = 400.0 * days * DAY / (RHO0 * HEAT_CAPACITY * 100.0)
    assert interior(model.state.T).mean() == pytest.approx(-1.1 - lost, abs=1e-10)
