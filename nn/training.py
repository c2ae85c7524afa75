"""Training through the stepper: a corrector, other terms, physical parameters, on windows of a data set.

    data = DataSet("channel.nc", model)
    model.corrector = Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"))
    prepare(model, data, data.split().train)                       # statistics of the features, scales of the outputs
    learner = Learner(model, [Estimate("nu4_h", 1.0, logarithm=True)])
    train(learner, data, Settings(curriculum=((1, 50), (5, 100))), folder="run")

Each iteration draws a batch of windows, runs the model from the first record of each, compares it with those that
follow (`nn.losses`), and moves what is learned by the gradient of `adjoint.gradient`, which goes through all steps of
the window. Windows grow from stage to stage of the curriculum. It may begin with a stage of 0 records, in which the
corrector fits what the physics lacks at single instants (`nn.tendency_fit`): cheap, and the place to begin from where
starts are not in balance, as coarse-grained ones are not. Physical parameters learn as the z of
`adjoint.Estimate`: scaled, logarithmic where they are positive, within bounds, their prior |z|^2/2.

The folder receives best.h5 (the least validation loss; `nn.trained` reads it), last.h5 (to resume with, to the bit),
log.csv and curves.png.
"""

import io as streams
import json
import sys
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple, get_type_hints

import h5py
import numpy as np
from tqdm import tqdm

from adjoint.assimilation import Estimate, Scaled
from adjoint.controls import Controls
from adjoint.losses import Loss
from adjoint.run import GradientOfRun, Workspace, evaluate, gradient
from nn import trained
from nn.corrector import Corrector
from nn.data import Records, check_disjoint, floored, spread
from nn.losses import Conservation, Forecast, Spectrum
from nn.optimizer import SGD, Adam, AdamW, Optimizer, clip, cosine, warm_up
from nn.tendency_fit import TendencyFit
from ogcm import files
from ogcm.config import check_type
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.names import Claim
from ogcm.plotting import Picture, save
from ogcm.simulation import Simulation
from ogcm.terms import require, weights_of

Array = np.ndarray
FORMAT = "ogcm training 1"
OPTIMIZERS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


@dataclass(frozen=True, kw_only=True)
class Settings:
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
        for name, kind in get_type_hints(Settings).items():
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


def prepare(model: Model, data: Records, part: range, *, records: int = 20) -> None:
    """Give the model's corrector the statistics of its features, from some records of `part`, and scales.

    The largest flux of a tracer is that of currents and anomalies as strong as their standard deviations in the layer,
    the largest stress that of the currents; a tendency is at most ten times the standard deviation of that of the data,
    an acceleration thirty times (it has the imbalance of coarse-grained states to cancel), a vertical flux what would
    change its layer by that. Scales that were given stay. Another term is prepared by a method of its own,
    `prepare(model, data, part)`, where it has one.
    """
    for term in model.terms.values():
        if isinstance(term, Corrector):
            prepare_corrector(term, model, data, part, records)
        elif hasattr(term, "prepare"):
            term.prepare(model, data, part)


def prepare_corrector(corrector: Corrector, model: Model, data: Records, part: range, records: int) -> None:
    """Statistics and scales, as `prepare` says. Raises InputError for an output whose scale the data do not suggest."""
    statistics = data.statistics(part)
    corrector.normalise(model, [data.state(n) for n in spread(part, records)])
    d, rate, h = statistics.deviation, statistics.tendency_deviation, model.dz
    speed = np.hypot(d["u"], d["v"]) if {"u", "v"} <= set(d) else np.full(len(h), 0.1)
    push = 30 * np.hypot(rate["u"], rate["v"]) if {"u", "v"} <= set(rate) else np.full(len(h), 1e-6)
    suggested = {"stress": speed**2, "stress_z": push * h, "uv_tendency": push}
    for name in ("T", "S"):
        if name in d:
            suggested |= {f"{name}_flux": speed * d[name], f"{name}_tendency": 10 * rate[name]}
            suggested[f"{name}_flux_z"] = 10 * rate[name] * h
    if "eta" in rate:
        suggested["eta_tendency"] = np.repeat(10 * rate["eta"], len(h))
    least = {name: floored(a) for name, a in suggested.items() if a.max() > 0}
    missing = [name for name in corrector.config["outputs"] if name not in least and name not in corrector.scaled]
    if missing:
        raise InputError(f"scales: {missing[0]} has none, and the data do not suggest one; give it one")
    new = {n: a for n, a in least.items() if n in corrector.config["outputs"] and n not in corrector.scaled}
    corrector.set_scales(new)


