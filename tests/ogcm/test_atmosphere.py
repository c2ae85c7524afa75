"""An atmosphere in place of given fluxes: what it replaces, what it refuses, and how the sea answers."""

import numpy as np
import pytest

import ogcm
from adjoint.gradient_check import check_controls
from benchmarks.bulk_fluxes import mediterranean, papa
from ogcm.air_sea import AirSea, air_sea_fluxes, fluxes_at
from ogcm.atmosphere import COMPUTED
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.provenance import forcing_mark
from tests.oceans import rough_basin, run

NOISE = np.random.default_rng(1).normal(size=(6, 12, 16))
AIR = {"u10": 6 + 3 * NOISE[0], "v10": 3 * NOISE[1], "t2": 14 + NOISE[2], "q2": 7e-3 * np.exp(0.2 * NOISE[3])}
HEIGHTS_OF_HUMIDITY = ({}, {"height_humidity": 2.0}, {"height_humidity": 10.0})
SKY = {"shortwave_down": 200.0, "longwave_down": 320.0}


def atmosphere(**entries):
    return ogcm.Forcing(atmosphere=ogcm.Atmosphere(**(AIR | SKY | entries)))


def moving(**options):
    """A basin in motion, with a depth-dependent current and an atmosphere."""
    rng = np.random.default_rng(2)
    given = {"forcing": atmosphere(), "u": 0.2 * rng.normal(size=(5, 12, 16)), "v": 0.2 * rng.normal(size=(5, 12, 16))}
    return rough_basin(**(given | options))


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_a_step_is_that_of_the_same_fluxes_given(integrator):
    model = moving(integrator=integrator, vertical_mixing="tke", dt=300.0)
    fluxes = fluxes_at(model, model.state, 150.0)
    given = {name: interior(getattr(fluxes, name)).copy() for name in COMPUTED}
    other = moving(integrator=integrator, vertical_mixing="tke", dt=300.0, forcing=ogcm.Forcing(**given))
    for each in (model, other):
        ogcm.Stepper(each).step()
    for name, a in other.state.arrays().items():
        np.testing.assert_array_equal(getattr(model.state, name), a, err_msg=name)


def test_terms_of_the_model_are_given_the_computed_fluxes():
    seen = []

    class Witness(ogcm.Term):
        def add(self, model, n, fluxes, D):
            seen.append((interior(fluxes.tau_x).copy(), interior(fluxes.heat_flux).copy()))

    model = moving(terms={"witness": Witness()})
    expected = fluxes_at(model, model.state, 300.0)
    ogcm.Stepper(model).step()
    np.testing.assert_array_equal(seen[0][0], interior(expected.tau_x))
    np.testing.assert_array_equal(seen[0][1], interior(expected.heat_flux))
    assert np.abs(seen[0][0]).max() > 0.01


def test_restoring_is_added():
    air = ogcm.Atmosphere(**AIR, **SKY)
    plain, restored = moving(), moving(forcing=ogcm.Forcing(atmosphere=air, T_star=0.0, rate_T=1e-4))
    difference = interior(run(plain, 1).state.T - run(restored, 1).state.T)
    assert difference[0].max() > 0.01


def test_the_sea_comes_to_the_temperature_at_which_its_fluxes_balance():
    grid = ogcm.cartesian(nx=1, ny=1, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True, periodic_y=True)
    forcing = ogcm.Forcing(
        atmosphere=ogcm.Atmosphere(u10=8.0, v10=0.0, t2=15.0, d2=10.0, shortwave_down=200.0, longwave_down=330.0)
    )
    still = {"current_feedback": 0.0, "drag_linear": 1e-3}
    model = ogcm.Model(grid, depth=2.0, dz=[2.0], T=25.0, forcing=forcing, dt=1800.0, parameters=still)
    ogcm.Simulation(model, days=60, progress=False).run()
    fluxes, T = fluxes_at(model, model.state, 0.0), interior(model.state.T)[0, 0, 0]
    assert abs(interior(fluxes.heat_flux + fluxes.shortwave)[0, 0]) < 1e-3 * 187
    assert 10 < T < 20
    assert interior(fluxes.fresh_water)[0, 0] < 0


def test_float32_is_float64_to_its_precision():
    single, double = (fluxes_at(m, m.state, 0.0) for m in (moving(precision="float32"), moving()))
    for name in COMPUTED:
        a, b = getattr(single, name), getattr(double, name)
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max(), err_msg=name)


