"""Conditions at the rim of open sides: values outside, radiation with nudging, and outflow of tracers.

A rim point b has the inside neighbours a and c, one and two steps inwards, and neighbours b-, b+, a-, a+ along the
rim. A field at the beginning of a stage is "old", at its end, where the inside is known already, "new". The adaptive
radiation of Marchesiello, McWilliams and Shchepetkin (2001, doi 10.1016/S1463-5003(00)00013-5) takes the phase velocity
of what arrives at a (Raymond and Kuo 1984, doi 10.1002/qj.49711046402), in cells per stage:

    A = a_old - a_new,   X = a_new - c_new,   E = a_old - a-_old or a+_old - a_old, the one from where A comes
    G = max(X^2 + E^2, tiny),   C_x = A X,   C_e = A E within -G and G            (A = 0 where A X < 0: entering)

    b = [ G b_old + C_x a_new - max(C_e, 0) (b - b-)_old - min(C_e, 0) (b+ - b)_old ]/(G + C_x)
    b_new = (b + r outside)/(1 + r),    r = dt rate_in where A X < 0 (what is outside enters), dt rate_out elsewhere

The last line is the nudging, implicit in time: a large rate gives the value outside. A corner of two sides has no
neighbours along the rim, and its inside neighbours lie on the diagonal. A neighbour along the rim that is land has no
gradient; where a is land there is no radiation, and rate_in.

Kinks, where the derivative is that of the branch: the sign of A X, of A (E- + E+), of C_e, and its bounds. Where
X^2 + E^2 is below `TINY`, G is constant, and b = b_old to first order.

The values outside are given in a list of points, layer after layer. `put_on_rim` puts them on the rim of a field.
`radiate` and `carry_out` compute the values of the rim from them and from the field, and `set_rim` sets these. By
`carry_out` a tracer takes the value inside in layers whose flow leaves (kink at u = 0).

Adjoint: in `adjoint/operators/open_boundary.py`.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point, typed

TINY = 1e-20


@kernel
def put_on_rim(outside, places, field):
    """Put the values of a list on the rim of a field.

    Parameters
    ----------
    outside : ndarray, shape (nk N,)
        Values at the N points of the list.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere.
    field : ndarray, shape (nk, nj, ni)
        The field, written at the rim.
    """
    nk, nj, ni = field.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                if n >= 0:
                    field[k, j, i] = outside[k * points + n]


@kernel
def set_rim(values, places, field):
    """Set the rim of a field to that of another one.

    Parameters
    ----------
    values : ndarray, shape (nk, nj, ni)
        Field with the values of the rim.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in a list, -1 elsewhere.
    field : ndarray, shape (nk, nj, ni)
        The field, written at the rim.
    """
    nk, nj, ni = field.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if places[j, i] >= 0:
                    field[k, j, i] = values[k, j, i]


@point
def steps(inward, j, i):
    """Return the steps (j, i) of a rim point inwards and along the rim; those along the rim are 0 at a corner."""
    in_j, in_i = inward[0, j, i], inward[1, j, i]
    straight = in_j * in_i == 0
    return in_j, in_i, abs(in_i) * straight, abs(in_j) * straight


@point
def neighbours(mask, in_j, in_i, along_j, along_i, k, j, i):
    """Return True for each of a, c, b-, b+, a-, a+ that holds water and is a neighbour; c, a- and a+ only beside a."""
    inner = mask[k, j + in_j, i + in_i] != 0
    beside = along_j + along_i != 0
    a_j, a_i = j + in_j, i + in_i
    return (
        inner,
        inner and mask[k, a_j + in_j, a_i + in_i] != 0,
        beside and mask[k, j - along_j, i - along_i] != 0,
        beside and mask[k, j + along_j, i + along_i] != 0,
        beside and inner and mask[k, a_j - along_j, a_i - along_i] != 0,
        beside and inner and mask[k, a_j + along_j, a_i + along_i] != 0,
    )


@point
def radiation_terms(old, new, inward, mask, k, j, i):
    """Return whether what is outside enters, and A, X, E, the gradients of b along the rim, and what E was taken from.

    The last is -1 for a-, 1 for a+.
    """
    in_j, in_i, along_j, along_i = steps(inward, j, i)
    inner, second, b_before, b_after, a_before, a_after = neighbours(mask, in_j, in_i, along_j, along_i, k, j, i)
    zero = old[k, j, i] - old[k, j, i]
    A, X, E_before, E_after, B_before, B_after = zero, zero, zero, zero, zero, zero
    a_j, a_i = j + in_j, i + in_i
    if inner:
        A = old[k, a_j, a_i] - new[k, a_j, a_i]
    if second:
        X = new[k, a_j, a_i] - new[k, a_j + in_j, a_i + in_i]
    if a_before:
        E_before = old[k, a_j, a_i] - old[k, a_j - along_j, a_i - along_i]
    if a_after:
        E_after = old[k, a_j + along_j, a_i + along_i] - old[k, a_j, a_i]
    if b_before:
        B_before = old[k, j, i] - old[k, j - along_j, i - along_i]
    if b_after:
        B_after = old[k, j + along_j, i + along_i] - old[k, j, i]
    enters = (not inner) or (A * X).real < 0
    if enters:
        A = zero
    side = -1 if (A * (E_before + E_after)).real > 0 else 1
    return enters, A, X, E_before if side < 0 else E_after, B_before, B_after, side


@point
def phase_velocity(A, X, E):
    """Return G, C_x and C_e, and the bound at which C_e lies: 1 or -1, or 0 between them."""
    square, G, bound = X * X + E * E, typed(TINY, X) + (X - X), 0
    if square.real > typed(TINY, X):
        G = square
    C_e = A * E
    if C_e.real > G.real:
        C_e, bound = G, 1
    if C_e.real < -G.real:
        C_e, bound = -G, -1
    return G, A * X, C_e, bound


@point
def radiated(b, a, G, C_x, C_e, B_before, B_after):
    """Return what arrives at a rim point from inside."""
    along = C_e * B_before if C_e.real > 0 else C_e * B_after
    return (G * b + C_x * a - along) / (G + C_x)


@point
def at_rim(old, new, outside, inward, mask, dt, rate_in, rate_out, k, j, i):
    """Return the value that the radiation with nudging gives a rim point, from the value outside."""
    enters, A, X, E, B_before, B_after, _ = radiation_terms(old, new, inward, mask, k, j, i)
    G, C_x, C_e, _ = phase_velocity(A, X, E)
    b = old[k, j, i]
    if not enters:
        a = new[k, j + inward[0, j, i], i + inward[1, j, i]]
        b = radiated(b, a, G, C_x, C_e, B_before, B_after)
    r = dt * rate_in[0, j, i] if enters else dt * rate_out[0, j, i]
    return (b + r * outside) / (typed(1.0, r) + r)


@kernel
def radiate(old, new, outside, places, inward, mask, dt, rate_in, rate_out, values):
    """Compute the values that the radiation with nudging gives the rim of a field.

    Parameters
    ----------
    old : ndarray, shape (nk, nj, ni)
        The field at the beginning of the stage, halo filled.
    new : ndarray, shape (nk, nj, ni)
        The field at the end of the stage, read inside, halo filled.
    outside : ndarray, shape (nk N,)
        Values outside, at the N points of a list.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards, along j and along i (`Grid.inward_t`).
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    dt : float
        Length of the stage [s].
    rate_in, rate_out : ndarray, shape (1, nj, ni)
        Rates of nudging where what is outside enters, and where it leaves [s-1].
    values : ndarray, shape (nk, nj, ni)
        The values, written at the rim; on land those outside.
    """
    nk, nj, ni = values.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                if n >= 0:
                    given = outside[k * points + n]
                    values[k, j, i] = given
                    if mask[k, j, i] != 0:
                        values[k, j, i] = at_rim(
                            old, new, given, inward, mask, dt, rate_in, rate_out, k, np.intp(j), np.intp(i)
                        )


@point
def is_rim(inward, mask, k, j, i):
    """Return True for a rim point in water."""
    return (inward[0, j, i] != 0 or inward[1, j, i] != 0) and mask[k, j, i] != 0


@kernel
def carry_out(u, v, C, outside, places, grid, values):
    """Compute the values of the rim of a tracer: those inside in layers whose flow leaves, else those outside.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1], halo filled.
    C : ndarray, shape (nk, nj, ni)
        The tracer, read inside, halo filled.
    outside : ndarray, shape (nk N,)
        Values outside, at the N points of a list.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere.
    grid : Grid
        Masks and open sides.
    values : ndarray, shape (nk, nj, ni)
        The values, written at the rim.
    """
    nk, nj, ni = values.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                if n >= 0:
                    at_j, at_i = np.intp(j), np.intp(i)
                    values[k, j, i] = outside[k * points + n]
                    if leaves(u, v, grid, k, at_j, at_i):
                        values[k, j, i] = C[k, at_j + grid.inward_t[0, j, i], at_i + grid.inward_t[1, j, i]]


@point
def leaves(u, v, grid, k, j, i):
    """Return True in a cell of the rim, but no corner, into which the flow from inside comes."""
    in_j, in_i = grid.inward_t[0, j, i], grid.inward_t[1, j, i]
    if in_j == 0 and in_i != 0:
        face = i + min(in_i, 0)
        return grid.mask_u[k, j, face] != 0 and (in_i * u[k, j, face]).real < 0
    if in_i == 0 and in_j != 0:
        face = j + min(in_j, 0)
        return grid.mask_v[k, face, i] != 0 and (in_j * v[k, face, i]).real < 0
    return False
