"""The headline experiment: forecasts of the physics, of a network, and of a network inside the stepper.

    python -m benchmarks.headline channel [--seeds 3] [--folder headline] [--quick]
    python -m benchmarks.headline papa [--years-of SURFACE]   # SURFACE: hourly fluxes and SST of other years
    python -m benchmarks.headline agulhas
    python -m benchmarks.headline channel --windows       # trained through windows of one day, several days, weeks
    python -m benchmarks.headline channel --years 10      # stability and conservation of five long runs

The files benchmarks/SYSTEM.toml define the trainings and their data, which must lie in the working directory. Seven
forecasts of the same held-out records are scored: persistence, climatology, the physics, the physics with learned
parameters, a pure network (the same network as the only tendency in the same stepper), the hybrid, and the hybrid with
learned parameters. Each training has a folder of its own and is not repeated when it is complete, so that the command
continues where it was stopped. Tables go to the screen and to FOLDER/SYSTEM/scores-LEAD.csv, with pictures beside them;
with several seeds, the score of a model is the root mean square over them.
"""

import argparse
import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.adjoint import median_times
from benchmarks.observed import rms, run_to
from nn import configuration, trained
from nn.configuration import Configuration
from nn.data_set import DataSet
from nn.drift import Drift
from nn.evaluation import evaluate
from nn.pictures import draw_scores, draw_spectra
from nn.records import Records
from nn.score_tables import table, write_csv
from nn.scores import ALL, Scores
from nn.training import train
from ogcm import files
from ogcm.constants import DAY
from ogcm.data import read_values
from ogcm.model import Model
from ogcm.setups.papa import HOUR, Record, forecast, read_record, set_windows
from ogcm.stepper import Stepper

HERE = Path(__file__).parent


class System(NamedTuple):
    """The scores of a system. `leads` [days] are in groups with starts of their own, more of them for short leads."""

    leads: tuple[tuple[int, ...], ...]
    starts: int  # at most so many in each group
    fields: tuple[str, ...]
    pure: tuple[str, ...]  # the outputs of the pure network


SYSTEMS = {
    "channel": System(
        ((1, 5, 10, 20), (120,)),
        20,
        ("current", "T", "eta", ALL),
        ("uv_tendency", "T_tendency", "eta_tendency"),
    ),
    "papa": System(((1, 5, 10, 30), (120,)), 6, ("T",), ("T_tendency", "S_tendency")),
    "agulhas": System(((1, 5, 10, 20),), 24, ("current",), ("uv_tendency",)),
}
STATES = 5  # from which the long runs begin, none of them used in the training
WINDOWS = {"windows of 1 day": 1, "windows of 5 days": 5, "windows of 20 days": 20}
LEARNED, PURE, HYBRID, BOTH = "physics, learned", "pure network", "hybrid", "hybrid, learned"


