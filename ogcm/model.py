"""The model: an ocean from plain arrays or functions.

grid = ogcm.cartesian(nx=60, ny=60, dx=20e3, dy=20e3, f0=1e-4, beta=2e-11)
model = ogcm.Model(grid, depth=4000.0, dz=[50, 100, 200, 400, 750, 1000, 1500], T=lambda x, y, z: 20 + z / 250,
                   forcing=ogcm.Forcing(tau_x=lambda x, y: -0.1 * np.cos(np.pi * y / 1.2e6)),
                   parameters={"nu_h": 500.0, "drag_linear": 1e-3}, dt=1200.0)
"""

import copy
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Unpack

import numpy as np

import ogcm
from ogcm.atmosphere import warn_of_no_atmosphere
from ogcm.backend import HALO
from ogcm.dates import start_date
from ogcm.decomposition import divide
from ogcm.device import check_device, check_host_memory, to_device, to_host
from ogcm.errors import InputError, suggestion
from ogcm.fields import FIELDS, Field
from ogcm.forcing import BoundForcing, Forcing
from ogcm.grid import add_halo, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Numbers, Values, as_array, check_sea_water, sample
from ogcm.numerics import Numerics, NumericsOptions
from ogcm.outside import OpenSides, bind_entry, bind_outside
from ogcm.parameters import PARAMETERS, Parameter, build_parameter, build_parameters
from ogcm.state import State
from ogcm.terms import Term, check_terms, on_device
from ogcm.topography import warn_of_lakes
from ogcm.tracers import Tracer, check_tracer

Array = np.ndarray

# Numbers of (nj, ni) and (nk, nj, ni) arrays of a model and a run, with those that building them takes
MAPS, LAYERS = 100, 32


