"""A model: any ocean from plain arrays.

grid = ogcm.cartesian(nx=60, ny=60, dx=20e3, dy=20e3, f0=1e-4, beta=2e-11)
model = ogcm.Model(grid, depth=4000.0, dz=[50, 100, 200, 400, 750, 1000, 1500], T=lambda x, y, z: 20 + z / 250,
                   forcing=ogcm.Forcing(tau_x=lambda x, y: -0.1 * np.cos(np.pi * y / 1.2e6)),
                   parameters={"nu_h": 500.0, "drag_linear": 1e-3}, dt=1200.0)
"""

import copy
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ogcm.backend import HALO
from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.device import check, check_host_memory, host, put
from ogcm.errors import InputError, suggestion
from ogcm.forcing import BoundForcing, Forcing
from ogcm.grid import add_halo, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import check_sea_water, flag, number, plain, sample
from ogcm.parameters import build_parameters
from ogcm.state import PROGNOSTIC, State
from ogcm.terms import Term, check_terms, on_device
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

# Arrays (nj, ni) and (nk, nj, ni) of a model and a run, those that the host needs to build them included
MAPS, LAYERED = 100, 40


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """One named choice per process.

    dt [s] is the time step; barotropic_steps the number of substeps in it (0: from the CFL
    limit). An equation of state "none" makes a model without tracers: shallow water, or a
    homogeneous ocean. Without dynamics ("none") nothing but the model's terms moves the state. With `freezing` the
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
        for f in fields(self):
            name, value, known = f.name, getattr(self, f.name), CHOICES.get(f.name)
            if known and not (isinstance(value, str) and value in known):
                raise InputError(f"{name}: {reprlib.repr(value)} does not exist; choose from {', '.join(known)}")
            if not known:
                value = flag(name, value) if f.type is bool else number(name, value, whole=f.type is int)
            object.__setattr__(self, name, value)
        if not self.dt > 0:
            raise InputError(f"dt: the time step must be a positive number of seconds, got {self.dt}")
        for name, units in (("gravity", "m s-2"), ("rho0", "kg m-3"), ("heat_capacity", "J kg-1 K-1")):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: must be a positive number [{units}], got {getattr(self, name)}")
        if self.barotropic_steps < 0:
            raise InputError(f"barotropic_steps: must be 0 (automatic) or positive, got {self.barotropic_steps}")
        if not 0 < self.smallest_cell <= 1:
            raise InputError(f"smallest_cell: a fraction of a layer between 0 and 1, got {self.smallest_cell}")
        if self.smallest_thickness < 0:
            raise InputError(f"smallest_thickness: must be 0 or a positive number of m, got {self.smallest_thickness}")

    @property
    def has_tracers(self) -> bool:
        return self.equation_of_state != "none"

    @property
    def heat_per_volume(self) -> float:
        """Heat that warms water by a kelvin [J m-3 K-1]."""
        return self.rho0 * self.heat_capacity

    @property
    def stepped(self) -> tuple[str, ...]:
        """The prognostic fields that a step changes; in a model without tracers T and S stay as they are."""
        return PROGNOSTIC if self.has_tracers else ("u", "v", "eta")


class Model:
    """A grid, its state, forcing and parameters, and the numerical choices.

    Attributes: `horizontal`, `grid`, `state`, `forcing` (bound), `parameters` (arrays with halo by name) and
    `parameter_shapes` (those in which they came), `numerics`, `terms` (further terms of the slow physics by name, see
    `ogcm.terms`), `corrector` (the one of that name, or None), `name`, `config` (the options of the setup that made
    it), `dz`, `places` (by the name of a quantity, such as transport, the x, y, z [units of the grid, m] at which it is
    looked at unless said otherwise), `device`.
    """

    def __init__(
        self,
        horizontal: HorizontalGrid,
        *,
        depth: float | Array | Callable,
        dz: Sequence[float],
        T: Values = 10.0,
        S: Values = 35.0,
        u: Values = 0.0,
        v: Values = 0.0,
        eta: Values = 0.0,
        forcing: Forcing | None = None,
        parameters: Mapping[str, Values] | None = None,
        terms: Mapping[str, Term] | None = None,
        corrector: Term | None = None,
        name: str = "ocean",
        config: Mapping | None = None,
        **numerics,
    ) -> None:
        """Initial fields may be numbers, profiles (nk,), arrays (nk, ny, nx) or functions f(x, y[, z]).

        `depth` [m] is a number, a map or a function f(x, y), positive down, 0 or masked on land; `dz` [m] the layers
        from the surface down; `terms` are added to the slow physics (see `ogcm.terms`), `corrector` as the one of that
        name; the remaining keywords are those of `Numerics` (`dt` is required). Raises InputError for anything that
        does not fit, naming it, and for a model that is too large for the memory.
        """
        known = [f.name for f in fields(Numerics)]
        for option in numerics:
            if option not in known:
                raise InputError(f"unknown option {option!r}: {suggestion(option, known)}")
        if "dt" not in numerics:
            raise InputError("dt: give the time step in seconds")
        if not isinstance(horizontal, HorizontalGrid):
            raise InputError(f"horizontal: needs a grid such as ogcm.cartesian(...), got {reprlib.repr(horizontal)}")
        if not (isinstance(name, str) and name):
            raise InputError(f"name: needs a text that files can be called by, got {reprlib.repr(name)}")
        self.horizontal, self.name, self.device = horizontal, name, "cpu"
        named = {} if corrector is None else {"corrector": corrector}
        self.terms = check_terms({} if terms is None else terms) | check_terms(named)
        self.numerics = Numerics(**numerics)
        self.dz = plain("dz", dz).copy()
        self.config = dict(config or {})
        self.marks: dict[str, str] = {}  # of what a setup made (ogcm.provenance)
        self.places: dict[str, dict] = {}
        self.check_memory()
        self.grid = build_grid(
            horizontal,
            depth,
            self.dz,
            smallest_cell=self.numerics.smallest_cell if self.numerics.partial_cells else 1.0,
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
        given = {} if parameters is None else parameters
        self.parameters, self.parameter_shapes = build_parameters(given, horizontal, self.grid, self.options())
        given = Forcing() if forcing is None else forcing
        self.forcing = BoundForcing(given, horizontal, self.grid, self.numerics.equation_of_state)
        initial = {"u": u, "v": v, "eta": eta, "T": T, "S": S}
        self.state = State(**{name: self.sample(name, values) for name, values in initial.items()})

    @property
    def corrector(self) -> Term | None:
        """The term that is called "corrector"; assigning None takes it away."""
        return self.terms.get("corrector")

    @corrector.setter
    def corrector(self, term: Term | None) -> None:
        others = {name: other for name, other in self.terms.items() if name != "corrector"}
        self.terms = others if term is None else others | {"corrector": term}

    def check_memory(self) -> None:
        """Raise InputError where the host has too little memory for the model and the work arrays of a run."""
        (ny, nx), nk = self.horizontal.shape, self.dz.size
        columns, itemsize = (ny + 2 * HALO) * (nx + 2 * HALO), np.dtype(self.numerics.precision).itemsize
        need = columns * (MAPS + LAYERED * nk) * itemsize
        check_host_memory(need, f"a {self.numerics.precision} model of {nk} layers of {ny} x {nx} cells")

    def set(self, **values: Values) -> None:
        """Give the state new fields, `model.set(T=..., eta=...)`, without halo; what they may be is as in the model.

        Time and step stay; a two-level integrator begins anew. Raises InputError for fields that do not fit.
        """
        for name in values:
            if name not in PROGNOSTIC:
                raise InputError(f"unknown field {name!r}: {suggestion(name, PROGNOSTIC)}")
        for name, a in {name: self.sample(name, v) for name, v in values.items()}.items():
            setattr(self.state, name, put(a, self.device))
        self.state.previous = None

    def sample(self, name: str, values: Values) -> Array:
        """A field with halo from a number, profile, array or function; 0 on land."""
        grid, place = self.grid, name if name in ("u", "v") else "t"
        mask, z = host(getattr(grid, f"mask_{place}")), None
        if name == "eta":
            mask = mask[0]
        else:
            z = host(interior(grid.z_t))
        values = sample(name, values, self.horizontal.points(place, z))
        wet = interior(mask) == 1
        values = np.broadcast_to(values[:, None, None] if values.ndim == 1 else values, wet.shape)
        wrong = np.argwhere(~np.isfinite(values) & wet)
        if len(wrong):
            raise InputError(f"{name}: not finite over water at {tuple(int(n) for n in wrong[0])}; fill it there")
        if name in ("T", "S"):
            check_sea_water(name, values[wet], self.numerics.equation_of_state)
        a = add_halo(values, grid.periodic)
        a = np.where(mask == 1, a, 0).astype(grid.h_t.dtype)
        exchange(grid, a)
        return a

    def to(self, device: str) -> "Model":
        """The model with its state, grid, forcing, parameters and terms in the memory of `device` ("cpu", "cuda").

        Itself where it is there already. Raises InputError where the device cannot be used.
        """
        device = check(device)
        if self.device == device:
            return self
        other = copy.copy(self)
        other.device, other.state, other.forcing = device, self.state.to(device), self.forcing.to(device)
        other.grid = self.grid.to(device)
        other.parameters = {name: put(a, device) for name, a in self.parameters.items()}
        other.terms = {name: on_device(term, device, self, other) for name, term in self.terms.items()}
        return other

    def options(self) -> dict:
        """The numerical choices by name, as a run's configuration records them."""
        return asdict(self.numerics)
