"""The neural corrector: features of the ocean, a network, and what it says as fluxes, stresses or tendencies.

    corrector = Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"), hidden=(32, 32))
    model.corrector = corrector                       # from now on each step of the model adds its tendencies
    adjoint.gradient(loss, simulation, ["corrector"])  # of all its weights

    x = (features - mean)/deviation at a stencil of neighbours,   O = scale tanh(network(x))
    equivariant: O = C1 e + C2 (e turned by a right angle), C = scale tanh(network(x)), e = grad T or the strain

O acts through `nn.outputs`. A sample is a whole column (`vertical="column"`: all layers go in, all come out), or one
cell with its neighbours above and below (`vertical="local"`: one network for all depths). Samples are the wet columns
(cells), in chunks, so that memory is bounded. |O| < scale: one bad column cannot blow up a run. The last layer of an
untrained network is 0, and the run bit for bit that of the physics alone. An equivariant network sees scalars alone
and so turns with the ocean; one that does not see "velocity" is the same to an observer who moves along.

Adjoint: the same lines read backwards, `nn.mlp` for the network, `nn.features` and `nn.outputs` for the rest.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import h5py
import numpy as np

from adjoint.state import Gradient
from nn.feature_kernels import normalise
from nn.features import FEATURES
from nn.network import NETWORKS, make
from nn.outputs import FORMS, at_faces, at_faces_ad
from ogcm.backend import HALO
from ogcm.device import array_module, copy_values, is_on_host, to_device, zeros
from ogcm.errors import InputError, suggestion
from ogcm.forcing import Fluxes
from ogcm.grid import Grid, interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.state import State, Tendencies
from ogcm.terms import Term

Array = np.ndarray
CHUNK, CHUNK_THERE = 8192, 1 << 18  # samples that are gathered at once, on the host and on a GPU
STENCILS = {
    "point": [(0, 0)],
    "cross": [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)],
    "square": [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1)],
}
VERTICAL = ("column", "local")


class Row(NamedTuple):
    """One row of the features: a component of a feature in one layer (or -1: of the column)."""

    feature: str
    component: str
    layer: int


class Normalisation(NamedTuple):
    """Of each row: the mean, and one over the standard deviation (0 where it does not vary)."""

    mean: Array
    r_deviation: Array


class Corrector(Term):
    """A network bound to a model's grid. `weights` (n,) is all that learns; see the module's docstring."""

    decays = True

    def __init__(
        self,
        model: Model,
        *,
        features: Sequence[str],
        outputs: Sequence[str],
        network: str = "mlp",
        hidden: Sequence[int] = (32, 32),
        activation: str = "gelu",
        vertical: str = "column",
        stencil: str = "square",
        equivariant: bool = False,
        scales: Mapping[str, float | Sequence[float]] | None = None,
        seed: int = 0,
        dtype: str = "float64",
    ) -> None:
        """`features` of `nn.FEATURES`, `outputs` of `nn.FORMS`.

        `stencil`: point, cross or square (3 x 3); `scales`: the largest value of each output [its units], a number or
        one for each layer; of equivariant ones that of C, in m2 s-1; `network` of `nn.NETWORKS`, made with
        `hidden`, `activation`, `seed`, `dtype`. `nn.prepare` sets the statistics of the features, and scales
        from data. Raises InputError for what does not exist or does not fit.
        """
        for what, chosen, known in (
            ("features", features, FEATURES),
            ("outputs", outputs, FORMS),
            ("stencil", (stencil,), STENCILS),
            ("vertical", (vertical,), VERTICAL),
            ("dtype", (np.dtype(dtype).name,), ("float32", "float64")),
        ):
            for name in chosen:
                if name not in known:
                    hint = ". One of your own must be registered first" if known is FEATURES else ""
                    raise InputError(f"{what}: unknown {name!r}: {suggestion(str(name), list(known))}{hint}")
            if not chosen or len(set(chosen)) < len(chosen):
                raise InputError(f"{what}: name each once, and at least one; got {', '.join(chosen) or 'none'}")
        self.config = {
            "features": tuple(features), "outputs": tuple(outputs), "network": network, "hidden": tuple(hidden),
            "activation": activation, "vertical": vertical, "stencil": stencil, "equivariant": equivariant,
        }  # fmt: skip
        bases = {FORMS[name].basis for name in outputs} if equivariant else ()
        self.bases = tuple(sorted(bases))
        self.check(model)
        self.grid, self.layers = model.grid, len(model.grid.h_t)
        self.rows = [
            Row(name, component, k)
            for name in (*features, *self.bases)  # the network reads those of its features alone
            for component in FEATURES[name].components
            for k in (range(self.layers) if FEATURES[name].layered else (-1,))
        ]
        names = [row.feature for row in self.rows]
        self.rows_of = {
            name: slice(names.index(name), names.index(name) + names.count(name)) for name in dict.fromkeys(names)
        }
        ends = np.cumsum([FORMS[name].components for name in outputs]).tolist()
        self.places = {name: slice(a, b) for name, a, b in zip(outputs, [0, *ends], ends, strict=False)}
        self.components = ends[-1]
        self.scale, self.scaled = np.ones((self.components, self.layers)), set()  # set: outputs whose scale is known
        self.set_scales(scales or {})
        self.normalisation = Normalisation(np.zeros(len(self.rows)), np.ones(len(self.rows)))
        self.levels = np.array([max(row.layer, 0) for row in self.rows])  # whose masks the rows have
        rows, self.reads = self.reading()
        self.samples = self.wet_samples()
        self.begins = np.searchsorted(self.samples, np.arange(self.reads.shape[1] + 1) * model.grid.depth_t.size)
        self.inputs = rows * len(STENCILS[stencil])  # of a sample
        self.says = self.components * (self.layers if vertical == "column" else 1)
        options = {"hidden": tuple(hidden), "activation": activation, "seed": seed, "dtype": np.dtype(dtype)}
        self.network = make(network, self.inputs, self.says, **options)
        self.allocate(model.state.u.dtype)

    def check(self, model: Model) -> None:
        """Raise InputError where features or outputs need what the model lacks, or are not equivariant."""
        chosen = self.config
        for name in chosen["features"]:
            if FEATURES[name].tracers and not model.numerics.has_tracers:
                raise InputError(f"features: {name} needs tracers, and this model has none (equation_of_state 'none')")
        for name in chosen["outputs"]:
            if {"T", "S"} & set(FORMS[name].acts_on) and not model.numerics.has_tracers:
                raise InputError(f"outputs: {name} needs tracers, and this model has none (equation_of_state 'none')")
            if "eta" in FORMS[name].acts_on and model.numerics.dynamics != "none":
                raise InputError(f"outputs: {name} would make water; it is for a model with dynamics 'none'")
            if chosen["equivariant"] and not FORMS[name].basis:
                known = ", ".join(form for form, f in FORMS.items() if f.basis)
                raise InputError(f"equivariant: {name} has no direction to stretch and turn; choose from {known}")
        if chosen["equivariant"]:
            scalars = [name for name, feature in FEATURES.items() if feature.scalar]
            if turning := [name for name in chosen["features"] if name not in scalars]:
                raise InputError(f"equivariant: {turning[0]} is no scalar; choose features from {', '.join(scalars)}")
            if chosen["stencil"] != "point":
                raise InputError(f"equivariant: the stencil {chosen['stencil']} has directions; choose point")

    def set_scales(self, scales: Mapping[str, float | Sequence[float]]) -> None:
        """Set the largest value of outputs by name [their units], numbers or one for each layer.

        Raises InputError for an unknown output or a scale that is not positive.
        """
        for name, value in scales.items():
            if name not in self.config["outputs"]:
                raise InputError(f"scales: {name!r} is none of the outputs {', '.join(self.config['outputs'])}")
            value = np.asarray(value, float)
            if value.shape not in ((), (self.layers,)) or not (np.isfinite(value) & (value > 0)).all():
                raise InputError(f"scales: {name} needs a positive number, or {self.layers} of them; got {value}")
            self.scale[self.places[name]] = value
            self.scaled.add(name)

    def reading(self) -> tuple[int, Array]:
        """How many rows a sample reads, and which (inputs, levels): all, or those of its layer and the two beside it.

        The row number len(rows) is one of zeros: above the surface and below the lowest layer.
        """
        number = {row: n for n, row in enumerate(self.rows) if row.feature in self.config["features"]}
        if self.config["vertical"] == "column":
            return len(number), np.array(list(number.values()))[:, None]
        reads, none = [], len(self.rows)
        for k in range(self.layers):
            near = [row._replace(layer=k + d) for row in number if row.layer == 0 for d in (-1, 0, 1)]
            column = [row for row in number if row.layer == -1]
            reads.append([number.get(row, none) if row.layer >= 0 else none for row in near])
            reads[-1] += [number[row] for row in column]
        return len(reads[0]), np.array(reads).T

    def wet_samples(self) -> Array:
        """Places of the wet columns (or cells) in an array (levels, nj ni)."""
        mask = np.zeros(self.grid.mask_t.shape, bool)
        interior(mask)[...] = interior(self.grid.mask_t) > 0
        return np.flatnonzero(mask[0] if self.config["vertical"] == "column" else mask)

    def allocate(self, dtype: np.dtype) -> None:
        """Work arrays in the type of the state."""
        shape = self.grid.h_t.shape
        self.F = zeros(self.grid.h_t, (len(self.rows) + 1, *shape[1:]), dtype)
        self.O = zeros(self.grid.h_t, (self.components, *shape), dtype)
        self.fixed: dict[str, Array] = {}  # features that depend on the grid alone

    # What `ogcm.terms.Term` asks for

    @property
    def weights(self) -> Array:
        """All weights of the network (n,), which a trainer moves in place."""
        return self.network.weights

    @property
    def nbytes(self) -> int:
        """Memory of its work arrays on a GPU: features, outputs, and the inputs of the samples of a chunk."""
        sizes = getattr(self.network, "sizes", (self.inputs, self.says))
        chunk = min(len(self.samples), CHUNK_THERE) * sum(sizes)
        return self.F.nbytes + self.O.nbytes + self.weights.nbytes + chunk * self.weights.itemsize

    def astype(self, dtype: np.dtype) -> "Corrector":
        """A copy with weights of its own and work arrays in `dtype`, for states of that type."""
        other = copy.copy(self)
        other.network = self.network.astype(np.result_type(self.network.weights.dtype, dtype))
        other.allocate(np.dtype(dtype))
        return other

    def to(self, device: str, model: Model, mirror: Model) -> "Corrector":
        """A copy for the `mirror` of `model` on `device`, with its weights and work arrays there."""
        other = copy.copy(self)
        weights = to_device(self.network.weights, device)
        other.grid, other.network = mirror.grid, self.network.of(weights, array_module(weights))
        for name, rows in self.rows_of.items():
            if FEATURES[name].backward is None and name not in self.fixed:
                FEATURES[name].forward(model, model.state, None, *self.parts(name, self.F))
                self.fixed[name] = self.F[rows].copy()
        for name in ("scale", "levels", "reads", "samples"):
            setattr(other, name, to_device(getattr(self, name), device))
        other.normalisation = Normalisation(*(to_device(a, device) for a in self.normalisation))
        other.allocate(self.F.dtype)
        other.fixed = {name: to_device(a, device) for name, a in self.fixed.items()}
        return other

    def assign(self, other: "Corrector") -> None:
        """Take weights, scales and statistics of the features from a corrector on another device."""
        mine, its = (self.weights, self.scale, *self.normalisation), (other.weights, other.scale, *other.normalisation)
        for target, source in zip(mine, its, strict=True):
            copy_values(target, source)

    def add(self, model: Model, n: State, fluxes: Fluxes, D: Tendencies) -> None:
        """Add the tendencies of the state n to D, on the interior."""
        self.see(model, n, fluxes)
        basis = self.basis()
        self.normalised()
        self.speak()
        said = self.turned(basis)
        exchange(self.grid, *said)
        for name in self.config["outputs"]:
            form = FORMS[name]
            form.forward(*said[self.places[name]], self.grid, *(getattr(D, field) for field in form.acts_on))

    def add_ad(self, model: Model, n: State, fluxes: Fluxes, D_ad: Tendencies, gradient: Gradient) -> None:
        """From D_ad, its halo filled, to the state, the fluxes, the parameters and the weights in `gradient`."""
        grid = self.grid
        self.see(model, n, fluxes)
        basis = self.basis()
        self.normalised()
        O_ad, F_ad = np.zeros_like(self.O), np.zeros_like(self.F)
        for name in self.config["outputs"]:
            form, p = FORMS[name], self.places[name]
            tendencies = (getattr(D_ad, field) for field in form.acts_on)
            form.backward(*self.O[p], grid, *tendencies, *O_ad[p])
        basis_ad = self.turned_ad(basis, O_ad)
        self.speak_ad(O_ad, F_ad, gradient.weights)
        fold_halo(grid, F_ad)
        normalise(0 * self.normalisation.mean, self.normalisation.r_deviation, self.levels, grid, F_ad[:-1])
        for feature, e_ad in basis_ad.items():
            F_ad[self.rows_of[feature]] += e_ad.reshape(-1, *F_ad.shape[1:])
        exchange(grid, F_ad)
        for name in self.rows_of:
            if FEATURES[name].backward is not None:
                FEATURES[name].backward(model, n, fluxes, *self.parts(name, F_ad), gradient)

    # Steps of it

    def parts(self, feature: str, F: Array) -> list[Array]:
        """The components (levels, nj, ni) of a feature in an array of rows."""
        rows, count = F[self.rows_of[feature]], len(FEATURES[feature].components)
        return list(rows.reshape(count, -1, *rows.shape[1:]))

    def see(self, model: Model, n: State, fluxes: Fluxes) -> None:
        """The features of the state n, as they are, into F."""
        for name, rows in self.rows_of.items():
            if name in self.fixed:
                self.F[rows] = self.fixed[name]
                continue
            FEATURES[name].forward(model, n, fluxes, *self.parts(name, self.F))
            if FEATURES[name].backward is None:
                self.fixed[name] = self.F[rows].copy()

    def normalised(self) -> None:
        """F becomes (F - mean)/deviation, 0 on land, its halo filled."""
        normalise(*self.normalisation, self.levels, self.grid, self.F[:-1])
        exchange(self.grid, self.F)

    def basis(self) -> dict[str, Array]:
        """What an equivariant network stretches and turns: (2, nk, nj, ni) by the name of the feature."""
        return {name: np.stack(self.parts(name, self.F)) for name in self.bases}

    def turned(self, basis: Mapping[str, Array]) -> Array:
        """The outputs where they act: what the network said, or for an equivariant one (C1 + i C2) (e1 + i e2)."""
        if not basis:
            return self.O
        said = np.zeros_like(self.O)
        for name in self.config["outputs"]:
            p = self.places[name]
            (a, b), (x, y) = self.O[p], basis[FORMS[name].basis]
            vector = np.stack([a * x - b * y, a * y + b * x])
            if FORMS[name].at_faces:
                exchange(self.grid, *vector)
                at_faces(*vector, self.grid, *said[p])
            else:
                said[p] = vector
        return said

    def turned_ad(self, basis: Mapping[str, Array], O_ad: Array) -> dict[str, Array]:
        """O_ad becomes the adjoint of what the network said; returns that of each basis (2, nk, nj, ni)."""
        if not basis:
            return {}
        self.speak()
        basis_ad = {name: np.zeros_like(e) for name, e in basis.items()}
        for name in self.config["outputs"]:
            p, feature = self.places[name], FORMS[name].basis
            (a, b), (x, y), (p_ad, q_ad) = self.O[p], basis[feature], self.from_faces_ad(name, O_ad[p])
            basis_ad[feature][0] += a * p_ad + b * q_ad
            basis_ad[feature][1] += a * q_ad - b * p_ad
            O_ad[p] = np.stack([x * p_ad + y * q_ad, x * q_ad - y * p_ad])
        return basis_ad

    def from_faces_ad(self, name: str, said_ad: Array) -> Array:
        """The adjoint, at T points, of an output (2, nk, nj, ni) where it acts."""
        if not FORMS[name].at_faces:
            return said_ad.copy()
        vector_ad = np.zeros_like(said_ad)
        exchange(self.grid, *said_ad)
        at_faces_ad(*said_ad, self.grid, *said_ad, *vector_ad)
        return vector_ad

    def gathered(self, F: Array, chunk: Array) -> Array:
        """The inputs (n_in, n) of the samples of a chunk."""
        level, place = np.divmod(chunk, F[0].size)
        flat, reads, width = F.reshape(len(F), -1), self.reads, F.shape[-1]
        X = np.empty_like(F, self.network_dtype(), shape=(self.inputs, len(chunk)))
        for n, (dj, di) in enumerate(STENCILS[self.config["stencil"]]):
            rows = slice(n * len(reads), (n + 1) * len(reads))
            if reads.shape[1] == 1:
                X[rows] = np.take(flat[: len(reads)], place + (dj * width + di), axis=1)
            else:
                X[rows] = flat[reads[:, level], place + (dj * width + di)]
        return X

    def scattered(self, X_ad: Array, F_ad: Array, chunk: Array, ends: list[int]) -> None:
        """The transpose of `gathered`: adds to F_ad, level by level, since no two samples of one share a place."""
        place = chunk % F_ad[0].size
        flat, reads, width = F_ad.reshape(len(F_ad), -1), self.reads, F_ad.shape[-1]
        for n, (dj, di) in enumerate(STENCILS[self.config["stencil"]]):
            rows, there = X_ad[n * len(reads) : (n + 1) * len(reads)], place + (dj * width + di)
            for k, (start, end) in enumerate(pairwise(ends)):
                flat[reads[:, k][:, None], there[start:end]] += rows[:, start:end]

    def network_dtype(self) -> np.dtype:
        """Of the inputs: that of the weights, complex for a complex state."""
        return np.result_type(self.network.weights.dtype, self.F.dtype if self.F.dtype.kind == "c" else np.float32)

    def chunks(self) -> list[tuple[Array, list[int]]]:
        """The samples, so many at a time that the inputs fit the cache of a CPU, the memory of a GPU.

        With each chunk the numbers in it at which its levels begin and the last one ends.
        """
        size = CHUNK if is_on_host(self.samples) else CHUNK_THERE
        starts = [(n, self.samples[n : n + size]) for n in range(0, len(self.samples), size)]
        return [(chunk, np.clip(self.begins - n, 0, len(chunk)).tolist()) for n, chunk in starts]

    def where(self, chunk: Array) -> tuple:
        """The places of a chunk's samples in O, as an index of (components, levels, nj ni)."""
        if self.config["vertical"] == "column":
            return slice(None), slice(None), chunk
        return (slice(None), *np.divmod(chunk, self.F[0].size))

    def scale_of(self, chunk: Array) -> Array:
        """The scales of a chunk's outputs, as they lie in O."""
        if self.config["vertical"] == "column":
            return self.scale[:, :, None]
        return self.scale[:, chunk // self.F[0].size]

    def speak(self) -> None:
        """O = scale tanh(network) over water."""
        said = self.O.reshape(*self.O.shape[:2], -1)
        for chunk, _ in self.chunks():
            y = self.network.forward(self.gathered(self.F, chunk))
            there = self.where(chunk)
            said[there] = self.scale_of(chunk) * y.reshape(said[there].shape)

    def speak_ad(self, O_ad: Array, F_ad: Array, weights_ad: Array) -> None:
        """From O_ad to the normalised features and the weights."""
        flat = O_ad.reshape(*O_ad.shape[:2], -1)
        for chunk, ends in self.chunks():
            y_ad = (self.scale_of(chunk) * flat[self.where(chunk)]).reshape(self.says, -1)
            X = self.gathered(self.F, chunk)
            self.scattered(self.network.backward(X, y_ad.astype(X.dtype), weights_ad), F_ad, chunk, ends)

    # Statistics, files

    def normalise(self, model: Model, states: Sequence[State]) -> None:
        """Set the statistics of the features from some states of `model` (whose time gives the forcing).

        A row that hardly varies, such as the Coriolis parameter on an f-plane, counts 0.
        """
        wet = interior(self.grid.mask_t[self.levels]) > 0
        seen = []
        for n in states:
            self.see(model, n, model.forcing.at(n.time))
            seen.append(interior(self.F[:-1]).astype(float))
        count = len(states) * np.maximum(wet.sum((1, 2)), 1)
        mean = sum((x * wet).sum((1, 2)) for x in seen) / count
        deviation = np.sqrt(sum(((x - mean[:, None, None]) ** 2 * wet).sum((1, 2)) for x in seen) / count)
        varies = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-300)
        r_deviation = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
        self.normalisation = Normalisation(mean, r_deviation)

    def save(self, group: h5py.Group) -> None:
        """Write the network, what it sees and says, its normalisation and scales into an empty group."""
        group.attrs["config"] = json.dumps(self.config)
        group.attrs["modules"] = json.dumps(self.modules())
        group["scale"], group["layers"] = self.scale, layers_of(self.grid)
        group["mean"], group["r_deviation"] = self.normalisation
        self.network.save(group.create_group("network"))

    def modules(self) -> dict[str, str]:
        """The Python modules of the features and the network that are not ogcm's own, by name."""
        features = FEATURES.foreign(self.config["features"])
        networks = NETWORKS.foreign([self.config["network"]])
        found = {name: FEATURES[name].forward.__module__ for name in features}
        return found | {name: type(self.network).__module__ for name in networks}

    def load(self, group: h5py.Group) -> None:
        """Take what `save` wrote. Raises InputError for one that was made for other layers, ValueError or KeyError for
        a damaged group.
        """
        layers, here = group["layers"][()], layers_of(self.grid)
        if layers.shape != here.shape or not np.allclose(layers, here, rtol=1e-6):
            raise InputError(
                f"{group.file.filename}: was trained with layers of {np.round(layers, 2).tolist()} m, this model has "
                f"{np.round(here, 2).tolist()}; train another, or use the layers of the training"
            )
        network, scale = self.network.load(group["network"]), group["scale"][()]
        mean, r_deviation = group["mean"][()], group["r_deviation"][()]
        for what, found, needed in (
            ("network", network.weights.shape, self.weights.shape),
            ("scale", scale.shape, self.scale.shape),
            ("normalisation", (mean.shape, r_deviation.shape), ((len(self.rows),),) * 2),
        ):
            if found != needed:
                raise ValueError(f"its {what} is of size {found}, its features and outputs need {needed}")
        self.network, self.scale, self.scaled = network, scale, set(self.config["outputs"])
        self.normalisation = Normalisation(mean, r_deviation)


