"""The astronomical arguments of tidal constituents, their nodal corrections, and their equilibrium amplitudes.

The elevation of a constituent with amplitude A and Greenwich phase lag g is f A cos(V + u - g), where

    V = n . (H, s, h, p) + origin        the argument at Greenwich, of the mean longitudes of moon and sun
    f = f_0 + f_1 cos N,  u = u_1 sin N   the nodal corrections, which vary over 18.6 years with the moon's node N

H is the hour angle of the mean sun from midnight UTC, s and h are the mean longitudes of moon and sun, and p is that of
the moon's perigee, by the formulae that Schwiderski (1980, doi 10.1029/RG018i001p00243) gives. Doodson numbers n, phase
origins and nodal corrections are those of Pugh (1987, Tides, Surges and Mean Sea-Level, tables 4.1 and 4.3), which
follow Doodson (1921) and Schureman (1958). f and u of a compound tide such as M4 = 2 M2 are the product and the sum of
those of its parts. Equilibrium amplitudes and the factors 1 + k - h of the yielding earth are those of Arbic et al.
(2004, doi 10.1016/j.dsr2.2004.09.014, table 1), after Wahr (1981).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ogcm.constants import DAY
from ogcm.errors import InputError, suggestion

if TYPE_CHECKING:
    import cftime

Array = np.ndarray
REAL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian", "julian")
LONGITUDES = np.array([  # s, h, p, N at noon of 31 December 1899 [degrees], and their change with powers of centuries
    [270.434358, 481267.88314137, -0.001133, 1.9e-6],
    [279.69668, 36000.768930485, 3.03e-4, 0.0],
    [334.329653, 4069.0340329575, -0.010325, -1.2e-5],
    [259.18344, -1934.14212, 0.00216, 0.0],
])  # fmt: skip


class Constituent(NamedTuple):
    """A tidal constituent.

    Attributes
    ----------
    numbers : tuple of int
        Multiples of H, s, h and p in the argument; the first is the number of waves around the earth.
    origin : float
        Constant part of the argument [degrees].
    nodal : tuple of float
        f_0 [1], f_1 [1] and u_1 [degrees].
    equilibrium : float
        Amplitude of the equilibrium tide [m]; 0 for tides of shallow water.
    yielding : float
        Factor 1 + k - h of the yielding earth [1].
    parts : tuple of str
        Constituents of which a compound tide consists.
    """

    numbers: tuple[int, int, int, int]
    origin: float = 0.0
    nodal: tuple[float, float, float] = (1.0, 0.0, 0.0)
    equilibrium: float = 0.0
    yielding: float = 0.693
    parts: tuple[str, ...] = ()


LUNAR, O1 = (1.0, -0.037, -2.1), (1.009, 0.187, 10.8)
CONSTITUENTS = {
    "M2": Constituent((2, -2, 2, 0), 0.0, LUNAR, 0.242334),
    "S2": Constituent((2, 0, 0, 0), 0.0, equilibrium=0.112743),
    "N2": Constituent((2, -3, 2, 1), 0.0, LUNAR, 0.046397),
    "K2": Constituent((2, 0, 2, 0), 0.0, (1.024, 0.286, -17.7), 0.030684),
    "2N2": Constituent((2, -4, 2, 2), 0.0, LUNAR, 0.006141),
    "K1": Constituent((1, 0, 1, 0), 90.0, (1.006, 0.115, -8.9), 0.141565, 0.736),
    "O1": Constituent((1, -2, 1, 0), -90.0, O1, 0.100661, 0.695),
    "P1": Constituent((1, 0, -1, 0), -90.0, equilibrium=0.046848, yielding=0.706),
    "Q1": Constituent((1, -3, 1, 1), -90.0, O1, 0.019273, 0.695),
    "Mf": Constituent((0, 2, 0, 0), 0.0, (1.043, 0.414, -23.7), 0.042041),
    "Mm": Constituent((0, 1, 0, -1), 0.0, (1.0, -0.130, 0.0), 0.022191),
    "Ssa": Constituent((0, 0, 2, 0), 0.0, equilibrium=0.019542),
    "M4": Constituent((4, -4, 4, 0), parts=("M2", "M2")),
    "MS4": Constituent((4, -2, 2, 0), parts=("M2", "S2")),
    "MN4": Constituent((4, -5, 4, 1), parts=("M2", "N2")),
    "M6": Constituent((6, -6, 6, 0), parts=("M2", "M2", "M2")),
}


def check_constituents(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of constituents as a tuple.

    Parameters
    ----------
    names : iterable of str
        The names, such as "M2".

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    InputError
        For an unknown constituent.
    """
    for name in (found := tuple(names)):
        if name not in CONSTITUENTS:
            raise InputError(f"tides: unknown constituent {name!r}: {suggestion(str(name), list(CONSTITUENTS))}")
    return found


