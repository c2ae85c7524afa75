"""The cost J of an assimilation, its gradient, and the products of its linearised form with vectors.

    J(z) = loss(x(z)) + 1/2 sum over controls |z|^2

`adjoint.estimates` defines x(z). For an ocean that is divided into tiles, z is the vector of the whole ocean. The first
process holds it, minimises and writes the history; the others take part in the runs (`Cost.lead`).

Around a point z, the misfit to observations is replaced by a quadratic function of an increment w (Courtier et al.
1994, doi 10.1002/qj.49712051912). With H the tangent of the model equivalents, U that of x(z), R = diag(errors^2),

    J(z + w) ~ J(z) + g^T w + 1/2 w^T (I + A) w,      A = U^T H^T R^-1 H U,

where g is the gradient of J. A product with A takes a tangent run and a run backwards (`LinearisedCost.multiply`). The
tangent is the run in complex128 with the change of the controls in its imaginary part (`adjoint.complex_step`): it is
exact, and that of the branches that the adjoint takes, so that A is symmetric to round-off. A difference of two runs
would take a seventh of its time, but it is wrong where a run starts at a kink of the model, as one from a mixed layer
without stratification does, which the smallest change makes unstable in places.
"""

import contextlib
import copy
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from adjoint.assimilation_history import Evaluation
from adjoint.background.balance import Balance
from adjoint.background.joint import Background
from adjoint.complex_step import STEP, complex_model, full_copy, loss_of_run
from adjoint.controls import Controls
from adjoint.estimates import Estimate, ScaledControl, scaled_controls
from adjoint.loss import Loss, Sum
from adjoint.observation_loss import Equivalents, Observations
from adjoint.run import Workspace, gradient
from ogcm.errors import BlowUpError, InputError
from ogcm.grid import interior
from ogcm.provenance import digest
from ogcm.restart import geometry
from ogcm.simulation import Simulation

Array = np.ndarray
Result = TypeVar("Result")


