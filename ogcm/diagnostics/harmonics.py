"""Harmonic analysis: amplitude and phase of tidal constituents in a time series, by least squares."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ogcm.astronomy import check_constituents, check_start, tidal_arguments
from ogcm.constants import DAY
from ogcm.dates import start_date
from ogcm.errors import InputError

Array = np.ndarray
SEPARABLE = 10.0  # largest condition of the least squares, the factor of errors: a month for S2 and K2


def harmonics(
    times: Any, values: Any, constituents: Sequence[str], start: Any, *, nodal: bool = True
) -> dict[str, tuple[Array, Array]]:
    """Compute amplitude and Greenwich phase lag of constituents, together with a mean, by least squares.

    values = mean + sum of f A cos(V + u - g)          (`ogcm.astronomy`)

    Parameters
    ----------
    times : array_like, shape (nt,)
        Times of the values [s].
    values : array_like, shape (nt, ...)
        Values at these times, such as maps of the sea surface height.
    constituents : sequence of str
        Names of the constituents.
    start : str, date, datetime, datetime64 or cftime.datetime
        Date of the time 0, UTC; the `start` of a model.
    nodal : bool
        False to leave the nodal corrections f and u in amplitude and phase.

    Returns
    -------
    dict of tuple of ndarray
        Amplitude A in the units of the values and phase lag g between 0 and 360 [degrees] by the name of each
        constituent, in the shape of a record.

    Raises
    ------
    InputError
        For an unknown constituent, for shapes that do not fit, and for times that are too few or too short to separate
        the constituents.
    """
    names, first = check_constituents(constituents), check_start(start_date(start))
    t, a = np.asarray(times, float), np.asarray(values, float)
    if t.ndim != 1 or a.shape[:1] != t.shape:
        raise InputError(f"harmonics: {a.shape} values do not belong to {t.shape} times; the first axis is time")
    f, argument = tidal_arguments(names, first, t, nodal)
    waves = np.concatenate([np.ones((1, len(t))), f * np.cos(argument), f * np.sin(argument)]).T
    if len(t) < waves.shape[1] or (condition := np.linalg.cond(waves)) > SEPARABLE:
        found = "too few" if len(t) < waves.shape[1] else f"condition {condition:.0f}"
        raise InputError(
            f"harmonics: {len(t)} times over {np.ptp(t) / DAY if len(t) else 0:.3g} days do not separate "
            f"{', '.join(names)} ({found}); give a longer series or fewer constituents"
        )
    coefficients = np.linalg.lstsq(waves, a.reshape(len(t), -1), rcond=None)[0]
    n = len(names)
    complex_amplitudes = (coefficients[1 : 1 + n] + 1j * coefficients[1 + n :]).reshape(n, *a.shape[1:])
    return {
        name: (np.abs(z), np.degrees(np.angle(z)) % 360.0) for name, z in zip(names, complex_amplitudes, strict=True)
    }
