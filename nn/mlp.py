"""A multilayer perceptron with its hand-derived adjoint.

    y = c(W_L a(... a(W_1 x + b_1) ...) + b_L),    c the activation of the last layer, or y = c

Samples are columns, so that every layer is one matrix product: x (n_in, n), y (n_out, n). All weights are one flat
vector, for each layer W (row by row), then b; a trainer changes it in place.

Adjoint, with z = W x + b:  b_ad += sum of z_ad over the samples,  W_ad += z_ad x^T,  x_ad = W^T z_ad, and through an
activation z_ad = a'(z) a_ad. `backward` computes the hidden layers again, so that nothing is stored between the two.

In such small layers the elementwise operations cost as much as the products. The activations (`nn.activations`)
therefore work in place, and samples pass through all layers in blocks that fit into the cache (`MLP.blocks`). The array
module is NumPy or CuPy; on a GPU there is one block.

On a CPU the products are those of `nn.products`: the bits of a sample do not depend on the others. `backward` adds the
samples in their order. The sums of `backward_exactly` are the same in any order, as the division of an ocean needs it.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import ModuleType

import h5py
import numpy as np
from threadpoolctl import ThreadpoolController

from nn.activations import ACTIVATIONS, STEEPEST
from nn.products import ProductSum, multiply

Array = np.ndarray

BLOCK = 512  # samples; a hidden layer of 64 in float64 then takes 256 KB
BLAS = ThreadpoolController()  # one thread: a second gains nothing on such blocks, and would change bits


# Weights


def glorot(rng: np.random.Generator, n_out: int, n_in: int) -> Array:
    """Draw weights uniformly in +-sqrt(6/(n_in + n_out)) (Glorot and Bengio 2010, eq. 16)."""
    limit = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-limit, limit, (n_out, n_in))


def he(rng: np.random.Generator, n_out: int, n_in: int) -> Array:
    """Draw normally distributed weights of the variance 2/n_in (He et al. 2015, eq. 10)."""
    return rng.normal(0, np.sqrt(2 / n_in), (n_out, n_in))


INITIALISATIONS = {"glorot": glorot, "he": he}


def count_weights(sizes: Sequence[int]) -> int:
    """Return the number of weights of a network with these sizes of its layers."""
    return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(sizes))


def layer_views(flat: Array, sizes: Sequence[int]) -> list[tuple[Array, Array]]:
    """Return views W (n_out, n_in), b (n_out,) of each layer into a flat vector (n,): weights, or their gradient."""
    layers, start = [], 0
    for n_in, n_out in pairwise(sizes):
        middle, end = start + n_out * n_in, start + n_out * (n_in + 1)
        layers.append((flat[start:middle].reshape(n_out, n_in), flat[middle:end]))
        start = end
    return layers


def to_host(array: Array) -> Array:
    """Return the array in the memory of the host, where h5py reads it."""
    return array.get() if hasattr(array, "get") else array


def affine(W: Array, b: Array, x: Array) -> Array:
    """Return W x + b, a new array; x is contiguous."""
    if isinstance(x, np.ndarray):
        y = np.empty((len(W), x.shape[1]), np.result_type(W, x))
        multiply(W, b, x, y)
        return y
    y = W @ x
    y += b[:, None]
    return y


def check_choice(what: str, name: str, known: dict) -> None:
    """Raise ValueError for a name that is not in the table."""
    if name not in known:
        raise ValueError(f"{what}: unknown {name!r}; choose one of {', '.join(known)}")


class MLP:
    """A multilayer perceptron.

    Parameters
    ----------
    sizes : sequence of int
        Sizes of the input, of each hidden layer and of the output, such as (40, 32, 32, 12).
    activation : {"gelu", "tanh", "silu", "relu"}, default "gelu"
        Activation of the hidden layers.
    initialisation : {"glorot", "he"}, default "glorot"
        Distribution of the initial weights; the biases are 0.
    zero_last : bool, default True
        Whether the last layer is 0, and with it the output until the first step of a training.
    last : {"gelu", "tanh", "silu", "relu"}, optional
        Activation of the output, which is linear by default.
    seed : int or sequence of int, default 0
        Seed of the weights. They are drawn in float64 and rounded, so that a seed gives the same network for each type.
    dtype : dtype, default float64
        Type of the weights.
    xp : module, default numpy
        The array module, numpy or cupy.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        All weights, which a trainer changes in place.

    Raises
    ------
    ValueError
        For sizes that are not two or more positive integers, and for unknown names.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str = "gelu",
        initialisation: str = "glorot",
        zero_last: bool = True,
        last: str | None = None,
        seed: int | Sequence[int] = 0,
        dtype: np.dtype | type | str = np.float64,
        xp: ModuleType = np,
    ) -> None:
        if len(sizes) < 2 or any(n != int(n) or n < 1 for n in sizes):
            raise ValueError(f"sizes: give two or more positive integers, input first and output last, got {sizes!r}")
        for name in (activation, last or activation):
            check_choice("activation", name, ACTIVATIONS)
        check_choice("initialisation", initialisation, INITIALISATIONS)
        self.sizes, self.activation, self.last, self.xp = tuple(map(int, sizes)), activation, last, xp
        drawn, rng = np.zeros(count_weights(self.sizes)), np.random.default_rng(seed)
        layers = layer_views(drawn, self.sizes)
        for W, _ in layers[: -1 if zero_last else None]:
            W[...] = INITIALISATIONS[initialisation](rng, *W.shape)
        self.weights = xp.asarray(drawn, dtype=dtype)

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        """Views W (n_out, n_in), b (n_out,) of each layer into `weights`."""
        return layer_views(self.weights, self.sizes)

    def forward(self, x: Array) -> Array:
        """Return the outputs of some samples; weights and inputs may be complex.

        Parameters
        ----------
        x : ndarray, shape (n_in, n)
            The samples.

        Returns
        -------
        ndarray, shape (n_out, n)
            The outputs, in the common type of weights and x.

        Raises
        ------
        ValueError
            For another number of rows.
        """
        self.check("x", x, (self.sizes[0], "n"))
        n = x.shape[1]
        y = self.xp.empty((self.sizes[-1], n), self.xp.result_type(self.weights, x))
        for s in self.blocks(n):
            *_, h = self.inputs(self.xp.ascontiguousarray(x[:, s]))
            y[:, s] = affine(*self.layers[-1], h)
            if self.last:
                ACTIVATIONS[self.last](self.xp, y[:, s])
        return y

    @BLAS.wrap(limits=1, user_api="blas")
    def backward(self, x: Array, y_ad: Array, weights_ad: Array, counted: Array | None = None) -> Array:
        """Add the adjoint of the weights, and return that of the samples.

        Parameters
        ----------
        x : ndarray, shape (n_in, n)
            The samples.
        y_ad : ndarray, shape (n_out, n)
            Adjoint of the outputs.
        weights_ad : ndarray, shape (m,)
            Receives the adjoint of the weights.
        counted : ndarray of bool, shape (n,), optional
            Samples that count for the adjoint of the weights, all by default.

        Returns
        -------
        ndarray, shape (n_in, n)
            Adjoint of the samples.

        Raises
        ------
        ValueError
            For other shapes.
        """
        self.check("weights_ad", weights_ad, self.weights.shape)
        layers_ad = layer_views(weights_ad, self.sizes)

        def add(layer: int, z_ad: Array, x: Array, block: slice) -> None:
            W_ad, b_ad = layers_ad[layer]
            z_ad = z_ad if counted is None else z_ad * counted[block]
            W_ad += z_ad @ x.T
            b_ad += z_ad.sum(axis=1)

        return self.adjoint(x, y_ad, add)

    def backward_exactly(self, x: Array, y_ad: Array, counted: Array, sums: Sequence[ProductSum]) -> Array:
        """Add the adjoint of the weights to exact sums, and return that of the samples, all of which are real.

        Parameters
        ----------
        x : ndarray, shape (n_in, n)
            The samples.
        y_ad : ndarray, shape (n_out, n)
            Adjoint of the outputs.
        counted : ndarray of bool, shape (n,)
            Samples that count for the adjoint of the weights.
        sums : sequence of ProductSum
            Those of `sums`.

        Returns
        -------
        ndarray, shape (n_in, n)
            Adjoint of the samples.

        Raises
        ------
        ValueError
            For other shapes.
        """

        def add(layer: int, z_ad: Array, x: Array, block: slice) -> None:
            sums[layer].add(z_ad * counted[block], x)

        return self.adjoint(x, y_ad, add)

    def sums(self, x_max: Array, y_ad_max: Array, count: int) -> list[ProductSum]:
        """Return sums for the adjoint of the weights of each layer, from bounds of all that passes through the layers.

        An activation is no larger than its argument, and its slope at most STEEPEST.

        Parameters
        ----------
        x_max : ndarray, shape (n_in,)
            Largest absolute value of each input.
        y_ad_max : ndarray, shape (n_out,)
            Largest absolute value of the adjoint of each output.
        count : int
            Largest number of samples.

        Returns
        -------
        list of ProductSum
            The sums, whose totals are the adjoints of W and b.
        """
        inputs, sums = [np.asarray(x_max, float)], []
        for W, b in self.layers[:-1]:
            inputs.append((np.abs(W) * inputs[-1]).sum(axis=1, dtype=float) + np.abs(b))
        ad = np.asarray(y_ad_max, float) * (STEEPEST if self.last else 1)
        for (W, _), x in zip(reversed(self.layers), reversed(inputs), strict=True):
            sums.append(ProductSum(1.01 * ad * max(x.max(), 1.0), W.shape[1], count))  # with a margin for round-off
            ad = STEEPEST * (np.abs(W) * ad[:, None]).sum(axis=0, dtype=float)
        return sums[::-1]

    def adjoint(self, x: Array, y_ad: Array, add: Callable[[int, Array, Array, slice], None]) -> Array:
        """Return the adjoint of the samples, and hand the factors of that of the weights to a function.

        Parameters
        ----------
        x : ndarray, shape (n_in, n)
            The samples.
        y_ad : ndarray, shape (n_out, n)
            Adjoint of the outputs.
        add : callable
            `add(layer, z_ad, x, block)` receives z_ad and x of a layer for a block of samples.

        Returns
        -------
        ndarray, shape (n_in, n)
            Adjoint of the samples.

        Raises
        ------
        ValueError
            For other shapes.
        """
        self.check("x", x, (self.sizes[0], "n"))
        n = x.shape[1]
        self.check("y_ad", y_ad, (self.sizes[-1], n))
        transposed = [(self.xp.ascontiguousarray(W.T), self.xp.zeros(W.shape[1], W.dtype)) for W, _ in self.layers]
        x_ad = self.xp.empty(x.shape, self.xp.result_type(self.weights, x, y_ad))
        for s in self.blocks(n):
            slopes: list[Array] = []
            x_block, ad = (self.xp.ascontiguousarray(a[:, s]) for a in (x, y_ad))
            inputs = list(self.inputs(x_block, slopes))
            if self.last:
                y = affine(*self.layers[-1], inputs[-1])
                slope = self.xp.empty_like(y)
                ACTIVATIONS[self.last](self.xp, y, slope)
                ad = ad * slope
            for layer in reversed(range(len(inputs))):
                add(layer, ad, inputs.pop(), s)
                ad = affine(*transposed[layer], ad)
                if slopes:
                    ad *= slopes.pop()
            x_ad[:, s] = ad
        return x_ad

    def inputs(self, x: Array, slopes: list[Array] | None = None) -> Iterator[Array]:
        """Yield the input of each layer.

        Parameters
        ----------
        x : ndarray, shape (n_in, n)
            The samples.
        slopes : list of ndarray, optional
            Receives the derivative of each activation.

        Yields
        ------
        ndarray, shape (size, n)
            The input of the next layer.
        """
        yield x
        for W, b in self.layers[:-1]:
            x = affine(W, b, x)
            slope = None
            if slopes is not None:
                slope = self.xp.empty_like(x)
                slopes.append(slope)
            ACTIVATIONS[self.activation](self.xp, x, slope)
            yield x

    def blocks(self, n: int) -> list[slice]:
        """Return the samples that pass through the layers together: on a CPU as many as fit into the cache.

        Blocks take half the time of all samples at once, in float64.

        Parameters
        ----------
        n : int
            Number of samples.

        Returns
        -------
        list of slice
            The blocks.
        """
        if not isinstance(self.weights, np.ndarray):
            return [slice(n)]
        return [slice(a, min(a + BLOCK, n)) for a in range(0, n, BLOCK)]

    def check(self, name: str, array: Array, shape: tuple) -> None:
        """Check the shape of an array.

        Parameters
        ----------
        name : str
            Name of the array, for the message.
        array : ndarray
            The array.
        shape : tuple of int or str
            Its shape; "n" is any number.

        Raises
        ------
        ValueError
            For another shape.
        """
        if len(array.shape) != len(shape) or any(s not in ("n", a) for s, a in zip(shape, array.shape, strict=True)):
            expected = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
            raise ValueError(f"{name}: expected the shape ({expected}), samples are columns; got {array.shape}")

    def astype(self, dtype: type | str) -> "MLP":
        """Return the same network with a copy of the weights in another type.

        Parameters
        ----------
        dtype : dtype
            float32, float64 or complex128.

        Returns
        -------
        MLP
            The network.
        """
        other = copy.copy(self)
        other.weights = self.weights.astype(dtype)
        return other

    def with_weights(self, weights: Array, xp: ModuleType) -> "MLP":
        """Return the same network with other weights.

        Parameters
        ----------
        weights : ndarray, shape (n,)
            The weights, which are not copied.
        xp : module
            Their array module, numpy or cupy.

        Returns
        -------
        MLP
            The network.
        """
        other = copy.copy(self)
        other.weights, other.xp = weights, xp
        return other

    def flops(self, n: int) -> int:
        """Return the multiplications and additions in the matrix products of `forward`, two for each weight and sample.

        `backward` takes three times as many, without those of the last layer where the output is linear.

        Parameters
        ----------
        n : int
            Number of samples.

        Returns
        -------
        int
            The number of operations.
        """
        return 2 * n * sum(n_in * n_out for n_in, n_out in pairwise(self.sizes))

    def save(self, group: h5py.Group) -> None:
        """Write sizes, activations and weights.

        Parameters
        ----------
        group : h5py.Group
            An empty group of an HDF5 file.
        """
        group.attrs.update(sizes=self.sizes, activation=self.activation, last=self.last or "linear")
        group["weights"] = to_host(self.weights)

    @classmethod
    def load(cls, group: h5py.Group, xp: ModuleType = np) -> "MLP":
        """Read a network that `save` wrote, bit for bit.

        Parameters
        ----------
        group : h5py.Group
            The group.
        xp : module, default numpy
            The array module, numpy or cupy.

        Returns
        -------
        MLP
            The network.

        Raises
        ------
        ValueError
            Where the group holds no network, or a damaged one.
        """
        where = f"{group.file.filename}:{group.name}"
        missing = [name for name in ("sizes", "activation", "last") if name not in group.attrs]
        missing += [] if isinstance(group.get("weights"), h5py.Dataset) else ["weights"]
        if missing:
            raise ValueError(f"{where}: holds no network, it lacks {', '.join(missing)}; was it saved by MLP.save?")
        try:
            weights = group["weights"][...]
            attributes = group.attrs
            last = None if attributes["last"] == "linear" else attributes["last"]
            net = cls(attributes["sizes"].tolist(), activation=attributes["activation"], last=last, xp=xp)
        except (OSError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: a damaged network: {error}") from None
        if weights.shape != net.weights.shape or weights.dtype.kind not in "fc":
            raise ValueError(
                f"{where}: a damaged network: sizes {net.sizes} need floating-point weights of the shape "
                f"{net.weights.shape}, got {weights.dtype} {weights.shape}"
            )
        net.weights = xp.asarray(weights)
        return net
