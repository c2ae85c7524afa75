"""Further tracers: conservation, exact decay, their own choices, files, and input that is refused."""

import h5netcdf
import numpy as np
import pytest

import ogcm
from adjoint import BoxMean, gradient
from ogcm import FileError, InputError, Tracer
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.diagnostics.totals import tracer_content
from ogcm.grid import interior
from ogcm.setups.double_gyre import double_gyre
from tests.oceans import rough_basin, run

CONTENT = 2.0


def blob(x, y, z):
    return np.exp(-(((x - 1.6e5) / 5e4) ** 2) - ((y - 1.2e5) / 5e4) ** 2) + 0 * z


def water(model, name):
    """The values of a tracer over water."""
    return interior(getattr(model.state, name))[interior(model.grid.mask_t) > 0]


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2", "dt": 300.0}, {"free_surface": "linear"}])
def test_ten_constant_tracers_stay_constant(options):
    schemes = [None, "upwind3", "centred2", "monotone"]
    tracers = {f"c{n}": Tracer(initial=CONTENT * n, advection=schemes[n % 4]) for n in range(10)}
    model = run(rough_basin(tracers=tracers, **options), 50)
    assert np.abs(model.state.u).max() > 0.01
    for n in range(10):
        assert np.abs(water(model, f"c{n}") - CONTENT * n).max() <= 1e-13 * CONTENT * n


@pytest.mark.parametrize(("surface", "error"), [("linear", 1e-12), ("nonlinear", 1e-5)])
def test_age_grows_by_the_time_and_is_that_of_the_surface_at_most(surface, error):
    """With z* the source is that of the thickness at the beginning of the step."""
    tracers = {"clock": Tracer(source=1.0), "age": ogcm.Age(renewal=1800.0)}
    model = run(rough_basin(tracers=tracers, free_surface=surface), 40)
    assert np.abs(water(model, "clock") - model.state.time).max() <= error * model.state.time
    age = np.where(interior(model.grid.mask_t) > 0, interior(model.state.age), 0)
    assert age.max() <= (1 + error) * model.state.time
    assert 0 < age[0].max() < 3600.0 < age[1].max()


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 1e-2])
def test_a_decaying_dye_has_its_exact_integral(rate):
    """rate dt is 0.0006, 0.6 and 6: the series and the exponential of `decay_fraction`."""
    model = rough_basin(tracers={"dye": Tracer(initial=blob, decay=rate)})
    before, steps = tracer_content(model, "dye"), 30
    run(model, steps)
    expected = before * np.exp(-rate * model.numerics.dt * steps)
    assert tracer_content(model, "dye") == pytest.approx(expected, rel=2e-13 * steps)


@pytest.mark.parametrize("rate", [1e-5, 1e-2])
def test_source_and_decay_balance_for_any_step(rate):
    model = run(rough_basin(tracers={"dye": Tracer(initial=3.0, source=3.0 * rate, decay=rate)}), 20)
    assert np.abs(water(model, "dye") - 3.0).max() <= 1e-13


def test_flux_and_source_change_the_content_by_what_they_bring():
    flux, source = 1e-4, 2e-6
    tracers = {
        "flux": Tracer(surface_flux=flux),
        "source": Tracer(source=source),
        "restored": Tracer(restoring=1.0, rate=1e-4),
    }
    model = rough_basin(tracers=tracers, forcing=ogcm.Forcing())
    run(model, 10)
    grid, time = model.grid, model.state.time
    area = interior(grid.area_t) * (interior(grid.mask_t[0]) > 0)
    assert tracer_content(model, "flux") == pytest.approx(flux * area.sum() * time, rel=1e-12)
    volume = interior(grid.area_t) * interior(grid.h_t)
    assert tracer_content(model, "source") == pytest.approx(source * volume.sum() * time, rel=1e-12)
    assert 0 < tracer_content(model, "restored") < 1e-4 * area.sum() * time


def test_rain_brings_no_tracer():
    """The content stays while the sea rises, and the concentration falls; the linear surface has a virtual flux."""
    rain = ogcm.Forcing(fresh_water=1e-5)
    model = run(rough_basin(tracers={"dye": Tracer(initial=1.0)}, forcing=rain), 20)
    other = rough_basin(tracers={"dye": Tracer(initial=1.0)}, forcing=rain)
    assert tracer_content(model, "dye") == pytest.approx(tracer_content(other, "dye"), rel=1e-13)
    surface = interior(model.state.dye)[0][interior(model.grid.mask_t)[0] > 0]
    assert surface.max() < 1


