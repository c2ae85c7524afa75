"""Radiation and humidity from weather data: published values, limits, and the course of the sun."""

import numpy as np
import pytest

import ogcm
from ogcm.constants import DAY
from ogcm.grid import build_grid, interior
from ogcm.operators.longwave import LONGWAVE, WITH_SEA, cloud_weight
from ogcm.operators.radiation import dew_point_humidity, reed_shortwave
from ogcm.sunshine import Sunshine, position_of_sun, radiation

GRID = build_grid(ogcm.cartesian(nx=1, ny=1, dx=1e4, dy=1e4), np.full((1, 1), 10.0), [10.0])


def at_a_point(kernel, *values):
    """The result of a kernel at the only point of a grid."""
    out = np.zeros(GRID.depth_t.shape)
    kernel(*(np.full(out.shape, float(value)) for value in values), GRID, out)
    return interior(out)[0, 0]


def net_longwave(name, T_s, t, e, c, latitude):
    """The loss of the sea [W m-2] by a formula, from temperatures [degC] and vapour pressure [hPa]."""
    kernel, out = LONGWAVE[name], np.zeros(GRID.depth_t.shape)
    q = 0.622 * e / (1013.25 - 0.378 * e)
    sky = [np.full(out.shape, value) for value in (t, q, 101325.0, c)]
    sea = [np.full(GRID.h_t.shape, T_s), *sky, np.full(out.shape, float(cloud_weight(latitude)))]
    kernel(*(sea if name in WITH_SEA else sky), GRID, out)
    return 0.98 * (5.67e-8 * (T_s + 273.15) ** 4 - interior(out)[0, 0])


def sun(latitude, day, *, diurnal=False, longitude=0.0):
    return Sunshine(np.full((1, 1), latitude), np.full((1, 1), longitude), day, diurnal)


def test_humidity_at_the_dew_point():
    """Vapour over water is saturated at 6.11 hPa at 0 degC, 23.37 hPa at 20 degC (Goff and Gratch) and 42.43 at 30."""
    for d, e in ((0.0, 6.11), (20.0, 23.37), (30.0, 42.43)):
        expected = 0.622 * e / (1013.25 - 0.378 * e)
        assert at_a_point(dew_point_humidity, d, 101325.0) == pytest.approx(expected, rel=2e-3)


def test_net_longwave_radiation_is_that_of_bignami():
    """As the paper writes it: Q = eps sigma T_s^4 - sigma T_a^4 (0.653 + 0.00535 e)(1 + 0.1762 c^2)."""
    t, e, c, T_s = 14.0, 11.0, 0.4, 16.0
    black, air = 5.67e-8 * (T_s + 273.15) ** 4, 5.67e-8 * (t + 273.15) ** 4
    net = 0.98 * black - air * (0.653 + 0.00535 * e) * (1 + 0.1762 * c**2)
    assert net_longwave("bignami", T_s, t, e, c, 40.0) == pytest.approx(net, rel=1e-12)
    assert 70 < net < 120


@pytest.mark.parametrize(
    "case", [(16.0, 14.0, 11.0, 0.4, 40.0), (28.0, 27.0, 27.0, 0.9, 5.0), (2.0, -3.0, 3.0, 0.0, -60.0)]
)
def test_net_longwave_radiation_is_that_of_the_papers(case):
    """Clark et al. (1974), Berliand (1952) and Josey et al. (2003, eqs. 10 and 14), as they write them."""
    T_s, t, e, c, latitude = case
    sea, air, loss = T_s + 273.15, t + 273.15, 0.98 * 5.67e-8
    clouds = 1 - cloud_weight(latitude) * c**2
    dry = 0.39 - 0.05 * e**0.5
    clark = loss * sea**4 * dry * clouds + 4 * loss * sea**3 * (sea - air)
    berliand = loss * air**4 * dry * clouds + 4 * loss * air**3 * (sea - air)
    dew_point = 34.07 + 4157 / np.log(2.1718e8 / e)
    sky = air + 10.77 * c**2 + 2.34 * c - 18.44 + 0.84 * (dew_point - air + 4.01)
    josey = loss * sea**4 - (1 - 0.045) * 5.67e-8 * sky**4
    for name, expected in (("clark", clark), ("berliand", berliand), ("josey", josey)):
        assert net_longwave(name, *case) == pytest.approx(expected, rel=1e-10), name


