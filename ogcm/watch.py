"""Checks during a run: Courant numbers, the last good state, and the message if the run blows up."""

import copy
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from ogcm import stability
from ogcm.constants import DAY
from ogcm.device import to_device
from ogcm.errors import BlowUpError, FileError
from ogcm.model import Model
from ogcm.restart import save_restart
from ogcm.slow_physics import viscosity
from ogcm.stability import LARGEST_CFL
from ogcm.stepper import Stepper

CHECK = 20  # steps between two checks


class Watch:
    """Checks the state of a run every CHECK steps, and keeps the last state from which a run can start.

    Parameters
    ----------
    stepper : Stepper
        The stepper of the run; its model may be on a GPU.
    model : Model
        The model on the host.
    restart_file : Path
        File for the last good state of a run that fails.
    """

    def __init__(self, stepper: Stepper, model: Model, restart_file: Path) -> None:
        self.stepper, self.model, self.restart_file = stepper, model, restart_file
        self.running = stepper.model  # on a GPU the mirror of the model
        self.good = self.running.state.copy()
        self.good_cfl = stability.advective_courant_number(self.running)
        self.viscosity_excess = 0.0  # a flow-dependent viscosity divided by the largest stable one
        self.stable_viscosity = None
        if model.numerics.viscosity != "constant" and model.numerics.friction != "none":
            self.stable_viscosity = to_device(stability.stable_mixing(model)["nu_h"], self.running.device)
            self.check_viscosity(self.stable_viscosity)

    def check(self) -> float:
        """Check the present state, keep it if it is good, and return its Courant number.

        Raises BlowUpError, with the last good state saved, if the state is not finite or too fast for the time step.
        """
        state, W = self.running.state, stability.upward_transports(self.running)
        with np.errstate(all="ignore"):
            vertical = stability.vertical_courant_number(self.running, W)
            cfl = max(vertical, stability.advective_courant_number(self.running))
            bad = stability.first_invalid(state, self.running)
        if bad is not None or not cfl < 2 * LARGEST_CFL:
            self.blow_up(bad or stability.fastest(self.running, W), cfl)
        if cfl <= LARGEST_CFL:  # so that the state kept is one that a run can start from
            self.good.assign(state)
            self.good_cfl = cfl
        if self.stable_viscosity is not None:
            self.check_viscosity(self.stable_viscosity)
        return cfl

    def check_viscosity(self, most: np.ndarray) -> None:
        """Warn once in a run if a flow-dependent viscosity is too strong for the time step."""
        numerics, state, before = self.model.numerics, self.running.state, self.viscosity_excess
        nu = viscosity(self.running, state, self.stepper.slow.nu)
        self.viscosity_excess = stability.viscosity_excess(self.running, nu, most)
        if self.viscosity_excess > 1 >= before:
            warnings.warn(
                f"{numerics.viscosity}: on day {state.time / DAY:.4g} the viscosity is {self.viscosity_excess:.2g} "
                f"times the largest stable one for dt = {numerics.dt:g} s; waves may grow. Use a shorter step or a "
                f"smaller {numerics.viscosity}",
                stacklevel=2,
            )

    def blow_up(self, bad: tuple[str, tuple, float], cfl: float) -> None:
        """Save the last good state and raise BlowUpError, which names the place, the day and a remedy."""
        state, horizontal, last = self.running.state, self.model.horizontal.undivided, copy.copy(self.model)
        last.state, saved = self.good.to("cpu"), self.rescue()
        name, index, value = bad
        field, (y_name, x_name) = self.model.fields[name], horizontal.names
        y = (horizontal.y_f if field.point == "V" else horizontal.y_t)[index[-2]]
        x = (horizontal.x_f if field.point == "U" else horizontal.x_t)[index[-1]]
        axes = "k, j, i" if len(index) == 3 else "j, i"
        raise BlowUpError(
            f"{name} is {value:g} {field.units} at ({axes}) = {tuple(int(m) for m in index)}, {y_name} {y:g}, "
            f"{x_name} {x:g} {horizontal.units}, on day {state.time / DAY:.4g} (step {state.step}, CFL {cfl:.2g})"
            f"{saved}, with CFL {self.good_cfl:.2g}. {stability.advice(last, name, self.viscosity_excess)}"
        )

    def rescue(self) -> str:
        """Save the last good state after a failure, if possible, and return a note of where it is."""
        with suppress(FileError):
            save_restart(self.restart_file, self.model, self.good)
            return f"; the state of day {self.good.time / DAY:.4g} is in {self.restart_file}"
        return "; no restart could be written"