class Learner:
    """What is learned, as arrays that an optimizer moves in place: the weights of the terms, and z of the estimates."""

    def __init__(self, model: Model, estimates: Sequence[Estimate] = ()) -> None:
        """Raises InputError where there is nothing to learn, and for estimates that cannot be (see Estimate)."""
        needs = "weights", "add_ad", "astype", "save", "load"
        require(model.terms, needs, "a training needs it")
        self.model, self.terms = model, weights_of(model.terms)
        self.arrays = dict(self.terms)
        self.parameters = [estimate.name for estimate in estimates]
        self.controls = Controls(model, self.parameters) if estimates else None
        self.scaled = {e.name: Scaled(e, self.controls.controls[e.name], model) for e in estimates}
        self.arrays |= {name: np.zeros(s.control.shape) for name, s in self.scaled.items()}
        if not self.arrays:
            raise InputError("learn: there is nothing to learn; give the model a corrector, or name parameters")

    def put(self) -> None:
        """z into its bounds, and the parameters of z into the model."""
        for name, s in self.scaled.items():
            np.clip(self.arrays[name], *s.bounds(), out=self.arrays[name])
        if self.scaled:
            self.controls.put({name: s.values(self.arrays[name]) for name, s in self.scaled.items()})

    def gradient(self, run: GradientOfRun) -> dict[str, Array]:
        """By the arrays, of a gradient by the controls."""
        found = {name: run[name] for name in self.terms}
        return found | {name: s.transpose(self.arrays[name], run[name]) for name, s in self.scaled.items()}

    def prior(self, weight: float, gradients: dict[str, Array]) -> float:
        """weight |z|^2/2 of the estimates with a background; its gradient is added to `gradients`."""
        known = [name for name, s in self.scaled.items() if s.estimate.background]
        for name in known:
            gradients[name] = gradients[name] + weight * self.arrays[name]
        return 0.5 * weight * float(sum((self.arrays[name] ** 2).sum() for name in known))


class Iteration(NamedTuple):
    """A line of the log; validation is nan where none was made."""

    iteration: int
    records: int
    loss: float
    gradient: float
    rate: float
    validation: float
    seconds: float


