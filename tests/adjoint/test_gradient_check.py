"""The checks of gradients pass for right adjoints, and name the error in wrong ones."""

from pathlib import Path

import numpy as np
import pytest

import adjoint.stepper
import ogcm
from adjoint import gradient_check, losses
from adjoint.gradient_check import TOLERANCE, check_controls, loss_error
from adjoint.observation_loss import Observations
from adjoint.operators.surface import wind_stress_ad
from adjoint.random_ocean import rough_basin
from adjoint.registry import PAIRS
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.oceans import rough_basin as basin

FEW = ["T", "tau_x", "kappa_v", "nu4_h"]


def simulation(model=None, steps=3):
    model = model or rough_basin()
    return ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)


@pytest.fixture
def few_operators(monkeypatch, tmp_path):
    """Two operators instead of all, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    check = gradient_check.check_operators
    few = ["depth_mean", "transports"]
    monkeypatch.setattr(gradient_check, "check_operators", lambda names, progress: check(names or few))


def planted(kernel, outputs):
    """The adjoint kernel with its last `outputs` results wrong by one part in a million."""

    def wrong(*arguments):
        before = [a.copy() for a in arguments[-outputs:]]
        kernel(*arguments)
        for a, b in zip(arguments[-outputs:], before, strict=True):
            a += 1e-6 * (a - b)

    return wrong


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2", "dt": 300.0, "free_surface": "linear"}])
def test_every_control_of_the_rough_basin_is_right(options):
    model = rough_basin(**options)
    before = model.state.digest()
    checks = check_controls(simulation(model))
    assert model.state.digest() == before
    assert all(check.passed for check in checks.values()), checks
    assert not checks["nu4_h"].influence  # friction is Laplacian
    for name in ("u", "v", "eta", "T", "S", "tau_x", "rate_S", "eos", "nu_h", "drag_quadratic"):
        assert checks[name].slope == pytest.approx(2, abs=0.05), name


def test_a_linear_loss_has_no_remainder():
    model = rough_basin(equation_of_state="none", free_surface="linear", vorticity="enstrophy")
    loss = losses.BoxMean(model, "eta")
    check = check_controls(simulation(model, 1), "fresh_water", loss)["fresh_water"]
    assert check.passed
    assert np.isnan(check.slope)


def test_a_wrong_kernel_in_the_stepper_is_caught(monkeypatch, few_operators, capsys):
    monkeypatch.setattr("adjoint.slow_physics.wind_stress_ad", planted(wind_stress_ad, 4))
    assert main(["check-gradients", "--steps", "2", "--controls", "T,tau_x,tau_y", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("tau_")] == ["FAIL", "FAIL"]
    assert "the first: control tau_x" in err


def test_a_wrong_kernel_in_the_registry_is_caught(monkeypatch, few_operators, capsys):
    monkeypatch.setitem(
        PAIRS, "transports", PAIRS["transports"]._replace(adjoint=planted(PAIRS["transports"].adjoint, 4))
    )
    assert main(["check-gradients", "--steps", "1", "--controls", "T", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert "the first: operator transports" in err
    assert "ok" in next(line for line in out.splitlines() if line.startswith("depth_mean"))


def test_one_wrong_cell_is_caught(monkeypatch):
    right = adjoint.stepper.advance_u_ad

    def wrong(*arguments):
        right(*arguments)
        arguments[-6][1, 8, 9] *= 1.001  # n_ad.u

    assert rough_basin().grid.mask_u[1, 8, 9]
    monkeypatch.setattr(adjoint.stepper, "advance_u_ad", wrong)
    assert not check_controls(simulation(steps=1), "u")["u"].passed


def test_the_command_passes_and_draws(few_operators, capsys):
    arguments = ["check-gradients", "--steps", "2", "--controls", ",".join(FEW), "--output", "p.png", "--quiet"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "FAIL" not in out
    assert "no influence" in out
    assert Path("p.png").stat().st_size > 20_000


def test_the_command_takes_setups_and_their_options(few_operators, capsys):
    assert (
        main(["check-gradients", "gravity_wave", "--cells", "8", "--steps", "1", "--controls", "eta", "--quiet"]) == 0
    )
    assert "1 steps of gravity_wave" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--controls", "tau_z"], "unknown control 'tau_z'"),
        (["--step", "3"], "did you mean '--steps'"),
        (["--precision", "float32"], "float64"),
        (["double_gire"], "did you mean 'double_gyre'"),
    ],
)
def test_bad_input(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check-gradients", *arguments, "--quiet"]) == 2
    assert words in capsys.readouterr().err


LOSSES = {
    "mean": lambda m: losses.BoxMean(m, "u"),
    "mean of the surface": lambda m: losses.BoxMean(m, "eta", x=(0, 2e5)),
    "mean square": lambda m: losses.MeanSquare(m, "T", np.full((2, 5, 12, 16), 10.0), days=[0.1, 0.2]),
    "climatology": lambda m: losses.ClimatologyMisfit(
        m, "T", np.full((5, 12, 16), 10.0), np.linspace(1, 0.2, 5)[:, None, None], days=[0.1, 0.2, 0.3], z=(-300, 0)
    ),
    "observations": lambda m: Observations(
        m, "T", x=[7e4, 3.05e5], y=[5e4, 9.1e4], z=-60.0, days=[0.0, 0.1], values=10.0, errors=0.5
    ),
    "heat content": lambda m: losses.HeatContent(m, z=(-300, 0)),
    "eastward transport": lambda m: losses.Transport(m, x=7e4),
    "northward transport": lambda m: losses.Transport(m, y=9e4, x=(0, 2e5)),
    "overturning": lambda m: losses.Overturning(m, y=9e4, z=-200.0),
    "enstrophy": lambda m: losses.Enstrophy(m),
    "sum": lambda m: losses.Enstrophy(m) + 1e-12 * losses.Transport(m, x=7e4, days=[0.0, 0.1]),
}
OCEANS = {
    "periodic": {},
    "linear surface": {"free_surface": "linear"},
    "no-slip": {"walls": "no_slip"},
}


@pytest.mark.parametrize("ocean", OCEANS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_the_right_adjoint(loss, ocean):
    model = basin(**OCEANS[ocean])
    assert loss_error(LOSSES[loss](model), model.state) < TOLERANCE


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_the_right_adjoint_between_walls(loss):
    grid = ogcm.cartesian(nx=16, ny=12, dx=2e4, dy=2e4, f0=1e-4)
    depth = interior(basin().grid.depth_t)
    model = ogcm.Model(grid, depth=depth, dz=[50.0, 100.0, 100.0, 120.0, 130.0], dt=600.0, walls="no_slip")
    assert loss_error(LOSSES[loss](model)) < TOLERANCE


class Wrong(losses.BoxMean):
    """The mean square of a field, with the derivative of its mean."""

    def value(self, state, record):
        return (self.weight * interior(getattr(state, self.field)) ** 2).sum()


class Forgetful(losses.Enstrophy):
    """Without the derivative by v."""

    def adjoint(self, state, record, value_ad, state_ad):
        v_ad = state_ad.v.copy()
        super().adjoint(state, record, value_ad, state_ad)
        state_ad.v[...] = v_ad


def test_a_wrong_loss_is_caught():
    model = basin()
    assert loss_error(Wrong(model, "T")) > 0.01
    assert loss_error(Forgetful(model)) == 1


def test_a_loss_that_takes_no_complex_states():
    class Largest(losses.Enstrophy):
        """Not for the complex step."""

        def value(self, state, record):
            return float(interior(state.eta).sum())

    with pytest.raises(InputError, match="Largest: its value does not take complex states"):
        loss_error(Largest(basin()))
