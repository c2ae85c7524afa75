"""Which adjoint kernel belongs to which forward kernel, and what their arguments are.

A kind says where a field lives: the point (t, u, v, f; w for the tops of cells) and, with a 2, that
it is a map (nj, ni). The dot-product test walks this registry, and so does `ogcm check-gradients`.
"""

from collections.abc import Callable
from typing import NamedTuple

from adjoint.operators import tracer_advection as backward
from ogcm.operators import tracer_advection as forward


class Pair(NamedTuple):
    """`forward(*inputs, *constants, grid, *outputs)` and
    `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`."""

    forward: Callable
    adjoint: Callable
    inputs: dict[str, tuple[str, float]]  # name: (kind, typical size)
    outputs: dict[str, str]  # name: kind
    constants: tuple = ()


TRANSPORT = {"T": ("t", 10.0), "U": ("u", 1e6), "V": ("v", 1e6), "W": ("w", 1e6)}

PAIRS = {
    name: Pair(getattr(forward, name), getattr(backward, f"{name}_ad"), TRANSPORT, {"out": "t"}, constants=(500.0,))
    for name in ("advect_tracer_centred2", "advect_tracer_upwind3", "advect_tracer_monotone")
}
