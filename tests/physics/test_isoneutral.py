"""Isoneutral diffusion and eddy-induced advection: neutral, adiabatic, exact on uniform slopes, and as in MITgcm."""

import h5netcdf
import numpy as np
import pytest

import adjoint
import ogcm
from adjoint import BoxMean
from adjoint.complex_step import directional_derivative
from adjoint.random_ocean import random_field, random_grid
from ogcm import diagnostics
from ogcm.constants import DAY
from ogcm.grid import build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.expansion import expansion_seos
from ogcm.operators.isoneutral import TriadFluxes, isoneutral_diffusion, isoneutral_mixing
from ogcm.operators.visbeck import EPS, visbeck

COEFFICIENTS = np.array([0.2, 0.8, 0, 0, 0, 0, 0])  # linear sea water
KAPPA, SLOPE_MAX = 1e3, 1e-2
BASINS = [{}, {"periodic_x": True}, {"periodic_x": True, "periodic_y": True}]


class Water:
    """Water of one temperature and salinity field, and its fluxes of any tracer."""

    def __init__(self, grid, T, S, *, redi=KAPPA, gm=0.0, sharp=True, slope_max=SLOPE_MAX):
        self.grid, self.T, self.S, self.sharp = grid, T, S, sharp
        self.redi, self.gm, self.slope_max = (np.full((1, *T.shape[1:]), x) for x in (redi, gm, slope_max))
        self.b_T, self.b_S = np.zeros_like(T), np.zeros_like(T)
        expansion_seos(T, S, COEFFICIENTS, grid, self.b_T, self.b_S)

    def explicit(self, C):
        """The tendency by the explicit fluxes [units m s-1], on the interior."""
        out, fluxes = np.zeros_like(C), TriadFluxes(*(np.zeros_like(C) for _ in TriadFluxes._fields))
        inputs = (C, self.T, self.S, self.b_T, self.b_S, self.redi, self.gm, self.slope_max)
        isoneutral_diffusion(*inputs, self.sharp, fluxes, self.grid, out)
        return interior(out)

    def implicit(self, C):
        """The tendency by K_33 with the present gradient of the tracer [units m s-1], on the interior."""
        z, flux = self.grid.z_t, np.zeros((C.shape[0] + 1, *C.shape[1:]))
        isoneutral_mixing(
            self.T, self.S, self.b_T, self.b_S, self.redi, self.slope_max, self.sharp, self.grid, flux
        )  # K_33
        with np.errstate(invalid="ignore", divide="ignore"):
            flux[1:-1] *= np.where(self.grid.mask_t[1:], -(C[:-1] - C[1:]) / (z[:-1] - z[1:]), 0)
        return interior(flux[1:] - flux[:-1])

    def tendency(self, C):
        return self.explicit(C) + self.implicit(C)


def random_water(seed=0, basin=None, **options):
    """A random ocean with islands and partial cells, stable water with slopes around slope_max, and a tracer."""
    grid, rng = random_grid(seed, 9, 8, **(basin or {})), np.random.default_rng(seed)
    T = random_field(grid, "t", rng, 0.3) + np.linspace(20, 5, 5)[:, None, None]
    S = random_field(grid, "t", rng, 0.05) + 35.0
    return Water(grid, T, S, **options), random_field(grid, "t", rng)


def plane(nx=40, layers=40, dx=1e4, dz=10.0, T=None, **options):
    """Water in a vertical plane, T a function of x and z."""
    horizontal = cartesian(nx=nx, ny=1, dx=dx, dy=dx, periodic_y=True)
    grid = build_grid(horizontal, layers * dz, np.full(layers, dz))
    x, z = horizontal.x_t, interior(grid.z_t)

    def field(function):
        a = np.zeros(grid.h_t.shape)
        interior(a)[...] = function(x, z)
        exchange(grid, a)
        return a

    return Water(grid, field(T), field(lambda x, z: 35.0 + 0 * z), **options), field


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("basin", BASINS)
def test_diffusion_makes_no_flux_of_density(basin, sharp):
    """Of linear sea water, but for the horizontal mixing of the first layer, with half of kappa."""
    water, _ = random_water(basin=basin, sharp=sharp)
    b_T, b_S = interior(water.b_T), interior(water.b_S)
    parts = b_T * water.tendency(water.T), b_S * water.tendency(water.S)
    level = np.zeros_like(parts[0])
    b = water.b_T * water.T + water.b_S * (water.S - 35.0)
    g = water.grid
    along_x = 0.5 * KAPPA * np.where(g.mask_u, g.dy_u * g.h_u * (np.roll(b, -1, 2) - b) * g.r_dx_u, 0)
    along_y = 0.5 * KAPPA * np.where(g.mask_v, g.dx_v * g.h_v * (np.roll(b, -1, 1) - b) * g.r_dy_v, 0)
    convergence = along_x - np.roll(along_x, 1, 2) + along_y - np.roll(along_y, 1, 1)
    level[0] = interior(convergence * g.r_area_t)[0]
    assert np.abs(sum(parts) - level).max() < 1e-12 * np.abs(parts).max()
    assert np.abs(parts).max() > 1e-9


