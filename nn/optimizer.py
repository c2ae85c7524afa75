"""Optimizers: they change arrays of parameters in place, by their gradients.

    optimizer = AdamW(warm_up(cosine(1e-3, 900), 100), decay=("weights",), rates={"kappa_h": 0.1})
    for ...:
        clip(gradients, 1.0)
        optimizer.step(parameters, gradients)

With the gradient g, the learning rate r_n of the step n = 0, 1, ... (multiplied by the factor in `rates`), the weight
decay d (0 except for the names in `decay`) and moments that begin at 0:

    SGD    g' = g + d p,  m = mu m - r g',  p += m, or with Nesterov's momentum p += mu m - r g'
           (Sutskever et al. 2013, eq. 1-2; Bengio et al. 2013, eq. 7; the decay is the gradient of d p^2/2)
    Adam   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
           p -= r [m/(1 - b1^(n+1))]/[sqrt(v/(1 - b2^(n+1))) + eps]         (Kingma and Ba 2015, algorithm 1)
    AdamW  the same, and p -= r d p of the old p   (Loshchilov and Hutter 2019, algorithm 2 with lambda = d times the
           learning rate without the schedule, as is usual: d then does not depend on the rate)

Arrays are those of NumPy or CuPy: NumPy's functions accept both.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import h5py
import numpy as np

from nn.mlp import to_host

Array = np.ndarray
Arrays = Mapping[str, Array]
Schedule = Callable[[int], float]


# Schedules: the learning rate of each step, the first of which is 0


@dataclass(frozen=True)
class constant:
    """Constant learning rate.

    Parameters
    ----------
    rate : float
        The rate.
    """

    rate: float

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class cosine:
    """Learning rate that falls along half a cosine, then stays constant (Loshchilov and Hutter 2017, eq. 5).

    Parameters
    ----------
    rate : float
        The first rate.
    steps : int
        Number of steps.
    final : float, default 0
        The last rate.

    Raises
    ------
    ValueError
        For less than one step.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        if not self.steps >= 1:
            raise ValueError(f"steps: a cosine has at least one, got {self.steps}")

    def __call__(self, step: int) -> float:
        return self.final + 0.5 * (self.rate - self.final) * (1 + math.cos(math.pi * min(step / self.steps, 1)))


@dataclass(frozen=True)
class warm_up:
    """Learning rate that rises in equal steps to the first rate of a schedule, then follows it (Goyal et al. 2017,
    section 2.2).

    Parameters
    ----------
    schedule : callable
        The schedule: the rate as a function of the number of the step.
    steps : int
        Number of steps.
    """

    schedule: Schedule
    steps: int

    def __call__(self, step: int) -> float:
        if step < self.steps:
            return self.schedule(0) * (step + 1) / (self.steps + 1)
        return self.schedule(step - self.steps)


# Optimisers


def check_match(what: str, arrays: Arrays, parameters: Arrays) -> None:
    """Raise ValueError unless `arrays` has the names and shapes of the parameters."""
    missing, unknown = sorted(set(parameters) - set(arrays)), sorted(set(arrays) - set(parameters))
    if missing or unknown:
        raise ValueError(
            f"{what}: must have the names of the parameters, {', '.join(parameters)}; "
            f"missing: {', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}"
        )
    for name, p in parameters.items():
        if np.shape(arrays[name]) != p.shape:
            raise ValueError(f"{what}: {name} has the shape {np.shape(arrays[name])}, the parameter {p.shape}")


