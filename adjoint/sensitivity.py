"""Sensitivity maps: the dependence of a transport, a heat content, ... at the end of a run on forcing, state or
parameters.

    s = sensitivity(simulation, of="transport", to="wind_stress", y=8e5, x=(0, 1e6))
    s.value, s["tau_x"]                                  [m3 s-1], (ny, nx) [m3 s-1 (N m-2)-1]
    s.write("gyre.sensitivity.nc"); ogcm.plot("gyre.sensitivity.nc", "gyre.sensitivity.png")

It is the gradient of one number with respect to a whole forcing, state or parameter, from one run backward. The
gradient with respect to a forcing is that to a change of one cell during the whole run (of a series, of one record); a
forcing that was given as one number counts as a map. The gradient with respect to a cell is proportional to the size of
the cell: the picture shows it per area.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import numpy as np

from adjoint.controls import Control, Controls, units
from adjoint.loss import Loss
from adjoint.losses import BoxMean, Enstrophy, HeatContent, Overturning, Transport
from adjoint.run import gradient
from ogcm.constants import DAY
from ogcm.errors import InputError, suggestion
from ogcm.files import write_together
from ogcm.grid import interior
from ogcm.metadata import FILL, describe_ocean, horizontal_dimensions, place_attributes, put
from ogcm.model import Model
from ogcm.regions import extent, shift_coordinates, shift_longitude
from ogcm.simulation import Simulation

__all__ = ["Quantity", "Sensitivity", "quantity", "sensitivity"]
Array = np.ndarray
Place = float | tuple[float, float]
SENSITIVITY = "sensitivity_to_"  # the names of the variables of a file begin with it
QUANTITIES = ("transport", "overturning", "heat_content", "mean", "enstrophy")
ALIASES = {"wind_stress": ("tau_x", "tau_y")}


class Quantity(NamedTuple):
    """The quantity of a sensitivity.

    Attributes
    ----------
    name : str
        Its name, one of `QUANTITIES`.
    loss : Loss
        The quantity as a loss.
    text, units : str
        Its description and units.
    places : dict of str to float or tuple of float
        Its section or box, by axis.
    """

    name: str
    loss: Loss
    text: str
    units: str
    places: dict[str, Place]


def quantity(model: Model, of: str, *, field: str = "T", **places: Place | None) -> Quantity:
    """Return a quantity by its name.

    Parameters
    ----------
    model : Model
        The model.
    of : {"transport", "overturning", "heat_content", "mean", "enstrophy"}
        The quantity.
    field : str, default "T"
        The field of "mean".
    **places : float or tuple of float
        x, y, z: a number or a range each, in the coordinates of the grid and heights [m]. By default those of the setup
        for this quantity (`model.places`), or else the whole ocean.

    Returns
    -------
    Quantity
        The quantity.

    Raises
    ------
    InputError
        For an unknown quantity or field, a number in place of a range, and a section or box without water.
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
        return Quantity(of, loss, f"mean {model.fields[field].long_name}", model.fields[field].units, given)
    if given:
        raise InputError("enstrophy: it is that of the whole ocean; leave out x, y, z")
    return Quantity(of, Enstrophy(model), "enstrophy", "m3 s-2", given)