@pytest.mark.parametrize("basin", BASINS)
def test_the_skew_flux_neither_makes_nor_loses_variance(basin):
    for seed in range(5):
        water, C = random_water(seed, basin, redi=0.0, gm=KAPPA)
        gain = interior(water.grid.area_t * C) * water.explicit(C)
        assert abs(gain.sum()) < 1e-12 * np.abs(gain).sum()


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("basin", BASINS)
def test_content_stays_and_variance_falls(basin, sharp):
    for seed in range(5):
        water, C = random_water(seed, basin, gm=KAPPA, sharp=sharp)
        gain = interior(water.grid.area_t) * water.tendency(C)
        assert abs(gain.sum()) < 1e-13 * np.abs(gain).sum()
        assert (interior(C) * gain).sum() < -0.01 * np.abs(interior(C) * gain).sum()
        assert (gain[interior(water.grid.mask_t) == 0] == 0).all()


def test_uniform_and_flat_fields_stay():
    """Partial cells included: temperature is linear in the height of the cells."""
    water, C = random_water(gm=KAPPA)
    assert (water.tendency(np.ones_like(C)) == 0).all()
    z = water.grid.z_t
    flat = Water(water.grid, 20 + 0.02 * z, 35 + 0 * z, gm=KAPPA)
    steep = np.abs(random_water(gm=KAPPA)[0].tendency(water.T)).max()
    assert np.abs(flat.tendency(flat.T))[1:].max() < 1e-12 * steep
    uniform = Water(water.grid, 10 + 0 * z, 35 + 0 * z, gm=KAPPA)
    assert np.abs(uniform.explicit(C)[1:]).max() < 1e-15  # without stratification there are no neutral surfaces


def test_a_cloud_spreads_along_the_slope():
    """On a uniform slope s: d<xx>/dt = 2 kappa, d<xz>/dt = 2 kappa s, d<zz>/dt = 2 kappa s^2."""
    slope = 5e-4
    water, field = plane(T=lambda x, z: 20 + 0.02 * (z - slope * (x - 2e5)), slope_max=1.0)
    C = field(lambda x, z: np.exp(-(((x - 2e5) / 3e4) ** 2) - ((z + 200) / 40) ** 2))
    x, z = field(lambda x, z: x - 2e5 + 0 * z), field(lambda x, z: z + 200)
    total = interior(C).sum() * 10
    for moment, expected in ((x * x, 1), (x * z, slope), (z * z, slope**2)):
        rate = (interior(moment) * water.tendency(C)).sum() / total
        assert rate == pytest.approx(2 * KAPPA * expected, rel=1e-6)


