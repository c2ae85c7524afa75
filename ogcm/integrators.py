"""The time integrators: lists of stages that carry advection and pressure (see `ogcm.stepper`)."""

from typing import NamedTuple


class Integrator(NamedTuple):
    """Stages as fractions of the step; extrapolation e of y; share of the new velocity that carries tracers.

    `internal_limit` is the largest omega dt of an internal wave that does not grow, `inertial_limit` the largest f dt
    of an inertial oscillation (docs/numerics.md); in Euler steps it always grows, there by 5 % a step.
    """

    fractions: tuple[float, ...]
    internal_limit: float
    inertial_limit: float
    extrapolation: float = 0.0
    share: float = 0.5


INTEGRATORS = {
    "euler": Integrator((1.0,), 2.0, 0.32, share=1.0),
    "ab2": Integrator((1.0,), 1.34, 0.51, extrapolation=0.6, share=1.0),
    "rk3": Integrator((1 / 3, 1 / 2, 1.0), 2.44, 1.73),
    "rk4": Integrator((1 / 4, 1 / 3, 1 / 2, 1.0), 2.58, 2.82),
}
