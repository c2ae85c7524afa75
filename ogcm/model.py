"""A model: any ocean from plain arrays.

grid = ogcm.cartesian(nx=60, ny=60, dx=20e3, dy=20e3, f0=1e-4, beta=2e-11)
model = ogcm.Model(grid, depth=4000.0, dz=[50, 100, 200, 400, 750, 1000, 1500], T=lambda x, y, z: 20 + z / 250,
                   forcing=ogcm.Forcing(tau_x=lambda x, y: -0.1 * np.cos(np.pi * y / 1.2e6)),
                   parameters={"nu_h": 500.0, "drag_linear": 1e-3}, dt=1200.0)
"""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ogcm import grid as grids
from ogcm import parameters as physics
from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.device import check, host, put
from ogcm.errors import InputError
from ogcm.forcing import BoundForcing, Forcing
from ogcm.grid import HorizontalGrid, add_halo, interior
from ogcm.halo import exchange
from ogcm.state import State
from ogcm.topography import warn_of_lakes

Array = np.ndarray
Values = float | Sequence[float] | Array | Callable

CHOICES = {
    "dynamics": ("primitive", "none"),
    "integrator": ("euler", "ab2", "rk3", "rk4"),
    "advection": ("centred2", "upwind3", "monotone"),
    "vorticity": ("energy", "enstrophy", "al81"),
    "friction": ("none", "laplacian", "biharmonic"),
    "viscosity": ("constant", "smagorinsky", "leith"),
    "diffusion": ("none", "laplacian", "biharmonic"),
    "vertical_mixing": ("constant", "richardson"),
    "equation_of_state": ("none", "linear", "quadratic", "teos10"),
    "free_surface": ("nonlinear", "linear"),
    "walls": ("free_slip", "no_slip"),
    "precision": ("float64", "float32"),
}


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """One named choice per process.

    dt [s] is the time step; barotropic_steps the number of substeps in it (0: from the CFL
    limit). An equation of state "none" makes a model without tracers: shallow water, or a
    homogeneous ocean. Without dynamics ("none") nothing but the corrector moves the state. With `freezing` the
    surface is not cooled below T_freezing. The constants gravity [m s-2], rho0 [kg m-3], the reference density, and
    heat_capacity [J kg-1 K-1] may be another planet's or another model's. Raises InputError for a choice that does not
    exist and for numbers that are not positive.
    """

    dt: float
    barotropic_steps: int = 0
    dynamics: str = "primitive"
    integrator: str = "rk3"
    advection: str = "upwind3"
    vorticity: str = "energy"
    friction: str = "laplacian"
    viscosity: str = "constant"
    diffusion: str = "laplacian"
    vertical_mixing: str = "constant"
    equation_of_state: str = "linear"
    free_surface: str = "nonlinear"
    walls: str = "free_slip"
    freezing: bool = False
    partial_cells: bool = True
    smallest_cell: float = 0.2
    smallest_thickness: float = 0.0
    precision: str = "float64"
    gravity: float = GRAVITY
    rho0: float = RHO0
    heat_capacity: float = HEAT_CAPACITY

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: {getattr(self, name)!r} does not exist; choose from {', '.join(known)}")
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise InputError(f"dt: the time step must be a positive number of seconds, got {self.dt}")
        for name, units in (("gravity", "m s-2"), ("rho0", "kg m-3"), ("heat_capacity", "J kg-1 K-1")):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{name}: must be a positive number [{units}], got {getattr(self, name)}")
        if self.barotropic_steps < 0:
            raise InputError(f"barotropic_steps: must be 0 (automatic) or positive, got {self.barotropic_steps}")

    @property
    def has_tracers(self) -> bool:
        return self.equation_of_state != "none"

    @property
    def heat_per_volume(self) -> float:
        """Heat that warms water by a kelvin [J m-3 K-1]."""
        return self.rho0 * self.heat_capacity