def test_eddy_induced_advection_releases_potential_energy():
    """At the rate kappa m^2/n per volume, on a uniform slope; and it moves tracers by -d(kappa s)/dz, d(kappa s)/dx."""
    slope = 5e-4
    water, field = plane(T=lambda x, z: 20 + 0.02 * (z - slope * x), redi=0.0, gm=KAPPA, slope_max=1.0)
    inner = (slice(1, -1), 0, slice(1, -1))
    z, b_T = interior(water.grid.z_t), interior(water.b_T)
    gain = -(z * b_T * water.explicit(water.T)).sum() / (400 * 40)  # of potential energy [W kg-1]
    n = float(b_T[0, 0, 0]) * 0.02
    assert gain == pytest.approx(-KAPPA * slope**2 * n, rel=0.1)  # the walls have fewer triads
    curved, field = plane(T=lambda x, z: 20 + 0.02 * z - 1e-5 * x - 1e-8 * x * z, redi=0.0, gm=KAPPA, slope_max=1.0)
    C = field(lambda x, z: np.sin(x / 8e4) * np.cos(z / 90))
    x = field(lambda x, z: x + 0 * z)
    z = water.grid.z_t
    T_x, T_z = -1e-5 - 1e-8 * z, 0.02 - 1e-8 * x
    s_x, s_z = T_x / T_z**2 * 1e-8 * -1, 1e-8 / T_z  # derivatives of s = -T_x/T_z
    C_x, C_z = np.cos(x / 8e4) * np.cos(z / 90) / 8e4, -np.sin(x / 8e4) * np.sin(z / 90) / 90
    expected = interior(-(-KAPPA * s_z * C_x + KAPPA * s_x * C_z) * 10)  # u = -kappa s_z, w = kappa s_x
    np.testing.assert_allclose(curved.explicit(C)[inner], expected[inner], atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("sharp", [False, True])
def test_steep_slopes_have_small_fluxes(sharp):
    """The fluxes of a tracer by a slope of slope_max are half, or 0.71, of those without a limit."""
    slope, fluxes = 5e-4, []
    for slope_max in (1.0, slope, slope / 10):
        water, field = plane(T=lambda x, z: 20 + 0.02 * (z - slope * x), gm=0.0, sharp=sharp, slope_max=slope_max)
        C = field(lambda x, z: np.sin(x / 4e4) + 0 * z)
        fluxes.append(np.abs(water.explicit(C)[20]).max())
    x = 100.0
    steep = 1 / (1 + x**4) if sharp else 1 / np.sqrt(1 + x**2)
    np.testing.assert_allclose(np.array(fluxes[1:]) / fluxes[0], [0.5 if sharp else 0.5**0.5, steep], rtol=1e-2)


def test_the_eddy_induced_overturning_flattens_the_slope():
    """Where neutral surfaces deepen to the north, the upper ocean flows south: kappa s above each interface."""
    slope = -5e-4
    model = ogcm.Model(
        cartesian(nx=3, ny=20, dx=2e4, dy=1e4, periodic_x=True),
        depth=500.0,
        dz=np.full(10, 50.0),
        T=lambda x, y, z: 20 + 0.02 * (z - slope * y),
        isoneutral="dm95",
        parameters={"kappa_gm": 800.0, "slope_max": 0.1},
        dt=600.0,
    )
    overturning = diagnostics.eddy_overturning(model)
    np.testing.assert_allclose(overturning[1:-1, :-1], 800 * slope * 6e4, rtol=1e-6)
    assert (overturning[[0, -1]] == 0).all()
    assert (overturning[:, -1] == 0).all()
    _, V = diagnostics.eddy_transports(model)
    np.testing.assert_allclose(V[0, :-1], 800 * slope * 2e4, rtol=1e-6)
    assert "eddy_overturning" in diagnostics.diagnose(model)


@pytest.mark.parametrize("sharp", [False, True])
def test_eddies_grow_with_slope_and_stratification(sharp):
    """Visbeck et al. (1997): alpha L^2 times s N, on a uniform slope along x, averaged over the upper 2000 m."""
    slope = 5e-4
    water, _ = plane(T=lambda x, z: 20 + 0.02 * (z - slope * x), layers=50, dz=50.0, sharp=sharp, slope_max=1.0)
    alpha, length = np.full_like(water.redi, 0.015), np.full_like(water.redi, 2e5)
    kappa = np.zeros_like(water.redi)
    visbeck(water.T, water.S, water.b_T, water.b_S, alpha, length, water.slope_max, sharp, water.grid, kappa)
    N = (float(water.b_T.max()) * 0.02) ** 0.5
    np.testing.assert_allclose(interior(kappa)[0, 0, 1:-1], 0.015 * 4e10 * (slope * N - EPS), rtol=1e-3)


@pytest.mark.parametrize("options", [{"isoneutral": "dm95"}, {"isoneutral": "gerdes", "eddy_diffusivity": "visbeck"}])
def test_gradient_of_a_relaxing_front_is_exact(options):
    """Of the temperature of a corner after 40 steps, with a mixed layer, against the complex step."""
    model = ogcm.Model(
        cartesian(nx=1, ny=16, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True),
        depth=lambda x, y: 1000 - 2e-3 * y,
        dz=np.full(10, 100.0),
        T=lambda x, y, z: 10 + 5 * np.tanh((np.minimum(z, -150) + 4e-3 * (y - 8e4)) / 300),
        forcing=ogcm.Forcing(heat_flux=-100.0),
        equation_of_state="teos10",
        parameters={"nu_h": 300.0},
        dt=1800.0,
        **options,
    )
    simulation = ogcm.Simulation(model, days=40 * 1800.0 / DAY, progress=False)
    loss = BoxMean(model, "T", y=(0, 5e4), z=(-400, 0))
    names = ["kappa_redi", "kappa_gm", "slope_max", "eos", "T"] + ["visbeck", "visbeck_length"] * (len(options) > 1)
    found, rng = adjoint.gradient(loss, simulation, names), np.random.default_rng(0)
    for name in names:
        scale = np.abs(model.parameters["eos"]) if name == "eos" else 1.0
        d = scale * rng.normal(size=np.shape(found[name]))
        exact = directional_derivative(loss, simulation, {name: d})
        assert (found[name] * d).sum() == pytest.approx(exact, rel=1e-10), name
        assert abs(exact) > 0


def front_of_mitgcm(path, **options):
    """MITgcm's case front_relax, and its figures (21,) by name."""
    with h5netcdf.File(path) as file:
        case = file["front_relax"]
        data = {name: case[name][:] for name in case.variables}
    centres = np.cumsum([25, 50, 52.5, 57.5, 62.5, 67.5, 75, 87.5, 107.5, 137.5, 177.5, 230, 290, 360, 440, 480])
    faces = np.concatenate([[0], 0.5 * (centres[1:] + centres[:-1])])  # 15 layers above the sea floor
    model = ogcm.Model(
        ogcm.cartesian(nx=1, ny=32, dx=1e4, dy=data["dy"], f0=1e-4, periodic_x=True),
        depth=-data["bathymetry"][:, None],
        dz=np.diff(faces),
        T=data["T"][:15, :, None],
        S=data["S"][:15, :, None],
        parameters={"nu_h": 300.0, "nu_v": 2e-4, "kappa_v": 3e-5, "kappa_convective": 0.0, "kappa_redi": 1e3,
                    "kappa_gm": 1e3, "slope_max": 1e-2, "eos": [0.2, 0, 0, 0, 0, 0, 0]},
        **{"isoneutral": "gerdes", "diffusion": "none", "free_surface": "linear", "gravity": 10.0, "rho0": 1000.0,
           "dt": 1800.0} | options,
    )  # fmt: skip
    return model, data


def figures(model):
    """Standard deviation, largest and smallest value of T and S, as MITgcm's monitor has them."""
    wet, found = interior(model.grid.mask_t) == 1, {}
    volume = (interior(model.grid.h_t) * interior(model.grid.area_t))[wet]
    for name, a in (("theta", interior(model.state.T)[wet]), ("salt", interior(model.state.S)[wet])):
        mean = np.average(a, weights=volume)
        found |= {f"{name}_sd": np.average((a - mean) ** 2, weights=volume) ** 0.5}
        found |= {f"{name}_max": a.max(), f"{name}_min": a.min()}
    return found


@pytest.mark.parametrize("advection", ["upwind3", "centred2"])
def test_a_front_relaxes_as_in_mitgcm(ocean_data, advection):
    """The passive S within 10 %, and the largest T, which eddies determine.

    The standard deviation and the smallest T are those of the advection schemes: MITgcm's, a direct space-time scheme
    of second order, lies between the two here.
    """
    model, mitgcm = front_of_mitgcm(ocean_data("mitgcm_cases.nc"), advection=advection)
    first = figures(model)
    for name, value in first.items():
        assert value == pytest.approx(mitgcm[name][0], rel=1e-10)
    stepper = ogcm.Stepper(model)
    for _ in range(20):
        stepper.step()
    change = {name: value - first[name] for name, value in figures(model).items()}
    expected = {name: mitgcm[name][-1] - mitgcm[name][0] for name in first}
    print({name: (change[name], expected[name]) for name in change})
    for name in ("salt_sd", "salt_max", "salt_min", "theta_max"):
        assert change[name] == pytest.approx(expected[name], rel=0.1), name
    between = {"upwind3": (1, 2), "centred2": (0.5, 1)}[advection]
    assert between[0] < change["theta_sd"] / expected["theta_sd"] < between[1]
    assert (abs(change["theta_min"]) < abs(expected["theta_min"])) == (advection == "upwind3")
