"""The work arrays of an adjoint step, and the contexts that are given to its parts.

Adjoints are held in the structures of the arrays whose adjoints they are: `State`, `StageWork`, `SlowWork`,
`StepStates`. `SHARED` and `SHARED_BY_SLOW_PHYSICS` list those that share memory, as in `ogcm.work`.
"""

from typing import NamedTuple

import numpy as np

from adjoint.state import Gradient
from ogcm.forcing import Fluxes
from ogcm.state import State
from ogcm.stepper import Stage
from ogcm.work import Shared, SlowWork, StageWork

Array = np.ndarray

SHARED: Shared = {
    "u_star": ("G_u", "not used: the adjoint of u_star is held in that of u"),
    "v_star": ("G_v", "as for u_star"),
    "U_T": ("U", "overwritten by the advection of momentum, which follows the tracers"),
    "V_T": ("V", "as for U_T"),
    "W_T": ("W", "as for U_T"),
}
SHARED_BY_SLOW_PHYSICS: Shared = {"L_T": ("L_u", "each is set to 0 before it is used")}


class Scratch(NamedTuple):
    """Memory for intermediate results within adjoint kernels, which is that of adjoint arrays of a stage.

    `layers` are G_u and G_v, for the slow physics, which follows the stages; `interfaces` is W, for the slow physics
    and for the implicit solve of momentum, after which W is overwritten; `faces` are G_u, G_v, q, p and b, for the
    advection of tracers, after which the stage overwrites them; `points` are what the advection of momentum overwrites,
    and p, b and G, for the upwinding of momentum before it.
    """

    layers: tuple[Array, Array]
    interfaces: Array
    faces: tuple[Array, ...]
    points: tuple[Array, ...]

    @classmethod
    def of(cls, stage_ad: StageWork) -> "Scratch":
        """Take the memory of these adjoint arrays."""
        layers, others = (stage_ad.G_u, stage_ad.G_v), (stage_ad.q, stage_ad.p, stage_ad.b)
        points = (stage_ad.U, stage_ad.V, stage_ad.W[:-1], stage_ad.G, *others)
        return cls(layers, stage_ad.W, (*layers, *others), points)


class BackwardStep(NamedTuple):
    """The adjoint of a step."""

    n: State  # at the beginning of the step
    fluxes: Fluxes  # forcing in the middle of the step
    slow: SlowWork  # what the step computed
    slow_ad: SlowWork  # its adjoint, to which all stages add
    eos_ad: Array | None  # adjoint of the coefficients of the equation of state by columns (n, nj, ni), if it is wanted
    scratch: Scratch
    gradient: Gradient  # to which all is added


class BackwardStage(NamedTuple):
    """The adjoint of a stage."""

    step: BackwardStep
    stage: Stage  # what was computed
    y_ad: State
    s_ad: State
