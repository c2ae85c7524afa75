"""Vertical mixing: the coefficients, the implicit solve of a column, and the drag of the sea floor."""

import platform

import numba
import numpy as np
import pytest

from adjoint.random_ocean import DZ, mask_of, random_field, random_grid
from ogcm.grid import Grid, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.bottom_drag import TIDAL_SPEED, bottom_drag
from ogcm.operators.vertical_diffusion import advance_tracer, advance_tracer_single, advance_u, advance_v
from ogcm.operators.vertical_mixing import EPS, constant_mixing, richardson_mixing

DT = 3600.0
STEP = 1e-30
NU_0, ALPHA, NU_B, KAPPA_B, CONVECTIVE = 1e-2, 5.0, 1e-4, 1e-5, 1.0


def interfaces(grid: Grid) -> np.ndarray:
    return np.zeros((grid.h_t.shape[0] + 1, *grid.h_t.shape[1:]))


def plane(grid: Grid, value: float) -> np.ndarray:
    return np.full((1, *grid.depth_t.shape), value)


def column_inputs(grid: Grid, p: str, seed: int = 0):
    """x, coefficient, drag and stretching s at the points p: coefficients over six decades, s between 0.9 and 1.1."""
    rng = np.random.default_rng(seed)
    coefficient = 10 ** rng.uniform(-6, 0, interfaces(grid).shape) * mask_of(grid, "w")
    s = rng.uniform(0.9, 1.1, grid.depth_t.shape)
    exchange(grid, coefficient, s)
    return random_field(grid, p, rng), coefficient, rng.uniform(0, 1e-2, s.shape), s


def solve(grid: Grid, p: str, x, coefficient, drag, s, dt=DT):
    """x after dt without other tendencies."""
    out = np.full(grid.h_t.shape, 7.0, np.result_type(x, coefficient, drag, s))
    none = np.zeros(grid.h_t.shape)
    if p == "t":
        advance_tracer(x, s, none, none, coefficient, s, dt, grid, out)
    else:
        advance = advance_u if p == "u" else advance_v
        advance(x, none, none, coefficient, drag, s, dt, grid, out)
    return out


def matrix(grid: Grid, p: str, coefficient, drag, s, j: int, i: int) -> np.ndarray:
    """The symmetric matrix of the column, weighted by thickness, over its wet cells."""
    n = int(getattr(grid, f"bottom_{p}")[j, i])
    h = getattr(grid, f"h_{p}")[:n, j, i] * s[j, i]
    beside = {"t": (0, 0), "u": (0, 1), "v": (1, 0)}[p]
    nu = 0.5 * (coefficient[:, j, i] + coefficient[:, j + beside[0], i + beside[1]])
    A = np.diag(h)
    for k in range(1, n):
        a = DT * nu[k] / (0.5 * (h[k - 1] + h[k]))
        A[k - 1 : k + 1, k - 1 : k + 1] += a * np.array([[1, -1], [-1, 1]])
    if p != "t" and n > 0:
        A[-1, -1] += DT * drag[j, i]
    return A


@pytest.mark.parametrize("p", "tuv")
def test_solve_matches_a_dense_solver(p):
    grid = random_grid(periodic_x=True)
    x, coefficient, drag, s = column_inputs(grid, p)
    out = solve(grid, p, x, coefficient, drag, s)
    nj, ni = grid.depth_t.shape
    for j in range(3, nj - 3):
        for i in range(3, ni - 3):
            A = matrix(grid, p, coefficient, drag, s, j, i)
            n = len(A)
            h = getattr(grid, f"h_{p}")[:n, j, i] * s[j, i]
            np.testing.assert_allclose(out[:n, j, i], np.linalg.solve(A, h * x[:n, j, i]), rtol=1e-12, atol=1e-14)
            assert (out[n:, j, i] == 0).all()


def test_solve_conserves_and_keeps_a_constant():
    grid = random_grid()
    T, kappa, drag, s = column_inputs(grid, "t")
    h = interior(grid.h_t * s)
    new = interior(solve(grid, "t", T, kappa, drag, s))
    assert np.abs((h * (new - interior(T))).sum(axis=0)).max() < 1e-14 * np.abs(h * interior(T)).sum(axis=0).max()
    constant = interior(solve(grid, "t", 7.0 * grid.mask_t, kappa, drag, s))
    np.testing.assert_allclose(constant, 7.0 * interior(grid.mask_t), rtol=1e-14)


