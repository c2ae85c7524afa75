"""Parameter estimation and 4D-Var: the controls with which a run fits observations.

    J(x) = loss(x) + 1/2 sum over controls ((x - x_b)/sigma)^2,       x = x_b + sigma C z   or   x_b exp(sigma C z)

    seen = adjoint.Observations(model, "T", x=x, y=y, z=z, days=days, values=values, errors=0.1)
    estimates = [Estimate("T", 1.0, smooth=2.0), Estimate("nu_h", 0.5, logarithm=True)]
    found = adjoint.assimilate(seen, simulation, estimates, history="nu_h.h5")
    found["nu_h"], found.put(model)

The first guess x_b is what the model holds. The minimisation by L-BFGS-B (Byrd et al. 1995, doi 10.1137/0916069, of
scipy) sees z alone and starts from z = 0: the background term is |z|^2/2, and controls of any units are alike to it.
C smooths a map by diffusion along its layers over water (Weaver and Courtier 2001, doi 10.1002/qj.49712757518), so
that what one observation says spreads over the correlation length; it is normalised by random vectors, as there, so
that sigma is the standard deviation of x - x_b. The gradient is `adjoint.gradient`'s.

A trial whose run blows up is no end: it is given the cost and slope of the parabola through the last accepted point
that has its minimum at a quarter of the way, so that the line search tries there next.
"""

import contextlib
import copy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, sparse
from tqdm import tqdm

from adjoint.complex_step import full_copy
from adjoint.controls import Control, Controls
from adjoint.losses import Loss
from adjoint.run import Workspace, gradient
from ogcm import files
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.names import check_folder
from ogcm.parameters import PARAMETERS
from ogcm.provenance import digest
from ogcm.restart import geometry
from ogcm.simulation import Simulation
from ogcm.stability import stable_mixing

Array = np.ndarray
HISTORY = "ogcm assimilation 1"
SAFE = 0.2  # of the largest mixing that is stable over a flat bottom: thin cells beside thick ones bear less
PROBES = 100  # random vectors for the variance of a smoothed map, which is then right to about 7 % (sigma)
SAME = 1e-9  # relative difference up to which two costs are the same


class Estimate(NamedTuple):
    """One control to be estimated: a name of `adjoint.controls`, and how much it may differ from the model's value.

    `error`: sigma in the units of the control (a number, or an array that fits its shape); with `logarithm`, for what
    is positive, that of its natural logarithm. `background`: whether the difference counts in J. `lower`, `upper`
    [units of the control] default to the bounds of `ogcm.parameters`, and for mixing along layers to what is stable
    with the step. `smooth` [cells] is the correlation length of a map: bounds then cut x itself.
    """

    name: str
    error: float | Array
    background: bool = True
    lower: float | None = None
    upper: float | None = None
    logarithm: bool = False
    smooth: float = 0.0


