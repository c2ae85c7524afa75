"""Input that cannot be right ends before the first step, in one sentence with the field, the value and the remedy.

More of it where it belongs: files in test_io.py, the command line in test_cli.py, data of others in test_setups.py.
"""

import numpy as np
import pytest

import ogcm
from ogcm.errors import InputError
from ogcm.forcing import Series

NY, NX = 3, 4
BASICS = {"depth": 100.0, "dz": [50.0, 50.0], "dt": 100.0}
ONES = np.ones((NY, NX))


def hole(value=np.nan):
    a = ONES.copy()
    a[1, 2] = value
    return a


def model(horizontal=None, **options):
    horizontal = horizontal or ogcm.cartesian(nx=NX, ny=NY, dx=1e4, dy=1e4)
    return ogcm.Model(horizontal, **(BASICS | options))


def forced(**entries):
    return {"forcing": ogcm.Forcing(**entries)}


def series(times, period=None, maps=3):
    return Series(np.ones((maps, NY, NX)), times, period)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 100 * hole()}, r"bathymetry: NaN at \(j, i\) = \(1, 2\); write land as depth 0"),
        ({"depth": -100.0}, "bathymetry: no cell holds water; depth is positive downwards, in m"),
        ({"depth": np.ones((NX, NY))}, r"bathymetry: shape \(4, 3\) does not fit the grid's \(ny, nx\) = \(3, 4\)"),
        ({"dz": [50.0, 0.0]}, r"dz: need the positive thicknesses \[m\] .* got \[50\.  0\.\]"),
        ({"dz": [50.0, np.nan]}, "dz: need the positive thicknesses"),
        ({"dz": []}, "dz: need the positive thicknesses"),
        ({"T": 10 * hole()}, r"T: not finite over water at \(0, 1, 2\); fill it there"),
        ({"eta": hole(np.inf)}, r"eta: not finite over water at \(1, 2\); fill it there"),
        ({"u": np.ones((3, NY, NX))}, r"u: shape \(3, 3, 4\) does not fit \(2, 3, 4\)"),
        (forced(heat_flux=hole()), r"heat_flux: not finite over water at \(j, i\) = \(1, 2\); fill it there"),
        (forced(tau_y=np.ones(5)), r"tau_y: shape \(5,\) does not fit \(ny, nx\) = \(3, 4\)"),
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
        ({"parameters": {"nu_h": np.ones((NX, NY))}}, r"nu_h: shape \(4, 3\) is none of a number, a map \(3, 4\)"),
        ({"parameters": {"kapa_v": 1.0}}, "unknown parameter 'kapa_v': did you mean 'kappa_v'"),
        ({"intergator": "rk3"}, "unknown option 'intergator': did you mean 'integrator'"),
        ({"integrator": "rk5"}, "integrator: 'rk5' does not exist; choose from euler, ab2, rk3, rk4"),
        ({"dt": np.nan}, "dt: the time step must be a positive number of seconds, got nan"),
        ({"gravity": 0.0}, r"gravity: must be a positive number \[m s-2\], got 0.0"),
        ({"rho0": np.nan}, r"rho0: must be a positive number \[kg m-3\], got nan"),
        ({"heat_capacity": -1.0}, r"heat_capacity: must be a positive number \[J kg-1 K-1\], got -1.0"),
        ({"smallest_cell": 0.0}, "smallest_cell: a fraction of a layer between 0 and 1, got 0.0"),
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
        (lambda: model(ogcm.cartesian(nx=4, ny=3, dx=1e4, dy=1e4, f0=np.nan)), "f: the horizontal grid is not finite"),
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
