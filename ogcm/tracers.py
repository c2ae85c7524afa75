"""Tracers that the water carries beside temperature and salinity: dyes, ages, nutrients.

    model = ogcm.Model(..., tracers={"dye": ogcm.Tracer(initial=1.0, decay=1e-6), "age": ogcm.Age()})
    model.add_tracer("krypton", ogcm.Tracer(restoring=1.0, rate=4e-5, decay=2e-9))

A tracer C obeys the equation of T and S (`ogcm.slow_physics`, `ogcm.stage_passes`), with terms of its own

    d(hC)/dt = ... + F + rate (C_star - C_0) + h (source - decay C)

where F and the restoring act in the first layer, C_star is the value to which it is restored, and rain carries none. It
is a field of the state, of output and restarts, and a control of gradients by its name; F, C_star and rate of a tracer
"dye" are the forcing `flux_dye`, `dye_star` and `rate_dye`, source and decay the parameters `source_dye` and
`decay_dye`. Outside open sides (`ogcm.OpenSides`) it has the values `dye_outside`.
"""

import reprlib
from dataclasses import dataclass

import numpy as np

from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.extensions import Registry
from ogcm.fields import Field
from ogcm.forcing import Entry
from ogcm.inputs import Values, number
from ogcm.numerics import CHOICES
from ogcm.parameters import Parameter
from ogcm.state import State
from ogcm.terms import RESERVED

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """A tracer: where it is at first, where it comes from, and how it decays.

    Parameters
    ----------
    initial : float, array_like, shape (nk,) or (nk, ny, nx), or callable
        Initial concentration [units], in the forms that `Model` accepts for T.
    surface_flux : float, array_like, callable or Series
        Flux through the surface into the sea [units m s-1], in the forms that `Forcing` accepts.
    restoring : float, array_like, callable or Series, optional
        Concentration to which the surface is restored [units].
    rate : float, array_like, callable or Series
        Piston velocity of the restoring [m s-1].
    source : float, array_like or callable, optional
        Source within the water [units s-1]: a number, a profile, a map or a field.
    decay : float, array_like or callable, optional
        Rate of decay [s-1], not negative, in the same forms.
    outside : float, array_like, callable or Series, optional
        Concentration outside open sides [units], in the forms that `OpenSides` accepts; by default that at first.
    advection : {"upwind3", "centred2", "monotone", "weno5"}, optional
        Its advection; by default that of the model.
    units : str
        Units of the concentration, as CF writes them.
    long_name : str
        Description for files and pictures; by default the name of the tracer.
    standard_name : str
        Standard name of the CF conventions, if there is one.

    Raises
    ------
    InputError
        For an unknown advection, and for units or names that are no text.
    """

    initial: Values = 0.0
    surface_flux: Entry = 0.0
    restoring: Entry | None = None
    rate: Entry = 0.0
    source: Values | None = None
    decay: Values | None = None
    outside: Entry | None = None
    advection: str | None = None
    units: str = "1"
    long_name: str = ""
    standard_name: str = ""

    def __post_init__(self) -> None:
        own, known = self.advection, CHOICES["advection"]
        if own is not None and own not in known:
            raise InputError(f"advection: {reprlib.repr(own)} does not exist; choose from {', '.join(known)}")
        for name in ("units", "long_name", "standard_name"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{name}: needs a text, got {reprlib.repr(getattr(self, name))}")

    def fields(self, name: str) -> dict[str, Field]:
        """Describe the field of the state and those of the forcing.

        Parameters
        ----------
        name : str
            Name of the tracer.

        Returns
        -------
        dict of str to Field
            Units and descriptions by name.
        """
        return {
            name: Field(self.units, self.long_name or name, self.standard_name),
            f"flux_{name}": Field(times(self.units, "m s-1"), f"flux of {name} into the sea", vertical=""),
            f"{name}_star": Field(self.units, f"{name} to which the surface is restored", vertical=""),
            f"rate_{name}": Field("m s-1", f"piston velocity of the restoring of {name}", vertical=""),
            f"{name}_outside": Field(self.units, f"{name} outside open sides"),
        }

    def forcing(self, name: str) -> dict[str, Entry | None]:
        """Return the forcing of the tracer.

        Parameters
        ----------
        name : str
            Name of the tracer.

        Returns
        -------
        dict of str to float, array_like, callable or Series
            Flux, target and piston velocity, by the names that they have as forcing.
        """
        return {f"flux_{name}": self.surface_flux, f"{name}_star": self.restoring, f"rate_{name}": self.rate}

    def parameters(self, name: str) -> dict[str, tuple[Parameter, Values]]:
        """Return the parameters of the tracer: none of one that has neither source nor decay.

        Parameters
        ----------
        name : str
            Name of the tracer.

        Returns
        -------
        dict of str to (Parameter, float, array_like or callable)
            Descriptions and values by the names that they have as parameters.
        """
        if self.source is None and self.decay is None:
            return {}
        source = Parameter(0.0, times(self.units, "s-1"), f"source of {name}", lower=-np.inf, layers=True)
        decay = Parameter(0.0, "s-1", f"rate of decay of {name}", layers=True)
        return {
            f"source_{name}": (source, 0.0 if self.source is None else self.source),
            f"decay_{name}": (decay, 0.0 if self.decay is None else self.decay),
        }


def times(units: str, others: str) -> str:
    """Return the product of units."""
    return others if units == "1" else f"{units} {others}"


def Age(*, renewal: float = DAY, advection: str = "monotone") -> Tracer:
    """Make an age tracer: the time since the water was in the first layer [s].

    It grows by the time, and decays in the first layer.

    Parameters
    ----------
    renewal : float
        Time in which the age of the first layer decays [s]; there it is no larger than that, elsewhere no larger than
        the time of the run.
    advection : {"monotone", "weno5", "upwind3", "centred2"}
        Its advection; with all but the first the age may exceed these limits.

    Returns
    -------
    Tracer
        The tracer.

    Raises
    ------
    InputError
        For a time that is not positive.

    References
    ----------
    England (1995), J. Phys. Oceanogr. 25, 2756 (the ideal age).
    """
    renewal = number("renewal", renewal)
    if not renewal > 0:
        raise InputError(f"renewal: must be a positive number of seconds, got {renewal}")

    def decay(x: Array, y: Array, z: Array) -> Array:
        rate = np.zeros(z.shape)
        rate[0] = 1 / renewal
        return rate

    long_name, standard_name = "time since the water was at the surface", "sea_water_age_since_surface_contact"
    return Tracer(
        source=1.0, decay=decay, advection=advection, units="s", long_name=long_name, standard_name=standard_name
    )


TRACERS = Registry("tracer", {"age": Age})  # by name, each a function without arguments that makes a Tracer
TAKEN = {*RESERVED, "corrector", "time", "step", "previous", "names"}  # not for tracers


def check_tracer(name: str, tracer: Tracer, taken: set[str]) -> None:
    """Raise InputError for an object that is no tracer, and where something else has one of its names.

    These are the name of the tracer and those of its forcing and its parameters.

    Parameters
    ----------
    name : str
        Name of the tracer.
    tracer : Tracer
        The tracer.
    taken : set of str
        Names of the fields, forcing, parameters and terms of the model.
    """
    if not isinstance(tracer, Tracer):
        raise InputError(f"tracers: {name} needs an ogcm.Tracer(...), got {reprlib.repr(tracer)}")
    word = isinstance(name, str) and name.isidentifier() and not name.startswith("_")
    if not word or name in TAKEN | taken or hasattr(State, name):
        raise InputError(f"tracers: {name!r} cannot be the name of a tracer; choose a word that nothing else has")
    for other in (*tracer.fields(name), *tracer.parameters(name)):
        if other in TAKEN | taken:
            raise InputError(
                f"tracers: {name!r} needs the name {other!r}, which something else has; choose another word"
            )
