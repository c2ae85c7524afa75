"""The impact of observations on a scalar of a forecast, by field and platform and one by one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adjoint.assimilation import Assimilated
from adjoint.observation_impact import Impact
from adjoint.observations import Points
from ogcm import files

Array = np.ndarray


def impact_table(found: Assimilated, impact: Impact, points: Sequence[Points], units: str) -> str:
    """Return the sums of the impacts by field and platform, and the derivative in units of the standard errors.

    Parameters
    ----------
    found : Assimilated
        The result of the assimilation.
    impact : Impact
        The impacts.
    points : sequence of Points
        The observations of its loss, in their order.
    units : str
        Units of the scalar.

    Returns
    -------
    str
        A table.
    """
    lines = [f"{'field':6} {'platform':30} {'number':>8} {'impact':>12} {'rms derivative':>16}   [{units}]"]
    total = 0.0
    for p, misfit, slopes, parts in zip(points, found.misfits, impact.sensitivities, impact.impacts, strict=True):
        platform = p.whole().select(misfit.loss.kept).platform
        for name in np.unique(platform):
            own = platform == name
            size = np.sqrt(np.mean((slopes * misfit.loss.errors)[own] ** 2))
            lines.append(f"{p.field:6} {name:30} {own.sum():8} {parts[own].sum():12.4g} {size:16.4g}")
        total += parts.sum()
    return "\n".join([*lines, f"{'all':37} {sum(map(len, impact.impacts)):8} {total:12.4g}"])


def write_impact(path: str | Path, found: Assimilated, impact: Impact, points: Sequence[Points]) -> None:
    """Write the impact of each observation as a table of text.

    Parameters
    ----------
    path : str or Path
        File to write (CSV).
    found : Assimilated
        The result of the assimilation.
    impact : Impact
        The impacts.
    points : sequence of Points
        The observations of its loss, in their order.

    Raises
    ------
    FileError
        Where it cannot be written.
    """
    lines: list[list] = [["field", "platform", "x", "y", "z", "days", "value", "error", "derivative", "impact"]]
    for p, misfit, slopes, parts in zip(points, found.misfits, impact.sensitivities, impact.impacts, strict=True):
        seen = p.whole().select(misfit.loss.kept)
        columns = seen.platform, seen.x, seen.y, seen.z, seen.days, seen.values, seen.errors, slopes, parts
        lines += [[p.field, *row] for row in zip(*columns, strict=True)]
    files.write_table(path, lines, "the impacts")