def test_float32_loses_at_most_the_last_digit_of_the_first_cell():
    """What the rounding of a cell leaves goes to the cell above, and in the mean over the dither nothing is lost."""
    grid, rng = random_grid(dtype=np.float32), np.random.default_rng(0)
    T, kappa, _, s = (a.astype(np.float32) for a in column_inputs(grid, "t"))
    T, kappa = np.float32(10) + T, kappa * np.float32(1e-2)
    none, out, wet = np.zeros_like(T), np.zeros_like(T), interior(grid.mask_t[0]) == 1
    h = interior(grid.h_t.astype(float) * s)
    lost = []
    for _ in range(400):
        dither = rng.uniform(1e-3, 1 - 1e-3, len(T)).astype(np.float32)
        advance_tracer_single(T, s, none, none, kappa, s, np.float32(DT), dither, grid, out)
        content = (h * (interior(out).astype(float) - interior(T))).sum(axis=0)
        lost.append(content[wet] / (h[0] * np.spacing(np.abs(interior(out)[0])))[wet])
    assert np.abs(lost).max() < 1.01
    assert np.abs(np.mean(lost, axis=0)).max() < 0.1
    assert np.abs(lost).max() > 0.5  # there was something to lose
    constant = np.float32(35.1) * grid.mask_t
    advance_tracer_single(constant, s, none, none, kappa, s, np.float32(DT), dither, grid, out)
    np.testing.assert_array_equal(interior(out), interior(constant))


def test_increments_are_those_of_the_whole():
    """In float64 and without dither both kernels for tracers agree, for any value on land."""
    grid, rng = random_grid(), np.random.default_rng(5)
    T, kappa, _, s = column_inputs(grid, "t")
    G, D = (1e-4 * random_field(grid, "t", rng) for _ in range(2))
    wet, wet_w, s_n = mask_of(grid, "t"), mask_of(grid, "w"), rng.uniform(0.9, 1.1, s.shape)
    given = [np.where(wet, a, np.nan) for a in (T, G, D)]
    whole, increments = np.full(T.shape, np.nan), np.full(T.shape, np.nan)
    inputs = (given[0], s_n, *given[1:], np.where(wet_w, kappa, np.nan), s, DT)
    advance_tracer(*inputs, grid, whole)
    advance_tracer_single(*inputs, np.full(len(T), 0.5), grid, increments)
    np.testing.assert_allclose(interior(increments), interior(whole), rtol=1e-12, atol=1e-13)


def test_tendencies_enter_before_the_mixing():
    """The tendency of a tracer is that of its content, that of a velocity an acceleration; the thickness may change."""
    grid, rng = random_grid(), np.random.default_rng(5)
    for p in "tuv":
        x, coefficient, drag, s = column_inputs(grid, p)
        G, D = (1e-4 * random_field(grid, p, rng) for _ in range(2))
        out = np.zeros(grid.h_t.shape)
        if p == "t":
            s_n = rng.uniform(0.9, 1.1, s.shape)
            advance_tracer(x, s_n, G, D, coefficient, s, DT, grid, out)
            volume = grid.h_t * s + (grid.mask_t == 0)
            start = (grid.h_t * s_n * x + DT * (G + D)) / volume
        else:
            (advance_u if p == "u" else advance_v)(x, G, D, coefficient, drag, s, DT, grid, out)
            start = x + DT * (G + D)
        np.testing.assert_allclose(interior(out), interior(solve(grid, p, start, coefficient, drag, s)), rtol=1e-11)


@pytest.mark.parametrize("p", "uv")
def test_friction_without_drag_conserves_momentum(p):
    grid = random_grid()
    x, nu, drag, s = column_inputs(grid, p)
    h = interior(getattr(grid, f"h_{p}") * s)
    new = interior(solve(grid, p, x, nu, 0 * drag, s))
    assert np.abs((h * (new - interior(x))).sum(axis=0)).max() < 1e-14 * np.abs(h * interior(x)).sum(axis=0).max()