@dataclass
class Optimizer:
    """The interface of optimizers, with their common options.

    Parameters
    ----------
    learning_rate : float or callable
        The learning rate, or a schedule: the rate as a function of the number of the step, from 0.
    rates : mapping of str to float, optional
        Factors of the learning rate by name.
    decay : collection of str, optional
        Names of the parameters to which the weight decay applies.
    weight_decay : float, default 0
        The weight decay.

    Attributes
    ----------
    steps : int
        Number of steps so far.
    moments : dict of str to dict of str to ndarray
        Arrays like the parameters, by the name of the moment.

    Raises
    ------
    ValueError
        For a negative rate, factor or weight decay, and a weight decay without parameters.
    """

    learning_rate: float | Schedule
    rates: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    decay: Collection[str] = field(default=(), kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    steps: int = field(default=0, init=False)
    moments: dict[str, dict[str, Array]] = field(init=False, repr=False, compare=False)
    moment_names: ClassVar[tuple[str, ...]]  # the names of the moments

    def __post_init__(self) -> None:
        """Check the options, and create the moments."""
        if not callable(self.learning_rate):
            self.learning_rate = constant(float(self.learning_rate))
        numbers = {"weight_decay": self.weight_decay} | {f"rates: {name}": f for name, f in self.rates.items()}
        for what, value in numbers.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{what}: must be finite and not negative, got {value}")
        if isinstance(self.decay, str):
            raise ValueError(f'decay: give a collection of names, ("{self.decay}",)')
        if self.weight_decay and not self.decay:
            raise ValueError(f"decay: name the parameters to which weight_decay = {self.weight_decay} applies")
        self.rate()
        self.moments = {moment: {} for moment in self.moment_names}

    def rate(self) -> float:
        """Return the learning rate of the next step.

        Returns
        -------
        float
            The rate.

        Raises
        ------
        ValueError
            Where it is negative or not finite.
        """
        schedule: Any = self.learning_rate
        rate = schedule(self.steps)
        if not 0 <= rate < math.inf:
            raise ValueError(f"learning_rate: must be finite and not negative, got {rate} at step {self.steps}")
        return rate

    def step(self, parameters: Arrays, gradients: Arrays) -> None:
        """Change the parameters in place.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            Floating-point arrays of any shape, () included.
        gradients : mapping of str to ndarray
            Gradients of the same names and shapes.

        Raises
        ------
        ValueError
            Before any change: for other names or shapes, for parameters that are not floating-point arrays or differ
            from those of earlier steps, for unknown names in `rates` or `decay`, and for a negative rate.
        """
        self.check(parameters)
        check_match("gradients", gradients, parameters)
        rate = self.rate()
        for moment in self.moments.values():
            if self.steps:
                check_match("parameters of the steps before", moment, parameters)
            else:
                moment.update({name: np.zeros_like(p) for name, p in parameters.items()})
        self.steps += 1
        for name, p in parameters.items():
            decay = self.weight_decay if name in self.decay else 0.0
            own = (moment[name] for moment in self.moments.values())
            self.move(p, gradients[name], rate * self.rates.get(name, 1.0), decay, *own)

    def move(self, p: Array, g: Array, rate: float, decay: float, *moments: Array) -> None:
        """Change one parameter and its moments by the step number `steps`, counted from 1.

        Parameters
        ----------
        p, g : ndarray
            The parameter and its gradient.
        rate, decay : float
            Learning rate and weight decay.
        *moments : ndarray
            The moments of the parameter.
        """
        raise NotImplementedError

    def check(self, parameters: Arrays) -> None:
        """Check that parameters can be changed, and that the names in `rates` and `decay` exist.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            The parameters.

        Raises
        ------
        ValueError
            Where they cannot, or do not.
        """
        for name, p in parameters.items():
            if isinstance(p, (float, np.generic)) or p.dtype.kind != "f":
                raise ValueError(f"parameters: {name} must be a floating-point array, to be moved in place; got {p!r}")
        for what, names in (("rates", self.rates), ("decay", self.decay)):
            unknown = sorted(set(names) - set(parameters))
            if unknown:
                raise ValueError(f"{what}: unknown {', '.join(unknown)}; the parameters are {', '.join(parameters)}")

    def save(self, group: h5py.Group) -> None:
        """Write number of steps and moments.

        Parameters
        ----------
        group : h5py.Group
            An empty group of an HDF5 file.
        """
        group.attrs.update(optimizer=type(self).__name__, steps=self.steps)
        for moment, arrays in self.moments.items():
            below = group.create_group(moment)
            for name, array in arrays.items():
                below[name] = to_host(array)

    def load(self, group: h5py.Group, parameters: Arrays) -> None:
        """Read the state that `save` wrote, so that the next step is the same bit for bit.

        Parameters
        ----------
        group : h5py.Group
            The group.
        parameters : mapping of str to ndarray
            The parameters of the next step.

        Raises
        ------
        ValueError
            Before any change: where the group holds no state, a damaged one, or that of another optimizer or other
            parameters.
        """
        where = f"{group.file.filename}:{group.name}"
        self.check(parameters)
        kind = group.attrs.get("optimizer")
        if kind != type(self).__name__:
            raise ValueError(f"{where}: holds the state of {kind or 'no optimizer'}, wanted {type(self).__name__}")
        try:
            steps = int(group.attrs["steps"])
            found = {moment: {name: a[...] for name, a in group[moment].items()} for moment in self.moment_names}
        except (OSError, KeyError, AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: a damaged state of {kind}: {error}") from None
        if steps:
            for moment, arrays in found.items():
                check_match(f"{where}/{moment}", arrays, parameters)
        self.steps = steps
        self.moments = {
            moment: {name: np.array(a, parameters[name].dtype, like=parameters[name]) for name, a in arrays.items()}
            for moment, arrays in found.items()
        }


def check_fraction(name: str, value: float) -> None:
    """Raise ValueError for a value outside [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(f"{name}: must be at least 0 and below 1, got {value}")


@dataclass
class SGD(Optimizer):
    """Gradient descent with momentum; the options of `Optimizer` are keywords.

    Parameters
    ----------
    learning_rate : float or callable
        The learning rate or its schedule.
    momentum : float, default 0.9
        Momentum mu.
    nesterov : bool, default False
        Whether the momentum is Nesterov's.
    rates : mapping of str to float, optional
        Factors of the learning rate by name.
    decay : collection of str, optional
        Names of the parameters to which the weight decay applies.
    weight_decay : float, default 0
        The weight decay.

    Raises
    ------
    ValueError
        For a momentum outside [0, 1), and as `Optimizer`.
    """

    momentum: float = 0.9
    nesterov: bool = False
    moment_names = ("velocity",)

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        check_fraction("momentum", self.momentum)

    def move(self, p: Array, g: Array, rate: float, decay: float, *moments: Array) -> None:
        (velocity,) = moments
        downhill = -rate * (g + decay * p if decay else g)
        velocity *= self.momentum
        velocity += downhill
        p += self.momentum * velocity + downhill if self.nesterov else velocity


@dataclass
class Adam(Optimizer):
    """Steps of about the learning rate for each number, independent of the size of its gradient.

    Parameters
    ----------
    learning_rate : float or callable
        The learning rate or its schedule.
    beta1, beta2 : float, default 0.9, 0.999
        Decay of the moments.
    eps : float, default 1e-8
        Smallest divisor.
    rates : mapping of str to float, optional
        Factors of the learning rate by name.
    decay : collection of str, optional
        Names of the parameters to which the weight decay applies.
    weight_decay : float, default 0
        The weight decay.

    Raises
    ------
    ValueError
        For betas outside [0, 1), an eps that is not positive, and as `Optimizer`.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    moment_names = ("mean", "square")

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        check_fraction("beta1", self.beta1)
        check_fraction("beta2", self.beta2)
        if not self.eps > 0:
            raise ValueError(f"eps: must be positive, got {self.eps}")

    def move(self, p: Array, g: Array, rate: float, decay: float, *moments: Array) -> None:
        mean, square = moments
        mean *= self.beta1
        mean += (1 - self.beta1) * g
        square *= self.beta2
        square += (1 - self.beta2) * g * g
        scale = np.sqrt(square / (1 - self.beta2**self.steps))
        scale += self.eps
        if decay:
            p -= rate * decay * p
        p -= (rate / (1 - self.beta1**self.steps)) * mean / scale


@dataclass
class AdamW(Adam):
    """Adam with a weight decay that is independent of the size of the gradient.

    Parameters
    ----------
    learning_rate : float or callable
        The learning rate or its schedule.
    beta1, beta2 : float, default 0.9, 0.999
        Decay of the moments.
    eps : float, default 1e-8
        Smallest divisor.
    rates : mapping of str to float, optional
        Factors of the learning rate by name.
    decay : collection of str, optional
        Names of the parameters to which the weight decay applies.
    weight_decay : float, default 0.01
        The weight decay.
    """

    weight_decay: float = field(default=0.01, kw_only=True)


def clip(gradients: Arrays, norm: float) -> float:
    """Scale all gradients in place so that their common 2-norm is at most `norm` (Pascanu et al. 2013, algorithm 1).

    Gradients whose norm is not finite are not scaled. Returns the norm before. Raises ValueError for a norm that is not
    positive.
    """
    if not norm > 0:
        raise ValueError(f"norm: must be positive, got {norm}")
    before = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients.values()))
    if norm < before < math.inf:
        for g in gradients.values():
            g *= norm / before
    return before