class Scaled:
    """The control x of z for one estimate, and its transpose."""

    def __init__(self, estimate: Estimate, control: Control, model: Model) -> None:
        """Raises InputError for an error, bounds, a smoothing or a first guess that cannot be."""
        self.estimate, self.control, shape = estimate, control, control.shape
        self.first_guess, name = control.values(model).astype(float), control.name
        self.wet = np.broadcast_to(water(control, model), shape)
        try:
            self.error = np.broadcast_to(np.asarray(estimate.error, float), shape)
        except ValueError:
            raise InputError(f"error: shape {np.shape(estimate.error)} does not fit {name}'s {shape}") from None
        if not (np.isfinite(self.error) & (self.error > 0)).all():
            raise InputError(f"error: that of {name} must be positive and finite, got {np.min(self.error):g}")
        if not (np.isfinite(estimate.smooth) and estimate.smooth >= 0):
            raise InputError(f"smooth: {estimate.smooth} of {name} is no length in cells; 0 is none")
        if estimate.smooth and len(shape) < 2:
            raise InputError(f"smooth: {name} has the shape {shape} and cannot be smoothed; leave smooth out")
        self.lower, self.upper = (np.broadcast_to(a, shape) for a in self.limits(model))
        bad = self.wet & ~((self.first_guess >= self.lower) & (self.first_guess <= self.upper))
        if bad.any():
            low, high = float(self.lower[bad].flat[0]), float(self.upper[bad].flat[0])
            raise InputError(
                f"{name}: the model's {self.first_guess[bad].flat[0]:g} lies outside the bounds {low:g} to {high:g}; "
                "begin with a value between them, or widen them"
            )
        if estimate.logarithm and not (self.first_guess[self.wet] > 0).all():
            raise InputError(f"logarithm: {name} has values <= 0, which have none; give it logarithm=False")
        self.blur, self.passes = smoothing(self.wet, estimate.smooth, model)
        self.scale = self.error / self.spread() if estimate.smooth else self.error

    def limits(self, model: Model) -> tuple[Any, Any]:
        """The bounds of x, those of the parameter and the model unless the estimate names narrower ones."""
        estimate, name = self.estimate, self.control.name
        known = PARAMETERS.get(name)
        low, high = (known.lower, known.upper) if known else (-np.inf, np.inf)
        stable = stable_mixing(model).get(name)
        if stable is not None:
            most = np.maximum(SAFE * stable, self.first_guess)
            high = np.minimum(high, most if len(self.control.shape) >= 2 else most.min())
        for bound, value in (("lower", estimate.lower), ("upper", estimate.upper)):
            if value is not None and not low <= value <= np.max(high):
                raise InputError(
                    f"{bound}: {value:g} of {name} lies outside {low:g} to {np.max(high):g}; choose between"
                )
        lower = low if estimate.lower is None else estimate.lower
        return lower, high if estimate.upper is None else np.minimum(high, estimate.upper)

    def smoothed(self, z: Array) -> Array:
        """Passes of a diffusion over water; a symmetric operator."""
        a = np.where(self.wet, z, 0).ravel()
        for _ in range(self.passes):
            a = self.blur @ a
        return a.reshape(np.shape(z))

    def spread(self) -> Array:
        """Standard deviation of what `smoothed` makes of independent numbers of variance 1, from PROBES of them."""
        rng, squares = np.random.default_rng(0), np.zeros(self.wet.shape)
        for _ in range(PROBES):
            squares += self.smoothed(rng.choice([-1.0, 1.0], self.wet.shape)) ** 2
        return np.where(self.wet, np.sqrt(squares / PROBES), 1.0)

    def unbounded(self, z: Array) -> Array:
        """x of z without a look at the bounds."""
        change = self.scale * self.smoothed(z)
        return self.first_guess * np.exp(change) if self.estimate.logarithm else self.first_guess + change

    def values(self, z: Array) -> Array:
        """x of z, within its bounds over water."""
        x = self.unbounded(z)
        return np.where(self.wet, np.clip(x, self.lower, self.upper), x)

    def transpose(self, z: Array, x_ad: Array) -> Array:
        """The gradient by z of the gradient `x_ad` by x: 0 for a smoothed control where a bound cuts it."""
        x = self.unbounded(z)
        if self.estimate.smooth:
            x_ad = np.where((x >= self.lower) & (x <= self.upper), x_ad, 0)
        return self.smoothed(self.scale * (x * x_ad if self.estimate.logarithm else x_ad))

    def bounds(self) -> Array:
        """(2, ...) bounds of z; none for a smoothed control, which is cut instead."""
        if self.estimate.smooth:
            return np.stack([np.full(self.control.shape, b) for b in (-np.inf, np.inf)])
        x = np.stack([self.lower, self.upper])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.log(x / self.first_guess) if self.estimate.logarithm else x - self.first_guess
        return np.where(self.wet, z / self.error, np.array([-np.inf, np.inf]).reshape(2, *([1] * self.wet.ndim)))


def water(control: Control, model: Model) -> Array:
    """Where a control has values that matter; of a parameter, over the water of its layers."""
    if len(control.shape) < 2:
        return np.ones(control.shape, bool)
    if control.kind != "parameter":
        return control.mask(model.grid)
    wet = interior(model.grid.mask_t) > 0
    return wet if control.shape == wet.shape else wet[0]


