"""Observations that were not assimilated, beside several runs: which of them count, and their residuals.

    y = {name: model_equivalents(points, run) for name, run in runs.items()}
    found = verify(points, y, model, report, background={"T": 1.0}, limit=4.0)
    found.points, found.residuals["analysis"]

The same observations count for all runs. Those that contradict the first of the runs are gross errors and rejected
(`adjoint.observations.background_check`). By convention the first one is the free run, which never saw an observation,
so that the choice is the same for all assimilations of a case. It favours the free run, if any. The unknown offset of a
group is removed from what is left, for each run by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.observations import Points, Report, background_check, select
from adjoint.observations.equivalents import residuals_of
from adjoint.observations.quality import LIMIT
from ogcm.model import Model

Array = np.ndarray


class Verification(NamedTuple):
    """Observations beside several runs.

    Attributes
    ----------
    points : list of Points
        The observations that count.
    residuals : dict of str to list of ndarray
        Model minus observation for each of these, by the names of the runs [units of each field].
    report : Report
        How many were given and rejected, and why.
    """

    points: list[Points]
    residuals: dict[str, list[Array]]
    report: Report


def verify(
    points: Sequence[Points],
    equivalents: Mapping[str, Sequence[Array]],
    model: Model,
    report: Report,
    *,
    background: Mapping[str, float] | None = None,
    limit: float = LIMIT,
) -> Verification:
    """Compare several runs with the observations that the first of them does not contradict.

    Parameters
    ----------
    points : sequence of Points
        The observations, in the runs and in the water.
    equivalents : mapping of str to sequence of ndarray
        What the runs have in their place (`adjoint.observations.equivalents`), by the names of the runs.
    model : Model
        The model.
    report : Report
        Receives how many are rejected.
    background : mapping of str to float, optional
        Standard errors of the first run by field; by default nothing is rejected.
    limit : float
        Largest residual in standard deviations.

    Returns
    -------
    Verification
        The observations that count, and their residuals.

    Raises
    ------
    InputError
        For a limit that is not positive, or a negative error.
    """
    good = [np.ones(len(p.x), bool) for p in points]
    if background and points:
        first = next(iter(equivalents.values()))
        good = background_check(points, residuals_of(points, first, model), background, limit)
        report.keep(points, good, "background")
    chosen = select(points, good)

    def residuals(found: Sequence[Array]) -> list[Array]:
        return residuals_of(chosen, [y[g] for y, g in zip(found, good, strict=True) if g.any()], model)

    return Verification(chosen, {name: residuals(found) for name, found in equivalents.items()}, report)


def check_of(quality: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options of `quality_control` that `verify` has as well."""
    return {name: quality[name] for name in ("background", "limit") if name in quality}