class Model:
    """An ocean: a grid, its state, forcing and parameters, and the numerical choices.

    Parameters
    ----------
    horizontal : HorizontalGrid
        Horizontal grid, made by `ogcm.cartesian`, `ogcm.spherical` or `ogcm.curvilinear`.
    depth : float, array_like, shape (ny, nx), or callable
        Depth of the sea floor [m], positive down; 0 or masked on land. A function is called as f(x, y).
    dz : sequence of float, shape (nk,)
        Thickness of the resting layers [m] from the surface down.
    T, S : float, array_like, shape (nk,) or (nk, ny, nx), or callable
        Initial conservative temperature [degC] and absolute salinity [g kg-1]. A function is called as f(x, y, z) with
        the height z [m], negative below the surface.
    u, v : float, array_like, shape (nk,) or (nk, ny, nx), or callable
        Initial velocity [m s-1] at U and V points.
    eta : float, array_like, shape (ny, nx), or callable
        Initial height of the sea surface [m].
    forcing : Forcing, optional
        Wind stress, heat, fresh water and restoring; none by default.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace the defaults of `ogcm.PARAMETERS`, in the units given there.
    open_sides : OpenSides, optional
        Sides through which water passes, and what is outside; all sides are closed by default.
    tracers : mapping of str to Tracer, optional
        Further tracers by name, such as {"age": ogcm.Age()}.
    terms : mapping of str to Term, optional
        Further terms of the slow physics by name.
    corrector : Term, optional
        The term with the name "corrector".
    name : str
        Name of the ocean; output files are called by it.
    start : str, date, datetime, datetime64 or cftime.datetime, optional
        Date of the time 0, such as "2021-01-01". Output then has dates, forcing may have them, and a monthly
        climatology follows the year of the calendar (that of cftime, else the real one).
    decomposition : tuple of int, optional
        Numbers of tiles along j and i into which the ocean is divided between the processes that `mpiexec` started; by
        default those with the smallest halos. (1, 1) gives each process an ocean of its own.
    **numerics : NumericsOptions
        Numerical choices, the keywords of `ogcm.Numerics`. `dt`, the time step [s], is required.

    Attributes
    ----------
    horizontal : HorizontalGrid
        Horizontal grid without halo, that of the tile where the ocean is divided.
    grid : Grid
        Metrics, masks and layers with halo, as kernels read them.
    state : State
        Prognostic fields with halo, time and step; further tracers after u, v, eta, T and S.
    forcing : BoundForcing
        Forcing on this grid; `model.forcing.at(time)` gives the fluxes at a time [s].
    parameters : dict of str to ndarray
        Physical parameters with halo, shape (1, nj, ni) or (nk, nj, ni); `eos` has shape (n,).
    parameter_shapes : dict of str to tuple of int
        Shapes in which the parameters were given.
    numerics : Numerics
        Numerical choices.
    further_tracers : dict of str to Tracer
        Tracers beside T and S.
    fields : dict of str to Field
        Units and names of all fields: those of `ogcm.FIELDS` and the further tracers.
    known_parameters : dict of str to Parameter
        Descriptions of all parameters: those of `ogcm.PARAMETERS` and those of the further tracers.
    terms : dict of str to Term
        Further terms of the slow physics.
    dz : ndarray, shape (nk,)
        Thickness of the resting layers [m].
    config : dict
        Name and options of the setup that made the model; empty for a model from arrays.
    marks : dict of str to str
        Digests of what a setup made, by which `ogcm.provenance` sees later changes.
    places : dict of str to dict
        Default ranges x, y, z [units of the grid, m] of quantities such as "transport", by quantity.
    start : cftime.datetime or None
        Date of the time 0.
    device : str
        Where the arrays are, "cpu" or "cuda".

    Raises
    ------
    InputError
        For anything that does not fit, with its name, and for a model that is too large for the memory.
    """

    def __init__(
        self,
        horizontal: HorizontalGrid,
        *,
        depth: Values,
        dz: Numbers,
        T: Values = 10.0,
        S: Values = 35.0,
        u: Values = 0.0,
        v: Values = 0.0,
        eta: Values = 0.0,
        forcing: Forcing | None = None,
        parameters: Mapping[str, Values] | None = None,
        open_sides: OpenSides | None = None,
        tracers: Mapping[str, Tracer] | None = None,
        terms: Mapping[str, Term] | None = None,
        corrector: Term | None = None,
        name: str = "ocean",
        start: Any = None,
        decomposition: tuple[int, int] | None = None,
        **numerics: Unpack[NumericsOptions],
    ) -> None:
        check_arguments(horizontal, name, numerics)
        tile = divide(horizontal.shape, horizontal.sides, decomposition)
        self.horizontal, self.name, self.device = horizontal.part(tile), name, "cpu"
        named = {} if corrector is None else {"corrector": corrector}
        self.terms = check_terms({} if terms is None else terms) | check_terms(named)
        self.numerics = Numerics(**numerics)
        self.open_sides = OpenSides() if open_sides is None else open_sides
        self.dz = as_array("dz", dz).copy()
        self.config: dict = {}
        self.marks: dict[str, str] = {}
        self.places: dict[str, dict] = {}
        self.check_memory()
        self.grid = build_grid(
            self.horizontal,
            depth,
            self.dz,
            smallest_cell=self.numerics.smallest_cell if self.numerics.partial_cells else 1.0,
            smallest_thickness=self.numerics.smallest_thickness,
            no_slip=self.numerics.walls == "no_slip",
            nonlinear=self.numerics.free_surface == "nonlinear",
            gravity=self.numerics.gravity,
            rho0=self.numerics.rho0,
            open_sides=self.open_sides.stretches(horizontal.shape),
            dtype=np.dtype(self.numerics.precision),
        )
        if not tile.any(bool(self.grid.mask_t.any())):
            raise InputError("bathymetry: no cell holds water; depth is positive downwards, in m")
        warn_of_lakes(self.grid, horizontal)
        given = {} if parameters is None else parameters
        self.parameters, self.parameter_shapes = build_parameters(given, self.horizontal, self.grid, self.options())
        forcing = Forcing() if forcing is None else forcing
        self.start = start_date(start)
        self.forcing = BoundForcing(forcing, self.horizontal, self.grid, self.numerics.equation_of_state, self.start)
        warn_of_no_atmosphere(given, self.forcing)
        self.state = State(
            u=self.sample("u", u),
            v=self.sample("v", v),
            eta=self.sample("eta", eta),
            T=self.sample("T", T),
            S=self.sample("S", S),
        )
        if self.grid.open_sides:
            bind_outside(self)
        if self.numerics.vertical_mixing == "tke" and self.numerics.dynamics != "none":
            fields: dict[str, Any] = self.state.arrays() | {"tke": self.background_turbulence()}
            self.state = State(**fields)
        self.fields: dict[str, Field] = dict(FIELDS)
        self.known_parameters: dict[str, Parameter] = dict(PARAMETERS)
        self.further_tracers: dict[str, Tracer] = {}
        about = {"version of ogcm": ogcm.__version__, "name": name, "start": str(self.start), "dz": self.dz.tolist()}
        tile.check_same(about | self.options())
        for tracer, made in ({} if tracers is None else tracers).items():
            self.add_tracer(tracer, made)

    @property
    def corrector(self) -> Term | None:
        """The term with the name "corrector"; assigning None removes it."""
        return self.terms.get("corrector")

    @corrector.setter
    def corrector(self, term: Term | None) -> None:
        others = {name: other for name, other in self.terms.items() if name != "corrector"}
        self.terms = others if term is None else others | {"corrector": term}

    @property
    def stepped(self) -> tuple[str, ...]:
        """Names of the prognostic fields that a step changes."""
        return tuple(n for n in self.state.names if n not in ("T", "S") or self.numerics.has_tracers)

    @property
    def tracers(self) -> tuple[str, ...]:
        """Names of the tracers that a step changes; without an equation of state, T and S stay as they are."""
        return (*(("T", "S") if self.numerics.has_tracers else ()), *self.further_tracers)

    def advection(self, tracer: str) -> str:
        """Return the advection of a tracer.

        Parameters
        ----------
        tracer : str
            Name of the tracer.

        Returns
        -------
        str
            Its own choice, or that of the model.
        """
        own = self.further_tracers[tracer].advection if tracer in self.further_tracers else None
        return own or self.numerics.advection

    def add_tracer(self, name: str, tracer: Tracer) -> None:
        """Add a tracer to the model.

        Its name becomes that of a field of the state; `ogcm.tracers` tells the names of its forcing and parameters.

        Parameters
        ----------
        name : str
            Name of the tracer, a word that no other field, forcing, parameter or term of the model has.
        tracer : Tracer
            The tracer.

        Raises
        ------
        InputError
            For a name that is taken, and for values that do not fit.
        """
        check_tracer(name, tracer, {*self.fields, *self.parameters, *self.forcing.shapes, *self.terms})
        if self.device != "cpu":
            raise InputError(f"tracers: {name} cannot be added to a copy on a GPU; add it to the model on the host")
        self.grid.tile.check_same({"tracers": [*self.tracers, name]})
        fields: dict[str, Any] = self.state.arrays() | {name: self.sample(name, tracer.initial)}
        forcing, parameters = self.forcing.with_tracer(name, tracer.forcing(name)), tracer.parameters(name)
        built = {n: build_parameter(n, *given, self.horizontal, self.grid) for n, given in parameters.items()}
        self.state = State(**fields, time=self.state.time, step=self.state.step)
        self.forcing, self.further_tracers = forcing, self.further_tracers | {name: tracer}
        self.parameters = self.parameters | {n: array for n, (array, _) in built.items()}
        self.parameter_shapes = self.parameter_shapes | {n: shape for n, (_, shape) in built.items()}
        if self.grid.open_sides:
            bind_entry(self, forcing, name, tracer.outside)
        self.fields = self.fields | tracer.fields(name)
        self.known_parameters = self.known_parameters | {n: parameter for n, (parameter, _) in parameters.items()}

    def background_turbulence(self) -> Array:
        """Compute the turbulent kinetic energy of water at rest: the background at all tops.

        Returns
        -------
        ndarray, shape (nk + 1, nj, ni)
            The energy [m2 s-2], 0 on land and at the sea floor.
        """
        tops = np.pad(self.grid.mask_t > 0, ((0, 1), (0, 0), (0, 0)))  # without the sea floor
        return np.where(tops, self.parameters["tke_background"], 0).astype(self.grid.h_t.dtype)

    def check_memory(self) -> None:
        """Raise InputError where the host has too little memory for the model and the work arrays of a run."""
        (ny, nx), nk = self.horizontal.shape, self.dz.size
        columns, itemsize = (ny + 2 * HALO) * (nx + 2 * HALO), np.dtype(self.numerics.precision).itemsize
        need = columns * (MAPS + LAYERS * nk) * itemsize
        check_host_memory(need, f"a {self.numerics.precision} model of {nk} layers of {ny} x {nx} cells")

    def set(self, **values: Values) -> None:
        """Replace fields of the state, as in `model.set(T=..., eta=...)`.

        Time and step remain; an integrator of two levels starts anew.

        Parameters
        ----------
        **values : float, array_like or callable
            Prognostic fields without halo, by name, in the forms that `Model` accepts.

        Raises
        ------
        InputError
            For fields that do not fit.
        """
        for name in values:
            if name not in self.state.names:
                raise InputError(f"unknown field {name!r}: {suggestion(name, self.state.names)}")
        for name, a in {name: self.sample(name, v) for name, v in values.items()}.items():
            setattr(self.state, name, to_device(a, self.device))
        self.state.previous = None

    def sample(self, name: str, values: Values) -> Array:
        """Sample user input as a field of the model.

        Parameters
        ----------
        name : str
            Name of the field.
        values : float, array_like or callable
            Values without halo, in the forms that `Model` accepts.

        Returns
        -------
        ndarray, shape (nk, nj, ni) or (nj, ni)
            The field with halo, 0 on land.

        Raises
        ------
        InputError
            For values that do not fit or are not finite over water.
        """
        grid, place = self.grid, name if name in ("u", "v") else "t"
        mask, z = to_host(getattr(grid, f"mask_{place}")), None
        if name == "eta":
            mask = mask[0]
        else:
            z = to_host(interior(grid.z_t))
        given = sample(name, values, self.horizontal.points(place, z))
        wet = interior(mask) == 1
        field = np.broadcast_to(given[:, None, None] if given.ndim == 1 else given, wet.shape)
        wrong = np.argwhere(~np.isfinite(field) & wet)
        if len(wrong):
            raise InputError(f"{name}: not finite over water at {tuple(int(n) for n in wrong[0])}; fill it there")
        if name in ("T", "S"):
            check_sea_water(name, field[wet], self.numerics.equation_of_state)
        a = add_halo(field, grid.periodic)
        a = np.where(mask == 1, a, 0).astype(grid.h_t.dtype)
        exchange(grid, a)
        return a

    def to(self, device: str) -> "Model":
        """Copy the model to a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            Device in whose memory state, grid, forcing, parameters and terms are wanted.

        Returns
        -------
        Model
            The copy; the model itself where it is on that device already.

        Raises
        ------
        InputError
            Where the device cannot be used.
        """
        device = check_device(device)
        if self.device == device:
            return self
        other = copy.copy(self)
        other.device, other.state, other.forcing = device, self.state.to(device), self.forcing.to(device)
        other.grid = self.grid.to(device)
        other.parameters = {name: to_device(a, device) for name, a in self.parameters.items()}
        other.terms = {name: on_device(term, device, self, other) for name, term in self.terms.items()}
        return other

    def copy(self) -> "Model":
        """Copy the model.

        State, forcing, parameters and terms (`Term.copy`) are copied. The grid, which does not change, and functions of
        the forcing are shared.

        Returns
        -------
        Model
            An independent model, which runs as this one does, to the bit.
        """
        other = copy.copy(self)
        other.state, other.forcing = self.state.copy(), self.forcing.copy()
        other.parameters = {name: a.copy() for name, a in self.parameters.items()}
        other.terms = {name: term.copy() if hasattr(term, "copy") else term for name, term in self.terms.items()}
        other.further_tracers, other.parameter_shapes = dict(self.further_tracers), dict(self.parameter_shapes)
        other.config, other.places, other.marks = copy.deepcopy(self.config), copy.deepcopy(self.places), {**self.marks}
        return other

    def options(self) -> dict:
        """Return the numerical choices by name.

        Returns
        -------
        dict of str to object
            The fields of `numerics`.
        """
        return asdict(self.numerics)


def check_arguments(horizontal: HorizontalGrid, name: str, numerics: Mapping[str, object]) -> None:
    """Raise InputError for arguments of the wrong type, and for numerical options that do not exist."""
    known = [f.name for f in fields(Numerics)]
    for option in numerics:
        if option not in known:
            raise InputError(f"unknown option {option!r}: {suggestion(option, known)}")
    if "dt" not in numerics:
        raise InputError("dt: give the time step in seconds")
    if not isinstance(horizontal, HorizontalGrid):
        raise InputError(f"horizontal: needs a grid such as ogcm.cartesian(...), got {reprlib.repr(horizontal)}")
    if not (isinstance(name, str) and name):
        raise InputError(f"name: needs a text, since output files are named after it, got {reprlib.repr(name)}")
