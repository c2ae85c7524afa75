"""Forecasts of the real ocean by the physics alone: errors of the setups `papa` and `agulhas` beside persistence.

python -m benchmarks.observed papa FILE
python -m benchmarks.observed agulhas FILE
"""

import sys

import numpy as np

import ogcm
from nn.observed_data import EKMAN
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.setups.agulhas import Starts, agulhas, read_currents
from ogcm.setups.papa import DZ, forecast, observed, papa, read_record, set_windows

PAPA_DAYS = (1, 5, 10, 20, 30)
AGULHAS_DAYS = (1, 5, 10, 20)
LITERATURE = {"nu_richardson": 5e-3, "alpha_richardson": 5.0, "nu_v": 1e-4, "kappa_v": 1e-5}
CENTRES = np.cumsum(DZ) - 0.5 * np.array(DZ)
BANDS = {"surface": CENTRES < 2, "0-20 m": CENTRES < 20, "20-60 m": (CENTRES > 20) & (CENTRES < 60)}
BANDS |= {"60-150 m": (CENTRES > 60) & (CENTRES < 150), "150-300 m": CENTRES > 150}


def run_to(stepper: ogcm.Stepper, day: float) -> None:
    """Step the model until `day` days after its start."""
    while stepper.model.state.time < (day - 1e-6) * DAY:
        stepper.step()


def rms(a: np.ndarray, **where) -> float:
    """Root mean square; `where` is handed to `numpy.mean`."""
    return float(np.sqrt(np.mean(np.square(a), **where)))


def table(title: str, days: tuple[int, ...], rows: dict[str, list[float]]) -> None:
    """Print a line for each forecast with a column for each lead time [days]."""
    print(f"\n{title:44}" + "".join(f"{f'{d} d':>9}" for d in days))
    for name, values in rows.items():
        print(f"{name:44}" + "".join(f"{value:9.3f}" for value in values))


def papa_table(data: str) -> None:
    """Print the RMSE of temperature and salinity of forecasts that start every fifth day.

    Once for all starts of the year, and once for those after the months on which the parameters were tuned.
    """
    record = read_record(data)
    starts = np.arange(0, record.hours - 721, 120)
    late = starts >= 0.7 * record.hours
    persistence = {d: tuple(a - b for a, b in zip(*(observed(record, starts, h) for h in (0, 24 * d)), strict=True))
                   for d in PAPA_DAYS}  # fmt: skip
    errors = {"persistence": persistence}
    for name, parameters in {"Pacanowski and Philander": LITERATURE, "papa": {}}.items():
        model = papa(data=data, columns=len(starts), hours=720, parameters=parameters)
        set_windows(model, record, starts)
        stepper, found = ogcm.Stepper(model), {}
        for d in PAPA_DAYS:
            run_to(stepper, d)
            found[d] = tuple(a - b for a, b in zip(forecast(model), observed(record, starts, 24 * d), strict=True))
        errors[name] = found
    for which, chosen in {f"{len(starts)} starts": late | True, f"the last {late.sum()}": late}.items():
        for band, layers in BANDS.items():
            weights = np.array(DZ)[layers, None] / np.array(DZ)[layers].sum() * layers.sum()
            rows = {n: [rms(e[d][0][layers][:, chosen] * weights**0.5) for d in PAPA_DAYS] for n, e in errors.items()}
            table(f"T [K], {band}, {which}", PAPA_DAYS, rows)
        bias = {n: [float(e[d][0][0, chosen].mean()) for d in PAPA_DAYS] for n, e in errors.items()}
        table(f"surface bias [K], {which}", PAPA_DAYS, bias)
        seen = record.S_seen > 0
        table(
            f"S [g/kg], 1-200 m, {which}",
            PAPA_DAYS,
            {n: [rms(e[d][1][seen][:, chosen]) for d in PAPA_DAYS] for n, e in errors.items()},
        )


def agulhas_table(data: str, settings: dict[str, dict]) -> None:
    """Print the vector RMSE of currents at faces, of forecasts that start every third day.

    Once for the whole region, and once without the 3 cells at its sides.
    """
    currents = read_currents(data)
    nt = len(currents.u)
    n = np.arange(0, nt - max(AGULHAS_DAYS), 3)
    errors, carried = {}, {}
    for name, options in settings.items():
        model = agulhas(data=data, **options)
        starts, stepper = Starts(model, currents), ogcm.Stepper(model)
        if not errors:
            truth = np.array([starts.faces(u, v) for u, v in zip(currents.u, currents.v, strict=True)])
            flow = np.array([starts.flow(u, v) for u, v in zip(currents.u, currents.v, strict=True)])
            mean = truth.mean(0)
            errors["persistence"] = {d: truth[n] - truth[n + d] for d in AGULHAS_DAYS}
            errors["mean"] = {d: mean - truth[n + d] for d in AGULHAS_DAYS}
            for days in (15, 30):
                errors[f"persistence, damped in {days} days"] = {
                    d: mean + np.exp(-d / days) * (truth[n] - mean) - truth[n + d] for d in AGULHAS_DAYS
                }
            carried["persistence"] = {d: flow[n] - flow[n + d] for d in AGULHAS_DAYS}
        errors[name], carried[name] = ({d: [] for d in AGULHAS_DAYS} for _ in range(2))
        for start in n:
            starts.set(start)
            for d in AGULHAS_DAYS:
                run_to(stepper, d)
                state = starts.vector(interior(model.state.u)[0], interior(model.state.v)[0])
                rest = np.exp(-d * DAY / EKMAN) * (truth[start] - flow[start])
                errors[name][d].append(state + rest - truth[start + d])
                carried[name][d].append(state - flow[start + d])
    inner = np.zeros(starts.east.shape, bool)
    inner[3:-3, 3:-3] = True
    for region, where in {"the region": inner | True, "3 cells off the sides": inner}.items():
        keep, split = starts.vector(where, where), starts.east.sum()

        def vector_rms(e, keep=keep, split=split):
            e = np.asarray(e)
            return np.hypot(rms(e[:, :split][:, keep[:split]]), rms(e[:, split:][:, keep[split:]]))

        for what, of in {"currents": errors, "currents without divergence": carried}.items():
            rows = {name: [vector_rms(e[d]) for d in AGULHAS_DAYS] for name, e in of.items()}
            table(f"{what} [m/s], {region}", AGULHAS_DAYS, rows)


AGULHAS = {
    "agulhas": {},
    "free slip": {"walls": "free_slip"},
    "wave_speed 1.5": {"wave_speed": 1.5},
    "nu_h 3000": {"parameters": {"nu_h": 3000.0}},
}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("papa", "agulhas"):
        sys.exit(__doc__)
    papa_table(sys.argv[2]) if sys.argv[1] == "papa" else agulhas_table(sys.argv[2], AGULHAS)
