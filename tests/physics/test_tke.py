"""Mixing by turbulence with a prognostic kinetic energy, against laboratory, theory and limits of the closure."""

import h5netcdf
import numpy as np
import pytest

import adjoint
import ogcm
from adjoint import BoxMean
from adjoint.complex_step import directional_derivative
from ogcm.constants import DAY
from ogcm.grid import interior
from tests.oceans import rough_basin, run

ALPHA, GRAVITY = 2e-4, 9.81  # thermal expansion [K-1]
HOUR = 3600.0


def column(N2: float, layers: int, dz: float, *, tau: float = 0.0, heat: float = 0.0, **options) -> ogcm.Model:
    """A column without rotation, of uniform stratification and without any other mixing."""
    grid = ogcm.cartesian(nx=1, ny=1, dx=1e6, dy=1e6, periodic_x=True, periodic_y=True)
    eos = np.zeros(7)
    eos[0] = ALPHA * ogcm.constants.RHO0
    return ogcm.Model(
        grid,
        depth=layers * dz,
        dz=np.full(layers, dz),
        T=lambda x, y, z: 20 + z * N2 / (GRAVITY * ALPHA) + 0 * x,
        forcing=ogcm.Forcing(tau_x=tau, heat_flux=heat),
        **{"vertical_mixing": "tke", "friction": "none", "diffusion": "none", "gravity": GRAVITY} | options,
        parameters={"nu_v": 1e-6, "kappa_v": 1e-7, "kappa_convective": 0.0, "eos": eos},
    )


def depth_of_turbulence(model: ogcm.Model, least: float = 1e-5) -> float:
    """The depth at which the energy falls below `least`, interpolated in its logarithm [m]."""
    e, tops = interior(model.state.tke)[:, 0, 0], np.concatenate([[0.0], np.cumsum(model.dz)])
    k = 1 + int(np.argmax(e[1:] < least))
    if k == 1:  # of convection, where the energy at the surface is the background
        k = 2 + int(np.argmax(e[2:] < least))
    part = np.log(e[k - 1] / least) / np.log(e[k - 1] / e[k])
    return float(tops[k - 1] + part * (tops[k] - tops[k - 1]))


def test_a_mixed_layer_deepens_as_in_the_laboratory():
    """Kato and Phillips (1969, doi 10.1017/S0022112069000784): 1.05 u* sqrt(t/N) with u* = N = 0.01."""
    model = column(1e-4, 60, 1.0, tau=1e-4 * ogcm.constants.RHO0, dt=60.0)
    for hours in (4, 24):
        stepper = ogcm.Stepper(model)
        while model.state.time < hours * HOUR - 1:
            stepper.step()
        expected = 1.05 * 0.01 * np.sqrt(hours * HOUR / 0.01)
        print(hours, depth_of_turbulence(model), expected)
        assert depth_of_turbulence(model) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("dz", "dt"), [(1.0, 600.0), (2.0, 1200.0)])
def test_free_convection_deepens_as_the_water_gets_lighter(dz, dt):
    """Without entrainment the depth is sqrt(2 B t/N2): 64.3 m on day 5 for 100 W m-2 and N2 = 1e-5 s-2."""
    model = column(1e-5, int(100 / dz), dz, heat=-100.0, dt=dt)
    run(model, round(5 * DAY / dt))
    B = GRAVITY * ALPHA * 100.0 / model.numerics.heat_per_volume
    assert depth_of_turbulence(model) == pytest.approx(np.sqrt(2 * B * 5 * DAY / 1e-5), rel=0.1)


def test_energy_decays_to_the_background_and_stays_positive_with_long_steps():
    model = column(1e-5, 20, 5.0, dt=6 * HOUR)
    interior(model.state.tke)[1:-1] = 1e-2
    stepper = ogcm.Stepper(model)
    for _ in range(40):
        stepper.step()
        assert interior(model.state.tke)[:-1].min() > 0
    assert interior(model.state.tke).max() < 1.3e-6


def test_water_without_stratification_shear_or_wind_is_finite():
    model = run(column(0.0, 20, 5.0, dt=600.0), 20)
    for name, a in model.state.arrays().items():
        assert np.isfinite(a).all(), name
    assert interior(model.state.tke).max() <= 1.1e-6


