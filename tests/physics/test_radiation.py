"""Radiation and humidity from weather data: published values, limits, and the course of the sun."""

import numpy as np
import pytest

import ogcm
from ogcm.constants import DAY
from ogcm.grid import build_grid, interior
from ogcm.operators.radiation import bignami_longwave, dew_point_humidity, reed_shortwave
from ogcm.sunshine import Sunshine, position_of_sun, radiation

GRID = build_grid(ogcm.cartesian(nx=1, ny=1, dx=1e4, dy=1e4), np.full((1, 1), 10.0), [10.0])


def at_a_point(kernel, *values):
    """The result of a kernel at the only point of a grid."""
    out = np.zeros(GRID.depth_t.shape)
    kernel(*(np.full(out.shape, float(value)) for value in values), GRID, out)
    return interior(out)[0, 0]


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
    q = 0.622 * e / (1013.25 - 0.378 * e)
    down = at_a_point(bignami_longwave, t, q, 101325.0, c)
    black, air = 5.67e-8 * (T_s + 273.15) ** 4, 5.67e-8 * (t + 273.15) ** 4
    net = 0.98 * black - air * (0.653 + 0.00535 * e) * (1 + 0.1762 * c**2)
    assert 0.98 * (black - down) == pytest.approx(net, rel=1e-12)
    assert 70 < net < 120


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
