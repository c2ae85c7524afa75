"""Scores of runs against observations: by field, platform, depth and day.

    table = score(points, {"without": background, "with": analysis}, days=12)
    print(table)

Each run is observed as an assimilation observes it (`adjoint.observation_loss`): between steps, in space, without the
unknown offsets of groups. Whether the observations were assimilated or withheld makes no difference here.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adjoint.observations import Points
from adjoint.run import evaluate
from ogcm import files
from ogcm.model import Model
from ogcm.simulation import Simulation

Array = np.ndarray
DEPTHS = (0.0, 50.0, 150.0, 300.0, 1000.0, 12000.0)  # [m] edges of the bands of depth


class Row(NamedTuple):
    """The scores of some observations.

    Attributes
    ----------
    field, group, part : str
        The field, and what the observations have in common: "all", or the name of a platform, a band of depth or a day.
    number : int
        Number of the observations.
    bias, rms, misfit : tuple of float
        For each run the mean and the root mean square of model minus observation [units of the field], and the sum of
        the squares in units of the standard errors.
    """

    field: str
    group: str
    part: str
    number: int
    bias: tuple[float, ...]
    rms: tuple[float, ...]
    misfit: tuple[float, ...]


class Scores(NamedTuple):
    """Scores of several runs; `print` shows a table.

    Attributes
    ----------
    runs : tuple of str
        Names of the runs.
    rows : tuple of Row
        The scores.
    """

    runs: tuple[str, ...]
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        heads = "".join(f" | {name:>21}" for name in self.runs)
        under = "".join(f" | {'bias':>10} {'rms':>10}" for _ in self.runs)
        wide = max(len(row.part) for row in self.rows)
        lines = [f"{'':{wide + 17}}{'number':>8}{heads}", f"{'':{wide + 25}}{under}"]
        for row in self.rows:
            numbers = "".join(f" | {bias:10.4f} {rms:10.4f}" for bias, rms in zip(row.bias, row.rms, strict=True))
            lines.append(f"{row.field:6} {row.group:9} {row.part:{wide}} {row.number:8}{numbers}")
        return "\n".join(lines)

    def row(self, field: str, group: str = "all", part: str = "") -> Row:
        """Return the row of a field, group and part.

        Parameters
        ----------
        field, group, part : str
            As in `Row`.

        Returns
        -------
        Row
            The scores.

        Raises
        ------
        KeyError
            Where there is none.
        """
        for row in self.rows:
            if row[:3] == (field, group, part):
                return row
        raise KeyError((field, group, part))

    def write(self, path: str | Path) -> None:
        """Write the scores as a table of text.

        Parameters
        ----------
        path : str or Path
            File to write (CSV).

        Raises
        ------
        FileError
            Where it cannot be written.
        """
        columns = [f"{what} {run}" for run in self.runs for what in ("bias", "rms", "misfit")]
        lines: list[list] = [["field", "group", "part", "number", *columns]]
        for row in self.rows:
            numbers = [x for three in zip(row.bias, row.rms, row.misfit, strict=True) for x in three]
            lines.append([*row[:4], *numbers])
        files.write_table(path, lines, "the scores")


def score(points: Sequence[Points], models: Mapping[str, Model], *, days: float, device: str = "cpu") -> Scores:
    """Run models and compare them with observations.

    Parameters
    ----------
    points : sequence of Points
        The observations, of times within the runs; those out of the water are dropped with a warning.
    models : mapping of str to Model
        Models at the beginning of the runs, by the names of the runs; they stay as they are.
    days : float
        Length of the runs [days].
    device : str, optional
        Where to run.

    Returns
    -------
    Scores
        The scores by field, platform, band of depth and day.

    Raises
    ------
    InputError
        For observations outside the runs.
    """
    found: dict[str, list[Array]] = {}
    for name, model in models.items():
        losses = [p.loss(model) for p in points]
        evaluate(reduce(add, losses), Simulation(model, days=days, progress=False, device=device))
        found[name] = [loss.residuals() for loss in losses]
        kept = [loss.kept for loss in losses]
    return scores_of([p.whole().select(k) for p, k in zip(points, kept, strict=True)], found)


def scores_of(points: Sequence[Points], residuals: Mapping[str, Sequence[Array]]) -> Scores:
    """Compute the scores of runs that have been observed.

    Parameters
    ----------
    points : sequence of Points
        The observations.
    residuals : mapping of str to sequence of ndarray
        Model minus observation for each of these, by the names of the runs [units of each field].

    Returns
    -------
    Scores
        The scores by field, platform, band of depth and day.
    """
    rows = [
        scored(p.field, group, part, p.errors[chosen], [run[n][chosen] for run in residuals.values()])
        for n, p in enumerate(points)
        for group, part, chosen in parts(p)
    ]
    return Scores(tuple(residuals), tuple(rows))


def scored(field: str, group: str, part: str, errors: Array, residuals: Sequence[Array]) -> Row:
    """Return the scores of some observations from the residuals of each run."""
    bias = tuple(float(np.mean(r)) for r in residuals)
    rms = tuple(float(np.sqrt(np.mean(r**2))) for r in residuals)
    return Row(field, group, part, len(errors), bias, rms, tuple(float(np.sum((r / errors) ** 2)) for r in residuals))


def parts(p: Points) -> Iterator[tuple[str, str, Array]]:
    """Yield group, part and numbers of the observations for which there are scores."""
    everything = np.arange(len(p.x))
    yield "all", "", everything
    names = np.unique(p.platform)
    if 1 < len(names) <= 12:
        for name in names:
            yield "platform", str(name), np.flatnonzero(p.platform == name)
    if p.field != "eta":
        for top, bottom in pairwise(DEPTHS):
            within = np.flatnonzero((-p.z >= top) & (-p.z < bottom))
            if len(within):
                yield "depth", f"{top:g} to {bottom:g} m", within
    day = np.floor(p.days).astype(int)
    for number in np.unique(day):
        yield "day", f"{number:4d}", np.flatnonzero(day == number)
