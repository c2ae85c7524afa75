"""Time integration backwards: the stages of `ogcm.integrators` from the last to the first."""

from collections.abc import Callable
from typing import Any

from adjoint.clear import clear
from adjoint.operators.extrapolation import extrapolate_ad
from ogcm.integrators import Integrator, StepStates
from ogcm.state import State


def integrate_ad(
    integrator: Integrator,
    n: State,
    states: StepStates,
    n_ad: State,
    states_ad: StepStates,
    stage_ad: Callable[..., None],
) -> None:
    """Compute the adjoint of all stages of a step, from the last of `states_ad.ends` to `n_ad`, to which it is added.

    Parameters
    ----------
    integrator : Integrator
        The integrator.
    n : State
        State at the beginning of the step.
    states : StepStates
        States within the step.
    n_ad : State
        Adjoint of n, with that of the state before n as its `previous`.
    states_ad : StepStates
        Adjoints of the states within the step; all but the last are overwritten.
    stage_ad : callable
        `stage_ad(m, y, s, y_ad, s_ad)` computes the adjoint of stage m, from s_ad to y_ad, to which it adds.
    """
    both: tuple[Any, Any] = (states.extrapolated, states_ad.extrapolated) if integrator.extrapolation else (n, n_ad)
    first, first_ad = both
    for state_ad in (*states_ad.ends[:-1], *[first_ad] * bool(integrator.extrapolation)):
        clear(*state_ad)
    y, y_ad = [first, *states.ends[:-1]], [first_ad, *states_ad.ends[:-1]]
    for m in reversed(range(len(y))):
        stage_ad(m, y[m], states.ends[m], y_ad[m], states_ad.ends[m])
    if integrator.extrapolation:
        extrapolate_state_ad(n, integrator.extrapolation, first_ad, n_ad)


def extrapolate_state_ad(n: State, e: float, y_ad: State, n_ad: State) -> None:
    """Add the adjoints of n and of the state before it, in the first step of a run n itself, from that of y."""
    before, before_ad = n.previous or n, n_ad.previous or n_ad
    for name in y_ad.arrays():
        layers = (getattr(state, name) for state in (n, before, y_ad, n_ad, before_ad))
        x, x_before, out_ad, x_ad, x_before_ad = (a[None] if a.ndim == 2 else a for a in layers)
        extrapolate_ad(x, x_before, n.u.dtype.type(e), out_ad, x_ad, x_before_ad)