class Trainer:
    """The state of a training: iterations so far, generator, optimizer, best loss."""

    def __init__(
        self,
        learner: Learner,
        data: Records,
        settings: Settings,
        folder: str | Path,
        *,
        train: range | None = None,
        validation: range | None = None,
        provenance: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        """`train`, `validation`: ranges of records, default those of `data.split()`; `device`: where the windows run.

        Raises InputError for parts that overlap or hold no window of the longest stage, and fields without data.
        """
        self.learner, self.data, self.settings, self.folder = learner, data, settings, Path(folder)
        self.device = device
        self.model, parts = learner.model, data.split()
        self.train, self.validation = train or parts.train, validation or parts.validation
        check_disjoint(self.train, self.validation, ())
        self.scales = data.scales(self.train)
        self.fields = tuple(self.scales) if settings.fields is None else settings.fields
        for name in self.fields:
            if name not in self.scales:
                known = ", ".join(self.scales)
                raise InputError(f"fields: {name} does not vary in {data.path}, or is not in it; choose from {known}")
        if foreign := set(settings.weights) - set(self.fields):
            raise InputError(f"weights: {min(foreign)} is none of the fields that count, {', '.join(self.fields)}")
        lengths = [records for records, _ in settings.curriculum]
        self.starts = {n: data.windows(self.train, max(n, 1)) for n in set(lengths)}
        self.longest = max(lengths)
        self.held_out = spread(data.windows(self.validation, self.longest), settings.validation_windows)
        self.rng, self.log = np.random.default_rng(settings.seed), []
        self.best, self.waited, self.skipped = np.inf, 0, 0
        self.optimizer = self.new_optimizer()
        self.fit = self.tendency_fit() if settings.instants else None
        self.workspace = Workspace(self.model, device)
        self.provenance = dict(provenance or {}) | {
            "data": str(data.path), "settings": json.dumps(asdict(settings)), "train": str(self.train),
        }  # fmt: skip

    def new_optimizer(self) -> Optimizer:
        """Of the next iteration: fitting instants and training through windows have one each, with its schedule."""
        settings, terms = self.settings, self.model.terms
        decays = [name for name in self.learner.terms if getattr(terms[name], "decays", False)]
        first = len(self.log) < settings.instants
        iterations = settings.instants if first else settings.iterations - settings.instants
        schedule = warm_up(cosine(settings.rate, iterations, 0.05 * settings.rate), settings.warm_up)
        decay = {"decay": decays, "weight_decay": settings.weight_decay if decays else 0.0}
        return OPTIMIZERS[settings.optimizer](schedule, rates=settings.rates, **decay)

    def tendency_fit(self) -> TendencyFit:
        """What the iterations of a first stage of 0 records ask. Raises InputError without a term that learns."""
        if not self.learner.terms:
            raise InputError("curriculum: a stage of 0 records fits a corrector; give the model one, or leave it out")
        deviation = self.data.statistics(self.train).tendency_deviation
        return TendencyFit(self.model, self.data, self.fields, self.settings.weights, deviation)

    # One window

    def simulation(self, records: int) -> Simulation:
        """A run of the length of a window."""
        return Simulation(self.model, days=records * self.data.interval / DAY, progress=False, device=self.device)

    def loss(self, start: int, records: int) -> Loss:
        """Of the window of so many records after `start`, at which the model's state stands."""
        targets = {name: a for name, a in self.data.targets(start, records).items() if name in self.fields}
        days = self.data.interval / DAY * np.arange(1, records + 1)
        scales = {name: self.scales[name] for name in self.fields}
        weights = {name: self.settings.weights.get(name, 1.0) for name in self.fields}
        total = Forecast(self.model, targets, days=days, scales=scales, weights=weights)
        if self.settings.spectrum:
            total = total + self.settings.spectrum * Spectrum(self.model, targets, days=days)
        if self.settings.conservation:
            tracers = {name: float(np.max(a)) for name, a in scales.items() if name in ("T", "S")}
            kept = Conservation(self.model, self.model.state.copy(), scales=tracers, days=days)
            total = total + self.settings.conservation * kept
        return total

    def disturb(self) -> None:
        """Add noise to the initial state over water."""
        state, grid = self.model.state, self.model.grid
        for name in self.fields if self.settings.noise else ():
            a, point = getattr(state, name), name if name in "uv" else "t"
            mask = getattr(grid, f"mask_{point}") > 0
            scale = np.reshape(self.scales[name], (-1, 1, 1)) if a.ndim == 3 else self.scales[name][0]
            wet = interior(mask if a.ndim == 3 else mask[0])
            interior(a)[...] += self.settings.noise * scale * self.rng.normal(size=wet.shape) * wet
            exchange(grid, a)

    def instant(self, start: int) -> tuple[float, dict[str, Array]]:
        """The loss of the tendencies at a record, and its gradient by the arrays."""
        value, weights_ad = self.fit(start)
        return value, {name: np.zeros_like(a) for name, a in self.learner.arrays.items()} | weights_ad

    def window(self, start: int, records: int) -> GradientOfRun:
        """The loss of a window and its gradient. Where it fails, BlowUpError or InputError names the window."""
        self.data.begin(self.model, start)
        loss = self.loss(start, records)
        self.disturb()
        try:
            return gradient(loss, self.simulation(records), list(self.learner.arrays), workspace=self.workspace)
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
        """Draw a batch and move what is learned."""
        begun, settings, iteration = clock.perf_counter(), self.settings, len(self.log) + self.skipped
        if len(self.log) == settings.instants:
            self.optimizer = self.new_optimizer()
        records = settings.curriculum[settings.stage(iteration)][0]
        possible = self.starts[records]
        chosen = self.rng.choice(len(possible), min(settings.batch, len(possible)), replace=False)
        total, value = {name: np.zeros_like(a) for name, a in self.learner.arrays.items()}, 0.0
        for start in (possible[n] for n in chosen):
            if records:
                run = self.window(start, records)
                loss, gradients = run.value, self.learner.gradient(run)
            else:
                loss, gradients = self.instant(start)
            value += loss / len(chosen)
            for name, g in gradients.items():
                total[name] += g / len(chosen)
        value += self.learner.prior(settings.prior, total)
        rate, norm = self.optimizer.rate(), clip(total, settings.clip)
        self.optimizer.step(self.learner.arrays, total)
        self.learner.put()
        due = records > 0 and (len(self.log) + 1) % settings.validate_every == 0
        last = iteration + 1 in (settings.instants, settings.iterations)
        validation = self.validated() if due or last else np.nan
        return Iteration(len(self.log) + 1, records, value, norm, rate, validation, clock.perf_counter() - begun)

    def validated(self) -> float:
        """The mean loss of the held-out windows of the longest stage; infinite where one blows up."""
        total = 0.0
        for start in self.held_out:
            self.data.begin(self.model, start)
            run = self.simulation(self.longest)  # it checks the step at the state where it begins
            with np.errstate(all="ignore"):
                total += evaluate(self.loss(start, self.longest), run) / len(self.held_out)
        return total if np.isfinite(total) else np.inf

    def run(self, *, progress: bool = True) -> list[Iteration]:
        """Iterate to the end; returns the log. Files are written at each validation."""
        if not self.log:
            self.best = self.validated()
            self.keep("best.h5")
        quiet, settings = None if progress else True, self.settings
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
                    self.judge(line.validation)
                    self.write()
        return self.log

    def judge(self, validation: float) -> None:
        """Keep what is best; end a stage that gains nothing any more."""
        counts = len(self.log) != self.settings.instants  # a fit of instants may well blow up in a run
        self.waited = self.waited + 1 if counts and not validation < self.best else 0
        if validation < self.best:
            self.best = validation
            self.keep("best.h5")
        iteration, settings = len(self.log) + self.skipped, self.settings
        if settings.patience and self.waited >= settings.patience and iteration < settings.iterations:
            ends = np.cumsum([iterations for _, iterations in settings.curriculum])
            self.skipped += int(ends[settings.stage(iteration)]) - iteration
            self.waited = 0

    def keep(self, name: str) -> None:
        """The present weights and parameters under a name in the folder."""
        told = self.provenance | {"iterations": str(len(self.log)), "validation loss": f"{self.best:.6g}"}
        trained.save(self.folder / name, self.model, self.learner.parameters, told)

    # Files

    def write(self) -> None:
        """last.h5, log.csv and curves.png."""
        whole = streams.BytesIO()
        with h5py.File(whole, "w") as f:
            f.attrs.update(format=FORMAT, settings=json.dumps(asdict(self.settings)), best=self.best)
            f.attrs.update(waited=self.waited, skipped=self.skipped, generator=json.dumps(self.rng.bit_generator.state))
            f["log"] = np.array(self.log, float)
            for name, a in self.learner.arrays.items():
                f[f"learned/{name}"] = a
            self.optimizer.save(f.create_group("optimizer"))
        files.put_sealed(self.folder / "last.h5", whole, "the state of the training")
        files.put_table(self.folder / "log.csv", [Iteration._fields, *self.log], "the log")
        draw_curves(self.log, self.folder / "curves.png")

    def resume(self) -> None:
        """Go on from last.h5, to the bit. Raises FileError for one that is missing, damaged or of other settings."""
        path = self.folder / "last.h5"
        remedy = "resume from a copy of it, or begin anew in another folder"
        with files.reading(path, FORMAT, "the state of a training of ogcm", remedy) as f:
            if f.attrs["settings"] != json.dumps(asdict(self.settings)):
                raise FileError(f"{path}: was made with other settings; use those, or begin in another folder")
            learned = {name: f[f"learned/{name}"][()] for name in self.learner.arrays}
            for name, a in learned.items():
                if not np.isfinite(a).all():
                    raise FileError(f"{path}: learned/{name} holds numbers that are not finite; {remedy}")
            self.rng.bit_generator.state = json.loads(f.attrs["generator"])
            self.best, self.waited = float(f.attrs["best"]), int(f.attrs["waited"])
            self.skipped = int(f.attrs["skipped"])
            self.log = [Iteration(int(n), int(m), *rest) for n, m, *rest in f["log"][()].tolist()]
            self.optimizer = self.new_optimizer()
            self.optimizer.load(f["optimizer"], self.learner.arrays)
            for name, a in learned.items():
                self.learner.arrays[name][...] = a
        self.learner.put()


def train(
    learner: Learner,
    data: Records,
    settings: Settings,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **parts_and_provenance,
) -> Trainer:
    """Train what the learner holds; in the end its model has the best weights, those of best.h5.

    `resume` goes on with a training in `folder`, `overwrite` replaces it; `train`, `validation`, `provenance`, `device`
    as for `Trainer`. Raises InputError or FileError before the first run for what cannot be, and BlowUpError or
    InputError, naming the window, for a run that fails: the best weights so far are kept.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder}: is a file; give the training a folder")
    there = [name for name in ("last.h5", "best.h5", "log.csv", "curves.png") if (folder / name).exists()]
    if there and not (resume or overwrite):
        raise FileError(
            f"{folder}: holds a training; resume it (--resume), replace it (--overwrite) or choose another folder "
            f"({', '.join(there)} would be replaced)"
        )
    trainer = Trainer(learner, data, settings, folder, **parts_and_provenance)
    folder.mkdir(parents=True, exist_ok=True)
    initial = learner.model.state.copy()
    with Claim(folder / "training.lock"):
        if resume:
            trainer.resume()
        try:
            trainer.run(progress=progress)
        finally:
            learner.model.state.assign(initial)
    trained.load(folder / "best.h5", learner.model)
    return trainer


def draw_curves(log: Sequence[Iteration], path: str | Path) -> None:
    """Loss, validation loss and norm of the gradient against the iteration, lengths of the windows shaded."""
    figure = Picture(9, 6)
    above, below = figure.subplots(2, 1, sharex=True)
    number = [line.iteration for line in log]
    above.semilogy(number, [line.loss for line in log], lw=0.8, color="C0", label="batch")
    seen = [line for line in log if np.isfinite(line.validation)]
    above.semilogy([s.iteration for s in seen], [s.validation for s in seen], "o-", color="C1", label="validation")
    below.semilogy(number, [line.gradient for line in log], lw=0.8, color="C2")
    for n, line in enumerate(log):
        if n == 0 or log[n - 1].records != line.records:
            for axes in (above, below):
                axes.axvline(line.iteration, color="0.6", lw=0.8)
            length = f"{line.records} records" if line.records else "instants"
            above.text(line.iteration, 1.01, length, transform=above.get_xaxis_transform(), size=8)
    above.set(ylabel="normalised mean square error")
    below.set(ylabel="norm of the gradient", xlabel="iteration")
    above.legend()
    for axes in (above, below):
        axes.grid(alpha=0.3)
    save(figure, path)