@pytest.mark.parametrize("p", "tuv")
def test_nothing_on_land_is_used(p):
    """NaN in every input where there is no water; a coefficient counts at interfaces with water on both sides."""
    grid = random_grid()
    x, coefficient, drag, s = column_inputs(grid, p)
    clean = solve(grid, p, x, coefficient, drag, s)
    wet, top = mask_of(grid, p), mask_of(grid, f"{p}2")
    dirty = np.full(clean.shape, np.nan)
    inputs = (
        np.where(mask_of(grid, "w"), coefficient, np.nan),
        np.where(top, drag, np.nan),
        np.where(top, s, np.nan),
    )
    x, none = np.where(wet, x, np.nan), np.where(wet, 0, np.nan)
    if p == "t":
        advance_tracer(x, inputs[2], none, none, inputs[0], inputs[2], DT, grid, dirty)
    else:
        advance = advance_u if p == "u" else advance_v
        advance(x, none, none, *inputs, DT, grid, dirty)
    np.testing.assert_array_equal(interior(clean), interior(dirty))
    assert (interior(dirty)[interior(wet) == 0] == 0).all()


@pytest.mark.parametrize("p", "tuv")
def test_solve_is_symmetric_in_the_thickness_weighted_product(p):
    """<y, h S x> = <S y, h x>, so that the adjoint is the same solve."""
    grid = random_grid()
    x, coefficient, drag, s = column_inputs(grid, p)
    y = column_inputs(grid, p, seed=1)[0]
    h = interior(getattr(grid, f"h_{p}") * s)
    left = h * interior(y) * interior(solve(grid, p, x, coefficient, drag, s))
    right = h * interior(x) * interior(solve(grid, p, y, coefficient, drag, s))
    assert abs(left.sum() - right.sum()) < 1e-14 * (np.abs(left) + np.abs(right)).sum()


def test_first_cosine_mode_decays_at_the_analytic_rate():
    """d ln T/dt -> -kappa (2/dz sin(pi/2n))^2 as dt -> 0: the eigenvalue of n equal layers, whose limit is (pi/H)^2."""
    n, dz, kappa = 32, 10.0, 1e-3
    grid = build_grid(cartesian(nx=1, ny=1, dx=1.0, dy=1.0), n * dz, [dz] * n)
    mode = (np.cos(np.pi * (np.arange(n) + 0.5) / n)[:, None, None]) * grid.mask_t
    coefficient = kappa * mask_of(grid, "w")
    eigenvalue = kappa * (2 / dz * np.sin(np.pi / (2 * n))) ** 2
    assert abs(eigenvalue / (kappa * (np.pi / (n * dz)) ** 2) - 1) < 1e-3
    one = np.ones(grid.depth_t.shape)
    errors = []
    for dt in (2e6, 1e6):
        new = interior(solve(grid, "t", mode, coefficient, one, one, dt))[:, 0, 0]
        decay = new / interior(mode)[:, 0, 0]
        np.testing.assert_allclose(decay, 1 / (1 + dt * eigenvalue), rtol=1e-12)
        errors.append(abs(-np.log(decay[0]) / dt / eigenvalue - 1))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)  # backward Euler


def test_one_layer_feels_the_drag_alone():
    grid = build_grid(cartesian(nx=4, ny=3, dx=1e4, dy=1e4), 50.0, [50.0])
    _, nu, drag, s = column_inputs(grid, "u")
    for p in "uv":
        x = random_field(grid, p, np.random.default_rng(2))
        expected = x / (1 + DT * drag / (getattr(grid, f"h_{p}") * s))
        np.testing.assert_allclose(interior(solve(grid, p, x, nu, drag, s)), interior(expected), rtol=1e-14)
    T = random_field(grid, "t", np.random.default_rng(3))
    np.testing.assert_allclose(interior(solve(grid, "t", T, nu, drag, s)), interior(T), rtol=1e-14)


def constant_coefficients(grid: Grid, N2):
    nu, kappa = interfaces(grid), interfaces(grid)
    constant_mixing(N2, plane(grid, NU_B), plane(grid, KAPPA_B), plane(grid, CONVECTIVE), grid, nu, kappa)
    return nu, kappa


def richardson_coefficients(grid: Grid, u, v, N2):
    nu, kappa = (interfaces(grid).astype(np.result_type(u, v, N2)) for _ in range(2))
    fields = [plane(grid, value) for value in (NU_B, KAPPA_B, CONVECTIVE, NU_0, ALPHA)]
    richardson_mixing(u, v, N2, *fields, grid, nu, kappa)
    return nu, kappa


