"""How a corrector and physical parameters are trained: stages, batches, optimizer, weights of the loss."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_type_hints

import numpy as np

from nn.optimizer import SGD, Adam, AdamW
from ogcm.config import check_type
from ogcm.errors import InputError

OPTIMIZERS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of a training.

    Parameters
    ----------
    curriculum : tuple of tuple of int, default ((1, 50), (4, 100))
        Stages of (records that a window spans, iterations). The first of several stages may span 0 records: it fits the
        tendencies that the physics lacks at single instants (`nn.TendencyFit`).
    batch : int, default 4
        Windows of an iteration.
    optimizer : {"adamw", "adam", "sgd"}, default "adamw"
        The optimizer.
    rate : float, default 1e-3
        Learning rate.
    rates : mapping of str to float, default {}
        Factors of the learning rate by the name of a term or parameter.
    weight_decay : float, default 1e-4
        Weight decay of the networks.
    warm_up : int, default 10
        Iterations over which the learning rate rises.
    clip : float, default 1
        Largest norm of the gradient.
    noise : float, default 0
        Noise that is added to the initial states, in standard deviations of the data.
    fields : tuple of str, optional
        Fields that count in the loss; by default all of the data.
    weights : mapping of str to float, default {}
        Weights of fields in the loss (default 1). A field that varies mostly from place to place, such as T, needs
        more.
    spectrum, conservation : float, default 0
        Weights of the loss of the energy spectrum and of that of conservation.
    prior : float, default 1e-3
        Weight of |z|^2/2 of the parameters.
    validate_every : int, default 20
        Iterations between two validations.
    validation_windows : int, default 8
        Windows of a validation.
    patience : int, default 5
        A stage ends after so many validations without improvement; 0 never ends it.
    seed : int, default 0
        Seed of batches and noise.

    Raises
    ------
    InputError
        For values that cannot be used.
    """

    curriculum: tuple[tuple[int, int], ...] = ((1, 50), (4, 100))
    batch: int = 4
    optimizer: str = "adamw"
    rate: float = 1e-3
    rates: Mapping[str, float] = field(default_factory=dict)
    weight_decay: float = 1e-4
    warm_up: int = 10
    clip: float = 1.0
    noise: float = 0.0
    fields: tuple[str, ...] | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    spectrum: float = 0.0
    conservation: float = 0.0
    prior: float = 1e-3
    validate_every: int = 20
    validation_windows: int = 8
    patience: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(TrainingSettings).items():
            check_type(f"{name}:", getattr(self, name), kind)
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer: {self.optimizer!r} does not exist; choose from {', '.join(OPTIMIZERS)}")
        pairs = all(len(stage) == 2 for stage in self.curriculum)
        windows = self.curriculum[1:] if pairs and self.instants > 0 else self.curriculum
        if not (pairs and windows) or any(min(stage) < 1 for stage in windows):
            raise InputError(
                "curriculum: give stages of (records, iterations), both at least 1; only the first of several may "
                f"span 0 records; got {self.curriculum}"
            )
        for name in ("batch", "validate_every", "validation_windows"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "warm_up", "noise", "spectrum", "conservation", "prior", "patience", "seed"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}: must not be negative, got {getattr(self, name)}")

    @property
    def iterations(self) -> int:
        """Number of iterations of all stages."""
        return sum(iterations for _, iterations in self.curriculum)

    @property
    def instants(self) -> int:
        """Number of iterations of a first stage of 0 records, or 0."""
        return self.curriculum[0][1] if self.curriculum and self.curriculum[0][0] == 0 else 0

    def stage(self, iteration: int) -> int:
        """Return the number of the stage to which an iteration belongs.

        Parameters
        ----------
        iteration : int
            Number of the iteration, from 0.

        Returns
        -------
        int
            Number of the stage, from 0.
        """
        ends = np.cumsum([iterations for _, iterations in self.curriculum])
        return int(np.searchsorted(ends, iteration, side="right"))
