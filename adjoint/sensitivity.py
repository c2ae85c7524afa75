"""Sensitivity maps: what a transport, a heat content, ... at the end of a run depends on, and where.

    s = sensitivity(simulation, of="transport", to="wind_stress", y=8e5, x=(0, 1e6))
    s.value, s["tau_x"]                                  [m3 s-1], (ny, nx) [m3 s-1 (N m-2)-1]
    s.write("gyre.sensitivity.nc"); ogcm.plot("gyre.sensitivity.nc", "gyre.sensitivity.png")

The gradient of one number with respect to a whole forcing, state or parameter, from one run backwards. Of a forcing it
is that to a change of one cell during the whole run (of a series, of one record); a forcing given as one number counts
as a map. A gradient with respect to a cell grows with the cell: the picture divides it by the cell's area.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import numpy as np

from adjoint.controls import POINTS, Control, Controls, units
from adjoint.loss import Loss
from adjoint.losses import BoxMean, Enstrophy, HeatContent, Overturning, Transport
from adjoint.run import gradient
from ogcm.constants import DAY
from ogcm.errors import InputError, suggestion
from ogcm.fields import FIELDS
from ogcm.files import write_hdf5
from ogcm.grid import interior
from ogcm.metadata import FILL, describe_ocean, horizontal_dimensions
from ogcm.model import Model
from ogcm.regions import extent, shift_coordinates, shift_longitude
from ogcm.simulation import Simulation

Array = np.ndarray
Place = float | tuple[float, float]
SENSITIVITY = "sensitivity_to_"  # the names of the variables of a file begin with it
QUANTITIES = ("transport", "overturning", "heat_content", "mean", "enstrophy")
ALIASES = {"wind_stress": ("tau_x", "tau_y")}


class Quantity(NamedTuple):
    """What the sensitivity is of: a loss, words and units for it, and the section or box."""

    name: str
    loss: Loss
    text: str
    units: str
    places: dict[str, Place]


def quantity(model: Model, of: str, *, field: str = "T", **places: Place | None) -> Quantity:
    """The quantity named `of`, one of QUANTITIES; "mean" is that of `field`.

    `places`: x, y, z, a number or a range each, in the units of the grid and heights in m; without any, those that the
    setup has for this quantity (`model.places`), or else the whole ocean. Raises InputError for an unknown quantity or
    field, a number instead of a range, and a section or box without water.
    """
    if of not in QUANTITIES:
        raise InputError(f"of: unknown quantity {of!r}: {suggestion(of, QUANTITIES)}")
    given = {name: place for name, place in places.items() if place is not None} or model.places.get(of, {})
    if of in ("transport", "overturning") and not given:
        raise InputError(f"{of}: {model.name} has no section of its own; give x, y or z (--x, --y, --z)")
    numbers = [name for name, place in given.items() if np.ndim(place) == 0]
    for name in numbers:
        if of not in ("transport", "overturning") or (of, name) == ("transport", "z"):
            raise InputError(f"{name}: {of} needs a range (--{name} FROM:TO), got the number {given[name]:g}")
    if of == "transport":
        text = "eastward transport" if "x" in numbers else "northward transport"
        return Quantity(of, Transport(model, **given), text, "m3 s-1", given)
    if of == "overturning":
        if sorted(numbers) != ["y", "z"]:
            raise InputError("overturning: give y and z as numbers (--y NUMBER --z NUMBER), and x as a range or not")
        return Quantity(of, Overturning(model, **given), "overturning", "m3 s-1", given)
    if of == "heat_content":
        return Quantity(of, HeatContent(model, **given), "heat content", "J", given)
    if of == "mean":
        loss = BoxMean(model, field, **given)
        return Quantity(of, loss, f"mean {FIELDS[field].long_name}", FIELDS[field].units, given)
    if given:
        raise InputError("enstrophy: is that of the whole ocean; leave x, y, z out")
    return Quantity(of, Enstrophy(model), "enstrophy", "m3 s-2", given)


@dataclass
class Sensitivity:
    """The value of a quantity at the end of a run, and its gradients by the name of the control."""

    model: Model
    quantity: Quantity
    value: float
    gradients: dict[str, Array]
    controls: dict[str, Control]
    days: float

    def __getitem__(self, name: str) -> Array:
        return self.gradients[name]

    @property
    def title(self) -> str:
        """What the sensitivity is of, and its value."""
        q = self.quantity
        size, units = (1e6, "Sv") if q.units == "m3 s-1" else (1.0, q.units)
        place = where(self.model, q.places)
        return f"{self.model.name}: {q.text}{place}, {self.value / size:.4g} {units} on day {self.days:g}"

    def units(self, name: str) -> str:
        """Units of the gradient with respect to a control, as files have them."""
        above = "K" if self.quantity.units == "degC" else self.quantity.units
        below = units(name)
        return above if below == "1" else f"{above} ({'K' if below == 'degC' else below})-1"

    def write(self, path: str | Path, configuration: str = "") -> None:
        """A NetCDF4 file (CF-1.11) of all gradients, land as fill value.

        Raises FileError where it cannot be written; a file of that name is replaced.
        """
        with write_hdf5(path, opener=h5netcdf.File) as f:
            describe_ocean(f, self.model, f"sensitivity of {self.title}", configuration, "sensitivity")
            f.attrs["quantity"] = self.quantity.name
            f.attrs.update(quantity_value=self.value, quantity_units=self.quantity.units, days=self.days)
            if self.quantity.places:
                for axis, ends in extents(self.model, self.quantity.places).items():
                    f.attrs[f"quantity_{axis}"] = ends
            for control in self.controls.values():
                self.write_gradient(f, control)

    def write_gradient(self, f: h5netcdf.File, control: Control) -> None:
        """One variable, its coordinates and the area of its cells."""
        name, values, grid = control.name, self.gradients[control.name], self.model.grid
        point = POINTS.get(name, "t")
        if name == "eos":
            f.dimensions["coefficient"] = len(values)
            dims: tuple[str, ...] = ("coefficient",)
        elif values.ndim < 2:  # a number or a profile
            dims = ("z",)[: values.ndim]
        else:
            wet = interior(getattr(grid, f"mask_{point}")) > 0
            layers = len(values) == len(wet) and control.kind != "forcing" and values.ndim == 3
            values = np.where(wet if layers else wet[0], values, FILL)
            values = values[0] if values.shape[:-2] == (1,) and not layers else values
            dims = (("z",) if layers else (self.days_of(f, name),)) if values.ndim == 3 else ()
            dims += horizontal_dimensions(self.model)[point.upper()]
        v = f.create_variable(f"{SENSITIVITY}{name}", dims, "f8", data=values, fillvalue=float(FILL))
        v.attrs.update(units=self.units(name), long_name=f"sensitivity of {self.quantity.text} to {name}")
        if len(dims) > 1:
            area = "cell_area" if point == "t" else f"cell_area_{point}"
            v.attrs["cell_measures"] = f"area: {area}"
            if area not in f.variables:
                a = f.create_variable(area, dims[-2:], data=interior(getattr(grid, f"area_{point}")))
                a.attrs.update(units="m2", standard_name="cell_area", long_name=f"area of cells around {point}")

    def days_of(self, f: h5netcdf.File, name: str) -> str:
        """The dimension of the records of a series."""
        series, dim = self.model.forcing.series[name], f"day_of_{name}"
        f.dimensions[dim] = len(series.times)
        v = f.create_variable(dim, (dim,), data=np.asarray(series.times, float) / DAY)
        v.attrs.update(units="days", long_name=f"time of the records of {name}")
        if series.period is not None:
            v.attrs["period"] = series.period / DAY
        return dim


def sensitivity(
    simulation: Simulation,
    of: str = "transport",
    to: str | Iterable[str] = "wind_stress",
    *,
    field: str = "T",
    x: Place | None = None,
    y: Place | None = None,
    z: Place | None = None,
    memory: float | None = None,
) -> Sensitivity:
    """How the quantity `of` at the end of `simulation` depends on the controls `to` (names as in `adjoint.controls`).

    `field`, x, y, z as for `quantity`; `memory` [bytes] as for `adjoint.gradient`; "wind_stress" is tau_x and tau_y.
    The simulation stays as it is. Raises InputError before the run for what `quantity` and the controls refuse.
    """
    wanted = quantity(simulation.model, of, field=field, x=x, y=y, z=z)
    names = [to] if isinstance(to, str) else list(to)
    names = list(dict.fromkeys(n for name in names for n in ALIASES.get(name, (name,))))
    simulation = with_maps(simulation)
    controls = Controls(simulation.model, names).controls
    found = gradient(wanted.loss, simulation, names, memory=memory)
    end = (simulation.model.state.time + simulation.steps * simulation.model.numerics.dt) / DAY
    return Sensitivity(simulation.model, wanted, found.value, found.gradients, controls, end)


def with_maps(simulation: Simulation) -> Simulation:
    """The simulation, its forcings that came as one number counted as maps."""
    other, model = copy.copy(simulation), copy.copy(simulation.model)
    other.model, model.forcing = model, copy.copy(model.forcing)
    model.forcing.shapes = {name: shape or model.horizontal.shape for name, shape in model.forcing.shapes.items()}
    return other


def extents(model: Model, places: dict[str, Place]) -> dict[str, Array]:
    """From where to where along x and y, inside the grid: those of the grid where no place is given."""
    h = model.horizontal
    ends = {axis: extent(h, axis) for axis in "xy"}
    found = {axis: np.broadcast_to(places.get(axis, end), 2).astype(float) for axis, end in ends.items()}
    middle, centre = found["x"].mean(), 0.5 * sum(ends["x"])
    found["x"] += shift_coordinates(h, "x", middle, centre) - middle
    return found


def where(model: Model, places: dict[str, Place]) -> str:
    """The places in words."""
    degrees, words = model.horizontal.units == "degrees", []
    for axis, place in places.items():
        values = np.atleast_1d(place)
        if axis == "z":
            words.append(f"{' to '.join(f'{-z:g}' for z in values[::-1])} m")
        elif degrees:
            sides = "NS" if axis == "y" else "EW"
            values = np.asarray(shift_longitude(values, 0.0)) if axis == "x" else values
            words.append(" to ".join(f"{abs(value):g}°{sides[int(value < 0)]}" for value in values))
        else:
            words.append(f"{axis} = {' to '.join(f'{value / 1e3:g}' for value in values)} km")
    return " at " + ", ".join(words) if words else ""


def place(name: str, text: str) -> Place:
    """A number or FROM:TO. Raises InputError for anything else."""
    try:
        numbers = [float(word) for word in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not np.isfinite(numbers).all():
        raise InputError(f"--{name}: needs a number or a range FROM:TO, got {text!r}")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
