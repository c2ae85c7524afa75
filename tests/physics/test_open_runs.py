"""Runs with open sides: gradients through all kinds of sides, and the same bits over restarts, reruns and threads."""

import numpy as np
import pytest

import ogcm
from adjoint.gradient_check import check_controls
from ogcm.constants import DAY
from ogcm.restart import load_restart, save_restart
from tests.oceans import printed_by_threads

TIDE = ogcm.Tide(eta={"M2": (lambda x, y: 0.3 + x / 1e6, lambda x, y: 40 + y / 1e4), "K1": (0.1, 200.0)})


def waves(n):
    """A field of the size 1 that varies along both axes."""
    return lambda x, y: np.sin(x / 3e4 + n) * np.cos(y / 4e4 - n)


def ocean(sides=None, **options):
    """An ocean of 12 by 10 cells with a sloping bottom, an island and stratification, open in the south and west."""
    chosen = {
        "eta": waves(1), "u": waves(2), "v": lambda x, y, z: 0.1 * waves(3)(x, y) * (1 + z / 400),
        "T": lambda x, y, z: 5 + z / 100 + waves(4)(x, y), "S": lambda x, y, z: 35 + waves(5)(x, y), "zone": 3e4,
    }  # fmt: skip
    lonely = (np.arange(10)[:, None] == 5) & (np.arange(12) == 6)
    return ogcm.Model(
        ogcm.cartesian(nx=12, ny=10, dx=1e4, dy=1.2e4, f0=1e-4, beta=2e-11),
        depth=np.where(lonely, 0.0, 300.0 + 20 * np.arange(12)),
        dz=[50.0, 100.0, 150.0, 240.0],
        T=lambda x, y, z: 8 + z / 50 + waves(0)(x, y),
        open_sides=ogcm.OpenSides(south=True, west=np.arange(10) < 8, **(chosen | (sides or {}))),
        parameters={"nudging_in": 1e-4, "nudging_out": 1e-5, "nudging_zone": 1e-5, "nu_h": 50.0},
        start="2021-01-01",
        **({"dt": 300.0} | options),
    )


KINDS = {
    "radiation": ({}, {}, ["nudging_in", "nudging_out"]),
    "clamped": ({"flow": "clamped", "water": "clamped"}, {"integrator": "ab2"}, []),
    "upstream, volume": ({"water": "upstream", "volume": "constrained"}, {"advection": "centred2"}, ["sea_level_rise"]),
    "tides": ({"tides": TIDE, "flow": "clamped"}, {}, []),
    "pressure": (
        {"inverse_barometer": True, "eta": ogcm.Series(np.array([0.1, -0.2]), [0.0, 2e3])},
        {"forcing": ogcm.Forcing(surface_pressure=lambda x, y: 1e5 + 1e3 * waves(6)(x, y))},
        ["surface_pressure"],
    ),
}
OUTSIDE = ["eta_outside", "u_outside", "v_outside", "T_outside", "S_outside", "nudging_zone"]


def simulation(model, steps=4):
    return ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_run_are_exact(kind):
    """Each agrees with the complex step to 1e-12, and the remainders of Taylor's formula have the slope 2."""
    sides, options, others = KINDS[kind]
    checks = check_controls(simulation(ocean(sides, **options)), ["eta", "u", "v", "T", "S", *OUTSIDE, *others])
    for name, check in checks.items():
        assert check.influence, name
        assert check.passed, (name, check)


MOVING = {
    "tides": TIDE, "volume": "constrained", "u": ogcm.Series(np.array([0.1, -0.1]), [0.0, 1e4]),
    "v": lambda x, y, z, t: 0.1 * np.cos(x / 4e4 + t / 1e4),
}  # fmt: skip


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_a_restart_continues_every_bit(tmp_path, integrator):
    whole, first, second = (ocean(MOVING, integrator=integrator) for _ in range(3))
    simulation(whole, 9).run()
    simulation(first, 4).run()
    save_restart(tmp_path / "r.h5", first)
    load_restart(tmp_path / "r.h5", second)
    simulation(second, 5).run()
    assert second.state.digest() == whole.state.digest() != first.state.digest()


@pytest.mark.slow
def test_threads_and_reruns_change_no_bit():
    code = (
        "from tests.physics.test_open_runs import MOVING, ocean, simulation\n"
        "model = ocean(MOVING)\n"
        "simulation(model, 9).run()\n"
        "print(model.state.digest())\n"
    )
    digests = printed_by_threads(code, "1", "1", "2")
    assert digests == digests[:1] * 3
    assert len(digests[0]) > 10
