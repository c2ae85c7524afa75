"""The variables of a step: budgets close from the file, and the step that is taken again is that of the run."""

import numpy as np
import pytest
import xarray

import ogcm
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.step_variables import Step, budgets, step_variables
from tests.adjoint.test_stepper import CHOICES, ocean

STEPS = 4
pytestmark = pytest.mark.filterwarnings("ignore:.*has no effect:UserWarning")


class Drift:
    """A term that accelerates the water and warms it."""

    def add(self, model, n, fluxes, D):
        D.u[...] += 1e-6 * model.grid.mask_u
        if "T" in model.tracers:
            D.T[...] += 1e-5 * model.grid.h_t * model.grid.mask_t


def written(folder, model, variables, *, states=()):
    """Run a model; return a file of means of these variables and one of snapshots of these states."""
    every = 2 * model.numerics.dt / DAY
    options = {"every": every, "precision": "float64"}
    writers = {
        "means": ogcm.NetCDFWriter(folder / "means.nc", variables=variables, means=True, **options),
        "states": ogcm.NetCDFWriter(folder / "states.nc", variables=states, **options),
    }
    ogcm.Simulation(model, days=STEPS / 2 * every, writers=writers, progress=False).run()
    return [xarray.open_dataset(folder / name, decode_times=False) for name in ("means.nc", "states.nc")]


def terms(means, name):
    """The terms of a field in a file of means."""
    return {n: means[n] for n in means if n.startswith(f"{name}_") and n != f"{name}_tendency"}


def largest(fields):
    return max(float(abs(a).max()) for a in fields)


def outside(model, name):
    """True at the rim of open sides, in the points of a field."""
    return interior(getattr(model.grid, f"inward_{name if name in ('u', 'v') else 't'}")).any(axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_budgets_close_from_the_file(tmp_path, choice):
    model = ocean(**CHOICES[choice])
    model.terms = {"drift": Drift()}
    variables = tuple(budgets(model))
    means, states = written(tmp_path, model, variables, states=("u", "v", "eta", "h", *model.tracers))
    interval = 2 * model.numerics.dt
    with means, states:
        for name in ("u", "v", *model.tracers):
            found = terms(means, name)
            content = states[name] * (states.h if name in model.tracers else 1)
            change = content.diff("time").values / interval
            scale = largest(found.values())
            assert scale > 0, name
            assert len([a for a in found.values() if abs(a).max() > 0]) > 1, name
            total = sum(found.values()).values
            assert np.isnan(total[..., outside(model, name)]).all()  # whose values are replaced
            assert np.isfinite(total).any()
            assert np.nanmax(abs(change - total)) < 1e-10 * scale, name
            assert np.nanmax(abs(means[f"{name}_tendency"].values - total)) < 1e-10 * scale, name


@pytest.mark.parametrize("choice", ["default", "a dye alone", "linear surface, other constants"])
def test_the_divergence_of_the_transports_moves_the_surface(tmp_path, choice):
    xgcm, model = pytest.importorskip("xgcm"), ocean(**CHOICES[choice])
    means, states = written(tmp_path, model, ("eta_budget", "h"), states=("eta", "h"))
    interval = 2 * model.numerics.dt
    with means, states:
        grid = xgcm.Grid(means)
        across = grid.diff(means.transport_x, "X", padding="periodic") + grid.diff(
            means.transport_y, "Y", padding="periodic"
        )
        rise = means.fresh_water - across.sum("z") / means.cell_area
        scale = largest([rise])
        assert scale > 0
        assert largest([rise - means.eta_tendency]) < 1e-10 * scale
        found = states.eta.diff("time").values / interval
        assert np.nanmax(abs(found - rise.values)) < 1e-10 * scale
        # Of each cell: what comes in through all faces is what its thickness grows by, rain in the first layer
        growth = states.h.diff("time").values / interval
        gain = -across / means.cell_area + grid.diff(means.transport_z, "Z") / means.cell_area
        gain = gain.where(means.mask == 1).values
        gain[:, 0] += means.fresh_water.values if model.numerics.free_surface == "nonlinear" else 0
        assert np.nanmax(abs(gain - growth)) < 1e-10 * scale


def test_with_single_precision_budgets_close_to_its_digits(tmp_path):
    model = ocean(precision="float32")
    means, _ = written(tmp_path, model, ("T_budget",), states=("T",))
    with means:
        found = terms(means, "T")
        total = sum(found.values())
        content = float((means.cell_thickness * 10.0).max()) / model.numerics.dt
        assert largest([total - means.T_tendency]) < 1e-5 * content


@pytest.mark.parametrize("choice", ["default", "ab2", "turbulence", "a dye alone"])
def test_the_step_is_that_of_the_run(choice):
    model = ocean(**CHOICES[choice])
    step, stepper = Step(model), ogcm.Stepper(model)
    stepper.step()
    for _ in range(2):
        before = model.state.copy()
        step.take(before)
        stepper.step()
        for name, a in model.state.arrays().items():
            np.testing.assert_array_equal(ogcm.interior(getattr(step.end, name)), ogcm.interior(a), err_msg=name)


def test_what_acts_in_a_step(tmp_path):
    """A snapshot has the fluxes and coefficients of the step that begins with its state."""
    model = ocean()
    names = (
        "tau_x",
        "tau_y",
        "heat_flux",
        "fresh_water",
        "shortwave",
        "nu_v",
        "kappa_v",
        "transport_x",
        "transport_y",
        "transport_z",
    )
    names = tuple(name for name in names if name in step_variables(model))
    before = model.state.copy()
    path = tmp_path / "a.nc"
    run = {"days": 2 * model.numerics.dt / DAY, "every": model.numerics.dt / DAY, "progress": False}
    ogcm.Simulation(model, output=path, variables=names, output_precision="float64", **run).run()
    again = ocean()
    step = Step(again)
    step.take(before)
    with xarray.open_dataset(path, decode_times=False) as d:
        assert d.sizes["time"] == 3
        wet = {"U": "u", "V": "v", "T": "t"}
        for name in names:
            variable = step_variables(again)[name]
            values = ogcm.interior(variable.function(step))
            stored = d[name][0].values
            seen = np.isfinite(stored)
            assert seen.any()
            np.testing.assert_array_equal(stored[seen], values[seen], err_msg=name)
            if not variable.zero_on_land and variable.field.vertical == "":
                mask = ogcm.interior(getattr(again.grid, f"mask_{wet[variable.field.point]}"))[0] == 1
                np.testing.assert_array_equal(seen, mask)
        fluxes = again.forcing.at(before.time + 0.5 * again.numerics.dt)
        np.testing.assert_array_equal(d.tau_x[0].fillna(0), ogcm.interior(fluxes.tau_x * again.grid.mask_u[0]))


def test_a_run_with_budgets_has_the_same_bits(tmp_path):
    digests = []
    for n, variables in enumerate((("T",), ("T_budget", "u_budget", "transport_x"))):
        model, folder = ocean(), tmp_path / str(n)
        folder.mkdir()
        written(folder, model, variables)
        digests.append(model.state.digest())
    assert digests[0] == digests[1]


def test_a_model_without_dynamics_has_no_step_variables():
    assert step_variables(ocean(dynamics="none")) == {}
    with pytest.raises(ogcm.InputError, match="unknown field 'T_budget'"):
        ogcm.Simulation(ocean(dynamics="none"), days=1, output="a.nc", variables=("T_budget",), progress=False)
