"""Longitudes in order: unwrapped across the seam, from west to east, each meridian once."""

import numpy as np

from ogcm.errors import InputError

Array = np.ndarray
TURN = 360.0
SAME = 1e-2  # columns closer than this part of a cell are the same
SEAM = 1.5  # longitudes close around the globe where the widest gap is at most so much wider than the gaps beside it


def ordered(label: str, lon: Array, west: float) -> tuple[Array, Array, bool]:
    """Order longitudes from west to east.

    Parameters
    ----------
    label : str
        Names of the file and the longitude, for messages.
    lon : ndarray, shape (n,)
        Longitudes [degrees], increasing or decreasing except for one seam.
    west : float
        The first one is returned between `west` and `west` + 360 [degrees].

    Returns
    -------
    ndarray of int, shape (nx,)
        Their indices in this order, without repeated ones.
    ndarray, shape (nx,)
        Longitudes that increase [degrees].
    bool
        True where they close around the globe.

    Raises
    ------
    InputError
        For longitudes in any other order.
    """
    if not np.isfinite(lon).all():
        raise InputError(f"{label} has missing values; give each column a longitude")
    turned = (lon - west) % TURN
    order = np.argsort(turned, kind="stable")
    gaps = np.diff(turned[order], append=turned[order[0]] + TURN)  # from each to the next one east of it
    same = gaps < SAME * np.median(np.sort(gaps)[: max(1, len(gaps) - 1)])  # without the widest gap, the seam
    order, gaps = order[~np.roll(same, 1)], gaps[~same]
    steps = np.diff(np.argsort(np.argsort(order)))
    if (steps != 1).sum() > 1 and (steps != -1).sum() > 1:
        raise InputError(
            f"{label} must increase or decrease from each value to the next; beyond the seam add or subtract 360"
        )
    widest = int(np.argmax(gaps))
    closes = len(gaps) > 2 and gaps[widest] <= SEAM * max(gaps[widest - 1], gaps[(widest + 1) % len(gaps)])
    order = order if closes else np.roll(order, -widest - 1)
    east = west + turned[order[0]] + np.concatenate([[0.0], np.cumsum(np.diff(turned[order]) % TURN)])
    return order, lon[order] + TURN * np.round((east - lon[order]) / TURN), bool(closes)


def unwrapped(lon: Array, west: float) -> tuple[Array, bool]:
    """Unwrap longitudes of two dimensions.

    Parameters
    ----------
    lon : ndarray, shape (ny, nx)
        Longitudes [degrees], from west to east along the rows.
    west : float
        The first ones of the rows are returned around or east of it [degrees].

    Returns
    -------
    ndarray, shape (ny, nx)
        Longitudes without jumps of 360 degrees.
    bool
        True where the rows close around the globe.
    """
    lon = np.unwrap(np.unwrap(lon, period=TURN, axis=0), period=TURN, axis=1)
    lon = lon - TURN * np.floor((np.median(lon[:, 0]) - west) / TURN)
    seam = TURN - (lon[:, -1] - lon[:, 0])
    steps = np.diff(lon, axis=1)
    return lon, bool(lon.shape[1] > 2 and np.median(np.abs(seam)) <= SEAM * np.median(steps))
