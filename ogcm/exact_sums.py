"""Sums that are correctly rounded, and therefore the same in any order and for any division of the numbers.

A float64 is m 2^(e - 1075) with integers |m| < 2^53 and 0 < e < 2047. Its bits are added to three of the PLACES
digits of an integer, each of 32 bits with room for 2^31 carries: a superaccumulator (Neal 2015, arXiv 1505.05571,
section 2, with one more digit for a number, so that no carry is propagated before the end). Digits of several
processes are simply added.
"""

from functools import partial

import numpy as np

from ogcm.backend import kernel

Array = np.ndarray
DIGIT = 32  # bits
PLACES = 66  # digits of the sum of any float64
NAN, PLUS, MINUS = PLACES, PLACES + 1, PLACES + 2  # where NaN, +inf and -inf are counted


@partial(kernel, parallel=False)
def add_digits(bits, digits):
    """Add numbers to sums, by digits.

    Parameters
    ----------
    bits : ndarray of int64, shape (n, m)
        The bits of m float64 for each of n sums.
    digits : ndarray of int64, shape (n, PLACES + 3)
        The sums, to which they are added; the last three numbers count NaN, +inf and -inf.
    """
    for n in range(bits.shape[0]):
        for m in range(bits.shape[1]):
            b = bits[n, m]
            exponent, fraction = (b >> 52) & 0x7FF, b & 0xFFFFFFFFFFFFF
            if exponent == 0x7FF:
                digits[n, NAN if fraction != 0 else (MINUS if b < 0 else PLUS)] += 1
                continue
            if exponent == 0:  # zero and subnormal numbers
                exponent = 1
            else:
                fraction |= 1 << 52
            place, shift = exponent >> 5, exponent & 31
            low, rest = (fraction << shift) & 0xFFFFFFFF, fraction >> (32 - shift)
            sign = -1 if b < 0 else 1
            digits[n, place] += sign * low
            digits[n, place + 1] += sign * (rest & 0xFFFFFFFF)
            digits[n, place + 2] += sign * (rest >> 32)


def digits_of(values: Array) -> Array:
    """Return the digits of some sums.

    Parameters
    ----------
    values : ndarray of float64, shape (n, ...)
        The numbers of n sums.

    Returns
    -------
    ndarray of int64, shape (n, PLACES + 3)
        The digits, which may be added to those of other numbers.
    """
    digits = np.zeros((len(values), PLACES + 3), np.int64)
    if values.size:
        add_digits(np.ascontiguousarray(values, np.float64).reshape(len(values), -1).view(np.int64), digits)
    return digits


def rounded(digits: Array) -> float:
    """Return the float64 that is nearest to a sum.

    Parameters
    ----------
    digits : ndarray of int64, shape (PLACES + 3,)
        Its digits.

    Returns
    -------
    float
        The sum; NaN or infinite if a number is, infinite if it is too large for a float64.
    """
    if digits[NAN] or (digits[PLUS] and digits[MINUS]):
        return np.nan
    if digits[PLUS] or digits[MINUS]:
        return np.inf if digits[PLUS] else -np.inf
    whole = sum(int(digits[n]) << (DIGIT * int(n)) for n in np.flatnonzero(digits[:PLACES]))
    try:
        return whole / (1 << 1075)  # the quotient of two integers of Python is correctly rounded
    except OverflowError:
        return np.inf if whole > 0 else -np.inf
