"""MITgcm for `python -m benchmarks.peers`: the files that it reads, its run, and what it prints.

The case is that of its tutorial (verification/tutorial_baroclinic_gyre: parameters, a ring of land around the ocean,
tiles of 31 x 31 cells). It differs in three ways: the initial state is read from files, nothing is written, and with
`salt` salinity is a second tracer, which is constant and has no effect on the density.
"""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ogcm.constants import DAY, EARTH_RADIUS

TILE = 31  # cells
RESTORING = 30 * DAY  # time [s] in which the temperature of the first layer is restored
T_REF = (30, 27, 24, 21, 18, 15, 13, 11, 9, 7, 6, 5, 4, 3, 2)  # [degC], a profile whose density MITgcm subtracts

SIZE = """\
C     {n} x {n} cells in tiles of {tile} x {tile}, one process
      INTEGER sNx, sNy, OLx, OLy, nSx, nSy, nPx, nPy, Nx, Ny, Nr
      PARAMETER ( sNx = {tile}, sNy = {tile}, OLx = 2, OLy = 2,
     &            nSx = {tiles}, nSy = {tiles}, nPx = 1, nPy = 1,
     &            Nx = sNx*nSx*nPx, Ny = sNy*nSy*nPy, Nr = {nk} )
      INTEGER MAX_OLX, MAX_OLY
      PARAMETER ( MAX_OLX = OLx, MAX_OLY = OLy )
"""
DATA = """\
 &PARM01
 viscAh=5000.,
 viscAr=1.E-2,
 no_slip_sides=.TRUE.,
 no_slip_bottom=.FALSE.,
 diffKhT=1000.,
 diffKrT=1.E-5,
 diffKhS=1000.,
 diffKrS=1.E-5,
 ivdc_kappa=1.,
 implicitDiffusion=.TRUE.,
 eosType='LINEAR',
 tRef={t_ref},
 sRef={nk}*35.,
 tAlpha=2.E-4,
 sBeta=0.,
 rhoNil=999.8,
 gravity=9.81,
 rigidLid=.FALSE.,
 implicitFreeSurface=.TRUE.,
 exactConserv=.TRUE.,
 saltStepping=.{salt}.,
 readBinaryPrec=64,
 /
 &PARM02
 cg2dTargetResidual=1.E-7,
 cg2dMaxIters=1000,
 /
 &PARM03
 nIter0=0,
 nTimeSteps={steps},
 deltaT={dt:.1f},
 pChkptFreq=0.,
 chkptFreq=0.,
 dumpFreq=0.,
 dumpInitAndLast=.FALSE.,
 monitorFreq={duration:.1f},
 tauThetaClimRelax={restoring:.1f},
 /
 &PARM04
 usingSphericalPolarGrid=.TRUE.,
 rSphere={radius:.1f},
 delX={n}*{cell},
 delY={n}*{cell},
 xgOrigin=0.,
 ygOrigin={south},
 delR={dz},
 /
 &PARM05
 bathyFile='bathymetry.bin',
 hydrogThetaFile='theta.bin',
 uVelInitFile='u.bin',
 vVelInitFile='v.bin',
 pSurfInitFile='eta.bin',
 zonalWindFile='wind.bin',
 thetaClimFile='restoring.bin',
 /
"""


class Report(NamedTuple):
    """What a run of MITgcm tells.

    Attributes
    ----------
    energy : float or None
        Mean kinetic energy at the end [m2 s-2]; None if the run stopped before or if it is not finite.
    step : float
        Wall-clock time of a step [s], without the monitor and the output; not a number if the run stopped before.
    """

    energy: float | None
    step: float


