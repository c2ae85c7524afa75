"""Levels that follow the sea floor: their heights, and fields on them.

ROMS stores the height of a level s (-1 at the floor, 0 at the surface) by a stretching curve C(s), a critical depth
h_c, the depth h of the sea floor and the sea level eta. The forms have the names of CF (appendix D):

    ocean_s_coordinate_g1 (Vtransform 1)   z0 = h_c s + (h - h_c) C             z = z0 + eta (1 + z0 / h)
    ocean_s_coordinate_g2 (Vtransform 2)   z0 = (h_c s + h C) / (h_c + h)       z = eta + (eta + h) z0
    ocean_sigma_coordinate                                                      z = eta + (eta + h) s

The first is the older form of Song and Haidvogel (1994), the second that of Shchepetkin and McWilliams (2005).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ogcm.data.decoding import decoded, text
from ogcm.data.orientation import ATTRIBUTES
from ogcm.data.reader import read_field
from ogcm.data.source import datasets
from ogcm.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
FORMS = {"ocean_s_coordinate_g1": 1, "ocean_s_coordinate_g2": 2, "ocean_sigma_coordinate": 0}
ROMS = {"s_rho": ("sc_r", "Cs_r"), "s_w": ("sc_w", "Cs_w")}  # the names of s and C in files without formula_terms
PLAIN = {"standard_name": "height", "units": "m", "positive": "up"}  # s read as a height, to order the levels


class SLevels(NamedTuple):
    """Levels that follow the sea floor.

    Attributes
    ----------
    s : ndarray, shape (n,)
        Coordinate of each level, from -1 at the floor to 0 at the surface, in the order of the file.
    curve : ndarray, shape (n,)
        Stretching curve C(s); not used by the form 0.
    critical : float
        Critical depth h_c [m]; not used by the form 0.
    form : int
        1 or 2 as ROMS' Vtransform; 0 for plain sigma levels.
    """

    s: Array
    curve: Array
    critical: float
    form: int

    def heights(self, h: Array, eta: Array | float = 0.0) -> Array:
        """Compute the heights of the levels.

        Parameters
        ----------
        h : ndarray, shape (...)
            Depth of the sea floor [m], positive down.
        eta : ndarray or float, shape (...) or (m, 1, ...)
            Sea level [m], which may have m records.

        Returns
        -------
        ndarray, shape (n, ...) or (m, n, ...)
            Height above the resting surface [m], negative below it.
        """
        along = (slice(None), *[None] * np.ndim(h))
        s, curve = self.s[along], self.curve[along]
        if self.form == 1:
            z0 = self.critical * s + (h - self.critical) * curve
            return z0 + eta * (1.0 + z0 / h)
        z0 = s if self.form == 0 else (self.critical * s + h * curve) / (self.critical + h)
        return eta + (eta + h) * z0


def find_s_levels(ds: "xr.Dataset", dimension: str, where: str = "Dataset") -> SLevels:
    """Find the levels of a dimension.

    Parameters
    ----------
    ds : Dataset
        The data of a file: those with formula_terms of CF, or the variables of older files of ROMS (`Vtransform`, `hc`,
        `Cs_r` or `Cs_w`, and `s_rho` or `sc_r`).
    dimension : str
        Dimension of the levels, such as "s_rho".
    where : str, optional
        Name of the file, for messages.

    Returns
    -------
    SLevels
        The levels.

    Raises
    ------
    InputError
        For levels that are not described, or by another formula.
    """
    attributes = ds[dimension].attrs if dimension in ds.variables else {}
    standard, terms = text(attributes, "standard_name"), formula_terms(attributes)
    old, curve = ROMS.get(dimension, ("", ""))
    form = FORMS.get(standard)
    if form is None and "Vtransform" in ds.variables:
        form = int(ds["Vtransform"].values)
    s = terms.get("s") or terms.get("sigma") or (dimension if dimension in ds.variables else old)
    needed = (s, terms.get("C") or curve, terms.get("depth_c") or "hc")[: 1 if form == 0 else 3]
    absent = [name or "C(s)" for name in needed if name not in ds.variables]
    if form not in FORMS.values() or absent:
        lacks = f"variables {', '.join(absent)}" if absent else f"formula; the standard_name is {standard!r}"
        raise InputError(
            f"{where}: the levels along {dimension!r} lack the {lacks}; give them formula_terms and a standard_name, "
            f"one of {', '.join(FORMS)}, or as ROMS the variables Vtransform (1 or 2), hc, {dimension} and "
            f"{curve or 'Cs_r'}"
        )
    values = [np.atleast_1d(decoded(f"{where}: {name}", ds[name], ds[name].attrs)) for name in needed]
    return SLevels(values[0], values[1], float(values[2][0]), form) if form else SLevels(values[0], values[0], 0.0, 0)


def formula_terms(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the attribute formula_terms by their terms, such as {"s": "s_rho", "eta": "zeta"}."""
    words = text(attributes, "formula_terms").replace(":", " : ").split()
    return {words[n - 1]: words[n + 1] for n, word in enumerate(words) if word == ":" and 0 < n < len(words) - 1}