def smoothing(wet: Array, length: float, model: Model) -> tuple[sparse.csr_matrix, int]:
    """I + a Laplacian between wet neighbours along layers, and how many passes of it make a Gaussian of that width.

    A pass adds 2 a to its variance [cells^2] along each axis; a <= 1/8. Walls and islands reflect.
    """
    number = np.arange(wet.size).reshape(wet.shape)
    links = sparse.csr_matrix((wet.size, wet.size))
    for axis, wraps in zip((-2, -1), model.grid.periodic, strict=True):
        if not length or wet.shape[axis] == 1:
            continue
        linked = wet & np.roll(wet, -1, axis)
        if not wraps:
            linked[(..., -1, slice(None)) if axis == -2 else (..., -1)] = False
        pairs = number[linked], np.roll(number, -1, axis)[linked]
        ahead = sparse.csr_matrix((np.ones(len(pairs[0])), pairs), links.shape)
        links = links + ahead + ahead.T
    passes = int(np.ceil(4 * length**2))
    laplacian = links - sparse.diags(np.asarray(links.sum(1)).ravel())
    return (sparse.identity(wet.size) + length**2 / (2 * max(passes, 1)) * laplacian).tocsr(), passes


class Evaluation(NamedTuple):
    """J, its two terms, and its gradient (n,) at z (n,)."""

    z: Array
    cost: float
    observations: float  # nan where the run blew up
    background: float
    gradient: Array


class Cost:
    """J and its gradient as functions of one vector z: all controls after one another, their land included."""

    def __init__(self, loss: Loss, simulation: Simulation, estimates: Sequence[Estimate], **budget: Any) -> None:
        """`budget` as for `adjoint.gradient`. The simulation stays as it is: a copy is run.

        Raises InputError for estimates that cannot be (see Estimate), or a loss that does not fit the run.
        """
        names = [estimate.name for estimate in estimates]
        if len(set(names)) < len(names):
            raise InputError(f"estimates: each control once, got {', '.join(names)}")
        self.loss, self.simulation, self.budget = loss, copy.copy(simulation), budget
        self.simulation.model = full_copy(simulation.model, simulation.model.state.u.dtype)
        self.workspace = Workspace(self.simulation.model, simulation.device)
        self.controls = Controls(self.simulation.model, names)
        loss.records_by_step(simulation)
        scaled = [Scaled(e, self.controls.controls[e.name], self.simulation.model) for e in estimates]
        self.scaled = {s.control.name: s for s in scaled}
        self.counts = np.concatenate(
            [np.full(s.wet.size, s.estimate.background, bool) for s in scaled]
        )  # in the background term

    def parts(self, z: Array) -> Iterator[tuple[str, Scaled, Array]]:
        """Name, control and its own z in its shape."""
        start = 0
        for name, s in self.scaled.items():
            yield name, s, z[start : start + s.wet.size].reshape(s.wet.shape)
            start += s.wet.size

    def start(self) -> Array:
        """z of the first guess."""
        return np.zeros(self.counts.size)

    def bounds(self) -> Array:
        """(2, n) bounds of z."""
        return np.concatenate([s.bounds().reshape(2, -1) for s in self.scaled.values()], axis=1)

    def values(self, z: Array) -> dict[str, Array]:
        """The controls of z, in their shapes and units."""
        return {name: s.values(part) for name, s, part in self.parts(z)}

    def __call__(self, z: Array) -> Evaluation:
        """One run there and back. Raises BlowUpError where it does not stay finite."""
        self.controls.put(self.values(z))
        run = gradient(self.loss, self.simulation, self.scaled, workspace=self.workspace, **self.budget)
        known = np.where(self.counts, z, 0)
        slope = np.concatenate([s.transpose(part, run[name]).ravel() for name, s, part in self.parts(z)])
        background = 0.5 * float(known @ known)
        return Evaluation(z.copy(), run.value + background, run.value, background, slope + known)

    def identity(self) -> dict[str, str]:
        """What tells one problem from another, the loss apart."""
        model = self.simulation.model
        told = {"controls": ", ".join(self.scaled), "steps": f"{self.simulation.steps} of {model.numerics.dt:g} s"}
        told |= {"numerics": digest(repr(model.options())), "loss": type(self.loss).__name__}
        told["model"] = digest(*geometry(model).values(), *model.state.arrays().values(), *model.parameters.values())
        for name, s in self.scaled.items():
            e = s.estimate
            told[name] = digest(s.first_guess, s.error, s.lower, s.upper, repr((e.background, e.logarithm, e.smooth)))
        return told


