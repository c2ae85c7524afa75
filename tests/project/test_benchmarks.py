"""The benchmark scripts run, and their tables have the expected rows."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import ogcm
from benchmarks import background, forward, global_1deg, mediterranean, mitgcm, ogcm_channel, peers, upwinding
from ogcm.astronomy import tidal_arguments
from ogcm.constants import GRAVITY
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


def test_costs_of_correlations():
    """A line of the table has the sizes, and a variance of 1."""
    row = background.row("small", (14, 12, 4), 3e4, 5e4, 30.0).split()
    assert row[0] == "small"
    assert float(row[-1]) < 0.01


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


def test_reference_energy_of_the_overflow(capsys):
    """That of stratified water is its potential energy, and water that flows down a slope mixes."""
    model = upwinding.overflow(0.01, cells=20, layers=20)
    model.set(T=lambda x, y, z: 20 + z / 100 + 0 * x)
    z = -100.0 * (np.arange(20) + 0.5)
    mass = ogcm.diagnostics.potential_density(model) * ogcm.diagnostics.cell_volume(model)
    energy = GRAVITY * np.nansum(mass * z[:, None, None])
    assert upwinding.reference_potential_energy(model) == pytest.approx(energy, rel=1e-12)
    upwinding.print_overflow("small", 1, {1}, nu_h=100.0, momentum_upwinding="all", cells=40, layers=20)
    hour = capsys.readouterr().out.splitlines()[0].split()
    assert float(hour[2]) > 0.5
    assert float(hour[-1]) > 0


def test_tables_of_the_global_ocean(tmp_path, capsys):
    """Of an ocean with two continents, half a kelvin too warm, with the transports that its currents have."""
    grid = ogcm.spherical(lon=np.linspace(20, 380, 73), lat=np.linspace(-80, 80, 33))
    depth = np.full(grid.shape, 4000.0)
    for lon, lat in ((292, (-55, 80)), (25, (-35, 80)), (112, (-5, 80)), (117, (-80, -20))):
        depth[(grid.y_t > lat[0]) & (grid.y_t < lat[1]), np.argmin(abs(grid.x_t - lon))] = 0.0
    options = {"dz": [100.0, 900.0, 3000.0], "S": 35.0, "dt": 3600.0, "isoneutral": "gerdes", "diffusion": "none"}
    model = ogcm.Model(grid, depth=depth, T=10.5, forcing=ogcm.Forcing(T_star=10.0, rate_T=1e-12), **options)
    file, picture = tmp_path / "run.nc", tmp_path / "run.png"
    ogcm.Simulation(model.copy(), days=1 / 6, every=1 / 12, means=True, output=file, progress=False).run()
    with h5py.File(file, "r+") as run:
        run["u"][1, :, 2:5] = 0.1  # the three rows from 70 to 55 S
        run["time_bounds"][...] = [[0, 30], [60, 90]]
        global_1deg.compare(model, run, str(picture))
    rows = {line[:42].strip(): line[42:].split() for line in capsys.readouterr().out.splitlines() if len(line) > 42}
    expected = 0.1 * 4000 * 3 * interior(model.grid.dy_u)[0, 0] / 1e6
    assert [float(n) for n in rows["Drake Passage [Sv]"][:3]] == pytest.approx([0, expected, expected / 2], abs=0.06)
    assert rows["bias of the surface [K]"] == ["0.50", "0.50", "0.50"]
    assert rows["mean of the ocean since the start [K]"] == ["0.000"] * 3
    assert rows["Nordic Seas"][-1] == "4000"  # uniform water is mixed down to the sea floor
    assert picture.stat().st_size > 10_000


FAKE_MITGCM = """#!{python}
import re
import numpy as np

given = dict(re.findall(r"(\\w+)=(.*),\\n", open("data").read()))
n, steps, dt = 8, int(given["nTimeSteps"]), float(given["deltaT"])
assert given["delX"] == given["delY"] == "8*7.75" and given["ygOrigin"] == "14.0" and given["sRef"] == "15*35."
assert float(given["monitorFreq"]) == steps * dt and given["readBinaryPrec"] == "64"
assert len(given["delR"].split(",")) == len(given["tRef"].split(",")) == 15
read = lambda name, *shape: np.fromfile(given[name].strip("'"), ">f8").reshape(*shape, n, n)
depth, theta, u = -read("bathyFile"), read("hydrogThetaFile", 15), read("uVelInitFile", 15)
assert depth[1:-1, 1:-1].min() == 1800 and depth[0].max() == depth[:, -1].max() == 0
assert 0 < theta[0, 1:-1, 1:-1].mean() < 30 and np.abs(u[:, :, 1]).max() == 0 < np.abs(u[:, 1:-1, 2]).max()
assert abs(read("zonalWindFile")).max() <= 0.1 and read("thetaClimFile")[1, 1] > read("thetaClimFile")[-2, 1]
for name in ("vVelInitFile", "pSurfInitFile"):
    assert np.isfinite(np.fromfile(given[name].strip("'"), ">f8")).all()

def section(name, wall, starts):
    for line in (f'  Seconds in section "{{name:20}}[FORWARD_STEP]":', "          User time:  0.",
                 "        System time:  0.", f"    Wall clock time:  {{wall}}", f"         No. starts: {{starts:10}}"):
        print("(PID.TID 0000.0001) " + line)

