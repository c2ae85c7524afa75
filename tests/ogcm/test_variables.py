"""What an output may hold beside the prognostic fields: fields derived from the state, and functions of one's own."""

from functools import partial

import numpy as np
import pytest
import xarray

import ogcm
from ogcm.constants import DAY
from ogcm.diagnostics import DIAGNOSTICS, Diagnostic, strait_transport
from ogcm.operators.equation_of_state import density
from ogcm.output import OutputFile
from ogcm.variables import check_variables, output_variables
from tests.ogcm.test_conventions import basin, written


def speed(model):
    """The speed at T points, whose u and v are means of those of the faces."""
    u, v = ogcm.interior(model.state.u), ogcm.interior(model.state.v)
    return np.hypot(0.5 * (u + np.roll(u, 1, -1)), 0.5 * (v + np.roll(v, 1, -2)))


OWN = {
    "speed": Diagnostic(speed, "m s-1", "speed of the current", ("z", "y", "x")),
    "u_top": Diagnostic(lambda model: ogcm.interior(model.state.u)[0], "m s-1", "u of the first layer", ("y", "x_f")),
    "profile": Diagnostic(lambda model: ogcm.interior(model.state.T).mean(axis=(1, 2)), "degC", "profile of T", ("z",)),
    "strait": Diagnostic(partial(strait_transport, x=2e4, y=(0.0, 4e4)), "m3 s-1", "transport through a strait"),
    "mean_psi": DIAGNOSTICS["psi"],
}


def test_density_and_stratification(tmp_path):
    model = basin("plane")
    with written(tmp_path / "a.nc", model, ("rho", "sigma0", "N2", "T", "S")) as d:
        wet = d.mask.values == 1
        z = np.broadcast_to(ogcm.interior(model.grid.z_t), wet.shape)
        for name, height, offset in (("rho", z, 0), ("sigma0", 0 * z, 1000)):
            found = density(d["T"][0].values, d.S[0].values, height, model.numerics.equation_of_state) - offset
            np.testing.assert_allclose(d[name][0].values[wet], found[wet], atol=1e-9)
            assert np.isnan(d[name][0].values[~wet]).all()
        assert d.N2.dims == ("time", "z_w", "y", "x")
        sorted_water = d.N2[0, 1].values > 0
        heavier = (d.sigma0[0, 1] > d.sigma0[0, 0]).values
        both = wet[0] & wet[1]
        np.testing.assert_array_equal(sorted_water[both], heavier[both])
        b = -model.numerics.gravity * d.rho[0] / model.numerics.rho0
        expected = (b[0] - b[1]).values / (z[0] - z[1])
        np.testing.assert_allclose(d.N2[0, 1].values[both], expected[both], rtol=1e-9)


def test_density_contains_the_profile_of_depth(tmp_path):
    """TEOS-10 by the check of `density`, which does not share the code of the diagnostic."""
    model = ogcm.Model(
        ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4), depth=4000.0, dz=[1000.0] * 4, dt=100.0, equation_of_state="teos10"
    )
    with written(tmp_path / "a.nc", model, ("rho",)) as d:
        expected = density(10.0, 35.0, d.z.values, "teos10")
        np.testing.assert_allclose(d.rho[0, :, 1, 1], expected, rtol=1e-12)
        assert d.rho[0, -1, 1, 1] - d.rho[0, 0, 1, 1] > 10


def test_without_tracers_there_is_no_density():
    model = ogcm.Model(
        ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4), depth=40.0, dz=[40.0], dt=100.0, equation_of_state="none"
    )
    assert not {"rho", "N2", "kappa_v", "T_tendency"} & set(output_variables(model))
    assert {"transport_x", "transport_y", "nu_v", "u_tendency"} <= set(output_variables(model))
    with pytest.raises(ogcm.InputError, match="unknown field 'N2'"):
        check_variables(model, ("N2",))