def write_code(folder: Path, n: int, nk: int) -> None:
    """Write the files with which genmake2 configures MITgcm for n x n cells and nk layers.

    Parameters
    ----------
    folder : Path
        Folder, which is made.
    n, nk : int
        Number of cells along each side, a multiple of TILE, and of layers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SIZE.h").write_text(SIZE.format(n=n, tile=TILE, tiles=n // TILE, nk=nk))
    (folder / "packages.conf").write_text("gfd\n")


def write_input(
    folder: Path, case: dict[str, NDArray], state: dict[str, NDArray], dt: float, steps: int, *, salt: bool
) -> None:
    """Write the files that MITgcm reads: parameters as namelists, fields as big-endian float64.

    Parameters
    ----------
    folder : Path
        Folder of the run, which is made.
    case : dict of str to ndarray
        The ocean (`benchmarks.peers.gyre_case`).
    state : dict of str to ndarray
        Initial u, v, T, shape (nk, n, n), and eta, shape (n, n); u and v on the eastern and northern faces of cells.
    dt : float
        Time step [s].
    steps : int
        Number of steps.
    salt : bool
        Step salinity as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n, nk, edges = len(case["depth"]), len(case["dz"]), case["lat"]
    text = DATA.format(
        t_ref=", ".join(f"{t:.1f}" for t in T_REF),
        salt=str(salt).upper(),
        steps=steps,
        dt=dt,
        duration=steps * dt,
        restoring=RESTORING,
        radius=EARTH_RADIUS,
        n=n,
        nk=nk,
        cell=edges[1] - edges[0],
        south=edges[0],
        dz=", ".join(f"{h:.1f}" for h in case["dz"]),
    )
    (folder / "data").write_text(text)
    (folder / "data.pkg").write_text(" &PACKAGES\n /\n")
    (folder / "eedata").write_text(" &EEPARMS\n nTx=1,\n nTy=1,\n /\n")
    fields = {
        "bathymetry": -case["depth"],
        "wind": case["tau_x"],
        "restoring": case["T_star"],
        "theta": state["T"],
        "u": np.roll(state["u"], 1, axis=-1),  # MITgcm has velocities on the western and southern faces
        "v": np.roll(state["v"], 1, axis=-2),
        "eta": state["eta"],
    }
    for name, values in fields.items():
        np.ascontiguousarray(values, ">f8").tofile(folder / f"{name}.bin")


def run_mitgcm(executable: Path, folder: Path, n: int, steps: int) -> Report:
    """Run MITgcm in a folder with its input.

    Parameters
    ----------
    executable : Path
        The program mitgcmuv.
    folder : Path
        Folder with the files of `write_input`.
    n : int
        Number of cells along each side.
    steps : int
        Number of steps.

    Returns
    -------
    Report
        Energy and time.

    Raises
    ------
    SystemExit
        If the program was built for another size.
    """
    done = subprocess.run([executable.resolve()], cwd=folder, capture_output=True, text=True)
    own = folder / "STDOUT.0000"  # a program built with MPI prints there
    text = own.read_text() if own.exists() else done.stdout
    if not re.search(rf"\bnX\s*=\s*{n}\s*;", text):
        raise SystemExit(
            f"{executable}: not built for {n} x {n} cells, or it did not start:\n{text[-500:]}{done.stderr}"
        )
    return read_report(text, steps)


def read_report(text: str, steps: int) -> Report:
    """Read what MITgcm printed.

    Parameters
    ----------
    text : str
        Its standard output, or its file STDOUT.0000.
    steps : int
        Number of steps that it was to take.

    Returns
    -------
    Report
        Energy and time.
    """
    pattern = r'Seconds in section "(\w+) *\[\w+\]":.*?Wall clock time: *(\S+).*?No\. starts: *(\d+)'
    timers = {name: (float(wall), int(starts)) for name, wall, starts in re.findall(pattern, text, re.DOTALL)}
    if timers.get("FORWARD_STEP", (0.0, 0))[1] != steps:
        return Report(None, np.nan)
    others = sum(timers[name][0] for name in ("MONITOR", "DO_THE_MODEL_IO", "DO_WRITE_PICKUP") if name in timers)
    energy = float(re.findall(r"%MON ke_mean *= *(\S+)", text)[-1])
    return Report(energy if np.isfinite(energy) else None, (timers["FORWARD_STEP"][0] - others) / steps)
