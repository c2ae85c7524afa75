"""The neural corrector: features of the ocean, a network, and its outputs as fluxes, stresses or tendencies.

    corrector = Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"), hidden=(32, 32))
    model.corrector = corrector                       # from now on each step of the model adds its tendencies
    adjoint.gradient(loss, simulation, ["corrector"])  # with respect to all its weights

    x = (F - mean)/deviation of the features F at a stencil of neighbours,      O = scale tanh(network(x))

`nn.outputs` defines how the outputs O act; |O| < scale, so that one bad column cannot blow up a run. `nn.sampling`
defines the samples. The last layer of an untrained network is 0, and the run bit for bit that of the physics alone. The
outputs of an equivariant corrector (`nn.equivariance`) rotate with the ocean; those of a corrector without the feature
"velocity" are the same for an observer who moves at a constant velocity.

Adjoint: the lines of `add` in reverse order, with the adjoints of `nn.mlp`, `nn.features` and `nn.outputs`.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from adjoint.state import Gradient
from nn.corrector_file import fill_corrector, write_corrector
from nn.corrector_options import check_equivariance, check_model, check_names, check_rounds
from nn.equivariance import stretch_and_rotate, stretch_and_rotate_ad
from nn.feature_kernels import normalise
from nn.features import features_of
from nn.map_network import MapNetwork
from nn.network import make_all
from nn.normalisation import Normalisation, normalisation
from nn.outputs import forms_of
from nn.sampling import Sampling, feature_rows
from ogcm.air_sea import fluxes_at
from ogcm.device import array_module, copy_values, to_device, zeros
from ogcm.errors import InputError
from ogcm.forcing import Fluxes
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.state import State, Tendencies
from ogcm.terms import Term

Array = np.ndarray


class Corrector(Term):
    """A neural network that adds tendencies to those of the physics, bound to the grid of a model.

    Its features and outputs need statistics before a training: `nn.prepare` takes them from data.

    Parameters
    ----------
    model : Model
        The model to be corrected.
    features : sequence of str
        Names of features of the model (`nn.features_of`): the inputs of the network.
    outputs : sequence of str
        Names of forms of the model (`nn.forms_of`): what the outputs of the network are, and how they act.
    network : str, default "mlp"
        A name in `nn.NETWORKS`, which is made with `hidden`, `activation`, `seed` and `dtype`.
    hidden : sequence of int, default (32, 32)
        Sizes of the hidden layers.
    rounds : int, default 0
        Number of hidden layers, from the first on, whose values the next layer reads at all points of the stencil: a
        sample sees one cell further for each.
    activation : str, default "gelu"
        Activation of the hidden layers.
    vertical : {"column", "local"}, default "column"
        Whether a sample of the network is a whole column, or one cell with those above and below it.
    stencil : {"square", "cross", "point"}, default "square"
        Horizontal neighbours whose features are inputs: 3 x 3, the four nearest, or none.
    equivariant : bool, default False
        Whether the outputs rotate with the ocean; the features must then be scalars and the stencil "point".
    scales : mapping of str to float or sequence of float, optional
        Largest value of each output [its units], a number or one for each layer; of an equivariant output that of its
        coefficients [m2 s-1].
    seed : int, default 0
        Seed of the initial weights.
    dtype : {"float64", "float32"}, default "float64"
        Precision of the network.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        All weights of the network, which a trainer changes in place.
    F : ndarray, shape (rows + 1, nj, ni)
        Features of the last state, and a row of zeros.
    O : ndarray, shape (components, nk, nj, ni)
        Outputs of the network for the last state.

    Raises
    ------
    InputError
        For a name that does not exist, and for options that do not fit the model or each other.
    """

    decays, adds_tiles = True, True

    def __init__(
        self,
        model: Model,
        *,
        features: Sequence[str],
        outputs: Sequence[str],
        network: str = "mlp",
        hidden: Sequence[int] = (32, 32),
        rounds: int = 0,
        activation: str = "gelu",
        vertical: str = "column",
        stencil: str = "square",
        equivariant: bool = False,
        scales: Mapping[str, float | Sequence[float]] | None = None,
        seed: int = 0,
        dtype: str = "float64",
    ) -> None:
        check_names(model, features, outputs, stencil, vertical, dtype)
        check_model(features, outputs, model)
        check_rounds(rounds, hidden, stencil)
        if equivariant:
            check_equivariance(model, features, outputs, stencil)
        self.config: dict[str, Any] = {
            "features": tuple(features), "outputs": tuple(outputs), "network": network, "hidden": tuple(hidden),
            "rounds": rounds, "activation": activation, "vertical": vertical, "stencil": stencil,
            "equivariant": equivariant,
        }  # fmt: skip
        self.grid, self.layers = model.grid, len(model.grid.h_t)
        # Of the thickest cells of each layer at rest [m]
        self.thickness = model.grid.tile.largest_of_each(interior(model.grid.h_t).max((1, 2)))
        # The vectors that an equivariant corrector stretches and rotates; its network does not read them.
        known, forms = features_of(model), forms_of(model)
        self.bases = tuple(sorted({forms[name].basis for name in outputs} if equivariant else ()))
        self.features = {name: known[name] for name in (*features, *self.bases)}
        self.rows = feature_rows(self.features, self.layers)
        names = [row.feature for row in self.rows]
        self.rows_of = {
            name: slice(names.index(name), names.index(name) + names.count(name)) for name in dict.fromkeys(names)
        }
        self.levels = np.array([max(row.layer, 0) for row in self.rows])  # the layer whose mask each row has
        ends = np.cumsum([forms[name].components for name in outputs]).tolist()
        self.components = {name: slice(a, b) for name, a, b in zip(outputs, [0, *ends], ends, strict=False)}
        self.acting = [(forms[name], p) for name, p in self.components.items()]
        self.scale = np.ones((ends[-1], self.layers))
        self.scaled: set[str] = set()  # outputs whose scale is known
        self.set_scales(scales or {})
        self.normalisation = Normalisation(np.zeros(len(self.rows)), np.ones(len(self.rows)))
        sampling = Sampling(self.grid, self.rows, features, vertical, stencil)
        count = ends[-1] * (self.layers if vertical == "column" else 1)  # outputs of a sample
        options: dict[str, Any] = {"activation": activation, "seed": seed, "dtype": np.dtype(dtype)}
        sizes = sampling.inputs, count, rounds, len(sampling.offsets), tuple(hidden)
        networks = make_all(network, *sizes, **options)
        self.network = MapNetwork(networks, sampling, self.grid)
        self.allocate(model.state.u.dtype)

    def set_scales(self, scales: Mapping[str, float | Sequence[float] | Array]) -> None:
        """Set the largest value of outputs.

        Parameters
        ----------
        scales : mapping of str to float or sequence of float
            Largest value by the name of the output [its units]: a number, or one for each layer.

        Raises
        ------
        InputError
            For an unknown output, or a scale that is not positive.
        """
        for name, value in scales.items():
            if name not in self.config["outputs"]:
                raise InputError(f"scales: {name!r} is not one of the outputs {', '.join(self.config['outputs'])}")
            sizes = np.asarray(value, float)
            if sizes.shape not in ((), (self.layers,)) or not (np.isfinite(sizes) & (sizes > 0)).all():
                raise InputError(f"scales: {name} needs a positive number, or {self.layers} of them; got {sizes}")
            self.scale[self.components[name]] = sizes
            self.scaled.add(name)

    def set_normalisation(self, model: Model, states: Sequence[State]) -> None:
        """Set mean and standard deviation of the features from some states.

        Parameters
        ----------
        model : Model
            The model of the states.
        states : sequence of State
            The states; the time of each gives the forcing.
        """
        found = []
        for n in states:
            self.compute_features(model, n, fluxes_at(model, n, n.time))
            found.append(interior(self.F[:-1]).astype(float))
        self.normalisation = normalisation(found, interior(self.grid.mask_t[self.levels]) > 0, self.grid.tile)

    # A term of the stepper

    def add(self, model: Model, n: State, fluxes: Fluxes, D: Tendencies) -> None:
        self.compute_features(model, n, fluxes)
        basis = self.vector_basis()
        self.normalise_features()
        self.evaluate_network()
        acting = stretch_and_rotate(self.O, basis, self.acting, self.grid) if basis else self.O
        exchange(self.grid, *acting)
        for form, p in self.acting:
            form.forward(*acting[p], self.grid, *(getattr(D, field) for field in form.acts_on))

    def add_ad(self, model: Model, n: State, fluxes: Fluxes, D_ad: Tendencies, gradient: Gradient) -> None:
        """Add the adjoint of `add` to `gradient`.

        Parameters
        ----------
        model : Model
            The model.
        n : State
            The state at the beginning of the step.
        fluxes : Fluxes
            The forcing of the step.
        D_ad : Tendencies
            Adjoint of the tendencies, its halo filled.
        gradient : Gradient
            Receives the adjoint of the state, the fluxes, the parameters and the weights.
        """
        grid = self.grid
        self.compute_features(model, n, fluxes)
        basis = self.vector_basis()
        self.normalise_features()
        O_ad, F_ad = np.zeros_like(self.O), np.zeros_like(self.F)
        for form, p in self.acting:
            form.backward(*self.O[p], grid, *(getattr(D_ad, field) for field in form.acts_on), *O_ad[p])
        basis_ad = {}
        if basis:
            self.evaluate_network()
            basis_ad = stretch_and_rotate_ad(self.O, basis, self.acting, grid, O_ad)
        weights_ad: Any = gradient.weights
        self.network.backward(self.F, self.scale, O_ad, F_ad, weights_ad)
        normalise(0 * self.normalisation.mean, self.normalisation.r_deviation, self.levels, grid, F_ad[:-1])
        for name, e_ad in basis_ad.items():
            F_ad[self.rows_of[name]] += e_ad.reshape(-1, *F_ad.shape[1:])
        exchange(grid, F_ad)
        for name, feature in self.features.items():
            if feature.backward is not None:
                feature.backward(model, n, fluxes, *self.components_of(name, F_ad), gradient)

    def compute_features(self, model: Model, n: State, fluxes: Fluxes) -> None:
        """Compute the features of a state, in their own units, into F.

        Parameters
        ----------
        model : Model
            The model.
        n : State
            The state, its halo filled.
        fluxes : Fluxes
            The forcing.
        """
        for name, rows in self.rows_of.items():
            if name in self.fixed:
                self.F[rows] = self.fixed[name]
                continue
            self.features[name].forward(model, n, fluxes, *self.components_of(name, self.F))
            if self.features[name].backward is None:
                self.fixed[name] = self.F[rows].copy()

    def normalise_features(self) -> None:
        """Replace F by (F - mean)/deviation, 0 on land, and fill its halo."""
        normalise(*self.normalisation, self.levels, self.grid, self.F[:-1])
        exchange(self.grid, self.F)

    def evaluate_network(self) -> None:
        """Compute O = scale network(F) at the wet samples, from normalised features F."""
        self.network.forward(self.F, self.scale, self.O)

    def components_of(self, feature: str, F: Array) -> list[Array]:
        """Return the components of a feature.

        Parameters
        ----------
        feature : str
            Name of the feature.
        F : ndarray, shape (rows + 1, nj, ni)
            All features, or their adjoint.

        Returns
        -------
        list of ndarray, shape (levels, nj, ni)
            Views of the components.
        """
        rows, count = F[self.rows_of[feature]], len(self.features[feature].components)
        return list(rows.reshape(count, -1, *rows.shape[1:]))

    def vector_basis(self) -> dict[str, Array]:
        """Return the vectors that an equivariant corrector stretches and rotates, from features in their own units.

        Returns
        -------
        dict of str to ndarray, shape (2, nk, nj, ni)
            The two components by the name of the feature; empty for other correctors.
        """
        return {name: np.stack(self.components_of(name, self.F)) for name in self.bases}

    # Copies

    def allocate(self, dtype: np.dtype) -> None:
        """Allocate the arrays F and O.

        Parameters
        ----------
        dtype : numpy.dtype
            Type of the state.
        """
        shape = self.grid.h_t.shape
        self.F = zeros(self.grid.h_t, (len(self.rows) + 1, *shape[1:]), dtype)
        self.O = zeros(self.grid.h_t, (len(self.scale), *shape), dtype)
        self.fixed: dict[str, Array] = {}  # features that depend on the grid alone

    @property  # the network holds them
    def weights(self) -> Array:  # type: ignore[override]
        """All weights of the network (n,), which a trainer changes in place."""
        return self.network.weights

    @property
    def nbytes(self) -> int:
        """Memory on a GPU [bytes]: features, outputs, and what the network needs."""
        return self.F.nbytes + self.O.nbytes + self.network.nbytes

    def astype(self, dtype: np.dtype) -> "Corrector":
        """Return a copy with weights and work arrays of its own.

        Parameters
        ----------
        dtype : numpy.dtype
            Type of the states that the copy corrects.

        Returns
        -------
        Corrector
            The copy.
        """
        other = copy.copy(self)
        other.network = self.network.astype(np.result_type(self.network.weights.dtype, dtype))
        other.allocate(np.dtype(dtype))
        return other

    def copy(self) -> "Corrector":
        """Return a copy with weights, statistics of the features and work arrays of its own.

        Returns
        -------
        Corrector
            The copy.
        """
        other, weights = copy.copy(self), self.network.weights.copy()
        other.network = self.network.with_weights(weights, array_module(weights))
        other.scale, other.scaled = self.scale.copy(), set(self.scaled)
        other.normalisation = Normalisation(*(a.copy() for a in self.normalisation))
        other.allocate(self.F.dtype)
        other.fixed = dict(self.fixed)
        return other

    def to(self, device: str, model: Model, mirror: Model) -> "Corrector":
        """Return a copy on a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            The device.
        model : Model
            The model of this corrector.
        mirror : Model
            The copy of the model on the device.

        Returns
        -------
        Corrector
            The copy, with weights and work arrays on the device.
        """
        other = copy.copy(self)
        weights = to_device(self.network.weights, device)
        other.grid, other.network = mirror.grid, self.network.to(device, weights, mirror.grid)
        for name, rows in self.rows_of.items():
            if self.features[name].backward is None and name not in self.fixed:
                self.features[name].forward(model, model.state, None, *self.components_of(name, self.F))
                self.fixed[name] = self.F[rows].copy()
        other.scale, other.levels = to_device(self.scale, device), to_device(self.levels, device)
        other.normalisation = Normalisation(*(to_device(a, device) for a in self.normalisation))
        other.allocate(self.F.dtype)
        other.fixed = {name: to_device(a, device) for name, a in self.fixed.items()}
        return other

    def assign(self, other: Any) -> None:
        """Take weights, scales and statistics of the features from a copy on another device.

        Parameters
        ----------
        other : Corrector
            The copy.
        """
        mine, its = (self.weights, self.scale, *self.normalisation), (other.weights, other.scale, *other.normalisation)
        for target, source in zip(mine, its, strict=True):
            copy_values(target, source)

    # Files

    def save(self, group: h5py.Group) -> None:
        """Write network, options, normalisation and scales into a file.

        Parameters
        ----------
        group : h5py.Group
            An empty group of an HDF5 file.
        """
        write_corrector(self, group)

    def load(self, group: h5py.Group) -> None:
        """Take network, normalisation and scales from a file.

        Parameters
        ----------
        group : h5py.Group
            The group that `save` wrote, with the options of this corrector.

        Raises
        ------
        InputError
            For one that was made for other layers.
        ValueError, KeyError
            For a damaged group.
        """
        fill_corrector(self, group)
