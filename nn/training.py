"""Training through the stepper: a corrector, other terms and physical parameters, on windows of a data set.

    data = DataSet("channel.nc", model)
    model.corrector = Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"))
    prepare(model, data, data.split().train)                       # statistics of the features, scales of the outputs
    trainable = Trainable(model, [Estimate("nu4_h", 1.0, logarithm=True)])
    train(trainable, data, TrainingSettings(curriculum=((1, 50), (5, 100))), folder="run")

Each iteration draws a batch of windows, runs the model from the first record of each, compares it with the following
records (`nn.losses`), and changes weights and parameters by the gradient of `adjoint.gradient`, which goes through all
steps of the window. Windows grow from stage to stage of the curriculum. It may begin with a stage of 0 records, in
which the corrector is fitted to what the physics lacks at single instants (`nn.TendencyFit`): a cheap start, useful
where initial states are not in balance, as coarse-grained ones. Physical parameters are trained as the z of
`adjoint.Estimate`: scaled, logarithmic where they are positive, within bounds, with the prior |z|^2/2.

The folder receives best.h5 (the weights with the smallest validation loss; `nn.load` reads it), last.h5 (to continue
the training bit for bit), log.csv and curves.png.

For an ocean that is divided into tiles the first process has the optimizer and writes the files; all processes draw the
same windows, and receive the weights after each step.
"""

import json
import sys
import time as clock
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from adjoint.loss import Loss
from adjoint.run import GradientOfRun, Workspace, evaluate, gradient
from nn import trained
from nn.losses import Conservation, Forecast, Spectrum
from nn.optimizer import Optimizer, clip, cosine, warm_up
from nn.records import Records, check_disjoint, evenly_spaced
from nn.tendency_fit import TendencyFit
from nn.trainable import Trainable
from nn.training_files import NAMES, Iteration, resume_training, write_training
from nn.training_settings import OPTIMIZERS, TrainingSettings
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.names import Claim
from ogcm.simulation import Simulation

Array = np.ndarray


