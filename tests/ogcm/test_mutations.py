"""Random mutations of right input give a clear error or the same ocean, never a traceback or a wrong ocean.

A model is drawn with fields that are exact in every type. One of its arguments is then handed over in another form
that means the same, or in one that means nothing. More of them are tried by
`pytest tests/ogcm/test_mutations.py --hypothesis-profile=mutations`.
"""

import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import ogcm
from ogcm.cli import main
from ogcm.errors import OceanError
from ogcm.grid import interior
from ogcm.numerics import CHOICES, Numerics

quick = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
STATE, FORCING = ("u", "eta", "T", "S"), ("tau_x", "heat_flux", "T_star", "rate_T")
PARAMETERS = ("nu_h", "kappa_v", "drag_linear")
DIMS = dict.fromkeys(("u", "T", "S", "nu_h", "kappa_v"), "zyx")  # all others are maps
POINTS = {"u": "u", "tau_x": "u"}
NUMERICS = {"dt": 600.0, "smallest_cell": 0.5}


@pytest.fixture(autouse=True)
def quiet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@st.composite
def oceans(draw):
    """A grid and the arguments of a model on it by name, each an array (nk, ny, nx) or (ny, nx)."""
    nk, ny, nx = (draw(st.integers(1, 4)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    periodic = {f"periodic_{a}": draw(st.booleans()) for a in "xy"}
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, **periodic)

    def eighths(shape, low, high):
        return rng.integers(8 * low, 8 * high, shape) / 8

    field, plane = (nk, ny, nx), (ny, nx)
    depth = 100.0 * rng.integers(0, nk + 1, plane)
    depth[rng.integers(ny), rng.integers(nx)] = 100.0 * nk
    values = {"depth": depth, "u": eighths(field, -1, 1), "eta": eighths(plane, -1, 1)}
    values |= {"T": eighths(field, 5, 20), "S": eighths(field, 30, 36), "tau_x": eighths(plane, -1, 1)}
    values |= {"heat_flux": eighths(plane, -200, 200), "T_star": eighths(plane, 5, 20), "rate_T": eighths(plane, 1, 2)}
    values |= {"nu_h": eighths(field, 1, 100), "kappa_v": eighths(field, 1, 2), "drag_linear": eighths(plane, 0, 1)}
    return grid, values, [100.0] * nk


def built(grid, values, dz, **options):
    """The model of these arguments."""
    forcing = ogcm.Forcing(**{n: values[n] for n in FORCING})
    parameters = {n: values[n] for n in PARAMETERS}
    fields = {n: values[n] for n in (*STATE, "depth")}
    return ogcm.Model(grid, dz=dz, forcing=forcing, parameters=parameters, **(fields | NUMERICS | options))


def arrays(model):
    """All arrays of a model by name."""
    fluxes = {name: interior(a) for name, a in model.forcing.at(12345.0).arrays().items()}
    held = model.grid._asdict() | model.state.arrays() | fluxes | model.parameters
    return {name: a for name, a in held.items() if getattr(a, "ndim", 0)}


def labelled(a, name, grid, dz, *_):
    """A labelled array with its coordinates."""
    points, dims = grid.points(POINTS.get(name, "t")), DIMS.get(name, "yx")
    own = {"z": np.cumsum(dz) - 50.0, "y": points.y, "x": points.x}
    return xr.DataArray(a, dims=tuple(dims), coords={d: own[d] for d in dims})


def transposed(a, name, grid, dz, rng):
    whole = labelled(a, name, grid, dz)
    return whole.transpose(*rng.permutation(whole.dims))


def upside_down(a, name, grid, dz, rng):
    whole = labelled(a, name, grid, dz)
    return whole.isel({rng.choice(whole.dims): slice(None, None, -1)})


def renamed(a, name, *_):
    names = {"z": "depth", "y": "lat", "x": "lon"}
    return xr.DataArray(a, dims=[names[d] for d in DIMS.get(name, "yx")]).transpose()


# Forms that mean the same: (the array, its name, the grid, dz, a random generator) -> the argument

SAME = {
    "list": lambda a, *_: a.tolist(),
    "tuple of rows": lambda a, *_: tuple(a),
    "float32": lambda a, *_: a.astype(np.float32),
    "big endian": lambda a, *_: a.astype(">f8"),
    "Fortran order": lambda a, *_: np.asfortranarray(a),
    "strided": lambda a, *_: np.repeat(a, 2, axis=-1)[..., ::2],
    "masked nowhere": lambda a, *_: np.ma.array(a, mask=False),
    "list of masked": lambda a, *_: [np.ma.array(row) for row in a],
    "labelled": labelled,
    "transposed": transposed,
    "upside down": upside_down,
    "other names": renamed,
    "one time": lambda a, *place: labelled(a, *place).expand_dims("time"),
    "function": lambda a, *_: lambda x, y: a,
    "function with an option": lambda a, *_: lambda y, x, scale=1.0: scale * a,
    "partial": lambda a, *_: partial(lambda scale, x, y: scale * a, 1.0),
    "keyword only": lambda a, *_: partial(lambda scale, *, y: scale * a, scale=1.0),
}


def spoilt(value):
    """A wet point of the array is `value`."""

    def mutate(a, wet, rng):
        bad = a.astype(np.result_type(a, type(value)) if not isinstance(value, str) else object)
        bad[tuple(rng.choice(np.argwhere(wet)))] = value
        return bad

    return mutate


def masked(a, wet, rng):
    mask = np.zeros(a.shape, bool)
    mask[tuple(rng.choice(np.argwhere(wet)))] = True
    return np.ma.array(a, mask=mask)


def failing(x, y):
    raise KeyError("no such thing")


# Forms that mean nothing: (the array, where it is water, a random generator) -> the argument

WRONG = {
    "NaN": spoilt(np.nan),
    "infinite": spoilt(np.inf),
    "minus infinity": spoilt(-np.inf),
    "a complex number": spoilt(1 + 1j),
    "a text": spoilt("sea"),
    "None within": spoilt(None),
    "a fill value": spoilt(9.97e36),
    "masked in the water": masked,
    "None": lambda *_: None,
    "text": lambda a, *_: str(a),
    "a dictionary": lambda a, *_: {"values": a},
    "a set": lambda *_: {1.0, 2.0},
    "true": lambda *_: True,
    "booleans": lambda a, *_: a > 0,
    "dates": lambda a, *_: a.astype("datetime64[D]"),
    "durations": lambda a, *_: timedelta(1),
    "nothing": lambda *_: [],
    "empty": lambda a, *_: a[..., :0],
    "ragged": lambda a, *_: [a.tolist(), 1.0],
    "one row more": lambda a, wet, rng: np.concatenate([a, a[:1]]),
    "one column more": lambda a, wet, rng: np.concatenate([a, a[..., :1]], axis=-1),
    "with a halo": lambda a, *_: np.pad(a, [(0, 0)] * (a.ndim - 2) + [(3, 3)] * 2),
    "one axis more": lambda a, *_: np.stack([a[None]] * 2),
    "complex": lambda a, *_: a + 0j,
    "unknown names": lambda a, *_: xr.DataArray(np.tile(a, (2,) * a.ndim), dims=tuple("abc"[: a.ndim])),
    "two times": lambda a, *_: xr.DataArray(np.stack([a, a]), dims=("time", *"zyx"[-a.ndim :])),
    "a data set": lambda a, *_: xr.Dataset({"a": (tuple("zyx"[-a.ndim :]), a)}),
    "too many coordinates": lambda *_: lambda a, b, c, d: 1.0,
    "no coordinates": lambda *_: lambda: 1.0,
    "the depth": lambda *_: lambda x, y, depth: 1.0,
    "a failing function": lambda *_: failing,
    "a function of None": lambda *_: lambda x, y: None,
    "a function of another shape": lambda a, *_: lambda x, y: np.ones((7, 9)),
    "a class": lambda *_: dict,
    "a ufunc": lambda *_: np.sin,
}


@quick
@given(oceans(), st.data())
def test_another_form_means_the_same(ocean, data):
    grid, values, dz = ocean
    name, form = data.draw(st.sampled_from(sorted(values))), data.draw(st.sampled_from(sorted(SAME)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    expected = arrays(built(grid, values, dz))
    found = arrays(built(grid, values | {name: SAME[form](values[name], name, grid, dz, rng)}, dz))
    assert found.keys() == expected.keys()
    for what, a in found.items():
        np.testing.assert_array_equal(a, expected[what], err_msg=f"{what} of {name} as {form}")


@quick
@given(oceans(), st.data())
def test_what_means_nothing_is_refused(ocean, data):
    grid, values, dz = ocean
    name, form = data.draw(st.sampled_from(sorted(values))), data.draw(st.sampled_from(sorted(WRONG)))
    mask = interior(getattr(built(grid, values, dz).grid, f"mask_{POINTS.get(name, 't')}")) > 0
    wet = mask if DIMS.get(name) else mask[0]
    assume(wet.any())
    assume(name != "depth" or form not in ("minus infinity", "masked in the water"))  # which are land
    wrong = WRONG[form](values[name], wet, np.random.default_rng(data.draw(st.integers(0, 99))))
    with pytest.raises(OceanError, match=f"(?i){'bathymetry' if name == 'depth' else name}: .{{10}}"):
        built(grid, values | {name: wrong}, dz)


NONSENSE = [None, "", "a", "1", True, (), np.array([[1.0]]), np.nan, np.inf, -1.0, 1j, 10**400, {}, b"1", object()]


@quick
@given(st.sampled_from(sorted(Numerics.__dataclass_fields__)), st.sampled_from([*NONSENSE, [1.0]]))
def test_numerical_choices_that_cannot_be_are_refused(name, value):
    assume(not (Numerics.__dataclass_fields__[name].type is bool and value is True))
    with pytest.raises(OceanError, match=f"{name}: "):
        ogcm.Model(ogcm.cartesian(nx=2, ny=2, dx=1e4, dy=1e4), depth=10.0, dz=[10.0], **({"dt": 60.0} | {name: value}))


GRID = {"nx": 2, "ny": 2, "dx": 1e4, "dy": 1e4, "f0": 0.0, "beta": 0.0, "periodic_x": False, "periodic_y": False}
SPHERE = {"lon": [0.0, 1.0, 2.0], "lat": [0.0, 1.0, 2.0], "radius": 6e6, "rotation": 7e-5}
MAKERS = dict.fromkeys(GRID, lambda given: ogcm.cartesian(**(GRID | given)))
MAKERS |= dict.fromkeys(SPHERE, lambda given: ogcm.spherical(**(SPHERE | given)))
MAKERS |= {"dz": lambda given: ogcm.Model(ogcm.cartesian(**GRID), depth=1.0, dt=60.0, **given)}


@quick
@given(
    st.sampled_from(list(MAKERS)),
    st.sampled_from([*NONSENSE, [1.0, "a"], [np.nan] * 3, [1.0, [2.0]], [3.0, -2.0, 1.0], np.ma.masked]),
)
def test_grids_that_cannot_be_are_refused(name, value):
    assume(not (value is True and name.startswith("periodic")))
    assume(not (type(value) is float and value == -1.0 and name in ("f0", "beta", "rotation")))
    with pytest.raises(OceanError, match=name):
        MAKERS[name]({name: value})


# The command line

VALUES = [
    "",
    "0",
    "-1",
    "1",
    "1.5",
    "nan",
    "inf",
    "1e400",
    "true",
    "no",
    "a,b",
    "eta",
    "float32",
    "rk3",
    "leith",
    "x.nc",
]
OWN = ["days", "every", "output", "variables", "means", "output_precision", "restart", "restart_every", "overwrite"]
COARSE = {"double_gyre": ["--resolution=5"], "channel": ["--resolution=100"], "lock_exchange": ["--resolution=8000"]}
OPTIONS = [
    *OWN,
    "resolution",
    "cells",
    "layers",
    "wind",
    "nu_h",
    "kappa_v",
    "dt",
    "data",
    *CHOICES,
    "freezing",
    "nonsense",
]
TOML = [
    "1",
    "-1",
    "1.5",
    '"a"',
    '""',
    "[]",
    "{}",
    "true",
    "nan",
    "inf",
    "1979-05-27",
    "[[1]]",
    '["T"]',
    "1" + "0" * 400,
]
KEYS = ["name", "resolution", "wind", "nu_h", "eos", "dt", "integrator", "days", "variables", "output", "nonsense"]


@quick
@given(
    setup=st.sampled_from([*COARSE, "gravity_wave", "inertial_oscillation"]),
    options=st.lists(
        st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES), st.booleans()), min_size=1, max_size=3
    ),
)
def test_the_command_line_ends_in_a_sentence(setup, options, monkeypatch):
    """The configuration is checked; no run starts."""
    monkeypatch.setattr(ogcm.Simulation, "run", lambda self: None)
    assume(setup != "lock_exchange" or not {"1", "1.5"} & {value for name, value, _ in options if name == "resolution"})
    words = [w for name, value, joined in options for w in ([f"--{name}={value}"] if joined else [f"--{name}", value])]
    assert main(["run", setup, *COARSE.get(setup, []), "--quiet", *words]) in (0, 2)


@quick
@given(
    table=st.sampled_from(["setup", "parameters", "numerics", "run", "more"]),
    key=st.sampled_from(KEYS),
    value=st.sampled_from(TOML),
)
def test_a_configuration_ends_in_a_sentence(table, key, value, monkeypatch):
    monkeypatch.setattr(ogcm.Simulation, "run", lambda self: None)
    tables = {"setup": {"name": '"double_gyre"', "resolution": "5.0"}}
    tables.setdefault(table, {})[key] = value
    text = "\n".join(f"[{t}]\n" + "\n".join(f"{k} = {v}" for k, v in entries.items()) for t, entries in tables.items())
    Path("a.toml").write_text(text, encoding="utf-8")
    assert main(["run", "a.toml", "--quiet"]) in (0, 2)
