"""Invariance of results under changes of axes, units, number of threads and values on land, and under none.

One small ocean with islands, partial cells, uneven spacing and every forcing is written down as plain arrays; each
test builds it in another way and compares. This follows the regression tests of MOM6
(github.com/mom-ocean/MOM6/wiki/Developers-guide, "Testing"): rotation, rescaling of the units, restarts, layouts.
"""

import re

import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import DZ
from ogcm.cli import main
from ogcm.grid import interior
from ogcm.numerics import CHOICES
from ogcm.operators.equation_of_state import default_coefficients
from tests.oceans import FACES, dry, printed_by_threads, put_nan_on_land, rough_basin, run

INITIAL, PARAMETERS = ("u", "v", "eta", "T", "S"), ("nu_h", "kappa_h", "nu4_h", "kappa4_h", "drag_linear", "leith")
TERMS = {
    "default": {},
    "higher": {
        "friction": "biharmonic",
        "diffusion": "biharmonic",
        "viscosity": "smagorinsky",
        "vertical_mixing": "richardson",
        "equation_of_state": "teos10",
        "vorticity": "al81",
        "walls": "no_slip",
    },
    "other": {
        "advection": "monotone",
        "viscosity": "leith",
        "vorticity": "enstrophy",
        "equation_of_state": "quadratic",
        "free_surface": "linear",
        "integrator": "ab2",
    },
    "upwinded": {"advection": "weno5", "momentum_upwinding": "all", "friction": "none"},
}
STEPS = 15


def ocean(nx=10, ny=8, beta=2e-11, **options):
    """Maps (ny, nx) and fields (nk, ny, nx) by name, the widths of the cells, and the options of a model."""
    rng = np.random.default_rng(7)
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3], depth[4, :] = 320.0, 450.0
    profile = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None]

    def around(value, spread, *layers):
        return value + spread * rng.uniform(-1, 1, (*layers, ny, nx))

    fields = {
        "depth": depth,
        "u": around(0, 0.1, 5),
        "v": around(0, 0.1, 5),
        "eta": around(0, 0.1),
        "T": profile + around(0, 0.3, 5),
        "S": around(35, 0.1, 5),
        "tau_x": around(0, 0.2),
        "tau_y": around(0, 0.2),
        "heat_flux": around(0, 200.0),
        "fresh_water": around(0, 1e-7),
        "T_star": around(20, 5.0),
        "S_star": around(35, 1.0),
        "rate_T": around(1e-5, 1e-5),
        "rate_S": around(1e-5, 1e-5),
        "nu_h": around(200, 100.0),
        "kappa_h": around(50, 20.0),
        "nu4_h": around(2e10, 1e10),
        "kappa4_h": around(1e10, 5e9),
        "drag_linear": around(1e-4, 1e-4),
        "leith": around(1, 0.5),
        "dx": rng.uniform(1.5e4, 3e4, nx),
        "dy": rng.uniform(1.5e4, 3e4, ny),
        "dz": np.array(DZ),
    }
    numbers = {"f0": 1e-4, "beta": beta, "dt": 600.0, "drag_quadratic": 1e-3, "periodic_x": True, "periodic_y": False}
    numbers |= {"nu_v": 1e-4, "kappa_v": 1e-5, "kappa_convective": 1.0, "nu_richardson": 1e-2}
    return fields | numbers | options


def built(given):
    """The model of an `ocean`."""
    o = dict(given)
    horizontal = {n: o.pop(n) for n in ("dx", "dy", "f0", "beta", "periodic_x", "periodic_y")}
    ny, nx = o["depth"].shape
    forcing = ogcm.Forcing(**{n: o.pop(n) for n in ogcm.forcing.NAMES if n in o})
    parameters = {n: o.pop(n) for n in (*ogcm.parameters.PARAMETERS, "eos") if n in o}
    return ogcm.Model(ogcm.cartesian(nx=nx, ny=ny, **horizontal), forcing=forcing, parameters=parameters, **o)


def after(given, steps=STEPS):
    """The interior of the prognostic fields after some steps, by name."""
    return {name: interior(a) for name, a in run(built(given), steps).state.arrays().items()}


def changed(given, change):
    """Another ocean, each of whose maps and fields is `change(name, a)`."""
    return {name: change(name, a) if np.ndim(a) >= 2 else a for name, a in given.items()}


def assert_same(one, other, atol=1e-10):
    for name, a in one.items():
        np.testing.assert_allclose(other[name], a, rtol=0, atol=atol, err_msg=name)
        assert np.abs(a).max() > 1e-3, name


