"""Diagnostics: comparison with numbers known by hand, and with the kernels of the model."""

import numpy as np
import pytest

import ogcm
from ogcm import diagnostics, stability
from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.diagnostics import DIAGNOSTICS, diagnose
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.operators.equation_of_state import density
from ogcm.operators.layers import continuity, stretch, transports
from ogcm.operators.momentum_advection import potential_vorticity

DX, DY = 1e4, 2e4
DZ = [50.0, 100.0, 150.0]


def basin(nx=12, ny=9, *, depth=300.0, periodic_x=False, periodic_y=False, f0=0.0, **options):
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=DX, dy=DY, f0=f0, periodic_x=periodic_x, periodic_y=periodic_y)
    return ogcm.Model(grid, **({"depth": depth, "dz": DZ, "dt": 600.0} | options))


def rough_basin(seed=1, **options):
    """Islands, partial cells, and random u, v, eta, T, S; periodic along x."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(60.0, 300.0, (9, 12))
    depth[rng.uniform(size=depth.shape) < 0.15] = 0.0
    fields = {name: rng.normal(size=(3, 9, 12)) for name in ("u", "v")}
    fields |= {"T": rng.uniform(5, 20, (3, 9, 12)), "S": rng.uniform(34, 36, (3, 9, 12))}
    return basin(depth=depth, periodic_x=True, **(fields | {"eta": rng.normal(size=(9, 12))} | options))


def test_diagnostics_have_units_names_and_the_shapes_they_declare():
    model = rough_basin()
    sizes = {"z": 3, "z_w": 4, "y": 9, "y_f": 9, "x": 12, "x_f": 12}
    for name, value in diagnose(model).items():
        d = DIAGNOSTICS[name]
        assert d.units
        assert d.long_name
        assert np.shape(value) == tuple(sizes[n] for n in d.dims), name
        assert np.isfinite(value).all(), name


def test_diagnostics_without_tracers():
    values = diagnose(rough_basin(equation_of_state="none"))
    assert "heat_content" not in values
    assert "kinetic_energy" in values


def test_contents_of_a_resting_basin():
    model = basin(T=np.array([20.0, 10.0, 5.0]), S=35.0, eta=1.5)
    area = 12 * 9 * DX * DY
    water = area * 301.5
    layers = np.array([20.0, 10.0, 5.0]) @ np.array(DZ) / 300
    assert diagnostics.volume(model) == pytest.approx(water, rel=1e-14)
    assert diagnostics.mean_eta(model) == pytest.approx(1.5, rel=1e-14)
    assert diagnostics.mean_T(model) == pytest.approx(layers, rel=1e-14)
    assert diagnostics.mean_S(model) == pytest.approx(35, rel=1e-14)
    assert diagnostics.heat_content(model) == pytest.approx(RHO0 * HEAT_CAPACITY * water * layers, rel=1e-14)
    assert diagnostics.salt_content(model) == pytest.approx(RHO0 * 0.035 * water, rel=1e-14)
    assert diagnostics.surface_energy(model) == pytest.approx(0.5 * RHO0 * GRAVITY * area * 1.5**2, rel=1e-14)


def test_the_constants_are_those_of_the_model():
    constants = {"gravity": 3.7, "rho0": 1000.0, "heat_capacity": 4200.0}
    model = basin(T=10.0, S=35.0, eta=1.5, u=0.2, **constants)
    here = basin(T=10.0, S=35.0, eta=1.5, u=0.2)
    relative = {
        "heat_content": 1000.0 * 4200.0 / (RHO0 * HEAT_CAPACITY),
        "salt_content": 1000.0 / RHO0,
        "kinetic_energy": 1000.0 / RHO0,
        "surface_energy": 3.7 * 1000.0 / (GRAVITY * RHO0),
    }
    for name, factor in relative.items():
        assert DIAGNOSTICS[name].function(model) == pytest.approx(factor * DIAGNOSTICS[name].function(here), rel=1e-13)
    speeds = (stability.courant_numbers(m)["surface_wave"] for m in (model, here))
    assert next(speeds) / next(speeds) == pytest.approx(np.sqrt(3.7 / GRAVITY), rel=1e-13)
    lock = {"T": lambda x, y, z: np.where(x < 6 * DX, 10.0, 20.0), "dz": [100.0] * 3}
    available = (diagnostics.available_potential_energy(basin(**lock, **c)) for c in (constants, {}))
    assert next(available) / next(available) == pytest.approx(3.7 / GRAVITY, rel=1e-10)


@pytest.mark.parametrize("rho0", [1026.0, 1000.0])
def test_sea_water_has_its_density_whatever_the_reference(rho0):
    model = basin(T=10.0, S=35.0, equation_of_state="teos10", rho0=rho0)
    np.testing.assert_allclose(diagnostics.potential_density(model), density(10.0, 35.0, 0.0), rtol=1e-14)


def test_linear_free_surface_keeps_the_volume():
    assert diagnostics.volume(basin(eta=1.5, free_surface="linear")) == pytest.approx(12 * 9 * DX * DY * 300)


def test_totals_are_as_exact_in_float32():
    single, double = (rough_basin(precision=p) for p in ("float32", "float64"))
    assert diagnostics.volume(single) == pytest.approx(diagnostics.volume(double), rel=2e-7)
    assert diagnostics.kinetic_energy(single) == pytest.approx(diagnostics.kinetic_energy(double), rel=1e-6)


def test_kinetic_energy_of_uniform_flow():
    model = basin(u=0.3, v=-0.4, periodic_x=True, periodic_y=True)
    assert diagnostics.mean_kinetic_energy(model) == pytest.approx(0.5 * RHO0 * 0.25, rel=1e-14)
    assert diagnostics.kinetic_energy(model) == pytest.approx(0.125 * RHO0 * 12 * 9 * DX * DY * 300, rel=1e-14)
    assert diagnostics.largest_speed(model) == 0.4


def gyre(psi, thickness=300.0):
    """u, v of a streamfunction at F points (ny, nx) [m3 s-1], 0 along all walls."""
    around = np.pad(psi, ((1, 0), (1, 0)))
    u = -(around[1:, 1:] - around[:-1, 1:]) / (DY * thickness)
    v = (around[1:, 1:] - around[1:, :-1]) / (DX * thickness)
    return {"u": np.broadcast_to(u, (3, 9, 12)), "v": np.broadcast_to(v, (3, 9, 12))}


def test_streamfunction_gives_back_the_gyre():
    psi = np.random.default_rng(0).normal(size=(9, 12)) * 1e7
    psi[-1] = psi[:, -1] = 0
    model = basin(**gyre(psi))
    np.testing.assert_allclose(diagnostics.barotropic_streamfunction(model), psi, atol=1e-14 * 1e9)
    assert np.abs(diagnostics.vertical_velocity(model)).max() < 1e-15 * 1e7
    # The transport between two points is the difference of psi.
    assert diagnostics.section_transport(model, i=4, rows=slice(3, 7)) == pytest.approx(psi[2, 4] - psi[6, 4])
    assert diagnostics.section_transport(model, j=5, columns=slice(2, 9)) == pytest.approx(psi[5, 8] - psi[5, 1])


def test_overturning_gives_back_the_cell():
    cell = np.zeros((4, 9))
    cell[1], cell[2] = 5e6, 2e6
    cell[:, -1] = 0
    v = np.diff(cell, axis=0)[:, :, None] / (12 * DX * np.array(DZ)[:, None, None]) * np.ones(12)
    model = basin(v=v)
    np.testing.assert_allclose(diagnostics.overturning(model), cell, atol=1e-7)
    # Where the cell ends, in the last row, the water sinks: w is -dPsi/dy.
    w = diagnostics.vertical_velocity(model)
    np.testing.assert_allclose(w[1, -1], -5e6 / (12 * DX * DY), rtol=1e-12)
    np.testing.assert_allclose(w[1, 1:-1], 0, atol=1e-16)


def test_strait_transport_on_the_sphere():
    grid = ogcm.spherical(lon=np.linspace(0, 360, 37), lat=np.linspace(-80, -40, 9))
    depth = np.full((8, 36), 300.0)
    depth[5:, 28:31] = 0.0  # a continent that leaves a strait to its south
    model = ogcm.Model(grid, depth=depth, dz=DZ, u=0.1, v=0.05, dt=600.0)
    expected = 0.1 * 300 * 3 * grid.dy_u[0, 0]
    assert diagnostics.strait_transport(model, x=-70, y=(-70, -55)) == pytest.approx(expected, rel=1e-12)
    assert diagnostics.strait_transport(model, x=290, y=(-70, -55)) == pytest.approx(expected, rel=1e-12)
    northward = 0.05 * 300 * 4 * grid.dx_v[3, 0]
    assert diagnostics.strait_transport(model, x=(-20, 20), y=-60) == pytest.approx(northward, rel=1e-12)
    assert diagnostics.zonal_transport(model)[0] == pytest.approx(0.1 * 300 * 8 * grid.dy_u[0, 0], rel=1e-12)


def test_section_needs_one_line():
    model = basin()
    with pytest.raises(ogcm.InputError, match="either i"):
        diagnostics.section_transport(model)
    with pytest.raises(ogcm.InputError, match="number"):
        diagnostics.strait_transport(model, x=0.0, y=0.0)


def two_basins(**options):
    """Two seas in the longitudes 0 to 100 and 100 to 360, with a gate between them; row 0 connects both."""
    depth = np.full((8, 36), 300.0)
    depth[1:, [9, 35]] = 0.0
    depth[4, 9] = 300.0
    grid = ogcm.spherical(lon=np.linspace(0, 360, 37), lat=np.linspace(-40, 40, 9))
    return ogcm.Model(grid, depth=depth, dz=DZ, dt=600.0, **options)


def test_a_basin_ends_at_closed_lines():
    model = two_basins()
    gate, south = [(95, 5)], [(5, -35), (355, -35)]
    found = diagnostics.basin(model, (-30, 20), [gate, south])
    expected = np.zeros((8, 36), bool)
    expected[1:, 10:35] = True
    np.testing.assert_array_equal(found, expected)
    assert diagnostics.basin(model, (330, 20)).sum() == 8 * 36 - 7 - 6
    open_end = [(5, -35), (335, -35)]
    assert diagnostics.basin(model, (330, 20), [open_end, gate])[0].sum() == 2
    with pytest.raises(ogcm.InputError, match="lies on land or on a closed line"):
        diagnostics.basin(model, (95, 25))
    with pytest.raises(ogcm.InputError, match="coordinates in m"):
        diagnostics.basin(basin(), (0, 0))


def test_overturning_and_heat_transport_of_a_basin():
    """Warm water flows north in the first layer and cold water south in the third one."""
    V = np.array([1e6, 0.0, -1e6])
    model = two_basins(T=np.array([20.0, 10.0, 5.0]), S=35.0)
    for k, thickness in enumerate(DZ):
        interior(model.state.v)[k] = V[k] / thickness / interior(model.grid.dx_v) * interior(model.grid.mask_v)[k]
    where = diagnostics.basin(model, (-30, 20), [[(95, 5)], [(5, -35), (355, -35)]])
    rows, expected = slice(1, 7), np.array([0, 1e6, 1e6, 0])[:, None] * np.ones(6)
    np.testing.assert_allclose(diagnostics.overturning(model, where)[:, rows], 25 * expected, atol=1e-6)
    np.testing.assert_allclose(diagnostics.overturning(model)[:, 1:2], 34 * expected[:, :1], atol=1e-6)
    heat = model.numerics.rho0 * model.numerics.heat_capacity * 1e6 * (20.0 - 5.0)
    np.testing.assert_allclose(diagnostics.heat_transport(model, where)[rows], 25 * heat, rtol=1e-12)
    np.testing.assert_allclose(diagnostics.heat_transport(model)[1], 34 * heat, rtol=1e-12)


@pytest.mark.parametrize("free_surface", ["linear", "nonlinear"])
def test_transports_and_w_are_those_of_the_kernels(free_surface):
    model = rough_basin(free_surface=free_surface, forcing=ogcm.Forcing(fresh_water=1e-3))
    g, s = model.grid, model.state
    factors = [np.ones_like(s.eta) for _ in range(4)]
    U, V = np.zeros_like(s.u), np.zeros_like(s.u)
    W = np.zeros((4, *s.eta.shape))
    stretch(s.eta, g, *factors)
    exchange(g, *factors)
    transports(s.u, s.v, factors[1], factors[2], g, U, V)
    continuity(U, V, model.forcing.at(0.0).fresh_water, g, W)
    east, north = diagnostics.transports(model)
    np.testing.assert_allclose(east, interior(U), rtol=1e-13)
    np.testing.assert_allclose(north, interior(V), rtol=1e-13)
    expected = interior(W)[:-1] / interior(g.area_t)
    np.testing.assert_allclose(diagnostics.vertical_velocity(model), expected, atol=1e-14)


@pytest.mark.parametrize("walls", ["free_slip", "no_slip"])
def test_vorticity_is_that_of_the_kernel(walls):
    model = rough_basin(walls=walls)
    g, s = model.grid, model.state
    q = np.zeros_like(s.u)
    potential_vorticity(s.u, s.v, np.ones_like(s.eta), g, q)
    np.testing.assert_allclose(diagnostics.vorticity(model), interior(q * g.h_f - g.f), atol=1e-16)


def test_enstrophy_of_shear():
    def shear(x, y):
        return 1e-5 * y

    model = basin(u=shear, periodic_x=True)
    np.testing.assert_allclose(diagnostics.vorticity(model)[:, :-1], -1e-5, rtol=1e-10)
    water = 12 * 8 * DX * DY * 300  # the northern wall slips freely and has no vorticity
    assert diagnostics.enstrophy(model) == pytest.approx(0.5e-10 * water, rel=1e-10)


def test_potential_energy_of_two_stacked_layers():
    model = basin(T=np.array([20.0, 10.0, 10.0]))
    rho = diagnostics.potential_density(model)[:, 0, 0]
    heights, area = np.array([-25.0, -100.0, -225.0]), 12 * 9 * DX * DY
    expected = GRAVITY * area * ((rho - RHO0) * heights) @ np.array(DZ)
    assert diagnostics.potential_energy(model) == pytest.approx(expected, rel=1e-12)
    assert abs(diagnostics.available_potential_energy(model)) < 1e-12 * abs(expected)


def test_available_potential_energy_of_a_lock():
    """Heavy and light water side by side: the heavy half sinks by H/4, the light one rises by as much."""
    model = basin(T=lambda x, y, z: np.where(x < 6 * DX, 10.0, 20.0), dz=[100.0] * 3)
    rho = diagnostics.potential_density(model)
    water = 12 * 9 * DX * DY * 300
    expected = GRAVITY * (rho.max() - rho.min()) * water * 300 / 8
    assert diagnostics.available_potential_energy(model) == pytest.approx(expected, rel=1e-10)


def test_available_potential_energy_is_positive_over_rough_bottom():
    stirred = rough_basin()
    assert diagnostics.available_potential_energy(stirred) > diagnostics.surface_energy(stirred)
    uniform = rough_basin(T=12.0, S=35.0, eta=0.0)
    scale = abs(diagnostics.potential_energy(uniform))
    assert abs(diagnostics.available_potential_energy(uniform)) < 1e-9 * scale


def test_mixed_layer_depth_of_a_linear_profile():
    dz = np.full(30, 10.0)
    gradient = 0.01  # [K m-1]
    model = basin(dz=dz, T=lambda x, y, z: 20 + gradient * z + 0 * x)
    alpha = model.parameters["eos"][0]
    expected = 5 + 0.03 / (alpha * gradient)
    np.testing.assert_allclose(diagnostics.mixed_layer_depth(model), expected, rtol=1e-8)
    np.testing.assert_allclose(diagnostics.mixed_layer_depth(basin(T=10.0)), 300.0)
    land = basin(depth=np.where(np.arange(12) < 3, 0.0, 300.0) * np.ones((9, 1)))
    np.testing.assert_array_equal(diagnostics.mixed_layer_depth(land)[:, :3], 0)


def test_courant_numbers():
    model = basin(u=0.5, v=0.5, periodic_x=True, periodic_y=True, parameters={"nu_h": 100.0})
    numbers = stability.courant_numbers(model)
    inverse = 1 / DX**2 + 1 / DY**2
    assert numbers["advection"] == pytest.approx(0.5 * 600 * (1 / DX + 1 / DY))
    assert numbers["vertical"] < 1e-12
    assert numbers["surface_wave"] == pytest.approx(600 * np.sqrt(GRAVITY * 300 * inverse))
    assert numbers["friction"] == pytest.approx(4 * 100 * 600 * inverse)
