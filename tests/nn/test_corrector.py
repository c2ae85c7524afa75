"""The corrector: features, outputs and the whole against the complex step, conservation, invariance, files."""

import re

import h5py
import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.complex_step import STEP, complex_model
from adjoint.controls import Controls
from adjoint.dot_product import pair_error
from adjoint.gradient_check import SIDES
from adjoint.pairs import Pair
from adjoint.random_ocean import random_grid
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from nn import trained
from nn.activations import ACTIVATIONS
from nn.corrector import Corrector
from nn.feature_kernels import (
    at_centres,
    at_centres_ad,
    centred_gradient,
    centred_gradient_ad,
    mean_vorticity,
    mean_vorticity_ad,
    rates_of_strain,
    rates_of_strain_ad,
    squared_strain,
    squared_strain_ad,
)
from nn.features import FEATURES
from nn.output_kernels import (
    acceleration,
    acceleration_ad,
    at_faces,
    at_faces_ad,
    divergence_of_stress,
    divergence_of_stress_ad,
    flux_divergence,
    flux_divergence_ad,
    rate,
    rate_ad,
    vertical_flux,
    vertical_flux_ad,
    vertical_stress,
    vertical_stress_ad,
)
from nn.outputs import FORMS
from ogcm import files
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.state import Tendencies
from ogcm.stepper import Stepper
from tests.adjoint.test_stepper import ocean, step_back, value, weights
from tests.oceans import dry, put_nan_on_land, rough_basin

FLOW = {"u": ("u", 0.1), "v": ("v", 0.1)}
VECTOR, TO_FACES = {"x": ("t", 1.0), "y": ("t", 1.0)}, {"D_u": "u", "D_v": "v"}
PAIRS = {
    "at_centres": Pair(at_centres, at_centres_ad, FLOW, {"u_t": "t", "v_t": "t"}),
    "centred_gradient": Pair(centred_gradient, centred_gradient_ad, {"T": ("t", 1.0)}, {"T_x": "t", "T_y": "t"}),
    "rates_of_strain": Pair(rates_of_strain, rates_of_strain_ad, FLOW, {"D_T": "t", "D_S": "t"}),
    "mean_vorticity": Pair(mean_vorticity, mean_vorticity_ad, FLOW, {"zeta": "t"}),
    "squared_strain": Pair(squared_strain, squared_strain_ad, FLOW, {"square": "t"}),
    "at_faces": Pair(at_faces, at_faces_ad, VECTOR, {"f_x": "u", "f_y": "v"}),
    "flux_divergence": Pair(flux_divergence, flux_divergence_ad, VECTOR, {"D": "t"}),
    "vertical_flux": Pair(vertical_flux, vertical_flux_ad, {"F_z": ("t", 1.0)}, {"D": "t"}),
    "divergence_of_stress": Pair(divergence_of_stress, divergence_of_stress_ad, VECTOR, TO_FACES),
    "vertical_stress": Pair(vertical_stress, vertical_stress_ad, VECTOR, TO_FACES),
    "acceleration": Pair(acceleration, acceleration_ad, VECTOR, TO_FACES),
    "rate": Pair(rate, rate_ad, {"a": ("t", 1.0)}, {"D": "t"}),
}
PHYSICAL = [name for name in FORMS if name != "eta_tendency"]
SCALARS = ("T", "S", "vorticity", "strain_squared", "N2")
CORRECTORS = {
    "columns": {"features": tuple(FEATURES), "outputs": PHYSICAL, "stencil": "cross"},
    "cells": {"features": tuple(FEATURES), "outputs": PHYSICAL, "vertical": "local", "stencil": "square"},
    "columns with rounds": {
        "features": ("velocity", "T", "eta", "place"), "outputs": PHYSICAL, "stencil": "cross", "rounds": 2,
        "activation": "tanh",
    },
    "cells with rounds": {
        "features": ("velocity", "T", "eta"), "outputs": ("uv_tendency", "T_flux", "T_flux_z"), "vertical": "local",
        "rounds": 2,
    },
    "equivariant": {
        "features": SCALARS, "outputs": ("stress", "T_flux", "S_flux"), "vertical": "local", "stencil": "point",
        "equivariant": True, "activation": "silu",
    },
}  # fmt: skip
SCALES = {
    "T_flux": 1e-3, "S_flux": 1e-4, "T_flux_z": 1e-4, "S_flux_z": 1e-5, "stress": 1e-3, "stress_z": 1e-4,
    "T_tendency": 1e-6, "S_tendency": 1e-7, "uv_tendency": 1e-6, "eta_tendency": 1e-6,
}  # fmt: skip


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_kernel_and_adjoint_agree(name, sides):
    grid = random_grid(3, periodic_x=sides[0], periodic_y=sides[1], no_slip=sides[0])
    assert pair_error(PAIRS[name], grid) < 1e-12


