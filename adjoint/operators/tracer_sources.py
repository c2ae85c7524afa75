"""Adjoint of `ogcm/operators/tracer_sources.py`.

Forward, with r = q - lambda C:

    out += h s phi r,     phi = (1 - exp(-x))/x,  x = lambda dt

Adjoint, with g = out_ad; q_ad, lambda_ad and phi_ad are sums over the layers where the parameter has one:

    q_ad += h s phi g        C_ad -= h s phi lambda g       lambda_ad -= h s phi C g
    phi_ad += h s r g        s_ad += h phi r g              lambda_ad += dt phi'(x) phi_ad

phi'(x) = (exp(-x) - phi)/x, for x < 1/2 the derivative of the series of phi.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, exponential, kernel, point, typed
from ogcm.operators.stencils import layer_index, masked
from ogcm.operators.tracer_sources import SERIES, decay_fraction_at


@point
def decay_fraction_slope(x):
    """Return phi'(x), the derivative of `decay_fraction_at`."""
    if x >= 0.5:
        return (exponential(-x) - decay_fraction_at(x)) / x
    phi, slope, one = typed(1.0, x), typed(0.0, x), typed(1.0, x)
    for n in range(SERIES + 1, 1, -1):
        slope = -(phi + x * slope) / typed(n, x)
        phi = one - x * phi / typed(n, x)
    return slope


@kernel
def decay_fraction_ad(decay, dt, grid, phi_ad, decay_ad):
    """Add the adjoint of the mean of exp(-lambda t) over a time step.

    Parameters
    ----------
    decay : ndarray, shape (1 or nk, nj, ni)
        Rate of decay lambda [s-1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    phi_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the mean.
    decay_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the rate, added to.
    """
    layers, nj, ni = decay.shape
    for j in prange(HALO, nj - HALO):
        for k in range(layers):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                slope = decay_fraction_slope(decay[k, j, i] * dt)
                decay_ad[k, j, i] += masked(grid.mask_t[k, j, i], dt * slope * phi_ad[k, j, i])


@kernel
def tracer_source_ad(C, source, decay, phi, s_t, grid, out_ad, C_ad, source_ad, decay_ad, phi_ad, s_t_ad):
    """Add the adjoint of source and decay of a tracer.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        Tracer [units].
    source : ndarray, shape (1 or nk, nj, ni)
        Source [units s-1].
    decay : ndarray, shape (1 or nk, nj, ni)
        Rate of decay [s-1].
    phi : ndarray, shape (1 or nk, nj, ni)
        Mean of exp(-lambda t) over the step [1].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers [1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    C_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    source_ad, decay_ad, phi_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoints of source, decay and phi, added to.
    s_t_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = C.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n, m = layer_index(source, k), layer_index(decay, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water, lam, fraction = grid.mask_t[k, j, i], decay[m, j, i], phi[m, j, i]
                rest = source[n, j, i] - lam * C[k, j, i]
                hg = grid.h_t[k, j, i] * out_ad[k, j, i]
                g = s_t[j, i] * hg
                source_ad[n, j, i] += masked(water, fraction * g)
                C_ad[k, j, i] -= masked(water, fraction * lam * g)
                decay_ad[m, j, i] -= masked(water, fraction * C[k, j, i] * g)
                phi_ad[m, j, i] += masked(water, rest * g)
                s_t_ad[j, i] += masked(water, fraction * rest * hg)
