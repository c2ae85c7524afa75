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
from ogcm.operators.flather import is_outside
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
def put_on_rim_ad(addresses, mask, field_ad, outside_ad):
    """Add the adjoint of the values of a list that were put on a field.

    The fields are given as (nk nj ni,), since a GPU treats the points of the list in place of theirs.

    Parameters
    ----------
    addresses : ndarray of int64, shape (N,)
        Place j ni + i of each point of the list.
    mask : ndarray of int8, shape (nk nj ni,)
        1 in water, 0 on land, where the adjoint may be anything.
    field_ad : ndarray, shape (nk nj ni,)
        Adjoint of the field at the points of the list.
    outside_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values, added to.
    """
    nk, nj, ni = outside_ad.shape
    size = field_ad.shape[0] // nk
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                at = k * size + addresses[i]
                outside_ad[k, j, i] += masked(mask[at], field_ad[at])


@kernel
def set_rim_ad(places, mask, field_ad, values_ad):
    """Move the adjoint of a field at the rim to that of the values that were set there.

    Parameters
    ----------
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in a list, -1 elsewhere.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land, where the adjoint may be anything.
    field_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field, set to 0 at the rim.
    values_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the values, written on the interior; 0 where there is no rim.
    """
    nk, nj, ni = field_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                values_ad[k, j, i] = 0
                if places[j, i] >= 0:
                    values_ad[k, j, i] = masked(mask[k, j, i], field_ad[k, j, i])
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
        G_ad += C_e_ad if bound > 0 else -C_e_ad
    if (X * X + E * E).real > typed(TINY, X):
        X_ad += (X + X) * G_ad
        E_ad += (E + E) * G_ad
    before_ad, after_ad = (-C_e * m, zero) if forwards else (zero, -C_e * m)
    return A_ad, X_ad, E_ad, before_ad, after_ad, G * m, C_x * m, side


@point
def of_rim_point(old, new, inward, mask, dt, rate_out, value_ad, k, j, i):
    """Return m = b_ad/(G + C_x) of a rim point where water is radiated out; 0 where what is outside enters."""
    enters, A, X, E, _, _, _ = radiation_terms(old, new, inward, mask, k, j, i)
    G, C_x, _, _ = phase_velocity(A, X, E)
    r = dt * rate_out[0, j, i]
    sent = value_ad / ((typed(1.0, r) + r) * (G + C_x))
    return typed(0.0, sent) if enters else sent


@point
def gathered(old, new, inward, mask, dt, rate_out, values_ad, k, j, i):
    """Return the adjoints of `old` and of `new` at a point, by all rim points that read it in their radiation."""
    old_ad, new_ad = typed(0.0, old[k, j, i]), typed(0.0, new[k, j, i])
    for to_j in range(j - 2, j + 3):
        for to_i in range(i - 2, i + 3):
            if is_rim(inward, mask, k, to_j, to_i):
                value_ad = values_ad[k, to_j, to_i]
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
    old, new, outside, places, beside, inward, mask, dt, rate_in, rate_out, values_ad,
    old_ad, new_ad, rate_in_ad, rate_out_ad, at_points_ad,
):  # fmt: skip
    """Add the adjoint of the radiation, and compute that of the values outside.

    Parameters
    ----------
    old : ndarray, shape (nk, nj, ni)
        The field at the beginning of the stage, halo filled.
    new : ndarray, shape (nk, nj, ni)
        The field at the end of the stage, with the values of the rim, halo filled.
    outside : ndarray, shape (nk N,)
        Values outside, at the N points of a list.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in the list, -1 elsewhere.
    beside : ndarray of int8, shape (nj, ni)
        1 at most two steps from the rim, 0 elsewhere.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    dt : float
        Length of the stage [s].
    rate_in, rate_out : ndarray, shape (1, nj, ni)
        Rates of nudging [s-1].
    values_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the values, halo filled; 0 where there is no rim.
    old_ad, new_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field at the beginning and at the end of the stage, added to.
    rate_in_ad, rate_out_ad : ndarray, shape (1, nj, ni)
        Adjoints of the rates, added to.
    at_points_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the values outside, at the points of the rim, written on the interior; 0 elsewhere.
    """
    nk, nj, ni = old.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                at_j, at_i = np.intp(j), np.intp(i)
                at_points_ad[k, j, i] = 0
                if beside[j, i] != 0 and mask[k, j, i] != 0:
                    of_old, of_new = gathered(old, new, inward, mask, dt, rate_out, values_ad, k, at_j, at_i)
                    old_ad[k, j, i] += of_old
                    new_ad[k, j, i] += of_new
                n = places[j, i]
                if n >= 0 and mask[k, j, i] != 0:
                    enters, _, _, _, _, _, _ = radiation_terms(old, new, inward, mask, k, at_j, at_i)
                    r = dt * rate_in[0, j, i] if enters else dt * rate_out[0, j, i]
                    sent = values_ad[k, j, i] / (typed(1.0, r) + r)
                    at_points_ad[k, j, i] = r * sent
                    by_rate = dt * (outside[k * points + n] - new[k, j, i]) * sent
                    if enters:
                        old_ad[k, j, i] += sent
                        rate_in_ad[0, j, i] += by_rate
                    else:
                        rate_out_ad[0, j, i] += by_rate


@kernel
def carry_out_ad(u, v, places, grid, values_ad, C_ad, at_points_ad):
    """Add the adjoint of the tracer inside that is carried out, and compute that of the values outside.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1], halo filled.
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the rim in a list, -1 elsewhere.
    grid : Grid
        Masks and open sides.
    values_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the values of the rim, halo filled; 0 where there is no rim.
    C_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to inside.
    at_points_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the values outside, at the points of the rim, written on the interior; 0 elsewhere.
    """
    nk, nj, ni = C_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                C_ad[k, j, i] += carried_from(u, v, grid, values_ad, k, np.intp(j), np.intp(i))
                at_points_ad[k, j, i] = 0
                if places[j, i] >= 0 and not leaves(u, v, grid, k, np.intp(j), np.intp(i)):
                    at_points_ad[k, j, i] = values_ad[k, j, i]


@point
def carried_from(u, v, grid, values_ad, k, j, i):
    """Return the adjoint of the tracer in a cell by the cells of the rim to which it is carried."""
    total = typed(0.0, values_ad[k, j, i])
    for in_j in range(-1, 2):
        for in_i in range(-1, 2):
            at_j, at_i = j - in_j, i - in_i
            looks_here = grid.inward_t[0, at_j, at_i] == in_j and grid.inward_t[1, at_j, at_i] == in_i
            if looks_here and is_outside(grid, at_j, at_i) and leaves(u, v, grid, k, at_j, at_i):
                total += values_ad[k, at_j, at_i]
    return total
