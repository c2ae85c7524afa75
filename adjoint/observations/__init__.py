"""Observations as they come: from files of many kinds or from a twin experiment, checked, thinned and counted.

    points = read("profiles.nc", model, errors={"T": 0.3, "S": 0.05})
    points, report = quality_control(points + read("tracks.nc", model, errors=0.03), simulation)
    print(report)
    found = adjoint.assimilate(misfit(points, model), simulation, estimates)

A data set is a list of `Points`, of which each holds observations of one field. The page "Observations" of the
documentation has an example of each format and of each step; `adjoint.observations.reading` lists the formats.
"""

from adjoint.observations.equivalents import first_guess
from adjoint.observations.points import Points, misfit
from adjoint.observations.quality import (
    background_check,
    in_box,
    in_run,
    in_water,
    of_platforms,
    over_deep_water,
    quality_control,
    select,
    thinned,
    with_errors,
    with_offsets,
)
from adjoint.observations.reading import read
from adjoint.observations.report import Report
from adjoint.observations.super_observations import super_observations
from adjoint.observations.twin import resampled, synthetic
from adjoint.observations.writing import write

__all__ = [
    "Points",
    "Report",
    "background_check",
    "first_guess",
    "in_box",
    "in_run",
    "in_water",
    "misfit",
    "of_platforms",
    "over_deep_water",
    "quality_control",
    "read",
    "resampled",
    "select",
    "super_observations",
    "synthetic",
    "thinned",
    "with_errors",
    "with_offsets",
    "write",
]
