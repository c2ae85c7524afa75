"""The work arrays of a step: what they hold, how large they are, and which of them share memory.

A run has one set of arrays for all of its stages. On a CPU its intermediate results are windows of a few rows
(`WINDOWS`, see `ogcm.sweep`). Elsewhere quantities that are never needed at the same time lie in the same memory:
`SHARED` and `SHARED_BY_SLOW_PHYSICS` list them. The adjoint reads what a step computed, so a stepper that keeps
everything has a set of arrays for each stage, and none of them is a window or shared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numba
import numpy as np

from ogcm.device import is_on_host, zeros
from ogcm.grid import Grid
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.barotropic import TRANSPORTS, WORK_FIELDS, barotropic_substeps, call_ranges
from ogcm.operators.isoneutral import TriadFluxes
from ogcm.state import Stretching, Tendencies
from ogcm.sweep import Sweep
from ogcm.windows import Window

Array = np.ndarray
Shared = Mapping[str, tuple[str, str]]  # name: the array whose memory it takes, and the reason why that is free then

SHARED: Shared = {
    "p": ("q", "the vorticity has been used when the pressure is computed"),
    "G": ("q", "vorticity and pressure have been used when the tracers are advected"),
    "U_T": ("U", "momentum has been advected when the transports of the tracers are computed"),
    "V_T": ("V", "as for U_T"),
    "W_T": ("W", "as for U_T"),
    "u_star": ("G_u", "G_u of a point is read before u_star is written there, and never again"),
    "v_star": ("G_v", "as for u_star"),
}
SHARED_BY_SLOW_PHYSICS: Shared = {  # which ends before the stages begin
    "L_u": ("u_star", "the stages compute u_star anew"),
    "L_v": ("v_star", "the stages compute v_star anew"),
    "L_T": ("u_star", "as for L_u, and friction, which uses L_u, comes before diffusion"),
    "N2": ("kappa_v", "N2 of a point is read before kappa_v is written there, and never again"),
    "nu": ("D_T", "friction, which uses nu, comes before the first contribution to D_T"),
}
# Intermediate results of a stage, which are windows where its kernels are swept
WINDOWS = ("U", "V", "W", "q", "b", "p", "G_u", "G_v", "U_T", "V_T", "W_T", "G")


def windows_of(grid: Grid, dtype: np.dtype, *sweeps: Sweep) -> dict[str, int]:
    """Return the number of rows of each window that sweeps need; none on a GPU and for complex numbers."""
    swept = is_on_host(grid.h_t) and np.dtype(dtype).kind == "f" and not numba.config.DISABLE_JIT
    return {name: max(sweep.rows(name) for sweep in sweeps) for name in WINDOWS} if swept else {}


def allocate(
    grid: Grid,
    dtype: np.dtype,
    kinds: Mapping[str, str],
    shared: Shared,
    others: Mapping[str, Array],
    windows: Mapping[str, int],
) -> dict[str, Any]:
    """Make arrays of zeros of these kinds, by name.

    Those in `windows` are windows with that number of rows, and those in `shared` lie in the memory of one of the
    others or of an array in `others`.
    """
    nk, nj, ni = grid.h_t.shape
    shapes = {"layers": (nk, nj, ni), "interfaces": (nk + 1, nj, ni), "map": (nj, ni)}
    threads = numba.config.NUMBA_NUM_THREADS
    made: dict[str, Any] = {
        name: Window(shapes[kinds[name]], rows, threads, dtype) for name, rows in windows.items() if name in kinds
    }
    few_rows = {name for name, a in {**others, **made}.items() if isinstance(a, Window)}
    sharing = {name: owner for name, (owner, _) in shared.items() if not {name, owner} & few_rows}
    made |= {
        name: zeros(grid.h_t, shapes[kind], dtype)
        for name, kind in kinds.items()
        if name not in made and name not in sharing
    }
    owners = {**others, **made}
    return made | {name: owners[owner] for name, owner in sharing.items()}


@dataclass
class StageWork:
    """Work arrays of a stage: layers (nk, nj, ni), of W interfaces (nk + 1, nj, ni), and maps (nj, ni)."""

    s_y: Stretching  # of the state y
    s_new: Stretching  # of the new state
    G_u: Array  # tendencies of momentum [m s-2]
    G_v: Array
    U: Array  # transports [m3 s-1] that carry momentum
    V: Array
    W: Array
    q: Array  # potential vorticity [m-1 s-1]
    b: Array  # buoyancy [m s-2]
    p: Array  # pressure over density [m2 s-2]
    u_star: Array  # velocity after the momentum equations, before the barotropic mode [m s-1]
    v_star: Array
    F_u: Array  # slow forcing of the barotropic mode [m s-2]
    F_v: Array
    bar_star: tuple[Array, Array]  # depth mean before the barotropic mode [m s-1]
    bar: tuple[Array, Array]  # and after it
    U_mean: Array  # barotropic transports averaged over the substeps [m3 s-1]
    V_mean: Array
    U_T: Array  # transports [m3 s-1] that carry tracers
    V_T: Array
    W_T: Array
    G: Array  # tendency of a tracer by advection, one tracer after the other [K m s-1]
    eta_inside: Array  # of open sides: sea level before that of the cells outside is set [m],
    eta_outside: Array  # that of the outer world [m],
    outer_u: Array  # and what it sends [m s-1] (`ogcm.operators.flather`)
    outer_v: Array
    rim: Any = None  # and the values of the rim of a field, one field after the other

    @classmethod
    def zeros(
        cls, grid: Grid, dtype: np.dtype, shared: Shared, windows: Mapping[str, int] | None = None
    ) -> "StageWork":
        """Make arrays of zeros; those named in `shared` share memory with others, those in `windows` have few rows."""
        layers = ("G_u", "G_v", "u_star", "v_star", "U", "V", "q", "b", "p", "U_T", "V_T", "G")
        kinds = dict.fromkeys(layers, "layers")
        kinds |= dict.fromkeys(("W", "W_T"), "interfaces")
        kinds |= dict.fromkeys(("F_u", "F_v", "U_mean", "V_mean"), "map")
        kinds |= dict.fromkeys(("eta_inside", "eta_outside", "outer_u", "outer_v"), "map")
        if grid.open_sides:
            kinds["rim"] = "layers"
        arrays: dict[str, Any] = allocate(grid, dtype, kinds, shared, {}, windows or {})
        stretchings: dict[str, Any] = {name: Stretching.ones(grid, dtype) for name in ("s_y", "s_new")}
        return cls(**stretchings, bar_star=two_maps(grid, dtype), bar=two_maps(grid, dtype), **arrays)


class UniformInflow(NamedTuple):
    """Flow in a stage when the outer world sends 1 m s-1 more through all open sides (`ogcm.operators.volume`).

    Attributes
    ----------
    flow : ndarray, shape (5, nj, ni)
        Sea level [m], depth-mean velocity [m s-1] and mean transports [m3 s-1].
    gain : float
        Volume that its transports bring into the ocean [m3 s-1].
    amount : ndarray, shape (1,)
        How much of it a stage takes [1].
    """

    flow: Array
    gain: float
    amount: Array


class Substeps(NamedTuple):
    """Weights and memory of the barotropic substeps of a stage.

    Attributes
    ----------
    weights : tuple of ndarray, shape (M,)
        Averaging weights of the surface and of the transports [1].
    work : ndarray, shape (WORK_FIELDS, nj, ni)
        Work array, the same for all stages.
    history : ndarray, shape (3, depth, nj, ni)
        Instants of the surface and of the velocity: the last one, or all M + 1 for the adjoint.
    inflow : UniformInflow or None
        The uniform inflow that constrains the volume of an ocean with open sides.
    """

    weights: tuple[Array, Array]
    work: Array
    history: Array
    inflow: UniformInflow | None = None

    @classmethod
    def of_stages(
        cls, weights: list[tuple[Array, Array]], grid: Grid, dtype: np.dtype, *, kept: bool
    ) -> list["Substeps"]:
        """Make the substeps of all stages of these weights; with `kept` each stage has a history of its own."""
        plane = grid.depth_t.shape
        work, last = zeros(grid.h_t, (WORK_FIELDS, *plane), dtype), zeros(grid.h_t, (3, 1, *plane), dtype)
        histories = [zeros(grid.h_t, (3, len(a) + 1, *plane), dtype) if kept else last for a, _ in weights]
        return [cls(pair, work, history) for pair, history in zip(weights, histories, strict=True)]

    def take(self, given: tuple[Array, ...], dt: np.floating, grid: Grid, results: tuple[Array, ...]) -> None:
        """Take all substeps of a stage of length dt; between tiles, transports are exchanged after each.

        `given` are the arguments eta to outer_v of `barotropic_substeps`, and `results` the last five.
        """
        count = len(self.weights[0])
        for first, last in call_ranges(count, grid.tile.is_whole):
            barotropic_substeps(*given, *self.weights, dt, first, last, self.work, self.history, grid, *results)
            if last < count:
                exchange(grid, *self.work[TRANSPORTS])


@dataclass
class SlowWork:
    """Work arrays of the slow physics of the state n: layers, interfaces and maps as in `StageWork`."""

    s: Stretching
    bar: tuple[Array, Array]  # depth mean of u, v [m s-1]
    D: Tendencies
    nu_v: Array  # vertical viscosity and diffusivity at interfaces [m2 s-1]
    kappa_v: Array
    drag_u: Array  # bottom drag [m s-1]
    drag_v: Array
    N2: Array  # stratification at interfaces [s-2]
    nu: Array  # Laplacian viscosity that follows the flow [m2 s-1]
    L_u: Array  # Laplacians, of which biharmonic friction and diffusion are made
    L_v: Array
    L_T: Array
    heat: Array  # heat flux as a flux of temperature [K m s-1]
    held: Array  # the part of it that enters water at the freezing point
    no_flux: Array  # flux of salt through the surface: zero
    shortwave: Array  # shortwave radiation as a flux of temperature [K m s-1]
    one: Array  # a viscosity of 1 in one layer (1, nj, ni)
    S2: Any = None  # of models with turbulence: squared shear at interfaces [s-2],
    tke: Any = None  # turbulent kinetic energy at the end of the step [m2 s-2],
    tke_surface: Any = None  # and at the surface,
    production: Any = None  # and its production by shear [m2 s-3]
    b_T: Any = None  # of models with isoneutral diffusion: derivatives of the buoyancy by T [m s-2 K-1]
    b_S: Any = None  # and S [m s-2 (g/kg)-1],
    triads: Any = None  # fluxes of triads of cells,
    kappa_eddy: Any = None  # and diffusivity by the growth rate of eddies (1, nj, ni) [m2 s-1]
    of_parameters: dict[str, Array] = field(default_factory=dict)  # what is computed from one parameter, by its name

    @classmethod
    def zeros(cls, model: Model, stage: StageWork, shared: Shared) -> "SlowWork":
        """Make arrays of zeros for a model; those named in `shared` share memory with others or with `stage`."""
        grid, n = model.grid, model.state
        dtype, kinds = n.u.dtype, dict.fromkeys(("nu", "L_u", "L_v", "L_T"), "layers")
        kinds |= {f"D_{name}": "layers" if a.ndim == 3 else "map" for name, a in n.arrays().items() if name != "tke"}
        kinds |= dict.fromkeys(("nu_v", "kappa_v", "N2"), "interfaces")
        kinds |= dict.fromkeys(("drag_u", "drag_v", "heat", "held", "no_flux", "shortwave"), "map")
        if "tke" in n.names:
            kinds |= dict.fromkeys(("S2", "tke", "production"), "interfaces") | {"tke_surface": "map"}
            shared = {name: why for name, why in shared.items() if name != "N2"}  # read after kappa_v is written
        if eddies := model.numerics.has_eddies:
            kinds |= dict.fromkeys(("b_T", "b_S", *TriadFluxes._fields), "layers")
        arrays: dict[str, Any] = allocate(grid, dtype, kinds, shared, vars(stage), {})
        if eddies:
            arrays["triads"] = TriadFluxes(*(arrays.pop(name) for name in TriadFluxes._fields))
            arrays["kappa_eddy"] = zeros(grid.h_t, (1, *grid.depth_t.shape), dtype)
        D = Tendencies(**{name: arrays.pop(f"D_{name}") for name in n.names if name != "tke"})
        one = np.ones_like(grid.h_t, dtype, shape=(1, *grid.depth_t.shape))
        return cls(s=Stretching.ones(grid, dtype), bar=two_maps(grid, dtype), D=D, one=one, **arrays)

    def like(self, name: str, p: Array) -> Array:
        """Return the memory for what is computed from the parameter `name`, which has the shape of its array p."""
        if name not in self.of_parameters or self.of_parameters[name].shape != p.shape:
            self.of_parameters[name] = np.zeros_like(p)
        return self.of_parameters[name]


def two_maps(grid: Grid, dtype: np.dtype) -> tuple[Array, Array]:
    """Make two maps of zeros (nj, ni)."""
    return zeros(grid.h_t, grid.depth_t.shape, dtype), zeros(grid.h_t, grid.depth_t.shape, dtype)