# The axes


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_mirror_changes_only_round_off(axis, terms):
    """f changes its sign, and so does the velocity along the axis, whose points are those of the faces across it.

    The east face of cell i is the west face of its image n - 1 - i: the east face of the cell before.
    """
    n, face, widths = {"x": (-1, "u", "dx"), "y": (-2, "v", "dy")}[axis]

    def mirrored(name, a):
        a = np.flip(a, n)
        return -np.roll(a, -1, n) if FACES.get(name) == face else a

    here = ocean(**TERMS[terms])
    there = changed(here, mirrored) | {"f0": -here["f0"], widths: here[widths][::-1]}
    there["beta"] = -here["beta"] if axis == "x" else here["beta"]
    image = {name: mirrored(name, a) for name, a in after(here).items()}
    assert_same(image, after(there))


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("periodic", [True, False])
def test_a_quarter_turn_changes_only_round_off(periodic, terms):
    """Clockwise, on an f-plane: what pointed east points south, what pointed north points east."""
    turned_into = {"u": "v", "v": "u", "tau_x": "tau_y", "tau_y": "tau_x"}

    def turned(o):
        new = {}
        for name, a in o.items():
            b = np.rot90(a, axes=(-2, -1)) if np.ndim(a) >= 2 else a
            # The east face becomes the south face: the north face of the cell one row down.
            new[turned_into.get(name, name)] = -np.roll(b, -1, -2) if FACES.get(name) == "u" else b
        return new

    here = ocean(nx=9, ny=9, beta=0.0, periodic_x=periodic, periodic_y=periodic, **TERMS[terms])
    there = turned(here) | {"dx": here["dy"], "dy": here["dx"][::-1]}
    assert_same(turned(after(here)), after(there))


@pytest.mark.parametrize("terms", TERMS)
def test_a_shift_along_a_periodic_side_changes_no_bit(terms):
    def moved(_, a):
        return np.roll(a, 3, -1)

    here = ocean(**TERMS[terms])
    there = changed(here, moved) | {"dx": np.roll(here["dx"], 3)}
    for (name, a), b in zip(after(here).items(), after(there).values(), strict=True):
        np.testing.assert_array_equal(np.roll(a, 3, -1), b, err_msg=name)


# The units

# name: powers of the units of length along the layers and across them, of time, of temperature, and of mass in a volume
UNITS = {
    **dict.fromkeys(("dx", "dy"), (1, 0, 0, 0, 0)),
    **dict.fromkeys(("depth", "dz", "eta"), (0, 1, 0, 0, 0)),
    **dict.fromkeys(("T", "T_star"), (0, 0, 0, 1, 0)),
    **dict.fromkeys(("u", "v"), (1, 0, -1, 0, 0)),
    **dict.fromkeys(("tau_x", "tau_y"), (1, 1, -2, 0, 1)),
    **dict.fromkeys(("fresh_water", "rate_T", "rate_S", "drag_linear"), (0, 1, -1, 0, 0)),
    **dict.fromkeys(("nu_h", "kappa_h"), (2, 0, -1, 0, 0)),
    **dict.fromkeys(("nu4_h", "kappa4_h"), (4, 0, -1, 0, 0)),
    **dict.fromkeys(("nu_v", "kappa_v", "kappa_convective", "nu_richardson"), (0, 2, -1, 0, 0)),
    **dict.fromkeys(("rho0", "eos"), (0, 0, 0, 0, 1)),
    "gravity": (2, -1, -2, 0, 0),
    "heat_capacity": (0, 0, 0, -1, 0),
    "heat_flux": (0, 1, -1, 0, 1),
    "drag_quadratic": (-1, 1, 0, 0, 0),
    "f0": (0, 0, -1, 0, 0),
    "beta": (-1, 0, -1, 0, 0),
    "dt": (0, 0, 1, 0, 0),
}
BIHARMONIC = {"friction": "biharmonic", "diffusion": "biharmonic"}
NO_DRAG, PASSIVE = {"drag_quadratic": 0.0}, {"eos": [0.0, 0.76554, 0.0, 0.0, 0.0, 0.0, 0.0]}
CONSTANTS_KEPT = {
    "1/T": {"viscosity": "smagorinsky", "advection": "monotone", "walls": "no_slip"} | NO_DRAG | BIHARMONIC,
    "L/T and 1/Z": {"vertical_mixing": "richardson", "equation_of_state": "teos10", "vorticity": "al81"},
    "1/(L T)": {"viscosity": "leith", "integrator": "ab2", "vorticity": "enstrophy"} | NO_DRAG,
    "none": {"advection": "weno5", "momentum_upwinding": "all"} | NO_DRAG,
    "1/T and T alone": {"viscosity": "smagorinsky", "free_surface": "linear"} | PASSIVE,
}