def of_file(group: h5py.Group, model: Model) -> Corrector:
    """The corrector that `Corrector.save` wrote, bound to `model`.

    Raises InputError for one that was made for other layers, needs what the model lacks, or has features or a network
    that are not registered, and ValueError or KeyError for a damaged group.
    """
    for name, module in json.loads(group.attrs["modules"]).items():
        if name not in FEATURES and name not in NETWORKS:
            raise InputError(
                f"{group.file.filename}: was trained with {name!r}, which the module {module} registers; import that "
                "first (on the command line --module FILE.py)"
            )
    corrector = Corrector(model, **json.loads(group.attrs["config"]))
    corrector.load(group)
    return corrector


def layers_of(grid: Grid) -> Array:
    """Thickness of the resting layers (nk,) [m], as the thickest cells have it."""
    return interior(grid.h_t).max((1, 2))


def fold_halo(grid: Grid, a: Array) -> None:
    """The transpose of `ogcm.exchange`: what the halo gathered goes to the cells of which it is a copy."""
    for axis, periodic in zip((1, 2), grid.periodic, strict=True):
        rows = np.moveaxis(a, axis, 0)
        width = len(rows) - 2 * HALO
        for n in range(HALO * periodic):
            rows[HALO + (n - HALO) % width] += rows[n]
            rows[HALO + n % width] += rows[HALO + width + n]
