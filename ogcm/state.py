"""The state of a model, and other structures of arrays that belong to it.

A `State` is everything that the next step needs, and nothing else: restarts and checkpoints are states. `Tendencies`
are rates of change of its fields, `Stretching` is the thickness of the moving layers.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ogcm.backend import HALO
from ogcm.device import copy_values, is_on_host, to_device, to_host
from ogcm.errors import InputError
from ogcm.fields import FIELDS, Fields
from ogcm.grid import Grid, interior
from ogcm.halo import exchange
from ogcm.tiles import WHOLE, Tile

Array = np.ndarray
PROGNOSTIC = ("u", "v", "eta", "T", "S")  # of every model; further ones are its tracers


class State(Fields):
    """The prognostic fields of a model, with halo. Tangents and adjoints of states are states as well.

    Parameters
    ----------
    time : float
        Time since the start of the run [s].
    step : int
        Number of steps since the start of the run.
    previous : State, optional
        The state one step earlier, which only two-level integrators (ab2) need.
    **fields : ndarray
        The fields by name: u, v, eta, T, S and further ones.

    Attributes
    ----------
    names : tuple of str
        Names of the fields.
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    eta : ndarray, shape (nj, ni)
        Sea surface height [m].
    T : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC].
    S : ndarray, shape (nk, nj, ni)
        Absolute salinity [g kg-1].
    tke : ndarray, shape (nk + 1, nj, ni)
        Turbulent kinetic energy at the tops of the cells [m2 s-2], in models with turbulence.
    """

    u: Array
    v: Array
    eta: Array
    T: Array
    S: Array
    tke: Array

    def __init__(self, *, time: float = 0.0, step: int = 0, previous: "State | None" = None, **fields: Array) -> None:
        super().__init__(**fields)
        self.time, self.step, self.previous = time, step, previous

    def like(self, dtype: np.dtype | None = None) -> "State":
        """Make a state of zeros with the same fields.

        Parameters
        ----------
        dtype : dtype, optional
            Type of the fields; by default that of this state.

        Returns
        -------
        State
            A state whose fields are all 0, at time 0.
        """
        fields: dict[str, Any] = {name: np.zeros_like(a, dtype) for name, a in self.arrays().items()}
        return State(**fields)

    def all_arrays(self) -> list[Array]:
        """Return the prognostic fields, those of the previous state included.

        Returns
        -------
        list of ndarray
            The arrays themselves.
        """
        return [*self, *(self.previous.all_arrays() if self.previous is not None else ())]

    def copy(self) -> "State":
        """Copy the state, the previous one included.

        Returns
        -------
        State
            An independent copy.
        """
        fields = {name: a.copy() for name, a in self.arrays().items()}
        return State(**fields, time=self.time, step=self.step, previous=self.previous and self.previous.copy())

    def to(self, device: str) -> "State":
        """Bring the state to the memory of a device.

        Parameters
        ----------
        device : str
            "cpu" or "cuda".

        Returns
        -------
        State
            The state itself where it is there already, else a copy.
        """
        if is_on_host(self.u) == (device == "cpu"):
            return self
        fields = {name: to_device(a, device) for name, a in self.arrays().items()}
        previous = self.previous and self.previous.to(device)
        return State(**fields, time=self.time, step=self.step, previous=previous)

    def assign(self, other: "State") -> None:
        """Take the values of another state, in place.

        Parameters
        ----------
        other : State
            A state of the same shapes, on any device.

        Raises
        ------
        InputError
            For a field of another shape.
        """
        for name, a in self.arrays().items():
            source = getattr(other, name)
            if source.shape != a.shape:
                raise InputError(f"{name}: shape {source.shape} does not fit this state's {a.shape}")
            copy_values(a, source)
        self.time, self.step = other.time, other.step
        if self.previous is not None and other.previous is not None:
            self.previous.assign(other.previous)
        else:
            self.previous = other.previous and other.previous.to("cpu" if is_on_host(self.u) else "cuda").copy()

    def swap_arrays(self, other: "State", names: Iterable[str]) -> None:
        """Exchange arrays with another state; no value is copied.

        Parameters
        ----------
        other : State
            The other state.
        names : iterable of str
            Names of the fields whose arrays are exchanged.
        """
        for name in names:
            own, others = getattr(self, name), getattr(other, name)
            setattr(self, name, others)
            setattr(other, name, own)

    def prepare(self, grid: Grid) -> None:
        """Prepare a state that a user may have changed for a step: u, v and eta 0 on land, halos filled.

        Parameters
        ----------
        grid : Grid
            Grid of the fields.

        Raises
        ------
        InputError
            For arrays whose shape or type does not fit the grid.
        """
        dtype = getattr(self.u, "dtype", None)  # complex in the complex step
        for name, a in self.arrays().items():
            shape = shape_of(name, grid)
            if getattr(a, "shape", None) != shape or a.dtype != dtype or a.dtype.kind not in "fc":
                found = f"{a.shape} of {a.dtype}" if hasattr(a, "dtype") else type(a).__name__
                raise InputError(
                    f"{name}: the state needs an array {shape} of {grid.h_t.dtype}, with its halo of {HALO} cells, and "
                    f"has {found}; give a field without halo to model.set({name}=...)"
                )
        for name, mask in (("u", grid.mask_u), ("v", grid.mask_v), ("eta", grid.mask_t[0])):
            a = getattr(self, name)
            a[...] = np.where(mask == 1, a, a.dtype.type(0))
        exchange(grid, *self)
        if self.previous is not None:
            self.previous.prepare(grid)

    def digest(self, tile: Tile = WHOLE) -> str:
        """Compute a hash of every bit of the interior of the fields: equal states have equal digests.

        Parameters
        ----------
        tile : Tile, optional
            The tile (`model.grid.tile`) of a state that is divided between processes; all of them must call this.

        Returns
        -------
        str
            Sixteen hexadecimal digits, those of the whole ocean.
        """
        return tile.digest(interior(to_host(a)) for a in self)


def shape_of(name: str, grid: Grid) -> tuple[int, ...]:
    """Return the shape of a prognostic field with halo: a map, layers or the tops of the layers and the bottom."""
    nk, nj, ni = grid.h_t.shape
    vertical = FIELDS[name].vertical if name in FIELDS else "layer"
    return {"": (nj, ni), "layer": (nk, nj, ni), "interface": (nk + 1, nj, ni)}[vertical]


class Tendencies(Fields):
    """Rates of change of the prognostic fields, with halo.

    Parameters
    ----------
    **arrays : ndarray
        The arrays by the names of the fields.

    Attributes
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2].
    eta : ndarray, shape (nj, ni)
        Rate of change of the surface height [m s-1].
    T : ndarray, shape (nk, nj, ni)
        Rate of change of temperature times the resting thickness of the cell [K m s-1].
    S : ndarray, shape (nk, nj, ni)
        Rate of change of salinity times the resting thickness of the cell [g kg-1 m s-1]; likewise of other tracers.
    """

    u: Array
    v: Array
    eta: Array
    T: Array
    S: Array


class Stretching(NamedTuple):
    """Thickness of the moving layers relative to that of the resting ones.

    Attributes
    ----------
    t, u, v, f : ndarray, shape (nj, ni)
        Stretching at T, U, V and F points [1].
    """

    t: Array
    u: Array
    v: Array
    f: Array

    @classmethod
    def ones(cls, grid: Grid, dtype: np.dtype) -> "Stretching":
        """Make the stretching of resting layers.

        Parameters
        ----------
        grid : Grid
            Grid of the layers.
        dtype : dtype
            Type of the arrays.

        Returns
        -------
        Stretching
            Four arrays of ones.
        """
        return cls(*(np.ones_like(grid.depth_t, dtype) for _ in range(4)))
