"""The positive direction of fluxes, depths and vertical coordinates, from the words of their attributes."""

import re
from collections.abc import Mapping
from typing import Any

from ogcm.data.decoding import text
from ogcm.errors import InputError

UP = {"up", "upward", "upwards", "leaves", "out"}
DOWN = {"down", "downward", "downwards", "downwelling", "into", "enters"}
HEIGHT = {"up", "height", "altitude", "elevation"}
DEPTH = {"down", "depth"}
FLUX_ATTRIBUTES = ("positive", "positive_value", "standard_name", "long_name")
DEPTH_ATTRIBUTES = ("positive", "standard_name")
ATTRIBUTES = {*FLUX_ATTRIBUTES, *DEPTH_ATTRIBUTES}


def direction(
    label: str, attributes: Mapping[str, Any], keys: tuple[str, ...], up: set[str], down: set[str]
) -> str | None:
    """Find the positive direction of a variable in its attributes.

    Parameters
    ----------
    label : str
        Names of the file and the variable, for messages.
    attributes : mapping of str to object
        Attributes of the variable.
    keys : tuple of str
        The attributes that may tell it.
    up, down : set of str
        Words that mean upward and downward.

    Returns
    -------
    str or None
        "up" or "down"; None where the attributes have none of the words.

    Raises
    ------
    InputError
        Where the attributes contradict each other.
    """
    votes = {}
    for key in keys:
        words = set(re.findall("[a-z]+", text(attributes, key).lower()))
        if bool(words & up) != bool(words & down):
            votes[key] = "up" if words & up else "down"
    if len(set(votes.values())) > 1:
        found = ", ".join(f"{key} {text(attributes, key)!r}" for key in votes)
        raise InputError(f"{label} has contradictory attributes for its positive direction: {found}")
    return next(iter(votes.values()), None)


def flux_direction(label: str, attributes: Mapping[str, Any], default: str | None) -> str:
    """Return the positive direction of a flux, "up" or "down"; `default` where its attributes do not tell.

    Raises InputError for contradictory attributes, and for none where there is no default.
    """
    found = direction(label, attributes, FLUX_ATTRIBUTES, UP, DOWN) or default
    if found is None:
        raise InputError(
            f"{label} has no attribute for its positive direction; "
            'give it the attribute positive = "up" or "down" (into the sea), or the option positive'
        )
    return found


def depth_direction(label: str, attributes: Mapping[str, Any], any_negative: bool) -> str:
    """Return "down" for a depth of the sea floor, "up" for an elevation.

    Raises InputError for contradictory attributes, and for none where there are negative values.
    """
    found = direction(label, attributes, DEPTH_ATTRIBUTES, HEIGHT, DEPTH)
    if found is None and any_negative:
        raise InputError(
            f"{label} has negative values, and no attribute tells whether they are land or sea; "
            'give it the attribute positive = "up" (an elevation) or "down" (a depth), or the option positive'
        )
    return found or "down"
