"""The evaluations of a minimisation, and the vectors of inner loops, in a file from which it continues."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from adjoint.lanczos import Lanczos
from ogcm import files
from ogcm.errors import FileError
from ogcm.names import check_folder

Array = np.ndarray
FORMAT = "ogcm assimilation 3"
REMEDY = "choose another history, or delete it to begin anew"
LANCZOS = "b", "vectors", "diagonal", "side"  # what a file has of an inner loop
SAME = 1e-9  # relative difference up to which two costs are the same


class Evaluation(NamedTuple):
    """The cost J at z (n,), its two terms, its gradient (n,), and the residuals of all observations (m,).

    The terms and residuals are nan where the run blew up.
    """

    z: Array
    cost: float
    observations: float
    background: float
    gradient: Array
    residuals: Array


class Iteration(NamedTuple):
    """The minimisation after an iteration; the first entry is the first guess.

    Attributes
    ----------
    cost : float
        The cost J.
    observations, background : float
        Its two terms.
    gradient : float
        Norm of the gradient with respect to z, without components that push against a bound.
    evaluations : int
        Number of runs forward and backward so far.
    loop : int
        For an iteration of an inner loop its number, from 1: the cost is the linearised one. 0 for the cost of a run.
    """

    cost: float
    observations: float
    background: float
    gradient: float
    evaluations: int
    loop: int = 0


class History:
    """All evaluations of a minimisation, in memory and, where a path is given, in an HDF5 file.

    The minimisation is deterministic: when it continues, the saved evaluations are returned in their order without a
    run, inner loops continue from their saved vectors, and it ends with the same bits as an uninterrupted one. Only the
    first evaluation is computed again, to check that the problem is the same. `identity` describes the problem. Raises
    FileError for a file that is damaged or of another problem, and for a folder that cannot be written.
    """

    def __init__(self, path: str | Path | None, identity: dict[str, str]) -> None:
        self.path, self.identity = None if path is None else Path(path), identity
        self.evaluations: list[Evaluation] = []
        self.loops: list[Lanczos] = []
        if self.path is None:
            return
        check_folder(self.path)
        if self.path.exists():
            self.load(self.path)

    def load(self, path: Path) -> None:
        """Read the file; raise FileError where it belongs to another problem."""
        with files.read_hdf5(path, FORMAT, "a history of ogcm's assimilation", REMEDY) as f:
            for name in self.identity | dict(f["identity"].attrs):
                here, there = self.identity.get(name), f["identity"].attrs.get(name)
                if here != there:
                    raise FileError(f"{path}: belongs to another problem: {name} was {there}, is {here}; {REMEDY}")
            columns = [f[name][()] for name in Evaluation._fields]
            loops = [f[f"loop {n + 1}"] for n in range(f.attrs["loops"])]
            self.loops = [Lanczos(*(loop[name][()] for name in LANCZOS)) for loop in loops]
        rows = zip(*columns, strict=True)
        self.evaluations = [
            Evaluation(z, float(J), float(seen), float(near), *rest) for z, J, seen, near, *rest in rows
        ]

    def check(self, first: Evaluation) -> None:
        """Raise FileError unless the first evaluation of this problem is the saved one."""
        saved = self.evaluations[0]
        same = abs(first.cost - saved.cost) <= SAME * abs(saved.cost) + 1e-300
        if not (same and np.linalg.norm(first.gradient - saved.gradient) <= 1e-6 * np.linalg.norm(saved.gradient)):
            raise FileError(
                f"{self.path}: belongs to another problem: the first guess cost {saved.cost:.12g}, here "
                f"{first.cost:.12g}, or its gradient differs; {REMEDY}"
            )

    def add(self, evaluation: Evaluation) -> None:
        """Append an evaluation and write the file."""
        self.evaluations.append(evaluation)
        self.write()

    def write(self) -> None:
        """Write the file, where there is one."""
        if self.path is None:
            return
        with files.write_hdf5(self.path, "the history") as f:
            for name, column in zip(Evaluation._fields, zip(*self.evaluations, strict=True), strict=True):
                f[name] = np.array(column)
            for n, loop in enumerate(self.loops):
                group = f.create_group(f"loop {n + 1}")
                for name in LANCZOS:
                    group[name] = np.array(getattr(loop, name))
            f.create_group("identity").attrs.update(self.identity)
            f.attrs.update(format=FORMAT, loops=len(self.loops))
