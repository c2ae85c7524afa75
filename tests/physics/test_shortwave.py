"""Heating by shortwave radiation against the exponential profiles of Paulson and Simpson (1977)."""

import numpy as np
import pytest

import ogcm
from ogcm import diagnostics
from ogcm.grid import interior
from tests.oceans import run

SUN = 200.0  # [W m-2]


def column(depth=100.0, **options):
    """A resting ocean of four columns of 2 m layers that the sun alone warms."""
    grid = ogcm.cartesian(nx=2, ny=2, dx=1e5, dy=1e5, periodic_x=True, periodic_y=True)
    defaults = {"forcing": ogcm.Forcing(shortwave=SUN), "T": 10.0, "dt": 3600.0, "parameters": {}}
    given = defaults | options
    still = {"kappa_v": 0.0, "kappa_convective": 0.0}
    return ogcm.Model(grid, depth=depth, dz=np.full(50, 2.0), **given | {"parameters": still | given["parameters"]})


@pytest.mark.parametrize(
    "water", [{}, {"red_fraction": 0.78, "red_depth": 1.4, "blue_depth": 7.9}], ids=["type I", "type III"]
)
def test_each_layer_gets_the_light_that_it_absorbs(water):
    model = run(column(parameters=water), 24)
    R, d_1, d_2 = ({"red_fraction": 0.58, "red_depth": 0.35, "blue_depth": 23.0} | water).values()
    z = np.arange(0.0, 102.0, 2.0)
    light = R * np.exp(-z / d_1) + (1 - R) * np.exp(-z / d_2)
    light[-1] = 0.0
    warmed = SUN * (light[:-1] - light[1:]) / 2.0 * model.state.time / model.numerics.heat_per_volume
    np.testing.assert_allclose(interior(model.state.T)[:, 0, 0] - 10, warmed, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("depth", [6.0, 33.0, 100.0])
def test_the_water_receives_all_of_it(depth):
    """Also in shallow water with partial cells: what reaches the sea floor heats the lowest cell."""
    model = column(np.array([[depth, depth - 3.3], [depth, depth]]))
    before = diagnostics.heat_content(model)
    run(model, 10)
    area = interior(model.grid.area_t).sum()
    gain = diagnostics.heat_content(model) - before
    assert gain == pytest.approx(SUN * area * model.state.time, rel=1e-9)


def test_light_that_the_first_layer_absorbs_is_a_heat_flux():
    opaque = {"red_depth": 0.04, "blue_depth": 0.04}
    one = run(column(parameters=opaque), 5)
    other = run(column(forcing=ogcm.Forcing(heat_flux=SUN)), 5)
    np.testing.assert_allclose(one.state.T, other.state.T, rtol=1e-14)


def test_the_sun_warms_a_column_from_below_the_surface():
    """Light below cooling at the surface makes water that convects: the profile that a surface flux cannot make."""
    model = run(column(forcing=ogcm.Forcing(shortwave=SUN, heat_flux=-SUN), parameters={"kappa_convective": 0.1}), 48)
    T = interior(model.state.T)[:, 0, 0]
    assert T.max() > T[0]
    assert np.argmax(T) > 2


def test_a_model_without_tracers_warns_of_the_sun():
    with pytest.warns(UserWarning, match="shortwave: has no effect in a model without tracers"):
        column(equation_of_state="none")