class Cost:
    """The cost J and its gradient as functions of one vector z: all controls one after another, land included.

    Parameters
    ----------
    loss : Loss
        The misfit to the observations.
    simulation : Simulation
        The run; a copy of it is used.
    estimates : sequence of Estimate
        The controls.
    balance : bool, default False
        Whether errors of temperature imply errors of salinity, sea level and velocity (`adjoint.background.balance`).
    diffusions : dict, optional
        Diffusions of correlations that were made before for the same grid; receives new ones.
    **budget
        memory, snapshots, disk, folder as for `adjoint.gradient`.

    Raises
    ------
    InputError
        For estimates that cannot be used, or a loss that does not fit the run.
    """

    background: Background  # in the first process

    def __init__(
        self,
        loss: Loss,
        simulation: Simulation,
        estimates: Sequence[Estimate],
        *,
        balance: bool = False,
        diffusions: dict | None = None,
        **budget: Any,
    ) -> None:
        names = [estimate.name for estimate in estimates]
        if len(set(names)) < len(names):
            raise InputError(f"estimates: each control once, got {', '.join(names)}")
        self.loss, self.simulation, self.budget, self.balanced = loss, copy.copy(simulation), budget, balance
        self.simulation.model = full_copy(simulation.model, simulation.model.state.u.dtype)
        self.controls, self.tile = Controls(self.simulation.model, names), simulation.model.grid.tile
        loss.records_by_step(simulation)
        self.scaled = scaled_controls(estimates, self.controls, diffusions)
        relations = Balance.of(self.simulation.model) if balance else None
        self.tile.on_first(lambda: setattr(self, "background", Background(self.scaled, relations)))
        # The elements of z that count in the background term.
        counts = [np.full(math.prod(s.shape), s.estimate.background, bool) for s in self.scaled.values()]
        self.counts = np.concatenate([np.zeros(0, bool), *counts])

    @functools.cached_property
    def workspace(self) -> Workspace:
        """Memory for all gradients."""
        return Workspace(self.simulation.model, self.simulation.device)

    def parts(self, z: Array) -> Iterator[tuple[str, ScaledControl, Array]]:
        """Yield name, control and its part of z."""
        start = 0
        for name, s in self.scaled.items():
            end = start + math.prod(s.shape)
            yield name, s, z[start:end].reshape(s.shape)
            start = end

    def split(self, z: Array) -> dict[str, Array]:
        """Return the parts of z by control, in their shapes."""
        return {name: part for name, _, part in self.parts(z)}

    def start(self) -> Array:
        """Return z of the first guess."""
        return np.zeros(self.counts.size)

    def bounds(self) -> Array:
        """Return the bounds of z (2, n)."""
        return np.concatenate([s.bounds().reshape(2, -1) for s in self.scaled.values()], axis=1)

    def values(self, z: Array | None) -> dict[str, Array]:
        """Return the controls of z by name, in their shapes and units; z is None in all processes but the first."""
        return self.scatter({} if z is None else self.background.values(self.split(z)))

    def scatter(self, whole: Mapping[str, Array]) -> dict[str, Array]:
        """Give each process its part of arrays in the shapes of the controls, which only the first one holds."""
        return {name: self.tile.scatter(whole.get(name)) for name in self.controls.controls}

    def transpose(self, z: Array, slopes: Mapping[str, Array]) -> Array:
        """Return the gradient with respect to z, from those with respect to the controls of the whole ocean."""
        return np.concatenate([a.ravel() for a in self.background.transpose(self.split(z), slopes).values()])

    def __call__(self, z: Array) -> Evaluation:
        """Run forward and backward, in the work of `lead`. Raises BlowUpError where the run does not stay finite."""
        value, slopes = self.together("run", z)
        known = np.where(self.counts, z, 0)
        background = 0.5 * float(known @ known)
        gradient = self.transpose(z, slopes) + known
        residuals = np.concatenate([np.zeros(0), *(term.residuals() for term in observations_in(self.loss))])
        return Evaluation(z.copy(), value + background, value, background, gradient, residuals)

    def run(self, z: Array | None) -> tuple[float, dict[str, Any]]:
        """Run forward and backward; return the loss and its gradient with respect to controls of the whole ocean."""
        self.controls.set_values(self.values(z))
        return self.gradient(self.loss)

    def gradient(self, loss: Loss) -> tuple[float, dict[str, Any]]:
        """Return what `run` returns, of another loss and the present values of the controls."""
        run = gradient(loss, self.simulation, self.controls.controls, workspace=self.workspace, **self.budget)
        return run.value, {name: self.tile.gather(a) for name, a in run.gradients.items()}

    def together(self, name: str, z: Array) -> Any:
        """Call a method in all processes, in the work of `lead`; z is None in all but the first."""
        self.tile.tell(name)
        return getattr(self, name)(z)

    def lead(self, work: Callable[[], Result]) -> Result:
        """Do some work that calls this cost, in the first process; the others take part in the runs.

        Returns the result of the work in all processes, and raises its exception in all of them.
        """
        end: Any = None
        if self.tile.is_first:
            try:
                end = work(), None
            except BaseException as error:  # Ctrl-C as well
                end = None, error
            self.tile.tell(end)
        else:
            while isinstance(end := self.tile.tell(), str):
                with contextlib.suppress(BlowUpError, InputError):  # which the first process meets as well
                    getattr(self, end)(None)
        result, failure = end
        if failure is not None:
            raise failure
        return result

    def identity(self) -> dict[str, str]:
        """Return what distinguishes this problem from others, except the values of the loss."""
        model, horizontal = self.simulation.model, self.simulation.model.horizontal.undivided
        texts = {"controls": ", ".join(self.controls.controls)}
        texts["steps"] = f"{self.simulation.steps} of {model.numerics.dt:g} s"
        texts |= {"numerics": digest(repr(model.options())), "loss": type(self.loss).__name__}
        maps = [a for a in geometry(model).values() if a.ndim == 2]
        maps += [interior(a) for a in (*model.state, *model.parameters.values()) if a.ndim > 1]
        rest = horizontal.x_t, horizontal.y_t, np.array(self.tile.periodic), model.dz, model.parameters["eos"]
        texts["model"] = digest(self.tile.digest(maps), *rest)
        texts["balance"] = str(self.balanced)
        for name, s in self.scaled.items():
            e = s.estimate
            choices = e.background, e.logarithm, e.lengths, e.wide_length, e.wide_share
            texts[name] = digest(s.first_guess, s.error, s.lower, s.upper, repr(choices))
        return texts