def read_s_field(
    source: "str | Path | xr.Dataset | Sequence[str | Path]",
    variable: str,
    quantity: str | None = None,
    *,
    levels: str = "s_rho",
    grid: "str | Path | xr.Dataset | None" = None,
    depth: str = "h",
    sea_level: str | None = "zeta",
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> "xr.DataArray":
    """Read a field on levels that follow the sea floor, with their heights.

    Parameters
    ----------
    source : str, Path, Dataset or sequence of str or Path
        As for `read_field`; of several files, the first describes the levels.
    variable : str
        Name of the variable.
    quantity : str, optional
        Name of the quantity, as for `read_field`.
    levels : str
        Dimension of the levels.
    grid : str, Path or Dataset, optional
        File with the depth of the sea floor. Default: the source.
    depth : str
        Variable of the depth of the sea floor [m].
    sea_level : str or None
        Variable of the sea level [m]; without it, or where the file has none, it is 0.
    attributes : mapping of str to mapping of str to object, optional
        As for `read_field`.
    **options : object
        Further options of `read_field`.

    Returns
    -------
    DataArray of float64
        The field as `read_field` returns it, from the surface down, without `z`, and with the coordinate `height` [m]
        of its points: (z, y, x), or (time, z, y, x) where the sea level has the times of the field. The heights at the
        centres of cells are averaged to the faces of a field that lies there.

    Raises
    ------
    FileError
        As `read_field`.
    InputError
        As `read_field`, and for levels or depths that do not fit the field.
    """
    with closing(datasets(source)) as opened:
        where, ds = next(opened)
        found, has_level = find_s_levels(ds, levels, where), sea_level in ds.variables
        stored = {levels: PLAIN} if levels in ds.variables else {}
    given = {"coordinates": {**options.pop("coordinates", {}), "depth": levels}, **options}
    field = read_field(source, variable, quantity, attributes={**(attributes or {}), **stored}, **given)
    order = np.argsort(-found.s, kind="stable")
    if "z" not in field.coords:  # a dimension without a variable is in the order of the file
        field = field.isel(z=order)
    found = found._replace(s=found.s[order], curve=found.curve[order])
    label, h, eta = (
        f"{where}: {variable}",
        read_field(source if grid is None else grid, depth, "depth", **options),
        None,
    )
    if has_level and sea_level is not None:
        eta = read_field(source, sea_level, "sea level", **options)
        if "time" in eta.dims and eta.sizes["time"] != field.sizes.get("time"):
            raise InputError(f"{label} has other times than {sea_level}; pass sea_level=None for a level of 0")
        if eta.shape[-h.ndim :] != h.shape:
            raise InputError(f"{label}: {sea_level} has the shape {eta.shape}, {depth} {h.shape}; both must be at the "
                             "centres of the cells of one grid")  # fmt: skip
    level = 0.0 if eta is None else eta.values[:, None] if "time" in eta.dims else eta.values
    z = at_points(label, found.heights(h.values, level), field)
    dims = tuple(d for d in ("time", "z", "y", "x") if d in field.dims)[-z.ndim :]
    field = field.drop_vars("z", errors="ignore")
    return field.assign_coords(height=(dims, z, {"units": "m", "positive": "up", "standard_name": "height"}))


def at_points(label: str, z: Array, field: "xr.DataArray") -> Array:
    """Return heights at the centres of cells (..., ny, nx) as those of a field, which may be at the faces between them.

    Raises InputError for a field of another size.
    """
    wanted = field.shape[-2:]
    for axis in (-2, -1):
        if z.shape[axis] == wanted[axis] + 1:
            low, high = (np.take(z, range(n, n + wanted[axis]), axis) for n in (0, 1))
            z = 0.5 * (low + high)
    if z.shape[-2:] != wanted:
        raise InputError(f"{label} has the shape {wanted}, the depth of the sea floor {z.shape[-2:]}; they must be of "
                         "one grid, the depth at the centres of cells")  # fmt: skip
    return z


def on_heights(field: "xr.DataArray", z: Array) -> "xr.DataArray":
    """Interpolate a field to fixed heights, linearly in each column.

    Parameters
    ----------
    field : DataArray
        A field that `read_s_field` returned.
    z : array_like, shape (n,)
        Heights [m], negative below the surface, from the surface down.

    Returns
    -------
    DataArray
        The field with the coordinate `z`. Above its first level it has the value of that level; below its last level it
        is NaN.

    Raises
    ------
    InputError
        For a field without heights.
    """
    import xarray as xr

    if "height" not in field.coords:
        raise InputError(f"{field.name}: has no coordinate height; read it with ogcm.data.read_s_field")
    wanted = np.asarray(z, float)

    def column(values: Array, heights: Array) -> Array:
        found = np.interp(-wanted, -heights, values)
        return np.where(wanted < heights[-1], np.nan, found)

    found = xr.apply_ufunc(
        column, field.drop_vars("height"), field["height"], input_core_dims=[["z"], ["z"]], output_core_dims=[["z"]],
        exclude_dims={"z"}, vectorize=True, keep_attrs="override",
    )  # fmt: skip
    return found.transpose(*field.dims).assign_coords(z=("z", wanted, ATTRIBUTES["z"]))