def test_each_tracer_has_its_own_advection():
    """The monotone tracer makes no new extremum; the other, of the same water, does."""
    step = {"initial": lambda x, y, z: np.where(x < 1.6e5, 1.0, 0.0) + 0 * y * z}
    tracers = {"wavy": Tracer(**step), "limited": Tracer(**step, advection="monotone")}
    model = run(rough_basin(tracers=tracers, u=0.3, dt=300.0), 60)
    limited, wavy = water(model, "limited"), water(model, "wavy")
    assert limited.min() >= -1e-12
    assert limited.max() <= 1 + 1e-12
    assert max(-wavy.min(), wavy.max() - 1) > 1e-3


def test_a_tracer_changes_no_bit_of_the_others():
    one = run(rough_basin(), 5)
    other = run(rough_basin(tracers={"dye": Tracer(initial=blob), "age": ogcm.Age()}), 5)
    for name, a in one.state.arrays().items():
        np.testing.assert_array_equal(a, getattr(other.state, name))


def test_water_without_temperature_and_salinity_carries_a_dye():
    model = rough_basin(equation_of_state="none", tracers={"dye": Tracer(initial=blob)}, dt=300.0)
    before = tracer_content(model, "dye")
    T = model.state.T.copy()
    run(model, 10)
    np.testing.assert_array_equal(model.state.T, T)
    assert tracer_content(model, "dye") == pytest.approx(before, rel=1e-13)
    assert np.ptp(water(model, "dye")) > 0.5


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_restart_and_output_hold_the_tracers(tmp_path, integrator):
    def model():
        return rough_basin(tracers={"dye": Tracer(initial=blob, units="mol m-3", long_name="a dye")}, dt=300.0,
                           integrator=integrator)  # fmt: skip

    whole, first = model(), model()
    days = 6 * 300.0 / DAY
    ogcm.Simulation(whole, days=2 * days, output=tmp_path / "whole.nc", progress=False).run()
    ogcm.Simulation(first, days=days, output=tmp_path / "part.nc", progress=False).run()
    second = model()
    restart = tmp_path / "part.restart.h5"
    ogcm.Simulation(second, days=days, restart=restart, output=tmp_path / "part.nc", progress=False).run()
    assert whole.state.digest() == second.state.digest()
    with h5netcdf.File(tmp_path / "part.nc") as f:
        assert (f["dye"].attrs["units"], f["dye"].attrs["long_name"]) == ("mol m-3", "a dye")
        assert f["content_dye"].attrs["units"] == "mol m-3 m3"
        np.testing.assert_allclose(f["content_dye"][-1], tracer_content(second, "dye"), rtol=1e-14)
        wet = interior(second.grid.mask_t) > 0
        np.testing.assert_array_equal(f["dye"][-1][wet], interior(second.state.dye)[wet].astype("float32"))


def test_a_restart_with_other_tracers_is_refused(tmp_path):
    path = tmp_path / "dyed.h5"
    dyed, plain = rough_basin(tracers={"dye": Tracer()}), rough_basin()
    ogcm.save_restart(path, dyed)
    with pytest.raises(FileError, match="holds the field dye, which this model lacks; add it"):
        ogcm.load_restart(path, plain)
    ogcm.save_restart(path, plain)
    with pytest.raises(FileError, match="lacks the field dye of this model"):
        ogcm.load_restart(path, dyed)


def test_gradients_reach_what_a_tracer_depends_on():
    """The mean of a dye is linear in its initial field, flux and source: the gradients are known."""
    tracers = {"dye": Tracer(initial=1.0, surface_flux=1e-5, source=1e-7, restoring=1.0, rate=0.0, decay=1e-6)}
    with pytest.warns(UserWarning, match="dye_star: has no effect without rate_dye"):
        model = rough_basin(tracers=tracers, free_surface="linear", forcing=ogcm.Forcing())
    simulation = ogcm.Simulation(model, days=6 * model.numerics.dt / DAY, progress=False)
    loss = BoxMean(model, "dye")
    found = gradient(loss, simulation, ["dye", "flux_dye", "source_dye", "decay_dye"])
    grid, time = model.grid, 6 * model.numerics.dt
    left, mean = np.exp(-1e-6 * time), (1 - np.exp(-1e-6 * time)) / 1e-6
    volume = (interior(grid.area_t) * interior(grid.h_t)).sum()
    area = (interior(grid.area_t) * (interior(grid.mask_t[0]) > 0)).sum()
    assert found["dye"].sum() == pytest.approx(left, rel=1e-12)
    assert found["source_dye"] == pytest.approx(mean, rel=1e-12)
    assert found["flux_dye"] == pytest.approx(area / volume * mean, rel=1e-3)  # the flux is outside the exponential
    assert found["decay_dye"] < 0