def check_start(start: "cftime.datetime | None") -> "cftime.datetime":
    """Return the start of a model with tides.

    Parameters
    ----------
    start : cftime.datetime, optional
        The start.

    Returns
    -------
    cftime.datetime
        The start.

    Raises
    ------
    InputError
        Without a start, and for a calendar that is not real.
    """
    if start is None:
        raise InputError(
            "tides: their phases refer to Greenwich and UTC, so that the model needs a date; give it a start, such as "
            "Model(start='2021-01-01')"
        )
    if start.calendar not in REAL_CALENDARS:
        raise InputError(f"tides: need a start in a real calendar, got {start.calendar}; moon and sun follow no other")
    return start


def mean_longitudes(start: "cftime.datetime", time: float | Array) -> tuple[Array, Array]:
    """Compute the mean longitudes of moon and sun.

    Parameters
    ----------
    start : cftime.datetime
        Date of the time 0, UTC.
    time : float or ndarray
        Time [s].

    Returns
    -------
    angles : ndarray, shape (4, ...)
        H, s, h and p [degrees].
    node : ndarray
        Longitude N of the moon's ascending node [degrees].
    """
    epoch = start.replace(year=1975, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    days = (start - epoch).total_seconds() / DAY + np.asarray(time, float) / DAY
    centuries = (27392.500528 + 1.0000000356 * (days + 1)) / 36525  # of the time of the planets' motion
    s, h, p, node = np.tensordot(LONGITUDES, np.stack([centuries**n for n in range(4)]), 1)
    return np.stack([360 * (days % 1), s, h, p]), node


def nodal_corrections(name: str, node: Array) -> tuple[Array, Array]:
    """Compute the nodal corrections of a constituent.

    Parameters
    ----------
    name : str
        Name of the constituent.
    node : ndarray
        Longitude of the moon's ascending node [degrees].

    Returns
    -------
    f : ndarray
        Factor of the amplitude [1].
    u : ndarray
        Addition to the argument [degrees].
    """
    f, u = np.ones_like(node), np.zeros_like(node)
    for part in CONSTITUENTS[name].parts or (name,):
        f_0, f_1, u_1 = CONSTITUENTS[part].nodal
        f = f * (f_0 + f_1 * np.cos(np.radians(node)))
        u = u + u_1 * np.sin(np.radians(node))
    return f, u


def tidal_arguments(
    names: Iterable[str], start: "cftime.datetime", time: float | Array, nodal: bool = True
) -> tuple[Array, Array]:
    """Compute the factors f and the arguments V + u of constituents.

    Parameters
    ----------
    names : iterable of str
        Names of n constituents.
    start : cftime.datetime
        Date of the time 0, UTC.
    time : float or ndarray
        Time [s].
    nodal : bool
        False for f = 1 and u = 0.

    Returns
    -------
    f : ndarray, shape (n, ...)
        Factors of the amplitudes [1].
    argument : ndarray, shape (n, ...)
        Arguments [radians].
    """
    angles, node = mean_longitudes(start, time)
    factors, arguments = [], []
    for name in names:
        c = CONSTITUENTS[name]
        f, u = nodal_corrections(name, node) if nodal else (np.ones_like(node), np.zeros_like(node))
        factors.append(f)
        arguments.append(np.radians(np.tensordot(c.numbers, angles, 1) + c.origin + u))
    return np.stack(factors), np.stack(arguments)


def frequency(name: str) -> float:
    """Return the frequency of a constituent.

    Parameters
    ----------
    name : str
        Name of the constituent.

    Returns
    -------
    float
        Frequency [s-1], in radians per second.
    """
    century = 36525 * DAY / 1.0000000356
    rates = np.array([360 / DAY, *(LONGITUDES[:3, 1] / century)])
    return float(np.radians(np.dot(CONSTITUENTS[name].numbers, rates)))