def corrected(model, *, learned=True, **options):
    """The model with a corrector whose weights are all random."""
    corrector = Corrector(model, **options, hidden=(9, 7))
    corrector.set_scales({name: SCALES[name] for name in options["outputs"]})
    corrector.set_normalisation(model, [model.state])
    if learned:
        corrector.weights[...] = np.random.default_rng(2).normal(size=corrector.weights.shape) * 0.3
    model.corrector = corrector
    return model


def error_of_a_step(model):
    """The largest error over the controls of the gradient of a step, relative to the complex step."""
    rng, loss, gradient = np.random.default_rng(5), weights(model), Gradient.zeros(model)
    AdjointStepper(model).step(model.state.copy(), loss, gradient)
    names = (*model.stepped, *model.forcing.shapes, *model.parameters, "corrector")
    controls = Controls(model, names)
    parts = gradient.state.arrays() | gradient.fluxes.arrays() | gradient.parameters
    parts |= gradient.weights
    errors = {}
    for name, control in controls.controls.items():
        found = control.collect(parts[name], model.grid)
        d = rng.normal(size=found.shape) * np.abs(control.values(model))
        tangent = complex_model(model, {name: d})
        exact = value(loss, Stepper(tangent).advance(tangent.state)).imag / STEP
        size = np.abs(found * d).sum()
        errors[name] = abs(exact - (found * d).sum()) / size if size else abs(exact)
    return errors


@pytest.mark.parametrize("kind", CORRECTORS)
def test_gradient_of_a_corrected_step_is_the_complex_step(kind):
    errors = error_of_a_step(corrected(ocean(), **CORRECTORS[kind]))
    assert max(errors.values()) < 1e-12, errors


@pytest.mark.parametrize("equivariant", [False, True])
def test_a_corrector_reads_and_changes_a_further_tracer(equivariant, tmp_path):
    """Its fluxes keep the content; the gradient is that of the complex step; a file brings the corrector back."""
    dye = {"dye": ogcm.Tracer(initial=lambda x, y, z: np.sin(x / 5e4) + z / 500)}
    kinds = {
        False: {"features": ("dye", "dye_gradient", "T"), "outputs": ("dye_flux", "dye_flux_z", "dye_tendency")},
        True: {"features": ("dye",), "outputs": ("dye_flux",), "equivariant": True, "stencil": "point"},
    }
    model = ocean(tracers=dye)
    model.corrector = Corrector(model, **kinds[equivariant], vertical="local", hidden=(9, 7))
    model.corrector.set_scales({"dye_flux": 10.0 if equivariant else 1e-2})
    model.corrector.set_normalisation(model, [model.state])
    model.corrector.weights[...] = np.random.default_rng(2).normal(size=model.corrector.weights.shape) * 0.3
    errors = error_of_a_step(model)
    assert max(errors.values()) < 1e-12, errors
    D = Tendencies(**model.state.like().arrays())
    model.corrector.add(model, model.state, model.forcing.at(0.0), D)
    changed = [name for name, a in D.arrays().items() if interior(a).any()]
    assert changed == ["dye"]
    if equivariant:
        content = interior(D.dye) * interior(model.grid.area_t)
        assert abs(content.sum()) <= 1e-13 * np.abs(content).sum()
    trained.save(tmp_path / "c.h5", model)
    other = ocean(tracers=dye)
    trained.load(tmp_path / "c.h5", other)
    np.testing.assert_array_equal(other.corrector.weights, model.corrector.weights)
    with pytest.raises(InputError, match="features: unknown 'dye'"):
        trained.load(tmp_path / "c.h5", ocean())


@pytest.mark.parametrize("kind", CORRECTORS)
def test_nan_on_land_changes_no_bit_of_the_gradient_of_a_corrected_step(kind):
    clean, dirty = (corrected(ocean(), **CORRECTORS[kind]) for _ in range(2))
    put_nan_on_land(dirty)
    one, other = (step_back(model, weights(clean)) for model in (clean, dirty))
    assert one.weights["corrector"].any()
    np.testing.assert_array_equal(other.weights["corrector"], one.weights["corrector"])
    for name, a in one.state.arrays().items():
        wet = ~dry(clean.grid, name, a)
        np.testing.assert_array_equal(getattr(other.state, name)[wet], a[wet], err_msg=name)