def test_a_dew_point_and_clouds_take_the_place_of_humidity_and_radiation():
    entries = {"q2": None, "d2": 8.0, "shortwave_down": None, "longwave_down": None, "cloud": 0.5, "latitude": 35.0}
    model = moving(forcing=atmosphere(**entries, day_of_year=80.0))
    fluxes, wet = fluxes_at(model, model.state, 0.0), interior(model.grid.mask_t)[0] == 1
    assert 150 < interior(fluxes.shortwave)[wet].min() <= interior(fluxes.shortwave)[wet].max() < 260
    hourly = moving(forcing=atmosphere(**entries, day_of_year=80.0, diurnal_cycle=True, longitude=0.0))
    night, noon = (fluxes_at(hourly, hourly.state, t).shortwave for t in (0.0, 0.5 * DAY))
    assert not night.any()
    assert interior(noon)[wet].min() > 500


@pytest.mark.parametrize("algorithm", ["ncar", "coare"])
def test_gradients_with_respect_to_atmosphere_state_and_factors_are_exact(algorithm):
    records = ogcm.Series(8 * NOISE[:3], [0.0, 600.0, 1800.0])
    entries = {"q2": None, "d2": 8 + NOISE[4], "longwave_down": None, "cloud": 0.3, "u10": records, "slp": 101000.0}
    entries["algorithm"] = algorithm
    model = moving(forcing=atmosphere(**entries, latitude=35.0), vertical_mixing="tke", dt=300.0)
    simulation = ogcm.Simulation(model, days=1200 / DAY, progress=False)
    controls = ["u", "T", "tke", "u10", "v10", "t2", "d2", "slp", "cloud", "shortwave_down", "precipitation", "runoff"]
    factors = ["drag_factor", "stanton_factor", "dalton_factor", "current_feedback", "emissivity", "albedo"]
    for name, check in check_controls(simulation, [*controls, *factors]).items():
        assert check.passed, name


class Drift(ogcm.Term):
    """An acceleration by the stress, and a warming by the heat flux."""

    def add(self, model, n, fluxes, D):
        interior(D.u)[0] += 1e-5 * interior(fluxes.tau_x)
        interior(D.T)[0] += 1e-6 * interior(fluxes.heat_flux)

    def add_ad(self, model, n, fluxes, D_ad, gradient):
        interior(gradient.fluxes.tau_x)[...] += 1e-5 * interior(D_ad.u)[0]
        interior(gradient.fluxes.heat_flux)[...] += 1e-6 * interior(D_ad.T)[0]


@pytest.mark.parametrize("dynamics", ["primitive", "none"])
def test_gradients_through_a_term_that_uses_the_computed_fluxes_are_exact(dynamics):
    model = moving(terms={"drift": Drift()}, dynamics=dynamics)
    simulation = ogcm.Simulation(model, days=1200 / DAY, progress=False)
    for name, check in check_controls(simulation, ["u", "T", "u10", "t2", "q2", "drag_factor"]).items():
        assert check.influence, name
        assert check.passed, name


def test_factors_of_the_fluxes_need_an_atmosphere():
    with pytest.warns(UserWarning, match="drag_factor: has no effect without an atmosphere"):
        moving(forcing=ogcm.Forcing(tau_x=0.1), parameters={"drag_factor": 1.2})


@pytest.mark.parametrize("other", [{"height_air": 10.0}, {"height_humidity": 10.0}, {"algorithm": "coare"}])
def test_another_height_or_algorithm_is_another_forcing(other):
    assert forcing_mark(moving()) != forcing_mark(moving(forcing=atmosphere(**other)))


def test_humidity_has_the_height_of_temperature_unless_it_has_its_own():
    plain, same, other = (
        fluxes_at(m, m.state, 0.0).fresh_water
        for m in (moving(forcing=atmosphere(**heights)) for heights in HEIGHTS_OF_HUMIDITY)
    )
    np.testing.assert_array_equal(plain, same)
    assert interior(other).sum() > interior(same).sum()  # air that is as moist at 10 m is moister at 2 m


