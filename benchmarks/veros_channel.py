"""The channel of benchmarks/peers.py in Veros: `python veros_channel.py CASE.npz DT STEPS LAUNCHED`.

Runs in the environment of Veros, without ogcm. CASE holds the ocean (see `channel` in peers.py), LAUNCHED is the time
of day [s] at which this process was started. Prints one line of JSON: seconds until the end of the first step, median
seconds of the later ones, and the mean square velocity at the end (null after a blow-up).
"""

import json
import statistics
import sys
import time

import numpy as np
from veros import VerosSetup, __version__, runtime_settings, veros_routine

runtime_settings.update(backend="jax", float_type="float64", loglevel="error", diskless_mode=True)

from veros.core.operators import at, update  # noqa: E402  (Veros fixes its backend when the core is imported)

case = dict(np.load(sys.argv[1]))
DT, STEPS, LAUNCHED = float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
INSIDE = slice(2, -2)


def columns(a: np.ndarray) -> np.ndarray:
    """[k, j, i] from the surface down becomes [i, j, k] from the bottom up."""
    return a[::-1].transpose(2, 1, 0)


class Channel(VerosSetup):
    """The channel as a setup of Veros."""

    @veros_routine
    def set_parameter(self, state):
        s = state.settings
        s.nz, s.ny, s.nx = case["T"].shape
        s.dt_mom = s.dt_tracer = DT
        s.enable_cyclic_x = True
        s.enable_streamfunction = False  # surface pressure with a free surface
        s.enable_conserve_energy = False  # without TKE, nothing receives the dissipation
        s.enable_hor_friction = s.enable_hor_diffusion = s.enable_implicit_vert_friction = True
        s.enable_bottom_friction = True
        s.A_h, s.K_h = float(case["nu_h"]), float(case["kappa_h"])
        s.kappaM_0, s.kappaH_0 = float(case["nu_v"]), float(case["kappa_v"])
        s.r_bot = float(case["drag"] / case["dz"][-1])

    @veros_routine
    def set_grid(self, state):
        vs = state.variables
        vs.dxt = update(vs.dxt, at[...], float(case["dx"]))
        vs.dyt = update(vs.dyt, at[...], float(case["dx"]))
        vs.dzt = update(vs.dzt, at[...], case["dz"][::-1])

    @veros_routine
    def set_coriolis(self, state):
        vs = state.variables
        vs.coriolis_t = update(vs.coriolis_t, at[:, INSIDE], case["f"])

    @veros_routine
    def set_topography(self, state):
        vs = state.variables
        vs.kbot = update(vs.kbot, at[...], 1)

    @veros_routine
    def set_initial_conditions(self, state):
        vs, grav = state.variables, state.settings.grav
        for name, field in {"temp": "T", "salt": "S", "u": "u", "v": "v"}.items():
            levels = update(getattr(vs, name), at[INSIDE, INSIDE], columns(case[field])[..., None])
            setattr(vs, name, levels)
        vs.psi = update(vs.psi, at[INSIDE, INSIDE], grav * case["eta"].T[..., None])
        vs.surface_taux = update(vs.surface_taux, at[:, INSIDE], case["tau_x"])

    @veros_routine
    def set_diagnostics(self, state):
        state.diagnostics.clear()

    @veros_routine
    def set_forcing(self, state):
        pass

    @veros_routine
    def after_timestep(self, state):
        pass


def main() -> None:
    """Run, time and report."""
    channel = Channel()
    channel.setup()
    seconds, energy = [], None
    try:
        for n in range(STEPS):
            began = time.perf_counter()
            channel.step(channel.state)  # ends with a test for NaN, so that it waits for the result
            seconds.append(time.perf_counter() - began)
            if n == 0:
                start = time.time() - LAUNCHED
        vs = channel.state.variables
        energy = float((vs.u[INSIDE, INSIDE, :, vs.tau] ** 2 + vs.v[INSIDE, INSIDE, :, vs.tau] ** 2).mean())
    except RuntimeError as error:
        if "diverged" not in str(error):
            raise
    report = {"version": __version__, "start": start, "step": statistics.median(seconds[1:]), "energy": energy}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