def pure(**options):
    """A model in which the network is the only tendency."""
    outputs = ("uv_tendency", "T_tendency", "S_tendency", "eta_tendency")
    chosen = {"features": ("velocity", "T", "S", "eta", "wind"), "outputs": outputs, "stencil": "cross"}
    return corrected(ocean(dynamics="none"), **(chosen | options))


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_gradient_without_dynamics_is_the_complex_step(rounds):
    errors = error_of_a_step(pure(rounds=rounds))
    assert max(errors.values()) < 1e-12, errors


def test_without_dynamics_the_corrector_alone_moves_the_state():
    model = pure()
    D = Tendencies(**model.state.like().arrays())
    model.corrector.add(model, model.state, model.forcing.at(0.5 * model.numerics.dt), D)
    old, h = model.state.copy(), interior(np.where(model.grid.mask_t, model.grid.h_t, 1.0))
    Stepper(model).step()
    for name, thickness in (("u", 1), ("v", 1), ("eta", 1), ("T", h), ("S", h)):
        moved = interior(getattr(old, name)) + model.numerics.dt * interior(getattr(D, name)) / thickness
        assert np.array_equal(interior(getattr(model.state, name)), moved)
        assert np.abs(interior(getattr(D, name))).max() > 0


def tendencies_of(model):
    """The tendencies of the corrector alone."""
    D = Tendencies(**model.state.like().arrays())
    model.corrector.add(model, model.state, model.forcing.at(0.0), D)
    return D


@pytest.mark.parametrize("kind", CORRECTORS)
def test_run_of_an_untrained_corrector_is_the_physics_to_the_bit(kind):
    plain, model = ocean(), corrected(ocean(), learned=False, **CORRECTORS[kind])
    for m in (plain, model):
        stepper = Stepper(m)
        for _ in range(5):
            stepper.step()
    assert model.state.digest() == plain.state.digest()


def test_fluxes_conserve_heat_and_salt_and_stress_momentum():
    options = {"features": ("velocity", "T", "eta"), "outputs": ("T_flux", "T_flux_z", "S_flux", "stress", "stress_z")}
    rng = np.random.default_rng(0)
    grid = ogcm.cartesian(nx=10, ny=8, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True, periodic_y=True)
    fields = {name: rng.normal(size=(3, 8, 10)) for name in ("u", "v", "T")}
    model = corrected(ogcm.Model(grid, depth=300.0, dz=[50.0, 100.0, 150.0], dt=600.0, **fields), **options)
    D = tendencies_of(model)
    for name in ("T", "S", "u", "v"):
        point = name if name in "uv" else "t"
        thickness = interior(getattr(model.grid, f"h_{point}")) if name in "uv" else 1.0
        content = interior(getattr(D, name)) * interior(getattr(model.grid, f"area_{point}")) * thickness
        assert np.abs(content).max() > 0
        assert abs(content.sum()) < 1e-14 * np.abs(content).sum()


def test_heat_is_conserved_around_islands_and_partial_cells():
    model = corrected(rough_basin(), features=("T", "velocity"), outputs=("T_flux", "T_flux_z"))
    content = interior(tendencies_of(model).T * model.grid.area_t)
    assert not content[interior(model.grid.mask_t) == 0].any()
    assert abs(content.sum()) < 1e-14 * np.abs(content).sum()


def test_no_output_exceeds_its_scale():
    model = corrected(rough_basin(), features=("T", "velocity"), outputs=("T_flux", "stress"))
    model.corrector.weights[...] *= 1e3
    largest = np.abs(output_of(model)).max((1, 2, 3))
    assert largest == pytest.approx([1e-3] * 4, rel=1e-6)


def output_of(model):
    """The outputs of the corrector for the state of the model (components, nk, nj, ni), on the interior."""
    corrector = model.corrector
    corrector.compute_features(model, model.state, model.forcing.at(0.0))
    corrector.normalise_features()
    corrector.evaluate_network()
    return interior(corrector.O).copy()


@pytest.mark.parametrize("vertical", ["column", "local"])
@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_sample_sees_one_cell_further_with_each_round(rounds, vertical):
    grid = ogcm.cartesian(nx=12, ny=12, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True, periodic_y=True)
    T = np.random.default_rng(0).normal(size=(2, 12, 12))
    model = ogcm.Model(grid, depth=300.0, dz=[100.0, 200.0], dt=600.0, T=T)
    corrected(model, features=("T",), outputs=("T_tendency",), vertical=vertical, stencil="cross", rounds=rounds)
    before = output_of(model)
    interior(model.state.T)[:, 1, 10] += 1  # near two periodic sides
    ogcm.exchange(model.grid, model.state.T)
    changed = (output_of(model) != before).any((0, 1))
    j, i = np.indices((12, 12))
    distance = sum(np.minimum((a - b) % 12, (b - a) % 12) for a, b in ((j, 1), (i, 10)))
    np.testing.assert_array_equal(changed, distance <= 1 + rounds)