def test_a_budget_stands_for_its_terms():
    model = basin("plane")
    chosen = check_variables(model, ("T", "T_budget", "T_advection"))
    assert chosen[:2] == ("T", "T_tendency")
    assert set(chosen) == {"T", *(name for name in output_variables(model) if name.startswith("T_"))}
    assert len(chosen) == len(set(chosen))


@pytest.mark.parametrize("means", [False, True])
def test_functions_of_ones_own(tmp_path, means):
    model = basin("plane")
    output = OutputFile(tmp_path / "a.nc", model, ("eta",), means=means, precision="float64", own=OWN)
    values = {name: [] for name in OWN}
    for _ in range(2):
        model.state.u[...] *= 2
        model.state.T[...] += 1
        model.state.time += DAY
        output.add(model)
        for name, d in OWN.items():
            values[name].append(np.array(d.function(model)))
    output.record(model)
    output.close()
    with xarray.open_dataset(tmp_path / "a.nc", decode_times=False) as d:
        for name, own in OWN.items():
            expected = np.mean(values[name], axis=0) if means else values[name][-1]
            assert d[name].dims == ("time", *own.dims)
            assert d[name].attrs["units"] == own.units
            assert d[name].attrs["cell_methods"] == ("time: mean" if means else "time: point")
            stored = d[name][0].values
            seen = np.isfinite(stored)
            np.testing.assert_allclose(stored[seen], np.asarray(expected)[seen], rtol=1e-12)
        assert np.isnan(d.speed[0].values[d.mask.values == 0]).all()
        assert np.isfinite(d.speed[0].values[d.mask.values == 1]).all()
        assert d.speed.attrs["location"] == "face"
        assert d.u_top.attrs["cell_measures"] == "area: cell_area_u"
        assert np.isfinite(d.mean_psi).all()


def test_a_run_is_extended_with_its_own_variables(tmp_path):
    path = tmp_path / "a.nc"
    run = {"days": 400 / DAY, "every": 200 / DAY, "diagnostics": {"strait": OWN["strait"]}, "progress": False}
    model = basin("plane")
    ogcm.Simulation(model, output=path, **run).run()
    restart = tmp_path / "a.restart.h5"
    ogcm.Simulation(basin("plane"), output=path, restart=restart, **run).run()
    with xarray.open_dataset(path, decode_times=False) as d:
        assert d.sizes["time"] == 5
        assert np.isfinite(d.strait).all()
        np.testing.assert_allclose(d.strait[2], strait_transport(model, x=2e4, y=(0.0, 4e4)), rtol=1e-9)
    with pytest.raises(ogcm.FileError, match="strait, u, v of another run or grid"):
        ogcm.Simulation(basin("plane"), output=path, restart=restart, **(run | {"diagnostics": {}})).run()


@pytest.mark.parametrize(
    ("name", "own", "words"),
    [
        ("T", Diagnostic(speed, "m s-1", "speed", ("z", "y", "x")), "'T' is the name of another variable"),
        ("psi", Diagnostic(speed, "m s-1", "speed", ("z", "y", "x")), "'psi' is the name of another variable"),
        ("my speed", Diagnostic(speed, "m s-1", "speed", ("z", "y", "x")), "'my speed'.*choose another"),
        ("speed", speed, "speed needs an ogcm.diagnostics.Diagnostic"),
        ("speed", Diagnostic(speed, "m s-1", "speed", ("z", "y", "lon")), "dimension 'lon': choose from"),
        (
            "speed",
            Diagnostic(speed, "m s-1", "speed", ("y", "x")),
            r"returned float64 of shape \(2, 5, 6\); .* \(5, 6\)",
        ),
        ("speed", Diagnostic(lambda model: "fast", "1", "speed"), "need numbers"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, own, words):
    model = basin("plane")
    with pytest.raises(ogcm.InputError, match=words):
        ogcm.Simulation(model, days=1, output=tmp_path / "a.nc", diagnostics={name: own}, progress=False).run()
    assert not list(tmp_path.glob("a.nc*"))
