"""The benchmark scripts run, and their tables have the expected rows."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ogcm
from benchmarks import forward, ogcm_channel, peers
from ogcm.grid import interior


def test_integrators_quick():
    """Every integrator has a row, and the Runge-Kutta schemes are stable with longer steps than ab2."""
    command = [sys.executable, "-m", "benchmarks.integrators", "--quick"]
    cwd = Path(peers.__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=True)
    table = done.stdout.split("at an error of")[1]
    longest = {row.split()[1]: float(row.split()[2]) for row in table.splitlines()[2:]}
    assert set(longest) == {"euler", "ab2", "rk3", "rk4"}
    assert longest["rk3"] > longest["ab2"]


def test_bytes_of_a_step(capsys):
    """The bytes that a step moves at least are those of its fields with layers; a line of the table has them."""
    stepper = ogcm.Stepper(forward.model(12, 12, 4, "float64"))
    first, second, _ = forward.stage_arrays(stepper)
    # h and masks of the four points and z; u, v, T, S; D_u, D_v, nu_v (5 interfaces on 4 layers); u_star, v_star
    momentum = 8 * (5 + 4 + 2 + 5 / 4 + 2) + 4
    assert forward.sweep_bytes(stepper.momentum, stepper.model.grid, first) == 12 * 12 * 4 * momentum
    later = 12 * 12 * 4 * (momentum + 16)  # u and v of the stage before, and those of the beginning of the step
    assert forward.sweep_bytes(stepper.momentum, stepper.model.grid, second) == later
    forward.print_step((12, 12, 4), "upwind3", "float64", {1: 1e9}, repeats=1)
    row = capsys.readouterr().out.split()
    assert int(row[11]) == forward.step_bytes(stepper) / (12 * 12 * 4)


def test_longest_step():
    """The longest step is the last before the first whose energy differs too much."""
    energies = {1.0: 2.0, 2.0: 2.1, 3.0: 2.05, 4.0: None, 5.0: 2.0}
    assert peers.longest_step(energies.get, list(energies)) == 3.0
    assert peers.longest_step({1.0: 2.0, 2.0: 3.0}.get, [1.0, 2.0]) == 1.0


def test_channel_is_balanced():
    """The initial front is in balance: its energy changes little in 6 hours."""
    model = ogcm_channel.model(peers.channel(16, 40, 8), dt=900.0)

    def energy():
        return float((interior(model.state.u) ** 2 + interior(model.state.v) ** 2).mean())

    before, stepper = energy(), ogcm.Stepper(model)
    for _ in range(24):
        stepper.step()
    assert energy() == pytest.approx(before, rel=0.2)
    assert np.isfinite(model.state.T).all()


@pytest.mark.skipif(importlib.util.find_spec("veros") is None, reason="Veros is not installed here")
def test_veros_channel(tmp_path):
    """Veros reads the same file and prints a report of the same form."""
    np.savez(tmp_path / "case.npz", **peers.channel(16, 24, 4))
    report = peers.run([sys.executable, str(peers.HERE / "veros_channel.py")], tmp_path / "case.npz", 600.0, 3)
    assert report["energy"] > 0


def test_learning_quick():
    """The table has a line for each precision of the network."""
    command = [sys.executable, "-m", "benchmarks.learning", "--quick"]
    cwd = Path(peers.__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=True)
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("12 x 12 x 4")]
    assert [row[5] for row in rows] == ["float64", "float32"]
    assert all(len(row) == 21 for row in rows)
