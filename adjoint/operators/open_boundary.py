"""Adjoint of `ogcm/operators/open_boundary.py`.

radiate    with l = values_ad/(1 + r), r = dt rate, and b the radiated value:

    outside_ad += r l,   rate_ad += dt (outside - value) l,   m = l/(G + C_x)
    b_old_ad  += G m,   a_new_ad += C_x m,   (b - b-)_ad -= max(C_e, 0) m,   (b+ - b)_ad -= min(C_e, 0) m
    G_ad       = (b_old - b) m,   C_x_ad = (a_new - b) m,   C_e_ad = -(b - b-) m or -(b+ - b) m
    C_e_ad goes to A and E, or at a bound to G;   C_x_ad to A and X;   G_ad to X and E, unless G is `TINY`

    Where what is outside enters, b_old_ad += l alone. A point gathers from all rim points that read it.

carry_out  C_ad inside += values_ad where the flow leaves,   outside_ad += values_ad elsewhere

The kinks are listed in the forward file.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point, typed
from ogcm.operators.open_boundary import (
    TINY,
    is_rim,
    leaves,
    neighbours,
    phase_velocity,
    radiated,
    radiation_terms,
    steps,
)
from ogcm.operators.stencils import masked


@kernel
def put_on_rim_ad(rows, columns, places, mask, field_ad, values_ad):
    """Add the adjoint of the values of a list that were put on the rim of a field.

    Parameters
    ----------
    rows, columns : ndarray of int32, shape (N,)
        Places of the points of the list.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land, where the adjoint may be anything.
    field_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field; not changed.
    values_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values, added to.
    """
    nk, lists, ni = values_ad.shape
    for j in prange(lists):
        for k in range(nk):
            for i in range(ni):
                to_j, to_i = rows[i], columns[i]
                if places[to_j, to_i] >= 0:
                    values_ad[k, j, i] += masked(mask[k, to_j, to_i], field_ad[k, to_j, to_i])


@kernel
def clear_rim(places, field_ad):
    """Set the adjoint of a field to 0 at the rim, whose values were replaced.

    Parameters
    ----------
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim, -1 elsewhere.
    field_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field, written at the rim.
    """
    nk, nj, ni = field_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if places[j, i] >= 0:
                    field_ad[k, j, i] = 0


@point
def radiation_ad(old, new, inward, mask, m, k, j, i):
    """Return the adjoints of A, X, E and of the gradients of b, and the branches, for m = b_ad/(G + C_x)."""
    enters, A, X, E, B_before, B_after, side = radiation_terms(old, new, inward, mask, k, j, i)
    G, C_x, C_e, bound = phase_velocity(A, X, E)
    zero = typed(0.0, m)
    if enters:
        return zero, zero, zero, zero, zero, zero, zero, side
    a = new[k, j + inward[0, j, i], i + inward[1, j, i]]
    b = radiated(old[k, j, i], a, G, C_x, C_e, B_before, B_after)
    G_ad, C_x_ad = (old[k, j, i] - b) * m, (a - b) * m
    forwards = C_e.real > 0
    C_e_ad = -B_before * m if forwards else -B_after * m
    A_ad, X_ad, E_ad = X * C_x_ad, A * C_x_ad, zero
    if bound == 0:
        A_ad += E * C_e_ad
        E_ad += A * C_e_ad
    else:
        G_ad += bound * C_e_ad
    if (X * X + E * E).real > TINY:
        X_ad += (X + X) * G_ad
        E_ad += (E + E) * G_ad
    before_ad, after_ad = (-C_e * m, zero) if forwards else (zero, -C_e * m)
    return A_ad, X_ad, E_ad, before_ad, after_ad, G * m, C_x * m, side


@point
def of_rim_point(old, new, inward, mask, dt, rate_out, value_ad, k, j, i):
    """Return m = b_ad/(G + C_x) of a rim point where water is radiated out; 0 where what is outside enters."""
    enters, A, X, E, _, _, _ = radiation_terms(old, new, inward, mask, k, j, i)
    G, C_x, _, _ = phase_velocity(A, X, E)
    sent = value_ad / ((1 + dt * rate_out[0, j, i]) * (G + C_x))
    return typed(0.0, sent) if enters else sent


@point
def gathered(old, new, inward, mask, places, dt, rate_out, values_ad, k, j, i):
    """Return the adjoints of `old` and of `new` at a point, by all rim points that read it in their radiation."""
    old_ad, new_ad = typed(0.0, old[k, j, i]), typed(0.0, new[k, j, i])
    for to_j in range(j - 2, j + 3):
        for to_i in range(i - 2, i + 3):
            if places[to_j, to_i] >= 0 and mask[k, to_j, to_i] != 0:
                value_ad = values_ad[k, 0, places[to_j, to_i]]
                m = of_rim_point(old, new, inward, mask, dt, rate_out, value_ad, k, to_j, to_i)
                from_old, from_new = shares(old, new, inward, mask, m, k, to_j, to_i, j - to_j, i - to_i)
                old_ad += from_old
                new_ad += from_new
    return old_ad, new_ad


@point
def shares(old, new, inward, mask, m, k, j, i, off_j, off_i):
    """Return the adjoints of `old` and `new` at a point (off_j, off_i) from the rim point (j, i), by this rim point."""
    in_j, in_i, along_j, along_i = steps(inward, j, i)
    _, second, b_before, b_after, a_before, a_after = neighbours(mask, in_j, in_i, along_j, along_i, k, j, i)
    A_ad, X_ad, E_ad, before_ad, after_ad, b_ad, a_ad, side = radiation_ad(old, new, inward, mask, m, k, j, i)
    of_old, of_new = typed(0.0, m), typed(0.0, m)
    before, after = side < 0 and a_before, side > 0 and a_after  # where E is taken from
    if off_j == 0 and off_i == 0:
        of_old += b_ad
        if b_before:
            of_old += before_ad
        if b_after:
            of_old -= after_ad
    if b_before and off_j == -along_j and off_i == -along_i:
        of_old -= before_ad
    if b_after and off_j == along_j and off_i == along_i:
        of_old += after_ad
    if off_j == in_j and off_i == in_i:
        of_old += A_ad
        of_new += a_ad - A_ad
        if second:
            of_new += X_ad
        if before:
            of_old += E_ad
        if after:
            of_old -= E_ad
    if before and off_j == in_j - along_j and off_i == in_i - along_i:
        of_old -= E_ad
    if after and off_j == in_j + along_j and off_i == in_i + along_i:
        of_old += E_ad
    if second and off_j == in_j + in_j and off_i == in_i + in_i:
        of_new -= X_ad
    return of_old, of_new


@kernel
def radiate_ad(
    old, new, outside, inward, mask, places, beside, dt, rate_in, rate_out, values, values_ad,
    old_ad, new_ad, rate_in_ad, rate_out_ad,
):  # fmt: skip
    """Add the adjoint of the radiation, but for that of the values outside (`radiate_outside_ad`).

    Parameters
    ----------
    old, new : ndarray, shape (nk, nj, ni)
        The field at the beginning and at the end of the stage, halo filled.
    outside, values : ndarray, shape (nk, 1, N)
        The values outside, and those that the radiation gave.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere; halo filled.
    beside : ndarray of int8, shape (nj, ni)
        1 at most two steps from the rim, 0 elsewhere.
    dt : float
        Length of the stage [s].
    rate_in, rate_out : ndarray, shape (1, nj, ni)
        Rates of nudging [s-1].
    values_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values.
    old_ad, new_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field at the beginning and at the end of the stage, added to.
    rate_in_ad, rate_out_ad : ndarray, shape (1, nj, ni)
        Adjoints of the rates, added to.
    """
    nk, nj, ni = old.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                at_j, at_i = np.intp(j), np.intp(i)
                if beside[j, i] != 0 and mask[k, j, i] != 0:
                    of_old, of_new = gathered(old, new, inward, mask, places, dt, rate_out, values_ad, k, at_j, at_i)
                    old_ad[k, j, i] += of_old
                    new_ad[k, j, i] += of_new
                n = places[j, i]
                if n >= 0 and mask[k, j, i] != 0:
                    enters, _, _, _, _, _, _ = radiation_terms(old, new, inward, mask, k, at_j, at_i)
                    rate = rate_in[0, j, i] if enters else rate_out[0, j, i]
                    sent = values_ad[k, 0, n] / (1 + dt * rate)
                    by_rate = dt * (outside[k, 0, n] - values[k, 0, n]) * sent
                    if enters:
                        old_ad[k, j, i] += sent
                        rate_in_ad[0, j, i] += by_rate
                    else:
                        rate_out_ad[0, j, i] += by_rate


@kernel
def radiate_outside_ad(old, new, inward, mask, rows, columns, dt, rate_in, rate_out, values_ad, outside_ad):
    """Add the adjoint of the values outside.

    Parameters
    ----------
    old, new : ndarray, shape (nk, nj, ni)
        The field at the beginning and at the end of the stage, halo filled.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    rows, columns : ndarray of int32, shape (N,)
        Places of the points of the list.
    dt : float
        Length of the stage [s].
    rate_in, rate_out : ndarray, shape (1, nj, ni)
        Rates of nudging [s-1].
    values_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values of the rim; 0 elsewhere.
    outside_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values outside, added to.
    """
    nk, lists, ni = values_ad.shape
    for j in prange(lists):
        for k in range(nk):
            for i in range(ni):
                at_j, at_i = rows[i], columns[i]
                if is_rim(inward, mask, k, at_j, at_i):
                    enters, _, _, _, _, _, _ = radiation_terms(old, new, inward, mask, k, at_j, at_i)
                    r = dt * rate_in[0, at_j, at_i] if enters else dt * rate_out[0, at_j, at_i]
                    outside_ad[k, j, i] += r / (1 + r) * values_ad[k, j, i]


@kernel
def carry_out_ad(u, v, places, grid, values_ad, C_ad):
    """Add the adjoint of the tracer inside that is carried out.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1], halo filled.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere; halo filled.
    grid : Grid
        Masks and open sides.
    values_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values of the rim.
    C_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to inside.
    """
    nk, nj, ni = C_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                for in_j in range(-1, 2):
                    for in_i in range(-1, 2):
                        at_j, at_i = np.intp(j) - in_j, np.intp(i) - in_i
                        n = places[at_j, at_i]
                        looks_here = grid.inward_t[0, at_j, at_i] == in_j and grid.inward_t[1, at_j, at_i] == in_i
                        if n >= 0 and looks_here and leaves(u, v, grid, k, at_j, at_i):
                            C_ad[k, j, i] += values_ad[k, 0, n]


@kernel
def carry_out_outside_ad(u, v, rows, columns, grid, values_ad, outside_ad):
    """Add the adjoint of the values outside of a tracer, which enter where it is not carried out.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1], halo filled.
    rows, columns : ndarray of int32, shape (N,)
        Places of the points of the list.
    grid : Grid
        Masks and open sides.
    values_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values of the rim; 0 elsewhere.
    outside_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values outside, added to.
    """
    nk, lists, ni = values_ad.shape
    for j in prange(lists):
        for k in range(nk):
            for i in range(ni):
                if not leaves(u, v, grid, k, rows[i], columns[i]):
                    outside_ad[k, j, i] += values_ad[k, j, i]