@pytest.mark.parametrize(
    ("name", "tracer", "words"),
    [
        ("T", Tracer(), "'T' cannot be the name of a tracer"),
        ("time", Tracer(), "'time' cannot be the name"),
        ("copy", Tracer(), "'copy' cannot be the name"),
        ("a dye", Tracer(), "'a dye' cannot be the name"),
        ("nu_h", Tracer(), "'nu_h' cannot be the name"),
        ("dye", 3.0, r"dye needs an ogcm.Tracer\(...\), got 3.0"),
        ("dye", Tracer(initial=np.nan), "dye: not finite over water"),
        ("dye", Tracer(initial=np.zeros((3, 3))), "dye"),
        ("dye", Tracer(decay=-1.0), "decay_dye: -1.0 s-1 lies outside 0.0 to inf"),
        ("dye", Tracer(rate=1e-5), "rate_dye: is given without dye_star"),
        ("dye", Tracer(rate=-1e-5, restoring=1.0), "rate_dye: a piston velocity is not negative"),
        ("dye", Tracer(surface_flux="much"), "flux_dye"),
    ],
)
def test_a_tracer_that_does_not_fit_is_refused_and_leaves_the_model_as_it_was(name, tracer, words):
    model = rough_basin()
    with pytest.raises(InputError, match=words):
        model.add_tracer(name, tracer)
    assert model.state.names == ("u", "v", "eta", "T", "S")
    assert "flux_dye" not in model.forcing.shapes
    assert "decay_dye" not in model.parameters


@pytest.mark.parametrize(
    ("options", "words"),
    [({"advection": "quick"}, "advection: 'quick' does not exist"), ({"units": 3}, "units: needs a text, got 3")],
)
def test_a_tracer_with_wrong_choices_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Tracer(**options)


def test_an_age_needs_a_positive_time():
    with pytest.raises(InputError, match="renewal: must be a positive number of seconds, got 0"):
        ogcm.Age(renewal=0)


def test_the_same_name_is_refused_twice():
    model = double_gyre(resolution=5.0)
    model.add_tracer("dye", Tracer())
    with pytest.raises(InputError, match="'dye' cannot be the name"):
        model.add_tracer("dye", Tracer())


@pytest.mark.parametrize("other", ["dye_star", "flux_dye", "rate_dye", "source_dye", "decay_dye"])
def test_names_of_forcing_and_parameters_of_a_tracer_are_its_own(other):
    """Whichever of the two tracers comes first."""
    model = double_gyre(resolution=5.0)
    model.add_tracer(other, Tracer())
    with pytest.raises(InputError, match=f"'dye' needs the name '{other}'"):
        model.add_tracer("dye", Tracer(decay=1e-6))
    model = double_gyre(resolution=5.0)
    model.add_tracer("dye", Tracer(decay=1e-6))
    with pytest.raises(InputError, match=f"'{other}' cannot be the name"):
        model.add_tracer(other, Tracer())


def test_a_run_of_the_command_line_with_tracers_can_be_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--resolution", "5", "--days", "2", "--quiet"]
    assert main(["run", "double_gyre", *options, "--tracers", "age", "--output", "a.nc"]) == 0
    assert 'tracers = "age"' in (tmp_path / "a.toml").read_text()
    assert main(["run", "a.toml", "--output", "b.nc", "--quiet"]) == 0
    with h5netcdf.File("a.nc") as a, h5netcdf.File("b.nc") as b:
        np.testing.assert_array_equal(a["age"][...], b["age"][...])
        assert np.nanmax(a["age"][-1]) > DAY
    assert main(["run", "double_gyre", *options, "--tracers", "agee"]) == 2


def test_the_initial_field_of_a_tracer_is_estimated_from_its_observations(tmp_path, monkeypatch, capsys):
    """A twin experiment of the command line: a tracer that is estimated is also observed."""
    monkeypatch.chdir(tmp_path)
    options = ["--resolution", "5", "--tracers", "age", "--days", "1", "--iterations", "5", "--quiet"]
    assert main(["assimilate", "double_gyre", *options, "--twin", "--controls", "age=100", "--length", "0"]) == 0
    words = next(line for line in capsys.readouterr().out.splitlines() if "rms change" in line).split()
    before, after = float(words[-1]), float(words[words.index("error") + 1].rstrip(","))
    assert after < 0.9 * before