class Model:
    """A grid, its state, forcing and parameters, and the numerical choices.

    Attributes: `horizontal`, `grid`, `state`, `forcing` (bound), `parameters` (arrays with halo by name) and
    `parameter_shapes` (those in which they came), `numerics`, `corrector` (None, or an object whose tendencies are
    added), `name`, `config` (the options of the setup that made it), `dz`, `places` (by the name of a quantity, such as
    transport, the x, y, z [units of the grid, m] at which it is looked at unless said otherwise), `device`.
    """

    def __init__(
        self,
        horizontal: HorizontalGrid,
        *,
        depth: float | Array,
        dz: Sequence[float],
        T: Values = 10.0,
        S: Values = 35.0,
        u: Values = 0.0,
        v: Values = 0.0,
        eta: Values = 0.0,
        forcing: Forcing | None = None,
        parameters: Mapping[str, float | Array] | None = None,
        corrector: object | None = None,
        name: str = "ocean",
        config: Mapping | None = None,
        **numerics,
    ) -> None:
        """Initial fields may be numbers, profiles (nk,), arrays (nk, ny, nx) or functions f(x, y[, z]).

        `depth` [m] is positive down, 0 on land; `dz` [m] the layers from the surface down; the
        remaining keywords are those of `Numerics` (`dt` is required). Raises InputError for anything
        that does not fit, naming it.
        """
        known = [f.name for f in fields(Numerics)]
        for option in numerics:
            if option not in known:
                raise InputError(f"unknown option {option!r}: {physics.nearest(option, known)}")
        if "dt" not in numerics:
            raise InputError("dt: give the time step in seconds")
        self.horizontal, self.name, self.corrector, self.device = horizontal, name, corrector, "cpu"
        self.numerics = Numerics(**numerics)
        self.dz = np.asarray(dz, float)
        self.config = dict(config or {})
        self.places: dict[str, dict] = {}
        self.grid = grids.build(
            horizontal,
            depth,
            dz,
            partial_cells=self.numerics.partial_cells,
            smallest_cell=self.numerics.smallest_cell,
            smallest_thickness=self.numerics.smallest_thickness,
            no_slip=self.numerics.walls == "no_slip",
            nonlinear=self.numerics.free_surface == "nonlinear",
            gravity=self.numerics.gravity,
            rho0=self.numerics.rho0,
            dtype=np.dtype(self.numerics.precision),
        )
        if not self.grid.mask_t.any():
            raise InputError("bathymetry: no cell holds water; depth is positive downwards, in m")
        warn_of_lakes(self.grid, horizontal)
        self.parameters = physics.build(parameters or {}, self.grid, self.numerics.equation_of_state)
        self.parameter_shapes = {name: np.shape((parameters or {}).get(name, 0.0)) for name in self.parameters}
        self.parameter_shapes["eos"] = self.parameters["eos"].shape
        self.forcing = BoundForcing(forcing or Forcing(), horizontal, self.grid)
        initial = {"u": u, "v": v, "eta": eta, "T": T, "S": S}
        self.state = State(**{name: self.sample(name, values) for name, values in initial.items()})

    def sample(self, name: str, values: Values) -> Array:
        """A field with halo from a number, profile, array or function; 0 on land."""
        grid, horizontal = self.grid, self.horizontal
        point = {"u": "u", "v": "v"}.get(name, "t")
        mask = getattr(grid, f"mask_{point}")
        nk, (ny, nx) = len(self.dz), horizontal.shape
        if callable(values):
            x = horizontal.x_f if point == "u" else horizontal.x_t
            y = horizontal.y_f if point == "v" else horizontal.y_t
            Z = interior(grid.z_t)
            X, Y = np.broadcast_to(x, (ny, nx)), np.broadcast_to(y[:, None], (ny, nx))
            if len(inspect.signature(values).parameters) == 3:
                values = values(np.broadcast_to(X, Z.shape), np.broadcast_to(Y, Z.shape), Z)
            else:
                values = values(X, Y)
        values = host(values).astype(grid.h_t.dtype)
        full = (ny, nx) if name == "eta" else (nk, ny, nx)
        if values.shape == (nk,) and name != "eta":
            values = values[:, None, None]
        try:
            values = np.broadcast_to(values, full)
        except ValueError:
            raise InputError(f"{name}: shape {values.shape} does not fit {full}") from None
        mask = mask[0] if name == "eta" else mask
        a = add_halo(values, grid.periodic)
        wrong = np.argwhere(~np.isfinite(interior(a)) & (interior(mask) == 1))
        if len(wrong):
            raise InputError(f"{name}: not finite over water at {tuple(int(n) for n in wrong[0])}; fill it there")
        a = np.where(mask == 1, a, 0).astype(grid.h_t.dtype)
        exchange(grid, a)
        return a

    def to(self, device: str) -> "Model":
        """The model with its state, grid, forcing, parameters and corrector in the memory of `device` ("cpu", "cuda").

        Itself where it is there already. Raises InputError where the device cannot be used.
        """
        device = check(device)
        if self.device == device:
            return self
        other = copy.copy(self)
        other.device, other.state, other.forcing = device, self.state.to(device), self.forcing.to(device)
        other.grid = self.grid.to(device)
        other.parameters = {name: put(a, device) for name, a in self.parameters.items()}
        if hasattr(self.corrector, "to"):
            other.corrector = self.corrector.to(device, self, other)
        return other

    def options(self) -> dict:
        """The numerical choices by name, as a run's configuration records them."""
        return asdict(self.numerics)
