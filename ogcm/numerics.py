"""The numerical choices of a model: named schemes, the time step and the constants of the planet."""

import reprlib
from dataclasses import dataclass, fields
from typing import Literal, TypedDict, get_args

from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.errors import InputError
from ogcm.inputs import flag, number


class NumericsOptions(TypedDict, total=False):
    """The keywords of `Numerics`, which `Model` and the setups accept; described there."""

    dt: float
    barotropic_steps: int
    dynamics: Literal["primitive", "none"]
    integrator: Literal["euler", "ab2", "rk3", "rk4"]
    advection: Literal["centred2", "upwind3", "monotone", "weno5"]
    vorticity: Literal["energy", "enstrophy", "al81"]
    momentum_upwinding: Literal["none", "vertical", "all"]
    friction: Literal["none", "laplacian", "biharmonic"]
    viscosity: Literal["constant", "smagorinsky", "leith"]
    diffusion: Literal["none", "laplacian", "biharmonic"]
    isoneutral: Literal["none", "gerdes", "dm95"]
    eddy_diffusivity: Literal["constant", "visbeck"]
    vertical_mixing: Literal["constant", "richardson", "tke"]
    equation_of_state: Literal["none", "linear", "quadratic", "teos10"]
    free_surface: Literal["nonlinear", "linear"]
    walls: Literal["free_slip", "no_slip"]
    freezing: bool
    partial_cells: bool
    smallest_cell: float
    smallest_thickness: float
    precision: Literal["float64", "float32"]
    gravity: float
    rho0: float
    heat_capacity: float


class SetupOptions(NumericsOptions, total=False):
    """The keywords that all setups accept: those of `Numerics`, and the division of `Model` into tiles."""

    decomposition: tuple[int, int] | None


CHOICES = {name: get_args(kind) for name, kind in NumericsOptions.__annotations__.items() if get_args(kind)}


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """Numerical choices: one named scheme for each process, the time step, and constants.

    Parameters
    ----------
    dt : float
        Time step [s].
    barotropic_steps : int
        Number of barotropic substeps in a time step; 0 for as many as the CFL limit demands.
    dynamics : {"primitive", "none"}
        Equations of motion; without them only the terms of the model change the state.
    integrator : {"rk3", "rk4", "ab2", "euler"}
        Time stepping of advection and pressure.
    advection : {"upwind3", "centred2", "monotone", "weno5"}
        Advection of tracers.
    vorticity : {"energy", "enstrophy", "al81"}
        Quantity that the Coriolis and vorticity terms conserve; al81 conserves both (Arakawa and Lamb 1981).
    momentum_upwinding : {"none", "vertical", "all"}
        Upwinding of the advection of momentum by WENO, of the vertical advection or of all three directions; with "all"
        a run needs no horizontal friction (`ogcm.operators.momentum_upwinding`, `ogcm.operators.vertical_upwinding`).
    friction : {"laplacian", "biharmonic", "none"}
        Horizontal friction.
    viscosity : {"constant", "smagorinsky", "leith"}
        Horizontal viscosity, given or from the flow.
    diffusion : {"laplacian", "biharmonic", "none"}
        Horizontal diffusion of tracers.
    isoneutral : {"none", "gerdes", "dm95"}
        Isoneutral diffusion and eddy-induced advection (Redi 1982; Gent and McWilliams 1990), with the reduction of
        steep slopes by Gerdes et al. (1991) or by Danabasoglu and McWilliams (1995) (`ogcm.operators.isoneutral`).
    eddy_diffusivity : {"constant", "visbeck"}
        Diffusivities of isoneutral diffusion and eddy-induced advection: given, or with a further part from the growth
        rate of baroclinic instability (Visbeck et al. 1997).
    vertical_mixing : {"constant", "richardson", "tke"}
        Coefficients of vertical mixing: given, after Pacanowski and Philander (1981), or of turbulence with a
        prognostic kinetic energy (`ogcm.operators.tke`).
    equation_of_state : {"linear", "quadratic", "teos10", "none"}
        Density of sea water; "none" makes a model without tracers, such as shallow water.
    free_surface : {"nonlinear", "linear"}
        Layers that follow the sea surface (z*), or keep their resting thickness.
    walls : {"free_slip", "no_slip"}
        Boundary condition of the velocity along walls.
    freezing : bool
        True to let no heat flux cool the surface below `T_freezing`.
    partial_cells : bool
        True for bottom cells that end at the sea floor, False for full cells.
    smallest_cell : float
        Smallest fraction of a layer that a bottom cell has.
    smallest_thickness : float
        Smallest thickness of a bottom cell [m].
    precision : {"float64", "float32"}
        Type of all arrays.
    gravity : float
        Acceleration of gravity [m s-2].
    rho0 : float
        Reference density [kg m-3].
    heat_capacity : float
        Heat capacity of sea water [J kg-1 K-1].

    Raises
    ------
    InputError
        For a choice that does not exist, and for numbers out of range.
    """

    dt: float
    barotropic_steps: int = 0
    dynamics: str = "primitive"
    integrator: str = "rk3"
    advection: str = "upwind3"
    vorticity: str = "energy"
    momentum_upwinding: str = "none"
    friction: str = "laplacian"
    viscosity: str = "constant"
    diffusion: str = "laplacian"
    isoneutral: str = "none"
    eddy_diffusivity: str = "constant"
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

        if self.has_eddies and not self.has_tracers:
            raise InputError(
                f"isoneutral: {self.isoneutral!r} needs the density of sea water; choose an equation_of_state, or "
                "isoneutral='none'"
            )

    @property
    def has_tracers(self) -> bool:
        """True for a model that steps temperature and salinity."""
        return self.equation_of_state != "none"

    @property
    def has_eddies(self) -> bool:
        """True for a model with isoneutral diffusion and eddy-induced advection."""
        return self.isoneutral != "none"

    @property
    def sharp_taper(self) -> bool:
        """True where the fluxes of eddies fall on steep slopes as with `dm95`, False for `gerdes`."""
        return self.isoneutral == "dm95"

    @property
    def heat_per_volume(self) -> float:
        """Heat that warms a cubic metre of water by a kelvin [J m-3 K-1]."""
        return self.rho0 * self.heat_capacity