def test_rounds_are_convolutions_with_zeros_on_land():
    """Written as loops over the points of the stencil, on a basin with land, a closed and a periodic side."""
    model = corrected(rough_basin(), features=("T",), outputs=("T_flux_z",), stencil="square", rounds=2)
    corrector, wet = model.corrector, interior(model.grid.mask_t[0]) > 0
    found = output_of(model)
    assert not wet.all()
    assert model.grid.periodic == (False, True)

    def around(maps):
        padded = np.pad(np.pad(maps, ((0, 0), (1, 1), (0, 0))), ((0, 0), (0, 0), (1, 1)), mode="wrap")
        nj, ni = maps.shape[1:]
        return np.concatenate([padded[:, j : j + nj, i : i + ni] for j in range(3) for i in range(3)])

    h, weights = interior(corrector.F[:-1]), corrector.weights
    for n, (size, inputs) in enumerate(((9, 9 * len(h)), (7, 9 * 9), (len(found[0]), 9 * 7))):
        W, weights = weights[: size * inputs].reshape(size, inputs), weights[size * inputs :]
        b, weights = weights[:size], weights[size:]
        z = np.einsum("oi,iyx->oyx", W, around(h)) + b[:, None, None]
        ACTIVATIONS["tanh" if n == 2 else "gelu"](np, z)
        h = np.where(wet, z, 0)
    assert weights.size == 0
    expected = corrector.scale[0][:, None, None] * h
    assert np.abs(found[0] - expected).max() < 1e-13 * np.abs(expected).max()
    assert np.abs(expected).max() > 0


def f_plane(u=0.0, turn=False, seed=1):
    """A doubly periodic square on an f-plane, also turned by 90 degrees, under a uniform current as well."""
    n, rng = 8, np.random.default_rng(seed)
    grid = ogcm.cartesian(nx=n, ny=n, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True, periodic_y=True)
    fields = {name: rng.normal(size=(2, n, n)) for name in ("u", "v", "T", "S")}
    if turn:  # (x, y) -> (-y, x): what pointed along x points along y; a face's number shifts by one
        east, north = fields["u"], fields["v"]
        fields = {name: np.rot90(a, -1, (1, 2)).copy() for name, a in fields.items()}
        fields["v"] = np.rot90(east, -1, (1, 2)).copy()
        fields["u"] = np.roll(-np.rot90(north, -1, (1, 2)), -1, 2).copy()
    fields["u"], fields["S"] = fields["u"] + u, fields["S"] + 5
    return ogcm.Model(grid, depth=300.0, dz=[100.0, 200.0], dt=600.0, **fields)


def test_invariant_features_do_not_feel_a_uniform_current():
    options = {"features": ("T", "T_gradient", "strain", "vorticity", "N2"), "outputs": ("T_flux", "stress")}
    still = corrected(f_plane(), **options)
    moving = f_plane(u=0.7)
    moving.corrector = still.corrector
    one, other = tendencies_of(still), tendencies_of(moving)
    assert np.allclose(one.T, other.T, rtol=1e-9, atol=1e-12 * np.abs(one.T).max())
    assert np.abs(one.T).max() > 0


