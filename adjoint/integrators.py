"""Time integration backwards: the stages of `ogcm.integrators` from the last to the first."""

from collections.abc import Callable

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
    """From the adjoint of the new state, the last of `states_ad.ends`, to that of n, to which it is added.

    `stage_ad(m, y, s, y_ad, s_ad)` adds to y_ad what the adjoint s_ad of the end s of stage m depends on through the
    state y.
    """
    first, first_ad = (states.extrapolated, states_ad.extrapolated) if integrator.extrapolation else (n, n_ad)
    for state_ad in (*states_ad.ends[:-1], *[first_ad] * bool(integrator.extrapolation)):
        clear(*state_ad.arrays().values())
    y, y_ad = [first, *states.ends[:-1]], [first_ad, *states_ad.ends[:-1]]
    for m in reversed(range(len(y))):
        stage_ad(m, y[m], states.ends[m], y_ad[m], states_ad.ends[m])
    if integrator.extrapolation:
        extrapolate_state_ad(n, integrator.extrapolation, first_ad, n_ad)


def extrapolate_state_ad(n: State, e: float, y_ad: State, n_ad: State) -> None:
    """From y_ad to the adjoints of n and of the state before it, which in the first step of a run is n itself."""
    before, before_ad = n.previous or n, n_ad.previous or n_ad
    for name in y_ad.arrays():
        layers = (getattr(state, name) for state in (n, before, y_ad, n_ad, before_ad))
        x, x_before, out_ad, x_ad, x_before_ad = (a[None] if a.ndim == 2 else a for a in layers)
        extrapolate_ad(x, x_before, n.u.dtype.type(e), out_ad, x_ad, x_before_ad)