def test_convection_mixes_only_unstable_water_and_no_momentum():
    grid = random_grid()
    wet = interior(mask_of(grid, "w"))
    N2 = np.random.default_rng(0).normal(size=interfaces(grid).shape)
    N2[:, :, ::4] = 0  # neutral water is not adjusted
    unstable = CONVECTIVE * (interior(N2) < 0)
    nu, kappa = constant_coefficients(grid, N2)
    np.testing.assert_array_equal(interior(nu), wet * NU_B)
    np.testing.assert_array_equal(interior(kappa), wet * (KAPPA_B + unstable))
    still = np.zeros(grid.h_t.shape)
    (nu, kappa), (nu_neutral, kappa_neutral) = (
        richardson_coefficients(grid, still, still, n) for n in (-np.abs(N2), 0 * N2)
    )
    np.testing.assert_array_equal(interior(nu), interior(nu_neutral))
    np.testing.assert_allclose(interior(kappa - kappa_neutral), wet * CONVECTIVE * (interior(N2) != 0), rtol=1e-14)


@pytest.mark.parametrize("richardson", [0.0, 0.2, 1e6])
def test_richardson_mixing_has_the_published_values(richardson):
    """Pacanowski and Philander (1981), eqs. 1-2, in a uniform shear of u and v."""
    grid = build_grid(cartesian(nx=3, ny=3, dx=1e4, dy=1e4, periodic_x=True, periodic_y=True), 500.0, DZ)
    u, v = 3e-3 * grid.z_t, -4e-3 * grid.z_t
    N2 = np.full(interfaces(grid).shape, richardson * (25e-6 + EPS))
    nu, kappa = (interior(a)[1:-1] for a in richardson_coefficients(grid, u, v, N2))
    expected = NU_B + NU_0 / (1 + ALPHA * richardson) ** 2
    np.testing.assert_allclose(nu, expected, rtol=1e-12)
    np.testing.assert_allclose(kappa, KAPPA_B + expected / (1 + ALPHA * richardson), rtol=1e-12)
    if richardson == 0.2:
        np.testing.assert_allclose(nu - NU_B, NU_0 / 4, rtol=1e-12)


def test_coefficients_ignore_what_lies_on_land():
    grid = random_grid()
    rng = np.random.default_rng(0)
    u, v, N2 = random_field(grid, "u", rng), random_field(grid, "v", rng), random_field(grid, "w", rng, 1e-4)
    dirty = np.where(mask_of(grid, "w"), N2, np.nan)
    for clean, other in (
        (constant_coefficients(grid, N2), constant_coefficients(grid, dirty)),
        (richardson_coefficients(grid, u, v, N2), richardson_coefficients(grid, u, v, dirty)),
    ):
        for a, b in zip(clean, other, strict=True):
            np.testing.assert_array_equal(interior(a), interior(b))
            assert (interior(a)[[0, -1]] == 0).all()
            assert (interior(a)[interior(mask_of(grid, "w")) == 0] == 0).all()


def drags(grid: Grid, u, v, r=1e-4, C_d=2e-3):
    out = [np.zeros(grid.depth_t.shape, np.result_type(u, v)) for _ in range(2)]
    bottom_drag(u, v, plane(grid, r), plane(grid, C_d), grid, *out)
    return out


def test_quadratic_drag_has_its_value():
    """3-4-5: a uniform flow over a rough bottom, 0 in land as the model keeps it."""
    grid = build_grid(cartesian(nx=4, ny=4, dx=1e4, dy=1e4, periodic_x=True, periodic_y=True), 330.0, DZ)
    drag_u, drag_v = drags(grid, 0.3 * grid.mask_u, 0.4 * grid.mask_v)
    expected = 1e-4 + 2e-3 * np.sqrt(0.25 + TIDAL_SPEED**2)
    np.testing.assert_allclose(interior(drag_u), expected, rtol=1e-14)
    np.testing.assert_allclose(interior(drag_v), expected, rtol=1e-14)