def test_convection_mixes_by_the_energy_that_it_makes():
    model = column(0.0, 20, 5.0, heat=-200.0, dt=600.0)
    run(model, 144)
    T = interior(model.state.T)[:, 0, 0]
    assert np.ptp(T) < 0.15  # the first layer alone would lose 0.84 K
    assert interior(model.state.tke)[5:15, 0, 0].min() > 1e-5


def test_gradient_is_exact_through_a_thousand_steps():
    """Of the temperature of the mixed layer to the coefficients of the closure, against the complex step."""
    model = column(1e-4, 20, 2.0, tau=0.05, heat=20.0, dt=300.0)
    simulation = ogcm.Simulation(model, days=1000 * 300.0 / DAY, progress=False)
    loss = BoxMean(model, "T", z=(-20, 0))
    names = ["tke_viscosity", "tke_dissipation", "tke_waves", "tke_richardson", "tke"]
    found = adjoint.gradient(loss, simulation, names)
    for name in names:
        d = np.ones_like(found[name]) * (1e-6 if name == "tke" else 1.0)
        exact = directional_derivative(loss, simulation, {name: d})
        assert abs(exact) > 0
        assert (found[name] * d).sum() == pytest.approx(exact, rel=1e-10), name


@pytest.mark.slow
def test_coefficients_of_a_twin_are_found_over_a_thousand_steps():
    """c_k and c_eps from the temperature of a run of 1,000 steps, from values 30 % away."""
    options = {"tau": 0.05, "heat": 20.0, "dt": 300.0}
    truth, model = column(1e-4, 20, 2.0, **options), column(1e-4, 20, 2.0, **options)
    names, days = ("tke_viscosity", "tke_dissipation"), 1000 * 300.0 / DAY
    times = np.linspace(0.1, 1, 10) * days
    points = adjoint.observations.synthetic(
        ogcm.Simulation(truth, days=days, progress=False), {"T": 1e-12, "u": 1e-12}, days=times
    )
    wanted = {name: float(interior(truth.parameters[name])[0, 0, 0]) for name in names}
    for name, factor in zip(names, (1.3, 0.75), strict=True):
        model.parameters[name][...] *= factor
    loss, *others = (p._replace(errors=np.full_like(p.errors, 1e-3)).loss(model) for p in points)
    loss = sum(others, loss)
    estimates = [adjoint.Estimate(name, 0.3, background=False, logarithm=True) for name in names]
    simulation = ogcm.Simulation(model, days=days, progress=False)
    found = adjoint.assimilate(loss, simulation, estimates, iterations=60)
    for name in names:
        assert float(found[name]) == pytest.approx(wanted[name], rel=1e-3), name


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_output_and_restart_hold_the_energy(tmp_path, integrator):
    options = {"vertical_mixing": "tke", "integrator": integrator, "dt": 300.0}
    whole, first, second = (rough_basin(**options) for _ in range(3))
    days = 5 * 300.0 / DAY
    ogcm.Simulation(whole, days=2 * days, progress=False, output=tmp_path / "w.nc").run()
    ogcm.Simulation(first, days=days, progress=False, output=tmp_path / "p.nc").run()
    restart = tmp_path / "p.restart.h5"
    ogcm.Simulation(second, days=days, progress=False, restart=restart, output=tmp_path / "p.nc").run()
    assert whole.state.digest() == second.state.digest()
    assert interior(whole.state.tke).max() > 1e-4
    with h5netcdf.File(tmp_path / "p.nc") as f:
        assert f["tke"].dimensions[1] == "z_w"
        assert f["tke"].attrs["standard_name"] == "specific_turbulent_kinetic_energy_of_sea_water"


def test_a_restart_without_energy_is_refused(tmp_path):
    ogcm.save_restart(tmp_path / "r.h5", rough_basin())
    with pytest.raises(ogcm.FileError, match="lacks the field tke"):
        ogcm.load_restart(tmp_path / "r.h5", rough_basin(vertical_mixing="tke"))


def test_a_loss_of_the_energy_is_refused():
    with pytest.raises(ogcm.InputError, match="unknown 'tke'"):
        BoxMean(rough_basin(vertical_mixing="tke"), "tke")
