"""Products of matrices whose bits do not depend on the division of an ocean into tiles, for networks.

    multiply(W, b, x, y)         y = W x + b; each sum is taken in the order of the inputs, for each sample by itself
    sums = ProductSum(largest, inputs, count)
    sums.add(z, x)               z x^T and z, summed over samples that may come in any order, from any tile
    sums.total(tile)

The library of NumPy's products (BLAS) adds in an order that depends on the shapes of the matrices, hence on the number
of samples and on the place of a sample among them.

A `ProductSum` is exact, so that its order does not matter. Each product p is split into a multiple t of a unit and the
rest p - t, and the rest is rounded to a multiple of a smaller unit (Demmel and Nguyen 2013, doi 10.1109/ARITH.2013.9,
section 4):

    S' = S + p,    t = S' - S,    S starts at M = 1.5 2^52 units

The units follow from bounds of all products and from their number: the smallest for which no sum exceeds 2^51 units, so
that float64 adds multiples without an error. Together they hold 2 (51 - log2(count)) bits below the bound, 68 for
100,000 samples. (Where p lies in the middle between two multiples, t depends on S, and the rest makes up for it.)
"""

from functools import partial

import numpy as np

from ogcm.backend import kernel, point
from ogcm.tiles import Tile

Array = np.ndarray
TRANSPOSED = 32  # samples whose inputs are copied to rows at once, a multiple of four
SMALLEST = -800  # exponent of the smallest bound, far from where float64 loses bits


@partial(kernel, parallel=False, contract=True)
def multiply(W, b, x, y):
    """Compute y = W x + b; each y adds its products in the order of the inputs.

    Eight inputs at once read and write each number of y an eighth as often, and stay in the cache for all outputs.

    Parameters
    ----------
    W : ndarray, shape (outputs, inputs)
        The matrix.
    b : ndarray, shape (outputs,)
        Vector to which the products are added.
    x : ndarray, shape (inputs, n)
        The samples, in its columns.
    y : ndarray, shape (outputs, n)
        Receives the result.
    """
    outputs, inputs = W.shape
    n = x.shape[1]
    for o in range(outputs):
        for s in range(n):
            y[o, s] = b[o]
    for k in range(0, inputs - 7, 8):
        x0, x1, x2, x3, x4, x5, x6, x7 = x[k], x[k + 1], x[k + 2], x[k + 3], x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for o in range(outputs):
            w, z = W[o], y[o]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[k], w[k + 1], w[k + 2], w[k + 3], w[k + 4], w[k + 5], w[k + 6], w[k + 7]
            for s in range(n):
                four = (((z[s] + w0 * x0[s]) + w1 * x1[s]) + w2 * x2[s]) + w3 * x3[s]
                z[s] = (((four + w4 * x4[s]) + w5 * x5[s]) + w6 * x6[s]) + w7 * x7[s]
    for k in range(inputs - inputs % 8, inputs):
        for o in range(outputs):
            for s in range(n):
                y[o, s] += W[o, k] * x[k, s]


@point
def add_four(z, x0, x1, x2, x3, s, shifts, parts):
    """Add the products of z and four samples x (inputs,), of which the first is s, to the sums in two parts."""
    last = z.shape[1] - 1
    for o in range(len(z)):
        z0, z1, z2, z3 = z[o, s], z[o, min(s + 1, last)], z[o, min(s + 2, last)], z[o, min(s + 3, last)]
        small, first, second = shifts[1, o], parts[0, o], parts[1, o]
        for i in range(len(x0)):
            before, p = first[i], z0 * x0[i]
            after = before + p
            rest = ((p - (after - before)) + small) - small
            before, p = after, z1 * x1[i]
            after = before + p
            rest += ((p - (after - before)) + small) - small
            before, p = after, z2 * x2[i]
            after = before + p
            rest += ((p - (after - before)) + small) - small
            before, p = after, z3 * x3[i]
            after = before + p
            rest += ((p - (after - before)) + small) - small
            first[i] = after
            second[i] += rest


@partial(kernel, parallel=False)
def add_products(z, x, shifts, parts):
    """Add the products z x^T and the sum of z to sums in two parts, without a rounding error.

    Parameters
    ----------
    z : ndarray, shape (outputs, n)
        The left factors of n samples.
    x : ndarray, shape (inputs, n)
        The right factors.
    shifts : ndarray, shape (2, outputs)
        The numbers M of the two units.
    parts : ndarray, shape (2, outputs, inputs + 1)
        M plus the sum of multiples of the larger unit, and the sum of those of the smaller one, added to.
    """
    inputs, n = x.shape
    rows = np.zeros((TRANSPOSED, inputs + 1))
    for start in range(0, n, TRANSPOSED):
        stop = min(start + TRANSPOSED, n)
        for i in range(inputs):
            for s in range(start, stop):
                rows[s - start, i] = x[i, s]
        rows[: stop - start, inputs] = 1
        rows[stop - start :] = 0
        for s in range(start, stop, 4):
            r = s - start
            add_four(z, rows[r], rows[r + 1], rows[r + 2], rows[r + 3], s, shifts, parts)


class ProductSum:
    """The sums of z x^T and of z over many samples, with the same bits for any order and any division into tiles.

    Parameters
    ----------
    largest : ndarray, shape (outputs,)
        Upper bound of |z x| and |z| for each output, the same in all tiles.
    inputs : int
        Number of inputs.
    count : int
        Upper bound of the number of samples in all tiles.
    """

    def __init__(self, largest: Array, inputs: int, count: int) -> None:
        bits = 51 - int(np.ceil(np.log2(max(count, 4))))
        bound = np.maximum(np.frexp(largest)[1], SMALLEST)  # largest < 2^bound
        self.shifts = np.ldexp(1.5, 52 + bound - bits * np.array([[1], [2]]))
        self.parts = np.zeros((2, len(largest), inputs + 1))
        self.parts[0] = self.shifts[0][:, None]

    def add(self, z: Array, x: Array) -> None:
        """Add the products of some samples.

        Parameters
        ----------
        z : ndarray, shape (outputs, n)
            The left factors.
        x : ndarray, shape (inputs, n)
            The right factors.
        """
        add_products(z, x, self.shifts, self.parts)

    def total(self, tile: Tile) -> tuple[Array, Array]:
        """Return the sums over the samples of all tiles, which all of them must ask for.

        Parameters
        ----------
        tile : Tile
            The tile of this process.

        Returns
        -------
        ndarray, shape (outputs, inputs)
            The sum of z x^T.
        ndarray, shape (outputs,)
            The sum of z.
        """
        parts = self.parts.copy()
        parts[0] -= self.shifts[0][:, None]
        first, second = tile.add(parts)
        total = first + second
        return total[:, :-1], total[:, -1]