class History:
    """All evaluations so far, in an HDF5 file where a path is given, which is whole at any time.

    The minimisation is deterministic: on continuation the saved ones are given out again in their order, at no cost,
    and it ends with the bits of one that was never stopped. The first alone is taken again, to know the problem by it.
    """

    def __init__(self, path: str | Path | None, cost: Cost) -> None:
        """Raises FileError for a history that is damaged or of another problem, or a folder that cannot be written."""
        self.path, self.cost = None if path is None else Path(path), cost
        self.evaluations: list[Evaluation] = []
        self.identity = cost.identity()
        if self.path is None:
            return
        check_folder(self.path)
        if self.path.exists():
            self.load(self.path)

    def load(self, path: Path) -> None:
        """Read the file, after a look at whose it is."""
        with files.read_hdf5(path, HISTORY, "a history of ogcm's assimilation", REMEDY) as f:
            for name in self.identity | dict(f["identity"].attrs):
                here, there = self.identity.get(name), f["identity"].attrs.get(name)
                if here != there:
                    raise FileError(f"{path}: is of another problem: {name} was {there}, is {here}; {REMEDY}")
            columns = [f[name][()] for name in Evaluation._fields]
        rows = zip(*columns, strict=True)
        self.evaluations = [Evaluation(z, float(J), float(seen), float(near), g) for z, J, seen, near, g in rows]

    def check(self, first: Evaluation) -> None:
        """Raise FileError unless the first evaluation of this problem is the saved one."""
        saved = self.evaluations[0]
        same = abs(first.cost - saved.cost) <= SAME * abs(saved.cost) + 1e-300
        if not (same and np.linalg.norm(first.gradient - saved.gradient) <= 1e-6 * np.linalg.norm(saved.gradient)):
            raise FileError(
                f"{self.path}: is of another problem: the first guess cost {saved.cost:.12g}, here {first.cost:.12g}, "
                f"or its gradient differs; {REMEDY}"
            )

    def add(self, evaluation: Evaluation) -> None:
        """Keep one more, and write all."""
        self.evaluations.append(evaluation)
        if self.path is None:
            return
        with files.write_hdf5(self.path, "the history") as f:
            for name, column in zip(Evaluation._fields, zip(*self.evaluations, strict=True), strict=True):
                f[name] = np.array(column)
            f.create_group("identity").attrs.update(self.identity)
            f.attrs["format"] = HISTORY


REMEDY = "choose another history, or delete it to begin anew"


class Iteration(NamedTuple):
    """Where the minimisation stood after an iteration (the first: the first guess)."""

    cost: float
    observations: float
    background: float
    gradient: float  # norm of the gradient by z, without what pushes against a bound
    evaluations: int


@dataclass
class Assimilated:
    """What was found: `values` and the `first_guess` by control, in their shapes and units, and how."""

    values: dict[str, Array]
    first_guess: dict[str, Array]
    iterations: list[Iteration]
    runs: int  # there and back, those that a history gave left out
    blown_up: int  # trials whose run did not stay finite
    message: str
    controls: Controls

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    def put(self, model: Model) -> None:
        """Give the estimate to `model`, whose state becomes the estimated initial state where that was a control."""
        self.controls.put(self.values, model)


