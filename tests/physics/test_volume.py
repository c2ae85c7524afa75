"""The volume of an ocean with open sides: free, or constrained to a given rise of the mean sea level."""

import numpy as np
import pytest

import ogcm
from ogcm.constants import DAY
from ogcm.diagnostics import inflow
from ogcm.diagnostics.cells import inside

RAIN = 1e-6  # [m s-1]


def ocean(volume, rise=0.0, **options):
    def swell(x, y, t):
        return 0.3 * np.sin(t / 2e4)

    return ogcm.Model(
        ogcm.cartesian(nx=20, ny=16, dx=1e4, dy=1e4, f0=1e-4),
        depth=lambda x, y: 800 + 200 * np.sin(x / 5e4),
        dz=[200.0, 300.0, 500.0],
        T=lambda x, y, z: 10 + z / 200,
        forcing=ogcm.Forcing(fresh_water=RAIN),
        parameters={"sea_level_rise": rise},
        open_sides=ogcm.OpenSides(west=True, south=True, eta=swell, u=0.05, volume=volume),
        **{"dt": 600.0, **options},
    )


def mean_sea_level(model):
    area = ogcm.interior(model.grid.area_t) * inside(model)
    return float((ogcm.interior(model.state.eta) * area).sum() / area.sum())


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2", "dt": 300.0}, {"free_surface": "linear"}])
def test_the_mean_sea_level_rises_as_is_given(options):
    model = ocean("constrained", 2e-6, **options)
    before = mean_sea_level(model)
    ogcm.Simulation(model, days=1, progress=False).run()
    assert mean_sea_level(model) - before == pytest.approx(2e-6 * DAY, rel=1e-10)
    assert np.ptp(ogcm.interior(model.state.eta)[inside(model)]) > 1e-3  # a sea level that moves


def test_sides_take_away_what_the_surface_brings():
    model = ocean("constrained")
    ogcm.Simulation(model, days=0.5, progress=False).run()
    area = (ogcm.interior(model.grid.area_t) * inside(model)).sum()
    assert inflow(model).volume == pytest.approx(-RAIN * area, rel=1e-10)


def test_a_free_volume_follows_the_world_outside():
    model = ocean("free")
    ogcm.Simulation(model, days=0.25, progress=False).run()
    assert mean_sea_level(model) > 0.1


def test_waves_still_leave():
    """A wave without volume of its own is not held back by the constraint."""
    grid = ogcm.cartesian(nx=60, ny=9, dx=1e4, dy=1e4)
    model = ogcm.Model(
        grid,
        depth=1000.0,
        dz=[1000.0],
        eta=lambda x, y: 0.1 * (x - 3e5) / 4e4 * np.exp(-(((x - 3e5) / 4e4) ** 2)),
        equation_of_state="none",
        open_sides=ogcm.OpenSides(west=True, east=True, volume="constrained"),
        dt=60.0,
    )
    first = (ogcm.interior(model.state.eta) ** 2).sum()
    ogcm.Simulation(model, days=0.5, progress=False).run()
    assert (ogcm.interior(model.state.eta) ** 2).sum() < 1e-3 * first