def test_drag_takes_the_velocity_of_the_last_wet_cell():
    grid, rng = random_grid(), np.random.default_rng(0)
    u, v = random_field(grid, "u", rng), random_field(grid, "v", rng)
    r, C_d = rng.uniform(0, 1e-3, plane(grid, 0).shape), rng.uniform(0, 3e-3, plane(grid, 0).shape)
    drag_u, drag_v = np.zeros(grid.depth_t.shape), np.zeros(grid.depth_t.shape)
    bottom_drag(u, v, r, C_d, grid, drag_u, drag_v)
    for j, i in np.argwhere(grid.bottom_u > 0):
        k = grid.bottom_u[j, i] - 1
        mean = (v[k, j, i] + v[k, j, i + 1] + v[k, j - 1, i] + v[k, j - 1, i + 1]) / 4
        speed = np.sqrt(u[k, j, i] ** 2 + mean**2 + TIDAL_SPEED**2)
        pair = (r[0, j, i : i + 2].mean(), C_d[0, j, i : i + 2].mean())
        np.testing.assert_allclose(drag_u[j, i], pair[0] + pair[1] * speed, rtol=1e-14)
    for j, i in np.argwhere(grid.bottom_v > 0):
        k = grid.bottom_v[j, i] - 1
        mean = (u[k, j, i] + u[k, j + 1, i] + u[k, j, i - 1] + u[k, j + 1, i - 1]) / 4
        speed = np.sqrt(v[k, j, i] ** 2 + mean**2 + TIDAL_SPEED**2)
        pair = (r[0, j : j + 2, i].mean(), C_d[0, j : j + 2, i].mean())
        np.testing.assert_allclose(drag_v[j, i], pair[0] + pair[1] * speed, rtol=1e-14)


def test_derivatives_are_finite_at_rest():
    """Zero shear, neutral water and zero speed: EPS and TIDAL_SPEED keep the complex step finite."""
    grid, rng = random_grid(), np.random.default_rng(0)
    u, v = (1j * STEP * random_field(grid, p, rng) for p in "uv")
    N2 = 1j * STEP * random_field(grid, "w", rng, 1e-4)
    for field in (*richardson_coefficients(grid, u, v, N2), *drags(grid, u, v)):
        assert np.isfinite(field.imag / STEP).all()
        assert np.isfinite(field.real).all()


@pytest.mark.parametrize("kind", ["x", "coefficient", "drag", "s"])
def test_complex_step_of_the_solve_agrees_with_differences(kind):
    grid = random_grid()
    names, h = ("x", "coefficient", "drag", "s"), 1e-6
    inputs = dict(zip(names, column_inputs(grid, "u"), strict=True))
    change = inputs[kind] * np.random.default_rng(1).normal(size=inputs[kind].shape)
    exact = solve(grid, "u", *(inputs | {kind: inputs[kind] + 1j * STEP * change}).values()).imag / STEP
    up, down = (solve(grid, "u", *(inputs | {kind: inputs[kind] + e * change}).values()) for e in (h, -h))
    np.testing.assert_allclose(interior(exact), interior(up - down) / (2 * h), rtol=1e-5, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "dtype"),
    [
        (advance_tracer_single, np.float32),
        (advance_tracer, np.float64),
        (advance_u, np.float64),
        (richardson_mixing, np.float32),
    ],
)
def test_compiled_loop_gathers_nothing(kernel, dtype):
    """Compiled anew, since a kernel from the cache shows no assembly. With a signed index LLVM gives up on vectors
    here instead of gathering, so the packed division must be there; no float64 in a float32 kernel either."""
    grid = random_grid(dtype=dtype)
    a, w, s = grid.h_t.copy(), interfaces(grid).astype(dtype), np.ones(grid.depth_t.shape, dtype)
    arguments = {
        advance_tracer: (a, s, a, a, w, s, dtype(DT), grid, a.copy()),
        advance_tracer_single: (a, s, a, a, w, s, dtype(DT), np.ones(len(a), dtype), grid, a.copy()),
        advance_u: (a, a, a, w, s, s, dtype(DT), grid, a.copy()),
        richardson_mixing: (a, a, w, *(plane(grid, 1.0).astype(dtype) for _ in range(5)), grid, w.copy(), w.copy()),
    }[kernel]
    fresh = numba.njit(parallel=True, error_model="numpy")(kernel.py_func)
    fresh(*arguments)
    assembly = fresh.inspect_asm(fresh.signatures[0])
    assert "gather" not in assembly
    if platform.machine() in ("x86_64", "AMD64"):
        assert ("divps" if dtype is np.float32 else "divpd") in assembly
        assert dtype is np.float64 or "cvtss2sd" not in assembly
