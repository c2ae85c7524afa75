"""Time integration: how the stages of a step follow one another, whatever physics they hold.

A step leads from the state n to a new one in stages. Each starts from n, evaluates its tendencies F at a state y that
is known, and arrives at a state s after a fraction c of the step dt:

    s = n + c dt F(y)

with y = n in the first stage and y = s of the stage before in the others (Wicker and Skamarock 2002, doi
10.1175/1520-0493(2002)130<2088:TSMFEM>2.0.CO;2; Jameson, Schmidt and Turkel 1981, doi 10.2514/6.1981-1259), or with
y = n + e (n - n before), e = 1/2 + 0.1, in the one stage of Adams-Bashforth 2. `ogcm.stepper` has the physics of a
stage, `adjoint.integrators` the same steps backwards.
"""

from collections.abc import Callable
from typing import NamedTuple

from ogcm.operators.extrapolation import extrapolate
from ogcm.state import State


class Integrator(NamedTuple):
    """A time integrator: its stages and the limits of its step.

    Attributes
    ----------
    fractions : tuple of float
        Lengths c of the stages relative to the step [1].
    internal_limit : float
        Largest omega dt [1] with which an internal wave does not grow, rounded down (docs/numerics.md).
    inertial_limit : float
        Largest f dt [1] with which an inertial oscillation does not grow, rounded down. With Euler steps it always
        grows, at this limit by 5 % a step.
    extrapolation : float
        Factor e of the extrapolated state y [1]; 0 of integrators that do not extrapolate.
    new_weight : float
        Weight of the new velocity in the velocity that carries tracers [1].
    """

    fractions: tuple[float, ...]
    internal_limit: float
    inertial_limit: float
    extrapolation: float = 0.0
    new_weight: float = 0.5


INTEGRATORS = {
    "euler": Integrator((1.0,), 2.0, 0.32, new_weight=1.0),
    "ab2": Integrator((1.0,), 1.34, 0.50, extrapolation=0.6, new_weight=1.0),
    "rk3": Integrator((1 / 3, 1 / 2, 1.0), 2.44, 1.73),
    "rk4": Integrator((1 / 4, 1 / 3, 1 / 2, 1.0), 2.58, 2.82),
}


class StepStates(NamedTuple):
    """The states within a step.

    Attributes
    ----------
    extrapolated : State or None
        The extrapolated state y, of integrators that have one.
    ends : list of State
        The state at the end of each stage.
    kept : bool
        True if all states are kept. Otherwise the states have one array for u, v and eta each, and two in turns for
        each tracer, since a stage reads the tracers of the stage before while it computes its own.
    """

    extrapolated: State | None
    ends: list[State]
    kept: bool = True

    @classmethod
    def zeros(cls, integrator: Integrator, n: State, *, kept: bool) -> "StepStates":
        """Make states of zeros like the state n; with `kept` each stage has a state of its own."""
        stages = len(integrator.fractions)
        if kept:
            ends = [n.like() for _ in range(stages)]
        else:
            last, other = n.like(), n.like()
            other.u, other.v, other.eta = last.u, last.v, last.eta
            ends = [last if (stages - m) % 2 else other for m in range(stages)]
        return cls(n.like() if integrator.extrapolation else None, ends, kept)


def integrate(integrator: Integrator, n: State, states: StepStates, stage: Callable[..., None]) -> None:
    """Compute all stages of a step; the new state is the last of `states.ends`.

    Parameters
    ----------
    integrator : Integrator
        The integrator.
    n : State
        State at the beginning of the step.
    states : StepStates
        States within the step, which are overwritten.
    stage : callable
        `stage(m, y, s)` computes s, the state at the end of stage m, with the tendencies at the state y.
    """
    y, last = n, states.ends[-1]
    if not states.kept:  # a step may have exchanged the arrays of the last state with those of n
        for s in states.ends:
            s.u, s.v, s.eta = last.u, last.v, last.eta
    if states.extrapolated is not None:
        y = states.extrapolated
        extrapolate_state(n, integrator.extrapolation, y)
    for m, s in enumerate(states.ends):
        stage(m, y, s)
        y = s


def extrapolate_state(n: State, e: float, y: State) -> None:
    """Compute y = n + e (n - n before); in the first step of a run, which has no state before, y = n."""
    before = n.previous or n
    for name in y.arrays():
        layers = (getattr(state, name) for state in (n, before, y))
        x, x_before, out = (a[None] if a.ndim == 2 else a for a in layers)
        extrapolate(x, x_before, n.u.dtype.type(e), out)
