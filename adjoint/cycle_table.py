"""The misfits of cycles of assimilation to observations that were used and that were withheld, by window."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adjoint.cycles import Window
from adjoint.verification import Verification
from ogcm import files
from ogcm.plotting import Picture

Array = np.ndarray
RUNS = ("free", "first guess", "analysis")
UPPER = 300.0  # [m] depth to which temperature and salinity count in a line of their own


class CycleLine(NamedTuple):
    """The misfits of observations of one kind in one window.

    Attributes
    ----------
    window : int
        Number of the window.
    day : float
        Day on which it begins.
    kind : str
        The field, of layered ones also their part above 300 m; "withheld" or "used".
    number : int
        Number of the observations.
    rms : tuple of float
        Root mean square of model minus observation of the free run, the first guess and the analysis; nan where that of
        the free run is not known.
    """

    window: int
    day: float
    kind: str
    number: int
    rms: tuple[float, ...]


def lines_of(window: Window) -> list[CycleLine]:
    """Return the lines of a window."""
    lines = verified_lines(window.number, window.day, window.withheld, "withheld")
    for misfit in window.found.misfits:
        values = np.nan, rms(misfit.before), rms(misfit.after)
        kind = f"{misfit.loss.field} used"
        lines.append(CycleLine(window.number, window.day, kind, len(misfit.before), values))
    return lines


def verified_lines(number: int, day: float, found: Verification, word: str) -> list[CycleLine]:
    """Return the lines of observations that were not assimilated in a window.

    Parameters
    ----------
    number, day
        As in `CycleLine`.
    found : Verification
        The observations beside the runs of `RUNS`; a run may be absent.
    word : str
        Word for the observations in the column `kind`.

    Returns
    -------
    list of CycleLine
        The lines; the misfit of a run that is absent is nan.
    """
    lines = []
    for n, p in enumerate(found.points):
        whole = np.ones(len(p.x), bool)
        parts = {f"{p.field} {word}": whole}
        if p.field != "eta":
            parts[f"{p.field} {word}, 0 to {UPPER:g} m"] = -p.z <= UPPER
        for kind, chosen in parts.items():
            if chosen.any():
                known = {run: rms(residuals[n][chosen]) for run, residuals in found.residuals.items()}
                values = tuple(known.get(run, np.nan) for run in RUNS)
                lines.append(CycleLine(number, day, kind, int(chosen.sum()), values))
    return lines


def rms(a: Array) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(a**2)))


def together(lines: Sequence[CycleLine]) -> dict[str, tuple[int, tuple[float, ...]]]:
    """Return number and root mean square of all windows by kind; of what follows them only where there is no other."""
    found = {}
    for kind in dict.fromkeys(line.kind for line in lines):
        everything = [line for line in lines if line.kind == kind]
        own = [line for line in everything if not np.isnan(line.rms[-1])] or everything
        number = sum(line.number for line in own)
        squares = sum(line.number * np.square(line.rms) for line in own)
        found[kind] = number, tuple(np.sqrt(squares / number))
    return found


def cycle_table(lines: Sequence[CycleLine]) -> str:
    """Return a table of all windows together.

    Parameters
    ----------
    lines : sequence of CycleLine
        The lines of the windows.

    Returns
    -------
    str
        Root mean square misfits of the three runs by kind, and the skill of first guess and analysis: by how much
        their misfit is below that of the free run.
    """
    head = f"{'rms misfit':32} {'number':>8}" + "".join(f"{name:>14}" for name in (*RUNS, "skill", "skill"))
    under = f"{'':{41 + 14 * len(RUNS)}}" + "".join(f"{name:>14}" for name in RUNS[1:])
    rows = []
    for kind, (number, values) in together(lines).items():
        skills = ["" if np.isnan(value) else f"{value:.0%}" for value in skills_of(values)]
        numbers = "".join(f"{value:14.4g}" for value in values) + "".join(f"{text:>14}" for text in skills)
        rows.append(f"{kind:32} {number:8}{numbers}".rstrip())
    return "\n".join([head, under, *rows])


def skills_of(values: Sequence[float]) -> list[float]:
    """Return the skill of each run but the first, 1 - rms/rms of the first one: 0 for its rms, 1 for none."""
    return [1 - value / values[0] for value in values[1:]]


def write_cycles(path: str | Path, lines: Sequence[CycleLine]) -> None:
    """Write the lines as a table of text.

    Parameters
    ----------
    path : str or Path
        File to write (CSV).
    lines : sequence of CycleLine
        The lines.

    Raises
    ------
    FileError
        Where it cannot be written.
    """
    head = ["window", "day", "kind", "number", *RUNS]
    files.write_table(path, [head, *([*line[:4], *line.rms] for line in lines)], "the misfits of the cycles")


def draw_cycles(path: str | Path, lines: Sequence[CycleLine]) -> None:
    """Draw the misfits of the three runs by window.

    Parameters
    ----------
    path : str or Path
        Picture to write.
    lines : sequence of CycleLine
        The lines.
    """
    kinds = list(dict.fromkeys(line.kind for line in lines))
    picture = Picture(9, 2.4 * len(kinds))
    for ax, kind in zip(picture.subplots(len(kinds), 1, squeeze=False)[:, 0], kinds, strict=True):
        own = [line for line in lines if line.kind == kind]
        for n, (name, style) in enumerate(zip(RUNS, ("0.5", "C1", "C0"), strict=True)):
            ax.plot([line.day for line in own], [line.rms[n] for line in own], "o-", color=style, label=name)
        skills = zip(RUNS[1:], skills_of(together(own)[kind][1]), strict=True)
        text = ", ".join(f"skill of the {run} {skill:.0%}" for run, skill in skills if not np.isnan(skill))
        ax.set(title=f"{kind}   {text}", ylabel="rms misfit", xlabel="day on which the window begins")
        ax.set_ylim(bottom=0)
    picture.axes[0].legend(fontsize="x-small")
    picture.savefig(path, dpi=100)