@dataclass
class Sensitivity:
    """A quantity at the end of a run, and its gradients.

    Parameters
    ----------
    model : Model
        The model of the run.
    quantity : Quantity
        The quantity.
    value : float
        Its value.
    gradients : dict of str to ndarray
        Its gradients by control; `s[name]` is `s.gradients[name]`.
    controls : dict of str to Control
        The controls.
    days : float
        The day at the end of the run.
    """

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
        """Description of the quantity, and its value."""
        q = self.quantity
        size, units = (1e6, "Sv") if q.units == "m3 s-1" else (1.0, q.units)
        place = describe_places(self.model, q.places)
        return f"{self.model.name}: {q.text}{place}, {self.value / size:.4g} {units} on day {self.days:g}"

    def units(self, name: str) -> str:
        """Return the units of a gradient, as files have them.

        Parameters
        ----------
        name : str
            The control.

        Returns
        -------
        str
            The units.
        """
        above = "K" if self.quantity.units == "degC" else self.quantity.units
        below = units(name, self.model)
        return above if below == "1" else f"{above} ({'K' if below == 'degC' else below})-1"

    def write(self, path: str | Path, configuration: str = "") -> None:
        """Write all gradients to a NetCDF4 file (CF-1.11), land as fill value; an existing file is replaced.

        Parameters
        ----------
        path : str or Path
            The file.
        configuration : str, default ""
            The TOML of the run.

        Raises
        ------
        FileError
            Where it cannot be written.
        """
        tile, places = self.model.grid.tile, extents(self.model, self.quantity.places) if self.quantity.places else {}
        known = {"quantity": self.quantity.name, "quantity_value": self.value, "days": self.days}
        known |= {"quantity_units": self.quantity.units} | {f"quantity_{axis}": ends for axis, ends in places.items()}
        with write_together(path, "the file", tile, opener=h5netcdf.File) as f:
            describe_ocean(f, self.model, f"sensitivity of {self.title}", configuration, "sensitivity")
            tile.on_first(partial(update_attributes, f, known))
            for control in self.controls.values():
                self.write_gradient(f, control)

    def write_gradient(self, f: Any, control: Control) -> None:
        """Write one gradient and its coordinates.

        Parameters
        ----------
        f : h5netcdf.File or None
            The open file, in the first process.
        control : Control
            The control.
        """
        name, values, grid, tile = control.name, self.gradients[control.name], self.model.grid, self.model.grid.tile
        point, variable = control.point, f"{SENSITIVITY}{name}"
        if name == "eos":
            tile.on_first(lambda: f.dimensions.__setitem__("coefficient", len(values)))
            dims: tuple[str, ...] = ("coefficient",)
        elif values.ndim < 2:  # a number or a profile
            dims = ("z",)[: values.ndim]
        else:
            wet = interior(getattr(grid, f"mask_{point}")) > 0
            layers = len(values) == len(wet) and control.kind != "forcing" and values.ndim == 3
            values = np.where(wet if layers else wet[0], values, FILL)
            values = values[0] if values.shape[:-2] == (1,) and not layers else values
            days = () if values.ndim < 3 or layers else (tile.on_first(lambda: self.days_of(f, name)),)
            dims = (("z",) if layers else days) + horizontal_dimensions(self.model)[point.upper()]
        tile.on_first(lambda: self.describe_gradient(f, name, dims, point))
        if len(dims) < 2:
            tile.on_first(lambda: put(f, variable, (), (...,), values))
            return
        tile.write(values, partial(put, f, variable, ()))

    def describe_gradient(self, f: h5netcdf.File, name: str, dims: tuple[str, ...], point: str) -> None:
        """Make the variable of a gradient, without its values.

        Parameters
        ----------
        f : h5netcdf.File
            The open file.
        name : str
            The control.
        dims : tuple of str
            Its dimensions.
        point : {"t", "u", "v"}
            The kind of points.
        """
        v = f.create_variable(f"{SENSITIVITY}{name}", dims, "f8", fillvalue=float(FILL))
        v.attrs.update(units=self.units(name), long_name=f"sensitivity of {self.quantity.text} to {name}")
        if len(dims) > 1:
            v.attrs.update(place_attributes(point.upper()))

    def days_of(self, f: h5netcdf.File, name: str) -> str:
        """Write the times of the records of a series.

        Parameters
        ----------
        f : h5netcdf.File
            The open file.
        name : str
            The control.

        Returns
        -------
        str
            Name of their dimension.
        """
        series, dim = self.model.forcing.series[name], f"day_of_{name}"
        f.dimensions[dim] = len(series.times)
        v = f.create_variable(dim, (dim,), data=np.asarray(series.times, float) / DAY)
        v.attrs.update(units="days", long_name=f"time of the records of {name}")
        if series.period is not None:
            v.attrs["period"] = series.period / DAY
        return dim


def update_attributes(f: h5netcdf.File, known: dict[str, Any]) -> None:
    """Give a file the attributes that are `known`."""
    f.attrs.update(known)


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
    """Return the sensitivity of a quantity at the end of a run; the simulation stays as it is.

    Parameters
    ----------
    simulation : Simulation
        The run.
    of : {"transport", "overturning", "heat_content", "mean", "enstrophy"}, default "transport"
        The quantity.
    to : str or iterable of str, default "wind_stress"
        Names of controls (`adjoint.Controls`); "wind_stress" is tau_x and tau_y.
    field : str, default "T"
        The field of "mean".
    x, y, z : float or tuple of float, optional
        Section or box, as for `quantity`.
    memory : float, optional
        Memory for snapshots of the run [bytes], as for `adjoint.gradient`.

    Returns
    -------
    Sensitivity
        The value and its gradients.

    Raises
    ------
    InputError
        Before the run, for quantities and controls that do not exist or fit.
    """
    wanted = quantity(simulation.model, of, field=field, x=x, y=y, z=z)
    names = [to] if isinstance(to, str) else list(to)
    names = list(dict.fromkeys(n for name in names for n in ALIASES.get(name, (name,))))
    simulation = with_maps(simulation)
    controls = Controls(simulation.model, names).controls
    lists = [name for name, control in controls.items() if control.rim is not None]
    if lists:
        raise InputError(
            f"{lists[0]}: is a list of points outside open sides, of which there is no map; use "
            f"adjoint.gradient(loss, simulation, [{lists[0]!r}])"
        )
    found = gradient(wanted.loss, simulation, names, memory=memory)
    end = (simulation.model.state.time + simulation.steps * simulation.model.numerics.dt) / DAY
    return Sensitivity(simulation.model, wanted, found.value, found.gradients, controls, end)


def with_maps(simulation: Simulation) -> Simulation:
    """Return the simulation with forcing that was given as one number counted as maps."""
    other, model = copy.copy(simulation), copy.copy(simulation.model)
    other.model, model.forcing = model, copy.copy(model.forcing)
    model.forcing.shapes = {name: shape or model.horizontal.shape for name, shape in model.forcing.shapes.items()}
    return other


def extents(model: Model, places: dict[str, Place]) -> dict[str, Array]:
    """Return the ranges of a section or box along x and y, inside the grid; without a range, those of the grid."""
    h = model.horizontal.undivided
    ends = {axis: extent(h, axis) for axis in "xy"}
    found = {axis: np.broadcast_to(places.get(axis, end), 2).astype(float) for axis, end in ends.items()}
    middle, centre = found["x"].mean(), 0.5 * sum(ends["x"])
    found["x"] += shift_coordinates(h, "x", middle, centre) - middle
    return found


def describe_places(model: Model, places: dict[str, Place]) -> str:
    """Return a section or box in words."""
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


def parse_place(name: str, text: str) -> Place:
    """Return the position in a text, a number or FROM:TO. Raises InputError for anything else."""
    try:
        numbers = [float(word) for word in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not np.isfinite(numbers).all():
        raise InputError(f"--{name}: needs a number or a range FROM:TO, got {text!r}")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