def variant(chosen: Configuration, name: str, system: System, seed: int = 0) -> Configuration:
    """The configuration of one of the models, derived from that of the file."""
    tables = copy.deepcopy(chosen.tables)
    if name in ("physics", LEARNED):
        tables["corrector"] = {}
    if name in ("physics", PURE, HYBRID):
        tables["learn"] = {}
    if name == LEARNED:  # a few numbers settle in a third of the iterations of a network, and fit no instants
        stages = tables["training"]["curriculum"]
        stages = [[records, -(-iterations // 3)] for records, iterations in stages if records]
        tables["training"]["curriculum"] = stages
    tables["training"]["rates"] = {n: r for n, r in tables["training"].get("rates", {}).items() if n in tables["learn"]}
    if name == PURE:
        tables["numerics"]["dynamics"] = "none"
        tables["corrector"]["outputs"] = list(system.pure)
        tables["corrector"].pop("scales", None)  # those of other outputs
    if tables["corrector"]:
        tables["corrector"]["seed"] = seed
    tables["training"]["seed"] = seed
    return Configuration(chosen.path, tables)


def train_once(chosen: Configuration, folder: Path) -> float:
    """Run or complete the training of a configuration; return the minutes that it took."""
    model = chosen.model()
    data, parts = chosen.data(model)
    trainable, resume = chosen.trainable(model, data, parts.train), (folder / "last.h5").exists()
    options = {"resume": resume, "train": parts.train, "validation": parts.validation}
    trainer = train(trainable, data, chosen.settings(), folder, **options)
    return sum(line.seconds for line in trainer.log) / 60


class Headline:
    """The trainings and the scores of one system in a folder."""

    def __init__(self, name: str, folder: Path, seeds: int, quick: bool) -> None:
        self.name, self.system, self.folder, self.seeds = name, SYSTEMS[name], folder / name, seeds
        self.chosen = configuration.read(HERE / f"{name}.toml")
        if quick:
            stages = self.chosen.tables["training"]["curriculum"]
            self.chosen.tables["training"]["curriculum"] = [[records, 2] for records, _ in stages[:2]]
            self.system = self.system._replace(leads=self.system.leads[:1], starts=2)
        self.folder.mkdir(parents=True, exist_ok=True)

    def place(self, name: str, seed: int) -> Path:
        """The folder of a training."""
        return self.folder / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"

    def train(self, names: Sequence[str], seeds: int | None = None) -> None:
        """Train the named models with the first `seeds` seeds (default: all)."""
        for seed in range(seeds or self.seeds):
            for name in names:
                chosen = variant(self.chosen, name, self.system, seed)
                minutes = train_once(chosen, self.place(name, seed))
                print(f"{name}, seed {seed}: trained in {minutes:.1f} min", flush=True)

    def models(self, lead: int) -> dict[str, Model]:
        """The physics and the trained models of all seeds, for forecasts of `lead` days."""
        found = {"physics": self.model("physics", lead)}
        for name in (LEARNED, PURE, HYBRID, BOTH, *WINDOWS):
            for seed in range(self.seeds):
                if (self.place(name, seed) / "best.h5").exists():
                    found[f"{name} {seed}"] = self.model(name, lead, self.place(name, seed))
        return found

    def model(self, name: str, lead: int, folder: Path | None = None) -> Model:
        """One of the models, with the weights and parameters in `folder`."""
        tables = variant(self.chosen, name, self.system).tables
        if self.name == "papa":
            tables["setup"]["hours"] = 24 * lead
        model = Configuration(self.chosen.path, tables).model()
        if folder is not None:
            trained.load(folder / "best.h5", model)
        return model

    def score(self) -> None:
        """Print, write and draw the scores of each group of leads."""
        for leads in self.system.leads:
            models = self.models(max(leads))
            data, parts = self.chosen.data(models["physics"])
            records = [round(lead * DAY / data.interval) for lead in leads]
            fields = self.chosen.settings().fields
            results = evaluate(models, data, parts, records, starts=self.system.starts, fields=fields)
            for field in self.system.fields:
                print(f"{table(results, field, leads)}\n\n{over_seeds(results, field)}\n", flush=True)
            if self.name == "papa":
                print(f"T of the uppermost layer\n{over_seeds(results, 'T', 0)}\n", flush=True)
            write_csv(self.folder / f"scores-{max(leads)}.csv", results)
            shown = {seedless(name): s for name, s in results.items() if name == seedless(name) or name.endswith(" 0")}
            draw_scores(shown, self.folder / f"scores-{max(leads)}.png")
            draw_spectra(shown, self.folder / f"spectra-{max(leads)}.png")

    def other_years(self, path: Path, every: int = 15 * 24) -> None:
        """Print the RMSE of SST in years without training data; forecasts start `every` so many hours (`papa`)."""
        leads = self.system.leads[0]
        record, possible = surface_record(read_record(self.chosen.tables["setup"]["data"]), path, leads)
        starts = np.flatnonzero(possible[::every]) * every
        truth = {lead: record.T[starts + 24 * lead, 0] for lead in leads}
        rows = {"persistence": [[rms(record.T[starts, 0] - truth[lead]) for lead in leads]]}
        self.chosen.tables["setup"]["columns"] = len(starts)
        for name, model in self.models(max(leads)).items():
            set_windows(model, record, starts)
            stepper, errors = Stepper(model), []
            for lead in leads:
                run_to(stepper, lead)
                errors.append(rms(forecast(model)[0][0] - truth[lead]))
            rows.setdefault(seedless(name), []).append(errors)
        print(f"SST of other years [K], {len(starts)} starts" + "".join(f"{f'{lead} d':>9}" for lead in leads))
        for name, found in rows.items():
            print(f"{name:36}" + "".join(f"{a:9.3f}" for a in np.sqrt(np.mean(np.square(found), axis=0))), flush=True)

    def windows(self) -> None:
        """Train the hybrid with learned parameters with windows of one length, for several lengths at the same cost."""
        curriculum = self.chosen.tables["training"]["curriculum"]
        work = sum(records * iterations for records, iterations in curriculum) / 3
        first = [stage for stage in curriculum if stage[0] == 0]
        for name, days in WINDOWS.items():
            self.chosen.tables["training"]["curriculum"] = [*first, [days, max(round(work / days), 1)]]
            self.train((name,), seeds=1)
        self.score()

    def costs(self) -> None:
        """Print the time of a step of the physics and of the hybrid, and of a day of the hybrid and of the fine run."""
        models = self.models(max(self.system.leads[0]))
        hybrid = models[f"{BOTH} 0"]
        data, parts = self.chosen.data(models["physics"])
        steppers = []
        for model in (models["physics"], hybrid):
            data.initialize(model, data.windows(parts.train, 1)[0])
            steppers.append(Stepper(model))
        plain, corrected = median_times([s.step for s in steppers], 50)
        print(f"a step: physics {1e3 * plain:.2f} ms, hybrid {1e3 * corrected:.2f} ms, ratio {corrected / plain:.2f}")
        if isinstance(data, DataSet):
            fine, coarse = float(data.attributes["wall_seconds_per_day"]), corrected * DAY / hybrid.numerics.dt
            print(f"a day: fine run {fine:.2f} s, hybrid {1e3 * coarse:.1f} ms: {fine / coarse:.0f} times faster")

    def years(self, years: float, closed: bool) -> None:
        """Write drift and errors of the climate in long runs of the physics and of the hybrid."""
        models = self.models(max(self.system.leads[0]))
        chosen = [f"{BOTH} 0"] if closed else ["physics", f"{BOTH} 0"]
        data, parts = self.chosen.data(models["physics"])
        climatology, deviation = moments_in_time(data, parts.train)
        heads = [f"{error} of {field}" for field in climatology for error in ("mean error", "deviation error")]
        rows = [("model", "record", "years", "finite", "largest speed", "heat", "salt", *heads)]
        for name in chosen:
            model = models[name]
            if closed:
                model.forcing.steady["rate_T"].fill(0)
            for start in np.linspace(parts.test.start, parts.test.stop - 1, STATES).astype(int):
                data.initialize(model, int(start))
                drift = Drift(model, model.state.copy(), climatology, deviation)
                for _ in long_run(model, years):
                    drift.add(model.state)
                    if not drift.finite:
                        break
                lived = (drift.days[-1] - data.times[start] / DAY) / 365 if drift.days else 0.0
                largest = [max(map(abs, drift.series[s]), default=np.nan) for s in ("speed", "heat", "salt")]
                errors = [
                    e(f)[-1] for f in climatology for e in (drift.mean_error, drift.deviation_error) if drift.days
                ]
                rows.append((name, int(start), round(lived, 2), drift.finite, *(f"{a:.3g}" for a in largest + errors)))
                print(*rows[-1], flush=True)
                files.write_table(self.folder / ("closed.csv" if closed else "years.csv"), rows)


def surface_record(year: Record, path: Path, leads: Sequence[int]) -> tuple[Record, np.ndarray]:
    """Records of years in which only the surface is observed, and the hours from which forecasts can be scored.

    The profile is that of the same hour of the `year` of the mooring (which begins on 20 March 2012), with the observed
    temperature and salinity in its mixed layer (within 0.2 K of the surface). A start needs SST at all leads and 95 %
    of all fluxes up to the last lead, and lies outside the year of the mooring.
    """
    f = {name: read_values(path, name) for name in ("time", "sst", "sss", "heat", "swr", "taux", "tauy", "pme")}
    hours, begun = f["time"], (datetime(2012, 3, 20) - datetime(2010, 1, 1)).total_seconds() / HOUR
    known = {name: np.isfinite(f[name]) for name in ("sst", "sss", "heat", "swr", "taux", "tauy", "pme")}
    filled = {name: np.interp(hours, hours[k], f[name][k]) for name, k in known.items()}
    same = np.round((hours - begun) % (365.2425 * 24)).astype(int) % year.hours
    mixed = np.abs(year.T[same] - year.T[same, :1]) < 0.2
    T, S = (a[same] + mixed * (filled[n] - a[same, 0])[:, None] for a, n in ((year.T, "sst"), (year.S, "sss")))
    fluxes = (filled[name] for name in ("taux", "tauy", "heat", "swr", "pme"))
    last, count = 24 * max(leads), len(hours)
    possible = np.zeros(count, bool)
    possible[: count - last - 1] = True
    for lead in (0, *leads):
        possible[: count - 24 * lead] &= known["sst"][24 * lead :]
    whole = np.concatenate([[0], np.cumsum(np.all([known[n] for n in ("heat", "swr", "taux", "tauy", "pme")], axis=0))])
    possible[:-last] &= whole[last:-1] - whole[: -last - 1] > 0.95 * last
    possible &= (hours < begun - last) | (hours > begun + year.hours)
    return Record(T, S, *((np.arange(T.shape[1]) == 0) * 1.0,) * 2, *fluxes), possible


def long_run(model: Model, years: float) -> Iterator[None]:
    """Step the model for so many years, and yield every ten days."""
    stepper, dt = Stepper(model), model.numerics.dt
    with np.errstate(all="ignore"):
        for n in range(1, round(years * 365 * DAY / dt) + 1):
            stepper.step()
            if n % round(10 * DAY / dt) == 0:
                yield


def moments_in_time(data: Records, part: range) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Mean and standard deviation in time at every point, of the fields that vary."""
    fields, count, sums, squares = list(data.scales(part)), len(part), {}, {}
    for n in part:
        for name, values in data.read(range(n, n + 1)).items():
            if name in fields:
                sums[name] = sums.get(name, 0.0) + values[0].astype(float) / count
                squares[name] = squares.get(name, 0.0) + values[0].astype(float) ** 2 / count
    return sums, {name: np.sqrt(np.maximum(squares[name] - sums[name] ** 2, 0)) for name in sums}


def seedless(name: str) -> str:
    """The name of a model without the number of its seed."""
    return name.rstrip("0123456789 ")


def over_seeds(results: Mapping[str, Scores], field: str, layer: int = -1) -> str:
    """Table of the RMSE of each model (root mean square over its seeds) and its difference to that of the physics.

    The number after +- is half the range of the seeds.
    """
    leads = next(iter(results.values())).leads
    lines = [f"{'model':20} {'seeds':>5}" + "".join(f"{f'{lead:g} d':>26}" for lead in leads)]
    physics = results["physics"].rmse(field)[:, layer]
    for name in dict.fromkeys(map(seedless, results)):
        found = np.array([s.rmse(field)[:, layer] for n, s in results.items() if seedless(n) == name])
        rms, spread = np.sqrt(np.mean(found**2, axis=0)), np.ptp(found, axis=0) / 2
        cells = [
            f"{r:.4g} +-{s:.1g} ({100 * (r / p - 1):+.0f} %)" for r, s, p in zip(rms, spread, physics, strict=True)
        ]
        lines.append(f"{name:20} {len(found):5}" + "".join(f"{cell:>26}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Train, score and print, as the options ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--folder", type=Path, default=Path("headline"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a few iterations and forecasts, to see that it works")
    parser.add_argument("--windows", action="store_true", help="train with windows of one length each, then score them")
    parser.add_argument("--years", type=float, help="only long runs of the trained models, of so many years")
    parser.add_argument("--years-of", type=Path, help="papa: only the SST of the other years in this file")
    parser.add_argument("--closed", action="store_true", help="long runs without heat through the surface")
    chosen = parser.parse_args()
    headline = Headline(chosen.system, chosen.folder, chosen.seeds, chosen.quick)
    if chosen.years:
        headline.years(chosen.years, chosen.closed)
    elif chosen.years_of:
        headline.other_years(chosen.years_of)
    elif chosen.windows:
        headline.windows()
    else:
        headline.train((LEARNED, PURE, HYBRID, BOTH))
        headline.score()
        headline.costs()


if __name__ == "__main__":
    main()
