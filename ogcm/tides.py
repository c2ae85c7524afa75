"""Tides: outside open sides from amplitude and phase, and the equilibrium tide inside.

The elevation of each constituent, f A cos(V + u - g) (`ogcm.astronomy`), is linear in A cos g and A sin g, maps that
are read once:

    eta(t) = eta_outside(t) + sum over constituents of  f cos(V + u) (A cos g) + f sin(V + u) (A sin g)

These maps are further records of the series that is given outside (`TidalSeries`), so that the gradient with respect to
`eta_outside` has the ones with respect to A cos g and A sin g of each constituent among its records.

Where only the elevation is known, the velocity outside is that of the linear momentum equations,

    s u - f v = -g d(eta)/dx,   s v + f u = -g d(eta)/dy,   s = i omega + r

    u = -g (s eta_x + f eta_y)/(s^2 + f^2),   v = -g (s eta_y - f eta_x)/(s^2 + f^2)

in complex amplitudes, since Flather's condition needs both. With an equilibrium tide eta is the elevation above it,
whose slope accelerates the water. The slopes lie at the faces; the slope along a face is the mean of those at the four
faces around it that are wet. With exp(i (V + u)) in time, an amplitude A at lag g is A exp(-i g), the conjugate of the
maps here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.astronomy import CONSTITUENTS, check_constituents, check_start, frequency, tidal_arguments
from ogcm.errors import InputError
from ogcm.grid import Grid, add_halo, interior
from ogcm.halo import exchange
from ogcm.inputs import Points, Values, number, sample
from ogcm.labelled import is_labelled
from ogcm.series import Series

if TYPE_CHECKING:
    import cftime

Array = np.ndarray
Harmonics = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class TidalSeries(Series):
    """A series with tides: its records, then A cos g of each constituent, then A sin g of each.

    Parameters
    ----------
    values : ndarray, shape (nt + 2 n, ...)
        Records.
    times : array_like, shape (nt,)
        Times of the first nt records [s].
    period : float, optional
        Time [s] after which these repeat.
    constituents : tuple of str
        Names of the n constituents.
    start : cftime.datetime
        Date of the time 0, UTC.
    """

    constituents: tuple[str, ...] = ()
    start: "cftime.datetime | None" = None

    def weights(self, time: float) -> tuple[tuple[int, float], ...]:
        """Find the records that take part at a time, and their weights.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        tuple of tuple of int and float
            Index and weight of each record.
        """
        f, argument = tidal_arguments(self.constituents, check_start(self.start), time)
        weights = np.concatenate([f * np.cos(argument), f * np.sin(argument)])
        first = len(self.times)
        return (
            *(super().weights(time) if first else ()),
            *((first + n, float(weight)) for n, weight in enumerate(weights)),
        )


@dataclass(frozen=True, kw_only=True)
class Tide:
    """The tide outside open sides, by constituents.

    Each entry gives amplitude and phase by the name of a constituent: {"M2": (amplitude, phase)}. Both are numbers,
    maps of the ocean (ny, nx), functions f(x, y), or labelled maps with latitudes and longitudes of their own such as
    those that `ogcm.data.read_field` returns, between whose points the tide is interpolated, and which may be missing
    on land. Phases are lags behind Greenwich [degrees].

    Parameters
    ----------
    eta : mapping of str to tuple
        Elevation [m].
    u, v : mapping of str to tuple, optional
        Velocity at U and V points, along x and y [m s-1].
    U, V : mapping of str to tuple, optional
        In their place transports per width [m2 s-1], which are divided by the depth. Without any of these, the velocity
        follows from the slope of the elevation.
    friction : float
        Rate r of the linear friction in that case [s-1], which keeps it finite where f is the frequency of a tide.

    Raises
    ------
    InputError
        For an unknown constituent, and for velocity and transport together.
    """

    eta: Harmonics = field(default_factory=dict)
    u: Harmonics = field(default_factory=dict)
    v: Harmonics = field(default_factory=dict)
    U: Harmonics = field(default_factory=dict)
    V: Harmonics = field(default_factory=dict)
    friction: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("eta", "u", "v", "U", "V"):
            given = getattr(self, name)
            if not isinstance(given, Mapping) or not all(isinstance(p, tuple) and len(p) == 2 for p in given.values()):
                raise InputError(f"tides: {name} needs amplitude and phase by name, such as {{'M2': (1.2, 45.0)}}")
            check_constituents(given)
        if not number("tides: friction", self.friction) >= 0:
            raise InputError(f"tides: friction is a rate [s-1] that is not negative, got {self.friction}")
        for velocity, transport in (("u", "U"), ("v", "V")):
            if getattr(self, velocity) and getattr(self, transport):
                raise InputError(f"tides: give either the velocity {velocity} or the transport {transport}")

    @classmethod
    def read(
        cls, source: Any, constituents: Sequence[str], amplitude: str = "{}_Amp", phase: str = "{}_Pha", **options: Any
    ) -> "Tide":
        """Read the elevation from a file.

        Parameters
        ----------
        source : str, Path or Dataset
            NetCDF file, as for `ogcm.data.read_field`.
        constituents : sequence of str
            Names of the constituents.
        amplitude, phase : str
            Names of the variables, with {} in the place of the constituent [m, degrees].
        **options : object
            Options of `ogcm.data.read_field`. `missing` (0.0 for a file with zeros on land) and `units` are those of
            the amplitudes.

        Returns
        -------
        Tide
            The tide.

        Raises
        ------
        InputError
            For an unknown constituent, and for what `ogcm.data.read_field` does not understand.
        FileError
            For a file or a variable that is missing.
        """
        from ogcm.data import read_field  # imported where it is needed, since it takes time

        names = check_constituents(constituents)
        amplitudes = [read_field(source, amplitude.format(n), "sea level", **options) for n in names]
        of_phase = {name: value for name, value in options.items() if name not in ("missing", "units")}
        phases = [read_field(source, phase.format(n), "angle", **of_phase) for n in names]
        return cls(eta=dict(zip(names, zip(amplitudes, phases, strict=True), strict=True)))

    @property
    def has_flow(self) -> bool:
        """True where velocity or transport are given."""
        return any(getattr(self, name) for name in ("u", "v", "U", "V"))

    def waves(self, name: str, points: Points, r_depth: Array | float = 1.0) -> tuple[tuple[str, ...], list[Array]]:
        """Return the constituents of a field at points.

        Parameters
        ----------
        name : str
            "eta", "u" or "v".
        points : Points
            Where the field belongs, without heights.
        r_depth : ndarray, shape (ny, nx)
            Reciprocal of the depth at these points [m-1], by which a transport is multiplied.

        Returns
        -------
        names : tuple of str
            Names of the n constituents.
        maps : list of ndarray, shape (ny, nx)
            A cos g of each, then A sin g of each.
        """
        transport: Harmonics = {} if name == "eta" else getattr(self, name.upper())
        given, factor = (transport, r_depth) if transport else (getattr(self, name), 1.0)
        found = [factor * complex_amplitude(f"tides: {name} of {c}", a, g, points) for c, (a, g) in given.items()]
        return tuple(given), [*(a.real for a in found), *(a.imag for a in found)]


def complex_amplitude(name: str, amplitude: Any, phase: Any, points: Points) -> Array:
    """Return A exp(i g) at points, shape (ny, nx), from amplitude and phase [degrees] in the forms of `Tide`."""
    if is_labelled(amplitude) and is_labelled(phase) and {"lat", "lon"} <= set(amplitude.coords):
        return interpolated(name, amplitude, phase, points)
    a, g = (np.broadcast_to(sample(name, given, points), points.shape) for given in (amplitude, phase))
    if (a < 0).any():
        raise InputError(f"{name}: an amplitude is not negative, got {np.nanmin(a):g}; add 180 degrees to its phase")
    return a * np.exp(1j * np.radians(g))


def interpolated(name: str, amplitude: Any, phase: Any, points: Points) -> Array:
    """Interpolate A exp(i g) linearly from latitudes and longitudes of its own; on land the nearest value is taken."""
    from scipy.interpolate import RegularGridInterpolator  # imported where it is needed, since it takes time

    from ogcm.data.fill import nearest
    from ogcm.regions import shift_longitude

    lat, lon = (np.asarray(amplitude.coords[axis], float) for axis in ("lat", "lon"))
    if lat.ndim != 1 or lon.ndim != 1 or amplitude.shape != phase.shape:
        raise InputError(
            f"{name}: needs amplitude and phase on one grid of longitude and latitude, got {amplitude.dims}"
        )
    if not points.named:
        raise InputError(f"{name}: the ocean has no longitudes; give the tide as maps on its grid")
    y, x = np.meshgrid(points.y, shift_longitude(points.x, 0.5 * (lon[0] + lon[-1])), indexing="ij")
    for axis, wanted, own in (("latitudes", y, lat), ("longitudes", x, lon)):
        spacing = np.diff(own).max()  # beyond the first and the last point, their values hold over one spacing
        if wanted.min() < own[0] - spacing or wanted.max() > own[-1] + spacing:
            ocean = f"the ocean's {wanted.min():g} to {wanted.max():g}"
            raise InputError(f"{name}: its {axis} {own[0]:g} to {own[-1]:g} do not cover {ocean}; give a larger map")
    values = np.asarray(amplitude) * np.exp(1j * np.radians(np.asarray(phase)))
    missing = ~np.isfinite(values)
    if missing.all():
        raise InputError(f"{name}: has no value at all")
    values = nearest(values, missing, False)
    where = np.stack([np.clip(y, lat[0], lat[-1]), np.clip(x, lon[0], lon[-1])], axis=-1)
    return RegularGridInterpolator((lat, lon), values)(where)


def velocity_of(names: Sequence[str], eta: Sequence[Array], grid: Grid, friction: float) -> dict[str, list[Array]]:
    """Compute the velocity of tides from the slope of their elevation, by the linear momentum equations.

    Parameters
    ----------
    names : sequence of str
        Names of the n constituents.
    eta : sequence of ndarray, shape (ny, nx)
        A cos g of the elevation of each, then A sin g of each [m].
    grid : Grid
        Grid of the ocean.
    friction : float
        Rate of the linear friction [s-1].

    Returns
    -------
    dict of list of ndarray, shape (ny, nx)
        The same for "u" and "v" at U and V points [m s-1]; 0 on land.
    """
    wet_u, wet_v = grid.mask_u[0] == 1, grid.mask_v[0] == 1
    flows: dict[str, list[Array]] = {"u": [], "v": []}
    for n, name in enumerate(names):
        parts = [add_halo(np.nan_to_num(a), grid.periodic) for a in (eta[n], eta[n + len(names)])]
        exchange(grid, *parts)
        level = parts[0] - 1j * parts[1]
        x = np.where(wet_u, (np.roll(level, -1, 1) - level) * grid.r_dx_u, 0)
        y = np.where(wet_v, (np.roll(level, -1, 0) - level) * grid.r_dy_v, 0)
        for flow, slope, wet, across, wet_across, step in (("u", x, wet_u, y, wet_v, 1), ("v", y, wet_v, x, wet_u, -1)):
            shifts = [(j, i) for j in (0, step) for i in (0, -step)]
            count = sum(np.roll(wet_across, shift, (0, 1)).astype(float) for shift in shifts)
            other = sum(np.roll(across, shift, (0, 1)) for shift in shifts) / np.maximum(count, 1)
            f = 0.5 * (grid.f + np.roll(grid.f, 1, 0 if flow == "u" else 1))
            s = 1j * frequency(name) + friction
            u = np.where(wet, -grid.gravity * (s * slope + step * f * other) / (s**2 + f**2), 0)
            flows[flow].append(interior(u).conj())
    return {flow: [*(a.real for a in maps), *(a.imag for a in maps)] for flow, maps in flows.items()}


@dataclass(frozen=True)
class EquilibriumTide:
    """The equilibrium tide, whose potential accelerates the water of the whole ocean.

        eta_eq = sum of (1 + k - h) f A  { cos^2(latitude)            cos(V + u + 2 longitude)     semidiurnal
                                         { sin(2 latitude)            cos(V + u + longitude)       diurnal
                                         { 1/2 - 3/2 sin^2(latitude)  cos(V + u)                   of long period

    with A and the factor 1 + k - h, by which the solid earth yields, of `ogcm.astronomy`.

    Parameters
    ----------
    constituents : sequence of str
        Names of the constituents.
    latitude, longitude : float, array_like or callable, optional
        Latitude and longitude [degrees]; by default those of a longitude-latitude grid.
    yielding : float, optional
        The factor 1 + k - h for all constituents; by default that of each.

    Raises
    ------
    InputError
        For an unknown constituent, and for a compound tide, which has no equilibrium.
    """

    constituents: Sequence[str]
    latitude: Values | None = None
    longitude: Values | None = None
    yielding: float | None = None

    def __post_init__(self) -> None:
        for name in check_constituents(self.constituents):
            if not CONSTITUENTS[name].equilibrium:
                raise InputError(
                    f"equilibrium_tide: {name} arises in shallow water and has no equilibrium; leave it out"
                )

    def waves(self, latitude: Array, longitude: Array) -> list[Array]:
        """Return the factors of f cos(V + u) of each constituent, then those of f sin(V + u).

        Parameters
        ----------
        latitude, longitude : ndarray, shape (ny, nx)
            Latitude and longitude [degrees].

        Returns
        -------
        list of ndarray, shape (ny, nx)
            Maps of the n constituents, then n others [m].
        """
        phi, waves = np.radians(latitude), []
        shapes = (0.5 - 1.5 * np.sin(phi) ** 2, np.sin(2 * phi), np.cos(phi) ** 2)
        for name in self.constituents:
            c = CONSTITUENTS[name]
            species = c.numbers[0]
            amplitude = c.equilibrium * (c.yielding if self.yielding is None else self.yielding) * shapes[species]
            waves.append(amplitude * np.exp(-1j * species * np.radians(longitude)))
        return [*(a.real for a in waves), *(a.imag for a in waves)]