@pytest.mark.parametrize("formula", ["bignami", "josey", "clark", "berliand"])
def test_formulae_of_longwave_radiation_are_chosen_by_name(formula):
    entries = {"longwave_down": None, "cloud": 0.5, "latitude": 35.0, "longwave": formula}
    model = moving(forcing=atmosphere(**entries))
    work = AirSea.zeros(model)
    air_sea_fluxes(model, model.state, model.forcing.at(0.0), work)
    wet = interior(model.grid.mask_t)[0] == 1
    assert 200 < interior(work.longwave_down)[wet].min() < interior(work.longwave_down)[wet].max() < 400


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"q2": None}, r"atmosphere: give the humidity of the air as q2 \[kg kg-1\] or as dew point d2 \[degC\]"),
        ({"d2": 5.0}, "atmosphere: give the humidity of the air as q2"),
        ({"longwave_down": None}, r"atmosphere: give longwave_down \[W m-2\], or cloud, from which it follows"),
        ({"algorithm": "core"}, "algorithm: one of ncar, coare, got 'core'"),
        ({"longwave": "brunt"}, "longwave: one of bignami, josey, clark, berliand, got 'brunt'"),
        ({"longwave": "clark"}, "longwave: has no effect beside longwave_down; leave out either of them"),
        (
            {"longwave_down": None, "cloud": 0.5, "longwave": "clark"},
            r"latitude: give that of the atmosphere \[degrees\], since the grid has",
        ),
        ({"height_humidity": 200.0}, "height_humidity: a height between 1 and 100 m, got 200"),
        ({"cloud": 0.5}, "cloud: has no effect beside shortwave_down and longwave_down; leave it out"),
        ({"t2": 288.0}, "t2: 288 lies outside -100 to 70; its units are degC, not K"),
        ({"slp": 1013.0}, "slp: 1013 lies outside 80000 to 110000; its units are Pa, not hPa"),
        ({"q2": 7.0}, "q2: 7 lies outside 0 to 0.1; its units are kg of vapour in a kg of air, not g"),
        ({"longwave_down": None, "cloud": 50.0}, "cloud: 50 lies outside 0 to 1; its units are a fraction, not %"),
        ({"precipitation": 1e-3}, "precipitation: 0.001 lies outside .*; divide kg m-2 s-1 by 1000"),
        ({"height_wind": 0.1}, "height_wind: a height between 1 and 100 m, got 0.1"),
        ({"u10": np.full((12, 16), np.nan)}, r"u10: not finite over water at \(j, i\)"),
        ({"t2": ogcm.Series([15.0, 288.0], [0.0, 1e4])}, "t2: 288 lies outside"),
        ({"u10": np.ones(5)}, r"u10: shape \(5,\) does not fit"),
        (
            {"shortwave_down": None, "cloud": 0.5},
            r"latitude: give that of the atmosphere \[degrees\], since the grid has",
        ),
        (
            {"shortwave_down": None, "cloud": 0.5, "latitude": 40.0, "diurnal_cycle": True},
            "longitude: give that of the atmosphere",
        ),
    ],
)
def test_what_cannot_be_is_refused(entries, words):
    with pytest.raises(InputError, match=words):
        moving(forcing=atmosphere(**entries))


def test_fluxes_beside_an_atmosphere_are_refused():
    air = ogcm.Atmosphere(**AIR, **SKY)
    with pytest.raises(InputError, match="tau_x, shortwave: computed from the atmosphere; leave out either of them"):
        moving(forcing=ogcm.Forcing(tau_x=0.1, shortwave=100.0, atmosphere=air))
    with pytest.raises(InputError, match=r"atmosphere: needs an ogcm.Atmosphere\(u10=...\), got dict"):
        moving(forcing=ogcm.Forcing(atmosphere=AIR))


@pytest.mark.parametrize(("algorithm", "heat_bias", "heat_rms"), [("ncar", 6.0, 11.0), ("coare", 2.0, 3.0)])
def test_fluxes_at_papa_are_close_to_the_published_ones(ocean_data, algorithm, heat_bias, heat_rms):
    """Stress and turbulent heat of a year from observed water and weather, beside those of COARE 3.0.

    NCAR has less drag in strong winds, COARE 3.5 more.
    """
    found = papa(str(ocean_data("papa_2012_2013_hourly.nc")), algorithm)
    for name, (ours, theirs) in found.items():
        bias, rms = (0.01, 0.03) if name.startswith("stress") else (heat_bias, heat_rms)
        assert len(ours) > 8000
        assert np.corrcoef(ours, theirs)[0, 1] > 0.995
        assert abs((ours - theirs).mean()) < bias
        assert np.sqrt(((ours - theirs) ** 2).mean()) < rms


def test_fluxes_over_the_mediterranean_in_january_are_plausible(ocean_data):
    """The basin gains 75 to 105 W m-2 by the sun, and loses more by longwave radiation and, mostly, by evaporation."""
    fluxes, water, _ = mediterranean(str(ocean_data("med202101/atmosphere_6hourly.nc")))
    means = {name: a[water].mean() for name, a in fluxes.items()}
    assert 75 < means["shortwave"] < 105
    assert -100 < means["longwave"] < -70
    assert -200 < means["heat"] < -90
    assert -200 < means["net"] < -80
