"""Conversion of units by their names, with pint and the units of CF (cf_xarray)."""

import re
from functools import cache
from typing import Any

import numpy as np

from ogcm.data.quantities import QUANTITIES, Quantity
from ogcm.errors import InputError

Array = np.ndarray
DEGREES = re.compile(r"(?:deg|degree|degrees)?[ _.]*(?:(C|c|celsius)|(K|k|kelvin)|(F|fahrenheit))", re.IGNORECASE)
EXAMPLES = {  # units of files that are common, for messages
    "degC": "degC, K",
    "g kg-1": "g kg-1, psu, 1e-3, kg kg-1",
    "m s-1": "m s-1, cm s-1, mm day-1",
    "m": "m, cm, km",
    "N m-2": "N m-2, dyn cm-2",
    "W m-2": "W m-2",
    "Pa": "Pa, hPa",
    "1": "1, %",
    "kg kg-1": "kg kg-1, g kg-1",
    "degrees": "degrees, degrees_north, degrees_east, radian",
    "days": "days, hours, seconds",
}


def quantity_of(quantity: str | Quantity) -> Quantity:
    """Return a quantity by its name. Raises InputError for an unknown one."""
    if isinstance(quantity, str) and quantity not in QUANTITIES:
        raise InputError(f"quantity: {quantity!r} is unknown; choose from {', '.join(QUANTITIES)}")
    return QUANTITIES[quantity] if isinstance(quantity, str) else quantity


def conversion(units: str, quantity: Quantity) -> tuple[float, float] | None:
    """Find how values in `units` become those of a quantity: their factor and then their offset.

    Parameters
    ----------
    units : str
        Name of the units, such as "K" or "dyn cm-2", or an expression, such as "J m-2 / (6 hours)".
    quantity : Quantity
        The quantity.

    Returns
    -------
    tuple of float or None
        Factor and offset to the units of the quantity; None for units that cannot be converted to them.
    """
    meaning = quantity.names.get(units, units)
    if meaning == quantity.units:
        return 1.0, 0.0
    for target, factor in {quantity.units: 1.0, **quantity.other}.items():
        found = linear(meaning, target)
        if found is not None:
            return found[0] * factor, found[1] * factor
    return None


@cache
def linear(units: str, target: str) -> tuple[float, float] | None:
    """Return factor and offset from `units` to `target`, None where pint knows no conversion."""
    if not units:
        return None
    from cf_xarray.units import units as registry  # imported where it is needed, since it takes time

    for text in dict.fromkeys((degrees(units), degrees(units.lower()))):  # files write "Watts meter-2"
        try:
            found: Any = registry.Quantity(registry.parse_expression(text))
            zero, one = (
                registry.Quantity(n * found.magnitude, found.units).to(registry.parse_units(target)).magnitude
                for n in (0.0, 1.0)
            )
        except Exception:  # pint raises errors of many kinds for text that is no unit
            continue
        return float(one - zero), float(zero)
    return None


def degrees(units: str) -> str:
    """Return the name that pint has for degrees of a scale of temperature, and other units as they are."""
    found = DEGREES.fullmatch(units.strip())
    return (
        next(name for name, letter in zip(("degC", "K", "degF"), found.groups(), strict=True) if letter)
        if found
        else units.replace("°", "deg")
    )


def convert(
    label: str, values: Array, units: str, quantity: str | Quantity, *, difference: bool = False, option: str = ""
) -> Array:
    """Convert values from the units of a file to those of a quantity.

    Parameters
    ----------
    label : str
        Names of the file and the variable, for messages.
    values : ndarray of float64
        Values in `units`, NaN where they are missing.
    units : str
        Units of the file.
    quantity : str or Quantity
        Name in `QUANTITIES`, or a quantity that is not among them.
    difference : bool
        True for errors or changes, which have no offset and no range.
    option : str
        An option of the caller that replaces the units, for messages.

    Returns
    -------
    ndarray of float64
        The values in the units of the quantity.

    Raises
    ------
    InputError
        For units that are unknown or absent, and for values beyond the range of the quantity.
    """
    unit = quantity_of(quantity)
    found = conversion(units, unit)
    if found is None:
        names = ", ".join([EXAMPLES.get(unit.units, unit.units), *unit.other])
        sums = f"; of sums over an interval, such as '{units} / (6 hours)'" * bool(
            units and linear(f"{units} s-1", unit.units)
        )
        raise InputError(f"{label} has the units {units!r}; give it the attribute units, {option}such as {names}{sums}")
    factor, offset = found
    if difference:
        return values * factor
    values = values * factor + offset
    wrong = values[(values < unit.lower) | (values > unit.upper)]
    if wrong.size:
        raise InputError(
            f"{label} holds {wrong[0]:g} {unit.units}, beyond {unit.lower:g} to {unit.upper:g}; "
            f"are its units really {units!r}, and its missing values marked by _FillValue?"
        )
    return values