def test_the_dew_point_of_josey_is_that_of_buck():
    """To 0.2 K: the formula of the paper inverts a vapour pressure over fresh water."""
    for d in (0.0, 10.0, 25.0):
        e = 6.1121 * np.exp(17.502 * d / (240.97 + d))
        assert 34.07 + 4157 / np.log(2.1718e8 / e) - 273.15 == pytest.approx(d, abs=0.2)


def test_clouds_weigh_more_at_high_latitudes():
    """As in GOTM, 0.497 at the equator, 0.731 at 50 degrees; and 0.6823 of ROMS, which is at 39.5 degrees."""
    assert cloud_weight(np.array([0.0, 50.0, -50.0, 39.5])) == pytest.approx([0.4972, 0.7314, 0.7314, 0.6823], abs=4e-4)


def test_the_formulae_differ_by_less_than_what_the_ocean_loses():
    """Under a sky of mid-latitudes they agree to 30 W m-2."""
    losses = [net_longwave(name, 16.0, 14.0, 11.0, 0.6, 40.0) for name in LONGWAVE]
    assert 30 < min(losses) < max(losses) < 100
    assert max(losses) - min(losses) < 30


def test_clouds_let_through_what_reed_found():
    assert at_a_point(reed_shortwave, 300.0, 60.0, 0.5) == pytest.approx(300 * (1 - 0.31 + 0.114), rel=1e-14)
    assert at_a_point(reed_shortwave, 300.0, 60.0, 0.1) == 300.0
    assert at_a_point(reed_shortwave, 0.0, 0.0, 1.0) == 0.0


def test_declination_and_distance_of_the_sun():
    solstices = [np.degrees(position_of_sun(day)[0]) for day in (171.5, 354.5)]
    assert solstices == pytest.approx([23.45, -23.45], abs=0.1)
    assert abs(np.degrees(position_of_sun(79.5)[0])) < 0.5
    assert position_of_sun(3.0)[1] == pytest.approx(1 / 0.9833**2, rel=2e-3)


def test_the_daily_mean_is_the_mean_of_the_day():
    for latitude in (-60.0, 0.0, 45.0, 80.0):
        times = DAY * (np.arange(2400) + 0.5) / 2400
        hours = np.mean([sun(latitude, 150.0, diurnal=True).clear_sky(t) for t in times])
        assert sun(latitude, 150.0).clear_sky(0.3 * DAY)[0, 0] == pytest.approx(hours, rel=3e-3)


def test_a_clear_sky_lets_through_what_its_formula_says_at_the_zenith_and_nothing_at_night():
    """At the zenith (0.91 + 0.7)/2 of the solar constant; over a day at the equator three quarters of it."""
    assert radiation(np.ones(1), 1.0)[0] == pytest.approx(1350 * 0.5 * (0.91 + 0.7), rel=1e-14)
    assert radiation(np.array([0.0, -0.5]), 1.0).tolist() == [0.0, 0.0]
    assert 0.74 < sun(0.0, 79.0).clear_sky(0.0)[0, 0] * np.pi / 1350 < 0.79
    assert sun(80.0, 0.0).clear_sky(0.0)[0, 0] == 0.0
    assert sun(80.0, 0.0).noon_altitude(0.0)[0, 0] == 0.0
    assert sun(40.0, 79.0).noon_altitude(0.0)[0, 0] == pytest.approx(50.0, abs=0.5)


def test_the_sun_is_highest_at_local_noon():
    for longitude, hour in ((0.0, 12.0), (90.0, 6.0), (-60.0, 16.0)):
        here = sun(20.0, 100.0, diurnal=True, longitude=longitude)
        found = [here.clear_sky(3600.0 * h)[0, 0] for h in np.arange(24)]
        assert np.argmax(found) == hour
