"""The channel of benchmarks/peers.py in ogcm: `python -m benchmarks.ogcm_channel CASE.npz DT STEPS LAUNCHED`.

The counterpart of veros_channel.py: it takes the same arguments and prints the same line of JSON.
"""

import json
import statistics
import sys
import time

import numpy as np

import ogcm
from ogcm.constants import RHO0
from ogcm.grid import interior


def model(case: dict[str, np.ndarray], dt: float) -> ogcm.Model:
    """The channel with the only advection of tracers that Veros has for it: centred, of second order."""
    ny, nx = case["eta"].shape
    middle = 0.5 * (case["f"][0] + case["f"][-1])
    beta = (case["f"][-1] - case["f"][0]) / ((ny - 1) * case["dx"])
    return ogcm.Model(
        ogcm.cartesian(nx=nx, ny=ny, dx=float(case["dx"]), dy=float(case["dx"]), f0=middle, beta=beta, periodic_x=True),
        depth=case["dz"].sum(),
        dz=case["dz"],
        **{name: case[name] for name in ("T", "S", "u", "v", "eta")},
        forcing=ogcm.Forcing(tau_x=np.broadcast_to(case["tau_x"][:, None], (ny, nx))),
        parameters={name: float(case[name]) for name in ("nu_h", "kappa_h", "nu_v", "kappa_v")}
        | {"drag_linear": float(case["drag"]), "eos": [*RHO0 * case["eos"], 0, 0, 0, 0, 0]},
        advection="centred2",
        dt=dt,
    )


def main() -> None:
    """Run, time and report."""
    path, dt, steps, launched = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    stepper = ogcm.Stepper(model(dict(np.load(path)), dt))
    state, seconds, energy = stepper.model.state, [], 0.0
    for n in range(steps):
        began = time.perf_counter()
        stepper.step()
        seconds.append(time.perf_counter() - began)
        if n == 0:
            start = time.time() - launched
        energy = float((interior(state.u) ** 2 + interior(state.v) ** 2).mean())
        if not np.isfinite(energy):
            energy = None
            break
    report = {"version": ogcm.__version__, "start": start, "step": statistics.median(seconds[1:]), "energy": energy}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
