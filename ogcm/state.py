"""The state: everything the next step needs, and nothing else. Restart = checkpoint = State."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ogcm.backend import HALO
from ogcm.device import copy_values, is_on_host, to_device, to_host, zeros
from ogcm.errors import InputError
from ogcm.grid import Grid, interior
from ogcm.halo import exchange

Array = np.ndarray
PROGNOSTIC = ("u", "v", "eta", "T", "S")


@dataclass
class State:
    """Prognostic fields with halo: u, v, T, S (nk, nj, ni), eta (nj, ni); SI units, T in degC.

    `time` [s] and `step` count from the start of the run; `previous` is the state one step
    earlier, kept by two-level integrators (ab2) alone. Tangents and adjoints are States too.
    """

    u: Array
    v: Array
    eta: Array
    T: Array
    S: Array
    time: float = 0.0
    step: int = 0
    previous: "State | None" = None

    @classmethod
    def zeros(cls, grid: Grid, dtype: np.dtype | None = None) -> "State":
        """A state of rest, all zero; `dtype` defaults to the grid's."""
        shape, h = grid.h_t.shape, grid.h_t
        layers = {name: zeros(h, shape, dtype) for name in ("u", "v", "T", "S")}
        return cls(**layers, eta=zeros(h, shape[1:], dtype))

    def arrays(self) -> dict[str, Array]:
        """The prognostic fields by name."""
        return {name: getattr(self, name) for name in PROGNOSTIC}

    def all_arrays(self) -> list[Array]:
        """The prognostic fields, those of the previous state included."""
        return [*self.arrays().values(), *(self.previous.all_arrays() if self.previous is not None else ())]

    def copy(self) -> "State":
        """An independent copy, the previous state included."""
        fields = {name: a.copy() for name, a in self.arrays().items()}
        return State(**fields, time=self.time, step=self.step, previous=self.previous and self.previous.copy())

    def to(self, device: str) -> "State":
        """The state in the memory of `device`: itself where it is there, else a copy."""
        if is_on_host(self.u) == (device == "cpu"):
            return self
        fields = {name: to_device(a, device) for name, a in self.arrays().items()}
        previous = self.previous and self.previous.to(device)
        return State(**fields, time=self.time, step=self.step, previous=previous)

    def assign(self, other: "State") -> None:
        """Take the values of another state of the same shape, in place; it may live elsewhere."""
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
        """Exchange the arrays of the named fields with another state; no value is copied."""
        for name in names:
            own, others = getattr(self, name), getattr(other, name)
            setattr(self, name, others)
            setattr(other, name, own)

    def prepare(self, grid: Grid) -> None:
        """Make a state that a user may have changed ready for a step: currents and eta 0 on land, halos filled.

        Raises InputError for arrays of another shape or type than those of the grid.
        """
        dtype = getattr(self.u, "dtype", None)  # complex in the complex step
        for name, a in self.arrays().items():
            shape = grid.h_t.shape[1:] if name == "eta" else grid.h_t.shape
            if getattr(a, "shape", None) != shape or a.dtype != dtype or a.dtype.kind not in "fc":
                found = f"{a.shape} of {a.dtype}" if hasattr(a, "dtype") else type(a).__name__
                raise InputError(
                    f"{name}: the state needs an array {shape} of {grid.h_t.dtype}, with its halo of {HALO} cells, and "
                    f"has {found}; give a field without halo to model.set({name}=...)"
                )
        for name, mask in (("u", grid.mask_u), ("v", grid.mask_v), ("eta", grid.mask_t[0])):
            a = getattr(self, name)
            a[...] = np.where(mask == 1, a, a.dtype.type(0))
        exchange(grid, *self.arrays().values())
        if self.previous is not None:
            self.previous.prepare(grid)

    def digest(self) -> str:
        """A hash of every bit of the interior: equal runs have equal digests."""
        whole = hashlib.sha256()
        for a in self.arrays().values():
            whole.update(np.ascontiguousarray(interior(to_host(a))).tobytes())
        return whole.hexdigest()[:16]


class Tendencies(NamedTuple):
    """Rates of change with halo: u, v [m s-2], eta [m s-1], T and S times the resting thickness [K m s-1]."""

    u: Array
    v: Array
    eta: Array
    T: Array
    S: Array


class Stretching(NamedTuple):
    """Thickness of the moving layers relative to the resting ones, (nj, ni) [1]."""

    t: Array
    u: Array
    v: Array
    f: Array

    @classmethod
    def ones(cls, grid: Grid, dtype: np.dtype) -> "Stretching":
        """Of resting layers."""
        return cls(*(np.ones_like(grid.depth_t, dtype) for _ in range(4)))
