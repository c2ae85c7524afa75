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
    """How to train. `curriculum`: stages of (records that a window spans, iterations); the first may span 0.

    `fields` count in the loss (default: all of the data) with `weights` by name (default 1): one that varies most from
    place to place, such as T, needs more than 1. `spectrum` and `conservation` are the weights of those terms,
    `prior` that of |z|^2/2; `rates` are factors of the learning rate by name; `noise` is added to the initial state, in
    standard deviations of the data; after `patience` validations without gain a stage ends (0: never). Raises
    InputError for what cannot be.
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
                "curriculum: give stages of (records, iterations), both at least 1, but that the first of several may "
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
        """Of all stages."""
        return sum(iterations for _, iterations in self.curriculum)

    @property
    def instants(self) -> int:
        """Iterations of a first stage of 0 records; 0 where there is none."""
        return self.curriculum[0][1] if self.curriculum and self.curriculum[0][0] == 0 else 0

    def stage(self, iteration: int) -> int:
        """The number of the stage to which an iteration, counted from 0, belongs."""
        ends = np.cumsum([iterations for _, iterations in self.curriculum])
        return int(np.searchsorted(ends, iteration, side="right"))
