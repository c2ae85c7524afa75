"""Sources and decay of a tracer C within the water.

    dC/dt = q - lambda C

with the source q and the rate of decay lambda. Over a step this equation has the solution of a constant tendency

    d(hC)/dt += h s phi (q - lambda C),     phi = (1 - exp(-lambda dt))/(lambda dt)

(exponential Euler; Cox and Matthews 2002, doi 10.1006/jcph.2002.6995, eq. 4), so that a dye decays exactly as
exp(-lambda t) and approaches q/lambda for any dt. phi is 1 - x/2 + x^2/6 - ... in x = lambda dt, a series for x < 1/2.

Adjoint, with g = out_ad: q_ad += h s phi g, C_ad -= h s phi lambda g, lambda_ad -= h s phi C g,
phi_ad += h s (q - lambda C) g, s_ad += h phi (q - lambda C) g; lambda_ad += dt phi'(x) phi_ad.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, exponential, kernel, point, typed
from ogcm.operators.stencils import layer_index

SERIES = 13  # last power of x in the series of phi: 0.5^14/15! is below the round-off of float64


@point
def decay_fraction_at(x):
    """Return (1 - exp(-x))/x."""
    if x.real >= 0.5:
        return (typed(1.0, x) - exponential(-x)) / x
    phi = typed(1.0, x) + typed(0.0, x) * x
    for n in range(SERIES + 1, 1, -1):
        phi = typed(1.0, x) - x * phi / typed(n, x)
    return phi


@kernel
def decay_fraction(decay, dt, grid, phi):
    """Compute the mean of exp(-lambda t) over a time step.

    Parameters
    ----------
    decay : ndarray, shape (1 or nk, nj, ni)
        Rate of decay lambda [s-1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    phi : ndarray, shape (1 or nk, nj, ni)
        The mean [1], written on the interior; 1 on land.
    """
    layers, nj, ni = decay.shape
    for j in prange(HALO, nj - HALO):
        for k in range(layers):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                x = decay[k, j, i] * dt
                phi[k, j, i] = decay_fraction_at(x) if grid.mask_t[k, j, i] == 1 else typed(1.0, x)


@kernel
def tracer_source(C, source, decay, phi, s_t, grid, out):
    """Add source and decay of a tracer to its tendency.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        Tracer [units].
    source : ndarray, shape (1 or nk, nj, ni)
        Source [units s-1].
    decay : ndarray, shape (1 or nk, nj, ni)
        Rate of decay [s-1].
    phi : ndarray, shape (1 or nk, nj, ni)
        Mean of exp(-lambda t) over the step [1], of the shape of `decay`.
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers [1].
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [units m s-1]; the result is added on the interior.
    """
    nk, nj, ni = C.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n, m = layer_index(source, k), layer_index(decay, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                rate = phi[m, j, i] * (source[n, j, i] - decay[m, j, i] * C[k, j, i])
                gain = grid.h_t[k, j, i] * s_t[j, i] * rate
                out[k, j, i] += gain if water else typed(0.0, gain)