class LinearisedCost(Cost):
    """The cost J, and the products of its linearised form with vectors.

    Parameters
    ----------
    loss : Observations, or a sum of several
        The misfit to the observations.
    simulation : Simulation
        The run; a copy of it is used.
    estimates : sequence of Estimate
        The controls.
    **options
        balance, memory, snapshots, disk, folder as for `Cost`.

    Raises
    ------
    InputError
        For estimates that cannot be used, or a loss that does not fit the run or consists of something else.
    """

    def __init__(self, loss: Loss, simulation: Simulation, estimates: Sequence[Estimate], **options: Any) -> None:
        super().__init__(loss, simulation, estimates, **options)
        self.terms = terms_of(loss)
        self.z: Any = None  # where the cost is linearised, in the first process
        for factor, term in self.terms:
            if not isinstance(term, Observations) or not factor > 0:
                raise InputError(
                    f"loss: the incremental method needs a sum of adjoint.Observations, got {factor:g} "
                    f"{type(term).__name__}; leave it out, or choose method='full'"
                )

    def linearise(self, z: Array | None) -> None:
        """Choose the point around which products are computed."""
        self.z = z
        self.controls.set_values(self.values(z))

    def changes(self, v: Array) -> dict[str, Array]:
        """Return U v, the tangent of the controls of the whole ocean; of logarithms and clipped ones at z."""
        return self.background.tangent(self.split(self.z), self.split(v))

    def equivalents(self, v: Array | None) -> list[Array]:
        """Return H U v for the terms of the loss, by a tangent run, in all processes.

        Raises
        ------
        BlowUpError
            Where the tangent run does not stay finite.
        """
        changes = self.scatter({} if v is None else self.changes(v))
        loss_of_run(self.loss, self.simulation, complex_model(self.simulation.model, changes))
        found = [term.residuals().imag / STEP for _, term in self.terms]
        if not all(np.isfinite(a).all() for a in found):
            raise BlowUpError("the tangent run does not stay finite: choose a shorter window, or method='full'")
        return found

    def multiply(self, v: Array | None) -> tuple[list[Array], dict[str, Any]]:
        """Return H U v, and H^T R^-1 H U v with respect to the controls of the whole ocean; see `product`."""
        found = self.equivalents(v)
        return found, self.transposed(self.weighted(found))

    def transposed(self, weighted: Sequence[tuple[float, Equivalents]]) -> dict[str, Any]:
        """Return the gradient of a sum of model equivalents with weights, by a run backwards."""
        return self.gradient(Sum(weighted))[1]

    def weighted(self, residuals: Sequence[Array]) -> list[tuple[float, Equivalents]]:
        """Return the sum of R^-1 residuals times the model equivalents, whose gradient is H^T R^-1 residuals."""
        pairs = zip(self.terms, residuals, strict=True)
        return [(factor, Equivalents(term, term.weights * a)) for (factor, term), a in pairs]

    def product(self, v: Array) -> Array:
        """Return A v, in the work of `lead`; for controls without background term less v, so that I + A lacks it."""
        _, slopes = self.together("multiply", v)
        return self.transpose(self.z, slopes) - np.where(self.counts, 0, v)


def terms_of(loss: Loss, factor: float = 1.0) -> list[tuple[float, Any]]:
    """Return the losses of which a loss is the sum, each with its factor.

    Parameters
    ----------
    loss : Loss
        The loss.
    factor : float, default 1
        Factor of the loss.

    Returns
    -------
    list of tuple of float and Loss
        Factors and losses, none of which is a sum.
    """
    if isinstance(loss, Sum):
        return [found for f, term in loss.terms for found in terms_of(term, factor * f)]
    return [(factor, loss)]


def observations_in(loss: Loss) -> list[Observations]:
    """Return the observations among the losses of which a loss is the sum.

    Parameters
    ----------
    loss : Loss
        The loss.

    Returns
    -------
    list of Observations
        The observations of each field or kind.
    """
    return [term for _, term in terms_of(loss) if isinstance(term, Observations)]