def test_equivariant_network_turns_with_the_ocean():
    straight, turned = corrected(f_plane(), **CORRECTORS["equivariant"]), f_plane(turn=True)
    turned.corrector = straight.corrector
    one, other = tendencies_of(straight), tendencies_of(turned)
    expected = np.rot90(interior(one.T), -1, (1, 2))
    assert np.allclose(interior(other.T), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    east = np.rot90(interior(one.u), -1, (1, 2))
    assert np.allclose(interior(other.v), east, rtol=1e-9, atol=1e-12 * np.abs(east).max())


@pytest.mark.parametrize("kind", ["cells", "columns with rounds"])
def test_corrector_comes_back_from_its_file_to_the_bit(tmp_path, kind):
    model = corrected(rough_basin(), **CORRECTORS[kind])
    model.parameters["nu_h"][...] = 321.0
    trained.save(tmp_path / "c.h5", model, ["nu_h"], {"trained by": "a test"})
    again = rough_basin()
    assert trained.load(tmp_path / "c.h5", again) == {"trained by": "a test"}
    assert np.array_equal(again.corrector.weights, model.corrector.weights)
    assert np.array_equal(again.parameters["nu_h"], model.parameters["nu_h"])
    pairs = zip(tendencies_of(model), tendencies_of(again), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("velocty",)}, "features: unknown 'velocty': did you mean 'velocity'"),
        ({"outputs": ("heat",)}, "outputs: unknown 'heat'"),
        ({"outputs": ()}, "outputs: name each once"),
        ({"stencil": "circle"}, "stencil: unknown 'circle'"),
        ({"rounds": 3}, "rounds: give a whole number from 0 to 2, the number of the hidden layers (32, 32), got 3"),
        ({"rounds": -1}, "rounds: give a whole number from 0 to 2"),
        ({"rounds": 1.0}, "rounds: give a whole number from 0 to 2"),
        ({"rounds": True}, "rounds: give a whole number from 0 to 2"),
        ({"rounds": 1, "stencil": "point"}, "rounds: the stencil point has no neighbours to exchange with"),
        ({"scales": {"stress": 1.0}}, "scales: 'stress' is not one of the outputs T_flux"),
        ({"scales": {"T_flux": -1.0}}, "scales: T_flux needs a positive number"),
        ({"outputs": ("eta_tendency",)}, "eta_tendency would create water"),
        ({"equivariant": True}, "equivariant: velocity is not a scalar"),
        ({"equivariant": True, "features": ("T",)}, "equivariant: the stencil square has directions"),
        ({"equivariant": True, "outputs": ("T_flux_z",)}, "equivariant: T_flux_z is no vector"),
    ],
)
def test_bad_choices_are_named(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Corrector(rough_basin(), **({"features": ("velocity",), "outputs": ("T_flux",)} | options))


def test_tracers_are_needed_where_they_are_used():
    model = rough_basin(equation_of_state="none")
    for options in ({"features": ("T",), "outputs": ("stress",)}, {"features": ("velocity",), "outputs": ("T_flux",)}):
        with pytest.raises(InputError, match="needs tracers"):
            Corrector(model, **options)


def test_files_that_do_not_fit_are_refused(tmp_path):
    path, other = tmp_path / "c.h5", tmp_path / "damaged.h5"
    trained.save(path, corrected(rough_basin(), features=("T", "velocity"), outputs=("stress",)))
    with pytest.raises(InputError, match="was trained with layers of"):
        trained.load(path, f_plane())
    with pytest.raises(InputError, match="features: T needs tracers"):
        trained.load(path, rough_basin(equation_of_state="none"))
    other.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FileError, match=r"damaged\.h5"):
        trained.load(other, rough_basin())
    with pytest.raises(FileError, match="does not exist"):
        trained.load(tmp_path / "none.h5", rough_basin())
    with h5py.File(path, "r+") as f:
        del f["terms/corrector/mean"]
        f["terms/corrector/mean"] = np.zeros(3)
    with pytest.raises(FileError, match="its last line is no hash of ogcm"):
        trained.load(path, rough_basin())
    files.seal(path)
    with pytest.raises(FileError, match="its normalisation is of size"):
        trained.load(path, rough_basin())
    with h5py.File(path, "r+") as f:
        f.attrs["format"] = "ogcm trained 2"
    files.seal(path)
    with pytest.raises(FileError, match="'ogcm trained 2'; this version of ogcm reads 'ogcm trained 3'"):
        trained.load(path, rough_basin())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("parameters/nu_h", -500.0, "nu_h: -500 lies outside its bounds, 0 to inf"),
        ("parameters/nu_h", np.nan, "nu_h holds 1 numbers that are not finite, such as nan"),
        ("terms/corrector/network/0/weights", np.nan, "weights holds .* numbers that are not finite"),
        ("terms/corrector/scale", np.inf, "scale holds .* numbers that are not finite"),
    ],
)
def test_numbers_that_no_model_can_run_with_are_refused(tmp_path, place, value, message):
    path = tmp_path / "c.h5"
    trained.save(path, corrected(rough_basin(), features=("T", "velocity"), outputs=("stress",)), ["nu_h"])
    with h5py.File(path, "r+") as f:
        f[place][...] = value
    files.seal(path)
    model = rough_basin()
    with pytest.raises(InputError, match=message):
        trained.load(path, model)
    assert model.corrector is None
    assert model.parameters["nu_h"].max() == 200.0


def test_gradient_of_a_corrected_run_needs_the_corrector():
    simulation = ogcm.Simulation(rough_basin(), days=0.05, progress=False)
    with pytest.raises(InputError, match="this model has no corrector"):
        adjoint.gradient(adjoint.losses.BoxMean(simulation.model, "T"), simulation, "corrector")