salt = given["saltStepping"] == ".TRUE."
energy = 1e-3 if dt < 5000 else 5e-3 if dt < 10000 else float("nan")
print("(PID.TID 0000.0001)       nX =    8 ; /* Total domain size in X ( = nPx*nSx*sNx ) */")
print("(PID.TID 0000.0001) %MON ke_mean                      =   1.0000000000000E+01")
print(f"(PID.TID 0000.0001) %MON ke_mean                      =   {{energy:.13E}}")
section("FORWARD_STEP", steps * (3e-3 if salt else 2e-3) + 1.5, steps)
section("EXTERNAL_FIELDS_LOAD", 0.1, steps)
section("MONITOR", 1.0, 1)
section("DO_THE_MODEL_IO", "5.0E-001", steps)
"""


def test_mitgcm_beside_ogcm(tmp_path, capsys):
    """A program that checks its input and prints as MITgcm does gets two rows, and ogcm is compared with both."""
    program = tmp_path / "mitgcmuv"
    program.write_text(FAKE_MITGCM.format(python=sys.executable))
    program.chmod(0o755)
    peers.compare_gyres(8, 0.5, 3600.0, (2400, 3600, 7200), program)
    temperature, salinity, ours, *ratios = capsys.readouterr().out.splitlines()
    assert temperature.split()[-4:-1] == ["2.00", "4.8e+05", "3600"]
    assert salinity.split()[-4:-1] == ["3.00", "3.2e+05", "3600"]
    assert [row.split()[:4] for row in ratios] == [
        ["ogcm", "/", "MITgcm,", "temperature"],
        ["ogcm", "/", "MITgcm,", "with"],
    ]
    step = float(ours.split()[-2]) / 3600
    assert float(ratios[0].split()[-1]) == pytest.approx(float(ratios[0].split()[-3]) * step, rel=0.05)
    with pytest.raises(SystemExit, match="not built for 62 x 62 cells"):
        mitgcm.run_mitgcm(program, tmp_path, 62, 1)


def test_mitgcm_that_stops_is_not_stable():
    """A run without its timers has ended before the last step."""
    assert mitgcm.read_report("%MON ke_mean = 1.0E-03\nABNORMAL END", 10).energy is None


def test_code_of_mitgcm(tmp_path):
    """The sizes are those of the domain, in tiles as in the tutorial."""
    mitgcm.write_code(tmp_path / "248", 248, 15)
    text = (tmp_path / "248/SIZE.h").read_text()
    assert all(f" {name} = {value}" in text for name, value in {"sNx": 31, "nSy": 8, "nPx": 1, "Nr": 15}.items())
    assert max(map(len, text.splitlines())) <= 72
    assert (tmp_path / "248/packages.conf").read_text() == "gfd\n"


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


def test_tables_of_the_mediterranean(tmp_path, capsys):
    """Of a sea that has the tide of its boundary, an exchange of 1 Sv more in than out, and altimeters 0.1 m apart."""
    grid = ogcm.spherical(lon=np.arange(-9, 12.1, 0.5), lat=np.arange(33, 45.1, 0.5))
    tide = ogcm.Tide(eta={"M2": (np.full(grid.shape, 0.5), np.full(grid.shape, 40.0))})
    depth = np.where((abs(grid.x_t + 5.5) < 0.6) & (abs(grid.y_t[:, None] - 35.9) > 0.3), 0.0, 400.0)
    model = ogcm.Model(grid, depth=depth, dz=[100.0, 300.0], open_sides=ogcm.OpenSides(west=True, tides=tide),
                       start="2021-01-01", dt=600.0, T=14.0, S=38.0)  # fmt: skip
    levels = mediterranean.Levels()
    levels.times = list(np.arange(1, 481) * 3600.0)
    f, argument = tidal_arguments(["M2"], model.start, np.array(levels.times))
    levels.maps = [np.full(grid.shape, m) for m in f[0] * 0.5 * np.cos(argument[0] - np.radians(40.0))]
    np.testing.assert_allclose(mediterranean.tide_errors(model, levels)[0], 0.5, atol=1e-6)
    assert "error 0.000 m, amplitude 0.500 m" in capsys.readouterr().out
    i, rows, areas = mediterranean.section(model)
    into = areas.sum(axis=1)[0]
    with h5py.File(tmp_path / "run.h5", "w") as run:
        run["time_bounds"] = np.array([[0.0, 10.0], [10.0, 20.0]])
        u = np.zeros((2, 2, *grid.shape))
        u[1, 0, rows, i], u[1, 1, rows, i] = 2e6 / into, -1e6 / areas.sum(axis=1)[1]
        run["u"] = u
        mediterranean.exchange(model, run)
    assert "inflow 2.00, outflow 1.00, net 1.000" in capsys.readouterr().out
    days, ones = np.linspace(10.5, 19.5, 50), np.ones(50)
    tide_there = levels.at(days, np.full(50, 14), np.full(50, 28))
    values = {"time": days, "lon": 5.25 * ones, "lat": 40.25 * ones, "sla": 0.1 * (-ones) ** np.arange(50),
              "mdt": 0 * ones, "dac": 0 * ones, "ocean_tide": tide_there, "sat": 3 * ones}  # fmt: skip
    with h5py.File(tmp_path / "tracks.h5", "w") as tracks:
        for name, a in values.items():
            tracks[name] = a
        mediterranean.sea_level_errors(model, levels, tracks, 20.0)
    row = next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("Jason-3"))
    assert row[1:4] == ["50", "0.100", "0.100"]
