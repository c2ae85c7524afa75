"""Input that cannot be right ends before the first step, in one sentence with the field, the value and the remedy.

More of it where it belongs: files in test_io.py, the command line in test_cli.py, data of others in test_setups.py.
"""

from datetime import datetime

import numpy as np
import pytest

import ogcm
from ogcm.errors import InputError
from ogcm.series import Series

NY, NX = 3, 4
BASICS = {"depth": 100.0, "dz": [50.0, 50.0], "dt": 100.0}
ONES = np.ones((NY, NX))


def hole(value=np.nan):
    a = ONES.copy()
    a[1, 2] = value
    return a


def model(horizontal=None, **options):
    horizontal = ogcm.cartesian(nx=NX, ny=NY, dx=1e4, dy=1e4) if horizontal is None else horizontal
    return ogcm.Model(horizontal, **(BASICS | options))


def forced(**entries):
    return {"forcing": ogcm.Forcing(**entries)}


def series(times, period=None, maps=3, scale=1.0):
    return Series(scale * np.ones((maps, NY, NX)), times, period)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 100 * hole()}, r"bathymetry: NaN at \(j, i\) = \(1, 2\); write land as depth 0"),
        ({"depth": -100.0}, "bathymetry: no cell holds water; depth is positive downwards, in m"),
        ({"depth": np.ones((NX, NY))}, r"bathymetry: shape \(4, 3\) does not fit; give a number, or a map \(3, 4\)"),
        ({"dz": [50.0, 0.0]}, r"dz: need the positive thicknesses \[m\] .* got \[50\.  0\.\]"),
        ({"dz": [50.0, np.nan]}, "dz: need the positive thicknesses"),
        ({"dz": []}, "dz: need the positive thicknesses"),
        ({"T": 10 * hole()}, r"T: not finite over water at \(0, 1, 2\); fill it there"),
        ({"eta": hole(np.inf)}, r"eta: not finite over water at \(1, 2\); fill it there"),
        ({"u": np.ones((3, NY, NX))}, r"u: shape \(3, 3, 4\) does not fit; .* or a field \(2, 3, 4\)"),
        (forced(heat_flux=hole()), r"heat_flux: not finite over water at \(j, i\) = \(1, 2\); fill it there"),
        (forced(tau_y=np.ones(5)), r"tau_y: shape \(5,\) does not fit; give a number, or a map \(3, 4\)"),
        (forced(tau_x=lambda x, y: np.nan * x), r"tau_x: not finite over water"),
        (forced(tau_x=lambda x, y, t: np.nan * x), r"tau_x: not finite over water"),
        (forced(tau_x=lambda x, y, t: np.ones(7)), r"tau_x: shape \(7,\)"),
        (forced(T_star=Series([ONES, hole()], [0, 1])), r"T_star: not finite over water"),
        (forced(T_star=series([0, 20, 10])), "T_star: times must increase, but record 2 is at 10 s; sort the records"),
        (forced(T_star=series([0, 10, 10])), "T_star: times must increase, but record 2 is at 10 s"),
        (forced(T_star=series([0, np.nan, 10])), "T_star: times must increase, but record 1 is at nan s"),
        (forced(T_star=series([0, 10])), r"T_star: 3 maps need as many times \[s\], got shape \(2,\)"),
        (forced(T_star=series([0, 10, 20], 15.0)), "T_star: its period, 15 s, must exceed the 20 s that its records"),
        ({"parameters": {"nu_v": 11.0}}, "nu_v: 11.0 m2 s-1 lies outside 0.0 to 10.0; it is the background vertical"),
        ({"parameters": {"nu_h": 10 * hole()}}, "nu_h: nan m2 s-1 lies outside"),
        (
            {"parameters": {"nu_h": np.ones((NX, NY))}},
            r"nu_h: shape \(4, 3\) does not fit; give a number, a profile \(2,\)",
        ),
        ({"parameters": {"kapa_v": 1.0}}, "unknown parameter 'kapa_v': did you mean 'kappa_v'"),
        ({"intergator": "rk3"}, "unknown option 'intergator': did you mean 'integrator'"),
        ({"integrator": "rk5"}, "integrator: 'rk5' does not exist; choose from euler, ab2, rk3, rk4"),
        ({"dt": np.nan}, "dt: needs a number, got nan"),
        ({"gravity": 0.0}, r"gravity: must be a positive number \[m s-2\], got 0.0"),
        ({"rho0": np.nan}, "rho0: needs a number, got nan"),
        ({"heat_capacity": -1.0}, r"heat_capacity: must be a positive number \[J kg-1 K-1\], got -1.0"),
        ({"smallest_cell": 0.0}, "smallest_cell: a fraction of a layer between 0 and 1, got 0.0"),
        ({"smallest_thickness": -1}, "smallest_thickness: must be 0 or a positive number of m, got -1"),
        ({"dt": True}, "dt: needs a number, got True"),
        ({"dt": "600"}, "dt: needs a number, got '600'"),
        ({"dt": None}, "dt: needs a number, got None"),
        ({"dt": 10**400}, "dt: needs a number, got 1000"),
        ({"barotropic_steps": 1.5}, "barotropic_steps: needs a whole number, got 1.5"),
        ({"freezing": "no"}, "freezing: is either True or False, got 'no'"),
        ({"partial_cells": 1}, "partial_cells: is either True or False, got 1"),
        ({"advection": np.array(["upwind3"])}, "advection: array.* does not exist; choose from centred2"),
        ({"advection": None}, "advection: None does not exist; choose from centred2"),
        ({"depth": np.inf}, r"bathymetry: inf m at \(j, i\) = \(0, 0\); write land as depth 0, or mask it"),
        (
            {"depth": 100 * hole(1e30)},
            r"bathymetry: 1e\+32 m at \(j, i\) = \(1, 2\); write land as depth 0, or mask it",
        ),
        ({"depth": "100"}, "bathymetry: needs real numbers, got text: '100'"),
        ({"depth": None}, "bathymetry: needs real numbers, got NoneType: None"),
        ({"depth": lambda x, y, t: x}, r"bathymetry: its function takes \(x, y, t\), but the coordinates are x, y"),
        ({"dz": [[50.0], [50.0, 60.0]]}, "dz: cannot be made an array of numbers"),
        ({"dz": "50"}, "dz: needs real numbers, got text"),
        ({"dz": [50.0, np.inf]}, "dz: need the positive thicknesses"),
        ({"T": 288.15}, "T: 288.15 looks like kelvin; it is needed in degC, 273.15 less"),
        ({"T": 75.0, "equation_of_state": "teos10"}, "T: 75 degC is no sea water, which is between -10 and 60"),
        ({"S": -5.0}, "S: -5 g kg-1 is no sea water"),
        ({"S": 400.0}, "S: 400 g kg-1 is no sea water, which is between -1 and 100"),
        ({"S": 0.035}, "S: 0.035 looks like kg of salt per kg; it is needed in g kg-1"),
        ({"T": 10 + 1j * ONES}, "T: needs real numbers, got complex numbers"),
        ({"T": "10"}, "T: needs real numbers, got text: '10'"),
        ({"T": None}, "T: needs real numbers, got NoneType"),
        ({"T": [10.0, [9.0]]}, "T: cannot be made an array of numbers"),
        ({"T": ONES > 0}, "T: needs real numbers, got true or false"),
        ({"T": np.arange(NX)}, r"T: shape \(4,\) does not fit; give a number, a profile \(2,\)"),
        ({"T": np.ones((2, NY + 6, NX + 6))}, "T: shape .* does not fit; .* give it without its halo"),
        ({"T": np.ma.masked_greater(2 * hole(9e36), 1e36)}, r"T: not finite over water at \(0, 1, 2\); fill it there"),
        (
            {"T": lambda p, q, r, s: 0},
            r"T: its function takes \(p, q, r, s\), but the coordinates are x, y, z; write it as",
        ),
        ({"T": lambda y, z, r: 0}, r"T: its function takes \(y, z, r\), but the coordinates are x, y, z"),
        ({"T": lambda *args: 0}, r"T: its function takes \(\), but the coordinates are x, y, z"),
        (
            {"T": lambda lon, lat, depth: depth},
            r"T: its function takes `depth`; it is given z, the height \[m\], negative",
        ),
        ({"T": lambda x, y, z: [][1]}, r"T: its function fails with IndexError .* arrays of the coordinates, of shape"),
        ({"eta": lambda x, y, z: z}, r"eta: its function takes \(x, y, z\), but the coordinates are x, y; write it as"),
        (forced(tau_x="a"), "tau_x: needs real numbers, got text: 'a'"),
        (forced(tau_x=None), "tau_x: needs real numbers, got NoneType"),
        (forced(tau_x=1j), "tau_x: needs real numbers, got complex numbers"),
        (
            forced(tau_x=lambda x: x * x, tau_y=lambda q: q),
            r"tau_y: its function takes \(q\), but the coordinates are x, y, t",
        ),
        (forced(rate_T=-1e-6, T_star=10.0), "rate_T: a piston velocity is not negative, got -1e-06 m s-1"),
        (forced(rate_T=1e-6), "rate_T: is given without T_star; give the value to which the surface is restored"),
        (forced(rate_T=1e-6, T_star=283.15), "T_star: 283.15 looks like kelvin; it is needed in degC"),
        (forced(rate_S=1e-6, S_star=0.035), "S_star: 0.035 looks like kg of salt per kg"),
        (forced(rate_T=1e-6, T_star=series([0, 1, 2], scale=300.0)), "T_star: 300 looks like kelvin"),
        (forced(rate_T=1e-6, T_star=lambda x, y, t: 300.0), "T_star: 300 looks like kelvin"),
        (
            forced(tau_x=series(np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[D]"))),
            "tau_x: its times are dates .*, but the model has no start; give it one, such as start='2000-01-01'",
        ),
        (forced(tau_x=series([datetime(2020, 1, d) for d in (1, 2, 3)])), "tau_x: its times are dates"),
        (forced(tau_x=series(["a", "b", "c"])), "tau_x: times: needs real numbers, got text"),
        (forced(tau_x=series([0, 10, np.inf])), "tau_x: times must increase, but record 2 is at inf s"),
        (forced(tau_x=series([0, 10, 20], np.inf)), "tau_x: period: needs a number, got .*inf"),
        (forced(tau_x=series([0, 10, 20], "year")), "tau_x: period: needs real numbers, got text"),
        (forced(tau_x=Series(1.0, [0.0])), "tau_x: 0 maps need as many times"),
        ({"forcing": {"tau_x": 0.1}}, r"forcing: needs an ogcm.Forcing\(tau_x=...\), got {'tau_x': 0.1}"),
        ({"parameters": [1.0]}, r"parameters: needs a dictionary such as {'nu_h': 500.0}, got \[1.0\]"),
        ({"parameters": {"nu_h": "500"}}, "nu_h: needs real numbers, got text: '500'"),
        ({"parameters": {"nu_h": None}}, "nu_h: needs real numbers, got NoneType"),
        (
            {"parameters": {"drag_linear": np.ones(2)}},
            r"drag_linear: shape \(2,\) does not fit; give a number, or a map",
        ),
        ({"parameters": {"kappa_v": lambda x, y, z: z}}, "kappa_v: -50.0 m2 s-1 lies outside 0.0 to 10.0"),
        ({"parameters": {1: 2.0}}, "unknown parameter 1: choose from"),
        ({"corrector": 5}, r"corrector: needs a method add\(model, state, fluxes, D\), got 5"),
        ({"name": ""}, "name: needs a text, since output files are named after it, got ''"),
        ({"dz": 50.0}, "dz: need the positive thicknesses"),
        ({"horizontal": ONES}, r"horizontal: needs a grid such as ogcm.cartesian\(...\), got array"),
    ],
)
def test_a_model_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        model(**options)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ogcm.cartesian(nx=4, ny=3, dx=0.0, dy=1e4), r"dx: widths must be positive \[m\], got 0"),
        (lambda: ogcm.cartesian(nx=4, ny=3, dx=[1e4] * 3, dy=1e4), "dx: need one width or 4 of them"),
        (lambda: ogcm.spherical(lon=[0, 2, 1], lat=[0, 1]), "lon: cell edges must be a list of increasing degrees"),
        (lambda: ogcm.spherical(lon=[0, 1], lat=[80, 91]), "lat: edges must lie within -90 and 90 degrees"),
        (lambda: ogcm.curvilinear(dx=-ONES, dy=ONES), "dx: widths must be positive, the smallest is -1"),
        (
            lambda: ogcm.curvilinear(dx=ONES, dy=ONES, f=np.ones(4)),
            r"f: need a number or one value .* got shape \(4,\)",
        ),
        (lambda: ogcm.cartesian(nx=4, ny=3, dx=1e4, dy=1e4, f0=np.nan), "f0: needs a number, got nan"),
        (lambda: ogcm.cartesian(nx=4, ny=3, dx=1e4, dy="1e4"), "dy: needs real numbers, got text: '1e4'"),
        (lambda: ogcm.cartesian(nx=0, ny=3, dx=1e4, dy=1e4), "nx: needs a number of cells from 1 to 1e.09, got 0"),
        (lambda: ogcm.cartesian(nx=4, ny=-1, dx=1e4, dy=1e4), "ny: needs a number of cells from 1 to 1e.09, got -1"),
        (lambda: ogcm.cartesian(nx=6.5, ny=3, dx=1e4, dy=1e4), "nx: needs a whole number, got 6.5"),
        (lambda: ogcm.cartesian(nx=10**400, ny=3, dx=1e4, dy=1e4), "nx: needs a whole number, got 1000"),
        (lambda: ogcm.cartesian(nx=4, ny=3, dx=1e4, dy=1e4, periodic_x="no"), "periodic_x: is either True or False"),
        (lambda: ogcm.cartesian(nx=10**8, ny=10**8, dx=1e4, dy=1e4), r"memory: a grid of 100000000 x .* what fits is"),
        (lambda: ogcm.spherical(lon=[0, 1], lat=[0, 1], radius=-1.0), "radius: must be a positive number of metres"),
        (lambda: ogcm.spherical(lon=["a", "b"], lat=[0, 1]), "lon: needs real numbers, got text"),
        (lambda: ogcm.spherical(lon=[0, 361], lat=[0, 1]), "lon: edges must span at most 360 degrees, got 361"),
        (lambda: ogcm.curvilinear(dx=ONES * 1j, dy=ONES), "dx: needs real numbers, got complex numbers"),
        (
            lambda: ogcm.curvilinear(dx=np.ma.masked_equal(ONES, 1), dy=ONES),
            "dx: widths must be positive, the smallest",
        ),
    ],
)
def test_a_grid_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"u": 200.0}, r"dt: 100 s gives the Courant number 2; use at most 40 s"),
        ({"eta": -150.0}, r"eta: the run would start from -150 m at \(0, 0\), not finite or below the sea floor"),
        ({"parameters": {"kappa_h": np.inf}}, "kappa_h: inf m2 s-1 lies outside 0.0 to inf"),
    ],
)
def test_a_run_is_refused(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(model(**options), days=1, progress=False)