class Search:
    """The function that the minimiser calls: from the history, or by a run."""

    def __init__(self, cost: Cost, history: History) -> None:
        self.cost, self.history = cost, history
        self.saved, self.calls, self.runs = len(history.evaluations), 0, 0
        self.low, self.high = cost.bounds()
        self.accepted: Evaluation | None = None
        self.iterations: list[Iteration] = []

    def __call__(self, z: Array) -> tuple[float, Array]:
        """J and its gradient at z."""
        n, self.calls = self.calls, self.calls + 1
        if n == 0 and self.saved:
            self.history.check(self.run(z))
        if n >= self.saved:
            self.history.add(self.run(z))
        now = self.history.evaluations[n]
        if not np.array_equal(now.z, z):
            raise FileError(f"{self.history.path}: evaluation {n} is of other controls, of another scipy?; {REMEDY}")
        if n == 0:
            self.accept()
        return now.cost, now.gradient.copy()

    def run(self, z: Array) -> Evaluation:
        """An evaluation; of a run that blows up, the parabola of the module's docstring."""
        self.runs += 1
        try:
            return self.cost(z)
        except (BlowUpError, InputError):  # InputError: the loss or its gradient overflowed
            if self.accepted is None:
                raise
            last, way = self.accepted, z - self.accepted.z
            fall = abs(float(last.gradient @ way))
            return Evaluation(z.copy(), last.cost + fall, np.nan, np.nan, 3 * fall * way / (way @ way))

    def accept(self, *_: object) -> None:
        """The evaluation just made ends an iteration."""
        self.accepted = now = self.history.evaluations[self.calls - 1]
        downhill = np.clip(now.z - now.gradient, self.low, self.high) - now.z
        terms = now.cost, now.observations, now.background
        self.iterations.append(Iteration(*terms, float(np.linalg.norm(downhill)), self.calls))


def assimilate(
    loss: Loss,
    simulation: Simulation,
    estimates: Sequence[Estimate],
    *,
    iterations: int = 50,
    tolerance: float = 1e-9,
    history: str | Path | None = None,
    **budget: Any,
) -> Assimilated:
    """Minimise J over the `estimates`, from what the model holds; the model and the simulation stay as they are.

    Ends after `iterations`, or where one lowers J by less than `tolerance` max(J, 1). `history`: an HDF5 file to which
    every evaluation goes; the same call continues a minimisation that was stopped, also with more iterations. `budget`:
    memory, snapshots, disk, folder as for `adjoint.gradient`. Raises InputError or FileError before the first run for
    whatever cannot be, a history of another problem included (of another loss: after one run), and BlowUpError where
    the first guess blows up.
    """
    if not iterations >= 1:
        raise InputError(f"iterations: at least one, got {iterations}")
    if not tolerance >= 0:
        raise InputError(f"tolerance: must not be negative, got {tolerance}")
    cost = Cost(loss, simulation, estimates, **budget)
    search = Search(cost, History(history, cost))
    quiet = None if simulation.progress else True
    with (
        stopped(search, simulation),
        tqdm(total=iterations, unit="iteration", disable=quiet, file=sys.stderr, dynamic_ncols=True) as bar,
    ):

        def after_iteration(z: Array) -> None:
            search.accept()
            now = search.iterations[-1]
            bar.set_postfix_str(f"J {now.cost:.6g}, |g| {now.gradient:.3g}, {search.runs} runs", refresh=False)
            bar.update()

        end = optimize.minimize(
            search,
            cost.start(),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(search.low, search.high),
            callback=after_iteration,
            options={"maxiter": iterations, "maxfun": 20 * iterations + 20, "ftol": tolerance, "gtol": 0.0},
        )
    first_guess = {name: s.first_guess for name, s in cost.scaled.items()}
    blown_up = sum(np.isnan(e.observations) for e in search.history.evaluations[: search.calls])
    return Assimilated(
        cost.values(end.x), first_guess, search.iterations, search.runs, blown_up, str(end.message), cost.controls
    )


@contextlib.contextmanager
def stopped(search: Search, simulation: Simulation) -> Iterator[None]:
    """On Ctrl-C, say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        kept = search.history.path
        how = f"the same call with history={str(kept)!r} goes on" if kept else "nothing was kept, for want of a history"
        simulation.print(f"stopped after {search.calls} evaluations; {how}")
        raise