@pytest.mark.parametrize(
    ("powers", "options"),
    [
        ((1, 2, 0, 0, 0), CONSTANTS_KEPT["1/T"]),
        ((-3, 1, 0, 0, 4), CONSTANTS_KEPT["1/T"]),
        ((1, 0, 1, 0, 0), CONSTANTS_KEPT["L/T and 1/Z"]),
        ((-4, 0, -4, 0, -3), CONSTANTS_KEPT["L/T and 1/Z"]),
        ((-1, 2, 1, 0, 0), CONSTANTS_KEPT["1/(L T)"]),
        ((3, 1, 2, 0, 0), CONSTANTS_KEPT["none"]),
        ((0, 0, 0, 5, 2), CONSTANTS_KEPT["1/T and T alone"]),
    ],
)
def test_other_units_change_no_bit(powers, options):
    """Powers of two are exact, so that an ocean in other units is the same to the bit: a test of every dimension.

    Small constants that have units stay, and a term that has one is tested with the units that leave it: the tidal
    speed 0.01 m/s of quadratic drag and EPS of the Richardson number, which is a squared (L/T)/Z, with L = T;
    EPS_SHEAR of Smagorinsky with T = 1, EPS_ZETA of Leith with L T = 1. Equations of state count temperature from
    10 degC and pressure in metres: temperature is rescaled where density does not know it (a0 = 0), thickness where
    the equation is linear.
    """

    def factor(name):
        return 2.0 ** np.dot(UNITS.get(name, (0, 0, 0, 0, 0)), powers)

    numerics = ogcm.Numerics(dt=1.0)
    eos = default_coefficients(options.get("equation_of_state", "linear"))
    here = {name: getattr(numerics, name) for name in ("gravity", "rho0", "heat_capacity")} | {"eos": eos}
    here |= ocean(**options)
    there = here | {name: np.multiply(here[name], factor(name)) for name in UNITS}
    for (name, a), b in zip(after(here).items(), after(there).values(), strict=True):
        np.testing.assert_array_equal(a, b / factor(name), err_msg=name)


# What lies on land


def state_bytes(model):
    return b"".join(interior(a).tobytes() for a in model.state.arrays().values())


def test_nan_on_land_in_what_is_given_changes_nothing():
    here = ocean()
    wet = interior(built(here).grid.mask_t) == 1
    there = {}
    for name, a in here.items():
        given = np.ndim(a) >= 2 and name not in ("depth", *PARAMETERS)
        there[name] = np.where(wet if np.ndim(a) == 3 else wet[0], a, np.nan) if given else a
    assert state_bytes(run(built(here), STEPS)) == state_bytes(run(built(there), STEPS))


@pytest.mark.parametrize("terms", TERMS)
def test_nan_on_land_in_what_kernels_read_changes_nothing(terms):
    """No kernel uses the values of arrays on land and in closed halos."""
    clean = run(built(ocean(**TERMS[terms])), STEPS)
    dirty = run(put_nan_on_land(built(ocean(**TERMS[terms]))), STEPS)
    for name, a in clean.state.arrays().items():
        wet = interior(~dry(clean.grid, name, a))
        np.testing.assert_array_equal(interior(a)[wet], interior(getattr(dirty.state, name))[wet], err_msg=name)


# Nothing at all


def test_a_rerun_gives_every_bit():
    assert state_bytes(run(rough_basin(), 20)) == state_bytes(run(rough_basin(), 20))


@pytest.mark.parametrize("integrator", CHOICES["integrator"])
def test_a_copy_of_the_state_continues_every_bit(integrator):
    """A new model continues from a copy of the state to the bit."""
    whole = run(rough_basin(integrator=integrator, dt=300.0), 12)
    first = run(rough_basin(integrator=integrator, dt=300.0), 5)
    second = rough_basin(integrator=integrator, dt=300.0)
    second.state.assign(first.state)
    assert state_bytes(run(second, 7)) == state_bytes(whole)


def test_threads_change_no_bit():
    code = "from tests.oceans import rough_basin, run\nprint(run(rough_basin(), 20).state.digest())\n"
    digests = set(printed_by_threads(code, "1", "2"))
    assert len(digests) == 1


def test_the_log_of_a_run_ends_with_the_hash_of_its_state(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hashes = []
    for name, wind in (("a.nc", "0.1"), ("b.nc", "0.1"), ("c.nc", "0.11")):
        assert main(["run", "double_gyre", "--resolution", "3", "--days", "1", "--wind", wind, "--output", name]) == 0
        hashes += re.findall(r"state ([0-9a-f]{16})\b", capsys.readouterr().err, re.MULTILINE)
    assert len(hashes) == 3
    assert hashes[0] == hashes[1] != hashes[2]