class Trainer:
    """A training: its iterations so far, random generator, optimizer and best loss.

    Parameters
    ----------
    trainable : Trainable
        The weights and parameters that are trained, and their model.
    data : Records
        The data.
    settings : TrainingSettings
        The settings.
    folder : str or Path
        Folder of the files of the training.
    train, validation : range, optional
        Records for training and validation; by default those of `data.split()`.
    provenance : mapping of str to str, optional
        Texts that are written into best.h5.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Where the windows run.

    Raises
    ------
    InputError
        For parts that overlap or hold no window of the longest stage, and for fields without data.
    """

    def __init__(
        self,
        trainable: Trainable,
        data: Records,
        settings: TrainingSettings,
        folder: str | Path,
        *,
        train: range | None = None,
        validation: range | None = None,
        provenance: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        self.trainable, self.data, self.settings, self.folder = trainable, data, settings, Path(folder)
        self.device, self.tile = device, trainable.tile
        self.tile.check_same({"settings": settings, "folder": folder, "device": device})
        self.model, parts = trainable.model, data.split()
        self.train, self.validation = train or parts.train, validation or parts.validation
        check_disjoint(self.train, self.validation, ())
        self.scales = data.scales(self.train)
        self.fields = tuple(self.scales) if settings.fields is None else settings.fields
        for name in self.fields:
            if name not in self.scales:
                known = ", ".join(self.scales)
                raise InputError(f"fields: {name} does not vary in {data.path}, or is not in it; choose from {known}")
        if foreign := set(settings.weights) - set(self.fields):
            raise InputError(f"weights: {min(foreign)} is not one of the fields of the loss, {', '.join(self.fields)}")
        lengths = [records for records, _ in settings.curriculum]
        self.starts = {n: data.windows(self.train, max(n, 1)) for n in set(lengths)}
        self.longest = max(lengths)
        self.held_out = evenly_spaced(data.windows(self.validation, self.longest), settings.validation_windows)
        self.rng, self.log = np.random.default_rng(settings.seed), list[Iteration]()
        self.best, self.waited, self.skipped = np.inf, 0, 0
        self.optimizer = self.new_optimizer(0)
        self.fit: Any = self.tendency_fit() if settings.instants else None
        self.workspace = Workspace(self.model, device)
        self.provenance = dict(provenance or {}) | {
            "data": str(data.path), "settings": json.dumps(asdict(settings)), "train": str(self.train),
        }  # fmt: skip

    def new_optimizer(self, done: int) -> Optimizer:
        """Return a new optimizer; the stage of 0 records has one of its own.

        Parameters
        ----------
        done : int
            Number of iterations before its first one.

        Returns
        -------
        Optimizer
            The optimizer with its schedule.
        """
        settings, terms = self.settings, self.model.terms
        decays = [name for name in self.trainable.terms if getattr(terms[name], "decays", False)]
        first = done < settings.instants
        iterations = settings.instants if first else settings.iterations - settings.instants
        schedule = warm_up(cosine(settings.rate, iterations, 0.05 * settings.rate), settings.warm_up)
        decay = {"decay": decays, "weight_decay": settings.weight_decay if decays else 0.0}
        return OPTIMIZERS[settings.optimizer](schedule, rates=settings.rates, **decay)

    def tendency_fit(self) -> TendencyFit:
        """Return the loss of the first stage of 0 records.

        Returns
        -------
        TendencyFit
            The loss.

        Raises
        ------
        InputError
            Where no term of the model has weights.
        """
        if not self.trainable.terms:
            raise InputError("curriculum: a stage of 0 records fits a corrector; give the model one, or leave it out")
        deviation = self.data.statistics(self.train).tendency_deviation
        return TendencyFit(self.model, self.data, self.fields, self.settings.weights, deviation)

    # One window

    def simulation(self, records: int) -> Simulation:
        """Return a run of the length of a window.

        Parameters
        ----------
        records : int
            Records that the window spans.

        Returns
        -------
        Simulation
            The run.
        """
        return Simulation(self.model, days=records * self.data.interval / DAY, progress=False, device=self.device)

    def window_loss(self, start: int, records: int) -> Loss:
        """Return the loss of a window.

        Parameters
        ----------
        start : int
            The record at which the window begins, and at which the state of the model stands.
        records : int
            Records that the window spans.

        Returns
        -------
        Loss
            The loss.
        """
        targets = {name: a for name, a in self.data.targets(start, records).items() if name in self.fields}
        days = self.data.interval / DAY * np.arange(1, records + 1)
        scales = {name: self.scales[name] for name in self.fields}
        weights = {name: self.settings.weights.get(name, 1.0) for name in self.fields}
        total: Loss = Forecast(self.model, targets, days=days, scales=scales, weights=weights)
        if self.settings.spectrum:
            total = total + self.settings.spectrum * Spectrum(self.model, targets, days=days)
        if self.settings.conservation:
            tracers = {name: float(np.max(a)) for name, a in scales.items() if name in self.model.tracers}
            drift = Conservation(self.model, self.model.state.copy(), scales=tracers, days=days)
            total = total + self.settings.conservation * drift
        return total

    def add_noise(self) -> None:
        """Add noise to the initial state over water."""
        state, grid = self.model.state, self.model.grid
        for name in self.fields if self.settings.noise else ():
            a, point = getattr(state, name), name if name in "uv" else "t"
            mask = getattr(grid, f"mask_{point}") > 0
            scale = np.reshape(self.scales[name], (-1, 1, 1)) if a.ndim == 3 else self.scales[name][0]
            wet = interior(mask if a.ndim == 3 else mask[0])
            interior(a)[...] += self.settings.noise * scale * self.tile.drawn(self.rng.normal, wet.shape) * wet
            exchange(grid, a)

    def tendency_gradient(self, start: int) -> tuple[float, dict[str, Array]]:
        """Return the loss of the tendencies at a record and its gradient.

        Parameters
        ----------
        start : int
            The record.

        Returns
        -------
        value : float
            The loss.
        gradients : dict of str to ndarray
            The gradient with respect to the arrays of the trainable.
        """
        value, weights_ad = self.fit(start)
        return value, {name: np.zeros_like(a) for name, a in self.trainable.arrays.items()} | weights_ad

    def window_gradient(self, start: int, records: int) -> GradientOfRun:
        """Return the loss of a window and its gradient.

        Parameters
        ----------
        start : int
            The record at which the window begins.
        records : int
            Records that the window spans.

        Returns
        -------
        GradientOfRun
            The loss and its gradient.

        Raises
        ------
        BlowUpError, InputError
            Where the run fails; the message names the window.
        """
        self.data.initialize(self.model, start)
        loss = self.window_loss(start, records)
        self.add_noise()
        names = [*self.trainable.terms, *self.trainable.parameters]
        try:
            return gradient(loss, self.simulation(records), names, workspace=self.workspace)
        except (BlowUpError, InputError) as error:
            day = self.data.times[np.ravel(start)[0]] / DAY
            kind = type(error)
            raise kind(
                f"the window of {records} records from record {start} (day {day:g}) failed after "
                f"{len(self.log)} iterations: {error}; the weights before are in {self.folder / 'best.h5'}. Try a "
                "lower rate, a shorter curriculum or smaller scales"
            ) from None

    # The loop

    def iterate(self) -> Iteration:
        """Draw a batch of windows, and take a step of the optimizer.

        Returns
        -------
        Iteration
            The line of the log.
        """
        begun, settings, iteration = clock.perf_counter(), self.settings, len(self.log) + self.skipped
        if len(self.log) == settings.instants:
            self.optimizer = self.new_optimizer(len(self.log))
        records = settings.curriculum[settings.stage(iteration)][0]
        possible = self.starts[records]
        chosen = self.rng.choice(len(possible), min(settings.batch, len(possible)), replace=False)
        total, value = {name: np.zeros_like(a) for name, a in self.trainable.arrays.items()}, 0.0
        for start in (possible[n] for n in chosen):
            if records:
                run = self.window_gradient(start, records)
                loss, gradients = run.value, self.trainable.gradients(run)
            else:
                loss, gradients = self.tendency_gradient(start)
            value += loss / len(chosen)
            for name, g in gradients.items():
                total[name] += g / len(chosen)

        def move() -> tuple[float, float, float]:
            prior = self.trainable.add_prior(settings.prior, total)
            rate, norm = self.optimizer.rate(), clip(total, settings.clip)
            self.optimizer.step(self.trainable.arrays, total)
            return value + prior, rate, norm

        value, rate, norm = self.tile.on_first(move)
        self.trainable.update_model()
        due = records > 0 and (len(self.log) + 1) % settings.validate_every == 0
        last = iteration + 1 in (settings.instants, settings.iterations)
        validation = self.validation_loss() if due or last else np.nan
        return Iteration(len(self.log) + 1, records, value, norm, rate, validation, clock.perf_counter() - begun)

    def validation_loss(self) -> float:
        """Return the mean loss of the held-out windows of the longest stage.

        Returns
        -------
        float
            The loss; infinite where a run blows up.
        """
        total = 0.0
        for start in self.held_out:
            self.data.initialize(self.model, start)
            run = self.simulation(self.longest)  # it checks the step at the state where it begins
            with np.errstate(all="ignore"):
                total += evaluate(self.window_loss(start, self.longest), run) / len(self.held_out)
        return total if np.isfinite(total) else np.inf

    def run(self, *, progress: bool = True) -> list[Iteration]:
        """Iterate to the end of the curriculum; files are written at each validation.

        Parameters
        ----------
        progress : bool, default True
            Whether a progress bar is shown.

        Returns
        -------
        list of Iteration
            The log.
        """
        if not self.log:
            self.best = self.validation_loss()
            self.save_best()
        quiet, settings = None if progress and self.tile.is_first else True, self.settings
        with tqdm(
            total=settings.iterations, unit="iteration", disable=quiet, file=sys.stderr, dynamic_ncols=True
        ) as bar:
            bar.update(len(self.log) + self.skipped)
            while len(self.log) + self.skipped < settings.iterations:
                line = self.iterate()
                self.log.append(line)
                bar.update()
                text = f"loss {line.loss:.4g}, |g| {line.gradient:.3g}, {line.records} records, best {self.best:.4g}"
                bar.set_postfix_str(text, refresh=False)
                if not np.isnan(line.validation):
                    self.after_validation(line.validation)
                    self.tile.on_first(lambda: write_training(self))
        return self.log

    def after_validation(self, validation: float) -> None:
        """Save the weights if they are the best, and end a stage that no longer improves.

        Parameters
        ----------
        validation : float
            The validation loss.
        """
        counts = len(self.log) != self.settings.instants  # a fit of instants may well blow up in a run
        self.waited = self.waited + 1 if counts and not validation < self.best else 0
        if validation < self.best:
            self.best = validation
            self.save_best()
        iteration, settings = len(self.log) + self.skipped, self.settings
        if settings.patience and self.waited >= settings.patience and iteration < settings.iterations:
            ends = np.cumsum([iterations for _, iterations in settings.curriculum])
            self.skipped += int(ends[settings.stage(iteration)]) - iteration
            self.waited = 0

    def save_best(self) -> None:
        """Write the present weights and parameters to best.h5."""
        texts = self.provenance | {"iterations": str(len(self.log)), "validation loss": f"{self.best:.6g}"}
        trained.save(self.folder / "best.h5", self.model, self.trainable.parameters, texts)


def train(
    trainable: Trainable,
    data: Records,
    settings: TrainingSettings,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> Trainer:
    """Train weights and parameters; in the end the model has the best ones, those of best.h5.

    Parameters
    ----------
    trainable : Trainable
        The weights and parameters that are trained, and their model.
    data : Records
        The data.
    settings : TrainingSettings
        The settings.
    folder : str or Path
        Folder of the files of the training.
    resume : bool, default False
        Whether a training in the folder is continued.
    overwrite : bool, default False
        Whether a training in the folder is replaced.
    progress : bool, default True
        Whether a progress bar is shown.
    **options
        train, validation, provenance and device as for `Trainer`.

    Returns
    -------
    Trainer
        The training, with its log.

    Raises
    ------
    InputError, FileError
        Before the first run for what cannot be used.
    BlowUpError, InputError
        For a run that fails; the message names the window. The best weights so far are saved.
    """
    folder, tile = Path(folder), trainable.tile

    def check_folder() -> None:
        if folder.exists() and not folder.is_dir():
            raise FileError(f"{folder}: is a file; give the training a folder")
        there = [name for name in NAMES if (folder / name).exists()]
        if there and not (resume or overwrite):
            raise FileError(
                f"{folder}: holds a training; resume it (--resume), replace it (--overwrite) or choose another folder "
                f"({', '.join(there)} would be replaced)"
            )

    def claim() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        held.enter_context(Claim(folder / "training.lock"))

    tile.on_first(check_folder)
    trainer = Trainer(trainable, data, settings, folder, **options)
    initial = trainable.model.state.copy()
    with ExitStack() as held:
        tile.on_first(claim)
        if resume:
            resume_training(trainer)
        try:
            trainer.run(progress=progress)
        finally:
            trainable.model.state.assign(initial)
    trained.load(folder / "best.h5", trainable.model)
    return trainer
