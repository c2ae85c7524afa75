"""Kernels that a GPU would run in another way than the CPU; each is refused in the line with `# wrong`."""

# ruff: noqa: B007, RUF059

import numba
import numpy as np
from numba import prange

from ogcm import backend
from ogcm.backend import HALO, ONE, point, row_barrier
from ogcm.operators.barotropic import wrap_columns, wrap_row

# Wrong: loops


def named_as_no_loop_along_i(T, out):
    """Each thread would run the whole loop, and so add to all points."""
    nj, ni = T.shape
    last = ni - HALO
    for j in prange(HALO, nj - HALO):
        for column in range(HALO, last):
            out[j, column] += T[j, column]  # wrong


def ends_nobody_knows_where(T, out, last):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, last):  # wrong
            out[j, ii] += T[j, ii]


def ends_beyond_the_row(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni + 1):  # wrong
            out[j, ii] = T[j, ii]


def steps(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO, 2):  # wrong
            out[j, ii] = T[j, ii]


def steps_along_j(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO, 2):  # wrong
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]


def along_i_twice(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            for i in range(HALO, ni - HALO):  # wrong
                out[j, ii] += T[j, i]


def waits(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        n = 0
        while n < ni:  # wrong
            n += 1


def skips_points(T, out):
    """`continue` would go on with the next layer, since a thread has no loop along i."""
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                if T[k, j, ii] == 0:
                    continue  # wrong
                out[k, j, ii] = T[k, j, ii]


def over_points(T, out):
    for n in prange(T.size):  # wrong
        out[n] = T[n]


def within_another(T, out):
    nj, ni = T.shape
    for j in prange(nj):
        for i in prange(ni):  # wrong
            out[j, i] = T[j, i]


def over_a_list(T, out):
    nj, ni = T.shape
    for j in prange(nj):
        for n in (1, 2):  # wrong
            for ii in range(ni):
                out[j, ii] += n


# Wrong: writes


def writes_beside(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            out[j, i + ONE] += T[j, i]  # wrong


def writes_another_row(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j + 1, ii] += T[j, ii]  # wrong


def writes_a_shifted_point(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            ii += 1
            out[j, ii] += T[j, ii]  # wrong


def sums_a_row(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j] += T[j, ii]  # wrong


def clears_a_row(T, out):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        out[0, j] = 0  # wrong
        for ii in range(HALO, ni - HALO):
            out[1, j, ii] = T[0, j, ii]


def adds_to_a_row_by_another_name(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        row = out[j]
        for ii in range(HALO, ni - HALO):
            row += T[j, ii]  # wrong


def writes_on_the_host(T, out):
    nj, ni = T.shape
    out[0, 0] = 1  # wrong
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]


def calls_a_method(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]
        out.fill(0)  # wrong


def copies_with_numpy(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        np.copyto(out[j], T[j])  # wrong


@point
def beside(T, out, j, i):
    out[j, i - ONE] = T[j, i]  # wrong


def helper_writes_beside(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            beside(T, out, j, np.uintp(ii))


@point
def row(T, out, j):
    for n in range(HALO, T.shape[1] - HALO):
        out[j, n] = T[j, n]  # wrong


def helper_has_a_loop_that_is_not_dealt_out(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        row(T, out, j)


@point
def right_elsewhere(T, out, j, i):
    out[j, i] = T[j, i]  # wrong


def helper_is_called_for_another_point(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            right_elsewhere(T, out, j, ii + 1)


# Wrong: reads


def sums_along_i(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        total = 0.0
        for ii in range(HALO, ni - HALO):
            total += T[j, ii]  # wrong


def reads_the_last_point(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            here = T[j, ii]
            out[j, ii] = here
        out[j, HALO] = here  # wrong


def carries_from_west_to_east(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        west = T[j, HALO]
        for ii in range(HALO, ni - HALO):
            out[j, ii] = west  # wrong
            west = T[j, ii]


def carries_through_a_branch(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            if T[j, ii] > 0:
                last = T[j, ii]
            out[j, ii] = last  # wrong


def sums_along_j(T, out):
    total = 0.0
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        total += 1  # wrong
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]


def reads_beside_what_it_writes(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]
        for ii in range(HALO, ni - HALO):
            T[j, ii] = out[j - 1, ii]  # wrong


def reads_beside_in_a_row(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        a = np.zeros(ni, T.dtype)
        for ii in range(HALO, ni - HALO):
            a[ii] = T[j, ii]
        for ii in range(HALO, ni - HALO):
            out[j, ii] = a[ii - 1]  # wrong


def keeps_a_number_over_row_barrier(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        half = 0.5
        row_barrier()
        for ii in range(HALO, ni - HALO):
            out[j, ii] = half * T[j, ii]  # wrong


def reads_beside_what_a_helper_writes(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            right_elsewhere(T, out, j, ii)
            T[j, ii] = out[j, ii + 1]  # wrong


# Wrong: code that is not translated


def without_ni(T, out):
    nj, width = T.shape
    for j in prange(HALO, nj - HALO):  # wrong
        for ii in range(HALO, width - HALO):
            out[j, ii] = T[j, ii]


def work_array_of_another_size(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        a = np.zeros((ni, 2), T.dtype)  # wrong
        for ii in range(HALO, ni - HALO):
            out[j, ii] = a[ii, 0]


def writes_a_whole_layer_of_a_work_array(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        a = np.zeros((3, ni), T.dtype)
        for ii in range(HALO, ni - HALO):
            a[ii] = T[j, ii]  # wrong


def helper_of_columns_in_a_thread(T, out, grid):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        wrap_columns(T, grid, nj, ni)  # wrong


def helper_of_rows_at_a_point(T, out, grid):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            wrap_row(T, grid, j, ni)  # wrong


def helper_by_another_name(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = backend.absolute(T[j, ii])  # wrong


def array_by_two_names(T, out, turned):
    nj, ni = T.shape
    a = T
    if turned:
        a = out
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = a[j, ii + 1]  # wrong


def arrays_in_turns(T, out, turns):
    nj, ni = T.shape
    a, b = T, out
    for _ in range(turns):
        for j in prange(HALO, nj - HALO):
            for ii in range(HALO, ni - HALO):
                b[j, ii] = a[j, ii + 1]  # wrong
        a, b = b, a


def transposed_array(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T.T[ii, j]  # wrong


def row_barrier_by_another_name(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        a = np.zeros(ni, T.dtype)
        for ii in range(HALO, ni - HALO):
            a[ii] = T[j, ii]
        backend.row_barrier()  # wrong
        for ii in range(HALO, ni - HALO):
            out[j, ii] = a[ii - 1]


def prange_by_another_name(T, out):
    nj, ni = T.shape
    for j in numba.prange(HALO, nj - HALO):  # wrong
        for ii in range(HALO, ni - HALO):
            out[j, ii] = T[j, ii]


def argument_by_name(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            right_elsewhere(T, out, j, i=ii)  # wrong


def name_of_the_twin(T, out):  # wrong
    thread_x = 1
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = thread_x


def list_of_numbers(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            out[j, ii] = sum([T[j, ii], 1])  # wrong


def another_statement(T, out):
    nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            assert T[j, ii] > 0  # wrong
            out[j, ii] = T[j, ii]


HELPERS = {  # helpers with the wrong line
    "helper_writes_beside": beside,
    "helper_has_a_loop_that_is_not_dealt_out": row,
    "helper_is_called_for_another_point": right_elsewhere,
}
KERNELS = [f for f in list(globals().values()) if callable(f) and getattr(f, "__module__", "") == __name__]
KERNELS = {f.__name__: f for f in KERNELS if not hasattr(f, "py_func") and f not in HELPERS.values()}
