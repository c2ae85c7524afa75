"""Correlation by implicit diffusion: its square root and the transpose of that.

    da/dt = div(grad a) in M implicit steps of the length l^2:     A a_(n+1) = a_n,     A = 1 - l^2 div grad

    C = N A^-M W^-1 N = V V^T,     V = N W^-1/2 B^(-M/2),     B = W^1/2 A W^-1/2

Points have volumes W and exchange along links with a conductance: the face between two points over their distance. B
is therefore symmetric; land has no links, so that walls and islands reflect. N has the numbers with which each point
has the variance 1. Square root and transpose apply the same factors of B in reverse order.

In d dimensions without walls C is the Matern function c with nu = M - d/2 (Whittle 1954),

    c(r) = 2^(1-nu)/Gamma(nu) (r/l)^nu K_nu(r/l),     L = l sqrt(2 M - d - 2),     c = 1 - r^2/(2 L^2) + ... near r = 0

which is close to the Gaussian exp(-r^2/(2 L^2)) for M = 10; its tail is a little longer. L is the length of Daley
(1991), and the one that users give. (Weaver and Courtier 2001, doi 10.1002/qj.49712757518; Mirouze and Weaver 2010, doi
10.1002/qj.643; Carrier and Ngodock 2010, doi 10.1016/j.ocemod.2010.06.003.)

The variance without N W^-1/2 is the diagonal of B^-M. It is exact where there are few colours: one solve with the unit
vectors of all points of a *colour* gives the variance of each, since these points lie APART lengths from each other,
where the correlation is below 0.003: the standard deviation is then correct to 0.3 %. For more colours it is that of
random vectors (Weaver and Courtier 2001).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse, special
from scipy.sparse.linalg import splu

Array = np.ndarray
M = 10  # implicit steps, an even number
APART = 4.0  # distance [L] of the points whose variances one solve gives
COLOURS = 3000  # number of colours up to which the variance is exact
RANDOM = 2000  # number of random vectors otherwise: a standard deviation is then correct to 1.6 % (sigma)
COLUMNS = 4  # number of vectors that are solved for together: they stay in the cache of a processor


class Links(NamedTuple):
    """Points that exchange by diffusion: of a layer, of columns, or of times.

    Attributes
    ----------
    volume : ndarray, shape (n,)
        Volume of each point: a length [m], an area [m2] or a duration [s].
    first, second : ndarray of int, shape (e,)
        Numbers of the two points of each link.
    conductance : ndarray, shape (e,)
        Size of the face between them over their distance, so that volume/conductance is a distance squared.
    colours : ndarray of int, shape (n,)
        Colours of the points; those of one colour lie far from each other, or are not connected.
    dimension : int
        Number of dimensions d.
    """

    volume: Array
    first: Array
    second: Array
    conductance: Array
    colours: Array
    dimension: int


def scale_of(length: float, dimension: int) -> float:
    """Return the scale l of a step of the diffusion.

    Parameters
    ----------
    length : float
        Length L of the correlation (Daley), in any units.
    dimension : int
        Number of dimensions d.

    Returns
    -------
    float
        l, in the units of the length.
    """
    return length / np.sqrt(2 * M - dimension - 2)


def matern(r: Array, length: float, dimension: int) -> Array:
    """Compute the correlation far from walls.

    Parameters
    ----------
    r : ndarray
        Distances.
    length : float
        Length L of the correlation, in the units of r.
    dimension : int
        Number of dimensions d.

    Returns
    -------
    ndarray
        The correlation c(r) [1].
    """
    nu, x = M - dimension / 2, np.asarray(r, float) / scale_of(length, dimension)
    with np.errstate(invalid="ignore"):  # 0 times infinity
        c = 2 ** (1 - nu) / special.gamma(nu) * x**nu * special.kv(nu, x)
    return np.where(x > 0, c, 1.0)


class Diffusion:
    """The square root V of a correlation between some points.

    Parameters
    ----------
    links : Links
        The points and their links.
    length : float
        Length L of the correlation, in the units of the links [m or s].

    Attributes
    ----------
    exact : bool
        Whether the variance is exact, instead of that of random vectors.
    scale : ndarray, shape (n, 1)
        N W^-1/2, with which the variance is 1.
    """

    def __init__(self, links: Links, length: float) -> None:
        n, root = len(links.volume), np.sqrt(links.volume)
        shape, l2 = (n, n), scale_of(length, links.dimension) ** 2
        one_way = sparse.coo_matrix((links.conductance, (links.first, links.second)), shape)
        exchange = (one_way + one_way.T).tocsr()
        laplacian = exchange - sparse.diags(np.asarray(exchange.sum(axis=1)).ravel())
        weight = sparse.diags(1 / root)
        matrix = (sparse.identity(n) - l2 * (weight @ laplacian @ weight)).tocsc()
        self.factors = splu(matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        self.exact = int(links.colours.max()) < COLOURS
        variance = self.exact_variance(links.colours) if self.exact else self.random_variance(n)
        self.scale = 1 / np.sqrt(variance)[:, None]

    def stepped(self, a: Array, steps: int) -> Array:
        """Return B^-steps a for vectors a (n, m), which may be complex."""
        if np.iscomplexobj(a):
            return self.stepped(a.real, steps) + 1j * self.stepped(a.imag, steps)
        found = np.empty(a.shape)
        for m in range(0, a.shape[1], COLUMNS):
            block = np.asfortranarray(a[:, m : m + COLUMNS], float)
            for _ in range(steps):
                block = self.factors.solve(block)
            found[:, m : m + COLUMNS] = block
        return found

    def exact_variance(self, colours: Array) -> Array:
        """Return the diagonal of B^-M (n,), one colour of points after the other."""
        variance = np.empty(len(colours))
        for block in blocks(int(colours.max()) + 1):
            found = self.stepped((colours[:, None] == block).astype(float), M)
            at = (colours >= block[0]) & (colours <= block[-1])
            variance[at] = found[at, colours[at] - block[0]]
        return variance

    def random_variance(self, n: int) -> Array:
        """Return the variance (n,) of B^(-M/2) z for RANDOM vectors z of independent numbers of variance 1."""
        rng, squares = np.random.default_rng(0), np.zeros(n)
        for block in blocks(RANDOM):
            squares += (self.stepped(rng.choice([-1.0, 1.0], (n, len(block))), M // 2) ** 2).sum(axis=1)
        return squares / RANDOM

    def root(self, z: Array) -> Array:
        """Compute V z.

        Parameters
        ----------
        z : ndarray, shape (n, m)
            m vectors, real or complex.

        Returns
        -------
        ndarray, shape (n, m)
            The correlated vectors, of variance 1 where z has independent elements of variance 1.
        """
        return self.scale * self.stepped(z, M // 2)

    def transpose(self, a: Array) -> Array:
        """Compute V^T a.

        Parameters
        ----------
        a : ndarray, shape (n, m)
            m vectors, real or complex.

        Returns
        -------
        ndarray, shape (n, m)
            The gradient with respect to z of vectors with the gradient a with respect to V z.
        """
        return self.stepped(self.scale * a, M // 2)


def blocks(count: int) -> Iterator[Array]:
    """Yield the numbers from 0 to count - 1, as many at once as are solved for together."""
    for m in range(0, count, COLUMNS):
        yield np.arange(m, min(m + COLUMNS, count))
